/* See engine_data.h. */
#include "engine_data.h"

#include <string.h>

#include "engine_actions.h"
#include "engine_dial.h"
#include "engine_exchange.h"
#include "engine_invite.h"
#include "engine_link.h"
#include "engine_loss.h"
#include "engine_offer.h"
#include "engine_peers.h"
#include "engine_session.h"

enum { REMEMBERED_MAX = 4 }; /* sessions with one peer that are over */

/* Returns the caller's epoch, from the HELLO with which its first record begins, or 0 when it begins with something
 * else. */
static uint64_t data_epoch(pl_view plain) {
  pl_reader r = pl_reader_of(plain.data, plain.size);
  uint8_t type;
  pl_view body;
  pl_wire_frame_hello h;
  if (pl_frame_next(&r, &type, &body) <= 0 || type != PL_FRAME_HELLO) return 0;
  return pl_wire_frame_hello_decode(&h, body.data, body.size) ? 0 : h.epoch;
}

/* Ends the links of a session that is over, so that nothing more is said on them, such as HELLO. */
static void data_end_links(pl_engine *e, pl_engine_session *s) {
  size_t slot = s->slot;
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_engine_link *l = PL_CONTAINER(n, pl_engine_link, of_session);
    if (l->state != PL_ENGINE_LINK_UP) continue;
    pl_engine_link_end(e, l, PL_REASON_CLOSED);
    if (e->sessions[slot] != s) return;
    n = &s->links; /* others may have gone with it */
  }
}

/* Ends a session with this peer that is being closed, since the peer starts a new one. The session is remembered,
 * because the peer may still be closing it, too. Only the last few are, because a peer may start and close sessions as
 * fast as it likes. */
static void data_end_old(pl_engine *e, const pl_engine_link *l) {
  pl_engine_session *oldest = NULL;
  size_t remembered = 0;
  for (pl_engine_session *s = pl_engine_session_first_with(e, l->id), *next; s; s = next) {
    size_t slot = s->slot;
    next = pl_engine_session_next_with(s);
    if (memcmp(s->instance, l->instance, 8) != 0) continue;
    if (!s->lingering && pl_session_is_closing(s->core)) {
      pl_engine_session_close_over(e, s);
      if (e->sessions[slot] == s) data_end_links(e, s);
    }
    if (e->sessions[slot] != s || !s->lingering) continue;
    remembered++;
    if (!oldest || s->linger_until_ms < oldest->linger_until_ms) oldest = s;
  }
  if (remembered > REMEMBERED_MAX) pl_engine_session_free(e, oldest);
}

/* Ends a session that was closed before the peer's first HELLO came, since the peer has a newer one: it never had this
 * one, or has it no longer. */
static void data_end_unheard(pl_engine *e, const pl_engine_link *l) {
  for (pl_engine_session *s = pl_engine_session_first_with(e, l->id), *next; s; s = next) {
    next = pl_engine_session_next_with(s);
    if (memcmp(s->instance, l->instance, 8) != 0) continue;
    if (pl_session_is_closing(s->core) && !pl_session_peer_epoch(s->core))
      pl_engine_session_end(e, s, PL_OK, PL_REASON_CLOSED, (pl_view){NULL, 0});
  }
}

/* Returns the reason to refuse a new session, or 0. That the call was accepted says little: its session may have ended
 * since, its caller may have been blocked since, or it was accepted only to be told why it is refused. */
static int data_refusal(pl_engine *e, const pl_engine_link *l, bool invited, const pl_engine_session *s) {
  if (l->unsupported) return PL_REASON_UNSUPPORTED;
  if (s || invited) return 0;
  pl_engine_decision decision = pl_engine_peer_decision(e, l->id);
  if (decision == PL_ENGINE_BLOCKED || decision == PL_ENGINE_IGNORED) return PL_REASON_CLOSED;
  if (pl_engine_peer_is_welcome(e, l->id)) return 0;
  if (l->has_invite || decision == PL_ENGINE_REFUSED) return PL_REASON_REFUSED;
  pl_engine_knock_add(e, l);
  return PL_REASON_CLOSED;
}

static bool data_use_invite(pl_engine *e, const pl_engine_link *l) {
  uint32_t code;
  if (!l->has_invite || l->unsupported || pl_engine_peer_is_blocked(e, l->id)) return false;
  if (!pl_engine_invite_claim(e, l, &code)) return false;
  pl_engine_peer_readmit(e, l->id);
  return code == 0 || pl_engine_code_called(e, code, l);
}

/* Acts on a call whose first record opened, which proves that it is no replay. Returns false when the link was refused
 * and is gone. */
static bool data_begin(pl_engine *e, pl_engine_link *l, uint64_t epoch) {
  bool invited = data_use_invite(e, l);
  pl_engine_session *s = pl_engine_offer_session(e, l, epoch);
  int reason = data_refusal(e, l, invited, s);
  if (reason) {
    pl_engine_link_forget(e, l, reason);
    return false;
  }
  if (!s) {
    data_end_old(e, l);
    s = pl_engine_session_new(e, l->id, l->instance);
    if (s) s->own_wish = false;
  }
  if (!s) {
    pl_engine_link_forget(e, l, PL_REASON_FULL);
    return false;
  }
  memcpy(s->instance, l->instance, 8);
  pl_engine_link_join(l, s);
  l->state = PL_ENGINE_LINK_UP;
  l->since_ms = e->now_ms;
  pl_engine_link_touch(e, l);
  if (pl_engine_dial_link_up(e, s, l)) {
    l->state = PL_ENGINE_LINK_ACCEPTED;
    pl_engine_link_forget(e, l, PL_REASON_OVERFLOW);
    return false;
  }
  if (s->opening)
    pl_engine_link_forget(e, s->opening, PL_REASON_CROSSED); /* this side's own call is not needed any more */
  s->opened_last = false;
  return true;
}

/* Opens a record into `plain` and fills in the session's event for it. Returns false when the link had to be ended. */
static bool data_open(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain, pl_session_event *in) {
  pl_view record = v->payload;
  int n = record.size < PL_CONST_RECORD_OVERHEAD_BYTES
              ? PL_ECRYPTO
              : pl_noise_open(&l->keys, PL_ENV_DATA, v->flags, record.data, record.size, plain);
  if (n < 0) {
    pl_engine_log(e, "record_refused", pl_error_text(n));
    pl_engine_link_end(e, l, PL_REASON_CORRUPT); /* changed on its way: the session continues over another link */
    return false;
  }
  e->carried = true;
  *in = (pl_session_event){.type = PL_SESSION_RECORD, .record = {.link = l->number, .data = {plain, (size_t)n}}};
  in->record.counter = l->keys.received_counter;
  return true;
}

static void data_deliver(pl_engine *e, pl_engine_link *l, size_t size, pl_session_event *in) {
  uint32_t number = l->number;
  bool was_linked = l->session->was_linked;
  pl_engine_session_traffic(e, l, size);
  int rc = pl_engine_dial_step(e, l->session, in, NULL);
  l = pl_engine_link_find(e, number);
  if (!l) return;
  if (rc == PL_ENOMEM)
    pl_engine_link_end(e, l, PL_REASON_OVERFLOW); /* the session continues over another link */
  else if (!was_linked && l->session->was_linked)
    data_end_unheard(e, l);
}

void pl_engine_data_came(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain) {
  pl_session_event in;
  if (data_open(e, l, v, plain, &in)) data_deliver(e, l, v->payload.size, &in);
}

void pl_engine_data_first(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain) {
  pl_session_event in;
  if (!data_open(e, l, v, plain, &in)) return;
  if (data_begin(e, l, data_epoch(in.record.data))) data_deliver(e, l, v->payload.size, &in);
}
