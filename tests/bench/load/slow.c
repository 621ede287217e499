/* Slow receivers: the frozen ones read SIP_BYTES now and then instead of nothing, evenly spread over PERIOD_NS, and
 * their stuffers keep the window full. The bytes are discarded. */
#include "load.h"

enum { SIP_BYTES = 1024, PERIOD_NS = 250000000 };

void bench_slow_turn(bench_gen *g) {
  const bench_options *o = &g->options;
  uint64_t now = bench_clock_ns();
  if (!o->slow || o->frozen == 0) return;
  if (g->slow_start_ns == 0) g->slow_start_ns = now;
  uint64_t due = (uint64_t)((double)(now - g->slow_start_ns) / PERIOD_NS * o->frozen);
  if (due > g->slow_sips + o->frozen) g->slow_sips = due - o->frozen; /* after a long pause, missed reads are skipped */
  for (; g->slow_sips < due; g->slow_sips++) {
    bench_conn *callee = &g->conns[2 * (size_t)o->pairs + 2 * (size_t)(g->slow_sips % o->frozen) + 1];
    bench_conn *caller = callee->other;
    if (callee->state != BENCH_READY || !callee->stopped) continue;
    size_t n = bench_conn_discard(callee, SIP_BYTES);
    caller->stuffed_bytes -= n < caller->stuffed_bytes ? n : caller->stuffed_bytes;
    g->discarded += n;
    bench_pairlink_stuff(caller);
  }
}
