/* See engine_time.h. */
#include "engine_time.h"

#include "engine_actions.h"
#include "engine_alive.h"
#include "engine_code.h"
#include "engine_connection.h"
#include "engine_dial.h"
#include "engine_link.h"
#include "engine_loss.h"
#include "engine_session.h"

enum {
  LATE_MS = 2000, /* the engine was called this long after the deadline that it gave */
  READ_FIRST_MS = 1000
};

static void time_link_expired(pl_engine *e, pl_engine_link *l) {
  pl_engine_session *s = l->session;
  if (l->opener && !l->failed) pl_engine_alive_doubt(e); /* a call that got no answer */
  if (l->state == PL_ENGINE_LINK_OPENING && !l->is_code) {
    pl_engine_link_forget(e, l, PL_REASON_TIMEOUT);
    if (s) pl_engine_dial_failed(e, s, PL_REASON_UNAVAILABLE);
  } else {
    pl_engine_link_end(e, l, l->failed ? PL_REASON_OVERFLOW : PL_REASON_TIMEOUT);
  }
}

/* Returns true when stopping must wait for this session: a peer that does not get its answer to CLOSE would call for
 * it, when this side is gone. */
static bool time_awaits_close(const pl_engine_session *s) {
  return s && (!s->lingering || !pl_session_close_answered(s->core));
}

/* Looks first at the session that was awaited last, since this is asked at each step. */
static bool time_awaits_any(pl_engine *e) {
  for (size_t i = 0; i < e->session_slots; i++) {
    if (e->awaited >= e->session_slots) e->awaited = 0;
    if (time_awaits_close(e->sessions[e->awaited])) return true;
    e->awaited++;
  }
  return false;
}

static void time_to_stop(pl_engine *e) {
  if (time_awaits_any(e) && e->now_ms < e->stop_at_ms && e->connection == PL_ENGINE_CONN_ONLINE) return;
  pl_engine_connection_stop(e);
  for (size_t i = 0; i < e->session_slots; i++) {
    pl_engine_session *s = e->sessions[i];
    if (s) pl_engine_session_end(e, s, PL_ETIMEDOUT, PL_REASON_TIMEOUT, (pl_view){NULL, 0});
  }
  e->stopping = false;
}

static void time_of_lingering(pl_engine *e, pl_engine_session *s) {
  if (e->now_ms >= s->linger_until_ms) {
    pl_engine_session_free(e, s);
    return;
  }
  pl_engine_link *l = pl_engine_session_answered_link(s);
  if (l) pl_engine_link_end(e, l, PL_REASON_CLOSED);
}

static void time_of_session(pl_engine *e, pl_engine_session *s) {
  size_t slot = s->slot;
  if (e->now_ms >= pl_session_deadline(s->core)) {
    pl_session_event in = {.type = PL_SESSION_TIME};
    pl_engine_dial_tell(e, s, &in);
    if (e->sessions[slot] != s) return;
    if (pl_session_is_probing(s->core)) pl_engine_alive_expect(e);
  }
  if (s->lingering) {
    time_of_lingering(e, s);
  } else if (!s->linked && e->now_ms - s->unlinked_ms >= e->config.session_timeout_ms) {
    pl_engine_alive_doubt(e);
    pl_engine_session_end(e, s, PL_ETIMEDOUT, PL_REASON_TIMEOUT, (pl_view){NULL, 0});
  } else if (e->connection == PL_ENGINE_CONN_ONLINE && e->now_ms >= s->dial_at_ms) {
    s->dial_at_ms = PL_NEVER;
    if (!s->linked || s->replace) pl_engine_dial(e, s);
  }
  if (e->sessions[slot] == s) pl_engine_session_timer(e, s);
}

/* Each session has one turn, even if its next deadline has passed as well. */
static void time_of_sessions(pl_engine *e) {
  pl_node due;
  pl_list_init(&due);
  while (pl_heap_key(&e->session_times) <= e->now_ms) {
    pl_engine_session *s = PL_CONTAINER(pl_heap_first(&e->session_times), pl_engine_session, time);
    pl_heap_remove(&e->session_times, &s->time);
    pl_list_append(&due, &s->due);
  }
  while (!pl_list_empty(&due)) {
    pl_engine_session *s = PL_CONTAINER(due.next, pl_engine_session, due);
    pl_list_remove(&s->due);
    time_of_session(e, s);
  }
}

/* Returns true while no timer counts. The engine was called much later than it asked for: the program was stopped or
 * busy, or its machine slept. What came meanwhile may not have been read yet, so timers wait for a moment. They wait
 * once: for a host that is always late they count as well. */
static bool time_reads_first(pl_engine *e) {
  if (e->judge_from_ms == 0) {
    bool late = e->next_ms < e->now_ms && e->now_ms - e->next_ms >= LATE_MS;
    if (!late || !pl_engine_connection_has_socket(e)) return false;
    e->judge_from_ms = e->now_ms + READ_FIRST_MS;
    pl_engine_connection_late(e);
    for (size_t i = 0; i < e->session_slots; i++)
      if (e->sessions[i]) pl_session_late(e->sessions[i]->core, e->now_ms);
  }
  if (e->now_ms < e->judge_from_ms) return true;
  e->judge_from_ms = 0;
  return false;
}

void pl_engine_timers(pl_engine *e) {
  if (time_reads_first(e)) return;
  if (e->stopping) time_to_stop(e);
  if (e->now_ms < e->next_ms) return;
  e->next_ms = PL_NEVER;
  pl_engine_connection_time(e);
  while (pl_heap_key(&e->link_times) <= e->now_ms)
    time_link_expired(e, PL_CONTAINER(pl_heap_first(&e->link_times), pl_engine_link, time));
  time_of_sessions(e);
  pl_engine_code_time(e);
  pl_engine_wake_at(e, pl_heap_key(&e->link_times));
  pl_engine_wake_at(e, pl_heap_key(&e->session_times));
  pl_engine_wake_at(e, pl_engine_connection_deadline(e));
  if (e->stopping) pl_engine_wake_at(e, e->stop_at_ms);
}
