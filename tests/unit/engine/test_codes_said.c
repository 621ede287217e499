/* Codes at a relay that the test plays: what is asked of it, when, and what is said to those who try. */
#include "client/core/code/code.h"
#include "said.h"

/* Makes a code of client 0, which the relay grants for this long. */
static uint32_t granted(uint32_t lifetime_ms) {
  pl_engine_result out;
  assert_int_equal(net_do_for(&n, 0, &(pl_engine_event){.type = PL_ENGINE_IN_CODE_NEW, .code_new = {60000}}, &out), 0);
  net_settle(&n);
  assert_int_equal(said[0].count[PL_ENV_CODE], 1);
  uint8_t payload[16];
  pl_wire_code code = {.op = PL_CONST_CODE_MAKE, .tag = out.code, .number = PL_CONST_CODE_NUMBER_MIN};
  code.lifetime_ms = lifetime_ms;
  int size = pl_wire_code_encode(&code, payload, sizeof payload);
  assert_true(size > 0);
  net_to_client(&n, 0, PL_ENV_CODE, 0, 0, payload, (size_t)size);
  net_settle(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_CODE, 0)->a.code, out.code);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_CODE, 0)->a.time_ms, n.now_ms + lifetime_ms);
  return out.code;
}

/* Somebody claims a number at client 0, on this link. */
static void claimed(uint32_t link, uint32_t number, uint8_t version, size_t exchange_size) {
  uint8_t payload[128], exchange[64] = {version, 1};
  pl_wire_claim claim = {.number = number, .exchange = {exchange, exchange_size}};
  int size = pl_wire_claim_encode(&claim, payload, sizeof payload);
  assert_true(size > 0);
  net_to_client(&n, 0, PL_ENV_CLAIM, 0, link, payload, (size_t)size);
  net_settle(&n);
}

/* A code ends when the relay says so, if that is sooner than this side had asked for. */
static void the_relay_may_grant_less_time(void **state) {
  (void)state;
  (void)granted(5000);
  net_run(&n, 4999);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), 0);
  net_run(&n, 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_CODE_ENDED, 0)->a.error, PL_ETIMEDOUT);
}

static void a_claim_of_no_code_is_refused(void **state) {
  (void)state;
  uint8_t payload[128], exchange[64] = {1};
  pl_wire_claim claim = {.number = PL_CONST_CODE_NUMBER_MIN, .exchange = {exchange, sizeof exchange}};
  int size = pl_wire_claim_encode(&claim, payload, sizeof payload);
  assert_true(size > 0);
  uint32_t link = pl_link_number_make(true, 9, 5);
  net_to_client(&n, 0, PL_ENV_CLAIM, 0, link, payload, (size_t)size);
  net_settle(&n);
  assert_int_equal(said[0].link[PL_ENV_RESET], link);
  assert_int_equal(reason_said(0), PL_REASON_NO_CODE);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
}

enum { EXCHANGE = 1 + PL_CONST_CODE_SID_BYTES + 32 };

/* A share that no honest claimer sends is a guess, and a wrong one. */
static void an_impossible_share_is_a_wrong_guess(void **state) {
  (void)state;
  uint32_t code = granted(60000), link = pl_link_number_make(true, 9, 5);
  claimed(link, PL_CONST_CODE_NUMBER_MIN, PL_CONST_PROTOCOL_VERSION, EXCHANGE);
  net_seen *ended = net_find(&n, 0, PL_ENGINE_OUT_CODE_ENDED, 0);
  assert_non_null(ended);
  assert_int_equal(ended->a.code, code);
  assert_int_equal(ended->a.error, PL_EWRONGCODE);
  assert_int_equal(ended->a.reason, PL_REASON_WRONG_CODE);
  assert_int_equal(said[0].link[PL_ENV_RESET], link);
  assert_int_equal(reason_said(0), PL_REASON_WRONG_CODE);
}

/* A claim that does not decode costs its own link only. */
static void a_claim_that_makes_no_sense_leaves_the_code(void **state) {
  (void)state;
  static const struct {
    uint8_t version;
    size_t size;
    unsigned reason;
  } cases[] = {{PL_CONST_PROTOCOL_VERSION + 1, EXCHANGE, PL_REASON_UNSUPPORTED},
               {PL_CONST_PROTOCOL_VERSION, EXCHANGE - 1, PL_REASON_PROTOCOL},
               {PL_CONST_PROTOCOL_VERSION, 0, PL_REASON_PROTOCOL}};
  (void)granted(60000);
  for (uint32_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    uint32_t link = pl_link_number_make(true, 1 + k, 5);
    claimed(link, PL_CONST_CODE_NUMBER_MIN, cases[k].version, cases[k].size);
    assert_int_equal(said[0].link[PL_ENV_RESET], link);
    assert_int_equal(reason_said(0), cases[k].reason);
  }
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED) + net_count(&n, 0, PL_ENGINE_OUT_CODE_BUSY), 0);
}

static uint32_t claim(void) {
  pl_engine_result out;
  char text[PL_CODE_TEXT_MAX];
  pl_code code = {PL_CONST_CODE_NUMBER_MIN, {1, 2}};
  pl_code_format(&code, text);
  pl_engine_event in = {.type = PL_ENGINE_IN_CODE_CLAIM};
  in.code_claim.text = (pl_view){(const uint8_t *)text, strlen(text)};
  assert_int_equal(net_do_for(&n, 0, &in, &out), 0);
  net_settle(&n);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 1);
  return out.code;
}

/* A claim that the relay does not answer is made again after thirteen seconds, as a call. */
static void a_claim_that_got_lost_is_made_again(void **state) {
  (void)state;
  (void)claim();
  net_run(&n, 12999);
  assert_int_equal(said[0].count[PL_ENV_RESET], 0);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 1);
  net_run(&n, 1);
  assert_int_equal(reason_said(0), PL_REASON_TIMEOUT);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 2);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), 0);
}

/* What may not come on the link of a claim ends that link, not the claim. */
static void a_claim_outlives_nonsense_on_its_link(void **state) {
  (void)state;
  (void)claim();
  uint32_t link = said[0].link[PL_ENV_CLAIM];
  net_to_client(&n, 0, PL_ENV_DATA, 0, link, "x", 1);
  net_settle(&n);
  assert_int_equal(said[0].link[PL_ENV_RESET], link);
  assert_int_equal(reason_said(0), PL_REASON_PROTOCOL);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 2);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), 0);
}

/* Only a reason that trying again does not change ends a claim, and the claimer is told. */
static void reasons_end_claims_or_not(void **state) {
  static const struct {
    uint16_t reason;
    int error; /* 0: the claim is made again */
  } cases[] = {{PL_REASON_GONE, 0},
               {PL_REASON_UNAVAILABLE, 0},
               {PL_REASON_NO_CODE, PL_ENOCODE},
               {PL_REASON_WRONG_CODE, PL_EWRONGCODE},
               {PL_REASON_BUSY, PL_EBUSY},
               {PL_REASON_RATE, PL_EAGAIN},
               {PL_REASON_UNSUPPORTED, PL_EPROTOCOL}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    if (k) {
      (void)pair_teardown(state);
      (void)setup(state);
    }
    (void)claim();
    tell_reset(0, said[0].link[PL_ENV_CLAIM], cases[k].reason);
    net_seen *ended = net_find(&n, 0, PL_ENGINE_OUT_CODE_ENDED, 0);
    assert_int_equal(ended != NULL, cases[k].error != 0);
    assert_int_equal(said[0].count[PL_ENV_CLAIM], ended ? 1 : 2);
    if (ended) assert_int_equal(ended->a.error, cases[k].error);
    if (ended) assert_int_equal(ended->a.reason, cases[k].reason);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      PAIR(the_relay_may_grant_less_time),
      PAIR(a_claim_of_no_code_is_refused),
      PAIR(an_impossible_share_is_a_wrong_guess),
      PAIR(a_claim_that_makes_no_sense_leaves_the_code),
      PAIR(a_claim_that_got_lost_is_made_again),
      PAIR(a_claim_outlives_nonsense_on_its_link),
      PAIR(reasons_end_claims_or_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
