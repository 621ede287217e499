/* How many connections one address has, to the connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/core/forwarded.h"
#include "relay/core/keys.h"
#include "relay/core/state.h"
#include "world.h"

/* SOCKETS_MAX is 100, of which one address may have a tenth, and this many more that are only told so. */
enum { SHARE = 10, SPARE = 64, PLACES = 16384 /* in each of two rows */ };

static void test_the_share_of_an_address(void **state) {
  world *w = *state;
  client *all[SHARE + SPARE];
  for (size_t i = 0; i < SHARE + SPARE; i++) {
    all[i] = client_new_at(w, (uint16_t)i, 1);
    assert_non_null(all[i]->conn);
    assert_int_equal(all[i]->conn->prologue->over_limit, i >= SHARE);
  }
  assert_null(client_new_at(w, 200, 1)->conn);
  client *other = client_new_at(w, 201, 2);
  assert_false(other->conn->prologue->over_limit);
  client_hang_up(all[0]);
  client *again = client_new_at(w, 202, 1);
  assert_true(again->conn->prologue->over_limit);
  assert_null(client_new_at(w, 203, 1)->conn);
  client_upgrade(all[SHARE]);
  assert_int_equal(client_refusal(all[SHARE]), PL_REASON_FULL);
  client_login(all[1], true);
  assert_int_equal(pl_relay_get_stats(w->relay).ready, 1);
}

static void test_this_machine_is_exempt(void **state) {
  world *w = *state;
  for (uint16_t i = 0; i < SHARE + 5; i++) assert_false(client_new_at(w, i, HOME_LOCAL)->conn->prologue->over_limit);
}

/* Places of an address are in two rows. Others at its place in one of them do not count for it. */
static void test_the_smaller_count_is_true(void **state) {
  world *w = *state;
  _Atomic uint32_t *counts = w->relay->shared->crowd.counts;
  for (size_t row = 0; row < 2; row++) {
    for (size_t i = 0; i < PLACES; i++) counts[row * PLACES + i] += 1000;
    client *c = client_new_at(w, 1, 1);
    assert_non_null(c->conn);
    assert_false(c->conn->prologue->over_limit);
    client_free(c);
    for (size_t i = 0; i < PLACES; i++) counts[row * PLACES + i] -= 1000;
  }
}

/* Behind a trusted proxy, connections count for the address that it names. */
static void test_the_share_of_an_address_behind_a_proxy(void **state) {
  static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n";
  static const char range[] = "2001:db8::/32";
  world *w = *state;
  static pl_relay_cidr proxies;
  assert_int_equal(pl_relay_cidr_parse((pl_view){(const uint8_t *)range, sizeof range - 1}, &proxies), 0);
  w->trusted = &proxies;
  world_restart(w);
  for (uint16_t i = 0; i <= SHARE + SPARE; i++) {
    client *c = client_new_at(w, i, 1);
    client_receive(c, get, sizeof get - 1);
    world_turn(w);
    assert_memory_equal(c->http, i < SHARE ? "HTTP/1.1 404" : i < SHARE + SPARE ? "HTTP/1.1 503" : "HTTP/1.1 429", 12);
  }
  w->trusted = NULL;
}

/* An address is an IPv4 address, or the /56 of an IPv6 one. */
static void test_what_counts_as_one_address(void **state) {
  const pl_relay *relay = ((world *)*state)->relay;
  for (unsigned byte = 0; byte < 16; byte++) {
    uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5}, v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, 0, 2, 1};
    const uint64_t of_v6 = pl_relay_address_key(relay, v6), of_v4 = pl_relay_address_key(relay, v4);
    v6[byte] ^= 1;
    v4[byte] ^= 1;
    assert_int_equal(pl_relay_address_key(relay, v6) != of_v6, byte < 7);
    assert_true(pl_relay_address_key(relay, v4) != of_v4);
  }
}

#define CROWD_TEST(test) \
  world_test_with(test, {PL_RELAY_SET_SOCKETS_MAX, 100}, {PL_RELAY_SET_ADDRESS_SHARE_PERCENT, 10})

int main(void) {
  const struct CMUnitTest tests[] = {
      CROWD_TEST(test_the_share_of_an_address),    CROWD_TEST(test_this_machine_is_exempt),
      CROWD_TEST(test_the_smaller_count_is_true),  CROWD_TEST(test_the_share_of_an_address_behind_a_proxy),
      world_test(test_what_counts_as_one_address),
  };
  return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
