/* See table.h. */
#include "table.h"

enum { FIRST_BUCKETS = 8 };

void pl_table_init(pl_table *t) {
  *t = (pl_table){.bucket_count = 1};
}

void pl_table_deinit(pl_table *t) {
  pl_free(t->buckets);
  pl_table_init(t);
}

static pl_table_node *const *table_chain(const pl_table *t, uint64_t hash) {
  return t->buckets ? &t->buckets[hash & (t->bucket_count - 1)] : &t->only;
}

static pl_table_node **table_bucket(pl_table *t, uint64_t hash) {
  return t->buckets ? &t->buckets[hash & (t->bucket_count - 1)] : &t->only;
}

static void table_append(pl_table *t, pl_table_node *node) {
  pl_table_node **at = table_bucket(t, node->hash);
  while (*at) at = &(*at)->next;
  node->next = NULL;
  *at = node;
}

/* Chains are moved from their first node to their last, and appended, so that equal hashes stay in order. */
static void table_grow(pl_table *t) {
  size_t old_count = t->bucket_count, count = t->buckets ? 2 * old_count : FIRST_BUCKETS;
  pl_table_node **wider = pl_alloc(count * sizeof(pl_table_node *)), **old = t->buckets, *only = t->only;
  if (!wider) return;
  t->buckets = wider;
  t->bucket_count = count;
  t->only = NULL;
  for (size_t i = 0; i < old_count; i++)
    for (pl_table_node *n = old ? old[i] : only, *next; n; n = next) {
      next = n->next;
      table_append(t, n);
    }
  pl_free(old);
}

void pl_table_put(pl_table *t, pl_table_node *node, uint64_t hash) {
  node->hash = hash;
  if (t->count >= t->bucket_count) table_grow(t);
  table_append(t, node);
  t->count++;
}

void pl_table_remove(pl_table *t, pl_table_node *node) {
  pl_table_node **at = table_bucket(t, node->hash);
  while (*at != node) at = &(*at)->next;
  *at = node->next;
  node->next = NULL;
  t->count--;
}

static pl_table_node *table_with(pl_table_node *n, uint64_t hash) {
  while (n && n->hash != hash) n = n->next;
  return n;
}

pl_table_node *pl_table_first(const pl_table *t, uint64_t hash) {
  return table_with(*table_chain(t, hash), hash);
}

pl_table_node *pl_table_next(const pl_table_node *node) {
  return table_with(node->next, node->hash);
}
