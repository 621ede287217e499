/* A socket of the load generator from connect to close, plain or TLS. It reads into the generator's one buffer and
 * sends directly; bytes that the kernel does not take wait in c->out. TLS has the economy of the client library: a read
 * takes all records that have come, and those of a write are sent together. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { OUT_MAX = 64 << 20, FROZEN_BUFFER = 4096, FAILURES_SHOWN = 5 };

static void arm(bench_conn *c, int operation) {
  struct epoll_event e = {.data.ptr = c};
  e.events = (c->stopped ? 0u : (uint32_t)EPOLLIN) | (c->write_armed ? (uint32_t)EPOLLOUT : 0u);
  epoll_ctl(c->gen->epoll, operation, c->fd, &e);
}

static void want_write(bench_conn *c, bool on) {
  if (c->write_armed == on) return;
  c->write_armed = on;
  arm(c, EPOLL_CTL_MOD);
}

void bench_conn_stop_reading(bench_conn *c) {
  c->stopped = true;
  arm(c, EPOLL_CTL_MOD);
}

void bench_conn_state(bench_conn *c, bench_state state) {
  bench_gen *g = c->gen;
  if (c->state < BENCH_JOINING && state >= BENCH_JOINING) g->greeted++;
  if (c->state >= BENCH_JOINING && state < BENCH_JOINING) g->greeted--;
  if (c->state != BENCH_READY && state == BENCH_READY) g->ready++;
  if (c->state == BENCH_READY && state != BENCH_READY) g->ready--;
  c->state = state;
}

SSL_CTX *bench_tls_new(void) {
  SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
  if (!tls) return NULL;
  SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL); /* the certificate is the bench's own, made for this run */
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return tls;
}

int bench_conn_start(bench_conn *c) {
  bench_gen *g = c->gen;
  const int on = 1, small = FROZEN_BUFFER;
  const struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* no TIME_WAIT: thousands of sockets come and go */
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)g->options.port)};
  if (inet_pton(AF_INET, g->options.host, &to.sin_addr) != 1) return -1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) return -1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (g->options.leave != BENCH_LEAVE_EXIT) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (g->options.leavers) setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  /* Otherwise the kernel would buffer megabytes for a reader that stopped. */
  if (c->role == BENCH_FROZEN) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  if (connect(c->fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
    close(c->fd);
    c->fd = -1;
    return -1;
  }
  c->write_armed = true;
  c->stopped = false;
  arm(c, EPOLL_CTL_ADD);
  bench_conn_state(c, BENCH_CONNECTING);
  return 0;
}

void bench_conn_close(bench_conn *c) {
  if (c->fd < 0) return;
  if (c->ssl) SSL_free(c->ssl);
  close(c->fd);
  c->ssl = NULL;
  c->fd = -1;
  pl_buffer_deinit(&c->out);
  pl_buffer_init(&c->out, OUT_MAX);
  c->part_size = c->skip = c->text_size = 0;
  c->head_size = 0;
  c->in_frame = c->write_armed = false;
  c->frame_left = 0;
  c->link = 0;
  bench_conn_state(c, BENCH_CLOSED);
}

void bench_conn_fail(bench_conn *c, const char *why) {
  bench_gen *g = c->gen;
  if (c->state == BENCH_CLOSED) return;
  if (g->reconnects)
    g->lost++;
  else if (g->failed++ < FAILURES_SHOWN)
    fprintf(stderr, "pl-bench-load: socket %zu (state %d): %s\n", (size_t)(c - g->conns), (int)c->state, why);
  bench_conn_close(c);
}

static void stream_opened(bench_conn *c) {
  want_write(c, false);
  if (c->gen->dialect->websocket) {
    bench_conn_state(c, BENCH_UPGRADING);
    bench_ws_upgrade(c);
  } else {
    bench_conn_state(c, BENCH_GREETING);
    c->gen->dialect->opened(c);
  }
}

/* Returns the bytes sent, or -1 when the connection is broken. */
static ssize_t give(const bench_conn *c, const void *data, size_t size) {
  ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
  if (n >= 0) return n;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* Sends what waits. Returns false when the connection is broken. */
static bool send_waiting(bench_conn *c) {
  while (c->out.size) {
    ssize_t n = give(c, pl_buffer_data(&c->out), c->out.size);
    if (n <= 0) return n == 0;
    pl_buffer_consume(&c->out, (size_t)n);
  }
  return true;
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

static bool keep_sealed(pl_tls_bio *bio, const uint8_t *data, size_t size) {
  return pl_buffer_append(&PL_CONTAINER(bio, bench_conn, bio)->out, data, size) == 0;
}

static bool start_tls(bench_conn *c) {
  c->ssl = SSL_new(c->gen->tls);
  c->bio = (pl_tls_bio){.write = keep_sealed};
  BIO *bio = c->ssl ? pl_tls_bio_new(&c->bio) : NULL;
  if (!bio) return false;
  SSL_set_bio(c->ssl, bio, bio);
  SSL_set_connect_state(c->ssl);
  return true;
}

/* Reads as recv does, and notes when the bytes came to the socket, which may be long before they are read. */
static ssize_t recv_timed(bench_conn *c, void *data, size_t size) {
  bench_gen *g = c->gen;
  union {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
  } control;
  struct iovec to = {.iov_base = data, .iov_len = size};
  struct msghdr message = {.msg_iov = &to, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t n = recvmsg(c->fd, &message, 0);
  const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  g->came_ns = 0;
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
    struct timespec t;
    memcpy(&t, CMSG_DATA(header), sizeof t);
    g->came_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - g->clock_ahead_ns;
  }
  return n;
}

/* Reads up to `size` bytes as they are on the wire. Returns how many, 0 when it would block, -1 at the end. */
static ssize_t receive(bench_conn *c, void *data, size_t size) {
  ssize_t n = c->gen->options.leavers ? recv_timed(c, data, size) : recv(c->fd, data, size, 0);
  if (n > 0) return n;
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Opens the records that were read. Returns their size, or -1 when the connection is broken. */
static ssize_t open_records(bench_conn *c, uint8_t *data) {
  size_t sum = 0, n = 0;
  while (c->bio.in.size) {
    if (SSL_read_ex(c->ssl, data + sum, SSL3_RT_MAX_PLAIN_LENGTH, &n)) {
      sum += n;
      continue;
    }
    int error = SSL_get_error(c->ssl, 0);
    ERR_clear_error();
    if (error != SSL_ERROR_WANT_READ) return -1;
  }
  return (ssize_t)sum;
}

/* Leaves room for one more record, which an earlier read may have begun. */
static ssize_t take_tls(bench_conn *c, uint8_t *data, size_t size) {
  size_t most = c->gen->rx_size / 2;
  ssize_t n = receive(c, c->gen->sealed, size < most ? size : most);
  if (n <= 0) return n;
  c->bio.in = (pl_view){c->gen->sealed, (size_t)n};
  n = open_records(c, data);
  if (!send_waiting(c)) return -1;
  want_write(c, c->out.size > 0);
  return n;
}

static bool seal(bench_conn *c, const uint8_t *data, size_t size) {
  size_t n = 0;
  for (size_t at = 0; at < size; at += n)
    if (!SSL_write_ex(c->ssl, data + at, size - at, &n)) return false;
  return true;
}

/* The relay speaks first only after the upgrade, so nothing but TLS's own messages can follow the handshake. */
static void secure(bench_conn *c) {
  ssize_t n = receive(c, c->gen->sealed, c->gen->rx_size);
  c->bio.in = (pl_view){c->gen->sealed, n > 0 ? (size_t)n : 0};
  int rc = SSL_connect(c->ssl), error = SSL_get_error(c->ssl, rc);
  if (n < 0 || !send_waiting(c) || (rc != 1 && error != SSL_ERROR_WANT_READ)) {
    bench_conn_fail(c, "TLS handshake failed");
    return;
  }
  want_write(c, c->out.size > 0);
  if (rc != 1) return;
  if (open_records(c, c->gen->rx) != 0)
    bench_conn_fail(c, "the server spoke before the upgrade");
  else
    stream_opened(c);
}

static void connected(bench_conn *c) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    bench_conn_fail(c, strerror(error));
    return;
  }
  if (!c->gen->tls) {
    stream_opened(c);
    return;
  }
  if (!start_tls(c)) {
    bench_conn_fail(c, "no memory for TLS");
    return;
  }
  bench_conn_state(c, BENCH_SECURING);
  secure(c);
}

/* Returns the bytes read, 0 when there were none, -1 at the end. */
static ssize_t take(bench_conn *c, size_t size) {
  return c->ssl ? take_tls(c, c->gen->rx, size) : receive(c, c->gen->rx, size);
}

/* Reads up to about `size` bytes and discards them. */
size_t bench_conn_discard(bench_conn *c, size_t size) {
  ssize_t n = take(c, size < c->gen->rx_size ? size : c->gen->rx_size);
  return n > 0 ? (size_t)n : 0;
}

void bench_conn_send(bench_conn *c, const uint8_t *data, size_t size) {
  if (c->state == BENCH_CLOSED) return;
  bool waits = c->out.size > 0;
  ssize_t n = c->ssl || waits ? 0 : give(c, data, size);
  if (n >= 0 && !(c->ssl ? seal(c, data, size) : pl_buffer_append(&c->out, data + n, size - (size_t)n) == 0)) {
    bench_conn_fail(c, "too much waits to be sent");
    return;
  }
  if (n < 0 || (c->ssl && !waits && !send_waiting(c))) {
    bench_conn_fail(c, "lost while sending");
    return;
  }
  want_write(c, c->out.size > 0);
}

static void flush(bench_conn *c) {
  if (send_waiting(c))
    want_write(c, c->out.size > 0);
  else
    bench_conn_fail(c, "lost while sending");
}

static void feed(bench_conn *c) {
  bench_gen *g = c->gen;
  ssize_t n = take(c, g->rx_size);
  if (n < 0) {
    g->due_count = 0;
    bench_conn_fail(c, "closed by the server");
    return;
  }
  g->now_ns = g->came_ns ? g->came_ns : bench_clock_ns();
  if (n && g->dialect->websocket)
    bench_ws_feed(c, g->rx, (size_t)n);
  else if (n)
    g->dialect->bytes(c, g->rx, (size_t)n);
  bench_send_due(c);
}

void bench_conn_event(bench_conn *c, uint32_t events) {
  if (c->state == BENCH_CLOSED) return; /* closed earlier in the same turn */
  if (c->state == BENCH_CONNECTING) {
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) connected(c);
    return;
  }
  if (c->state == BENCH_SECURING) {
    secure(c);
    return;
  }
  if (events & EPOLLOUT) flush(c);
  if (c->state == BENCH_CLOSED) return;
  if (c->stopped) {
    if (events & (EPOLLERR | EPOLLHUP)) bench_conn_fail(c, "a frozen socket was closed by the server");
  } else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
    feed(c);
  }
}
