/* What follows from the end of a link: for its session, for the call that it was, for the code that it served. */
#include <string.h>

#include "engine_internal.h"

/* Counts the links in a row that ended by a fault, so that calls get slower. `up_ms`: since when the link was up. */
static void count_fault(const pl_engine *e, pl_engine_session *s, uint64_t up_ms) {
  if (!pl_engine_reason_is_fault(s->unlink_reason)) return;
  if (e->now_ms - up_ms >= PL_ENGINE_FAULT_FREE_MS) s->faults = 0;
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
  count_fault(e, s, up_ms);
  (void)pl_engine_dial_step(e, s, &down, NULL);
}

void pl_engine_links_end_all(pl_engine *e) {
  while (!pl_list_empty(&e->links)) {
    pl_engine_link *l = PL_CONTAINER(e->links.next, pl_engine_link, node);
    if (l->session) l->session->unlink_reason = PL_REASON_GONE;
    pl_engine_link_end(e, l, 0);
  }
}

static void call_refused(pl_engine *e, pl_engine_link *l, int reason) {
  pl_engine_session *s = l->session;
  pl_engine_link_forget(e, l, 0);
  if (s) pl_engine_dial_failed(e, s, reason);
}

void pl_engine_link_reset_came(pl_engine *e, uint32_t number, pl_view payload) {
  pl_wire_reset r;
  pl_engine_link *l = pl_engine_link_find(e, number);
  if (!l) return; /* of a link that is over */
  if (pl_wire_reset_decode(&r, payload.data, payload.size)) r.reason = PL_REASON_PROTOCOL;
  pl_engine_session *s = l->session;
  if (l->is_code) {
    pl_engine_code_link_lost(e, l, 0, r.reason);
  } else if (l->state == PL_ENGINE_LINK_OPENING) {
    call_refused(e, l, r.reason);
  } else if (l->state == PL_ENGINE_LINK_UP && !PL_REASON_IS_RETRYABLE(r.reason) && !s->was_linked) {
    pl_engine_link_forget(e, l, 0); /* the answer to a call: nothing is lost that was agreed on */
    pl_engine_session_end(e, s, pl_engine_reason_error(r.reason), r.reason, (pl_view){NULL, 0});
  } else {
    if (s) s->unlink_reason = r.reason; /* a hint: what ends a session comes as CLOSE, under the peer's keys */
    pl_engine_link_end(e, l, 0);
  }
}
