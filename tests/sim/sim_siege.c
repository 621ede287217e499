/* See sim_siege.h. */
#include "sim_siege.h"

#include <string.h>

#define STREAM UINT64_C(540000000075) /* a stream in which no seed listed before it has a siege */

enum {
  PERCENT = 20, /* of the worlds with attackers */
  ACT_PERCENT = 60,
  TOTAL_BYTES = 1048576, /* of a worker's queues */
  WINDOW_BYTES = 131072,
  DATA_ROOM = 60000,
  CALLS_MOST = 6,
  HANDSHAKE_BYTES = 1800,
  LINKS_MOST = 4
};

void sim_siege_init(sim_greedy *g) {
  uint32_t *set = g->world->relay.config.settings;
  sim_random_init(&g->siege_random, g->world->seed + STREAM);
  g->siege = sim_chance(&g->siege_random, PERCENT);
  if (!g->siege) return;
  if (sim_chance(&g->siege_random, 60)) set[PL_RELAY_SET_QUEUE_TOTAL_MAX] = TOTAL_BYTES;
  if (sim_chance(&g->siege_random, 60)) set[PL_RELAY_SET_LINK_WINDOW] = WINDOW_BYTES;
}

static bool is_ready(const sim_greedy_socket *s) {
  return s->conn && !s->probe && s->stage == SIM_GREEDY_READY;
}

/* Returns the oldest socket that is logged in, or NULL. */
static sim_greedy_socket *sink_of(sim_greedy *g) {
  sim_greedy_socket *sink = NULL;
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++) {
    sim_greedy_socket *s = &g->sockets[i];
    if (is_ready(s) && (!sink || s->serial < sink->serial)) sink = s;
  }
  return sink;
}

static sim_greedy_socket *any_ready(sim_greedy *g, int attacker, const sim_greedy_socket *but) {
  size_t first = (size_t)sim_below(&g->siege_random, SIM_GREEDY_SOCKETS);
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++) {
    sim_greedy_socket *s = &g->sockets[(first + i) % SIM_GREEDY_SOCKETS];
    if (is_ready(s) && s != but && (attacker < 0 || s->attacker == attacker)) return s;
  }
  return NULL;
}

static void call_sink(sim_greedy_socket *s, const sim_greedy_socket *sink) {
  sim_greedy *g = s->world->greedy;
  uint8_t *out = s->world->scratch;
  size_t n = 0, count = (size_t)sim_between(&g->siege_random, 1, CALLS_MOST);
  size_t handshake = sim_chance(&g->siege_random, 50) ? HANDSHAKE_BYTES : SIM_GREEDY_MARK;
  if (!sim_greedy_room(s, CALLS_MOST * 2048)) return;
  for (size_t i = 0; i < count; i++) {
    uint32_t number = sim_greedy_next_number(s);
    if (!number) break;
    n += sim_greedy_put_open(s, out + n, number, sim_greedy_identity(sink)->id, sink->instance, handshake);
  }
  if (n) (void)sim_greedy_message(s, out, n);
}

/* Each envelope is volatile or not, as chance has it. */
static void send_mixed(sim_greedy_socket *s, uint32_t link) {
  sim_random *r = &s->world->greedy->siege_random;
  uint8_t *out = s->world->scratch;
  size_t n = 0, most = (size_t)sim_log_between(r, 100, 20000), room = (size_t)sim_log_between(r, 2000, DATA_ROOM);
  unsigned volatiles = (unsigned)sim_below(r, 101);
  if (!sim_greedy_room(s, 2 * DATA_ROOM)) return;
  while (n + SIM_GREEDY_DATA + 8 < room) {
    size_t size = (size_t)sim_between(r, 1, most), left = room - n - 8;
    n += sim_greedy_put_data(s, out + n, link, sim_chance(r, volatiles), size < left ? size : left);
  }
  if (n) (void)sim_greedy_message(s, out, n);
}

static void fill(sim_greedy_socket *s) {
  size_t links = (size_t)sim_between(&s->world->greedy->siege_random, 1, LINKS_MOST);
  for (size_t i = 0; i < SIM_GREEDY_SLOTS && links > 0 && s->conn; i++) {
    const sim_greedy_link *l = &s->own[i];
    if (l->state != SIM_GREEDY_LINKED || !l->ours || l->claim || l->proper) continue;
    send_mixed(s, l->number);
    links--;
  }
}

/* Two that are at different workers ask for one number, which is free. */
static void ask_for_one_number(sim_greedy *g, sim_greedy_socket *s) {
  uint8_t payload[32];
  sim_greedy_socket *other = any_ready(g, -1, s);
  pl_wire_code code = {.op = PL_CONST_CODE_MAKE, .tag = 1, .lifetime_ms = 60000};
  code.number = (uint32_t)sim_between(&g->siege_random, PL_CONST_CODE_NUMBER_MIN, 10 * PL_CONST_CODE_NUMBER_MIN - 1);
  if (!other || other->conn->worker == s->conn->worker || !sim_greedy_room(s, 64) || !sim_greedy_room(other, 64))
    return;
  int n = pl_wire_code_encode(&code, payload, sizeof payload);
  (void)sim_greedy_envelope(s, PL_ENV_CODE, 0, 0, payload, (size_t)n);
  (void)sim_greedy_envelope(other, PL_ENV_CODE, 0, 0, payload, (size_t)n);
}

static void pause(sim_greedy_socket *sink) {
  sink->reads = !sink->reads;
  sink->reads_since_us = sink->world->now_us;
}

bool sim_siege_act(sim_greedy *g, int attacker) {
  sim_random *r = &g->siege_random;
  if (!g->siege || !sim_chance(r, ACT_PERCENT)) return false;
  sim_greedy_socket *sink = sink_of(g), *s = sink ? any_ready(g, attacker, sink) : NULL;
  if (!s) return false;
  uint64_t dice = sim_below(r, 100);
  if (dice < 20)
    call_sink(s, sink);
  else if (dice < 80)
    fill(s);
  else if (dice < 90)
    ask_for_one_number(g, s);
  else
    pause(sink);
  return true;
}
