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

/* ---- how much is under way ---------------------------------------------------------------------------- */

enum { PIECE = 131072, PIECES_MAX = 1 << 16 };

/* A line of so many bytes a second that takes `latency_us` there and back, and who stores at its end: each piece at
 * once (batch 0), or by `batch` bytes in `store_us`, less than that only when nothing came for `rest_us`. */
typedef struct way {
  uint64_t rate, latency_us, batch, store_us, rest_us, window;
  uint64_t now_us, free_us, store_free_us;
  uint64_t sent_us[PIECES_MAX], came_us[PIECES_MAX], taken_us[PIECES_MAX];
  size_t sent, stored, taken; /* pieces */
  uint64_t at_most;           /* under way, ever */
} way;

/* When what came is stored, as far as that is settled: a batch is full, or nothing follows, for the sender waits. */
static void way_store(way *w, bool held) {
  while (w->stored < w->sent) {
    size_t n = w->batch ? w->batch / PIECE : 1, there = w->sent - w->stored;
    bool rest = there < n;
    if (rest && !held) return;
    if (rest) n = there;
    uint64_t from = w->came_us[w->stored + n - 1] + (rest ? w->rest_us : 0);
    if (from < w->store_free_us) from = w->store_free_us;
    w->store_free_us = from + w->store_us;
    for (; n; n--) w->taken_us[w->stored++] = w->store_free_us + w->latency_us / 2;
  }
}

static void way_send(way *w, file_flow *f, size_t pieces) {
  size_t until = w->sent + pieces;
  assert_true(until <= PIECES_MAX);
  while (w->taken < until) {
    bool room = w->window == 0 || f->under_way + PIECE <= w->window;
    if (w->sent < until && room && file_flow_may_send(f)) {
      if (w->free_us < w->now_us) w->free_us = w->now_us;
      w->free_us += PIECE * 1000000ULL / w->rate;
      w->sent_us[w->sent] = w->now_us;
      w->came_us[w->sent++] = w->free_us + w->latency_us / 2;
      file_flow_sent(f, PIECE);
      if (f->under_way > w->at_most) w->at_most = f->under_way;
      way_store(w, false);
    } else {
      if (w->taken == w->stored) way_store(w, true);
      w->now_us = w->taken_us[w->taken];
      file_flow_arrived(f, PIECE, w->sent_us[w->taken++], w->now_us);
    }
  }
}

static way *new_way(const way *like) {
  way *w = calloc(1, sizeof *w);
  assert_non_null(w);
  *w = *like;
  w->now_us = 1000;
  return w;
}

static void much_is_under_way_to_who_stores_in_batches(void **state) {
  (void)state;
  file_flow f;
  file_flow_init(&f, 64 << 20);
  way *w =
      new_way(&(way){.rate = 50000000, .latency_us = 1000, .batch = 512 << 10, .store_us = 8000, .rest_us = 100000});
  way_send(w, &f, 512);
  assert_in_range(f.limit, 512 << 10, FILE_FLOW_MOST);
  assert_in_range(w->now_us, 0, 3000000); /* 256 KiB each 110 ms would be 28 s */
  free(w);
}

static void much_is_under_way_on_a_long_way(void **state) {
  (void)state;
  /* It holds 2 MB. */
  file_flow f;
  file_flow_init(&f, 64 << 20);
  way *w = new_way(&(way){.rate = 50000000, .latency_us = 40000});
  way_send(w, &f, 4096);
  assert_in_range(f.limit, 2 << 20, FILE_FLOW_MOST);
  free(w);
}

/* For how many of 100 times 16 pieces; it is now and then while a doubling is tried. */
static size_t doubled_in_100(way *w, file_flow *f) {
  size_t doubled = 0;
  for (size_t n = 0; n < 100; n++) {
    way_send(w, f, 16);
    doubled += f->limit > FILE_FLOW_LEAST;
  }
  return doubled;
}

static void little_is_under_way_where_more_is_not_faster(void **state) {
  (void)state;
  static const uint64_t rates[] = {125000, 10000000, 300000000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    file_flow f;
    file_flow_init(&f, 64 << 20);
    way *w = new_way(&(way){.rate = rates[i], .latency_us = 200});
    assert_in_range(doubled_in_100(w, &f), 0, 20);
    assert_in_range(w->at_most, 0, 2 * FILE_FLOW_LEAST);
    free(w);
  }
}

/* A doubling that makes it 1.3 times as fast. */
static void more_is_under_way_where_that_costs_little(void **state) {
  (void)state;
  const way like = {.rate = 50000000, .latency_us = 4200};
  file_flow f;
  file_flow_init(&f, 64 << 20);
  way *w = new_way(&like);
  assert_in_range(doubled_in_100(w, &f), 0, 20);
  file_flow_init(&f, 128 << 20);
  assert_in_range(doubled_in_100(w, &f), 90, 100);
  file_flow_sent(&f, 2 * FILE_FLOW_LEAST);
  file_flow_lost(&f);
  file_flow_new_way(&f);
  assert_in_range(doubled_in_100(w, &f), 0, 20);
  free(w);
}

static void nothing_is_doubled_where_the_window_holds_it(void **state) {
  (void)state;
  file_flow f;
  file_flow_init(&f, 0);
  way *w = new_way(&(way){.rate = 50000000, .latency_us = 40000, .window = 1 << 20});
  way_send(w, &f, 2048);
  assert_in_range(f.limit, 1 << 20, 2 << 20);
  assert_in_range(w->at_most, 0, 1 << 20);
  free(w);
}

static void what_is_under_way_begins_with_a_small_part_of_the_whole(void **state) {
  (void)state;
  file_flow f;
  file_flow_init(&f, 0);
  assert_int_equal(f.limit, FILE_FLOW_LEAST);
  file_flow_init(&f, 1 << 30);
  assert_int_equal(f.limit, 2 << 20);
  file_flow_init(&f, UINT64_MAX);
  assert_int_equal(f.limit, FILE_FLOW_MOST);
  file_flow_init(&f, 1);
  way *w = new_way(&(way){.rate = 50000000, .latency_us = 40000});
  way_send(w, &f, 1024);
  assert_in_range(f.limit, 1 << 20, FILE_FLOW_MOST);
  file_flow_sent(&f, 3 << 20);
  file_flow_lost(&f);
  file_flow_new_way(&f);
  assert_int_equal(f.limit, FILE_FLOW_LEAST);
  assert_true(file_flow_may_send(&f));
  file_flow_arrived(&f, 5 << 20, w->now_us, w->now_us + 1); /* of what was lost: taken after all */
  assert_int_equal(f.under_way, 0);
  free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
      cmocka_unit_test(time_left_is_not_guessed),
      cmocka_unit_test(sizes_and_times_are_short),
      cmocka_unit_test(a_line_fits_every_terminal),
      cmocka_unit_test(much_is_under_way_to_who_stores_in_batches),
      cmocka_unit_test(much_is_under_way_on_a_long_way),
      cmocka_unit_test(little_is_under_way_where_more_is_not_faster),
      cmocka_unit_test(more_is_under_way_where_that_costs_little),
      cmocka_unit_test(nothing_is_doubled_where_the_window_holds_it),
      cmocka_unit_test(what_is_under_way_begins_with_a_small_part_of_the_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
