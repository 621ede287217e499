/* Whom applications let in: they allow, deny, block and invite at random. Nobody else may start a session. */
#include <string.h>

#include "sim.h"

/* Allows, denies or blocks the ID of that client. */
static int decide(sim_client *c, pl_engine_event_type type, int peer) {
  const uint8_t *id = c->world->clients[peer].config.identity.id;
  return sim_client_step(c, &(pl_engine_event){.type = type, .peer = {{id, 32}}});
}

/* A decision about an ID holds for all its instances. */
void sim_strangers_note(sim_client *c, int peer, bool allowed, bool blocked) {
  sim_world *w = c->world;
  for (int i = 0; i < w->clients_count; i++) {
    if (!sim_same_id(w, i, peer)) continue;
    c->allowed[i] = allowed;
    c->blocked[i] = blocked;
    c->invited[i] &= allowed;
    c->dialled[i] &= allowed;
    c->knocked[i] &= !allowed && !blocked;
  }
}

void sim_strangers_allow(sim_client *c, int peer) {
  if (decide(c, PL_ENGINE_IN_ALLOW, peer) == 0) sim_strangers_note(c, peer, true, false);
}

void sim_strangers_allow_all(sim_client *c) {
  for (int i = 0; i < c->world->clients_count && c->engine; i++) {
    if (i != c->index) sim_strangers_allow(c, i);
  }
}

static bool said_of_a_twin(const sim_client *c, int peer) {
  for (int i = 0; i < peer; i++) {
    if (i != c->index && sim_same_id(c->world, i, peer)) return true;
  }
  return false;
}

/* The application repeats its decisions, since the new engine knows nothing of them. */
void sim_strangers_started(sim_client *c) {
  sim_world *w = c->world;
  for (int i = 0; i < w->clients_count; i++) {
    c->dialled[i] = c->invited[i] = c->knocked[i] = false;
    if (i == c->index || said_of_a_twin(c, i)) continue;
    bool allowed = c->allowed[i];
    if (allowed) sim_strangers_note(c, i, false, false); /* not allowed until there is memory for it */
    if (allowed) sim_strangers_allow(c, i);
    if (c->blocked[i] && decide(c, PL_ENGINE_IN_BLOCK, i) != 0) sim_strangers_note(c, i, false, false);
  }
}

static void invite(sim_client *c) {
  sim_world *w = c->world;
  sim_invite *v = &w->invites[w->invite_count++ % SIM_INVITES];
  *v = (sim_invite){.maker = c->index, .maker_life = c->life, .claimed_by = -1};
  sim_fill(&w->extra, v->secret, sizeof v->secret);
  v->single = sim_chance(&w->extra, 60);
  v->expires_ms = sim_now_ms(w) + sim_log_between(&w->extra, 10, 600000);
  pl_engine_event in = {.type = PL_ENGINE_IN_INVITE_ADD,
                        .invite_add = {{v->secret, sizeof v->secret}, v->expires_ms, v->single}};
  if (sim_client_step(c, &in) != 0) v->revoked = true; /* there was no memory */
}

static bool is_of(const sim_invite *v, const sim_client *maker) {
  return v->maker == maker->index && v->maker_life == maker->life;
}

static void revoke(sim_client *c) {
  sim_world *w = c->world;
  for (size_t i = 0; i < SIM_INVITES; i++) {
    sim_invite *v = &w->invites[i];
    if (!is_of(v, c) || v->revoked) continue;
    v->revoked = true;
    pl_engine_event in = {.type = PL_ENGINE_IN_INVITE_REVOKE, .invite_revoke = {{v->secret, sizeof v->secret}}};
    (void)sim_client_step(c, &in);
    return;
  }
}

void sim_strangers_act(sim_client *c) {
  sim_world *w = c->world;
  int peer = (int)sim_below(&w->extra, (uint64_t)w->clients_count);
  if (peer == c->index) return;
  switch (sim_below(&w->extra, 7)) {
    case 0:
      if (decide(c, PL_ENGINE_IN_BLOCK, peer) == 0) sim_strangers_note(c, peer, false, true);
      break;
    case 1:
      sim_strangers_note(c, peer, false, c->blocked[peer]);
      (void)decide(c, PL_ENGINE_IN_DENY, peer);
      break;
    case 2:
    case 3:
      sim_strangers_allow(c, peer);
      break;
    case 4:
    case 5:
      invite(c);
      break;
    default:
      revoke(c);
  }
}

pl_view sim_strangers_secret(sim_client *c, int peer) {
  sim_world *w = c->world;
  size_t first = (size_t)sim_below(&w->extra, SIM_INVITES);
  for (size_t i = 0; i < SIM_INVITES; i++) {
    const sim_invite *v = &w->invites[(first + i) % SIM_INVITES];
    if (v->maker_life && sim_same_id(w, v->maker, peer)) return (pl_view){v->secret, sizeof v->secret};
  }
  return (pl_view){NULL, 0};
}

/* ---- being told -------------------------------------------------------------------------------------------------- */

void sim_strangers_knock(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  int peer = sim_client_of(w, a->id, a->instance);
  if (peer < 0) sim_fail(w, "client %d: a knock from an unknown client", c->index);
  if (c->stopped) return;
  if (c->blocked[peer]) sim_fail(w, "client %d hears of client %d, whom it blocked", c->index, peer);
  if (c->allowed[peer]) sim_fail(w, "client %d: client %d has to ask though it is allowed", c->index, peer);
  if (c->knocked[peer] && !w->greedy) sim_fail(w, "client %d hears twice that client %d asks", c->index, peer);
  for (int i = 0; i < w->clients_count; i++) c->knocked[i] |= sim_same_id(w, i, peer);
}

void sim_strangers_claimed(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  for (int k = 0; k < w->clients_count; k++) c->invited[k] |= memcmp(w->clients[k].config.identity.id, a->id, 32) == 0;
  for (size_t i = 0; i < SIM_INVITES; i++) {
    sim_invite *v = &w->invites[i];
    if (!is_of(v, c) || a->data.size != 16 || memcmp(v->secret, a->data.data, 16) != 0) continue;
    int by = -1;
    for (int k = 0; k < w->clients_count; k++) {
      if (memcmp(w->clients[k].config.identity.id, a->id, 32) == 0) by = k;
    }
    if (by < 0) sim_fail(w, "client %d: an invite is claimed by an unknown client", c->index);
    if (v->revoked || sim_now_ms(w) >= v->expires_ms)
      sim_fail(w, "client %d: an invite that is over is claimed", c->index);
    if (v->single && v->claimed_by >= 0 && !sim_same_id(w, v->claimed_by, by))
      sim_fail(w, "client %d: an invite for one is claimed by two", c->index);
    v->claimed_by = by;
    return;
  }
  if (w->invite_count <= SIM_INVITES) sim_fail(w, "client %d: an invite that was not made is claimed", c->index);
}

void sim_strangers_begin(sim_client *c, int peer) {
  sim_world *w = c->world;
  if (!w->strangers || c->config.accept_all || c->allowed[peer] || c->invited[peer] || c->dialled[peer]) return;
  sim_fail(w, "client %d: a session with client %d, whom nobody let in", c->index, peer);
}
