/* The BIO between OpenSSL and a socket, for the relay and the client. OpenSSL's own reads the socket twice for a record
 * and writes it once for each. Here the owner reads and writes the socket: OpenSSL takes from memory what was read, and
 * passes on what it has sealed, so that one system call carries many records. */
#ifndef PL_TLS_BIO_H
#define PL_TLS_BIO_H

#include <openssl/bio.h>

#include "../core/base/base.h"

typedef struct pl_tls_bio pl_tls_bio;
struct pl_tls_bio {
  pl_view in; /* what came from the socket, borrowed; OpenSSL advances it, and waits for more when it is empty */
  /* Takes everything that OpenSSL writes. Returns false when the connection is broken. */
  bool (*write)(pl_tls_bio *bio, const uint8_t *data, size_t size);
};

/* Creates OpenSSL's side, for reading and writing. It borrows `bio`. Returns NULL when memory ran out. Any thread. */
BIO *pl_tls_bio_new(pl_tls_bio *bio);
/* Call this before what SSL_get_error is to judge: it is misled by an error that an earlier call has left behind. */
void pl_tls_forget_errors(void);

#endif
