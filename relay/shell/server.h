/* Sockets: listeners, accepted connections, TLS, one flush a loop turn. What the bytes mean is the application's:
 * the relay, or the echo server. libuv waits, OpenSSL does TLS; HTTP and WebSocket are our own.
 *
 * One thread: every call and callback happens on the loop's. */
#ifndef PL_SHELL_SERVER_H
#define PL_SHELL_SERVER_H

#include <uv.h>

#include "../core/relay.h"
#include "listen.h"

typedef struct pl_server pl_server;
typedef struct pl_socket pl_socket;

/* What an application does with a connection; `conn` is what `opened` gave. */
typedef struct pl_server_app {
  void *(*opened)(void *app, pl_socket *socket, const uint8_t address[16]); /* NULL: close it at once */
  void (*received)(void *app, void *conn, uint8_t *data, size_t size);      /* may change the data */
  void (*closed)(void *app, void *conn);
  bool (*output)(void *app, void *conn, pl_view *out);
  void (*sent)(void *app, void *conn, size_t n);
  pl_relay_conn_wish (*wish)(void *app, void *conn);
  void (*turn)(void *app); /* once a turn: call pl_server_flush for each connection with something to do */
} pl_server_app;

typedef struct pl_server_config {
  uv_loop_t *loop;
  const char *tls_cert, *tls_key; /* PEM files, or NULL */
  pl_server_ports ports;
  pl_server_app app;
  void *app_data;
} pl_server_config;

/* NULL: see the log. Raises the limit of open files as far as allowed. */
pl_server *pl_server_new(const pl_server_config *config);
/* Listens on "HOST:PORT" ("[::1]:8787"); port 0: the system chooses. Returns the port, or a negative errno; the reason
 * as text in `why`. */
int pl_server_listen(pl_server *server, const char *address, char why[256]);
void pl_server_stop_listening(pl_server *server);
/* Writes what there is and obeys the wish. Not from inside `received`: there use pl_server_write. */
void pl_server_flush(pl_server *server, pl_socket *socket);
void pl_server_write(pl_server *server, pl_socket *socket);
/* Bytes that nothing waits before; gives how many were taken. */
size_t pl_server_send(pl_server *server, pl_socket *socket, pl_view bytes);
/* Files that may be open in this process. */
uint64_t pl_server_fd_limit(void);
/* Closes all and runs the loop until that is done. */
void pl_server_free(pl_server *server);

#endif
