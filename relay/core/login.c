/* See login.h. Nothing is believed before the signature over this socket's own challenge was verified, and WELCOME is
 * not sent before the registration is committed. */
#include "login.h"

#include <string.h>

#include "accounts.h"
#include "bus.h"
#include "call.h"
#include "conn.h"
#include "leave.h"
#include "queue.h"
#include "rates.h"
#include "router.h"

enum { HELLO_MAX = 512, WELCOME_MAX = 512, LIMIT_BYTES = 6 };

/* Writes the announced limits as both HELLO and WELCOME carry them. */
static pl_view login_put_limits(const pl_relay *relay, uint8_t *out, size_t capacity) {
  pl_writer w = pl_writer_of(out, capacity);
  for (size_t i = 0; pl_limit_table[i].name; i++) {
    pl_wire_limit limit = {.id = pl_limit_table[i].id, .value = relay->config.settings[i]};
    pl_wire_limit_write(&limit, &w);
  }
  return (pl_view){out, pl_writer_used(&w)};
}

/* Writes HELLO: the same bytes each time, to send it and for transcripts. */
static pl_view login_put_hello(const pl_relay_conn *conn, uint8_t out[HELLO_MAX]) {
  uint8_t limits[64 * LIMIT_BYTES];
  pl_wire_hello hello = {.version_min = PL_CONST_PROTOCOL_VERSION,
                         .version_max = PL_CONST_PROTOCOL_VERSION,
                         .admission = (uint8_t)conn->relay->config.admission,
                         .limits = login_put_limits(conn->relay, limits, sizeof limits)};
  memcpy(hello.relay_id, conn->relay->config.identity->id, 32);
  memcpy(hello.challenge, conn->prologue->challenge, 32);
  int n = pl_wire_hello_encode(&hello, out, HELLO_MAX);
  return (pl_view){out, n > 0 ? (size_t)n : 0};
}

void pl_relay_login_hello(pl_relay_conn *conn, uint64_t now_ms) {
  uint8_t hello[HELLO_MAX];
  conn->prologue->hello_ms = now_ms;
  if (!pl_relay_out_control(conn, PL_ENV_HELLO, 0, login_put_hello(conn, hello), 100)) {
    pl_relay_conn_abort(conn);
    return;
  }
  pl_relay_conn_move(conn, PL_RELAY_CONN_LOGIN, now_ms);
  if (conn->prologue->over_limit) pl_relay_conn_refuse(conn, PL_REASON_FULL, now_ms);
}

static bool login_origin_good(const pl_relay *relay, pl_view origin) {
  const char *const *url = relay->config.public_urls;
  if (!url || !*url) return true;
  for (; *url; url++)
    if (pl_view_is(origin, *url)) return true;
  return false;
}

/* Returns 0, or the reason to refuse. */
static int login_judge(pl_relay_conn *conn, const pl_wire_login *login, pl_view payload, uint64_t now_ms) {
  const pl_relay *relay = conn->relay;
  static const uint8_t any[8];
  uint8_t hello[HELLO_MAX];
  if (login->version != PL_CONST_PROTOCOL_VERSION) return PL_REASON_UNSUPPORTED;
  if (memcmp(login->instance, any, sizeof any) == 0) return PL_REASON_PROTOCOL; /* in an OPEN it means any instance */
  if (now_ms - conn->prologue->hello_ms > pl_relay_setting_of(relay, PL_RELAY_SET_CHALLENGE_MS))
    return PL_REASON_TIMEOUT;
  pl_view signed_part = {payload.data, payload.size - PL_SIGNATURE_BYTES};
  pl_login_transcript(conn->prologue->transcript, login_put_hello(conn, hello), signed_part);
  if (pl_login_verify_client(login->signature, conn->prologue->transcript, login->peer_id) != 0)
    return PL_REASON_LOGIN_FAILED;
  return login_origin_good(relay, login->origin) ? 0 : PL_REASON_ORIGIN;
}

/* Keeps the claim of a token for hooks.register_id, because only the store knows the tokens. */
static void login_keep_token(pl_relay_conn *conn, const pl_wire_login *login, pl_view payload) {
  uint8_t hello[HELLO_MAX];
  if (conn->relay->config.admission != PL_RELAY_ADMIT_INVITE || login->token_proof.size != PL_TOKEN_PROOF_BYTES) return;
  pl_view before = {payload.data, payload.size - PL_SIGNATURE_BYTES - PL_TOKEN_PROOF_BYTES - 1};
  pl_login_transcript(conn->prologue->token.transcript, login_put_hello(conn, hello), before);
  memcpy(conn->prologue->token.proof, login->token_proof.data, PL_TOKEN_PROOF_BYTES);
  conn->prologue->has_token = true;
}

int pl_relay_login_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_wire_login login;
  if (pl_wire_login_decode(&login, e->payload.data, e->payload.size) != 0) return PL_REASON_PROTOCOL;
  int reason = login_judge(conn, &login, e->payload, now_ms);
  if (reason) {
    relay->stats.refused++;
    return reason;
  }
  login_keep_token(conn, &login, e->payload);
  memcpy(conn->prologue->id, login.peer_id, 32);
  memcpy(conn->instance, login.instance, 8);
  conn->listen = login.flags & PL_CONST_LOGIN_FLAG_LISTEN;
  pl_relay_conn_move(conn, PL_RELAY_CONN_STORING, now_ms);
  conn->lookup_pending = true;
  relay->config.hooks.lookup(relay->config.user, conn, conn->prologue->id);
  return 0;
}

/* Has the store register an ID that it does not know. Returns 0, or the reason to refuse. */
static int login_register(pl_relay_conn *conn, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_relay_prologue *p = conn->prologue;
  bool open = relay->config.admission == PL_RELAY_ADMIT_OPEN;
  if (open && !pl_relay_rate_allows(relay, &relay->shared->registrations, conn->address, now_ms)) return PL_REASON_RATE;
  if (!open && !p->has_token) return PL_REASON_DENIED;
  p->registering = conn->lookup_pending = true;
  relay->config.hooks.register_id(relay->config.user, conn, p->id, open ? NULL : &p->token);
  return 0;
}

/* Enters the socket at its ID. Returns 0, or the reason to refuse. */
static int login_enter(pl_relay_conn *conn, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  uint64_t key = pl_relay_account_key(conn, conn->prologue->id);
  if (pl_relay_bus_is_behind(relay) || (key != conn->account->key && pl_relay_account_enter(conn, key) != 0))
    return PL_REASON_FULL;
  pl_relay_presence *presence = pl_relay_router_get(relay, conn->prologue->id, true);
  if (!presence) return PL_REASON_FULL;
  pl_relay_conn *older = pl_relay_router_instance(presence, conn->instance);
  pl_relay_remote *elsewhere = pl_relay_router_remote(presence, conn->instance);
  uint32_t most = pl_relay_setting_of(relay, PL_RELAY_SET_INSTANCES_PER_ID);
  bool replaces = older || elsewhere;
  /* One that takes a place may still be too many: workers that did not know of each other's sockets let in more. */
  if (presence->socket_count + presence->remote_count + !replaces > most) {
    pl_relay_router_release(relay, presence);
    return PL_REASON_FULL;
  }
  conn->presence = presence;
  pl_list_append(&presence->sockets, &conn->same_id);
  presence->socket_count++;
  conn->generation = atomic_fetch_add(&relay->shared->generation, 1) + 1;
  if (elsewhere) pl_relay_router_drop_remote(relay, presence, elsewhere); /* its own worker ends that socket */
  pl_relay_bus_tell(conn, PL_RELAY_BUS_LOGIN);
  if (older) pl_relay_conn_refuse(older, PL_REASON_SUPERSEDED, now_ms);
  return 0;
}

static void login_welcome(pl_relay_conn *conn, pl_relay_registration registration) {
  pl_relay *relay = conn->relay;
  uint8_t limits[64 * LIMIT_BYTES], payload[WELCOME_MAX];
  pl_wire_welcome w = {.registration = registration == PL_RELAY_REGISTRATION_KNOWN,
                       .limits = login_put_limits(relay, limits, sizeof limits)};
  int n = pl_wire_welcome_encode(&w, payload, sizeof payload);
  if (n < PL_SIGNATURE_BYTES) {
    pl_relay_conn_abort(conn);
    return;
  }
  pl_view body = {payload, (size_t)n - PL_SIGNATURE_BYTES};
  pl_login_sign_relay(payload + body.size, conn->prologue->transcript, body, relay->config.identity);
  if (!pl_relay_out_control(conn, PL_ENV_WELCOME, 0, (pl_view){payload, (size_t)n}, 100)) pl_relay_conn_abort(conn);
}

/* Admits an ID that is registered. Returns 0, or the reason to refuse. */
static int login_admit(pl_relay_conn *conn, pl_relay_registration result, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  int reason = login_enter(conn, now_ms);
  if (reason) return reason;
  relay->stats.logins++;
  pl_relay_conn_move(conn, PL_RELAY_CONN_READY, now_ms);
  login_welcome(conn, result);
  pl_relay_conn_drop_prologue(conn);
  pl_ws_set_message_max(&conn->ws, pl_relay_setting_of(relay, PL_RELAY_SET_MESSAGE_MAX));
  pl_relay_conn_log(conn, PL_RELAY_LOG_DEBUG, "login",
                    result == PL_RELAY_REGISTRATION_NEW ? "registration=new" : "registration=known");
  if (conn->state == PL_RELAY_CONN_READY) pl_relay_call_ready(conn);
  return 0;
}

/* The signature does not prove that the key has prime order, and to check that costs nearly as much as the signature.
 * So it is done once: an ID that the store knows was checked when it was registered. */
static bool login_key_fails(const pl_relay_conn *conn, pl_relay_registration result) {
  bool registered = result == PL_RELAY_REGISTRATION_KNOWN || result == PL_RELAY_REGISTRATION_REVOKED;
  return !registered && !conn->prologue->registering && pl_id_check(conn->prologue->id) != 0;
}

/* Continues a login with what the store answered. Returns 0, or the reason to refuse. */
static int login_continue(pl_relay_conn *conn, pl_relay_registration result, uint64_t now_ms) {
  if (login_key_fails(conn, result)) return PL_REASON_LOGIN_FAILED;
  switch (result) {
    case PL_RELAY_REGISTRATION_REVOKED:
      return PL_REASON_REVOKED;
    case PL_RELAY_REGISTRATION_ABSENT:
      return conn->prologue->registering ? PL_REASON_DENIED : login_register(conn, now_ms);
    case PL_RELAY_REGISTRATION_FAILED:
      return PL_REASON_STORE;
    default:
      return login_admit(conn, result, now_ms);
  }
}

void pl_relay_registered(pl_relay_conn *conn, pl_relay_registration result, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  conn->lookup_pending = false;
  if (result == PL_RELAY_REGISTRATION_NEW) /* also when the client did not wait for it */
    pl_relay_rate_take(relay, &relay->shared->registrations, conn->address, now_ms);
  if (conn->state == PL_RELAY_CONN_GONE) {
    pl_relay_conn_free(conn);
    return;
  }
  if (conn->state != PL_RELAY_CONN_STORING) return;
  int reason = login_continue(conn, result, now_ms);
  if (!reason) return;
  relay->stats.refused++;
  pl_relay_conn_refuse(conn, reason, now_ms);
}
