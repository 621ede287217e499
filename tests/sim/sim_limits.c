/* Worlds with small limits: what is drawn, what the operator raises at last, and what clients then cannot do. */
#include "sim_limits.h"

#include <stdlib.h>
#include <string.h>

#include "client/core/engine/engine_session.h"
#include "sim_js.h"

/* Streams in which no listed seed is such a world. */
#define SMALL_STREAM UINT64_C(730020752510)
#define CROWD_STREAM UINT64_C(740000006573)
#define ADMISSION_STREAM UINT64_C(750000000635)
#define POOR_STREAM UINT64_C(760000000380)

enum { RAISED_MS = 200, ALLOW_EVERY_MS = 10000, MIB = 1 << 20 };

#define SET(name) PL_RELAY_SET_##name

/* A setting that may be small. Between `enough` and `most` it suffices for the clients of any world, or 0: never. */
typedef struct small_setting {
  enum pl_relay_setting setting;
  uint32_t least, most_tight, enough, most;
} small_setting;

static const small_setting small_settings[] = {
    {SET(MESSAGE_MAX), 66000, 66000, 66000, 1000000},
    {SET(LINK_WINDOW), 131072, 140000, 131072, 16777216},
    {SET(LINK_SLOTS), 1, 4, 2 * SIM_CLIENTS, 4 * SIM_CLIENTS},
    {SET(ADDRESS_SHARE_PERCENT), 1, 20, 100, 100},
    {SET(LOGIN_TIMEOUT_MS), 10, 3000, 0, 0},
    {SET(CHALLENGE_MS), 10, 3000, 0, 0},
    {SET(CLOSE_TIMEOUT_MS), 10, 10000, 10, 10000},
    {SET(HTTP_HEAD_MAX), 512, 512, 512, 1024},
    {SET(SOCKET_QUEUE_MAX), 131072, 140000, 131072, 1000000},
    {SET(OPEN_BURST), 1, 3, 4, 50},
    {SET(OPENS_PER_MINUTE), 1, 30, 40, 600},
    {SET(OFFERS_PER_ID), 1, 4, 8, 40},
    {SET(FRIEND_OFFERS_PER_ID), 1, 4, 8, 40},
    {SET(KNOCKS_PER_CALLER), 1, 10, 20, 100},
    {SET(KNOCKS_PER_ADDRESS), 1, 20, 60, 300},
    {SET(KNOCKS_PER_CALLEE), 1, 20, 160, 800},
    {SET(CODES_PER_ID), 1, 8, 1, 100},
    {SET(CODES_TOTAL), 1, 8, 1, 100},
    {SET(CODES_PER_MINUTE), 1, 10, 1, 10},
    {SET(CLAIMS_PER_MINUTE), 1, 10, 1, 10},
    {SET(CODE_MISSES_PER_MINUTE), 1, 5, 1, 5},
    {SET(PEERS_PER_SOCKET), 0, 4, 0, 4},
    {SET(PEERS_TOTAL), 0, 12, 0, 12},
    {SET(CHANGES_PER_MINUTE), 60, 70, 60, 200},
    {SET(CONNECTS_PER_MINUTE), 1, 10, 30, 100},
    {SET(LOOPBACK_EXEMPT), 0, 0, 0, 1},
};

/* Sets it as the operator does, so within its permitted range. */
static void set(sim_world *w, enum pl_relay_setting setting, uint32_t value) {
  if (pl_relay_settings_set(w->relay.config.settings, pl_relay_setting_table[setting].name, value) != 0)
    sim_fail(w, "%s cannot be %u", pl_relay_setting_table[setting].name, value);
}

static uint32_t draw(sim_random *r, uint32_t lo, uint32_t hi) {
  return (uint32_t)(lo ? sim_log_between(r, lo, hi) : sim_between(r, lo, hi));
}

static void draw_table(sim_world *w) {
  sim_limits *l = w->limits;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(small_settings); i++) {
    const small_setting *s = &small_settings[i];
    if (!sim_chance(&l->random, 20) || (!l->tight && !s->most)) continue;
    uint32_t lo = l->tight ? s->least : s->enough, hi = l->tight ? s->most_tight : s->most;
    set(w, s->setting, draw(&l->random, lo, hi));
  }
}

/* What suffices of these depends on the world. */
static void draw_others(sim_world *w) {
  sim_limits *l = w->limits;
  sim_random *r = &l->random;
  uint32_t clients = (uint32_t)w->clients_count;
  if (sim_chance(r, 20)) {
    set(w, SET(SOCKETS_MAX), l->tight ? draw(r, 1, clients) : clients + draw(r, 1, 4));
    if (!l->tight) set(w, SET(ADDRESS_SHARE_PERCENT), 100);
  }
  uint32_t of_one_id = w->twins || l->one_id ? clients : 1;
  if (sim_chance(r, 30)) set(w, SET(INSTANCES_PER_ID), l->tight ? draw(r, 1, 2) : of_one_id);
  if (sim_chance(r, 20)) set(w, SET(REGISTRATIONS_PER_HOUR), l->tight ? 1 : clients);
  if (sim_chance(r, 30)) { /* a slow line may take a while until its buffer has room */
    uint32_t drain_ms = (uint32_t)(w->bytes_per_ms ? w->relay_socket_bytes / w->bytes_per_ms : 0);
    set(w, SET(STALL_TIMEOUT_MS), l->tight ? draw(r, 10, 5000) : drain_ms + 5000 + w->delay_us / 250);
  }
  if (sim_chance(r, 30)) { /* as the shell divides it */
    uint64_t all = l->tight ? MIB : sim_log_between(r, MIB, 4 * MIB);
    w->relay.config.settings[SET(QUEUE_TOTAL_MAX)] = (uint32_t)(all / w->relay.worker_count);
  }
}

/* ---- the world --------------------------------------------------------------------------------------------------- */

/* Attackers have small limits of their own (sim_greedy.c), and what they check relies on them. */
void sim_limits_init(sim_world *w) {
  sim_limits l = {0};
  if (w->greedy) return;
  sim_random_init(&l.random, w->seed + SMALL_STREAM);
  sim_random_init(&l.crowd_random, w->seed + CROWD_STREAM);
  sim_random_init(&l.admission_random, w->seed + ADMISSION_STREAM);
  sim_random_init(&l.poor_random, w->seed + POOR_STREAM);
  l.small = sim_chance(&l.random, 18);
  l.crowded = sim_chance(&l.crowd_random, 10);
  l.admitting = sim_chance(&l.admission_random, 8);
  l.poor = sim_chance(&l.poor_random, 8);
  if (!l.small && !l.crowded && !l.admitting && !l.poor) return;
  w->limits = malloc(sizeof l);
  if (!w->limits) abort();
  *w->limits = l;
}

void sim_limits_free(sim_world *w) {
  free(w->limits);
  w->limits = NULL;
}

void sim_limits_scene(sim_world *w) {
  sim_limits *l = w->limits;
  if (!l) return;
  sim_crowds_scene(w);
  sim_admission_scene(w);
  if (!l->small) return;
  l->tight = sim_chance(&l->random, 50);
  w->pairing |= sim_chance(&l->random, 30);
  w->strangers |= sim_chance(&l->random, 30);
}

void sim_limits_relay(sim_world *w) {
  sim_limits *l = w->limits;
  sim_relay *r = &w->relay;
  if (!l) return;
  sim_crowds_relay(w);
  sim_admission_relay(w);
  sim_poor_relay(w);
  memcpy(l->ample, r->config.settings, sizeof l->ample);
  if (!l->small) return;
  draw_table(w);
  draw_others(w);
  const char *wrong = pl_relay_settings_check(r->config.settings);
  if (wrong) sim_fail(w, "%s", wrong);
  for (size_t i = 0; i < PL_RELAY_SETTINGS; i++)
    if (r->config.settings[i] != l->ample[i])
      sim_trace(w, "relay    %s is %u", pl_relay_setting_table[i].name, (unsigned)r->config.settings[i]);
}

void sim_limits_client(sim_client *c) {
  sim_limits *l = c->world->limits;
  if (!l) return;
  sim_crowds_client(c);
  sim_admission_client(c);
  if (!l->small) return;
  if (sim_chance(&l->random, 40)) c->config.channel_window = c->config.message_max + 1;
  if (sim_chance(&l->random, 30)) c->config.session_window = c->config.channel_window;
  if (sim_chance(&l->random, 15)) c->config.session_window = c->config.message_max + 1;
  if (sim_chance(&l->random, 10)) c->config.sessions_max = (uint32_t)sim_between(&l->random, 1, 4);
}

void sim_limits_heal(sim_world *w) {
  sim_limits *l = w->limits;
  if (!l) return;
  sim_poor_heal(w);
  sim_admission_heal(w);
  l->allow_us = w->now_us + SIM_MS(ALLOW_EVERY_MS);
  if (!l->tight) return;
  sim_trace(w, "relay    its operator raises its limits");
  memcpy(w->relay.config.settings, l->ample, sizeof l->ample);
  sim_relay_crash(&w->relay, SIM_MS(RAISED_MS), false);
}

bool sim_limits_may_refuse(const sim_client *c, const char *head) {
  const sim_limits *l = c->world->limits;
  if (!l) return false;
  bool too_many = memcmp(head, "HTTP/1.1 429 ", 13) == 0, no_memory = memcmp(head, "HTTP/1.1 500 ", 13) == 0;
  return (too_many && l->proxied) || (no_memory && l->forgetful);
}

uint64_t sim_limits_due(const sim_world *w) {
  if (!w->limits) return SIM_NEVER;
  uint64_t at = sim_admission_due(w);
  return w->limits->allow_us && w->limits->allow_us < at ? w->limits->allow_us : at;
}

/* A client that has no room for a session with a caller cannot allow it. Its application tries again. */
bool sim_limits_happen(sim_world *w) {
  sim_limits *l = w->limits;
  if (sim_limits_due(w) > w->now_us) return false;
  sim_admission_happen(w);
  if (!l->allow_us || l->allow_us > w->now_us) return true;
  l->allow_us = w->phase == SIM_HEALED ? w->now_us + SIM_MS(ALLOW_EVERY_MS) : 0;
  for (int i = 0; l->allow_us && i < w->clients_count; i++)
    if (w->clients[i].config.sessions_max && w->clients[i].engine) sim_strangers_allow_all(&w->clients[i]);
  return true;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

bool sim_limits_no_session(const sim_client *c) {
  const pl_engine *e = c->engine;
  size_t used;
  if (!c->world->limits || !c->config.sessions_max || !e) return false;
  (void)sim_js_sessions(e, &used);
  for (size_t i = 0; i < e->session_slots; i++) used += e->sessions[i] != NULL;
  return used >= c->config.sessions_max;
}

/* Returns true when a session with this ID and instance is one with `c`. Its instance may not be known yet. */
static bool is_with(const sim_client *c, const uint8_t id[32], const uint8_t instance[8]) {
  static const uint8_t any[8];
  return memcmp(id, c->config.identity.id, 32) == 0 &&
         (memcmp(instance, any, 8) == 0 || memcmp(instance, c->config.instance, 8) == 0);
}

static bool has_session_with(const pl_engine *e, const sim_client *c) {
  size_t count;
  const sim_js_session *all = sim_js_sessions(e, &count);
  for (size_t i = 0; i < count; i++)
    if (is_with(c, all[i].id, all[i].instance)) return true;
  for (size_t i = 0; i < e->session_slots; i++) {
    const pl_engine_session *s = e->sessions[i];
    if (s && is_with(c, s->id, s->instance)) return true;
  }
  return false;
}

/* A call to any instance goes to the newest, which need not be the one that the session was with before. */
bool sim_limits_may_wait(const sim_client *c, const sim_session *s) {
  const sim_world *w = c->world;
  for (int i = 0; i < w->clients_count; i++) {
    const sim_client *peer = &w->clients[i];
    if (sim_same_id(w, i, s->peer) && sim_limits_no_session(peer) && !has_session_with(peer->engine, c)) return true;
  }
  return false;
}
