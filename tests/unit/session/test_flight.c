/* The records in flight on a link: the ring that holds them, what an ACK measures, and how much may be in flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/session/session_flight.h"

static pl_session s;
static pl_session_link l;

static int start(void **state) {
  (void)state;
  memset(&s, 0, sizeof s);
  memset(&l, 0, sizeof l);
  s.rate.min_rtt_ms = UINT32_MAX;
  return 0;
}

static int end(void **state) {
  (void)state;
  pl_free(l.sent);
  return 0;
}

/* Adds a record of this many bytes, which is sent now. */
static void send(uint32_t bytes) {
  assert_true(pl_session_flight_reserve(&l));
  pl_session_sent *e = pl_session_flight_add(&s, &l);
  e->bytes = bytes;
  l.in_flight += bytes;
  l.next_counter++;
}

/* ---- the ring ---------------------------------------------------------------------------------------------------- */

static void the_ring_grows_when_it_is_full_and_keeps_its_records(void **state) {
  (void)state;
  static const size_t sizes[] = {2, 4, 8, 16, 32, 64};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(sizes); k++) {
    while (l.sent_last - l.sent_first < sizes[k]) {
      uint64_t held = l.sent_last - l.sent_first;
      send(1);
      assert_int_equal(l.sent_capacity, k > 0 && held < sizes[k - 1] ? sizes[k - 1] : sizes[k]);
    }
    for (uint64_t i = l.sent_first; i < l.sent_last; i++)
      assert_int_equal(pl_session_flight_at(&l, i)->counter, (int)i);
    /* Room for one more is needed only now. Some records go first, so that the next ring starts in its middle. */
    uint64_t first = l.sent_first, gone = sizes[k] / 4;
    if (gone) assert_int_equal(pl_session_flight_acknowledge(&s, &l, first + gone - 1), first);
    assert_int_equal(l.sent_first, first + gone);
  }
}

static void a_ring_with_room_is_kept(void **state) {
  (void)state;
  for (int k = 0; k < 9; k++) send(1); /* more than 8 */
  const pl_session_sent *ring = l.sent;
  for (int k = 9; k < 15; k++) send(1);
  assert_true(pl_session_flight_reserve(&l)); /* for the sixteenth */
  assert_ptr_equal(l.sent, ring);
  send(1);
  pl_alloc_fail_at(1);
  assert_false(pl_session_flight_reserve(&l));
  pl_alloc_fail_at(0);
  assert_ptr_equal(l.sent, ring);
  assert_int_equal(l.sent_capacity, 16);
  assert_int_equal(l.sent_last, 16);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void waiting_starts_with_the_first_record_in_flight(void **state) {
  (void)state;
  s.now_ms = 100;
  s.rate.delivered = 7;
  l.next_counter = 5;
  send(10);
  const pl_session_sent *e = pl_session_flight_at(&l, 0);
  assert_int_equal(e->counter, 5);
  assert_int_equal(e->time_ms, 100);
  assert_int_equal(e->delivered, 7);
  assert_int_equal(e->delivered_ms, 100);
  assert_false(e->places);
  assert_int_equal(s.progress_ms, 100);
  s.now_ms = 130;
  send(10);
  e = pl_session_flight_at(&l, 1);
  assert_int_equal(e->time_ms, 130);
  assert_int_equal(e->delivered_ms, 100);
  assert_int_equal(s.progress_ms, 100);
}

static void an_open_probe_is_still_awaited_when_a_record_is_sent(void **state) {
  (void)state;
  s.progress_ms = 100;
  s.now_ms = 200;
  s.probes_open = 1;
  send(10);
  assert_int_equal(s.progress_ms, 100);
  assert_int_equal(s.rate.delivered_ms, 200);
}

/* ---- acknowledging ----------------------------------------------------------------------------------------------- */

static void an_ack_takes_the_records_up_to_its_counter(void **state) {
  (void)state;
  s.now_ms = 100;
  l.next_counter = 3;
  for (uint32_t k = 0; k < 4; k++) send(100 + k);
  s.now_ms = 150;
  s.probes_open = 2;
  s.was_late = true;
  assert_int_equal(pl_session_flight_acknowledge(&s, &l, 2), 0);
  assert_int_equal(l.sent_first, 0);
  assert_int_equal(s.progress_ms, 100); /* nothing got through */
  assert_int_equal(s.probes_open, 2);
  assert_int_equal(s.rate.min_rtt_ms, UINT32_MAX);
  assert_int_equal(pl_session_flight_acknowledge(&s, &l, 4), 0);
  assert_int_equal(l.sent_first, 2);
  assert_int_equal(l.in_flight, 102 + 103);
  assert_int_equal(s.rate.delivered, 100 + 101);
  assert_int_equal(s.progress_ms, 150);
  assert_int_equal(s.probes_open, 0);
  assert_false(s.was_late);
  assert_int_equal(pl_session_flight_acknowledge(&s, &l, 1000), 2);
  assert_int_equal(l.sent_first, 4);
  assert_int_equal(l.in_flight, 0);
  assert_int_equal(pl_session_flight_acknowledge(&s, &l, 1000), 4);
  assert_int_equal(s.rate.delivered, 100 + 101 + 102 + 103);
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

/* One record goes out at `sent_ms`, and its ACK comes at `acked_ms`. */
static void trip(uint64_t sent_ms, uint64_t acked_ms, uint32_t bytes) {
  s.now_ms = sent_ms;
  send(bytes);
  s.now_ms = acked_ms;
  pl_session_flight_acknowledge(&s, &l, l.next_counter - 1);
  assert_int_equal(s.rate.delivered_ms, acked_ms);
}

static void round_trips_are_averaged_and_the_shortest_is_kept(void **state) {
  (void)state;
  static const struct {
    uint64_t trip;
    uint32_t average, shortest;
  } cases[] = {{80, 80, 80},       {160, 90, 80},      {10, 80, 10},        {80, 80, 10}, {59999, 7569, 10},
               {60000, 14122, 10}, {60001, 19856, 10}, {600000, 24874, 10}, {0, 21764, 0}};
  uint64_t now = 1000;
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    trip(now, now + cases[k].trip, 1);
    assert_int_equal(s.rate.rtt_ms, cases[k].average);
    assert_int_equal(s.rate.min_rtt_ms, cases[k].shortest);
    now += cases[k].trip;
  }
}

static void the_newest_record_is_measured_from_all_before_it(void **state) {
  (void)state;
  s.now_ms = 1000;
  send(5000);
  s.now_ms = 1030;
  send(3000);
  send(2000);
  s.now_ms = 1100;
  pl_session_flight_acknowledge(&s, &l, 2);
  assert_int_equal(s.rate.rtt_ms, 70);
  assert_int_equal(s.rate.now, 100000); /* 10,000 bytes in the 100 ms since the first was sent */
  trip(1200, 1200, 77);
  assert_int_equal(s.rate.now, 100000);
  trip(1300, 1300, 177);
  assert_int_equal(s.rate.now, 177000); /* no time counts as a millisecond */
}

/* An answer may have waited to be read while this side did not run. */
static void what_was_sent_before_a_pause_is_not_measured(void **state) {
  (void)state;
  s.rate.measured_from_ms = 1000;
  trip(999, 1001, 100);
  assert_int_equal(s.rate.min_rtt_ms, UINT32_MAX);
  assert_int_equal(s.rate.now, 0);
  assert_int_equal(s.rate.period_ends_ms, 0);
  trip(1000, 1003, 300);
  assert_int_equal(s.rate.min_rtt_ms, 3);
  assert_int_equal(s.rate.now, 100000);
}

/* The best rate counts until the period after it ends, which is ten round trips long, and at least a second. */
static void a_rate_counts_for_two_periods(void **state) {
  (void)state;
  static const uint64_t trips[] = {50, 100, 101, 200}, periods[] = {1000, 1000, 1010, 2000};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(trips); k++) {
    (void)end(NULL);
    (void)start(NULL);
    trip(5000, 5000 + trips[k], (uint32_t)(10 * trips[k]));
    uint64_t ends = 5000 + trips[k] + periods[k];
    assert_int_equal(s.rate.period_ends_ms, ends);
    assert_int_equal(s.rate.now, 10000);
    assert_int_equal(s.rate.before, 0);
    trip(ends - 1 - trips[k], ends - 1, (uint32_t)trips[k]);
    assert_int_equal(s.rate.now, 10000);
    assert_int_equal(s.rate.period_ends_ms, ends);
    trip(ends - trips[k], ends, (uint32_t)trips[k]);
    assert_int_equal(s.rate.now, 1000);
    assert_int_equal(s.rate.before, 10000);
    assert_int_equal(s.rate.period_ends_ms, ends + periods[k]);
  }
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

enum { RECORD = PL_CONST_ENVELOPE_PAYLOAD_MAX + PL_CONST_ENVELOPE_HEADER_BYTES };

/* A whole record stays free, but one may always be in flight. */
static void a_link_takes_its_window_less_a_record(void **state) {
  (void)state;
  static const struct {
    uint32_t window;
    uint64_t limit;
  } cases[] = {
      {0, RECORD}, {RECORD, RECORD}, {2 * RECORD, RECORD}, {2 * RECORD + 1, RECORD + 1}, {1 << 20, (1 << 20) - RECORD}};
  s.rate = (pl_session_rate){.now = 1, .min_rtt_ms = 1};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    l.window = cases[k].window;
    assert_int_equal(pl_session_flight_limit(&s, &l, false), cases[k].limit);
  }
}

/* Bulk fills the round trip and 100 ms at the measured rate, between 64 KiB and what the link takes. */
static void bulk_is_paced(void **state) {
  (void)state;
  static const struct {
    uint64_t now, before;
    uint32_t rtt;
    uint64_t limit;
  } cases[] = {{0, 0, UINT32_MAX, 65536},
               {1000000, 0, UINT32_MAX, 100000},
               {1000000, 0, 0, 100000},
               {1000000, 0, 50, 150000},
               {0, 1000000, 50, 150000},
               {2000000, 1000000, 50, 300000},
               {1000000, 2000000, 50, 300000},
               {655350, 0, 0, 65536},
               {655370, 0, 0, 65537},
               {1 << 30, 0, 50, (1 << 20) - RECORD},
               {UINT64_MAX / 100000, 0, 0, (1 << 20) - RECORD},
               {UINT64_MAX / 50, 0, 60000, (1 << 20) - RECORD}};
  l.window = 1 << 20;
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    s.rate = (pl_session_rate){.now = cases[k].now, .before = cases[k].before, .min_rtt_ms = cases[k].rtt};
    assert_int_equal(pl_session_flight_limit(&s, &l, true), cases[k].limit);
  }
  l.window = 0; /* never more than the link takes */
  s.rate = (pl_session_rate){.now = 10000000, .min_rtt_ms = 100};
  assert_int_equal(pl_session_flight_limit(&s, &l, true), RECORD);
}

#define OWN(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      OWN(the_ring_grows_when_it_is_full_and_keeps_its_records),
      OWN(a_ring_with_room_is_kept),
      OWN(waiting_starts_with_the_first_record_in_flight),
      OWN(an_open_probe_is_still_awaited_when_a_record_is_sent),
      OWN(an_ack_takes_the_records_up_to_its_counter),
      OWN(round_trips_are_averaged_and_the_shortest_is_kept),
      OWN(the_newest_record_is_measured_from_all_before_it),
      OWN(what_was_sent_before_a_pause_is_not_measured),
      OWN(a_rate_counts_for_two_periods),
      OWN(a_link_takes_its_window_less_a_record),
      OWN(bulk_is_paced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
