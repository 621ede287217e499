/* Who may send which envelope: the engine leaves a relay that sends what only clients send, for each type in the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "net.h"

static net n;

/* One client, logged in. */
static int setup(void **state) {
  (void)state;
  net_init(&n);
  if (!net_add(&n, 0, 1, 1, NULL)) return -1;
  net_do(&n, 0, &(pl_engine_event){.type = PL_ENGINE_IN_START});
  net_settle(&n);
  return net_count(&n, 0, PL_ENGINE_OUT_ONLINE) == 1 ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  net_deinit(&n);
  return 0;
}

static void is_refused(uint8_t type) {
  static const uint8_t payload[64];
  int max = pl_envelope_max(type);
  net_to_client(&n, 0, type, 0, 0, payload, max < (int)sizeof payload ? (size_t)max : sizeof payload);
  net_turn(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 1);
  const pl_engine_action *offline = &net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a;
  assert_int_equal(offline->error, PL_EPROTOCOL);
  assert_int_equal(offline->reason, PL_REASON_PROTOCOL);
}

/* A test for each type that only clients send. */
#define TEST_RELAY(name, number)
#define TEST_BOTH(name, number)
#define TEST_CLIENT(name, number)            \
  static void refuses_##name(void **state) { \
    (void)state;                             \
    is_refused(number);                      \
  }
#define PL_ENVELOPE(name, number, max_bytes, sender, text) TEST_##sender(name, number)
#include "wire.def"

#undef TEST_CLIENT
#define TEST_CLIENT(name, number) cmocka_unit_test_setup_teardown(refuses_##name, setup, teardown),

int main(void) {
  static const struct CMUnitTest tests[] = {
#define PL_ENVELOPE(name, number, max_bytes, sender, text) TEST_##sender(name, number)
#include "wire.def"
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
