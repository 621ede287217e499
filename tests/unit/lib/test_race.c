/* When each of a name's addresses is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/lib/race.h"

static pl_addresses list_of(const char *prefix, size_t count) {
  pl_addresses list = {.count = 0};
  char text[PL_ADDRESS_CHARS];
  for (size_t i = 0; i < count; i++) {
    snprintf(text, sizeof text, "%s%zu", prefix, i);
    pl_addresses_add(&list, text);
  }
  return list;
}

static void the_families_take_turns(void **state) {
  (void)state;
  pl_addresses six = list_of("2001:db8::", 3), four = list_of("192.0.2.", 2), out;
  pl_addresses_interleave(&out, &six, &four);
  static const char *const both[] = {"2001:db8::0", "192.0.2.0", "2001:db8::1", "192.0.2.1", "2001:db8::2"};
  assert_int_equal(out.count, PL_ARRAY_LENGTH(both));
  for (size_t i = 0; i < out.count; i++) assert_string_equal(out.text[i], both[i]);
  six = list_of("2001:db8::", 20); /* more than there is room for: the other family is still included */
  assert_int_equal(six.count, PL_ADDRESSES_MAX);
  pl_addresses_interleave(&out, &six, &four);
  assert_int_equal(out.count, PL_ADDRESSES_MAX);
  assert_string_equal(out.text[1], "192.0.2.0");
  six = list_of("2001:db8::", 0);
  pl_addresses_interleave(&out, &four, &six);
  assert_int_equal(out.count, 2);
  pl_addresses_interleave(&out, &six, &six);
  assert_int_equal(out.count, 0);
}

static void an_address_is_taken_once_and_whole(void **state) {
  (void)state;
  char longest[PL_ADDRESS_CHARS + 1];
  memset(longest, 'a', sizeof longest);
  longest[PL_ADDRESS_CHARS] = '\0';
  pl_addresses list = {.count = 0};
  pl_addresses_add(&list, "192.0.2.1");
  pl_addresses_add(&list, "192.0.2.1");
  pl_addresses_add(&list, longest);
  assert_int_equal(list.count, 1);
  pl_addresses_add(&list, longest + 1);
  assert_int_equal(list.count, 2);
}

static void each_tick_starts_another_one(void **state) {
  (void)state;
  pl_race r;
  size_t number;
  pl_race_begin(&r, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_true(pl_race_next(&r, &number));
    assert_int_equal(number, i);
    assert_int_equal(pl_race_tick(&r, false), i < 2);
  }
  assert_false(pl_race_next(&r, &number));
  assert_false(pl_race_is_over(&r)); /* all are still under way */
}

/* The next attempt starts as soon as one has failed, and gets a whole tick from then on. */
static void a_failed_attempt_is_followed_at_once(void **state) {
  (void)state;
  pl_race r;
  size_t number;
  pl_race_begin(&r, 3);
  assert_true(pl_race_next(&r, &number));
  assert_true(pl_race_next(&r, &number));
  assert_int_equal(number, 1);
  assert_true(pl_race_tick(&r, false));
}

/* A connected attempt gets time for TLS and the upgrade, but not all of the time. */
static void a_connected_attempt_is_waited_for(void **state) {
  (void)state;
  pl_race r;
  size_t number, ticks = 0;
  pl_race_begin(&r, 2);
  assert_true(pl_race_next(&r, &number));
  while (!pl_race_tick(&r, true)) ticks++;
  assert_int_equal(ticks, PL_RACE_PATIENCE - 1);
  assert_true(pl_race_next(&r, &number));
  assert_false(pl_race_tick(&r, true));
}

static void the_race_ends(void **state) {
  (void)state;
  for (size_t count = 1; count <= PL_ADDRESSES_MAX; count++) {
    pl_race r;
    size_t number, started = 0, ticks = 0;
    pl_race_begin(&r, count);
    started += pl_race_next(&r, &number);
    for (; !pl_race_is_over(&r); ticks++)
      if (pl_race_tick(&r, false)) started += pl_race_next(&r, &number);
    assert_int_equal(started, count);
    assert_int_equal(ticks, PL_RACE_TICKS_MAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_families_take_turns),           cmocka_unit_test(an_address_is_taken_once_and_whole),
      cmocka_unit_test(each_tick_starts_another_one),      cmocka_unit_test(a_failed_attempt_is_followed_at_once),
      cmocka_unit_test(a_connected_attempt_is_waited_for), cmocka_unit_test(the_race_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
