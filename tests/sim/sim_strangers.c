/* Whom applications let in: they allow, ignore, refuse, block and invite at random. Nobody else may start a session. */
#include <string.h>

#include "sim.h"

static const pl_engine_event_type events[] = {[SIM_UNDECIDED] = PL_ENGINE_IN_FORGET,
                                              [SIM_ALLOWED] = PL_ENGINE_IN_ALLOW,
                                              [SIM_IGNORED] = PL_ENGINE_IN_DENY,
                                              [SIM_REFUSED] = PL_ENGINE_IN_REFUSE,
                                              [SIM_BLOCKED] = PL_ENGINE_IN_BLOCK};

/* A decision about an ID holds for all its instances. */
void sim_strangers_note(sim_client *c, int peer, sim_decision decided) {
  sim_world *w = c->world;
  for (int i = 0; i < w->clients_count; i++) {
    if (!sim_same_id(w, i, peer)) continue;
    bool allowed = decided == SIM_ALLOWED;
    c->decided[i] = decided;
    c->has_refused[i] |= decided == SIM_REFUSED;
    c->invited[i] &= allowed;
    c->dialled[i] &= allowed;
    c->knocked[i] = false; /* also when the decision is taken back */
  }
}

/* Decides about the ID of that client. One that is blocked stays so when it is ignored or refused. */
static void decide(sim_client *c, int peer, sim_decision decided) {
  const uint8_t *id = c->world->clients[peer].config.identity.id;
  bool stays = c->decided[peer] == SIM_BLOCKED && (decided == SIM_IGNORED || decided == SIM_REFUSED);
  int rc = sim_client_step(c, &(pl_engine_event){.type = events[decided], .peer = {{id, 32}}});
  if (rc == 0) sim_strangers_note(c, peer, stays ? SIM_BLOCKED : decided);
}

void sim_strangers_allow(sim_client *c, int peer) {
  decide(c, peer, SIM_ALLOWED);
}

bool sim_strangers_refused(const sim_client *c, int peer) {
  const sim_world *w = c->world;
  for (int i = 0; i < w->clients_count; i++)
    for (int k = 0; k < w->clients_count; k++)
      if (sim_same_id(w, i, peer) && sim_same_id(w, k, c->index) && w->clients[i].has_refused[k]) return true;
  return false;
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
    sim_decision decided = c->decided[i];
    sim_strangers_note(c, i, SIM_UNDECIDED); /* until there is memory for it */
    if (decided != SIM_UNDECIDED) decide(c, i, decided);
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
      decide(c, peer, SIM_BLOCKED);
      break;
    case 1:
      decide(c, peer, SIM_IGNORED + (sim_decision)sim_below(&w->extra, 2));
      if (sim_chance(&w->extra, 30)) decide(c, peer, SIM_UNDECIDED);
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

int sim_strangers_peer(sim_client *c, int peer) {
  sim_world *w = c->world;
  for (size_t i = 0; i < SIM_INVITES && w->strangers; i++) {
    const sim_invite *v = &w->invites[i];
    if (!v->maker_life || v->claimed_by < 0 || sim_same_id(w, v->claimed_by, c->index)) continue;
    if (!sim_same_id(w, v->maker, c->index) && sim_chance(&w->extra, 50)) return v->maker;
  }
  return peer;
}

/* Returns the secret of an invite that this peer made, half the time rather one that somebody has claimed. */
pl_view sim_strangers_secret(sim_client *c, int peer) {
  sim_world *w = c->world;
  size_t first = (size_t)sim_below(&w->extra, SIM_INVITES);
  const sim_invite *found = NULL;
  for (size_t i = 0; i < SIM_INVITES; i++) {
    const sim_invite *v = &w->invites[(first + i) % SIM_INVITES];
    if (!v->maker_life || !sim_same_id(w, v->maker, peer)) continue;
    if (!found || (first % 2 && found->claimed_by < 0 && v->claimed_by >= 0)) found = v;
  }
  return found ? (pl_view){found->secret, sizeof found->secret} : (pl_view){NULL, 0};
}

/* ---- being told -------------------------------------------------------------------------------------------------- */

void sim_strangers_knock(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  int peer = sim_client_of(w, a->id, a->instance);
  if (peer < 0) sim_fail(w, "client %d: a knock from an unknown client", c->index);
  if (c->stopped) return;
  if (c->decided[peer] == SIM_ALLOWED)
    sim_fail(w, "client %d: client %d has to ask though it is allowed", c->index, peer);
  if (c->decided[peer] != SIM_UNDECIDED)
    sim_fail(w, "client %d hears of client %d, whom it turned away", c->index, peer);
  if (c->knocked[peer] && !w->greedy) sim_fail(w, "client %d hears twice that client %d asks", c->index, peer);
  for (int i = 0; i < w->clients_count; i++) c->knocked[i] |= sim_same_id(w, i, peer);
}

void sim_strangers_claimed(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  for (int k = 0; k < w->clients_count; k++) {
    if (memcmp(w->clients[k].config.identity.id, a->id, 32) != 0) continue;
    if (c->decided[k] == SIM_IGNORED || c->decided[k] == SIM_REFUSED) c->decided[k] = SIM_UNDECIDED;
    c->invited[k] = true;
  }
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
  if (!w->strangers || c->invited[peer] || c->dialled[peer] || c->decided[peer] == SIM_ALLOWED) return;
  if (c->config.accept_all && c->decided[peer] == SIM_UNDECIDED) return;
  sim_fail(w, "client %d: a session with client %d, whom nobody let in", c->index, peer);
}
