/* Each violation of the protocol (those of HTTP and WebSocket are in sim_greedy_transport.c), sent on a socket of its
 * own, and the answer that docs/protocol.md promises for it. A violation ends the socket or the link that it concerns,
 * and nothing else. Where nothing may be answered, PING follows, and its PONG must be the next thing that comes. */
#include <string.h>

#include "sim_greedy.h"

static sim_random *chance(const sim_greedy_socket *s) {
  return &s->world->greedy->random;
}

static uint32_t setting(const sim_greedy_socket *s, enum pl_relay_setting which) {
  return s->world->relay.config.settings[which];
}

/* ---- LOGIN: section 3 -------------------------------------------------------------------------------------------- */

static pl_wire_login login_of(const sim_greedy_socket *s) {
  pl_wire_login login = {.version = PL_CONST_PROTOCOL_VERSION};
  memcpy(login.peer_id, sim_greedy_identity(s)->id, 32);
  memcpy(login.instance, s->instance, 8);
  return login;
}

static bool send_login(sim_greedy_socket *s, pl_wire_login *login, const pl_identity *signer) {
  uint8_t out[1200];
  size_t n = sim_greedy_login(s, login, signer, out);
  return sim_greedy_envelope(s, PL_ENV_LOGIN, 0, 0, out, n);
}

static bool login_version(sim_greedy_socket *s) {
  pl_wire_login login = login_of(s);
  login.version = (uint8_t)(sim_chance(chance(s), 50) ? 0 : 2);
  return send_login(s, &login, sim_greedy_identity(s));
}

static bool login_no_instance(sim_greedy_socket *s) {
  pl_wire_login login = login_of(s);
  memset(login.instance, 0, 8);
  return send_login(s, &login, sim_greedy_identity(s));
}

/* The ID of an honest client, which must not even be superseded. */
static bool login_as_another(sim_greedy_socket *s) {
  pl_wire_login login = login_of(s);
  const sim_world *w = s->world;
  const sim_client *c = &w->clients[sim_below(chance(s), (uint64_t)w->clients_count)];
  memcpy(login.peer_id, c->config.identity.id, 32);
  memcpy(login.instance, c->config.instance, 8);
  return send_login(s, &login, sim_greedy_identity(s));
}

static bool login_changed(sim_greedy_socket *s) {
  uint8_t out[1200];
  pl_wire_login login = login_of(s);
  size_t n = sim_greedy_login(s, &login, sim_greedy_identity(s), out);
  out[sim_below(chance(s), 36) + 42] ^= 1; /* in the nonce or the features */
  return sim_greedy_envelope(s, PL_ENV_LOGIN, 0, 0, out, n);
}

/* The challenge of another socket. */
static bool login_old_challenge(sim_greedy_socket *s) {
  pl_wire_hello hello;
  pl_wire_login login = login_of(s);
  if (pl_wire_hello_decode(&hello, s->hello, s->hello_size) != 0) return false;
  s->hello[40] ^= 1;
  return send_login(s, &login, sim_greedy_identity(s));
}

/* A key that is no point of the group, with a signature that fits it. */
static bool login_bad_key(sim_greedy_socket *s) {
  pl_wire_login login = login_of(s);
  pl_identity forged = *sim_greedy_identity(s);
  memset(login.peer_id, 0, 32);
  memset(forged.secret + 32, 0, 32);
  return send_login(s, &login, &forged);
}

static bool login_cut(sim_greedy_socket *s) {
  uint8_t out[1200];
  pl_wire_login login = login_of(s);
  size_t n = sim_greedy_login(s, &login, sim_greedy_identity(s), out);
  return sim_greedy_envelope(s, PL_ENV_LOGIN, 0, 0, out, n - sim_between(chance(s), 1, n));
}

static bool login_on_link(sim_greedy_socket *s) {
  uint8_t out[1200];
  pl_wire_login login = login_of(s);
  size_t n = sim_greedy_login(s, &login, sim_greedy_identity(s), out);
  return sim_greedy_envelope(s, PL_ENV_LOGIN, 0, 0x10001, out, n);
}

static bool login_long(sim_greedy_socket *s) {
  uint8_t *out = s->world->text;
  memset(out, 1, 1025);
  return sim_greedy_envelope(s, PL_ENV_LOGIN, 0, 0, out, 1025);
}

/* The second one comes while the first is looked up, or just after WELCOME. */
static bool login_twice(sim_greedy_socket *s) {
  pl_wire_login login = login_of(s);
  return sim_greedy_log_in(s) && send_login(s, &login, sim_greedy_identity(s));
}

static bool login_not_first(sim_greedy_socket *s) {
  static const uint8_t types[] = {PL_ENV_PING, PL_ENV_PEERS, PL_ENV_CODE,  PL_ENV_OPEN, PL_ENV_ACCEPT,
                                  PL_ENV_DATA, PL_ENV_RESET, PL_ENV_CLAIM, 0x7e,        0xfe};
  uint8_t payload[64] = {0};
  uint8_t type = types[sim_below(chance(s), sizeof types)];
  return sim_greedy_envelope(s, type, 0, sim_chance(chance(s), 50) ? 0x10000 : 0, payload, 48);
}

static bool login_never(sim_greedy_socket *s) {
  (void)s;
  return true;
}

static bool login_again(sim_greedy_socket *s) {
  pl_wire_login login = login_of(s);
  return send_login(s, &login, sim_greedy_identity(s));
}

/* ---- envelopes after the login: sections 2, 4 and 7 -------------------------------------------------------------- */

static bool envelope_cut(sim_greedy_socket *s) {
  uint8_t out[48] = {PL_ENV_PING, 0, 0, 8};
  return sim_greedy_message(s, out, (size_t)sim_between(chance(s), 1, 15));
}

static bool envelope_of_relay(sim_greedy_socket *s) {
  static const uint8_t types[] = {PL_ENV_HELLO, PL_ENV_WELCOME, PL_ENV_GOING_AWAY, PL_ENV_PONG, PL_ENV_OFFER};
  uint8_t payload[48] = {0};
  uint8_t type = types[sim_below(chance(s), sizeof types)];
  return sim_greedy_envelope(s, type, 0, sim_chance(chance(s), 50) ? 0x10000 : 0, payload, 8);
}

static bool envelope_unknown(sim_greedy_socket *s) {
  uint8_t payload[8] = {0};
  uint8_t type = (uint8_t)(sim_chance(chance(s), 50) ? 0 : sim_between(chance(s), 0x16, 0x7f));
  return sim_greedy_envelope(s, type, 0, (uint32_t)sim_below(chance(s), 2), payload, sizeof payload);
}

static bool ping_after(sim_greedy_socket *s, bool sent) {
  return sent && sim_greedy_envelope(s, PL_ENV_PING, 0, 0, "12345678", 8);
}

static bool envelope_skippable(sim_greedy_socket *s) {
  uint8_t *out = s->world->text;
  size_t n = (size_t)sim_log_between(chance(s), 1, 60000);
  memset(out, 0, n);
  return ping_after(
      s, sim_greedy_envelope(s, (uint8_t)sim_between(chance(s), 0x80, 0xff), 0, (uint32_t)sim_next(chance(s)), out, n));
}

static bool flags_unknown(sim_greedy_socket *s) {
  return sim_greedy_envelope(s, PL_ENV_PING, 0xfe, 0, "12345678", 8);
}

static bool ping_size(sim_greedy_socket *s) {
  uint8_t payload[16] = {0};
  return sim_greedy_envelope(s, PL_ENV_PING, 0, 0, payload, sim_chance(chance(s), 50) ? 7 : 9);
}

static bool peers_op(sim_greedy_socket *s) {
  uint8_t payload[34] = {0, 1};
  payload[0] = (uint8_t)(sim_chance(chance(s), 50) ? 0 : sim_between(chance(s), 4, 255));
  return sim_greedy_envelope(s, PL_ENV_PEERS, 0, 0, payload, sizeof payload);
}

static bool peers_size(sim_greedy_socket *s) {
  uint8_t payload[2 + 33 * 32] = {PL_CONST_PEERS_ALLOW, 33};
  if (sim_chance(chance(s), 50)) return sim_greedy_envelope(s, PL_ENV_PEERS, 0, 0, payload, sizeof payload);
  payload[1] = 2;
  return sim_greedy_envelope(s, PL_ENV_PEERS, 0, 0, payload, (size_t)sim_between(chance(s), 2, 65));
}

static bool peers_on_link(sim_greedy_socket *s) {
  uint8_t payload[34] = {PL_CONST_PEERS_ALLOW, 1};
  return sim_greedy_envelope(s, PL_ENV_PEERS, 0, 0x10000, payload, sizeof payload);
}

static bool send_code(sim_greedy_socket *s, uint8_t op, uint32_t number, uint32_t link) {
  uint8_t payload[16];
  pl_wire_code code = {.op = op, .number = number};
  int n = pl_wire_code_encode(&code, payload, sizeof payload);
  return sim_greedy_envelope(s, PL_ENV_CODE, 0, link, payload, (size_t)n);
}

static bool code_op(sim_greedy_socket *s) {
  return send_code(s, (uint8_t)(sim_chance(chance(s), 50) ? 0 : 3), 4821, 0);
}

static bool code_number(sim_greedy_socket *s) {
  static const uint32_t numbers[] = {1, PL_CONST_CODE_NUMBER_MIN - 1, PL_CONST_CODE_NUMBER_MAX + 1, UINT32_MAX};
  return send_code(s, PL_CONST_CODE_MAKE, numbers[sim_below(chance(s), PL_ARRAY_LENGTH(numbers))], 0);
}

static bool code_end_nothing(sim_greedy_socket *s) {
  return send_code(s, PL_CONST_CODE_END, 0, 0);
}

static bool code_on_link(sim_greedy_socket *s) {
  return send_code(s, PL_CONST_CODE_MAKE, 0, 0x10000);
}

/* An OPEN to oneself, whose answer is UNAVAILABLE much later. */
static bool send_open(sim_greedy_socket *s, uint32_t link) {
  uint8_t *out = s->world->scratch;
  static const uint8_t instance[8] = {1};
  size_t n = sim_greedy_put_open(s, out, link, sim_greedy_identity(s)->id, instance, 20);
  return sim_greedy_message(s, out, n);
}

static bool open_relay_side(sim_greedy_socket *s) {
  return send_open(s, pl_link_number_make(true, 1, 0));
}

static bool open_generation_zero(sim_greedy_socket *s) {
  return send_open(s, (uint32_t)sim_between(chance(s), 1, 3));
}

static bool open_slot(sim_greedy_socket *s) {
  uint32_t slots = setting(s, PL_RELAY_SET_LINK_SLOTS);
  return send_open(s, pl_link_number_make(false, 1, sim_chance(chance(s), 50) ? slots : 0xffff));
}

static bool open_cut(sim_greedy_socket *s) {
  uint8_t payload[40] = {0};
  return sim_greedy_envelope(s, PL_ENV_OPEN, 0, 0x10000, payload, (size_t)sim_below(chance(s), 40));
}

static bool open_long(sim_greedy_socket *s) {
  uint8_t payload[2049] = {0};
  return sim_greedy_envelope(s, PL_ENV_OPEN, 0, 0x10000, payload, sizeof payload);
}

static bool open_on_socket(sim_greedy_socket *s) {
  return send_open(s, 0);
}

static bool claim_wrong(sim_greedy_socket *s) {
  uint8_t payload[257] = {0};
  if (sim_chance(chance(s), 30)) return sim_greedy_envelope(s, PL_ENV_CLAIM, 0, 0x10000, payload, 257);
  if (sim_chance(chance(s), 50))
    return sim_greedy_envelope(s, PL_ENV_CLAIM, 0, 0x10000, payload, (size_t)sim_below(chance(s), 4));
  return sim_greedy_envelope(s, PL_ENV_CLAIM, 0, sim_chance(chance(s), 50) ? 0 : 0x80010000, payload, 50);
}

static bool accept_long(sim_greedy_socket *s) {
  uint8_t payload[2049] = {0};
  return sim_greedy_envelope(s, PL_ENV_ACCEPT, 0, 0x80010000, payload, sizeof payload);
}

static bool reset_long(sim_greedy_socket *s) {
  uint8_t payload[129] = {0};
  return sim_greedy_envelope(s, PL_ENV_RESET, 0, 0x10000, payload, sizeof payload);
}

static bool reset_cut(sim_greedy_socket *s) {
  return sim_greedy_envelope(s, PL_ENV_RESET, 0, 0x10000, "x", (size_t)sim_below(chance(s), 2));
}

static bool reset_socket(sim_greedy_socket *s) {
  return sim_greedy_envelope(s, PL_ENV_RESET, 0, 0, "\0\1", 2);
}

static bool on_unknown_link(sim_greedy_socket *s) {
  static const uint8_t types[] = {PL_ENV_ACCEPT, PL_ENV_DATA, PL_ENV_RESET};
  uint8_t payload[8] = {0, 1};
  uint32_t number = (uint32_t)sim_next(chance(s)) | 1;
  uint8_t type = types[sim_below(chance(s), sizeof types)];
  return ping_after(s, sim_greedy_envelope(s, type, 0, number, payload, sizeof payload));
}

/* ---- links: the tables of section 4 ------------------------------------------------------------------------------ */

/* Opens a link, sends this envelope on it, then PING. */
static bool open_and(sim_greedy_socket *s, uint8_t type, uint32_t changed) {
  uint8_t payload[60] = {0, 1};
  s->probe_link = 0x10000;
  if (!send_open(s, s->probe_link)) return false;
  return ping_after(s, sim_greedy_envelope(s, type, 0, s->probe_link + changed, payload, sizeof payload));
}

static bool link_open_twice(sim_greedy_socket *s) {
  return open_and(s, PL_ENV_OPEN, 0);
}

static bool link_own_accept(sim_greedy_socket *s) {
  return open_and(s, PL_ENV_ACCEPT, 0);
}

static bool link_early_data(sim_greedy_socket *s) {
  return open_and(s, PL_ENV_DATA, 0);
}

static bool link_other_generation(sim_greedy_socket *s) {
  static const uint8_t types[] = {PL_ENV_OPEN, PL_ENV_ACCEPT, PL_ENV_DATA, PL_ENV_RESET};
  return open_and(s, types[sim_below(chance(s), sizeof types)], 0x10000);
}

/* A CLAIM for a link that waits for its answer, which is treated as an OPEN. */
static bool link_claim_twice(sim_greedy_socket *s) {
  return open_and(s, PL_ENV_CLAIM, 0);
}

static bool link_reset_twice(sim_greedy_socket *s) {
  uint8_t reset[2] = {0, 1};
  s->probe_link = 0x10000;
  return send_open(s, s->probe_link) && sim_greedy_envelope(s, PL_ENV_RESET, 0, s->probe_link, reset, 2) &&
         ping_after(s, sim_greedy_envelope(s, PL_ENV_RESET, 0, s->probe_link, reset, 2));
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define STATUS(n) \
  { .status = (n) }
#define REASON(name) \
  { .reason = PL_REASON_##name }
#define CODE(n) \
  { .code = (n) }
#define LINK(name) \
  { .link_reason = PL_REASON_##name }
#define SILENCE \
  { .silence = true }

static const sim_greedy_probe probes[] = {
    {"another version", SIM_GREEDY_LOGIN, login_version, REASON(UNSUPPORTED)},
    {"an instance of zeros", SIM_GREEDY_LOGIN, login_no_instance, REASON(PROTOCOL)},
    {"another's ID", SIM_GREEDY_LOGIN, login_as_another, REASON(LOGIN_FAILED)},
    {"a changed LOGIN", SIM_GREEDY_LOGIN, login_changed, REASON(LOGIN_FAILED)},
    {"another challenge", SIM_GREEDY_LOGIN, login_old_challenge, REASON(LOGIN_FAILED)},
    {"a key that is no point", SIM_GREEDY_LOGIN, login_bad_key, REASON(LOGIN_FAILED)},
    {"half a LOGIN", SIM_GREEDY_LOGIN, login_cut, REASON(PROTOCOL)},
    {"LOGIN on a link", SIM_GREEDY_LOGIN, login_on_link, REASON(PROTOCOL)},
    {"a long LOGIN", SIM_GREEDY_LOGIN, login_long, REASON(PROTOCOL)},
    {"two LOGINs", SIM_GREEDY_LOGIN, login_twice, REASON(PROTOCOL)},
    {"something before LOGIN", SIM_GREEDY_LOGIN, login_not_first, REASON(PROTOCOL)},
    {"no LOGIN", SIM_GREEDY_LOGIN, login_never, REASON(TIMEOUT)},
    {"LOGIN again", SIM_GREEDY_READY, login_again, REASON(PROTOCOL)},

    {"a cut envelope", SIM_GREEDY_READY, envelope_cut, REASON(PROTOCOL)},
    {"an envelope of the relay", SIM_GREEDY_READY, envelope_of_relay, REASON(PROTOCOL)},
    {"an unknown type", SIM_GREEDY_READY, envelope_unknown, REASON(UNSUPPORTED)},
    {"a type to skip", SIM_GREEDY_READY, envelope_skippable, SILENCE},
    {"unknown flags", SIM_GREEDY_READY, flags_unknown, SILENCE},
    {"PING of another size", SIM_GREEDY_READY, ping_size, REASON(PROTOCOL)},
    {"PEERS with another op", SIM_GREEDY_READY, peers_op, REASON(PROTOCOL)},
    {"PEERS with a wrong count", SIM_GREEDY_READY, peers_size, REASON(PROTOCOL)},
    {"PEERS on a link", SIM_GREEDY_READY, peers_on_link, REASON(PROTOCOL)},
    {"CODE with another op", SIM_GREEDY_READY, code_op, REASON(PROTOCOL)},
    {"CODE with an impossible number", SIM_GREEDY_READY, code_number, REASON(PROTOCOL)},
    {"CODE END without a number", SIM_GREEDY_READY, code_end_nothing, REASON(PROTOCOL)},
    {"CODE on a link", SIM_GREEDY_READY, code_on_link, REASON(PROTOCOL)},
    {"OPEN with the relay's side", SIM_GREEDY_READY, open_relay_side, REASON(PROTOCOL)},
    {"OPEN of generation 0", SIM_GREEDY_READY, open_generation_zero, REASON(PROTOCOL)},
    {"OPEN beyond LINK_SLOTS", SIM_GREEDY_READY, open_slot, REASON(PROTOCOL)},
    {"a cut OPEN", SIM_GREEDY_READY, open_cut, REASON(PROTOCOL)},
    {"a long OPEN", SIM_GREEDY_READY, open_long, REASON(PROTOCOL)},
    {"OPEN on link 0", SIM_GREEDY_READY, open_on_socket, REASON(PROTOCOL)},
    {"a wrong CLAIM", SIM_GREEDY_READY, claim_wrong, REASON(PROTOCOL)},
    {"a long ACCEPT", SIM_GREEDY_READY, accept_long, REASON(PROTOCOL)},
    {"a long RESET", SIM_GREEDY_READY, reset_long, REASON(PROTOCOL)},
    {"a cut RESET", SIM_GREEDY_READY, reset_cut, REASON(PROTOCOL)},
    {"RESET on link 0", SIM_GREEDY_READY, reset_socket, CODE(1000)},
    {"an envelope on an unknown link", SIM_GREEDY_READY, on_unknown_link, SILENCE},

    {"OPEN twice", SIM_GREEDY_READY, link_open_twice, LINK(PROTOCOL)},
    {"ACCEPT of an own call", SIM_GREEDY_READY, link_own_accept, LINK(PROTOCOL)},
    {"DATA before ACCEPT", SIM_GREEDY_READY, link_early_data, LINK(PROTOCOL)},
    {"another generation", SIM_GREEDY_READY, link_other_generation, SILENCE},
    {"CLAIM on an open link", SIM_GREEDY_READY, link_claim_twice, LINK(PROTOCOL)},
    {"RESET twice", SIM_GREEDY_READY, link_reset_twice, SILENCE},
};

void sim_greedy_start_probe(sim_greedy *g, int attacker) {
  sim_greedy_socket *s = sim_greedy_open(g, attacker);
  if (!s) return;
  size_t i = (size_t)sim_below(&g->random, PL_ARRAY_LENGTH(probes) + sim_greedy_transport_count);
  s->probe = i < PL_ARRAY_LENGTH(probes) ? &probes[i] : &sim_greedy_transport_probes[i - PL_ARRAY_LENGTH(probes)];
  s->listen = false;
  s->pongs = true;
  sim_fill(&g->random, s->instance, 8);
}
