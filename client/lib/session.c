/* The public functions about peers and sessions: each is one event of the engine. */
#include <sodium.h>
#include <string.h>

#include "session_table.h"
#include "step.h"

/* ---- peers ------------------------------------------------------------------------------------------------------- */

/* Creates the application's handle first: without one, events of the engine's session could not be reported. */
static int open_session(pairlink *p, const pl_engine_event *event, pairlink_session **out) {
  pl_engine_result result;
  pairlink_session *s = pl_client_session_new(p, event->connect.peer.data, false);
  if (!s) return PL_ENOMEM;
  int error = pl_client_step_for(p, event, &result);
  *out = error ? NULL : pl_client_session_find(p, result.session);
  if (error || *out) {
    pl_free(s);
    return error;
  }
  pl_client_session_add(s, result.session);
  *out = s;
  return 0;
}

int pairlink_connect(pairlink *p, const char *id_or_link, pairlink_session **out) {
  if (!p || !id_or_link || !out) return PL_EINVAL;
  pl_invite_link link;
  uint8_t peer[32];
  pl_engine_event event = {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {peer, sizeof peer}}};
  int error;
  *out = NULL;
  memset(&link, 0, sizeof link);
  if (pl_invite_link_looks_like(id_or_link)) {
    error = pl_invite_link_parse(&link, id_or_link);
    if (!error && p->relay_known && memcmp(link.relay, p->relay_bytes, 32) != 0) error = PL_ELINK;
    event.connect.relay = (pl_view){link.relay, sizeof link.relay};
    memcpy(peer, link.peer, 32);
    event.connect.secret = (pl_view){link.secret, sizeof link.secret};
  } else {
    error = pl_id_parse(peer, id_or_link, strlen(id_or_link));
  }
  if (!error) error = p->failed;
  /* One session per peer: which of the peer's instances answers is not known beforehand. */
  if (!error) *out = pl_client_session_with(p, peer);
  if (!error && !*out) error = open_session(p, &event, out);
  sodium_memzero(&link, sizeof link);
  return error;
}

static int about_id(pairlink *p, const char *id, pl_engine_event_type type) {
  uint8_t peer[32];
  if (!p || !id) return PL_EINVAL;
  int error = pl_id_parse(peer, id, strlen(id));
  pl_engine_event event = {.type = type, .peer = {{peer, sizeof peer}}};
  return error ? error : pl_client_step(p, &event);
}

int pairlink_allow(pairlink *p, const char *id) {
  return about_id(p, id, PL_ENGINE_IN_ALLOW);
}
int pairlink_deny(pairlink *p, const char *id) {
  return about_id(p, id, PL_ENGINE_IN_DENY);
}
int pairlink_refuse(pairlink *p, const char *id) {
  return about_id(p, id, PL_ENGINE_IN_REFUSE);
}
int pairlink_block(pairlink *p, const char *id) {
  return about_id(p, id, PL_ENGINE_IN_BLOCK);
}
int pairlink_forget(pairlink *p, const char *id) {
  return about_id(p, id, PL_ENGINE_IN_FORGET);
}

int pairlink_invite_new(pairlink *p, uint32_t valid_s, char *link, size_t size) {
  uint8_t secret[PL_CONST_INVITE_SECRET_BYTES];
  if (!p || !link) return PL_EINVAL;
  if (!p->relay_known) return PL_ESTATE;
  randombytes_buf(secret, sizeof secret);
  int error = pl_invite_link_format(&p->url, p->id_bytes, p->relay_bytes, secret, link, size);
  pl_engine_event event = {.type = PL_ENGINE_IN_INVITE_ADD,
                           .invite_add = {.secret = {secret, sizeof secret}, .uses = 1}};
  event.invite_add.expires_ms = pl_now_ms() + (uint64_t)valid_s * 1000;
  if (!error) error = pl_client_step(p, &event);
  sodium_memzero(secret, sizeof secret);
  return error;
}

int pairlink_invite_revoke(pairlink *p, const char *text) {
  pl_invite_link link;
  if (!p || !text) return PL_EINVAL;
  int error = pl_invite_link_parse(&link, text);
  if (!error && memcmp(link.peer, p->id_bytes, sizeof link.peer) != 0) error = PL_EINVAL;
  const pl_view secret = {link.secret, sizeof link.secret};
  pl_engine_event event = {.type = PL_ENGINE_IN_INVITE_REVOKE, .invite_revoke = {secret}};
  bool known = !error;
  if (!error) error = pl_client_step(p, &event);
  if (known && error == PL_EINVAL) { /* of an earlier client, or revoked already: it has expired */
    event = (pl_engine_event){.type = PL_ENGINE_IN_INVITE_ADD, .invite_add = {.secret = secret, .uses = 1}};
    error = pl_client_step(p, &event);
  }
  sodium_memzero(&link, sizeof link);
  return error;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* Returns why this session and channel cannot be used, or 0. */
static int check_session(const pairlink_session *s, unsigned channel) {
  if (!s || channel >= PAIRLINK_CHANNELS_MAX) return PL_EINVAL;
  return s->ended ? PL_ESTATE : 0;
}

static int session_send(pairlink_session *s, pl_engine_event_type type, unsigned channel, pl_view data,
                        uint64_t *place) {
  pl_engine_result result;
  int error = !data.data && data.size ? PL_EINVAL : check_session(s, channel);
  if (error) return error;
  pl_engine_event event = {.type = type, .send = {s->number, (uint8_t)channel, data}};
  error = pl_client_step_for(s->client, &event, &result);
  if (!error && place) *place = result.place;
  return error;
}

int pairlink_send_channel(pairlink_session *s, unsigned channel, const void *data, size_t size, uint64_t *place) {
  return session_send(s, PL_ENGINE_IN_SEND, channel, (pl_view){data, size}, place);
}

int pairlink_send(pairlink_session *s, const void *data, size_t size) {
  return pairlink_send_channel(s, 0, data, size, NULL);
}

int pairlink_send_volatile(pairlink_session *s, unsigned channel, const void *data, size_t size) {
  return session_send(s, PL_ENGINE_IN_SEND_VOLATILE, channel, (pl_view){data, size}, NULL);
}

int pairlink_finish(pairlink_session *s, unsigned channel, uint64_t *place) {
  pl_engine_result result;
  int error = check_session(s, channel);
  if (error) return error;
  pl_engine_event event = {.type = PL_ENGINE_IN_FINISH, .finish = {s->number, (uint8_t)channel}};
  error = pl_client_step_for(s->client, &event, &result);
  if (!error && place) *place = result.place;
  return error;
}

int pairlink_take(pairlink_session *s, unsigned channel, uint64_t place) {
  int error = check_session(s, channel);
  if (error) return error;
  pl_engine_event event = {.type = PL_ENGINE_IN_TAKE, .take = {s->number, (uint8_t)channel, place}};
  return pl_client_step(s->client, &event);
}

int pairlink_set_priority(pairlink_session *s, unsigned channel, unsigned priority) {
  int error = priority > 7 ? PL_EINVAL : check_session(s, channel);
  if (error) return error;
  pl_engine_event event = {.type = PL_ENGINE_IN_PRIORITY, .priority = {s->number, (uint8_t)channel, priority}};
  return pl_client_step(s->client, &event);
}

int pairlink_reset_channel(pairlink_session *s, unsigned channel, int reason) {
  int error = reason < 0 || reason > UINT16_MAX ? PL_EINVAL : check_session(s, channel);
  if (error) return error;
  pl_engine_event event = {.type = PL_ENGINE_IN_CHANNEL_RESET,
                           .channel_reset = {s->number, (uint8_t)channel, (uint32_t)reason}};
  return pl_client_step(s->client, &event);
}

int pairlink_close(pairlink_session *s, int reason, const char *text) {
  int error = reason < 0 || reason > UINT16_MAX || (text && strlen(text) > 123) ? PL_EINVAL : check_session(s, 0);
  if (error) return error;
  pl_engine_event event = {.type = PL_ENGINE_IN_CLOSE,
                           .close = {.session = s->number, .reason = reason ? (uint32_t)reason : PL_REASON_CLOSED}};
  if (text) event.close.text = (pl_view){(const uint8_t *)text, strlen(text)};
  return pl_client_step(s->client, &event);
}

pairlink *pairlink_session_client(const pairlink_session *s) {
  return s->client;
}
const char *pairlink_session_peer(const pairlink_session *s) {
  return s->peer;
}
const char *pairlink_session_application(const pairlink_session *s) {
  return s->application;
}
const char *pairlink_session_name(const pairlink_session *s) {
  return s->name;
}
uint32_t pairlink_session_message_max(const pairlink_session *s) {
  return s->ended ? 0 : pl_engine_message_max(s->client->engine, s->number);
}
int pairlink_session_is_linked(const pairlink_session *s) {
  return s->linked;
}
int pairlink_session_is_incoming(const pairlink_session *s) {
  return s->incoming;
}
void pairlink_session_set_user(pairlink_session *s, void *user) {
  s->user = user;
}
void *pairlink_session_user(const pairlink_session *s) {
  return s->user;
}
