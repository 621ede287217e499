/* pl-bench-raw: joins TCP sockets in pairs and forwards bytes without parsing them, with one read and one write each.
 * So it shows what the kernel allows. A socket first sends 8 bytes, the pair's number; 0 means a single idle socket.
 * Both ends get theirs back once they are joined. While a receiver is slow, its sender is not read.
 *
 *   pl-bench-raw PORT        with 0 the system chooses; prints "ready PORT" */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GREETING = 8, BUFFER = 256 << 10, EVENTS = 512, PAIRS_MAX = 65536 };

typedef struct end {
  int fd;
  struct end *other;
  uint64_t pair;
  uint8_t greeting[GREETING];
  size_t greeted;
  uint8_t *waiting; /* bytes that this socket has not taken yet */
  size_t waiting_start, waiting_size;
  uint32_t events;
} end;

static int epoll_fd;
static uint8_t buffer[BUFFER];
static end *alone[PAIRS_MAX]; /* by pair: the end that connected first */
static end *closed[EVENTS * 2 + 2];
static size_t closed_count;

static void watch(end *e, uint32_t events, int operation) {
  struct epoll_event ev = {.events = events, .data.ptr = e};
  if (operation == EPOLL_CTL_MOD && e->events == events) return;
  e->events = events;
  epoll_ctl(epoll_fd, operation, e->fd, &ev);
}

/* Closes both ends. They are freed after the turn, because later events of it may refer to them. */
static void drop(end *e) {
  if (e->fd < 0) return;
  if (e->pair && e->pair < PAIRS_MAX && alone[e->pair] == e) alone[e->pair] = NULL;
  close(e->fd);
  e->fd = -1;
  closed[closed_count++] = e;
  if (e->other) {
    e->other->other = NULL;
    drop(e->other);
    e->other = NULL;
  }
}

static bool greet(end *e) {
  if (send(e->fd, e->greeting, GREETING, MSG_NOSIGNAL) == GREETING) return true;
  drop(e);
  return false;
}

static void join(end *e) {
  uint64_t pair = 0;
  for (int i = 0; i < GREETING; i++) pair = pair << 8 | e->greeting[i];
  if (pair >= PAIRS_MAX) {
    drop(e);
    return;
  }
  e->pair = pair;
  if (pair == 0) {
    (void)greet(e);
    return;
  }
  if (!alone[pair]) {
    alone[pair] = e;
    watch(e, 0, EPOLL_CTL_MOD); /* its bytes stay in the kernel until the other end is there */
    return;
  }
  e->other = alone[pair];
  e->other->other = e;
  alone[pair] = NULL;
  watch(e->other, EPOLLIN, EPOLL_CTL_MOD);
  if (greet(e->other)) (void)greet(e);
}

static void hold(end *to, size_t from, size_t size) {
  to->waiting = malloc(size);
  if (!to->waiting) {
    drop(to);
    return;
  }
  memcpy(to->waiting, buffer + from, size);
  to->waiting_start = 0;
  to->waiting_size = size;
  watch(to, to->events | EPOLLOUT, EPOLL_CTL_MOD);
  watch(to->other, to->other->events & ~(uint32_t)EPOLLIN, EPOLL_CTL_MOD);
}

static void readable(end *e) {
  if (e->greeted < GREETING) {
    ssize_t n = recv(e->fd, e->greeting + e->greeted, GREETING - e->greeted, 0);
    if (n <= 0) {
      if (n == 0 || errno != EAGAIN) drop(e);
      return;
    }
    e->greeted += (size_t)n;
    if (e->greeted == GREETING) join(e);
    return;
  }
  ssize_t n = recv(e->fd, buffer, sizeof buffer, 0);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) drop(e);
    return;
  }
  if (!e->other) return;
  ssize_t sent = send(e->other->fd, buffer, (size_t)n, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) {
    drop(e);
    return;
  }
  if (sent < 0) sent = 0;
  if (sent < n) hold(e->other, (size_t)sent, (size_t)(n - sent));
}

static void writable(end *e) {
  ssize_t n = send(e->fd, e->waiting + e->waiting_start, e->waiting_size, MSG_NOSIGNAL);
  if (n < 0) {
    if (errno != EAGAIN) drop(e);
    return;
  }
  e->waiting_start += (size_t)n;
  e->waiting_size -= (size_t)n;
  if (e->waiting_size) return;
  free(e->waiting);
  e->waiting = NULL;
  watch(e, e->events & ~(uint32_t)EPOLLOUT, EPOLL_CTL_MOD);
  if (e->other) watch(e->other, e->other->events | EPOLLIN, EPOLL_CTL_MOD);
}

static void accept_all(int listener) {
  const int on = 1;
  // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the epoll has the pointer
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    end *e = calloc(1, sizeof *e);
    if (!e) {
      close(fd);
      return;
    }
    e->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(e, EPOLLIN, EPOLL_CTL_ADD);
  }
}

static int listen_on(const char *port) {
  const int on = 1;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
  socklen_t size = sizeof a;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0 ||
      getsockname(fd, (struct sockaddr *)&a, &size) != 0)
    return -1;
  printf("ready %d\n", ntohs(a.sin_port));
  fflush(stdout);
  return fd;
}

static void turn(int listener) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(epoll_fd, events, EVENTS, -1);
  for (int i = 0; i < n; i++) {
    end *e = events[i].data.ptr;
    if (!e) {
      accept_all(listener);
      continue;
    }
    if (e->fd >= 0 && (events[i].events & EPOLLOUT) && e->waiting) writable(e);
    if (e->fd >= 0 && (events[i].events & EPOLLIN)) readable(e);
    if (e->fd >= 0 && (events[i].events & (EPOLLERR | EPOLLHUP))) drop(e);
  }
  while (closed_count) {
    end *e = closed[--closed_count];
    free(e->waiting);
    free(e);
  }
}

int main(int argc, char **argv) {
  struct rlimit limit;
  if (argc != 2) {
    fprintf(stderr, "pl-bench-raw PORT\n");
    return 2;
  }
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  signal(SIGPIPE, SIG_IGN);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  int listener = listen_on(argv[1]);
  if (epoll_fd < 0 || listener < 0) {
    perror("pl-bench-raw");
    return 1;
  }
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &ev);
  for (;;) turn(listener);
}
