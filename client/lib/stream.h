/* The WebSocket to a relay once it stands: reads and writes the socket that libwebsockets opened, with our own framing,
 * which masks and unmasks many bytes at a time where libwebsockets takes one. Plain or TLS. One thread.
 *
 * Handlers are called from pl_stream_turn and from the loop; on_end once, and nothing after it. They may free it. */
#ifndef PL_LIB_STREAM_H
#define PL_LIB_STREAM_H

#include <openssl/ssl.h>
#include <uv.h>

#include "../core/base/base.h"

typedef struct pl_stream pl_stream;

typedef struct pl_stream_handlers {
  void (*on_message)(void *user, const uint8_t *data, size_t size);
  size_t (*produce)(void *user, uint8_t *out, size_t capacity); /* the next message, 0 for none */
  bool (*has_output)(void *user);
  void (*on_end)(void *user, int error, const char *text); /* PL_ECLOSED: after pl_stream_close */
  void (*on_alive)(void *user);                            /* the relay pinged */
  void *user;
} pl_stream_handlers;

/* fd and ssl (NULL: plain) are borrowed until pl_stream_free; nobody else reads or writes them meanwhile. NULL: out of
 * memory or descriptors. */
pl_stream *pl_stream_new(uv_loop_t *loop, int fd, SSL *ssl, const pl_stream_handlers *handlers);
void pl_stream_free(pl_stream *s); /* NULL is fine */
/* There may be something to produce: the next turn asks. */
void pl_stream_want_write(pl_stream *s);
/* Writes what is due. */
void pl_stream_turn(pl_stream *s);
/* Something is due that no descriptor tells of. */
bool pl_stream_is_due(const pl_stream *s);
/* What is left to produce, then the close handshake; on_end follows when the relay has answered. */
void pl_stream_close(pl_stream *s);

#endif
