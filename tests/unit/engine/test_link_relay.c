/* An invite link is opened before any relay is known: the relay it names is compared with the one that then answers. */
#include "pair.h"

static int connect_by_link(const uint8_t relay[32]) {
  static const uint8_t secret[16] = {7};
  pl_engine_event in = {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {n.clients[1].config.identity.id, 32}}};
  in.connect.secret = (pl_view){secret, sizeof secret};
  in.connect.relay = (pl_view){relay, 32};
  return net_do(&n, 0, &in);
}

static void start(bool login_first) {
  net_init(&n);
  pl_engine_config listener = {.listen = true, .accept_all = true};
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  assert_non_null(net_add(&n, 1, 2, 2, &listener));
  net_tell(&n, 1, PL_ENGINE_IN_START);
  if (login_first) net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
}

static void the_right_relay_links(void **state) {
  (void)state;
  assert_int_equal(connect_by_link(n.relay.id), 0);
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
}

static void another_relay_is_not_asked(void **state) {
  (void)state;
  assert_int_equal(connect_by_link(n.clients[1].config.identity.id), 0);
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ELINK);
  assert_false(n.links[0].used); /* no OPEN came */
}

static void afterwards_it_is_refused_at_once(void **state) {
  (void)state;
  start(true);
  assert_int_equal(connect_by_link(n.clients[1].config.identity.id), PL_ELINK);
  assert_int_equal(connect_by_link(n.relay.id), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
}

static int pending_setup(void **state) {
  (void)state;
  start(false);
  return 0;
}

#define test_of_pending(f) cmocka_unit_test_setup_teardown(f, pending_setup, pair_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_pending(the_right_relay_links),
      test_of_pending(another_relay_is_not_asked),
      test_of_own(afterwards_it_is_refused_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
