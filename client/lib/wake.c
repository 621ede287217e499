#include "wake.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int wake_watch(pairlink *p, int fd) {
  struct epoll_event event = {.events = EPOLLIN};
  if (fd < 0 || epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    pl_client_log(p, PAIRLINK_LOG_ERROR, "cannot watch a descriptor: %s", strerror(errno));
    return PL_ESYSTEM;
  }
  return 0;
}

int pl_client_wake_open(pairlink *p) {
  p->epoll_fd = pl_transport_fd(p->transport);
  p->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  p->wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int error = wake_watch(p, p->timer_fd);
  return error ? error : wake_watch(p, p->wakeup_fd);
}

void pl_client_wake_close(pairlink *p) {
  if (p->timer_fd >= 0) close(p->timer_fd);
  if (p->wakeup_fd >= 0) close(p->wakeup_fd);
}

/* One eventfd has two reasons to be readable: dispatch is due now, and pairlink_wakeup was called. The number in it
 * counts both. */
enum { NOW = 1 };
static const uint64_t WAKEUP = (uint64_t)1 << 32;

/* A host polls only pairlink_fd, so that must wake it also for what was queued outside of dispatch. (A timer that is
 * due at once would do as well but costs as much as a record, because the kernel sets the clock's next interrupt.) */
void pl_client_wake_now(pairlink *p) {
  if (p->dispatching || p->now_set) return;
  p->now_set = eventfd_write(p->wakeup_fd, NOW) == 0;
}

/* A timer that is too early costs one dispatch; setting it again each time would cost a system call each time. */
void pl_client_wake_at(pairlink *p, uint64_t at_ms) {
  struct itimerspec spec;
  if (at_ms >= p->timer_ms) return;
  memset(&spec, 0, sizeof spec);
  spec.it_value.tv_sec = (time_t)(at_ms / 1000);
  spec.it_value.tv_nsec = at_ms ? (long)(at_ms % 1000) * 1000000 : 1; /* 0 would switch the timer off */
  (void)timerfd_settime(p->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
  p->timer_ms = at_ms;
}

bool pl_client_wake_clear(pairlink *p) {
  uint64_t count = 0, fired;
  if (p->timer_ms <= pl_now_ms() && read(p->timer_fd, &fired, sizeof fired) > 0) p->timer_ms = PL_NEVER; /* it fired */
  if (!atomic_load(&p->wakeup_called) && !p->now_set) return false;
  if (read(p->wakeup_fd, &count, sizeof count) <= 0) count = 0;
  p->now_set = false;
  if (count < WAKEUP) return false; /* if it was called, the other thread is about to write */
  (void)atomic_exchange(&p->wakeup_called, false);
  return true;
}

int pairlink_fd(const pairlink *p) {
  return p->epoll_fd;
}

void pairlink_wakeup(pairlink *p) {
  int saved = errno;
  if (pl_client_is_inherited(p)) return;
  /* The flag falls only after its one write was read, so nothing that was written stays unread. */
  if (!atomic_exchange(&p->wakeup_called, true)) {
    ssize_t n = write(p->wakeup_fd, &WAKEUP, sizeof WAKEUP);
    (void)n; /* the counter is far from full */
  }
  errno = saved;
}
