/* The generator itself: memory, the roles of sockets, clock, randomness, one turn of the loop. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum { RX_BYTES = 512 << 10, EVENTS = 512, TX_SPARE = 1 << 20, PER_MESSAGE_SPARE = 160 };

uint64_t bench_clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_random(bench_gen *g) {
  g->random ^= g->random << 13;
  g->random ^= g->random >> 7;
  g->random ^= g->random << 17;
  return g->random * 0x2545f4914f6cdd1dull;
}

double bench_fraction(bench_gen *g) {
  return (double)(bench_random(g) >> 11) / 9007199254740992.0;
}

static void place(bench_gen *g, size_t i, bench_role role, bench_conn *other, uint32_t pair) {
  bench_conn *c = &g->conns[i];
  c->gen = g;
  c->fd = -1;
  c->role = role;
  c->other = other;
  c->pair = pair;
  pl_buffer_init(&c->out, 64 << 20);
}

static int make_identities(bench_gen *g) {
  for (size_t i = 0; i < g->conn_count; i++) {
    uint8_t seed[PL_SEED_BYTES];
    for (size_t k = 0; k < sizeof seed; k++) seed[k] = (uint8_t)(bench_random(g) >> 24);
    for (size_t k = 0; k < 8; k++) g->conns[i].instance[k] = (uint8_t)(bench_random(g) >> 24);
    if (pl_identity_from_seed(&g->conns[i].identity, seed) != 0) return PL_ESYSTEM;
  }
  return 0;
}

/* Callers and callees alternate, so that the ends of a pair connect one after the other. */
static void place_all(bench_gen *g) {
  const bench_options *o = &g->options;
  size_t i = 0;
  uint32_t pairs = o->mode == BENCH_MODE_OUTAGE ? o->sockets / 2 : o->mode != BENCH_MODE_STORM ? o->pairs : 0;
  for (uint32_t p = 0; p < pairs + (pairs || o->mode == BENCH_MODE_CELL ? o->frozen : 0); p++, i += 2) {
    bool live = p < pairs;
    place(g, i, live ? BENCH_CALLER : BENCH_STUFFER, &g->conns[i + 1], o->from + p);
    place(g, i + 1, live ? BENCH_CALLEE : BENCH_FROZEN, &g->conns[i], o->from + p);
  }
  for (; i < g->conn_count; i++) place(g, i, BENCH_IDLE, NULL, 0);
}

static size_t sockets_of(const bench_options *o) {
  if (o->mode == BENCH_MODE_STORM) return o->sockets;
  if (o->mode == BENCH_MODE_OUTAGE) return o->sockets & ~1u;
  return 2 * ((size_t)o->pairs + o->frozen) + o->idle;
}

int bench_gen_init(bench_gen *g, const bench_options *options) {
  memset(g, 0, sizeof *g);
  g->options = *options;
  g->dialect = bench_dialect_find(options->server);
  g->random = bench_clock_ns() | 1;
  g->message_max = 65536; /* for servers that announce nothing */
  g->link_window = 1 << 20;
  g->conn_count = sockets_of(options);
  g->epoll = epoll_create1(EPOLL_CLOEXEC);
  g->rx_size = RX_BYTES;
  g->due_max = 2 * (size_t)options->window + 16;
  g->tx_size = g->due_max * (options->size + PER_MESSAGE_SPARE) + TX_SPARE;
  g->conns = pl_alloc((g->conn_count ? g->conn_count : 1) * sizeof *g->conns);
  g->rx = pl_alloc(g->rx_size);
  g->tx = pl_alloc(g->tx_size);
  if (options->tls) g->sealed = pl_alloc(g->rx_size);
  g->pool = pl_alloc(65536);
  g->due = pl_alloc(g->due_max * sizeof *g->due);
  if (g->epoll < 0 || !g->conns || !g->rx || !g->tx || (options->tls && !g->sealed) || !g->pool || !g->due)
    return PL_ENOMEM;
  for (size_t i = 0; i < 65536; i++) g->pool[i] = (uint8_t)(bench_random(g) >> 40);
  snprintf(g->origin, sizeof g->origin, "%s://%s:%d", options->tls ? "https" : "http", options->host, options->port);
  if (options->tls && !(g->tls = bench_tls_new())) return PL_ESYSTEM;
  bench_ws_key(g);
  place_all(g);
  return g->dialect == &bench_dialect_pairlink ? make_identities(g) : 0;
}

void bench_gen_deinit(bench_gen *g) {
  for (size_t i = 0; g->conns && i < g->conn_count; i++) {
    bench_conn_close(&g->conns[i]);
    pl_free(g->conns[i].part);
    pl_free(g->conns[i].text);
    pl_identity_deinit(&g->conns[i].identity);
  }
  pl_free(g->conns);
  pl_free(g->rx);
  pl_free(g->tx);
  pl_free(g->sealed);
  pl_free(g->pool);
  pl_free(g->due);
  SSL_CTX_free(g->tls);
  if (g->epoll >= 0) close(g->epoll);
}

void bench_turn(bench_gen *g, int timeout_ms) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(g->epoll, events, EVENTS, timeout_ms);
  for (int i = 0; i < n; i++) bench_conn_event(events[i].data.ptr, events[i].events);
}
