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
#include "process.h"
#include "race.h"

enum {
  CONNECT_TIMEOUT_S = PL_RACE_TICK_MS * PL_RACE_TICKS_MAX / 1000,
  CONTEXT_FDS = 4, /* descriptors that libwebsockets opens when it starts */
  LOW_FDS_MAX = 4,
  TURNS_MAX = 100 /* of the loop, for handles to close */
};

/* libwebsockets and OpenSSL keep a few things for the whole process, so contexts are created and destroyed one at a
 * time. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool log_is_set, tls_is_started;

/* The relay pings, and the engine asks when the relay is silent, so libwebsockets must not ping as well. */
static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = UINT16_MAX - 1, .secs_since_valid_hangup = UINT16_MAX};

static void context_fill_info(struct lws_context_creation_info *info, pl_lws *l, void **loops, void *user) {
  memset(info, 0, sizeof *info);
  info->port = CONTEXT_PORT_NO_LISTEN;
  info->protocols = l->protocols;
  info->user = user;
  info->pcontext = &l->context; /* libwebsockets sets it to NULL once it is really gone */
  info->vhost_name = "pairlink";
  info->foreign_loops = loops; /* otherwise libwebsockets takes over the process's signals */
  info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info->options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS; /* they come from ca_store.h */
  info->count_threads = 1;
  info->fd_limit_per_thread = 32;
  info->pt_serv_buf_size = PL_LWS_CHUNK + 1024;
  info->retry_and_idle_policy = &no_pings;
  info->timeout_secs = CONNECT_TIMEOUT_S;
  info->connect_timeout_secs = CONNECT_TIMEOUT_S;
  info->http_proxy_address = ""; /* otherwise libwebsockets reads http_proxy itself; see proxy.h */
}

/* A new context polls exactly one descriptor, the one that wakes it. */
static void context_note_event_fd(uv_handle_t *handle, void *event_fd) {
  uv_os_fd_t fd;
  if (handle->type == UV_POLL && uv_fileno(handle, &fd) == 0) *(int *)event_fd = fd;
}

/* ---- descriptors that all contexts share ------------------------------------------------------------------------- */

/* libwebsockets 4.1.6 closes its event descriptor in lws_context_destroy and again in the loop's next turn. In between,
 * another thread may open a file that gets this number, and would lose it. So the number is occupied immediately, with
 * a copy of a descriptor that was opened before, since there may be no free descriptor then. What other threads open at
 * this moment gets lower numbers, which were kept for that and have just been closed. */
static struct {
  pl_process process;       /* that opened them */
  unsigned users;           /* contexts; 0: they are not open */
  int holder;               /* a file that nobody else has */
  struct stat file;         /* that file */
  int low_fds[LOW_FDS_MAX]; /* copies of it; -1 where there is none */
} guard;

/* (By fstatat, because ThreadSanitizer takes fstat for a use of that file.) */
static bool guard_has(int fd) {
  struct stat there;
  return fd >= 0 && fstatat(fd, "", &there, AT_EMPTY_PATH) == 0 && there.st_dev == guard.file.st_dev &&
         there.st_ino == guard.file.st_ino;
}

static void guard_keep_low_fds(void) {
  for (size_t i = 0; i < LOW_FDS_MAX; i++)
    if (guard.low_fds[i] < 0) guard.low_fds[i] = fcntl(guard.holder, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static void guard_close_low_fds(void) {
  for (size_t i = 0; i < LOW_FDS_MAX; i++) {
    if (guard.low_fds[i] >= 0) close(guard.low_fds[i]);
    guard.low_fds[i] = -1;
  }
}

/* A forked child may have closed them, and opened other files with these numbers. */
static void guard_forget_inherited(void) {
  if (!guard.users || !pl_process_is_another(&guard.process)) return;
  for (size_t i = 0; i < LOW_FDS_MAX; i++)
    if (guard_has(guard.low_fds[i])) close(guard.low_fds[i]);
  if (guard_has(guard.holder)) close(guard.holder);
  guard.users = 0;
}

/* Returns false when there are too few descriptors. */
static bool guard_enter(void) {
  guard_forget_inherited();
  if (guard.users == 0) {
    guard.process = pl_process_now();
    guard.holder = memfd_create("pairlink", MFD_CLOEXEC);
    if (guard.holder < 0) return false;
    if (fstat(guard.holder, &guard.file) != 0) {
      close(guard.holder);
      return false;
    }
    for (size_t i = 0; i < LOW_FDS_MAX; i++) guard.low_fds[i] = -1;
    guard_keep_low_fds();
  }
  guard.users++;
  return true;
}

static void guard_leave(void) {
  if (--guard.users > 0) return;
  guard_close_low_fds();
  close(guard.holder);
}

/* Returns false when another thread was faster all the same: then the loop must not run again. */
static bool guard_hold_number(int number) {
  int held = number < 0 ? -1 : fcntl(guard.holder, F_DUPFD_CLOEXEC, number);
  if (held >= 0 && held != number) close(held);
  return held >= 0 && held == number;
}

/* A libwebsockets that closes only once leaves the copy to us. Otherwise the number may belong to another file by now,
 * which is examined and left alone. */
static void guard_release_number(int number) {
  if (guard_has(number)) close(number);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* A context that could not open all its descriptors runs without them and then cannot be destroyed. */
static bool context_has_descriptors(void) {
  int fds[CONTEXT_FDS], count = 0;
  while (count < CONTEXT_FDS && (fds[count] = fcntl(guard.holder, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) >= 0) count++;
  bool enough = count == CONTEXT_FDS;
  while (count) close(fds[--count]);
  return enough;
}

void pl_lws_init(pl_lws *l, const struct lws_protocols *protocols) {
  *l = (pl_lws){.protocols = protocols, .event_fd = -1};
}

/* The TLS library is started only once: a second start would change an index that connections of the first one use. */
static int context_create(pl_lws *l, uv_loop_t *loop, void *user, bool tls) {
  struct lws_context_creation_info info;
  void *loops[1] = {loop};
  struct sigaction pipe_action;
  if (!l->guarded) {
    l->guarded = guard_enter();
    l->guarded_in = guard.process;
  }
  if (!l->guarded) return PL_ESYSTEM;
  guard_close_low_fds(); /* and again with lower numbers than those of this context, if there are some by now */
  guard_keep_low_fds();
  if (!context_has_descriptors()) return PL_ESYSTEM;
  if (!log_is_set) lws_set_log_level(0, NULL); /* this library writes to no stream */
  log_is_set = true;
  bool save = sigaction(SIGPIPE, NULL, &pipe_action) == 0;
  context_fill_info(&info, l, loops, user);
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
  return l->vhost ? 0 : PL_ESYSTEM;
}

int pl_lws_open(pl_lws *l, uv_loop_t *loop, void *user, bool tls) {
  if (l->context) return 0;
  pthread_mutex_lock(&mutex);
  int error = context_create(l, loop, user, tls);
  pthread_mutex_unlock(&mutex);
  return error;
}

static void context_run_loop(uv_loop_t *loop) {
  for (int i = 0; i < TURNS_MAX && uv_run(loop, UV_RUN_NOWAIT); i++) continue;
}

/* Destroys twice: the first call closes libwebsockets' handles on our loop, which takes some turns; the second frees
 * the context. A context that stays costs memory, but never another file. */
static bool context_destroy(pl_lws *l, uv_loop_t *loop) {
  guard_close_low_fds();
  lws_context_destroy(l->context);
  bool held = guard_hold_number(l->event_fd);
  guard_keep_low_fds();
  if (!held) return false;
  context_run_loop(loop);
  guard_release_number(l->event_fd);
  if (l->context) lws_context_destroy(l->context);
  context_run_loop(loop);
  return true;
}

bool pl_lws_close(pl_lws *l, uv_loop_t *loop) {
  pthread_mutex_lock(&mutex);
  /* In a forked child, the guard does not count a context that it inherited. */
  bool counted = l->guarded && !pl_process_is_another(&l->guarded_in);
  bool guarded = guard_enter();
  bool gone = !l->context || (guarded && context_destroy(l, loop));
  if (gone) context_run_loop(loop);
  if (guarded) guard_leave();
  if (counted) guard_leave();
  pthread_mutex_unlock(&mutex);
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
