/* Decides when each of a name's addresses is tried (RFC 8305, "happy eyeballs"). Pure: no sockets and no clock. It
 * counts ticks from its caller, so that time in which the program did not run does not count. */
#ifndef PL_LIB_RACE_H
#define PL_LIB_RACE_H

#include "../core/base/base.h"

enum {
  PL_ADDRESSES_MAX = 8,
  PL_ADDRESS_CHARS = 64,
  PL_RACE_TICK_MS = 250,
  PL_RACE_TICKS_MAX = 32, /* for all addresses together: 8 s, less than people and programs wait */
  PL_RACE_PATIENCE = 8    /* ticks before the next attempt while one is connected and does TLS and the upgrade */
};

typedef struct pl_addresses {
  char text[PL_ADDRESSES_MAX][PL_ADDRESS_CHARS];
  size_t count;
} pl_addresses;

/* Adds an address in text form. Ignores one that is listed already or does not fit. */
void pl_addresses_add(pl_addresses *list, const char *text);
/* Takes addresses from both lists in turn and keeps the order of each, so the second address is of the other family if
 * there is one. */
void pl_addresses_interleave(pl_addresses *out, const pl_addresses *first, const pl_addresses *other);

typedef struct pl_race {
  size_t count, started;
  unsigned ticks, since_start;
} pl_race;

void pl_race_begin(pl_race *r, size_t count);
/* Sets *number to the next address to start, in addition to the attempts under way. Call this at the start, when an
 * attempt has failed, and when a tick says so. Returns false when all were started. */
bool pl_race_next(pl_race *r, size_t *number);
/* Counts a tick; `connected` says whether an attempt is connected by now. Returns true when the next one is due. */
bool pl_race_tick(pl_race *r, bool connected);
/* Returns true when the time is up. */
bool pl_race_is_over(const pl_race *r);

#endif
