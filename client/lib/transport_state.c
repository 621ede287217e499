#include <stdio.h>

#include <sys/epoll.h>
#include <time.h>

#include "transport_internal.h"
#include "transport_loop.h"

void pl_transport_set_error(pl_transport *t, int error, const char *text) {
  t->error = error;
  snprintf(t->text, sizeof t->text, "%s", text);
}

/* Must not be called from within a callback of libwebsockets. */
static void connection_kill(struct lws **owner) {
  struct lws *wsi = *owner;
  if (!wsi) return;
  *owner = NULL;
  lws_set_opaque_user_data(wsi, NULL); /* so that its last callbacks find no owner */
  lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_SYNC);
}

void pl_transport_drop_attempts(pl_transport *t) {
  for (size_t i = 0; i < t->race.started; i++) connection_kill(&t->attempts[i].wsi);
  pl_race_begin(&t->race, 0);
}

void pl_transport_drop(pl_transport *t) {
  pl_stream_free(t->stream);
  t->stream = NULL;
  pl_transport_drop_attempts(t);
  connection_kill(&t->wsi);
}

void pl_transport_reset(pl_transport *t) {
  pl_resolve_cancel(t->resolve);
  t->resolve = NULL;
  pl_transport_stop_ticks(t);
  pl_buffer_deinit(&t->first);
  t->attempt_failed = t->closed = t->certificate_bad = t->first_came = false;
  t->state = PL_TRANSPORT_IDLE;
}

void pl_transport_end(pl_transport *t, int error, const char *text) {
  if (text) pl_transport_set_error(t, error, text);
  t->closed = true;
}

/* ---- ticks ------------------------------------------------------------------------------------------------------- */

uint64_t pl_transport_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void pl_transport_start_ticks(pl_transport *t, uint64_t every_ms, void (*on_tick)(pl_transport *t)) {
  t->on_tick = on_tick;
  t->tick_every_ms = every_ms;
  t->tick_at_ms = pl_transport_now_ms() + every_ms;
}

void pl_transport_stop_ticks(pl_transport *t) {
  t->tick_at_ms = PL_NEVER;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

int pl_transport_open_loop(pl_transport *t) {
  struct epoll_event event = {.events = EPOLLIN};
  if (t->loop) return 0;
  t->loop = pl_transport_loop_new();
  if (!t->loop) return PL_ENOMEM;
  if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, uv_backend_fd(t->loop), &event) == 0) return 0;
  pl_transport_close_loop(t);
  return PL_ENOMEM;
}

void pl_transport_close_loop(pl_transport *t) {
  if (!t->loop) return;
  (void)epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, uv_backend_fd(t->loop), NULL);
  if (pl_lws_close(&t->lws, t->loop))
    pl_transport_loop_free(t->loop);
  else
    pl_transport_loop_abandon(t->loop);
  t->loop = NULL;
}
