/* Friends and strangers at the relay: allow and block lists, pairs that were linked before, budgets of knocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/accounts.h"
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

/* ---- shares, to the entry and the knock -------------------------------------------------------------------------- */

static client *ready_at(world *w, uint16_t seed, uint8_t home) {
  client *c = client_new_at(w, seed, home);
  client_login(c, true);
  return c;
}

/* Lists IDs with these numbers. */
static void list_numbers(client *c, uint8_t op, uint32_t first, uint8_t count) {
  uint8_t payload[2 + 32 * 32] = {op, count};
  for (uint32_t i = 0; i < count; i++) pl_put_u32(payload + 2 + 32 * i, first + i + 1);
  client_send(c, PL_ENV_PEERS, 0, 0, payload, 2 + 32 * (size_t)count);
}

/* One address has a quarter of 100 entries, which are free again when its sockets change them or leave. */
static void test_an_address_has_a_share_of_all_lists(void **state) {
  world *w = *state;
  client *a = ready_at(w, 1, 1), *b = ready_at(w, 2, 1), *other = ready_at(w, 3, 2);
  list_numbers(a, PL_CONST_PEERS_ALLOW, 0, 20);
  list_numbers(b, PL_CONST_PEERS_BLOCK, 0, 30);
  assert_int_equal(b->conn->peers.count, 5);
  list_numbers(other, PL_CONST_PEERS_ALLOW, 0, 25);
  assert_int_equal(other->conn->peers.count, 25);
  list_numbers(a, PL_CONST_PEERS_FORGET, 0, 3);
  list_numbers(b, PL_CONST_PEERS_BLOCK, 100, 32);
  assert_int_equal(b->conn->peers.count, 8);
  client_hang_up(a);
  list_numbers(b, PL_CONST_PEERS_BLOCK, 200, 32);
  assert_int_equal(b->conn->peers.count, 25);
  assert_int_equal(b->conn->account->peer_entries, 25);
}

/* The entries of a client that logs in elsewhere, or again, do not count twice. */
static void test_the_share_of_a_client_of_this_machine(void **state) {
  world *w = *state;
  client *a = ready_at(w, 1, HOME_LOCAL), *again = ready_at(w, 1, HOME_LOCAL);
  list_numbers(a, PL_CONST_PEERS_ALLOW, 0, 20);
  assert_ptr_equal(a->conn->account, again->conn->account); /* that of its ID */
  assert_int_equal(again->conn->account->peer_entries, 20);
  client_hang_up(a);
  assert_int_equal(again->conn->account->peer_entries, 0);
}

/* Returns true when the stranger's call reaches the callee. It is given up, so that it is not undecided any more. */
static bool knocks(client *from, client *to) {
  static uint16_t generation = 0;
  generation++;
  client_open(from, LINK(generation, 0), to, "one", 3);
  bool offered = offer_of(to) != 0;
  client_send(from, PL_ENV_RESET, 0, LINK(generation, 0), "\0\1", 2);
  (void)reset_of(to);
  return offered;
}

static void test_the_part_of_one_caller(void **state) {
  world *w = *state;
  client *me = ready_at(w, 100, 100), *a = ready_at(w, 1, 1);
  assert_true(knocks(a, me));
  assert_true(knocks(a, me));
  assert_false(knocks(a, me)); /* an eighth of 16 */
  assert_true(knocks(ready_at(w, 2, 2), me));
}

/* Half of 16 is for one address. A quarter of that is kept for callers that have not knocked yet. */
static void test_the_part_of_one_address(void **state) {
  world *w = *state;
  client *me = ready_at(w, 100, 100), *c[6];
  for (uint16_t i = 0; i < 6; i++) c[i] = ready_at(w, i + 1u, 1);
  for (size_t i = 0; i < 3; i++) assert_true(knocks(c[i], me) && knocks(c[i], me));
  assert_true(knocks(c[3], me));
  assert_false(knocks(c[3], me));
  assert_true(knocks(c[4], me));
  assert_false(knocks(c[5], me));
}

/* A quarter of all is kept for addresses that have not knocked yet. */
static void test_what_is_kept_for_new_addresses(void **state) {
  world *w = *state;
  client *me = ready_at(w, 100, 100);
  for (uint16_t i = 0; i < 8; i++) assert_true(knocks(ready_at(w, i + 1u, 1), me));
  for (uint16_t i = 0; i < 4; i++) assert_true(knocks(ready_at(w, i + 11u, 2), me));
  assert_false(knocks(ready_at(w, 20, 2), me));
  for (uint16_t i = 0; i < 4; i++) {
    assert_true(knocks(ready_at(w, i + 30u, (uint8_t)(i + 3)), me));
    assert_false(knocks(ready_at(w, i + 40u, (uint8_t)(i + 3)), me));
  }
  assert_false(knocks(ready_at(w, 50, 50), me));
}

/* Of 8 undecided calls of strangers to one ID, the last quarter is kept for addresses that have not knocked yet. */
static void test_undecided_calls_of_strangers(void **state) {
  world *w = *state;
  client *me = ready_at(w, 100, 100);
  for (uint16_t i = 0; i < 8; i++) {
    call(ready_at(w, i + 1u, 1), 0, me);
    assert_int_equal(offer_of(me) != 0, i < 6);
  }
  for (uint16_t i = 0; i < 4; i++) {
    call(ready_at(w, i + 20u, (uint8_t)(i + 2)), 0, me);
    assert_int_equal(offer_of(me) != 0, i < 2);
  }
}

/* Calls this client until no more offers fit what may wait for it. Each OPEN has a handshake of this size. */
static size_t flood(world *w, client *me, uint16_t first_seed, bool as_friends) {
  enum { HANDSHAKE = 1900, CALLERS = 16, CALLS = 8 };
  static const uint8_t handshake[HANDSHAKE];
  for (uint16_t i = 0; i < CALLERS; i++) {
    client *c = ready_at(w, first_seed + i, (uint8_t)(first_seed + i));
    if (as_friends) list(me, PL_CONST_PEERS_ALLOW, c);
    for (uint32_t slot = 0; slot < CALLS; slot++) client_open(c, LINK(1, slot), me, handshake, HANDSHAKE);
  }
  return me->conn->control.size;
}

/* A client does not read. Offers of strangers fill 40 % of what waits for it besides data, those of friends 60 %. */
static void test_offers_to_a_client_that_does_not_read(void **state) {
  enum { ALL = 65536, OFFER = 2000 };
  client *me = ready_at(*state, 200, 200);
  me->reads = false;
  assert_in_range(flood(*state, me, 1, false), ALL * 40 / 100 - OFFER, ALL * 40 / 100);
  assert_in_range(flood(*state, me, 50, true), ALL * 60 / 100 - OFFER, ALL * 60 / 100);
}

/* What could not be offered has used no number: each slot's first link has its first generation. */
static void test_a_refused_offer_uses_no_number(void **state) {
  client *me = ready_at(*state, 200, 200);
  uint32_t next = 0;
  me->reads = false;
  (void)flood(*state, me, 1, false);
  me->reads = true;
  client_writable(me);
  for (uint32_t link; (link = offer_of(me));) assert_int_equal(link, pl_link_number_make(true, 1, next++));
  assert_in_range(next, 1, 16 * 8 - 1); /* some were refused */
  call(ready_at(*state, 199, 199), 0, me);
  assert_int_equal(offer_of(me), pl_link_number_make(true, 1, next));
}

static size_t told;
static uint8_t told_of[8][32];

static void linked(void *user, const uint8_t id[32]) {
  (void)user;
  memcpy(told_of[told++ % 8], id, 32);
}

/* The store is told of both IDs when they are linked for the first time. */
static void test_a_first_link_is_told(void **state) {
  world *w = *state;
  client *a = ready_at(w, 1, 1), *b = ready_at(w, 2, 2);
  told = 0;
  w->relay->config.hooks.linked = linked;
  for (uint16_t i = 0; i < 3; i++) {
    call(a, i, b);
    client_send(b, PL_ENV_ACCEPT, 0, offer_of(b), "two", 3);
    assert_int_equal(told, 2);
  }
  bool a_first = memcmp(told_of[0], a->identity.id, 32) == 0;
  assert_memory_equal(told_of[!a_first], a->identity.id, 32);
  assert_memory_equal(told_of[a_first], b->identity.id, 32);
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
      world_test_with(test_an_address_has_a_share_of_all_lists, {PL_RELAY_SET_PEERS_TOTAL, 100}),
      world_test(test_the_share_of_a_client_of_this_machine),
      world_test_with(test_the_part_of_one_caller, {PL_RELAY_SET_KNOCKS_PER_CALLEE, 16}),
      world_test_with(test_the_part_of_one_address, {PL_RELAY_SET_KNOCKS_PER_CALLEE, 16}),
      world_test_with(test_what_is_kept_for_new_addresses, {PL_RELAY_SET_KNOCKS_PER_CALLEE, 16}),
      world_test_with(test_undecided_calls_of_strangers, {PL_RELAY_SET_OFFERS_PER_ID, 8}),
      world_test(test_offers_to_a_client_that_does_not_read),
      world_test(test_a_refused_offer_uses_no_number),
      world_test(test_a_first_link_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
