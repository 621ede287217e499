#include "own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const own_file own_files[] = {
    {"codec", own_codec},   {"identity", own_identity},
    {"login", own_login},   {"handshake", own_handshake},
    {"invite", own_invite}, {"session", own_session},
    {"code", own_code},     {"transfer", own_transfer},
    {"names", own_names},   {0},
};

char *own_text(const own_file *file) {
  json_t *root = file->make();
  char *body = json_dumps(root, JSON_INDENT(1));
  json_decref(root);
  OWN_CHECK(body);
  size_t size = strlen(body);
  char *text = malloc(size + 2);
  OWN_CHECK(text);
  memcpy(text, body, size);
  memcpy(text + size, "\n", 2);
  free(body);
  return text;
}

void own_check(bool condition, const char *text, const char *file, int line) {
  if (condition) return;
  (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, text);
  exit(1);
}

json_t *own_hex(const void *data, size_t size) {
  const uint8_t *bytes = data;
  char *text = malloc(2 * size + 1);
  OWN_CHECK(text);
  text[0] = '\0';
  for (size_t i = 0; i < size; i++) (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  json_t *value = json_string(text);
  free(text);
  return value;
}

void own_set_hex(json_t *object, const char *key, const void *data, size_t size) {
  OWN_CHECK(json_object_set_new(object, key, own_hex(data, size)) == 0);
}

void own_set_text(json_t *object, const char *key, const char *text) {
  OWN_CHECK(json_object_set_new(object, key, json_string(text)) == 0);
}

void own_set_number(json_t *object, const char *key, json_int_t number) {
  OWN_CHECK(json_object_set_new(object, key, json_integer(number)) == 0);
}

void own_append(json_t *array, json_t *item) {
  OWN_CHECK(json_array_append_new(array, item) == 0);
}

void own_fill(uint8_t *out, size_t size, uint8_t first) {
  for (size_t i = 0; i < size; i++) out[i] = (uint8_t)(first + i);
}
