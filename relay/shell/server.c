/* See server.h. The loop watches the sockets, which are read and written here; tls.h lies between. A socket is closed
 * only in on_check, after it was put into a list of those that leave. So no call into this file frees what its caller
 * holds. Sockets that talk are watched by the loop and served in every turn. All others, and those that leave, wait in
 * lines that get a share of each turn (turns.h). So when thousands come or leave at once, those that talk wait little.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "line.h"
#include "log.h"
#include "tls.h"

enum {
  LISTENERS_MAX = 16,
  ACCEPTS_PER_TURN = 16, /* and one, while others wait for a share of the turn: each that is accepted will, too */
  RX_BYTES = 320 * 1024,
  WRITE_BYTES = 256 * 1024, /* written to a socket at most before others are served */
  SILENT_PER_TURN = 8,      /* sockets that are asked per turn whether they still talk */
  SHORTAGE_MS = 200,        /* for this long nothing is accepted when there is no descriptor left even to refuse with */
  TURNS_TO_CLOSE = 1000
};

/* What each read and write needs lies together, beside the end of `poll`, which the loop has just read. */
struct pl_socket {
  uv_poll_t poll;
  void *conn;  /* NULL after it was closed */
  pl_tls *tls; /* NULL: plain */
  pl_server *server;
  int fd;
  bool shut, failed;
  bool leaves; /* it is in pl_server.leaving: the rest of its answer is to be written, or it is to be closed */
  bool gone;   /* it is to be closed */
  bool ended;  /* the client sends nothing more; it still gets the rest of its answer */
  bool full;   /* it did not take everything, or all that it may in one turn: reported when it is writable again */
  pl_turns_class class;
  pl_line *line; /* that watches it; NULL: the loop */
  bool in_loop;  /* `poll` is in use */
  int events;
  uint32_t asked_ms; /* while it talks: when it was found to talk, modulo 2^32 */
  pl_node all;       /* in pl_server.quiet, talking or leaving */
};

typedef struct listener {
  uv_poll_t poll;
  pl_server *server;
  int fd;
} listener;

struct pl_server {
  pl_server_config config;
  pl_tls_server *tls; /* NULL: plain */
  uv_check_t check;
  uv_idle_t more;      /* runs while sockets wait in `leaving`, so that the loop does not wait */
  uv_timer_t shortage; /* runs while accepting is paused */
  listener listeners[LISTENERS_MAX];
  size_t listener_count;
  pl_node quiet, talking, leaving;
  uint64_t started_ns; /* when the first talking socket of this turn was served; 0: none was */
  pl_line bulk_line, quiet_line;
  bool behind;              /* the last turn did not serve all that are quiet or leave */
  uint64_t refused, pauses; /* at the limit of open files */
  int spare_fd;             /* closed for a moment to refuse a connection at the limit of open files; -1: lost */
  bool stopping;
  uint8_t *rx, *sealed; /* what was read last; with TLS, `sealed` is still encrypted */
};

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void on_socket_event(uv_poll_t *poll, int status, int events);

static void move_socket(pl_socket *socket, pl_node *to) {
  pl_list_remove(&socket->all);
  pl_list_append(to, &socket->all);
  socket->leaves = to == &socket->server->leaving;
}

static void on_more(uv_idle_t *more) {
  (void)more;
}

/* Has the socket end when its turn comes: after the rest of its answer, or at once. */
static void leave(pl_socket *socket, bool at_once) {
  if (at_once) socket->gone = true;
  pl_turns_leaves(&socket->class);
  if (!socket->leaves) move_socket(socket, &socket->server->leaving);
  uv_idle_start(&socket->server->more, on_more);
}

/* Returns the line that the socket belongs to, or NULL for the loop. */
static pl_line *line_for(const pl_socket *socket) {
  if (socket->class.bulk) return &socket->server->bulk_line;
  return socket->class.talks ? NULL : &socket->server->quiet_line;
}

static void socket_unwatch(pl_socket *socket) {
  if (socket->line)
    pl_line_remove(socket->line, socket->fd);
  else if (socket->events)
    uv_poll_stop(&socket->poll);
  socket->line = NULL;
  socket->events = 0;
}

static bool watch_in_line(pl_socket *socket, pl_line *line, int events) {
  if (!pl_line_add(line, socket->fd, events, socket)) return false;
  socket->line = line;
  return true;
}

/* Has the loop watch the socket. Most sockets never talk, so libuv gets to know the others only. */
static bool watch_in_loop(pl_socket *socket, int events) {
  if (!socket->in_loop) socket->in_loop = uv_poll_init(socket->server->config.loop, &socket->poll, socket->fd) == 0;
  return socket->in_loop && uv_poll_start(&socket->poll, events, on_socket_event) == 0;
}

/* Watches the socket where it now belongs, or elsewhere if the system has no memory for that. */
static void socket_watch(pl_socket *socket) {
  int events = (socket->ended ? 0 : UV_READABLE) | (socket->full ? UV_WRITABLE : 0);
  pl_line *line = line_for(socket);
  if (events == socket->events && line == socket->line) return;
  if (line && line == socket->line) {
    pl_line_change(line, socket->fd, events, socket);
  } else {
    if (line != socket->line) socket_unwatch(socket);
    bool watched = (line && watch_in_line(socket, line, events)) || watch_in_loop(socket, events) ||
                   (!line && watch_in_line(socket, &socket->server->quiet_line, events));
    if (!watched) leave(socket, true); /* nothing would be heard of it */
  }
  socket->events = events;
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

size_t pl_server_send(pl_server *server, pl_socket *socket, pl_view bytes) {
  (void)server;
  if (socket->failed || socket->full) return 0;
  size_t n = socket->tls ? put_tls(socket, bytes.data, bytes.size) : put_plain(socket, bytes.data, bytes.size);
  if (socket->failed) leave(socket, true);
  if (socket->full && !socket->failed) {
    pl_turns_full(&socket->class);
    socket_watch(socket);
  }
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
      pl_turns_full(&socket->class);
      socket_watch(socket);
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
    if (socket->full) {
      socket_watch(socket);
      return;
    }
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

static void on_socket_closed(uv_handle_t *handle) {
  pl_free(PL_CONTAINER((uv_poll_t *)handle, pl_socket, poll));
}

static void close_socket(pl_socket *socket) {
  const pl_server *server = socket->server;
  void *conn = socket->conn;
  socket->conn = NULL;
  pl_list_remove(&socket->all);
  socket_unwatch(socket);
  if (socket->in_loop) uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
  pl_tls_free(socket->tls);
  close(socket->fd);
  server->config.app.closed(server->config.app_data, conn);
  if (!socket->in_loop) pl_free(socket);
}

/* Writes the rest of an answer, and closes the socket when nothing is left to wait for. */
static void end_socket(pl_socket *socket) {
  pl_server *server = socket->server;
  pl_relay_conn_wish wish = server->config.app.wish(server->config.app_data, socket->conn);
  if (wish != PL_RELAY_WISH_ABORT) pl_server_write(server, socket);
  if (wish == PL_RELAY_WISH_FINISH && !socket->failed && !socket->full && !socket->shut) finish_socket(socket);
  if (socket->gone || socket->failed) {
    close_socket(socket);
    return;
  }
  move_socket(socket, &server->quiet);
  socket_watch(socket);
}

static uint32_t now_ms(const pl_server *server) {
  return (uint32_t)uv_now(server->config.loop);
}

static void socket_received(pl_socket *socket, size_t size) {
  pl_server *server = socket->server;
  if (!server->config.app.received(server->config.app_data, socket->conn, server->rx, size) || socket->leaves) return;
  if (!socket->class.talks) {
    socket->asked_ms = now_ms(server);
    move_socket(socket, &server->talking);
  }
  pl_turns_spoke(&socket->class);
}

/* Decrypts what was read. Returns false when the connection is broken. */
static bool open_records(pl_socket *socket, size_t size) {
  long n;
  pl_tls_feed(socket->tls, socket->server->sealed, size);
  while ((n = pl_tls_read(socket->tls, socket->server->rx, RX_BYTES)) > 0) socket_received(socket, (size_t)n);
  if (pl_tls_waits(socket->tls)) socket->full = true; /* an answer of OpenSSL's own */
  return n == 0;
}

/* Reads once, at most `room` bytes. Returns false when the connection has ended. */
static bool read_socket(pl_socket *socket, size_t room) {
  uint8_t *to = socket->tls ? socket->server->sealed : socket->server->rx;
  ssize_t n = recv(socket->fd, to, room, MSG_DONTWAIT);
  bool open = true;
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  if (socket->tls)
    open = open_records(socket, (size_t)n);
  else
    socket_received(socket, (size_t)n);
  pl_turns_read(&socket->class, (size_t)n, socket->full);
  return open;
}

static void on_writable(pl_socket *socket) {
  socket->full = socket->tls && !pl_tls_flush(socket->tls);
  if (socket->tls) socket->failed = pl_tls_failed(socket->tls);
  if (socket->ended)
    pl_server_write(socket->server, socket); /* what is left of the answer, which decides what follows */
  pl_server_flush(socket->server, socket);
  socket_watch(socket);
}

/* Called when the client has ended its direction, perhaps right after its request: writes what is left of the answer.
 * Returns true when some of it must wait for the socket. */
static bool socket_lingers(pl_socket *socket) {
  const pl_server *server = socket->server;
  socket->ended = true;
  pl_server_write(socket->server, socket);
  if (!socket->full || socket->failed) return false;
  socket_watch(socket);
  return server->config.app.wish(server->config.app_data, socket->conn) == PL_RELAY_WISH_FINISH;
}

/* Reads at most `room` bytes. After an error the loop no longer watches the socket: it is read once more for what came
 * before the error, and then closed. One that waits to be closed needs no watching, but most are closed before they are
 * reported again. */
static void socket_event(pl_socket *socket, bool broken, int events, size_t room) {
  bool open = true;
  if (socket->gone) {
    socket_unwatch(socket);
    return;
  }
  if (!socket->ended && (broken || events & UV_READABLE)) open = read_socket(socket, room) || socket_lingers(socket);
  if (!broken && open && events & UV_WRITABLE) {
    on_writable(socket);
    open = !socket->ended || (socket->full && !socket->failed);
  }
  if (broken || !open)
    leave(socket, true);
  else
    socket_watch(socket);
}

static void on_socket_event(uv_poll_t *poll, int status, int events) {
  pl_socket *socket = PL_CONTAINER(poll, pl_socket, poll);
  if (!socket->server->started_ns) socket->server->started_ns = socket->server->config.clock_ns();
  socket_event(socket, status < 0, events, status < 0 ? RX_BYTES : PL_TURNS_SMALL);
}

/* ---- a turn ------------------------------------------------------------------------------------------------------ */

static void serve_bulk(void *item, bool broken, int events, bool few) {
  socket_event(item, broken, events, broken || few ? RX_BYTES : RX_BYTES / 4);
}

static void serve_quiet(void *item, bool broken, int events, bool few) {
  (void)few;
  socket_event(item, broken, events, broken ? RX_BYTES : PL_TURNS_SMALL);
}

static unsigned bulk_next(pl_server *server, unsigned wanted) {
  return pl_line_next(&server->bulk_line, wanted, serve_bulk);
}

/* Those that leave come first, because they hold memory and descriptors, and a socket gets there only once or twice. */
static unsigned quiet_next(pl_server *server, unsigned wanted) {
  unsigned n = 0;
  for (; n < wanted && !pl_list_empty(&server->leaving); n++)
    end_socket(PL_CONTAINER(server->leaving.next, pl_socket, all));
  return n + pl_line_next(&server->quiet_line, wanted - n, serve_quiet);
}

/* Gives a line its share of the turn, and writes what others hear of it. */
static void serve_line(pl_server *server, pl_turns *turns, uint64_t others_ns,
                       unsigned (*next)(pl_server *server, unsigned wanted)) {
  uint64_t before = server->config.clock_ns();
  pl_turns_start(turns, others_ns);
  for (unsigned wanted; (wanted = pl_turns_next(turns)) > 0;) {
    unsigned n = next(server, wanted);
    if (n == 0) break;
    uint64_t now = server->config.clock_ns();
    pl_turns_spent(turns, n, now - before);
    before = now;
    if (n < wanted) break; /* nobody else waits */
  }
  server->config.app.turn(server->config.app_data);
}

/* Finds out who has stopped talking. Each is asked in turn, a few per turn of the loop. */
static void look_for_silent(pl_server *server) {
  for (int i = 0; i < SILENT_PER_TURN && !pl_list_empty(&server->talking); i++) {
    pl_socket *socket = PL_CONTAINER(server->talking.next, pl_socket, all);
    if (now_ms(server) - socket->asked_ms < PL_TURNS_TALK_MS) return;
    socket->asked_ms = now_ms(server);
    move_socket(socket, pl_turns_silent(&socket->class) ? &server->quiet : &server->talking);
    socket_watch(socket);
  }
}

/* Writes what small messages have caused, before the lines get their shares of the turn. */
static void on_check(uv_check_t *check) {
  pl_server *server = check->data;
  server->config.app.turn(server->config.app_data);
  bool leave = !pl_list_empty(&server->leaving);
  if (server->bulk_line.ready || server->quiet_line.ready || leave) {
    uint64_t others_ns = server->started_ns ? server->config.clock_ns() - server->started_ns : 0;
    if (server->bulk_line.ready) serve_line(server, &server->bulk_line.turns, others_ns, bulk_next);
    if (server->quiet_line.ready || leave) serve_line(server, &server->quiet_line.turns, others_ns, quiet_next);
    if (pl_list_empty(&server->leaving)) uv_idle_stop(&server->more);
  }
  server->behind = server->quiet_line.ready || !pl_list_empty(&server->leaving);
  server->started_ns = 0;
  look_for_silent(server);
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
  if (!socket->conn) {
    pl_tls_free(socket->tls);
    pl_free(socket);
    return false;
  }
  pl_list_append(&server->quiet, &socket->all);
  socket_watch(socket);
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
  const int most = l->server->behind ? 1 : ACCEPTS_PER_TURN;
  for (int i = 0; i < most && last == ACCEPTED_ONE; i++) last = accept_one(l->server, l->fd);
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
  pl_tls_server_free(server->tls);
  pl_free(server->rx);
  pl_free(server->sealed);
  pl_free(server);
}

static void close_lines(pl_server *server) {
  pl_line_deinit(&server->bulk_line);
  pl_line_deinit(&server->quiet_line);
}

static bool open_lines(pl_server *server) {
  uv_loop_t *loop = server->config.loop;
  if (!pl_line_init(&server->bulk_line, loop, PL_TURNS_MOST)) return false;
  if (pl_line_init(&server->quiet_line, loop, PL_TURNS_MOST_QUIET)) return true;
  pl_line_deinit(&server->bulk_line);
  uv_run(loop, UV_RUN_NOWAIT);
  return false;
}

pl_server *pl_server_new(const pl_server_config *config) {
  pl_server *server = pl_alloc(sizeof *server);
  if (!server) return NULL;
  server->config = *config;
  if (!config->clock_ns) server->config.clock_ns = uv_hrtime;
  pl_list_init(&server->quiet);
  pl_list_init(&server->talking);
  pl_list_init(&server->leaving);
  raise_fd_limit();
  signal(SIGPIPE, SIG_IGN);
  if (config->tls_cert) server->tls = pl_tls_server_new(config->tls_cert, config->tls_key);
  server->rx = pl_realloc(NULL, RX_BYTES);
  if (config->tls_cert) server->sealed = pl_realloc(NULL, RX_BYTES);
  if (!server->rx || (config->tls_cert && (!server->tls || !server->sealed)) || !open_lines(server)) {
    server_release(server);
    return NULL;
  }
  server->spare_fd = open_spare();
  uv_check_init(config->loop, &server->check);
  uv_idle_init(config->loop, &server->more);
  uv_timer_init(config->loop, &server->shortage);
  server->check.data = server->shortage.data = server;
  uv_check_start(&server->check, on_check);
  return server;
}

void pl_server_free(pl_server *server) {
  if (!server) return;
  pl_server_stop_listening(server);
  pl_node *lists[] = {&server->quiet, &server->talking, &server->leaving};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(lists); i++)
    while (!pl_list_empty(lists[i])) close_socket(PL_CONTAINER(lists[i]->next, pl_socket, all));
  uv_close((uv_handle_t *)&server->check, NULL);
  uv_close((uv_handle_t *)&server->more, NULL);
  uv_close((uv_handle_t *)&server->shortage, NULL);
  close_lines(server);
  for (int turn = 0; turn < TURNS_TO_CLOSE && uv_run(server->config.loop, UV_RUN_NOWAIT); turn++) {
  }
  if (server->spare_fd >= 0) close(server->spare_fd);
  server_release(server);
}
