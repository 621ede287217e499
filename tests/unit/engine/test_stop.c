/* PL_ENGINE_IN_STOP: no peer is left waiting for an answer to CLOSE, and a dead peer does not delay the stop for ever.
 */
#include "pair.h"

static void stop(int i) {
  net_tell(&n, i, PL_ENGINE_IN_STOP);
}

static void the_answer_to_a_close_is_said_before_the_socket_goes(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  n.clients[1].frozen = true;
  assert_int_equal(net_close(&n, 0, a), 0);
  net_settle(&n);
  net_message *close = n.clients[1].in;
  assert_non_null(close);
  n.clients[1].in = close->next;
  if (!close->next) n.clients[1].in_end = &n.clients[1].in;
  net_do(&n, 1,
         &(pl_engine_event){.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{close->bytes, close->size}}});
  free(close);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  stop(1); /* before it can send anything */
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_DISCONNECT), 0);
  n.clients[1].frozen = false;
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_DISCONNECT), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
}

static void stop_right_after_close_waits_for_the_answer(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  assert_int_equal(net_close(&n, 0, a), 0);
  stop(0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
}

static bool stopped(net *x) {
  return net_count(x, 0, PL_ENGINE_OUT_DISCONNECT) == 1;
}

static void a_close_over_a_lost_link_goes_over_the_next_one(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  assert_int_equal(net_close(&n, 0, a), 0);
  net_cut(&n, 1);
  stop(0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 0);
  assert_true(net_until(&n, 10000, stopped));
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
}

static bool drop_answers;

static bool drop_records_of_1(net *x, int from, const pl_envelope *e) {
  (void)x;
  return drop_answers && from == 1 && e->type == PL_ENV_DATA;
}

/* The peer has the session already, though its HELLO has not come: it is told. */
static void a_session_that_awaits_the_first_hello_is_closed(void **state) {
  (void)state;
  n.drop = drop_records_of_1;
  drop_answers = true;
  (void)net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LINKED), 1);
  stop(0);
  net_run(&n, 500);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 0);
  drop_answers = false;
  net_run(&n, 2000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 1);
}

static void a_silent_peer_holds_it_up_for_ten_seconds_at_most(void **state) {
  (void)state;
  n.clients[1].frozen = true;
  stop(0);
  net_run(&n, 9000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 0);
  net_run(&n, 1500);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
}

static void a_session_without_a_link_does_not_hold_it_up(void **state) {
  (void)state;
  n.clients[1].reachable = false;
  net_cut(&n, 1);
  (void)net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  stop(0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_linked(the_answer_to_a_close_is_said_before_the_socket_goes),
      test_of_linked(stop_right_after_close_waits_for_the_answer),
      test_of_linked(a_close_over_a_lost_link_goes_over_the_next_one),
      test_of_pair(a_session_that_awaits_the_first_hello_is_closed),
      test_of_linked(a_silent_peer_holds_it_up_for_ten_seconds_at_most),
      test_of_pair(a_session_without_a_link_does_not_hold_it_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
