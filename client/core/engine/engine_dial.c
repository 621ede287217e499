/* See engine_dial.h. */
#include "engine_dial.h"

#include <string.h>

#include "engine_actions.h"
#include "engine_alive.h"
#include "engine_handshake.h"
#include "engine_link.h"
#include "engine_offer.h"
#include "engine_random.h"
#include "engine_retry.h"
#include "engine_session.h"

/* Returns true when the session has, had or is getting a link, so its peer is the instance of that link. */
static bool dial_is_bound(const pl_engine_session *s) {
  return s->was_linked || pl_engine_session_has_link(s);
}

void pl_engine_dial(pl_engine *e, pl_engine_session *s) {
  uint8_t payload[2048];
  s->dial_at_ms = PL_NEVER;
  if (e->connection != PL_ENGINE_CONN_ONLINE || s->opening || s->lingering) return;
  if (s->any_instance && !dial_is_bound(s)) memset(s->instance, 0, 8); /* the one that answered last may be gone */
  pl_engine_link *l = pl_engine_link_new(e, true, 0);
  if (!l) {
    pl_engine_dial_failed(e, s, PL_REASON_RATE);
    return;
  }
  pl_engine_link_join(l, s);
  s->opening = l;
  memcpy(l->id, s->id, 32);
  memcpy(l->instance, s->instance, 8);
  memcpy(payload, s->id, 32);
  memcpy(payload + 32, s->instance, 8);
  int n = pl_engine_handshake_write1(e, l, payload + 40, sizeof payload - 40);
  if (n < 0 || pl_engine_control(e, PL_ENV_OPEN, l->number, payload, 40 + (size_t)n)) {
    pl_engine_link_forget(e, l, 0);
    pl_engine_dial_failed(e, s, PL_REASON_RATE);
    return;
  }
  pl_engine_alive_expect(e);
}

/* After UNAVAILABLE or the loss of the callee, calls again at once three times. */
static uint64_t dial_delay(pl_engine *e, pl_engine_session *s, int reason) {
  bool patient = reason == PL_REASON_RATE || reason == PL_REASON_OVERFLOW || reason == PL_REASON_FULL ||
                 reason == PL_REASON_CORRUPT;
  if (patient && s->failures < 4) s->failures = 4;
  return pl_engine_retry_delay(e, s->failures++);
}

void pl_engine_dial_failed(pl_engine *e, pl_engine_session *s, int reason) {
  s->opening = NULL;
  if (!PL_REASON_IS_RETRYABLE(reason) &&
      !pl_session_is_linked(s->core)) { /* while a link is in use, the reason is only a hint */
    pl_engine_session_end(e, s, pl_engine_reason_error(reason), reason, (pl_view){NULL, 0});
    return;
  }
  pl_engine_link *parked = pl_engine_offer_parked(e, s);
  if (parked) {
    pl_engine_offer_accept(e, parked);
    s->dial_at_ms = e->now_ms + PL_ENGINE_REDIAL_OTHER_MS; /* in case the caller says no more */
    pl_engine_session_touch(e, s);
    return;
  }
  s->dial_at_ms = e->now_ms + dial_delay(e, s, reason);
  pl_engine_session_touch(e, s);
}

/* Returns true when a link of the session is up that is newer than the one in use and not confirmed yet. */
static bool dial_awaits_newer(const pl_engine_session *s) {
  for (const pl_node *n = s->links.prev; n != &s->links; n = n->prev) { /* newest first */
    const pl_engine_link *l = PL_CONTAINER(n, const pl_engine_link, of_session);
    if (l->state != PL_ENGINE_LINK_UP) continue;
    return !pl_session_link_is_current(s->core, l->number);
  }
  return false;
}

/* Returns true when nothing would bring the session the link that it needs: its call was accepted, but that link ended
 * before it was confirmed. */
static bool dial_is_forgotten(const pl_engine *e, const pl_engine_session *s) {
  return e->connection == PL_ENGINE_CONN_ONLINE && (!s->linked || s->replace) && !s->lingering && !s->opening &&
         s->dial_at_ms == PL_NEVER && !dial_awaits_newer(s);
}

static void dial_if_forgotten(pl_engine *e, pl_engine_session *s) {
  if (!dial_is_forgotten(e, s)) return;
  if (s->own_wish || s->opened_last) {
    pl_engine_dial_failed(e, s, s->unlink_reason == PL_REASON_CORRUPT ? PL_REASON_CORRUPT : PL_REASON_GONE);
  } else {
    s->dial_at_ms = e->now_ms + PL_ENGINE_REDIAL_OTHER_MS + pl_engine_rng_below(&e->rng, 1000);
    pl_engine_session_touch(e, s);
  }
}

int pl_engine_dial_step(pl_engine *e, pl_engine_session *s, pl_session_event *in, pl_session_result *result) {
  int rc = pl_engine_session_step(e, &s, in, result);
  if (s) dial_if_forgotten(e, s);
  return rc;
}

void pl_engine_dial_tell(pl_engine *e, pl_engine_session *s, pl_session_event *in) {
  if (pl_engine_dial_step(e, s, in, NULL)) return;
}

int pl_engine_dial_link_up(pl_engine *e, pl_engine_session *s, pl_engine_link *l) {
  pl_session_event in = {.type = PL_SESSION_LINK_UP, .link_up = {.id = l->number, .opener = l->opener}};
  in.link_up.window = e->link_window;
  in.link_up.smaller = pl_engine_side_is_smaller(e, s->id, s->instance);
  if (l->call->application_size) memcpy(s->application, l->call->application, l->call->application_size);
  s->application_size = l->call->application_size;
  if (l->call->name_size) memcpy(s->name, l->call->name, l->call->name_size);
  s->name_size = l->call->name_size;
  pl_engine_link_end_call(l);
  return pl_engine_dial_step(e, s, &in, NULL);
}

static void dial_cross_parked(pl_engine *e, const pl_engine_session *s) {
  pl_engine_link *l;
  while ((l = pl_engine_offer_parked(e, s))) pl_engine_link_forget(e, l, PL_REASON_CROSSED);
}

/* Returns true when the session with this ID and instance, of which there is only one, is another one. */
static bool dial_is_duplicate(pl_engine *e, const pl_engine_session *s, const uint8_t instance[8]) {
  const pl_engine_session *other = pl_engine_session_find(e, s->id, instance);
  if (!other || other == s) return false;
  return other->linked || !pl_session_is_closing(s->core); /* until then the peer may still have what is closed */
}

/* Returns true when the session is with another instance than the one that accepted: any instance was called, and
 * meanwhile one of them called this side. */
static bool dial_is_with_another(const pl_engine_session *s, const pl_engine_link *l) {
  return dial_is_bound(s) && memcmp(s->instance, l->instance, 8) != 0;
}

int pl_engine_dial_accepted(pl_engine *e, pl_engine_link *l, pl_view payload) {
  pl_engine_session *s = l->session;
  int rc = pl_engine_handshake_read2(e, l, payload);
  if (rc == PL_ECRYPTO) { /* anybody on the way may have changed it */
    pl_engine_log(e, "accept_refused", pl_error_text(rc));
    return PL_REASON_CORRUPT;
  }
  if (rc) {
    int reason = rc == PL_ESTATE ? PL_REASON_UNSUPPORTED : PL_REASON_PROTOCOL;
    pl_engine_link_forget(e, l, reason);
    pl_engine_session_end(e, s, PL_EPROTOCOL, reason, (pl_view){NULL, 0});
    return 0;
  }
  if (dial_is_with_another(s, l)) {
    pl_engine_link_forget(e, l, PL_REASON_CLOSED);
    dial_if_forgotten(e, s); /* the link with the other instance may be gone already */
    pl_engine_session_touch(e, s);
    return 0;
  }
  if (dial_is_duplicate(e, s, l->instance)) {
    static const char text[] = "there is a session with this peer already";
    bool closing = pl_session_is_closing(s->core); /* it called to close, and the peer gets the new session instead */
    pl_view why = {(const uint8_t *)text, closing ? 0 : sizeof text - 1};
    pl_engine_link_forget(e, l, PL_REASON_CLOSED);
    pl_engine_session_end(e, s, closing ? PL_OK : PL_ESTATE, PL_REASON_CLOSED, why);
    return 0;
  }
  memcpy(s->instance, l->instance, 8);
  s->opening = NULL;
  s->opened_last = true;
  l->state = PL_ENGINE_LINK_UP;
  l->since_ms = e->now_ms;
  pl_engine_link_touch(e, l);
  dial_cross_parked(e, s);
  if (pl_engine_dial_link_up(e, s, l)) {
    pl_engine_link_forget(e, l, PL_REASON_OVERFLOW);
    pl_engine_dial_failed(e, s, PL_REASON_OVERFLOW);
  }
  return 0;
}

void pl_engine_dial_all(pl_engine *e) {
  for (size_t i = 0; i < e->session_slots; i++) {
    pl_engine_session *s = e->sessions[i];
    if (s && s->has_relay && memcmp(s->relay, e->relay_id, 32) != 0) { /* CONNECT came before any relay was known */
      pl_engine_session_end(e, s, PL_ELINK, 0, (pl_view){NULL, 0});
      continue;
    }
    if (!s || s->lingering || s->linked) continue;
    bool mine = s->opened_last || !s->was_linked;
    s->dial_at_ms = e->now_ms + (mine ? 0 : PL_ENGINE_REDIAL_OTHER_MS + pl_engine_rng_below(&e->rng, 1000));
    pl_engine_session_touch(e, s);
  }
}
