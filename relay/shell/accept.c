/* See accept.h. */
#include "accept.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"

enum {
  ACCEPTS_PER_TURN = 16,  /* and one, while others wait for a share of the turn: each that is accepted will, too */
  TABLE_FDS = 128 * 1024, /* most descriptors for which the kernel's table gets its size at once, which takes 1 MiB */
  SHORTAGE_MS = 200       /* for this long nothing is accepted when there is no descriptor left even to refuse with */
};

static int open_spare(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Held by one worker at a time: a descriptor that one of them gives up must not go to another one's accept. */
static pthread_mutex_t accepting = PTHREAD_MUTEX_INITIALIZER;

/* Logs the 1st, 2nd, 4th, 8th … time, so that a flood does not fill the log. */
static void log_shortage(const char *event, uint64_t count) {
  if ((count & (count - 1)) == 0)
    pl_log_write(PL_RELAY_LOG_WARN, "event=%s reason=fd-limit count=%llu", event, (unsigned long long)count);
}

/* Called when no descriptor is left. Uses the spare one to accept and close the next connection, so that the client
 * does not hang. Returns false when the spare one was lost to something else in this process. */
static bool refuse_one(pl_accept *a, int at) {
  if (a->spare_fd >= 0) close(a->spare_fd);
  int fd = accept4(at, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  a->spare_fd = open_spare();
  if (fd >= 0) log_shortage("refused", ++a->refused);
  return a->spare_fd >= 0;
}

typedef enum accepted { ACCEPTED_ONE, ACCEPTED_NONE, ACCEPT_SHORTAGE } accepted;

static accepted accept_one(pl_accept *a, int at) {
  struct sockaddr_storage from = {0};
  socklen_t size = sizeof from;
  accepted result = ACCEPTED_ONE;
  pthread_mutex_lock(&accepting);
  int fd = accept4(at, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && errno == EAGAIN)
    result = ACCEPTED_NONE;
  else if (fd < 0 && (errno == EMFILE || errno == ENFILE))
    result = refuse_one(a, at) ? ACCEPTED_ONE : ACCEPT_SHORTAGE;
  else if (fd < 0 && (errno == ENOBUFS || errno == ENOMEM))
    result = ACCEPT_SHORTAGE;
  pthread_mutex_unlock(&accepting); /* any other error concerns only that connection, which is gone */
  if (fd >= 0 && !a->adopt(a->user, fd, &from)) close(fd);
  return result;
}

static void on_listener_event(uv_poll_t *poll, int status, int events);

static void start_listeners(pl_accept *a) {
  for (size_t i = 0; i < a->count; i++) uv_poll_start(&a->listeners[i].poll, UV_READABLE, on_listener_event);
}

static void on_shortage_over(uv_timer_t *timer) {
  pl_accept *a = timer->data;
  if (a->spare_fd < 0) a->spare_fd = open_spare();
  start_listeners(a);
}

/* A waiting connection can be neither accepted nor refused. The loop would report it again and again, so accepting is
 * paused for a while. */
static void pause_listeners(pl_accept *a) {
  for (size_t i = 0; i < a->count; i++) uv_poll_stop(&a->listeners[i].poll);
  log_shortage("paused", ++a->pauses);
  uv_timer_start(&a->shortage, on_shortage_over, SHORTAGE_MS, 0);
}

static void on_listener_event(uv_poll_t *poll, int status, int events) {
  const pl_accept_listener *l = poll->data;
  accepted last = ACCEPTED_ONE;
  (void)events;
  if (status < 0) return;
  const int most = l->owner->slowly ? 1 : ACCEPTS_PER_TURN;
  for (int i = 0; i < most && last == ACCEPTED_ONE; i++) last = accept_one(l->owner, l->fd);
  if (last == ACCEPT_SHORTAGE) pause_listeners(l->owner);
}

int pl_accept_listen(pl_accept *a, const char *address, pl_server_ports ports, char why[256]) {
  if (a->count == PL_ACCEPT_LISTENERS_MAX) {
    snprintf(why, 256, "the relay listens on at most %d addresses", PL_ACCEPT_LISTENERS_MAX);
    return -EINVAL;
  }
  int fd = pl_listen(address, ports, why);
  if (fd < 0) return fd;
  pl_accept_listener *l = &a->listeners[a->count++];
  *l = (pl_accept_listener){.owner = a, .fd = fd};
  uv_poll_init(a->loop, &l->poll, fd);
  l->poll.data = l;
  uv_poll_start(&l->poll, UV_READABLE, on_listener_event);
  return pl_listen_port(fd);
}

/* ---- creating and freeing ---------------------------------------------------------------------------------------- */

uint64_t pl_accept_fd_limit(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 1024;
}

static void raise_fd_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* Has the kernel make its table of this process's descriptors large enough now. Later, when other threads use the
 * table, each doubling would hold up an accept for 10 to 25 ms: until no thread of the system can still read the old
 * table. If that fails, the table grows later. */
static void grow_fd_table(int fd) {
  uint64_t limit = pl_accept_fd_limit();
  int last = fcntl(fd, F_DUPFD_CLOEXEC, limit < TABLE_FDS ? (int)limit - 1 : TABLE_FDS - 1);
  if (last >= 0) close(last);
}

void pl_accept_init(pl_accept *a) {
  raise_fd_limit();
  a->spare_fd = open_spare();
  grow_fd_table(a->spare_fd);
  uv_timer_init(a->loop, &a->shortage);
  a->shortage.data = a;
}

static void on_listener_closed(uv_handle_t *handle) {
  const pl_accept_listener *l = handle->data;
  close(l->fd);
}

void pl_accept_stop(pl_accept *a) {
  if (a->stopped) return;
  a->stopped = true;
  uv_timer_stop(&a->shortage);
  for (size_t i = 0; i < a->count; i++) uv_close((uv_handle_t *)&a->listeners[i].poll, on_listener_closed);
}

void pl_accept_close(pl_accept *a) {
  pl_accept_stop(a);
  uv_close((uv_handle_t *)&a->shortage, NULL);
}

void pl_accept_deinit(pl_accept *a) {
  if (a->spare_fd >= 0) close(a->spare_fd);
}
