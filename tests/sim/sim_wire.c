/* See sim_wire.h. */
#include "sim_wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_hash.h"
#include "sim_wire_state.h"

/* ---- tools ------------------------------------------------------------------------------------------------------- */

void sim_wire_blame(sim_wire *o, const char *format, ...) {
  va_list args;
  if (o->verdict[0]) return;
  va_start(args, format);
  (void)vsnprintf(o->verdict, sizeof o->verdict, format, args);
  va_end(args);
}

static void judge(sim_wire *o) {
  if (o->verdict[0]) sim_fail(o->world, "%s", o->verdict);
}

uint32_t sim_wire_setting(const sim_wire *o, enum pl_relay_setting setting) {
  return o->world->relay.config.settings[setting];
}

uint64_t sim_wire_now_ms(const sim_wire *o) {
  return sim_now_ms(o->world);
}

uint64_t sim_wire_hash(const void *data, size_t n) {
  return sim_hash(0, data, n);
}

void sim_wire_grow(void **items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return;
  *capacity = *capacity ? 2 * *capacity : 8;
  void *more = realloc(*items, *capacity * size);
  if (!more) abort();
  *items = more;
}

/* ---- what workers know ------------------------------------------------------------------------------------------- */

static bool bus_waits(const sim_wire *o, unsigned from, unsigned to) {
  return o->bus_sent[from][to] != o->bus_came[from][to] || o->world->relay.bus[from][to].blocked;
}

bool sim_wire_bus_idle(const sim_wire *o) {
  unsigned count = o->world->relay.worker_count;
  for (unsigned i = 0; i < count; i++)
    for (unsigned k = 0; k < count; k++)
      if (i != k && bus_waits(o, i, k)) return false;
  return true;
}

sim_wire_stamp sim_wire_stamp_of(const sim_wire *o, unsigned worker) {
  sim_wire_stamp s = {.set = true, .worker = (uint8_t)worker};
  for (unsigned i = 0; i < SIM_WORKERS; i++)
    s.sent[i] = o->world->relay.bus[worker][i].blocked ? UINT64_MAX : o->bus_sent[worker][i];
  return s;
}

bool sim_wire_known(const sim_wire *o, const sim_wire_stamp *s, unsigned worker) {
  if (!s->set || s->worker == worker) return s->set;
  uint64_t came = o->bus_came[s->worker][worker];
  return came >= s->sent[worker] && came >= o->bus_again[s->worker][worker];
}

bool sim_wire_known_to_all(const sim_wire *o, const sim_wire_stamp *s) {
  for (unsigned i = 0; i < o->world->relay.worker_count; i++)
    if (!sim_wire_known(o, s, i)) return false;
  return true;
}

void sim_wire_bus_sent(sim_relay *r, unsigned from, unsigned to, size_t n) {
  r->world->observer->bus_sent[from][to] += n;
}

void sim_wire_bus_came(sim_relay *r, unsigned from, unsigned to, size_t n) {
  r->world->observer->bus_came[from][to] += n;
}

void sim_wire_bus_lost(sim_relay *r, unsigned from, unsigned to) {
  sim_wire *o = r->world->observer;
  sim_wire_logins_lost(o, from, to);
  o->bus_came[from][to] = o->bus_sent[from][to];
  o->bus_mends = true;
  o->bus_again[from][to] = UINT64_MAX; /* until everything was told again */
  sim_wire_links_lost(o, from, to);
  sim_wire_codes_lost(o);
}

/* After a loss a worker tells the other everything again, in its next turn. */
static void tell_again(sim_wire *o, unsigned from) {
  for (unsigned to = 0; to < SIM_WORKERS; to++)
    if (o->bus_again[from][to] == UINT64_MAX && !o->world->relay.bus[from][to].blocked)
      o->bus_again[from][to] = o->bus_sent[from][to];
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

bool sim_wire_blocked(const sim_wire_conn *c) {
  return c->k->down.blocked || c->full; /* the relay may have given it up before it tried again */
}

bool sim_wire_was_blocked(const sim_wire_conn *c, uint64_t since_us) {
  return sim_wire_blocked(c) || c->blocked_us >= since_us;
}

bool sim_wire_present(const sim_wire_conn *c) {
  return c->phase == SIM_WIRE_WELCOME && !c->ended;
}

static size_t index_of(const sim_conn *k) {
  return (size_t)(k - k->world->conns);
}

static sim_wire_conn *conn_of(const sim_conn *k) {
  return k->world->observer->conns[index_of(k)];
}

/* Makes the connection's model when there is none yet. */
static sim_wire_conn *conn_get(sim_conn *k) {
  sim_wire *o = k->world->observer;
  sim_wire_conn *c = conn_of(k);
  if (c) return c;
  c = o->conns[index_of(k)] = calloc(1, sizeof *c);
  if (!c) abort();
  c->wire = o;
  c->k = k;
  sim_wire_stream_init(&c->up, true);
  sim_wire_stream_init(&c->down, false);
  return c;
}

static void conn_free(sim_wire_conn *c) {
  sim_wire_stream_free(&c->up);
  sim_wire_stream_free(&c->down);
  sim_wire_journal_free(&c->answers);
  free(c->peers);
  free(c->asked);
  free(c->known_over);
  free(c);
}

static void detach_all(sim_wire_conn *c) {
  for (size_t i = 0; i < SIM_WIRE_ENDS; i++)
    while (c->ends[i]) sim_wire_detach(c->ends[i]);
  while (c->replaced) sim_wire_detach(c->replaced);
}

void sim_wire_accepted(sim_conn *k, const uint8_t address[16]) {
  sim_wire_conn *c = conn_get(k);
  memcpy(c->address, address, 16);
  c->worker = (uint8_t)k->worker->number;
  const pl_relay_config *config = &k->world->relay.config;
  c->proxied = pl_relay_cidr_has(config->trusted, config->trusted_count, address);
  c->took_us = k->world->now_us;
  if (k->relay_conn && !c->wire->connected_us) c->wire->connected_us = k->world->now_us;
  sim_wire_budget_connect(c, k->relay_conn != NULL);
}

void sim_wire_arrives(sim_conn *k, const uint8_t *data, size_t n) {
  sim_wire *o = k->world->observer;
  sim_wire_conn *c = conn_get(k);
  if (n > SIM_SCRATCH) abort();
  memcpy(o->copy, data, n);
  c->arrived_us = o->world->now_us;
  o->reads = c;
  o->charging = true;
  o->charge_count = 0;
  sim_wire_stream_bytes(c, &c->up, o->copy, n, sim_wire_conn_arrives, sim_wire_conn_close_arrives);
  o->charging = false;
}

void sim_wire_written(sim_conn *k, const uint8_t *data, size_t n) {
  sim_wire_conn *c = conn_get(k);
  if (k->down.blocked || c->full) c->blocked_us = k->world->now_us; /* until now, or from now on */
  if (n || !c->full) c->took_us = k->world->now_us;                 /* a write of nothing is an attempt */
  c->full = k->down.blocked;
  c->provoked &= c->full;
  /* What a server sends is not masked, so nothing is changed in place. */
  sim_wire_stream_bytes(c, &c->down, (uint8_t *)(uintptr_t)data, n, sim_wire_conn_written, sim_wire_conn_close_written);
}

void sim_wire_relay_left(sim_conn *k) {
  sim_wire_conn *c = conn_of(k);
  if (!c) return;
  sim_wire_conn_ends(c);
  detach_all(c);
}

void sim_wire_release(sim_conn *k) {
  sim_wire_conn *c = conn_of(k);
  if (!c) return;
  sim_wire_conn_ends(c);
  detach_all(c);
  k->world->observer->conns[index_of(k)] = NULL;
  conn_free(c);
}

void sim_wire_sent(sim_conn *k, const uint8_t *message, size_t n) {
  sim_wire *o = k->world->observer;
  sim_wire_client_sends(conn_get(k), message, n);
  judge(o);
}

void sim_wire_received(sim_conn *k, const uint8_t *message, size_t n) {
  sim_wire_client_hears(conn_get(k), message, n);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

void sim_wire_turn(sim_worker *v) {
  sim_world *w = v->relay->world;
  sim_wire *o = w->observer;
  tell_again(o, v->number);
  if (o->bus_mends && sim_wire_bus_idle(o)) o->bus_mends = false;
  sim_wire_left_turn(o, v->number);
  sim_wire_code_turn(o, v->number);
  for (size_t i = 0; i < w->conns_used; i++) {
    sim_wire_conn *c = o->conns[i];
    if (c && c->fresh && c->worker == v->number) sim_wire_conn_turn(c);
  }
  sim_wire_calls_turn(o, v->number);
  for (size_t i = 0; i < w->conns_used; i++) {
    sim_wire_conn *c = o->conns[i];
    if (c && c->unsettled && c->worker == v->number) sim_wire_conn_settle(c);
  }
  judge(o);
}

void sim_wire_doubt(sim_world *w) {
  w->observer->doubt = true;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void forget_calls(sim_wire *o) {
  pl_node *lists[] = {&o->calls, &o->past};
  for (size_t i = 0; i < 2; i++)
    while (!pl_list_empty(lists[i])) sim_wire_call_forget(PL_CONTAINER(lists[i]->next, sim_wire_link, node));
}

void sim_wire_init(sim_world *w) {
  sim_wire *o = w->observer = calloc(1, sizeof *o);
  if (!o) abort();
  o->world = w;
  o->copy = malloc(SIM_SCRATCH);
  if (!o->copy) abort();
  pl_list_init(&o->calls);
  pl_list_init(&o->past);
}

void sim_wire_relay_starts(sim_relay *r) {
  sim_wire *o = r->world->observer;
  forget_calls(o);
  o->connected_us = 0;
  o->unseen_codes = 0;
  o->pair_count = o->maybe_count = o->code_count = o->budget_count = o->login_count = 0;
  o->left_count = o->charge_count = 0;
  o->forgot_calls = o->doubt = o->bus_mends = false;
  memset(o->bus_sent, 0, sizeof o->bus_sent);
  memset(o->bus_came, 0, sizeof o->bus_came);
  memset(o->bus_again, 0, sizeof o->bus_again);
}

void sim_wire_free(sim_world *w) {
  sim_wire *o = w->observer;
  if (!o) return;
  for (size_t i = 0; i < SIM_CONNS; i++)
    if (o->conns[i]) sim_wire_release(&w->conns[i]);
  forget_calls(o);
  free(o->copy);
  free(o->codes);
  free(o->pairs);
  free(o->maybe_pairs);
  free(o->budgets);
  free(o->logins);
  free(o->left);
  free(o->charges);
  free(o);
  w->observer = NULL;
}
