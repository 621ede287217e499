/* See engine_alive.h. */
#include "engine_alive.h"

#include "engine_actions.h"
#include "engine_link.h"
#include "engine_random.h"

enum {
  CHECK_AFTER_MS = 1000 /* silence that calls for a PING, and silence after a PING that the application is told */
};

static bool alive_is_silent(const pl_engine *e) {
  return e->connection == PL_ENGINE_CONN_ONLINE && e->now_ms - e->received_ms >= CHECK_AFTER_MS;
}

static uint64_t alive_patience(const pl_engine *e) {
  return e->dead_after_ms > e->ping_interval_ms ? e->dead_after_ms - e->ping_interval_ms : 1;
}

static void alive_check(pl_engine *e) {
  if (e->checking) return;
  e->checking = true;
  pl_engine_out_once(e, (pl_engine_action){.type = PL_ENGINE_OUT_CHECKING});
}

void pl_engine_alive_ask(pl_engine *e, uint64_t wait_ms) {
  uint8_t data[8];
  e->awaits = false;
  if (e->answer_by_ms == PL_NEVER) {
    pl_engine_rng_bytes(&e->rng, data, sizeof data);
    pl_engine_control_lossy(e, PL_ENV_PING, 0, data, sizeof data); /* a PING lost here counts as unanswered */
    e->asked_ms = e->now_ms;
  }
  if (e->now_ms + wait_ms < e->answer_by_ms) e->answer_by_ms = e->now_ms + wait_ms;
  pl_engine_wake_at(e, pl_engine_alive_deadline(e));
}

void pl_engine_alive_expect(pl_engine *e) {
  if (e->connection != PL_ENGINE_CONN_ONLINE || e->answer_by_ms != PL_NEVER) return;
  if (!alive_is_silent(e)) {
    e->awaits = true;
    pl_engine_wake_at(e, pl_engine_alive_deadline(e));
    return;
  }
  uint64_t silent_ms = e->now_ms - e->received_ms, dead_ms = e->ping_interval_ms + alive_patience(e);
  pl_engine_alive_ask(e, silent_ms < dead_ms ? dead_ms - silent_ms : alive_patience(e));
}

void pl_engine_alive_doubt(pl_engine *e) {
  if (!alive_is_silent(e)) return;
  pl_engine_alive_expect(e);
  alive_check(e);
}

void pl_engine_alive_heard(pl_engine *e) {
  e->received_ms = e->now_ms;
  e->was_late = e->awaits = false;
  if (e->checking) pl_engine_out_once(e, (pl_engine_action){.type = PL_ENGINE_OUT_ALIVE});
  e->checking = false;
  if (e->answer_by_ms == PL_NEVER) return;
  e->answer_by_ms = PL_NEVER;
  pl_engine_wake_at(e, pl_engine_alive_deadline(e)); /* the next PING may be due before that answer was */
}

void pl_engine_alive_late(pl_engine *e) {
  if (!e->was_late) e->answer_by_ms = PL_NEVER; /* the answer may be there, unread: the wait starts again */
  e->was_late = true;
  pl_engine_alive_ask(e, alive_patience(e));
}

void pl_engine_alive_over(pl_engine *e) {
  e->answer_by_ms = PL_NEVER;
  e->checking = false;
  e->awaits = false;
}

uint64_t pl_engine_alive_deadline(const pl_engine *e) {
  if (e->answer_by_ms == PL_NEVER) {
    bool soon = e->awaits && CHECK_AFTER_MS < e->ping_interval_ms;
    return e->received_ms + (soon ? CHECK_AFTER_MS : e->ping_interval_ms);
  }
  uint64_t check_ms = e->checking ? PL_NEVER : e->asked_ms + CHECK_AFTER_MS;
  return check_ms < e->answer_by_ms ? check_ms : e->answer_by_ms;
}

bool pl_engine_alive_time(pl_engine *e) {
  if (e->now_ms < pl_engine_alive_deadline(e)) return false;
  if (e->answer_by_ms == PL_NEVER && e->awaits && alive_is_silent(e))
    pl_engine_alive_expect(e);
  else if (e->answer_by_ms == PL_NEVER)
    pl_engine_alive_ask(e, alive_patience(e));
  else if (e->now_ms >= e->answer_by_ms)
    return true;
  else
    alive_check(e);
  return false;
}
