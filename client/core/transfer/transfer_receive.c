/* Incoming files: asked about, taken in order, checked. */
#include <string.h>

#include "transfer_internal.h"

/* Ends the file: tells the peer why, and the owner. */
static void entry_give_up(pl_transfer *t, pl_transfer_entry *e, uint8_t why) {
  pl_transfer_say_last(t, PL_CONST_FILE_STOP, e->file.id, why);
  pl_transfer_over(t, e, why, false);
}

/* ---- groups that the user wants ---- */

static int accepted_find(const pl_transfer *t, const uint8_t *group) {
  for (size_t i = 0; i < t->accepted_count; i++)
    if (memcmp(t->accepted[i], group, sizeof t->accepted[i]) == 0) return (int)i;
  return -1;
}

static void accepted_add(pl_transfer *t, const uint8_t *group) {
  if (accepted_find(t, group) >= 0) return;
  memcpy(t->accepted[t->accepted_next], group, sizeof t->accepted[0]);
  t->accepted_next = (t->accepted_next + 1) % PL_TRANSFER_ACCEPTED_MAX;
  if (t->accepted_count < PL_TRANSFER_ACCEPTED_MAX) t->accepted_count++;
}

void pl_transfer_unaccept(pl_transfer *t, const uint8_t *group) {
  int at = accepted_find(t, group);
  if (at >= 0) memset(t->accepted[at], 0, sizeof t->accepted[0]); /* no group has this id */
}

/* ---- offers ---- */

static void entry_prepare(pl_transfer *t, pl_transfer_entry *e) {
  t->asking--;
  e->file.state = PL_TRANSFER_PREPARING;
  pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_PREPARE, .file = &e->file});
}

static void offer_again(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_file *like) {
  bool same = like->flags == e->file.flags && (pl_transfer_is_stream(e) || like->size == e->file.size);
  if (!same) {
    entry_give_up(t, e, PL_CONST_FILE_DAMAGED); /* the id belongs to another file */
    return;
  }
  e->offer_due = false;
  if (e->file.state == PL_TRANSFER_MOVING) pl_transfer_say(t, e, PL_TRANSFER_SAY_GET);
}

static bool group_is_asked_about(const pl_transfer *t, const uint8_t *group) {
  if (t->asking == 0) return false;
  for (pl_node *n = t->files[0].next; n != &t->files[0]; n = n->next) {
    const pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
    if (e->file.state == PL_TRANSFER_ASKING && pl_transfer_in_group(e, group)) return true;
  }
  return false;
}

static void offer_new(pl_transfer *t, const pl_transfer_file *like) {
  bool first = !group_is_asked_about(t, like->group);
  bool wanted = pl_transfer_has_group(like->group) && accepted_find(t, like->group) >= 0;
  pl_transfer_entry *e = t->count[0] < PL_TRANSFER_FILES_MAX ? pl_transfer_entry_new(t, like) : NULL;
  if (!e && !t->starved) /* without memory it was not declined: the owner gets PL_ENOMEM */
    pl_transfer_say_last(t, PL_CONST_FILE_STOP, like->id, PL_CONST_FILE_DECLINED);
  else if (!e)
    return;
  else if (wanted)
    entry_prepare(t, e);
  else
    pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_OFFERED, .file = &e->file, .first = first});
}

/* A time comes right before its offer, so only the latest is kept. */
void pl_transfer_on_time(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_time m;
  if (pl_wire_file_time_decode(&m, message.data, message.size)) return;
  if (m.modified_ns == 0 || m.modified_ns > INT64_MAX) return;
  if (e) {
    e->file.modified_ns = m.modified_ns;
    return;
  }
  memcpy(t->time_id, m.id, sizeof t->time_id);
  t->time_ns = m.modified_ns;
}

/* Returns the time that was said of the file that is offered now, or 0. */
static uint64_t take_time(pl_transfer *t, const uint8_t *id) {
  uint64_t time_ns = memcmp(t->time_id, id, sizeof t->time_id) == 0 ? t->time_ns : 0;
  t->time_ns = 0;
  return time_ns;
}

void pl_transfer_on_offer(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_offer m;
  if (pl_wire_file_offer_decode(&m, message.data, message.size)) return;
  pl_transfer_file like = {.size = m.size, .group_files = m.group_files, .group_bytes = m.group_bytes};
  memcpy(like.id, m.id, sizeof like.id);
  memcpy(like.group, m.group, sizeof like.group);
  like.flags = m.flags & (PL_CONST_FILE_FLAG_STREAM | PL_CONST_FILE_FLAG_FOLDER);
  if (like.flags & PL_CONST_FILE_FLAG_FOLDER) like.flags = PL_CONST_FILE_FLAG_FOLDER;
  if (like.flags) like.size = 0;
  like.name = m.name;
  like.media_type = m.media_type;
  like.modified_ns = take_time(t, m.id);
  if (e)
    offer_again(t, e, &like);
  else if (like.size > INT64_MAX)
    pl_transfer_say_last(t, PL_CONST_FILE_STOP, m.id, PL_CONST_FILE_TOO_LARGE);
  else
    offer_new(t, &like);
}

int pl_transfer_accept(pl_transfer *t, const uint8_t *id) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, false, id);
  if (e && e->file.state != PL_TRANSFER_ASKING) return PL_ESTATE;
  if (e) {
    entry_prepare(t, e);
    return 0;
  }
  if (!pl_transfer_has_group(id)) return PL_EINVAL;
  accepted_add(t, id);
  for (pl_node *n = t->files[0].next; n != &t->files[0];) {
    e = PL_CONTAINER(n, pl_transfer_entry, node);
    n = n->next;
    if (e->file.state != PL_TRANSFER_ASKING || !pl_transfer_in_group(e, id)) continue;
    entry_prepare(t, e);
    n = t->files[0].next; /* the owner may have changed the list */
  }
  return 0;
}

/* ---- bytes ---- */

/* Asks for the missing bytes, once until bytes come in place again. */
static void entry_say_gap(pl_transfer *t, pl_transfer_entry *e) {
  if (e->gap_said) return;
  e->gap_said = true;
  pl_transfer_say(t, e, PL_TRANSFER_SAY_GET);
}

/* Returns whether bytes of this file were asked for. Those that come otherwise were sent for an earlier FILE_GET. */
static bool entry_awaits_bytes(const pl_transfer_entry *e) {
  return e && e->get_said && !e->offer_due && e->file.held_here != PL_CONST_FILE_HELD_DISK_FULL;
}

void pl_transfer_on_data(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_data m;
  if (!entry_awaits_bytes(e) || pl_wire_file_data_decode(&m, message.data, message.size)) return;
  if (m.bytes.size == 0) return;
  uint64_t most = pl_transfer_is_stream(e) ? INT64_MAX : e->file.size;
  if (m.offset > most || m.bytes.size > most - m.offset) {
    entry_give_up(t, e, pl_transfer_is_stream(e) ? PL_CONST_FILE_TOO_LARGE : PL_CONST_FILE_DAMAGED);
    return;
  }
  if (m.offset > e->next) {
    entry_say_gap(t, e);
    return;
  }
  uint64_t known = e->next - m.offset;
  if (known >= m.bytes.size) return;
  pl_transfer_action store = {.type = PL_TRANSFER_STORE, .file = &e->file, .offset = e->next};
  store.data = (pl_view){m.bytes.data + known, m.bytes.size - (size_t)known};
  e->next += store.data.size;
  e->gap_said = false;
  pl_transfer_act(t, &store);
}

void pl_transfer_on_end(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_end m;
  if (!entry_awaits_bytes(e) || pl_wire_file_end_decode(&m, message.data, message.size)) return;
  if (m.size < e->next || (!pl_transfer_is_stream(e) && m.size != e->file.size)) {
    entry_give_up(t, e, PL_CONST_FILE_DAMAGED);
    return;
  }
  if (m.size > e->next) {
    entry_say_gap(t, e);
    return;
  }
  e->file.size = m.size;
  e->file.state = PL_TRANSFER_ENDING;
  pl_transfer_action finish = {.type = PL_TRANSFER_FINISH, .file = &e->file, .size = m.size, .sha256 = m.sha256};
  pl_transfer_act(t, &finish);
}

/* ---- what the owner did ---- */

int pl_transfer_ready(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  uint64_t offset = in->about.offset;
  if (offset > (pl_transfer_is_stream(e) ? INT64_MAX : e->file.size)) return PL_EINVAL;
  e->next = e->file.stored = offset;
  e->file.state = PL_TRANSFER_MOVING;
  pl_transfer_say(t, e, PL_TRANSFER_SAY_GET);
  return 0;
}

int pl_transfer_stored(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  (void)t;
  if (in->about.offset > e->file.stored && in->about.offset <= e->next) e->file.stored = in->about.offset;
  return 0;
}

/* When the disk is full, goes back to what is stored; the rest is asked for once there is room. */
int pl_transfer_store_failed(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  if (in->about.offset > e->next) return PL_EINVAL;
  if (in->about.why != PL_CONST_FILE_HELD_DISK_FULL) {
    entry_give_up(t, e, PL_CONST_FILE_UNWRITABLE);
    return 0;
  }
  e->next = e->file.stored = in->about.offset;
  e->file.state = PL_TRANSFER_MOVING;
  e->file.held_here = PL_CONST_FILE_HELD_DISK_FULL;
  e->gap_said = true;
  pl_transfer_say(t, e, PL_TRANSFER_SAY_HOLD | PL_TRANSFER_SAY_GET);
  return 0;
}

int pl_transfer_room(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  (void)in;
  if (e->file.held_here != PL_CONST_FILE_HELD_DISK_FULL) return PL_ESTATE;
  e->file.held_here = 0;
  pl_transfer_say(t, e, PL_TRANSFER_SAY_HOLD);
  return 0;
}

int pl_transfer_again(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  (void)in;
  e->next = e->file.stored = 0;
  e->file.state = PL_TRANSFER_MOVING;
  e->gap_said = true;
  pl_transfer_say(t, e, PL_TRANSFER_SAY_GET);
  return 0;
}

int pl_transfer_finished(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  if (in->about.why) {
    entry_give_up(t, e, in->about.why);
    return 0;
  }
  pl_transfer_say_last(t, PL_CONST_FILE_SAVED, e->file.id, 0);
  e->file.stored = e->file.size;
  pl_transfer_over(t, e, 0, false);
  return 0;
}
