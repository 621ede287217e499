/* Incoming files: asked about, taken in order, checked. */
#include <string.h>

#include "transfer_internal.h"

static bool is_stream(const pl_transfer_entry *e) {
  return e->file.flags & PL_CONST_FILE_FLAG_STREAM;
}

/* The peer is told, the owner drops what belongs to it. */
static void give_up(pl_transfer *t, pl_transfer_entry *e, uint8_t why) {
  pl_transfer_say_last(t, PL_CONST_FILE_STOP, e->file.id, why);
  pl_transfer_over(t, e, why, false);
}

/* ---- groups that the user wants ----------------------------------------------------------------------- */

static int find_accepted(const pl_transfer *t, const uint8_t *group) {
  for (size_t i = 0; i < t->accepted_count; i++)
    if (memcmp(t->accepted[i], group, sizeof t->accepted[i]) == 0) return (int)i;
  return -1;
}

static void remember_accepted(pl_transfer *t, const uint8_t *group) {
  if (find_accepted(t, group) >= 0) return;
  memcpy(t->accepted[t->accepted_next], group, sizeof t->accepted[0]);
  t->accepted_next = (t->accepted_next + 1) % PL_ACCEPTED_GROUPS_MAX;
  if (t->accepted_count < PL_ACCEPTED_GROUPS_MAX) t->accepted_count++;
}

void pl_transfer_unaccept(pl_transfer *t, const uint8_t *group) {
  int at = find_accepted(t, group);
  if (at >= 0) memset(t->accepted[at], 0, sizeof t->accepted[0]); /* zero is no group */
}

/* ---- offers ------------------------------------------------------------------------------------------- */

static void prepare(pl_transfer *t, pl_transfer_entry *e) {
  e->file.state = PL_TRANSFER_PREPARING;
  pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_PREPARE, .file = &e->file});
}

static void offered_again(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_file *like) {
  bool same = like->flags == e->file.flags && (is_stream(e) || like->size == e->file.size);
  if (!same) {
    give_up(t, e, PL_CONST_FILE_DAMAGED); /* one id, two files */
    return;
  }
  e->offer_due = false;
  if (e->file.state == PL_TRANSFER_MOVING) pl_transfer_say(t, e, PL_SAY_GET);
}

static bool asked_about_group(const pl_transfer *t, const uint8_t *group) {
  for (pl_node *n = t->files[0].next; n != &t->files[0]; n = n->next) {
    const pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
    if (e->file.state == PL_TRANSFER_ASKING && pl_transfer_in_group(e, group)) return true;
  }
  return false;
}

static void offered(pl_transfer *t, const pl_transfer_file *like) {
  bool first = !asked_about_group(t, like->group);
  bool wanted = pl_transfer_has_group(like->group) && find_accepted(t, like->group) >= 0;
  pl_transfer_entry *e = t->count[0] < PL_TRANSFER_FILES_MAX ? pl_transfer_entry_new(t, like) : NULL;
  if (!e && !t->starved) /* for want of memory nobody declined anything */
    pl_transfer_say_last(t, PL_CONST_FILE_STOP, like->id, PL_CONST_FILE_DECLINED);
  else if (!e)
    return;
  else if (wanted)
    prepare(t, e);
  else
    pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_OFFERED, .file = &e->file, .first = first});
}

void pl_transfer_on_offer(pl_transfer *t, pl_view message) {
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
  pl_transfer_entry *e = pl_transfer_entry_find(t, false, m.id);
  if (e)
    offered_again(t, e, &like);
  else if (like.size > INT64_MAX)
    pl_transfer_say_last(t, PL_CONST_FILE_STOP, m.id, PL_CONST_FILE_TOO_LARGE);
  else
    offered(t, &like);
}

static int accept(pl_transfer *t, const uint8_t *id) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, false, id);
  if (e && e->file.state != PL_TRANSFER_ASKING) return PL_ESTATE;
  if (e) {
    prepare(t, e);
    return 0;
  }
  if (!pl_transfer_has_group(id)) return PL_EINVAL;
  remember_accepted(t, id);
  for (pl_node *n = t->files[0].next; n != &t->files[0];) {
    e = PL_CONTAINER(n, pl_transfer_entry, node);
    n = n->next;
    if (e->file.state != PL_TRANSFER_ASKING || !pl_transfer_in_group(e, id)) continue;
    prepare(t, e);
    n = t->files[0].next; /* the owner may have changed the table */
  }
  return 0;
}

/* ---- bytes -------------------------------------------------------------------------------------------- */

/* Something is missing: said once, until bytes come in place again. */
static void say_gap(pl_transfer *t, pl_transfer_entry *e) {
  if (e->gap_said) return;
  e->gap_said = true;
  pl_transfer_say(t, e, PL_SAY_GET);
}

/* The file, if its bytes are awaited; what comes otherwise is from before. */
static pl_transfer_entry *awaited(const pl_transfer *t, const uint8_t *id) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, false, id);
  bool ready = e && e->file.state == PL_TRANSFER_MOVING && e->get_said && !e->offer_due;
  return ready && e->file.held_here != PL_CONST_FILE_HELD_DISK_FULL ? e : NULL;
}

void pl_transfer_on_data(pl_transfer *t, pl_view message) {
  pl_wire_file_data m;
  if (pl_wire_file_data_decode(&m, message.data, message.size)) return;
  pl_transfer_entry *e = awaited(t, m.id);
  if (!e || m.bytes.size == 0) return;
  uint64_t most = is_stream(e) ? INT64_MAX : e->file.size;
  if (m.offset > most || m.bytes.size > most - m.offset) {
    give_up(t, e, is_stream(e) ? PL_CONST_FILE_TOO_LARGE : PL_CONST_FILE_DAMAGED);
    return;
  }
  if (m.offset > e->next) {
    say_gap(t, e);
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

void pl_transfer_on_end(pl_transfer *t, pl_view message) {
  pl_wire_file_end m;
  if (pl_wire_file_end_decode(&m, message.data, message.size)) return;
  pl_transfer_entry *e = awaited(t, m.id);
  if (!e) return;
  if (m.size < e->next || (!is_stream(e) && m.size != e->file.size)) {
    give_up(t, e, PL_CONST_FILE_DAMAGED);
    return;
  }
  if (m.size > e->next) {
    say_gap(t, e);
    return;
  }
  e->file.size = m.size;
  e->file.state = PL_TRANSFER_ENDING;
  pl_transfer_action finish = {.type = PL_TRANSFER_FINISH, .file = &e->file, .size = m.size, .sha256 = m.sha256};
  pl_transfer_act(t, &finish);
}

/* ---- what the owner did ------------------------------------------------------------------------------- */

static int ready(pl_transfer *t, pl_transfer_entry *e, uint64_t offset) {
  if (e->file.state != PL_TRANSFER_PREPARING) return PL_ESTATE;
  if (offset > (is_stream(e) ? INT64_MAX : e->file.size)) return PL_EINVAL;
  e->next = e->file.stored = offset;
  e->file.state = PL_TRANSFER_MOVING;
  pl_transfer_say(t, e, PL_SAY_GET);
  return 0;
}

/* Back to what is stored; the rest is asked for once there is room. */
static int store_failed(pl_transfer *t, pl_transfer_entry *e, uint64_t offset, uint8_t why) {
  if (e->file.state != PL_TRANSFER_MOVING && e->file.state != PL_TRANSFER_ENDING) return PL_ESTATE;
  if (offset > e->next) return PL_EINVAL;
  if (why != PL_CONST_FILE_HELD_DISK_FULL) {
    give_up(t, e, PL_CONST_FILE_UNWRITABLE);
    return 0;
  }
  e->next = e->file.stored = offset;
  e->file.state = PL_TRANSFER_MOVING;
  e->file.held_here = PL_CONST_FILE_HELD_DISK_FULL;
  e->gap_said = true;
  pl_transfer_say(t, e, PL_SAY_HOLD | PL_SAY_GET);
  return 0;
}

static int again(pl_transfer *t, pl_transfer_entry *e) {
  if (e->file.state != PL_TRANSFER_MOVING && e->file.state != PL_TRANSFER_ENDING) return PL_ESTATE;
  e->next = e->file.stored = 0;
  e->file.state = PL_TRANSFER_MOVING;
  e->gap_said = true;
  pl_transfer_say(t, e, PL_SAY_GET);
  return 0;
}

static int finished(pl_transfer *t, pl_transfer_entry *e, uint8_t why) {
  if (why) {
    give_up(t, e, why);
    return 0;
  }
  pl_transfer_say_last(t, PL_CONST_FILE_SAVED, e->file.id, 0);
  e->file.stored = e->file.size;
  pl_transfer_over(t, e, 0, false);
  return 0;
}

int pl_transfer_incoming(pl_transfer *t, const pl_transfer_event *in) {
  if (in->type == PL_TRANSFER_ACCEPT) return accept(t, in->id);
  pl_transfer_entry *e = in->id ? pl_transfer_entry_find(t, false, in->id) : NULL;
  if (!e) return PL_ESTATE;
  switch (in->type) {
    case PL_TRANSFER_READY:
      return ready(t, e, in->offset);
    case PL_TRANSFER_STORED:
      if (in->offset > e->file.stored && in->offset <= e->next) e->file.stored = in->offset;
      return 0;
    case PL_TRANSFER_STORE_FAILED:
      return store_failed(t, e, in->offset, in->why);
    case PL_TRANSFER_ROOM:
      if (e->file.held_here != PL_CONST_FILE_HELD_DISK_FULL) return PL_ESTATE;
      e->file.held_here = 0;
      pl_transfer_say(t, e, PL_SAY_HOLD);
      return 0;
    case PL_TRANSFER_AGAIN:
      return again(t, e);
    case PL_TRANSFER_FINISHED:
      return finished(t, e, in->why);
    default:
      return PL_EINVAL;
  }
}
