/* How a session shares a link: pacing, turns, priorities, acknowledgements, credit, repair. */
#include "two.h"

static two t;
static uint8_t block[262144];
static pl_session_config manual = {
    .message_max = 65536, .channel_window = 200000, .session_window = 2000000, .manual_take = true};
static pl_session_config tight = {.message_max = 100000, .channel_window = 100001, .session_window = 150000};

/* Two sides, not linked; *state is the configuration of side 1, or NULL. */
static int start(void **state) {
  two_init(&t, NULL, *state);
  return 0;
}

static void link_them(void) {
  two_link(&t, 1, 0);
  two_run(&t, 10);
  for (int i = 0; i < 2; i++) assert_int_equal(two_count(&t, i, PL_SESSION_LINKED), 1);
}

static int start_linked(void **state) {
  (void)start(state);
  link_them();
  return 0;
}

static int end(void **state) {
  (void)state;
  two_deinit(&t);
  return 0;
}

static void restart(void) {
  two_deinit(&t);
  two_init(&t, NULL, NULL);
}

static void fill(int i, uint8_t channel) {
  while (two_send(&t, i, channel, block, 65536) == 0) {
  }
}

static int by_number(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* One line a second is sent next to a file on 1 Mbit/s, at several distances. */
static void a_line_beside_a_file_arrives_within_a_second(void **state) {
  (void)state;
  static const uint64_t delays[] = {1000, 20000, 100000};
  for (size_t d = 0; d < PL_ARRAY_LENGTH(delays); d++) {
    restart();
    t.bytes_per_s = 125000;
    t.delay_us = delays[d];
    two_link(&t, 1, 0);
    two_run(&t, 1000);
    uint64_t sent[60], late[60];
    for (int k = 0; k < 60; k++) {
      fill(0, 0);
      sent[k] = t.now_us / 1000;
      assert_int_equal(two_send(&t, 0, 2, "a line of chat", 14), 0);
      for (int part = 0; part < 10; part++) {
        two_run(&t, 97);
        fill(0, 0);
      }
    }
    two_run(&t, 10000);
    size_t lines = 0;
    uint64_t file = 0;
    for (size_t k = 0; k < t.side[1].seen_count; k++) {
      const two_seen *s = &t.side[1].seen[k];
      if (s->a.type != PL_SESSION_MESSAGE) continue;
      if (s->a.channel == 2 && lines < 60) {
        late[lines] = s->ms - sent[lines];
        lines++;
      } else {
        file += s->size;
      }
    }
    assert_int_equal(lines, 60);
    qsort(late, 60, sizeof *late, by_number);
    print_message("delay %llu ms: line median %llu ms, worst %llu ms; file %llu KiB in 60 s\n",
                  (unsigned long long)delays[d] / 1000, (unsigned long long)late[30], (unsigned long long)late[59],
                  (unsigned long long)file / 1024);
    assert_true(late[59] < 1000);
    assert_true(file > 60 * 125000 * 8 / 10); /* and the file gets most of the bandwidth */
  }
}

static void a_fast_long_link_is_filled(void **state) {
  (void)state;
  t.bytes_per_s = 5000000;
  t.delay_us = 40000;
  two_link(&t, 1, 0);
  two_run(&t, 100);
  for (int k = 0; k < 1000; k++) {
    fill(0, 0);
    two_run(&t, 10);
  }
  uint64_t got = 0;
  for (size_t k = 0; k < t.side[1].seen_count; k++)
    if (t.side[1].seen[k].a.type == PL_SESSION_MESSAGE) got += t.side[1].seen[k].size;
  print_message("%llu of 50,000,000 bytes in 10 s\n", (unsigned long long)got);
  assert_true(got > 40000000);
}

static void equal_channels_take_turns_and_urgent_ones_go_first(void **state) {
  (void)state;
  t.bytes_per_s = 100000;
  two_link(&t, 1, 0);
  two_run(&t, 100);
  for (uint8_t c = 0; c < 4; c++) fill(0, c);
  pl_session_event urgent = {.type = PL_SESSION_PRIORITY, .priority = {.channel = 3, .level = 0}};
  assert_int_equal(two_step(&t, 0, urgent), 0);
  urgent.priority.level = 8;
  assert_int_equal(two_step(&t, 0, urgent), PL_EINVAL);
  two_run(&t, 60000);
  uint64_t last[4] = {0};
  for (size_t k = 0; k < t.side[1].seen_count; k++)
    if (t.side[1].seen[k].a.type == PL_SESSION_MESSAGE) last[t.side[1].seen[k].a.channel] = t.side[1].seen[k].ms;
  for (uint8_t c = 0; c < 3; c++) {
    assert_true(last[3] < last[c] / 2);
    assert_true(last[c] + 1000 > last[(c + 1) % 3]); /* channels of equal priority end together */
  }
}

static void a_slow_reader_stops_only_its_channel(void **state) {
  (void)state;
  int sent = 0;
  while (sent < 20 && two_send(&t, 0, 0, block, 65000) == 0) sent++;
  two_run(&t, 5000);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 3);
  for (int k = 0; k < 5; k++) {
    assert_int_equal(two_send(&t, 0, 1, "other", 5), 0);
    two_run(&t, 100);
    assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 4 + k);
  }
  pl_session_event taken = {.type = PL_SESSION_TAKE, .take = {.channel = 0, .place = 65001}};
  assert_int_equal(two_step(&t, 1, taken), 0);
  two_run(&t, 1000);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 9);
}

static void many_started_messages_cannot_block_each_other(void **state) {
  (void)state;
  for (uint8_t c = 0; c < 50; c++) assert_int_equal(two_send(&t, 0, c, block, 100000), 0);
  two_run(&t, 20000);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 50);
}

/* Pacing leaves less room in a record than this message needs, but a volatile message cannot be cut. */
static void a_large_volatile_message_goes_beside_bulk(void **state) {
  (void)state;
  static uint8_t record[PL_CONST_RECORD_PLAINTEXT_MAX];
  uint32_t link;
  uint8_t flags;
  assert_int_equal(two_send(&t, 0, 0, block, 40000), 0);
  assert_true(pl_session_produce(t.side[0].session, 10, record, sizeof record, &link, &flags) > 40000);
  pl_session_event in = {.type = PL_SESSION_SEND_VOLATILE, .send = {.channel = 1, .data = {block, 30000}}};
  assert_int_equal(two_step(&t, 0, in), 0);
  assert_int_equal(pl_session_produce(t.side[0].session, 10, record, 25000, &link, &flags),
                   0); /* does not fit what the caller offers */
  assert_int_equal(pl_session_produce(t.side[0].session, 10, record, sizeof record, &link, &flags), 30004);
  assert_int_equal(flags, PL_CONST_ENVELOPE_FLAG_VOLATILE);
}

static void acknowledgements_come_within_25_ms(void **state) {
  (void)state;
  two_run(&t, 1000);
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  uint64_t sent = t.now_us / 1000, records = t.side[1].records_out;
  two_run(&t, 24);
  assert_int_equal(t.side[1].records_out, records);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 0);
  two_run(&t, 2);
  assert_int_equal(t.side[1].records_out, records + 1);
  assert_int_equal(two_find(&t, 0, PL_SESSION_DELIVERED, 0)->ms, sent + 25);
  two_run(&t, 60000);
  assert_int_equal(t.side[1].records_out, records + 1); /* and nothing after it */
  for (int k = 0; k < 2; k++) assert_int_equal(two_send(&t, 0, 0, block, 40000), 0);
  two_run(&t, 1);
  assert_true(t.side[1].records_out > records + 1); /* at once after 64 KiB */
}

static uint64_t drop_counter;
static bool drop_one(two *x, int from, const two_record *r) {
  (void)x;
  return from == 0 && r->counter == drop_counter;
}

static void one_loss_makes_the_sender_go_back_once(void **state) {
  (void)state;
  t.bytes_per_s = 1000000;
  t.delay_us = 20000;
  two_link(&t, 1, 0);
  two_run(&t, 200);
  for (int k = 0; k < 10; k++) assert_int_equal(two_send(&t, 0, 0, block, 65536), 0);
  drop_counter = t.side[0].counters[1] + 2;
  t.drop = drop_one;
  two_run(&t, 5000);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 10);
  print_message("%llu bytes for 655,370\n", (unsigned long long)t.side[0].bytes_out);
  assert_true(t.side[0].bytes_out < 655370 + 300000); /* one window is sent again */
}

static bool drop_last_ack;
static bool drop_acks(two *x, int from, const two_record *r) {
  (void)x;
  (void)r;
  return from == 1 && drop_last_ack;
}

static void the_receipt_survives_a_lost_ack(void **state) {
  (void)state;
  t.drop = drop_acks;
  drop_last_ack = true;
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 500);
  drop_last_ack = false;
  two_run(&t, 3000);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 1);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 1);
}

static void a_late_receipt_survives_a_lost_ack(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 100000); /* a slow application: probes continue, but become rare */
  assert_true(t.side[0].records_out < 20);
  t.drop = drop_acks;
  drop_last_ack = true;
  pl_session_event taken = {.type = PL_SESSION_TAKE, .take = {.place = 2}};
  assert_int_equal(two_step(&t, 1, taken), 0);
  two_run(&t, 100);
  drop_last_ack = false;
  two_run(&t, 40000);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 1);
}

static bool drop_answers(two *x, int from, const two_record *r) {
  (void)x;
  (void)r;
  return from == 1;
}

/* Returns how many ms a link without answers is kept, when the owner reports from `late_from` ms on, once a second,
 * that it did not run. */
static uint64_t kept_for(uint64_t late_from) {
  uint64_t ms = 0;
  t.drop = drop_answers;
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  while (pl_session_is_linked(t.side[0].session)) {
    assert_true(ms < 30000);
    if (ms >= late_from && ms % 1000 == 0) pl_session_late(t.side[0].session, t.now_us / 1000);
    two_run(&t, 100);
    ms += 100;
  }
  t.drop = NULL;
  return ms;
}

/* Time in which the owner did not run is not counted, but only once: a host that is always late must time out, too. */
static void time_without_reading_is_no_timeout(void **state) {
  (void)state;
  uint64_t plain = kept_for(UINT64_MAX);
  restart();
  link_them();
  uint64_t late = kept_for(plain / 1000 * 1000);
  assert_true(late >= 2 * plain - 1000);
}

/* An answer that waited to be read says nothing about the round trip: the timeouts stay as they were. */
static void a_pause_is_not_measured_as_a_round_trip(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  (void)two_step(&t, 0, (pl_session_event){.type = PL_SESSION_TIME});
  two_run(&t, 0); /* sent */
  t.now_us += 52000000;
  pl_session_late(t.side[0].session, t.now_us / 1000);
  two_run(&t, 2000);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 1);
  assert_true(pl_session_is_linked(t.side[0].session));
  assert_in_range(kept_for(UINT64_MAX), 3000, 5000);
}

static void the_better_link_is_used_and_nothing_doubled(void **state) {
  (void)state;
  for (uint32_t link = 2; link < 40; link++) {
    for (int i = 0; i < 2; i++) assert_int_equal(two_send(&t, i, 0, &link, 4), 0);
    two_link(&t, link, (int)(two_random(&t) % 2));
    if (link % 3 == 0) two_link(&t, link + 100, (int)(two_random(&t) % 2)); /* both sides open one at the same time */
    two_run(&t, two_random(&t) % 3);
    if (link % 2) two_unlink(&t, link - 1);
    two_run(&t, 40);
  }
  two_run(&t, 1000);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(two_count(&t, i, PL_SESSION_MESSAGE), 38);
    for (uint32_t k = 0; k < 38; k++) {
      uint32_t value = k + 2;
      assert_memory_equal(two_find(&t, i, PL_SESSION_MESSAGE, k)->data, &value, 4);
    }
    assert_int_equal(two_count(&t, i, PL_SESSION_STREAM_RESET), 0);
  }
}

/* CHANNEL_RESET is larger than the smallest DATA: it must fit wherever a record ends. */
static void a_reset_never_exceeds_its_record(void **state) {
  (void)state;
  const size_t frames = 4 * (PL_CONST_FRAME_HEADER_BYTES + 10), full = PL_CONST_RECORD_PLAINTEXT_MAX - frames;
  for (size_t left = 0; left < 40; left++) {
    restart();
    link_them();
    assert_int_equal(two_send(&t, 0, 1, "x", 1), 0);
    two_run(&t, 100);
    pl_session_event urgent = {.type = PL_SESSION_PRIORITY, .priority = {.channel = 0, .level = 0}};
    assert_int_equal(two_step(&t, 0, urgent), 0);
    pl_session_event give_up = {.type = PL_SESSION_CHANNEL_RESET, .channel_reset = {1, PL_REASON_CLOSED}};
    assert_int_equal(two_step(&t, 0, give_up), 0);
    assert_int_equal(two_send(&t, 0, 0, block, full - left), 0); /* ends `left` bytes before the record does */
    two_run(&t, 100);
    assert_int_equal(t.side[1].broke, 0);
    assert_int_equal(two_count(&t, 1, PL_SESSION_WAS_RESET), 1);
    assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 2);
  }
}

/* A HELLO may be late behind other data on a slow line: each link is kept twice as long as the one before. */
static bool drop_all(two *x, int from, const two_record *r) {
  (void)x;
  (void)from;
  (void)r;
  return true;
}

static void wait_for_drop(uint32_t link, uint64_t ms) {
  size_t before = two_count(&t, 0, PL_SESSION_DROP_LINK);
  two_link(&t, link, 0);
  two_run(&t, ms - 5);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DROP_LINK), before);
  two_run(&t, 10);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DROP_LINK), before + 1);
}

static void each_link_without_a_hello_is_kept_longer(void **state) {
  (void)state;
  t.drop = drop_all;
  for (uint32_t k = 0; k < 8; k++) wait_for_drop(k + 1, 10000u << (k < 5 ? k : 5));
  t.drop = NULL; /* something gets through: the first wait applies again */
  two_link(&t, 10, 0);
  assert_int_equal(two_send(&t, 1, 0, "x", 1), 0);
  two_run(&t, 100);
  assert_int_equal(two_count(&t, 0, PL_SESSION_MESSAGE), 1);
  two_unlink(&t, 10);
  t.drop = drop_all;
  wait_for_drop(11, 10000);
}

static void no_memory_for_an_action_changes_nothing(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 0, "kept", 4), 0);
  t.side[1].refuse = true;
  two_run(&t, 5);
  assert_int_equal(t.side[1].rc, PL_ENOMEM);
  t.side[1].refuse = false;
  two_unlink(&t, 1); /* as the owner does after PL_ENOMEM */
  two_link(&t, 2, 0);
  two_run(&t, 100);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 1);
}

/* The wait for progress starts when something is to be sent: a channel that is given up after a silence is not overdue
 * at once. */
static void a_direction_given_up_after_a_silence_is_not_overdue(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 60000);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 1);
  uint64_t records = t.side[0].records_out;
  pl_session_event give_up = {.type = PL_SESSION_CHANNEL_RESET, .channel_reset = {0, PL_REASON_CLOSED}};
  assert_int_equal(two_step(&t, 0, give_up), 0);
  assert_true(pl_session_deadline(t.side[0].session) > t.now_us / 1000);
  two_run(&t, 500);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 2);
  assert_int_equal(t.side[0].records_out, records + 1); /* CHANNEL_RESET, and no PROBE */
}

static const pl_session_event close_event = {.type = PL_SESSION_CLOSE, .close = {.reason = PL_REASON_CLOSED}};

static void a_session_without_a_link_is_closed_at_once(void **state) {
  (void)state;
  assert_int_equal(two_step(&t, 0, close_event), 0);
  assert_int_equal(two_count(&t, 0, PL_SESSION_CLOSE_ENDED), 1);
}

/* The peer may have the session already: it is told over the link whose HELLO is on its way. */
static void a_session_closed_before_its_first_hello_is_closed_at_both_ends(void **state) {
  (void)state;
  t.delay_us = 20000;
  two_link(&t, 1, 0);
  two_run(&t, 30); /* side 1 is linked, side 0 is not yet */
  assert_int_equal(two_count(&t, 1, PL_SESSION_LINKED), 1);
  assert_int_equal(two_count(&t, 0, PL_SESSION_LINKED), 0);
  assert_int_equal(two_step(&t, 0, close_event), 0);
  assert_int_equal(two_count(&t, 0, PL_SESSION_CLOSE_ENDED), 0);
  two_run(&t, 1000);
  assert_int_equal(two_count(&t, 1, PL_SESSION_PEER_CLOSED), 1);
  assert_int_equal(two_count(&t, 0, PL_SESSION_CLOSE_ENDED), 1);
  assert_int_equal(two_find(&t, 0, PL_SESSION_CLOSE_ENDED, 0)->a.error, 0);
}

/* An owner that learns otherwise that the peer has closed need not wait; a CLOSE that comes later is answered. */
static void a_close_that_is_over_is_answered_later(void **state) {
  (void)state;
  pl_session_sink none = {.take = NULL};
  assert_int_equal(pl_session_close_over(t.side[1].session, &none), 0); /* it is not closing */
  assert_int_equal(two_step(&t, 1, close_event), 0);
  t.drop = drop_all;
  two_run(&t, 100);
  t.drop = NULL;
  two_close_over(&t, 1);
  assert_int_equal(two_count(&t, 1, PL_SESSION_CLOSE_ENDED), 1);
  two_run(&t, 2000);
  assert_int_equal(two_count(&t, 1, PL_SESSION_CLOSE_ENDED), 1);
  assert_int_equal(two_step(&t, 0, close_event), 0);
  two_run(&t, 1000);
  assert_int_equal(two_count(&t, 0, PL_SESSION_CLOSE_ENDED), 1);
  assert_int_equal(two_find(&t, 0, PL_SESSION_CLOSE_ENDED, 0)->a.error, 0);
}

#define APART(name) cmocka_unit_test_setup_teardown(name, start, end)
#define LINKED(name) cmocka_unit_test_setup_teardown(name, start_linked, end)
#define LINKED_WITH(name, config) cmocka_unit_test_prestate_setup_teardown(name, start_linked, end, &(config))

int main(void) {
  const struct CMUnitTest tests[] = {
      APART(a_line_beside_a_file_arrives_within_a_second),
      APART(a_fast_long_link_is_filled),
      APART(equal_channels_take_turns_and_urgent_ones_go_first),
      LINKED_WITH(a_slow_reader_stops_only_its_channel, manual),
      LINKED_WITH(many_started_messages_cannot_block_each_other, tight),
      LINKED(a_large_volatile_message_goes_beside_bulk),
      LINKED(acknowledgements_come_within_25_ms),
      APART(one_loss_makes_the_sender_go_back_once),
      LINKED(the_receipt_survives_a_lost_ack),
      LINKED_WITH(a_late_receipt_survives_a_lost_ack, manual),
      LINKED(time_without_reading_is_no_timeout),
      LINKED(a_pause_is_not_measured_as_a_round_trip),
      LINKED(the_better_link_is_used_and_nothing_doubled),
      APART(a_reset_never_exceeds_its_record),
      APART(each_link_without_a_hello_is_kept_longer),
      LINKED(no_memory_for_an_action_changes_nothing),
      LINKED(a_direction_given_up_after_a_silence_is_not_overdue),
      APART(a_session_without_a_link_is_closed_at_once),
      APART(a_session_closed_before_its_first_hello_is_closed_at_both_ends),
      LINKED(a_close_that_is_over_is_answered_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
