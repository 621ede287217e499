/* Which of a name's addresses is tried when (RFC 8305, "happy eyeballs"). Pure: no sockets and no clock. Its time is
 * ticks of the shell, so that time in which nobody looked is no time. */
#ifndef PL_LIB_RACE_H
#define PL_LIB_RACE_H

#include "../core/base/base.h"

enum {
  PL_ADDRESSES_MAX = 8,
  PL_ADDRESS_CHARS = 64,
  PL_RACE_TICK_MS = 250,
  PL_RACE_TICKS_MAX = 32, /* for all of them: 8 s, less than people and programs wait */
  PL_RACE_PATIENCE = 8    /* ticks for one that is connected, and goes on with TLS and the upgrade */
};

typedef struct pl_addresses {
  char text[PL_ADDRESSES_MAX][PL_ADDRESS_CHARS];
  size_t count;
} pl_addresses;

/* Takes an address in text; one that is there already, or finds no room, is left out. */
void pl_addresses_add(pl_addresses *list, const char *text);
/* By turns from both lists, of which each keeps its order: the second address is of the other family, if there is one.
 */
void pl_addresses_interleave(pl_addresses *out, const pl_addresses *first, const pl_addresses *other);

typedef struct pl_race {
  size_t count, started;
  unsigned ticks, since_start;
} pl_race;

void pl_race_begin(pl_race *r, size_t count);
/* The next one to start, beside those that are on their way: at the beginning, when one has failed, and when a tick
 * says so. False: all are started. */
bool pl_race_next(pl_race *r, size_t *number);
/* A tick has passed; is one of those on their way connected? True: the next one is due. */
bool pl_race_tick(pl_race *r, bool connected);
/* None has won in time. */
bool pl_race_is_over(const pl_race *r);

#endif
