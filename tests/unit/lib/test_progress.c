/* The progress of a transfer: amount, rate, time left; lines for terminals of any width; the limit of bytes in flight.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/columns.h"
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
  assert_in_range(progress_rate(&p, 1070000), 1, 100); /* nothing came since */
  progress_add(&p, 1080000, 5);                        /* restarted from further back */
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

static void columns_are_those_of_the_terminal(void **state) {
  (void)state;
  assert_int_equal(columns_of(""), 0);
  assert_int_equal(columns_of("Zoë"), 3);
  assert_int_equal(columns_of("漢字"), 4);
  assert_int_equal(columns_of("e\xcc\x81"), 1); /* a combining accent */
  assert_int_equal(columns_of("a\xff\xe6"), 3); /* bytes that are not UTF-8 */
  progress_line(line, 24, "漢字漢字漢字漢字.zip", 5, 10, 0, "");
  assert_string_equal(line, "漢字漢字漢字漢字…   50%");
}

/* ---- bytes in flight ---------------------------------------------------------------------------------- */

enum { PIECE = 131072, PIECES_MAX = 1 << 16 };

/* A connection of `rate` bytes per second with a round trip of `latency_us`, and a receiver at its end. The receiver
 * stores each piece at once (batch 0), or `batch` bytes in `store_us`; fewer only when nothing came for `rest_us`. */
typedef struct connection {
  uint64_t rate, latency_us, batch, store_us, rest_us, window;
  uint64_t now_us, free_us, store_free_us;
  uint64_t sent_us[PIECES_MAX], came_us[PIECES_MAX], taken_us[PIECES_MAX];
  size_t sent, stored, taken; /* pieces */
  uint64_t at_most;           /* the most that were in flight */
} connection;

/* Computes when pieces are stored, as far as that is known: a batch is full, or nothing follows because the sender
 * waits (held). */
static void store_pieces(connection *c, bool held) {
  while (c->stored < c->sent) {
    size_t n = c->batch ? c->batch / PIECE : 1, there = c->sent - c->stored;
    bool rest = there < n;
    if (rest && !held) return;
    if (rest) n = there;
    uint64_t from = c->came_us[c->stored + n - 1] + (rest ? c->rest_us : 0);
    if (from < c->store_free_us) from = c->store_free_us;
    c->store_free_us = from + c->store_us;
    for (; n; n--) c->taken_us[c->stored++] = c->store_free_us + c->latency_us / 2;
  }
}

static void send_pieces(connection *c, file_flow *f, size_t pieces) {
  size_t until = c->sent + pieces;
  assert_true(until <= PIECES_MAX);
  while (c->taken < until) {
    bool room = c->window == 0 || f->under_way + PIECE <= c->window;
    if (c->sent < until && room && file_flow_may_send(f)) {
      if (c->free_us < c->now_us) c->free_us = c->now_us;
      c->free_us += PIECE * 1000000ULL / c->rate;
      c->sent_us[c->sent] = c->now_us;
      c->came_us[c->sent++] = c->free_us + c->latency_us / 2;
      file_flow_sent(f, PIECE);
      if (f->under_way > c->at_most) c->at_most = f->under_way;
      store_pieces(c, false);
    } else {
      if (c->taken == c->stored) store_pieces(c, true);
      c->now_us = c->taken_us[c->taken];
      file_flow_arrived(f, PIECE, c->sent_us[c->taken++], c->now_us);
    }
  }
}

static int set_up(void **state) {
  *state = calloc(1, sizeof(connection));
  return *state ? 0 : -1;
}

static int tear_down(void **state) {
  free(*state);
  return 0;
}

/* Gives the fixture's connection these properties. */
static connection *connection_like(void **state, const connection *like) {
  connection *c = *state;
  *c = *like;
  c->now_us = 1000;
  return c;
}

static void much_is_in_flight_to_a_receiver_that_stores_in_batches(void **state) {
  file_flow f;
  file_flow_init(&f, 64 << 20);
  connection *c = connection_like(
      state,
      &(connection){.rate = 50000000, .latency_us = 1000, .batch = 512 << 10, .store_us = 8000, .rest_us = 100000});
  send_pieces(c, &f, 512);
  assert_in_range(f.limit, 512 << 10, FILE_FLOW_MOST);
  assert_in_range(c->now_us, 0, 3000000); /* 256 KiB each 110 ms would be 28 s */
}

static void much_is_in_flight_on_a_long_connection(void **state) {
  /* The connection holds 2 MB. */
  file_flow f;
  file_flow_init(&f, 64 << 20);
  connection *c = connection_like(state, &(connection){.rate = 50000000, .latency_us = 40000});
  send_pieces(c, &f, 4096);
  assert_in_range(f.limit, 2 << 20, FILE_FLOW_MOST);
}

/* Counts in how many of 100 rounds of 16 pieces the limit was higher: now and then, while a doubling is tried. */
static size_t doubled_in_100(connection *c, file_flow *f) {
  size_t doubled = 0;
  for (size_t n = 0; n < 100; n++) {
    send_pieces(c, f, 16);
    doubled += f->limit > FILE_FLOW_LEAST;
  }
  return doubled;
}

static void little_is_in_flight_where_more_is_not_faster(void **state) {
  static const uint64_t rates[] = {125000, 10000000, 300000000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    file_flow f;
    file_flow_init(&f, 64 << 20);
    connection *c = connection_like(state, &(connection){.rate = rates[i], .latency_us = 200});
    assert_in_range(doubled_in_100(c, &f), 0, 20);
    assert_in_range(c->at_most, 0, 2 * FILE_FLOW_LEAST);
  }
}

/* A doubled limit makes the transfer 1.3 times as fast. */
static void more_is_in_flight_where_that_costs_little(void **state) {
  const connection like = {.rate = 50000000, .latency_us = 4200};
  file_flow f;
  file_flow_init(&f, 64 << 20);
  connection *c = connection_like(state, &like);
  assert_in_range(doubled_in_100(c, &f), 0, 20);
  file_flow_init(&f, 128 << 20);
  assert_in_range(doubled_in_100(c, &f), 90, 100);
  file_flow_sent(&f, 2 * FILE_FLOW_LEAST);
  file_flow_lost(&f);
  file_flow_new_connection(&f);
  assert_in_range(doubled_in_100(c, &f), 0, 20);
}

static void nothing_is_doubled_where_the_window_is_the_limit(void **state) {
  file_flow f;
  file_flow_init(&f, 0);
  connection *c = connection_like(state, &(connection){.rate = 50000000, .latency_us = 40000, .window = 1 << 20});
  send_pieces(c, &f, 2048);
  assert_in_range(f.limit, 1 << 20, 2 << 20);
  assert_in_range(c->at_most, 0, 1 << 20);
}

static void the_limit_starts_at_a_small_part_of_all_bytes(void **state) {
  file_flow f;
  file_flow_init(&f, 0);
  assert_int_equal(f.limit, FILE_FLOW_LEAST);
  file_flow_init(&f, 1 << 30);
  assert_int_equal(f.limit, 2 << 20);
  file_flow_init(&f, UINT64_MAX);
  assert_int_equal(f.limit, FILE_FLOW_MOST);
  file_flow_init(&f, 1);
  connection *c = connection_like(state, &(connection){.rate = 50000000, .latency_us = 40000});
  send_pieces(c, &f, 1024);
  assert_in_range(f.limit, 1 << 20, FILE_FLOW_MOST);
  file_flow_sent(&f, 3 << 20);
  file_flow_lost(&f);
  file_flow_new_connection(&f);
  assert_int_equal(f.limit, FILE_FLOW_LEAST);
  assert_true(file_flow_may_send(&f));
  file_flow_arrived(&f, 5 << 20, c->now_us, c->now_us + 1); /* counted as lost, but acknowledged after all */
  assert_int_equal(f.under_way, 0);
}

#define WITH_CONNECTION(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
      cmocka_unit_test(time_left_is_not_guessed),
      cmocka_unit_test(sizes_and_times_are_short),
      cmocka_unit_test(a_line_fits_every_terminal),
      cmocka_unit_test(columns_are_those_of_the_terminal),
      WITH_CONNECTION(much_is_in_flight_to_a_receiver_that_stores_in_batches),
      WITH_CONNECTION(much_is_in_flight_on_a_long_connection),
      WITH_CONNECTION(little_is_in_flight_where_more_is_not_faster),
      WITH_CONNECTION(more_is_in_flight_where_that_costs_little),
      WITH_CONNECTION(nothing_is_doubled_where_the_window_is_the_limit),
      WITH_CONNECTION(the_limit_starts_at_a_small_part_of_all_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
