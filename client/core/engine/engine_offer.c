/* See engine_offer.h. */
#include "engine_offer.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"
#include "engine_handshake.h"
#include "engine_link.h"
#include "engine_peers.h"
#include "engine_session.h"

enum { REFUSALS_MAX = 16 }; /* calls at a time that are accepted only to be refused */

bool pl_engine_side_is_smaller(const pl_engine *e, const uint8_t id[32], const uint8_t instance[8]) {
  int order = memcmp(e->config.identity.id, id, 32);
  return order ? order < 0 : memcmp(e->config.instance, instance, 8) < 0;
}

/* Finds a call of this session's peer that waits. `parked` asks for one that waits behind this side's own call. */
static pl_engine_link *offer_of(const pl_engine *e, const pl_engine_session *s, bool parked) {
  for (pl_engine_link *l = pl_engine_link_offer_first(e, s->id); l; l = pl_engine_link_offer_next(l)) {
    if (l->parked != parked) continue;
    if (sodium_is_zero(s->instance, 8) || memcmp(l->instance, s->instance, 8) == 0) return l;
  }
  return NULL;
}

pl_engine_link *pl_engine_offer_parked(pl_engine *e, const pl_engine_session *s) {
  return offer_of(e, s, true);
}

pl_engine_link *pl_engine_offer_waiting(pl_engine *e, const pl_engine_session *s) {
  return offer_of(e, s, false);
}

void pl_engine_offer_accept(pl_engine *e, pl_engine_link *l) {
  uint8_t payload[2048];
  int n = pl_engine_handshake_write2(e, l, payload, sizeof payload);
  if (n < 0 || pl_engine_control(e, PL_ENV_ACCEPT, l->number, payload, (size_t)n)) {
    pl_engine_link_forget(e, l, PL_REASON_OVERFLOW);
    return;
  }
  l->parked = false;
  l->state = PL_ENGINE_LINK_ACCEPTED;
  l->since_ms = e->now_ms;
  pl_engine_link_touch(e, l);
}

/* Returns true for a session that is closed or being closed, and whose peer is known: only a call of that very session
 * belongs to it. */
static bool offer_is_of_the_past(const pl_engine_session *s) {
  return (s->lingering || pl_session_is_closing(s->core)) && pl_session_peer_epoch(s->core);
}

pl_engine_session *pl_engine_offer_session(pl_engine *e, const pl_engine_link *l, uint64_t epoch) {
  pl_engine_session *found = NULL;
  for (pl_engine_session *s = pl_engine_session_first_with(e, l->id); s; s = pl_engine_session_next_with(s)) {
    if (memcmp(s->instance, l->instance, 8) != 0) continue;
    bool past = offer_is_of_the_past(s);
    if (past && epoch && epoch == pl_session_peer_epoch(s->core)) return s; /* although there may be a new one */
    if (!past || (epoch == 0 && !found)) found = s;
  }
  return found ? found : pl_engine_session_dialling(e, l->id);
}

static void offer_decide(pl_engine *e, pl_engine_link *l) {
  const pl_engine_session *s = pl_engine_offer_session(e, l, 0);
  bool welcome = l->has_invite || pl_engine_peer_is_welcome(e, l->id);
  if (s && s->opening && pl_engine_side_is_smaller(e, l->id, l->instance)) {
    l->parked = true; /* both call at once: the smaller side waits for the answer to its own call */
  } else if (s || (welcome && !e->stopping)) {
    pl_engine_offer_accept(e, l);
  } else {
    pl_engine_knock_add(e, l);
  }
}

/* Returns true when a caller that nobody lets in is told so: it had been let in before, or has an invite that is over.
 * `over` says the latter. */
static bool offer_is_refused(const pl_engine *e, const pl_engine_link *l, bool over) {
  pl_engine_decision decision = pl_engine_peer_decision(e, l->id);
  return decision == PL_ENGINE_REFUSED || (over && decision != PL_ENGINE_IGNORED);
}

/* Accepts a call so that its first record can be answered with the reason why it is refused: the relay passes on no
 * reason that comes before ACCEPT (docs/protocol.md, section 4). Beyond the limit the caller learns nothing. */
static void offer_accept_to_refuse(pl_engine *e, pl_engine_link *l) {
  if (e->refusals >= REFUSALS_MAX || e->stopping) {
    pl_engine_link_forget(e, l, PL_REASON_REFUSED);
    return;
  }
  l->doubtful = true;
  e->refusals++;
  pl_engine_offer_accept(e, l);
}

int pl_engine_offer_came(pl_engine *e, uint32_t number, pl_view payload) {
  pl_wire_offer o;
  if (pl_wire_offer_decode(&o, payload.data, payload.size) || !pl_engine_link_number_is_new(e, number))
    return PL_REASON_CLOSED;
  bool blocked = pl_engine_peer_is_blocked(e, o.caller_id);
  if (blocked || sodium_is_zero(o.caller_instance, 8)) return 0; /* says nothing, as if nobody were here */
  pl_engine_link *l = pl_engine_link_new(e, false, number);
  if (!l) return 0;
  memcpy(l->id, o.caller_id, 32);
  memcpy(l->instance, o.caller_instance, 8);
  pl_engine_link_offer_add(e, l);
  int rc = pl_engine_handshake_read1(e, l, o.handshake);
  bool let_in = pl_engine_peer_is_welcome(e, l->id) || pl_engine_offer_session(e, l, 0), over = rc == PL_EREFUSED;
  bool proven = l->has_invite && !over;
  l->unsupported = rc == PL_ESTATE;
  if (rc && !over && !(l->unsupported && let_in)) {
    pl_engine_log(e, "offer_dropped", pl_error_text(rc));
    pl_engine_link_forget(e, l, 0);
  } else if (l->unsupported || (!let_in && !proven && offer_is_refused(e, l, over))) {
    offer_accept_to_refuse(e, l);
  } else if (let_in || !over) { /* else the caller is ignored */
    offer_decide(e, l);
  }
  return 0;
}
