#include "stream_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  RECORD = SSL3_RT_MAX_PLAIN_LENGTH,
  SEALED_BYTES =
      128 * 1024,         /* read at once; with a record that was begun before, their content fits the caller's room */
  UNSENT_MAX = 128 * 1024 /* a message of the stream, and answers that OpenSSL sends on its own */
};

/* Returns a number of bytes, 0 for "not now", or -1 for the end. */
static long after_call(ssize_t n) {
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  return n > 0 ? (long)n : -1;
}

static size_t receive(pl_stream_socket *s, uint8_t *out, size_t capacity) {
  long n = after_call(recv(s->fd, out, capacity, MSG_DONTWAIT));
  s->drained = n < (long)capacity;
  s->ended = n < 0;
  return n > 0 ? (size_t)n : 0;
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

static bool socket_collect(pl_tls_bio *bio, const uint8_t *data, size_t size) {
  return pl_buffer_append(&PL_CONTAINER(bio, pl_stream_socket, bio)->unsent, data, size) == 0;
}

/* Opens the records that came. OpenSSL keeps at most a part of one. */
static size_t socket_open_records(pl_stream_socket *s, uint8_t *out) {
  size_t size = 0;
  pl_tls_forget_errors();
  while (!s->ended && s->bio.in.size) {
    int n = SSL_read(s->ssl, out + size, RECORD);
    if (n > 0)
      size += (size_t)n;
    else
      s->ended = SSL_get_error(s->ssl, n) != SSL_ERROR_WANT_READ;
  }
  return size;
}

static size_t receive_tls(pl_stream_socket *s, uint8_t *out) {
  size_t size = receive(s, s->sealed, SEALED_BYTES);
  s->bio.in = (pl_view){s->sealed, size};
  size = socket_open_records(s, out);
  if (!pl_stream_socket_flush(s)) s->ended = true; /* OpenSSL answers some records on its own */
  return size;
}

static long write_tls(pl_stream_socket *s, const uint8_t *data, size_t size) {
  if (!pl_stream_socket_flush(s)) return -1;
  if (pl_stream_socket_waits(s)) return 0;
  for (size_t at = 0; at < size;) {
    int n = SSL_write(s->ssl, data + at, (int)(size - at));
    if (n <= 0) return -1;
    at += (size_t)n;
  }
  return pl_stream_socket_flush(s) ? (long)size : -1;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

size_t pl_stream_socket_read(pl_stream_socket *s, uint8_t *out) {
  return s->ssl ? receive_tls(s, out) : receive(s, out, PL_STREAM_SOCKET_READ);
}

long pl_stream_socket_write(pl_stream_socket *s, const uint8_t *data, size_t size) {
  return s->ssl ? write_tls(s, data, size) : after_call(send(s->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
}

bool pl_stream_socket_flush(pl_stream_socket *s) {
  while (s->unsent.size) {
    long n = after_call(send(s->fd, pl_buffer_data(&s->unsent), s->unsent.size, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (n <= 0) return n == 0;
    pl_buffer_consume(&s->unsent, (size_t)n);
  }
  return true;
}

bool pl_stream_socket_waits(const pl_stream_socket *s) {
  return s->unsent.size > 0;
}

/* Whoever made the TLS connection has read exactly up to the end of a record or of its header. So nothing is left in
 * the BIO that it used, and OpenSSL goes on with ours. */
int pl_stream_socket_init(pl_stream_socket *s, int take_fd, SSL *take_ssl) {
  *s = (pl_stream_socket){.fd = take_fd, .bio.write = socket_collect};
  pl_buffer_init(&s->unsent, UNSENT_MAX);
  if (!take_ssl) return 0;
  s->sealed = pl_realloc(NULL, SEALED_BYTES);
  BIO *ours = s->sealed ? pl_tls_bio_new(&s->bio) : NULL;
  if (!ours) {
    SSL_free(take_ssl);
    return PL_ENOMEM;
  }
  s->ssl = take_ssl;
  SSL_set_bio(take_ssl, ours, ours);
  return 0;
}

/* When a record was sent in part, nothing may follow it, not even TLS's notice of the end. */
void pl_stream_socket_deinit(pl_stream_socket *s) {
  if (s->ssl && !pl_stream_socket_waits(s)) {
    ERR_clear_error();
    (void)SSL_shutdown(s->ssl);
    (void)pl_stream_socket_flush(s);
  }
  SSL_free(s->ssl);
  ERR_clear_error();
  pl_buffer_deinit(&s->unsent);
  pl_free(s->sealed);
  (void)shutdown(s->fd, SHUT_RDWR); /* also when a forked child has the descriptor, too */
  close(s->fd);
}

void pl_stream_socket_detach(pl_stream_socket *s, int nowhere) {
  SSL_free(s->ssl); /* says nothing */
  s->ssl = NULL;
  pl_buffer_deinit(&s->unsent);
  (void)dup3(nowhere, s->fd, O_CLOEXEC);
}
