/* See server.h. The set (set.h) reports the sockets, which are read and written here; tls.h lies between. A socket is
 * closed only in end_socket, after it was put into a list of those that leave. So no call into this file frees what its
 * caller holds, and what the set has reported in a turn was looked at before anything is closed. Sockets that talk are
 * served as soon as they are reported. All others, and those that leave, wait in lines that get a share of each turn
 * (turns.h). So when thousands come or leave at once, those that talk wait little. */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accept.h"
#include "set.h"
#include "tls.h"
#include "turns.h"

enum {
  RX_BYTES = 320 * 1024,
  WRITE_BYTES = 256 * 1024, /* written to a socket at most before others are served */
  BATCHES_PER_TURN = 16,    /* of what the set reports, as long as few of those that are reported talk */
  SILENT_PER_TURN = 8,      /* sockets that are asked per turn whether they still talk */
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
  bool waits;  /* it stands in a line */
  pl_turns_class class;
  uint32_t asked_ms; /* while it talks: when it was found to talk, modulo 2^32 */
  pl_node all;       /* in pl_server.quiet, talking or leaving */
  pl_node place;     /* in a line, while it waits there */
};

/* Sockets that are to be served, in the order of their turns. */
typedef struct line {
  pl_node first;
  pl_turns turns;
} line;

struct pl_server {
  pl_server_config config;
  pl_tls_server *tls; /* NULL: plain */
  pl_set set;
  bool stopped; /* pl_server_run is to return */
  pl_accept accept;
  pl_node quiet, talking, leaving;
  bool quiet_first;           /* one of quiet_line was served before those that leave, the last time */
  line bulk_line, quiet_line; /* those that talk and are to be served again stand with bulk */
  uint8_t *rx, *sealed;       /* what was read last; with TLS, `sealed` is still encrypted */
};

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Has the socket served when its turn comes. */
static void stand_in_line(pl_socket *socket) {
  pl_server *server = socket->server;
  if (socket->waits) return;
  socket->waits = true;
  bool quiet = !socket->class.talks && !socket->class.bulk;
  pl_list_append(quiet ? &server->quiet_line.first : &server->bulk_line.first, &socket->place);
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
  pl_turns_leaves(&socket->class);
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
  if (socket->waits) pl_list_remove(&socket->place);
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
    move_socket(socket, &server->quiet);
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

/* Reads once, at most `room` bytes. When the kernel may have more, that is noted in `ready`: it has no more when it
 * gave less than it could. (It also stops at urgent data, which no client sends: then the rest is read with what comes
 * next.) Returns false when the connection has ended. */
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

/* ---- a turn ------------------------------------------------------------------------------------------------------ */

/* Serves those who come first in line, at most `wanted`. Each reads at most `room`, or `room_of_few` when they are few.
 * Returns how many they were. */
static unsigned serve_first(line *l, unsigned wanted, size_t room, size_t room_of_few) {
  pl_socket *first[PL_TURNS_MOST];
  unsigned n = 0;
  for (; n < wanted && !pl_list_empty(&l->first); n++) {
    first[n] = PL_CONTAINER(l->first.next, pl_socket, place);
    pl_list_remove(&first[n]->place);
    first[n]->waits = false;
  }
  for (unsigned i = 0; i < n; i++) serve_socket(first[i], n <= PL_TURNS_FEW ? room_of_few : room);
  return n;
}

static unsigned bulk_next(pl_server *server, unsigned wanted) {
  return serve_first(&server->bulk_line, wanted, RX_BYTES / 4, RX_BYTES);
}

/* Those that leave come before the others, because they hold memory and descriptors. But every second time, one of the
 * others comes first, because those that leave may have large answers to take. */
static unsigned quiet_next(pl_server *server, unsigned wanted) {
  unsigned n = 0;
  server->quiet_first = !server->quiet_first;
  if (server->quiet_first) n = serve_first(&server->quiet_line, 1, PL_TURNS_SMALL, PL_TURNS_SMALL);
  for (; n < wanted && !pl_list_empty(&server->leaving); n++)
    end_socket(PL_CONTAINER(server->leaving.next, pl_socket, all));
  return n + serve_first(&server->quiet_line, wanted - n, PL_TURNS_SMALL, PL_TURNS_SMALL);
}

/* Gives a line its share of a turn in which the others took `others_ns`, and writes what others hear of it. */
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

/* Serves those that talk, and lets the others stand in line. Returns how many were served. */
static int serve_reported(pl_server *server, int count) {
  int served = 0;
  for (int i = 0; i < count; i++) {
    uint8_t ready;
    pl_socket *socket = pl_set_get(&server->set, i, &ready);
    socket->ready |= ready;
    if (!socket->class.talks || socket->class.bulk) {
      stand_in_line(socket);
      continue;
    }
    serve_socket(socket, PL_TURNS_SMALL);
    served++;
  }
  return served;
}

/* Serves all that talk and were reported. When others were reported before them, there may be more behind those. */
static void serve_talking(pl_server *server, int count) {
  int served = serve_reported(server, count);
  for (int i = 1; i < BATCHES_PER_TURN && served < PL_SET_EVENTS && (count = pl_set_more(&server->set)) > 0; i++)
    served += serve_reported(server, count);
  server->config.app.turn(server->config.app_data);
}

/* Finds out who has stopped talking. Each is asked in turn, a few per turn of the loop. */
static void look_for_silent(pl_server *server) {
  for (int i = 0; i < SILENT_PER_TURN && !pl_list_empty(&server->talking); i++) {
    pl_socket *socket = PL_CONTAINER(server->talking.next, pl_socket, all);
    if (now_ms(server) - socket->asked_ms < PL_TURNS_TALK_MS) return;
    socket->asked_ms = now_ms(server);
    move_socket(socket, pl_turns_silent(&socket->class) ? &server->quiet : &server->talking);
  }
}

static bool somebody_quiet_waits(const pl_server *server) {
  return !pl_list_empty(&server->quiet_line.first) || !pl_list_empty(&server->leaving);
}

/* Writes what small messages have caused, before the lines get their shares of the turn. */
void pl_server_turn(pl_server *server, bool wait) {
  bool idle = pl_list_empty(&server->bulk_line.first) && !somebody_quiet_waits(server);
  int count = pl_set_wait(&server->set, wait && idle);
  uint64_t started_ns = idle ? 0 : server->config.clock_ns();
  serve_talking(server, count);
  uint64_t others_ns = started_ns ? server->config.clock_ns() - started_ns : 0;
  if (!pl_list_empty(&server->bulk_line.first)) serve_line(server, &server->bulk_line.turns, others_ns, bulk_next);
  if (somebody_quiet_waits(server)) serve_line(server, &server->quiet_line.turns, others_ns, quiet_next);
  server->accept.slowly = somebody_quiet_waits(server);
  look_for_silent(server);
}

void pl_server_run(pl_server *server) {
  while (!server->stopped) pl_server_turn(server, true);
}

void pl_server_stop(pl_server *server) {
  server->stopped = true;
}

/* ---- accepting --------------------------------------------------------------------------------------------------- */

static bool server_adopt(void *user, int fd, const struct sockaddr_storage *from) {
  pl_server *server = user;
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
  pl_list_append(&server->quiet, &socket->all);
  return true;
}

int pl_server_listen(pl_server *server, const char *address, char why[256]) {
  return pl_accept_listen(&server->accept, address, server->config.ports, why);
}

void pl_server_stop_listening(pl_server *server) {
  pl_accept_stop(&server->accept);
}

/* ---- creating and freeing ---------------------------------------------------------------------------------------- */

uint64_t pl_server_fd_limit(void) {
  return pl_accept_fd_limit();
}

static void server_release(pl_server *server) {
  pl_set_deinit(&server->set);
  pl_tls_server_free(server->tls);
  pl_free(server->rx);
  pl_free(server->sealed);
  pl_free(server);
}

static void line_init(line *l, unsigned most) {
  pl_list_init(&l->first);
  pl_turns_init(&l->turns, most);
}

pl_server *pl_server_new(const pl_server_config *config) {
  pl_server *server = pl_alloc(sizeof *server);
  if (!server) return NULL;
  server->config = *config;
  if (!config->clock_ns) server->config.clock_ns = uv_hrtime;
  server->set.fd = -1;
  line_init(&server->bulk_line, PL_TURNS_MOST);
  line_init(&server->quiet_line, PL_TURNS_MOST_QUIET);
  pl_list_init(&server->quiet);
  pl_list_init(&server->talking);
  pl_list_init(&server->leaving);
  signal(SIGPIPE, SIG_IGN);
  if (config->tls_cert) server->tls = pl_tls_server_new(config->tls_cert, config->tls_key);
  server->rx = pl_realloc(NULL, RX_BYTES);
  if (config->tls_cert) server->sealed = pl_realloc(NULL, RX_BYTES);
  if (!server->rx || (config->tls_cert && (!server->tls || !server->sealed)) ||
      !pl_set_init(&server->set, config->loop)) {
    server_release(server);
    return NULL;
  }
  server->accept.loop = config->loop;
  server->accept.adopt = server_adopt;
  server->accept.user = server;
  pl_accept_init(&server->accept);
  return server;
}

void pl_server_free(pl_server *server) {
  if (!server) return;
  pl_node *lists[] = {&server->quiet, &server->talking, &server->leaving};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(lists); i++)
    while (!pl_list_empty(lists[i])) close_socket(PL_CONTAINER(lists[i]->next, pl_socket, all));
  pl_accept_close(&server->accept);
  for (int turn = 0; turn < TURNS_TO_CLOSE && uv_run(server->config.loop, UV_RUN_NOWAIT); turn++) {
  }
  pl_accept_deinit(&server->accept);
  server_release(server);
}
