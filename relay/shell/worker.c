/* See worker.h. Connects the relay core, the sockets, the store, the bus and the pages on one libuv loop. */
#include "worker.h"

#include <assert.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "pages.h"

enum { DRAIN_DELAY_MS = 2000 };

/* ---- core and sockets -------------------------------------------------------------------------------------------- */

/* Draws many challenges from the system at a time, and gives out each once. */
static void draw_challenge(pl_worker *w, uint8_t out[32]) {
  if (w->challenges_left == 0) {
    randombytes_buf(w->challenges, sizeof w->challenges);
    w->challenges_left = PL_WORKER_CHALLENGES;
  }
  uint8_t *next = w->challenges[--w->challenges_left];
  memcpy(out, next, 32);
  sodium_memzero(next, 32);
}

static void *app_opened(void *app, pl_socket *socket, const uint8_t address[16]) {
  pl_worker *w = app;
  uint8_t challenge[32];
  draw_challenge(w, challenge);
  return pl_relay_open(w->relay, address, challenge, socket, uv_now(&w->loop));
}

static bool app_received(void *app, void *conn, uint8_t *data, size_t size) {
  pl_worker *w = app;
  return pl_relay_receive(conn, data, size, uv_now(&w->loop));
}

static void app_closed(void *app, void *conn) {
  pl_worker *w = app;
  pl_relay_closed(conn, uv_now(&w->loop));
}

static bool app_output(void *app, void *conn, pl_view *out) {
  (void)app;
  return pl_relay_conn_output(conn, out);
}

static void app_sent(void *app, void *conn, size_t n) {
  pl_worker *w = app;
  pl_relay_conn_sent(conn, n, uv_now(&w->loop));
}

static pl_relay_conn_wish app_wish(void *app, void *conn) {
  (void)app;
  return pl_relay_conn_get_wish(conn);
}

/* What other workers do not accept stays in the core; the bus calls back when there is room. */
static void flush_bus(pl_worker *w) {
  pl_view batch;
  for (unsigned to = 0; pl_relay_next_bus_batch(w->relay, &to, &batch);)
    if (pl_bus_send(w->bus, w->number, to, batch))
      pl_relay_bus_sent(w->relay, to, batch.size, uv_now(&w->loop));
    else
      to++;
}

static void on_timer(uv_timer_t *timer);

void pl_worker_turn(void *user) {
  pl_worker *w = user;
  pl_relay_conn *conn;
  if (w->bus) flush_bus(w);
  while ((conn = pl_relay_next_dirty(w->relay))) pl_server_flush(w->server, pl_relay_conn_shell(conn));
  assert(pl_relay_bounds_hold(w->relay)); /* checked after every turn in debug builds */
  uint64_t deadline = pl_relay_deadline(w->relay);
  if (deadline >= w->timer_at) return; /* an early timer finds nothing to do and sets itself again */
  w->timer_at = deadline;
  uint64_t now_ms = uv_now(&w->loop);
  /* Not at once: libuv would run it again before it looks at any socket. */
  uv_timer_start(&w->timer, on_timer, deadline > now_ms ? deadline - now_ms : 1, 0);
}

static void on_timer(uv_timer_t *timer) {
  pl_worker *w = timer->data;
  w->timer_at = PL_NEVER;
  pl_relay_time(w->relay, uv_now(&w->loop));
  pl_worker_turn(w);
}

static void on_bus(void *user, unsigned from, uint8_t *data, size_t size) {
  pl_worker *w = user;
  pl_relay_bus_receive(w->relay, from, data, size, uv_now(&w->loop));
}

/* ---- hooks of the core ------------------------------------------------------------------------------------------- */

static void hook_lookup(void *user, pl_relay_conn *conn, const uint8_t id[32]) {
  pl_worker *w = user;
  pl_store_lookup(w->store, conn, id);
}

static void hook_register(void *user, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim) {
  pl_worker *w = user;
  pl_store_register(w->store, conn, id, claim);
}

void pl_worker_stored(void *user, pl_relay_conn *conn, pl_relay_registration result) {
  pl_worker *w = user;
  pl_relay_registered(conn, result, uv_now(&w->loop));
}

static int hook_page(void *user, const pl_relay_http_request *request, pl_relay_page *page) {
  const pl_worker *w = user;
  if (pl_view_equals(request->path, "/healthz")) return pl_pages_health(request, page, pl_store_works(w->store));
  return pl_pages_get(request, page);
}

static void hook_linked(void *user, const uint8_t id[32]) {
  pl_worker *w = user;
  pl_store_linked(w->store, id);
}

static void hook_flush(void *user, pl_relay_conn *conn) {
  pl_worker *w = user;
  if (pl_relay_conn_shell(conn))
    pl_server_write(w->server, pl_relay_conn_shell(conn));
  else
    flush_bus(w);
}

static size_t hook_send(void *user, pl_relay_conn *conn, pl_view bytes) {
  pl_worker *w = user;
  return pl_server_send(w->server, pl_relay_conn_shell(conn), bytes);
}

static void hook_log(void *user, pl_relay_log_level level, const pl_relay_conn *conn, const char *event,
                     const char *detail) {
  const pl_worker *w = user;
  char worker[24] = "";
  if (w->workers > 1) snprintf(worker, sizeof worker, " worker=%u", w->number);
  pl_log_write(level, "event=%s%s conn=%llu%s%s", event, worker, (unsigned long long)pl_relay_conn_number(conn),
               detail ? " detail=" : "", detail ? detail : "");
}

void pl_worker_hooks(pl_worker *worker, pl_relay_config *config) {
  config->hooks = (pl_relay_hooks){.lookup = hook_lookup,
                                   .register_id = hook_register,
                                   .page = hook_page,
                                   .flush = hook_flush,
                                   .send = hook_send,
                                   .log = hook_log,
                                   .linked = hook_linked};
  config->user = worker;
}

/* ---- creating, starting and ending ------------------------------------------------------------------------------- */

static void on_order(uv_async_t *order) {
  pl_worker *w = order->data;
  if (w->drain && !w->draining) {
    w->draining = true;
    pl_server_stop_listening(w->server);
    pl_relay_drain(w->relay, DRAIN_DELAY_MS, uv_now(&w->loop));
    pl_worker_turn(w);
  }
  if (w->stop) pl_server_stop(w->server);
}

void pl_worker_order(pl_worker *worker, bool drain, bool stop) {
  if (drain) worker->drain = true;
  if (stop) worker->stop = true;
  uv_async_send(&worker->order);
}

void pl_worker_init(pl_worker *w, unsigned number, unsigned workers) {
  w->number = number;
  w->workers = workers;
  w->timer_at = PL_NEVER;
  uv_loop_init(&w->loop);
  uv_timer_init(&w->loop, &w->timer);
  uv_async_init(&w->loop, &w->order, on_order);
  w->timer.data = w->order.data = w;
}

bool pl_worker_serve(pl_worker *w, const pl_options *o) {
  pl_server_config config = {
      .loop = &w->loop,
      .tls_cert = o->tls_cert,
      .tls_key = o->tls_key,
      .ports = w->workers < 2   ? PL_PORTS_OWN
               : w->number == 0 ? PL_PORTS_FIRST
                                : PL_PORTS_JOIN,
      .app = {app_opened, app_received, app_closed, app_output, app_sent, app_wish, pl_worker_turn},
      .app_data = w,
  };
  w->server = pl_server_new(&config);
  return w->server != NULL;
}

void pl_worker_join_bus(pl_worker *w, pl_bus *bus) {
  const pl_bus_user user = {on_bus, pl_worker_turn, w};
  w->bus = bus;
  pl_bus_join(bus, w->number, &w->loop, &user);
}

static void *thread_main(void *arg) {
  pl_worker *w = arg;
  pl_server_run(w->server);
  return NULL;
}

/* Blocks all signals in the thread, because the first worker handles them. */
bool pl_worker_start(pl_worker *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  w->started = pthread_create(&w->thread, NULL, thread_main, w) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return w->started;
}

void pl_worker_end(pl_worker *w) {
  if (w->bus) pl_bus_leave(w->bus, w->number);
  uv_close((uv_handle_t *)&w->timer, NULL);
  uv_close((uv_handle_t *)&w->order, NULL);
  pl_server_free(w->server);
  pl_relay_free(w->relay);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&w->loop) != 0) pl_log_write(PL_RELAY_LOG_DEBUG, "event=loop-not-empty worker=%u", w->number);
}
