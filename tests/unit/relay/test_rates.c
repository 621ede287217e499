/* Rates, to the millisecond: how much may be taken at once, when more may be, and which key a full table forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/core/rates.h"

enum { SECOND = 1000, MINUTE = 60000, START = 5000 };
enum { SETS = 1024, SETS_LARGE = 8192 }; /* of four keys each */

static bool takes(pl_relay_rate *rate, uint64_t key, uint64_t now_ms) {
  if (!pl_relay_rate_key_allows(rate, key, now_ms)) return false;
  pl_relay_rate_key_take(rate, key, now_ms);
  return true;
}

static void test_three_a_minute(void **state) {
  pl_relay_rate rate;
  (void)state;
  assert_int_equal(pl_relay_rate_init(&rate, 3, MINUTE), 0);
  for (uint64_t left = 3; left > 0; left--) {
    assert_int_equal(pl_relay_rate_key_left(&rate, 7, START), left);
    assert_true(takes(&rate, 7, START));
  }
  assert_int_equal(pl_relay_rate_key_left(&rate, 7, START), 0);
  assert_false(takes(&rate, 7, START + MINUTE / 3 - 1));
  assert_int_equal(pl_relay_rate_key_left(&rate, 7, START + MINUTE / 3 - 1), 0);
  assert_int_equal(pl_relay_rate_key_left(&rate, 7, START + MINUTE / 3), 1);
  assert_true(takes(&rate, 7, START + MINUTE / 3));
  assert_false(takes(&rate, 7, START + MINUTE / 3));
  assert_int_equal(pl_relay_rate_key_left(&rate, 7, START + MINUTE), 2);
  assert_int_equal(pl_relay_rate_key_left(&rate, 7, START + 2 * MINUTE), 3); /* never more than at once */
  assert_int_equal(pl_relay_rate_key_left(&rate, 8, START), 3);              /* each key has its own */
  pl_relay_rate_deinit(&rate);
}

static void test_more_than_one_a_microsecond(void **state) {
  pl_relay_rate rate;
  (void)state;
  assert_int_equal(pl_relay_rate_init(&rate, 5000, 1), 0);
  for (int i = 0; i < 5000; i++) assert_true(takes(&rate, 7, START));
  assert_false(takes(&rate, 7, START));
  assert_int_equal(pl_relay_rate_key_left(&rate, 7, START + 1), 1000);
  pl_relay_rate_deinit(&rate);
}

/* Takes once each from four keys of one set, in an order that makes `first` the one that is paid for first. */
static void fill_set(pl_relay_rate *rate, uint64_t sets, uint64_t first) {
  for (uint64_t i = 0; i < 4; i++) pl_relay_rate_key_take(rate, 7 + i * sets, i == first ? START : START + SECOND);
}

static void test_a_full_set_forgets_the_key_that_has_taken_least(void **state) {
  pl_relay_rate rate;
  (void)state;
  for (uint64_t first = 0; first < 4; first++) {
    assert_int_equal(pl_relay_rate_init(&rate, 3, MINUTE), 0);
    fill_set(&rate, SETS, first);
    for (uint64_t i = 0; i < 4; i++) assert_int_equal(pl_relay_rate_key_left(&rate, 7 + i * SETS, START + SECOND), 2);
    pl_relay_rate_key_take(&rate, 7 + 4 * SETS, START + SECOND);
    for (uint64_t i = 0; i < 5; i++)
      assert_int_equal(pl_relay_rate_key_left(&rate, 7 + i * SETS, START + SECOND), i == first ? 3 : 2);
    pl_relay_rate_deinit(&rate);
  }
}

/* A key that comes into the place of another one does not pay for it. */
static void test_a_key_begins_with_nothing_taken(void **state) {
  pl_relay_rate rate;
  (void)state;
  assert_int_equal(pl_relay_rate_init(&rate, 3, MINUTE), 0);
  for (uint64_t i = 0; i < 4; i++)
    for (int n = 0; n < 3; n++) pl_relay_rate_key_take(&rate, 7 + i * SETS, START);
  pl_relay_rate_key_take(&rate, 7 + 4 * SETS, START);
  assert_int_equal(pl_relay_rate_key_left(&rate, 7 + 4 * SETS, START), 2);
  pl_relay_rate_deinit(&rate);
}

static void test_a_large_table_has_more_sets(void **state) {
  pl_relay_rate rate;
  (void)state;
  assert_int_equal(pl_relay_rate_init_large(&rate, 3, MINUTE), 0);
  fill_set(&rate, SETS, 0);
  pl_relay_rate_key_take(&rate, 7 + 4 * SETS, START);
  for (uint64_t i = 0; i < 5; i++) assert_int_equal(pl_relay_rate_key_left(&rate, 7 + i * SETS, START + SECOND), 2);
  pl_relay_rate_deinit(&rate);
  assert_int_equal(pl_relay_rate_init_large(&rate, 3, MINUTE), 0);
  fill_set(&rate, SETS_LARGE, 2);
  pl_relay_rate_key_take(&rate, 7 + 4 * SETS_LARGE, START);
  assert_int_equal(pl_relay_rate_key_left(&rate, 7 + 2 * SETS_LARGE, START + SECOND), 3);
  pl_relay_rate_deinit(&rate);
}

/* ---- rates of one socket ----------------------------------------------------------------------------------------- */

static pl_relay relay;

static void test_opens_of_a_socket(void **state) {
  pl_relay_conn conn = {.relay = &relay};
  (void)state;
  relay.config.settings[PL_RELAY_SET_OPENS_PER_MINUTE] = 60;
  relay.config.settings[PL_RELAY_SET_OPEN_BURST] = 2;
  assert_true(pl_relay_rate_open(&conn, START));
  assert_true(pl_relay_rate_open(&conn, START));
  assert_false(pl_relay_rate_open(&conn, START));
  assert_false(pl_relay_rate_open(&conn, START + SECOND - 1));
  assert_true(pl_relay_rate_open(&conn, START + SECOND));
  assert_false(pl_relay_rate_open(&conn, START + SECOND));
  assert_true(pl_relay_rate_open(&conn, START + MINUTE));
  assert_true(pl_relay_rate_open(&conn, START + MINUTE)); /* two at once, however long it waited */
  assert_false(pl_relay_rate_open(&conn, START + MINUTE));
}

static void test_changes_of_a_socket(void **state) {
  pl_relay_conn conn = {.relay = &relay};
  (void)state;
  relay.config.settings[PL_RELAY_SET_CHANGES_PER_MINUTE] = 60;
  relay.config.settings[PL_RELAY_SET_PEERS_PER_SOCKET] = 4;
  assert_true(pl_relay_rate_change(&conn, 60, START));
  assert_true(pl_relay_rate_change(&conn, 4, START)); /* its first list comes on top */
  assert_false(pl_relay_rate_change(&conn, 1, START));
  assert_false(pl_relay_rate_change(&conn, 1, START + SECOND - 1));
  assert_true(pl_relay_rate_change(&conn, 1, START + SECOND));
  assert_false(pl_relay_rate_change(&conn, 3, START + 3 * SECOND)); /* two of three are taken */
  assert_false(pl_relay_rate_change(&conn, 1, START + 3 * SECOND));
  assert_true(pl_relay_rate_change(&conn, 1, START + 4 * SECOND));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_three_a_minute),
      cmocka_unit_test(test_more_than_one_a_microsecond),
      cmocka_unit_test(test_a_full_set_forgets_the_key_that_has_taken_least),
      cmocka_unit_test(test_a_key_begins_with_nothing_taken),
      cmocka_unit_test(test_a_large_table_has_more_sets),
      cmocka_unit_test(test_opens_of_a_socket),
      cmocka_unit_test(test_changes_of_a_socket),
  };
  return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
