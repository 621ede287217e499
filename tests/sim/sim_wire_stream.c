/* From bytes to envelopes, whole ones as soon as their last byte is there, as the relay takes them. */
#include <stdlib.h>
#include <string.h>

#include "sim_wire_state.h"

enum { HEADER = PL_CONST_ENVELOPE_HEADER_BYTES, ENVELOPE_MAX = HEADER + UINT16_MAX, MESSAGE_MAX = 1 << 24 };

void sim_wire_stream_init(sim_wire_stream *s, bool server) {
  *s = (sim_wire_stream){0};
  pl_ws_init(&s->ws, server, false, MESSAGE_MAX);
  pl_ws_take_pieces(&s->ws);
}

void sim_wire_stream_free(sim_wire_stream *s) {
  pl_ws_deinit(&s->ws);
  free(s->part);
}

/* Returns how many bytes belong to the HTTP head. */
static size_t read_head(sim_wire_stream *s, const uint8_t *data, size_t n) {
  static const char end[] = "\r\n\r\n";
  for (size_t i = 0; i < n; i++) {
    s->head = data[i] == end[s->head] ? (uint8_t)(s->head + 1) : data[i] == '\r';
    if (s->head < 4) continue;
    s->opened = true;
    return i + 1;
  }
  return n;
}

/* Not a buffer of the cores: their allocations fail on purpose. */
static void add(sim_wire_stream *s, const uint8_t *data, size_t n) {
  if (!n) return;
  if (!s->part) s->part = malloc(ENVELOPE_MAX);
  if (!s->part || s->part_size + n > ENVELOPE_MAX) abort();
  memcpy(s->part + s->part_size, data, n);
  s->part_size += n;
}

static size_t envelope_size(const uint8_t *at) {
  return HEADER + (size_t)pl_get_u16(at + 2);
}

static void take_whole(sim_wire_conn *c, const uint8_t *at, size_t n, sim_wire_take take) {
  pl_reader r = pl_reader_of(at, n);
  pl_envelope e;
  if (pl_envelope_next(&r, &e) > 0) take(c, &e);
}

/* Adds to an envelope that has begun, up to `want` bytes. Returns false when it is still shorter. */
static bool fill(sim_wire_stream *s, size_t want, const uint8_t **at, size_t *n) {
  size_t missing = want - s->part_size, more = missing < *n ? missing : *n;
  add(s, *at, more);
  *at += more;
  *n -= more;
  return s->part_size == want;
}

static void complete(sim_wire_conn *c, sim_wire_stream *s, const uint8_t **at, size_t *n, sim_wire_take take) {
  if (s->part_size < HEADER && !fill(s, HEADER, at, n)) return;
  if (!fill(s, envelope_size(s->part), at, n)) return;
  take_whole(c, s->part, s->part_size, take);
  s->part_size = 0;
}

static void take_piece(sim_wire_conn *c, sim_wire_stream *s, const pl_ws_event *event, sim_wire_take take) {
  const uint8_t *at = event->data;
  size_t n = event->size;
  if (s->part_size && n) complete(c, s, &at, &n, take);
  while (n >= HEADER && envelope_size(at) <= n) {
    size_t whole = envelope_size(at);
    take_whole(c, at, whole, take);
    at += whole;
    n -= whole;
  }
  add(s, at, n);
  if (event->last && s->part_size) s->over = true; /* an envelope never spans messages */
}

void sim_wire_stream_bytes(sim_wire_conn *c, sim_wire_stream *s, uint8_t *data, size_t n, sim_wire_take take,
                           void (*closed)(sim_wire_conn *c)) {
  pl_ws_event event;
  size_t head = s->opened ? 0 : read_head(s, data, n);
  data += head;
  n -= head;
  while (!s->over && s->opened) {
    int rc = pl_ws_read(&s->ws, &data, &n, &event);
    if (rc == 0) return;
    if (rc < 0) {
      s->over = true;
    } else if (event.type == PL_WS_BINARY) {
      take_piece(c, s, &event, take);
    } else if (event.type == PL_WS_CLOSE) {
      s->over = true;
      closed(c);
    }
  }
}
