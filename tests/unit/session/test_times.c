/* The exact times of a session: what it waits for, that nothing happens a millisecond early, and what happens then. */
#include "client/core/session/session_state.h"
#include "two.h"

static two t;
static bool cut[2]; /* nothing of this side arrives */

static bool look(two *x, int from, const two_record *r) {
  (void)x;
  (void)r;
  return cut[from];
}

static const pl_session_config manual = {
    .message_max = 1000, .channel_window = 100000, .session_window = 100000, .manual_take = true};

static int start(void **state) {
  (void)state;
  two_init(&t, NULL, &manual);
  cut[0] = cut[1] = false;
  t.drop = look;
  return 0;
}

/* Side 0 called. Both have said all that they have to say. */
static int start_linked(void **state) {
  (void)start(state);
  two_link(&t, 1, 0);
  two_run(&t, 1000);
  for (int i = 0; i < 2; i++) {
    assert_true(pl_session_is_linked(t.side[i].session));
    assert_true(pl_session_deadline(t.side[i].session) == PL_NEVER);
  }
  return 0;
}

static int end(void **state) {
  (void)state;
  two_deinit(&t);
  return 0;
}

static const pl_session_event now = {.type = PL_SESSION_TIME};
static const pl_session_event close_it = {.type = PL_SESSION_CLOSE, .close = {.reason = PL_REASON_CLOSED}};

static uint64_t ms(void) {
  return t.now_us / 1000;
}

static unsigned frames_of(int i, uint8_t wanted) {
  static uint8_t out[65536];
  uint32_t link;
  uint8_t flags, type;
  pl_view body;
  unsigned found = 0;
  int n = pl_session_produce(t.side[i].session, ms(), out, sizeof out, &link, &flags);
  assert_true(n >= 0);
  pl_reader in = pl_reader_of(out, (size_t)n);
  while (pl_frame_next(&in, &type, &body) > 0) found += type == wanted;
  return found;
}

/* Side i waits until wait_ms from now, and has nothing to say a millisecond earlier. Then its time has come. */
static void expect_quiet_for(int i, uint64_t wait_ms) {
  pl_session *s = t.side[i].session;
  size_t seen = t.side[i].seen_count;
  assert_int_equal(pl_session_deadline(s) - ms(), wait_ms);
  t.now_us += (wait_ms - 1) * 1000;
  assert_int_equal(two_step(&t, i, now), 0);
  assert_false(pl_session_has_output(s));
  assert_int_equal(t.side[i].seen_count, seen);
  assert_int_equal(pl_session_deadline(s), ms() + 1);
  t.now_us += 1000;
  assert_int_equal(two_step(&t, i, now), 0);
}

static void expect_said(int i, uint8_t type) {
  assert_true(pl_session_has_output(t.side[i].session));
  assert_int_equal(frames_of(i, type), 1);
  assert_false(pl_session_has_output(t.side[i].session));
}

static void send(int i, uint8_t channel, size_t size) {
  static const uint8_t bytes[100000];
  assert_int_equal(two_send(&t, i, channel, bytes, size), 0);
}

/* ---- ACK --------------------------------------------------------------------------------------------------------- */

static int give_volatile(uint32_t size) { /* the size of the record that carries it */
  static uint8_t frame[65536];
  frame[0] = PL_FRAME_VOLATILE;
  pl_put_u16(frame + 1, (uint16_t)(size - 3));
  return two_feed(&t, 1, 1, frame, size);
}

static void an_ack_waits_25_ms(void **state) {
  (void)state;
  assert_int_equal(give_volatile(10), 0);
  t.now_us += 10000;
  assert_int_equal(give_volatile(10), 0); /* the first one decides */
  expect_quiet_for(1, 15);
  expect_said(1, PL_FRAME_ACK);
  assert_true(pl_session_deadline(t.side[1].session) == PL_NEVER);
}

/* 64 KiB that wait for an ACK get it at once. They are counted as the sender counts them. */
static void much_is_acknowledged_at_once(void **state) {
  (void)state;
  const uint32_t first = 32000, cost = PL_SESSION_RECORD_COST;
  for (uint32_t more = 0; more < 2; more++) {
    assert_int_equal(give_volatile(first), 0);
    assert_false(pl_session_has_output(t.side[1].session));
    assert_int_equal(give_volatile(65536 - 1 + more - first - 2 * cost), 0);
    assert_int_equal(pl_session_has_output(t.side[1].session), more);
    if (!more) t.now_us += 25000;
    assert_int_equal(two_step(&t, 1, now), 0);
    expect_said(1, PL_FRAME_ACK); /* after which it counts from 0 */
  }
}

/* A record that asks for nothing starts no wait. */
static void an_ack_is_not_acknowledged(void **state) {
  (void)state;
  static const uint8_t ack[] = {PL_FRAME_ACK, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  static const uint8_t credit[] = {PL_FRAME_CREDIT, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  static const uint8_t unknown[] = {PL_FRAME_CLOSE + 1, 0, 1, 0};
  assert_int_equal(two_feed(&t, 1, 1, ack, sizeof ack), 0);
  assert_int_equal(two_feed(&t, 1, 1, credit, sizeof credit), 0);
  assert_true(pl_session_deadline(t.side[1].session) == PL_NEVER);
  assert_int_equal(two_feed(&t, 1, 1, unknown, sizeof unknown), 0);
  assert_int_equal(pl_session_deadline(t.side[1].session), ms() + 25);
}

/* What was taken is told when it is a quarter of the window, or 64 KiB, and otherwise within 25 ms. */
static void much_that_was_taken_is_told_at_once(void **state) {
  (void)state;
  static const struct {
    uint32_t window;
    uint64_t much;
  } cases[] = {{4000, 1000}, {262140, 65535}, {262144, 65536}, {1 << 20, 65536}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++)
    for (uint64_t more = 0; more < 2; more++) {
      pl_session_config config = manual;
      config.channel_window = cases[k].window;
      config.message_max = cases[k].window - 1;
      config.session_window = 1 << 20;
      (void)end(NULL);
      two_init(&t, NULL, &config);
      two_link(&t, 1, 0);
      two_run(&t, 100);
      send(0, 0, cases[k].much + 5 < 100000 ? cases[k].much + 5 : 0);
      two_run(&t, 1000);
      uint64_t place = t.side[1].seen[t.side[1].seen_count - 1].a.place;
      assert_int_equal(place, cases[k].much + 6);
      assert_true(pl_session_deadline(t.side[1].session) == PL_NEVER);
      /* Takes places as they are, which no application does, but the session may not depend on it. */
      pl_session_event take = {.type = PL_SESSION_TAKE, .take = {.channel = 0, .place = cases[k].much - 1 + more}};
      assert_int_equal(two_step(&t, 1, take), 0);
      assert_int_equal(pl_session_has_output(t.side[1].session), more);
      if (!more) expect_quiet_for(1, 25);
      expect_said(1, PL_FRAME_ACK);
    }
}

/* ---- PROBE ------------------------------------------------------------------------------------------------------- */

/* A probe that is not answered is repeated, three times in all. Then the link is left. */
static void the_fourth_probe_ends_the_link(void **state) {
  (void)state;
  pl_session *s = t.side[0].session;
  send(0, 0, 1);
  cut[0] = true;
  two_run(&t, 1);
  for (int k = 0; k < 3; k++) {
    if (k == 0) t.now_us = 1000 * (pl_session_deadline(s) - 1000);
    expect_quiet_for(0, 1000);
    expect_said(0, PL_FRAME_PROBE);
  }
  expect_quiet_for(0, 1000);
  two_seen *dropped = two_find(&t, 0, PL_SESSION_DROP_LINK, 0);
  assert_non_null(dropped);
  assert_int_equal(dropped->a.link, 1);
  assert_int_equal(dropped->a.reason, PL_REASON_TIMEOUT);
  assert_false(pl_session_is_linked(s));
  assert_int_equal(s->patience, 1);
  assert_true(pl_session_deadline(s) == PL_NEVER);
}

/* On a slow line it waits three round trips, and twice as long for each link that failed before. */
static void a_probe_waits_three_round_trips(void **state) {
  (void)state;
  static const struct {
    uint32_t rtt;
    unsigned patience;
    uint64_t wait;
  } cases[] = {{0, 0, 1000}, {333, 0, 1000}, {334, 0, 1002}, {500, 0, 1500}, {500, 3, 12000}, {0, 5, 32000}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)end(NULL);
    (void)start_linked(NULL);
    t.side[0].session->rate.rtt_ms = cases[k].rtt;
    t.side[0].session->patience = cases[k].patience;
    send(0, 0, 1);
    assert_int_equal(frames_of(0, PL_FRAME_DATA), 1);
    expect_quiet_for(0, cases[k].wait);
    expect_said(0, PL_FRAME_PROBE);
  }
}

/* What arrived and was not taken is asked for less and less often: the application may take its time. */
static void what_is_not_taken_is_asked_for_less_and_less(void **state) {
  (void)state;
  static const uint64_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 32000};
  pl_session *s = t.side[0].session;
  for (int round = 0; round < 2; round++) {
    send(0, 0, 1);
    two_run(&t, 500);
    uint64_t from = s->progress_ms;
    assert_int_equal(s->waiting, 2);
    for (size_t k = 0; k < PL_ARRAY_LENGTH(waits); k++) {
      assert_int_equal(pl_session_deadline(s) - from, waits[k]);
      from = pl_session_deadline(s);
      t.now_us = from * 1000;
      two_run(&t, 100); /* asks, and is answered */
      assert_int_equal(s->probed_ms, from);
      assert_int_equal(s->probes_open, 0);
    }
    pl_session_event take = {.type = PL_SESSION_TAKE, .take = {.channel = 0, .place = 2 + 2 * (uint64_t)round}};
    assert_int_equal(two_step(&t, 1, take), 0);
    two_run(&t, 100); /* which starts again with a second */
    assert_int_equal(s->waiting, 0);
    assert_true(pl_session_deadline(s) == PL_NEVER);
  }
}

/* The wait for credit is as urgent as one for an ACK. */
static void missing_credit_is_asked_for_each_second(void **state) {
  (void)state;
  pl_session *s = t.side[0].session;
  for (int k = 0; k < 110; k++)
    if (two_send(&t, 0, 0, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 31)) break;
  two_run(&t, 500);
  assert_int_equal(s->take_probe_ms, 1000);
  s->take_probe_ms = 8000;
  assert_int_equal(pl_session_deadline(s) - s->progress_ms, 8000);
  s->channels[0]->limit = s->channels[0]->sent_to; /* the peer lets nothing more in */
  send(0, 0, 1);
  assert_int_equal(pl_session_deadline(s) - s->progress_ms, 1000);
}

/* Nothing that is waited for, nothing that is asked. */
static void an_idle_or_closed_session_asks_nothing(void **state) {
  (void)state;
  pl_session *s = t.side[0].session;
  send(0, 0, 1);
  two_run(&t, 100);
  assert_int_not_equal(pl_session_deadline(s), PL_NEVER);
  assert_int_equal(two_step(&t, 0, close_it), 0);
  assert_int_equal(pl_session_deadline(s), ms() + 10000); /* CLOSE is not said yet */
  assert_int_equal(frames_of(0, PL_FRAME_CLOSE), 1);
  assert_int_equal(pl_session_deadline(s), ms() + 1000);
}

/* ---- HELLO ------------------------------------------------------------------------------------------------------- */

/* The opener repeats HELLO each second, and both give up after ten. The next link gets twice as long, up to 320 s. */
static void a_link_without_hello_gets_more_and_more_time(void **state) {
  (void)state;
  pl_session *s = t.side[0].session;
  for (unsigned k = 0; k < 8; k++) {
    uint32_t id = 10 + k;
    uint64_t lasts = (uint64_t)10000 << (k < 5 ? k : 5), up = ms();
    cut[0] = true;
    two_link(&t, id, 0);
    for (int i = 0; i < 2; i++) assert_int_equal(t.side[i].session->patience, k < 5 ? k : 5);
    expect_said(0, PL_FRAME_HELLO);
    expect_quiet_for(0, 1000);
    expect_said(0, PL_FRAME_HELLO);
    expect_quiet_for(0, 1000);
    t.now_us = 1000 * (up + lasts - 1);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(two_step(&t, i, now), 0);
      assert_int_equal(two_count(&t, i, PL_SESSION_DROP_LINK), k);
    }
    expect_said(0, PL_FRAME_HELLO);
    for (int i = 0; i < 2; i++) assert_int_equal(pl_session_deadline(t.side[i].session), up + lasts);
    t.now_us += 1000;
    for (int i = 0; i < 2; i++) {
      assert_int_equal(two_step(&t, i, now), 0);
      two_seen *dropped = two_find(&t, i, PL_SESSION_DROP_LINK, k);
      assert_non_null(dropped);
      assert_int_equal(dropped->a.link, id);
      assert_int_equal(dropped->a.reason, PL_REASON_TIMEOUT);
      t.side[i].dropped_count = 0;
    }
    assert_false(pl_session_has_output(s));
    assert_true(pl_session_deadline(s) == PL_NEVER);
  }
  cut[0] = false;
  two_link(&t, 30, 0);
  two_run(&t, 100);
  assert_int_equal(s->patience, 5); /* a link alone proves nothing: records do */
  send(0, 0, 1);
  two_run(&t, 100);
  for (int i = 0; i < 2; i++) assert_int_equal(t.side[i].session->patience, 0);
}

/* Of several links the one that waited longest is left first, and the others only in their turn. */
static void links_are_left_in_their_turn(void **state) {
  (void)state;
  for (uint32_t id = 1; id <= 3; id++) {
    pl_session_event up = {.type = PL_SESSION_LINK_UP, .link_up = {.id = id, .window = 1 << 20}};
    assert_int_equal(two_step(&t, 1, up), 0);
    t.now_us += 1000000;
  }
  assert_int_equal(pl_session_deadline(t.side[1].session) - ms(), 7000);
  t.now_us += 7000000;
  assert_int_equal(two_step(&t, 1, now), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_DROP_LINK), 1);
  assert_int_equal(two_find(&t, 1, PL_SESSION_DROP_LINK, 0)->a.link, 1);
  assert_int_equal(pl_session_deadline(t.side[1].session) - ms(), 11000); /* the others have 20 s */
  t.now_us += 30000000;
  assert_int_equal(two_step(&t, 1, now), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_DROP_LINK), 2); /* the last one has 40 s */
  assert_int_equal(two_find(&t, 1, PL_SESSION_DROP_LINK, 1)->a.link, 2);
  assert_int_equal(pl_session_deadline(t.side[1].session) - ms(), 2000);
}

/* A link that is confirmed does not hide another one that is not. */
static void a_second_link_has_its_own_time(void **state) {
  (void)state;
  pl_session_event up = {.type = PL_SESSION_LINK_UP, .link_up = {.id = 2, .window = 1 << 20}};
  assert_int_equal(two_step(&t, 1, up), 0);
  expect_quiet_for(1, 10000);
  assert_int_equal(two_find(&t, 1, PL_SESSION_DROP_LINK, 0)->a.link, 2);
  assert_true(pl_session_is_linked(t.side[1].session));
}

/* ---- CLOSE ------------------------------------------------------------------------------------------------------- */

static void close_is_repeated_each_second_and_given_up_after_ten(void **state) {
  (void)state;
  pl_session *s = t.side[0].session;
  uint64_t from = ms();
  assert_int_equal(two_step(&t, 0, close_it), 0);
  expect_said(0, PL_FRAME_CLOSE);
  for (int k = 1; k < 10; k++) {
    expect_quiet_for(0, 1000);
    expect_said(0, PL_FRAME_CLOSE);
  }
  assert_int_equal(pl_session_deadline(s), from + 10000);
  t.now_us += 999000;
  assert_int_equal(two_step(&t, 0, now), 0);
  assert_int_equal(two_count(&t, 0, PL_SESSION_CLOSE_ENDED), 0);
  assert_true(pl_session_is_closing(s));
  t.now_us += 1000;
  assert_int_equal(two_step(&t, 0, now), 0);
  assert_int_equal(two_find(&t, 0, PL_SESSION_CLOSE_ENDED, 0)->a.error, PL_ETIMEDOUT);
  assert_false(pl_session_is_closing(s));
  assert_true(pl_session_close_answered(s));
  assert_false(pl_session_has_output(s));
  assert_true(pl_session_deadline(s) == PL_NEVER);
  assert_int_equal(two_step(&t, 0, close_it), PL_ESTATE);
}

/* A CLOSE that comes soon after the answer is another copy of one that was answered. */
static void a_repeated_close_is_answered_after_half_a_second(void **state) {
  (void)state;
  static const uint8_t close[] = {PL_FRAME_CLOSE, 0, 2, 0, PL_REASON_CLOSED};
  assert_int_equal(two_feed(&t, 1, 1, close, sizeof close), 0);
  assert_int_equal(t.side[1].session->close_reason, PL_REASON_CLOSED); /* the answer says the same */
  expect_said(1, PL_FRAME_CLOSE);
  t.now_us += 499000;
  assert_int_equal(two_feed(&t, 1, 1, close, sizeof close), 0);
  assert_int_equal(frames_of(1, PL_FRAME_CLOSE), 0);
  assert_true(pl_session_close_answered(t.side[1].session));
  t.now_us += 1000;
  assert_int_equal(two_feed(&t, 1, 1, close, sizeof close), 0);
  assert_false(pl_session_close_answered(t.side[1].session));
  assert_int_equal(frames_of(1, PL_FRAME_CLOSE), 1);
  assert_int_equal(two_count(&t, 1, PL_SESSION_PEER_CLOSED), 1);
}

/* ---- being late -------------------------------------------------------------------------------------------------- */

/* A pause counts as waiting only when it is the second one since anything came. */
static void one_pause_is_forgiven(void **state) {
  (void)state;
  pl_session *s = t.side[0].session;
  send(0, 0, 1);
  cut[0] = true;
  two_run(&t, 1);
  t.now_us += 50000000;
  pl_session_late(s, ms());
  assert_int_equal(s->rate.measured_from_ms, ms());
  assert_int_equal(s->progress_ms, ms());
  expect_quiet_for(0, 1000);
  expect_said(0, PL_FRAME_PROBE);
  uint64_t before = s->progress_ms;
  t.now_us += 50000000;
  pl_session_late(s, ms());
  assert_int_equal(s->rate.measured_from_ms, ms());
  assert_int_equal(s->progress_ms, before);
  assert_true(pl_session_deadline(s) <= ms());
  uint8_t reply[7] = {PL_FRAME_PROBE_REPLY, 0, 4};
  pl_put_u32(reply + 3, s->probe_number);
  assert_int_equal(two_feed(&t, 0, 1, reply, sizeof reply), 0); /* which is an answer */
  t.now_us += 50000000;
  pl_session_late(s, ms());
  assert_int_equal(s->progress_ms, ms());
}

/* An answer goes on the link of the PROBE. The ACK that comes with it goes on the one in use, at once as well. */
static void a_probe_on_another_link_is_acknowledged_at_once(void **state) {
  (void)state;
  static const uint8_t probe[] = {PL_FRAME_PROBE, 0, 4, 0, 0, 0, 9};
  pl_session *s = t.side[1].session;
  two_link(&t, 2, 1);
  pl_session_link *other = PL_CONTAINER(s->links.prev, pl_session_link, node);
  other->hello_due = false;
  other->confirmed = true; /* before the session has changed over to it */
  assert_int_equal(two_feed(&t, 1, 2, probe, sizeof probe), 0);
  assert_int_equal(frames_of(1, PL_FRAME_PROBE_REPLY), 1);
  expect_said(1, PL_FRAME_ACK);
}

#define APART(name) cmocka_unit_test_setup_teardown(name, start, end)
#define LINKED(name) cmocka_unit_test_setup_teardown(name, start_linked, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      LINKED(an_ack_waits_25_ms),
      LINKED(much_is_acknowledged_at_once),
      LINKED(an_ack_is_not_acknowledged),
      LINKED(much_that_was_taken_is_told_at_once),
      LINKED(the_fourth_probe_ends_the_link),
      LINKED(a_probe_waits_three_round_trips),
      LINKED(what_is_not_taken_is_asked_for_less_and_less),
      LINKED(missing_credit_is_asked_for_each_second),
      LINKED(an_idle_or_closed_session_asks_nothing),
      APART(a_link_without_hello_gets_more_and_more_time),
      APART(links_are_left_in_their_turn),
      LINKED(a_second_link_has_its_own_time),
      LINKED(close_is_repeated_each_second_and_given_up_after_ten),
      LINKED(a_repeated_close_is_answered_after_half_a_second),
      LINKED(one_pause_is_forgiven),
      LINKED(a_probe_on_another_link_is_acknowledged_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
