/* Several workers of one relay, joined by a bus that delivers when the test says so: calls across workers, newest
 * logins, late logins, times, queues and losses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workers.h"

enum { LINK = 0x00010000 };

/* Links A and B across workers. Returns B's number of the link. */
static uint32_t join(workers *all, client *a, client *b) {
  uint32_t at_a = LINK, at_b = 0;
  client_open(a, LINK, b, "one", 3);
  workers_settle(all);
  workers_expect(b, PL_ENV_OFFER, &at_b, 0);
  client_send(b, PL_ENV_ACCEPT, 0, at_b, "two", 3);
  workers_settle(all);
  workers_expect(a, PL_ENV_ACCEPT, &at_a, 0);
  return at_b;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void test_call(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  uint32_t at_a = LINK, at_b = 0;
  client_open(a, LINK, b, "one", 3);
  workers_settle(all);
  const seen *offer = client_next(b);
  assert_non_null(offer);
  assert_int_equal(offer->type, PL_ENV_OFFER);
  assert_memory_equal(offer->payload, a->identity.id, 32);
  assert_memory_equal(offer->payload + 32, a->instance, 8);
  assert_memory_equal(offer->payload + 40, "one", 3);
  at_b = offer->link;
  client_send(b, PL_ENV_ACCEPT, 0, at_b, "two", 3);
  workers_settle(all);
  workers_expect(a, PL_ENV_ACCEPT, &at_a, 0);
  client_send(a, PL_ENV_DATA, 1, LINK, "up", 2);
  client_send(b, PL_ENV_DATA, 0, at_b, "down!", 5);
  workers_settle(all);
  const seen *up = client_next(b), *down = client_next(a);
  assert_int_equal(up->type, PL_ENV_DATA);
  assert_int_equal(up->flags, 1);
  assert_int_equal(up->link, at_b);
  assert_memory_equal(up->payload, "up", 2);
  assert_int_equal(down->link, LINK);
  assert_memory_equal(down->payload, "down!", 5);
  client_send(a, PL_ENV_RESET, 0, LINK, "\x01\x23", 2);
  workers_settle(all);
  workers_expect(b, PL_ENV_RESET, &at_b, 0x123);
  workers_pass(all, 60000);
  workers_expect_nothing(b);
}

static void test_ends(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  uint32_t at_a = LINK, at_b = join(all, a, b);
  client_send(b, PL_ENV_RESET, 0, at_b, "\x00\x07", 2); /* the callee's */
  workers_settle(all);
  workers_expect(a, PL_ENV_RESET, &at_a, 7);
  at_b = join(all, a, b);
  client_hang_up(b); /* the callee dies */
  workers_settle(all);
  workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_GONE);
  client_free(b);
  b = workers_login(all, 2, 2, true);
  at_b = join(all, a, b);
  client_hang_up(a); /* the caller dies */
  workers_settle(all);
  workers_expect(b, PL_ENV_RESET, &at_b, PL_REASON_GONE);
}

static void test_unanswered(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  uint32_t at_a = LINK, at_b = 0;
  uint32_t timeout = all->w[0].settings[PL_RELAY_SET_OPEN_TIMEOUT_MS];
  client_open(a, LINK, b, "one", 3);
  workers_settle(all);
  workers_expect(b, PL_ENV_OFFER, &at_b, 0);
  workers_pass(all, timeout - 1);
  workers_expect_nothing(a);
  workers_pass(all, 1);
  workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_UNAVAILABLE);
  workers_expect(b, PL_ENV_RESET, &at_b, PL_REASON_TIMEOUT);
  for (int deny = 0; deny < 2; deny++) { /* denied, or the callee dies: both look the same, at the same time */
    at_b = 0;
    client_open(a, LINK, b, "one", 3);
    workers_settle(all);
    workers_expect(b, PL_ENV_OFFER, &at_b, 0);
    if (deny)
      client_send(b, PL_ENV_RESET, 0, at_b, "\x01\x01", 2);
    else
      client_hang_up(b);
    workers_settle(all);
    workers_pass(all, timeout - 1);
    workers_expect_nothing(a);
    workers_pass(all, 1);
    workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_UNAVAILABLE);
    if (deny) continue;
    client_free(b);
    b = workers_login(all, 1, 2, true);
  }
}

static void test_caller_gives_up(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  uint32_t at_b = 0;
  client_open(a, LINK, b, "one", 3);
  client_send(a, PL_ENV_RESET, 0, LINK, "\x00\x05", 2); /* before anything arrived */
  workers_settle(all);
  workers_expect(b, PL_ENV_OFFER, &at_b, 0);
  workers_expect(b, PL_ENV_RESET, &at_b, 5);
  client_send(b, PL_ENV_ACCEPT, 0, at_b, "two", 3);
  workers_settle(all);
  workers_expect_nothing(a);
}

/* DATA before ACCEPT ends the link for both sides at once. */
static void test_wrong_moves(void **state) {
  workers *all = *state;
  for (int by_callee = 0; by_callee < 2; by_callee++) {
    workers_restart(all);
    client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
    uint32_t at_a = LINK, at_b = 0;
    client_open(a, LINK, b, "one", 3);
    workers_settle(all);
    workers_expect(b, PL_ENV_OFFER, &at_b, 0);
    client_send(by_callee ? b : a, PL_ENV_DATA, 0, by_callee ? at_b : LINK, "x", 1);
    workers_settle(all);
    workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_PROTOCOL);
    workers_expect(b, PL_ENV_RESET, &at_b, PL_REASON_PROTOCOL);
  }
}

static void test_late_login(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *later = client_new(&all->w[2], 2);
  uint32_t at_a = LINK, at_b = 0;
  client_open(a, LINK, later, "one", 3);
  workers_settle(all);
  workers_expect_nothing(a);
  workers_pass(all, 1000);
  client_login(later, true);
  workers_settle(all);
  workers_expect(later, PL_ENV_OFFER, &at_b, 0);
  client_send(later, PL_ENV_ACCEPT, 0, at_b, "two", 3);
  workers_settle(all);
  workers_expect(a, PL_ENV_ACCEPT, &at_a, 0);
}

/* The target has left while its worker is asked, and comes back on a third worker before or after the answer. */
static void test_target_moves(void **state) {
  workers *all = *state;
  for (int early = 0; early < 2; early++) {
    workers_restart(all);
    client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true), *c = client_new(&all->w[2], 2);
    uint32_t at_c = 0;
    client_hang_up(b); /* worker 0 has not been told yet */
    client_open(a, LINK, b, "one", 3);
    workers_collect(all, 0);
    if (early) {
      client_login(c, true);
      workers_deliver(all, 2, 0); /* worker 0 is told of the login; the answer has not come yet */
    }
    workers_settle(all);
    if (!early) client_login(c, true);
    workers_settle(all);
    workers_expect(c, PL_ENV_OFFER, &at_c, 0);
    client_send(c, PL_ENV_ACCEPT, 0, at_c, "two", 3);
    workers_settle(all);
    workers_expect(a, PL_ENV_ACCEPT, NULL, 0);
  }
}

/* ---- who is where ------------------------------------------------------------------------------------------------ */

static void test_newest_login_wins(void **state) {
  workers *all = *state;
  for (int order = 0; order < 2; order++) { /* whichever worker hears first */
    workers_restart(all);
    client *older = client_new(&all->w[0], 1), *newer = client_new(&all->w[1], 1);
    memcpy(newer->instance, older->instance, 8);
    client_login(older, true);
    client_login(newer, true);
    workers_deliver(all, (unsigned)order, (unsigned)!order);
    workers_settle(all);
    assert_int_equal(client_refusal(older), PL_REASON_SUPERSEDED);
    assert_int_equal(client_refusal(newer), 0);
    client *a = workers_login(all, 2, 3, false);
    (void)join(all, a, newer);
    client_free(older);
    workers_settle(all);
    client_send(a, PL_ENV_RESET, 0, LINK, "\x00\x05", 2);
    workers_settle(all);
    newer->read_at = newer->got_count;
    (void)join(all, a, newer); /* the end of the older one took nothing with it */
  }
}

static void test_newest_listener(void **state) {
  workers *all = *state;
  client *first = workers_login(all, 0, 2, true), *second = workers_login(all, 1, 2, true),
         *third = workers_login(all, 2, 2, false);
  client *a = workers_login(all, 0, 1, false);
  uint32_t at = 0;
  client_open(a, LINK, first, "one", 3);
  workers_settle(all);
  workers_expect(second, PL_ENV_OFFER, &at, 0);
  workers_expect_nothing(first);
  workers_expect_nothing(third);
  uint8_t open[43]; /* an instance by name, though it does not listen */
  memcpy(open, third->identity.id, 32);
  memcpy(open + 32, third->instance, 8);
  memcpy(open + 40, "one", 3);
  client_send(a, PL_ENV_OPEN, 0, LINK + 1, open, sizeof open);
  workers_settle(all);
  at = 0;
  workers_expect(third, PL_ENV_OFFER, &at, 0);
  client_free(second);
  workers_settle(all);
  client_open(a, LINK + 2, first, "one", 3);
  workers_settle(all);
  at = 0;
  workers_expect(first, PL_ENV_OFFER, &at, 0);
}

static void test_instances_per_id(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, true), *b = workers_login(all, 1, 1, true), *c = workers_login(all, 2, 1, true);
  c->read_at = 0;
  assert_int_equal(client_refusal(c), PL_REASON_FULL);
  client_free(b);
  client_free(c);
  workers_settle(all);
  b = client_new(&all->w[1], 1); /* two log in at once for one place: the newer must go */
  c = client_new(&all->w[2], 1);
  client_login(b, true);
  client_login(c, true);
  workers_settle(all);
  assert_int_equal(client_refusal(a), 0);
  assert_int_equal(client_refusal(b), 0);
  assert_int_equal(client_refusal(c), PL_REASON_FULL);
}

/* Four log in at three workers at once, with room for two. A worker that left it to the newest to go must look again
 * when that one has gone. */
static void test_instances_per_id_exceeded_twice(void **state) {
  workers *all = *state;
  static const unsigned where[] = {1, 0, 0, 2};
  client *c[4];
  for (unsigned i = 0; i < 4; i++) {
    c[i] = client_new(&all->w[where[i]], 1);
    client_login(c[i], true);
  }
  workers_collect(all, 2);
  assert_true(workers_deliver(all, 2, 0)); /* before it hears of the oldest */
  workers_settle(all);
  for (unsigned i = 0; i < 4; i++) assert_int_equal(client_refusal(c[i]), i < 2 ? 0 : PL_REASON_FULL);
}

/* Two log in at once for one place, and the one that must go is replaced by a socket at a third worker before its own
 * worker hears of the other: the one that takes its place must go, too. */
static void test_instances_per_id_exceeded_by_a_successor(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, true), *b = client_new(&all->w[1], 1), *c = client_new(&all->w[2], 1),
         *d = client_new(&all->w[0], 1);
  memcpy(d->instance, c->instance, 8);
  client_login(b, true);
  client_login(c, true);
  assert_true(workers_deliver(all, 1, 0));
  assert_true(workers_deliver(all, 2, 0));
  client_login(d, true);
  workers_settle(all);
  d->read_at = 0; /* it was refused at its login */
  assert_int_equal(client_refusal(a), 0);
  assert_int_equal(client_refusal(b), 0);
  assert_int_equal(client_refusal(c), PL_REASON_FULL);
  assert_int_equal(client_refusal(d), PL_REASON_FULL);
}

/* Two workers let in three sockets for two places and leave it to a third worker's newest to go. That one has left
 * when its worker, which the bus had lost, says everything again and does not name this ID. */
static void test_instances_per_id_after_a_loss(void **state) {
  workers *all = *state;
  client *c[4];
  static const unsigned where[] = {0, 1, 0, 2};
  for (unsigned i = 0; i < 4; i++) {
    c[i] = client_new(&all->w[where[i]], 1);
    client_login(c[i], true);
  }
  assert_true(workers_deliver(all, 2, 0)); /* its newest is known before the one that makes three */
  assert_true(workers_deliver(all, 1, 0));
  assert_int_equal(client_refusal(c[2]), 0);
  client_hang_up(c[3]);
  pl_relay_bus_lost(all->w[0].relay, 2);
  pl_relay_bus_lost(all->w[2].relay, 0);
  workers_settle(all);
  for (unsigned i = 0; i < 3; i++) assert_int_equal(client_refusal(c[i]), i < 2 ? 0 : PL_REASON_FULL);
}

/* A block that one worker is told holds at all workers: the call is not offered, and ends at its deadline. */
static void test_blocked_elsewhere(void **state) {
  workers *all = *state;
  for (int lost = 0; lost < 2; lost++) { /* also after everything was told again */
    workers_restart(all);
    client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
    uint8_t peers[34] = {PL_CONST_PEERS_BLOCK, 1}; /* one ID */
    memcpy(peers + 2, a->identity.id, 32);
    client_send(b, PL_ENV_PEERS, 0, 0, peers, sizeof peers);
    workers_settle(all);
    if (lost) pl_relay_bus_lost(all->w[0].relay, 1);
    if (lost) pl_relay_bus_lost(all->w[1].relay, 0);
    workers_settle(all);
    client_open(a, LINK, b, "one", 3);
    workers_settle(all);
    workers_expect_nothing(b);
    workers_pass(all, all->w[0].settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]);
    uint32_t at_a = LINK;
    workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_UNAVAILABLE);
    workers_expect_nothing(b);
    peers[0] = PL_CONST_PEERS_FORGET;
    client_send(b, PL_ENV_PEERS, 0, 0, peers, sizeof peers);
    workers_settle(all);
    (void)join(all, a, b);
  }
}

/* A call is on its way to the callee's worker when that worker is told of a block: it is not offered any more. */
static void test_blocked_on_the_way(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  uint8_t peers[34] = {PL_CONST_PEERS_BLOCK, 1};
  memcpy(peers + 2, a->identity.id, 32);
  client_open(a, LINK, b, "one", 3);
  workers_collect(all, 0);
  client_send(b, PL_ENV_PEERS, 0, 0, peers, sizeof peers);
  workers_settle(all);
  workers_expect_nothing(b);
  workers_expect_nothing(a);
  workers_pass(all, all->w[0].settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]);
  uint32_t at_a = LINK;
  workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_UNAVAILABLE);
}

/* ---- queues and losses ------------------------------------------------------------------------------------------- */

static void send_much(client *from, uint32_t link, size_t bytes) {
  static uint8_t record[16000];
  for (size_t sent = 0; sent < bytes; sent += sizeof record)
    client_send(from, PL_ENV_DATA, 0, link, record, sizeof record);
}

static void test_frozen_receiver(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  uint32_t at_a = LINK, at_b = join(all, a, b);
  size_t window = all->w[0].settings[PL_RELAY_SET_LINK_WINDOW];
  b->reads = false;
  for (size_t sent = 0; sent < 2 * window; sent += 160000) {
    send_much(a, LINK, 160000);
    workers_settle(all);
  }
  workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_OVERFLOW);
  b->reads = true;
  client_writable(b);
  workers_settle(all);
  const seen *s, *last = NULL;
  while ((s = client_next(b))) last = s;
  if (!last) {
    fail();
    return;
  }
  assert_int_equal(last->type, PL_ENV_RESET);
  assert_int_equal(last->link, at_b);
  assert_int_equal(pl_get_u16(last->payload), PL_REASON_OVERFLOW);
}

/* A worker does not read: what is for it waits here within the windows, and arrives in order later. */
static void test_stalled_worker(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
  uint32_t at_a = LINK, at_b = join(all, a, b);
  all->pipes[0][1].stalled = true;
  send_much(a, LINK, 640000);
  workers_settle(all);
  workers_expect_nothing(b);
  all->pipes[0][1].stalled = false;
  workers_settle(all);
  size_t got = 0;
  for (const seen *s; (s = client_next(b)); got += s->size) assert_int_equal(s->type, PL_ENV_DATA);
  assert_int_equal(got, 640000);
  all->pipes[0][1].stalled = true;
  send_much(a, LINK, 2 * (size_t)all->w[0].settings[PL_RELAY_SET_LINK_WINDOW]);
  workers_settle(all);
  workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_OVERFLOW);
  all->pipes[0][1].stalled = false;
  workers_settle(all);
  const seen *s, *last = NULL;
  while ((s = client_next(b))) last = s;
  if (!last) {
    fail();
    return;
  }
  assert_int_equal(last->type, PL_ENV_RESET);
  assert_int_equal(last->link, at_b);
}

/* One of the two workers hears of the loss, or both do. */
static void test_lost(void **state) {
  workers *all = *state;
  for (unsigned round = 0; round < 6; round++) {
    unsigned teller = round % 2, told = 1 + round / 2;
    workers_restart(all);
    client *a = workers_login(all, 0, 1, false), *b = workers_login(all, 1, 2, true);
    uint32_t at_a = LINK, at_b = join(all, a, b);
    workers_collect(all, teller);
    all->pipes[teller][!teller].size = 0; /* a batch is lost */
    if (told & 1) pl_relay_bus_lost(all->w[teller].relay, !teller);
    if (told & 2) pl_relay_bus_lost(all->w[!teller].relay, teller);
    workers_settle(all);
    workers_expect(a, PL_ENV_RESET, &at_a, PL_REASON_GONE);
    workers_expect(b, PL_ENV_RESET, &at_b, PL_REASON_GONE);
    at_b = join(all, a, b);
  }
}

/* Whatever the bus delivers, it does not crash a worker. */
static void test_nonsense(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, true);
  uint32_t random = 1;
  for (int round = 0; round < 20000; round++) {
    uint8_t bytes[256];
    size_t size = 8 + (size_t)(round % 200);
    for (size_t i = 0; i < size; i++) bytes[i + 4] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    bytes[4] = (uint8_t)(round % 3 ? 0x30 + bytes[4] % 9 : 0x10 + bytes[4] % 6);
    pl_put_u16(bytes + 6, (uint16_t)(size - 8));
    bytes[8] &= 0x80;
    bytes[10] = 0;
    bytes[11] &= 3;
    if (size >= 40 && round % 2) memcpy(bytes + 12, a->identity.id, 32);
    uint8_t frame[300];
    size_t n = pl_ws_put_header(frame, PL_WS_BINARY, size, NULL);
    memcpy(frame + n, bytes + 4, size);
    pl_relay_bus_receive(all->w[0].relay, 1 + (unsigned)round % 4, frame, n + size, all->w[0].now_ms);
    if (round % 100 == 0) workers_collect(all, 0);
    all->pipes[0][1].size = all->pipes[0][2].size = 0;
    world_turn(&all->w[0]);
  }
  client_free(a);
  for (unsigned i = 1; i < WORKERS; i++) pl_relay_bus_lost(all->w[0].relay, i);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      workers_test(test_call),
      workers_test(test_ends),
      workers_test(test_unanswered),
      workers_test(test_caller_gives_up),
      workers_test(test_wrong_moves),
      workers_test(test_late_login),
      workers_test(test_target_moves),
      workers_test(test_newest_login_wins),
      workers_test(test_newest_listener),
      workers_test_with(test_instances_per_id, {PL_RELAY_SET_INSTANCES_PER_ID, 2}),
      workers_test_with(test_instances_per_id_exceeded_twice, {PL_RELAY_SET_INSTANCES_PER_ID, 2}),
      workers_test_with(test_instances_per_id_exceeded_by_a_successor, {PL_RELAY_SET_INSTANCES_PER_ID, 2}),
      workers_test_with(test_instances_per_id_after_a_loss, {PL_RELAY_SET_INSTANCES_PER_ID, 2}),
      workers_test(test_blocked_elsewhere),
      workers_test(test_blocked_on_the_way),
      workers_test(test_frozen_receiver),
      workers_test(test_stalled_worker),
      workers_test(test_lost),
      workers_test(test_nonsense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
