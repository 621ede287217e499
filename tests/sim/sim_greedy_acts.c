/* Greed: what the protocol permits, or nearly, and far too much of it. */
#include <string.h>

#include "sim_siege.h"

enum {
  PROBE_PERCENT = 45,
  ANSWER_MS = 15000,
  FLOOD_MAX = 120, /* OPENs in one message */
  CLAIMS_MAX = 12,
  DATA_MAX = 40,
  DATA_ROOM = 65000,
  DATA_ROUNDS = 8,
  PINGS_MAX = 60,
  ENVELOPE_ROOM = 300 /* of an OPEN or CLAIM in a flood */
};

static sim_random *chance(const sim_greedy_socket *s) {
  return &s->world->greedy->random;
}

/* ---- whom and what ----------------------------------------------------------------------------------------------- */

/* Picks whom to call: an honest client, an attacker, oneself or nobody. */
static const uint8_t *any_target(sim_greedy_socket *s, uint8_t nobody[32], const uint8_t **instance) {
  static const uint8_t any[8];
  sim_world *w = s->world;
  sim_greedy *g = w->greedy;
  sim_random *r = chance(s);
  const sim_client *c = &w->clients[sim_below(r, (uint64_t)w->clients_count)];
  const sim_attacker *a = &g->attackers[sim_below(r, (uint64_t)g->count)];
  *instance = any;
  switch (sim_below(r, 5)) {
    case 0:
    case 1:
      if (sim_chance(r, 40)) *instance = c->config.instance;
      return c->config.identity.id;
    case 2:
      if (sim_chance(r, 40)) *instance = a->instances[sim_below(r, PL_ARRAY_LENGTH(a->instances))];
      return a->ids[sim_below(r, SIM_GREEDY_IDS)].id;
    case 3:
      return sim_greedy_identity(s)->id;
    default:
      sim_fill(r, nobody, 32);
      return nobody;
  }
}

/* Most numbers are right ones: a flood of wrong ones would end the socket at once. */
static uint32_t any_number(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint32_t slots = s->world->relay.config.settings[PL_RELAY_SET_LINK_SLOTS];
  if (sim_chance(r, 90)) return sim_greedy_next_number(s);
  return pl_link_number_make(false, (uint32_t)sim_between(r, 1, 5), (uint32_t)sim_below(r, slots));
}

/* Returns the number of a link that this socket has in this state, or 0. */
static uint32_t any_link(sim_greedy_socket *s, sim_greedy_link_state state) {
  size_t first = (size_t)sim_below(chance(s), 2 * SIM_GREEDY_SLOTS);
  for (size_t i = 0; i < 2 * SIM_GREEDY_SLOTS; i++) {
    size_t at = (first + i) % (2 * SIM_GREEDY_SLOTS);
    const sim_greedy_link *l = at < SIM_GREEDY_SLOTS ? &s->own[at] : &s->offered[at - SIM_GREEDY_SLOTS];
    if (l->number && l->state == state) return l->number;
  }
  return 0;
}

/* ---- floods ------------------------------------------------------------------------------------------------------ */

static void flood_opens(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint8_t *out = s->world->scratch, nobody[32];
  const uint8_t *instance;
  size_t n = 0, count = (size_t)sim_log_between(r, 1, FLOOD_MAX);
  if (!sim_greedy_room(s, FLOOD_MAX * ENVELOPE_ROOM)) return;
  bool same = sim_chance(r, 40);
  const uint8_t *id = any_target(s, nobody, &instance);
  for (size_t i = 0; i < count; i++) {
    if (!same) id = any_target(s, nobody, &instance);
    uint32_t number = any_number(s);
    if (!number) break;
    n += sim_greedy_put_open(s, out + n, number, id, instance, (size_t)sim_log_between(r, 12, 200));
  }
  if (n) (void)sim_greedy_message(s, out, n);
}

/* Picks a nameplate: one that was shown to people, or a guess. */
static uint32_t any_nameplate(sim_greedy_socket *s) {
  const sim_world *w = s->world;
  sim_random *r = chance(s);
  const sim_code *k = &w->codes[sim_below(r, SIM_CODES)];
  if (k->shown && sim_chance(r, 70)) return k->code.number;
  const sim_greedy *g = w->greedy;
  if (sim_chance(r, 20) && g->burnt_count) return g->burnt[sim_below(r, g->burnt_count) % SIM_GREEDY_BURNT];
  return (uint32_t)sim_between(r, PL_CONST_CODE_NUMBER_MIN, 10 * PL_CONST_CODE_NUMBER_MIN - 1);
}

static void flood_claims(sim_greedy_socket *s) {
  uint8_t *out = s->world->scratch;
  size_t n = 0, count = (size_t)sim_log_between(chance(s), 1, CLAIMS_MAX);
  if (!sim_greedy_room(s, CLAIMS_MAX * ENVELOPE_ROOM)) return;
  for (size_t i = 0; i < count; i++) {
    uint32_t number = sim_greedy_next_number(s);
    if (!number) break;
    n += sim_greedy_put_claim(s, out + n, number, any_nameplate(s));
  }
  if (n) (void)sim_greedy_message(s, out, n);
}

static size_t put_code(sim_greedy_socket *s, uint8_t *out) {
  sim_random *r = chance(s);
  bool ends = sim_chance(r, 30);
  pl_wire_code code = {.op = ends ? PL_CONST_CODE_END : PL_CONST_CODE_MAKE,
                       .tag = (uint32_t)sim_next(r),
                       .lifetime_ms = (uint32_t)sim_next(r) >> sim_below(r, 32)};
  if (ends || sim_chance(r, 30)) code.number = any_nameplate(s);
  int n = pl_wire_code_encode(&code, out + 8, 32);
  pl_envelope_put_header(out, PL_ENV_CODE, 0, (size_t)n, 0);
  return 8 + (size_t)n;
}

static void flood_codes(sim_greedy_socket *s) {
  uint8_t *out = s->world->scratch;
  size_t n = 0, count = (size_t)sim_log_between(chance(s), 1, FLOOD_MAX);
  if (!sim_greedy_room(s, FLOOD_MAX * 32)) return;
  for (size_t i = 0; i < count; i++) n += put_code(s, out + n);
  (void)sim_greedy_message(s, out, n);
}

static size_t put_peers(sim_greedy_socket *s, uint8_t *out) {
  sim_random *r = chance(s);
  const sim_world *w = s->world;
  size_t count = (size_t)sim_below(r, PL_CONST_PEERS_IDS_MAX + 1);
  pl_envelope_put_header(out, PL_ENV_PEERS, 0, 2 + 32 * count, 0);
  out[8] = (uint8_t)sim_between(r, PL_CONST_PEERS_ALLOW, PL_CONST_PEERS_FORGET);
  out[9] = (uint8_t)count;
  for (size_t i = 0; i < count; i++) {
    if (sim_chance(r, 20))
      memcpy(out + 10 + 32 * i, w->clients[sim_below(r, (uint64_t)w->clients_count)].config.identity.id, 32);
    else
      sim_fill(r, out + 10 + 32 * i, 32);
  }
  return 10 + 32 * count;
}

static void flood_peers(sim_greedy_socket *s) {
  uint8_t *out = s->world->scratch;
  size_t n = 0, count = (size_t)sim_log_between(chance(s), 1, DATA_MAX);
  if (!sim_greedy_room(s, DATA_MAX * 1034)) return;
  for (size_t i = 0; i < count; i++) n += put_peers(s, out + n);
  (void)sim_greedy_message(s, out, n);
}

/* Picks the link for a flood; often the same as last time, so that its window fills. */
static uint32_t flood_link(sim_greedy_socket *s) {
  const sim_greedy_link *l = s->flooded ? sim_greedy_link_at(s, s->flooded) : NULL;
  if (!l || l->state != SIM_GREEDY_LINKED || sim_chance(chance(s), 20))
    s->flooded = any_link(s, sim_chance(chance(s), 95) ? SIM_GREEDY_LINKED : SIM_GREEDY_OPENED);
  return s->flooded;
}

static bool send_data(sim_greedy_socket *s, uint32_t link, bool is_volatile, size_t count, size_t most) {
  uint8_t *out = s->world->scratch;
  size_t n = 0;
  if (!sim_greedy_room(s, 2 * DATA_ROOM)) return false;
  for (size_t i = 0; i < count && n + SIM_GREEDY_DATA + 8 < DATA_ROOM; i++) {
    size_t size = (size_t)sim_between(chance(s), 1, most), left = DATA_ROOM - n - 8;
    n += sim_greedy_put_data(s, out + n, link, is_volatile, size < left ? size : left);
  }
  return sim_greedy_message(s, out, n);
}

/* Sends much on a link, volatile or not, whether anybody reads it or not; now and then as much as the line takes. */
static void flood_data(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint32_t link = flood_link(s);
  size_t count = (size_t)sim_log_between(r, 1, DATA_MAX), most = (size_t)sim_log_between(r, 20, 8000), rounds = 1;
  bool is_volatile = sim_chance(r, 50);
  const sim_greedy_link *l = link ? sim_greedy_link_at(s, link) : NULL;
  if (!l || (l->proper && !s->world->greedy->forges)) return;
  if (sim_chance(r, 15)) {
    count = most = DATA_ROOM;
    rounds = DATA_ROUNDS;
  }
  while (rounds-- && send_data(s, link, is_volatile, count, most)) continue;
}

static void flood_pings(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint8_t *out = s->world->scratch;
  size_t count = (size_t)sim_log_between(r, 1, PINGS_MAX), n = 0;
  if (!sim_greedy_room(s, PINGS_MAX * 140)) return;
  if (sim_chance(r, 50)) {
    for (size_t i = 0; i < count; i++) (void)sim_greedy_frame(s, 0x80 | PL_WS_PING, out, sim_below(r, 126));
    return;
  }
  for (size_t i = 0; i < count; i++, n += 16) {
    pl_envelope_put_header(out + n, PL_ENV_PING, 0, 8, 0);
    sim_fill(r, out + n + 8, 8);
  }
  (void)sim_greedy_message(s, out, n);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static void reset_links(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint8_t *out = s->world->scratch;
  size_t n = 0, count = (size_t)sim_log_between(r, 1, DATA_MAX);
  if (!sim_greedy_room(s, DATA_MAX * 20)) return;
  for (size_t i = 0; i < count; i++) {
    uint32_t link = any_link(s, sim_chance(r, 50) ? SIM_GREEDY_LINKED : SIM_GREEDY_OPENED);
    if (!link) break;
    n += sim_greedy_put_reset(s, out + n, link, (int)sim_below(r, 0x110));
    if (sim_chance(r, 20)) n += sim_greedy_put_reset(s, out + n, link, PL_REASON_CLOSED); /* once more */
  }
  if (n) (void)sim_greedy_message(s, out, n);
}

/* Proves a code wrongly, where its maker has answered. */
static void guess(sim_greedy_socket *s) {
  uint8_t proof[64];
  for (size_t i = 0; i < SIM_GREEDY_SLOTS; i++) {
    sim_greedy_link *l = &s->own[i];
    if (l->state != SIM_GREEDY_LINKED || !l->claim) continue;
    sim_fill(chance(s), proof, sizeof proof);
    (void)sim_greedy_envelope(s, PL_ENV_DATA, 0, l->number, proof, sizeof proof);
    return;
  }
}

/* Sends an envelope of a right type on a link in whatever state. */
static void odd_envelope(sim_greedy_socket *s) {
  static const uint8_t types[] = {PL_ENV_ACCEPT, PL_ENV_DATA, PL_ENV_RESET, PL_ENV_ACCEPT};
  sim_random *r = chance(s);
  uint8_t payload[32];
  uint8_t type = types[sim_below(r, sizeof types)];
  uint32_t link = any_link(s, (sim_greedy_link_state)sim_below(r, SIM_GREEDY_DONE + 1));
  if (!link) link = (uint32_t)sim_next(r) | 1;
  if (type == PL_ENV_DATA || !sim_greedy_room(s, 64)) return; /* flood_data does that */
  sim_greedy_link *l = sim_greedy_link_at(s, link);
  bool was_linked = l && l->state == SIM_GREEDY_LINKED && !l->unsure;
  sim_fill(r, payload, sizeof payload);
  pl_put_u16(payload, (uint16_t)sim_below(r, 0x110));
  if (type == PL_ENV_ACCEPT && l && l->state == SIM_GREEDY_OPENED && pl_link_number_relay_side(link))
    l->state = SIM_GREEDY_LINKED;
  else if (type == PL_ENV_RESET && l)
    l->state = SIM_GREEDY_DONE;
  else if (l)
    l->broken = true;
  if (type == PL_ENV_ACCEPT && was_linked && !l->ends_by_us) l->ends_by_us = s->world->now_us + SIM_MS(ANSWER_MS);
  (void)sim_greedy_envelope(s, type, 0, link, payload, type == PL_ENV_RESET ? 2 : sizeof payload);
}

/* A call came: it is accepted, refused or ignored. */
void sim_greedy_offered(sim_greedy_socket *s, uint32_t link) {
  sim_random *r = chance(s);
  sim_greedy_link *l = sim_greedy_link_at(s, link);
  uint8_t payload[20] = {0};
  uint64_t dice = sim_below(r, 10);
  if (!l || dice < 3 || !sim_greedy_room(s, 64)) return;
  if (dice < 8) {
    l->state = SIM_GREEDY_LINKED;
    if (sim_chance(r, 5)) s->reads = false;
    (void)sim_greedy_envelope(s, PL_ENV_ACCEPT, 0, link, payload, sizeof payload);
  } else {
    l->state = SIM_GREEDY_DONE;
    pl_put_u16(payload, PL_REASON_REFUSED);
    (void)sim_greedy_envelope(s, PL_ENV_RESET, 0, link, payload, 2);
  }
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

static void open_socket(sim_greedy *g, int attacker) {
  sim_greedy_socket *s = sim_greedy_open(g, attacker);
  if (s && sim_chance(&g->random, 10)) s->next_byte_us = g->world->now_us + SIM_MS(1000); /* a slow head */
}

/* The same instance logs in again: its older socket ends. */
static void supersede(sim_greedy_socket *s) {
  sim_greedy_socket *again = sim_greedy_open(s->world->greedy, s->attacker);
  if (!again) return;
  again->identity = s->identity;
  memcpy(again->instance, s->instance, 8);
}

static void vanish(sim_greedy_socket *s) {
  sim_conn *k = s->conn;
  k->up.silent = k->down.silent = true;
  sim_greedy_leave(s, false);
}

/* Stops reading, or reads again. */
static void stop_or_go(sim_greedy_socket *s) {
  s->reads = !s->reads;
  s->reads_since_us = s->world->now_us;
}

static sim_greedy_socket *any_socket(sim_greedy *g, int attacker) {
  size_t first = (size_t)sim_below(&g->random, SIM_GREEDY_SOCKETS);
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++) {
    sim_greedy_socket *s = &g->sockets[(first + i) % SIM_GREEDY_SOCKETS];
    if (s->conn && s->attacker == attacker && !s->probe && s->stage != SIM_GREEDY_DIALLING) return s;
  }
  return NULL;
}

/* Each call has an end, and so has a link on which ACCEPT was sent again, if the socket hears anything. */
static void check_ends(const sim_greedy_socket *s) {
  const sim_conn *k = s->conn;
  sim_world *w = s->world;
  uint64_t patience_us = SIM_MS(ANSWER_MS),
           open_us = SIM_MS(w->relay.config.settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]) + patience_us;
  if (!s->reads || w->now_us < s->reads_since_us + patience_us || !k->relay_conn || k->up.silent) return;
  for (size_t i = 0; i < 2 * SIM_GREEDY_SLOTS; i++) {
    const sim_greedy_link *l = i < SIM_GREEDY_SLOTS ? &s->own[i] : &s->offered[i - SIM_GREEDY_SLOTS];
    if (l->state == SIM_GREEDY_LINKED && l->ends_by_us && l->ends_by_us < w->now_us)
      sim_fail(w, "an attacker (socket %u): ACCEPT on a link that is linked is not answered", (unsigned)s->serial);
    if (l->state == SIM_GREEDY_OPENED && !l->spoilt && w->now_us > l->opened_us + open_us)
      sim_fail(w, "an attacker (socket %u): a call has no end", (unsigned)s->serial);
  }
}

static void act_on(sim_greedy_socket *s) {
  static void (*const floods[])(sim_greedy_socket *) = {
      flood_opens,          flood_opens,          flood_claims,         flood_codes,         flood_peers,  flood_data,
      flood_data,           flood_data,           flood_pings,          reset_links,         odd_envelope, guess,
      sim_greedy_misbehave, sim_greedy_misbehave, sim_greedy_misbehave, sim_greedy_misbehave};
  sim_random *r = chance(s);
  uint64_t dice = sim_below(r, 100);
  check_ends(s);
  if (dice < 4)
    sim_greedy_leave(s, sim_chance(r, 50));
  else if (dice < 6)
    vanish(s);
  else if (dice < 9)
    supersede(s);
  else if (dice < 12)
    stop_or_go(s);
  else if (s->stage == SIM_GREEDY_LOGIN)
    (void)sim_greedy_log_in(s);
  else if (s->stage == SIM_GREEDY_READY)
    floods[sim_below(r, PL_ARRAY_LENGTH(floods))](s);
}

void sim_greedy_act(sim_greedy *g, int attacker) {
  sim_random *r = &g->random;
  if (sim_siege_act(g, attacker)) return;
  if (sim_chance(r, PROBE_PERCENT)) {
    sim_greedy_start_probe(g, attacker);
    return;
  }
  sim_greedy_socket *s = any_socket(g, attacker);
  if (!s || sim_chance(r, g->attackers[attacker].id_count == 1 ? 40 : 15)) /* many instances of one ID */
    open_socket(g, attacker);
  else
    act_on(s);
}
