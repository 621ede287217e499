/* See engine_loss.h. */
#include "engine_loss.h"

#include "engine_actions.h"
#include "engine_dial.h"
#include "engine_exchange.h"
#include "engine_link.h"
#include "engine_session.h"

enum { FAULT_FREE_MS = 60000 }; /* the end of a link that held this long starts a new count of faults */

/* Counts links in a row that ended by a fault, which makes calls slower. `up_ms` is when the link came up. */
static void loss_count(const pl_engine *e, pl_engine_session *s, uint64_t up_ms) {
  if (!pl_engine_reason_is_fault(s->unlink_reason)) return;
  if (e->now_ms - up_ms >= FAULT_FREE_MS) s->faults = 0;
  s->faults++;
}

void pl_engine_link_end(pl_engine *e, pl_engine_link *l, int reason) {
  if (l->is_code) {
    pl_engine_code_link_lost(e, l, reason, PL_REASON_GONE);
    return;
  }
  pl_engine_session *s = l->session;
  uint32_t number = l->number;
  uint64_t up_ms = l->since_ms;
  bool up = l->state == PL_ENGINE_LINK_UP;
  pl_engine_link_forget(e, l, reason);
  if (!s) return;
  if (!up) { /* a call of this side; while offline nothing is done, since all are made again after the next login */
    bool corrupt = reason == PL_REASON_CORRUPT;
    if (e->connection == PL_ENGINE_CONN_ONLINE)
      pl_engine_dial_failed(e, s, corrupt ? PL_REASON_CORRUPT : PL_REASON_GONE);
    return;
  }
  pl_session_event down = {.type = PL_SESSION_LINK_DOWN, .link_down = {number}};
  if (reason) s->unlink_reason = reason;
  loss_count(e, s, up_ms);
  pl_engine_dial_tell(e, s, &down);
}

void pl_engine_links_end_all(pl_engine *e) {
  while (!pl_list_empty(&e->links)) {
    pl_engine_link *l = PL_CONTAINER(e->links.next, pl_engine_link, node);
    if (l->session) l->session->unlink_reason = PL_REASON_GONE;
    pl_engine_link_end(e, l, 0);
  }
}

void pl_engine_loss_of_call(pl_engine *e, pl_engine_link *l, int reason) {
  pl_engine_session *s = l->session;
  pl_engine_link_forget(e, l, 0);
  pl_engine_dial_failed(e, s, reason);
}

void pl_engine_loss_of_offer(pl_engine *e, pl_engine_link *l, int reason) {
  (void)reason;
  pl_engine_link_end(e, l, 0);
}

void pl_engine_loss_of_link(pl_engine *e, pl_engine_link *l, int reason) {
  pl_engine_session *s = l->session;
  if (!PL_REASON_IS_RETRYABLE(reason) &&
      !s->was_linked) { /* this answers a call: the session was never linked, so nothing is lost */
    pl_engine_link_forget(e, l, 0);
    pl_engine_session_end(e, s, pl_engine_reason_error(reason), reason, (pl_view){NULL, 0});
    return;
  }
  size_t slot = s->slot;
  bool answers_call = !s->linked && !PL_REASON_IS_RETRYABLE(reason);
  s->unlink_reason = reason; /* only a hint: what ends a session comes as CLOSE, under the peer's keys */
  pl_engine_link_end(e, l, 0);
  if (answers_call && e->sessions[slot] == s) pl_engine_session_refused(e, s);
}
