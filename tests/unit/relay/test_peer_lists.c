/* Lists of allowed and blocked IDs, against a plain table that holds the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/peers.h"

enum { KEYS = 100, LIMIT = 80 };
enum { ABSENT, ALLOWED, BLOCKED };

static pl_relay relay;
static pl_relay_peer_list list;

static int setup(void **state) {
  (void)state;
  relay = (pl_relay){0};
  relay.config.settings[PL_RELAY_SET_PEERS_PER_SOCKET] = LIMIT;
  relay.config.settings[PL_RELAY_SET_PEERS_TOTAL] = 1000;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  pl_relay_peers_deinit(&relay, &list);
  assert_int_equal(relay.peer_entries, 0);
  return 0;
}

/* Keys in no order, none of which has the flag of a block. */
static uint64_t key_of(uint32_t i) {
  return (i * UINT64_C(0x9e3779b97f4a7c15)) & ~(uint64_t)PL_RELAY_PEERS_BLOCK;
}

static bool set(uint32_t i, int form) {
  return pl_relay_peers_set(&relay, &list, key_of(i) | (form == BLOCKED ? PL_RELAY_PEERS_BLOCK : 0), form == ABSENT);
}

static int form_of(uint32_t i) {
  bool allowed = false, blocked = false;
  pl_relay_peers_ask(&list, key_of(i), &allowed, &blocked);
  assert_false(allowed && blocked);
  return allowed ? ALLOWED : blocked ? BLOCKED : ABSENT;
}

static void test_as_a_plain_table(void **state) {
  int forms[KEYS] = {ABSENT};
  uint32_t count = 0, random = 1;
  (void)state;
  for (uint32_t step = 0; step < 5000; step++) {
    random = random * 1103515245 + 12345;
    uint32_t i = random / 65536 % KEYS;
    int form = (int)(random / 16777216 % 8);
    form = form < 4 ? ALLOWED : form < 6 ? BLOCKED : ABSENT;
    bool fits = form == ABSENT || forms[i] != ABSENT || count < LIMIT;
    assert_int_equal(set(i, form), fits && forms[i] != form);
    if (fits) {
      count += (form != ABSENT) - (uint32_t)(forms[i] != ABSENT);
      forms[i] = form;
    }
    assert_int_equal(list.count, count);
    assert_int_equal(relay.peer_entries, count);
    for (uint32_t k = 0; k < KEYS; k++) assert_int_equal(form_of(k), forms[k]);
  }
}

static void test_limits(void **state) {
  (void)state;
  for (uint32_t i = 0; i < LIMIT; i++) assert_true(set(i, ALLOWED));
  assert_false(set(LIMIT, ALLOWED));
  assert_true(set(3, BLOCKED)); /* it has a place already */
  assert_true(set(4, ABSENT));
  assert_true(set(LIMIT, ALLOWED));
  relay.peer_entries = 1000; /* of other sockets, too */
  assert_true(set(5, ABSENT));
  assert_true(set(5, ALLOWED));
  assert_true(set(6, ABSENT));
  relay.peer_entries = 1000;
  assert_false(set(6, ALLOWED));
  relay.peer_entries = list.count;
}

static void test_no_memory(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 32; i++) assert_true(set(i, ALLOWED));
  pl_alloc_fail_at(1);
  assert_false(set(32, ALLOWED));
  pl_alloc_fail_at(0);
  assert_int_equal(list.count, 32);
  assert_true(set(32, ALLOWED));
  for (uint32_t i = 0; i < 33; i++) assert_int_equal(form_of(i), ALLOWED);
}

static void test_an_entry_allows(void **state) {
  uint8_t id[32] = {0};
  (void)state;
  for (; id[0] < 200; id[0]++) assert_int_equal(pl_relay_peers_entry(&relay, id) & PL_RELAY_PEERS_BLOCK, 0);
}

#define LIST_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      LIST_TEST(test_as_a_plain_table),
      LIST_TEST(test_limits),
      LIST_TEST(test_no_memory),
      LIST_TEST(test_an_entry_allows),
  };
  return cmocka_run_group_tests_name("peer lists", tests, NULL, NULL);
}
