/* See workers.h. */
#include "workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void workers_start(workers *all) {
  all->shared = pl_relay_shared_new(all->w[0].settings);
  assert_non_null(all->shared);
  for (unsigned i = 0; i < WORKERS; i++) {
    all->w[i].shared = all->shared;
    all->w[i].next_challenge = (uint8_t)(i * 64);
    world_start(&all->w[i]);
  }
}

static void workers_stop(workers *all) {
  for (unsigned i = 0; i < WORKERS; i++) world_free_clients(&all->w[i]);
  workers_settle(all);
  for (unsigned i = 0; i < WORKERS; i++) world_end(&all->w[i]);
  pl_relay_shared_free(all->shared);
}

int workers_setup(void **state) {
  workers *all = calloc(1, sizeof *all);
  if (!all) return -1;
  for (unsigned i = 0; i < WORKERS; i++) {
    world_init(&all->w[i], *state);
    all->w[i].worker = i;
    all->w[i].workers = WORKERS;
    for (unsigned j = 0; j < WORKERS; j++) all->pipes[i][j].bytes = malloc(PIPE_BYTES);
  }
  workers_start(all);
  *state = all;
  return 0;
}

int workers_teardown(void **state) {
  workers *all = *state;
  workers_stop(all);
  for (unsigned i = 0; i < WORKERS; i++)
    for (unsigned j = 0; j < WORKERS; j++) free(all->pipes[i][j].bytes);
  free(all);
  return 0;
}

void workers_restart(workers *all) {
  workers_stop(all);
  for (unsigned i = 0; i < WORKERS; i++) {
    all->w[i].now_ms = 1000;
    all->w[i].known_count = all->w[i].held_count = 0;
  }
  workers_start(all);
}

void workers_collect(workers *all, unsigned from) {
  pl_relay *relay = all->w[from].relay;
  pl_view batch;
  for (unsigned to = 0; pl_relay_next_bus_batch(relay, &to, &batch);) {
    pipe_bytes *p = &all->pipes[from][to];
    assert_int_not_equal(from, to); /* a worker tells itself nothing */
    if (p->stalled) {
      to++;
      continue;
    }
    assert_true(p->size + batch.size <= PIPE_BYTES);
    memcpy(p->bytes + p->size, batch.data, batch.size);
    p->size += batch.size;
    pl_relay_bus_sent(relay, to, batch.size, all->w[from].now_ms);
  }
}

bool workers_deliver(workers *all, unsigned from, unsigned to) {
  pipe_bytes *p = &all->pipes[from][to];
  workers_collect(all, from);
  if (p->size == 0) return false;
  size_t size = p->size;
  uint8_t *copy = malloc(size);
  memcpy(copy, p->bytes, size);
  p->size = 0;
  pl_relay_bus_receive(all->w[to].relay, from, copy, size, all->w[to].now_ms);
  free(copy);
  return true;
}

void workers_settle(workers *all) {
  for (bool more = true; more;) {
    more = false;
    for (unsigned i = 0; i < WORKERS; i++) {
      world_turn(&all->w[i]);
      for (unsigned j = 0; j < WORKERS; j++)
        if (i != j && workers_deliver(all, i, j)) more = true;
    }
  }
  for (unsigned i = 0; i < WORKERS; i++) world_turn(&all->w[i]);
}

void workers_pass(workers *all, uint64_t ms) {
  for (unsigned i = 0; i < WORKERS; i++) world_pass(&all->w[i], ms);
  workers_settle(all);
}

client *workers_login(workers *all, unsigned worker, uint8_t seed, bool listen) {
  client *c = client_new(&all->w[worker], seed);
  client_login(c, listen);
  workers_settle(all);
  return c;
}

void workers_expect(client *c, uint8_t type, uint32_t *link, int reason) {
  const seen *s = client_next(c);
  assert_non_null(s);
  assert_int_equal(s->type, type);
  if (link && *link) assert_int_equal(s->link, *link);
  if (link) *link = s->link;
  if (reason) assert_int_equal(pl_get_u16(s->payload), reason);
}

void workers_expect_nothing(client *c) {
  assert_null(client_next(c));
}
