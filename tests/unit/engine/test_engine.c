/* A session between two engines, from start to end: messages, windows, half-close, close. */
#include "pair.h"

static void messages_go_both_ways_and_the_close_is_answered(void **state) {
  (void)state;
  uint32_t a, b;
  a = net_connect(&n, 0, 1, NULL, NULL);
  assert_int_equal(net_send(&n, 0, a, 0, "hello", 5), 0); /* before there is a link */
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LINKED), 1);
  assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0)->text, "pipe/1");
  net_seen *m = net_find(&n, 1, PL_ENGINE_OUT_MESSAGE, 0);
  assert_non_null(m);
  assert_int_equal(m->size, 5);
  assert_memory_equal(m->data, "hello", 5);
  b = m->a.session;
  assert_int_equal(net_send(&n, 1, b, 0, "", 0), 0);
  assert_int_equal(net_finish(&n, 1, b, 0), 0);
  assert_int_equal(net_finish(&n, 0, a, 0), 0);
  assert_int_equal(net_send(&n, 0, a, 0, "x", 1), PL_ESTATE);
  net_run(&n, 100);
  m = net_find(&n, 0, PL_ENGINE_OUT_MESSAGE, 0);
  assert_non_null(m);
  assert_int_equal(m->size, 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_END), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_END), 1);
  assert_true(net_count(&n, 0, PL_ENGINE_OUT_DELIVERED) >= 1);
  assert_int_equal(net_close(&n, 0, a), 0);
  net_settle(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ECLOSED);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST) + net_count(&n, 1, PL_ENGINE_OUT_LOST), 0);
  assert_int_equal(net_send(&n, 0, a, 0, "x", 1), PL_ESTATE);
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
}

static void a_new_session_can_follow_a_closed_one_at_once(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  assert_int_equal(net_close(&n, 0, a), 0);
  net_settle(&n);
  uint32_t again = net_connect(&n, 0, 1, NULL, NULL);
  assert_int_not_equal(again, a);
  assert_int_equal(net_send(&n, 0, again, 0, "anew", 4), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 2);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_STREAM_RESET), 0);
}

static bool drop_all_records;

static bool drop_each_record(net *x, int from, const pl_envelope *e) {
  (void)x;
  (void)from;
  return drop_all_records && e->type == PL_ENV_DATA;
}

/* Also while the close of the first one is not answered, because records are lost for a while. */
static void a_new_session_can_follow_before_the_answer(void **state) {
  (void)state;
  for (int lossy = 0; lossy < 2; lossy++) {
    uint32_t a, b;
    pair_start(&n, NULL, NULL);
    pair_link(&n, &a, &b);
    n.drop = drop_each_record;
    drop_all_records = lossy;
    assert_int_equal(net_close(&n, 0, a), 0);
    uint32_t again = net_connect(&n, 0, 1, NULL, NULL);
    assert_int_not_equal(again, a);
    assert_int_equal(net_send(&n, 0, again, 0, "again", 5), 0);
    net_run(&n, 3000);
    drop_all_records = false;
    net_run(&n, 60000);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
    assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, a);
    assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
    assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_DELIVERED, 0)->a.session, again);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST), 0);
    if (!lossy) net_deinit(&n);
  }
}

static void ten_megabytes_of_random_messages_arrive(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a, b = pair_numbers.b;
  pair_exchange(&n, a, b, 900, 1, 262144);
  assert_true(n.clients[0].bytes_out > 10000000);
  assert_true(n.clients[0].max_out <= 262144);
}

static void many_small_messages_on_many_channels_arrive(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config small = {.message_max = 3000, .channel_window = 4000, .session_window = 6000};
  pl_engine_config listener = small;
  listener.listen = listener.accept_all = true;
  pair_start(&n, &small, &listener);
  pair_link(&n, &a, &b);
  pair_exchange(&n, a, b, 300, 8, 3000);
}

static void a_full_window_says_again_and_then_writable(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config manual = {.listen = true, .accept_all = true, .manual_take = true};
  pair_start(&n, NULL, &manual);
  pair_link(&n, &a, &b);
  static uint8_t block[65536];
  int sent = 0, rc;
  while ((rc = net_send(&n, 0, a, 0, block, sizeof block)) == 0) sent++, net_settle(&n);
  assert_int_equal(rc, PL_EAGAIN);
  assert_int_equal(sent, 15); /* 16 blocks with their ends would pass 1 MiB */
  net_run(&n, 5000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 15);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_WRITABLE), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DELIVERED), 0);
  net_seen *last = net_find(&n, 1, PL_ENGINE_OUT_MESSAGE, 14);
  pl_engine_event take = {.type = PL_ENGINE_IN_TAKE, .take = {b, 0, last->a.place}};
  assert_int_equal(net_do(&n, 1, &take), 0);
  net_run(&n, 100);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_WRITABLE), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_DELIVERED, 0)->a.place, last->a.place);
  assert_int_equal(net_send(&n, 0, a, 0, block, sizeof block), 0);
  take.take.place = last->a.place + 65537 * 2;
  assert_int_equal(net_do(&n, 1, &take), PL_EINVAL);
}

static void a_message_over_the_peers_limit_is_refused(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config small = {.listen = true, .accept_all = true, .message_max = 1000, .channel_window = 2000};
  pair_start(&n, NULL, &small);
  pair_link(&n, &a, &b);
  uint8_t block[1001] = {0};
  assert_int_equal(net_send(&n, 0, a, 0, block, 1001), PL_EMSGSIZE);
  assert_int_equal(net_send(&n, 0, a, 0, block, 1000), 0);
  assert_int_equal(net_send(&n, 1, b, 0, block, 1001), PL_EMSGSIZE); /* its own limit holds as well */
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
}

static void a_message_that_proves_too_large_ends_the_session(void **state) {
  (void)state;
  pl_engine_config small = {.listen = true, .accept_all = true, .message_max = 1000, .channel_window = 2000};
  pair_start(&n, NULL, &small);
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  uint8_t block[1001] = {0};
  assert_int_equal(net_send(&n, 0, a, 0, block, 1001), 0); /* the limit is not known yet */
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_EMSGSIZE);
}

static bool drop_close_answers;
static bool drop_answer(net *x, int from, const pl_envelope *e) {
  (void)x;
  return drop_close_answers && from == 1 && e->type == PL_ENV_DATA;
}

static void a_close_whose_answer_is_lost_is_repeated(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  n.drop = drop_answer;
  drop_close_answers = true;
  assert_int_equal(net_close(&n, 0, a), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  drop_close_answers = false;
  net_run(&n, 5000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
}

static void a_close_that_is_never_answered_ends_after_ten_seconds(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  n.clients[1].frozen = true;
  assert_int_equal(net_send(&n, 0, a, 0, "lost", 4), 0);
  assert_int_equal(net_close(&n, 0, a), 0);
  net_run(&n, 9900);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  net_run(&n, 200);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST), 1);
}

static bool drop_records;

static bool drop_records_of_the_closer(net *x, int from, const pl_envelope *e) {
  (void)x;
  return drop_records && from == 0 && e->type == PL_ENV_DATA;
}

/* The peer never hears of the close, and calls again after it. It is told then, and nobody starts a new session. */
static void a_close_that_was_never_answered_is_remembered(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config both = {.listen = true, .accept_all = true};
  pair_start(&n, &both, &both);
  pair_link(&n, &a, &b);
  assert_int_equal(net_send(&n, 0, a, 0, "hi", 2), 0);
  net_settle(&n);
  n.drop = drop_records_of_the_closer;
  drop_records = true;
  assert_int_equal(net_close(&n, 0, a), 0);
  net_run(&n, 10000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  drop_records = false;
  net_run(&n, 14000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.reason, PL_REASON_CLOSED);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_STREAM_RESET), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION), i);
}

static void untaken_messages_are_reported_lost_at_close(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config manual = {.listen = true, .accept_all = true, .manual_take = true};
  pair_start(&n, NULL, &manual);
  pair_link(&n, &a, &b);
  assert_int_equal(net_send(&n, 0, a, 0, "one", 3), 0);
  assert_int_equal(net_send(&n, 0, a, 3, "two", 3), 0);
  net_settle(&n);
  assert_int_equal(net_close(&n, 1, b), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST), 2);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LOST, 0)->a.place, 4);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LOST, 1)->a.channel, 3);
}

static void both_may_close_at_once(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a, b = pair_numbers.b;
  assert_int_equal(net_close(&n, 0, a), 0);
  assert_int_equal(net_close(&n, 1, b), 0);
  net_settle(&n);
  for (int i = 0; i < 2; i++) assert_int_equal(net_find(&n, i, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  net_run(&n, 60000);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 1);
}

static void ends_go_in_either_order(void **state) {
  (void)state;
  for (int first = 0; first < 2; first++) {
    uint32_t s[2];
    pair_start(&n, NULL, NULL);
    pair_link(&n, &s[0], &s[1]);
    assert_int_equal(net_finish(&n, first, s[first], 0), 0);
    net_settle(&n);
    assert_int_equal(net_count(&n, 1 - first, PL_ENGINE_OUT_END), 1);
    assert_int_equal(net_send(&n, 1 - first, s[1 - first], 0, "late", 4), 0);
    assert_int_equal(net_finish(&n, 1 - first, s[1 - first], 0), 0);
    net_settle(&n);
    assert_int_equal(net_count(&n, first, PL_ENGINE_OUT_MESSAGE), 1);
    assert_int_equal(net_count(&n, first, PL_ENGINE_OUT_END), 1);
    net_deinit(&n);
  }
}

static void a_direction_that_is_given_up_is_reported(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config small = {.listen = true, .accept_all = true, .message_max = 70000, .channel_window = 70001};
  pair_start(&n, NULL, &small);
  pair_link(&n, &a, &b);
  static uint8_t block[70000];
  assert_int_equal(net_send(&n, 0, a, 2, block, sizeof block), 0);
  assert_int_equal(net_send(&n, 0, a, 2, block, sizeof block), 0);
  assert_int_equal(net_send(&n, 0, a, 2, block, sizeof block), 0);
  pl_engine_event in = {.type = PL_ENGINE_IN_CHANNEL_RESET, .channel_reset = {a, 2, 77}};
  assert_int_equal(net_do(&n, 0, &in), 0);
  assert_int_equal(net_send(&n, 0, a, 2, "x", 1), PL_ESTATE);
  assert_int_equal(net_send(&n, 0, a, 4, "y", 1), 0);
  net_run(&n, 3000);
  net_seen *r = net_find(&n, 1, PL_ENGINE_OUT_CHANNEL_RESET, 0);
  assert_non_null(r);
  assert_int_equal(r->a.reason, 77);
  assert_int_equal(r->a.channel, 2);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
}

static void volatile_messages_arrive_or_not(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  pl_engine_event in = {.type = PL_ENGINE_IN_SEND_VOLATILE, .send = {a, 5, {(const uint8_t *)"tick", 4}}};
  for (int i = 0; i < 3; i++) assert_int_equal(net_do(&n, 0, &in), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_VOLATILE), 3);
  assert_memory_equal(net_find(&n, 1, PL_ENGINE_OUT_VOLATILE, 2)->data, "tick", 4);
  n.clients[0].frozen = true;
  uint8_t large[30000] = {9};
  in.send.data = (pl_view){large, sizeof large};
  for (int i = 0; i < 10; i++) assert_int_equal(net_do(&n, 0, &in), 0);
  n.clients[0].frozen = false;
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_VOLATILE), 5); /* the newest two; older ones were dropped */
}

static void stop_closes_sessions_and_the_socket(void **state) {
  (void)state;

  net_tell(&n, 0, PL_ENGINE_IN_STOP);
  net_run(&n, 100);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 1);
  assert_false(n.clients[0].connected);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.time_ms, PL_NEVER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_pair(messages_go_both_ways_and_the_close_is_answered),
      test_of_linked(a_new_session_can_follow_a_closed_one_at_once),
      test_of_own(a_new_session_can_follow_before_the_answer),
      test_of_linked(ten_megabytes_of_random_messages_arrive),
      test_of_own(many_small_messages_on_many_channels_arrive),
      test_of_own(a_full_window_says_again_and_then_writable),
      test_of_own(a_message_over_the_peers_limit_is_refused),
      test_of_own(a_message_that_proves_too_large_ends_the_session),
      test_of_linked(a_close_whose_answer_is_lost_is_repeated),
      test_of_linked(a_close_that_is_never_answered_ends_after_ten_seconds),
      test_of_own(a_close_that_was_never_answered_is_remembered),
      test_of_own(untaken_messages_are_reported_lost_at_close),
      test_of_linked(both_may_close_at_once),
      test_of_own(ends_go_in_either_order),
      test_of_own(a_direction_that_is_given_up_is_reported),
      test_of_linked(volatile_messages_arrive_or_not),
      test_of_linked(stop_closes_sessions_and_the_socket),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
