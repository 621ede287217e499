/* Certificate authorities that relays are checked against. Reading a system's list takes 30 ms and a megabyte, so all
 * clients of the process that name the same file share what was read, until the file changes. From any thread. */
#ifndef PL_LIB_CA_STORE_H
#define PL_LIB_CA_STORE_H

#include <openssl/x509.h>

typedef struct pl_ca_store pl_ca_store;

/* Returns the authorities in a PEM file, or the system's for NULL; the caller releases them. When the file cannot be
 * read there are none, and every certificate is refused. Returns NULL when memory runs out. */
pl_ca_store *pl_ca_store_get(const char *file);
void pl_ca_store_release(pl_ca_store *store); /* may be NULL */
X509_STORE *pl_ca_store_x509(const pl_ca_store *store);

#endif
