/* Rules of docs/protocol.md, section 6, that heal by themselves when one side breaks them. So they are tested by the
 * frames that are said, not only by what arrives. */
#include "two.h"

static two t;
static unsigned said[2][PL_FRAME_CLOSE + 1]; /* frames that a side sent */
static unsigned lose_from, lose_type, lose_count;

static bool look(two *x, int from, const two_record *r) {
  (void)x;
  bool lost = false;
  pl_reader in = pl_reader_of(r->bytes, r->size);
  uint8_t type;
  pl_view body;
  while (pl_frame_next(&in, &type, &body) > 0) {
    if (type <= PL_FRAME_CLOSE) said[from][type]++;
    lost |= from == (int)lose_from && type == lose_type && lose_count > 0;
  }
  lose_count -= lost;
  return lost;
}

static int start(void **state) {
  (void)state;
  two_init(&t, NULL, NULL);
  memset(said, 0, sizeof said);
  lose_count = 0;
  t.drop = look;
  return 0;
}

static int start_linked(void **state) {
  (void)start(state);
  two_link(&t, 1, 0);
  two_run(&t, 100);
  for (int i = 0; i < 2; i++) assert_true(pl_session_is_linked(t.side[i].session));
  return 0;
}

static int end(void **state) {
  (void)state;
  two_deinit(&t);
  return 0;
}

static void lose(unsigned from, unsigned type, unsigned count) {
  lose_from = from;
  lose_type = type;
  lose_count = count;
}

static const pl_session_event close_it = {.type = PL_SESSION_CLOSE, .close = {.reason = PL_REASON_CLOSED}};

/* ---- the first frames of a link ---------------------------------------------------------------------------------- */

static size_t hello(uint8_t *out, uint64_t epoch, uint64_t peer_epoch) {
  pl_wire_frame_hello f = {.epoch = epoch, .peer_epoch = peer_epoch, .link_seq = 1};
  f.message_max = 100;
  f.channel_window = 1000;
  f.session_limit = 1000;
  out[0] = PL_FRAME_HELLO;
  int n = pl_wire_frame_hello_encode(&f, out + 3, 100);
  assert_true(n > 0);
  pl_put_u16(out + 1, (uint16_t)n);
  return 3 + (size_t)n;
}

static size_t data(uint8_t *out) {
  static const uint8_t one[] = {
      PL_FRAME_DATA, 0, 11, 0, PL_CONST_DATA_FLAG_END_OF_MESSAGE, 0, 0, 0, 0, 0, 0, 0, 0, 'x'};
  memcpy(out, one, sizeof one);
  return sizeof one;
}

/* A peer that knows another epoch of this side speaks of streams that this side does not have. */
static void a_hello_for_another_epoch_of_this_side_is_not_in_step(void **state) {
  (void)state;
  uint8_t record[200];
  two_link(&t, 1, 0);
  size_t n = hello(record, 77, 55);
  n += data(record + n);
  assert_int_equal(two_feed(&t, 1, 1, record, n), 0);
  assert_false(pl_session_is_linked(t.side[1].session));
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 0);
  n = hello(record, 77, 0);
  n += data(record + n);
  assert_int_equal(two_feed(&t, 1, 1, record, n), 0);
  assert_true(pl_session_is_linked(t.side[1].session));
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 1);
}

static void another_epoch_of_the_peer_is_not_in_step(void **state) {
  (void)state;
  uint8_t record[200];
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 100);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 1);
  two_link(&t, 2, 0);
  assert_int_equal(two_feed(&t, 1, 2, record, hello(record, 77, 0)), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_STREAM_RESET), 1);
  assert_true(pl_session_peer_epoch(t.side[1].session) == 77);
}

/* Returns the code of side 1 for a HELLO of a known peer that lists this of channel 0, on a link of its own. Side 1 has
 * sent two places there. */
static int listed(uint64_t session_limit, pl_wire_channel_state channel) {
  uint8_t record[200], list[25];
  (void)end(NULL);
  (void)start_linked(NULL);
  assert_int_equal(two_send(&t, 1, 0, "x", 1), 0);
  two_run(&t, 100);
  assert_int_equal(two_count(&t, 0, PL_SESSION_MESSAGE), 1);
  pl_wire_frame_hello f = {.epoch = pl_session_peer_epoch(t.side[1].session), .link_seq = 2};
  pl_writer w = pl_writer_of(list, sizeof list);
  pl_wire_channel_state_write(&channel, &w);
  f.message_max = 100;
  f.channel_window = 1000;
  f.session_limit = session_limit;
  f.channels = (pl_view){list, pl_writer_used(&w)};
  int n = pl_wire_frame_hello_encode(&f, record + 3, sizeof record - 3);
  assert_true(n > 0);
  record[0] = PL_FRAME_HELLO;
  pl_put_u16(record + 1, (uint16_t)n);
  two_link(&t, 2, 0);
  return two_feed(&t, 1, 2, record, 3 + (size_t)n);
}

/* Places that this side never sent, or that were taken before they were received, belong to other streams. */
static void places_that_do_not_fit_are_not_in_step(void **state) {
  (void)state;
  assert_int_equal(listed(1000, (pl_wire_channel_state){.received_to = 2, .taken_to = 2, .limit = 1000}), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_STREAM_RESET), 0);
  assert_int_equal(listed(1000, (pl_wire_channel_state){.received_to = 3, .taken_to = 2, .limit = 1000}), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_STREAM_RESET), 1);
  assert_int_equal(listed(1000, (pl_wire_channel_state){.received_to = 1, .taken_to = 2, .limit = 1000}), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_STREAM_RESET), 1);
}

static void limits_that_cannot_be_break_the_protocol(void **state) {
  (void)state;
  const uint64_t most = UINT64_MAX / 2;
  assert_int_equal(listed(most, (pl_wire_channel_state){.received_to = 2, .taken_to = 2, .limit = most}), 0);
  assert_int_equal(listed(most + 1, (pl_wire_channel_state){.received_to = 2, .taken_to = 2}), PL_EPROTOCOL);
  assert_int_equal(listed(most, (pl_wire_channel_state){.received_to = 2, .taken_to = 2, .limit = most + 1}),
                   PL_EPROTOCOL);
}

/* The caller says HELLO once, and the callee answers it once: nobody answers an answer. */
static void each_side_says_hello_once(void **state) {
  (void)state;
  two_run(&t, 60000);
  assert_int_equal(said[0][PL_FRAME_HELLO], 1);
  assert_int_equal(said[1][PL_FRAME_HELLO], 1);
}

static void a_lost_hello_is_said_again_each_second(void **state) {
  (void)state;
  lose(0, PL_FRAME_HELLO, 4);
  two_link(&t, 1, 0);
  two_run(&t, 3900);
  assert_int_equal(said[0][PL_FRAME_HELLO], 4);
  assert_false(pl_session_is_linked(t.side[1].session));
  two_run(&t, 200);
  assert_true(pl_session_is_linked(t.side[0].session));
}

static void the_older_link_is_reset_by_its_opener(void **state) {
  (void)state;
  two_link(&t, 2, 0);
  two_run(&t, 100);
  two_seen *dropped = two_find(&t, 0, PL_SESSION_DROP_LINK, 0);
  assert_non_null(dropped);
  assert_int_equal(dropped->a.link, 1);
  assert_int_equal(dropped->a.reason, PL_REASON_REPLACED);
  assert_true(pl_session_link_is_current(t.side[1].session, 2));
}

/* ---- acknowledging ----------------------------------------------------------------------------------------------- */

/* However short the way is, nothing is asked within a second. */
static void a_probe_waits_for_a_second(void **state) {
  (void)state;
  two_run(&t, 100);
  lose(1, PL_FRAME_ACK, 1000);
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 990);
  assert_int_equal(said[0][PL_FRAME_PROBE], 0);
  two_run(&t, 20);
  assert_int_equal(said[0][PL_FRAME_PROBE], 1);
}

/* Only an answer to the last PROBE counts as one. */
static void an_old_probe_reply_is_no_answer(void **state) {
  (void)state;
  static const uint8_t reply[] = {PL_FRAME_PROBE_REPLY, 0, 4, 0, 0, 1, 0};
  lose(1, PL_FRAME_ACK, 1000);
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  for (int k = 0; k < 10 && pl_session_is_linked(t.side[0].session); k++) {
    two_run(&t, 500);
    assert_int_equal(two_feed(&t, 0, 1, reply, sizeof reply), 0);
  }
  assert_false(pl_session_is_linked(t.side[0].session));
  assert_int_equal(said[0][PL_FRAME_PROBE], 3);
}

/* A PROBE is answered on its link, and with an ACK, without the usual wait. So is a gap. */
static void probes_and_gaps_are_answered_at_once(void **state) {
  (void)state;
  static const uint8_t probe[] = {PL_FRAME_PROBE, 0, 4, 0, 0, 0, 9};
  uint8_t late[14];
  two_run(&t, 1000);
  unsigned acks = said[1][PL_FRAME_ACK];
  assert_int_equal(two_feed(&t, 1, 1, probe, sizeof probe), 0);
  two_run(&t, 1);
  assert_int_equal(said[1][PL_FRAME_PROBE_REPLY], 1);
  assert_int_equal(said[1][PL_FRAME_ACK], acks + 1);
  size_t n = data(late);
  late[12] = 9; /* the place of the byte, which leaves nine places out */
  assert_int_equal(two_feed(&t, 1, 1, late, n), 0);
  two_run(&t, 1);
  assert_int_equal(said[1][PL_FRAME_ACK], acks + 2);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 0);
}

/* A peer that lost what this side is closing has closed it. */
static void a_close_of_what_the_peer_forgot_is_over(void **state) {
  (void)state;
  uint8_t record[200];
  assert_int_equal(two_step(&t, 1, close_it), 0);
  two_link(&t, 2, 0);
  assert_int_equal(two_feed(&t, 1, 2, record, hello(record, 77, 0)), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_CLOSE_ENDED), 1);
  assert_int_equal(two_find(&t, 1, PL_SESSION_CLOSE_ENDED, 0)->a.error, 0);
  assert_int_equal(two_find(&t, 1, PL_SESSION_DROP_LINK, 0)->a.reason, PL_REASON_CLOSED);
}

/* A record asks for an ACK within 25 ms. Sooner would cost an envelope for each of several records. */
static void an_ack_waits_for_others(void **state) {
  (void)state;
  uint8_t record[14];
  two_run(&t, 1000);
  assert_int_equal(two_feed(&t, 1, 1, record, data(record)), 0);
  assert_int_equal(pl_session_deadline(t.side[1].session), t.now_us / 1000 + 25);
  t.now_us += 24000;
  assert_int_equal(two_step(&t, 1, (pl_session_event){.type = PL_SESSION_TIME}), 0);
  assert_false(pl_session_has_output(t.side[1].session));
  t.now_us += 1000;
  assert_int_equal(two_step(&t, 1, (pl_session_event){.type = PL_SESSION_TIME}), 0);
  assert_true(pl_session_has_output(t.side[1].session));
}

/* An ACK shows that an earlier record is lost. Then each channel that was in it is sent again, without a PROBE. */
static void all_that_was_in_a_lost_record_is_sent_again(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 1, "aaaa", 4), 0);
  two_run(&t, 100);
  lose(0, PL_FRAME_DATA, 1);
  assert_int_equal(two_send(&t, 0, 0, "bbbb", 4), 0);
  assert_int_equal(two_send(&t, 0, 1, "cccc", 4), 0); /* starts at the place where channel 0 ends */
  two_run(&t, 10);
  assert_int_equal(lose_count, 0);
  assert_int_equal(two_send(&t, 0, 2, "dddd", 4), 0);
  two_run(&t, 200);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 4);
  assert_int_equal(said[0][PL_FRAME_PROBE], 0);
}

/* A message that was started can be completed, whatever other channels have to send. */
static void a_started_message_keeps_its_credit(void **state) {
  (void)state;
  static const uint8_t large[200000];
  static const pl_session_config small = {
      .message_max = 200000, .channel_window = 1 << 20, .session_window = 262144, .manual_take = true};
  (void)end(NULL);
  two_init(&t, NULL, &small);
  t.drop = look;
  two_link(&t, 1, 0);
  for (int k = 0; k < 5; k++) assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 100);
  assert_int_equal(two_send(&t, 0, 0, large, 200000), 0);
  assert_int_equal(two_send(&t, 0, 1, large, 100000), 0);
  two_run(&t, 500);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 6);
  assert_int_equal(two_find(&t, 1, PL_SESSION_MESSAGE, 5)->size, 200000);
}

static void credit_that_cannot_be_breaks_the_protocol(void **state) {
  (void)state;
  uint8_t frame[21] = {PL_FRAME_CREDIT, 0, 18};
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 100);
  for (int of_channel = 0; of_channel < 2; of_channel++) {
    for (uint64_t more = 0; more < 2; more++) {
      pl_put_u64(frame + 3, of_channel ? 0 : UINT64_MAX / 2 + more);
      pl_put_u64(frame + 12 + 1, of_channel ? UINT64_MAX / 2 + more : 0);
      frame[11] = 1;
      frame[12] = 0;
      assert_int_equal(two_feed(&t, 0, 1, frame, sizeof frame), more ? PL_EPROTOCOL : 0);
    }
  }
}

/* Each channel that a CREDIT names counts, whatever it says of the others. */
static void credit_counts_for_each_channel(void **state) {
  (void)state;
  static const uint8_t text[600];
  static const pl_session_config small = {
      .message_max = 1000, .channel_window = 1001, .session_window = 100000, .manual_take = true};
  (void)end(NULL);
  two_init(&t, NULL, &small);
  t.drop = look;
  two_link(&t, 1, 0);
  two_run(&t, 100);
  for (uint8_t channel = 0; channel < 2; channel++)
    for (int k = 0; k < 2; k++) assert_int_equal(two_send(&t, 0, channel, text, sizeof text), 0);
  two_run(&t, 500);
  assert_false(pl_session_has_output(t.side[0].session));
  uint8_t frame[39] = {PL_FRAME_CREDIT, 0, 36, [11] = 3, [12] = 7, [21] = 0, [30] = 1};
  pl_put_u64(frame + 31, 2000);
  assert_int_equal(two_feed(&t, 0, 1, frame, sizeof frame), 0);
  assert_true(pl_session_has_output(t.side[0].session));
}

static void a_limit_never_goes_back(void **state) {
  (void)state;
  static const uint8_t credit[] = {PL_FRAME_CREDIT, 0, 18, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 100);
  assert_int_equal(two_feed(&t, 0, 1, credit, sizeof credit), 0);
  assert_int_equal(two_send(&t, 0, 0, "y", 1), 0);
  two_run(&t, 20);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 2);
}

/* What a side took is told even when it asks for nothing: within 25 ms. */
static void what_was_taken_is_told(void **state) {
  (void)state;
  static const pl_session_config manual = {
      .message_max = 1000, .channel_window = 100000, .session_window = 100000, .manual_take = true};
  (void)end(NULL);
  two_init(&t, NULL, &manual);
  t.drop = look;
  two_link(&t, 1, 0);
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  two_run(&t, 500);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 0);
  pl_session_event taken = {.type = PL_SESSION_TAKE, .take = {.channel = 0, .place = 2}};
  assert_int_equal(two_step(&t, 1, taken), 0);
  two_run(&t, 30);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 1);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void close_is_said_each_second_for_ten_seconds(void **state) {
  (void)state;
  lose(0, PL_FRAME_CLOSE, 1000);
  assert_int_equal(two_step(&t, 0, close_it), 0);
  two_run(&t, 9950);
  assert_int_equal(said[0][PL_FRAME_CLOSE], 10);
  assert_int_equal(two_count(&t, 0, PL_SESSION_CLOSE_ENDED), 0);
  t.now_us = 1000 * pl_session_deadline(t.side[0].session);
  assert_int_equal(two_step(&t, 0, (pl_session_event){.type = PL_SESSION_TIME}), 0);
  assert_int_equal(two_find(&t, 0, PL_SESSION_CLOSE_ENDED, 0)->a.error, PL_ETIMEDOUT);
}

static void a_lost_answer_to_close_is_said_again(void **state) {
  (void)state;
  lose(1, PL_FRAME_CLOSE, 3);
  assert_int_equal(two_step(&t, 0, close_it), 0);
  two_run(&t, 3500);
  assert_int_equal(two_count(&t, 1, PL_SESSION_PEER_CLOSED), 1);
  assert_int_equal(said[1][PL_FRAME_CLOSE], 4);
  assert_int_equal(two_find(&t, 0, PL_SESSION_CLOSE_ENDED, 0)->a.error, 0);
}

static void close_is_said_on_a_new_link(void **state) {
  (void)state;
  lose(0, PL_FRAME_CLOSE, 1);
  assert_int_equal(two_step(&t, 0, close_it), 0);
  two_run(&t, 100);
  two_unlink(&t, 1);
  two_link(&t, 2, 1);
  two_run(&t, 100);
  assert_int_equal(said[0][PL_FRAME_CLOSE], 2);
  assert_int_equal(two_find(&t, 0, PL_SESSION_CLOSE_ENDED, 0)->a.error, 0);
}

/* A side that cannot continue repeats itself on each link, since it awaits no answer that could be missing. */
static void a_side_that_failed_says_close_on_each_new_link(void **state) {
  (void)state;
  lose(1, PL_FRAME_CLOSE, 2);
  pl_session_fail(t.side[1].session, PL_REASON_PROTOCOL, (pl_view){NULL, 0});
  for (uint32_t link = 2; link < 4; link++) {
    two_run(&t, 100);
    assert_int_equal(two_count(&t, 0, PL_SESSION_PEER_CLOSED), 0);
    two_unlink(&t, link - 1);
    two_link(&t, link, 0);
  }
  two_run(&t, 100);
  assert_int_equal(said[1][PL_FRAME_CLOSE], 3);
  assert_int_equal(two_find(&t, 0, PL_SESSION_PEER_CLOSED, 0)->a.reason, PL_REASON_PROTOCOL);
}

static void nothing_new_is_said_after_close(void **state) {
  (void)state;
  lose(1, PL_FRAME_CLOSE, 1000);
  assert_int_equal(two_send(&t, 0, 0, "x", 1), 0);
  assert_int_equal(two_step(&t, 0, close_it), 0);
  two_run(&t, 5000);
  assert_int_equal(said[0][PL_FRAME_DATA] + said[0][PL_FRAME_PROBE], 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 0);
}

#define APART(name) cmocka_unit_test_setup_teardown(name, start, end)
#define LINKED(name) cmocka_unit_test_setup_teardown(name, start_linked, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      APART(a_hello_for_another_epoch_of_this_side_is_not_in_step),
      LINKED(another_epoch_of_the_peer_is_not_in_step),
      LINKED(places_that_do_not_fit_are_not_in_step),
      LINKED(limits_that_cannot_be_break_the_protocol),
      LINKED(each_side_says_hello_once),
      APART(a_lost_hello_is_said_again_each_second),
      LINKED(the_older_link_is_reset_by_its_opener),
      LINKED(a_probe_waits_for_a_second),
      LINKED(an_old_probe_reply_is_no_answer),
      LINKED(probes_and_gaps_are_answered_at_once),
      LINKED(a_close_of_what_the_peer_forgot_is_over),
      LINKED(an_ack_waits_for_others),
      LINKED(all_that_was_in_a_lost_record_is_sent_again),
      APART(a_started_message_keeps_its_credit),
      LINKED(credit_that_cannot_be_breaks_the_protocol),
      APART(credit_counts_for_each_channel),
      LINKED(a_limit_never_goes_back),
      LINKED(what_was_taken_is_told),
      LINKED(close_is_said_each_second_for_ten_seconds),
      LINKED(a_lost_answer_to_close_is_said_again),
      LINKED(close_is_said_on_a_new_link),
      LINKED(a_side_that_failed_says_close_on_each_new_link),
      LINKED(nothing_new_is_said_after_close),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
