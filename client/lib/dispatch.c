/* Drives a client: its transport, the engine's timers and the delivery of events, by pairlink_dispatch or
 * pairlink_run. */
#include <errno.h>
#include <poll.h>

#include "deliver.h"
#include "session_table.h"
#include "step.h"
#include "wake.h"

enum { TURNS_PER_DISPATCH = 16 };

static void step_if_due(pairlink *p) {
  if (p->failed || pl_engine_deadline(p->engine) > pl_now_ms()) return;
  pl_engine_event event = {.type = PL_ENGINE_IN_TIME};
  (void)pl_client_step(p, &event);
}

static void report_event(pairlink *p, pairlink_event_type type) {
  const pairlink_event event = {.type = type, .peer = "", .text = "", .retry_ms = PAIRLINK_NEVER};
  p->callback(p, &event, p->user);
}

static void start_engine(pairlink *p) {
  if (p->started || p->stopping) return;
  p->started = true;
  pl_engine_event event = {.type = PL_ENGINE_IN_START};
  (void)pl_client_step(p, &event);
}

static void stop_engine(pairlink *p) {
  if (!p->stopping || p->stop_sent) return;
  p->stop_sent = true;
  pl_engine_event event = {.type = PL_ENGINE_IN_STOP};
  (void)pl_client_step(p, &event);
}

static void check_stopped(pairlink *p) {
  if (!p->stop_sent || p->stopped || !pl_engine_action_queue_is_empty(&p->queue) || !pl_transport_is_idle(p->transport))
    return;
  if (pl_client_has_sessions(p)) return;
  p->stopped = true;
  report_event(p, PAIRLINK_EVENT_STOPPED);
}

static void wake_for_next(pairlink *p) {
  if (p->failed) { /* the descriptor stays readable, so that a host calls and gets the error */
    pl_client_wake_now(p);
    return;
  }
  uint64_t at = pl_engine_deadline(p->engine), now = pl_now_ms();
  int timeout = pl_transport_timeout_ms(p->transport);
  if (timeout == 0 || !pl_engine_action_queue_is_empty(&p->queue)) {
    pl_client_wake_now(p);
    return;
  }
  if (timeout > 0 && now + (uint64_t)timeout < at) at = now + (uint64_t)timeout;
  pl_client_wake_at(p, at);
}

/* Stops early when a callback has freed the client, or has forked and this is the child. */
static void dispatch_turns(pairlink *p) {
  if (pl_client_wake_clear(p)) report_event(p, PAIRLINK_EVENT_WAKEUP);
  start_engine(p);
  for (int turn = 0; turn < TURNS_PER_DISPATCH && !p->free_wanted && !p->failed && !pl_client_is_inherited(p); turn++) {
    pl_transport_turn(p->transport);
    step_if_due(p);
    stop_engine(p);
    bool busy = pl_client_deliver(p);
    if (pl_client_has_output(p)) {
      pl_transport_want_write(p->transport);
      busy = busy || turn == 0;
    }
    if (!busy && pl_transport_timeout_ms(p->transport) != 0) break;
  }
}

/* Returns true when a callback has freed the client, which then no longer exists. */
static bool dispatch_all(pairlink *p) {
  p->dispatching = true;
  if (!p->failed) dispatch_turns(p);
  if (p->failed)
    (void)pl_client_deliver(p); /* events from before the failure */
  else if (!p->free_wanted && !pl_client_is_inherited(p))
    check_stopped(p);
  p->dispatching = false;
  if (p->free_wanted) {
    pairlink_free(p);
    return true;
  }
  if (!pl_client_is_inherited(p)) wake_for_next(p); /* a callback may have forked */
  return false;
}

int pairlink_dispatch(pairlink *p) {
  if (p->dispatching || pl_client_is_inherited(p)) return PL_ESTATE;
  return dispatch_all(p) ? 0 : p->failed;
}

int pairlink_run(pairlink *p) {
  if (p->dispatching) return PL_ESTATE;
  struct pollfd fd = {.fd = p->epoll_fd, .events = POLLIN};
  while (!p->stopped && !p->final_error && !p->failed) {
    if (pl_client_is_inherited(p)) return PL_ESTATE;
    if (poll(&fd, 1, -1) < 0 && errno != EINTR) return PL_ESYSTEM;
    if (dispatch_all(p)) return 0;
  }
  if (p->failed) return p->failed;
  return p->stopped ? 0 : p->final_error;
}

int pairlink_stop(pairlink *p) {
  if (pl_client_is_inherited(p)) return PL_ESTATE;
  if (p->failed || p->stopping) return p->failed;
  p->stopping = true;
  pl_client_wake_now(p);
  return 0;
}

int pairlink_network_up(pairlink *p) {
  pl_engine_event event = {.type = PL_ENGINE_IN_NETWORK_UP};
  return pl_client_step(p, &event);
}
