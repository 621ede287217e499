/* How a turn of the loop divides its time between sockets. Decides only: the times are handed in.
 *
 * In every turn, each socket that *talks*, and has something small, is served at once. The others wait in two lines,
 * and a turn serves only as many of a line as fit its share of time:
 *   - *bulk* moves much;
 *   - all others are *quiet*: they are new, or nothing was passed on for them in a while. What they do is rare, but
 *     thousands may log in or leave at once, and one of them may cost as much as a hundred messages.
 * So what a small message waits for is two shares, however many others there are. A share is PL_TURNS_SHARE_NS and, so
 * that small messages cannot stop the lines, at least the time that the talking sockets took in the same turn. */
#ifndef PL_SHELL_TURNS_H
#define PL_SHELL_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PL_TURNS_SMALL = 8 * 1024,  /* most bytes that a socket reads in one turn outside the line of bulk */
  PL_TURNS_CALM = 4,          /* a bulk socket leaves that line after this many small reads in a row */
  PL_TURNS_TALK_MS = 10000,   /* a socket is quiet after nothing was passed on for it for this long, or twice as long */
  PL_TURNS_SHARE_NS = 150000, /* time of a turn for each line */
  PL_TURNS_MOST = 16,         /* most bulk sockets that are served without another look at the clock */
  PL_TURNS_MOST_QUIET = 4,    /* most quiet ones: each may be a login */
  PL_TURNS_FEW = 4            /* that many or fewer bulk sockets may each read as much as there is */
};

/* ---- one socket -------------------------------------------------------------------------------------------------- */

typedef struct pl_turns_class {
  bool bulk;
  bool talks;   /* counts while it is not bulk */
  bool spoke;   /* since pl_turns_silent was asked last */
  uint8_t calm; /* small reads in a row */
} pl_turns_class;

/* A socket was read. Outside the line of bulk it was offered PL_TURNS_SMALL bytes. `full`: something waits until it is
 * writable again. */
void pl_turns_read(pl_turns_class *c, size_t bytes, bool full);
/* The socket did not take all that was written to it. */
void pl_turns_full(pl_turns_class *c);
/* Something that the socket sent was passed on to another one. */
void pl_turns_spoke(pl_turns_class *c);
/* Asked every PL_TURNS_TALK_MS while the socket talks. Returns true when it is quiet from now on. */
bool pl_turns_silent(pl_turns_class *c);
/* The socket is about to end, so it is quiet from now on. */
void pl_turns_leaves(pl_turns_class *c);

/* ---- the share of a line in one turn ----------------------------------------------------------------------------- */

typedef struct pl_turns {
  uint64_t left_ns; /* of the share */
  uint64_t each_ns; /* what a socket costs, as expected from the last ones */
  unsigned most;
} pl_turns;

/* `most` is PL_TURNS_MOST or PL_TURNS_MOST_QUIET. */
void pl_turns_init(pl_turns *t, unsigned most);
/* Starts the share of a turn in which the talking sockets took `others_ns`. */
void pl_turns_start(pl_turns *t, uint64_t others_ns);
/* Returns how many sockets to serve next, at most `most`, or 0 when the share is used up. All of them must be served,
 * because they have left their places in the line. */
unsigned pl_turns_next(const pl_turns *t);
/* Serving n of them, at least one, took this long. */
void pl_turns_spent(pl_turns *t, unsigned n, uint64_t ns);

#endif
