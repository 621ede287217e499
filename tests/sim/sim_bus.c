/* The bus between the relay's workers (relay/core/bus.h). Like a connection it keeps the order of what one worker tells
 * another, and it takes a whole batch or none of it. It may be late, stall, or be lost with everything on its way; both
 * ends are told of a loss. */
#include <stdlib.h>
#include <string.h>

#include "sim_limits.h"

enum { BATCH_BYTES = 160 * 1024 };

void sim_bus_init(sim_world *w) {
  sim_relay *r = &w->relay;
  sim_random *random = &w->extra;
  if (!sim_chance(random, 35)) return;
  r->worker_count = (unsigned)sim_between(random, 2, SIM_WORKERS);
  r->bus_delay_us = (uint32_t)sim_log_between(random, 1, 20000);
  r->bus_jitter_us = sim_chance(random, 50) ? 0 : (uint32_t)sim_below(random, r->bus_delay_us);
  r->bus_capacity = sim_chance(random, 30) ? BATCH_BYTES : 1 << 20;
  uint32_t *set = r->config.settings; /* as the shell does */
  set[PL_RELAY_SET_QUEUE_TOTAL_MAX] /= r->worker_count;
  if (set[PL_RELAY_SET_QUEUE_TOTAL_MAX] < 500000) set[PL_RELAY_SET_QUEUE_TOTAL_MAX] = 500000;
  set[PL_RELAY_SET_OPEN_TIMEOUT_MS] += 4 * (r->bus_delay_us + r->bus_jitter_us) / 1000 + 1;
}

void sim_bus_start(sim_relay *r) {
  if (r->worker_count < 2) return;
  r->shared = pl_relay_shared_new(r->config.settings);
  if (!r->shared) abort();
  for (unsigned i = 0; i < r->worker_count; i++) {
    for (unsigned k = 0; k < r->worker_count; k++) {
      sim_pipe *p = &r->bus[i][k];
      sim_pipe_init(r->world, p, 0);
      p->delay_us = r->bus_delay_us;
      p->jitter_us = r->bus_jitter_us;
      p->capacity = r->bus_capacity;
    }
  }
}

static void clear(sim_pipe *p) {
  sim_pipe_clear(p);
  p->blocked = false;
}

/* Call it after the cores were freed. */
void sim_bus_end(sim_relay *r) {
  for (unsigned i = 0; i < r->worker_count; i++)
    for (unsigned k = 0; k < r->worker_count; k++) clear(&r->bus[i][k]);
  pl_relay_shared_free(r->shared);
  r->shared = NULL;
  sim_poor_relay_ended(r->world);
}

void sim_bus_flush(sim_worker *v) {
  sim_relay *r = v->relay;
  pl_view batch;
  for (unsigned to = 0; r->shared && pl_relay_next_bus_batch(v->core, &to, &batch);) {
    sim_pipe *p = &r->bus[v->number][to];
    if (sim_pipe_room(p) < batch.size) {
      p->blocked = true;
      to++;
      continue;
    }
    (void)sim_pipe_write(r->world, p, batch.data, batch.size);
    r->world->figures.bus_batches++;
    r->world->figures.bus_bytes += batch.size;
    sim_wire_bus_sent(r, v->number, to, batch.size);
    pl_relay_bus_sent(v->core, to, batch.size, sim_now_ms(r->world));
  }
}

static uint64_t pipe_due(const sim_relay *r, unsigned from, unsigned to) {
  return r->world->limits && sim_poor_gap(r->world, from, to) ? SIM_NEVER : sim_pipe_due(&r->bus[from][to]);
}

uint64_t sim_bus_due(const sim_relay *r) {
  uint64_t at = r->shared ? sim_poor_due(r->world) : SIM_NEVER;
  for (unsigned i = 0; r->shared && i < r->worker_count; i++) {
    for (unsigned k = 0; k < r->worker_count; k++) {
      uint64_t due = pipe_due(r, i, k);
      if (due < at) at = due;
    }
  }
  return at;
}

static void arrives(sim_relay *r, unsigned from, unsigned to) {
  sim_world *w = r->world;
  sim_pipe *p = &r->bus[from][to];
  sim_chunk *chunk = w->in_hand = sim_pipe_read(p);
  sim_wire_bus_came(r, from, to, chunk->size);
  sim_poor_hunger(w);
  pl_relay_bus_receive(r->workers[to].core, from, chunk->data, chunk->size, sim_now_ms(w));
  w->in_hand = NULL;
  free(chunk);
  sim_relay_turn(&r->workers[to]);
  sim_poor_fed(w);
  if (!p->blocked) return;
  p->blocked = false;
  sim_relay_turn(&r->workers[from]);
}

bool sim_bus_happen(sim_relay *r) {
  if (r->shared && sim_poor_happen(r->world)) return true;
  for (unsigned i = 0; r->shared && i < r->worker_count; i++) {
    for (unsigned k = 0; k < r->worker_count; k++) {
      if (pipe_due(r, i, k) > r->world->now_us) continue;
      arrives(r, i, k);
      return true;
    }
  }
  return false;
}

void sim_bus_fault(sim_world *w) {
  sim_relay *r = &w->relay;
  if (!r->shared) return; /* the relay is down */
  unsigned a = (unsigned)sim_below(&w->random, r->worker_count), b = (unsigned)sim_below(&w->random, r->worker_count);
  if (a == b) b = (a + 1) % r->worker_count;
  if (sim_chance(&w->random, 50)) {
    sim_trace(w, "relay    the bus from worker %u to worker %u stalls", a, b);
    r->bus[a][b].held_until_us = w->now_us + sim_log_between(&w->random, SIM_MS(1), SIM_MS(20000));
    return;
  }
  sim_trace(w, "relay    the bus between workers %u and %u is lost", a, b);
  clear(&r->bus[a][b]);
  clear(&r->bus[b][a]);
  sim_wire_bus_lost(r, a, b);
  sim_wire_bus_lost(r, b, a);
  pl_relay_bus_lost(r->workers[a].core, b);
  pl_relay_bus_lost(r->workers[b].core, a);
  sim_relay_turn(&r->workers[a]);
  sim_relay_turn(&r->workers[b]);
}

void sim_bus_lose(sim_relay *r, unsigned from, unsigned to) {
  clear(&r->bus[from][to]);
  sim_wire_bus_lost(r, from, to);
}

void sim_bus_heal(sim_relay *r) {
  for (unsigned i = 0; i < r->worker_count; i++)
    for (unsigned k = 0; k < r->worker_count; k++) r->bus[i][k].held_until_us = 0;
}
