/* The measurements: a cell (rounds in pairs), a storm (logins), an outage (all reconnect). Each prints one line. */
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { SETTLE_MS = 300 };

static double seconds_since(uint64_t start_ns) {
  return (double)(bench_clock_ns() - start_ns) / 1e9;
}

static void turn_for(bench_gen *g, double seconds) {
  uint64_t end = bench_clock_ns() + (uint64_t)(seconds * 1e9);
  for (uint64_t now; (now = bench_clock_ns()) < end;) {
    int left_ms = (int)((end - now) / 1000000) + 1;
    int most_ms = g->options.pause_ms ? 1 : g->options.slow ? 2 : left_ms;
    bench_turn(g, left_ms < most_ms ? left_ms : most_ms);
    bench_slow_turn(g);
    bench_resume(g);
  }
}

static size_t count_reached(const bench_gen *g, size_t first, size_t count, bench_state state) {
  size_t n = 0;
  for (size_t i = first; i < first + count; i++) n += g->conns[i].state >= state;
  return n;
}

bool bench_connect(bench_gen *g, size_t first, size_t count, bench_state state) {
  uint64_t start = bench_clock_ns(), failed = g->failed;
  uint64_t greeted = g->greeted, ready = g->ready;
  size_t next = 0;
  for (;;) {
    while (next < count && next < (size_t)(g->greeted - greeted) + g->options.concurrency) {
      if (bench_conn_start(&g->conns[first + next]) != 0) {
        perror("pl-bench-load: no further socket");
        return false;
      }
      next++;
    }
    if (g->failed != failed) return false;
    if (next == count && (state == BENCH_READY ? g->ready - ready : g->greeted - greeted) >= count) return true;
    if (seconds_since(start) > g->options.patience_seconds) {
      fprintf(stderr, "pl-bench-load: %zu of %zu sockets are joined after %.0f s\n",
              count_reached(g, first, count, state), count, g->options.patience_seconds);
      return false;
    }
    bench_turn(g, 50);
  }
}

/* Prints "name":value, or null for a negative value. */
static void field(const char *name, double value, int decimals) {
  if (value < 0)
    printf(",\"%s\":null", name);
  else
    printf(",\"%s\":%.*f", name, decimals, value);
}

typedef struct interval {
  uint64_t start_ns;
  double server_cpu, own_cpu;
} interval;

static interval interval_start(const bench_gen *g) {
  interval i = {.own_cpu = bench_own_cpu_s(), .server_cpu = -1};
  if (g->options.server_pid) i.server_cpu = bench_process_cpu_s(g->options.server_pid);
  i.start_ns = bench_clock_ns();
  return i;
}

/* Turns a start into differences: seconds, CPU of the server (negative when not known) and CPU of the generator. */
static double interval_end(const bench_gen *g, interval *i) {
  double seconds = seconds_since(i->start_ns), server = -1;
  if (g->options.server_pid) server = bench_process_cpu_s(g->options.server_pid);
  i->server_cpu = server < 0 || i->server_cpu < 0 ? -1 : server - i->server_cpu;
  i->own_cpu = bench_own_cpu_s() - i->own_cpu;
  return seconds;
}

static void print_head(const bench_gen *g) {
  const bench_options *o = &g->options;
  printf("{\"server\":\"%s\",\"tls\":%s", o->label, o->tls ? "true" : "false");
}

/* The generator limited the result when it was never idle while the server was. */
static void print_shares(const interval *i, double seconds) {
  double server = i->server_cpu < 0 ? -1 : i->server_cpu / seconds, own = i->own_cpu / seconds;
  field("server_cpu_share", server, 3);
  field("generator_cpu_share", own, 3);
  printf(",\"generator_limited\":%s", own > 0.97 && server < 0.97 ? "true" : "false");
}

static void print_cell(const bench_gen *g, const interval *i, double seconds, double kb_per_socket) {
  const bench_options *o = &g->options;
  const bench_histogram *h = &g->rounds;
  print_head(g);
  printf(
      ",\"pairs\":%u,\"window\":%u,\"size\":%u,\"both\":%s,\"batched_input\":%s,\"idle\":%u,\"frozen\":%u,\"slow\":%s",
      o->pairs, o->window, o->size, o->both ? "true" : "false", o->batch && !g->dialect->emit ? "true" : "false",
      o->idle, o->frozen, o->slow ? "true" : "false");
  if (o->slow) field("discarded_bytes", (double)g->discarded, 0);
  field("seconds", seconds, 3);
  printf(",\"envelopes\":%llu", (unsigned long long)g->messages);
  field("envelopes_per_s", (double)g->messages / seconds, 0);
  field("cpu_us", g->messages && i->server_cpu >= 0 ? i->server_cpu * 1e6 / (double)g->messages : -1, 4);
  field("p50_us", h->total ? (double)bench_histogram_quantile(h, 0.5) / 1e3 : -1, 1);
  field("p99_us", h->total ? (double)bench_histogram_quantile(h, 0.99) / 1e3 : -1, 1);
  field("max_us", h->total ? (double)h->max / 1e3 : -1, 1);
  field("kb_per_socket", kb_per_socket, 3);
  field("rss_kb", o->server_pid ? bench_process_rss_kb(o->server_pid) : -1, 0);
  print_shares(i, seconds);
  printf(",\"failed\":%llu,\"resets\":%llu}\n", (unsigned long long)g->failed, (unsigned long long)g->resets);
}

/* Connects the idle sockets. Returns the server's growth per socket in KiB, negative when it is not known. */
static double connect_idle(bench_gen *g, size_t first) {
  const bench_options *o = &g->options;
  if (o->idle == 0) return -1;
  double before = o->server_pid ? bench_process_rss_kb(o->server_pid) : -1;
  if (!bench_connect(g, first, o->idle, BENCH_READY)) return -2;
  turn_for(g, SETTLE_MS / 1e3);
  double after = o->server_pid ? bench_process_rss_kb(o->server_pid) : -1;
  return before < 0 || after < before ? -1 : (after - before) / o->idle;
}

static bool all_sent(const bench_gen *g, size_t first, size_t count) {
  for (size_t i = first; i < first + count; i++)
    if (g->conns[i].out.size) return false;
  return true;
}

/* Waits until the kernel has taken everything and the server was idle for a moment, or until a timeout. */
static void settle(bench_gen *g, size_t first, size_t count) {
  uint64_t start = bench_clock_ns();
  for (double busy = 1; busy > (g->options.slow ? 0.3 : 0.05) && seconds_since(start) < g->options.patience_seconds;) {
    interval i = interval_start(g);
    turn_for(g, SETTLE_MS / 1e3);
    double seconds = interval_end(g, &i);
    busy = all_sent(g, first, count) ? i.server_cpu / seconds : 1;
  }
}

int bench_mode_cell(bench_gen *g) {
  const bench_options *o = &g->options;
  size_t paired = 2 * (size_t)o->pairs, stuffed = 2 * (size_t)o->frozen;
  if (!bench_connect(g, 0, paired, BENCH_READY)) return 1;
  double kb_per_socket = connect_idle(g, paired + stuffed);
  if (kb_per_socket < -1) return 1;
  if (!bench_connect(g, paired, stuffed, BENCH_READY)) return 1;
  /* This starts only once all are joined, because a relay whose queues are full opens no links. */
  for (size_t i = paired; i < paired + stuffed; i += 2) bench_pairlink_stuff(&g->conns[i]);
  if (stuffed) settle(g, paired, stuffed);
  for (size_t i = 0; i < paired; i++) bench_start_rounds(&g->conns[i]);
  if (o->announce) {
    printf("{\"event\":\"rounds\"}\n");
    fflush(stdout);
  }
  turn_for(g, o->warmup_seconds);
  g->measuring = true;
  interval i = interval_start(g);
  turn_for(g, o->seconds);
  while (g->rounds.total == 0 && o->pairs && seconds_since(i.start_ns) < o->patience_seconds)
    bench_turn(g, 50); /* the machine is busy */
  double seconds = interval_end(g, &i);
  g->measuring = false;
  print_cell(g, &i, seconds, kb_per_socket);
  return g->failed ? 1 : 0;
}

/* Logs all sockets in. Returns false when not all succeeded. */
static bool storm(bench_gen *g, interval *i, double *seconds) {
  *i = interval_start(g);
  if (!bench_connect(g, 0, g->conn_count, BENCH_JOINING)) return false;
  *seconds = interval_end(g, i);
  return true;
}

/* Logs the same identities in again, after the server has seen all of them leave. */
static bool storm_again(bench_gen *g) {
  double seconds;
  interval i;
  for (size_t k = 0; k < g->conn_count; k++) bench_conn_close(&g->conns[k]);
  turn_for(g, SETTLE_MS / 1e3);
  if (!storm(g, &i, &seconds)) return false;
  field("again_logins_per_s", (double)g->conn_count / seconds, 0);
  field("again_cpu_us", i.server_cpu < 0 ? -1 : i.server_cpu * 1e6 / (double)g->conn_count, 1);
  return true;
}

int bench_mode_storm(bench_gen *g) {
  interval i;
  double seconds;
  if (!storm(g, &i, &seconds)) return 1;
  print_head(g);
  printf(",\"storm\":%zu,\"concurrency\":%u,\"verified\":%s", g->conn_count, g->options.concurrency,
         g->options.verify ? "true" : "false");
  field("seconds", seconds, 3);
  field("logins_per_s", (double)g->conn_count / seconds, 0);
  field("cpu_us", i.server_cpu < 0 ? -1 : i.server_cpu * 1e6 / (double)g->conn_count, 1);
  print_shares(&i, seconds);
  bool good = !g->options.again || storm_again(g);
  printf("}\n");
  return good ? 0 : 1;
}

/* Reconnects the sockets that are due, with full jitter from 0.25 s, doubling to 10 s. */
static void reconnect(bench_gen *g) {
  uint64_t now = bench_clock_ns();
  for (size_t i = 0; i < g->conn_count; i++) {
    bench_conn *c = &g->conns[i];
    if (c->state == BENCH_CLOSED && c->retry_at_ns == 0) {
      double most = 0.25 * (double)(1u << (c->attempts < 6 ? c->attempts : 6));
      c->attempts++;
      c->retry_at_ns = now + (uint64_t)((most > 10 ? 10 : most) * bench_fraction(g) * 1e9) + 1;
    }
    if (c->retry_at_ns == 0 || c->retry_at_ns > now) continue;
    c->retry_at_ns = 0;
    if (c->state == BENCH_CLOSED)
      (void)bench_conn_start(c); /* a refusal counts as one more attempt */
    else if (c->state == BENCH_JOINING)
      bench_pairlink_open(c);
  }
}

int bench_mode_outage(bench_gen *g) {
  const double limit = g->options.patience_seconds;
  if (!bench_connect(g, 0, g->conn_count, BENCH_READY)) return 1;
  g->reconnects = true;
  printf("{\"event\":\"linked\",\"sockets\":%zu}\n", g->conn_count);
  fflush(stdout);
  uint64_t start = bench_clock_ns(), lost_ns = 0, back_ns = 0;
  while (seconds_since(start) < limit && !(back_ns && g->ready == g->conn_count)) {
    bench_turn(g, 5);
    if (!lost_ns && g->ready == 0) lost_ns = bench_clock_ns();
    if (!lost_ns) continue;
    if (!back_ns && g->greeted > 0) back_ns = bench_clock_ns();
    reconnect(g);
  }
  print_head(g);
  printf(",\"outage\":%zu,\"linked\":%llu", g->conn_count, (unsigned long long)g->ready);
  field("away_s", back_ns ? (double)(back_ns - lost_ns) / 1e9 : -1, 3);
  field("all_linked_s", back_ns && g->ready == g->conn_count ? seconds_since(back_ns) : -1, 3);
  printf(",\"attempts_lost\":%llu,\"resets\":%llu}\n", (unsigned long long)g->lost, (unsigned long long)g->resets);
  return g->ready == g->conn_count ? 0 : 1;
}
