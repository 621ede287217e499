/* The rounds of a pair: the end that made a message gets it back from the other, notes the time and makes the next one.
 */
#include "load.h"

/* A stamp is the time when the message was made, shifted by one, with a low bit that says which end made it. */
static uint64_t stamp_now(const bench_conn *c) {
  return (c->gen->now_ns << 1) | (c->role == BENCH_CALLER ? 0 : 1);
}

void bench_message(bench_conn *c, uint64_t stamp) {
  bench_gen *g = c->gen;
  if (c->role > BENCH_CALLEE || g->due_count == g->due_max) return;
  if (g->options.leavers) { /* these talk at a steady rate, and the times are those of one way */
    if (c->role != BENCH_CALLEE) return;
    g->messages++;
    if (g->measuring) bench_histogram_add(&g->rounds, g->now_ns - (stamp >> 1));
    return;
  }
  bool mine = (stamp & 1) == (stamp_now(c) & 1);
  if (g->measuring) {
    g->messages++;
    if (mine) bench_histogram_add(&g->rounds, g->now_ns - (stamp >> 1));
  }
  if (mine && g->options.pause_ms) {
    c->resume_ns = g->now_ns + g->options.pause_ms * UINT64_C(1000000);
    return;
  }
  g->due[g->due_count++] = mine ? stamp_now(c) : stamp;
}

void bench_send_due(bench_conn *c) {
  bench_gen *g = c->gen;
  if (g->due_count == 0) return;
  size_t n = c->state == BENCH_READY ? bench_emit(c, g->due, g->due_count, g->tx) : 0;
  g->due_count = 0;
  if (n) bench_conn_send(c, g->tx, n);
}

void bench_start_rounds(bench_conn *c) {
  bench_gen *g = c->gen;
  if (c->role == BENCH_CALLEE && !g->options.both) return;
  g->now_ns = bench_clock_ns();
  g->due_count = 0;
  for (uint32_t i = 0; i < g->options.window && g->due_count < g->due_max; i++) g->due[g->due_count++] = stamp_now(c);
  bench_send_due(c);
}

void bench_resume(bench_gen *g) {
  uint64_t now = bench_clock_ns();
  for (size_t i = 0; g->options.pause_ms && i < 2 * (size_t)g->options.pairs; i++) {
    bench_conn *c = &g->conns[i];
    if (c->resume_ns == 0 || c->resume_ns > now) continue;
    c->resume_ns = 0;
    bench_start_rounds(c);
  }
}

void bench_joined(bench_conn *c) {
  bench_conn_state(c, BENCH_READY);
  if (c->role == BENCH_FROZEN) bench_conn_stop_reading(c);
}
