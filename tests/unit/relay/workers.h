/* Several workers' engines in one process, joined by a bus that delivers when the test says so. */
#ifndef PL_TEST_WORKERS_H
#define PL_TEST_WORKERS_H

#include "world.h"

enum { WORKERS = 3, PIPE_BYTES = 20 << 20 };

typedef struct pipe_bytes {
  uint8_t *bytes;
  size_t size;
  bool stalled; /* the worker does not read: its inbox is full */
} pipe_bytes;

typedef struct workers {
  world w[WORKERS];
  pipe_bytes pipes[WORKERS][WORKERS];
  pl_relay_shared *shared;
} workers;

workers *workers_begin(void (*change)(world *w));  /* change: of each one's settings; may be NULL */
void workers_collect(workers *all, unsigned from); /* what it has for the others goes into the pipes */
/* What this worker said to that one arrives. False: there was nothing. */
bool workers_deliver(workers *all, unsigned from, unsigned to);
void workers_settle(workers *all); /* everything arrives everywhere, and what follows from it */
void workers_pass(workers *all, uint64_t ms);
void workers_end(workers *all);
client *workers_login(workers *all, unsigned worker, uint8_t seed, bool listen);
/* The next envelope is of this type, link (if it is not 0; it is set), and reason (if not 0). */
void workers_expect(client *c, uint8_t type, uint32_t *link, int reason);
void workers_expect_nothing(client *c);

#endif
