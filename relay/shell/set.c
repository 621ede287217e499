/* See set.h. */
#include "set.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static bool set_watch(const pl_set *set, int fd, uint32_t events, void *socket) {
  struct epoll_event e = {.events = events, .data.ptr = socket};
  return epoll_ctl(set->fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

bool pl_set_init(pl_set *set, uv_loop_t *loop) {
  set->loop = loop;
  set->count = 0;
  set->full = set->missed = false;
  set->refused = 0;
  set->fd = epoll_create1(EPOLL_CLOEXEC);
  if (set->fd >= 0 && set_watch(set, uv_backend_fd(loop), EPOLLIN, NULL)) return true;
  pl_log_write(PL_RELAY_LOG_ERROR, "event=epoll text=\"%s\"", strerror(errno));
  pl_set_deinit(set);
  return false;
}

void pl_set_deinit(pl_set *set) {
  if (set->fd >= 0) close(set->fd);
  set->fd = -1;
}

/* Logs the 1st, 2nd, 4th, 8th … refusal, so that a flood does not fill the log. */
bool pl_set_add(pl_set *set, int fd, void *socket) {
  if (set_watch(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, socket)) return true;
  const char *reason = strerror(errno);
  uint64_t count = ++set->refused;
  if ((count & (count - 1)) == 0)
    pl_log_write(PL_RELAY_LOG_WARN, "event=refused reason=epoll count=%llu text=\"%s\"", (unsigned long long)count,
                 reason);
  return false;
}

/* Takes the loop out of what was reported. Returns true when it was there. */
static bool take_loop(pl_set *set) {
  for (int i = 0; i < set->count; i++) {
    if (set->events[i].data.ptr) continue;
    set->events[i] = set->events[--set->count];
    return true;
  }
  return false;
}

/* Returns true when the loop was among what is reported. */
static bool take_reported(pl_set *set, int timeout_ms) {
  int n = epoll_wait(set->fd, set->events, PL_SET_EVENTS, timeout_ms);
  set->full = n == PL_SET_EVENTS;
  set->count = n < 0 ? 0 : n;
  return take_loop(set);
}

/* libuv names 0 as its timeout when a timer is due, when a handle is to be closed, and when a descriptor was added that
 * its own set does not have yet. */
int pl_set_wait(pl_set *set, bool wait) {
  bool loop = take_reported(set, wait && !set->missed ? uv_backend_timeout(set->loop) : 0) || set->missed;
  set->missed = false;
  uv_update_time(set->loop);
  if (loop || uv_backend_timeout(set->loop) == 0) uv_run(set->loop, UV_RUN_NOWAIT);
  return set->count;
}

int pl_set_more(pl_set *set) {
  if (!set->full) return 0;
  if (take_reported(set, 0)) set->missed = true; /* it may stand behind as many again in the next turn */
  return set->count;
}
