/* Two engines and a relay: the whole way of a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net.h"

static net n;

static void start_pair(const pl_engine_config *a, const pl_engine_config *b) {
  net_init(&n);
  pl_engine_config listener = {.listen = true, .accept_all = true};
  assert_non_null(net_add(&n, 0, 1, 1, a));
  assert_non_null(net_add(&n, 1, 2, 2, b ? b : &listener));
  net_do(&n, 0, &(pl_engine_event){.type = PL_IN_START});
  net_do(&n, 1, &(pl_engine_event){.type = PL_IN_START});
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_OUT_ONLINE), 1);
  assert_int_equal(net_count(&n, 1, PL_OUT_ONLINE), 1);
}

static void messages_go_both_ways_and_the_close_is_answered(void **state) {
  (void)state;
  start_pair(NULL, NULL);
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  assert_int_equal(net_send(&n, 0, a, 0, "hello", 5), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_OUT_LINKED), 1);
  assert_int_equal(net_count(&n, 1, PL_OUT_SESSION), 1);
  assert_int_equal(net_count(&n, 1, PL_OUT_LINKED), 1);
  net_seen *m = net_find(&n, 1, PL_OUT_MESSAGE, 0);
  assert_non_null(m);
  assert_int_equal(m->size, 5);
  assert_memory_equal(m->data, "hello", 5);
  uint32_t b = m->a.session;
  assert_int_equal(net_send(&n, 1, b, 0, "", 0), 0);
  assert_int_equal(net_finish(&n, 1, b, 0), 0);
  assert_int_equal(net_finish(&n, 0, a, 0), 0);
  net_run(&n, 100);
  m = net_find(&n, 0, PL_OUT_MESSAGE, 0);
  assert_non_null(m);
  assert_int_equal(m->size, 0);
  assert_int_equal(net_count(&n, 0, PL_OUT_END), 1);
  assert_int_equal(net_count(&n, 1, PL_OUT_END), 1);
  assert_true(net_count(&n, 0, PL_OUT_DELIVERED) >= 1);
  assert_int_equal(net_close(&n, 0, a), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_count(&n, 1, PL_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_count(&n, 0, PL_OUT_LOST), 0);
  assert_int_equal(net_count(&n, 1, PL_OUT_LOST), 0);
  net_deinit(&n);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_go_both_ways_and_the_close_is_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
