/* The exact times of the engine: what it waits for, that nothing happens a millisecond early, and what happens then. */
#include "deadlines.h"

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static int start_alone(void **state) {
  (void)state;
  net_init(&n);
  listen_in();
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  assert_int_equal(net_tell(&n, 0, PL_ENGINE_IN_START), 0);
  return 0;
}

static void a_socket_opens_within_30_s(void **state) {
  (void)state;
  expect_nothing_until(0, n.now_ms + 30000);
  expect_offline(0, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
}

/* From the open socket on, HELLO and WELCOME have 15 s together. */
static void a_login_takes_15_s(void **state) {
  for (int after_hello = 0; after_hello < 2; after_hello++) {
    (void)pair_teardown(state);
    (void)start_alone(state);
    n.clients[0].wants_connect = false;
    n.clients[0].connected = true;
    net_tell(&n, 0, PL_ENGINE_IN_SOCKET_OPEN);
    uint64_t opened = n.now_ms;
    if (after_hello) {
      n.drop = swallow;
      n.now_ms += 14000;
      net_relay_connected(&n, 0);
      net_settle(&n);
      assert_int_equal(said[0].count[PL_ENV_LOGIN], 1);
    }
    expect_nothing_until(0, opened + 15000);
    expect_offline(0, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
  }
}

static void the_relay_is_asked_when_it_is_silent(void **state) {
  (void)state;
  pl_engine *e = engine(0);
  uint64_t interval = e->ping_interval_ms, dead = e->dead_after_ms, heard = n.now_ms;
  assert_true(dead > interval);
  assert_int_equal(e->received_ms, heard);
  expect_nothing_until(0, heard + interval);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
  expect_nothing_until(0, heard + interval + 1000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CHECKING), 1);
  expect_nothing_until(0, heard + dead);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CHECKING), 1);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
  expect_offline(0, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
}

/* An answer ends the wait, and the next question comes an interval later. */
static void what_was_heard_starts_the_interval_again(void **state) {
  (void)state;
  pl_engine *e = engine(0);
  uint64_t interval = e->ping_interval_ms;
  expect_nothing_until(0, n.now_ms + interval);
  n.now_ms += 1000;
  net_to_client(&n, 0, PL_ENV_PONG, 0, 0, "12345678", 8);
  net_settle(&n);
  assert_true(e->answer_by_ms == PL_NEVER);
  expect_nothing_until(0, n.now_ms + interval);
  assert_int_equal(said[0].count[PL_ENV_PING], 2);
}

static size_t news(pl_engine_action_type type) {
  return net_count(&n, 0, type);
}

/* Nothing is said of an answer within a second. What comes later ends the check, and the next one is told again. */
static void an_answer_ends_the_check(void **state) {
  (void)state;
  pl_engine *e = engine(0);
  for (size_t round = 0; round < 2; round++) {
    expect_nothing_until(0, n.now_ms + e->ping_interval_ms);
    n.now_ms += 999;
    step(0);
    assert_int_equal(news(PL_ENGINE_OUT_CHECKING), round);
    n.now_ms++;
    step(0);
    assert_int_equal(news(PL_ENGINE_OUT_CHECKING), round + 1);
    n.now_ms += 5000;
    net_to_client(&n, 0, PL_ENV_PONG, 0, 0, "12345678", 8);
    assert_int_equal(news(PL_ENGINE_OUT_ALIVE), round);
    net_settle(&n);
    assert_int_equal(news(PL_ENGINE_OUT_ALIVE), round + 1);
    assert_false(e->checking);
  }
  expect_nothing_until(0, n.now_ms + e->ping_interval_ms);
  n.now_ms += 999;
  net_to_client(&n, 0, PL_ENV_PONG, 0, 0, "12345678", 8);
  net_settle(&n);
  n.now_ms += 1001;
  step(0);
  assert_int_equal(news(PL_ENGINE_OUT_CHECKING), 2);
  assert_int_equal(news(PL_ENGINE_OUT_ALIVE), 2);
}

/* A call that follows a second of silence takes a PING along, and the connection is not given up any earlier. A relay
 * that spoke a moment ago is not asked. */
static void a_call_asks_a_relay_that_was_silent(void **state) {
  (void)state;
  pl_engine *e = engine(0);
  uint64_t heard = n.now_ms;
  uint32_t session = net_connect(&n, 0, 1, NULL, NULL);
  assert_true(session);
  n.drop = swallow;
  produce(0);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 1);
  assert_int_equal(said[0].count[PL_ENV_PING], 0);
  n.now_ms = heard + 1000;
  net_close(&n, 0, session);
  assert_true(net_connect(&n, 0, 1, NULL, NULL));
  produce(0);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 2);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
  assert_int_equal(e->answer_by_ms, heard + e->dead_after_ms);
}

/* When the relay was there a moment before the call, it is asked as soon as it has been silent for a second, and no
 * earlier. */
static void a_call_without_an_answer_asks_the_relay(void **state) {
  (void)state;
  pl_engine *e = engine(0);
  uint64_t heard = n.now_ms;
  n.drop = swallow;
  n.now_ms += 300;
  assert_true(net_connect(&n, 0, 1, NULL, NULL));
  produce(0);
  expect_nothing_until(0, heard + 1000);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
  assert_int_equal(e->answer_by_ms, heard + e->dead_after_ms);
  expect_nothing_until(0, heard + 2000);
  assert_int_equal(news(PL_ENGINE_OUT_CHECKING), 1);
}

/* What comes shows that the relay is there. When it hangs later, the call itself is what has no answer. */
static void a_call_that_ends_unanswered_is_checked(void **state) {
  (void)state;
  pl_engine *e = engine(0);
  n.drop = swallow;
  assert_true(net_connect(&n, 0, 1, NULL, NULL));
  produce(0);
  uint64_t ends = n.now_ms + n.open_timeout_ms + 10000;
  assert_true(ends < n.now_ms + 500 + e->ping_interval_ms);
  n.now_ms += 500;
  net_to_client(&n, 0, PL_ENV_PONG, 0, 0, "12345678", 8);
  net_settle(&n);
  expect_nothing_until(0, ends);
  assert_int_equal(news(PL_ENGINE_OUT_CHECKING), 1);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 2);
}

/* When the network is back, the answer is due in five seconds, or sooner if it was. */
static void a_network_that_is_back_is_tried_for_5_s(void **state) {
  (void)state;
  pl_engine *e = engine(0);
  n.drop = swallow;
  n.now_ms += 1000;
  uint64_t at = n.now_ms;
  net_tell(&n, 0, PL_ENGINE_IN_NETWORK_UP);
  produce(0);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
  n.now_ms += 2000;
  net_tell(&n, 0, PL_ENGINE_IN_NETWORK_UP); /* once more: it waits no longer, and asks nothing */
  produce(0);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
  assert_int_equal(e->answer_by_ms, at + 5000);
  expect_nothing_until(0, at + 5000);
  expect_offline(0, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
}

static void a_relay_that_goes_away_is_left_within_its_time(void **state) {
  static const uint32_t delays[] = {1, 15000};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(delays); k++) {
    (void)pair_teardown(state);
    (void)setup(state);
    uint8_t payload[64];
    pl_wire_going_away g = {.delay_ms = delays[k]};
    int size = pl_wire_going_away_encode(&g, payload, sizeof payload);
    assert_true(size > 0);
    n.drop = swallow;
    net_to_client(&n, 0, PL_ENV_GOING_AWAY, 0, 0, payload, (size_t)size);
    (void)net_turn(&n);
    uint64_t at = engine(0)->move_at_ms;
    if (net_count(&n, 0, PL_ENGINE_OUT_OFFLINE) == 0) { /* else it was to be left at once */
      assert_in_range(at, n.now_ms + 1, n.now_ms + delays[k]);
      expect_nothing_until(0, at);
    }
    expect_offline(0, PL_ENETWORK, PL_REASON_DRAINING);
  }
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* The relay has its own time for a call, and this side ten seconds more. The call is then made again. */
static void a_call_lasts_10_s_longer_than_at_the_relay(void **state) {
  (void)state;
  n.drop = swallow;
  net_connect(&n, 0, 1, NULL, NULL);
  produce(0);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 1);
  uint32_t number = said[0].link[PL_ENV_OPEN];
  expect_only_checks_until(0, n.now_ms + n.open_timeout_ms + 10000);
  expect_reset(0, PL_REASON_TIMEOUT, number);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 2);
}

/* Longer than at any relay. It is not the only thing that this side waits for: meanwhile it asks the relay. */
static void a_call_may_wait_for_70_s(void **state) {
  (void)state;
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  uint64_t ends = n.now_ms + 70000;
  engine(1)->received_ms = ends; /* so that it does not */
  engine(1)->next_ms = n.now_ms;
  expect_nothing_until(1, ends);
  expect_reset(1, PL_REASON_TIMEOUT, n.links[0].callee_number);
}

static void a_caller_has_10_s_for_its_first_record(void **state) {
  (void)state;
  net_connect(&n, 0, 1, NULL, NULL);
  produce(0);
  n.clients[0].frozen = true;
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_ACCEPT], 1);
  expect_nothing_until(1, n.now_ms + 10000);
  expect_reset(1, PL_REASON_TIMEOUT, said[1].link[PL_ENV_ACCEPT]);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* The side that did not call waits for two to three seconds, so that the other one may call again first. */
static void the_side_that_was_called_waits_for_2_s(void **state) {
  uint64_t shortest = UINT64_MAX, longest = 0;
  for (int k = 0; k < 40; k++) {
    (void)pair_teardown(state);
    (void)setup_linked(state);
    engine(1)->rng.nonce += (uint64_t)k; /* other random numbers each time */
    engine(1)->rng.used = sizeof engine(1)->rng.block;
    tell_reset(1, n.links[0].callee_number, PL_REASON_GONE);
    net_seen *s = net_find(&n, 1, PL_ENGINE_OUT_UNLINKED, 0);
    assert_non_null(s);
    assert_true(s->a.time_ms == PL_NEVER); /* it is the peer's turn */
    const pl_engine_session *session = engine(1)->sessions[0];
    uint64_t wait = session->dial_at_ms - n.now_ms;
    if (wait < shortest) shortest = wait;
    if (wait > longest) longest = wait;
    if (k == 0) expect_nothing_until(1, session->dial_at_ms);
    if (k == 0) assert_int_equal(said[1].count[PL_ENV_OPEN], 1);
  }
  assert_in_range(shortest, 2000, 2200);
  assert_in_range(longest, 2800, 2999);
}

static void the_side_that_called_calls_at_once(void **state) {
  (void)state;
  n.clients[1].frozen = true;
  uint32_t number = n.links[0].caller_number;
  memset(&n.links[0], 0, sizeof n.links[0]);
  tell_reset(0, number, PL_REASON_GONE);
  net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_UNLINKED, 0);
  assert_int_equal(s->a.time_ms, n.now_ms);
  assert_int_equal(s->a.reason, PL_REASON_GONE);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 1);
}

static size_t place_of(int i, pl_engine_action_type type) {
  for (size_t k = 0; k < n.clients[i].seen_count; k++)
    if (n.clients[i].seen[k].a.type == type) return k;
  fail_msg("no action %d", type);
  return 0;
}

/* A relay that says nothing looks like a peer that says nothing. The application first hears that this is checked. The
 * first PROBE takes a PING along. */
static void a_hung_relay_makes_nobody_absent(void **state) {
  (void)state;
  net_run(&n, 5000);
  assert_int_equal(net_send(&n, 0, pair_numbers.a, 0, "hello", 5), 0);
  said[0].count[PL_ENV_PING] = 0;
  n.drop = swallow;
  uint64_t asked_ms = PL_NEVER;
  while (!news(PL_ENGINE_OUT_UNLINKED)) {
    n.now_ms = pl_engine_deadline(engine(0));
    step(0);
    if (asked_ms == PL_NEVER && said[0].count[PL_ENV_PING]) asked_ms = n.now_ms;
  }
  assert_true(asked_ms < n.now_ms);
  assert_true(place_of(0, PL_ENGINE_OUT_CHECKING) < place_of(0, PL_ENGINE_OUT_UNLINKED));
  assert_true(engine(0)->checking);
  assert_int_equal(said[0].count[PL_ENV_PING], 1);
}

/* When the relay says that a link is over, it is there. */
static void a_relay_that_speaks_is_not_checked(void **state) {
  (void)state;
  n.now_ms += 15000;
  n.clients[1].frozen = true;
  uint32_t number = n.links[0].caller_number;
  memset(&n.links[0], 0, sizeof n.links[0]);
  tell_reset(0, number, PL_REASON_GONE);
  assert_int_equal(news(PL_ENGINE_OUT_UNLINKED), 1);
  assert_int_equal(news(PL_ENGINE_OUT_CHECKING), 0);
}

static void a_session_without_a_link_ends_after_its_time(void **state) {
  (void)state;
  static const uint32_t times[] = {0, 5000};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(times); k++) {
    (void)pair_teardown(state);
    net_init(&n);
    listen_in();
    pl_engine_config config = {.session_timeout_ms = times[k]};
    assert_non_null(net_add(&n, 0, 1, 1, &config));
    assert_non_null(net_add(&n, 1, 2, 2, NULL));
    uint32_t session, again;
    assert_int_equal(connect_to(0, 1, &session), 0);
    uint64_t ends = n.now_ms + (times[k] ? times[k] : 3600000);
    n.now_ms += 1000;
    assert_int_equal(connect_to(0, 1, &again), 0); /* the same one, whose time goes on */
    assert_int_equal(again, session);
    expect_nothing_until(0, ends);
    net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0);
    assert_int_equal(s->a.session, session);
    assert_int_equal(s->a.error, PL_ETIMEDOUT);
    assert_int_equal(s->a.reason, PL_REASON_TIMEOUT);
    assert_null(engine(0)->sessions[0]);
  }
}

/* The time is counted from the loss of the link. */
static void the_time_without_a_link_starts_with_its_loss(void **state) {
  (void)state;
  net_run(&n, 3000000);
  engine(0)->wanted = false; /* so that it stays offline */
  net_cut(&n, 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_UNLINKED), 1);
  expect_nothing_until(0, n.now_ms + 3600000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
}

/* A session that was closed answers a CLOSE for 15 s. Nothing is seen of that. */
static void a_closed_session_is_remembered_for_15_s(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    if (i) {
      (void)pair_teardown(state);
      (void)setup_linked(state);
    }
    assert_int_equal(net_close(&n, 0, pair_numbers.a), 0);
    net_settle(&n);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 1);
    const pl_engine_session *s = engine(i)->sessions[0];
    assert_true(s->lingering);
    assert_int_equal(s->linger_until_ms, n.now_ms + 15000);
    n.drop = swallow;
    uint64_t at = s->linger_until_ms;
    n.now_ms = at - 1;
    engine(i)->next_ms = n.now_ms; /* so that it is not late */
    step(i);
    assert_ptr_equal(engine(i)->sessions[0], s);
    assert_int_equal(pl_engine_deadline(engine(i)), at);
    n.now_ms = at;
    step(i);
    assert_null(engine(i)->sessions[0]);
  }
}

/* Stopping waits for ten seconds at most. */
static void stopping_takes_10_s(void **state) {
  (void)state;
  uint64_t stops = n.now_ms + 10000;
  net_tell(&n, 0, PL_ENGINE_IN_STOP);
  n.drop = swallow;
  for (int k = 0; k < 1000 && n.now_ms < stops - 1; k++) {
    uint64_t next = pl_engine_deadline(engine(0));
    n.now_ms = next < stops - 1 ? next : stops - 1;
    step(0);
  }
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
  assert_int_equal(pl_engine_deadline(engine(0)), stops);
  n.now_ms = stops;
  step(0);
  expect_offline(0, PL_OK, PL_REASON_CLOSED);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
  assert_true(pl_engine_deadline(engine(0)) == PL_NEVER);
}

/* A link that is 15 minutes old, or carried enough, is replaced when something goes over it. Its caller does that. */
static void an_old_link_is_replaced(void **state) {
  static const uint64_t much = 1 << 30;
  for (int i = 0; i < 2; i++)
    for (int by_age = 0; by_age < 2; by_age++)
      for (int more = 0; more < 2; more++) {
        (void)pair_teardown(state);
        (void)setup_linked(state);
        net_run(&n, 1000);
        memset(said, 0, sizeof said);
        n.drop = swallow;
        pl_engine_link *l = PL_CONTAINER(engine(i)->links.next, pl_engine_link, node);
        assert_int_equal(l->opener, i == 0);
        assert_int_equal(net_send(&n, i, i ? pair_numbers.b : pair_numbers.a, 0, "x", 1), 0);
        uint64_t record = 14 + 24; /* a DATA frame, counter and tag */
        if (by_age)
          l->since_ms = n.now_ms + 1 - (uint64_t)more - 900000;
        else
          l->bytes = much - 1 + (uint64_t)more - record;
        produce(i);
        net_tell(&n, i, PL_ENGINE_IN_TIME);
        produce(i);
        assert_int_equal(said[i].count[PL_ENV_DATA], 1);
        assert_int_equal(said[i].size[PL_ENV_DATA], record);
        assert_int_equal(said[i].count[PL_ENV_OPEN], i == 0 && more);
      }
}

#define ALONE(name) cmocka_unit_test_setup_teardown(name, start_alone, pair_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ALONE(a_socket_opens_within_30_s),
      ALONE(a_login_takes_15_s),
      PAIR(the_relay_is_asked_when_it_is_silent),
      PAIR(what_was_heard_starts_the_interval_again),
      PAIR(an_answer_ends_the_check),
      PAIR(a_call_asks_a_relay_that_was_silent),
      PAIR(a_call_without_an_answer_asks_the_relay),
      PAIR(a_call_that_ends_unanswered_is_checked),
      PAIR(a_network_that_is_back_is_tried_for_5_s),
      PAIR(a_relay_that_goes_away_is_left_within_its_time),
      PAIR(a_call_lasts_10_s_longer_than_at_the_relay),
      SHY(a_call_may_wait_for_70_s),
      PAIR(a_caller_has_10_s_for_its_first_record),
      PAIR(the_side_that_was_called_waits_for_2_s),
      LINKED(the_side_that_called_calls_at_once),
      LINKED(a_hung_relay_makes_nobody_absent),
      LINKED(a_relay_that_speaks_is_not_checked),
      PAIR(a_session_without_a_link_ends_after_its_time),
      LINKED(the_time_without_a_link_starts_with_its_loss),
      LINKED(a_closed_session_is_remembered_for_15_s),
      LINKED(stopping_takes_10_s),
      PAIR(an_old_link_is_replaced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
