/* See server.h. The set (set.h) reports the sockets, which are read and written here; tls.h lies between. A socket is
 * closed only in end_some, after it was put into a list of those that leave. So no call into this file frees what its
 * caller holds, and whatever the set has reported in a turn exists until the end of that turn. And a few are closed per
 * turn, so that when thousands leave at once, the others wait little. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "set.h"
#include "tls.h"
#include "turns.h"

enum {
  LISTENERS_MAX = 16,
  ACCEPTS_PER_TURN = 64,
  RX_BYTES = 320 * 1024,
  WRITE_BYTES = 256 * 1024, /* written to a socket at most before others are served */
  EVENTS_PER_LEAVE = 8,     /* one socket ends after each turn, and another per 8 events of the turn */
  LEAVES_PER_ACCEPT = 2,    /* and 2 per accepted socket, because one that gets an answer ends twice */
  SHORTAGE_MS = 200,        /* for this long nothing is accepted when there is no descriptor left even to refuse with */
  TURNS_TO_CLOSE = 1000
};

struct pl_socket {
  void *conn;
  pl_server *server;
  pl_tls *tls; /* NULL: plain */
  int fd;
  uint8_t ready; /* what was reported and is still to be served */
  bool shut, failed;
  bool leaves; /* it is in pl_server.leaving: the rest of its answer is to be written, or it is to be closed */
  bool gone;   /* it is to be closed */
  bool ended;  /* the client sends nothing more; it still gets the rest of its answer */
  bool full;   /* it did not take everything, or all that it may in one turn: nothing is written until it is writable */
  bool waits;  /* it is in pl_server.line */
  pl_turns_class class;
  pl_node all;  /* in pl_server.sockets, or in pl_server.leaving */
  pl_node line; /* in pl_server.line while it waits there */
};

typedef struct listener {
  uv_poll_t poll;
  pl_server *server;
  int fd;
} listener;

struct pl_server {
  pl_server_config config;
  pl_tls_server *tls; /* NULL: plain */
  pl_set set;
  bool stopped;        /* pl_server_run is to return */
  uv_timer_t shortage; /* runs while accepting is paused */
  listener listeners[LISTENERS_MAX];
  size_t listener_count;
  pl_node sockets, leaving;
  size_t events, accepted; /* of sockets in this turn */
  pl_node line;            /* bulk sockets, and others that are to be served again, in the order of their turns */
  pl_turns turns;
  uint64_t refused, pauses; /* at the limit of open files */
  int spare_fd;             /* closed for a moment to refuse a connection at the limit of open files; -1: lost */
  bool stopping;
  uint8_t *rx, *sealed; /* what was read last; with TLS, `sealed` is still encrypted */
};

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Has the socket served again: bulk when its turn comes, others at the end of this turn or in the next one. */
static void stand_in_line(pl_socket *socket) {
  if (socket->waits) return;
  socket->waits = true;
  pl_list_append(&socket->server->line, &socket->line);
}

/* Writes as much as the kernel accepts. */
static size_t put_plain(pl_socket *socket, const uint8_t *data, size_t size) {
  ssize_t n;
  do n = send(socket->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN) socket->failed = true;
  size_t taken = n < 0 ? 0 : (size_t)n;
  socket->full = taken < size;
  return taken;
}

static size_t put_tls(pl_socket *socket, const uint8_t *data, size_t size) {
  size_t taken = pl_tls_write(socket->tls, data, size);
  socket->failed = pl_tls_failed(socket->tls);
  socket->full = pl_tls_waits(socket->tls);
  return taken;
}

static void move_socket(pl_socket *socket, pl_node *to) {
  pl_list_remove(&socket->all);
  pl_list_append(to, &socket->all);
  socket->leaves = to == &socket->server->leaving;
}

/* Has the socket end when its turn comes: after the rest of its answer, or at once. */
static void leave(pl_socket *socket, bool at_once) {
  if (at_once) socket->gone = true;
  if (!socket->leaves) move_socket(socket, &socket->server->leaving);
}

size_t pl_server_send(pl_server *server, pl_socket *socket, pl_view bytes) {
  (void)server;
  if (socket->failed || socket->full) return 0;
  size_t n = socket->tls ? put_tls(socket, bytes.data, bytes.size) : put_plain(socket, bytes.data, bytes.size);
  if (socket->failed) leave(socket, true);
  if (socket->full && !socket->failed) pl_turns_full(&socket->class);
  return n;
}

void pl_server_write(pl_server *server, pl_socket *socket) {
  pl_view out;
  size_t n;
  for (size_t sum = 0;
       !socket->failed && !socket->full && server->config.app.output(server->config.app_data, socket->conn, &out);
       sum += n) {
    if (sum >= WRITE_BYTES) { /* the rest counts as not taken */
      socket->full = true;
      socket->ready |= PL_SET_WRITABLE; /* the kernel, which would take more, does not report that again */
      pl_turns_full(&socket->class);
      stand_in_line(socket);
      return;
    }
    n = pl_server_send(server, socket, out);
    if (n == 0) return;
    server->config.app.sent(server->config.app_data, socket->conn, n);
  }
}

/* Everything was written. Closes one direction and waits for the client to close the other, because closing both would
 * discard what the client has not read yet. */
static void finish_socket(pl_socket *socket) {
  if (socket->tls) {
    pl_tls_finish(socket->tls);
    socket->full = pl_tls_waits(socket->tls);
    if (socket->full) return;
  }
  socket->shut = true;
  if (shutdown(socket->fd, SHUT_WR) != 0) socket->gone = true;
}

void pl_server_flush(pl_server *server, pl_socket *socket) {
  pl_relay_conn_wish wish = server->config.app.wish(server->config.app_data, socket->conn);
  if (wish == PL_RELAY_WISH_NONE) {
    pl_server_write(server, socket);
    wish = server->config.app.wish(server->config.app_data, socket->conn);
  }
  if (wish != PL_RELAY_WISH_NONE || socket->failed) leave(socket, socket->failed || wish == PL_RELAY_WISH_ABORT);
}

/* ---- reading and closing ----------------------------------------------------------------------------------------- */

static void close_socket(pl_socket *socket) {
  const pl_server *server = socket->server;
  pl_list_remove(&socket->all);
  if (socket->waits) pl_list_remove(&socket->line);
  pl_tls_free(socket->tls);
  close(socket->fd); /* it leaves the set by this */
  server->config.app.closed(server->config.app_data, socket->conn);
  pl_free(socket);
}

/* Writes the rest of an answer, and closes the socket when nothing is left to wait for. */
static void end_socket(pl_socket *socket) {
  pl_server *server = socket->server;
  pl_relay_conn_wish wish = server->config.app.wish(server->config.app_data, socket->conn);
  if (wish != PL_RELAY_WISH_ABORT) pl_server_write(server, socket);
  if (wish == PL_RELAY_WISH_FINISH && !socket->failed && !socket->full && !socket->shut) finish_socket(socket);
  if (socket->gone || socket->failed)
    close_socket(socket);
  else
    move_socket(socket, &server->sockets);
}

static void socket_received(const pl_socket *socket, size_t size) {
  const pl_server *server = socket->server;
  server->config.app.received(server->config.app_data, socket->conn, server->rx, size);
}

/* Decrypts what was read. Returns false when the connection is broken. */
static bool open_records(pl_socket *socket, size_t size) {
  long n;
  pl_tls_feed(socket->tls, socket->server->sealed, size);
  while ((n = pl_tls_read(socket->tls, socket->server->rx, RX_BYTES)) > 0) socket_received(socket, (size_t)n);
  if (pl_tls_waits(socket->tls)) socket->full = true; /* an answer of OpenSSL's own */
  return n == 0;
}

/* Reads once, at most `room` bytes. When the kernel may have more, that is noted in `ready`: it has no more when it
 * gave less than it could. Returns false when the connection has ended. */
static bool read_socket(pl_socket *socket, size_t room) {
  uint8_t *to = socket->tls ? socket->server->sealed : socket->server->rx;
  ssize_t n = recv(socket->fd, to, room, MSG_DONTWAIT);
  bool open = true;
  if (n < 0 && errno == EAGAIN) return true;
  if (n == (ssize_t)room || (n < 0 && errno == EINTR)) socket->ready |= PL_SET_READABLE;
  if (n <= 0) return n < 0 && errno == EINTR;
  if (socket->tls)
    open = open_records(socket, (size_t)n);
  else
    socket_received(socket, (size_t)n);
  pl_turns_read(&socket->class, (size_t)n, socket->full);
  return open;
}

/* Reads what was reported, and the end behind it when that was reported too, because it is not reported again. */
static bool read_reported(pl_socket *socket, size_t room, uint8_t ready) {
  bool hung_up = ready & PL_SET_HUNG_UP;
  bool open = read_socket(socket, room);
  if (open && hung_up && !(socket->ready & PL_SET_READABLE)) open = read_socket(socket, room);
  if (hung_up && socket->ready & PL_SET_READABLE) socket->ready |= PL_SET_HUNG_UP;
  return open;
}

static void on_writable(pl_socket *socket) {
  socket->full = socket->tls && !pl_tls_flush(socket->tls);
  if (socket->tls) socket->failed = pl_tls_failed(socket->tls);
  if (socket->ended)
    pl_server_write(socket->server, socket); /* what is left of the answer, which decides what follows */
  pl_server_flush(socket->server, socket);
}

/* Called when the client has ended its direction, perhaps right after its request: writes what is left of the answer.
 * Returns true when some of it must wait for the socket. */
static bool socket_lingers(pl_socket *socket) {
  const pl_server *server = socket->server;
  socket->ended = true;
  pl_server_write(socket->server, socket);
  if (!socket->full || socket->failed) return false;
  return server->config.app.wish(server->config.app_data, socket->conn) == PL_RELAY_WISH_FINISH;
}

/* Serves what was reported. Reads at most `room` bytes; after an error, what came before it. */
static void serve_socket(pl_socket *socket, size_t room) {
  uint8_t ready = socket->ready;
  bool open = true, broken = ready & PL_SET_BROKEN;
  bool readable = (broken || ready & PL_SET_READABLE) && !socket->ended;
  bool writable = ready & PL_SET_WRITABLE && socket->full && !broken;
  socket->ready = 0;
  if (socket->gone || !(broken || readable || writable)) return;
  socket->server->events++;
  if (readable) open = read_reported(socket, broken ? RX_BYTES : room, ready) || socket_lingers(socket);
  if (writable && open) {
    on_writable(socket);
    open = !socket->ended || (socket->full && !socket->failed);
  }
  if (broken || !open)
    leave(socket, true);
  else if (socket->ready)
    stand_in_line(socket);
}

/* Serves those who come first in line, at most `wanted`. Returns how many they were. */
static unsigned serve_line(pl_server *server, unsigned wanted) {
  pl_socket *first[PL_TURNS_MOST];
  unsigned n = 0;
  for (; n < wanted && !pl_list_empty(&server->line); n++) {
    first[n] = PL_CONTAINER(server->line.next, pl_socket, line);
    pl_list_remove(&first[n]->line);
    first[n]->waits = false;
  }
  for (unsigned i = 0; i < n; i++) serve_socket(first[i], n <= PL_TURNS_FEW ? RX_BYTES : RX_BYTES / 4);
  return n;
}

/* Serves the line for its share of a turn in which the others took `others_ns`. */
static void line_turn(pl_server *server, uint64_t others_ns) {
  uint64_t before = uv_hrtime();
  pl_turns_start(&server->turns, others_ns);
  for (unsigned wanted; (wanted = pl_turns_next(&server->turns)) > 0;) {
    unsigned n = serve_line(server, wanted);
    if (n < wanted) break; /* all have had their turn */
    uint64_t now = uv_hrtime();
    pl_turns_spent(&server->turns, n, now - before);
    before = now;
  }
}

/* Serves those that have something small, and lets bulk stand in line. */
static void serve_reported(pl_server *server, int count) {
  for (int i = 0; i < count; i++) {
    uint8_t ready;
    pl_socket *socket = pl_set_get(&server->set, i, &ready);
    socket->ready |= ready;
    if (socket->class.bulk)
      stand_in_line(socket);
    else
      serve_socket(socket, PL_TURNS_SMALL);
  }
}

/* Ends a few of the sockets that leave, which takes about a fifth of the time of a busy turn, but as many as come, and
 * writes what others hear of that. */
static void end_some(pl_server *server) {
  size_t ends = 1 + server->events / EVENTS_PER_LEAVE + server->accepted * LEAVES_PER_ACCEPT;
  server->events = server->accepted = 0;
  if (pl_list_empty(&server->leaving)) return;
  for (; ends > 0 && !pl_list_empty(&server->leaving); ends--)
    end_socket(PL_CONTAINER(server->leaving.next, pl_socket, all));
  server->config.app.turn(server->config.app_data);
}

/* Writes what small messages have caused, before the line gets its share of the turn. */
void pl_server_turn(pl_server *server, bool wait) {
  bool idle = pl_list_empty(&server->line) && pl_list_empty(&server->leaving);
  int count = pl_set_wait(&server->set, wait && idle);
  uint64_t started_ns = pl_list_empty(&server->line) ? 0 : uv_hrtime();
  serve_reported(server, count);
  server->config.app.turn(server->config.app_data);
  if (!pl_list_empty(&server->line)) {
    line_turn(server, started_ns ? uv_hrtime() - started_ns : 0);
    server->config.app.turn(server->config.app_data);
  }
  end_some(server);
}

void pl_server_run(pl_server *server) {
  while (!server->stopped) pl_server_turn(server, true);
}

void pl_server_stop(pl_server *server) {
  server->stopped = true;
}

/* ---- accepting --------------------------------------------------------------------------------------------------- */

/* Takes over an accepted descriptor. Returns false when that failed; the caller then still owns it. */
static bool server_adopt(pl_server *server, int fd, const struct sockaddr_storage *from) {
  uint8_t address[16];
  pl_socket *socket = pl_alloc(sizeof *socket);
  if (!socket) return false;
  pl_address_bytes(address, from);
  socket->server = server;
  socket->fd = fd;
  if (server->tls) socket->tls = pl_tls_new(server->tls, fd);
  if (!server->tls || socket->tls) socket->conn = server->config.app.opened(server->config.app_data, socket, address);
  if (socket->conn && !pl_set_add(&server->set, fd, socket)) {
    server->config.app.closed(server->config.app_data, socket->conn);
    socket->conn = NULL;
  }
  if (!socket->conn) {
    pl_tls_free(socket->tls);
    pl_free(socket);
    return false;
  }
  server->accepted++;
  pl_list_append(&server->sockets, &socket->all);
  return true;
}

static int open_spare(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Held by one worker at a time: a descriptor that one of them gives up must not go to another one's accept. */
static pthread_mutex_t accepting = PTHREAD_MUTEX_INITIALIZER;

/* Logs the 1st, 2nd, 4th, 8th … time, so that a flood does not fill the log. */
static void log_shortage(const char *event, uint64_t count) {
  if ((count & (count - 1)) == 0)
    pl_log_write(PL_RELAY_LOG_WARN, "event=%s reason=fd-limit count=%llu", event, (unsigned long long)count);
}

/* Called when no descriptor is left. Uses the spare one to accept and close the next connection, so that the client
 * does not hang. Returns false when the spare one was lost to something else in this process. */
static bool refuse_one(pl_server *server, int at) {
  if (server->spare_fd >= 0) close(server->spare_fd);
  int fd = accept4(at, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  server->spare_fd = open_spare();
  if (fd >= 0) log_shortage("refused", ++server->refused);
  return server->spare_fd >= 0;
}

typedef enum accepted { ACCEPTED_ONE, ACCEPTED_NONE, ACCEPT_SHORTAGE } accepted;

static accepted accept_one(pl_server *server, int at) {
  struct sockaddr_storage from = {0};
  socklen_t size = sizeof from;
  accepted result = ACCEPTED_ONE;
  pthread_mutex_lock(&accepting);
  int fd = accept4(at, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && errno == EAGAIN)
    result = ACCEPTED_NONE;
  else if (fd < 0 && (errno == EMFILE || errno == ENFILE))
    result = refuse_one(server, at) ? ACCEPTED_ONE : ACCEPT_SHORTAGE;
  else if (fd < 0 && (errno == ENOBUFS || errno == ENOMEM))
    result = ACCEPT_SHORTAGE;
  pthread_mutex_unlock(&accepting); /* any other error concerns only that connection, which is gone */
  if (fd >= 0 && !server_adopt(server, fd, &from)) close(fd);
  return result;
}

static void on_listener_event(uv_poll_t *poll, int status, int events);

static void start_listeners(pl_server *server) {
  for (size_t i = 0; i < server->listener_count; i++)
    uv_poll_start(&server->listeners[i].poll, UV_READABLE, on_listener_event);
}

static void on_shortage_over(uv_timer_t *timer) {
  pl_server *server = timer->data;
  if (server->spare_fd < 0) server->spare_fd = open_spare();
  start_listeners(server);
}

/* A waiting connection can be neither accepted nor refused. The loop would report it again and again, so accepting is
 * paused for a while. */
static void pause_listeners(pl_server *server) {
  for (size_t i = 0; i < server->listener_count; i++) uv_poll_stop(&server->listeners[i].poll);
  log_shortage("paused", ++server->pauses);
  uv_timer_start(&server->shortage, on_shortage_over, SHORTAGE_MS, 0);
}

static void on_listener_event(uv_poll_t *poll, int status, int events) {
  listener *l = poll->data;
  accepted last = ACCEPTED_ONE;
  (void)events;
  if (status < 0) return;
  for (int i = 0; i < ACCEPTS_PER_TURN && last == ACCEPTED_ONE; i++) last = accept_one(l->server, l->fd);
  if (last == ACCEPT_SHORTAGE) pause_listeners(l->server);
}

int pl_server_listen(pl_server *server, const char *address, char why[256]) {
  if (server->listener_count == LISTENERS_MAX) {
    snprintf(why, 256, "the relay listens on at most %d addresses", LISTENERS_MAX);
    return -EINVAL;
  }
  int fd = pl_listen(address, server->config.ports, why);
  if (fd < 0) return fd;
  listener *l = &server->listeners[server->listener_count++];
  *l = (listener){.server = server, .fd = fd};
  uv_poll_init(server->config.loop, &l->poll, fd);
  l->poll.data = l;
  uv_poll_start(&l->poll, UV_READABLE, on_listener_event);
  return pl_listen_port(fd);
}

static void on_listener_closed(uv_handle_t *handle) {
  listener *l = handle->data;
  close(l->fd);
}

void pl_server_stop_listening(pl_server *server) {
  if (server->stopping) return;
  server->stopping = true;
  uv_timer_stop(&server->shortage);
  for (size_t i = 0; i < server->listener_count; i++)
    uv_close((uv_handle_t *)&server->listeners[i].poll, on_listener_closed);
}

/* ---- creating and freeing ---------------------------------------------------------------------------------------- */

uint64_t pl_server_fd_limit(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 1024;
}

static void raise_fd_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void server_release(pl_server *server) {
  pl_set_deinit(&server->set);
  pl_tls_server_free(server->tls);
  pl_free(server->rx);
  pl_free(server->sealed);
  pl_free(server);
}

pl_server *pl_server_new(const pl_server_config *config) {
  pl_server *server = pl_alloc(sizeof *server);
  if (!server) return NULL;
  server->config = *config;
  server->set.fd = -1;
  pl_turns_init(&server->turns);
  pl_list_init(&server->line);
  pl_list_init(&server->sockets);
  pl_list_init(&server->leaving);
  raise_fd_limit();
  signal(SIGPIPE, SIG_IGN);
  if (config->tls_cert) server->tls = pl_tls_server_new(config->tls_cert, config->tls_key);
  server->rx = pl_realloc(NULL, RX_BYTES);
  if (config->tls_cert) server->sealed = pl_realloc(NULL, RX_BYTES);
  if (!server->rx || (config->tls_cert && (!server->tls || !server->sealed)) ||
      !pl_set_init(&server->set, config->loop)) {
    server_release(server);
    return NULL;
  }
  server->spare_fd = open_spare();
  uv_timer_init(config->loop, &server->shortage);
  server->shortage.data = server;
  return server;
}

void pl_server_free(pl_server *server) {
  if (!server) return;
  pl_server_stop_listening(server);
  while (!pl_list_empty(&server->sockets)) close_socket(PL_CONTAINER(server->sockets.next, pl_socket, all));
  while (!pl_list_empty(&server->leaving)) close_socket(PL_CONTAINER(server->leaving.next, pl_socket, all));
  uv_close((uv_handle_t *)&server->shortage, NULL);
  for (int turn = 0; turn < TURNS_TO_CLOSE && uv_run(server->config.loop, UV_RUN_NOWAIT); turn++) {
  }
  if (server->spare_fd >= 0) close(server->spare_fd);
  server_release(server);
}
