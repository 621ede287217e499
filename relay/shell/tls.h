/* TLS of an accepted socket, by OpenSSL. The caller reads the socket and passes on what came. What OpenSSL writes
 * during a call is sent at its end, up to 128 KiB in one call, and what the socket does not accept waits here. So
 * OpenSSL never waits for a socket, and the caller only needs to know whether something is left to flush. */
#ifndef PL_SHELL_TLS_H
#define PL_SHELL_TLS_H

#include <openssl/ssl.h>

#include "../../client/core/base/base.h"

typedef struct pl_tls pl_tls;
/* What the connections of one server have in common. One thread uses it and them. */
typedef struct pl_tls_server pl_tls_server;

enum { PL_TLS_RECORD = 16 * 1024 };

/* Configures TLS 1.2 or newer with a certificate chain and key (PEM files). Returns NULL after an error, which is in
 * the log. */
pl_tls_server *pl_tls_server_new(const char *cert, const char *key);
/* All its connections must be gone. NULL is fine. */
void pl_tls_server_free(pl_tls_server *server);
/* Creates the server's side of one connection. Returns NULL when memory ran out. */
pl_tls *pl_tls_new(pl_tls_server *server, int fd);
void pl_tls_free(pl_tls *tls);

/* Passes on bytes from the socket, which are borrowed until pl_tls_read has returned 0 or less. */
void pl_tls_feed(pl_tls *tls, const uint8_t *data, size_t size);
/* Writes plain text of what was fed; `capacity` is at least PL_TLS_RECORD. Returns its size, 0 when everything was
 * read, or -1 when the connection ended or is broken. */
long pl_tls_read(pl_tls *tls, uint8_t *out, size_t capacity);

/* Encrypts and writes. Returns the number of bytes accepted, which is less than `size` when the socket became full. */
size_t pl_tls_write(pl_tls *tls, const uint8_t *data, size_t size);
/* Writes what waits. Returns false when something still waits or the connection is broken. */
bool pl_tls_flush(pl_tls *tls);
/* Returns true when something waits to be flushed. */
bool pl_tls_waits(const pl_tls *tls);
bool pl_tls_failed(const pl_tls *tls);
/* Tells the client that nothing follows; only the first call does. */
void pl_tls_finish(pl_tls *tls);

#endif
