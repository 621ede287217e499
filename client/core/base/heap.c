/* See heap.h. */
#include "heap.h"

enum { FIRST_CAPACITY = 4, BELOW = 4 };

void pl_heap_deinit(pl_heap *h) {
  pl_free(h->list);
  *h = (pl_heap){0};
}

int pl_heap_reserve(pl_heap *h, size_t count) {
  if (count <= h->capacity) return 0;
  size_t capacity = h->capacity ? h->capacity + h->capacity / 2 : FIRST_CAPACITY;
  if (capacity < count) capacity = count;
  pl_heap_place *list = pl_realloc(h->list, capacity * sizeof *list);
  if (!list) return PL_ENOMEM;
  h->list = list;
  h->capacity = capacity;
  return 0;
}

static bool heap_before(const pl_heap_place *a, const pl_heap_place *b) {
  return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void heap_place(pl_heap *h, pl_heap_place place, size_t at) {
  h->list[at - 1] = place;
  place.node->at = at;
}

/* Returns the first of those directly below `at`, or 0 when there is none. */
static size_t heap_first_below(const pl_heap *h, size_t at) {
  size_t first = BELOW * (at - 1) + 2, last = first + BELOW - 1;
  if (first > h->count) return 0;
  if (last > h->count) last = h->count;
  for (size_t i = first + 1; i <= last; i++)
    if (heap_before(&h->list[i - 1], &h->list[first - 1])) first = i;
  return first;
}

/* Puts a node at `at`, or above or below it, where it belongs. */
static void heap_settle(pl_heap *h, pl_heap_node *node, size_t at) {
  const pl_heap_place place = {node->key, node->order, node};
  for (size_t above; at > 1 && heap_before(&place, &h->list[(above = (at - 2) / BELOW + 1) - 1]); at = above)
    heap_place(h, h->list[above - 1], at);
  for (size_t below; (below = heap_first_below(h, at)) && heap_before(&h->list[below - 1], &place); at = below)
    heap_place(h, h->list[below - 1], at);
  heap_place(h, place, at);
}

void pl_heap_set(pl_heap *h, pl_heap_node *node, uint64_t key) {
  if (key == PL_NEVER) {
    pl_heap_remove(h, node);
    return;
  }
  if (node->at && node->key == key) return;
  node->key = key;
  heap_settle(h, node, node->at ? node->at : ++h->count);
}

void pl_heap_remove(pl_heap *h, pl_heap_node *node) {
  size_t at = node->at;
  if (!at) return;
  pl_heap_node *last = h->list[--h->count].node;
  node->at = 0;
  if (last != node) heap_settle(h, last, at);
}

pl_heap_node *pl_heap_first(const pl_heap *h) {
  return h->count ? h->list[0].node : NULL;
}

uint64_t pl_heap_key(const pl_heap *h) {
  return h->count ? h->list[0].key : PL_NEVER;
}
