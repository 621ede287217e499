#include "vector_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

json_t *vector_file(const char *name) {
  const char *folder = getenv("PAIRLINK_VECTORS"), *ci = getenv("CI");
  char path[4096];
  if (!folder || !*folder) folder = PL_SOURCE_DIR "/../shared/vectors";
  if (access(folder, R_OK) != 0) {
    if (ci && strcmp(ci, "true") == 0) fail_msg("the published vectors are missing in CI: %s", folder);
    print_message("no published vectors in %s; PAIRLINK_VECTORS names another folder\n", folder);
    skip();
  }
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  json_error_t error;
  json_t *root = json_load_file(path, 0, &error);
  if (!root) fail_msg("%s:%d: %s", path, error.line, error.text);
  return root;
}

static unsigned digit_of(char c) {
  const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
  if (!at) fail_msg("not a hex digit: %c", c);
  return (unsigned)(at - digits);
}

void vector_hex(pl_bytes *out, const json_t *object, const char *key) {
  const char *text = vector_text(object, key);
  size_t length = strlen(text);
  assert_true(length % 2 == 0 && length / 2 <= sizeof out->data);
  out->size = length / 2;
  for (size_t i = 0; i < out->size; i++)
    out->data[i] = (uint8_t)(digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1]));
}

const char *vector_text(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  if (!text) fail_msg("no text under %s", key);
  return text;
}
