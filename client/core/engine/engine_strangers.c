/* See engine_strangers.h. */
#include "engine_strangers.h"

#include <string.h>

#include "engine_dial.h"
#include "engine_invite.h"
#include "engine_link.h"
#include "engine_offer.h"
#include "engine_peers.h"
#include "engine_session.h"

/* Accepts the call of this ID that waits. Returns false when none does. */
static bool knock_accept(pl_engine *e, const uint8_t id[32]) {
  pl_engine_link *l = pl_engine_link_offer_first(e, id);
  while (l && l->parked) l = pl_engine_link_offer_next(l);
  if (l) pl_engine_offer_accept(e, l);
  return l;
}

/* Calls a peer that knocked. The peer accepts, since it calls this ID itself. */
static int knock_call_back(pl_engine *e, const pl_engine_knock *k) {
  if (pl_engine_session_find(e, k->id, k->instance)) return 0;
  pl_engine_session *s = pl_engine_session_new(e, k->id, k->instance);
  if (!s) return PL_ENOMEM;
  pl_engine_dial(e, s);
  return 0;
}

/* The knock of this ID, if there is one, needs no answer any more. */
static void knock_answered(pl_engine *e, const uint8_t id[32]) {
  pl_engine_knock *k = pl_engine_knock_find(e, id);
  if (k) *k = (pl_engine_knock){0};
}

/* Lets in the peer of a pairing code. One of the two calls the other now, so a knock of the peer needs no answer. */
int pl_engine_peer_pair(pl_engine *e, const uint8_t id[32]) {
  int rc = pl_engine_peer_decide(e, id, PL_ENGINE_ALLOWED);
  if (rc) return rc;
  knock_answered(e, id);
  (void)knock_accept(e, id);
  return 0;
}

int pl_engine_peer_allow(pl_engine *e, const uint8_t id[32]) {
  pl_engine_decision before = pl_engine_peer_decision(e, id);
  int rc = pl_engine_peer_decide(e, id, PL_ENGINE_ALLOWED);
  pl_engine_knock *k = pl_engine_knock_find(e, id);
  if (rc || !k) return rc;
  pl_engine_knock asked = *k;
  *k = (pl_engine_knock){0};
  rc = knock_accept(e, id) ? 0 : knock_call_back(e, &asked);
  if (rc) { /* nothing is decided: the peer is still asking */
    *k = asked;
    if (pl_engine_peer_decide(e, id, before)) return rc; /* cannot fail: there is an entry */
  }
  return rc;
}

/* Ends calls back that have not reached anybody: the application does not know of them, so it cannot close them. */
static void knock_call_off(pl_engine *e, const uint8_t id[32]) {
  for (pl_engine_session *s = pl_engine_session_first_with(e, id), *next; s; s = next) {
    next = pl_engine_session_next_with(s);
    if (!s->announced && !s->lingering) pl_engine_session_end(e, s, PL_OK, PL_REASON_CLOSED, (pl_view){NULL, 0});
  }
}

static int peer_turn_away(pl_engine *e, const uint8_t id[32], pl_engine_decision decision) {
  bool blocked = pl_engine_peer_is_blocked(e, id); /* and stays so */
  int rc = blocked ? 0 : pl_engine_peer_decide(e, id, decision);
  if (rc) return rc;
  pl_engine_invite_take_back(e, id);
  knock_answered(e, id);
  knock_call_off(e, id);
  return 0;
}

int pl_engine_peer_deny(pl_engine *e, const uint8_t id[32]) {
  return peer_turn_away(e, id, PL_ENGINE_IGNORED);
}

int pl_engine_peer_refuse(pl_engine *e, const uint8_t id[32]) {
  return peer_turn_away(e, id, PL_ENGINE_REFUSED);
}

int pl_engine_peer_block(pl_engine *e, const uint8_t id[32]) {
  return peer_turn_away(e, id, PL_ENGINE_BLOCKED);
}

int pl_engine_peer_forget(pl_engine *e, const uint8_t id[32]) {
  int rc = pl_engine_peer_decide(e, id, PL_ENGINE_UNDECIDED);
  if (!rc) knock_answered(e, id); /* so that its next call is told */
  return rc;
}
