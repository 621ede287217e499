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

/* The parsed file, or a skip of the running test. */
json_t *vector_file(const char *name);
/* The hex text under `key` of an object; an absent key and a broken text fail the test. */
void vector_hex(pl_bytes *out, const json_t *object, const char *key);
const char *vector_text(const json_t *object, const char *key);

#endif
