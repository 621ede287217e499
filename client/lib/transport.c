#include "transport.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "low_fds.h"
#include "sigpipe.h"
#include "transport_internal.h"
#include "transport_loop.h"

/* Ticks are counted instead of time, so that time in which the host did not dispatch does not count. */
enum { CLOSE_TICK_MS = 1000, CLOSE_TICKS_MAX = 3 };

/* ---- connecting and closing -------------------------------------------------------------------------------------- */

static void transport_close_tick(pl_transport *t) {
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
    pl_transport_start_ticks(t, CLOSE_TICK_MS, transport_close_tick);
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

/* Makes a stream of the connection. Returns 0, or an error with its text in *why. */
static int transport_make_stream(pl_transport *t, const char **why) {
  const pl_stream_handlers handlers = {on_stream_message, on_stream_produce, on_stream_has_output, on_stream_end, t};
  int fd;
  SSL *ssl;
  *why = "out of descriptors";
  if (!pl_lws_take(t->wsi, &fd, &ssl)) return PL_ESYSTEM;
  pl_transport_drop(t);
  pl_transport_close_loop(t);
  pl_lws_taken(ssl);
  t->stream = pl_stream_new(t->epoll_fd, fd, ssl, &handlers);
  *why = "out of memory";
  return t->stream ? 0 : PL_ENOMEM;
}

/* By now libwebsockets has connected, perhaps through a proxy, checked the certificate and read the answer to the
 * upgrade request. The relay has sent its HELLO and sends nothing more until it is answered, so libwebsockets' buffers
 * are empty. From here on it is not needed: with its loop it would keep ten descriptors and its buffers for as long as
 * the connection lasts. */
static void transport_take_over(pl_transport *t) {
  if (!t->wsi || !t->first_came || t->stream || t->closed) return;
  const char *why;
  int error = transport_make_stream(t, &why);
  if (error) {
    pl_transport_drop(t);
    pl_transport_end(t, error, why);
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
  t->epoll_fd = !ca_file || t->ca_file ? epoll_create1(EPOLL_CLOEXEC) : -1;
  if (t->epoll_fd < 0) {
    free(t->ca_file);
    pl_free(t);
    return PL_ENOMEM;
  }
  pl_lws_init(&t->lws, pl_transport_protocols);
  t->url = *url;
  t->on = *handlers;
  t->use_proxy = use_proxy;
  pl_buffer_init(&t->first, PL_TRANSPORT_FIRST_MAX);
  t->tick_at_ms = PL_NEVER;
  *out = t;
  return 0;
}

static void point_elsewhere(uv_handle_t *handle, void *nowhere) {
  uv_os_fd_t fd;
  if (handle->type == UV_POLL && uv_fileno(handle, &fd) == 0) (void)dup3(*(int *)nowhere, fd, O_CLOEXEC);
}

/* libwebsockets ends a connection with a shutdown, TLS ends with a close_notify, and descriptors are removed from an
 * epoll. All of that acts on what a forked child shares with its parent. So the descriptors are pointed at an
 * unconnected socket, and there are epoll descriptors of its own. */
bool pl_transport_detach(pl_transport *t) {
  if (!t) return true;
  int nowhere = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), epoll = epoll_create1(EPOLL_CLOEXEC);
  bool own = nowhere >= 0 && epoll >= 0 && dup3(epoll, t->epoll_fd, O_CLOEXEC) >= 0;
  if (epoll >= 0) close(epoll);
  if (own) {
    pl_resolve_abandon(t->resolve);
    t->resolve = NULL;
    if (t->stream) pl_stream_detach(t->stream, nowhere);
    if (t->loop) uv_walk(t->loop, point_elsewhere, &nowhere);
  }
  if (nowhere >= 0) close(nowhere);
  return own && (!t->loop || pl_transport_loop_fork(t->loop));
}

void pl_transport_free(pl_transport *t) {
  if (!t) return;
  pl_transport_drop(t);
  pl_resolve_cancel(t->resolve);
  pl_transport_close_loop(t);
  close(t->epoll_fd);
  pl_ca_store_release(t->authorities);
  pl_buffer_deinit(&t->first);
  free(t->ca_file);
  pl_free(t);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

int pl_transport_fd(const pl_transport *t) {
  return t->epoll_fd;
}

int pl_transport_timeout_ms(const pl_transport *t) {
  bool due = t->attempt_failed || t->closed || (t->stream && pl_stream_is_due(t->stream));
  if (due) return 0;
  int of_loop = t->loop ? uv_backend_timeout(t->loop) : -1;
  if (t->tick_at_ms == PL_NEVER) return of_loop;
  uint64_t now = pl_transport_now_ms();
  int tick = t->tick_at_ms > now ? (int)(t->tick_at_ms - now) : 0;
  return of_loop >= 0 && of_loop < tick ? of_loop : tick;
}

static void transport_tick(pl_transport *t) {
  if (t->tick_at_ms == PL_NEVER) return;
  uint64_t now = pl_transport_now_ms();
  if (now < t->tick_at_ms) return;
  t->tick_at_ms = now + t->tick_every_ms;
  t->on_tick(t);
}

static void transport_turn(pl_transport *t) {
  transport_tick(t);
  if (t->loop) {
    (void)uv_run(t->loop, UV_RUN_NOWAIT);
    if (t->state != PL_TRANSPORT_CONNECTING) pl_transport_drop_attempts(t);
    transport_take_over(t);
  }
  if (t->stream) pl_stream_turn(t->stream);
}

static void whole_turn(pl_transport *t) {
  pl_sigpipe signals;
  bool tls = t->url.tls && t->loop; /* a stream writes with MSG_NOSIGNAL */
  if (tls) pl_sigpipe_block(&signals);
  transport_turn(t);
  if (tls) pl_sigpipe_restore(&signals);
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
