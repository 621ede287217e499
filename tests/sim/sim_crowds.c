/* Crowds: more clients than usual, one ID for all, several senders to one slow reader, and applications that do one
 * thing many times at once. */
#include "client/core/base/base.h"
#include "client/core/session/session.h"
#include "sim_limits.h"

enum { VOLATILES = 120, VOLATILE_BYTES = 900, CODES = 8, INVITES = 258, SLOW_BYTES_PER_MS = 100 };

void sim_crowds_scene(sim_world *w) {
  sim_limits *l = w->limits;
  sim_random *r = &l->crowd_random;
  if (!l->crowded || w->flood) return;
  l->burst_percent = (unsigned)sim_between(r, 2, 20);
  if (sim_chance(r, 50)) {
    l->slow_reader = true;
    w->clients_count = (int)sim_between(r, 2, SIM_CLIENTS_USUAL);
    w->relay_socket_bytes = (size_t)sim_between(r, 4096, 16384);
    w->bytes_per_ms = 0;
    if (sim_chance(r, 50)) w->message_max = (uint32_t)sim_between(r, 10000, 40000);
    return;
  }
  l->one_id = sim_chance(r, 60);
  w->clients_count = SIM_CLIENTS;
  w->pairing |= sim_chance(r, 50);
}

void sim_crowds_client(sim_client *c) {
  const sim_limits *l = c->world->limits;
  if (l->one_id) c->config.identity = c->world->clients[0].config.identity;
  if (!l->slow_reader) return;
  c->bytes_per_ms = c->index ? 0 : SLOW_BYTES_PER_MS;
  if (c->index == 0) c->config.manual_take = false;
}

void sim_crowds_relay(sim_world *w) {
  sim_limits *l = w->limits;
  uint32_t *slots = &w->relay.config.settings[PL_RELAY_SET_LINK_SLOTS];
  if (w->clients_count == SIM_CLIENTS && *slots < 2 * SIM_CLIENTS) *slots = 2 * SIM_CLIENTS;
  if (!l->slow_reader || !sim_chance(&l->crowd_random, 50)) return;
  w->relay.config.settings[PL_RELAY_SET_STALL_TIMEOUT_MS] = (uint32_t)sim_between(&l->crowd_random, 1500, 5000);
}

/* The slow reader stops reading, and still sends. */
bool sim_crowds_fault(sim_world *w) {
  sim_limits *l = w->limits;
  if (!l || !l->slow_reader || !sim_chance(&l->crowd_random, 50)) return false;
  const sim_client *c = &w->clients[0];
  if (!c->conn) return false;
  c->conn->down.held_until_us = w->now_us + sim_log_between(&l->crowd_random, SIM_MS(100), SIM_MS(20000));
  sim_trace(w, "net      client 0 stops reading");
  return true;
}

int sim_crowds_peer(const sim_client *c, int peer) {
  const sim_limits *l = c->world->limits;
  return l && l->slow_reader && c->index != 0 ? 0 : peer;
}

/* ---- bursts ------------------------------------------------------------------------------------------------------ */

static void send_volatiles(sim_client *c) {
  sim_world *w = c->world;
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    sim_session *s = &c->sessions[i];
    if (!s->used || !s->linked) continue;
    uint32_t session = s->number;
    for (int n = 0; n < VOLATILES && s->used && s->number == session && c->engine; n++) {
      uint64_t number = sim_ledger_volatile_sent(c, s);
      pl_put_u64(w->text, number);
      pl_put_u64(w->text + 8, number ^ w->seed);
      pl_engine_event in = {.type = PL_ENGINE_IN_SEND_VOLATILE};
      in.send.session = session;
      in.send.channel = sim_channel_numbers[0];
      in.send.data = (pl_view){w->text, VOLATILE_BYTES};
      (void)sim_client_step(c, &in);
    }
    return;
  }
}

static void make_codes(sim_client *c) {
  for (int i = 0; i < CODES && c->engine; i++) sim_codes_make(c);
}

/* More invites than a client keeps. The simulator remembers none of them. */
static void make_invites(sim_client *c) {
  sim_world *w = c->world;
  for (int i = 0; i < INVITES && c->engine; i++) {
    uint8_t secret[16];
    sim_fill(&w->limits->crowd_random, secret, sizeof secret);
    pl_engine_event in = {.type = PL_ENGINE_IN_INVITE_ADD,
                          .invite_add = {{secret, sizeof secret}, sim_now_ms(w) + 1000 + (uint64_t)i, true}};
    (void)sim_client_step(c, &in);
  }
}

bool sim_crowds_act(sim_client *c) {
  sim_limits *l = c->world->limits;
  if (!l || !l->burst_percent || !sim_chance(&l->crowd_random, l->burst_percent)) return false;
  uint64_t dice = sim_below(&l->crowd_random, 60);
  if (dice < 36)
    send_volatiles(c);
  else if (dice < 59)
    make_codes(c);
  else
    make_invites(c);
  return true;
}
