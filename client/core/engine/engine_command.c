/* See engine_command.h. */
#include "engine_command.h"

#include "engine_actions.h"
#include "engine_code.h"
#include "engine_connect.h"
#include "engine_connection.h"
#include "engine_dial.h"
#include "engine_invite.h"
#include "engine_session.h"
#include "engine_strangers.h"

enum { STOP_MS = 10000 };

static int command_stop(pl_engine *e) {
  if (e->stopping) return 0;
  e->stopping = true;
  e->stop_at_ms = e->now_ms + STOP_MS;
  pl_engine_code_stop(e);
  for (size_t i = 0; i < e->session_slots; i++) {
    pl_engine_session *s = e->sessions[i];
    if (!s || s->lingering) continue;
    if (pl_session_is_closing(s->core)) continue; /* its answer is awaited, over a new link if need be */
    if (!s->linked && !pl_engine_session_has_link(s)) {
      pl_engine_session_end(e, s, PL_OK, PL_REASON_CLOSED, (pl_view){NULL, 0});
      continue;
    }
    pl_session_event close = {.type = PL_SESSION_CLOSE, .close = {.reason = PL_REASON_CLOSED}};
    pl_engine_dial_tell(e, s, &close);
  }
  pl_engine_wake_at(e, e->now_ms);
  return 0;
}

static int command_session(pl_engine *e, uint32_t number, pl_session_event event, uint64_t *place) {
  pl_engine_session *s = pl_engine_session_by_number(e, number);
  if (!s) return PL_ESTATE;
  pl_session_result result = {0};
  int rc = pl_engine_dial_step(e, s, &event, &result);
  if (place) *place = result.place;
  return rc;
}

static int command_send_message(pl_engine *e, const pl_engine_event *in, pl_session_event_type type, uint64_t *place) {
  pl_session_event event = {.type = type, .send = {in->send.channel, in->send.data}};
  return command_session(e, in->send.session, event, place);
}

static int command_finish(pl_engine *e, const pl_engine_event *in, uint64_t *place) {
  pl_session_event event = {.type = PL_SESSION_FINISH, .finish = {in->finish.channel}};
  return command_session(e, in->finish.session, event, place);
}

static int command_take(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_TAKE, .take = {in->take.channel, in->take.place}};
  return command_session(e, in->take.session, event, NULL);
}

static int command_priority(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_PRIORITY, .priority = {in->priority.channel, in->priority.value}};
  return command_session(e, in->priority.session, event, NULL);
}

static int command_channel_reset(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_CHANNEL_RESET,
                            .channel_reset = {in->channel_reset.channel, (uint16_t)in->channel_reset.reason}};
  return command_session(e, in->channel_reset.session, event, NULL);
}

static int command_close(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_CLOSE, .close = {(uint16_t)in->close.reason, in->close.text}};
  return command_session(e, in->close.session, event, NULL);
}

static int command_peer(pl_engine *e, const pl_engine_event *in, int (*decide)(pl_engine *e, const uint8_t id[32])) {
  return in->peer.id.size == 32 ? decide(e, in->peer.id.data) : PL_EID;
}

static int command_revoke(pl_engine *e, pl_view secret) {
  return secret.size == PL_CONST_INVITE_SECRET_BYTES ? pl_engine_invite_revoke(e, secret.data) : PL_EINVAL;
}

int pl_engine_command(pl_engine *e, const pl_engine_event *in, pl_engine_result *out) {
  switch (in->type) {
    case PL_ENGINE_IN_START:
      return pl_engine_connection_start(e);
    case PL_ENGINE_IN_STOP:
      return command_stop(e);
    case PL_ENGINE_IN_CONNECT:
      return pl_engine_connect(e, &in->connect, &out->session);
    case PL_ENGINE_IN_SEND:
      return command_send_message(e, in, PL_SESSION_SEND, &out->place);
    case PL_ENGINE_IN_SEND_VOLATILE:
      return command_send_message(e, in, PL_SESSION_SEND_VOLATILE, &out->place);
    case PL_ENGINE_IN_FINISH:
      return command_finish(e, in, &out->place);
    case PL_ENGINE_IN_TAKE:
      return command_take(e, in);
    case PL_ENGINE_IN_PRIORITY:
      return command_priority(e, in);
    case PL_ENGINE_IN_CHANNEL_RESET:
      return command_channel_reset(e, in);
    case PL_ENGINE_IN_CLOSE:
      return command_close(e, in);
    case PL_ENGINE_IN_ALLOW:
      return command_peer(e, in, pl_engine_peer_allow);
    case PL_ENGINE_IN_DENY:
      return command_peer(e, in, pl_engine_peer_deny);
    case PL_ENGINE_IN_REFUSE:
      return command_peer(e, in, pl_engine_peer_refuse);
    case PL_ENGINE_IN_BLOCK:
      return command_peer(e, in, pl_engine_peer_block);
    case PL_ENGINE_IN_FORGET:
      return command_peer(e, in, pl_engine_peer_forget);
    case PL_ENGINE_IN_INVITE_ADD:
      return pl_engine_invite_add(e, in->invite_add.secret, in->invite_add.expires_ms, in->invite_add.uses, 0);
    case PL_ENGINE_IN_INVITE_REVOKE:
      return command_revoke(e, in->invite_revoke.secret);
    case PL_ENGINE_IN_CODE_NEW:
      return pl_engine_code_new(e, in->code_new.lifetime_ms, &out->code);
    case PL_ENGINE_IN_CODE_CLAIM:
      return pl_engine_code_use(e, in->code_claim.text, &out->code);
    case PL_ENGINE_IN_CODE_CANCEL:
      pl_engine_code_cancel(e, in->code_cancel.code);
      return 0;
    default:
      return PL_EINVAL;
  }
}
