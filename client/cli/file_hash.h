/* SHA-256 of files, by OpenSSL (seven times as fast as libsodium's), and the file IDs made from it. */
#ifndef PL_CLI_FILE_HASH_H
#define PL_CLI_FILE_HASH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILE_HASH_BYTES = 32, FILE_HEX_CHARS = 65 };

/* Returns NULL when memory ran out. Free it with EVP_MD_CTX_free. */
EVP_MD_CTX *file_hash_new(void);
/* These two return false when OpenSSL fails. After file_hash_end, only file_hash_reset may use the context. */
bool file_hash_reset(EVP_MD_CTX *hash);
bool file_hash_end(EVP_MD_CTX *hash, uint8_t out[FILE_HASH_BYTES]);
/* Adds the bytes from `from` up to `to` of a file. Returns 0 or an errno; EIO also when the file is shorter. */
int file_hash_range(EVP_MD_CTX *hash, int fd, uint64_t from, uint64_t to);

/* Makes the ID that a file has on the wire: it is the same whenever one ID sends the same file to the same peer. `path`
 * is one absolute path, or several, each with its NUL. Returns false when memory ran out. */
bool file_id(const char *own_id, const char *peer_id, const char *path, size_t path_size, uint64_t size,
             int64_t mtime_ns, uint8_t out[16]);

/* Writes at most 32 bytes as hex digits. Returns out. */
const char *file_hex(const uint8_t *bytes, size_t size, char out[FILE_HEX_CHARS]);
/* Reads exactly `size` bytes. Returns false when the text is anything else. */
bool file_unhex(const char *text, uint8_t *out, size_t size);

#endif
