#include "transport.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "../core/wire/wire.h"
#include "low_fds.h"
#include "process.h"
#include "proxy.h"
#include "resolve.h"
#include "stream.h"

enum {
  RECEIVE_CHUNK = 65536, /* what libwebsockets hands over at a time */
  FIRST_MAX = 4096,      /* of the first message, a HELLO */
  UNSENT_MAX = 65536,    /* docs/protocol.md, "Pacing": at most 64 KiB wait in the socket */
  CONNECT_TIMEOUT_S = PL_RACE_TICK_MS * PL_RACE_TICKS_MAX / 1000,
  CLOSE_TICKS_MAX = 3, /* seconds, but none in which nobody looked */
  CONTEXT_FDS = 4,     /* that libwebsockets opens at a time to start */
  TEXT_MAX = 640
};

typedef enum transport_state { IDLE, RESOLVING, CONNECTING, OPEN, CLOSING } transport_state;

/* One address that is tried. */
typedef struct attempt {
  pl_transport *transport;
  struct lws *wsi; /* NULL: not begun, failed, or the winner */
} attempt;

struct pl_transport {
  uv_loop_t *loop;
  struct lws_context *context;
  struct lws_vhost *vhost;
  struct lws *wsi; /* of the connection, once it is open */
  pl_url url;
  pl_proxy proxy;
  pl_transport_handlers on;
  char *ca_file;
  bool use_proxy, proxied;
  transport_state state;
  pl_resolve *resolve;
  pl_engine_addresses addresses;
  pl_race race;
  attempt attempts[PL_ADDRESSES_MAX];
  bool attempt_failed; /* one of them; the next address, or the end, at the next turn */
  bool closed;         /* on_closed is due */
  unsigned close_ticks;
  int error;
  char text[TEXT_MAX];
  bool certificate_bad;
  pl_buffer first; /* the first message: the last that libwebsockets reads, see take_over */
  bool first_came;
  pl_stream *stream; /* from then on */
  int event_fd;      /* libwebsockets' own, see hold_number; -1: none */
  int holder_fd;     /* a file that nobody else has, to hold that number with; -1: none */
  uv_timer_t timer;  /* connecting and closing end; libwebsockets' own timers do not start outside its callbacks */
};

/* libwebsockets and OpenSSL keep a few things for the whole process. */
static pthread_mutex_t global = PTHREAD_MUTEX_INITIALIZER;
static bool log_set, tls_set;

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size);

static const struct lws_protocols protocols[] = {
    {.name = "pairlink.v1", .callback = on_event, .rx_buffer_size = RECEIVE_CHUNK},
    {.name = NULL},
};

/* ---- the process-wide context ------------------------------------------------------------------------ */

/* The relay pings, and the engine asks when it is silent: libwebsockets shall not do it too. */
static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = UINT16_MAX - 1, .secs_since_valid_hangup = UINT16_MAX};

static void fill_info(pl_transport *t, struct lws_context_creation_info *info, void **loops) {
  memset(info, 0, sizeof *info);
  info->port = CONTEXT_PORT_NO_LISTEN;
  info->protocols = protocols;
  info->user = t;
  info->pcontext = &t->context; /* set to NULL when it is really gone */
  info->vhost_name = "pairlink";
  info->foreign_loops = loops; /* without it libwebsockets takes the process's signals */
  info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info->count_threads = 1;
  info->fd_limit_per_thread = 32;
  info->pt_serv_buf_size = RECEIVE_CHUNK + 1024;
  info->retry_and_idle_policy = &no_pings;
  info->timeout_secs = CONNECT_TIMEOUT_S;
  info->connect_timeout_secs = CONNECT_TIMEOUT_S;
  info->http_proxy_address = ""; /* or it reads http_proxy by itself; see proxy.h */
  if (t->ca_file) {
    info->client_ssl_ca_filepath = t->ca_file;
    info->options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
  }
}

/* A new context polls one descriptor: the one that wakes it. */
static void note_event_fd(uv_handle_t *handle, void *event_fd) {
  uv_os_fd_t fd;
  if (handle->type == UV_POLL && uv_fileno(handle, &fd) == 0) *(int *)event_fd = fd;
}

/* A context that could not open all its own goes without them, and cannot be destroyed. */
static bool enough_descriptors(pl_transport *t) {
  int fds[CONTEXT_FDS], count = 0;
  if (t->holder_fd < 0) t->holder_fd = memfd_create("pairlink", MFD_CLOEXEC);
  while (count < CONTEXT_FDS && (fds[count] = fcntl(t->holder_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) >= 0) count++;
  bool enough = count == CONTEXT_FDS;
  while (count) close(fds[--count]);
  return enough;
}

/* The TLS library is started once: a second start would change an index that connections of the first use. */
static int make_context(pl_transport *t) {
  struct lws_context_creation_info info;
  void *loops[1] = {t->loop};
  struct sigaction pipe_action;
  if (t->context) return 0;
  if (!enough_descriptors(t)) return PL_ESYSTEM;
  pthread_mutex_lock(&global);
  if (!log_set) lws_set_log_level(0, NULL); /* a library writes to no stream */
  log_set = true;
  bool save = sigaction(SIGPIPE, NULL, &pipe_action) == 0;
  fill_info(t, &info, loops);
  if (t->url.tls && !tls_set) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  t->context = lws_create_context(&info);
  if (t->context && t->url.tls) {
    tls_set = true;
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  }
  t->event_fd = -1;
  if (t->context) uv_walk(t->loop, note_event_fd, &t->event_fd);
  if (t->context) t->vhost = lws_create_vhost(t->context, &info);
  if (save) sigaction(SIGPIPE, &pipe_action, NULL); /* lws_create_context always ignores it */
  pthread_mutex_unlock(&global);
  return t->vhost ? 0 : PL_ESYSTEM;
}

/* ---- one connection ---------------------------------------------------------------------------------- */

static void fail(pl_transport *t, int error, const char *text) {
  t->error = error;
  snprintf(t->text, sizeof t->text, "%s", text);
}

/* Never from within a callback of libwebsockets. */
static void kill_now(struct lws **owner) {
  struct lws *wsi = *owner;
  if (!wsi) return;
  *owner = NULL;
  lws_set_opaque_user_data(wsi, NULL); /* its last callbacks find no owner */
  lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_SYNC);
}

static void drop_attempts(pl_transport *t) {
  for (size_t i = 0; i < t->race.started; i++) kill_now(&t->attempts[i].wsi);
  pl_race_begin(&t->race, 0);
}

/* Drops the connection, and those being made; nobody is told. Never from within a callback of libwebsockets. */
static void drop(pl_transport *t) {
  pl_stream_free(t->stream);
  t->stream = NULL;
  drop_attempts(t);
  kill_now(&t->wsi);
}

static void reset(pl_transport *t) {
  pl_resolve_cancel(t->resolve);
  t->resolve = NULL;
  uv_timer_stop(&t->timer);
  pl_buffer_deinit(&t->first);
  t->attempt_failed = t->closed = t->certificate_bad = t->first_came = false;
  t->state = IDLE;
}

static void end(pl_transport *t, int error, const char *text) {
  if (text) fail(t, error, text);
  t->closed = true;
}

/* How the relay is called in messages for people. */
static void fail_connect(pl_transport *t, const char *lws_text) {
  char text[TEXT_MAX];
  if (t->certificate_bad || t->error == PL_ETLS) return; /* on_certificate has said it better */
  if (lws_text && strncmp(lws_text, "HS:", 3) == 0)
    snprintf(text, sizeof text, "%s answers, but not as a Pairlink relay", t->url.authority);
  else if (lws_text && (strstr(lws_text, "SSL") || strstr(lws_text, "SYSCALL")))
    snprintf(text, sizeof text, "%s does not speak TLS, or ended it", t->url.authority);
  else if (lws_text && strstr(lws_text, "proxy"))
    snprintf(text, sizeof text, "the proxy %s does not connect to %s", t->proxy.host, t->url.authority);
  else if (lws_text && strstr(lws_text, "imeout"))
    snprintf(text, sizeof text, "no answer from %s in time", t->url.authority);
  else
    snprintf(text, sizeof text, "nothing answers at %s", t->proxied ? t->proxy.host : t->url.authority);
  fail(t, PL_ENETWORK, text);
}

static int connect_address(attempt *a, const char *address) {
  pl_transport *t = a->transport;
  struct lws_client_connect_info info;
  char via[PL_HOST_MAX + 120], target[PL_HOST_MAX + 2];
  bool v6 = strchr(t->url.host, ':') != NULL;
  memset(&info, 0, sizeof info);
  if (t->proxied) {
    bool proxy6 = strchr(address, ':') != NULL;
    snprintf(via, sizeof via, "%s%s%s%s%s:%u", t->proxy.credentials, *t->proxy.credentials ? "@" : "",
             proxy6 ? "[" : "", address, proxy6 ? "]" : "", t->proxy.port);
    if (lws_set_proxy(t->vhost, via) != 0) return PL_EURL;
    snprintf(target, sizeof target, "%s%s%s", v6 ? "[" : "", t->url.host, v6 ? "]" : "");
    address = target;
  }
  info.context = t->context;
  info.vhost = t->vhost;
  info.address = address;
  info.port = t->url.port;
  info.host = t->url.authority; /* also what the certificate is checked against, without the port */
  info.path = t->url.path;
  info.protocol = protocols[0].name;
  info.ietf_version_or_minus_one = -1;
  info.alpn = "http/1.1";
  info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
  if (t->url.tls) info.ssl_connection |= LCCSCF_USE_SSL;
  /* libwebsockets cuts the host at its first colon, so on_tls_context has an IPv6 address checked instead. */
  if (t->url.tls && v6) info.ssl_connection |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
  info.opaque_user_data = a;
  info.pwsi = &a->wsi;
  if (!lws_client_connect_via_info(&info)) {
    a->wsi = NULL;
    return PL_ENETWORK;
  }
  return 0;
}

static bool is_racing(const pl_transport *t) {
  for (size_t i = 0; i < t->race.started; i++)
    if (t->attempts[i].wsi) return true;
  return false;
}

static bool any_is_connected(const pl_transport *t) {
  for (size_t i = 0; i < t->race.started; i++) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    struct lws *wsi = t->attempts[i].wsi;
    if (wsi && getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &size) == 0) return true;
  }
  return false;
}

/* Beside those that are on their way. What fails at once gives way to the one after it. */
static void start_next(pl_transport *t) {
  bool failed = t->attempt_failed;
  size_t i;
  while (pl_race_next(&t->race, &i)) {
    t->attempts[i].transport = t;
    if (connect_address(&t->attempts[i], t->addresses.text[i]) == 0) return;
    t->attempt_failed = failed; /* told by the result */
    fail_connect(t, NULL);
  }
  if (!is_racing(t)) end(t, t->error, NULL);
}

static void on_tick(uv_timer_t *timer) {
  pl_transport *t = PL_CONTAINER(timer, pl_transport, timer);
  bool due = pl_race_tick(&t->race, any_is_connected(t));
  if (pl_race_is_over(&t->race)) {
    uv_timer_stop(&t->timer);
    drop_attempts(t);
    fail_connect(t, "timeout");
    end(t, t->error, NULL);
  } else if (due) {
    start_next(t);
  }
}

static void on_close_tick(uv_timer_t *timer) {
  pl_transport *t = PL_CONTAINER(timer, pl_transport, timer);
  if (++t->close_ticks < CLOSE_TICKS_MAX) return;
  drop(t);
  end(t, PL_ECLOSED, "closed");
}

static void tick_each(pl_transport *t, uint64_t ms, uv_timer_cb call) {
  uv_update_time(t->loop);
  (void)uv_timer_start(&t->timer, call, ms, ms);
}

static void on_resolved(void *user, int error, const char *text, const pl_engine_addresses *addresses) {
  pl_transport *t = user;
  t->resolve = NULL;
  if (error) {
    end(t, error, text);
    return;
  }
  t->addresses = *addresses;
  t->state = CONNECTING;
  pl_race_begin(&t->race, addresses->count);
  tick_each(t, PL_RACE_TICK_MS, on_tick);
  start_next(t);
}

static void connect_to(pl_transport *t, const pl_url *url) {
  drop(t);
  reset(t);
  t->error = 0;
  if (!url) {
    end(t, PL_EURL, "the relay named another address, which is none");
    return;
  }
  t->url = *url;
  t->state = RESOLVING;
  int use = t->use_proxy ? pl_proxy_for(&t->url, pl_proxy_environment, &t->proxy) : 0;
  t->proxied = use == 1;
  if (use < 0) {
    end(t, PL_ENETWORK, "the proxy in the environment is no HTTP proxy; correct https_proxy or http_proxy");
    return;
  }
  if (make_context(t) != 0) {
    end(t, PL_ESYSTEM,
        "libwebsockets cannot start (is its libuv plugin, libwebsockets-evlib-uv, installed? may more files be "
        "opened?)");
    return;
  }
  const char *host = t->proxied ? t->proxy.host : t->url.host;
  int error = pl_resolve_start(t->loop, host, on_resolved, t, &t->resolve);
  if (error) end(t, error, "cannot start to look the name up");
}

void pl_transport_connect(pl_transport *t, const pl_url *url) {
  pl_low_fds_hold();
  connect_to(t, url);
  pl_low_fds_release();
}

void pl_transport_disconnect(pl_transport *t) {
  if (t->state == OPEN) {
    t->state = CLOSING;
    t->close_ticks = 0;
    tick_each(t, 1000, on_close_tick);
    if (t->stream)
      pl_stream_close(t->stream);
    else
      lws_callback_on_writable(t->wsi);
  } else if (t->state == RESOLVING || t->state == CONNECTING) {
    drop(t);
    reset(t);
    end(t, PL_ECLOSED, "closed");
  }
}

void pl_transport_want_write(pl_transport *t) {
  if (t->stream) pl_stream_want_write(t->stream);
}

bool pl_transport_is_idle(const pl_transport *t) {
  return t->state == IDLE && !t->closed;
}

/* ---- libwebsockets' callbacks ------------------------------------------------------------------------ */

/* Nothing is sent before the relay's HELLO: only the end can be due. */
static int on_writeable(pl_transport *t, struct lws *wsi) {
  if (t->state != CLOSING || t->first_came) return 0;
  lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
  lws_set_opaque_user_data(wsi, NULL);
  t->wsi = NULL;
  end(t, PL_ECLOSED, "closed");
  return -1;
}

static int refuse(pl_transport *t, struct lws *wsi, enum lws_close_status code, int error, const char *text) {
  lws_close_reason(wsi, code, NULL, 0);
  fail(t, error, text);
  return -1;
}

static int on_receive(pl_transport *t, struct lws *wsi, const uint8_t *data, size_t size) {
  if (!lws_frame_is_binary(wsi))
    return refuse(t, wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, PL_EPROTOCOL, "the relay sent text");
  if (t->first_came)
    return refuse(t, wsi, LWS_CLOSE_STATUS_PROTOCOL_ERR, PL_EPROTOCOL, "the relay went on before it was answered");
  int error = pl_buffer_append(&t->first, data, size);
  if (error)
    return refuse(t, wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, error == PL_ENOMEM ? PL_ENOMEM : PL_EPROTOCOL,
                  "the relay sent a message that is too large");
  t->first_came = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi);
  return 0;
}

/* The first that gets so far has won; the others go at the end of this turn. */
static void on_established(attempt *a, struct lws *wsi) {
  pl_transport *t = a->transport;
  int fd = lws_get_socket_fd(wsi), one = 1, unsent = UNSENT_MAX;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  uv_timer_stop(&t->timer);
  a->wsi = NULL;
  t->wsi = wsi;
  t->state = OPEN;
  t->error = 0;
  t->certificate_bad = false; /* that was another address */
  t->on.on_open(t->on.user);
}

static void on_certificate(pl_transport *t, X509_STORE_CTX *store, bool good) {
  if (good) return;
  const char *why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  char text[TEXT_MAX];
  snprintf(text, sizeof text, "the certificate of %s is refused: %s", t->url.host, why);
  fail(t, PL_ETLS, text);
  t->certificate_bad = true;
}

/* The vhost's TLS context is being made: an IPv6 address must be in the certificate as such. */
static void on_tls_context(const pl_transport *t, SSL_CTX *context) {
  if (strchr(t->url.host, ':')) X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context), t->url.host);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static void on_gone(attempt *a, const struct lws *wsi) {
  pl_transport *t = a->transport;
  if (t->wsi == wsi) {
    t->wsi = NULL;
    end(t, t->error ? t->error : PL_ENETWORK, t->error ? NULL : "the connection was lost");
  } else if (a->wsi == wsi) {
    a->wsi = NULL;
    if (!t->error) fail_connect(t, NULL);
    t->attempt_failed = true;
  }
}

static int on_owned_event(attempt *a, struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t size) {
  pl_transport *t = a->transport;
  switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      on_established(a, wsi);
      break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
      return on_receive(t, wsi, in, size);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return on_writeable(t, wsi);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      fail_connect(t, in);
      a->wsi = NULL;
      t->attempt_failed = true;
      break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
      on_gone(a, wsi);
      break;
    default:
      break;
  }
  return 0;
}

/* Another one has won, and may be gone again already. */
static int on_losers_event(attempt *a, const struct lws *wsi, enum lws_callback_reasons reason) {
  bool gone = reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR || reason == LWS_CALLBACK_CLIENT_CLOSED ||
              reason == LWS_CALLBACK_WSI_DESTROY;
  if (gone && a->wsi == wsi) a->wsi = NULL;
  return -1;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
  if (!wsi) return 0;
  if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS) { /* no connection yet; user is the SSL_CTX */
    on_tls_context(lws_context_user(lws_get_context(wsi)), user);
    return 0;
  }
  attempt *a = lws_get_opaque_user_data(wsi);
  if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) { /* user: the store; size: is it good? */
    if (a) on_certificate(a->transport, user, size != 0);
    return 0;
  }
  if (!a) /* let go: no more reading, close as soon as it can */
    return reason == LWS_CALLBACK_CLIENT_WRITEABLE || reason == LWS_CALLBACK_CLIENT_RECEIVE ||
                   reason == LWS_CALLBACK_CLIENT_ESTABLISHED
               ? -1
               : 0;
  if (a->transport->state != CONNECTING && a->transport->wsi != wsi) return on_losers_event(a, wsi, reason);
  return on_owned_event(a, wsi, reason, in, size);
}

/* ---- after the first message -------------------------------------------------------------------------- */

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
  drop(t);
  end(t, error, text);
}

static void on_stream_alive(void *user) {
  const pl_transport *t = user;
  lws_validity_confirmed(t->wsi);
}

/* libwebsockets has connected, through a proxy perhaps, has checked the certificate and read the answer to the upgrade.
 * A relay says HELLO then, and no more before it is answered: the moment at which nothing is left in libwebsockets'
 * buffers. It stops reading, and keeps the socket and its TLS until they are closed. */
static void take_over(pl_transport *t) {
  const pl_stream_handlers handlers = {on_stream_message, on_stream_produce, on_stream_has_output,
                                       on_stream_end,     on_stream_alive,   t};
  if (!t->wsi || !t->first_came || t->stream || t->closed) return;
  lws_rx_flow_control(t->wsi, 0);
  t->stream = pl_stream_new(t->loop, lws_get_socket_fd(t->wsi), lws_get_ssl(t->wsi), &handlers);
  if (!t->stream) {
    drop(t);
    end(t, PL_ENOMEM, "out of memory");
    return;
  }
  if (t->state == CLOSING) pl_stream_close(t->stream);
  pl_buffer first = t->first; /* what it says may bring about another connection */
  pl_buffer_init(&t->first, FIRST_MAX);
  t->on.on_message(t->on.user, pl_buffer_data(&first), first.size);
  pl_buffer_deinit(&first);
}

/* ---- its life ---------------------------------------------------------------------------------------- */

/* Loops whose name lookup still runs in libuv's thread pool when their owner goes; it cannot be cancelled, and may
 * take half a minute. They are closed by the next transport that is made or freed. */
typedef struct old_loop {
  uv_loop_t loop;
  pl_process process; /* whose it is */
  struct old_loop *next;
} old_loop;
static old_loop *old_loops;
static old_loop *lost_loops; /* see hold_number: never run again */

static void close_old_loops(void) {
  pthread_mutex_lock(&global);
  for (old_loop **at = &old_loops; *at;) {
    old_loop *o = *at;
    if (pl_process_is_another(&o->process)) { /* a forked child shares its descriptors, and has not its threads */
      at = &o->next;
      continue;
    }
    (void)uv_run(&o->loop, UV_RUN_NOWAIT);
    if (uv_loop_close(&o->loop) == 0) {
      *at = o->next;
      pl_free(o);
    } else {
      at = &o->next;
    }
  }
  pthread_mutex_unlock(&global);
}

/* When it cannot have all its descriptors, libuv leaves the first one open. */
static bool init_loop(uv_loop_t *loop) {
  if (uv_loop_init(loop) == 0) return true;
  if (uv_backend_fd(loop) > STDERR_FILENO) close(uv_backend_fd(loop));
  return false;
}

int pl_transport_new(const pl_url *url, const char *ca_file, bool use_proxy, const pl_transport_handlers *handlers,
                     pl_transport **out) {
  pl_transport *t = pl_alloc(sizeof *t);
  old_loop *o = pl_alloc(sizeof *o);
  *out = NULL;
  close_old_loops();
  if (t && ca_file) t->ca_file = strdup(ca_file);
  if (!t || !o || (ca_file && !t->ca_file) || !init_loop(&o->loop)) {
    if (t) free(t->ca_file);
    pl_free(t);
    pl_free(o);
    return PL_ENOMEM;
  }
  t->holder_fd = t->event_fd = -1;
  o->process = pl_process_now();
  t->loop = &o->loop;
  t->url = *url;
  t->on = *handlers;
  t->use_proxy = use_proxy;
  pl_buffer_init(&t->first, FIRST_MAX);
  (void)uv_timer_init(t->loop, &t->timer);
  *out = t;
  return 0;
}

static void turns(pl_transport *t) {
  for (int i = 0; i < 100 && uv_run(t->loop, UV_RUN_NOWAIT); i++) continue;
}

/* libwebsockets 4.1.6 closes its event descriptor in lws_context_destroy and once more in the loop's next turn. In
 * between, another thread may be given that number, and would lose its file. So the number is taken at once by a copy
 * of a descriptor that was opened with the context, since now there may be none left. False when somebody else was
 * faster: then the loop must not turn again. */
static bool hold_number(const pl_transport *t) {
  int held = t->event_fd < 0 ? -1 : fcntl(t->holder_fd, F_DUPFD_CLOEXEC, t->event_fd);
  if (held >= 0 && held != t->event_fd) close(held);
  return held >= 0 && held == t->event_fd;
}

/* A libwebsockets that closes once leaves the copy to us; else the number may be somebody else's by now, who is looked
 * at and left alone (by fstatat: ThreadSanitizer takes fstat for a use of that file). */
static void let_go(const pl_transport *t) {
  struct stat ours, there;
  if (fstatat(t->holder_fd, "", &ours, AT_EMPTY_PATH) == 0 && fstatat(t->event_fd, "", &there, AT_EMPTY_PATH) == 0 &&
      ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
    close(t->event_fd);
}

/* Twice: the first closes its handles on our loop, which needs some turns, the second frees it. False: it stays, half
 * destroyed; that costs memory, never somebody's file. */
static bool destroy_context(pl_transport *t) {
  if (!t->context) return true;
  lws_context_destroy(t->context);
  if (!hold_number(t)) return false;
  turns(t);
  let_go(t);
  if (t->context) lws_context_destroy(t->context);
  turns(t);
  return true;
}

static void point_nowhere(uv_handle_t *handle, void *nowhere) {
  uv_os_fd_t fd;
  if (handle->type == UV_POLL && uv_fileno(handle, &fd) == 0) (void)dup3(*(int *)nowhere, fd, O_CLOEXEC);
}

/* libwebsockets ends a connection with a shutdown, TLS with its close_notify, and libuv takes each descriptor out of an
 * epoll: all of that acts on what a forked child shares with its parent. So the numbers are pointed at a socket that is
 * not connected, and the loop gets an epoll of its own. */
bool pl_transport_part(pl_transport *t) {
  if (!t) return true;
  int nowhere = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (nowhere < 0) return false;
  pl_resolve_abandon(t->resolve);
  t->resolve = NULL;
  PL_CONTAINER(t->loop, old_loop, loop)->process = pl_process_now();
  uv_walk(t->loop, point_nowhere, &nowhere);
  close(nowhere);
  pl_low_fds_hold(); /* a daemon's child may have closed its standard streams */
  bool parted = uv_loop_fork(t->loop) == 0;
  pl_low_fds_release();
  return parted;
}

void pl_transport_free(pl_transport *t) {
  if (!t) return;
  drop(t);
  pl_resolve_cancel(t->resolve);
  uv_close((uv_handle_t *)&t->timer, NULL);
  pthread_mutex_lock(&global);
  bool gone = destroy_context(t);
  if (gone) turns(t);
  old_loop *o = PL_CONTAINER(t->loop, old_loop, loop);
  if (!gone) {
    o->next = lost_loops;
    lost_loops = o;
  } else if (uv_loop_close(t->loop) == 0) {
    pl_free(o);
  } else {
    o->next = old_loops;
    old_loops = o;
  }
  pthread_mutex_unlock(&global);
  if (t->holder_fd >= 0) close(t->holder_fd);
  pl_buffer_deinit(&t->first);
  free(t->ca_file);
  pl_free(t);
}

int pl_transport_fd(const pl_transport *t) {
  return uv_backend_fd(t->loop);
}

int pl_transport_timeout_ms(const pl_transport *t) {
  bool due = t->attempt_failed || t->closed || (t->stream && pl_stream_is_due(t->stream));
  return due ? 0 : uv_backend_timeout(t->loop);
}

/* OpenSSL writes without MSG_NOSIGNAL: hold SIGPIPE back for this thread, and swallow the one that we caused. */
static void turn(pl_transport *t) {
  (void)uv_run(t->loop, UV_RUN_NOWAIT);
  if (t->state != CONNECTING) drop_attempts(t);
  take_over(t);
  if (t->stream) pl_stream_turn(t->stream);
}

static void turn_without_sigpipe(pl_transport *t) {
  sigset_t pipe, old, pending;
  const struct timespec now = {0, 0};
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  bool before = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &pipe, &old);
  turn(t);
  if (!before) (void)sigtimedwait(&pipe, NULL, &now);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void whole_turn(pl_transport *t) {
  if (t->url.tls)
    turn_without_sigpipe(t);
  else
    turn(t);
  bool failed = t->attempt_failed && t->state == CONNECTING; /* else another one has won in this very turn */
  t->attempt_failed = false;
  if (failed) start_next(t);
  if (t->closed) {
    int error = t->error;
    char text[TEXT_MAX];
    memcpy(text, t->text, sizeof text);
    reset(t);
    t->on.on_closed(t->on.user, error, text);
  }
}

/* Sockets are opened while there is no connection only. */
void pl_transport_turn(pl_transport *t) {
  bool opens = t->state == RESOLVING || t->state == CONNECTING;
  if (opens) pl_low_fds_hold();
  whole_turn(t);
  if (opens) pl_low_fds_release();
}
