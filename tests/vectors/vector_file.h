/* Published test vectors, read from the folder PAIRLINK_VECTORS or ../shared/vectors beside this repository. A test
 * skips when the folder is missing, and fails when it is missing in CI. */
#ifndef PL_VECTOR_FILE_H
#define PL_VECTOR_FILE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pl_bytes {
  size_t size;
  uint8_t data[8192];
} pl_bytes;

/* Returns the parsed file, or skips the running test when it is missing. */
json_t *vector_file(const char *name);
/* Returns the bytes of the hex text under `key`. A missing key or bad text fails the test. */
void vector_hex(pl_bytes *out, const json_t *object, const char *key);
const char *vector_text(const json_t *object, const char *key);

#endif
