/* See server.h. Facts about libwebsockets 4.1.6 that this file rests on:
 * - its HTTP role must never meet a stranger: sockets are adopted into the raw role from the start;
 * - foreign_loops must be given, else it takes over signals;
 * - lws_write(RAW): what the kernel does not take it keeps, and lws_partial_buffered says so; POLLOUT must then be
 *   asked for, else the socket is not read any more. Only TLS goes through it. */
#include "server.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

enum {
  LISTENERS_MAX = 16,
  ACCEPTS_PER_TURN = 64,
  RX_BYTES = 320 * 1024,
  BACKLOG = 4096,
  NOTSENT_LOWAT = 128 * 1024,
  TLS_RECORD = 16 * 1024,
  TURNS_TO_CLOSE = 1000
};

struct pl_socket {
  struct lws *wsi;
  pl_server *server;
  void *conn;
  bool heard, shut, failed;
  bool full; /* it took not all; to be told when it is writable again */
};

typedef struct listener {
  uv_poll_t poll;
  pl_server *server;
  int fd;
} listener;

struct pl_server {
  pl_server_config config;
  struct lws_context *context;
  struct lws_vhost *vhost;
  uv_check_t check;
  listener listeners[LISTENERS_MAX];
  size_t listener_count;
  uint64_t refused;     /* at the limit of open files */
  uint8_t accepted[16]; /* address of the socket that is being adopted */
  int spare_fd;         /* closed to be able to refuse at the limit of open files */
  bool tls, stopping;
};

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* As much as the kernel takes. Plain sockets are written to directly: libwebsockets would keep what did not fit, which
 * no budget of the relay's counts. */
static size_t put_plain(pl_socket *socket, const uint8_t *data, size_t size) {
  ssize_t n;
  do n = send(lws_get_socket_fd(socket->wsi), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN) socket->failed = true;
  size_t taken = n < 0 ? 0 : (size_t)n;
  socket->full = taken < size;
  return taken;
}

/* A record at a time, so that libwebsockets never keeps more than one. */
static size_t put_tls(pl_socket *socket, const uint8_t *data, size_t size) {
  size_t taken = 0;
  while (taken < size && !socket->failed && !lws_partial_buffered(socket->wsi)) {
    size_t n = size - taken < TLS_RECORD ? size - taken : TLS_RECORD;
    if (lws_write(socket->wsi, (unsigned char *)(uintptr_t)(data + taken), n, LWS_WRITE_RAW) < 0)
      socket->failed = true;
    else
      taken += n;
  }
  socket->full = lws_partial_buffered(socket->wsi);
  return taken;
}

size_t pl_server_send(pl_server *server, pl_socket *socket, pl_view bytes) {
  if (socket->failed || socket->full) return 0;
  size_t n = server->tls ? put_tls(socket, bytes.data, bytes.size) : put_plain(socket, bytes.data, bytes.size);
  if (socket->full && !socket->failed) lws_callback_on_writable(socket->wsi);
  return n;
}

void pl_server_write(pl_server *server, pl_socket *socket) {
  pl_view out;
  size_t n;
  while (!socket->failed && !socket->full && server->config.app.output(server->config.app_data, socket->conn, &out) &&
         (n = pl_server_send(server, socket, out)))
    server->config.app.sent(server->config.app_data, socket->conn, n);
}

/* Ends it now. libwebsockets then reads the end and closes; its own timeouts would do it a second later or never. */
static void kill_socket(pl_socket *socket) {
  shutdown(lws_get_socket_fd(socket->wsi), SHUT_RDWR);
}

/* All was written. A half-close first, then the other side's: closing at once would throw away what it has not read
 * yet. TLS must say goodbye too, which libwebsockets does when a writable callback returns -1. */
static void finish_socket(pl_server *server, pl_socket *socket) {
  socket->shut = true;
  if (server->tls)
    lws_callback_on_writable(socket->wsi);
  else if (shutdown(lws_get_socket_fd(socket->wsi), SHUT_WR) != 0)
    kill_socket(socket);
}

void pl_server_flush(pl_server *server, pl_socket *socket) {
  pl_server_write(server, socket);
  pl_conn_wish wish = server->config.app.wish(server->config.app_data, socket->conn);
  if (socket->failed || wish == PL_WISH_ABORT)
    kill_socket(socket);
  else if (wish == PL_WISH_FINISH && !socket->shut && !socket->full)
    finish_socket(server, socket);
}

static void on_check(uv_check_t *check) {
  pl_server *server = check->data;
  server->config.app.turn(server->config.app_data);
}

/* ---- libwebsockets --------------------------------------------------------------------------------------------- */

static pl_server *server_of(struct lws *wsi) {
  return lws_context_user(lws_get_context(wsi));
}

static int on_adopt(struct lws *wsi, pl_socket *socket) {
  pl_server *server = server_of(wsi);
  socket->wsi = wsi;
  socket->server = server;
  socket->conn = server->config.app.opened(server->config.app_data, socket, server->accepted);
  return socket->conn ? 0 : -1;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
  pl_socket *socket = user;
  switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT:
      return on_adopt(wsi, socket);
    case LWS_CALLBACK_RAW_RX:
      if (!socket || !socket->conn) return -1;
      if (!socket->heard) lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* left over from the TLS handshake */
      socket->heard = true;
      socket->server->config.app.received(socket->server->config.app_data, socket->conn, in, size);
      return 0;
    case LWS_CALLBACK_RAW_WRITEABLE:
      if (!socket || !socket->conn) return 0;
      if (socket->shut && socket->server->tls && !lws_partial_buffered(wsi)) return -1;
      socket->full = false;
      pl_server_flush(socket->server, socket);
      return 0;
    case LWS_CALLBACK_RAW_CLOSE:
      if (socket && socket->conn) {
        void *conn = socket->conn;
        socket->conn = NULL;
        socket->server->config.app.closed(socket->server->config.app_data, conn);
      }
      return 0;
    default:
      return 0;
  }
}

static const struct lws_protocols protocols[] = {
    {.name = "raw", .callback = callback, .per_session_data_size = sizeof(pl_socket), .rx_buffer_size = RX_BYTES},
    {0},
};

static void on_lws_log(int level, const char *line) {
  size_t n = strcspn(line, "\n");
  pl_log(level == LLL_ERR ? PL_LOG_ERROR : PL_LOG_WARN, "event=lws text=\"%.*s\"", (int)n, line);
}

/* ---- listeners ----------------------------------------------------------------------------------------------------
 */

static void address_bytes(uint8_t out[16], const struct sockaddr_storage *from) {
  memset(out, 0, 16);
  if (from->ss_family == AF_INET6) {
    memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
  } else if (from->ss_family == AF_INET) {
    out[10] = out[11] = 0xff;
    memcpy(out + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
  }
}

/* No descriptor is left: with the spare one the next connection is taken and closed, so that it does not hang. */
static void refuse_one(pl_server *server, int fd) {
  server->refused++;
  if ((server->refused & (server->refused - 1)) == 0) /* the 1st, 2nd, 4th, 8th …: a flood must not fill the log */
    pl_log(PL_LOG_WARN, "event=refused reason=fd-limit count=%llu", (unsigned long long)server->refused);
  if (server->spare_fd >= 0) close(server->spare_fd);
  int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
  if (client >= 0) close(client);
  server->spare_fd = dup(2);
}

static bool accept_one(pl_server *server, int fd) {
  struct sockaddr_storage from = {0};
  socklen_t size = sizeof from;
  int client = accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) {
    if (errno == EMFILE || errno == ENFILE) refuse_one(server, fd);
    return errno == EINTR || errno == ECONNABORTED;
  }
  int on = 1, lowat = NOTSENT_LOWAT;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(client, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
  address_bytes(server->accepted, &from);
  lws_adoption_type type = LWS_ADOPT_SOCKET | (server->tls ? LWS_ADOPT_ALLOW_SSL : 0);
  lws_sock_file_fd_type descriptor = {.sockfd = client};
  lws_adopt_descriptor_vhost(server->vhost, type, descriptor, "raw", NULL); /* closes it when it fails */
  return true;
}

static void on_connection(uv_poll_t *poll, int status, int events) {
  listener *l = poll->data;
  (void)events;
  if (status < 0) return;
  for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l->server, l->fd); i++) {
  }
}

/* The first binds alone, so that another program on the port is noticed, and only then lets others in. */
static int open_listener(const struct addrinfo *a, pl_server_ports ports) {
  int on = 1, join = ports == PL_PORTS_JOIN, share = ports != PL_PORTS_OWN;
  int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      (a->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &join, sizeof join) == 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof share) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  int rc = -errno;
  close(fd);
  return rc;
}

/* A process that was killed a moment ago may still be about to give its port back. */
static int open_patiently(const struct addrinfo *a, pl_server_ports ports) {
  const struct timespec pause = {.tv_nsec = 50000000};
  int fd = open_listener(a, ports);
  for (int i = 0; fd == -EADDRINUSE && i < 12; i++) {
    nanosleep(&pause, NULL);
    fd = open_listener(a, ports);
  }
  return fd;
}

static int port_of(int fd) {
  struct sockaddr_storage at = {0};
  socklen_t size = sizeof at;
  if (getsockname(fd, (struct sockaddr *)&at, &size) != 0) return -errno;
  return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&at)->sin6_port
                                        : ((struct sockaddr_in *)(void *)&at)->sin_port);
}

/* "HOST:PORT", "[IPv6]:PORT" into its parts. */
static bool split_address(const char *address, char host[256], char port[8]) {
  const char *colon = strrchr(address, ':');
  if (!colon) return false;
  size_t n = (size_t)(colon - address);
  if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
    address++;
    n -= 2;
  } else if (memchr(address, ':', n)) {
    return false;
  }
  if (n == 0 || n > 255 || strlen(colon + 1) == 0 || strlen(colon + 1) > 5) return false;
  if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535) return false;
  memcpy(host, address, n);
  host[n] = '\0';
  strcpy(port, colon + 1);
  return true;
}

int pl_server_listen(pl_server *server, const char *address, char why[256]) {
  char host[256], port[8];
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
  if (server->listener_count == LISTENERS_MAX || !split_address(address, host, port)) {
    snprintf(why, 256, "%s", "an address is HOST:PORT, such as 127.0.0.1:8787 or [::1]:8787, at most 16 of them");
    return -EINVAL;
  }
  int rc = getaddrinfo(host, port, &hints, &found);
  if (rc != 0) {
    snprintf(why, 256, "%s", gai_strerror(rc));
    return -EINVAL;
  }
  int fd = open_patiently(found, server->config.ports);
  freeaddrinfo(found);
  if (fd < 0) {
    snprintf(why, 256, "%s", strerror(-fd));
    return fd;
  }
  listener *l = &server->listeners[server->listener_count++];
  *l = (listener){.server = server, .fd = fd};
  uv_poll_init(server->config.loop, &l->poll, fd);
  l->poll.data = l;
  uv_poll_start(&l->poll, UV_READABLE, on_connection);
  return port_of(fd);
}

static void on_listener_closed(uv_handle_t *handle) {
  listener *l = handle->data;
  close(l->fd);
}

void pl_server_stop_listening(pl_server *server) {
  if (server->stopping) return;
  server->stopping = true;
  for (size_t i = 0; i < server->listener_count; i++)
    uv_close((uv_handle_t *)&server->listeners[i].poll, on_listener_closed);
}

/* ---- life
 * ------------------------------------------------------------------------------------------------------------ */

uint64_t pl_server_fd_limit(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 1024;
}

static void raise_fd_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max > 1048576 ? 1048576 : limit.rlim_max; /* libwebsockets keeps a table of this size */
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* Of TLS 1.2: with forward secrecy and AEAD, none with CBC. TLS 1.1 and older have no such suite. */
#define TLS12_SUITES "ECDHE+AESGCM:ECDHE+CHACHA20"

static struct lws_context *make_context(pl_server *server) {
  void *loops[] = {server->config.loop};
  struct lws_context_creation_info info = {
      .port = CONTEXT_PORT_NO_LISTEN_SERVER, /* the other kind makes no TLS context, and TLS sockets would talk plain */
      .protocols = protocols,
      .foreign_loops = loops,
      .user = server,
      .pt_serv_buf_size = RX_BYTES,
      .listen_accept_role = "raw-skt",
      .listen_accept_protocol = "raw",
      .gid = -1,
      .uid = -1,
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG,
  };
  if (server->tls) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = server->config.tls_cert;
    info.ssl_private_key_filepath = server->config.tls_key;
    info.alpn = "http/1.1"; /* never h2: see above */
    info.ssl_cipher_list = TLS12_SUITES;
  }
  lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
  return lws_create_context(&info);
}

pl_server *pl_server_new(const pl_server_config *config) {
  pl_server *server = pl_alloc(sizeof *server);
  if (!server) return NULL;
  server->config = *config;
  server->tls = config->tls_cert != NULL;
  raise_fd_limit();
  signal(SIGPIPE, SIG_IGN);
  server->context = make_context(server);
  server->vhost = server->context ? lws_get_vhost_by_name(server->context, "default") : NULL;
  if (!server->vhost) {
    if (server->context) lws_context_destroy(server->context);
    pl_free(server);
    return NULL;
  }
  server->spare_fd = dup(2);
  uv_check_init(config->loop, &server->check);
  server->check.data = server;
  uv_check_start(&server->check, on_check);
  return server;
}

void pl_server_free(pl_server *server) {
  if (!server) return;
  pl_server_stop_listening(server);
  uv_close((uv_handle_t *)&server->check, NULL);
  lws_context_destroy(server->context);
  for (int turn = 0; turn < TURNS_TO_CLOSE && uv_run(server->config.loop, UV_RUN_NOWAIT); turn++) {
  }
  if (server->spare_fd >= 0) close(server->spare_fd);
  pl_free(server);
}
