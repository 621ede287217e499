/* Attackers as peers: they call honest clients with a handshake that is in order, and then say what no peer may say. A
 * client that accepts everybody lets them in; its application does not act on the sessions with them. */
#include <string.h>

#include "sim_greedy.h"

enum { RECORD = 4000, FLOOD = 30, INVITE_PROOF = PL_CONST_INVITE_HINT_BYTES + 32 };

static sim_random *chance(const sim_greedy_socket *s) {
  return &s->world->greedy->random;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

/* Writes message 1. In some, the inside does not fit the outside, the version is unknown, or an invite is claimed whose
 * secret nobody made. */
static int put_message1(sim_greedy_socket *s, const sim_client *c, uint8_t *out, size_t capacity) {
  sim_random *r = chance(s);
  uint8_t payload[128], ephemeral[32], invite[3 + INVITE_PROOF] = {PL_EXT_INVITE, 0, INVITE_PROOF};
  pl_wire_handshake1 h = {.version = PL_CONST_PROTOCOL_VERSION};
  s->peer.link = 0;
  s->peer.odd = sim_chance(r, 20);
  memcpy(h.caller_instance, s->instance, 8);
  if (s->peer.odd && sim_chance(r, 50)) h.caller_instance[0] ^= 1;
  if (s->peer.odd && sim_chance(r, 50)) h.version = (uint8_t)sim_between(r, 2, 255);
  sim_fill(r, invite + 3, INVITE_PROOF);
  if (sim_chance(r, 30)) h.extensions = (pl_view){invite, sizeof invite};
  sim_fill(r, ephemeral, sizeof ephemeral);
  int n = pl_wire_handshake1_encode(&h, payload, sizeof payload);
  if (pl_noise_start_caller(&s->peer.handshake, sim_greedy_identity(s), c->config.identity.id) != 0) return -1;
  return pl_noise_write(&s->peer.handshake, ephemeral, (pl_view){payload, (size_t)n}, out, capacity);
}

/* Keeps what a client sent, to send it again elsewhere. */
static void keep(sim_greedy_socket *s, pl_view payload) {
  if (payload.size > sizeof s->peer.seen) return;
  memcpy(s->peer.seen, payload.data, payload.size);
  s->peer.seen_size = payload.size;
}

/* Returns the link of the last proper call while that is up, or NULL when its number names another call by now. */
static const sim_greedy_link *peer_link(sim_greedy_socket *s) {
  const sim_greedy_link *l = s->peer.up ? sim_greedy_link_at(s, s->peer.link) : NULL;
  return l && l->proper ? l : NULL;
}

/* Says what a client said: as a call, as an answer or as a record. */
static void replay(sim_greedy_socket *s) {
  sim_world *w = s->world;
  sim_random *r = chance(s);
  static const uint8_t any[8];
  const sim_client *c = &w->clients[sim_below(r, (uint64_t)w->clients_count)];
  uint8_t *out = w->scratch;
  uint32_t number = sim_greedy_next_number(s);
  if (!s->peer.seen_size || !number || !sim_greedy_room(s, 2 * sizeof s->peer.seen)) return;
  if (peer_link(s) && w->greedy->forges && sim_chance(r, 50)) {
    (void)sim_greedy_envelope(s, PL_ENV_DATA, 0, s->peer.link, s->peer.seen, s->peer.seen_size);
    return;
  }
  size_t size = sim_greedy_put_open(s, out, number, c->config.identity.id, any, s->peer.seen_size);
  memcpy(out + 48, s->peer.seen, s->peer.seen_size);
  (void)sim_greedy_message(s, out, size);
}

void sim_greedy_call(sim_greedy_socket *s) {
  sim_world *w = s->world;
  uint8_t *out = w->scratch, message[600];
  static const uint8_t any[8];
  const sim_client *c = &w->clients[sim_below(chance(s), (uint64_t)w->clients_count)];
  uint32_t number = sim_greedy_next_number(s);
  if (!number || !sim_greedy_room(s, 1000)) return;
  int n = put_message1(s, c, message, sizeof message);
  if (n < 0) return;
  size_t size = sim_greedy_put_open(s, out, number, c->config.identity.id, any, (size_t)n);
  memcpy(out + 48, message, (size_t)n);
  sim_greedy_link *l = sim_greedy_link_at(s, number);
  if (!l || l->unsure) return;
  l->proper = true;
  w->greedy->met[c->index] = true;
  s->peer.link = number;
  s->peer.up = false;
  (void)sim_greedy_message(s, out, size);
}

/* Seals a record of these frames and sends it. */
static void say(sim_greedy_socket *s, uint8_t flags, const uint8_t *frames, size_t n) {
  uint8_t record[RECORD + PL_CONST_RECORD_OVERHEAD_BYTES];
  int size = pl_noise_seal(&s->peer.keys, PL_ENV_DATA, flags, frames, n, record);
  if (size < 0 || !sim_greedy_room(s, (size_t)size + 8)) return;
  (void)sim_greedy_envelope(s, PL_ENV_DATA, flags, s->peer.link, record, (size_t)size);
}

static size_t put_frame(uint8_t *out, uint8_t type, size_t n) {
  out[0] = type;
  pl_put_u16(out + 1, (uint16_t)n);
  return 3 + n;
}

static void say_hello(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint8_t out[128];
  pl_wire_frame_hello h = {.epoch = sim_next(r) | 1, .link_seq = 1, .message_max = 16000, .channel_window = 100000};
  h.session_limit = sim_chance(r, 80) ? 1000000 : UINT64_MAX;
  if (sim_chance(r, 10)) h.peer_epoch = sim_next(r);
  int n = pl_wire_frame_hello_encode(&h, out + 3, sizeof out - 3);
  if (n > 0) say(s, 0, out, put_frame(out, PL_FRAME_HELLO, (size_t)n));
}

void sim_greedy_accepted(sim_greedy_socket *s, const pl_envelope *e) {
  uint8_t payload[2048];
  keep(s, e->payload);
  if (e->link != s->peer.link) return; /* it has called somebody else since */
  if (s->peer.odd && pl_noise_read(&s->peer.handshake, e->payload, payload, sizeof payload) < 0) return;
  if (!s->peer.odd && pl_noise_read(&s->peer.handshake, e->payload, payload, sizeof payload) < 0)
    sim_fail(s->world, "an attacker: the handshake of a client does not open");
  if (pl_noise_split(&s->peer.handshake, &s->peer.keys) != 0) return;
  s->peer.up = true;
  if (sim_chance(chance(s), 85)) say_hello(s);
}

/* What a client sends to it must open: it is of this link. */
void sim_greedy_peer_data(sim_greedy_socket *s, const pl_envelope *e) {
  uint8_t *plain = s->world->text;
  keep(s, e->payload);
  if (!s->peer.up || e->link != s->peer.link || e->payload.size > SIM_TEXT) return;
  if (e->payload.size < PL_CONST_RECORD_OVERHEAD_BYTES ||
      pl_noise_open(&s->peer.keys, PL_ENV_DATA, e->flags, e->payload.data, e->payload.size, plain) < 0)
    sim_fail(s->world, "an attacker gets a record that is not for it");
}

/* ---- what no peer may say ---------------------------------------------------------------------------------------- */

static void flood_volatile(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint8_t out[RECORD] = {0};
  for (uint64_t i = sim_log_between(r, 1, FLOOD); i > 0; i--) {
    size_t n = put_frame(out, PL_FRAME_VOLATILE, (size_t)sim_between(r, 1, 1500));
    out[3] = (uint8_t)sim_below(r, 256);
    say(s, PL_CONST_ENVELOPE_FLAG_VOLATILE, out, n);
  }
}

/* Messages beyond all windows, and at wrong places. */
static void overrun(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint8_t out[RECORD] = {0};
  uint64_t at = sim_chance(r, 70) ? 0 : sim_next(r);
  for (uint64_t i = sim_log_between(r, 1, FLOOD); i > 0; i--) {
    size_t size = (size_t)sim_between(r, 1, 3000), n = put_frame(out, PL_FRAME_DATA, 10 + size);
    out[3] = (uint8_t)sim_below(r, 3);
    out[4] = (uint8_t)sim_below(r, 4);
    pl_put_u64(out + 5, at);
    at += size;
    say(s, 0, out, n);
  }
}

/* Frames of a known type with anything inside. */
static void say_nonsense(sim_greedy_socket *s) {
  sim_random *r = chance(s);
  uint8_t out[256];
  size_t size = (size_t)sim_below(r, 60);
  sim_fill(r, out, sizeof out);
  if (sim_chance(r, 50)) out[3] = 0;
  size_t n = put_frame(out, (uint8_t)sim_between(r, 1, 10), size);
  say(s, 0, out, sim_chance(r, 80) ? n : (size_t)sim_below(r, n + 1));
}

static void say_unsealed(sim_greedy_socket *s) {
  uint8_t out[100];
  if (!s->world->greedy->forges) return;
  sim_fill(chance(s), out, sizeof out);
  (void)sim_greedy_envelope(s, PL_ENV_DATA, 0, s->peer.link, out, sizeof out);
}

/* The same counter again. */
static void repeat(sim_greedy_socket *s) {
  uint8_t out[16] = {0};
  size_t n = put_frame(out, PL_FRAME_PROBE, 4);
  if (!s->world->greedy->forges) return;
  say(s, 0, out, n);
  if (s->peer.keys.next_counter) s->peer.keys.next_counter--;
  say(s, 0, out, n);
}

static void say_close(sim_greedy_socket *s) {
  uint8_t out[16] = {0};
  say(s, 0, out, put_frame(out, PL_FRAME_CLOSE, 2));
}

void sim_greedy_misbehave(sim_greedy_socket *s) {
  static void (*const ways[])(sim_greedy_socket *) = {
      flood_volatile, flood_volatile, overrun, say_nonsense, say_unsealed, repeat, replay, say_close, say_hello};
  const sim_greedy_link *l = peer_link(s);
  if (!l || l->state != SIM_GREEDY_LINKED || !sim_greedy_room(s, 64))
    (sim_chance(chance(s), 15) ? replay : sim_greedy_call)(s);
  else
    ways[sim_below(chance(s), PL_ARRAY_LENGTH(ways))](s);
}

/* ---- honest clients ---------------------------------------------------------------------------------------------- */

static sim_greedy_session *session_of(sim_greedy *g, const sim_client *c, uint32_t number) {
  for (size_t i = 0; i < SIM_GREEDY_SESSIONS; i++) {
    sim_greedy_session *x = &g->sessions[i];
    if (x->number == number && x->client == c->index && x->life == c->life) return x;
  }
  return NULL;
}

static void session_begins(sim_greedy *g, const sim_client *c, uint32_t number) {
  if (!c->config.accept_all) sim_fail(g->world, "client %d: a session with an attacker, whom nobody let in", c->index);
  for (size_t i = 0; i < SIM_GREEDY_SESSIONS; i++) {
    sim_greedy_session *x = &g->sessions[i];
    if (x->number && x->life == g->world->clients[x->client].life) continue;
    *x = (sim_greedy_session){.client = c->index, .life = c->life, .number = number};
    return;
  }
  sim_fail(g->world, "attackers have more sessions than the simulator keeps");
}

bool sim_greedy_met(const sim_world *w, const uint8_t id[32]) {
  for (int i = 0; i < w->clients_count; i++)
    if (w->greedy->met[i] && memcmp(w->clients[i].config.identity.id, id, 32) == 0) return true;
  return false;
}

bool sim_greedy_told(const sim_client *c, const pl_engine_action *a) {
  sim_greedy *g = c->world->greedy;
  if (!g) return false;
  if (a->type == PL_ENGINE_OUT_KNOCK) return sim_greedy_is(c->world, a->id);
  if (a->type == PL_ENGINE_OUT_SESSION && sim_greedy_is(c->world, a->id)) session_begins(g, c, a->session);
  sim_greedy_session *x = a->session ? session_of(g, c, a->session) : NULL;
  if (x && a->type == PL_ENGINE_OUT_SESSION_CLOSED) x->number = 0;
  return x != NULL;
}
