#include "step.h"

#include "session_table.h"
#include "wake.h"

static bool starts_session(const pl_engine_action *a) {
  return a->type == PL_ENGINE_OUT_SESSION || (a->type == PL_ENGINE_OUT_PAIRED && a->session);
}

/* Sets *out to the session that the action is about, or NULL. Returns false when the action starts a session and memory
 * ran out. */
static bool step_find_session(pairlink *p, const pl_engine_action *a, pairlink_session **out) {
  bool about_one = a->type >= PL_ENGINE_OUT_SESSION && a->type <= PL_ENGINE_OUT_SESSION_CLOSED;
  bool starts = starts_session(a);
  *out = about_one || starts ? pl_client_session_find(p, a->session) : NULL;
  if (*out || !starts) return true;
  *out = pl_client_session_new(p, a->id, a->type == PL_ENGINE_OUT_SESSION);
  if (*out) pl_client_session_add(*out, a->session);
  return *out;
}

static bool queue_action(pairlink *p, const pl_engine_action *a) {
  pairlink_session *s;
  pl_engine_queued_action *q = step_find_session(p, a, &s) ? pl_engine_action_queue_add(&p->queue, a) : NULL;
  if (!q) return false;
  q->about = s;
  if (s && a->type == PL_ENGINE_OUT_SESSION_CLOSED) s->ended = true;
  return true;
}

static void step_fail(pairlink *p, int error) {
  if (p->failed) return;
  p->failed = error;
  pl_client_log(p, PAIRLINK_LOG_ERROR, "the client failed: %s", pl_error_text(error));
}

static void queue_all(pairlink *p, const pl_engine_result *result) {
  for (size_t i = 0; i < result->action_count && !p->failed; i++) {
    const pl_engine_action *a = &result->actions[i];
    if (a->type == PL_ENGINE_OUT_LOG)
      pl_client_log(p, PAIRLINK_LOG_INFO, "%.*s", (int)a->text.size, (const char *)a->text.data);
    else if (!queue_action(p, a))
      step_fail(p, PL_ENOMEM);
  }
}

/* When memory runs out inside the engine, it undoes the step and tries again later. Where there is not even room for
 * one message it would try for ever in silence, so the client fails instead. */
static void check_memory(pairlink *p, unsigned long failures_before) {
  if (pl_alloc_failures() == failures_before || p->failed) return;
  void *room = pl_alloc(p->message_max);
  if (!room) step_fail(p, PL_ENOMEM);
  pl_free(room);
}

int pl_client_step_for(pairlink *p, const pl_engine_event *event, pl_engine_result *result) {
  pl_engine_event now = *event;
  *result = (pl_engine_result){0};
  if (pl_client_is_inherited(p)) return PL_ESTATE;
  if (p->failed) return p->failed;
  unsigned long failures = pl_alloc_failures();
  now.now_ms = pl_now_ms();
  int error = pl_engine_step(p->engine, &now, result);
  bool is_call = event->type >= PL_ENGINE_IN_CONNECT;
  if (!is_call || error != PL_ENOMEM) check_memory(p, failures); /* otherwise the call returns the error */
  queue_all(p, result);
  pl_client_wake_now(p);
  return p->failed ? p->failed : error;
}

int pl_client_step(pairlink *p, const pl_engine_event *event) {
  pl_engine_result result;
  return pl_client_step_for(p, event, &result);
}

size_t pl_client_produce(pairlink *p, uint8_t *out, size_t capacity) {
  if (p->failed) return 0;
  unsigned long failures = pl_alloc_failures();
  size_t n = pl_engine_produce(p->engine, pl_now_ms(), out, capacity);
  check_memory(p, failures);
  return n;
}

bool pl_client_has_output(const pairlink *p) {
  return !p->failed && pl_engine_has_output(p->engine);
}
