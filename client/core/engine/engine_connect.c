/* See engine_connect.h. */
#include "engine_connect.h"

#include <sodium.h>
#include <string.h>

#include "engine_dial.h"
#include "engine_offer.h"
#include "engine_session.h"

static int connect_check(const pl_engine *e, const pl_engine_target *to) {
  if (to->peer.size != 32 || pl_id_check(to->peer.data)) return PL_EID;
  if (to->instance.size && to->instance.size != 8) return PL_EINVAL;
  if (to->secret.size && to->secret.size != PL_CONST_INVITE_SECRET_BYTES) return PL_EINVAL;
  if (to->relay.size && to->relay.size != 32) return PL_EINVAL;
  if (to->relay.size && e->pinned && memcmp(to->relay.data, e->relay_id, 32) != 0) return PL_ELINK;
  return e->stopping ? PL_ESTATE : 0;
}

static pl_engine_session *connect_new(pl_engine *e, const pl_engine_target *to, const uint8_t instance[8]) {
  pl_engine_session *s = pl_engine_session_new(e, to->peer.data, instance);
  if (!s) return NULL;
  s->announced = true;
  s->any_instance = sodium_is_zero(instance, 8);
  if (to->secret.size) memcpy(s->secret, to->secret.data, sizeof s->secret);
  s->has_secret = to->secret.size;
  if (to->relay.size) memcpy(s->relay, to->relay.data, sizeof s->relay);
  s->has_relay = to->relay.size;
  return s;
}

int pl_engine_connect(pl_engine *e, const pl_engine_target *to, uint32_t *session) {
  uint8_t instance[8] = {0};
  int rc = connect_check(e, to);
  if (rc) return rc;
  if (to->instance.size) memcpy(instance, to->instance.data, 8);
  bool own_id = memcmp(to->peer.data, e->config.identity.id, 32) == 0;
  if (own_id && memcmp(instance, e->config.instance, 8) == 0) return PL_EINVAL;
  pl_engine_session *s = sodium_is_zero(instance, 8) ? NULL : pl_engine_session_find(e, to->peer.data, instance);
  if (!s) {
    s = connect_new(e, to, instance);
    if (!s) return PL_ENOMEM;
    *session = s->number;
    pl_engine_link *l = pl_engine_offer_waiting(e, s);
    if (!l) {
      pl_engine_dial(e, s);
      return 0;
    }
    pl_engine_offer_accept(e, l); /* the peer called first: its call serves as well */
    s->dial_at_ms = e->now_ms + PL_ENGINE_REDIAL_OTHER_MS;
    pl_engine_session_touch(e, s);
  }
  if (!s->announced) s->unlinked_ms = e->now_ms; /* the peer's, and not reported yet: its timeout starts now */
  s->announced = s->own_wish = true;
  *session = s->number;
  return 0;
}
