/* A hash table of structs that its user owns: each contains a node. Structs with the same hash are found in the order
 * in which they were put in, however large the table is, so what a program does with them does not depend on its size.
 * The hash is the user's. Where others choose what is hashed, it must have a key that they do not know. */
#ifndef PL_TABLE_H
#define PL_TABLE_H

#include "base.h"

typedef struct pl_table_node {
  struct pl_table_node *next; /* in its bucket */
  uint64_t hash;
} pl_table_node;

typedef struct pl_table {
  pl_table_node **buckets; /* NULL: there is one, `only` */
  pl_table_node *only;
  size_t bucket_count; /* a power of two */
  size_t count;
} pl_table;

void pl_table_init(pl_table *t);
/* Frees the buckets. The structs in it are their owner's, as before. */
void pl_table_deinit(pl_table *t);
/* Puts in a node that is in no table. It cannot fail: without memory for more buckets, the chains just grow longer. */
void pl_table_put(pl_table *t, pl_table_node *node, uint64_t hash);
void pl_table_remove(pl_table *t, pl_table_node *node); /* the node must be in this table */
/* Return the first node with this hash, and the one after it with the same hash, or NULL. The hash may be that of other
 * things as well, so the caller compares what it looks for. A node may be removed once the next one was asked for. */
pl_table_node *pl_table_first(const pl_table *t, uint64_t hash);
pl_table_node *pl_table_next(const pl_table_node *node);

#endif
