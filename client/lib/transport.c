#include "transport.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "low_fds.h"
#include "transport_internal.h"
#include "transport_loop.h"

/* Ticks are counted instead of time, so that time in which the host did not dispatch does not count. */
enum { CLOSE_TICK_MS = 1000, CLOSE_TICKS_MAX = 3 };

/* ---- connecting and closing -------------------------------------------------------------------------------------- */

static void transport_close_tick(uv_timer_t *timer) {
  pl_transport *t = PL_CONTAINER(timer, pl_transport, timer);
  if (++t->close_ticks < CLOSE_TICKS_MAX) return;
  pl_transport_drop(t);
  pl_transport_end(t, PL_ECLOSED, "closed");
}

void pl_transport_connect(pl_transport *t, const pl_url *url) {
  pl_low_fds_hold();
  pl_transport_start(t, url);
  pl_low_fds_release();
}

void pl_transport_disconnect(pl_transport *t) {
  if (t->state == PL_TRANSPORT_OPEN) {
    t->state = PL_TRANSPORT_CLOSING;
    t->close_ticks = 0;
    pl_transport_set_timer(t, CLOSE_TICK_MS, transport_close_tick);
    if (t->stream)
      pl_stream_close(t->stream);
    else
      lws_callback_on_writable(t->wsi);
  } else if (t->state == PL_TRANSPORT_RESOLVING || t->state == PL_TRANSPORT_CONNECTING) {
    pl_transport_drop(t);
    pl_transport_reset(t);
    pl_transport_end(t, PL_ECLOSED, "closed");
  }
}

void pl_transport_want_write(pl_transport *t) {
  if (t->stream) pl_stream_want_write(t->stream);
}

bool pl_transport_is_idle(const pl_transport *t) {
  return t->state == PL_TRANSPORT_IDLE && !t->closed;
}

/* ---- after the first message ------------------------------------------------------------------------------------- */

static void on_stream_message(void *user, const uint8_t *data, size_t size) {
  const pl_transport *t = user;
  t->on.on_message(t->on.user, data, size);
}

static size_t on_stream_produce(void *user, uint8_t *out, size_t capacity) {
  const pl_transport *t = user;
  return t->on.produce(t->on.user, out, capacity);
}

static bool on_stream_has_output(void *user) {
  const pl_transport *t = user;
  return t->on.has_output(t->on.user);
}

static void on_stream_end(void *user, int error, const char *text) {
  pl_transport *t = user;
  pl_transport_drop(t);
  pl_transport_end(t, error, text);
}

static void on_stream_alive(void *user) {
  const pl_transport *t = user;
  lws_validity_confirmed(t->wsi);
}

/* By now libwebsockets has connected, perhaps through a proxy, checked the certificate and read the answer to the
 * upgrade request. The relay has sent its HELLO and sends nothing more until it is answered, so libwebsockets' buffers
 * are empty. From here on libwebsockets no longer reads; it only keeps the socket and its TLS until they are closed. */
static void transport_take_over(pl_transport *t) {
  const pl_stream_handlers handlers = {on_stream_message, on_stream_produce, on_stream_has_output,
                                       on_stream_end,     on_stream_alive,   t};
  if (!t->wsi || !t->first_came || t->stream || t->closed) return;
  lws_rx_flow_control(t->wsi, 0);
  t->stream = pl_stream_new(t->loop, lws_get_socket_fd(t->wsi), lws_get_ssl(t->wsi), &handlers);
  if (!t->stream) {
    pl_transport_drop(t);
    pl_transport_end(t, PL_ENOMEM, "out of memory");
    return;
  }
  if (t->state == PL_TRANSPORT_CLOSING) pl_stream_close(t->stream);
  pl_buffer first = t->first; /* moved out first, because handling the message may start another connection */
  pl_buffer_init(&t->first, PL_TRANSPORT_FIRST_MAX);
  t->on.on_message(t->on.user, pl_buffer_data(&first), first.size);
  pl_buffer_deinit(&first);
}

/* ---- creating and freeing ---------------------------------------------------------------------------------------- */

int pl_transport_new(const pl_url *url, const char *ca_file, bool use_proxy, const pl_transport_handlers *handlers,
                     pl_transport **out) {
  *out = NULL;
  pl_transport *t = pl_alloc(sizeof *t);
  if (!t) return PL_ENOMEM;
  if (ca_file) t->ca_file = strdup(ca_file);
  if (!ca_file || t->ca_file) t->loop = pl_transport_loop_new();
  if (!t->loop) {
    free(t->ca_file);
    pl_free(t);
    return PL_ENOMEM;
  }
  pl_lws_init(&t->lws, pl_transport_protocols);
  t->url = *url;
  t->on = *handlers;
  t->use_proxy = use_proxy;
  pl_buffer_init(&t->first, PL_TRANSPORT_FIRST_MAX);
  (void)uv_timer_init(t->loop, &t->timer);
  *out = t;
  return 0;
}

static void point_elsewhere(uv_handle_t *handle, void *nowhere) {
  uv_os_fd_t fd;
  if (handle->type == UV_POLL && uv_fileno(handle, &fd) == 0) (void)dup3(*(int *)nowhere, fd, O_CLOEXEC);
}

/* libwebsockets ends a connection with a shutdown, TLS ends with a close_notify, and libuv removes each descriptor from
 * an epoll. All of that acts on what a forked child shares with its parent. So the descriptors are pointed at an
 * unconnected socket, and the loop gets an epoll descriptor of its own. */
bool pl_transport_detach(pl_transport *t) {
  if (!t) return true;
  int nowhere = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (nowhere < 0) return false;
  pl_resolve_abandon(t->resolve);
  t->resolve = NULL;
  uv_walk(t->loop, point_elsewhere, &nowhere);
  close(nowhere);
  return pl_transport_loop_fork(t->loop);
}

void pl_transport_free(pl_transport *t) {
  if (!t) return;
  pl_transport_drop(t);
  pl_resolve_cancel(t->resolve);
  uv_close((uv_handle_t *)&t->timer, NULL);
  if (pl_lws_close(&t->lws, t->loop))
    pl_transport_loop_free(t->loop);
  else
    pl_transport_loop_abandon(t->loop);
  pl_buffer_deinit(&t->first);
  free(t->ca_file);
  pl_free(t);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

int pl_transport_fd(const pl_transport *t) {
  return uv_backend_fd(t->loop);
}

int pl_transport_timeout_ms(const pl_transport *t) {
  bool due = t->attempt_failed || t->closed || (t->stream && pl_stream_is_due(t->stream));
  return due ? 0 : uv_backend_timeout(t->loop);
}

static void transport_turn(pl_transport *t) {
  (void)uv_run(t->loop, UV_RUN_NOWAIT);
  if (t->state != PL_TRANSPORT_CONNECTING) pl_transport_drop_attempts(t);
  transport_take_over(t);
  if (t->stream) pl_stream_turn(t->stream);
}

/* OpenSSL writes without MSG_NOSIGNAL, so SIGPIPE is blocked for this thread, and one that we caused is discarded. */
static void turn_without_sigpipe(pl_transport *t) {
  sigset_t pipe, old, pending;
  const struct timespec now = {0, 0};
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  bool before = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &pipe, &old);
  transport_turn(t);
  if (!before) (void)sigtimedwait(&pipe, NULL, &now);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void whole_turn(pl_transport *t) {
  if (t->url.tls)
    turn_without_sigpipe(t);
  else
    transport_turn(t);
  bool failed =
      t->attempt_failed && t->state == PL_TRANSPORT_CONNECTING; /* otherwise another attempt has won in this turn */
  t->attempt_failed = false;
  if (failed) pl_transport_start_next(t);
  if (t->closed) {
    int error = t->error;
    char text[PL_TRANSPORT_TEXT_MAX];
    memcpy(text, t->text, sizeof text);
    pl_transport_reset(t);
    t->on.on_closed(t->on.user, error, text);
  }
}

/* Sockets are opened only while there is no connection. */
void pl_transport_turn(pl_transport *t) {
  bool opens = t->state == PL_TRANSPORT_RESOLVING || t->state == PL_TRANSPORT_CONNECTING;
  if (opens) pl_low_fds_hold();
  whole_turn(t);
  if (opens) pl_low_fds_release();
}
