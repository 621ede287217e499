#include <stdio.h>

#include "transport_internal.h"

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
  uv_timer_stop(&t->timer);
  pl_buffer_deinit(&t->first);
  t->attempt_failed = t->closed = t->certificate_bad = t->first_came = false;
  t->state = PL_TRANSPORT_IDLE;
}

void pl_transport_end(pl_transport *t, int error, const char *text) {
  if (text) pl_transport_set_error(t, error, text);
  t->closed = true;
}

void pl_transport_set_timer(pl_transport *t, uint64_t every_ms, uv_timer_cb call) {
  uv_update_time(t->loop);
  (void)uv_timer_start(&t->timer, call, every_ms, every_ms);
}
