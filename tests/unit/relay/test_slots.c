/* Link numbers of a socket: how the tables grow, which number comes next, and which generation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/core/bus.h"
#include "relay/core/slots.h"

enum { LIMIT = 10 };

static pl_relay relay;
static pl_relay_conn conn;

static int setup(void **state) {
  (void)state;
  relay.config.settings[PL_RELAY_SET_LINK_SLOTS] = LIMIT;
  conn = (pl_relay_conn){.relay = &relay};
  return 0;
}

static int teardown(void **state) {
  (void)state;
  pl_relay_slots_deinit(&conn);
  return 0;
}

static uint32_t number_of(bool relay_side, uint32_t generation, uint32_t slot) {
  return pl_link_number_make(relay_side, generation, slot);
}

static void test_a_table_grows_to_its_limit(void **state) {
  pl_relay_half halves[LIMIT] = {0};
  (void)state;
  for (uint32_t slot = 0; slot < LIMIT; slot++) {
    assert_false(pl_relay_slots_taken(&conn, number_of(false, 1, slot)));
    assert_int_equal(pl_relay_slots_put(&conn, &halves[slot], number_of(false, 1, slot)), 0);
    assert_ptr_equal(halves[slot].conn, &conn);
    const uint32_t count = conn.slots[0].count;
    assert_int_equal(count, slot < 4 ? 4 : slot < 8 ? 8 : LIMIT);
    for (uint32_t i = 0; i < count; i++) assert_ptr_equal(conn.slots[0].at[i].half, i <= slot ? &halves[i] : NULL);
  }
  assert_int_equal(conn.slots[1].count, 0); /* the relay's numbers have a table of their own */
}

static void test_the_last_slot_comes_first(void **state) {
  pl_relay_half half = {0};
  (void)state;
  assert_int_equal(pl_relay_slots_put(&conn, &half, number_of(false, 3, LIMIT - 1)), 0);
  assert_int_equal(conn.slots[0].count, LIMIT);
  assert_ptr_equal(pl_relay_slots_find(&conn, number_of(false, 3, LIMIT - 1)), &half);
  assert_null(pl_relay_slots_find(&conn, number_of(false, 2, LIMIT - 1)));
  assert_null(pl_relay_slots_find(&conn, number_of(false, 3, LIMIT)));
  assert_true(pl_relay_slots_taken(&conn, number_of(false, 2, LIMIT - 1))); /* by another generation */
  assert_false(pl_relay_slots_taken(&conn, number_of(false, 3, LIMIT - 2)));
  assert_false(pl_relay_slots_taken(&conn, number_of(false, 3, LIMIT)));
}

static void test_no_memory_for_a_larger_table(void **state) {
  pl_relay_half halves[5] = {0};
  (void)state;
  for (uint32_t slot = 0; slot < 4; slot++)
    assert_int_equal(pl_relay_slots_put(&conn, &halves[slot], number_of(true, 1, slot)), 0);
  pl_alloc_fail_at(1);
  assert_int_equal(pl_relay_slots_put(&conn, &halves[4], number_of(true, 1, 4)), PL_ENOMEM);
  pl_alloc_fail_at(0);
  assert_null(halves[4].conn);
  assert_int_equal(conn.slots[1].count, 4);
  assert_ptr_equal(pl_relay_slots_find(&conn, number_of(true, 1, 3)), &halves[3]);
}

static void test_the_lowest_free_slot_is_next(void **state) {
  pl_relay_half halves[LIMIT] = {0};
  (void)state;
  for (uint32_t slot = 0; slot < LIMIT; slot++) {
    uint32_t number = pl_relay_slots_next(&conn);
    assert_int_equal(number, number_of(true, 1, slot));
    assert_int_equal(pl_relay_slots_put(&conn, &halves[slot], number), 0);
  }
  assert_int_equal(pl_relay_slots_next(&conn), 0);
  conn.next_slot = LIMIT; /* as the caller notes */
  pl_relay_slots_remove(&halves[7]);
  assert_null(halves[7].conn);
  pl_relay_slots_remove(&halves[3]);
  pl_relay_slots_remove(&halves[5]);
  assert_int_equal(conn.next_slot, 3);
  assert_int_equal(pl_relay_slots_next(&conn), number_of(true, 2, 3)); /* its next generation */
  assert_int_equal(pl_relay_slots_put(&conn, &halves[3], number_of(true, 2, 3)), 0);
  assert_int_equal(pl_relay_slots_next(&conn), number_of(true, 2, 5));
}

static void test_the_clients_numbers_do_not_move_the_relays(void **state) {
  pl_relay_half ours = {0}, theirs = {0};
  (void)state;
  assert_int_equal(pl_relay_slots_put(&conn, &theirs, number_of(false, 1, 0)), 0);
  assert_int_equal(pl_relay_slots_put(&conn, &ours, number_of(true, 1, 0)), 0);
  conn.next_slot = 1;
  pl_relay_slots_remove(&theirs);
  assert_int_equal(conn.next_slot, 1);
  assert_ptr_equal(pl_relay_slots_find(&conn, number_of(true, 1, 0)), &ours);
}

static void test_generations_begin_again_after_the_last(void **state) {
  pl_relay_half half = {0};
  (void)state;
  for (uint32_t last = PL_CONST_LINK_GENERATION_MAX - 1, i = 0; i < 2; i++, last++) {
    assert_int_equal(pl_relay_slots_put(&conn, &half, number_of(true, last, 0)), 0);
    pl_relay_slots_remove(&half);
    assert_int_equal(pl_relay_slots_next(&conn), number_of(true, i == 0 ? PL_CONST_LINK_GENERATION_MAX : 1, 0));
  }
}

static void test_a_number_that_was_not_sent_is_given_again(void **state) {
  pl_relay_half half = {0};
  (void)state;
  for (uint32_t generation = 1; generation < 4; generation++) {
    uint32_t number = number_of(true, generation, 0);
    for (int tries = 0; tries < 2; tries++) {
      assert_int_equal(pl_relay_slots_next(&conn), number);
      assert_int_equal(pl_relay_slots_put(&conn, &half, number), 0);
      conn.next_slot = 1;
      if (tries == 0)
        pl_relay_slots_take_back(&half);
      else
        pl_relay_slots_remove(&half);
      assert_null(half.conn);
      assert_null(pl_relay_slots_find(&conn, number));
    }
  }
}

static void test_a_worker_has_more_slots(void **state) {
  pl_relay_half half = {0};
  (void)state;
  conn.state = PL_RELAY_CONN_BUS;
  assert_int_equal(pl_relay_slots_put(&conn, &half, number_of(true, 1, PL_RELAY_BUS_SLOTS - 1)), 0);
  assert_int_equal(conn.slots[1].count, PL_RELAY_BUS_SLOTS);
  assert_int_equal(pl_relay_slots_next(&conn), number_of(true, 1, 0));
  conn.next_slot = PL_RELAY_BUS_SLOTS - 1;
  assert_int_equal(pl_relay_slots_next(&conn), 0);
}

#define SLOTS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      SLOTS_TEST(test_a_table_grows_to_its_limit),
      SLOTS_TEST(test_the_last_slot_comes_first),
      SLOTS_TEST(test_no_memory_for_a_larger_table),
      SLOTS_TEST(test_the_lowest_free_slot_is_next),
      SLOTS_TEST(test_the_clients_numbers_do_not_move_the_relays),
      SLOTS_TEST(test_generations_begin_again_after_the_last),
      SLOTS_TEST(test_a_number_that_was_not_sent_is_given_again),
      SLOTS_TEST(test_a_worker_has_more_slots),
  };
  return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
