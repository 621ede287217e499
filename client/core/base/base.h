/* The base of the pure cores, shared by the client and the relay: errors, allocation, byte readers and writers, text,
 * bounded growing buffers, lists. There is no input or output, no clock, and no global state other than the count of
 * failed allocations and the hook that makes them fail. */
#ifndef PL_BASE_H
#define PL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PL_ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))
/* A deadline that never comes. */
#define PL_NEVER UINT64_MAX
#define PL_MUST_USE __attribute__((warn_unused_result))

/* The struct that a list node is a member of. */
#define PL_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ---- errors: 0 or negative, one table in schema/errors.def ---------------------------------------- */
enum {
#define PL_ERROR(name, number, text, hint) PL_##name = number,
#include "errors.def"
};
const char *pl_error_text(int error);
const char *pl_error_hint(int error);

/* ---- allocation: every allocation of the cores goes through these, so that tests can make each fail ---- */
void *pl_alloc(size_t bytes) PL_MUST_USE;              /* zeroed; NULL when memory ran out */
void *pl_realloc(void *old, size_t bytes) PL_MUST_USE; /* not zeroed; after NULL `old` is as it was */
void pl_free(void *memory);
/* Returns how many allocations of this thread have failed so far. The difference of two calls tells whether one failed
 * between them. */
unsigned long pl_alloc_failures(void);
/* A hook for tests: makes the n-th allocation from now fail (1 is the next one); 0 makes none fail. Returns what was
 * left of the count before. */
long pl_alloc_fail_at(long n);

/* ---- a borrowed piece of memory -------------------------------------------------------------------- */
typedef struct pl_view {
  const uint8_t *data;
  size_t size;
} pl_view;

/* ---- reading: a read past the end sets `bad`; it and all later reads give zeros, so callers check once ---- */
typedef struct pl_reader {
  const uint8_t *at;
  const uint8_t *end;
  bool bad;
} pl_reader;

pl_reader pl_reader_of(const void *data, size_t size);
size_t pl_reader_left(const pl_reader *r);
uint8_t pl_read_u8(pl_reader *r);
uint16_t pl_read_u16(pl_reader *r);
uint32_t pl_read_u32(pl_reader *r);
uint64_t pl_read_u64(pl_reader *r);
void pl_read_bytes(pl_reader *r, void *out, size_t n);
pl_view pl_read_view(pl_reader *r, size_t n);

/* ---- writing: what does not fit sets `full`; it and all later writes are dropped, so callers check once ---- */
typedef struct pl_writer {
  uint8_t *start;
  uint8_t *at;
  uint8_t *end;
  bool full;
} pl_writer;

pl_writer pl_writer_of(void *data, size_t size);
size_t pl_writer_used(const pl_writer *w);
void pl_write_u8(pl_writer *w, uint8_t v);
void pl_write_u16(pl_writer *w, uint16_t v);
void pl_write_u32(pl_writer *w, uint32_t v);
void pl_write_u64(pl_writer *w, uint64_t v);
void pl_write_bytes(pl_writer *w, const void *data, size_t n);

/* Single big-endian values at a known place. */
uint16_t pl_get_u16(const uint8_t *p);
uint32_t pl_get_u32(const uint8_t *p);
uint64_t pl_get_u64(const uint8_t *p);
void pl_put_u16(uint8_t *p, uint16_t v);
void pl_put_u32(uint8_t *p, uint32_t v);
void pl_put_u64(uint8_t *p, uint64_t v);

/* ---- text ------------------------------------------------------------------------------------------------ */
static inline bool pl_ascii_is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}
static inline bool pl_ascii_is_letter(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool pl_ascii_is_space(uint8_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline uint8_t pl_ascii_lower(uint8_t c) {
  return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Reads the UTF-8 character at `text` (RFC 3629). Returns its length in bytes and sets *value to its number, or returns
 * 0 when no whole, valid character is there. */
size_t pl_utf8_read(const uint8_t *text, size_t size, uint32_t *value);
/* Compare a view with a string. pl_view_is disregards the case of ASCII letters. */
bool pl_view_equals(pl_view v, const char *text) PL_MUST_USE;
bool pl_view_is(pl_view v, const char *text) PL_MUST_USE;

/* ---- a growing queue of bytes with an upper bound: append at the end, take from the front ------------ */
typedef struct pl_buffer {
  uint8_t *memory;
  uint32_t start, size, capacity, max;
} pl_buffer;

/* A buffer holds less than 4 GiB, also when `max` is more. */
void pl_buffer_init(pl_buffer *b, size_t max);
void pl_buffer_deinit(pl_buffer *b);
/* Returns contiguous room for n more bytes at the end, or NULL when that would exceed `max` or memory ran out. The
 * bytes count only after pl_buffer_commit. Pointers into the buffer are valid until the next call that changes it. */
uint8_t *pl_buffer_reserve(pl_buffer *b, size_t n);
void pl_buffer_commit(pl_buffer *b, size_t n);
int pl_buffer_append(pl_buffer *b, const void *data, size_t n) PL_MUST_USE; /* 0, PL_ENOMEM, or PL_EAGAIN beyond max */
const uint8_t *pl_buffer_data(const pl_buffer *b);
void pl_buffer_consume(pl_buffer *b, size_t n);
/* Frees the memory of a buffer that is empty. */
void pl_buffer_trim(pl_buffer *b);

/* ---- intrusive doubly linked list; a node is in at most one list ------------------------------------- */
typedef struct pl_node {
  struct pl_node *next, *prev;
} pl_node;

void pl_list_init(pl_node *head);
bool pl_list_empty(const pl_node *head);
void pl_list_append(pl_node *head, pl_node *node);
void pl_list_remove(pl_node *node); /* safe for an initialised node that is in no list */

#endif
