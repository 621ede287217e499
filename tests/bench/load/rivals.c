/* The other servers: a raw TCP forwarder, a plain WebSocket relay and Socket.IO. Their messages have one fixed size,
 * so the input is a stream of these. "paired" is what the relays of tests/bench send once both ends are there. */
#include <string.h>

#include "load.h"

static void joined_at_once(bench_conn *c) {
  bench_conn_state(c, BENCH_JOINING);
  if (!c->other) bench_joined(c);
}

static void fixed_bytes(bench_conn *c, const uint8_t *data, size_t size) {
  while (size && c->state != BENCH_CLOSED) {
    size_t n;
    if (c->skip)
      n = bench_skip(c, size);
    else
      n = bench_part_fill(c, BENCH_STAMP_BYTES, data, size);
    data += n;
    size -= n;
    if (c->part_size < BENCH_STAMP_BYTES) continue;
    c->stamp = pl_get_u64(c->part);
    c->part_size = 0;
    c->skip = c->gen->options.size - BENCH_STAMP_BYTES;
    if (c->skip == 0) bench_message(c, c->stamp);
  }
}

static size_t fixed_size(const bench_conn *c) {
  return c->gen->options.size;
}
static void fixed_put(bench_out *out, const bench_conn *c, uint64_t stamp) {
  bench_out_message(out, c, stamp, c->gen->options.size);
}

/* ---- raw: 8 bytes with the pair's number, the same 8 bytes back once both are there ------------------- */
enum { RAW_GREETING = 8 };

static void raw_opened(bench_conn *c) {
  uint8_t greeting[RAW_GREETING];
  pl_put_u64(greeting, c->other ? (uint64_t)c->pair + 1 : 0);
  bench_conn_send(c, greeting, sizeof greeting);
  joined_at_once(c);
}

static void raw_bytes(bench_conn *c, const uint8_t *data, size_t size) {
  if (c->state != BENCH_READY) {
    size_t n = bench_part_fill(c, RAW_GREETING, data, size);
    data += n;
    size -= n;
    if (c->part_size < RAW_GREETING) return;
    c->part_size = 0;
    bench_joined(c);
  }
  fixed_bytes(c, data, size);
}

const bench_dialect bench_dialect_raw = {.name = "raw",
                                         .batched_by_default = true,
                                         .opened = raw_opened,
                                         .bytes = raw_bytes,
                                         .message_bytes = fixed_size,
                                         .put = fixed_put};

/* ---- ws ------------------------------------------------------------------------------------------------ */
static void pair_query(const bench_conn *c, char *out, size_t size, const char *before) {
  if (c->other)
    snprintf(out, size, "%spair=%u", before, c->pair + 1);
  else
    snprintf(out, size, "%spair=0", before);
}

static void ws_path(const bench_conn *c, char *out, size_t size) {
  pair_query(c, out, size, "/?");
}

static void ws_text(bench_conn *c, const uint8_t *data, size_t size) {
  if (c->state == BENCH_JOINING && size == 6 && memcmp(data, "paired", 6) == 0) bench_joined(c);
}

const bench_dialect bench_dialect_ws = {.name = "ws",
                                        .websocket = true,
                                        .path = ws_path,
                                        .opened = joined_at_once,
                                        .bytes = fixed_bytes,
                                        .text = ws_text,
                                        .message_bytes = fixed_size,
                                        .put = fixed_put};

/* ---- Socket.IO: Engine.IO 4 over WebSocket, binary events ---------------------------------------------- */
static const char EVENT[] = "451-[\"m\",{\"_placeholder\":true,\"num\":0}]"; /* the next binary message is its value */

static void socketio_path(const bench_conn *c, char *out, size_t size) {
  pair_query(c, out, size, "/socket.io/?EIO=4&transport=websocket&");
}

static void socketio_opened(bench_conn *c) {
  (void)c;
}

static bool starts(const uint8_t *data, size_t size, const char *with) {
  size_t n = strlen(with);
  return size >= n && memcmp(data, with, n) == 0;
}

static void socketio_text(bench_conn *c, const uint8_t *data, size_t size) {
  if (starts(data, size, "0"))
    bench_ws_send(c, 1, "40", 2);
  else if (starts(data, size, "2"))
    bench_ws_send(c, 1, "3", 1);
  else if (starts(data, size, "40"))
    joined_at_once(c);
  else if (starts(data, size, "42[\"paired\"]") && c->state == BENCH_JOINING)
    bench_joined(c);
}

static size_t socketio_emit(bench_conn *c, const uint64_t *stamps, size_t n, uint8_t *out) {
  bench_gen *g = c->gen;
  bench_out w = {.at = out, .key = 0};
  for (size_t i = 0; i < n; i++) {
    w.at += bench_ws_frame(g, w.at, 1, EVENT, sizeof EVENT - 1);
    w = bench_ws_begin(g, w.at, 2, g->options.size);
    fixed_put(&w, c, stamps[i]);
  }
  return (size_t)(w.at - out);
}

const bench_dialect bench_dialect_socketio = {.name = "socketio",
                                              .websocket = true,
                                              .path = socketio_path,
                                              .opened = socketio_opened,
                                              .bytes = fixed_bytes,
                                              .text = socketio_text,
                                              .message_bytes = fixed_size,
                                              .put = fixed_put,
                                              .emit = socketio_emit};
