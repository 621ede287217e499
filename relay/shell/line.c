/* See line.h. */
#include "line.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static void on_ready(uv_poll_t *poll, int status, int events) {
  pl_line *line = poll->data;
  (void)events;
  line->ready = status == 0;
}

bool pl_line_init(pl_line *line, uv_loop_t *loop, unsigned most) {
  pl_turns_init(&line->turns, most);
  line->fd = epoll_create1(EPOLL_CLOEXEC);
  int error = line->fd < 0 ? -errno : uv_poll_init(loop, &line->poll, line->fd);
  if (error) {
    pl_log_write(PL_RELAY_LOG_ERROR, "event=epoll text=\"%s\"", strerror(-error));
    if (line->fd >= 0) close(line->fd);
    return false;
  }
  line->poll.data = line;
  uv_poll_start(&line->poll, UV_READABLE, on_ready);
  return true;
}

static void on_closed(uv_handle_t *handle) {
  const pl_line *line = handle->data;
  close(line->fd);
}

void pl_line_deinit(pl_line *line) {
  uv_close((uv_handle_t *)&line->poll, on_closed);
}

static int line_control(const pl_line *line, int operation, int fd, int events, void *socket) {
  struct epoll_event e = {.data.ptr = socket};
  e.events = (events & UV_READABLE ? EPOLLIN : 0u) | (events & UV_WRITABLE ? EPOLLOUT : 0u);
  return epoll_ctl(line->fd, operation, fd, &e);
}

bool pl_line_add(pl_line *line, int fd, int events, void *socket) {
  return line_control(line, EPOLL_CTL_ADD, fd, events, socket) == 0;
}

void pl_line_change(pl_line *line, int fd, int events, void *socket) {
  line_control(line, EPOLL_CTL_MOD, fd, events, socket);
}

void pl_line_remove(pl_line *line, int fd) {
  line_control(line, EPOLL_CTL_DEL, fd, 0, NULL);
}

/* After a hangup a socket counts as readable and writable, as in libuv: what is watched of that is served. */
static void serve_one(const struct epoll_event *e, pl_line_serve serve, bool few) {
  int events =
      (e->events & (EPOLLIN | EPOLLHUP) ? UV_READABLE : 0) | (e->events & (EPOLLOUT | EPOLLHUP) ? UV_WRITABLE : 0);
  serve(e->data.ptr, e->events & EPOLLERR, events, few);
}

unsigned pl_line_next(pl_line *line, unsigned wanted, pl_line_serve serve) {
  struct epoll_event events[PL_TURNS_MOST];
  if (!line->ready || wanted == 0) return 0;
  int n = epoll_wait(line->fd, events, (int)wanted, 0);
  if (n < (int)wanted) line->ready = false; /* nobody else waits */
  for (int i = 0; i < n; i++) serve_one(&events[i], serve, n <= PL_TURNS_FEW);
  return n < 0 ? 0 : (unsigned)n;
}
