#include "transfer_internal.h"

#include <string.h>

static const uint8_t none[PL_CONST_FILE_ID_BYTES];

bool pl_transfer_has_group(const uint8_t *group) {
  return memcmp(group, none, sizeof none) != 0;
}

bool pl_transfer_in_group(const pl_transfer_entry *e, const uint8_t *group) {
  return pl_transfer_has_group(group) && memcmp(e->file.group, group, sizeof none) == 0;
}

/* ---- the table ---------------------------------------------------------------------------------------- */

int pl_transfer_new(const pl_transfer_sink *sink, pl_transfer **out) {
  pl_transfer *t = pl_alloc(sizeof *t);
  *out = t;
  if (!t) return PL_ENOMEM;
  t->sink = *sink;
  t->piece = PL_CONST_FILE_PIECE_BYTES;
  pl_list_init(&t->files[0]);
  pl_list_init(&t->files[1]);
  return 0;
}

void pl_transfer_free(pl_transfer *t) {
  for (int side = 0; t && side < 2; side++) {
    while (!pl_list_empty(&t->files[side])) {
      pl_node *node = t->files[side].next;
      pl_list_remove(node);
      pl_free(PL_CONTAINER(node, pl_transfer_entry, node));
    }
  }
  pl_free(t);
}

pl_transfer_entry *pl_transfer_entry_find(const pl_transfer *t, bool outgoing, const uint8_t *id) {
  const pl_node *head = &t->files[outgoing];
  for (pl_node *n = head->next; n != head; n = n->next) {
    pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
    if (memcmp(e->file.id, id, sizeof none) == 0) return e;
  }
  return NULL;
}

pl_transfer_entry *pl_transfer_entry_new(pl_transfer *t, const pl_transfer_file *like) {
  pl_transfer_entry *e = pl_alloc(sizeof *e + like->name.size + like->media_type.size);
  if (!e) {
    t->starved = true;
    return NULL;
  }
  e->file = *like;
  e->file.name.data = e->bytes;
  e->file.media_type.data = e->bytes + like->name.size;
  if (like->name.size) memcpy(e->bytes, like->name.data, like->name.size);
  if (like->media_type.size) memcpy(e->bytes + like->name.size, like->media_type.data, like->media_type.size);
  e->file.state = PL_TRANSFER_ASKING;
  e->file.stored = 0;
  e->file.held_here = e->file.held_there = 0;
  pl_list_append(&t->files[like->outgoing], &e->node);
  t->count[like->outgoing]++;
  return e;
}

pl_transfer_file *pl_transfer_find(const pl_transfer *t, bool outgoing, const uint8_t *id) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, outgoing, id);
  return e ? &e->file : NULL;
}

pl_transfer_file *pl_transfer_each(const pl_transfer *t, const pl_transfer_file *after) {
  int side = after ? after->outgoing : 0;
  const pl_node *n = after ? PL_CONTAINER(after, pl_transfer_entry, file)->node.next : t->files[0].next;
  if (side == 0 && n == &t->files[0]) side = 1, n = t->files[1].next;
  if (side == 1 && n == &t->files[1]) return NULL;
  return &PL_CONTAINER(n, pl_transfer_entry, node)->file;
}

void pl_transfer_act(const pl_transfer *t, const pl_transfer_action *action) {
  t->sink.act(t->sink.context, action);
}

void pl_transfer_tell(pl_transfer *t, pl_transfer_entry *e) {
  pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_TOLD, .file = &e->file, .by_peer = true});
}

void pl_transfer_over(pl_transfer *t, pl_transfer_entry *e, uint8_t why, bool by_peer) {
  pl_list_remove(&e->node);
  t->count[e->file.outgoing]--;
  pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_OVER, .file = &e->file, .why = why, .by_peer = by_peer});
  pl_free(e);
}

/* ---- both directions ---------------------------------------------------------------------------------- */

static void begun(pl_transfer *t) {
  pl_transfer_say_last_again(t);
  for (int side = 0; side < 2; side++) {
    for (pl_node *n = t->files[side].next; n != &t->files[side]; n = n->next) {
      pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
      e->file.held_there = 0;
      e->say = 0;
      if (e->file.held_here) pl_transfer_say(t, e, PL_SAY_HOLD);
      if (side == 1) {
        pl_transfer_restart_sending(e);
        pl_transfer_say(t, e, PL_SAY_OFFER);
      } else {
        e->offer_due = true;
        e->get_said = e->gap_said = false;
      }
    }
  }
}

/* Everything with this id, or in this group, of both directions or of one. Gives how many. */
static size_t over_all(pl_transfer *t, const uint8_t *id, uint8_t why, bool by_peer) {
  size_t found = 0;
  for (int side = 0; side < 2; side++) {
    /* From the start again after each: the owner may have changed the table meanwhile. */
    for (pl_node *n = t->files[side].next; n != &t->files[side];) {
      pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
      n = n->next;
      if (memcmp(e->file.id, id, sizeof none) != 0 && !pl_transfer_in_group(e, id)) continue;
      pl_transfer_over(t, e, why, by_peer);
      n = t->files[side].next;
      found++;
    }
  }
  pl_transfer_unaccept(t, id);
  return found;
}

static int stop(pl_transfer *t, const uint8_t *id, uint8_t why) {
  if (why == 0) return PL_EINVAL;
  if (over_all(t, id, why, false) == 0) return PL_ESTATE;
  pl_transfer_say_last(t, PL_CONST_FILE_STOP, id, why);
  return 0;
}

static int pause(pl_transfer *t, const uint8_t *id, bool held) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, true, id);
  if (!e) e = pl_transfer_entry_find(t, false, id);
  if (!e) return PL_ESTATE;
  e->file.held_here = held ? PL_CONST_FILE_HELD_BY_PERSON : 0;
  pl_transfer_say(t, e, PL_SAY_HOLD);
  return 0;
}

static void on_hold(pl_transfer *t, pl_view message) {
  pl_wire_file_hold m;
  if (pl_wire_file_hold_decode(&m, message.data, message.size)) return;
  pl_transfer_entry *e = pl_transfer_entry_find(t, true, m.id);
  if (!e) e = pl_transfer_entry_find(t, false, m.id);
  if (!e) return;
  e->file.held_there = !m.held ? 0 : m.why ? m.why : PL_CONST_FILE_HELD_BY_PERSON;
  pl_transfer_tell(t, e);
}

static void on_stop(pl_transfer *t, pl_view message) {
  pl_wire_file_stop m;
  if (pl_wire_file_stop_decode(&m, message.data, message.size)) return;
  (void)over_all(t, m.id, m.why ? m.why : PL_CONST_FILE_CANCELLED, true);
}

static void on_saved(pl_transfer *t, pl_view message) {
  pl_wire_file_saved m;
  if (pl_wire_file_saved_decode(&m, message.data, message.size)) return;
  pl_transfer_entry *e = pl_transfer_entry_find(t, true, m.id);
  if (!e) return;
  e->file.stored = e->file.flags & PL_CONST_FILE_FLAG_STREAM ? e->next : e->file.size;
  pl_transfer_over(t, e, 0, true);
}

/* A message that does not decode, or of a kind that is not known, is skipped. */
static void on_message(pl_transfer *t, uint8_t channel, pl_view message) {
  if (message.size == 0) return;
  uint8_t type = message.data[0];
  if (channel == PL_CONST_FILE_CHANNEL) {
    if (type == PL_CONST_FILE_DATA) pl_transfer_on_data(t, message);
    if (type == PL_CONST_FILE_END) pl_transfer_on_end(t, message);
    return;
  }
  if (channel != PL_CONST_CHAT_CHANNEL) return;
  if (type == PL_CONST_FILE_OFFER) pl_transfer_on_offer(t, message);
  if (type == PL_CONST_FILE_GET) pl_transfer_on_get(t, message);
  if (type == PL_CONST_FILE_STOP) on_stop(t, message);
  if (type == PL_CONST_FILE_HOLD) on_hold(t, message);
  if (type == PL_CONST_FILE_SAVED) on_saved(t, message);
}

static int about_outgoing(pl_transfer *t, const pl_transfer_event *in) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, true, in->id);
  if (!e) return PL_ESTATE;
  if (in->type == PL_TRANSFER_TAKEN) {
    if (in->offset > e->file.stored && in->offset <= e->next) e->file.stored = in->offset;
  } else if (in->type == PL_TRANSFER_KEPT) {
    e->kept_from = in->offset;
  } else {
    return stop(t, in->id, in->why);
  }
  return 0;
}

int pl_transfer_step(pl_transfer *t, const pl_transfer_event *in) {
  switch (in->type) {
    case PL_TRANSFER_BEGUN:
      begun(t);
      return 0;
    case PL_TRANSFER_MESSAGE:
      t->starved = false;
      on_message(t, in->channel, in->data);
      return t->starved ? PL_ENOMEM : 0;
    case PL_TRANSFER_PAUSE:
    case PL_TRANSFER_RESUME:
      return pause(t, in->id, in->type == PL_TRANSFER_PAUSE);
    case PL_TRANSFER_STOP:
      return stop(t, in->id, in->why);
    case PL_TRANSFER_HEARD:
      pl_transfer_heard(t, in->offset);
      return 0;
    case PL_TRANSFER_MESSAGE_MAX:
      return pl_transfer_message_max(t, in->size);
    case PL_TRANSFER_ADD:
      return pl_transfer_add(t, in->file);
    case PL_TRANSFER_READ:
      return pl_transfer_read(t, in);
    case PL_TRANSFER_READ_END:
      return pl_transfer_read_end(t, in);
    case PL_TRANSFER_READ_FAILED:
    case PL_TRANSFER_TAKEN:
    case PL_TRANSFER_KEPT:
      return about_outgoing(t, in);
    default:
      return pl_transfer_incoming(t, in);
  }
}
