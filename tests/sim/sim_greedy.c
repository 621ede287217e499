/* Who attacks when, and the life of the attackers' sockets. */
#include "sim_siege.h"

#include <stdlib.h>
#include <string.h>

#include "relay/core/router.h"
#include "relay/core/state.h"

#define GREEDY_STREAM UINT64_C(700576756608) /* a stream in which no listed seed has attackers */

enum {
  PERCENT = 12,
  CONNS_KEPT = 48, /* connections that attackers leave to honest clients */
  SOCKETS_EACH = SIM_GREEDY_SOCKETS / SIM_ATTACKERS,
  ACTS_MOST = 300,   /* of one attacker, until the world heals */
  ANSWER_MS = 15000, /* more than the slowest line and the slowest lookup need */
  LATER_GAP_MS = 400 /* between two acts once the world has healed */
};

void sim_greedy_choose(sim_world *w) {
  sim_random random;
  sim_random_init(&random, w->seed + GREEDY_STREAM);
  if (!sim_chance(&random, PERCENT)) return;
  w->greedy = calloc(1, sizeof *w->greedy);
  if (!w->greedy) abort();
  w->greedy->world = w;
  w->greedy->random = random;
}

void sim_greedy_free(sim_world *w) {
  free(w->greedy);
  w->greedy = NULL;
}

/* Sets limits that attackers reach and honest clients do not. */
static void set_limits(sim_greedy *g) {
  sim_random *r = &g->random;
  uint32_t *set = g->world->relay.config.settings;
  if (sim_chance(r, 40)) set[PL_RELAY_SET_SOCKETS_MAX] = (uint32_t)sim_between(r, 64, 96);
  if (sim_chance(r, 50)) set[PL_RELAY_SET_ADDRESS_SHARE_PERCENT] = 13;
  if (sim_chance(r, 40)) set[PL_RELAY_SET_OPEN_BURST] = (uint32_t)sim_between(r, 60, 200);
  if (sim_chance(r, 40)) set[PL_RELAY_SET_OPENS_PER_MINUTE] = (uint32_t)sim_between(r, 60, 600);
  if (sim_chance(r, 40)) set[PL_RELAY_SET_PEERS_PER_SOCKET] = (uint32_t)sim_between(r, 16, 64);
  if (sim_chance(r, 40)) set[PL_RELAY_SET_CHANGES_PER_MINUTE] = (uint32_t)sim_between(r, 300, 800);
  if (sim_chance(r, 30)) set[PL_RELAY_SET_STALL_TIMEOUT_MS] = (uint32_t)sim_between(r, 20000, 60000);
  if (sim_chance(r, 30)) set[PL_RELAY_SET_HTTP_HEAD_MAX] = (uint32_t)sim_between(r, 512, 8000);
  if (sim_chance(r, 30)) set[PL_RELAY_SET_HTTP_HEADERS_MAX] = (uint32_t)sim_between(r, 8, 64);
}

static void attacker_init(sim_greedy *g, sim_attacker *a) {
  sim_random *r = &g->random;
  uint8_t seed[32];
  for (size_t i = 0; i < SIM_GREEDY_IDS; i++) {
    sim_fill(r, seed, sizeof seed);
    if (pl_identity_from_seed(&a->ids[i], seed) != 0) abort();
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(a->instances); i++) sim_fill(r, a->instances[i], 8);
  sim_fill(r, a->prefix, sizeof a->prefix);
  a->prefix[0] = 0x26;
  a->id_count = sim_chance(r, 40) ? 1 : SIM_GREEDY_IDS;
  a->addresses = sim_chance(r, 50) ? 1 : (unsigned)sim_between(r, 2, SIM_GREEDY_ADDRESSES);
  uint64_t length_ms = (g->world->healed_us - g->world->now_us) / 1000;
  a->gap_ms = (unsigned)(length_ms / sim_log_between(r, 30, ACTS_MOST)) + 5;
  a->next_act_us = g->world->now_us + sim_below(r, SIM_MS(2000));
}

void sim_greedy_init(sim_world *w) {
  sim_greedy *g = w->greedy;
  if (!g) return;
  g->count = (int)sim_between(&g->random, 1, SIM_ATTACKERS);
  g->goes_on = sim_chance(&g->random, 50);
  g->forges = sim_chance(&g->random, 50);
  for (int i = 0; i < g->count; i++) attacker_init(g, &g->attackers[i]);
  set_limits(g);
  sim_siege_init(g);
}

bool sim_greedy_forges(const sim_world *w) {
  return w->greedy && w->greedy->forges;
}

bool sim_greedy_is(const sim_world *w, const uint8_t id[32]) {
  const sim_greedy *g = w->greedy;
  for (int i = 0; g && i < g->count; i++)
    for (size_t k = 0; k < SIM_GREEDY_IDS; k++)
      if (memcmp(g->attackers[i].ids[k].id, id, 32) == 0) return true;
  return false;
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

static size_t sockets_of(const sim_greedy *g, int attacker) {
  size_t n = 0;
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++) n += g->sockets[i].conn && g->sockets[i].attacker == attacker;
  return n;
}

static bool conns_left(const sim_world *w) {
  size_t n = 0;
  for (size_t i = 0; i < SIM_CONNS; i++) n += w->conns[i].client_state == SIM_CONN_FREE;
  return n > CONNS_KEPT;
}

static void choose_address(sim_greedy *g, sim_greedy_socket *s) {
  const sim_attacker *a = &g->attackers[s->attacker];
  memcpy(s->address, a->prefix, sizeof a->prefix);
  s->address[6] = (uint8_t)sim_below(&g->random, a->addresses);
  sim_fill(&g->random, s->address + 8, 8); /* of one /56 */
}

sim_greedy_socket *sim_greedy_open(sim_greedy *g, int attacker) {
  sim_random *r = &g->random;
  sim_greedy_socket *s = g->sockets;
  const sim_attacker *a = &g->attackers[attacker];
  if (sockets_of(g, attacker) >= SOCKETS_EACH || !conns_left(g->world)) return NULL;
  while (s->conn) s++;
  *s = (sim_greedy_socket){.world = g->world, .attacker = (uint8_t)attacker, .serial = ++g->serials};
  s->stage = SIM_GREEDY_DIALLING;
  s->identity = (uint8_t)sim_below(r, a->id_count);
  s->listen = sim_chance(r, 70);
  s->reads = true;
  s->pongs = sim_chance(r, 80);
  s->next_byte_us = s->answer_by_us = SIM_NEVER;
  s->opened_us = g->world->now_us;
  memcpy(s->instance, a->instances[sim_below(r, PL_ARRAY_LENGTH(a->instances))], 8);
  if (sim_chance(r, 50)) sim_fill(r, s->instance, 8);
  choose_address(g, s);
  s->conn = sim_conn_dial(g->world, NULL);
  s->conn->greedy = s;
  s->conn->hostile_peer = true;
  return s;
}

void sim_greedy_leave(sim_greedy_socket *s, bool clean) {
  sim_conn *k = s->conn;
  if (!k) return;
  s->conn = NULL;
  s->stage = SIM_GREEDY_NONE;
  k->greedy = NULL;
  sim_conn_client_leaves(k, clean);
}

const uint8_t *sim_greedy_address(const sim_conn *k) {
  return k->greedy->address;
}

/* A socket that does not read does not notice its end before the relay has left it. */
uint64_t sim_greedy_conn_due(const sim_conn *k, uint64_t due_us) {
  return k->greedy->reads || k->relay_left ? due_us : SIM_NEVER;
}

void sim_greedy_established(sim_conn *k) {
  sim_greedy_socket *s = k->greedy;
  k->client_state = SIM_CONN_UPGRADING;
  s->stage = SIM_GREEDY_HTTP;
  if (!k->relay_conn) s->probe = NULL; /* its address connects too often */
  if (s->probe && s->probe->stage == SIM_GREEDY_HTTP)
    sim_greedy_probe_ready(s);
  else
    (void)sim_greedy_head(s);
}

void sim_greedy_socket_gone(sim_conn *k) {
  sim_greedy_socket *s = k->greedy;
  sim_greedy_ends(s);
  s->conn = NULL;
  s->stage = SIM_GREEDY_NONE;
  k->greedy = NULL;
}

/* Goes on with a socket that has reached another stage. */
void sim_greedy_probe_ready(sim_greedy_socket *s) {
  const sim_greedy_probe *p = s->probe;
  sim_world *w = s->world;
  if (p && s->probed) return;
  if (p && p->stage == s->stage) {
    s->probed = p->send(s);
    s->answer_by_us = w->now_us + SIM_MS(ANSWER_MS);
    sim_trace(w, "greedy   socket %u sends probe %s%s", (unsigned)s->serial, p->name, s->probed ? "" : ": it cannot");
    if (!s->probed) sim_greedy_leave(s, true);
  } else if (s->stage == SIM_GREEDY_LOGIN && (p || sim_chance(&w->greedy->random, 90))) {
    (void)sim_greedy_log_in(s);
  }
}

/* ---- the world --------------------------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t sim_greedy_due(const sim_world *w) {
  const sim_greedy *g = w->greedy;
  uint64_t at = SIM_NEVER;
  if (!g || g->left) return at;
  for (int i = 0; i < g->count; i++) at = least(at, g->attackers[i].next_act_us);
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++)
    if (g->sockets[i].conn) at = least(at, least(g->sockets[i].next_byte_us, g->sockets[i].answer_by_us));
  return at;
}

static void slow_byte(sim_greedy_socket *s) {
  sim_world *w = s->world;
  bool sent = sim_greedy_head(s);
  s->next_byte_us = sent ? w->now_us + sim_between(&w->greedy->random, SIM_MS(5), SIM_MS(500)) : SIM_NEVER;
}

static bool socket_happens(sim_greedy_socket *s) {
  if (!s->conn) return false;
  uint64_t now_us = s->world->now_us;
  if (s->next_byte_us <= now_us)
    slow_byte(s);
  else if (s->answer_by_us <= now_us)
    sim_greedy_late(s);
  else
    return false;
  return true;
}

bool sim_greedy_happen(sim_world *w) {
  sim_greedy *g = w->greedy;
  if (!g || g->left) return false;
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++)
    if (socket_happens(&g->sockets[i])) return true;
  for (int i = 0; i < g->count; i++) {
    sim_attacker *a = &g->attackers[i];
    if (a->next_act_us > w->now_us) continue;
    a->next_act_us = w->now_us + sim_below(&g->random, SIM_MS(2 * (uint64_t)a->gap_ms)) + 1;
    sim_greedy_act(g, i);
    return true;
  }
  return false;
}

void sim_greedy_relay_starts(sim_world *w) {
  sim_greedy *g = w->greedy;
  if (!g) return;
  g->relay_since_us = w->now_us;
  for (int i = 0; i < g->count; i++) memset(g->attackers[i].misses, 0, sizeof g->attackers[i].misses);
}

void sim_greedy_heal(sim_world *w) {
  sim_greedy *g = w->greedy;
  if (!g) return;
  if (!g->goes_on) sim_greedy_stop(w);
  for (int i = 0; i < g->count; i++)
    if (g->attackers[i].gap_ms < LATER_GAP_MS) g->attackers[i].gap_ms = LATER_GAP_MS;
}

/* Also those whose lines had fallen silent: their machines tell the relay now. */
void sim_greedy_stop(sim_world *w) {
  sim_greedy *g = w->greedy;
  if (!g || g->left) return;
  g->left = true;
  sim_trace(w, "greedy   all attackers leave; %d probes were answered", (int)g->answered);
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++) sim_greedy_leave(&g->sockets[i], sim_chance(&g->random, 50));
  for (size_t i = 0; i < SIM_CONNS; i++) {
    sim_conn *k = &w->conns[i];
    if (k->client_state == SIM_CONN_LEFT && k->hostile_peer && k->up.silent) k->relay_told_us = w->now_us;
  }
}

static bool is_forgotten(const sim_greedy *g, pl_relay *relay) {
  for (int i = 0; i < g->count; i++)
    for (size_t k = 0; k < SIM_GREEDY_IDS; k++) {
      const pl_relay_presence *p = pl_relay_router_get(relay, g->attackers[i].ids[k].id, false);
      if (p && (p->socket_count || p->remote_count || p->open_count || !pl_list_empty(&p->waiting))) return false;
      if (p && !p->nameplate_count) return false;
    }
  return true;
}

bool sim_greedy_gone(const sim_world *w) {
  const sim_greedy *g = w->greedy;
  if (!g || !w->relay.up) return true;
  for (size_t i = 0; i < w->conns_used; i++)
    if (w->conns[i].hostile_peer && w->conns[i].client_state != SIM_CONN_FREE && w->conns[i].relay_conn) return false;
  for (unsigned i = 0; i < w->relay.worker_count; i++)
    if (!is_forgotten(g, w->relay.workers[i].core)) return false;
  return true;
}
