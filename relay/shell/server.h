/* Listeners, accepted connections, TLS, and one flush per turn of the loop. An application gives the bytes their
 * meaning: the relay, or the echo server. The set waits (set.h) and OpenSSL does TLS; HTTP and WebSocket are our own.
 *
 * All calls and callbacks happen on the thread of the loop. */
#ifndef PL_SHELL_SERVER_H
#define PL_SHELL_SERVER_H

#include <uv.h>

#include "../core/relay.h"
#include "listen.h"

typedef struct pl_server pl_server;
typedef struct pl_socket pl_socket;

/* The application's side. `app` is app_data of the configuration, `conn` is what `opened` returned. */
typedef struct pl_server_app {
  void *(*opened)(void *app, pl_socket *socket, const uint8_t address[16]); /* NULL: close the socket */
  /* May modify data. Returns true when some of it was passed on to another connection: the socket talks (turns.h). */
  bool (*received)(void *app, void *conn, uint8_t *data, size_t size);
  void (*closed)(void *app, void *conn);
  bool (*output)(void *app, void *conn, pl_view *out); /* returns true and the bytes to write next, if there are any */
  void (*sent)(void *app, void *conn, size_t n);       /* n of these bytes were written */
  pl_relay_conn_wish (*wish)(void *app, void *conn);
  void (*turn)(void *app); /* once per turn; calls pl_server_flush for each connection that changed */
} pl_server_app;

typedef struct pl_server_config {
  uv_loop_t *loop;
  const char *tls_cert, *tls_key; /* PEM files, or NULL */
  pl_server_ports ports;
  pl_server_app app;
  void *app_data;
  uint64_t (*clock_ns)(void); /* by which a turn's time is divided; NULL: uv_hrtime */
} pl_server_config;

/* Creates a server and raises the limit of open files as far as allowed. Returns NULL after an error, which is in the
 * log. */
pl_server *pl_server_new(const pl_server_config *config);
/* Listens on "HOST:PORT", such as "[::1]:8787"; for port 0 the system chooses one. Returns the port, or a negative
 * errno with the reason as text in `why`. */
int pl_server_listen(pl_server *server, const char *address, char why[256]);
void pl_server_stop_listening(pl_server *server);
/* Writes what `output` has and has the loop do what `wish` says; a few sockets end per turn. Must not be called from
 * inside `received`, where pl_server_write is allowed. */
void pl_server_flush(pl_server *server, pl_socket *socket);
void pl_server_write(pl_server *server, pl_socket *socket);
/* Writes directly; the output buffer must be empty. Returns the number of bytes accepted. */
size_t pl_server_send(pl_server *server, pl_socket *socket, pl_view bytes);
/* One turn of the loop: what is due in libuv's loop, then what the sockets have to do. If `wait`, it starts when there
 * is something to do. */
void pl_server_turn(pl_server *server, bool wait);
/* Turns until pl_server_stop, which a callback of the loop calls. The loop must not be run otherwise meanwhile. */
void pl_server_run(pl_server *server);
void pl_server_stop(pl_server *server);
/* Returns how many files this process may open. */
uint64_t pl_server_fd_limit(void);
/* Closes everything and runs the loop until that is done. */
void pl_server_free(pl_server *server);

#endif
