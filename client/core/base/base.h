/* Base of the pure core: errors, byte readers and writers, bounded growing buffers, lists, allocation.
 * No input or output, no clock, no globals but the count of failed allocations and the hook that lets them fail. */
#ifndef PL_BASE_H
#define PL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PL_ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))
/* A deadline that never comes. */
#define PL_NEVER UINT64_MAX
#define PL_MUST_USE __attribute__((warn_unused_result))

/* Gives the struct around a list node. */
#define PL_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ---- errors: 0 or negative, one table in schema/errors.def ---------------------------------------- */
enum {
#define PL_ERROR(name, number, text, hint) PL_##name = number,
#include "errors.def"
};
const char *pl_error_text(int error);
const char *pl_error_hint(int error);

/* ---- allocation: every allocation of the core goes through these, so that tests can let each fail --- */
void *pl_alloc(size_t bytes) PL_MUST_USE; /* zeroed; NULL when out of memory */
void *pl_realloc(void *old, size_t bytes) PL_MUST_USE;
void pl_free(void *memory);
/* How many of this thread's have failed so far: the difference tells whether one did in between. */
unsigned long pl_alloc_failures(void);
/* Test hook: fails the n-th allocation from now (1 is the next), 0 fails none; returns what was left. */
long pl_alloc_fail_at(long n);

/* ---- a borrowed piece of memory -------------------------------------------------------------------- */
typedef struct pl_view {
  const uint8_t *data;
  size_t size;
} pl_view;

/* ---- reading: a short read sets `bad` and gives zeros from then on, so callers check once ----------- */
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

/* ---- writing: a full buffer sets `full` and drops the rest, so callers check once -------------------- */
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

/* Single values at a known place. */
uint16_t pl_get_u16(const uint8_t *p);
uint32_t pl_get_u32(const uint8_t *p);
uint64_t pl_get_u64(const uint8_t *p);
void pl_put_u16(uint8_t *p, uint16_t v);
void pl_put_u32(uint8_t *p, uint32_t v);
void pl_put_u64(uint8_t *p, uint64_t v);

/* ---- text ------------------------------------------------------------------------------------------------ */
/* Reads the UTF-8 character at `text` (RFC 3629). Returns its length in bytes and sets *value to its number, or returns
 * 0 when no whole, valid character is there. */
size_t pl_utf8_read(const uint8_t *text, size_t size, uint32_t *value);
/* Compare a view with a string. pl_view_is disregards the case of ASCII letters. */
bool pl_view_equals(pl_view v, const char *text) PL_MUST_USE;
bool pl_view_is(pl_view v, const char *text) PL_MUST_USE;
/* Turns an ASCII capital into its small letter. */
uint8_t pl_ascii_lower(uint8_t c);

/* ---- a growing queue of bytes with an upper bound: append at the end, take from the front ------------ */
typedef struct pl_buffer {
  uint8_t *memory;
  size_t start, size, capacity, max;
} pl_buffer;

void pl_buffer_init(pl_buffer *b, size_t max);
void pl_buffer_deinit(pl_buffer *b);
/* Room for n more bytes at the end, contiguous; NULL when that would pass `max` or memory is out. The bytes
 * count only after pl_buffer_commit. Pointers into the buffer are valid until the next call that changes it. */
uint8_t *pl_buffer_reserve(pl_buffer *b, size_t n);
void pl_buffer_commit(pl_buffer *b, size_t n);
int pl_buffer_append(pl_buffer *b, const void *data, size_t n) PL_MUST_USE; /* 0, PL_ENOMEM, PL_EAGAIN (max) */
const uint8_t *pl_buffer_data(const pl_buffer *b);
void pl_buffer_consume(pl_buffer *b, size_t n);
/* Gives the memory of an empty buffer back. */
void pl_buffer_trim(pl_buffer *b);

/* ---- intrusive doubly linked list; a node is in at most one list ------------------------------------- */
typedef struct pl_node {
  struct pl_node *next, *prev;
} pl_node;

void pl_list_init(pl_node *head);
bool pl_list_empty(const pl_node *head);
void pl_list_append(pl_node *head, pl_node *node);
void pl_list_remove(pl_node *node); /* safe on a node that is in no list, if it was initialised */

#endif
