/* What goes wrong, one thing at a time or several at once, and the end of all faults. */
#include <string.h>

#include "sim_limits.h"
#include "sim_moves.h"

static sim_conn *any_conn(sim_world *w) {
  size_t first = (size_t)sim_below(&w->random, SIM_CONNS);
  for (size_t i = 0; i < SIM_CONNS; i++) {
    sim_conn *k = &w->conns[(first + i) % SIM_CONNS];
    if (k->client && k->client_state != SIM_CONN_FREE && k->client_state != SIM_CONN_LEFT) return k;
  }
  return NULL;
}

static void hold(sim_world *w, sim_conn *k) {
  uint64_t until_us = w->now_us + sim_log_between(&w->random, SIM_MS(1), SIM_MS(60000));
  if (sim_chance(&w->random, 70)) k->up.held_until_us = until_us;
  if (sim_chance(&w->random, 70)) k->down.held_until_us = until_us;
  sim_trace(w, "net      a connection of client %d stalls", k->client->index);
}

static void fall_silent(sim_world *w, sim_conn *k) {
  uint64_t which = sim_below(&w->random, 3);
  if (which != 0) k->up.silent = true;
  if (which != 1) k->down.silent = true;
  sim_trace(w, "net      a connection of client %d falls silent", k->client->index);
}

/* All connections of the client end or stall silently, and new ones lead nowhere. */
static void cut_off(sim_world *w, sim_client *c) {
  c->cut_off_until_us = w->now_us + sim_log_between(&w->random, SIM_MS(100), SIM_MS(120000));
  for (size_t i = 0; i < SIM_CONNS; i++) {
    sim_conn *k = &w->conns[i];
    if (k->client_state == SIM_CONN_FREE || k->client != c) continue;
    if (sim_chance(&w->random, 50)) {
      k->up.silent = k->down.silent = true;
    } else {
      k->up.held_until_us = k->down.held_until_us = c->cut_off_until_us;
    }
  }
  sim_trace(w, "net      client %d is cut off", c->index);
}

void sim_fault(sim_world *w) {
  sim_random *r = &w->random;
  sim_client *c = &w->clients[sim_below(r, (uint64_t)w->clients_count)];
  sim_conn *k = any_conn(w);
  uint64_t time_us; /* drawn first: the order in which arguments are evaluated is not defined */
  w->figures.faults++;
  if (sim_poor_fault(w) || sim_crowds_fault(w) || sim_moves_fault(w)) return;
  if (w->relay.worker_count > 1 && sim_chance(r, 25)) {
    sim_bus_fault(w);
    return;
  }
  switch (sim_below(r, w->hostile ? 14 : 11)) {
    case 0:
    case 1:
      if (k) sim_conn_cut(k);
      break;
    case 2:
      if (k) hold(w, k);
      break;
    case 3:
      if (k) fall_silent(w, k);
      break;
    case 4:
      cut_off(w, c);
      break;
    case 5:
    case 6:
      time_us = sim_log_between(r, SIM_MS(1), SIM_MS(20000));
      sim_relay_crash(&w->relay, time_us, sim_chance(r, 30));
      break;
    case 7:
      w->figures.crashes += c->engine != NULL;
      time_us = sim_log_between(r, SIM_MS(1), SIM_MS(30000));
      sim_client_crash(c, time_us, sim_chance(r, 30));
      break;
    case 8:
      c->asleep_until_us = w->now_us + sim_log_between(r, SIM_MS(100), SIM_MS(sim_chance(r, 20) ? 4000000 : 90000));
      sim_trace(w, "client %d is suspended", c->index);
      break;
    case 9:
      w->relay.store_slow_until_us = w->now_us + sim_log_between(r, SIM_MS(100), SIM_MS(60000));
      if (sim_chance(r, 30)) sim_relay_drain(&w->relay);
      break;
    case 11:
    case 12:
    case 13:
      c->hostile_until_us = w->now_us + sim_log_between(r, SIM_MS(100), SIM_MS(60000));
      break;
    default:
      c->lossy_until_us = w->now_us + sim_log_between(r, SIM_MS(100), SIM_MS(60000));
      break;
  }
}

/* A connection that fell silent stays silent: its two sides have to find out. */
void sim_heal(sim_world *w) {
  w->relay.store_slow_until_us = 0;
  sim_bus_heal(&w->relay);
  if (!w->relay.up && w->relay.restart_us > w->now_us) w->relay.restart_us = w->now_us;
  for (int i = 0; i < w->clients_count; i++) {
    sim_client *c = &w->clients[i];
    c->cut_off_until_us = c->lossy_until_us = c->hostile_until_us = 0;
    if (c->asleep_until_us > w->now_us) c->asleep_until_us = w->now_us;
    if (!c->engine && c->restart_us > w->now_us) c->restart_us = w->now_us;
  }
  for (size_t i = 0; i < SIM_CONNS; i++) w->conns[i].up.held_until_us = w->conns[i].down.held_until_us = 0;
  sim_limits_heal(w);
}
