/* How a turn divides its time: which sockets stand in line, and how many of them a turn serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay/shell/turns.h"

enum { SMALL = 100, MUCH = PL_TURNS_SMALL, SHARE = PL_TURNS_SHARE_NS };

/* ---- one socket -------------------------------------------------------------------------------------------------- */

static void one_that_reads_little_is_never_in_line(void **state) {
  pl_turns_class c = {0};
  (void)state;
  for (int i = 0; i < 1000; i++) {
    pl_turns_read(&c, MUCH - 1, false);
    assert_false(c.bulk);
  }
}

static void one_that_reads_much_is_in_line_until_it_was_calm(void **state) {
  pl_turns_class c = {0};
  (void)state;
  pl_turns_read(&c, MUCH, false);
  for (int i = 1; i < PL_TURNS_CALM; i++) pl_turns_read(&c, SMALL, false);
  assert_true(c.bulk);
  pl_turns_read(&c, MUCH, false); /* counting starts again */
  for (int i = 1; i < PL_TURNS_CALM; i++) pl_turns_read(&c, SMALL, false);
  assert_true(c.bulk);
  pl_turns_read(&c, SMALL, false);
  assert_false(c.bulk);
  pl_turns_read(&c, SMALL, false);
  assert_false(c.bulk);
}

static void one_that_takes_too_little_is_in_line_while_it_is_full(void **state) {
  pl_turns_class c = {0};
  (void)state;
  pl_turns_full(&c);
  for (int i = 0; i < 3 * PL_TURNS_CALM; i++) pl_turns_read(&c, SMALL, true);
  assert_true(c.bulk);
  for (int i = 0; i < PL_TURNS_CALM; i++) pl_turns_read(&c, SMALL, false);
  assert_false(c.bulk);
}

static void one_talks_until_it_was_silent_for_a_while(void **state) {
  pl_turns_class c = {0};
  (void)state;
  pl_turns_spoke(&c);
  assert_true(c.talks);
  assert_false(pl_turns_silent(&c)); /* it has just spoken */
  pl_turns_spoke(&c);
  assert_false(pl_turns_silent(&c));
  assert_true(pl_turns_silent(&c));
  assert_false(c.talks);
  pl_turns_spoke(&c);
  assert_true(c.talks);
  pl_turns_leaves(&c);
  assert_false(c.talks);
}

static void one_that_talks_may_be_bulk_for_a_while(void **state) {
  pl_turns_class c = {0};
  (void)state;
  pl_turns_spoke(&c);
  pl_turns_read(&c, MUCH, false);
  assert_true(c.bulk);
  for (int i = 0; i < PL_TURNS_CALM; i++) pl_turns_read(&c, SMALL, false);
  assert_false(c.bulk);
  assert_true(c.talks);
}

/* ---- one turn ---------------------------------------------------------------------------------------------------- */

/* Runs the share of one turn, in which each socket takes each_ns. Returns how many were served. */
static unsigned turn(pl_turns *t, uint64_t others_ns, uint64_t each_ns) {
  unsigned served = 0;
  pl_turns_start(t, others_ns);
  for (unsigned n; (n = pl_turns_next(t)) > 0; served += n) pl_turns_spent(t, n, n * each_ns);
  return served;
}

static void a_turn_serves_what_fits_its_share(void **state) {
  pl_turns t;
  (void)state;
  pl_turns_init(&t, PL_TURNS_MOST);
  for (int i = 0; i < 100; i++) turn(&t, 0, SHARE / 10);
  assert_in_range(turn(&t, 0, SHARE / 10), 10, 11);
  for (int i = 0; i < 100; i++) turn(&t, 0, SHARE / 1000);
  assert_in_range(turn(&t, 0, SHARE / 1000), 1000, 1000 + PL_TURNS_MOST);
}

static void each_turn_serves_one_however_dear_it_is(void **state) {
  pl_turns t;
  (void)state;
  pl_turns_init(&t, PL_TURNS_MOST);
  for (int i = 0; i < 100; i++) assert_int_equal(turn(&t, 0, 50 * SHARE), 1);
  for (int i = 0; i < 100; i++) assert_int_equal(turn(&t, 0, UINT32_MAX), 1);
}

static void a_dear_socket_counts_at_once_and_a_cheap_one_by_and_by(void **state) {
  pl_turns t;
  (void)state;
  pl_turns_init(&t, PL_TURNS_MOST);
  for (int i = 0; i < 100; i++) turn(&t, 0, SHARE / 100);
  pl_turns_start(&t, 0);
  assert_int_equal(pl_turns_next(&t), PL_TURNS_MOST);
  pl_turns_spent(&t, 1, SHARE);
  assert_int_equal(pl_turns_next(&t), 0);
  pl_turns_start(&t, 0);
  assert_int_equal(pl_turns_next(&t), 1);
  turn(&t, 0, SHARE / 100);
  assert_true(t.each_ns < SHARE);
}

static void nothing_that_is_measured_stops_the_line(void **state) {
  pl_turns t;
  (void)state;
  pl_turns_init(&t, PL_TURNS_MOST);
  pl_turns_start(&t, 0);
  for (int i = 0; i < 1000; i++) { /* a clock that stands still */
    assert_in_range(pl_turns_next(&t), 1, PL_TURNS_MOST);
    pl_turns_spent(&t, PL_TURNS_MOST, 0);
  }
  pl_turns_spent(&t, 1, UINT64_MAX);
  assert_int_equal(pl_turns_next(&t), 0);
  pl_turns_start(&t, UINT64_MAX);
  assert_in_range(pl_turns_next(&t), 1, PL_TURNS_MOST);
}

static void the_line_gets_as_much_as_all_others_took(void **state) {
  pl_turns t;
  (void)state;
  pl_turns_init(&t, PL_TURNS_MOST);
  for (int i = 0; i < 100; i++) turn(&t, 0, SHARE / 10);
  unsigned usual = turn(&t, 0, SHARE / 10);
  assert_int_equal(turn(&t, SHARE / 2, SHARE / 10), usual);
  assert_in_range(turn(&t, 7 * SHARE, SHARE / 10), 70, 70 + PL_TURNS_MOST);
  assert_int_equal(turn(&t, 0, SHARE / 10), usual);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_that_reads_little_is_never_in_line),
      cmocka_unit_test(one_that_reads_much_is_in_line_until_it_was_calm),
      cmocka_unit_test(one_that_takes_too_little_is_in_line_while_it_is_full),
      cmocka_unit_test(one_talks_until_it_was_silent_for_a_while),
      cmocka_unit_test(one_that_talks_may_be_bulk_for_a_while),
      cmocka_unit_test(a_turn_serves_what_fits_its_share),
      cmocka_unit_test(each_turn_serves_one_however_dear_it_is),
      cmocka_unit_test(a_dear_socket_counts_at_once_and_a_cheap_one_by_and_by),
      cmocka_unit_test(nothing_that_is_measured_stops_the_line),
      cmocka_unit_test(the_line_gets_as_much_as_all_others_took),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
