/* What workers tell each other about sockets and their lists: changes, lists that had to wait, logins that arrive in
 * another order, and everything again after a loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/bus.h"
#include "relay/core/keys.h"
#include "relay/core/router.h"
#include "workers.h"

enum { LINK = 0x00010000, MUCH = 1 << 20 /* from here on a worker is busy */ };

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void say_peer(client *c, uint8_t op, const client *peer) {
  uint8_t payload[34] = {op, 1};
  memcpy(payload + 2, peer->identity.id, 32);
  client_send(c, PL_ENV_PEERS, 0, 0, payload, sizeof payload);
}

/* Returns true when a call of `a` reaches `b`; the call is given up. */
static bool reaches(workers *all, client *a, client *b, uint32_t link) {
  client_open(a, link, b, "one", 3);
  workers_settle(all);
  const seen *s = client_next(b);
  bool offered = s && s->type == PL_ENV_OFFER;
  client_send(a, PL_ENV_RESET, 0, link, "\x00\x05", 2);
  workers_settle(all);
  while (client_next(b)) {
  }
  return offered;
}

static void test_forgetting_one_keeps_the_others(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true),
         *c = workers_login(all, 0, 3, false);
  say_peer(b, PL_CONST_PEERS_BLOCK, a);
  say_peer(b, PL_CONST_PEERS_BLOCK, c);
  say_peer(b, PL_CONST_PEERS_FORGET, a);
  workers_settle(all);
  assert_true(reaches(all, a, b, LINK));
  assert_false(reaches(all, c, b, LINK));
}

/* A worker reads nothing, and worker 1 holds enough for it that lists have to wait, too. */
static void make_busy(workers *all, unsigned worker) {
  static const uint8_t payload[60000];
  pl_relay_bus_node *node = &all->w[1].relay->nodes[worker];
  all->pipes[1][worker].stalled = true;
  while (node->conn.control.size < MUCH) pl_relay_bus_say(node, PL_RELAY_BUS_PEERS, payload, sizeof payload);
}

static void go_on(workers *all, unsigned worker) {
  all->pipes[1][worker].stalled = false;
  workers_settle(all);
}

/* While a worker is busy, an entry is forgotten that it was told of before. */
static void test_a_late_list_replaces_the_earlier_one(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true),
         *c = workers_login(all, 0, 3, false);
  say_peer(b, PL_CONST_PEERS_BLOCK, a);
  workers_settle(all);
  assert_false(reaches(all, a, b, LINK));
  make_busy(all, 0);
  say_peer(b, PL_CONST_PEERS_FORGET, a);
  say_peer(b, PL_CONST_PEERS_BLOCK, c);
  assert_int_equal(all->w[1].relay->nodes[0].untold, 1);
  go_on(all, 0);
  assert_int_equal(all->w[1].relay->nodes[0].untold, 0);
  assert_true(reaches(all, a, b, LINK));
  assert_false(reaches(all, c, b, LINK));
}

/* One list waits for one worker, another list for two. */
static void test_lists_wait_for_each_worker(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true), *c = workers_login(all, 1, 3, true);
  make_busy(all, 0);
  say_peer(b, PL_CONST_PEERS_BLOCK, a);
  workers_settle(all);
  make_busy(all, 2);
  say_peer(c, PL_CONST_PEERS_BLOCK, a);
  const pl_relay_bus_node *nodes = all->w[1].relay->nodes;
  assert_int_equal(nodes[0].untold, 2);
  assert_int_equal(nodes[2].untold, 1);
  go_on(all, 2);
  assert_int_equal(nodes[0].untold, 2);
  assert_int_equal(nodes[2].untold, 0);
  go_on(all, 0);
  assert_int_equal(nodes[0].untold, 0);
  assert_false(reaches(all, a, b, LINK));
  assert_false(reaches(all, a, c, LINK + 1));
}

/* Lists that waited are sent only as far as the worker keeps up. */
static void test_late_lists_wait_for_their_turn(void **state) {
  enum { SOCKETS = 40, ENTRIES = 4000 };
  workers *all = *state;
  client *sockets[SOCKETS];
  for (uint16_t i = 0; i < SOCKETS; i++) {
    sockets[i] = client_new_at(&all->w[1], 1000 + i, (uint8_t)(i % 100));
    client_login(sockets[i], false);
  }
  workers_settle(all);
  make_busy(all, 0);
  for (uint32_t i = 0; i < SOCKETS; i++)
    for (uint32_t n = 0; n < ENTRIES; n += 20) {
      uint8_t payload[2 + 32 * 20] = {PL_CONST_PEERS_ALLOW, 20};
      for (uint32_t k = 0; k < 20; k++) pl_put_u32(payload + 2 + 32 * k, n + k + 1);
      client_send(sockets[i], PL_ENV_PEERS, 0, 0, payload, sizeof payload);
    }
  pl_relay_bus_node *node = &all->w[1].relay->nodes[0];
  assert_int_equal(node->untold, SOCKETS);
  pl_relay_bus_drop_output(node);
  pl_relay_bus_tell_untold(node);
  assert_true(node->untold > 0 && node->untold < SOCKETS);
  assert_in_range(node->conn.control.size, MUCH, MUCH + 50000);
  pl_relay_bus_lost(all->w[0].relay, 1); /* because the test has dropped what waited */
  pl_relay_bus_lost(all->w[1].relay, 0);
  go_on(all, 0);
  assert_int_equal(node->untold, 0);
  const pl_relay_presence *p = pl_relay_router_get(all->w[0].relay, sockets[SOCKETS - 1]->identity.id, false);
  assert_non_null(p);
  assert_int_equal(pl_relay_router_remote(p, sockets[SOCKETS - 1]->instance)->peers.count, ENTRIES);
}

/* ---- logins ------------------------------------------------------------------------------------------------------ */

/* Worker 2 is told of two logins of one instance, of the older one last. */
static void test_an_older_login_comes_late(void **state) {
  workers *all = *state;
  client *older = client_new(&all->w[0], 1), *newer = client_new(&all->w[1], 1);
  memcpy(newer->instance, older->instance, 8);
  client_login(older, true);
  client_login(newer, true);
  workers_deliver(all, 1, 2);
  workers_deliver(all, 0, 2);
  const pl_relay_presence *p = pl_relay_router_get(all->w[2].relay, newer->identity.id, false);
  assert_non_null(p);
  const pl_relay_remote *remote = pl_relay_router_remote(p, newer->instance);
  assert_non_null(remote);
  assert_int_equal(remote->node, 1);
  assert_int_equal(remote->generation, newer->conn->generation);
  workers_settle(all);
  client *a = workers_login(all, 2, 3, false);
  newer->read_at = newer->got_count;
  assert_true(reaches(all, a, newer, LINK));
}

/* A worker tells of three sockets: the one that logged in last does not listen, so the newest of the others is called.
 */
static void test_the_newest_of_those_that_listen(void **state) {
  workers *all = *state;
  for (unsigned deaf = 0; deaf < 3; deaf++) {
    workers_restart(all);
    client *a = workers_login(all, 0, 1, false), *c[3];
    for (unsigned i = 0; i < 3; i++) c[i] = workers_login(all, 1 + i % 2, 2, i != deaf);
    client *newest = c[deaf == 2 ? 1 : 2];
    client_open(a, LINK, newest, "one", 3);
    workers_settle(all);
    for (unsigned i = 0; i < 3; i++) {
      const seen *s = client_next(c[i]);
      assert_int_equal(s && s->type == PL_ENV_OFFER, c[i] == newest);
    }
  }
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* Logs in a client whose ID is in this bucket of its worker's table. */
static client *login_in_bucket(world *w, size_t bucket) {
  for (uint16_t seed = 1000;; seed++) {
    client *c = client_new_at(w, seed, (uint8_t)(seed % 100));
    if ((pl_relay_hash(w->relay, c->identity.id, 32) & (w->relay->bucket_count - 1)) == bucket) {
      client_login(c, true);
      return c;
    }
    client_free(c);
  }
}

static void test_everything_is_told_again(void **state) {
  workers *all = *state;
  client *const sockets[] = {login_in_bucket(&all->w[1], 0), login_in_bucket(&all->w[1], 1),
                             login_in_bucket(&all->w[1], all->w[1].relay->bucket_count - 1)};
  workers_settle(all);
  pl_relay_bus_lost(all->w[0].relay, 1);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sockets); i++)
    assert_null(pl_relay_router_get(all->w[0].relay, sockets[i]->identity.id, false));
  pl_relay_bus_lost(all->w[1].relay, 0);
  workers_settle(all);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sockets); i++) {
    const pl_relay_presence *p = pl_relay_router_get(all->w[0].relay, sockets[i]->identity.id, false);
    assert_non_null(p);
    assert_int_equal(pl_relay_router_remote(p, sockets[i]->instance)->generation, sockets[i]->conn->generation);
  }
}

/* A worker dies in the middle of a message. What its successor says is not taken for the rest of it. */
static void test_half_a_message_is_forgotten(void **state) {
  workers *all = *state;
  uint8_t half[] = {0x82, 100, PL_RELAY_BUS_START, 0, 0, 0};
  pl_relay_bus_receive(all->w[0].relay, 1, half, sizeof half, all->w[0].now_ms);
  pl_relay_bus_lost(all->w[0].relay, 1);
  pl_relay_bus_lost(all->w[1].relay, 0);
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  assert_true(reaches(all, a, b, LINK));
}

/* Other frames on the bus say nothing, and what follows them is read. */
static void test_other_frames_are_skipped(void **state) {
  workers *all = *state;
  client *b = workers_login(all, 1, 2, true);
  assert_non_null(pl_relay_router_get(all->w[0].relay, b->identity.id, false));
  uint8_t frames[] = {0x89, 0, 0x82, 8, PL_RELAY_BUS_START, 0, 0, 0, 0, 0, 0, 0};
  pl_relay_bus_receive(all->w[0].relay, 1, frames, sizeof frames, all->w[0].now_ms);
  assert_null(pl_relay_router_get(all->w[0].relay, b->identity.id, false));
}

/* Memory runs out while worker 0 takes what worker 1 says, `n` allocations on. */
static void deliver_without_memory(workers *all, long n) {
  workers_collect(all, 1);
  pl_alloc_fail_at(n);
  workers_deliver(all, 1, 0);
  assert_true(pl_alloc_fail_at(0) <= 0);
}

/* Returns how many entries of this socket's list worker 0 knows. */
static uint32_t entries_told(workers *all, const client *c) {
  const pl_relay_presence *p = pl_relay_router_get(all->w[0].relay, c->identity.id, false);
  return p ? pl_relay_router_remote(p, c->instance)->peers.count : 0;
}

/* A worker had no memory for an entry of a list, a number or a login. It asks to be told again: at once, but not again
 * before the next interval. */
static void test_asks_again(void **state) {
  workers *all = *state;
  const uint64_t interval = all->w[0].settings[PL_RELAY_SET_PING_INTERVAL_MS];
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true), *c = workers_login(all, 1, 3, true);
  say_peer(b, PL_CONST_PEERS_BLOCK, a);
  deliver_without_memory(all, 1);
  workers_settle(all);
  assert_int_equal(entries_told(all, b), 1);
  const uint8_t make[] = {PL_CONST_CODE_MAKE, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
  client_send(b, PL_ENV_CODE, 0, 0, make, sizeof make);
  deliver_without_memory(all, 1);
  say_peer(c, PL_CONST_PEERS_BLOCK, a);
  workers_settle(all); /* what came later is known all the same */
  assert_int_equal(entries_told(all, c), 1);
  assert_int_equal(pl_relay_get_stats(all->w[0].relay).nameplates, 0);
  assert_int_equal(pl_relay_get_stats(all->w[2].relay).nameplates, 1);
  assert_in_range(pl_relay_deadline(all->w[0].relay), 1, all->w[0].now_ms + interval);
  for (unsigned i = 0; i < WORKERS; i++) all->w[i].now_ms += interval;
  pl_relay_time(all->w[0].relay, all->w[0].now_ms);
  workers_settle(all);
  assert_int_equal(pl_relay_get_stats(all->w[0].relay).nameplates, 1);
  client *d = client_new(&all->w[1], 4);
  client_login(d, true);
  deliver_without_memory(all, 1);
  workers_settle(all);
  assert_null(pl_relay_router_get(all->w[0].relay, d->identity.id, false));
  for (unsigned i = 0; i < WORKERS; i++) all->w[i].now_ms += interval;
  pl_relay_time(all->w[0].relay, all->w[0].now_ms);
  workers_settle(all);
  assert_non_null(pl_relay_router_get(all->w[0].relay, d->identity.id, false));
}

/* What exceeds a limit was not missed. */
static void test_a_limit_is_no_lack_of_memory(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  say_peer(a, PL_CONST_PEERS_BLOCK, b);
  workers_collect(all, 0);
  say_peer(b, PL_CONST_PEERS_BLOCK, a);
  workers_settle(all);
  for (unsigned i = 0; i < WORKERS; i++)
    for (unsigned j = 0; j < WORKERS; j++) assert_false(all->w[i].relay->nodes[j].missed);
}

static void test_a_worker_that_is_not_there(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, true);
  uint8_t start[] = {0x82, 8, PL_RELAY_BUS_START, 0, 0, 0, 0, 0, 0, 0};
  for (unsigned worker = 0; worker < 5; worker += worker ? 1 : WORKERS) { /* itself, then those beyond the last */
    pl_relay_bus_lost(all->w[0].relay, worker);
    pl_relay_bus_receive(all->w[0].relay, worker, start, sizeof start, all->w[0].now_ms);
  }
  assert_false(all->w[0].relay->nodes[0].conn.lost);
  workers_settle(all);
  assert_null(client_next(a));
}

static void test_a_relay_with_one_worker(void **state) {
  world *w = *state;
  pl_relay_bus_lost(w->relay, 0);
  assert_non_null(client_ready(w, 1)->conn);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      workers_test(test_forgetting_one_keeps_the_others),
      workers_test(test_a_late_list_replaces_the_earlier_one),
      workers_test(test_lists_wait_for_each_worker),
      workers_test_with(test_late_lists_wait_for_their_turn, {PL_RELAY_SET_CHANGES_PER_MINUTE, 100000},
                        {PL_RELAY_SET_PEERS_PER_SOCKET, 4000}),
      workers_test(test_an_older_login_comes_late),
      workers_test(test_the_newest_of_those_that_listen),
      workers_test_with(test_everything_is_told_again, {PL_RELAY_SET_CONNECTS_PER_MINUTE, 1000000}),
      workers_test(test_half_a_message_is_forgotten),
      workers_test(test_other_frames_are_skipped),
      workers_test(test_asks_again),
      workers_test_with(test_a_limit_is_no_lack_of_memory, {PL_RELAY_SET_PEERS_TOTAL, 1},
                        {PL_RELAY_SET_ADDRESS_SHARE_PERCENT, 100}),
      workers_test(test_a_worker_that_is_not_there),
      world_test(test_a_relay_with_one_worker),
  };
  return cmocka_run_group_tests_name("what workers are told", tests, NULL, NULL);
}
