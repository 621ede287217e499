/* How a turn of the loop divides its time between sockets. Decides only: the times are handed in.
 *
 * In every turn, each socket that has something small is served at once. A socket that moves much is *bulk*: it waits
 * in line with the others of its kind, and a turn serves only as many of them as fit its share of time. So what a small
 * message waits for is one share, however much bulk there is. The share is PL_TURNS_SHARE_NS and, so that small
 * messages cannot stop the bulk, at least the time that all other sockets took in the same turn. */
#ifndef PL_SHELL_TURNS_H
#define PL_SHELL_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PL_TURNS_SMALL = 8 * 1024,  /* most bytes that a socket reads in one turn outside the line */
  PL_TURNS_CALM = 4,          /* a bulk socket leaves the line after this many small reads in a row */
  PL_TURNS_SHARE_NS = 150000, /* time of a turn for bulk sockets */
  PL_TURNS_MOST = 16,         /* most bulk sockets that are served without another look at the clock */
  PL_TURNS_FEW = 4            /* that many or fewer of them may each read as much as there is */
};

/* ---- one socket -------------------------------------------------------------------------------------------------- */

typedef struct pl_turns_class {
  bool bulk;
  uint8_t calm; /* small reads in a row */
} pl_turns_class;

/* A socket was read. Outside the line it was offered PL_TURNS_SMALL bytes. `full`: something waits until it is writable
 * again. */
void pl_turns_read(pl_turns_class *c, size_t bytes, bool full);
/* The socket did not take all that was written to it. */
void pl_turns_full(pl_turns_class *c);

/* ---- one turn ---------------------------------------------------------------------------------------------------- */

typedef struct pl_turns {
  uint64_t left_ns; /* of the share */
  uint64_t each_ns; /* what a bulk socket costs, as expected from the last ones */
} pl_turns;

void pl_turns_init(pl_turns *t);
/* Starts the share of a turn in which other sockets took `others_ns`. */
void pl_turns_start(pl_turns *t, uint64_t others_ns);
/* Returns how many bulk sockets to serve next, at most PL_TURNS_MOST, or 0 when the share is used up. All of them must
 * be served, because they have left their places in the line. */
unsigned pl_turns_next(const pl_turns *t);
/* Serving n of them, at least one, took this long. */
void pl_turns_spent(pl_turns *t, unsigned n, uint64_t ns);

#endif
