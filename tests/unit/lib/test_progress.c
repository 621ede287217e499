/* Figures of a transfer: how far, how fast, how long still; lines for terminals of any width; how much is under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/file_flow.h"
#include "client/cli/progress.h"

static char text[PROGRESS_TEXT_MAX], line[PROGRESS_LINE_MAX];

static void the_rate_is_that_of_the_last_seconds(void **state) {
  (void)state;
  progress p = {0};
  assert_int_equal(progress_rate(&p, 0), 0);
  for (uint64_t ms = 1000; ms <= 60000; ms += 100) progress_add(&p, ms, ms * 1000);
  assert_in_range(progress_rate(&p, 60000), 990000, 1010000);
  for (uint64_t ms = 60100; ms <= 70000; ms += 100) progress_add(&p, ms, 60000000 + (ms - 60000) * 10);
  assert_in_range(progress_rate(&p, 70000), 9900, 10100);
  assert_in_range(progress_rate(&p, 1070000), 1, 100); /* nothing comes any more */
  progress_add(&p, 1080000, 5);                        /* went back */
  assert_int_equal(progress_rate(&p, 1080000), 0);
}

static void time_left_is_not_guessed(void **state) {
  (void)state;
  assert_int_equal(progress_seconds_left(0, 1, 2), PROGRESS_UNKNOWN);
  assert_int_equal(progress_seconds_left(10, 0, 101), 11);
  assert_int_equal(progress_seconds_left(10, 101, 101), 0);
  assert_int_equal(progress_seconds_left(1, 0, UINT64_MAX), PROGRESS_UNKNOWN);
  assert_int_equal(progress_seconds_left(1, 5, 4), PROGRESS_UNKNOWN);
}

static void sizes_and_times_are_short(void **state) {
  (void)state;
  assert_string_equal(progress_bytes(0, text), "0 B");
  assert_string_equal(progress_bytes(999, text), "999 B");
  assert_string_equal(progress_bytes(1000, text), "1.0 KB");
  assert_string_equal(progress_bytes(1900000000, text), "1.9 GB");
  assert_string_equal(progress_bytes(123456789, text), "123 MB");
  assert_string_equal(progress_bytes(UINT64_MAX, text), "18.4 EB");
  assert_string_equal(progress_time(9, text), "0:09");
  assert_string_equal(progress_time(3723, text), "1:02:03");
  assert_string_equal(progress_time(PROGRESS_UNKNOWN, text), "");
}

static size_t columns(const char *s) {
  size_t n = 0;
  for (; *s; s++) n += ((unsigned char)*s & 0xc0) != 0x80;
  return n;
}

static void a_line_fits_every_terminal(void **state) {
  (void)state;
  static const char *const names[] = {
      "a", "holiday.zip", "a name that is very much longer than any terminal of the world has columns for, really"};
  for (size_t i = 0; i < 3; i++)
    for (unsigned width = 1; width <= 300; width++) {
      size_t n = progress_line(line, width, names[i], 1200000000, 1900000000, 84000000, "");
      assert_true(n < sizeof line);
      assert_int_equal(strlen(line), n);
      if (width > 12) assert_true(columns(line) < width);
    }
  progress_line(line, 100, "holiday.zip", 1200000000, 1900000000, 84000000, "");
  assert_string_equal(line, "holiday.zip   63% ████████████▋         1.2 of 1.9 GB  84.0 MB/s  0:09 left");
  progress_line(line, 50, "holiday.zip", 1200000000, 1900000000, 84000000, "");
  assert_string_equal(line, "holiday.zip   63%  1.2 of 1.9 GB  84.0 MB/s");
  progress_line(line, 20, "holiday.zip", 1200000000, 1900000000, 84000000, "");
  assert_string_equal(line, "holiday.zip   63%");
  progress_line(line, 80, "stdin", 1200000, 0, 84000000, "");
  assert_string_equal(line, "stdin    1.2 MB  84.0 MB/s");
  progress_line(line, 80, "x", 5, 10, 1, "paused");
  assert_non_null(strstr(line, "paused"));
  assert_null(strstr(line, "left"));
}

static void what_is_under_way_follows_the_way(void **state) {
  (void)state;
  /* 50 MB/s over 40 ms: 2 MB; the limit grows to that, and not far beyond. */
  file_flow f = {0};
  file_flow_mark marks[4096];
  uint64_t sent = 0, done = 0, at[4096] = {0}, free_us = 1000;
  assert_int_equal(file_flow_limit(&f), FILE_FLOW_LEAST);
  for (uint64_t now = 1000; now < 10000000 && sent < 4000;) {
    if (file_flow_may_send(&f)) {
      if (free_us < now) free_us = now;
      free_us += 131072 / 50;
      at[sent] = free_us + 40000;
      marks[sent++] = file_flow_sent(&f, 131072, now);
    } else {
      now = at[done];
      file_flow_arrived(&f, &marks[done++], now);
    }
  }
  assert_in_range(file_flow_limit(&f), 1800000, 3200000);
  file_flow_lost(&f);
  assert_int_equal(f.under_way, 0);
  assert_true(file_flow_may_send(&f));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
      cmocka_unit_test(time_left_is_not_guessed),
      cmocka_unit_test(sizes_and_times_are_short),
      cmocka_unit_test(a_line_fits_every_terminal),
      cmocka_unit_test(what_is_under_way_follows_the_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
