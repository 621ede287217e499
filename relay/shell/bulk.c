/* See bulk.h. */
#include "bulk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static void on_ready(uv_poll_t *poll, int status, int events) {
  pl_bulk *bulk = poll->data;
  (void)events;
  bulk->ready = status == 0;
}

bool pl_bulk_init(pl_bulk *bulk, uv_loop_t *loop) {
  pl_turns_init(&bulk->turns);
  bulk->fd = epoll_create1(EPOLL_CLOEXEC);
  int error = bulk->fd < 0 ? -errno : uv_poll_init(loop, &bulk->poll, bulk->fd);
  if (error) {
    pl_log_write(PL_RELAY_LOG_ERROR, "event=epoll text=\"%s\"", strerror(-error));
    if (bulk->fd >= 0) close(bulk->fd);
    return false;
  }
  bulk->poll.data = bulk;
  uv_poll_start(&bulk->poll, UV_READABLE, on_ready);
  return true;
}

static void on_closed(uv_handle_t *handle) {
  const pl_bulk *bulk = handle->data;
  close(bulk->fd);
}

void pl_bulk_deinit(pl_bulk *bulk) {
  uv_close((uv_handle_t *)&bulk->poll, on_closed);
}

static int bulk_control(const pl_bulk *bulk, int operation, int fd, int events, void *socket) {
  struct epoll_event e = {.data.ptr = socket};
  e.events = (events & UV_READABLE ? EPOLLIN : 0u) | (events & UV_WRITABLE ? EPOLLOUT : 0u);
  return epoll_ctl(bulk->fd, operation, fd, &e);
}

bool pl_bulk_add(pl_bulk *bulk, int fd, int events, void *socket) {
  if (bulk_control(bulk, EPOLL_CTL_ADD, fd, events, socket) != 0) return false;
  bulk->count++;
  return true;
}

void pl_bulk_change(pl_bulk *bulk, int fd, int events, void *socket) {
  bulk_control(bulk, EPOLL_CTL_MOD, fd, events, socket);
}

void pl_bulk_remove(pl_bulk *bulk, int fd) {
  bulk_control(bulk, EPOLL_CTL_DEL, fd, 0, NULL);
  bulk->count--;
}

/* After a hangup a socket counts as readable and writable, as in libuv: what is watched of that is served. */
static void serve_one(const struct epoll_event *e, pl_bulk_serve serve, bool few) {
  int events =
      (e->events & (EPOLLIN | EPOLLHUP) ? UV_READABLE : 0) | (e->events & (EPOLLOUT | EPOLLHUP) ? UV_WRITABLE : 0);
  serve(e->data.ptr, e->events & EPOLLERR, events, few);
}

bool pl_bulk_turn(pl_bulk *bulk, pl_bulk_serve serve) {
  struct epoll_event events[PL_TURNS_MOST];
  uint64_t started_ns = bulk->started_ns;
  bulk->started_ns = 0;
  if (!bulk->ready) return false;
  bulk->ready = false;
  uint64_t before = uv_hrtime();
  pl_turns_start(&bulk->turns, started_ns ? before - started_ns : 0);
  for (unsigned wanted; (wanted = pl_turns_next(&bulk->turns)) > 0;) {
    int n = epoll_wait(bulk->fd, events, (int)wanted, 0);
    if (n <= 0) break;
    for (int i = 0; i < n; i++) serve_one(&events[i], serve, n <= PL_TURNS_FEW);
    if (n < (int)wanted) break; /* nobody else is ready */
    uint64_t now = uv_hrtime();
    pl_turns_spent(&bulk->turns, (unsigned)n, now - before);
    before = now;
  }
  return true;
}
