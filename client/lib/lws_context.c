#include "lws_context.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/base/base.h"
#include "race.h"

enum {
  CONNECT_TIMEOUT_S = PL_RACE_TICK_MS * PL_RACE_TICKS_MAX / 1000,
  CONTEXT_FDS = 4, /* descriptors that libwebsockets opens when it starts */
  TURNS_MAX = 100  /* of the loop, for handles to close */
};

/* libwebsockets and OpenSSL keep a few things for the whole process, so contexts are created and destroyed one at a
 * time. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool log_is_set, tls_is_started;

/* The relay pings, and the engine asks when the relay is silent, so libwebsockets must not ping as well. */
static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = UINT16_MAX - 1, .secs_since_valid_hangup = UINT16_MAX};

static void context_fill_info(struct lws_context_creation_info *info, pl_lws *l, void **loops, void *user,
                              const char *ca_file) {
  memset(info, 0, sizeof *info);
  info->port = CONTEXT_PORT_NO_LISTEN;
  info->protocols = l->protocols;
  info->user = user;
  info->pcontext = &l->context; /* libwebsockets sets it to NULL once it is really gone */
  info->vhost_name = "pairlink";
  info->foreign_loops = loops; /* otherwise libwebsockets takes over the process's signals */
  info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info->count_threads = 1;
  info->fd_limit_per_thread = 32;
  info->pt_serv_buf_size = PL_LWS_CHUNK + 1024;
  info->retry_and_idle_policy = &no_pings;
  info->timeout_secs = CONNECT_TIMEOUT_S;
  info->connect_timeout_secs = CONNECT_TIMEOUT_S;
  info->http_proxy_address = ""; /* otherwise libwebsockets reads http_proxy itself; see proxy.h */
  if (ca_file) {
    info->client_ssl_ca_filepath = ca_file;
    info->options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
  }
}

/* A new context polls exactly one descriptor, the one that wakes it. */
static void context_note_event_fd(uv_handle_t *handle, void *event_fd) {
  uv_os_fd_t fd;
  if (handle->type == UV_POLL && uv_fileno(handle, &fd) == 0) *(int *)event_fd = fd;
}

/* A context that could not open all its descriptors runs without them and then cannot be destroyed. */
static bool context_has_descriptors(pl_lws *l) {
  int fds[CONTEXT_FDS], count = 0;
  if (l->holder_fd < 0) l->holder_fd = memfd_create("pairlink", MFD_CLOEXEC);
  for (size_t i = 0; i < PL_LWS_SPARE_FDS; i++)
    if (l->spare_fds[i] < 0) l->spare_fds[i] = fcntl(l->holder_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  while (count < CONTEXT_FDS && (fds[count] = fcntl(l->holder_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) >= 0) count++;
  bool enough = count == CONTEXT_FDS;
  while (count) close(fds[--count]);
  return enough;
}

void pl_lws_init(pl_lws *l, const struct lws_protocols *protocols) {
  *l = (pl_lws){.protocols = protocols, .event_fd = -1, .holder_fd = -1};
  for (size_t i = 0; i < PL_LWS_SPARE_FDS; i++) l->spare_fds[i] = -1;
}

/* The TLS library is started only once: a second start would change an index that connections of the first one use. */
int pl_lws_open(pl_lws *l, uv_loop_t *loop, void *user, const char *ca_file, bool tls) {
  struct lws_context_creation_info info;
  void *loops[1] = {loop};
  struct sigaction pipe_action;
  if (l->context) return 0;
  if (!context_has_descriptors(l)) return PL_ESYSTEM;
  pthread_mutex_lock(&mutex);
  if (!log_is_set) lws_set_log_level(0, NULL); /* this library writes to no stream */
  log_is_set = true;
  bool save = sigaction(SIGPIPE, NULL, &pipe_action) == 0;
  context_fill_info(&info, l, loops, user, ca_file);
  if (tls && !tls_is_started) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  l->context = lws_create_context(&info);
  if (l->context && tls) {
    tls_is_started = true;
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  }
  l->event_fd = -1;
  if (l->context) uv_walk(loop, context_note_event_fd, &l->event_fd);
  if (l->context) l->vhost = lws_create_vhost(l->context, &info);
  if (save) sigaction(SIGPIPE, &pipe_action, NULL); /* lws_create_context always sets it to be ignored */
  pthread_mutex_unlock(&mutex);
  return l->vhost ? 0 : PL_ESYSTEM;
}

static void context_run_loop(uv_loop_t *loop) {
  for (int i = 0; i < TURNS_MAX && uv_run(loop, UV_RUN_NOWAIT); i++) continue;
}

/* libwebsockets 4.1.6 closes its event descriptor in lws_context_destroy and again in the loop's next turn. In between,
 * another thread may open a file that gets this number, and would lose it. So the number is occupied immediately, with
 * a copy of a descriptor that was opened along with the context, since there may be no free descriptor now. What other
 * threads open at this moment gets lower numbers, which context_free_spares has made free. Returns false when another
 * thread was faster all the same: then the loop must not run again. */
static bool context_hold_number(const pl_lws *l) {
  int held = l->event_fd < 0 ? -1 : fcntl(l->holder_fd, F_DUPFD_CLOEXEC, l->event_fd);
  if (held >= 0 && held != l->event_fd) close(held);
  return held >= 0 && held == l->event_fd;
}

/* A libwebsockets that closes only once leaves the copy to us. Otherwise the number may belong to another file by now,
 * which is examined and left alone. (By fstatat, because ThreadSanitizer takes fstat for a use of that file.) */
static void context_release_number(const pl_lws *l) {
  struct stat ours, there;
  if (fstatat(l->holder_fd, "", &ours, AT_EMPTY_PATH) == 0 && fstatat(l->event_fd, "", &there, AT_EMPTY_PATH) == 0 &&
      ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
    close(l->event_fd);
}

static void context_free_spares(pl_lws *l) {
  for (size_t i = 0; i < PL_LWS_SPARE_FDS; i++) {
    if (l->spare_fds[i] >= 0) close(l->spare_fds[i]);
    l->spare_fds[i] = -1;
  }
}

/* Destroys twice: the first call closes libwebsockets' handles on our loop, which takes some turns; the second frees
 * the context. A context that stays costs memory, but never another file. */
static bool context_destroy(pl_lws *l, uv_loop_t *loop) {
  context_free_spares(l);
  if (!l->context) return true;
  lws_context_destroy(l->context);
  if (!context_hold_number(l)) return false;
  context_run_loop(loop);
  context_release_number(l);
  if (l->context) lws_context_destroy(l->context);
  context_run_loop(loop);
  return true;
}

bool pl_lws_close(pl_lws *l, uv_loop_t *loop) {
  pthread_mutex_lock(&mutex);
  bool gone = context_destroy(l, loop);
  if (gone) context_run_loop(loop);
  pthread_mutex_unlock(&mutex);
  if (l->holder_fd >= 0) close(l->holder_fd);
  pl_lws_init(l, l->protocols);
  return gone;
}

/* ---- taking a connection over ------------------------------------------------------------------------------------ */

/* From now on OpenSSL calls nothing of libwebsockets, and says nothing when libwebsockets shuts it down. */
static void take_ssl(SSL *ssl) {
  SSL_CTX *context = SSL_get_SSL_CTX(ssl);
  SSL_up_ref(ssl);
  SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
  SSL_set_info_callback(ssl, NULL);
  SSL_CTX_set_info_callback(context, NULL);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_sess_set_new_cb(context, NULL);
}

bool pl_lws_take(struct lws *wsi, int *fd, SSL **ssl) {
  int theirs = lws_get_socket_fd(wsi), nowhere = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  *fd = fcntl(theirs, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  *ssl = lws_get_ssl(wsi);
  if (*fd < 0 || nowhere < 0 || dup3(nowhere, theirs, O_CLOEXEC) < 0) {
    if (nowhere >= 0) close(nowhere);
    if (*fd >= 0) close(*fd);
    return false;
  }
  close(nowhere);
  if (*ssl) take_ssl(*ssl);
  return true;
}

void pl_lws_taken(SSL *ssl) {
  if (ssl) SSL_set_shutdown(ssl, 0);
}
