/* pairlink-relay: joins the engine, the sockets, the store and the pages on one libuv loop. */
#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyfile.h"
#include "log.h"
#include "options.h"
#include "pages.h"
#include "server.h"
#include "store.h"

enum { EXIT_BROKEN = 1, DRAIN_MS = 3000, DRAIN_DELAY_MS = 2000, FDS_KEPT = 64, PATH_BYTES = 4096 };

typedef struct program {
  uv_loop_t loop;
  uv_timer_t timer, drain;
  uv_signal_t terminate, interrupt;
  uint64_t timer_at, end_at;
  pl_server *server;
  pl_relay *relay;
  pl_store *store;
  bool ending;
} program;

static void die(const char *text, const char *hint) {
  fprintf(stderr, "pairlink-relay: %s%s%s\n", text, hint ? "\n  " : "", hint ? hint : "");
  exit(EXIT_BROKEN);
}

/* ---- engine and sockets ------------------------------------------------------------------------------------------ */

static void *app_opened(void *app, pl_socket *socket, const uint8_t address[16]) {
  program *p = app;
  uint8_t challenge[32];
  randombytes_buf(challenge, sizeof challenge);
  return pl_relay_open(p->relay, address, challenge, socket, uv_now(&p->loop));
}

static void app_received(void *app, void *conn, uint8_t *data, size_t size) {
  program *p = app;
  pl_relay_receive(conn, data, size, uv_now(&p->loop));
}

static void app_closed(void *app, void *conn) {
  program *p = app;
  pl_relay_closed(conn, uv_now(&p->loop));
}

static bool app_output(void *app, void *conn, pl_view *out) {
  (void)app;
  return pl_conn_output(conn, out);
}

static void app_sent(void *app, void *conn, size_t n) {
  program *p = app;
  pl_conn_sent(conn, n, uv_now(&p->loop));
}

static pl_conn_wish app_wish(void *app, void *conn) {
  (void)app;
  return pl_conn_get_wish(conn);
}

static void on_timer(uv_timer_t *timer);

/* The end of each turn: everything that changed is written, then the next deadline is set. */
static void app_turn(void *app) {
  program *p = app;
  pl_conn *conn;
  while ((conn = pl_relay_next_dirty(p->relay))) pl_server_flush(p->server, pl_conn_shell(conn));
  uint64_t deadline = pl_relay_deadline(p->relay);
  if (deadline >= p->timer_at) return; /* an early timer finds nothing to do and sets itself again */
  p->timer_at = deadline;
  uint64_t now_ms = uv_now(&p->loop);
  uv_timer_start(&p->timer, on_timer, deadline > now_ms ? deadline - now_ms : 0, 0);
}

static void on_timer(uv_timer_t *timer) {
  program *p = timer->data;
  p->timer_at = PL_RELAY_NEVER;
  pl_relay_time(p->relay, uv_now(&p->loop));
  app_turn(p);
}

static const pl_server_app relay_app = {app_opened, app_received, app_closed, app_output, app_sent, app_wish, app_turn};

/* ---- hooks of the engine --------------------------------------------------------------------------------------------
 */

static void hook_lookup(void *user, pl_conn *conn, const uint8_t id[32], bool may_create) {
  program *p = user;
  pl_store_lookup(p->store, conn, id, may_create);
}

static void on_stored(void *user, pl_conn *conn, pl_registration result) {
  program *p = user;
  pl_relay_registered(conn, result, uv_now(&p->loop));
}

static void hook_flush(void *user, pl_conn *conn) {
  program *p = user;
  pl_server_write(p->server, pl_conn_shell(conn));
}

static void hook_log(void *user, pl_relay_log_level level, const pl_conn *conn, const char *event, const char *detail) {
  (void)user;
  pl_log(level, "event=%s conn=%llu%s%s", event, (unsigned long long)pl_conn_number(conn), detail ? " detail=" : "",
         detail ? detail : "");
}

/* ---- start
 * ------------------------------------------------------------------------------------------------------------- */

static void make_folder(const char *data) {
  char text[PATH_BYTES + 256];
  if (mkdir(data, 0700) != 0 && errno != EEXIST) {
    snprintf(text, sizeof text, "the data folder %s cannot be made: %s", data, strerror(errno));
    die(text, "name another with --data");
  }
  if (access(data, R_OK | W_OK | X_OK) != 0) {
    snprintf(text, sizeof text, "the data folder %s cannot be used: %s", data, strerror(errno));
    die(text, "change its owner, or name another with --data");
  }
}

static void path_in(char out[PATH_BYTES], const char *data, const char *name) {
  if ((size_t)snprintf(out, PATH_BYTES, "%s/%s", data, name) >= PATH_BYTES)
    die("the name of the data folder is too long", NULL);
}

static void check_readable(const char *path) {
  char text[PATH_BYTES + 256];
  if (!path || access(path, R_OK) == 0) return;
  snprintf(text, sizeof text, "%s cannot be read: %s", path, strerror(errno));
  die(text, "give --tls-cert and --tls-key the PEM files of a certificate");
}

static void limit_sockets(pl_options *o) {
  uint64_t fds = pl_server_fd_limit();
  uint64_t room = fds > 2 * FDS_KEPT ? fds - FDS_KEPT - PL_OPTION_LIST_MAX : fds / 2;
  if (o->settings[PL_SET_SOCKETS_MAX] > room) o->settings[PL_SET_SOCKETS_MAX] = (uint32_t)room;
  pl_log(PL_LOG_INFO, "event=limits files=%llu sockets=%u", (unsigned long long)fds, o->settings[PL_SET_SOCKETS_MAX]);
}

static void start_relay(program *p, const pl_options *o) {
  char path[PATH_BYTES], why[512];
  pl_relay_config config = {
      .admission = o->admission,
      .origins = o->origins,
      .public_urls = o->public_urls,
      .trusted = o->trusted,
      .trusted_count = o->trusted_count,
      .hooks = {hook_lookup, pl_pages_get, hook_flush, hook_log},
      .user = p,
  };
  memcpy(config.settings, o->settings, sizeof config.settings);
  randombytes_buf(config.hash_seed, sizeof config.hash_seed);
  path_in(path, o->data, "relay.key");
  if (!pl_keyfile_load(path, &config.identity, why)) die(why, NULL);
  path_in(path, o->data, "relay.db");
  p->store = pl_store_open(path, &p->loop, on_stored, p, why);
  if (!p->store) die(why, NULL);
  pl_store_on_batch(p->store, app_turn);
  p->relay = pl_relay_new(&config);
  pl_identity_deinit(&config.identity);
  if (!p->relay) die("out of memory", NULL);
}

static void start_server(program *p, const pl_options *o) {
  pl_server_config config = {
      .loop = &p->loop, .tls_cert = o->tls_cert, .tls_key = o->tls_key, .app = relay_app, .app_data = p};
  p->server = pl_server_new(&config);
  if (p->server) return;
  die(o->tls_cert ? "the certificate or its key cannot be used, see above" : "the event loop does not start, see above",
      o->tls_cert ? "both must be PEM files that belong together" : NULL);
}

/* "HOST:PORT" with the port that the system chose. */
static void listen_all(program *p, const pl_options *o, const char *id) {
  int ports[PL_OPTION_LIST_MAX];
  for (size_t i = 0; i < o->listen_count; i++) {
    char why[256], text[768];
    ports[i] = pl_server_listen(p->server, o->listen[i], why);
    if (ports[i] >= 0) continue;
    snprintf(text, sizeof text, "cannot listen on %.300s: %s", o->listen[i], why);
    die(text,
        ports[i] == -EADDRINUSE ? "another program has this port; end it, or choose another with --listen" : NULL);
  }
  for (size_t i = 0; i < o->listen_count; i++)
    printf("pairlink-relay ready %s://%.*s:%d relay-id=%s data=%s\n", o->tls_cert ? "https" : "http",
           (int)(strrchr(o->listen[i], ':') - o->listen[i]), o->listen[i], ports[i], id, o->data);
  fflush(stdout);
}

/* ---- end
 * ------------------------------------------------------------------------------------------------------------------ */

/* Ends as soon as nobody is left, and at the latest after DRAIN_MS. */
static void on_drain_timer(uv_timer_t *timer) {
  program *p = timer->data;
  if (pl_relay_get_stats(p->relay).sockets == 0 || uv_now(&p->loop) >= p->end_at) uv_stop(&p->loop);
}

static void on_signal(uv_signal_t *handle, int number) {
  program *p = handle->data;
  if (p->ending) {
    uv_stop(&p->loop);
    return;
  }
  p->ending = true;
  pl_log(PL_LOG_INFO, "event=ending signal=%d", number);
  pl_server_stop_listening(p->server);
  pl_relay_drain(p->relay, DRAIN_DELAY_MS, uv_now(&p->loop));
  app_turn(p);
  p->end_at = uv_now(&p->loop) + DRAIN_MS;
  uv_timer_start(&p->drain, on_drain_timer, 0, 20);
}

static void init_loop(program *p) {
  uv_loop_init(&p->loop);
  uv_timer_init(&p->loop, &p->timer);
  uv_timer_init(&p->loop, &p->drain);
  uv_signal_init(&p->loop, &p->terminate);
  uv_signal_init(&p->loop, &p->interrupt);
  p->timer.data = p->drain.data = p->terminate.data = p->interrupt.data = p;
  p->timer_at = PL_RELAY_NEVER;
}

static void finish(program *p) {
  uv_handle_t *handles[] = {(uv_handle_t *)&p->timer, (uv_handle_t *)&p->drain, (uv_handle_t *)&p->terminate,
                            (uv_handle_t *)&p->interrupt};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(handles); i++) uv_close(handles[i], NULL);
  pl_store_close(p->store);
  pl_server_free(p->server);
  pl_relay_free(p->relay);
  uv_run(&p->loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&p->loop) != 0) pl_log(PL_LOG_DEBUG, "event=loop-not-empty");
}

/* Buffers come and go with every turn: their pages stay, instead of being given back and zeroed again by the kernel. */
static void keep_memory(void) {
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

int main(int argc, char **argv) {
  static program p;
  static pl_options options;
  char id[PL_ID_CHARS + 1];
  keep_memory();
  pl_options_parse(&options, argc, argv);
  if (sodium_init() < 0) die("libsodium does not start", NULL);
  check_readable(options.tls_cert);
  check_readable(options.tls_key);
  make_folder(options.data);
  init_loop(&p);
  start_server(&p, &options);
  limit_sockets(&options);
  start_relay(&p, &options);
  pl_pages_init();
  pl_id_format(id, pl_relay_id(p.relay));
  uv_signal_start(&p.terminate, on_signal, SIGTERM);
  uv_signal_start(&p.interrupt, on_signal, SIGINT);
  listen_all(&p, &options, id);
  uv_run(&p.loop, UV_RUN_DEFAULT);
  finish(&p);
  return 0;
}
