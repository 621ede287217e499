/* The next record: what goes in, in which order, and how much at a time. */
#include "session_internal.h"

#include <string.h>

enum {
  DATA_FRAME_BYTES = PL_CONST_FRAME_HEADER_BYTES + 10, /* without the message's bytes */
  RESET_FRAME_BYTES = PL_CONST_FRAME_HEADER_BYTES + 12,
  BULK_FROM_BYTES = 16384
};

static bool flight_allows(const pl_session *s, const pl_session_link *l, const pl_session_channel *c, size_t used) {
  bool bulk = c->end - c->cursor > BULK_FROM_BYTES;
  return l->in_flight + used < pl_session_flight_limit(s, l, bulk);
}

/* The most urgent channel whose turn it is. */
static pl_session_channel *next_channel(const pl_session *s, const pl_session_link *l, size_t room, size_t used,
                                        pl_session_chunk *chunk) {
  for (size_t p = 0; p < PL_ARRAY_LENGTH(s->sending); p++)
    for (const pl_node *n = s->sending[p].next; n != &s->sending[p]; n = n->next) {
      pl_session_channel *c = PL_CONTAINER(n, pl_session_channel, sending);
      if (flight_allows(s, l, c, used) && pl_session_channel_next_chunk(s, c, room, chunk)) return c;
    }
  return NULL;
}

static bool several_send(const pl_session *s) {
  size_t n = 0;
  for (size_t p = 0; p < PL_ARRAY_LENGTH(s->sending); p++)
    if (!pl_list_empty(&s->sending[p])) n += s->sending[p].next->next == &s->sending[p] ? 1 : 2;
  return n > 1;
}

static bool has_data(const pl_session *s, const pl_session_link *l) {
  pl_session_chunk chunk;
  return s->state == PL_SESSION_STATE_OPEN && next_channel(s, l, 1, 0, &chunk);
}

enum { VOLATILE_FRAME_BYTES = PL_CONST_FRAME_HEADER_BYTES + 1 }; /* without the message's bytes */

static size_t next_volatile_bytes(const pl_session *s) {
  return VOLATILE_FRAME_BYTES + (size_t)pl_get_u16(pl_buffer_data(&s->volatiles));
}

static bool has_volatile(const pl_session *s, const pl_session_link *l) {
  return s->state == PL_SESSION_STATE_OPEN && s->volatiles.size && l->in_flight < pl_session_flight_limit(s, l, false);
}

static pl_session_link *hello_link(const pl_session *s) {
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    if (l->hello_due || (l->reply_due && l != s->current)) return l;
  }
  return NULL;
}

bool pl_session_has_output(const pl_session *s) {
  if (hello_link(s)) return true;
  const pl_session_link *l = s->current;
  if (!l) return false;
  return s->close_due || s->ack_now || s->probe_due || l->reply_due || has_data(s, l) || has_volatile(s, l);
}

static void write_probe(pl_writer *w, uint8_t type, uint32_t number) {
  pl_write_u8(w, type);
  pl_write_u16(w, 4);
  pl_write_u32(w, number);
}

static void write_close(pl_session *s, pl_writer *w) {
  pl_write_u8(w, PL_FRAME_CLOSE);
  pl_write_u16(w, (uint16_t)(2 + s->close_text_size));
  pl_write_u16(w, s->close_reason);
  pl_write_bytes(w, s->close_text, s->close_text_size);
  s->close_due = false;
  s->close_sent_ms = s->now_ms;
  if (s->state == PL_SESSION_STATE_PEER_CLOSED) s->state = PL_SESSION_STATE_ANSWERED;
}

static void write_chunk(const pl_session_channel *c, const pl_session_chunk *k, pl_writer *w) {
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

/* Remembers which places went with this record, for the peer's ACKs. */
static void note_places(pl_session *s, pl_session_link *l, const pl_session_channel *c, uint64_t from, uint64_t first) {
  if (l->sent_last > first) {
    pl_session_sent *last = &l->sent[(l->sent_last - 1) & (l->sent_capacity - 1)];
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

static void write_data(pl_session *s, pl_session_link *l, pl_writer *w, uint64_t first) {
  bool shared = several_send(s);
  size_t room;
  while (room = (size_t)(w->end - w->at), room >= RESET_FRAME_BYTES && pl_session_flight_reserve(l)) { /* fits either */
    pl_session_chunk chunk;
    room -= DATA_FRAME_BYTES;
    if (shared && room > PL_SESSION_SHARED_CHUNK_BYTES) room = PL_SESSION_SHARED_CHUNK_BYTES;
    pl_session_channel *c = next_channel(s, l, room, pl_writer_used(w), &chunk);
    if (!c) break;
    write_chunk(c, &chunk, w);
    pl_session_channel_chunk_sent(s, c, &chunk);
    note_places(s, l, c, chunk.from, first);
    if (!pl_list_empty(&c->sending)) { /* takes its next turn after its equals */
      pl_list_remove(&c->sending);
      pl_list_append(&s->sending[c->priority], &c->sending);
    }
  }
}

static void write_volatiles(pl_session *s, pl_writer *w) {
  while (s->volatiles.size && (size_t)(w->end - w->at) >= next_volatile_bytes(s)) {
    const uint8_t *v = pl_buffer_data(&s->volatiles);
    size_t size = pl_get_u16(v);
    pl_write_u8(w, PL_FRAME_VOLATILE);
    pl_write_u16(w, (uint16_t)(size + 1));
    pl_write_bytes(w, v + 2, size + 1);
    pl_buffer_consume(&s->volatiles, size + 3);
  }
  pl_buffer_trim(&s->volatiles);
}

/* A record that asks for an ACK is in flight until then. */
static int finish(pl_session_link *l, const pl_writer *w, uint64_t first, uint32_t *link) {
  size_t size = pl_writer_used(w);
  if (l->sent_last > first) {
    l->sent[first & (l->sent_capacity - 1)].bytes = (uint32_t)(size + PL_SESSION_RECORD_COST);
    l->in_flight += size + PL_SESSION_RECORD_COST;
  }
  l->next_counter++;
  *link = l->id;
  return (int)size;
}

static int produce_hello(pl_session *s, pl_session_link *l, pl_writer *w, uint32_t *link) {
  uint64_t first = l->sent_last;
  *link = l->id;
  if (!pl_session_flight_reserve(l)) return PL_ENOMEM;
  if (l->hello_due) {
    pl_session_write_hello(s, l, w);
    l->hello_due = false;
    l->hello_ms = s->now_ms;
    pl_session_flight_add(s, l);
  }
  if (l->reply_due && l->confirmed) write_probe(w, PL_FRAME_PROBE_REPLY, l->reply_number);
  l->reply_due = false;
  return finish(l, w, first, link);
}

/* At most the room that pacing leaves, but never less than a shared chunk. */
static size_t record_room(const pl_session *s, const pl_session_link *l, size_t capacity) {
  uint64_t limit = pl_session_flight_limit(s, l, true);
  uint64_t room = limit > l->in_flight ? limit - l->in_flight : 0;
  if (room < PL_SESSION_RECORD_MIN) room = PL_SESSION_RECORD_MIN;
  return room < capacity ? (size_t)room : capacity;
}

static int produce_record(pl_session *s, pl_session_link *l, pl_writer *w, uint32_t *link, uint8_t *flags) {
  uint64_t first = l->sent_last;
  size_t capacity = (size_t)(w->end - w->at); /* pacing does not cut what cannot be cut */
  bool data = has_data(s, l), volatiles = has_volatile(s, l) && next_volatile_bytes(s) <= capacity;
  bool control = s->close_due || s->ack_now || s->probe_due || l->reply_due;
  *link = l->id;
  if (!data && !volatiles && !control) return 0;
  if (!pl_session_flight_reserve(l)) return PL_ENOMEM;
  if (volatiles && !control && (!data || s->volatile_turn)) {
    s->volatile_turn = false;
    *flags = PL_CONST_ENVELOPE_FLAG_VOLATILE;
    write_volatiles(s, w);
    pl_session_flight_add(s, l);
    return finish(l, w, first, link);
  }
  w->end = w->at + record_room(s, l, capacity);
  s->volatile_turn = true;
  bool asks = s->close_due || s->probe_due;
  if (l->reply_due) write_probe(w, PL_FRAME_PROBE_REPLY, l->reply_number);
  if (s->probe_due) write_probe(w, PL_FRAME_PROBE, s->probe_number);
  l->reply_due = s->probe_due = false;
  if (s->ack_due || s->ack_now) pl_session_write_ack(s, l, w);
  if (s->close_due) write_close(s, w); /* after the ACK, which is of no use to a session that has ended */
  if (data) write_data(s, l, w, first);
  if (asks && l->sent_last == first) pl_session_flight_add(s, l);
  if (pl_writer_used(w) == 0) return PL_ENOMEM; /* not even one chunk could be noted */
  return finish(l, w, first, link);
}

int pl_session_produce(pl_session *s, uint64_t now_ms, uint8_t *out, size_t capacity, uint32_t *link, uint8_t *flags) {
  if (capacity < PL_SESSION_RECORD_MIN) return 0;
  if (capacity > PL_CONST_RECORD_PLAINTEXT_MAX) capacity = PL_CONST_RECORD_PLAINTEXT_MAX;
  s->now_ms = now_ms;
  *flags = 0;
  pl_session_link *l = hello_link(s);
  if (l) {
    pl_writer w = pl_writer_of(out, capacity);
    return produce_hello(s, l, &w, link);
  }
  l = s->current;
  if (!l) return 0;
  pl_writer w = pl_writer_of(out, capacity);
  return produce_record(s, l, &w, link, flags);
}
