/* Allocation behind one hook, bounded buffers, lists. */
#include "base.h"

#include <stdlib.h>
#include <string.h>

/* Counts down to the failure that a test asked for. Each thread has its own, so that tests in threads do not disturb
 * each other. */
static _Thread_local long alloc_fail_in;
static _Thread_local unsigned long alloc_failures;

long pl_alloc_fail_at(long n) {
  long left = alloc_fail_in;
  alloc_fail_in = n;
  return left;
}

static bool alloc_must_fail(void) {
  return alloc_fail_in > 0 && --alloc_fail_in == 0;
}

static void *alloc_counted(void *memory) {
  if (!memory) alloc_failures++;
  return memory;
}

void *pl_alloc(size_t bytes) {
  return alloc_counted(alloc_must_fail() ? NULL : calloc(1, bytes ? bytes : 1));
}

void *pl_realloc(void *old, size_t bytes) {
  return alloc_counted(alloc_must_fail() ? NULL : realloc(old, bytes ? bytes : 1));
}

unsigned long pl_alloc_failures(void) {
  return alloc_failures;
}

void pl_free(void *memory) {
  free(memory);
}

void pl_buffer_init(pl_buffer *b, size_t max) {
  *b = (pl_buffer){.max = max < UINT32_MAX ? (uint32_t)max : UINT32_MAX};
}

void pl_buffer_deinit(pl_buffer *b) {
  pl_free(b->memory);
  *b = (pl_buffer){.max = b->max};
}

/* Bytes that were taken leave a gap at the front, so a buffer that is never empty may need twice its bound. */
static bool buffer_grow(pl_buffer *b, size_t needed) {
  size_t capacity = b->capacity ? b->capacity : 256, most = b->start ? 2 * (size_t)b->max : b->max;
  if (most > UINT32_MAX) most = UINT32_MAX;
  while (capacity < needed) capacity *= 2;
  if (capacity > most) capacity = most;
  if (capacity < needed) return false;
  uint8_t *memory = pl_realloc(b->memory, capacity);
  if (!memory) return false;
  b->memory = memory;
  b->capacity = (uint32_t)capacity;
  return true;
}

static void buffer_close_gap(pl_buffer *b) {
  if (b->start && b->size) memmove(b->memory, b->memory + b->start, b->size);
  b->start = 0;
}

static bool buffer_has_room(const pl_buffer *b, size_t n) {
  return b->capacity - b->start - b->size >= n;
}

/* A byte is moved only after as many were taken. So each costs the same, however many wait. */
uint8_t *pl_buffer_reserve(pl_buffer *b, size_t n) {
  if (n > b->max - b->size) return NULL;
  if (!buffer_has_room(b, n) && b->start >= b->size) buffer_close_gap(b);
  if (!buffer_has_room(b, n) && !buffer_grow(b, (size_t)b->start + b->size + n)) {
    buffer_close_gap(b); /* without memory, the gap has to do */
    if (!buffer_has_room(b, n)) return NULL;
  }
  return b->memory ? b->memory + b->start + b->size : NULL;
}

void pl_buffer_commit(pl_buffer *b, size_t n) {
  b->size += (uint32_t)n;
}

int pl_buffer_append(pl_buffer *b, const void *data, size_t n) {
  if (n == 0) return 0;
  if (n > b->max - b->size) return PL_EAGAIN;
  uint8_t *p = pl_buffer_reserve(b, n);
  if (!p) return PL_ENOMEM;
  memcpy(p, data, n);
  b->size += (uint32_t)n;
  return 0;
}

const uint8_t *pl_buffer_data(const pl_buffer *b) {
  return b->memory ? b->memory + b->start : NULL;
}

void pl_buffer_consume(pl_buffer *b, size_t n) {
  b->start += (uint32_t)n;
  b->size -= (uint32_t)n;
  if (b->size == 0) b->start = 0;
}

void pl_buffer_trim(pl_buffer *b) {
  if (b->size == 0) pl_buffer_deinit(b);
}

void pl_list_init(pl_node *head) {
  head->next = head->prev = head;
}

bool pl_list_empty(const pl_node *head) {
  return head->next == head;
}

void pl_list_append(pl_node *head, pl_node *node) {
  node->prev = head->prev;
  node->next = head;
  head->prev->next = node;
  head->prev = node;
}

void pl_list_remove(pl_node *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  pl_list_init(node);
}
