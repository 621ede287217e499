/* The top of a transfer: what each event of the owner and each message of the peer leads to. */
#include <string.h>

#include "transfer_internal.h"

/* Which files a rule is about, and in which of their states. */
typedef enum transfer_side { INCOMING, OUTGOING, EITHER } transfer_side;

enum {
  IN_PREPARING = 1 << PL_TRANSFER_PREPARING,
  IN_MOVING = 1 << PL_TRANSFER_MOVING,
  IN_ENDING = 1 << PL_TRANSFER_ENDING,
  IN_ANY = 1 << PL_TRANSFER_ASKING | IN_PREPARING | IN_MOVING | IN_ENDING
};

/* Returns the file, or NULL. Only a hostile peer uses an id that this side uses, too: then the outgoing file is meant.
 */
static pl_transfer_entry *transfer_find(const pl_transfer *t, transfer_side side, const uint8_t *id) {
  pl_transfer_entry *e = side == INCOMING ? NULL : pl_transfer_entry_find(t, true, id);
  return e || side == OUTGOING ? e : pl_transfer_entry_find(t, false, id);
}

/* ---- both directions ---- */

static void transfer_begun(pl_transfer *t) {
  pl_transfer_say_last_again(t);
  t->time_ns = 0;
  for (int side = 0; side < 2; side++) {
    for (pl_node *n = t->files[side].next; n != &t->files[side]; n = n->next) {
      pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
      e->file.held_there = 0;
      e->say = 0;
      pl_list_remove(&e->speaking);
      if (e->file.held_here) pl_transfer_say(t, e, PL_TRANSFER_SAY_HOLD);
      if (side == 1) {
        pl_transfer_restart_sending(e);
        pl_transfer_say_offer(t, e);
      } else {
        e->offer_due = true;
        e->get_said = e->gap_said = false;
      }
    }
  }
}

/* Ends every file, in both directions, with this id or in this group. Returns how many there were. */
static size_t transfer_end_all(pl_transfer *t, const uint8_t *id, uint8_t why, bool by_peer) {
  size_t found = 0;
  for (int side = 0; side < 2; side++) {
    for (pl_node *n = t->files[side].next; n != &t->files[side];) {
      pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
      n = n->next;
      if (memcmp(e->file.id, id, PL_CONST_FILE_ID_BYTES) != 0 && !pl_transfer_in_group(e, id)) continue;
      pl_transfer_over(t, e, why, by_peer);
      n = t->files[side].next; /* from the start again: the owner may have changed the list */
      found++;
    }
  }
  pl_transfer_unaccept(t, id);
  return found;
}

static int transfer_stop(pl_transfer *t, const uint8_t *id, uint8_t why) {
  if (why == 0) return PL_EINVAL;
  if (transfer_end_all(t, id, why, false) == 0) return PL_ESTATE;
  pl_transfer_say_last(t, PL_CONST_FILE_STOP, id, why);
  return 0;
}

static int transfer_pause(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  e->file.held_here = in->type == PL_TRANSFER_PAUSE ? PL_CONST_FILE_HELD_BY_PERSON : 0;
  pl_transfer_say(t, e, PL_TRANSFER_SAY_HOLD);
  return 0;
}

static int transfer_read_failed(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  (void)e;
  return transfer_stop(t, in->about.id, in->about.why);
}

static void transfer_on_hold(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_hold m;
  if (!e || pl_wire_file_hold_decode(&m, message.data, message.size)) return;
  e->file.held_there = !m.held ? 0 : m.why ? m.why : PL_CONST_FILE_HELD_BY_PERSON;
  pl_transfer_tell(t, e);
}

static void transfer_on_stop(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_stop m;
  (void)e; /* the id may be a group's */
  if (pl_wire_file_stop_decode(&m, message.data, message.size)) return;
  (void)transfer_end_all(t, m.id, m.why ? m.why : PL_CONST_FILE_CANCELLED, true);
}

/* ---- messages of the peer ---- */

/* Which message is read on which channel, and in which states of its file. A message that does not decode, of another
 * type, on another channel or for a file in another state is skipped: it may have been sent before the peer knew. */
static const struct {
  uint8_t channel;
  transfer_side side;
  unsigned in;
  void (*take)(pl_transfer *t, pl_transfer_entry *e, pl_view message); /* e: NULL when there is no such file */
} message_rules[] = {
    [PL_CONST_FILE_OFFER] = {PL_CONST_CHAT_CHANNEL, INCOMING, IN_ANY, pl_transfer_on_offer},
    [PL_CONST_FILE_GET] = {PL_CONST_CHAT_CHANNEL, OUTGOING, IN_ANY, pl_transfer_on_get},
    [PL_CONST_FILE_STOP] = {PL_CONST_CHAT_CHANNEL, EITHER, IN_ANY, transfer_on_stop},
    [PL_CONST_FILE_HOLD] = {PL_CONST_CHAT_CHANNEL, EITHER, IN_ANY, transfer_on_hold},
    [PL_CONST_FILE_SAVED] = {PL_CONST_CHAT_CHANNEL, OUTGOING, IN_ANY, pl_transfer_on_saved},
    [PL_CONST_FILE_TIME] = {PL_CONST_CHAT_CHANNEL, INCOMING, IN_ANY, pl_transfer_on_time},
    [PL_CONST_FILE_DATA] = {PL_CONST_FILE_CHANNEL, INCOMING, IN_MOVING, pl_transfer_on_data},
    [PL_CONST_FILE_END] = {PL_CONST_FILE_CHANNEL, INCOMING, IN_MOVING, pl_transfer_on_end},
};

static void transfer_message(pl_transfer *t, uint8_t channel, pl_view message) {
  if (message.size < 1 + PL_CONST_FILE_ID_BYTES) return; /* all of them start with the type and the id */
  uint8_t type = message.data[0];
  if (type >= PL_ARRAY_LENGTH(message_rules) || !message_rules[type].take) return;
  if (message_rules[type].channel != channel) return;
  pl_transfer_entry *e = transfer_find(t, message_rules[type].side, message.data + 1);
  if (e && !(message_rules[type].in & 1u << e->file.state)) return;
  message_rules[type].take(t, e, message);
}

/* ---- events of the owner ---- */

/* Which event about one file is allowed in which of its states; in others, or without such a file, it is PL_ESTATE. */
static const struct {
  transfer_side side;
  unsigned in;
  int (*take)(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in);
} event_rules[] = {
    [PL_TRANSFER_PAUSE] = {EITHER, IN_ANY, transfer_pause},
    [PL_TRANSFER_RESUME] = {EITHER, IN_ANY, transfer_pause},
    [PL_TRANSFER_READ_FAILED] = {OUTGOING, IN_ANY, transfer_read_failed},
    [PL_TRANSFER_TAKEN] = {OUTGOING, IN_ANY, pl_transfer_taken},
    [PL_TRANSFER_KEPT] = {OUTGOING, IN_ANY, pl_transfer_kept},
    [PL_TRANSFER_READY] = {INCOMING, IN_PREPARING, pl_transfer_ready},
    [PL_TRANSFER_STORED] = {INCOMING, IN_ANY, pl_transfer_stored},
    [PL_TRANSFER_STORE_FAILED] = {INCOMING, IN_MOVING | IN_ENDING, pl_transfer_store_failed},
    [PL_TRANSFER_ROOM] = {INCOMING, IN_ANY, pl_transfer_room},
    [PL_TRANSFER_AGAIN] = {INCOMING, IN_MOVING | IN_ENDING, pl_transfer_again},
    [PL_TRANSFER_FINISHED] = {INCOMING, IN_ANY, pl_transfer_finished},
};

static int transfer_about(pl_transfer *t, const pl_transfer_event *in) {
  if (in->type >= PL_ARRAY_LENGTH(event_rules) || !event_rules[in->type].take) return PL_EINVAL;
  pl_transfer_entry *e = transfer_find(t, event_rules[in->type].side, in->about.id);
  if (!e || !(event_rules[in->type].in & 1u << e->file.state)) return PL_ESTATE;
  return event_rules[in->type].take(t, e, in);
}

int pl_transfer_step(pl_transfer *t, const pl_transfer_event *in) {
  switch (in->type) {
    case PL_TRANSFER_BEGUN:
      transfer_begun(t);
      return 0;
    case PL_TRANSFER_MESSAGE:
      t->starved = false;
      transfer_message(t, in->message.channel, in->message.data);
      return t->starved ? PL_ENOMEM : 0;
    case PL_TRANSFER_STOP:
      return transfer_stop(t, in->about.id, in->about.why);
    case PL_TRANSFER_HEARD:
      pl_transfer_heard(t, in->heard.place);
      return 0;
    case PL_TRANSFER_MESSAGE_MAX:
      return pl_transfer_message_max(t, in->message_max.size);
    case PL_TRANSFER_ADD:
      return pl_transfer_add(t, in->add.file);
    case PL_TRANSFER_READ:
      return pl_transfer_read(t, in->read.want, in->read.data);
    case PL_TRANSFER_READ_END:
      return pl_transfer_read_end(t, in->read_end.want, in->read_end.sha256);
    case PL_TRANSFER_ACCEPT:
      return pl_transfer_accept(t, in->about.id);
    default:
      return transfer_about(t, in);
  }
}
