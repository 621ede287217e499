/* What the application asks for. */
#include <string.h>

#include "engine_internal.h"

static pl_engine_link *waiting_offer(pl_engine *e, const pl_engine_session *s) {
  for (pl_node *n = e->links.next; n != &e->links; n = n->next) {
    pl_engine_link *l = PL_CONTAINER(n, pl_engine_link, node);
    bool instance = pl_is_zero(s->instance, 8) || memcmp(s->instance, l->instance, 8) == 0;
    if (l->state == PL_ENGINE_LINK_OFFERED && !l->parked && memcmp(l->id, s->id, 32) == 0 && instance) return l;
  }
  return NULL;
}

int pl_engine_connect(pl_engine *e, const pl_engine_target *to, uint32_t *session) {
  uint8_t instance[8] = {0};
  if (to->peer.size != 32 || pl_id_check(to->peer.data)) return PL_EID;
  if ((to->instance.size && to->instance.size != 8) ||
      (to->secret.size && to->secret.size != PL_CONST_INVITE_SECRET_BYTES))
    return PL_EINVAL;
  if (to->relay.size && to->relay.size != 32) return PL_EINVAL;
  if (to->relay.size && e->pinned && memcmp(to->relay.data, e->relay_id, 32) != 0) return PL_ELINK;
  if (e->stopping) return PL_ESTATE;
  if (to->instance.size) memcpy(instance, to->instance.data, 8);
  bool own_id = memcmp(to->peer.data, e->config.identity.id, 32) == 0;
  if (own_id && memcmp(instance, e->config.instance, 8) == 0) return PL_EINVAL;
  pl_engine_session *s = pl_is_zero(instance, 8) ? NULL : pl_engine_session_find(e, to->peer.data, instance);
  if (!s) {
    s = pl_engine_session_new(e, to->peer.data, instance);
    if (!s) return PL_ENOMEM;
    s->announced = true;
    s->any_instance = pl_is_zero(instance, 8);
    if (to->secret.size) memcpy(s->secret, to->secret.data, sizeof s->secret);
    s->has_secret = to->secret.size;
    if (to->relay.size) memcpy(s->relay, to->relay.data, sizeof s->relay);
    s->has_relay = to->relay.size;
    pl_engine_link *l = waiting_offer(e, s);
    if (l) { /* it asked first: that is as good */
      pl_engine_offer_accept(e, l);
      s->dial_at_ms = e->now_ms + PL_ENGINE_REDIAL_OTHER_MS;
      pl_engine_session_touch(e, s);
    } else {
      *session = s->number;
      pl_engine_dial(e, s);
      return 0;
    }
  }
  if (!s->announced) s->unlinked_ms = e->now_ms; /* was the peer's wish, and not told yet: the waiting begins now */
  s->announced = s->own_wish = true;
  *session = s->number;
  return 0;
}

static int stop(pl_engine *e) {
  if (e->stopping) return 0;
  e->stopping = true;
  e->stop_at_ms = e->now_ms + PL_ENGINE_STOP_MS;
  pl_engine_code_stop(e);
  for (size_t i = 0; i < e->session_slots; i++) {
    pl_engine_session *s = e->sessions[i];
    if (!s || s->lingering) continue;
    if (pl_session_is_closing(s->core)) continue; /* its answer is still awaited, over a new link if need be */
    if (!s->linked) {
      pl_engine_session_end(e, s, PL_OK, PL_REASON_CLOSED, (pl_view){NULL, 0});
      continue;
    }
    pl_session_event close = {.type = PL_SESSION_CLOSE, .close = {.reason = PL_REASON_CLOSED}};
    (void)pl_engine_dial_step(e, s, &close, NULL);
  }
  pl_engine_wake_at(e, e->now_ms);
  return 0;
}

static int to_session(pl_engine *e, uint32_t number, pl_session_event event, uint64_t *place) {
  pl_engine_session *s = pl_engine_session_by_number(e, number);
  if (!s) return PL_ESTATE;
  pl_session_result result = {0};
  int rc = pl_engine_dial_step(e, s, &event, &result);
  if (place) *place = result.place;
  return rc;
}

static int send_message(pl_engine *e, const pl_engine_event *in, pl_session_event_type type, uint64_t *place) {
  pl_session_event event = {.type = type, .send = {in->send.channel, in->send.data}};
  return to_session(e, in->send.session, event, place);
}

static int finish(pl_engine *e, const pl_engine_event *in, uint64_t *place) {
  pl_session_event event = {.type = PL_SESSION_FINISH, .finish = {in->finish.channel}};
  return to_session(e, in->finish.session, event, place);
}

static int take(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_TAKE, .take = {in->take.channel, in->take.place}};
  return to_session(e, in->take.session, event, NULL);
}

static int set_priority(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_PRIORITY, .priority = {in->priority.channel, in->priority.value}};
  return to_session(e, in->priority.session, event, NULL);
}

static int reset_channel(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_CHANNEL_RESET,
                            .channel_reset = {in->channel_reset.channel, (uint16_t)in->channel_reset.reason}};
  return to_session(e, in->channel_reset.session, event, NULL);
}

static int close_session(pl_engine *e, const pl_engine_event *in) {
  pl_session_event event = {.type = PL_SESSION_CLOSE, .close = {(uint16_t)in->close.reason, in->close.text}};
  return to_session(e, in->close.session, event, NULL);
}

static int about_peer(pl_engine *e, const pl_engine_event *in, int (*decide)(pl_engine *e, const uint8_t id[32])) {
  return in->peer.id.size == 32 ? decide(e, in->peer.id.data) : PL_EID;
}

static int revoke(pl_engine *e, pl_view secret) {
  return secret.size == PL_CONST_INVITE_SECRET_BYTES ? pl_engine_invite_revoke(e, secret.data) : PL_EINVAL;
}

int pl_engine_command(pl_engine *e, const pl_engine_event *in, pl_engine_result *out) {
  switch (in->type) {
    case PL_ENGINE_IN_START:
      return pl_engine_connection_start(e);
    case PL_ENGINE_IN_STOP:
      return stop(e);
    case PL_ENGINE_IN_CONNECT:
      return pl_engine_connect(e, &in->connect, &out->session);
    case PL_ENGINE_IN_SEND:
      return send_message(e, in, PL_SESSION_SEND, &out->place);
    case PL_ENGINE_IN_SEND_VOLATILE:
      return send_message(e, in, PL_SESSION_SEND_VOLATILE, &out->place);
    case PL_ENGINE_IN_FINISH:
      return finish(e, in, &out->place);
    case PL_ENGINE_IN_TAKE:
      return take(e, in);
    case PL_ENGINE_IN_PRIORITY:
      return set_priority(e, in);
    case PL_ENGINE_IN_CHANNEL_RESET:
      return reset_channel(e, in);
    case PL_ENGINE_IN_CLOSE:
      return close_session(e, in);
    case PL_ENGINE_IN_ALLOW:
      return about_peer(e, in, pl_engine_peer_allow);
    case PL_ENGINE_IN_DENY:
      return about_peer(e, in, pl_engine_peer_deny);
    case PL_ENGINE_IN_BLOCK:
      return about_peer(e, in, pl_engine_peer_block);
    case PL_ENGINE_IN_INVITE_ADD:
      return pl_engine_invite_add(e, in->invite_add.secret, in->invite_add.expires_ms, in->invite_add.uses, 0);
    case PL_ENGINE_IN_INVITE_REVOKE:
      return revoke(e, in->invite_revoke.secret);
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
