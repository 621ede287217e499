#include "file_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/wire/wire.h"

enum { RANGE_CHUNK = 1 << 20 };

bool file_hash_reset(EVP_MD_CTX *hash) {
  return EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
}

EVP_MD_CTX *file_hash_new(void) {
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  if (hash && !file_hash_reset(hash)) {
    EVP_MD_CTX_free(hash);
    hash = NULL;
  }
  return hash;
}

bool file_hash_end(EVP_MD_CTX *hash, uint8_t out[FILE_HASH_BYTES]) {
  unsigned size = 0;
  return EVP_DigestFinal_ex(hash, out, &size) == 1 && size == FILE_HASH_BYTES;
}

int file_hash_range(EVP_MD_CTX *hash, int fd, uint64_t from, uint64_t to) {
  uint8_t *chunk = malloc(RANGE_CHUNK);
  int error = chunk ? 0 : ENOMEM;
  while (!error && from < to) {
    size_t want = to - from < RANGE_CHUNK ? (size_t)(to - from) : RANGE_CHUNK;
    ssize_t n = pread(fd, chunk, want, (off_t)from);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      error = n < 0 ? errno : EIO;
    else if (EVP_DigestUpdate(hash, chunk, (size_t)n) != 1)
      error = ENOMEM;
    else
      from += (uint64_t)n;
  }
  free(chunk);
  return error;
}

bool file_id(const char *own_id, const char *peer_id, const char *path, size_t path_size, uint64_t size,
             int64_t mtime_ns, uint8_t out[16]) {
  uint8_t numbers[16], sum[FILE_HASH_BYTES];
  EVP_MD_CTX *hash = file_hash_new();
  pl_put_u64(numbers, size);
  pl_put_u64(numbers + 8, (uint64_t)mtime_ns);
  bool good = hash && EVP_DigestUpdate(hash, PL_LABEL_FILE_ID, sizeof PL_LABEL_FILE_ID - 1) == 1 &&
              EVP_DigestUpdate(hash, own_id, strlen(own_id)) == 1 &&
              EVP_DigestUpdate(hash, peer_id, strlen(peer_id)) == 1 && EVP_DigestUpdate(hash, path, path_size) == 1 &&
              EVP_DigestUpdate(hash, numbers, sizeof numbers) == 1 && file_hash_end(hash, sum);
  if (good) memcpy(out, sum, 16);
  EVP_MD_CTX_free(hash);
  return good;
}

const char *file_hex(const uint8_t *bytes, size_t size, char out[FILE_HEX_CHARS]) {
  static const char digits[] = "0123456789abcdef";
  size_t n = 0;
  for (size_t i = 0; i < size && i < FILE_HASH_BYTES; i++) {
    out[n++] = digits[bytes[i] >> 4];
    out[n++] = digits[bytes[i] & 15];
  }
  out[n] = '\0';
  return out;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool file_unhex(const char *text, uint8_t *out, size_t size) {
  if (strlen(text) != 2 * size) return false;
  for (size_t i = 0; i < size; i++) {
    int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}
