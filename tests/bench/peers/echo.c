/* See peers.h: many peers in one process, each an engine of its own on a plain socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/core/engine/engine.h"
#include "client/core/wire/wire.h"
#include "client/core/ws/ws.h"
#include "peers.h"

enum { IN_BYTES = 65536, OUT_BYTES = 65600, HEAD_MAX = 4096, EVENTS = 512, LOGINS_AT_ONCE = 64, LOOK_EVERY_MS = 100 };

typedef struct echo_peer {
  int fd;
  pl_engine *engine;
  bool upgraded, online;
  pl_ws ws;
  pl_buffer head, out;
} echo_peer;

typedef struct echo {
  int epoll, port;
  echo_peer *peers;
  size_t count, online, started;
  bool failed;
  uint8_t in[IN_BYTES], produced[OUT_BYTES];
} echo;

static void echo_step(echo *x, echo_peer *p, pl_engine_event in);

static void echo_fail(echo *x, const char *what) {
  if (!x->failed) fprintf(stderr, "pl-bench-peers: a peer failed: %s\n", what);
  x->failed = true;
}

static void echo_flush(echo *x, echo_peer *p) {
  while (p->out.size) {
    ssize_t n = send(p->fd, pl_buffer_data(&p->out), p->out.size, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) {
      echo_fail(x, "sending");
      return;
    }
    pl_buffer_consume(&p->out, (size_t)n);
  }
  struct epoll_event e = {.events = EPOLLIN | (p->out.size ? EPOLLOUT : 0u), .data.ptr = p};
  if (p->out.size) epoll_ctl(x->epoll, EPOLL_CTL_MOD, p->fd, &e);
}

static void echo_frame(echo *x, echo_peer *p, const uint8_t *payload, size_t size) {
  static const uint8_t mask[4] = {0}; /* a mask of zeros is a mask */
  uint8_t *at = pl_buffer_reserve(&p->out, PL_WS_HEADER_MAX + size);
  if (!at) {
    echo_fail(x, "memory");
    return;
  }
  size_t header = pl_ws_put_header(at, PL_WS_BINARY, size, mask);
  memcpy(at + header, payload, size);
  pl_buffer_commit(&p->out, header + size);
}

static void echo_produce(echo *x, echo_peer *p) {
  if (!p->upgraded) return;
  for (size_t n; (n = pl_engine_produce(p->engine, bench_peers_now_ms(), x->produced, sizeof x->produced)) != 0;)
    echo_frame(x, p, x->produced, n);
  echo_flush(x, p);
}

static void echo_answer(echo *x, echo_peer *p, const pl_engine_action *a) {
  pl_engine_event send = {.type = PL_ENGINE_IN_SEND, .send = {a->session, a->channel, a->data}};
  echo_step(x, p, send);
}

/* The answer's step would reuse the memory of the actions, so messages are copied and sent afterwards. */
static void echo_step(echo *x, echo_peer *p, pl_engine_event in) {
  static uint8_t messages[IN_BYTES * 2];
  static pl_engine_action answers[IN_BYTES / 16];
  pl_engine_result result;
  size_t count = 0, used = 0;
  in.now_ms = bench_peers_now_ms();
  if (pl_engine_step(p->engine, &in, &result) != 0) echo_fail(x, "a step");
  for (size_t i = 0; i < result.action_count; i++) {
    const pl_engine_action *a = &result.actions[i];
    if (a->type == PL_ENGINE_OUT_ONLINE && !p->online) {
      p->online = true;
      x->online++;
    } else if (a->type == PL_ENGINE_OUT_MESSAGE && used + a->data.size <= sizeof messages) {
      answers[count] = *a;
      answers[count++].data = (pl_view){messages + used, a->data.size};
      memcpy(messages + used, a->data.data, a->data.size);
      used += a->data.size;
    } else if (a->type == PL_ENGINE_OUT_OFFLINE) {
      echo_fail(x, "the relay ended a connection");
    }
  }
  for (size_t i = 0; i < count; i++) {
    const pl_engine_action a = answers[i];
    echo_answer(x, p, &a);
  }
}

/* Returns the bytes behind the head of the answer to the upgrade, or 0 while it is not whole. */
static size_t echo_upgrade(echo *x, echo_peer *p, uint8_t **data, size_t size) {
  if (pl_buffer_append(&p->head, *data, size)) {
    echo_fail(x, "the upgrade");
    return 0;
  }
  const uint8_t *start = pl_buffer_data(&p->head), *end = memmem(start, p->head.size, "\r\n\r\n", 4);
  if (!end) return 0;
  if (memcmp(start, "HTTP/1.1 101", 12) != 0) echo_fail(x, "the upgrade was refused");
  size_t rest = p->head.size - (size_t)(end + 4 - start);
  *data += size - rest;
  pl_buffer_deinit(&p->head);
  p->upgraded = true;
  echo_step(x, p, (pl_engine_event){.type = PL_ENGINE_IN_SOCKET_OPEN});
  return rest;
}

static void echo_read(echo *x, echo_peer *p) {
  ssize_t n = recv(p->fd, x->in, sizeof x->in, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    echo_fail(x, "the relay closed a connection");
    return;
  }
  uint8_t *data = x->in;
  size_t size = p->upgraded ? (size_t)n : echo_upgrade(x, p, &data, (size_t)n);
  pl_ws_event e;
  int rc;
  while (size && (rc = pl_ws_read(&p->ws, &data, &size, &e)) != 0) {
    if (rc < 0) {
      echo_fail(x, "WebSocket");
      return;
    }
    if (e.type == PL_WS_BINARY)
      echo_step(x, p, (pl_engine_event){.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{e.data, e.size}}});
  }
  echo_produce(x, p);
}

static void echo_connect(echo *x, echo_peer *p) {
  const int one = 1;
  char request[300];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)x->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (p->fd < 0 || connect(p->fd, (const struct sockaddr *)&to, sizeof to) != 0) {
    echo_fail(x, strerror(errno));
    return;
  }
  setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int n = snprintf(request, sizeof request,
                   "GET /pairlink HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                   "Sec-WebSocket-Protocol: pairlink.v1\r\n\r\n",
                   x->port);
  if (send(p->fd, request, (size_t)n, MSG_NOSIGNAL) != n) echo_fail(x, "sending the upgrade");
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
  epoll_ctl(x->epoll, EPOLL_CTL_ADD, p->fd, &e);
  echo_step(x, p, (pl_engine_event){.type = PL_ENGINE_IN_START});
}

static int echo_make(echo_peer *p, const char *origin) {
  uint8_t seed[PL_SEED_BYTES];
  pl_engine_config config = {.origin = origin, .application = "bench/1", .listen = true, .accept_all = true};
  randombytes_buf(seed, sizeof seed);
  randombytes_buf(config.instance, sizeof config.instance);
  randombytes_buf(config.seed, sizeof config.seed);
  pl_ws_init(&p->ws, false, false, IN_BYTES * 4);
  pl_buffer_init(&p->head, HEAD_MAX);
  pl_buffer_init(&p->out, 1 << 20);
  p->fd = -1;
  int rc = pl_identity_from_seed(&config.identity, seed);
  if (rc == 0) rc = pl_engine_new(&config, &p->engine);
  if (rc == 0) {
    char id[PL_ID_CHARS + 1];
    pl_id_format(id, config.identity.id);
    puts(id);
  }
  return rc;
}

static void echo_turn(echo *x, int wait_ms) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(x->epoll, events, EVENTS, wait_ms);
  for (int i = 0; i < n && !x->failed; i++) {
    echo_peer *p = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) {
      struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
      epoll_ctl(x->epoll, EPOLL_CTL_MOD, p->fd, &e);
      echo_flush(x, p);
    }
    if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) echo_read(x, p);
  }
}

static void echo_timers(echo *x) {
  uint64_t now = bench_peers_now_ms();
  for (size_t i = 0; i < x->started; i++) {
    if (pl_engine_deadline(x->peers[i].engine) > now) continue;
    echo_step(x, &x->peers[i], (pl_engine_event){.type = PL_ENGINE_IN_TIME});
    echo_produce(x, &x->peers[i]);
  }
}

/* Lives until its parent is gone, which it notices by its standard input. */
static bool echo_is_wanted(void) {
  char byte;
  struct timeval none = {0, 0};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(STDIN_FILENO, &set);
  return select(STDIN_FILENO + 1, &set, NULL, NULL, &none) <= 0 || read(STDIN_FILENO, &byte, 1) > 0;
}

int bench_peers_echo(int port, size_t count) {
  static echo x;
  char origin[64];
  x.port = port;
  x.count = count;
  x.epoll = epoll_create1(EPOLL_CLOEXEC);
  x.peers = pl_alloc(count * sizeof *x.peers);
  if (x.epoll < 0 || !x.peers) return 1;
  snprintf(origin, sizeof origin, "http://127.0.0.1:%d", port);
  for (size_t i = 0; i < count; i++)
    if (echo_make(&x.peers[i], origin)) return 1;
  bool told = false;
  for (uint64_t look_ms = 0; !x.failed;) {
    while (x.started < count && x.started < x.online + LOGINS_AT_ONCE && !x.failed)
      echo_connect(&x, &x.peers[x.started++]);
    echo_turn(&x, LOOK_EVERY_MS / 4);
    uint64_t now = bench_peers_now_ms();
    if (now < look_ms) continue;
    look_ms = now + LOOK_EVERY_MS;
    echo_timers(&x);
    if (!echo_is_wanted()) return 0;
    if (x.online < count || told) continue;
    told = true;
    puts("ready");
    fflush(stdout);
  }
  return 1;
}
