/* See sim_inside.h: a relay that nobody uses is empty. */
#include "relay/core/accounts.h"
#include "relay/core/bus.h"
#include "relay/core/nameplates.h"
#include "relay/core/queue.h"
#include "sim_inside_walk.h"

enum { CROWD_COUNTS = 2 * 16384, RATES_EVERY = 16 /* seeds, because the tables are large */ };

uint64_t sim_inside_patience_ms(const sim_relay *r) {
  const uint32_t *set = r->config.settings;
  uint64_t store_ms = 5000, bus_ms = 4 * (uint64_t)(r->bus_delay_us + r->bus_jitter_us) / 1000 + 1, wheel_ms = 20000;
  return (uint64_t)set[PL_RELAY_SET_LOGIN_TIMEOUT_MS] + set[PL_RELAY_SET_DEAD_AFTER_MS] +
         2 * (uint64_t)set[PL_RELAY_SET_CLOSE_TIMEOUT_MS] + set[PL_RELAY_SET_HTTP_TIMEOUT_MS] +
         set[PL_RELAY_SET_OPEN_TIMEOUT_MS] + PL_CONST_CODE_LIFETIME_MS + wheel_ms + store_ms + bus_ms;
}

static void check_lists(const sim_walk *x) {
  const pl_relay *relay = x->relay;
  const pl_node *lists[] = {&relay->dirty,   &relay->connecting, &relay->answering, &relay->quiet,  &relay->pinged,
                            &relay->closing, &relay->aborted,    &relay->queues,    &relay->untold, &relay->opens};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(lists); i++)
    sim_must(x, pl_list_empty(lists[i]), "a list is not empty at the end");
}

static void check_tables(const sim_walk *x) {
  const pl_relay *relay = x->relay;
  for (size_t i = 0; i < relay->bucket_count; i++) sim_must(x, !relay->buckets[i], "an ID is left at the end");
  for (size_t i = 0; i < relay->nameplates.bucket_count; i++)
    sim_must(x, !relay->nameplates.buckets[i], "the number of a code is left at the end");
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    sim_must(x, pl_list_empty(&relay->nameplates.wheel[i]), "a number is left in the wheel at the end");
}

static void check_counters(const sim_walk *x) {
  const pl_relay *relay = x->relay;
  const pl_relay_stats *s = &relay->stats;
  sim_must(x, s->sockets == 0 && s->ready == 0, "a socket is counted at the end");
  sim_must(x, s->links == 0, "a link is counted at the end");
  sim_must(x, s->nameplates == 0, "the number of a code is counted at the end");
  sim_must(x, relay->queued_bytes == 0, "bytes are counted at the end");
  sim_must(x, relay->presence_count == 0 && relay->peer_entries == 0, "an ID or entry is counted at the end");
  sim_must(x, relay->accounts.count == relay->node_count, "an account is left at the end");
  sim_must(x, relay->accounts.holders == 0 && pl_list_empty(&relay->accounts.holding),
           "an account holds bytes at the end");
  sim_must(x, pl_relay_deadline(relay) == PL_NEVER, "a timer runs at the end");
}

static void check_node(const sim_walk *x, const pl_relay_bus_node *node) {
  const pl_relay_conn *conn = &node->conn;
  sim_must(x, !conn->out.memory && conn->control.size == 0 && conn->control.capacity == 0,
           "bytes wait for a worker at the end");
  sim_must(x, conn->held == 0 && conn->queued == 0 && pl_list_empty(&conn->turns), "a worker holds bytes at the end");
  sim_must(x, node->untold == 0 && !conn->lost, "a worker must still be told something at the end");
  sim_must(x, conn->ws.message.size == 0 && conn->ws.header_have == 0, "half a message of a worker is left at the end");
  for (size_t side = 0; side < 2; side++)
    for (uint32_t i = 0; i < conn->slots[side].count; i++)
      sim_must(x, !conn->slots[side].at[i].half, "a link to another worker is left at the end");
}

/* A budget is full again a minute after it was last used, that of registrations an hour. */
static void check_rate(const sim_walk *x, const pl_relay_rate *rate, size_t entries, bool refilled) {
  uint64_t latest_us = x->now_ms * 1000 + (refilled ? 0 : (rate->burst + 1) * rate->interval_us);
  sim_must(x, rate->sets * PL_RELAY_SHARED_WAYS == entries, "the table of a budget has another size");
  for (size_t i = 0; i < entries; i++)
    sim_must(x, PL_RELAY_LOAD(rate->entries[i].due_us) <= latest_us, "a budget is not full again at the end");
}

static void check_shared(const sim_walk *x) {
  const pl_relay_shared *s = x->relay->shared;
  const pl_relay_rate *small[] = {&s->connects, &s->knocks, &s->knocks_from, &s->knocks_to,
                                  &s->codes,    &s->claims, &s->code_misses};
  const pl_relay_rate *large[] = {&s->caller_to, &s->address_to, &s->newcomers};
  sim_must(x, PL_RELAY_LOAD(s->sockets) == 0, "a socket is counted for all workers at the end");
  for (size_t i = 0; i < CROWD_COUNTS; i++)
    sim_must(x, PL_RELAY_LOAD(s->crowd.counts[i]) == 0, "a connection is counted for its address at the end");
  if (x->v->relay->world->seed % RATES_EVERY) return;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(small); i++) check_rate(x, small[i], 4096, true);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(large); i++) check_rate(x, large[i], 32768, true);
  check_rate(x, &s->registrations, 4096, false);
}

static void check_worker(sim_worker *v, bool at_end) {
  sim_walk x = {.v = v, .relay = v->core, .now_ms = sim_now_ms(v->relay->world)};
  check_counters(&x);
  check_lists(&x);
  check_tables(&x);
  for (unsigned i = 0; i < v->core->node_count; i++) check_node(&x, &v->core->nodes[i]);
  if (at_end && v->number == 0) check_shared(&x);
}

void sim_inside_started(sim_relay *r) {
  for (unsigned i = 0; i < r->worker_count; i++) check_worker(&r->workers[i], false);
}

void sim_inside_end(sim_relay *r) {
  sim_world *w = r->world;
  if (!r->up) sim_fail(w, "the relay is down at the end");
  for (size_t i = 0; i < SIM_JOBS; i++)
    if (r->jobs[i].used) sim_fail(w, "the store still looks something up at the end");
  for (size_t i = 0; i < w->conns_used; i++)
    if (w->conns[i].client_state != SIM_CONN_FREE) sim_fail(w, "a connection is left at the end");
  for (unsigned i = 0; i < r->worker_count; i++) check_worker(&r->workers[i], true);
}
