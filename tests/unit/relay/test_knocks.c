/* Friends and strangers at the relay: allow and block lists, pairs that were linked before, budgets of knocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define LINK(generation, slot) ((uint32_t)(generation) << 16 | (slot))

static void list(client *c, uint8_t op, const client *about) {
  uint8_t payload[34] = {op, 1};
  memcpy(payload + 2, about->identity.id, 32);
  client_send(c, PL_ENV_PEERS, 0, 0, payload, sizeof payload);
}

/* Returns the reason of a RESET that came, or 0 when none did. */
static int reset_of(client *c) {
  for (const seen *s; (s = client_next(c));)
    if (s->type == PL_ENV_RESET) return pl_get_u16(s->payload);
  return 0;
}

static uint32_t offer_of(client *c) {
  for (const seen *s; (s = client_next(c));)
    if (s->type == PL_ENV_OFFER) return s->link;
  return 0;
}

static void call(client *from, uint16_t slot, const client *to) {
  client_open(from, LINK(1, slot), to, "one", 3);
}

static void test_blocked_is_like_absent(void **state) {
  world *w = *state;
  client *all[] = {client_ready(w, 1), client_ready(w, 2), client_ready(w, 2)}, *a = all[0], *b = all[1];
  list(all[2], PL_CONST_PEERS_BLOCK, a); /* said by another instance of the same ID */
  list(b, PL_CONST_PEERS_ALLOW, a);
  call(a, 0, b);
  assert_int_equal(offer_of(b), 0);
  world_pass(w, w->settings[PL_RELAY_SET_OPEN_TIMEOUT_MS] - 1);
  assert_int_equal(reset_of(a), 0);
  world_pass(w, 1);
  assert_int_equal(reset_of(a), PL_REASON_UNAVAILABLE);
  list(all[2], PL_CONST_PEERS_FORGET, a);
  call(a, 1, b);
  assert_true(offer_of(b) || offer_of(all[2]));
}

static void test_knocks_of_a_caller(void **state) {
  world *w = *state;
  client *all[] = {client_ready(w, 1), client_ready(w, 2), client_ready(w, 3)}, *a = all[0];
  call(a, 0, all[1]);
  call(a, 1, all[1]);
  assert_int_equal(reset_of(a), 0);
  call(a, 2, all[1]);
  assert_int_equal(reset_of(a), PL_REASON_RATE);
  list(all[2], PL_CONST_PEERS_ALLOW, a); /* it may still call a friend */
  call(a, 3, all[2]);
  assert_int_equal(reset_of(a), 0);
  assert_true(offer_of(all[2]));
  world_pass(w, 60000); /* everything taken is paid for */
  (void)reset_of(a);
}

static void test_knocks_of_an_address(void **state) {
  world *w = *state;
  client *all[] = {client_ready(w, 1), client_ready(w, 2), client_ready(w, 3)};
  call(all[0], 0, all[1]);
  call(all[0], 1, all[1]);
  assert_int_equal(reset_of(all[0]), PL_REASON_RATE);
  call(all[2], 0, all[1]);
  assert_int_equal(reset_of(all[2]), 0);
}

/* Strangers use up the budgets of strangers. Callers that were linked or are allowed still get through. */
static void test_floods_lock_no_friend_out(void **state) {
  world *w = *state;
  client *all[] = {client_ready(w, 1), client_ready(w, 2), client_ready(w, 3), client_ready(w, 4)}, *me = all[0],
         *friend = all[1], *allowed = all[3];
  call(me, 0, friend); /* linked once, by my call; that counts both ways */
  client_send(friend, PL_ENV_ACCEPT, 0, offer_of(friend), "two", 3);
  client_send(me, PL_ENV_RESET, 0, LINK(1, 0), "\0\1", 2);
  list(me, PL_CONST_PEERS_ALLOW, allowed);
  for (uint16_t i = 0; i < 10; i++) call(all[2], i, me);
  assert_true(offer_of(me));
  assert_int_equal(offer_of(me), 0);
  call(friend, 0, me);
  assert_true(offer_of(me));
  call(allowed, 0, me);
  assert_true(offer_of(me));
  world_pass(w, w->settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]);
  assert_int_equal(reset_of(all[2]), PL_REASON_UNAVAILABLE); /* RATE would tell that the callee is there */
  call(all[2], 100, me);
  assert_int_equal(offer_of(me), 0); /* KNOCKS_PER_CALLEE is used up, though no call is waiting */
}

static void test_lists_are_bounded(void **state) {
  world *w = *state;
  client *all[] = {client_ready(w, 1), client_ready(w, 2), client_ready(w, 3)}, *me = all[0];
  uint8_t payload[2 + 32 * 32] = {PL_CONST_PEERS_BLOCK, 32};
  for (uint8_t round = 0; round < 8; round++) {
    for (size_t i = 0; i < 32; i++) pl_put_u32(payload + 2 + 32 * i, (uint32_t)(round % 4 * 32 + i + 1));
    client_send(me, PL_ENV_PEERS, 0, 0, payload, sizeof payload);
  }
  list(me, PL_CONST_PEERS_BLOCK, all[1]); /* no room left */
  call(all[1], 0, me);
  assert_true(offer_of(me));
  for (uint8_t round = 0; round < 4; round++) {
    payload[0] = PL_CONST_PEERS_FORGET;
    for (size_t i = 0; i < 32; i++) pl_put_u32(payload + 2 + 32 * i, (uint32_t)(round * 32 + i + 1));
    client_send(me, PL_ENV_PEERS, 0, 0, payload, sizeof payload);
  }
  list(me, PL_CONST_PEERS_ALLOW, all[2]);
  call(all[2], 0, me); /* the one knock is used up, but friends need none */
  assert_true(offer_of(me));
}

static void test_wrong_lists(void **state) {
  world *w = *state;
  static const struct {
    uint8_t bytes[2];
    size_t size;
    uint32_t link;
  } cases[] = {{{0, 0}, 2, 0},  {{4, 0}, 2, 0}, {{1, 33}, 2 + 33 * 32, 0},
               {{1, 2}, 34, 0}, {{1}, 1, 0},    {{1, 0}, 2, 65536}};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    uint8_t payload[2000] = {0};
    client *c = client_ready(w, 1);
    memcpy(payload, cases[i].bytes, 2);
    client_send(c, PL_ENV_PEERS, 0, cases[i].link, payload, cases[i].size);
    assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
    client_free(c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      world_test(test_blocked_is_like_absent),
      world_test_with(test_knocks_of_a_caller, {PL_RELAY_SET_KNOCKS_PER_CALLER, 2}),
      world_test_with(test_knocks_of_an_address, {PL_RELAY_SET_KNOCKS_PER_ADDRESS, 1}),
      world_test_with(test_floods_lock_no_friend_out, {PL_RELAY_SET_KNOCKS_PER_CALLEE, 2},
                      {PL_RELAY_SET_OFFERS_PER_ID, 1}),
      world_test_with(test_lists_are_bounded, {PL_RELAY_SET_PEERS_PER_SOCKET, 40}, {PL_RELAY_SET_KNOCKS_PER_CALLEE, 1}),
      world_test(test_wrong_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
