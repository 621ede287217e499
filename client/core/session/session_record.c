/* Writes the next record: what goes in, in which order, and how much at a time. */
#include "session_ack.h"
#include "session_chunk.h"
#include "session_close.h"
#include "session_flight.h"
#include "session_hello.h"
#include "session_send.h"

enum {
  DATA_FRAME_BYTES = PL_CONST_FRAME_HEADER_BYTES + 10, /* without the message's bytes */
  RESET_FRAME_BYTES = PL_CONST_FRAME_HEADER_BYTES + 12,
  BULK_FROM_BYTES = 16384
};

static bool flight_has_room(const pl_session *s, const pl_session_link *l, const pl_session_channel *c, size_t used) {
  bool bulk = c->end - c->cursor > BULK_FROM_BYTES;
  return l->in_flight + used < pl_session_flight_limit(s, l, bulk);
}

/* Returns the channel whose turn it is, the most urgent first, or NULL, and its next chunk. */
static pl_session_channel *record_next_channel(const pl_session *s, const pl_session_link *l, size_t room, size_t used,
                                               pl_session_chunk *chunk) {
  for (const pl_node *n = s->sending.next; n != &s->sending; n = n->next) {
    pl_session_channel *c = PL_CONTAINER(n, pl_session_channel, sending);
    if (flight_has_room(s, l, c, used) && pl_session_channel_next_chunk(s, c, room, chunk)) return c;
  }
  return NULL;
}

static bool several_channels_send(const pl_session *s) {
  return s->sending.next != s->sending.prev;
}

static bool session_has_data(const pl_session *s, const pl_session_link *l) {
  pl_session_chunk chunk;
  return s->state == PL_SESSION_STATE_OPEN && record_next_channel(s, l, 1, 0, &chunk);
}

enum { VOLATILE_FRAME_BYTES = PL_CONST_FRAME_HEADER_BYTES + 1 }; /* without the message's bytes */

static size_t volatile_next_bytes(const pl_session *s) {
  return VOLATILE_FRAME_BYTES + (size_t)pl_get_u16(pl_buffer_data(&s->volatiles));
}

static bool session_has_volatile(const pl_session *s, const pl_session_link *l) {
  return s->state == PL_SESSION_STATE_OPEN && s->volatiles.size && l->in_flight < pl_session_flight_limit(s, l, false);
}

static pl_session_link *link_with_hello(const pl_session *s) {
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    if (l->hello_due || (l->reply_due && l != s->current)) return l;
  }
  return NULL;
}

bool pl_session_has_output(const pl_session *s) {
  if (link_with_hello(s)) return true;
  const pl_session_link *l = s->current;
  if (!l) return false;
  return s->close_due || s->ack_now || s->probe_due || l->reply_due || session_has_data(s, l) ||
         session_has_volatile(s, l);
}

static void record_write_probe(pl_writer *w, uint8_t type, uint32_t number) {
  pl_write_u8(w, type);
  pl_write_u16(w, 4);
  pl_write_u32(w, number);
}

static void record_write_chunk(const pl_session_channel *c, const pl_session_chunk *k, pl_writer *w) {
  if (k->reset) {
    pl_write_u8(w, PL_FRAME_CHANNEL_RESET);
    pl_write_u16(w, 12);
    pl_wire_frame_channel_reset f = {.channel = c->number, .reason = c->reset_reason, .offset = c->end};
    pl_wire_frame_channel_reset_write(&f, w);
    return;
  }
  pl_write_u8(w, PL_FRAME_DATA);
  pl_write_u16(w, (uint16_t)(10 + k->bytes));
  pl_write_u8(w, c->number);
  pl_write_u8(w, k->flags);
  pl_write_u64(w, k->from);
  if (k->bytes) pl_session_channel_copy(c, k->from, w->at, k->bytes);
  w->at += k->bytes;
}

/* Notes which places went with this record, to judge the peer's ACKs by. `first` is the record's first entry. */
static void record_note_places(pl_session *s, pl_session_link *l, const pl_session_channel *c, uint64_t from,
                               uint64_t first) {
  if (l->sent_last > first) {
    pl_session_sent *last = pl_session_flight_at(l, l->sent_last - 1);
    if (last->places && last->channel == c->number && last->to == from) {
      last->to = c->cursor;
      return;
    }
  }
  pl_session_sent *e = pl_session_flight_add(s, l);
  e->places = true;
  e->channel = c->number;
  e->from = from;
  e->to = c->cursor;
}

static void record_write_data(pl_session *s, pl_session_link *l, pl_writer *w, uint64_t first) {
  bool shared = several_channels_send(s);
  size_t room;
  while (room = (size_t)(w->end - w->at),
         room >= RESET_FRAME_BYTES && pl_session_flight_reserve(l)) { /* DATA or CHANNEL_RESET */
    pl_session_chunk chunk;
    room -= DATA_FRAME_BYTES;
    bool is_tail = room < (room + pl_writer_used(w)) / PL_SESSION_RECORD_TAIL_PART && l->sent_last > first;
    if (shared && room > PL_SESSION_SHARED_CHUNK_BYTES) room = PL_SESSION_SHARED_CHUNK_BYTES;
    pl_session_channel *c = record_next_channel(s, l, room, pl_writer_used(w), &chunk);
    if (!c || (is_tail && !chunk.flags && !chunk.reset)) break;
    record_write_chunk(c, &chunk, w);
    pl_session_channel_chunk_sent(s, c, &chunk);
    record_note_places(s, l, c, chunk.from, first);
    if (!pl_list_empty(&c->sending)) { /* its next turn comes after the channels of the same priority */
      pl_list_remove(&c->sending);
      pl_session_channel_list(s, c);
    }
  }
}

static void record_write_volatiles(pl_session *s, pl_writer *w) {
  while (s->volatiles.size && (size_t)(w->end - w->at) >= volatile_next_bytes(s)) {
    const uint8_t *v = pl_buffer_data(&s->volatiles);
    size_t size = pl_get_u16(v);
    pl_write_u8(w, PL_FRAME_VOLATILE);
    pl_write_u16(w, (uint16_t)(size + 1));
    pl_write_bytes(w, v + 2, size + 1);
    pl_buffer_consume(&s->volatiles, size + 3);
  }
  pl_buffer_trim(&s->volatiles);
}

/* Completes the record. One that asks for an ACK is in flight until the ACK comes. */
static int record_finish(pl_session_link *l, const pl_writer *w, uint64_t first, uint32_t *link) {
  size_t size = pl_writer_used(w);
  if (l->sent_last > first) {
    pl_session_flight_at(l, first)->bytes = (uint32_t)(size + PL_SESSION_RECORD_COST);
    l->in_flight += size + PL_SESSION_RECORD_COST;
  }
  l->next_counter++;
  *link = l->id;
  return (int)size;
}

static int record_with_hello(pl_session *s, pl_session_link *l, pl_writer *w, uint32_t *link) {
  uint64_t first = l->sent_last;
  *link = l->id;
  if (!pl_session_flight_reserve(l)) return PL_ENOMEM;
  if (l->hello_due) {
    pl_session_hello_write(s, l, w);
    l->hello_due = false;
    l->hello_ms = s->now_ms;
    pl_session_flight_add(s, l);
  }
  if (l->reply_due && l->confirmed) record_write_probe(w, PL_FRAME_PROBE_REPLY, l->reply_number);
  l->reply_due = false;
  return record_finish(l, w, first, link);
}

/* Returns the room that pacing leaves, but never less than a record needs. */
static size_t record_room(const pl_session *s, const pl_session_link *l, size_t capacity) {
  uint64_t limit = pl_session_flight_limit(s, l, true);
  uint64_t room = limit > l->in_flight ? limit - l->in_flight : 0;
  if (room < PL_SESSION_RECORD_MIN) room = PL_SESSION_RECORD_MIN;
  return room < capacity ? (size_t)room : capacity;
}

static int record_of_channels(pl_session *s, pl_session_link *l, pl_writer *w, uint32_t *link, uint8_t *flags) {
  uint64_t first = l->sent_last;
  size_t capacity = (size_t)(w->end - w->at); /* pacing does not limit a volatile message, which cannot be cut */
  bool data = session_has_data(s, l), volatiles = session_has_volatile(s, l) && volatile_next_bytes(s) <= capacity;
  bool control = s->close_due || s->ack_now || s->probe_due || l->reply_due;
  *link = l->id;
  if (!data && !volatiles && !control) return 0;
  if (!pl_session_flight_reserve(l)) return PL_ENOMEM;
  if (volatiles && !control && (!data || s->volatile_turn)) {
    s->volatile_turn = false;
    *flags = PL_CONST_ENVELOPE_FLAG_VOLATILE;
    record_write_volatiles(s, w);
    pl_session_flight_add(s, l);
    return record_finish(l, w, first, link);
  }
  w->end = w->at + record_room(s, l, capacity);
  s->volatile_turn = true;
  bool asks = s->close_due || s->probe_due;
  if (l->reply_due) record_write_probe(w, PL_FRAME_PROBE_REPLY, l->reply_number);
  if (s->probe_due) record_write_probe(w, PL_FRAME_PROBE, s->probe_number);
  l->reply_due = s->probe_due = false;
  if (s->ack_due || s->ack_now) pl_session_ack_write(s, l, w);
  if (s->close_due) pl_session_close_write(s, w); /* after the ACK: a session that has ended ignores one */
  if (data) record_write_data(s, l, w, first);
  if (asks && l->sent_last == first) pl_session_flight_add(s, l);
  if (pl_writer_used(w) == 0) return PL_ENOMEM; /* there was no memory to note a single chunk */
  return record_finish(l, w, first, link);
}

int pl_session_produce(pl_session *s, uint64_t now_ms, uint8_t *out, size_t capacity, uint32_t *link, uint8_t *flags) {
  if (capacity < PL_SESSION_RECORD_MIN) return 0;
  if (capacity > PL_CONST_RECORD_PLAINTEXT_MAX) capacity = PL_CONST_RECORD_PLAINTEXT_MAX;
  s->now_ms = now_ms;
  *flags = 0;
  pl_session_link *l = link_with_hello(s);
  if (l) {
    pl_writer w = pl_writer_of(out, capacity);
    return record_with_hello(s, l, &w, link);
  }
  l = s->current;
  if (!l) return 0;
  pl_writer w = pl_writer_of(out, capacity);
  return record_of_channels(s, l, &w, link, flags);
}
