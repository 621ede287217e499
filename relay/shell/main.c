/* pairlink-relay: starts and ends the workers and what they share. */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "keyfile.h"
#include "log.h"
#include "options.h"
#include "pages.h"
#include "shell.h"
#include "tokens.h"
#include "worker.h"

enum {
  DRAIN_MS = 3000, /* clients have this long to leave at the end */
  FDS_KEPT = 64    /* descriptors that are not for connections */
};

typedef struct program {
  uv_timer_t drain;
  uv_signal_t terminate, interrupt;
  uint64_t end_at;
  const pl_identity *identity;
  pl_relay_shared *shared;
  pl_store *store;
  pl_bus *bus;
  bool ending;
  unsigned workers;
  pl_worker worker[PL_RELAY_WORKERS_MAX]; /* the first runs on this thread */
} program;

static void main_die(const char *text, const char *hint) {
  fprintf(stderr, "pairlink-relay: %s%s%s\n", text, hint ? "\n  " : "", hint ? hint : "");
  exit(PL_EXIT_BROKEN);
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

/* Keeps others from reading the program's files and its memory. The relay's key would be in a core dump, which may go
 * to a service that collects them, and a debugger of the same user could see it. */
static void protect_secrets(void) {
  const struct rlimit none = {0, 0};
  umask(077);
  signal(SIGXFSZ, SIG_IGN); /* so that a file at its size limit is handled like a full disk */
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void open_data_folder(const pl_options *o) {
  char why[PL_FOLDER_WHY];
  bool command = o->command[0] != NULL;
  if (!pl_folder_open(o->data, command, why) || (!command && !pl_folder_lock(o->data, why))) main_die(why, NULL);
}

static void data_path(char out[PL_PATH_BYTES], const char *data, const char *name) {
  if ((size_t)snprintf(out, PL_PATH_BYTES, "%s/%s", data, name) >= PL_PATH_BYTES)
    main_die("the data folder's name is too long", NULL);
}

static void check_readable(const char *path) {
  char text[PL_PATH_BYTES + 256];
  if (!path || access(path, R_OK) == 0) return;
  snprintf(text, sizeof text, "%s cannot be read: %s", path, strerror(errno));
  main_die(text, "--tls-cert and --tls-key take the PEM files of a certificate");
}

static void limit_sockets(pl_options *o) {
  uint64_t fds = pl_server_fd_limit();
  uint64_t room = fds > 2 * FDS_KEPT ? fds - FDS_KEPT - PL_OPTION_LIST_MAX : fds / 2;
  if (o->settings[PL_RELAY_SET_SOCKETS_MAX] > room) o->settings[PL_RELAY_SET_SOCKETS_MAX] = (uint32_t)room;
  pl_log_write(PL_RELAY_LOG_INFO, "event=limits files=%llu sockets=%u", (unsigned long long)fds,
               o->settings[PL_RELAY_SET_SOCKETS_MAX]);
}

/* Returns the number of cores that this process may use, unless --workers says otherwise. */
static unsigned count_workers(const pl_options *o) {
  cpu_set_t cores;
  if (o->workers) return o->workers;
  int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  return count < 1 ? 1 : count < PL_RELAY_WORKERS_MAX ? (unsigned)count : PL_RELAY_WORKERS_MAX;
}

static void open_store(program *p, const pl_options *o) {
  char path[PL_PATH_BYTES], why[512];
  data_path(path, o->data, "relay.db");
  for (unsigned i = 0; i < p->workers; i++) {
    pl_worker *w = &p->worker[i];
    w->store = i == 0 ? pl_store_open(path, &w->loop, pl_worker_stored, w, why)
                      : pl_store_join(p->store, &w->loop, pl_worker_stored, w);
    if (!w->store) main_die(i == 0 ? why : "out of memory", NULL);
    pl_store_on_batch(w->store, pl_worker_turn);
    p->store = p->worker[0].store;
  }
  if (o->admission == PL_RELAY_ADMIT_OPEN) pl_store_purge_after(p->store, o->settings[PL_RELAY_SET_PURGE_AFTER_DAYS]);
}

/* Gives each worker an equal part of the budget for waiting bytes. All other limits apply to all workers together. */
static void share_budget(uint32_t settings[PL_RELAY_SETTINGS], unsigned workers) {
  uint32_t least = pl_relay_setting_table[PL_RELAY_SET_QUEUE_TOTAL_MAX].minimum,
           part = settings[PL_RELAY_SET_QUEUE_TOTAL_MAX] / workers;
  settings[PL_RELAY_SET_QUEUE_TOTAL_MAX] = part > least ? part : least;
}

static void start_relays(program *p, const pl_options *o) {
  char path[PL_PATH_BYTES], why[512];
  pl_relay_config config = {
      .admission = o->admission,
      .origins = o->origins,
      .public_urls = o->public_urls,
      .alternatives = *o->alternatives ? o->alternatives : NULL,
      .trusted = o->trusted,
      .trusted_count = o->trusted_count,
      .workers = p->workers,
  };
  memcpy(config.settings, o->settings, sizeof config.settings);
  share_budget(config.settings, p->workers);
  randombytes_buf(config.hash_seed, sizeof config.hash_seed);
  data_path(path, o->data, "relay.key");
  config.identity = p->identity = pl_keyfile_load(path, why);
  if (!p->identity) main_die(why, NULL);
  open_store(p, o);
  config.shared = p->shared = pl_relay_shared_new(config.settings);
  if (p->workers > 1) p->bus = pl_bus_local_new(p->workers);
  if (!p->shared || (p->workers > 1 && !p->bus)) main_die("out of memory", NULL);
  for (config.worker = 0; config.worker < p->workers; config.worker++) {
    pl_worker *w = &p->worker[config.worker];
    pl_worker_hooks(w, &config);
    w->relay = pl_relay_new(&config);
    if (!w->relay) main_die("out of memory", NULL);
    if (p->bus) pl_worker_join_bus(w, p->bus);
  }
}

static void start_servers(program *p, const pl_options *o) {
  for (unsigned i = 0; i < p->workers; i++)
    if (!pl_worker_serve(&p->worker[i], o))
      main_die(o->tls_cert ? "the certificate or its key cannot be used; see the log line above"
                           : "the server does not start; see the log line above",
               o->tls_cert ? "both must be PEM files and belong together" : NULL);
}

/* Lets the first worker listen, on a port that the system chooses if it is 0, and the others join it there. Returns the
 * port. */
static int listen_on(program *p, const char *address, char why[256]) {
  char joined[320];
  int port = pl_server_listen(p->worker[0].server, address, why), rc = port;
  const char *colon = strrchr(address, ':');
  if (port >= 0) snprintf(joined, sizeof joined, "%.*s:%d", (int)(colon - address), address, port);
  for (unsigned i = 1; rc >= 0 && i < p->workers; i++) rc = pl_server_listen(p->worker[i].server, joined, why);
  return rc < 0 ? rc : port;
}

/* Once all workers listen, prints a line per address, with the port that the system chose. */
static void listen_all(program *p, const pl_options *o, const char *id) {
  int ports[PL_OPTION_LIST_MAX];
  for (size_t i = 0; i < o->listen_count; i++) {
    char why[256], text[768];
    ports[i] = listen_on(p, o->listen[i], why);
    if (ports[i] >= 0) continue;
    snprintf(text, sizeof text, "cannot listen on %.300s: %s", o->listen[i], why);
    main_die(text, ports[i] == -EADDRINUSE
                       ? "another program uses this port; stop it, or choose another port with --listen"
                       : NULL);
  }
  for (unsigned i = 1; i < p->workers; i++)
    if (!pl_worker_start(&p->worker[i])) main_die("a thread cannot be started", "try fewer: --workers 1");
  for (size_t i = 0; i < o->listen_count; i++)
    printf("pairlink-relay ready %s://%.*s:%d relay-id=%s data=%s\n", o->tls_cert ? "https" : "http",
           (int)(strrchr(o->listen[i], ':') - o->listen[i]), o->listen[i], ports[i], id, o->data);
  fflush(stdout);
}

/* ---- end --------------------------------------------------------------------------------------------------------- */

static void order_all(program *p, bool drain, bool stop) {
  for (unsigned i = 0; i < p->workers; i++) pl_worker_order(&p->worker[i], drain, stop);
}

/* Ends as soon as no client is left, and after DRAIN_MS at the latest. */
static void on_drain_timer(uv_timer_t *timer) {
  program *p = timer->data;
  if (pl_relay_shared_sockets(p->shared) == 0 || uv_now(timer->loop) >= p->end_at) order_all(p, false, true);
}

static void on_stop_signal(uv_signal_t *handle, int number) {
  program *p = handle->data;
  if (p->ending) {
    order_all(p, false, true);
    return;
  }
  p->ending = true;
  pl_log_write(PL_RELAY_LOG_INFO, "event=ending signal=%d", number);
  order_all(p, true, false);
  p->end_at = uv_now(handle->loop) + DRAIN_MS;
  uv_timer_start(&p->drain, on_drain_timer, 20, 20);
}

static void init_loops(program *p) {
  for (unsigned i = 0; i < p->workers; i++) pl_worker_init(&p->worker[i], i, p->workers);
  uv_loop_t *loop = &p->worker[0].loop;
  uv_timer_init(loop, &p->drain);
  uv_signal_init(loop, &p->terminate);
  uv_signal_init(loop, &p->interrupt);
  p->drain.data = p->terminate.data = p->interrupt.data = p;
}

static void end_program(program *p) {
  uv_handle_t *handles[] = {(uv_handle_t *)&p->drain, (uv_handle_t *)&p->terminate, (uv_handle_t *)&p->interrupt};
  for (unsigned i = 1; i < p->workers; i++) pthread_join(p->worker[i].thread, NULL);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(handles); i++) uv_close(handles[i], NULL);
  for (unsigned i = 0; i < p->workers; i++) pl_store_close(p->worker[i].store);
  for (unsigned i = 0; i < p->workers; i++) pl_worker_end(&p->worker[i]);
  pl_bus_free(p->bus);
  pl_relay_shared_free(p->shared);
  pl_keyfile_forget(p->identity);
}

/* Buffers are allocated and freed in every turn, so their pages are kept instead of being returned to the kernel, which
 * would have to zero them again. */
static void keep_memory(void) {
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

static int run_command(const pl_options *o) {
  char path[PL_PATH_BYTES];
  data_path(path, o->data, "relay.db");
  return pl_tokens_command(path, o->command + 1, o->token_uses, o->token_days);
}

int main(int argc, char **argv) {
  static program p;
  static pl_options options;
  char id[PL_ID_CHARS + 1];
  pl_log_keep_streams();
  keep_memory();
  protect_secrets();
  pl_options_parse(&options, argc, argv);
  if (sodium_init() < 0) main_die("libsodium cannot be initialised", NULL);
  check_readable(options.tls_cert);
  check_readable(options.tls_key);
  open_data_folder(&options);
  if (options.command[0]) return run_command(&options);
  p.workers = count_workers(&options);
  init_loops(&p);
  start_servers(&p, &options);
  limit_sockets(&options);
  start_relays(&p, &options);
  pl_pages_init(options.tls_cert != NULL);
  pl_id_format(id, pl_relay_id(p.worker[0].relay));
  uv_signal_start(&p.terminate, on_stop_signal, SIGTERM);
  uv_signal_start(&p.interrupt, on_stop_signal, SIGINT);
  listen_all(&p, &options, id);
  pl_server_run(p.worker[0].server);
  end_program(&p);
  return 0;
}
