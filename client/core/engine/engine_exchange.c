/* See engine_exchange.h. */
#include "engine_exchange.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"
#include "engine_alive.h"
#include "engine_code_table.h"
#include "engine_connect.h"
#include "engine_dial.h"
#include "engine_invite.h"
#include "engine_link.h"
#include "engine_random.h"
#include "engine_retry.h"
#include "engine_session.h"
#include "engine_strangers.h"

enum {
  LEAVE_MS = 10000, /* the creator leaves the link to the claimer for this long after the guess */
  BACK_MS = 15000,  /* after a login, the creator may still be on its way to the same relay for this long */
  BACK_TRIES = 3
};

/* Returns the reason with which to reset a link on which something came that does not decode or has another version. */
static int exchange_reason(pl_view payload) {
  return payload.size && payload.data[0] != PL_CONST_PROTOCOL_VERSION ? PL_REASON_UNSUPPORTED : PL_REASON_PROTOCOL;
}

static void exchange_forget(pl_engine_code_run *c) {
  sodium_memzero(c->scalar, sizeof c->scalar);
  sodium_memzero(c->sid, sizeof c->sid);
  sodium_memzero(c->share, sizeof c->share);
  if (!c->guess_sent) sodium_memzero(&c->secrets, sizeof c->secrets);
}

static void exchange_wait(pl_engine *e, pl_engine_link *l, uint64_t until_ms) {
  l->until_ms = until_ms;
  pl_engine_link_touch(e, l);
}

static pl_code_person exchange_self(const pl_engine *e) {
  pl_code_person p = {.name_size = e->name_size};
  memcpy(p.id, e->config.identity.id, 32);
  memcpy(p.instance, e->config.instance, 8);
  memcpy(p.name, e->name, e->name_size);
  return p;
}

static bool exchange_is_self(const pl_engine *e, const pl_code_person *p) {
  return memcmp(p->id, e->config.identity.id, 32) == 0 && memcmp(p->instance, e->config.instance, 8) == 0;
}

static int exchange_prove(pl_engine *e, const pl_engine_link *l, const pl_code_secrets *secrets, bool by_claimer) {
  uint8_t proof[PL_CODE_PROOF_MAX];
  pl_code_person person = exchange_self(e);
  int n = pl_code_prove(proof, secrets, by_claimer, &person);
  return n < 0 ? n : pl_engine_control(e, PL_ENV_DATA, l->number, proof, (size_t)n);
}

static void exchange_paired(pl_engine *e, uint32_t handle, const pl_code_person *p, uint32_t session) {
  pl_engine_action a = {.type = PL_ENGINE_OUT_PAIRED, .code = handle, .session = session};
  memcpy(a.id, p->id, 32);
  memcpy(a.instance, p->instance, 8);
  a.text = pl_engine_keep_text(e, (pl_view){p->name, p->name_size});
  pl_engine_out_once(e, a);
}

/* ---- the claimer ------------------------------------------------------------------------------------------------- */

static void claim_later(pl_engine *e, pl_engine_code_run *c) {
  c->try_ms = e->now_ms + pl_engine_retry_delay(e, c->failures++);
  pl_engine_wake_at(e, c->try_ms);
}

/* Writes the start of an exchange, with fresh secrets. */
static int claim_start(pl_engine *e, pl_engine_code_run *c, uint8_t out[64]) {
  pl_wire_code_start start = {.version = PL_CONST_PROTOCOL_VERSION};
  pl_engine_rng_bytes(&e->rng, c->sid, sizeof c->sid);
  pl_engine_rng_bytes(&e->rng, c->scalar, sizeof c->scalar);
  int rc = pl_code_share(c->share, &c->code, e->relay_id, c->sid, c->scalar);
  if (rc) return rc;
  memcpy(start.sid, c->sid, sizeof start.sid);
  memcpy(start.share, c->share, sizeof start.share);
  return pl_wire_code_start_encode(&start, out, 64);
}

void pl_engine_code_claim(pl_engine *e, pl_engine_code_run *c) {
  uint8_t exchange[64], payload[128];
  if (e->connection != PL_ENGINE_CONN_ONLINE || c->link || c->guess_sent) return;
  c->link = pl_engine_link_new(e, true, 0);
  int n = c->link ? claim_start(e, c, exchange) : PL_ENOMEM;
  pl_wire_claim claim = {.number = c->code.number, .exchange = {exchange, n > 0 ? (size_t)n : 0}};
  if (n > 0) n = pl_wire_claim_encode(&claim, payload, sizeof payload);
  if (n > 0) n = pl_engine_control(e, PL_ENV_CLAIM, c->link->number, payload, (size_t)n) ? PL_ENOMEM : n;
  if (n < 0) {
    if (c->link) pl_engine_link_forget(e, c->link, 0);
    c->link = NULL;
    claim_later(e, c);
    return;
  }
  c->link->is_code = true;
  c->link->code = c;
  exchange_wait(e, c->link, e->now_ms + e->open_timeout_ms + PL_ENGINE_OPEN_GRACE_MS);
  pl_engine_alive_expect(e);
}

/* Sends the proof. From here on the guess counts as made: the creator may call, by the dial secret, even if the link is
 * lost. */
static int claim_guess(pl_engine *e, pl_engine_link *l, pl_engine_code_run *c) {
  uint64_t expires_ms = e->now_ms + PL_CONST_CODE_LIFETIME_MS;
  int rc = pl_engine_invite_add(e, (pl_view){c->secrets.dial, sizeof c->secrets.dial}, expires_ms, 1, c->handle);
  if (rc) return rc;
  c->guess_sent = true;
  rc = exchange_prove(e, l, &c->secrets, true);
  if (rc) return rc;
  c->expires_ms = expires_ms;
  pl_engine_wake_at(e, c->expires_ms);
  exchange_wait(e, l, e->now_ms + PL_CONST_CODE_SEAT_MS);
  return 0;
}

int pl_engine_code_accepted(pl_engine *e, pl_engine_link *l, pl_view payload) {
  pl_engine_code_run *c = l->code;
  pl_wire_code_answer answer;
  if (pl_wire_code_answer_decode(&answer, payload.data, payload.size) != 0 ||
      answer.version != PL_CONST_PROTOCOL_VERSION) {
    pl_engine_code_end(e, c, PL_EPROTOCOL, exchange_reason(payload));
    return 0;
  }
  l->state = PL_ENGINE_LINK_UP;
  int rc = pl_code_agree(&c->secrets, c->scalar, true, c->sid, c->share, answer.share);
  sodium_memzero(c->scalar, sizeof c->scalar);
  if (rc == 0) rc = claim_guess(e, l, c);
  if (rc == PL_ECRYPTO)
    pl_engine_code_end(e, c, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
  else if (rc)
    pl_engine_code_end(e, c, rc, PL_REASON_CLOSED);
  return 0;
}

/* The creator's proof came. */
static void claim_confirmed(pl_engine *e, pl_engine_code_run *c, pl_view payload) {
  pl_code_person person;
  uint32_t handle = c->handle;
  if (pl_code_verify(&person, &c->secrets, false, payload) != 0 || exchange_is_self(e, &person)) {
    pl_engine_code_end(e, c, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
    return;
  }
  if (pl_engine_peer_pair(e, person.id)) {
    pl_engine_code_end(e, c, PL_ENOMEM, PL_REASON_CLOSED);
    return;
  }
  pl_engine_invite_settle(e, c->secrets.dial, person.id); /* the creator's call still needs the invite */
  c->guess_sent = false;
  pl_engine_code_over(e, c, PL_REASON_CLOSED);
  exchange_paired(e, handle, &person, 0);
}

bool pl_engine_code_called(pl_engine *e, uint32_t handle, const pl_engine_link *l) {
  pl_engine_code_run *c = pl_engine_code_find(e, handle);
  pl_code_person person = {.name_size = l->call->name_size};
  if (!c || !c->claimer) return true;
  memcpy(person.id, l->id, 32);
  memcpy(person.instance, l->instance, 8);
  memcpy(person.name, l->call->name, l->call->name_size);
  if (pl_engine_peer_pair(e, person.id)) {
    pl_engine_code_end(e, c, PL_ENOMEM, PL_REASON_CLOSED);
    return false;
  }
  c->guess_sent = false; /* the invite stays, bound to this caller */
  pl_engine_code_over(e, c, PL_REASON_CLOSED);
  exchange_paired(e, handle, &person, 0);
  return true;
}

static bool claim_ends(int reason) {
  return !PL_REASON_IS_RETRYABLE(reason) || reason == PL_REASON_RATE || reason == PL_REASON_BUSY;
}

/* Returns true when the relay may have just started, and does not know the number before the creator has come back to
 * it. */
static bool claim_may_come_back(const pl_engine *e, const pl_engine_code_run *c, int reason) {
  return reason == PL_REASON_NO_CODE && c->seen && c->missed < BACK_TRIES && e->now_ms < e->codes_online_ms + BACK_MS;
}

static void claim_lost(pl_engine *e, pl_engine_code_run *c, int reason) {
  exchange_forget(c);
  if (c->guess_sent) { /* the guess may have been right, so only the creator's refusal ends the wait */
    if (reason == PL_REASON_WRONG_CODE) pl_engine_code_end(e, c, PL_EWRONGCODE, reason);
  } else if (claim_may_come_back(e, c, reason)) {
    c->try_ms = e->now_ms + (1000u << c->missed++);
    pl_engine_wake_at(e, c->try_ms);
  } else if (claim_ends(reason)) {
    pl_engine_code_end(e, c, reason == PL_REASON_RATE ? PL_EAGAIN : pl_engine_reason_error(reason), reason);
  } else {
    c->seen = true;
    claim_later(e, c);
  }
}

/* ---- the creator ------------------------------------------------------------------------------------------------- */

/* Answers a claim with a share of this side. Returns 0, or the reason to end the link. */
static int seat_answer(pl_engine *e, pl_engine_link *l, pl_engine_code_run *c, pl_view exchange) {
  pl_wire_code_start start;
  pl_wire_code_answer answer = {.version = PL_CONST_PROTOCOL_VERSION};
  uint8_t payload[64];
  if (pl_wire_code_start_decode(&start, exchange.data, exchange.size) != 0 ||
      start.version != PL_CONST_PROTOCOL_VERSION)
    return exchange_reason(exchange);
  pl_engine_rng_bytes(&e->rng, c->scalar, sizeof c->scalar);
  if (pl_code_share(answer.share, &c->code, e->relay_id, start.sid, c->scalar) != 0) return PL_REASON_OVERFLOW;
  int rc = pl_code_agree(&c->secrets, c->scalar, false, start.sid, start.share, answer.share);
  sodium_memzero(c->scalar, sizeof c->scalar);
  if (rc) return PL_REASON_WRONG_CODE;
  int n = pl_wire_code_answer_encode(&answer, payload, sizeof payload);
  if (n < 0 || pl_engine_control(e, PL_ENV_ACCEPT, l->number, payload, (size_t)n)) return PL_REASON_OVERFLOW;
  l->state = PL_ENGINE_LINK_UP;
  exchange_wait(e, l, e->now_ms + PL_CONST_CODE_SEAT_MS);
  return 0;
}

static void seat_take(pl_engine *e, uint32_t number, pl_engine_code_run *c, pl_view exchange) {
  pl_engine_link *l = pl_engine_link_new(e, false, number);
  if (!l) {
    pl_engine_control_reset(e, number, PL_REASON_OVERFLOW);
    return;
  }
  l->is_code = true;
  l->code = c;
  c->link = l;
  c->busy_told = false;
  int reason = seat_answer(e, l, c, exchange);
  if (reason == PL_REASON_WRONG_CODE)
    pl_engine_code_end(e, c, PL_EWRONGCODE, reason);
  else if (reason)
    pl_engine_code_link_lost(e, l, reason, PL_REASON_GONE);
}

int pl_engine_code_claim_came(pl_engine *e, uint32_t number, pl_view payload) {
  pl_wire_claim claim;
  if (pl_wire_claim_decode(&claim, payload.data, payload.size) != 0 || !pl_engine_link_number_is_new(e, number))
    return PL_REASON_CLOSED;
  pl_engine_code_run *c = pl_engine_code_by_number(e, claim.number);
  if (!c || e->now_ms >= c->expires_ms) {
    pl_engine_control_reset(e, number, PL_REASON_NO_CODE);
  } else if (c->link) {
    pl_engine_control_reset(e, number, PL_REASON_BUSY);
    if (!c->busy_told) pl_engine_out_once(e, (pl_engine_action){.type = PL_ENGINE_OUT_CODE_BUSY, .code = c->handle});
    c->busy_told = true;
  } else {
    seat_take(e, number, c, claim.exchange);
  }
  return 0;
}

/* Calls the claimer and returns the session's number, or 0. A session that is calling already gets the secret as well:
 * without it this side would call as a stranger. */
static uint32_t seat_call(pl_engine *e, const pl_code_person *person,
                          const uint8_t secret[PL_CONST_INVITE_SECRET_BYTES]) {
  uint32_t number = 0;
  pl_engine_target to = {.peer = {person->id, 32}, .instance = {person->instance, 8}};
  to.secret = (pl_view){secret, PL_CONST_INVITE_SECRET_BYTES};
  if (pl_engine_connect(e, &to, &number) != 0) return 0;
  pl_engine_session *s = pl_engine_session_by_number(e, number);
  if (!s || s->was_linked || (s->has_secret && memcmp(s->secret, secret, sizeof s->secret) == 0)) return number;
  memcpy(s->secret, secret, sizeof s->secret);
  s->has_secret = true;
  if (s->opening) pl_engine_link_forget(e, s->opening, PL_REASON_CLOSED);
  pl_engine_dial(e, s);
  return number;
}

/* The guess came: right or wrong, the code is over. */
static void seat_guessed(pl_engine *e, pl_engine_link *l, pl_engine_code_run *c, pl_view payload) {
  pl_code_person person;
  pl_code_secrets secrets = c->secrets;
  uint32_t handle = c->handle;
  if (pl_code_verify(&person, &secrets, true, payload) != 0 || exchange_is_self(e, &person)) {
    pl_engine_code_end(e, c, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
  } else if (pl_engine_peer_pair(e, person.id)) {
    pl_engine_code_end(e, c, PL_ENOMEM, PL_REASON_CLOSED);
  } else {
    c->link = NULL; /* the link stays until the claimer has what it needs */
    l->code = NULL;
    exchange_wait(e, l, e->now_ms + LEAVE_MS);
    pl_engine_code_over(e, c, 0);
    (void)exchange_prove(e, l, &secrets, false); /* if it cannot be sent, the call tells the claimer the same */
    exchange_paired(e, handle, &person, seat_call(e, &person, secrets.dial));
  }
  sodium_memzero(&secrets, sizeof secrets);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

void pl_engine_code_data_came(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain) {
  pl_engine_code_run *c = l->code;
  (void)plain;
  if (!c) /* the code is over: no message is expected */
    pl_engine_code_link_lost(e, l, PL_REASON_PROTOCOL, PL_REASON_GONE);
  else if (c->claimer)
    claim_confirmed(e, c, v->payload);
  else
    seat_guessed(e, l, c, v->payload);
}

void pl_engine_code_reset_came(pl_engine *e, pl_engine_link *l, int reason) {
  pl_engine_code_link_lost(e, l, 0, reason);
}

void pl_engine_code_link_lost(pl_engine *e, pl_engine_link *l, int sent, int came) {
  pl_engine_code_run *c = l->code;
  pl_engine_link_forget(e, l, sent);
  if (!c) return;
  if (c->claimer)
    claim_lost(e, c, came);
  else
    exchange_forget(c); /* leaves the seat free */
}
