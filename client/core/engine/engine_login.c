/* See engine_login.h. */
#include "engine_login.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"
#include "engine_address.h"
#include "engine_code.h"
#include "engine_connection.h"
#include "engine_dial.h"
#include "engine_link.h"
#include "engine_peers.h"
#include "engine_random.h"

static uint32_t *login_limit(pl_engine *e, uint16_t id) {
  switch (id) {
    case PL_LIMIT_MESSAGE_MAX:
      return &e->message_max;
    case PL_LIMIT_LINK_WINDOW:
      return &e->link_window;
    case PL_LIMIT_LINK_SLOTS:
      return &e->link_slots;
    case PL_LIMIT_OPEN_TIMEOUT_MS:
      return &e->open_timeout_ms;
    case PL_LIMIT_PING_INTERVAL_MS:
      return &e->ping_interval_ms;
    case PL_LIMIT_DEAD_AFTER_MS:
      return &e->dead_after_ms;
    default:
      return NULL;
  }
}

static void login_take_limits(pl_engine *e, pl_view limits) {
  pl_reader r = pl_reader_of(limits.data, limits.size);
  while (pl_reader_left(&r)) {
    pl_wire_limit l;
    if (pl_wire_limit_read(&l, &r)) return;
    uint32_t *field = login_limit(e, l.id);
    if (!field) continue;
    for (const pl_limit_info *i = pl_limit_table; i->name; i++) {
      if (i->id != l.id) continue;
      *field = l.value < i->minimum ? i->minimum : l.value > i->maximum ? i->maximum : l.value;
    }
  }
}

static void login_initial_limits(pl_engine *e) {
  for (const pl_limit_info *i = pl_limit_table; i->name; i++) {
    uint32_t *field = login_limit(e, i->id);
    if (field) *field = i->initial;
  }
}

void pl_engine_login_set_token(pl_engine *e, const char *token) {
  e->has_token = token && *token;
  if (e->has_token) crypto_hash_sha256(e->token_key, (const uint8_t *)token, strlen(token));
}

static int login_send(pl_engine *e, pl_view hello) {
  pl_wire_login l = {.version = PL_CONST_PROTOCOL_VERSION, .flags = e->config.listen ? PL_CONST_LOGIN_FLAG_LISTEN : 0};
  uint8_t payload[1024];
  char origin[256];
  memcpy(l.peer_id, e->config.identity.id, 32);
  memcpy(l.instance, e->config.instance, 8);
  pl_engine_rng_bytes(&e->rng, l.nonce, sizeof l.nonce);
  pl_engine_address_origin(e, origin);
  l.origin = (pl_view){(const uint8_t *)origin, strlen(origin)};
  int n = pl_wire_login_encode(&l, payload, sizeof payload);
  if (n < 0) return PL_REASON_PROTOCOL;
  if (e->has_token) { /* the proof covers everything before its own length, and the signature covers the proof */
    uint8_t proof[PL_TOKEN_PROOF_BYTES];
    pl_login_transcript(e->transcript, hello, (pl_view){payload, (size_t)n - PL_SIGNATURE_BYTES - 1});
    pl_token_prove(proof, e->token_key, e->transcript);
    l.token_proof = (pl_view){proof, sizeof proof};
    n = pl_wire_login_encode(&l, payload, sizeof payload);
    if (n < 0) return PL_REASON_PROTOCOL;
  }
  size_t body = (size_t)n - PL_SIGNATURE_BYTES;
  pl_login_transcript(e->transcript, hello, (pl_view){payload, body});
  pl_login_sign_client(payload + body, e->transcript, &e->config.identity);
  return pl_engine_control(e, PL_ENV_LOGIN, 0, payload, (size_t)n) ? PL_REASON_OVERFLOW : 0;
}

int pl_engine_login_hello(pl_engine *e, pl_view payload) {
  pl_wire_hello h;
  if (pl_wire_hello_decode(&h, payload.data, payload.size)) return PL_REASON_PROTOCOL;
  if (h.version_min > PL_CONST_PROTOCOL_VERSION || h.version_max < PL_CONST_PROTOCOL_VERSION)
    return PL_REASON_UNSUPPORTED;
  if (e->pinned && memcmp(h.relay_id, e->relay_id, 32) != 0) {
    if (pl_engine_address(e)) /* another relay at an address that GOING_AWAY named: the configured one may still do */
      pl_engine_connection_fail(e, PL_ENETWORK, PL_REASON_GONE);
    else
      pl_engine_connection_fail(e, PL_ERELAYKEY, PL_REASON_LOGIN_FAILED);
    return 0;
  }
  memcpy(e->hello_relay_id, h.relay_id, 32);
  login_initial_limits(e);
  login_take_limits(e, h.limits);
  int reason = login_send(e, payload);
  if (reason == 0) e->connection = PL_ENGINE_CONN_LOGIN;
  return reason;
}

int pl_engine_login_welcome(pl_engine *e, pl_view payload) {
  pl_wire_welcome w;
  if (pl_wire_welcome_decode(&w, payload.data, payload.size)) return PL_REASON_PROTOCOL;
  pl_view body = {payload.data, payload.size - PL_SIGNATURE_BYTES};
  if (pl_login_verify_relay(w.signature, e->transcript, body, e->hello_relay_id)) {
    pl_engine_connection_fail(e, PL_ECRYPTO, PL_REASON_LOGIN_FAILED);
    return 0;
  }
  login_take_limits(e, w.limits);
  pl_engine_connection_online(e);
  e->pinned = true; /* for the life of this engine, even if nothing was pinned before */
  memcpy(e->relay_id, e->hello_relay_id, 32);
  pl_engine_action a = {.type = PL_ENGINE_OUT_ONLINE};
  memcpy(a.id, e->relay_id, 32);
  pl_engine_out_once(e, a);
  pl_engine_wake_at(e, pl_engine_connection_deadline(e));
  pl_engine_peers_tell_all(e);
  pl_engine_dial_all(e);
  pl_engine_code_online(e);
  return 0;
}
