/* The project's own vectors, made by the C implementation from fixed inputs; schema/vectors/NAME.json holds each. The
 * JavaScript client reproduces them, and a test here fails when a file and a fresh run differ. */
#ifndef PL_OWN_VECTORS_H
#define PL_OWN_VECTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

json_t *own_codec(void);
json_t *own_identity(void);
json_t *own_login(void);
json_t *own_handshake(void);
json_t *own_invite(void);
json_t *own_session(void);
json_t *own_code(void);
json_t *own_transfer(void);
json_t *own_names(void);

typedef struct own_file {
  const char *name;
  json_t *(*make)(void);
} own_file;
extern const own_file own_files[]; /* the last entry has no name */

/* Returns the text of a file; the caller frees it. */
char *own_text(const own_file *file);

/* ---- helpers: as the inputs are fixed, a failure ends the program ---- */
#define OWN_CHECK(condition) own_check((condition), #condition, __FILE__, __LINE__)
void own_check(bool condition, const char *text, const char *file, int line);
json_t *own_hex(const void *data, size_t size);
void own_set_hex(json_t *object, const char *key, const void *data, size_t size);
void own_set_text(json_t *object, const char *key, const char *text);
void own_set_number(json_t *object, const char *key, json_int_t number);
void own_append(json_t *array, json_t *item);
/* Fills with first, first + 1, first + 2 … */
void own_fill(uint8_t *out, size_t size, uint8_t first);

#endif
