/* See heap.h. */
#include "heap.h"

enum { FIRST_CAPACITY = 4 };

void pl_heap_deinit(pl_heap *h) {
  pl_free(h->list);
  *h = (pl_heap){0};
}

int pl_heap_reserve(pl_heap *h, size_t count) {
  if (count <= h->capacity) return 0;
  size_t capacity = h->capacity ? h->capacity + h->capacity / 2 : FIRST_CAPACITY;
  if (capacity < count) capacity = count;
  pl_heap_node **list = pl_realloc(h->list, capacity * sizeof(pl_heap_node *));
  if (!list) return PL_ENOMEM;
  h->list = list;
  h->capacity = capacity;
  return 0;
}

static bool heap_before(const pl_heap_node *a, const pl_heap_node *b) {
  return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void heap_place(pl_heap *h, pl_heap_node *node, size_t at) {
  h->list[at - 1] = node;
  node->at = at;
}

/* Moves what is at `at` up or down to where it belongs. */
static void heap_settle(pl_heap *h, size_t at) {
  pl_heap_node *node = h->list[at - 1];
  for (; at > 1 && heap_before(node, h->list[at / 2 - 1]); at /= 2) heap_place(h, h->list[at / 2 - 1], at);
  for (size_t child; (child = 2 * at) <= h->count; at = child) {
    if (child < h->count && heap_before(h->list[child], h->list[child - 1])) child++;
    if (!heap_before(h->list[child - 1], node)) break;
    heap_place(h, h->list[child - 1], at);
  }
  heap_place(h, node, at);
}

void pl_heap_set(pl_heap *h, pl_heap_node *node, uint64_t key) {
  if (key == PL_NEVER) {
    pl_heap_remove(h, node);
    return;
  }
  if (node->at && node->key == key) return;
  node->key = key;
  if (!node->at) heap_place(h, node, ++h->count);
  heap_settle(h, node->at);
}

void pl_heap_remove(pl_heap *h, pl_heap_node *node) {
  size_t at = node->at;
  if (!at) return;
  pl_heap_node *last = h->list[--h->count];
  node->at = 0;
  if (last == node) return;
  heap_place(h, last, at);
  heap_settle(h, at);
}

pl_heap_node *pl_heap_first(const pl_heap *h) {
  return h->count ? h->list[0] : NULL;
}

uint64_t pl_heap_key(const pl_heap *h) {
  return h->count ? h->list[0]->key : PL_NEVER;
}
