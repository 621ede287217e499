/* Deadlines in order: a heap of structs that its user owns, each with a node. Of equal keys, the one with the smaller
 * `order` comes first, so the sequence does not depend on how the heap was filled. Each place has four below it and
 * holds a copy of its node's key, because the structs are large and far apart: a comparison reads none of them. */
#ifndef PL_HEAP_H
#define PL_HEAP_H

#include "base.h"

typedef struct pl_heap_node {
  uint64_t key;
  uint64_t order; /* set by the user, while the node is in no heap */
  size_t at;      /* its place in the heap, counted from 1; 0: it is in none */
} pl_heap_node;

typedef struct pl_heap_place {
  uint64_t key, order; /* the node's */
  pl_heap_node *node;
} pl_heap_place;

typedef struct pl_heap {
  pl_heap_place *list;
  size_t count, capacity;
} pl_heap;

/* A heap of zeros is empty. */
void pl_heap_deinit(pl_heap *h); /* the nodes are their owner's, as before */
/* Makes room for `count` nodes in all. Returns 0 or PL_ENOMEM. */
int pl_heap_reserve(pl_heap *h, size_t count) PL_MUST_USE;
/* Puts a node in, or moves it, to this key; PL_NEVER takes it out. There must be room for it (pl_heap_reserve). */
void pl_heap_set(pl_heap *h, pl_heap_node *node, uint64_t key);
void pl_heap_remove(pl_heap *h, pl_heap_node *node); /* safe for a node that is in no heap */
/* Returns the node that comes first, or NULL, and its key, or PL_NEVER. */
pl_heap_node *pl_heap_first(const pl_heap *h);
uint64_t pl_heap_key(const pl_heap *h);

#endif
