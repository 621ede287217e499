/* A poor relay: its allocations fail, its machine stands still for a while, and its bus loses one direction, which its
 * two workers hear of at different times, or only one of them. */
#include "sim_limits.h"

void sim_poor_relay(sim_world *w) {
  sim_limits *l = w->limits;
  if (!l->poor) return;
  l->forgetful = sim_chance(&l->poor_random, 50);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

void sim_poor_hunger(sim_world *w) {
  sim_limits *l = w->limits;
  if (!l || !l->forgetful || w->phase != SIM_ACTIVE || !sim_chance(&l->poor_random, 4)) return;
  (void)pl_alloc_fail_at((long)sim_log_between(&l->poor_random, 1, 8));
}

void sim_poor_fed(const sim_world *w) {
  if (w->limits && w->limits->forgetful) (void)pl_alloc_fail_at(0);
}

bool sim_poor_forgets(const sim_world *w) {
  return w->limits && w->limits->forgetful;
}

/* ---- a standstill -------------------------------------------------------------------------------------------- */

uint64_t sim_poor_awake(const sim_world *w, uint64_t at_us) {
  if (!w->limits || at_us == SIM_NEVER || at_us >= w->limits->asleep_until_us) return at_us;
  return w->limits->asleep_until_us;
}

uint64_t sim_poor_relay_due(const sim_world *w, uint64_t at_us) {
  return w->limits && w->limits->asleep_until_us ? w->limits->asleep_until_us : at_us;
}

static void stand_still(sim_world *w) {
  sim_limits *l = w->limits;
  l->asleep_until_us = w->now_us + sim_log_between(&l->poor_random, SIM_MS(100), SIM_MS(60000));
  sim_trace(w, "relay    stands still until %.3f s", (double)l->asleep_until_us / 1e6);
}

/* Returns true while the relay stands still, and in the instant in which it wakes, before its timers have run. */
bool sim_poor_stands(const sim_world *w) {
  return w->limits && (w->limits->asleep_until_us || w->limits->woke_us == w->now_us);
}

/* Its sockets may have had room meanwhile. Returns true when it was asleep. */
bool sim_poor_wakes(sim_world *w) {
  sim_limits *l = w->limits;
  if (!l || !l->asleep_until_us || l->asleep_until_us > w->now_us) return false;
  l->asleep_until_us = 0;
  l->woke_us = w->now_us;
  for (size_t i = 0; i < w->conns_used; i++) {
    sim_conn *k = &w->conns[i];
    if (k->client_state != SIM_CONN_FREE && k->relay_conn && k->down.blocked && sim_pipe_room(&k->down))
      sim_relay_writable(k);
  }
  return true;
}

/* ---- the bus ------------------------------------------------------------------------------------------------- */

static void add_notice(sim_world *w, unsigned worker, unsigned about, uint64_t at_us, bool receiver) {
  for (size_t i = 0; i < SIM_NOTICES; i++) {
    sim_notice *n = &w->limits->notices[i];
    if (n->at_us) continue;
    *n = (sim_notice){at_us, worker, about, receiver};
    return;
  }
}

bool sim_poor_gap(const sim_world *w, unsigned from, unsigned to) {
  for (size_t i = 0; w->limits && i < SIM_NOTICES; i++) {
    const sim_notice *n = &w->limits->notices[i];
    if (n->at_us && n->receiver && n->worker == to && n->about == from) return true;
  }
  return false;
}

/* The receiver hears of a loss before anything that was sent later, if it hears of it. The sender may hear of it
 * earlier, later or never. One of them must. */
static void lose_direction(sim_world *w) {
  sim_random *r = &w->limits->poor_random;
  sim_relay *relay = &w->relay;
  unsigned from = (unsigned)sim_below(r, relay->worker_count), to = (unsigned)sim_below(r, relay->worker_count);
  if (from == to) to = (from + 1) % relay->worker_count;
  uint64_t receiver_us = w->now_us + sim_log_between(r, 1, SIM_MS(3000)),
           sender_us = w->now_us + sim_log_between(r, 1, SIM_MS(3000));
  bool receiver = sim_chance(r, 70), sender = !receiver || sim_chance(r, 40);
  if (receiver) add_notice(w, to, from, receiver_us, true);
  if (sender) add_notice(w, from, to, sender_us, false);
  sim_trace(w, "relay    the bus from worker %u to worker %u is lost", from, to);
  sim_bus_lose(relay, from, to);
}

void sim_poor_relay_ended(sim_world *w) {
  if (!w->limits) return;
  for (size_t i = 0; i < SIM_NOTICES; i++) w->limits->notices[i].at_us = 0;
  w->limits->asleep_until_us = 0;
}

uint64_t sim_poor_due(const sim_world *w) {
  uint64_t at = SIM_NEVER;
  for (size_t i = 0; w->limits && i < SIM_NOTICES; i++) {
    const sim_notice *n = &w->limits->notices[i];
    if (n->at_us && n->at_us < at) at = n->at_us;
  }
  return at;
}

bool sim_poor_happen(sim_world *w) {
  for (size_t i = 0; w->limits && i < SIM_NOTICES; i++) {
    sim_notice *n = &w->limits->notices[i];
    if (!n->at_us || n->at_us > w->now_us) continue;
    n->at_us = 0;
    sim_trace(w, "relay    worker %u hears that something between it and worker %u was lost", n->worker, n->about);
    pl_relay_bus_lost(w->relay.workers[n->worker].core, n->about);
    sim_relay_turn(&w->relay.workers[n->worker]);
    return true;
  }
  return false;
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

bool sim_poor_fault(sim_world *w) {
  sim_limits *l = w->limits;
  if (!l || !l->poor || !w->relay.up || l->asleep_until_us || !sim_chance(&l->poor_random, 40)) return false;
  if (w->relay.worker_count > 1 && sim_chance(&l->poor_random, 70))
    lose_direction(w);
  else
    stand_still(w);
  return true;
}

void sim_poor_heal(sim_world *w) {
  sim_limits *l = w->limits;
  if (l->asleep_until_us > w->now_us) l->asleep_until_us = w->now_us;
  for (size_t i = 0; i < SIM_NOTICES; i++)
    if (l->notices[i].at_us > w->now_us) l->notices[i].at_us = w->now_us;
}
