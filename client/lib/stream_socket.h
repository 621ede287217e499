/* The socket of a stream, plain or TLS. With TLS, one read takes what has come, however many records that is, and the
 * records of one write are sent together. Nothing that has come stays behind in memory: what a poll of the descriptor
 * reports is all there is. */
#ifndef PL_LIB_STREAM_SOCKET_H
#define PL_LIB_STREAM_SOCKET_H

#include <openssl/ssl.h>

#include "../tls/tls_bio.h"

enum { PL_STREAM_SOCKET_READ = 256 * 1024 };

typedef struct pl_stream_socket {
  int fd;
  bool drained; /* the last read took everything that was there */
  bool ended;   /* nothing more will come */
  SSL *ssl;     /* NULL: plain */
  pl_tls_bio bio;
  uint8_t *sealed;  /* what the last read brought */
  pl_buffer unsent; /* records that the socket has not taken */
} pl_stream_socket;

/* Takes fd and ssl (NULL: plain), also when it fails. Returns 0 or PL_ENOMEM; pl_stream_socket_deinit must follow in
 * both cases. */
int pl_stream_socket_init(pl_stream_socket *s, int take_fd, SSL *take_ssl) PL_MUST_USE;
/* Over TLS, tells the relay of the end. Closes the descriptor. */
void pl_stream_socket_deinit(pl_stream_socket *s);
/* In a forked child: exchanges its descriptor for an unconnected socket, so that freeing it does not end the parent's
 * connection. */
void pl_stream_socket_detach(pl_stream_socket *s, int nowhere);

/* Reads once. `out` has room for PL_STREAM_SOCKET_READ bytes. Returns how many came, and sets `drained` and `ended`. */
size_t pl_stream_socket_read(pl_stream_socket *s, uint8_t *out);
/* Returns how many bytes were taken, 0 when none can be written now, or -1 when the connection is broken. With TLS it
 * takes all or none, and keeps what the socket does not take. */
long pl_stream_socket_write(pl_stream_socket *s, const uint8_t *data, size_t size);
/* Sends what was kept. Returns false when the connection is broken. */
bool pl_stream_socket_flush(pl_stream_socket *s);
/* Returns true when something waits to be flushed. */
bool pl_stream_socket_waits(const pl_stream_socket *s);

#endif
