/* The exact times of pairing codes, at the side that made one and at the side that claims it. */
#include "deadlines.h"

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
  expect_only_checks_until(0, n.now_ms + n.open_timeout_ms + 10000);
  expect_reset(0, PL_REASON_TIMEOUT, number);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 2); /* and is made again */
}

/* The relay answers both, so it is asked as soon as it has been silent for a second. */
static void a_claim_and_a_new_code_ask_a_silent_relay(void **state) {
  for (int claims = 0; claims < 2; claims++)
    for (int at_once = 0; at_once < 2; at_once++) {
      (void)pair_teardown(state);
      (void)setup(state);
      uint64_t heard = n.now_ms;
      n.drop = swallow;
      n.now_ms += at_once ? 1000 : 400;
      pl_engine_event make = {.type = PL_ENGINE_IN_CODE_NEW};
      pl_engine_result out;
      if (claims)
        claim_it();
      else
        assert_int_equal(net_do_for(&n, 0, &make, &out), 0);
      produce(0);
      assert_int_equal(said[0].count[PL_ENV_CODE], !claims);
      assert_int_equal(said[0].count[PL_ENV_PING], at_once);
      if (!at_once) expect_nothing_until(0, heard + 1000);
      assert_int_equal(said[0].count[PL_ENV_PING], 1);
      expect_nothing_until(0, n.now_ms + 1000);
      assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CHECKING), 1);
    }
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
  expect_only_checks_until(0, n.now_ms + 10000);
  expect_reset(0, PL_REASON_TIMEOUT, number);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      PAIR(a_claim_lasts_as_long_as_a_call),
      PAIR(a_claim_and_a_new_code_ask_a_silent_relay),
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
