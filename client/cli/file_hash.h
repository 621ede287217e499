/* SHA-256 of files, by OpenSSL (seven times as fast as libsodium's), and the ids that follow from it. */
#ifndef PL_CLI_FILE_HASH_H
#define PL_CLI_FILE_HASH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILE_HASH_BYTES = 32, FILE_HEX_CHARS = 65 };

/* NULL: out of memory. To be freed with EVP_MD_CTX_free. */
EVP_MD_CTX *file_hash_new(void);
bool file_hash_reset(EVP_MD_CTX *hash);
/* Ends it; the context is of no more use but for file_hash_reset. */
bool file_hash_end(EVP_MD_CTX *hash, uint8_t out[FILE_HASH_BYTES]);
/* Adds [from, to) of a file; 0, or the errno: EIO also for a file that is shorter. */
int file_hash_range(EVP_MD_CTX *hash, int fd, uint64_t from, uint64_t to);

/* What a file that one ID sends another is called on the wire: the same whenever the same file is sent again. `path` is
 * absolute, or several, each with its NUL. */
bool file_id(const char *own_id, const char *peer_id, const char *path, size_t path_size, uint64_t size,
             int64_t mtime_ns, uint8_t out[16]);

const char *file_hex(const uint8_t *bytes, size_t size, char out[FILE_HEX_CHARS]);
bool file_unhex(const char *text, uint8_t *out, size_t size);

#endif
