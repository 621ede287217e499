/* Numbers of pairing codes at the relay: given out, asked for again, ended, expired; claims of them, misses, limits;
 * all of it across workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "workers.h"

#define LINK(slot) (0x10000u | (slot))
enum { LIFE = PL_CONST_CODE_LIFETIME_MS };

static client *ready(world *w, uint8_t seed) {
  client *c = client_new(w, seed);
  client_login(c, false);
  return c;
}

/* The same instance logs in again. */
static client *again(client *old) {
  client *c = client_new(old->w, (uint8_t)old->instance[0]);
  memcpy(c->instance, old->instance, 8);
  client_free(old);
  client_login(c, false);
  return c;
}

/* Ends with all nameplates expired. */
static int teardown(void **state) {
  world *w = *state;
  world_free_clients(w);
  world_pass(w, LIFE + 20000);
  assert_int_equal(pl_relay_get_stats(w->relay).nameplates, 0);
  return world_teardown(state);
}

static void send_code(client *c, uint8_t op, uint32_t tag, uint32_t number, uint32_t lifetime_ms) {
  uint8_t payload[13];
  pl_wire_code code = {.op = op, .tag = tag, .number = number, .lifetime_ms = lifetime_ms};
  assert_int_equal(pl_wire_code_encode(&code, payload, sizeof payload), 13);
  client_send(c, PL_ENV_CODE, 0, 0, payload, sizeof payload);
}

static pl_wire_code answer(client *c) {
  pl_wire_code code;
  const seen *s = client_next(c);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_CODE);
  assert_int_equal(s->link, 0);
  assert_int_equal(pl_wire_code_decode(&code, s->payload, s->size), 0);
  assert_int_equal(code.op, PL_CONST_CODE_MAKE);
  return code;
}

static uint32_t make(client *c, uint32_t wanted, uint32_t lifetime_ms) {
  send_code(c, PL_CONST_CODE_MAKE, 77, wanted, lifetime_ms);
  pl_wire_code code = answer(c);
  assert_int_equal(code.tag, 77);
  assert_int_equal(code.number == 0, code.lifetime_ms == 0);
  return code.number;
}

static void claim(client *c, uint32_t link, uint32_t number) {
  uint8_t payload[64] = "????exchange";
  pl_put_u32(payload, number);
  client_send(c, PL_ENV_CLAIM, 0, link, payload, 12);
}

/* Returns the reason of the next envelope, or 0 when it is not a RESET. */
static int reset_of(client *c) {
  const seen *s = client_next(c);
  return s && s->type == PL_ENV_RESET ? pl_get_u16(s->payload) : 0;
}

/* Returns the link of the CLAIM that came next, or 0 when none did. */
static uint32_t claim_of(client *c, uint32_t number) {
  const seen *s = client_next(c);
  if (!s || s->type != PL_ENV_CLAIM) return 0;
  assert_int_equal(s->size, 12);
  assert_int_equal(pl_get_u32(s->payload), number);
  assert_memory_equal(s->payload + 4, "exchange", 8);
  assert_true(pl_link_number_relay_side(s->link));
  return s->link;
}

static void reset(client *c, uint32_t link, int reason) {
  uint8_t payload[2];
  pl_put_u16(payload, (uint16_t)reason);
  client_send(c, PL_ENV_RESET, 0, link, payload, 2);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void test_made_and_claimed(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 2)}, *maker = all[0], *claimer = all[1];
  send_code(maker, PL_CONST_CODE_MAKE, 5, 0, LIFE);
  pl_wire_code code = answer(maker);
  assert_int_equal(code.tag, 5);
  assert_in_range(code.number, PL_CONST_CODE_NUMBER_MIN, 9999);
  assert_int_equal(code.lifetime_ms, LIFE);
  claim(claimer, LINK(0), code.number);
  uint32_t at_maker = claim_of(maker, code.number);
  assert_true(at_maker);
  client_send(maker, PL_ENV_ACCEPT, 0, at_maker, "answer", 6);
  const seen *s = client_next(claimer);
  assert_int_equal(s->type, PL_ENV_ACCEPT);
  assert_memory_equal(s->payload, "answer", 6);
  client_send(claimer, PL_ENV_DATA, 0, LINK(0), "proof", 5);
  s = client_next(maker);
  assert_int_equal(s->type, PL_ENV_DATA);
  assert_memory_equal(s->payload, "proof", 5);
  reset(maker, at_maker, PL_REASON_WRONG_CODE);
  assert_int_equal(reset_of(claimer), PL_REASON_WRONG_CODE);
  send_code(maker, PL_CONST_CODE_END, 0, code.number, 0);
  claim(claimer, LINK(0) + 0x10000, code.number);
  assert_int_equal(reset_of(claimer), PL_REASON_NO_CODE);
}

/* No two are alike, and they come in no order that a client could tell. */
static void test_numbers(void **state) {
  world *w = *state;
  client *all[20];
  uint32_t numbers[160];
  size_t count = 0, rising = 0;
  for (size_t i = 0; i < 20; i++) {
    all[i] = ready(w, (uint8_t)(i + 1));
    for (size_t k = 0; k < 8; k++) {
      uint32_t number = make(all[i], 0, 0);
      assert_in_range(number, PL_CONST_CODE_NUMBER_MIN, count < 90 ? 9999 : 99999);
      for (size_t j = 0; j < count; j++) assert_int_not_equal(number, numbers[j]);
      if (count) rising += number > numbers[count - 1];
      numbers[count++] = number;
    }
  }
  assert_in_range(rising, 50, 110);
  assert_int_equal(pl_relay_get_stats(w->relay).nameplates, 160);
}

static void test_limits_of_an_id(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 1), ready(w, 2)};
  for (size_t i = 0; i < 8; i++) assert_true(make(all[i % 2], 0, i ? LIFE : 1000));
  assert_int_equal(make(all[0], 0, 0), 0); /* the limit is for both instances together */
  assert_true(make(all[2], 0, 0));
  world_pass(w, 1000); /* one has expired */
  assert_true(make(all[0], 0, 0));
  assert_int_equal(make(all[1], 0, 0), 0);
}

static void test_limits_of_all(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 2)};
  uint32_t number = make(all[0], 0, 0);
  assert_true(make(all[0], 0, 0));
  assert_true(make(all[1], 0, 0));
  assert_int_equal(make(all[1], 0, 0), 0);
  send_code(all[0], PL_CONST_CODE_END, 0, number, 0);
  assert_true(make(all[1], 0, 0));
}

static void test_address_rate(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1)};
  for (int i = 0; i < 4; i++) {
    uint32_t number = make(all[0], 0, 0);
    assert_true(number);
    send_code(all[0], PL_CONST_CODE_END, 0, number, 0);
  }
  assert_int_equal(make(all[0], 0, 0), 0);
  world_pass(w, 15000);
  assert_true(make(all[0], 0, 0));
}

static void test_expiry(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 2)};
  uint32_t brief = make(all[0], 0, 30000), whole = make(all[0], 0, UINT32_MAX);
  world_pass(w, 29999);
  claim(all[1], LINK(0), brief);
  assert_true(claim_of(all[0], brief));
  reset(all[1], LINK(0), PL_REASON_CLOSED);
  (void)client_next(all[0]);
  world_pass(w, 1); /* to the millisecond, whenever its memory is freed */
  claim(all[1], LINK(1), brief);
  assert_int_equal(reset_of(all[1]), PL_REASON_NO_CODE);
  assert_int_equal(pl_relay_get_stats(w->relay).nameplates, 1);
  world_pass(w, LIFE - 30001);
  claim(all[1], LINK(2), whole);
  assert_true(claim_of(all[0], whole));
  client_hang_up(all[0]);
  uint64_t due = pl_relay_deadline(w->relay);
  assert_true(due < w->now_ms + 30000); /* it expires without any event */
  world_pass(w, 20000);
  assert_int_equal(pl_relay_get_stats(w->relay).nameplates, 0);
}

/* A nameplate belongs to an instance, not to its socket, nor to another instance or ID. */
static void test_owner_comes_back(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 2), ready(w, 1)};
  uint32_t number = make(all[0], 0, 60000);
  send_code(all[1], PL_CONST_CODE_END, 0, number, 0); /* it is not theirs */
  send_code(all[2], PL_CONST_CODE_END, 0, number, 0);
  assert_int_equal(make(all[2], number, LIFE), 0);
  client_hang_up(all[0]);
  claim(all[1], LINK(0), number);
  assert_null(client_next(all[1]));
  world_pass(w, 1000);
  all[0] = again(all[0]); /* before the deadline, so it gets the claim */
  all[0]->read_at = 0;
  uint32_t at = 0;
  for (const seen *s; (s = client_next(all[0]));)
    if (s->type == PL_ENV_CLAIM) at = s->link;
  assert_true(at);
  send_code(all[0], PL_CONST_CODE_MAKE, 9, number, LIFE);
  pl_wire_code code = answer(all[0]);
  assert_int_equal(code.number, number);
  assert_int_equal(code.lifetime_ms, 59000); /* no longer than before */
  client_hang_up(all[0]);
  assert_null(client_next(all[1])); /* as for an OPEN, it waits for the deadline */
  world_pass(w, w->settings[PL_RELAY_SET_OPEN_TIMEOUT_MS] - 1000);
  assert_int_equal(reset_of(all[1]), PL_REASON_UNAVAILABLE);
}

/* After a start of the relay a client gets the number that it had, unless another client has it. */
static void test_wanted_numbers(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 2)};
  assert_int_equal(make(all[0], 4821, 5000), 4821);
  assert_int_equal(make(all[0], PL_CONST_CODE_NUMBER_MAX, 5000), PL_CONST_CODE_NUMBER_MAX);
  for (int i = 0; i < 5; i++) assert_int_equal(make(all[1], 4821, 5000), 0);
  assert_int_equal(make(all[1], 4822, 5000), 0); /* it has asked too often for numbers of others */
  world_pass(w, 12000);
  assert_int_equal(make(all[1], 4821, 5000), 4821); /* the first one has expired */
  world_pass(w, LIFE - 12000 - 1);
  assert_int_equal(make(all[0], 4824, 5000), 4824);
  world_pass(w, 1);
  assert_int_equal(make(all[0], 4821, 5000), 0); /* too long after the start: asking tells nothing */
  assert_int_equal(make(all[0], 4823, 5000), 0);
}

static void test_wrong_payloads(void **state) {
  world *w = *state;
  static const struct {
    uint8_t type;
    uint32_t link, number;
    uint8_t op;
    size_t size;
  } cases[] = {
      {PL_ENV_CODE, 0, 0, 0, 13},          {PL_ENV_CODE, 0, 0, 3, 13},          {PL_ENV_CODE, 0, 0, 1, 12},
      {PL_ENV_CODE, 0, 0, 1, 14},          {PL_ENV_CODE, LINK(0), 0, 1, 13},    {PL_ENV_CODE, 0, 999, 1, 13},
      {PL_ENV_CODE, 0, 10000000, 1, 13},   {PL_ENV_CODE, 0, UINT32_MAX, 2, 13}, {PL_ENV_CODE, 0, 0, 2, 13},
      {PL_ENV_CODE, 0, 0, 1, 0},           {PL_ENV_CLAIM, 0, 4821, 1, 57},      {PL_ENV_CLAIM, LINK(0), 1, 1, 3},
      {PL_ENV_CLAIM, LINK(0), 1, 1, 257},  {PL_ENV_CLAIM, 1, 4821, 1, 57},      {PL_ENV_CLAIM, LINK(1024), 4821, 1, 57},
      {PL_ENV_CLAIM, 0x80010000, 1, 1, 57}};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    uint8_t payload[300] = {cases[i].op};
    client *c = ready(w, (uint8_t)(i + 1));
    pl_put_u32(payload + (cases[i].type == PL_ENV_CODE ? 5 : 0), cases[i].number);
    client_send(c, cases[i].type, 0, cases[i].link, payload, cases[i].size);
    assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
    client_free(c);
  }
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static void test_misses(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 2), ready(w, 3)}, *guesser = all[1];
  uint32_t number = make(all[0], 0, LIFE);
  for (uint32_t i = 0; i < 5; i++) {
    claim(guesser, LINK(i), number == 1000 + i ? 5000 : 1000 + i);
    assert_int_equal(reset_of(guesser), PL_REASON_NO_CODE);
  }
  claim(guesser, LINK(5), number); /* not even the right number; the owner is not told */
  assert_int_equal(reset_of(guesser), PL_REASON_RATE);
  assert_int_equal(claim_of(all[0], number), 0);
  claim(all[2], LINK(0), number); /* another client may */
  assert_true(claim_of(all[0], number));
  world_pass(w, 12000); /* one is forgiven */
  (void)client_next(all[0]);
  claim(guesser, LINK(6), number);
  assert_true(claim_of(all[0], number));
}

static void test_claims_of_an_address(void **state) {
  world *w = *state;
  client *all[] = {ready(w, 1), ready(w, 2)};
  uint32_t number = make(all[0], 0, LIFE);
  for (uint32_t i = 0; i < 3; i++) claim(all[1], LINK(i), number);
  assert_true(claim_of(all[0], number));
  assert_true(claim_of(all[0], number));
  assert_int_equal(claim_of(all[0], number), 0);
  assert_int_equal(reset_of(all[1]), PL_REASON_RATE);
}

/* At most 16 claims of one ID wait for its answer; further ones end as if nobody answered. */
static void test_undecided_claims(void **state) {
  enum { MOST = 16 };
  world *w = *state;
  client *maker = ready(w, 100);
  uint32_t number = make(maker, 0, LIFE);
  for (uint8_t i = 0; i <= MOST; i++) {
    claim(ready(w, i + 1), LINK(0), number);
    assert_int_equal(claim_of(maker, number) != 0, i < MOST);
  }
}

/* A claim is decided at once. It is not a knock, makes no friends, and no block list applies. */
static void test_no_knock(void **state) {
  world *w = *state;
  w->settings[PL_RELAY_SET_CLAIMS_PER_MINUTE] = 1000;
  client *all[] = {ready(w, 1), ready(w, 2)};
  uint8_t block[34] = {PL_CONST_PEERS_BLOCK, 1};
  memcpy(block + 2, all[1]->identity.id, 32);
  client_send(all[0], PL_ENV_PEERS, 0, 0, block, sizeof block);
  uint32_t number = make(all[0], 0, LIFE);
  claim(all[1], LINK(0), number);
  uint32_t at = claim_of(all[0], number);
  assert_true(at);
  reset(all[0], at, PL_REASON_BUSY);
  assert_int_equal(reset_of(all[1]), PL_REASON_BUSY);
  claim(all[1], LINK(0) + 0x10000, number);
  assert_true(claim_of(all[0], number));
  client_send(all[1], PL_ENV_DATA, 0, LINK(0) + 0x10000, "x", 1); /* before it is accepted */
  assert_int_equal(reset_of(all[1]), PL_REASON_PROTOCOL);
  assert_int_equal(reset_of(all[0]), PL_REASON_PROTOCOL);
  claim(all[1], LINK(1), number);
  claim(all[1], LINK(1), number); /* again on the same link */
  assert_int_equal(reset_of(all[1]), PL_REASON_PROTOCOL);
  assert_true(claim_of(all[0], number));
  assert_int_equal(reset_of(all[0]), PL_REASON_PROTOCOL);
  for (uint32_t i = 0; i < 40; i++) claim(all[1], LINK(10 + i), number);
  size_t came = 0;
  while (claim_of(all[0], number)) came++;
  assert_in_range(came, 1, 16);     /* a known number does not allow a flood */
  claim(all[0], LINK(100), number); /* its own number: never offered to the same socket */
  world_pass(w, w->settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]);
}

/* Whichever allocation fails, a number is given or refused, and nothing is left over. */
static void test_memory_faults(void **state) {
  world *w = *state;
  for (long k = 1;; k++) {
    client *all[] = {ready(w, 1), ready(w, 2)};
    pl_alloc_fail_at(k);
    send_code(all[0], PL_CONST_CODE_MAKE, 7, 0, LIFE);
    const seen *s = client_next(all[0]);
    uint32_t number = s && s->type == PL_ENV_CODE ? pl_get_u32(s->payload + 5) : 0;
    if (number) {
      claim(all[1], LINK(0), number);
      uint32_t at = claim_of(all[0], number);
      if (at) reset(all[0], at, PL_REASON_BUSY);
      claim(all[1], LINK(1), number);
      client_hang_up(all[0]);
      claim(all[1], LINK(2), number);
    }
    bool never = pl_alloc_fail_at(0) > 0;
    world_free_clients(w);
    world_pass(w, LIFE + 20000);
    assert_int_equal(pl_relay_get_stats(w->relay).nameplates, 0);
    world_restart(w);
    if (never) {
      assert_true(k > 5);
      return;
    }
  }
}

/* ---- workers ----------------------------------------------------------------------------------------------------- */

static uint32_t make_at(workers *all, client *c, uint32_t wanted) {
  send_code(c, PL_CONST_CODE_MAKE, 77, wanted, LIFE);
  workers_settle(all);
  return answer(c).number;
}

static void test_across_workers(void **state) {
  workers *all = *state;
  client *maker = workers_login(all, 1, 1, false), *claimer = workers_login(all, 0, 2, false);
  uint32_t number = make_at(all, maker, 0), at_claimer = LINK(0);
  assert_int_equal(number % WORKERS, 1);
  claim(claimer, at_claimer, number);
  workers_settle(all);
  uint32_t at = claim_of(maker, number);
  assert_true(at);
  client_send(maker, PL_ENV_ACCEPT, 0, at, "answer", 6);
  workers_settle(all);
  workers_expect(claimer, PL_ENV_ACCEPT, &at_claimer, 0);
  client_send(claimer, PL_ENV_DATA, 0, at_claimer, "proof", 5);
  workers_settle(all);
  workers_expect(maker, PL_ENV_DATA, &at, 0);
  reset(maker, at, PL_REASON_WRONG_CODE);
  workers_settle(all);
  workers_expect(claimer, PL_ENV_RESET, &at_claimer, PL_REASON_WRONG_CODE);
  claim(claimer, LINK(1), number); /* while offered, a RESET is passed on at once here too */
  workers_settle(all);
  reset(maker, claim_of(maker, number), PL_REASON_BUSY);
  workers_settle(all);
  assert_int_equal(reset_of(claimer), PL_REASON_BUSY);
  claim(claimer, LINK(2), number);
  workers_settle(all);
  assert_true(claim_of(maker, number));
  client_hang_up(maker); /* the end of its socket is no answer */
  workers_settle(all);
  workers_expect_nothing(claimer);
  client *back = client_new(&all->w[2], 1);
  memcpy(back->instance, maker->instance, 8);
  client_free(maker);
  client_login(back, false);
  workers_settle(all);
  assert_int_equal(make_at(all, back, number), number); /* at another worker than before */
  workers_pass(all, all->w[0].settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]);
  assert_int_equal(reset_of(claimer), PL_REASON_UNAVAILABLE);
  claim(claimer, LINK(3), number);
  workers_settle(all);
  assert_true(claim_of(back, number));
  send_code(back, PL_CONST_CODE_END, 0, number, 0);
  workers_settle(all);
  for (size_t i = 0; i < WORKERS; i++) assert_int_equal(pl_relay_get_stats(all->w[i].relay).nameplates, 0);
  client_free(back);
  client_free(claimer);
  workers_pass(all, LIFE);
}

static void test_told_again(void **state) {
  workers *all = *state;
  client *maker = workers_login(all, 1, 1, false), *claimer = workers_login(all, 0, 2, false);
  client *third = workers_login(all, 2, 3, false);
  uint32_t kept = make_at(all, maker, 0), ended = make_at(all, maker, 0);
  assert_true(make_at(all, third, 0));
  uint32_t own = make_at(all, claimer, 0);
  workers_collect(all, 1);
  send_code(maker, PL_CONST_CODE_END, 0, ended, 0);
  workers_collect(all, 1);
  all->pipes[1][0].size = 0; /* that is lost, and both workers are told so */
  pl_relay_bus_lost(all->w[0].relay, 1);
  pl_relay_bus_lost(all->w[1].relay, 0);
  assert_int_equal(pl_relay_get_stats(all->w[0].relay).nameplates, 2);
  workers_settle(all);
  for (size_t i = 0; i < WORKERS; i++) assert_int_equal(pl_relay_get_stats(all->w[i].relay).nameplates, 3);
  claim(maker, LINK(0), own);
  workers_settle(all);
  assert_true(claim_of(claimer, own));
  reset(maker, LINK(0), PL_REASON_CLOSED);
  workers_settle(all);
  assert_int_equal(reset_of(claimer), PL_REASON_CLOSED);
  claim(claimer, LINK(0), kept);
  claim(claimer, LINK(1), ended);
  workers_settle(all);
  assert_int_equal(reset_of(claimer), PL_REASON_NO_CODE);
  assert_true(claim_of(maker, kept));
  client_free(maker);
  client_free(claimer);
  client_free(third);
  workers_pass(all, LIFE);
}

/* Two clients ask for one number at the same instant, after a start: all workers agree which of them has it. */
static void test_one_number_twice(void **state) {
  workers *all = *state;
  for (unsigned first = 0; first < 2; first++) {
    workers_restart(all);
    client *makers[2] = {workers_login(all, 0, 1, false), workers_login(all, 1, 2, false)};
    client *claimer = workers_login(all, 2, 3, false);
    for (unsigned i = 0; i < 2; i++) send_code(makers[i], PL_CONST_CODE_MAKE, 1, 4821, LIFE);
    workers_collect(all, 0);
    workers_collect(all, 1);
    workers_deliver(all, first, 2);
    workers_settle(all);
    client *smaller = makers[memcmp(makers[0]->identity.id, makers[1]->identity.id, 32) > 0];
    for (unsigned i = 0; i < 2; i++) assert_int_equal(answer(makers[i]).number, 4821);
    for (size_t i = 0; i < WORKERS; i++) assert_int_equal(pl_relay_get_stats(all->w[i].relay).nameplates, 1);
    claim(claimer, LINK(0), 4821);
    workers_settle(all);
    assert_true(claim_of(smaller, 4821));
    client_free(makers[0]);
    client_free(makers[1]);
    client_free(claimer);
    workers_pass(all, LIFE);
  }
}

/* A client asks for its number at another worker before that one knows of it: all agree which of the two gave it out,
 * and a loss on the bus makes nobody forget it. */
static void test_number_given_twice(void **state) {
  workers *all = *state;
  for (unsigned from = 0; from < 2; from++) {
    workers_restart(all);
    client *maker = workers_login(all, from, 1, false), *claimer = workers_login(all, 2, 3, false);
    send_code(maker, PL_CONST_CODE_MAKE, 1, 4821, LIFE);
    workers_collect(all, from);
    client *back = client_new(&all->w[1 - from], 1);
    memcpy(back->instance, maker->instance, 8);
    client_login(back, false);
    send_code(back, PL_CONST_CODE_MAKE, 1, 4821, LIFE);
    workers_collect(all, 1 - from);
    workers_settle(all);
    assert_int_equal(answer(back).number, 4821);
    pl_relay_bus_lost(all->w[0].relay, 1);
    pl_relay_bus_lost(all->w[1].relay, 0);
    workers_settle(all);
    for (size_t i = 0; i < WORKERS; i++) assert_int_equal(pl_relay_get_stats(all->w[i].relay).nameplates, 1);
    claim(claimer, LINK(0), 4821);
    workers_settle(all);
    assert_true(claim_of(back, 4821));
    client_free(maker);
    client_free(back);
    client_free(claimer);
    workers_pass(all, LIFE);
  }
}

/* These clients answer no pings. */
#define NAMEPLATES_TEST(test, ...)                                                                         \
  {                                                                                                        \
#test, test, world_setup, teardown,                                                                    \
        WORLD_SETTINGS_OF({PL_RELAY_SET_PING_INTERVAL_MS, 3600000}, {PL_RELAY_SET_DEAD_AFTER_MS, 7200000}, \
                          __VA_ARGS__)                                                                     \
  }

int main(void) {
  const struct CMUnitTest tests[] = {
      NAMEPLATES_TEST(test_made_and_claimed),
      NAMEPLATES_TEST(test_numbers),
      NAMEPLATES_TEST(test_limits_of_an_id),
      NAMEPLATES_TEST(test_limits_of_all, {PL_RELAY_SET_CODES_TOTAL, 3}, {PL_RELAY_SET_CODES_PER_MINUTE, 4}),
      NAMEPLATES_TEST(test_address_rate, {PL_RELAY_SET_CODES_TOTAL, 3}, {PL_RELAY_SET_CODES_PER_MINUTE, 4}),
      NAMEPLATES_TEST(test_expiry),
      NAMEPLATES_TEST(test_owner_comes_back),
      NAMEPLATES_TEST(test_wanted_numbers),
      NAMEPLATES_TEST(test_wrong_payloads),
      NAMEPLATES_TEST(test_misses),
      NAMEPLATES_TEST(test_claims_of_an_address, {PL_RELAY_SET_CLAIMS_PER_MINUTE, 2}),
      NAMEPLATES_TEST(test_undecided_claims),
      NAMEPLATES_TEST(test_no_knock),
      NAMEPLATES_TEST(test_memory_faults),
      workers_test(test_across_workers),
      workers_test(test_told_again),
      workers_test(test_one_number_twice),
      workers_test(test_number_given_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
