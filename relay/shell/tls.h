/* TLS of an accepted socket, by OpenSSL. The socket is read by the caller, who hands in what came; what OpenSSL writes
 * goes straight to the socket, and what the socket does not take, a record or so, waits here. So OpenSSL itself never
 * waits for a socket, and one answer tells all: is there something left to be flushed? */
#ifndef PL_SHELL_TLS_H
#define PL_SHELL_TLS_H

#include <openssl/ssl.h>

#include "../../client/core/base/base.h"

typedef struct pl_tls pl_tls;

enum { PL_TLS_RECORD = 16 * 1024 };

/* TLS 1.2 or newer with this certificate chain and key (PEM files). NULL: see the log. */
SSL_CTX *pl_tls_config_new(const char *cert, const char *key);
/* The server's side of one connection; NULL: out of memory. */
pl_tls *pl_tls_new(SSL_CTX *config, int fd);
void pl_tls_free(pl_tls *tls);

/* Bytes from the socket, borrowed until pl_tls_read has returned 0 or less. */
void pl_tls_feed(pl_tls *tls, const uint8_t *data, size_t size);
/* Plain text of what was fed; `capacity` is PL_TLS_RECORD at least. 0: all was read; -1: it ended, or is broken. */
long pl_tls_read(pl_tls *tls, uint8_t *out, size_t capacity);

/* Gives how many bytes it took: all, or as many as it had taken when the socket was full. */
size_t pl_tls_write(pl_tls *tls, const uint8_t *data, size_t size);
/* Writes what waits. False: something still does. */
bool pl_tls_flush(pl_tls *tls);
bool pl_tls_waits(const pl_tls *tls);
bool pl_tls_failed(const pl_tls *tls);
/* Tells the other side that nothing follows, once. */
void pl_tls_finish(pl_tls *tls);

#endif
