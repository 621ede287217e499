/* An established WebSocket to a relay. Reads and writes the socket that libwebsockets opened, plain or TLS, with our
 * own framing, which masks and unmasks many bytes at a time where libwebsockets does one. One thread.
 *
 * Handlers are called from pl_stream_turn and from the loop. on_end is called once, and no handler after it. A handler
 * may free the stream. */
#ifndef PL_LIB_STREAM_H
#define PL_LIB_STREAM_H

#include <openssl/ssl.h>
#include <uv.h>

#include "../core/base/base.h"

typedef struct pl_stream pl_stream;

typedef struct pl_stream_handlers {
  void (*on_message)(void *user, const uint8_t *data, size_t size);
  size_t (*produce)(void *user, uint8_t *out, size_t capacity); /* writes the next message; 0: there is none */
  bool (*has_output)(void *user);
  void (*on_end)(void *user, int error, const char *text); /* PL_ECLOSED after pl_stream_close */
  void (*on_alive)(void *user);                            /* the relay pinged */
  void *user;
} pl_stream_handlers;

/* Borrows fd and ssl (NULL: plain) until pl_stream_free; nothing else may read or write them until then. Returns NULL
 * when memory or descriptors ran out. */
pl_stream *pl_stream_new(uv_loop_t *loop, int fd, SSL *ssl, const pl_stream_handlers *handlers);
void pl_stream_free(pl_stream *s); /* NULL is fine */
/* Makes the next turn ask produce. */
void pl_stream_want_write(pl_stream *s);
/* Writes what is due. */
void pl_stream_turn(pl_stream *s);
/* Returns true when something is due that no descriptor reports. */
bool pl_stream_is_due(const pl_stream *s);
/* Sends what produce still gives, then the close handshake. on_end follows when the relay has answered. */
void pl_stream_close(pl_stream *s);

#endif
