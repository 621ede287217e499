/* How long the engine waits before it tries again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/core/engine/engine_random.h"
#include "client/core/engine/engine_retry.h"

enum { FREE = 3 /* failures after which there is no wait yet */, DRAWS = 20000 };

static pl_engine engine;

static int setup(void **state) {
  const uint8_t seed[32] = {1};
  (void)state;
  pl_engine_rng_init(&engine.rng, seed);
  return 0;
}

static void expect_waits_below(unsigned failures, uint64_t most) {
  uint64_t longest = 0, shortest = UINT64_MAX;
  for (int i = 0; i < DRAWS; i++) {
    uint64_t wait = pl_engine_retry_delay(&engine, failures);
    if (wait > longest) longest = wait;
    if (wait < shortest) shortest = wait;
  }
  assert_in_range(longest, most - 1 - most / 500, most - 1);
  assert_in_range(shortest, 0, most / 500);
}

static void test_a_few_tries_at_once(void **state) {
  (void)state;
  for (unsigned failures = 0; failures < FREE; failures++)
    for (int i = 0; i < 100; i++) assert_int_equal(pl_engine_retry_delay(&engine, failures), 0);
}

/* Then any wait up to a time that doubles, which is never more than ten seconds. */
static void test_waits_double(void **state) {
  (void)state;
  for (unsigned doublings = 0; doublings < 6; doublings++)
    expect_waits_below(FREE + doublings, (uint64_t)PL_ENGINE_RETRY_MIN_MS << doublings);
  expect_waits_below(FREE + 6, 10000);
  expect_waits_below(FREE + 7, 10000);
  expect_waits_below(FREE + 64, 10000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_a_few_tries_at_once, setup),
      cmocka_unit_test_setup(test_waits_double, setup),
  };
  return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
