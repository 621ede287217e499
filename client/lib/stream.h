/* An established WebSocket to a relay. Reads and writes a socket, plain or TLS, with our own framing, which masks and
 * unmasks many bytes at a time where libwebsockets does one. One thread.
 *
 * Handlers are called from pl_stream_turn only. on_end is called once, and no handler after it. A handler may free the
 * stream. */
#ifndef PL_LIB_STREAM_H
#define PL_LIB_STREAM_H

#include <openssl/ssl.h>

#include "../core/base/base.h"

typedef struct pl_stream pl_stream;

typedef struct pl_stream_handlers {
  void (*on_message)(void *user, const uint8_t *data, size_t size);
  size_t (*produce)(void *user, uint8_t *out, size_t capacity); /* writes the next message; 0: there is none */
  bool (*has_output)(void *user);
  void (*on_end)(void *user, int error, const char *text); /* PL_ECLOSED after pl_stream_close */
  void *user;
} pl_stream_handlers;

/* Takes fd and ssl (NULL: plain), also when it fails. `epoll` is borrowed; it reports the socket when a turn is due.
 * Returns NULL when memory ran out or the socket cannot be watched. */
pl_stream *pl_stream_new(int epoll, int take_fd, SSL *take_ssl, const pl_stream_handlers *handlers);
void pl_stream_free(pl_stream *s); /* closes the socket; NULL is fine */
/* In a forked child: exchanges its descriptor for an unconnected socket, so that freeing it does not end the parent's
 * connection. */
void pl_stream_detach(pl_stream *s, int nowhere);
/* Makes the next turn ask produce. */
void pl_stream_want_write(pl_stream *s);
/* Reads what has come, and writes what is due. */
void pl_stream_turn(pl_stream *s);
/* Returns true when something is due that no descriptor reports. */
bool pl_stream_is_due(const pl_stream *s);
/* Sends what produce still gives, then the close handshake. on_end follows when the relay has answered. */
void pl_stream_close(pl_stream *s);

#endif
