/* A relay that is made while memory runs out: it is made whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/core/relay.h"

enum { ALLOCATIONS_MAX = 100 };

static void lookup(void *user, pl_relay_conn *conn, const uint8_t id[32]) {
  (void)user;
  (void)conn;
  (void)id;
}

/* Each allocation fails once, until one is asked for that is never made. */
static void test_no_memory_for_a_relay(void **state) {
  static const unsigned workers[] = {0, 3};
  const uint8_t seed[32] = {1};
  pl_identity identity;
  (void)state;
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(workers); i++) {
    pl_relay_config config = {.workers = workers[i], .identity = &identity, .hooks = {.lookup = lookup}};
    pl_relay_settings_init(config.settings);
    long n = 1;
    for (; n < ALLOCATIONS_MAX; n++) {
      pl_alloc_fail_at(n);
      pl_relay *relay = pl_relay_new(&config);
      const bool failed = pl_alloc_fail_at(0) <= 0;
      assert_int_equal(relay == NULL, failed);
      pl_relay_free(relay);
      if (!failed) break;
    }
    assert_in_range(n, 15, ALLOCATIONS_MAX - 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_memory_for_a_relay)};
  return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
