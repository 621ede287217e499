/* The clock: does whatever is due next, until faults are over, everything has arrived that can, all have stopped, and
 * the relay is empty. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_greedy.h"
#include "sim_limits.h"
#include "sim_moves.h"
#include "sim_promises.h"

enum { STEPS_MAX = 3000000, MUCH_DATA_ACTS = 300 };
#define QUEUE_STREAM UINT64_C(463000011160)  /* a stream in which no listed seed is forgetful */
#define LENGTH_STREAM UINT64_C(780006142737) /* a stream in which all listed seeds with much data stay long */
#define SETTLE_US SIM_MS(300000)             /* from the last fault until everything has arrived */
#define STOP_US SIM_MS(30000)

void sim_fail(sim_world *w, const char *format, ...) {
  va_list args;
  int n = snprintf(w->verdict, sizeof w->verdict, "at %.6f s: ", (double)w->now_us / 1e6);
  va_start(args, format);
  (void)vsnprintf(w->verdict + n, sizeof w->verdict - (size_t)n, format, args);
  va_end(args);
  longjmp(w->failed, 1);
}

void sim_trace(sim_world *w, const char *format, ...) {
  if (!w->trace) return;
  va_list args;
  va_start(args, format);
  (void)printf("%12.6f ", (double)w->now_us / 1e6);
  (void)vprintf(format, args);
  (void)putchar('\n');
  va_end(args);
}

/* A world with much data on its way costs as much as a hundred others when it takes thousands of acts. Most are cut
 * after as many as show what they are for; one in ten goes on. */
static void cut_short(sim_world *w) {
  sim_random r;
  sim_random_init(&r, w->seed + LENGTH_STREAM);
  uint64_t length_us = w->healed_us - w->now_us, most_us = SIM_MS(w->act_mean_ms * MUCH_DATA_ACTS);
  if (sim_chance(&r, 10) || length_us <= most_us) return;
  w->next_fault_us = w->now_us + (w->next_fault_us - w->now_us) * most_us / length_us;
  w->healed_us = w->now_us + most_us;
}

/* Draws what is rare. Worlds without it stay as they were. */
static void set_rare_things(sim_world *w) {
  sim_random *r = &w->extra;
  w->new_links = sim_chance(r, 15);
  w->strangers = sim_chance(r, 20);
  w->starving = sim_chance(r, 8);
  w->fault_gap_us = SIM_MS(20000);
  if (w->new_links && !w->flood && sim_chance(r, 12)) { /* replaced while much data is on its way */
    w->long_fat = w->large = w->manual_take = true;
    w->message_max = (uint32_t)sim_between(r, 10000, 66000);
    w->delay_us = (uint32_t)sim_between(r, 30000, 100000);
    w->jitter_us = 0;
    w->bytes_per_ms = (uint32_t)sim_between(r, 1000, 10000);
    w->act_mean_ms = (unsigned)sim_between(r, 10, 100);
    cut_short(w);
  }
  if (w->flood || !sim_chance(r, 4)) return;
  /* The run takes hours, with long pauses, so links grow old and are replaced. */
  uint64_t length_us = SIM_MS(sim_between(r, 1800000, 7200000));
  w->act_mean_ms = (unsigned)(length_us / 1000 / sim_between(r, 20, 80));
  w->healed_us = w->now_us + length_us;
  w->fault_gap_us = length_us / 4;
  w->next_fault_us = w->now_us + sim_below(r, length_us);
}

static void set_scene(sim_world *w) {
  sim_random *r = &w->random;
  w->now_us = SIM_START_US;
  w->clients_count = sim_chance(r, 70) ? 2 : (int)sim_between(r, 2, SIM_CLIENTS_USUAL);
  w->delay_us = (uint32_t)sim_log_between(r, 50, 200000);
  w->jitter_us = sim_chance(r, 50) ? 0 : (uint32_t)sim_below(r, w->delay_us);
  w->bytes_per_ms = sim_chance(r, 40) ? 0 : (uint32_t)sim_log_between(r, 8, 20000);
  w->socket_bytes = (size_t)sim_log_between(r, 160000, 2000000);
  w->large = sim_chance(r, 4) && (w->bytes_per_ms == 0 || w->bytes_per_ms > 200);
  w->relay_socket_bytes = (size_t)sim_log_between(r, 4096, 300000);
  w->flood = sim_chance(r, 5);
  w->lossy = sim_chance(r, 10);
  if (w->flood) { /* more than the relay's queues hold, towards slow readers */
    w->large = true;
    w->clients_count = SIM_CLIENTS_USUAL;
    w->relay_socket_bytes = 8192;
    w->bytes_per_ms = (uint32_t)sim_between(r, 200, 2000);
  }
  w->message_max = w->large ? (uint32_t)sim_between(r, 1000, 66000) : (uint32_t)sim_log_between(r, 16, 16000);
  w->split_reads = sim_chance(r, 30);
  w->manual_take = sim_chance(r, 50);
  w->drop_percent = (unsigned)sim_between(r, 1, 40);
  w->twins = w->clients_count > 2 && sim_chance(r, 30);
  w->hostile = sim_chance(r, 5);
  w->act_mean_ms = (unsigned)sim_log_between(r, 5, 3000);
  if (w->flood) w->act_mean_ms = 20;
  w->faults_left = sim_chance(r, 15) ? 0 : (unsigned)sim_between(r, 1, 10);
  uint64_t length_us = SIM_MS(w->act_mean_ms * sim_between(r, 20, 80)) + SIM_MS(2000);
  w->healed_us = w->now_us + length_us;
  w->next_fault_us = w->now_us + sim_below(r, length_us);
  set_rare_things(w);
  sim_limits_scene(w);
  sim_promises_scene(w);
  sim_wire_init(w);
  sim_relay_init(w);
  sim_bus_init(w);
  sim_limits_relay(w);
  sim_greedy_init(w);
  sim_relay_start(&w->relay);
  for (int i = 0; i < w->clients_count; i++) sim_client_init(w, i);
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t fault_due(const sim_world *w) {
  return w->phase == SIM_ACTIVE && w->faults_left ? w->next_fault_us : SIM_NEVER;
}

static uint64_t next_due(sim_world *w) {
  uint64_t at = least(least(sim_relay_due(&w->relay), fault_due(w)), least(sim_greedy_due(w), sim_limits_due(w)));
  for (int i = 0; i < w->clients_count; i++) at = least(at, sim_client_due(&w->clients[i]));
  for (size_t i = 0; i < w->conns_used; i++) {
    const sim_conn *k = &w->conns[i];
    w->conn_due[i] = k->client_state == SIM_CONN_FREE ? SIM_NEVER : sim_conn_due(k);
    at = least(at, w->conn_due[i]);
  }
  return at;
}

static void happen(sim_world *w) {
  if (fault_due(w) <= w->now_us) {
    w->faults_left--;
    w->next_fault_us = w->now_us + sim_below(&w->random, least(w->fault_gap_us, w->healed_us - w->now_us + 1));
    sim_fault(w);
    return;
  }
  if (sim_limits_happen(w)) return;
  for (size_t i = 0; i < w->conns_used; i++) {
    if (w->conn_due[i] > w->now_us) continue;
    sim_conn_happen(&w->conns[i]);
    return;
  }
  for (int i = 0; i < w->clients_count; i++) {
    if (sim_client_due(&w->clients[i]) > w->now_us) continue;
    sim_client_happen(&w->clients[i]);
    return;
  }
  if (sim_greedy_happen(w)) return;
  if (sim_relay_due(&w->relay) <= w->now_us) sim_relay_happen(&w->relay);
}

static bool settled(const sim_world *w, char *why, size_t size) {
  for (int i = 0; i < w->clients_count; i++) {
    if (!sim_app_settled(&w->clients[i], why, size)) return false;
  }
  return true;
}

static bool all_stopped(const sim_world *w) {
  for (int i = 0; i < w->clients_count; i++) {
    const sim_client *c = &w->clients[i];
    if (c->conn || pl_engine_deadline(c->engine) != PL_NEVER) return false;
    for (size_t k = 0; k < SIM_SESSIONS; k++) {
      if (c->sessions[k].used) return false;
    }
  }
  return true;
}

static void stop_all(sim_world *w) {
  for (int i = 0; i < w->clients_count; i++) {
    pl_engine_event stop = {.type = PL_ENGINE_IN_STOP};
    w->clients[i].stopped = true;
    sim_client_step(&w->clients[i], &stop);
  }
}

/* Starts the next phase when the present one is over. */
static void next_phase(sim_world *w) {
  char why[128] = "";
  if (w->phase == SIM_ACTIVE && w->now_us >= w->healed_us) {
    sim_trace(w, "world    faults are over");
    w->phase = SIM_HEALED;
    sim_heal(w);
    sim_greedy_heal(w);
    for (int i = 0; i < w->clients_count; i++) sim_app_heal(&w->clients[i]);
  } else if (w->phase == SIM_HEALED) {
    if (settled(w, why, sizeof why)) {
      sim_trace(w, "world    all has arrived");
      w->figures.heal_ms = w->figures.heal_most_ms = (w->now_us - w->healed_us) / 1000;
      w->phase = SIM_STOPPING;
      w->stopping_us = w->now_us;
      stop_all(w);
      sim_greedy_stop(w);
    } else if (w->now_us > w->healed_us + SETTLE_US) {
      sim_fail(w, "no progress though all faults are over: %s", why);
    }
  } else if (w->phase == SIM_STOPPING) {
    bool stopped = all_stopped(w);
    if (stopped && sim_greedy_gone(w)) {
      w->phase = SIM_EMPTYING;
      w->empty_us = w->now_us + SIM_MS(sim_inside_patience_ms(&w->relay));
    } else if (w->now_us > w->stopping_us + STOP_US) {
      sim_fail(w, stopped ? "the relay does not forget attackers that are gone" : "a client does not stop");
    }
  } else if (w->phase == SIM_EMPTYING && w->now_us >= w->empty_us) {
    sim_inside_end(&w->relay);
    w->phase = SIM_DONE;
  }
}

static void live(sim_world *w) {
  set_scene(w);
  for (unsigned i = 0; i < w->shakes; i++) (void)sim_next(&w->random);
  while (w->phase != SIM_DONE) {
    uint64_t at = next_due(w);
    if (w->phase == SIM_ACTIVE && at > w->healed_us) at = w->healed_us;
    if (w->phase == SIM_EMPTYING && at > w->empty_us) at = w->empty_us;
    if (at == SIM_NEVER) sim_fail(w, "nothing will ever happen again");
    if (at > w->now_us) w->now_us = at;
    if (++w->steps > STEPS_MAX) sim_fail(w, "no end in sight after %d steps", STEPS_MAX);
    happen(w);
    sim_phase before;
    do {
      before = w->phase;
      next_phase(w);
    } while (w->phase != before);
  }
}

static void clear(sim_world *w) {
  (void)pl_alloc_fail_at(0); /* a run that failed may have left one to fail */
  for (int i = 0; i < w->clients_count; i++) sim_client_deinit(&w->clients[i]);
  sim_relay_deinit(&w->relay);
  for (size_t i = 0; i < SIM_CONNS; i++) sim_conn_release(&w->conns[i]);
  sim_wire_free(w);
  sim_ledger_free(w);
  sim_greedy_free(w);
  sim_promises_free(w);
  sim_limits_free(w);
  free(w->in_hand);
}

bool sim_run(uint64_t seed, bool trace, sim_world *w) {
  uint8_t *scratch = w->scratch, *wire = w->wire, *text = w->text, *received = w->received;
  unsigned shakes = w->shakes;
  memset(w, 0, sizeof *w);
  w->shakes = shakes;
  w->scratch = scratch;
  w->wire = wire;
  w->text = text;
  w->received = received;
  w->seed = seed;
  w->trace = trace;
  sim_random_init(&w->random, seed);
  sim_random_init(&w->extra, ~seed);
  sim_random_init(&w->code_random, seed + 1319000009233u); /* a stream in which no listed seed pairs */
  w->pairing = sim_chance(&w->code_random, 10);
  sim_random_init(&w->queue_random, seed + QUEUE_STREAM);
  w->forgetful = sim_chance(&w->queue_random, 6);
  sim_greedy_choose(w);
  sim_promises_init(w);
  sim_limits_init(w);
  sim_moves_init(w);
  bool good = setjmp(w->failed) == 0;
  if (good) live(w);
  clear(w);
  w->figures.steps = w->steps;
  w->figures.twice_permille = w->figures.twice_bytes * 1000 / (w->figures.up_bytes + 1);
  return good;
}
