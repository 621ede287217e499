/* Callers that are refused and told why, through the relay's real core. What a callee sends before ACCEPT does not
 * reach the caller (docs/protocol.md, section 4), so the reason comes after the caller's first record. */
#include "client/core/engine/engine_state.h"
#include "net_core.h"
#include "pair.h"

enum { CALLER, CALLEE, THIRD, OPEN_MS = 3000 };
static net n;
static const uint8_t secret[16] = {7, 7, 7};

static void join(int i, uint8_t who, const pl_engine_config *config) {
  assert_non_null(net_add(&n, i, who, (uint8_t)(i + 1), config));
  net_tell(&n, i, PL_ENGINE_IN_START);
  net_settle(&n);
  assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_ONLINE), 1);
}

static void start(const pl_engine_config *callee) {
  pl_engine_config shy = {.listen = true};
  net_init(&n);
  net_core_init(&n);
  net_core_settings[PL_RELAY_SET_OPEN_TIMEOUT_MS] = OPEN_MS;
  net_core_start(&n);
  join(CALLER, 1, NULL);
  join(CALLEE, 2, callee ? callee : &shy);
  join(THIRD, 3, NULL);
}

static void invite(uint64_t for_ms) {
  assert_int_equal(net_invite(&n, CALLEE, secret, n.now_ms + for_ms, 1), 0);
}

static void expect_refused(int i, int reason) {
  net_seen *closed = net_find(&n, i, PL_ENGINE_OUT_SESSION_CLOSED, 0);
  assert_non_null(closed);
  assert_int_equal(closed->a.reason, reason);
  assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_LINKED), 0);
}

static size_t told(int i) {
  return net_count(&n, i, PL_ENGINE_OUT_SESSION) + net_count(&n, i, PL_ENGINE_OUT_KNOCK) +
         net_count(&n, i, PL_ENGINE_OUT_INVITE_CLAIMED);
}

static void a_used_link_says_so_to_the_third(void **state) {
  (void)state;
  invite(60000);
  net_connect(&n, CALLER, CALLEE, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, CALLER, PL_ENGINE_OUT_LINKED), 1);
  size_t before = told(CALLEE);
  net_connect(&n, THIRD, CALLEE, NULL, secret);
  net_settle(&n); /* at once, not when the relay's time is over */
  expect_refused(THIRD, PL_REASON_REFUSED);
  assert_int_equal(net_find(&n, THIRD, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_EREFUSED);
  assert_int_equal(told(CALLEE), before);
  assert_int_equal(net_count(&n, CALLER, PL_ENGINE_OUT_UNLINKED), 0);
  assert_int_equal(net_core_stats().links, 1);
}

static void an_expired_link_says_so(void **state) {
  (void)state;
  invite(1000);
  net_run(&n, 1000);
  net_connect(&n, THIRD, CALLEE, NULL, secret);
  net_settle(&n);
  expect_refused(THIRD, PL_REASON_REFUSED);
  assert_int_equal(told(CALLEE), 0);
}

/* A proof made for another ID, or from a guessed secret, does not show that anybody is here. */
static void a_secret_that_fits_none_learns_nothing(void **state) {
  (void)state;
  static const uint8_t guess[16] = {9};
  invite(1000);
  net_run(&n, 1000);
  net_connect(&n, THIRD, CALLEE, NULL, guess);
  net_run(&n, 20000);
  assert_int_equal(net_count(&n, THIRD, PL_ENGINE_OUT_SESSION_CLOSED) + net_count(&n, THIRD, PL_ENGINE_OUT_LINKED), 0);
  assert_int_equal(net_count(&n, CALLEE, PL_ENGINE_OUT_KNOCK), 1);
}

static void a_blocked_caller_learns_nothing_by_its_link(void **state) {
  (void)state;
  invite(1000);
  net_run(&n, 1000);
  assert_int_equal(net_decide(&n, CALLEE, PL_ENGINE_IN_BLOCK, THIRD), 0);
  net_connect(&n, THIRD, CALLEE, NULL, secret);
  net_run(&n, 20000);
  assert_int_equal(net_count(&n, THIRD, PL_ENGINE_OUT_SESSION_CLOSED), 0);
}

static bool first_records(net *x, int from, const pl_envelope *e) {
  (void)x;
  return from == THIRD && e->type == PL_ENV_DATA;
}

/* A caller that is allowed after its call was accepted only to be refused is let in. */
static void the_first_record_decides_who_is_let_in(void **state) {
  (void)state;
  invite(1000);
  net_run(&n, 1000);
  n.drop = first_records;
  net_connect(&n, THIRD, CALLEE, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_allow(&n, CALLEE, THIRD), 0);
  n.drop = NULL; /* HELLO is sent again */
  net_run(&n, 3000);
  assert_int_equal(net_count(&n, THIRD, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(net_count(&n, CALLEE, PL_ENGINE_OUT_SESSION), 1);
}

/* Cuts a client off until `come_back`. */
static void stay_away(int i) {
  n.clients[i].engine->wanted = false;
  net_cut(&n, i);
}

static void come_back(int i) {
  net_tell(&n, i, PL_ENGINE_IN_START);
  net_settle(&n);
}

/* The callee deletes the caller while it is away. The caller's session goes on, and a new one finds out. */
static void a_session_that_was_linked_is_told_of_a_refusal(void **state) {
  (void)state;
  invite(60000);
  uint32_t session = net_connect(&n, CALLER, CALLEE, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, CALLER, PL_ENGINE_OUT_LINKED), 1);
  net_seen *theirs = net_find(&n, CALLEE, PL_ENGINE_OUT_SESSION, 0);
  assert_non_null(theirs);
  stay_away(CALLER);
  net_settle(&n);
  assert_int_equal(net_count(&n, CALLER, PL_ENGINE_OUT_UNLINKED), 1);
  assert_int_equal(net_decide(&n, CALLEE, PL_ENGINE_IN_REFUSE, CALLER), 0);
  net_close(&n, CALLEE, theirs->a.session);
  net_run(&n, 30000); /* until nothing is left of it there */
  come_back(CALLER);
  net_run(&n, 1000);
  net_seen *told_again = net_find(&n, CALLER, PL_ENGINE_OUT_UNLINKED, 1);
  assert_non_null(told_again);
  assert_int_equal(told_again->a.session, session);
  assert_int_equal(told_again->a.reason, PL_REASON_REFUSED);
  assert_true(told_again->a.time_ms != PL_NEVER); /* it goes on */
  assert_int_equal(net_count(&n, CALLER, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  net_close(&n, CALLER, session);
  size_t said_of_old = net_count(&n, CALLER, PL_ENGINE_OUT_UNLINKED);
  uint32_t again = net_connect(&n, CALLER, CALLEE, NULL, NULL);
  assert_true(again && again != session);
  net_settle(&n);
  net_seen *closed = net_find(&n, CALLER, PL_ENGINE_OUT_SESSION_CLOSED, 0);
  assert_non_null(closed);
  assert_int_equal(closed->a.session, again);
  assert_int_equal(closed->a.error, PL_EREFUSED);
  net_run(&n, 20000); /* nothing is said of a session that is being closed */
  assert_int_equal(net_count(&n, CALLER, PL_ENGINE_OUT_UNLINKED), said_of_old);
}

static size_t accepts;
static bool count_accepts(net *x, int from, const pl_envelope *e) {
  accepts += from == CALLEE && e->type == PL_ENV_ACCEPT;
  return first_records(x, from, e);
}

/* Calls that stop after their first message hold a few links, for ten seconds at most. */
static void half_a_call_holds_little(void **state) {
  (void)state;
  invite(1000);
  net_run(&n, 1000);
  accepts = 0;
  n.drop = count_accepts;
  for (int k = 0; k < 40; k++) net_connect(&n, THIRD, CALLEE, NULL, secret);
  net_settle(&n);
  assert_int_equal(accepts, 16);
  assert_int_equal(told(CALLEE), 0);
  net_remove(&n, THIRD);
  net_run(&n, 11000); /* their places are free again */
  n.drop = NULL;
  net_connect(&n, CALLER, CALLEE, NULL, secret);
  net_settle(&n);
  expect_refused(CALLER, PL_REASON_REFUSED);
  assert_int_equal(net_core_stats().links, 0);
}

/* Both call at once. When the larger side has a link from the smaller one's call, it withdraws its own call, so that it
 * can call again if that link is lost. */
static void a_call_that_crossed_is_withdrawn(void **state) {
  (void)state;
  for (int accept_all = 0; accept_all < 2; accept_all++) {
    pl_engine_config both = {.listen = true, .accept_all = accept_all};
    start(&both);
    net_remove(&n, CALLER);
    join(CALLER, 1, &both);
    uint32_t a = net_connect(&n, CALLER, CALLEE, NULL, NULL), b = net_connect(&n, CALLEE, CALLER, NULL, NULL);
    net_settle(&n);
    assert_int_equal(net_core_stats().links, 1);
    for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_LINKED), 1);
    assert_int_equal(net_send(&n, CALLER, a, 0, "a", 1), 0);
    assert_int_equal(net_send(&n, CALLEE, b, 0, "b", 1), 0);
    net_run(&n, 20000);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_MESSAGE), 1);
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_UNLINKED) + net_count(&n, i, PL_ENGINE_OUT_SESSION), 0);
    }
    net_core_deinit(&n);
  }
}

static int refusal_setup(void **state) {
  (void)state;
  start(NULL);
  return 0;
}

static int refusal_teardown(void **state) {
  (void)state;
  net_core_deinit(&n);
  return 0;
}

#define test_of_core(f) cmocka_unit_test_teardown(f, refusal_teardown)
#define test_of_refusal(f) cmocka_unit_test_setup_teardown(f, refusal_setup, refusal_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_refusal(a_used_link_says_so_to_the_third),
      test_of_refusal(an_expired_link_says_so),
      test_of_refusal(a_secret_that_fits_none_learns_nothing),
      test_of_refusal(a_blocked_caller_learns_nothing_by_its_link),
      test_of_refusal(the_first_record_decides_who_is_let_in),
      test_of_refusal(a_session_that_was_linked_is_told_of_a_refusal),
      test_of_refusal(half_a_call_holds_little),
      test_of_core(a_call_that_crossed_is_withdrawn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
