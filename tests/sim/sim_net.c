/* Connections: bytes arrive in order, late and at a rate. A connection may be cut, stall, or fall silent. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_greedy.h"
#include "sim_limits.h"

enum { CHUNK_MAX = 65536, SEGMENT_MIN = 1460 };

void sim_pipe_init(sim_world *w, sim_pipe *p, uint32_t bytes_per_ms) {
  *p = (sim_pipe){.delay_us = w->delay_us, .jitter_us = w->jitter_us, .bytes_per_ms = bytes_per_ms};
  p->capacity = w->socket_bytes;
  p->end_us = SIM_NEVER;
}

size_t sim_pipe_room(const sim_pipe *p) {
  return p->waiting < p->capacity ? p->capacity - p->waiting : 0;
}

static void append(sim_world *w, sim_pipe *p, const uint8_t *data, size_t n) {
  sim_chunk *chunk = malloc(sizeof *chunk + n);
  if (!chunk) abort();
  uint64_t start = p->busy_until_us > w->now_us ? p->busy_until_us : w->now_us;
  p->busy_until_us = start + (p->bytes_per_ms ? n * 1000 / p->bytes_per_ms : 0);
  uint64_t at = p->busy_until_us + p->delay_us + sim_below(&w->random, p->jitter_us + 1u);
  if (at < p->last_arrival_us) at = p->last_arrival_us;
  p->last_arrival_us = at;
  *chunk = (sim_chunk){.arrives_us = at, .size = n};
  memcpy(chunk->data, data, n);
  if (p->last) {
    p->last->next = chunk;
  } else {
    p->first = chunk;
  }
  p->last = chunk;
  p->waiting += n;
}

size_t sim_pipe_write(sim_world *w, sim_pipe *p, const uint8_t *data, size_t n) {
  size_t room = sim_pipe_room(p), taken = n < room ? n : room,
         segment = p->bytes_per_ms ? p->bytes_per_ms * 10u : CHUNK_MAX;
  if (segment < SEGMENT_MIN) segment = SEGMENT_MIN;
  if (segment > CHUNK_MAX) segment = CHUNK_MAX;
  for (size_t at = 0; at < taken;) {
    size_t left = taken - at, piece = left;
    if (w->split_reads && left > 1 && sim_chance(&w->random, 20)) piece = (size_t)sim_between(&w->random, 1, left - 1);
    if (piece > segment) piece = segment;
    append(w, p, data + at, piece);
    at += piece;
  }
  p->blocked = taken < n;
  return taken;
}

void sim_pipe_clear(sim_pipe *p) {
  while (p->first) {
    sim_chunk *next = p->first->next;
    free(p->first);
    p->first = next;
  }
  p->last = NULL;
  p->waiting = 0;
}

uint64_t sim_pipe_due(const sim_pipe *p) {
  if (p->silent) return SIM_NEVER;
  uint64_t at = p->first ? p->first->arrives_us : p->end_us;
  return at != SIM_NEVER && at < p->held_until_us ? p->held_until_us : at;
}

sim_chunk *sim_pipe_read(sim_pipe *p) {
  sim_chunk *chunk = p->first;
  assert(chunk);
  p->first = chunk->next;
  if (!p->first) p->last = NULL;
  p->waiting -= chunk->size;
  return chunk;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

sim_conn *sim_conn_dial(sim_world *w, sim_client *c) {
  for (size_t i = 0; i < SIM_CONNS; i++) {
    sim_conn *k = &w->conns[i];
    if (k->client_state != SIM_CONN_FREE) continue;
    w->figures.dials += c != NULL;
    *k = (sim_conn){.world = w, .client_state = SIM_CONN_DIALLING, .client = c, .client_life = c ? c->life : 0};
    if (i >= w->conns_used) w->conns_used = i + 1;
    k->client_told_us = k->relay_told_us = SIM_NEVER;
    sim_pipe_init(w, &k->up, c ? c->bytes_per_ms : 0);
    sim_pipe_init(w, &k->down, c ? c->bytes_per_ms : 0);
    k->down.capacity = w->relay_socket_bytes;
    k->established_us = w->now_us + 2 * (uint64_t)k->up.delay_us;
    if (c && w->now_us < c->cut_off_until_us) k->established_us = SIM_NEVER; /* its packets go nowhere */
    k->refused = !w->relay.up;
    pl_ws_init(&k->ws, false, false, 1 << 24);
    return k;
  }
  sim_fail(w, "the world is out of connections");
}

void sim_conn_release(sim_conn *k) {
  if (k->client_state == SIM_CONN_FREE) return;
  sim_wire_release(k);
  pl_ws_deinit(&k->ws);
  sim_pipe_clear(&k->up);
  sim_pipe_clear(&k->down);
  k->client_state = SIM_CONN_FREE;
}

static void release_if_left(sim_conn *k) {
  if (k->client_state == SIM_CONN_LEFT && (k->relay_left || !k->accepted)) sim_conn_release(k);
}

/* The other side gets what was written before, and then learns of the end, unless the line is silent. */
void sim_conn_client_leaves(sim_conn *k, bool clean) {
  sim_world *w = k->world;
  k->client_state = SIM_CONN_LEFT;
  sim_pipe_clear(&k->down);
  if (!clean) sim_pipe_clear(&k->up);
  uint64_t at = w->now_us + k->up.delay_us;
  k->up.end_us = at > k->up.last_arrival_us ? at : k->up.last_arrival_us;
  release_if_left(k);
}

void sim_conn_relay_leaves(sim_conn *k, bool clean) {
  sim_world *w = k->world;
  k->relay_left = true;
  sim_wire_relay_left(k);
  k->relay_conn = NULL;
  sim_pipe_clear(&k->up);
  if (!clean) sim_pipe_clear(&k->down);
  uint64_t at = w->now_us + k->down.delay_us;
  k->down.end_us = clean && k->down.last_arrival_us > at ? k->down.last_arrival_us : at;
  release_if_left(k);
}

void sim_conn_cut(sim_conn *k) {
  sim_world *w = k->world;
  if (k->client_state == SIM_CONN_FREE) return;
  sim_pipe_clear(&k->up);
  sim_pipe_clear(&k->down);
  k->up.silent = k->down.silent = true;
  k->client_told_us = w->now_us + sim_below(&w->random, 100000);
  k->relay_told_us = w->now_us + sim_below(&w->random, 100000);
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* Like sim_poor_awake(), which only some worlds need. */
static uint64_t awake(const sim_world *w, uint64_t at_us) {
  return w->limits ? sim_poor_awake(w, at_us) : at_us;
}

static uint64_t client_due(const sim_conn *k) {
  if (k->client_state == SIM_CONN_LEFT) return SIM_NEVER;
  if (k->client_state == SIM_CONN_DIALLING) return least(awake(k->world, k->established_us), k->client_told_us);
  uint64_t at = least(sim_pipe_due(&k->down), k->client_told_us);
  if (k->greedy) return sim_greedy_conn_due(k, at);
  uint64_t asleep_until = k->client->asleep_until_us;
  return at != SIM_NEVER && at < asleep_until ? asleep_until : at;
}

static uint64_t relay_due(const sim_conn *k) {
  if (!k->relay_conn) return SIM_NEVER;
  return awake(k->world, least(sim_pipe_due(&k->up), k->relay_told_us));
}

uint64_t sim_conn_due(const sim_conn *k) {
  if (k->client_state == SIM_CONN_FREE) return SIM_NEVER;
  return least(client_due(k), relay_due(k));
}

static void client_loses(sim_conn *k) {
  sim_client *c = k->client;
  if (k->greedy) sim_greedy_socket_gone(k);
  sim_conn_client_leaves(k, false);
  if (c) sim_client_socket_gone(c, k, PL_ENETWORK);
}

static void dialled(sim_conn *k) {
  sim_world *w = k->world;
  if (k->refused || !w->relay.up || w->now_us >= k->client_told_us) {
    client_loses(k);
    return;
  }
  sim_relay_accept(&w->relay, k);
  if (k->client_state != SIM_CONN_DIALLING) return;
  if (k->greedy)
    sim_greedy_established(k);
  else
    sim_client_established(k->client, k);
}

/* As operating systems do it: not after each byte that was read, or a queue that was cut into single bytes would stay
 * so. */
static bool writable_again(const sim_pipe *p) {
  return p->blocked && sim_pipe_room(p) >= p->capacity / 2;
}

static void happen_client(sim_conn *k) {
  sim_world *w = k->world;
  if (k->client_state == SIM_CONN_DIALLING) {
    dialled(k);
  } else if (w->now_us >= k->client_told_us || (!k->down.first && !k->down.silent)) {
    client_loses(k);
  } else {
    sim_chunk *chunk = w->in_hand = sim_pipe_read(&k->down);
    if (k->greedy)
      sim_greedy_bytes(k, chunk->data, chunk->size);
    else
      sim_client_bytes(k->client, k, chunk->data, chunk->size);
    w->in_hand = NULL;
    free(chunk);
    if (k->relay_conn && writable_again(&k->down) && sim_poor_awake(w, w->now_us) == w->now_us) sim_relay_writable(k);
  }
}

static void happen_relay(sim_conn *k) {
  sim_world *w = k->world;
  if (w->now_us >= k->relay_told_us || (!k->up.first && !k->up.silent)) {
    sim_relay_socket_gone(k);
    return;
  }
  sim_chunk *chunk = w->in_hand = sim_pipe_read(&k->up);
  sim_relay_bytes(k, chunk->data, chunk->size);
  w->in_hand = NULL;
  free(chunk);
  if (k->client && k->client_state == SIM_CONN_OPEN && k->client->conn == k) sim_client_pump(k->client);
}

void sim_conn_happen(sim_conn *k) {
  uint64_t now_us = k->world->now_us;
  if (client_due(k) <= now_us) {
    happen_client(k);
  } else if (relay_due(k) <= now_us) {
    happen_relay(k);
  }
}
