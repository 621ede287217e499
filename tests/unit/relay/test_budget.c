/* The budget of bytes that wait in one process, to the byte: who is refused, and who pays. Connections are said to hold
 * bytes, so no traffic has to make them up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/accounts.h"
#include "relay/core/budget.h"
#include "relay/core/router.h"
#include "world.h"

enum { TOTAL = 4000000, CALLS = 3000000, QUEUES = 3600000, RECORD = 60000 };

#define LINK(slot) (0x10000u | (slot))

static client *at_home(world *w, uint16_t seed, uint8_t home) {
  client *c = client_new_at(w, seed, home);
  client_login(c, true);
  return c;
}

/* Lets the connection hold this many bytes instead of what it was last said to hold. */
static void hold(client *c, size_t bytes) {
  pl_relay_hold(c->conn, bytes, c->conn->held);
}

static bool refuses(const client *c) {
  return pl_relay_budget_refuses(c->conn);
}

static void test_most_is_held_before_anybody_is_refused(void **state) {
  client *a = at_home(*state, 1, 1);
  hold(a, CALLS);
  assert_false(refuses(a));
  hold(a, CALLS + 1);
  assert_true(refuses(a));
  hold(a, 0);
}

/* Two accounts hold anything, so the share of each is half. In the second one are two connections. */
static void test_shares_of_accounts_and_of_connections(void **state) {
  client *a = at_home(*state, 1, 1), *b = at_home(*state, 2, 2), *c = at_home(*state, 3, 2);
  client *nothing = at_home(*state, 4, 3);
  hold(a, CALLS / 2 + 1);
  hold(b, CALLS / 2);
  assert_true(refuses(a));
  assert_false(refuses(b)); /* its account holds just its share */
  hold(a, CALLS / 2);
  hold(b, CALLS / 2 + 1);
  assert_false(refuses(a));
  assert_true(refuses(b));
  assert_false(refuses(c));
  hold(b, CALLS / 4);
  hold(c, CALLS / 4 + 1);
  assert_false(refuses(b)); /* just its share of the account's */
  assert_true(refuses(c));
  assert_false(refuses(nothing));
  hold(a, 0);
  hold(b, 0);
  hold(c, 0);
}

/* With very many holders, each may still hold one full output buffer. */
static void test_a_share_is_at_least_a_buffer(void **state) {
  client *all[40];
  for (uint8_t i = 0; i < 40; i++) {
    all[i] = at_home(*state, i + 1u, i + 1);
    hold(all[i], i == 0 ? PL_RELAY_OUT_LARGE : 80000);
  }
  assert_true((*all)->conn->relay->queued_bytes > CALLS);
  assert_false(refuses(all[0]));
  hold(all[0], PL_RELAY_OUT_LARGE + 1);
  assert_true(refuses(all[0]));
  for (size_t i = 0; i < 40; i++) hold(all[i], 0);
}

static void test_full_is_beyond_nine_tenths(void **state) {
  world *w = *state;
  client *a = at_home(w, 1, 1);
  hold(a, QUEUES);
  assert_false(pl_relay_budget_is_full(w->relay));
  assert_null(pl_relay_budget_next_to_pay(w->relay));
  hold(a, QUEUES + 1);
  assert_true(pl_relay_budget_is_full(w->relay));
  hold(a, 0);
}

/* ---- who pays ---------------------------------------------------------------------------------------------------- */

static uint32_t join(client *caller, uint32_t link, client *callee) {
  uint32_t number = 0;
  client_open(caller, link, callee, "one", 3);
  for (const seen *s; (s = client_next(callee));)
    if (s->type == PL_ENV_OFFER) number = s->link;
  client_send(callee, PL_ENV_ACCEPT, 0, number, "two", 3);
  assert_int_equal(client_next(caller)->type, PL_ENV_ACCEPT);
  return number;
}

static void send_records(client *from, uint32_t link, size_t count) {
  static const uint8_t record[RECORD];
  for (size_t i = 0; i < count; i++) client_send(from, PL_ENV_DATA, 0, link, record, RECORD);
}

static void add(client *c, size_t bytes) {
  pl_relay_hold(c->conn, bytes, 0);
}

static void take_off(client *c, size_t bytes) {
  pl_relay_hold(c->conn, 0, bytes);
}

/* Without queues, connections of the largest account end, the largest first, while the budget is full. */
static void test_the_largest_connection_of_the_largest_account_ends(void **state) {
  world *w = *state;
  client *a = at_home(w, 1, 1), *b = at_home(w, 2, 2), *c = at_home(w, 3, 2), *d = at_home(w, 4, 2);
  hold(a, QUEUES / 3);
  hold(b, 1000);
  hold(c, QUEUES);
  hold(d, 2000);
  assert_null(pl_relay_budget_next_to_pay(w->relay));
  assert_ptr_equal(PL_CONTAINER(w->relay->aborted.next, pl_relay_conn, timed), c->conn);
  hold(a, 0);
  hold(b, 0);
  hold(c, 0);
  hold(d, 0);
  world_turn(w);
  assert_true(b->aborted && c->aborted && d->aborted); /* they were still said to hold it, so all had to pay */
  assert_false(a->aborted);
}

static void test_a_queue_pays_before_a_connection(void **state) {
  world *w = *state;
  client *from = at_home(w, 1, 1), *reader = at_home(w, 2, 2), *holder = at_home(w, 3, 2), *other = at_home(w, 4, 3);
  client *first = at_home(w, 5, 2); /* holds a small queue before the others hold anything */
  join(from, LINK(0), reader);
  uint32_t larger = join(from, LINK(1), reader);
  join(from, LINK(2), reader);
  join(from, LINK(3), other);
  join(from, LINK(4), first);
  first->reads = reader->reads = other->reads = false;
  send_records(from, LINK(4), 3);
  add(holder, 1000);
  send_records(from, LINK(0), 3);
  send_records(from, LINK(1), 4);
  send_records(from, LINK(2), 2);
  send_records(from, LINK(3), 8);
  add(holder, QUEUES - 600000);
  const pl_relay_half *pays = pl_relay_budget_next_to_pay(w->relay);
  assert_non_null(pays);
  assert_ptr_equal(pays->conn, reader->conn);
  assert_int_equal(pays->number, larger);
  assert_false(holder->aborted);
  take_off(holder, QUEUES - 600000 + 1000);
}

/* What the largest account holds cannot be given up: then the largest queue of all others is. */
static void test_a_queue_of_another_account_pays(void **state) {
  world *w = *state;
  client *from = at_home(w, 1, 1), *gone = at_home(w, 2, 2), *small = at_home(w, 3, 3), *large = at_home(w, 4, 4);
  join(from, LINK(0), small);
  join(from, LINK(1), large);
  small->reads = large->reads = false;
  send_records(from, LINK(0), 4);
  send_records(from, LINK(1), 6);
  add(gone, QUEUES);
  const pl_relay_half *pays = pl_relay_budget_next_to_pay(w->relay);
  assert_non_null(pays);
  assert_ptr_equal(pays->conn, large->conn);
  take_off(gone, QUEUES);
  world_turn(w);
  assert_true(gone->aborted);
}

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

/* A client of this machine belongs to an account of its connection, then to one of its ID. What waits for it meanwhile
 * moves with it. */
static void test_what_waits_moves_at_the_login(void **state) {
  world *w = *state;
  client *c = client_new_at(w, 1, HOME_LOCAL);
  client_upgrade(c);
  c->reads = false;
  const uint8_t ping[] = {0x89, 0x84, 0, 0, 0, 0, 'p', 'i', 'n', 'g'};
  client_receive(c, ping, sizeof ping);
  const uint64_t waiting = w->relay->queued_bytes;
  assert_true(waiting > 0);
  const pl_relay_account *before = c->conn->account;
  uint8_t login[512];
  size_t n = client_make_login(c, true, login);
  w->hold_lookups = true;
  client_send(c, PL_ENV_LOGIN, 0, 0, login, n);
  world_answer(w);
  assert_ptr_not_equal(c->conn->account, before);
  assert_in_range(c->conn->held, waiting, 100000);
  assert_int_equal(c->conn->account->held, c->conn->held);
  assert_int_equal(w->relay->queued_bytes, c->conn->held);
  assert_int_equal(w->relay->accounts.holders, 1);
}

/* More accounts than there are places at first: each is still found, and counts its connections. */
static void test_many_accounts(void **state) {
  enum { MANY = 600 };
  world *w = *state;
  const uint8_t challenge[32] = {1};
  pl_relay_conn *all[2][MANY];
  for (size_t round = 0; round < 2; round++)
    for (uint32_t i = 0; i < MANY; i++) {
      uint8_t address[16] = {0x20, 1};
      pl_put_u32(address + 2, i);
      all[round][i] = pl_relay_open(w->relay, address, challenge, NULL, w->now_ms);
      assert_non_null(all[round][i]);
    }
  assert_int_equal(w->relay->accounts.count, MANY);
  for (size_t i = 0; i < MANY; i++) {
    assert_ptr_equal(all[0][i]->account, all[1][i]->account);
    assert_int_equal(all[0][i]->account->conn_count, 2);
  }
  for (size_t i = 0; i < MANY; i++) {
    pl_relay_closed(all[0][i], w->now_ms);
    pl_relay_closed(all[1][i], w->now_ms);
  }
  assert_int_equal(w->relay->accounts.count, 0);
}

/* The same for IDs. */
static void test_many_ids(void **state) {
  enum { MANY = 600 };
  world *w = *state;
  pl_relay_presence *all[MANY];
  uint8_t id[32] = {0};
  for (uint32_t i = 0; i < MANY; i++) {
    pl_put_u32(id, i);
    assert_null(pl_relay_router_get(w->relay, id, false));
    all[i] = pl_relay_router_get(w->relay, id, true);
    assert_non_null(all[i]);
  }
  assert_true(w->relay->bucket_count > MANY);
  for (uint32_t i = 0; i < MANY; i++) {
    pl_put_u32(id, i);
    assert_ptr_equal(pl_relay_router_get(w->relay, id, true), all[i]);
    pl_relay_router_release(w->relay, all[i]);
    assert_null(pl_relay_router_get(w->relay, id, false));
  }
  assert_int_equal(w->relay->presence_count, 0);
}

#define BUDGET_TEST(test) world_test_with(test, {PL_RELAY_SET_QUEUE_TOTAL_MAX, TOTAL})

int main(void) {
  const struct CMUnitTest tests[] = {
      BUDGET_TEST(test_most_is_held_before_anybody_is_refused),
      BUDGET_TEST(test_shares_of_accounts_and_of_connections),
      BUDGET_TEST(test_a_share_is_at_least_a_buffer),
      BUDGET_TEST(test_full_is_beyond_nine_tenths),
      BUDGET_TEST(test_the_largest_connection_of_the_largest_account_ends),
      BUDGET_TEST(test_a_queue_pays_before_a_connection),
      BUDGET_TEST(test_a_queue_of_another_account_pays),
      world_test(test_what_waits_moves_at_the_login),
      world_test(test_many_accounts),
      world_test(test_many_ids),
  };
  return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
