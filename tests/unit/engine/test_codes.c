/* Pairing by code, between engines and the relay's real core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/code/code.h"
#include "net_core.h"

enum { CREATOR, CLAIMER, OTHER };

static net n;
static char code[64]; /* as the creator got it */

static void join(int i, uint8_t who, const char *name) {
  pl_engine_config config = {.listen = i == OTHER, .name = name};
  assert_non_null(net_add(&n, i, who, (uint8_t)(i + 1), &config));
  net_tell(&n, i, PL_ENGINE_IN_START);
}

/* The numbers seed the identities: the creator's ID may be the larger or the smaller one. */
static void start_as(uint8_t creator, uint8_t claimer) {
  net_init(&n);
  net_core_init(&n);
  net_core_settings[PL_RELAY_SET_CLAIMS_PER_MINUTE] = net_core_settings[PL_RELAY_SET_CODE_MISSES_PER_MINUTE] = 1000000;
  net_core_settings[PL_RELAY_SET_CODES_PER_MINUTE] = net_core_settings[PL_RELAY_SET_CONNECTS_PER_MINUTE] = 1000000;
  net_core_settings[PL_RELAY_SET_PING_INTERVAL_MS] = 300000; /* ten minutes often pass here */
  net_core_settings[PL_RELAY_SET_DEAD_AFTER_MS] = 700000;
  net_core_start(&n);
  join(CREATOR, creator, "Ada");
  join(CLAIMER, claimer, "Bo");
  join(OTHER, 9, "Eve");
  net_settle(&n);
}

static void start(void) {
  start_as(1, 2);
}

/* Asks for a code; its number may not be there yet. */
static int ask_for(uint32_t lifetime_ms, uint32_t *handle) {
  pl_engine_result out;
  int rc = net_do_for(&n, CREATOR, &(pl_engine_event){.type = PL_ENGINE_IN_CODE_NEW, .code_new = {lifetime_ms}}, &out);
  *handle = out.code;
  return rc;
}

static uint32_t ask(void) {
  uint32_t handle;
  assert_int_equal(ask_for(0, &handle), 0);
  assert_int_not_equal(handle, 0);
  return handle;
}

static uint32_t make_for(uint32_t lifetime_ms) {
  uint32_t handle;
  size_t before = net_count(&n, CREATOR, PL_ENGINE_OUT_CODE);
  assert_int_equal(ask_for(lifetime_ms, &handle), 0);
  net_settle(&n);
  net_seen *s = net_find(&n, CREATOR, PL_ENGINE_OUT_CODE, before);
  assert_non_null(s);
  assert_int_equal(s->a.code, handle);
  memcpy(code, s->text, sizeof code);
  return handle;
}

static uint32_t make(void) {
  return make_for(0);
}

static int try_code(int i, const char *text, uint32_t *handle) {
  pl_engine_result out;
  pl_engine_event in = {.type = PL_ENGINE_IN_CODE_CLAIM, .code_claim = {{(const uint8_t *)text, strlen(text)}}};
  int rc = net_do_for(&n, i, &in, &out);
  *handle = out.code;
  return rc;
}

static uint32_t claim_as(int i, const char *text) {
  uint32_t handle;
  assert_int_equal(try_code(i, text, &handle), 0);
  assert_int_not_equal(handle, 0);
  return handle;
}

static void cancel(int i, uint32_t handle) {
  assert_int_equal(net_do(&n, i, &(pl_engine_event){.type = PL_ENGINE_IN_CODE_CANCEL, .code_cancel = {handle}}), 0);
}

/* Writes a code with the same number and other words. */
static const char *wrong(void) {
  static char text[80];
  static const uint16_t last = PL_CONST_WORDS_COUNT - 1;
  pl_code c;
  assert_int_equal(pl_code_parse(&c, (pl_view){(const uint8_t *)code, strlen(code)}), 0);
  c.words[0] ^= last;
  pl_code_format(&c, text);
  return text;
}

static void expect_ended(int i, uint32_t handle, int error, int reason) {
  net_seen *s = net_find(&n, i, PL_ENGINE_OUT_CODE_ENDED, 0);
  assert_non_null(s);
  assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_CODE_ENDED), 1);
  assert_int_equal(s->a.code, handle);
  assert_int_equal(s->a.error, error);
  assert_int_equal(s->a.reason, reason);
  assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_PAIRED), 0);
}

/* Both have a session with each other, and each was told once that it is paired, and nothing else. */
static void expect_paired(uint32_t made, uint32_t claimed) {
  const int sides[2] = {CREATOR, CLAIMER};
  const uint32_t handles[2] = {made, claimed};
  for (int i = 0; i < 2; i++) {
    int me = sides[i], peer = sides[!i];
    assert_int_equal(net_count(&n, me, PL_ENGINE_OUT_PAIRED), 1);
    assert_int_equal(net_count(&n, me, PL_ENGINE_OUT_CODE_ENDED), 0);
    assert_int_equal(net_count(&n, me, PL_ENGINE_OUT_KNOCK), 0);
    assert_int_equal(net_count(&n, me, PL_ENGINE_OUT_INVITE_CLAIMED), 0);
    assert_true(net_count(&n, me, PL_ENGINE_OUT_LINKED) >= 1);
    assert_int_equal(net_count(&n, me, PL_ENGINE_OUT_SESSION), me == CLAIMER);
    net_seen *s = net_find(&n, me, PL_ENGINE_OUT_PAIRED, 0);
    assert_int_equal(s->a.code, handles[i]);
    assert_memory_equal(s->a.id, n.clients[peer].config.identity.id, 32);
    assert_memory_equal(s->a.instance, n.clients[peer].config.instance, 8);
    assert_string_equal(s->text, me == CREATOR ? "Bo" : "Ada");
    assert_int_equal(s->a.session, me == CREATOR ? net_find(&n, me, PL_ENGINE_OUT_LINKED, 0)->a.session : 0);
  }
  uint32_t a = net_find(&n, CREATOR, PL_ENGINE_OUT_PAIRED, 0)->a.session;
  assert_int_equal(net_send(&n, CREATOR, a, 0, "hello", 5), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_MESSAGE), 1);
  assert_int_equal(net_core_stats().nameplates, 0);
}

static bool both_linked(net *x) {
  return net_count(x, CREATOR, PL_ENGINE_OUT_LINKED) && net_count(x, CLAIMER, PL_ENGINE_OUT_LINKED) &&
         net_count(x, CLAIMER, PL_ENGINE_OUT_PAIRED);
}

static void expect_soon_paired(uint32_t made, uint32_t claimed) {
  assert_true(net_until(&n, 60000, both_linked));
  expect_paired(made, claimed);
}

static void end(void) {
  n.drop = NULL;
  net_core_deinit(&n);
}

/* ---- when all goes well ------------------------------------------------------------------------------------------ */

static void the_code_pairs_whoever_is_larger(void **state) {
  (void)state;
  for (uint8_t turned = 0; turned < 2; turned++) {
    start_as(turned ? 2 : 1, turned ? 1 : 2);
    uint32_t made = make();
    assert_int_equal(net_find(&n, CREATOR, PL_ENGINE_OUT_CODE, 0)->a.time_ms, n.now_ms + PL_CONST_CODE_LIFETIME_MS);
    uint32_t claimed = claim_as(CLAIMER, code);
    net_settle(&n);
    expect_paired(made, claimed);
    net_run(&n, 700000); /* nothing follows */
    assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_CODE_ENDED), 0);
    assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED), 0);
    end();
  }
}

static void both_may_be_offline_when_asked(void **state) {
  (void)state;
  n.clients[CREATOR].reachable = n.clients[CLAIMER].reachable = false;
  net_cut(&n, CREATOR);
  net_cut(&n, CLAIMER);
  net_settle(&n);
  uint32_t made = ask();
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_CODE), 0);
  n.clients[CREATOR].reachable = true;
  net_run(&n, 40000);
  net_seen *s = net_find(&n, CREATOR, PL_ENGINE_OUT_CODE, 0);
  assert_non_null(s);
  uint32_t claimed = claim_as(CLAIMER, s->text);
  n.clients[CLAIMER].reachable = true;
  expect_soon_paired(made, claimed);
}

static void those_who_have_a_session_keep_it(void **state) {
  (void)state;
  net_allow(&n, CLAIMER, CREATOR);
  uint32_t session = net_connect(&n, CREATOR, CLAIMER, n.clients[CLAIMER].config.instance, NULL);
  net_settle(&n);
  uint32_t made = make(), claimed = claim_as(CLAIMER, code);
  net_settle(&n);
  assert_int_equal(net_find(&n, CREATOR, PL_ENGINE_OUT_PAIRED, 0)->a.session, session);
  expect_paired(made, claimed);
}

/* A call that the claimer takes for a stranger's is repeated with the secret. */
static void a_call_that_waits_is_made_again(void **state) {
  (void)state;
  uint32_t session = net_connect(&n, CREATOR, CLAIMER, n.clients[CLAIMER].config.instance, NULL);
  net_run(&n, 200);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_KNOCK), 1);
  net_forget(&n, CLAIMER);
  uint32_t made = make(), claimed = claim_as(CLAIMER, code);
  net_settle(&n);
  assert_int_equal(net_find(&n, CREATOR, PL_ENGINE_OUT_PAIRED, 0)->a.session, session);
  expect_paired(made, claimed);
}

/* ---- one guess --------------------------------------------------------------------------------------------------- */

static void a_wrong_guess_burns_the_code_and_both_are_told(void **state) {
  (void)state;
  uint32_t made = make(), claimed = claim_as(CLAIMER, wrong());
  net_settle(&n);
  expect_ended(CREATOR, made, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
  expect_ended(CLAIMER, claimed, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
  assert_int_equal(net_core_stats().nameplates, 0);
  net_forget(&n, CLAIMER);
  claimed = claim_as(CLAIMER, code); /* the right words come too late */
  net_run(&n, 700000);
  expect_ended(CLAIMER, claimed, PL_ENOCODE, PL_REASON_NO_CODE);
  assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_PAIRED), 0);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_SESSION), 0);
}

static void ten_thousand_wrong_guesses(void **state) {
  (void)state;
  enum { GUESSES = 10000 };
  uint8_t relay[32] = {1}, sid[16], scalars[2][32], shares[2][32], proof[PL_CODE_PROOF_MAX];
  pl_code right = {.number = 4821, .words = {217, 1999}};
  pl_code_person person = {.name_size = 1}, read;
  pl_code_secrets secrets, own;
  pl_identity identity;
  int accepted = 0;
  memset(sid, 3, sizeof sid);
  memset(scalars[0], 4, 32);
  memset(scalars[1], 5, 32);
  assert_int_equal(pl_identity_from_seed(&identity, scalars[0]), 0);
  memcpy(person.id, identity.id, 32);
  person.instance[0] = 1;
  for (uint32_t i = 0; i <= GUESSES; i++) { /* the last one is right, which shows that the test would notice */
    pl_code guess = right;
    if (i < GUESSES) {
      guess.words[0] = (uint16_t)((guess.words[0] + i / 3) % PL_CONST_WORDS_COUNT);
      guess.words[1] = (uint16_t)((guess.words[1] + 1 + i % 3) % PL_CONST_WORDS_COUNT);
    }
    pl_put_u32(scalars[0], i + 1); /* fresh for each run, on both sides */
    pl_put_u32(scalars[1], i + 7);
    assert_int_equal(pl_code_share(shares[0], &guess, relay, sid, scalars[0]), 0);
    assert_int_equal(pl_code_share(shares[1], &right, relay, sid, scalars[1]), 0);
    assert_int_equal(pl_code_agree(&secrets, scalars[0], true, sid, shares[0], shares[1]), 0);
    assert_int_equal(pl_code_agree(&own, scalars[1], false, sid, shares[0], shares[1]), 0);
    int size = pl_code_prove(proof, &secrets, true, &person);
    assert_true(size > 0);
    int rc = pl_code_verify(&read, &own, true, (pl_view){proof, (size_t)size});
    if (i < GUESSES)
      accepted += rc == 0;
    else
      assert_int_equal(rc, 0);
  }
  assert_int_equal(accepted, 0);
}

/* Each code of an engine dies with its first wrong guess. */
static void no_code_outlives_a_guess(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++) {
    uint32_t made = make(), claimed = claim_as(CLAIMER, wrong());
    net_settle(&n);
    expect_ended(CREATOR, made, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
    expect_ended(CLAIMER, claimed, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
    net_forget(&n, CREATOR);
    net_forget(&n, CLAIMER);
  }
}

static void a_further_claimant_is_told_and_so_is_the_creator(void **state) {
  (void)state;
  uint32_t made = make();
  net_seen *s;
  n.clients[CLAIMER].frozen = false;
  uint32_t claimed = claim_as(CLAIMER, code);
  net_turn(&n);                     /* its CLAIM is on its way */
  n.clients[CLAIMER].frozen = true; /* it gets no answer */
  for (int i = 0; i < 3; i++) {
    uint32_t other = claim_as(OTHER, code);
    net_settle(&n);
    expect_ended(OTHER, other, PL_EBUSY, PL_REASON_BUSY);
    net_forget(&n, OTHER);
  }
  assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_CODE_BUSY), 1); /* once for each seat */
  s = net_find(&n, CREATOR, PL_ENGINE_OUT_CODE_BUSY, 0);
  assert_int_equal(s->a.code, made);
  n.clients[CLAIMER].frozen = false;
  net_settle(&n);
  expect_paired(made, claimed);
}

static void a_seat_without_a_guess_is_free_again(void **state) {
  (void)state;
  for (int lost = 0; lost < 2; lost++) {
    start();
    uint32_t made = make();
    (void)claim_as(OTHER, code);
    net_turn(&n);
    n.clients[OTHER].frozen = true;
    net_settle(&n);
    uint32_t early = claim_as(CLAIMER, code);
    net_settle(&n);
    expect_ended(CLAIMER, early, PL_EBUSY, PL_REASON_BUSY);
    net_forget(&n, CLAIMER);
    if (lost)
      net_remove(&n, OTHER); /* its socket is gone */
    else
      net_run(&n, PL_CONST_CODE_SEAT_MS);
    net_settle(&n);
    uint32_t claimed = claim_as(CLAIMER, code);
    net_settle(&n);
    expect_paired(made, claimed);
    end();
  }
}

/* ---- what gets lost ---------------------------------------------------------------------------------------------- */

static int drop_from;
static uint8_t drop_type;
static int drop_times;

static bool drop_one(net *x, int from, const pl_envelope *v) {
  (void)x;
  if (from != drop_from || v->type != drop_type || drop_times == 0) return false;
  drop_times--;
  return true;
}

static void drop(int from, uint8_t type, int times) {
  drop_from = from;
  drop_type = type;
  drop_times = times;
  n.drop = drop_one;
}

static void without_the_confirmation_the_session_still_comes(void **state) {
  (void)state;
  uint32_t made = make();
  drop(CREATOR, PL_ENV_DATA, 1);
  uint32_t claimed = claim_as(CLAIMER, code);
  expect_soon_paired(made, claimed);
  net_run(&n, 700000);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_PAIRED), 1);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED), 0);
}

static bool cut_claimer(net *x, int from, const pl_envelope *v) {
  (void)x;
  return from == CREATOR && (v->type == PL_ENV_DATA || v->type == PL_ENV_OPEN) && drop_times-- > 0;
}

static void the_claimers_socket_is_lost_after_its_guess(void **state) {
  (void)state;
  uint32_t made = make();
  drop_times = 2;
  n.drop = cut_claimer;
  uint32_t claimed = claim_as(CLAIMER, code);
  net_settle(&n);
  assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_PAIRED), 1);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_PAIRED), 0);
  net_cut(&n, CLAIMER);
  expect_soon_paired(made, claimed);
}

/* A lost guess is still a guess: the claimer makes no other one, and the creator's code is untouched. */
static void a_lost_guess_is_not_made_again(void **state) {
  (void)state;
  uint32_t made = make();
  drop(CLAIMER, PL_ENV_DATA, 1);
  uint32_t claimed = claim_as(CLAIMER, code);
  net_run(&n, PL_CONST_CODE_LIFETIME_MS - 1);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED), 0);
  net_run(&n, 1);
  expect_ended(CLAIMER, claimed, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
  expect_ended(CREATOR, made, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
}

static void a_lost_answer_costs_nothing(void **state) {
  (void)state;
  uint32_t made = make();
  drop(CREATOR, PL_ENV_ACCEPT, 1);
  uint32_t claimed = claim_as(CLAIMER, code);
  expect_soon_paired(made, claimed);
}

static void the_relay_restarts_between_code_and_claim(void **state) {
  (void)state;
  for (int claimer_first = 0; claimer_first < 2; claimer_first++) {
    start();
    uint32_t made = make();
    net_core_crash(&n);
    n.clients[CREATOR].reachable = n.clients[CLAIMER].reachable = false;
    net_run(&n, 2000);
    net_core_start(&n);
    n.clients[CREATOR].reachable = true;
    if (!claimer_first) net_run(&n, 40000); /* the creator has its number again */
    n.clients[CLAIMER].reachable = true;
    net_run(&n, claimer_first ? 0 : 40000);
    uint32_t claimed = claim_as(CLAIMER, code);
    assert_true(net_until(&n, 60000, both_linked));
    assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_CODE), 1); /* shown once */
    expect_paired(made, claimed);
    end();
  }
}

static void a_claim_waits_for_a_creator_who_is_away(void **state) {
  (void)state;
  uint32_t made = make();
  n.clients[CREATOR].reachable = false;
  net_cut(&n, CREATOR);
  uint32_t claimed = claim_as(CLAIMER, code);
  net_run(&n, 120000);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED), 0);
  n.clients[CREATOR].reachable = true;
  expect_soon_paired(made, claimed);
}

/* After a restart of the relay the claimer is back first, when the relay does not know the number yet. */
static void a_claim_under_way_waits_for_the_creator_at_the_new_relay(void **state) {
  (void)state;
  for (int comes = 0; comes < 2; comes++) {
    start();
    uint32_t made = make();
    n.clients[CREATOR].reachable = false;
    net_cut(&n, CREATOR);
    uint32_t claimed = claim_as(CLAIMER, code);
    net_run(&n, 1000);
    net_core_crash(&n);
    net_core_start(&n);
    net_run(&n, 2000);
    assert_int_equal(net_core_stats().nameplates, 0);
    assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED), 0);
    if (comes) {
      n.clients[CREATOR].reachable = true;
      net_tell(&n, CREATOR, PL_ENGINE_IN_NETWORK_UP);
      expect_soon_paired(made, claimed);
    } else {
      net_run(&n, 15000);
      expect_ended(CLAIMER, claimed, PL_ENOCODE, PL_REASON_NO_CODE);
    }
    end();
  }
}

/* After a restart of the relay somebody else gets the number, so the code that the other person has is void. */
static void a_number_that_is_taken_ends_the_code(void **state) {
  (void)state;
  uint32_t made = make();
  uint8_t payload[13];
  pl_wire_code steal = {.op = PL_CONST_CODE_MAKE, .tag = 1, .number = (uint32_t)strtoul(code, NULL, 10)};
  assert_int_equal(pl_wire_code_encode(&steal, payload, sizeof payload), 13);
  net_core_crash(&n);
  net_core_start(&n);
  n.clients[CREATOR].reachable = false;
  net_run(&n, 40000);
  uint8_t envelope[21];
  pl_envelope_put_header(envelope, PL_ENV_CODE, 0, 13, 0);
  memcpy(envelope + 8, payload, 13);
  net_relay_message(&n, CLAIMER, envelope, sizeof envelope);
  drop(CLAIMER, PL_ENV_CODE, 1); /* without its engine knowing */
  n.clients[CREATOR].reachable = true;
  net_run(&n, 40000);
  expect_ended(CREATOR, made, PL_ENOCODE, PL_REASON_NO_CODE);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void codes_expire(void **state) {
  (void)state;
  uint32_t made = make_for(5000);
  net_run(&n, 4999);
  assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_CODE_ENDED), 0);
  net_run(&n, 1);
  expect_ended(CREATOR, made, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
  uint32_t claimed = claim_as(CLAIMER, code);
  net_settle(&n);
  expect_ended(CLAIMER, claimed, PL_ENOCODE, PL_REASON_NO_CODE);
}

static pl_wire_code asked_for;
static uint64_t asked_ms;
static bool see_make(net *x, int from, const pl_envelope *v) {
  if (from != CREATOR || v->type != PL_ENV_CODE) return false;
  assert_int_equal(pl_wire_code_decode(&asked_for, v->payload.data, v->payload.size), 0);
  asked_ms = x->now_ms;
  return false;
}

/* After a login the relay is asked for the same number, and for what is left of its time. */
static void a_code_does_not_live_longer_by_a_login(void **state) {
  (void)state;
  n.drop = see_make;
  uint64_t made_ms = n.now_ms;
  uint32_t made = make_for(60000);
  assert_int_equal(asked_for.op, PL_CONST_CODE_MAKE);
  assert_int_equal(asked_for.number, 0);
  assert_int_equal(asked_for.lifetime_ms, 60000);
  net_run(&n, 20000);
  net_cut(&n, CREATOR);
  net_run(&n, 15000);
  assert_true(asked_ms >= made_ms + 20000);
  assert_int_equal(asked_for.number, strtoul(code, NULL, 10));
  assert_int_equal(asked_for.lifetime_ms + asked_ms, made_ms + 60000);
  assert_int_equal(net_find(&n, CREATOR, PL_ENGINE_OUT_CODE, 0)->a.time_ms, made_ms + 60000);
  net_run(&n, made_ms + 60000 - n.now_ms);
  expect_ended(CREATOR, made, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
}

static void claims_give_up(void **state) {
  (void)state;
  (void)make();
  net_remove(&n, CREATOR); /* for good; the relay keeps its nameplate */
  uint32_t claimed = claim_as(CLAIMER, code);
  net_run(&n, PL_CONST_CODE_LIFETIME_MS);
  net_seen *s = net_find(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED, 0);
  assert_non_null(s);
  assert_true(s->a.error == PL_ETIMEDOUT || s->a.error == PL_ENOCODE); /* both end at this time */
  assert_int_equal(s->a.code, claimed);
}

static void cancelled_codes_are_gone(void **state) {
  (void)state;
  uint32_t made = make();
  cancel(CREATOR, made);
  cancel(CREATOR, made); /* a second time is no error */
  cancel(CREATOR, 12345);
  net_settle(&n);
  assert_int_equal(net_core_stats().nameplates, 0);
  uint32_t claimed = claim_as(CLAIMER, code);
  net_settle(&n);
  expect_ended(CLAIMER, claimed, PL_ENOCODE, PL_REASON_NO_CODE);
  assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_CODE_ENDED), 0);
  cancel(CREATOR, ask()); /* before its number is there */
  net_settle(&n);
  assert_int_equal(net_core_stats().nameplates, 0);
}

/* A cancelled claim takes its invite back: the creator's call is a stranger's. */
static void a_claim_cancelled_after_the_guess(void **state) {
  (void)state;
  (void)make();
  drop_times = 2;
  n.drop = cut_claimer;
  uint32_t claimed = claim_as(CLAIMER, code);
  net_settle(&n);
  cancel(CLAIMER, claimed);
  net_run(&n, 20000);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_PAIRED), 0);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_SESSION), 0);
  assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_KNOCK), 1);
}

static void at_most_eight_at_once(void **state) {
  (void)state;
  uint32_t handles[8];
  for (int i = 0; i < 8; i++) handles[i] = make();
  uint32_t handle;
  assert_int_equal(ask_for(0, &handle), PL_EAGAIN);
  assert_int_equal(handle, 0);
  assert_int_equal(try_code(CREATOR, "x", &handle), PL_ECODE);
  assert_int_equal(try_code(CREATOR, code, &handle), PL_EINVAL); /* its own code */
  cancel(CREATOR, handles[3]);
  (void)make();
}

static void stopping_ends_codes(void **state) {
  (void)state;
  uint32_t made = make();
  net_tell(&n, CREATOR, PL_ENGINE_IN_STOP);
  net_settle(&n);
  expect_ended(CREATOR, made, PL_ECLOSED, PL_REASON_CLOSED);
  assert_int_equal(net_core_stats().nameplates, 0);
  uint32_t handle;
  net_tell(&n, CLAIMER, PL_ENGINE_IN_STOP);
  (void)try_code(CLAIMER, code, &handle);
}

static void the_relay_refuses_when_there_are_too_many(void **state) {
  (void)state;
  net_init(&n);
  net_core_init(&n);
  net_core_settings[PL_RELAY_SET_CODES_PER_ID] = 1;
  net_core_settings[PL_RELAY_SET_CODE_MISSES_PER_MINUTE] = 1;
  net_core_start(&n);
  join(CREATOR, 1, NULL);
  net_settle(&n);
  (void)make();
  uint32_t second = ask();
  net_settle(&n);
  expect_ended(CREATOR, second, PL_EAGAIN, PL_REASON_RATE);
  net_forget(&n, CREATOR);
  for (int i = 0; i < 2; i++) {
    uint32_t claimed = claim_as(CREATOR, i ? "9999998-zoo-zoo" : "9999999-zoo-zoo");
    net_settle(&n);
    expect_ended(CREATOR, claimed, i ? PL_EAGAIN : PL_ENOCODE, i ? PL_REASON_RATE : PL_REASON_NO_CODE);
    net_forget(&n, CREATOR);
  }
}

/* ---- hostile ----------------------------------------------------------------------------------------------------- */

static uint8_t flip_type;
static int flip_from;
static size_t flip_at;
static bool flipped;

static bool flip(net *x, int from, const pl_envelope *v) {
  (void)x;
  if (from != flip_from || v->type != flip_type || flipped || flip_at >= v->payload.size) return false;
  ((uint8_t *)(uintptr_t)v->payload.data)[flip_at] ^= (uint8_t)(1u << flip_at % 8);
  flipped = true;
  return false;
}

/* Whichever byte is changed on the way, no side gets a session or a pairing with a wrong idea of the other. The right
 * code works again or is used up; nothing is left half open. */
static void every_byte_flipped(void **state) {
  (void)state;
  static const struct {
    int from;
    uint8_t type;
    size_t from_byte;
  } messages[] = {
      {CLAIMER, PL_ENV_CLAIM, 4}, {CREATOR, PL_ENV_ACCEPT, 0}, {CLAIMER, PL_ENV_DATA, 0}, {CREATOR, PL_ENV_DATA, 0}};
  for (size_t m = 0; m < PL_ARRAY_LENGTH(messages); m++)
    for (flip_at = messages[m].from_byte, flipped = true; flipped; flip_at++) {
      flip_from = messages[m].from;
      flip_type = messages[m].type;
      start();
      uint32_t made = make();
      flipped = false;
      n.drop = flip;
      uint32_t claimed = claim_as(CLAIMER, code);
      net_run(&n, 1);
      if (!flipped) {
        expect_paired(made, claimed);
      } else if (messages[m].type == PL_ENV_DATA && messages[m].from == CREATOR) {
        /* the creator had accepted already; its call comes, and is a stranger's at a claimer who was told WRONG_CODE */
        expect_ended(CLAIMER, claimed, PL_EWRONGCODE, PL_REASON_WRONG_CODE);
        assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_SESSION), 0);
      } else {
        assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_PAIRED), 0);
        assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_PAIRED), 0);
        assert_true(net_count(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED) == 1);
      }
      net_run(&n, 700000);
      assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_PAIRED) + net_count(&n, CREATOR, PL_ENGINE_OUT_CODE_ENDED),
                       1);
      assert_int_equal(net_count(&n, CLAIMER, PL_ENGINE_OUT_PAIRED) + net_count(&n, CLAIMER, PL_ENGINE_OUT_CODE_ENDED),
                       1);
      end();
    }
}

/* A relay may send anything at any time. */
static void nonsense_from_the_relay(void **state) {
  (void)state;
  static const uint8_t types[] = {PL_ENV_CODE, PL_ENV_CLAIM, PL_ENV_ACCEPT, PL_ENV_DATA, PL_ENV_RESET, PL_ENV_OFFER};
  uint64_t random = 12345;
  for (int round = 0; round < 120; round++) {
    start();
    (void)make();
    (void)claim_as(CLAIMER, round % 3 ? wrong() : code);
    for (int k = 0; k < 40; k++) {
      uint8_t payload[300];
      for (size_t i = 0; i < sizeof payload; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        payload[i] = (uint8_t)(random >> 56);
      }
      uint8_t type = types[payload[0] % PL_ARRAY_LENGTH(types)];
      size_t size = payload[1] % 4 ? (size_t)(payload[1] % 60) : (size_t)payload[1];
      uint32_t link = (payload[2] & 1 ? 0x80000000u : 0) | (uint32_t)(1 + payload[2] % 3) << 16 | (payload[3] & 1u);
      if (type == PL_ENV_CODE) {
        link = 0;
        size = payload[1] % 8 ? 13 : size;
        payload[0] = payload[4] % 4 ? PL_CONST_CODE_MAKE : payload[0];
        pl_put_u32(payload + 1, payload[5] % 3);
        if (payload[6] % 2)
          pl_put_u32(payload + 5, (uint32_t)strtoul(code, NULL, 10));
        else
          pl_put_u32(payload + 5, payload[7] % 2 ? 0 : 1000u + payload[7]);
      } else if (type == PL_ENV_CLAIM) {
        pl_put_u32(payload, (uint32_t)strtoul(code, NULL, 10));
        payload[4] = 1;
        size = payload[9] % 3 ? 53 : size;
      } else if (type == PL_ENV_ACCEPT) {
        payload[0] = 1;
        size = payload[9] % 3 ? 33 : size;
      } else if (type == PL_ENV_RESET) {
        pl_put_u16(payload, (uint16_t)(payload[4] % 2 ? payload[5] % 16 : 0x100 + payload[5] % 12));
        size = 2;
      } else if (type == PL_ENV_OFFER) {
        size = 200;
      }
      net_to_client(&n, payload[8] % 2, type, 0, link, payload, size);
      net_turn(&n);
    }
    net_run(&n, 700000);
    for (int i = 0; i < 2; i++)
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_PAIRED) + net_count(&n, i, PL_ENGINE_OUT_CODE_ENDED), 1);
    if (round % 3) assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_PAIRED), 0);
    end();
  }
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void each_allocation_fails_once(void **state) {
  (void)state;
  for (long k = 1;; k++) {
    start();
    pl_alloc_fail_at(k);
    (void)ask();
    net_run(&n, 30000);
    net_seen *s = net_find(&n, CREATOR, PL_ENGINE_OUT_CODE, 0);
    if (s) (void)claim_as(CLAIMER, s->text);
    net_run(&n, 700000);
    bool never = pl_alloc_fail_at(0) > 0;
    for (int i = 0; i < (s ? 2 : 1); i++)
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_PAIRED) + net_count(&n, i, PL_ENGINE_OUT_CODE_ENDED), 1);
    if (never) assert_int_equal(net_count(&n, CREATOR, PL_ENGINE_OUT_PAIRED), 1);
    end();
    if (never) return;
  }
}

static int codes_setup(void **state) {
  (void)state;
  start();
  return 0;
}

static int codes_teardown(void **state) {
  (void)state;
  end();
  return 0;
}

#define test_of_own(f) cmocka_unit_test_teardown(f, codes_teardown)
#define test_of_codes(f) cmocka_unit_test_setup_teardown(f, codes_setup, codes_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_own(the_code_pairs_whoever_is_larger),
      test_of_codes(both_may_be_offline_when_asked),
      test_of_codes(those_who_have_a_session_keep_it),
      test_of_codes(a_call_that_waits_is_made_again),
      test_of_codes(a_wrong_guess_burns_the_code_and_both_are_told),
      test_of_own(ten_thousand_wrong_guesses),
      test_of_codes(no_code_outlives_a_guess),
      test_of_codes(a_further_claimant_is_told_and_so_is_the_creator),
      test_of_own(a_seat_without_a_guess_is_free_again),
      test_of_codes(without_the_confirmation_the_session_still_comes),
      test_of_codes(the_claimers_socket_is_lost_after_its_guess),
      test_of_codes(a_lost_guess_is_not_made_again),
      test_of_codes(a_lost_answer_costs_nothing),
      test_of_own(the_relay_restarts_between_code_and_claim),
      test_of_codes(a_claim_waits_for_a_creator_who_is_away),
      test_of_own(a_claim_under_way_waits_for_the_creator_at_the_new_relay),
      test_of_codes(a_number_that_is_taken_ends_the_code),
      test_of_codes(codes_expire),
      test_of_codes(a_code_does_not_live_longer_by_a_login),
      test_of_codes(claims_give_up),
      test_of_codes(cancelled_codes_are_gone),
      test_of_codes(a_claim_cancelled_after_the_guess),
      test_of_codes(at_most_eight_at_once),
      test_of_codes(stopping_ends_codes),
      test_of_own(the_relay_refuses_when_there_are_too_many),
      test_of_own(every_byte_flipped),
      test_of_own(nonsense_from_the_relay),
      test_of_own(each_allocation_fails_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
