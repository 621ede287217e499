/* What the workers of one process share. Each number is atomic, and there is no lock: two workers that change one at
 * the same instant lose at most one count. relay.c makes and frees the whole; rates.c, crowd.c and knocks.c use the
 * parts. */
#ifndef PL_RELAY_SHARED_H
#define PL_RELAY_SHARED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PL_RELAY_LOAD(place) atomic_load_explicit(&(place), memory_order_relaxed)
#define PL_RELAY_STORE(place, value) atomic_store_explicit(&(place), (value), memory_order_relaxed)

enum { PL_RELAY_SHARED_WAYS = 4 }; /* entries of a set: a key may be in any of them */

/* ---- rates.c, crowd.c */
typedef struct pl_relay_rate_entry {
  _Atomic uint64_t key;
  _Atomic uint64_t due_us; /* when everything taken so far is paid for */
} pl_relay_rate_entry;

/* A rate by key, in fixed memory: a table of sets. */
typedef struct pl_relay_rate {
  pl_relay_rate_entry *entries;
  size_t sets;
  uint64_t interval_us, burst;
} pl_relay_rate;

/* Connections by address. */
typedef struct pl_relay_crowd {
  _Atomic uint32_t *counts;
} pl_relay_crowd;

/* ---- knocks.c ---------------------------------------------------------------------------------------------------- */
typedef struct pl_relay_pair {
  _Atomic uint64_t key, linked_ms;
} pl_relay_pair;

/* Pairs of IDs that were linked before, in fixed memory: a table of sets. */
typedef struct pl_relay_pairs {
  pl_relay_pair *entries;
} pl_relay_pairs;

struct pl_relay_shared {
  _Atomic uint64_t sockets;
  _Atomic uint64_t generation;                    /* of the newest login */
  _Atomic uint64_t started_ms;                    /* when the first connection came; 0 before */
  pl_relay_rate connects, registrations;          /* by address */
  pl_relay_rate knocks, knocks_from, knocks_to;   /* by address, by caller, by callee */
  pl_relay_rate caller_to, address_to, newcomers; /* by callee and caller, by callee and address, by either */
  pl_relay_rate codes, claims, code_misses;       /* by address */
  pl_relay_crowd crowd;
  pl_relay_pairs pairs;
};

#endif
