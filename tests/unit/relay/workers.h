/* The fixture of tests with several workers of one relay in one process, joined by a bus that delivers when the test
 * says so. workers_test makes a test that finds them in its state. */
#ifndef PL_TEST_WORKERS_H
#define PL_TEST_WORKERS_H

#include "world.h"

enum { WORKERS = 3, PIPE_BYTES = 20 << 20 };

typedef struct pipe_bytes {
  uint8_t *bytes;
  size_t size;
  bool stalled; /* the receiving worker reads nothing: its box is full */
} pipe_bytes;

typedef struct workers {
  world w[WORKERS];
  pipe_bytes pipes[WORKERS][WORKERS];
  pl_relay_shared *shared;
} workers;

#define workers_test(test) cmocka_unit_test_setup_teardown(test, workers_setup, workers_teardown)
#define workers_test_with(test, ...) \
  { #test, test, workers_setup, workers_teardown, WORLD_SETTINGS_OF(__VA_ARGS__) }

int workers_setup(void **state);
int workers_teardown(void **state);

/* Ends all workers, with their clients, and starts them again. */
void workers_restart(workers *all);
/* Puts what this worker has for the others into the pipes. */
void workers_collect(workers *all, unsigned from);
/* Delivers what one worker said to another. Returns false when there was nothing. */
bool workers_deliver(workers *all, unsigned from, unsigned to);
/* Delivers everything everywhere, and what follows from it. */
void workers_settle(workers *all);
void workers_pass(workers *all, uint64_t ms);
client *workers_login(workers *all, unsigned worker, uint8_t seed, bool listen);
/* Expects the next envelope to be of this type. *link, unless it is 0, must be its link, and is set. `reason`, unless
 * it is 0, must be its reason. */
void workers_expect(client *c, uint8_t type, uint32_t *link, int reason);
void workers_expect_nothing(client *c);

#endif
