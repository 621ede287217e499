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

static int connect_to(pl_engine *e, pl_engine_event *in) {
  uint8_t instance[8] = {0};
  if (in->peer.size != 32 || pl_id_check(in->peer.data)) return PL_EID;
  if ((in->instance.size && in->instance.size != 8) ||
      (in->secret.size && in->secret.size != PL_CONST_INVITE_SECRET_BYTES))
    return PL_EINVAL;
  if (in->relay.size && in->relay.size != 32) return PL_EINVAL;
  if (in->relay.size && e->pinned && memcmp(in->relay.data, e->relay_id, 32) != 0) return PL_ELINK;
  if (e->stopping) return PL_ESTATE;
  if (in->instance.size) memcpy(instance, in->instance.data, 8);
  bool own_id = memcmp(in->peer.data, e->config.identity.id, 32) == 0;
  if (own_id && memcmp(instance, e->config.instance, 8) == 0) return PL_EINVAL;
  pl_engine_session *s = pl_is_zero(instance, 8) ? NULL : pl_engine_session_find(e, in->peer.data, instance);
  if (!s) {
    s = pl_engine_session_new(e, in->peer.data, instance);
    if (!s) return PL_ENOMEM;
    s->announced = true;
    s->any_instance = pl_is_zero(instance, 8);
    if (in->secret.size) memcpy(s->secret, in->secret.data, sizeof s->secret);
    s->has_secret = in->secret.size;
    if (in->relay.size) memcpy(s->relay, in->relay.data, sizeof s->relay);
    s->has_relay = in->relay.size;
    pl_engine_link *l = waiting_offer(e, s);
    if (l) { /* it asked first: that is as good */
      pl_engine_offer_accept(e, l);
      s->dial_at_ms = e->now_ms + PL_ENGINE_REDIAL_OTHER_MS;
      pl_engine_session_touch(e, s);
    } else {
      in->session_out = s->number;
      pl_engine_dial(e, s);
      return 0;
    }
  }
  if (!s->announced) s->unlinked_ms = e->now_ms; /* was the peer's wish, and not told yet: the waiting begins now */
  s->announced = s->own_wish = true;
  in->session_out = s->number;
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
    (void)pl_engine_session_step(e, s, &close, NULL);
  }
  pl_engine_wake_at(e, e->now_ms);
  return 0;
}

static int to_session(pl_engine *e, pl_engine_event *in, pl_session_event event) {
  pl_engine_session *s = pl_engine_session_by_number(e, in->session);
  if (!s) return PL_ESTATE;
  pl_session_result result = {0};
  int rc = pl_engine_session_step(e, s, &event, &result);
  in->place_out = result.place;
  return rc;
}

static int session_command(pl_engine *e, pl_engine_event *in) {
  switch (in->type) {
    case PL_ENGINE_IN_SEND:
      return to_session(e, in, (pl_session_event){.type = PL_SESSION_SEND, .send = {in->channel, in->data}});
    case PL_ENGINE_IN_SEND_VOLATILE:
      return to_session(e, in, (pl_session_event){.type = PL_SESSION_SEND_VOLATILE, .send = {in->channel, in->data}});
    case PL_ENGINE_IN_FINISH:
      return to_session(e, in, (pl_session_event){.type = PL_SESSION_FINISH, .finish = {in->channel}});
    case PL_ENGINE_IN_TAKE:
      return to_session(e, in, (pl_session_event){.type = PL_SESSION_TAKE, .take = {in->channel, in->place}});
    case PL_ENGINE_IN_PRIORITY:
      return to_session(e, in, (pl_session_event){.type = PL_SESSION_PRIORITY, .priority = {in->channel, in->value}});
    case PL_ENGINE_IN_CHANNEL_RESET:
      return to_session(
          e, in,
          (pl_session_event){.type = PL_SESSION_CHANNEL_RESET, .channel_reset = {in->channel, (uint16_t)in->value}});
    default:
      return to_session(e, in, (pl_session_event){.type = PL_SESSION_CLOSE, .close = {(uint16_t)in->value, in->data}});
  }
}

static bool has_id(const pl_engine_event *in) {
  return in->peer.size == 32;
}

int pl_engine_command(pl_engine *e, pl_engine_event *in) {
  switch (in->type) {
    case PL_ENGINE_IN_START:
      return pl_engine_connection_start(e);
    case PL_ENGINE_IN_STOP:
      return stop(e);
    case PL_ENGINE_IN_CONNECT:
      return connect_to(e, in);
    case PL_ENGINE_IN_SEND:
    case PL_ENGINE_IN_SEND_VOLATILE:
    case PL_ENGINE_IN_FINISH:
    case PL_ENGINE_IN_TAKE:
    case PL_ENGINE_IN_PRIORITY:
    case PL_ENGINE_IN_CHANNEL_RESET:
    case PL_ENGINE_IN_CLOSE:
      return session_command(e, in);
    case PL_ENGINE_IN_ALLOW:
      return has_id(in) ? pl_engine_peer_allow(e, in->peer.data) : PL_EID;
    case PL_ENGINE_IN_DENY:
      return has_id(in) ? pl_engine_peer_deny(e, in->peer.data) : PL_EID;
    case PL_ENGINE_IN_BLOCK:
      return has_id(in) ? pl_engine_peer_block(e, in->peer.data) : PL_EID;
    case PL_ENGINE_IN_INVITE_ADD:
      return pl_engine_invite_add(e, in);
    case PL_ENGINE_IN_INVITE_REVOKE:
      return in->secret.size == PL_CONST_INVITE_SECRET_BYTES ? pl_engine_invite_revoke(e, in->secret.data) : PL_EINVAL;
    case PL_ENGINE_IN_CODE_NEW:
    case PL_ENGINE_IN_CODE_CLAIM:
    case PL_ENGINE_IN_CODE_CANCEL:
      return pl_engine_code_command(e, in);
    default:
      return PL_EINVAL;
  }
}
