/* One descriptor for everything, and what to do when it is readable. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client.h"

enum { TURNS_PER_DISPATCH = 16 };

/* A host that polls only pairlink_fd must wake for what was queued outside of dispatch too: libuv tells its backend
 * descriptor about a wish to write in the next turn only, so an eventfd has to call for that turn. (A timer that is due
 * at once would do, and costs as much as a record: the kernel sets the clock's next interrupt for it.) */
static void call_now(pairlink *p) {
  if (p->kicked) return;
  p->kicked = eventfd_write(p->kick_fd, 1) == 0;
}

static void arm(pairlink *p, uint64_t at_ms) {
  struct itimerspec spec;
  if (at_ms >= p->armed_ms) return; /* too early costs a dispatch, less often than a call for each */
  memset(&spec, 0, sizeof spec);
  spec.it_value.tv_sec = (time_t)(at_ms / 1000);
  spec.it_value.tv_nsec = at_ms ? (long)(at_ms % 1000) * 1000000 : 1; /* 0 would mean never */
  (void)timerfd_settime(p->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
  p->armed_ms = at_ms;
}

void pl_client_kick(pairlink *p) {
  if (!p->dispatching) call_now(p);
}

int pairlink_fd(const pairlink *p) {
  return p->epoll_fd;
}

static void step_if_due(pairlink *p) {
  if (p->failed || pl_engine_deadline(p->engine) > pl_now_ms()) return;
  pl_engine_event event = {.type = PL_ENGINE_IN_TIME};
  (void)pl_client_step(p, &event);
}

static void report(pairlink *p, pairlink_event_type type) {
  const pairlink_event event = {.type = type, .peer = "", .text = "", .retry_ms = PAIRLINK_NEVER};
  p->callback(p, &event, p->user);
}

static void read_wakeups(pairlink *p) {
  uint64_t count;
  if (p->kicked && read(p->kick_fd, &count, sizeof count) > 0) p->kicked = false;
  if (p->armed_ms <= pl_now_ms() && read(p->timer_fd, &count, sizeof count) > 0) p->armed_ms = PL_NEVER; /* it fired */
  if (!atomic_exchange(&p->woken, false)) return;
  if (read(p->event_fd, &count, sizeof count) > 0)
    report(p, PAIRLINK_EVENT_WAKEUP);
  else
    atomic_store(&p->woken, true); /* it is just about to be written */
}

static void start(pairlink *p) {
  if (p->started || p->stopping) return;
  p->started = true;
  pl_engine_event event = {.type = PL_ENGINE_IN_START};
  (void)pl_client_step(p, &event);
}

static bool sessions_left(const pairlink *p) {
  for (size_t i = 0; i < PL_SESSION_BUCKETS; i++)
    if (!pl_list_empty(&p->sessions[i])) return true;
  return false;
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
  if (sessions_left(p)) return;
  p->stopped = true;
  report(p, PAIRLINK_EVENT_STOPPED);
}

static void arm_for_next(pairlink *p) {
  if (p->failed) { /* stays readable: whoever polls it asks why */
    call_now(p);
    return;
  }
  uint64_t at = pl_engine_deadline(p->engine), now = pl_now_ms();
  int timeout = pl_transport_timeout_ms(p->transport);
  if (timeout == 0 || !pl_engine_action_queue_is_empty(&p->queue)) {
    call_now(p);
    return;
  }
  if (timeout > 0 && now + (uint64_t)timeout < at) at = now + (uint64_t)timeout;
  arm(p, at);
}

/* A callback may also have forked: the child does no more. */
static void turns(pairlink *p) {
  read_wakeups(p);
  start(p);
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

/* True when a callback freed the client: it is gone. */
static bool dispatch(pairlink *p) {
  p->dispatching = true;
  if (!p->failed) turns(p);
  if (p->failed)
    (void)pl_client_deliver(p); /* what happened before */
  else if (!p->free_wanted && !pl_client_is_inherited(p))
    check_stopped(p);
  p->dispatching = false;
  if (p->free_wanted) {
    pairlink_free(p);
    return true;
  }
  if (!pl_client_is_inherited(p)) arm_for_next(p); /* each callback may have forked */
  return false;
}

int pairlink_dispatch(pairlink *p) {
  if (p->dispatching || pl_client_is_inherited(p)) return PL_ESTATE;
  return dispatch(p) ? 0 : p->failed;
}

int pairlink_run(pairlink *p) {
  if (p->dispatching) return PL_ESTATE;
  struct pollfd fd = {.fd = p->epoll_fd, .events = POLLIN};
  while (!p->stopped && !p->final_error && !p->failed) {
    if (pl_client_is_inherited(p)) return PL_ESTATE;
    if (poll(&fd, 1, -1) < 0 && errno != EINTR) return PL_ESYSTEM;
    if (dispatch(p)) return 0;
  }
  if (p->failed) return p->failed;
  return p->stopped ? 0 : p->final_error;
}

int pairlink_stop(pairlink *p) {
  if (pl_client_is_inherited(p)) return PL_ESTATE;
  if (p->failed || p->stopping) return p->failed;
  p->stopping = true;
  pl_client_kick(p);
  return 0;
}

void pairlink_wakeup(pairlink *p) {
  const uint64_t one = 1;
  int saved = errno;
  if (pl_client_is_inherited(p)) return;
  atomic_store(&p->woken, true); /* before the write: who is told by the descriptor must see it */
  ssize_t n = write(p->event_fd, &one, sizeof one);
  (void)n; /* full means that it is awake */
  errno = saved;
}

int pairlink_network_up(pairlink *p) {
  pl_engine_event event = {.type = PL_ENGINE_IN_NETWORK_UP};
  return pl_client_step(p, &event);
}
