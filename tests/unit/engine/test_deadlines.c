/* The exact times of the engine: what it waits for, that nothing happens a millisecond early, and what happens then. */
#include "client/core/engine/engine_code_table.h"
#include "said.h"

/* Counts what is said, and loses it. */
static bool swallow(net *x, int from, const pl_envelope *v) {
  (void)look(x, from, v);
  return true;
}

static pl_engine *engine(int i) {
  return n.clients[i].engine;
}

static size_t happened(int i) { /* actions other than logs, and envelopes */
  size_t all = n.clients[i].seen_count - net_count(&n, i, PL_ENGINE_OUT_LOG);
  for (size_t t = 0; t < TYPES; t++) all += said[i].count[t];
  return all;
}

static void produce(int i) {
  static uint8_t out[300000];
  for (size_t size; (size = pl_engine_produce(engine(i), n.now_ms, out, sizeof out)) > 0;)
    if (n.clients[i].connected) net_relay_message(&n, i, out, size);
}

static void step(int i) {
  net_tell(&n, i, PL_ENGINE_IN_TIME);
  produce(i);
}

/* Client i runs alone until at_ms, and nothing happens before: it gets nothing, and what it says goes nowhere. */
static void expect_nothing_until(int i, uint64_t at_ms) {
  size_t before = happened(i);
  n.drop = swallow;
  for (int k = 0; k < 1000; k++) {
    uint64_t next = pl_engine_deadline(engine(i));
    n.now_ms = next < at_ms - 1 ? (next > n.now_ms ? next : n.now_ms + 1) : at_ms - 1;
    step(i);
    assert_int_equal(happened(i), before);
    if (n.now_ms != at_ms - 1) continue;
    assert_int_equal(pl_engine_deadline(engine(i)), at_ms);
    n.now_ms = at_ms;
    step(i);
    return;
  }
  fail_msg("it never rests");
}

static void expect_offline(int i, int error, int reason) {
  net_seen *s = net_find(&n, i, PL_ENGINE_OUT_OFFLINE, 0);
  assert_non_null(s);
  assert_int_equal(s->a.error, error);
  assert_int_equal(s->a.reason, reason);
  assert_int_equal(said[i].count[PL_ENV_RESET], 0); /* only what breaks the protocol is told so */
  s = net_find(&n, i, PL_ENGINE_OUT_DISCONNECT, 0);
  assert_non_null(s);
  assert_int_equal(s->a.error, error);
  assert_int_equal(s->a.reason, reason);
}

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

static void expect_reset(int i, uint16_t reason, uint32_t link) {
  assert_int_equal(said[i].count[PL_ENV_RESET], 1);
  assert_int_equal(reason_said(i), reason);
  assert_int_equal(said[i].link[PL_ENV_RESET], link);
}

/* The relay has its own time for a call, and this side ten seconds more. The call is then made again. */
static void a_call_lasts_10_s_longer_than_at_the_relay(void **state) {
  (void)state;
  n.drop = swallow;
  net_connect(&n, 0, 1, NULL, NULL);
  produce(0);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 1);
  uint32_t number = said[0].link[PL_ENV_OPEN];
  expect_nothing_until(0, n.now_ms + n.open_timeout_ms + 10000);
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

/* ---- codes ------------------------------------------------------------------------------------------------------- */

static const pl_code usual = {.number = 4821, .words = {7, 1000}};
static uint32_t handle;
static uint8_t scalar[32] = {9, 1};

static void claim_it(void) {
  char text[PL_CODE_TEXT_MAX];
  pl_engine_result out;
  pl_code_format(&usual, text);
  pl_engine_event in = {.type = PL_ENGINE_IN_CODE_CLAIM, .code_claim = {{(const uint8_t *)text, strlen(text)}}};
  n.drop = swallow;
  assert_int_equal(net_do_for(&n, 0, &in, &out), 0);
  handle = out.code;
  produce(0);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 1);
}

static void expect_ended(int error, int reason) {
  net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_CODE_ENDED, 0);
  assert_non_null(s);
  assert_int_equal(s->a.code, handle);
  assert_int_equal(s->a.error, error);
  assert_int_equal(s->a.reason, reason);
}

/* Answers the claim, as its creator does. A version or a size other than the usual ones is wrong. */
static void answer_claim(uint8_t version, size_t cut) {
  pl_wire_claim claim;
  pl_wire_code_start begin;
  pl_wire_code_answer answer = {.version = version};
  uint8_t payload[64];
  assert_int_equal(pl_wire_claim_decode(&claim, said[0].last[PL_ENV_CLAIM], said[0].size[PL_ENV_CLAIM]), 0);
  assert_int_equal(claim.number, usual.number);
  assert_int_equal(pl_wire_code_start_decode(&begin, claim.exchange.data, claim.exchange.size), 0);
  assert_int_equal(pl_code_share(answer.share, &usual, n.relay.id, begin.sid, scalar), 0);
  int size = pl_wire_code_answer_encode(&answer, payload, sizeof payload);
  assert_true(size > 0);
  net_to_client(&n, 0, PL_ENV_ACCEPT, 0, said[0].link[PL_ENV_CLAIM], payload, (size_t)size - cut);
  net_settle(&n);
}

static void a_claim_lasts_as_long_as_a_call(void **state) {
  (void)state;
  claim_it();
  uint32_t number = said[0].link[PL_ENV_CLAIM];
  expect_nothing_until(0, n.now_ms + n.open_timeout_ms + 10000);
  expect_reset(0, PL_REASON_TIMEOUT, number);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 2); /* and is made again */
}

/* The creator answers a guess within 20 s, or the link is over. It may call for ten minutes, though. */
static void a_guess_waits_for_20_s_and_for_ten_minutes(void **state) {
  (void)state;
  claim_it();
  n.now_ms += 1000;
  answer_claim(1, 0);
  assert_int_equal(said[0].count[PL_ENV_DATA], 1);
  uint64_t guessed = n.now_ms;
  expect_nothing_until(0, guessed + 20000);
  expect_reset(0, PL_REASON_TIMEOUT, said[0].link[PL_ENV_CLAIM]);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), 0);
  assert_int_equal(engine(0)->codes[0].expires_ms, guessed + 600000);
  assert_int_equal(engine(0)->invites[0].expires_ms, guessed + 600000);
  engine(0)->wanted = false; /* so that nothing else happens */
  net_cut(&n, 0);
  expect_nothing_until(0, guessed + 600000);
  expect_ended(PL_ETIMEDOUT, PL_REASON_TIMEOUT);
  assert_int_equal(engine(0)->invite_count, 0);
}

static void an_answer_that_makes_no_sense_ends_a_claim(void **state) {
  static const struct {
    uint8_t version;
    size_t cut;
    int reason;
  } cases[] = {{2, 0, PL_REASON_UNSUPPORTED},
               {1, 1, PL_REASON_PROTOCOL},
               {2, 1, PL_REASON_UNSUPPORTED},
               {1, 33, PL_REASON_PROTOCOL}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)pair_teardown(state);
    (void)setup(state);
    claim_it();
    answer_claim(cases[k].version, cases[k].cut);
    expect_ended(PL_EPROTOCOL, cases[k].reason);
    expect_reset(0, (uint16_t)cases[k].reason, said[0].link[PL_ENV_CLAIM]);
    assert_int_equal(said[0].count[PL_ENV_DATA], 0);
  }
}

/* A relay that just started does not know the number before its creator is back. A claimer that was there before tries
 * again after one, two and four seconds, within 15 s after its login. */
static void a_number_may_come_back(void **state) {
  (void)state;
  uint64_t online = engine(0)->codes_online_ms;
  claim_it();
  tell_reset(0, said[0].link[PL_ENV_CLAIM], PL_REASON_GONE);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 2);
  for (unsigned k = 0; k < 3; k++) {
    tell_reset(0, said[0].link[PL_ENV_CLAIM], PL_REASON_NO_CODE);
    expect_nothing_until(0, n.now_ms + (1000u << k));
    assert_int_equal(said[0].count[PL_ENV_CLAIM], 3 + k);
  }
  assert_true(n.now_ms < online + 15000);
  tell_reset(0, said[0].link[PL_ENV_CLAIM], PL_REASON_NO_CODE);
  expect_ended(PL_ENOCODE, PL_REASON_NO_CODE);
}

static void a_number_does_not_come_back_later(void **state) {
  for (uint64_t k = 0; k < 3; k++) {
    (void)pair_teardown(state);
    (void)setup(state);
    claim_it();
    if (k < 2) tell_reset(0, said[0].link[PL_ENV_CLAIM], PL_REASON_GONE);
    n.now_ms = k < 2 ? engine(0)->codes_online_ms + 14999 + k : n.now_ms;
    tell_reset(0, said[0].link[PL_ENV_CLAIM], PL_REASON_NO_CODE);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), k != 0); /* k == 2: it was never there */
  }
}

/* The creator's side: client 0 has a code, and the test plays relay and claimer. */
static void make_code(uint32_t granted_ms) {
  uint8_t payload[16];
  pl_engine_result out;
  pl_engine_event in = {.type = PL_ENGINE_IN_CODE_NEW};
  n.drop = swallow;
  assert_int_equal(net_do_for(&n, 0, &in, &out), 0);
  handle = out.code;
  produce(0);
  pl_wire_code asked;
  assert_int_equal(pl_wire_code_decode(&asked, said[0].last[PL_ENV_CODE], said[0].size[PL_ENV_CODE]), 0);
  assert_int_equal(asked.op, PL_CONST_CODE_MAKE);
  assert_int_equal(asked.lifetime_ms, 600000);
  pl_wire_code given = {.op = PL_CONST_CODE_MAKE, .tag = asked.tag, .number = 4821, .lifetime_ms = granted_ms};
  int size = pl_wire_code_encode(&given, payload, sizeof payload);
  assert_true(size > 0);
  net_to_client(&n, 0, PL_ENV_CODE, 0, 0, payload, (size_t)size);
  (void)net_turn(&n);
  net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_CODE, 0);
  assert_non_null(s);
  assert_int_equal(s->a.time_ms, n.now_ms + (granted_ms < 600000 ? granted_ms : 600000));
  memset(&said[0], 0, sizeof said[0]);
  n.clients[1].frozen = true;
}

static pl_code_secrets claimers;
static uint8_t share[32];

static uint32_t claim_comes(uint32_t slot, uint8_t version, size_t cut) {
  pl_wire_code_start begin = {.version = version, .sid = {3}};
  pl_wire_claim claim = {.number = 4821};
  uint8_t exchange[64], payload[128];
  uint32_t number = pl_link_number_make(true, 5, slot);
  assert_int_equal(pl_code_share(begin.share, &engine(0)->codes[0].code, n.relay.id, begin.sid, scalar), 0);
  memcpy(share, begin.share, 32);
  int size = pl_wire_code_start_encode(&begin, exchange, sizeof exchange);
  assert_true(size > 0);
  claim.exchange = (pl_view){exchange, (size_t)size - cut};
  size = pl_wire_claim_encode(&claim, payload, sizeof payload);
  assert_true(size > 0);
  net_to_client(&n, 0, PL_ENV_CLAIM, 0, number, payload, (size_t)size);
  (void)net_turn(&n);
  return number;
}

static void a_seat_is_held_for_20_s(void **state) {
  (void)state;
  make_code(600000);
  n.now_ms += 500;
  uint32_t first = claim_comes(1, 1, 0);
  assert_int_equal(said[0].count[PL_ENV_ACCEPT], 1);
  for (uint32_t k = 0; k < 2; k++) { /* another one is told, and the application once */
    uint32_t second = claim_comes(2 + k, 1, 0);
    expect_reset(0, PL_REASON_BUSY, second);
    said[0].count[PL_ENV_RESET] = 0;
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_BUSY), 1);
  }
  expect_nothing_until(0, n.now_ms + 20000);
  expect_reset(0, PL_REASON_TIMEOUT, first);
  n.drop = swallow;
  (void)claim_comes(1, 1, 0); /* the seat is free */
  assert_int_equal(said[0].count[PL_ENV_ACCEPT], 2);
  (void)claim_comes(2, 1, 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_BUSY), 2);
}

static void a_code_ends_with_its_time(void **state) {
  static const uint32_t granted[] = {700000, 600000, 5000};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(granted); k++)
    for (int claimed = 0; claimed < 2; claimed++) {
      (void)pair_teardown(state);
      (void)setup(state);
      make_code(granted[k]);
      uint64_t ends = n.now_ms + (granted[k] < 600000 ? granted[k] : 600000);
      engine(0)->received_ms = ends; /* so that it asks nothing meanwhile */
      if (claimed) {
        n.now_ms = engine(0)->next_ms = ends - 1;
        (void)claim_comes(1, 1, 0);
        assert_int_equal(said[0].count[PL_ENV_ACCEPT], 1);
        n.now_ms = ends;
        (void)claim_comes(2, 1, 0);
        assert_int_equal(said[0].count[PL_ENV_RESET], 2);
      } else {
        expect_nothing_until(0, ends);
        expect_ended(PL_ETIMEDOUT, PL_REASON_TIMEOUT);
        assert_int_equal(said[0].count[PL_ENV_CODE], 1);
      }
    }
}

static void a_claim_that_makes_no_sense_is_reset(void **state) {
  static const struct {
    uint8_t version;
    size_t cut;
    uint16_t reason;
  } cases[] = {{2, 0, PL_REASON_UNSUPPORTED}, {1, 1, PL_REASON_PROTOCOL}, {2, 1, PL_REASON_UNSUPPORTED}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)pair_teardown(state);
    (void)setup(state);
    make_code(600000);
    uint32_t number = claim_comes(1, cases[k].version, cases[k].cut);
    expect_reset(0, cases[k].reason, number);
    assert_int_equal(said[0].count[PL_ENV_ACCEPT], 0);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), 0);
    (void)claim_comes(1, 1, 0);
    assert_int_equal(said[0].count[PL_ENV_ACCEPT], 1);
  }
}

/* A number is asked for until its code ends; 0 would be the longest time there is. */
static void a_code_that_ends_asks_for_no_new_time(void **state) {
  static const uint64_t left[] = {5000, 1, 0};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(left); k++) {
    (void)pair_teardown(state);
    (void)setup(state);
    make_code(600000);
    engine(0)->codes[0].expires_ms = n.now_ms + left[k];
    pl_engine_code_ask_number(engine(0), &engine(0)->codes[0]);
    produce(0);
    pl_wire_code asked;
    assert_int_equal(pl_wire_code_decode(&asked, said[0].last[PL_ENV_CODE], said[0].size[PL_ENV_CODE]), 0);
    assert_int_equal(asked.lifetime_ms, left[k] ? left[k] : 1);
  }
}

/* The other side of a code that is cancelled is told: a claimer leaves, or there is no such code any more. */
static void a_cancelled_code_says_why(void **state) {
  for (int creator = 0; creator < 2; creator++) {
    uint32_t link;
    (void)pair_teardown(state);
    (void)setup(state);
    if (creator) {
      make_code(600000);
      link = claim_comes(1, 1, 0);
    } else {
      claim_it();
      link = said[0].link[PL_ENV_CLAIM];
    }
    pl_engine_event in = {.type = PL_ENGINE_IN_CODE_CANCEL, .code_cancel = {handle}};
    assert_int_equal(net_do(&n, 0, &in), 0);
    produce(0);
    expect_reset(0, creator ? PL_REASON_NO_CODE : PL_REASON_CLOSED, link);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), 0);
  }
}

/* The creator's proof ends a claim. Its dial secret stays, bound to the creator, for the call that comes. */
static void a_claim_that_succeeds_keeps_the_secret(void **state) {
  (void)state;
  claim_it();
  pl_wire_claim claim;
  pl_wire_code_start begin;
  assert_int_equal(pl_wire_claim_decode(&claim, said[0].last[PL_ENV_CLAIM], said[0].size[PL_ENV_CLAIM]), 0);
  assert_int_equal(pl_wire_code_start_decode(&begin, claim.exchange.data, claim.exchange.size), 0);
  uint8_t answer[32], proof[PL_CODE_PROOF_MAX];
  assert_int_equal(pl_code_share(answer, &usual, n.relay.id, begin.sid, scalar), 0);
  answer_claim(1, 0);
  assert_int_equal(engine(0)->invites[0].code, handle);
  assert_int_equal(pl_code_agree(&claimers, scalar, false, begin.sid, begin.share, answer), 0);
  pl_code_person person = {.name_size = 2, .name = "Bo"};
  memcpy(person.id, n.clients[1].config.identity.id, 32);
  memcpy(person.instance, n.clients[1].config.instance, 8);
  int size = pl_code_prove(proof, &claimers, false, &person);
  assert_true(size > 0);
  uint32_t link = said[0].link[PL_ENV_CLAIM];
  net_to_client(&n, 0, PL_ENV_DATA, 0, link, proof, (size_t)size);
  net_settle(&n);
  net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_PAIRED, 0);
  assert_non_null(s);
  assert_int_equal(s->a.code, handle);
  assert_int_equal(s->a.session, 0);
  assert_memory_equal(s->a.id, person.id, 32);
  assert_string_equal(s->text, "Bo");
  expect_reset(0, PL_REASON_CLOSED, link);
  assert_int_equal(engine(0)->codes[0].handle, 0);
  assert_int_equal(engine(0)->invite_count, 1);
  const pl_engine_invite *i = engine(0)->invites;
  assert_memory_equal(i->secret, claimers.dial, 16);
  assert_memory_equal(i->bound_to, person.id, 32);
  assert_true(i->claimed);
  assert_int_equal(i->code, 0);
}

/* Without a place for the dial secret there is no guess. */
static void a_guess_needs_a_place_for_its_secret(void **state) {
  (void)state;
  uint8_t secret[16] = {0};
  for (uint32_t k = 0; k < PL_ENGINE_INVITES_MAX; k++) {
    pl_put_u32(secret, k);
    assert_int_equal(net_invite(&n, 0, secret, n.now_ms + 60000, 1), 0);
  }
  claim_it();
  answer_claim(1, 0);
  expect_ended(PL_EAGAIN, PL_REASON_CLOSED);
  assert_int_equal(said[0].count[PL_ENV_DATA], 0);
}

/* After a right guess the claimer is called, and it has the link for 10 s more. */
static void a_guess_leaves_the_link_for_10_s(void **state) {
  (void)state;
  make_code(600000);
  uint32_t number = claim_comes(1, 1, 0);
  pl_wire_code_answer answer;
  assert_int_equal(pl_wire_code_answer_decode(&answer, said[0].last[PL_ENV_ACCEPT], said[0].size[PL_ENV_ACCEPT]), 0);
  const uint8_t sid[16] = {3};
  assert_int_equal(pl_code_agree(&claimers, scalar, true, sid, share, answer.share), 0);
  pl_code_person person = {.name_size = 2, .name = "Bo"};
  memcpy(person.id, n.clients[1].config.identity.id, 32);
  memcpy(person.instance, n.clients[1].config.instance, 8);
  uint8_t proof[PL_CODE_PROOF_MAX];
  int size = pl_code_prove(proof, &claimers, true, &person);
  assert_true(size > 0);
  n.now_ms += 300;
  net_to_client(&n, 0, PL_ENV_DATA, 0, number, proof, (size_t)size);
  (void)net_turn(&n);
  net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_PAIRED, 0);
  assert_non_null(s);
  assert_int_equal(s->a.code, handle);
  assert_int_not_equal(s->a.session, 0);
  assert_memory_equal(s->a.id, person.id, 32);
  assert_memory_equal(s->a.instance, person.instance, 8);
  assert_string_equal(s->text, "Bo");
  assert_int_equal(said[0].count[PL_ENV_DATA], 1);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 1);
  assert_int_equal(said[0].count[PL_ENV_CODE], 1); /* the number is free */
  pl_code_person creator;
  pl_view said_proof = {said[0].last[PL_ENV_DATA], said[0].size[PL_ENV_DATA]};
  assert_int_equal(pl_code_verify(&creator, &claimers, false, said_proof), 0);
  assert_memory_equal(creator.id, n.clients[0].config.identity.id, 32);
  assert_int_equal(pl_engine_deadline(engine(0)), n.now_ms + 10000);
  expect_nothing_until(0, n.now_ms + 10000);
  expect_reset(0, PL_REASON_TIMEOUT, number);
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
      PAIR(a_claim_lasts_as_long_as_a_call),
      PAIR(a_guess_waits_for_20_s_and_for_ten_minutes),
      PAIR(an_answer_that_makes_no_sense_ends_a_claim),
      PAIR(a_number_may_come_back),
      PAIR(a_number_does_not_come_back_later),
      PAIR(a_seat_is_held_for_20_s),
      PAIR(a_code_ends_with_its_time),
      PAIR(a_claim_that_makes_no_sense_is_reset),
      PAIR(a_code_that_ends_asks_for_no_new_time),
      PAIR(a_cancelled_code_says_why),
      PAIR(a_claim_that_succeeds_keeps_the_secret),
      PAIR(a_guess_needs_a_place_for_its_secret),
      PAIR(a_guess_leaves_the_link_for_10_s),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
