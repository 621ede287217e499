/* What the dialects share: items of a byte stream that arrive in pieces, and framed outgoing messages. */
#include <string.h>

#include "load.h"

enum { PART_MAX = 1 << 20 };

size_t bench_part_fill(bench_conn *c, size_t want, const uint8_t *data, size_t size) {
  if (want <= c->part_size) return 0;
  size_t n = want - c->part_size;
  if (n > size) n = size;
  if (c->part_size + n > c->part_capacity) {
    size_t capacity = c->part_size + n < 64 ? 64 : c->part_size + n;
    uint8_t *part = capacity <= PART_MAX ? pl_realloc(c->part, capacity) : NULL;
    if (!part) {
      bench_conn_fail(c, "no memory");
      return size;
    }
    c->part = part;
    c->part_capacity = capacity;
  }
  memcpy(c->part + c->part_size, data, n);
  c->part_size += n;
  return n;
}

size_t bench_skip(bench_conn *c, size_t size) {
  size_t n = c->skip < size ? c->skip : size;
  c->skip -= n;
  if (c->skip == 0) bench_message(c, c->stamp);
  return n;
}

void bench_out_message(bench_out *out, const bench_conn *c, uint64_t stamp, size_t size) {
  uint8_t bytes[BENCH_STAMP_BYTES];
  pl_put_u64(bytes, stamp);
  bench_out_put(out, bytes, sizeof bytes);
  bench_out_put(out, c->gen->pool, size - sizeof bytes);
}

/* Frames n messages: each in its own WebSocket message, or as many in one as the server accepts. */
size_t bench_emit(bench_conn *c, const uint64_t *stamps, size_t n, uint8_t *out) {
  bench_gen *g = c->gen;
  const bench_dialect *d = g->dialect;
  if (d->emit) return d->emit(c, stamps, n, out);
  size_t each = d->message_bytes(c), group = 1;
  if (g->options.batch || !d->websocket) group = d->websocket ? g->message_max / each : n;
  if (group == 0) group = 1;
  bench_out w = {.at = out, .key = 0};
  for (size_t i = 0; i < n;) {
    size_t in_this = n - i < group ? n - i : group;
    if (d->websocket) w = bench_ws_begin(g, w.at, 2, in_this * each);
    for (size_t end = i + in_this; i < end; i++) d->put(&w, c, stamps[i]);
  }
  return (size_t)(w.at - out);
}
