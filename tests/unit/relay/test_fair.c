/* One attacker, many victims: whatever strangers do as fast as they can, others still get their share. Each attack goes
 * through the real core, from addresses of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workers.h"

#define LINK(slot) (0x10000u | (slot))

enum { HOME = 200, OTHER_HOME = 100, RECORD = 65000 };

static uint8_t record[RECORD];

static client *ready_at(world *at, uint16_t seed, uint8_t home) {
  client *c = client_new_at(at, seed, home);
  assert_non_null(c->conn);
  client_login(c, true);
  return c;
}

/* Returns the reason of the next RESET of a link, or 0 when none came. */
static int reset_of(client *c) {
  for (const seen *s; (s = client_next(c));)
    if (s->type == PL_ENV_RESET && s->link) return pl_get_u16(s->payload);
  return 0;
}

static uint32_t offer_of(client *c) {
  uint32_t link = 0;
  for (const seen *s; (s = client_next(c));)
    if (s->type == PL_ENV_OFFER) link = s->link;
  return link;
}

static uint32_t join(client *caller, uint32_t link, client *callee) {
  client_open(caller, link, callee, "one", 3);
  uint32_t number = offer_of(callee);
  assert_true(number);
  client_send(callee, PL_ENV_ACCEPT, 0, number, "two", 3);
  assert_int_equal(client_next(caller)->type, PL_ENV_ACCEPT);
  return number;
}

/* ---- the bus ----------------------------------------------------------------------------------------------------- */

/* Sends a list of 32 IDs. */
static void send_peers(client *c, uint32_t first, uint8_t op) {
  uint8_t payload[2 + 32 * 32] = {op, 32};
  for (uint32_t i = 0; i < 32; i++) pl_put_u32(payload + 2 + 32 * i, first + i + 1);
  client_send(c, PL_ENV_PEERS, 0, 0, payload, sizeof payload);
}

/* Blocks and allows lists of IDs in turns, so that every envelope changes all of its IDs. */
static void flood(client *c, size_t envelopes) {
  for (uint32_t i = 0; i < envelopes && c->conn; i++)
    send_peers(c, i / 2 % 32 * 32, i % 2 ? PL_CONST_PEERS_ALLOW : PL_CONST_PEERS_BLOCK);
}

/* Strangers change their lists as fast as they can while a worker is busy. No link between workers ends, what waits for
 * that worker stays small, and in the end it knows the lists of others as they are. */
static void test_floods_of_peers(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, true), *b = workers_login(all, 1, 2, true), *c = workers_login(all, 1, 3, false);
  client_open(a, LINK(0), b, "one", 3);
  workers_settle(all);
  uint32_t at_b = 0, at_a = LINK(0);
  workers_expect(b, PL_ENV_OFFER, &at_b, 0);
  client_send(b, PL_ENV_ACCEPT, 0, at_b, "two", 3);
  workers_settle(all);
  workers_expect(a, PL_ENV_ACCEPT, &at_a, 0);
  all->pipes[0][1].stalled = true;
  size_t refused = 0;
  for (int i = 0; i < 60; i++) {
    client *x = ready_at(&all->w[0], (uint16_t)(1000 + i), HOME);
    flood(x, 1000);
    refused += client_refusal(x) == PL_REASON_RATE;
    client_free(x);
  }
  uint8_t block[34] = {PL_CONST_PEERS_BLOCK, 1};
  memcpy(block + 2, c->identity.id, 32);
  client_send(a, PL_ENV_PEERS, 0, 0, block, sizeof block);
  all->pipes[0][1].stalled = false;
  workers_collect(all, 0);
  assert_in_range(all->pipes[0][1].size, 1, 2 << 20);
  workers_settle(all);
  workers_expect_nothing(a);
  client_send(a, PL_ENV_DATA, 0, LINK(0), "still there", 11);
  workers_settle(all);
  workers_expect(b, PL_ENV_DATA, &at_b, 0);
  assert_int_equal(refused, 60);
  client_open(c, LINK(0), a, "one", 3);
  workers_settle(all);
  workers_expect_nothing(a);
  workers_pass(all, all->w[0].settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]);
}

/* A worker takes nothing for a long time: what would fill the bus further is refused, and nothing is lost. */
static void test_worker_that_is_behind(void **state) {
  workers *all = *state;
  client *a = workers_login(all, 0, 1, true), *b = workers_login(all, 1, 1, true), *c = workers_login(all, 0, 2, true);
  static const uint8_t handshake[2000];
  uint32_t theirs = 0, at_c = LINK(0);
  client_open(c, LINK(0), b, "one", 3);
  workers_settle(all);
  workers_expect(b, PL_ENV_OFFER, &theirs, 0); /* it is the newer listener of this ID */
  client_send(b, PL_ENV_ACCEPT, 0, theirs, "two", 3);
  workers_settle(all);
  workers_expect(c, PL_ENV_ACCEPT, &at_c, 0);
  all->pipes[0][1].stalled = true;
  for (uint32_t slot = 0; slot < 8500; slot++) client_open(a, LINK(slot), b, handshake, sizeof handshake);
  client *late = client_new_at(&all->w[0], 500, 1);
  client_login(late, true);
  late->read_at = 0;
  assert_int_equal(client_refusal(late), PL_REASON_FULL);
  all->pipes[0][1].stalled = false;
  workers_settle(all);
  client_free(late);
  late = workers_login(all, 0, 50, true);
  assert_int_equal(late->close_code, 0);
  workers_expect_nothing(c);
  client_send(c, PL_ENV_DATA, 0, LINK(0), "still there", 11);
  workers_settle(all);
  const seen *s = NULL, *last = NULL;
  while ((s = client_next(b))) last = s->type == PL_ENV_DATA ? s : last;
  assert_non_null(last);
}

/* The rate does not affect a client that sends what it needs: a first list, changes, and entries beyond the limit. */
static void test_long_lists_are_no_flood(void **state) {
  world *w = *state;
  client *a = ready_at(w, 1, 1);
  for (uint32_t i = 0; i < 2000; i++) send_peers(a, i * 32, PL_CONST_PEERS_ALLOW);
  for (uint32_t i = 0; i < 100; i++) send_peers(a, i % 30 * 32, i % 2 ? PL_CONST_PEERS_BLOCK : PL_CONST_PEERS_ALLOW);
  assert_int_equal(client_refusal(a), 0);
}

static void test_codes_have_a_rate(void **state) {
  world *w = *state;
  client *a = ready_at(w, 1, 1);
  uint8_t payload[16];
  const pl_wire_code make = {.op = PL_CONST_CODE_MAKE};
  int size = pl_wire_code_encode(&make, payload, sizeof payload), made = 0;
  for (int i = 0; i < 2000 && !a->close_code; i++) {
    client_send(a, PL_ENV_CODE, 0, 0, payload, (size_t)size);
    const seen *s = client_next(a);
    pl_wire_code code;
    if (!s || s->type != PL_ENV_CODE) break;
    assert_int_equal(pl_wire_code_decode(&code, s->payload, s->size), 0);
    uint8_t end[16];
    code.op = PL_CONST_CODE_END;
    int n = pl_wire_code_encode(&code, end, sizeof end);
    client_send(a, PL_ENV_CODE, 0, 0, end, (size_t)n);
    made++;
  }
  assert_in_range(made, 300, 600);
}

/* ---- bytes that wait --------------------------------------------------------------------------------------------- */

enum { PAIRS = 29, OTHERS = 48 };

static void fill(client *from, client *to, size_t records) {
  to->reads = false;
  for (size_t i = 0; i < records; i++) client_send(from, PL_ENV_DATA, 0, LINK(0), record, sizeof record);
}

static void pong(client *c) {
  static const uint8_t mask[4] = {1, 2, 3, 4};
  uint8_t frame[16];
  size_t n = pl_ws_put_header(frame, PL_WS_PONG, 0, mask);
  client_receive(c, frame, n);
}

static void hang_up_if_aborted(client *c) {
  world_turn(c->w);
  if (c->aborted) client_hang_up(c);
}

static int hoard(world *w, client **from, client **to) {
  for (int i = 0; i < PAIRS; i++) {
    from[i] = ready_at(w, (uint16_t)(1000 + i), HOME);
    to[i] = ready_at(w, (uint16_t)(2000 + i), HOME);
    join(from[i], LINK(0), to[i]);
  }
  for (int i = 0; i < PAIRS; i++) fill(from[i], to[i], 15);
  return (int)(pl_relay_get_stats(w->relay).queued_bytes * 100 / w->settings[PL_RELAY_SET_QUEUE_TOTAL_MAX]);
}

static void test_hoarders_refuse_nobody(void **state) {
  world *w = *state;
  client *from[PAIRS], *to[PAIRS], *others[OTHERS][2];
  assert_in_range(hoard(w, from, to), 76, 90);
  int rate = 0, linked = 0;
  for (int i = 0; i < OTHERS; i++) {
    client *a = others[i][0] = ready_at(w, (uint16_t)(3000 + 2 * i), (uint8_t)(2 * i));
    client *b = others[i][1] = ready_at(w, (uint16_t)(3001 + 2 * i), (uint8_t)(2 * i + 1));
    client_open(a, LINK(0), b, "one", 3);
    uint32_t number = offer_of(b);
    if (number) client_send(b, PL_ENV_ACCEPT, 0, number, "two", 3);
    const seen *s = client_next(a);
    linked += s && s->type == PL_ENV_ACCEPT;
    rate += s && s->type == PL_ENV_RESET;
  }
  print_message("OPENs of others: %d linked, %d of %d RATE\n", linked, rate, OTHERS);
  assert_int_equal(linked, OTHERS);
  /* One of the others is a slow receiver. Above 90 %, those that hold more pay first. */
  fill(others[0][0], others[0][1], 14);
  for (int i = 0; i < PAIRS; i++) fill(from[i], to[i], 1);
  assert_int_equal(reset_of(others[0][0]), 0);
  assert_true(pl_relay_get_stats(w->relay).overflows > 0);
}

/* A socket that answers pings but takes nothing is ended, and what waits for it is discarded. */
static void test_stalled_queues_end(void **state) {
  world *w = *state;
  client *from[PAIRS], *to[PAIRS], *a = ready_at(w, 1, 1), *b = ready_at(w, 2, 2);
  hoard(w, from, to);
  join(a, LINK(0), b); /* it takes a little now and then, so it is not stalled */
  fill(a, b, 15);
  b->takes = 1;
  int overflow = 0;
  for (int second = 0; second < 100; second += 5) {
    world_pass(w, 5000);
    b->reads = second % 50 == 0;
    client_writable(b);
    b->reads = false;
    if (second % 15 == 0) pong(b), pong(a);
    for (int i = 0; i < PAIRS; i++) {
      if (from[i]->conn) pong(from[i]);
      if (to[i]->conn && second % 15 == 0) pong(to[i]);
      hang_up_if_aborted(to[i]);
    }
  }
  for (int i = 0; i < PAIRS; i++) overflow += reset_of(from[i]) == PL_REASON_OVERFLOW;
  print_message("stalled queues that ended OVERFLOW: %d of %d\n", overflow, PAIRS);
  assert_int_equal(overflow, PAIRS);
  assert_int_equal(reset_of(a), 0);
  assert_true(pl_relay_get_stats(w->relay).queued_bytes < 2 << 20);
}

/* A relay that was stopped wrote nothing either: no socket is ended because of that time, whichever event the relay
 * handles first. */
static void test_stop_is_no_stall(void **state) {
  world *w = *state;
  client *a = ready_at(w, 1, 1), *says = ready_at(w, 2, 2), *mute = ready_at(w, 3, 3), *b = ready_at(w, 4, 4);
  join(a, LINK(0), says);
  join(b, LINK(0), mute);
  fill(a, says, 4);
  fill(b, mute, 4);
  world_pass(w, 20000); /* all are pinged, and their output is found waiting */
  client *all[] = {a, b, says, mute};
  for (size_t i = 0; i < 4; i++) pong(all[i]);
  w->now_ms += 70000;
  pong(says);
  world_stop(w, 0);
  world_pass(w, 500);
  pong(says);
  world_turn(w);
  assert_false(says->aborted || mute->aborted);
  says->reads = mute->reads = true;
  client_writable(says);
  client_writable(mute);
  assert_int_equal(reset_of(a) | reset_of(b), 0);
  assert_true(says->got_bytes > 4 * sizeof record && mute->got_bytes > 4 * sizeof record);
}

/* Output buffers that are never taken are discarded too, those of the address with most of them first. */
static void test_buffers_pay_too(void **state) {
  world *w = *state;
  enum { MANY = 24 };
  client *from[MANY], *to[MANY], *a = ready_at(w, 1, 1), *b = ready_at(w, 2, 2);
  join(a, LINK(0), b);
  for (int i = 0; i < MANY; i++) {
    from[i] = ready_at(w, (uint16_t)(1000 + i), HOME);
    to[i] = ready_at(w, (uint16_t)(2000 + i), HOME);
    if (!from[i]->close_code) join(from[i], LINK(0), to[i]);
    fill(from[i], to[i], 1);
    hang_up_if_aborted(to[i]);
  }
  fill(a, b, 6);
  assert_int_equal(reset_of(a), 0);
}

/* ---- knocks ------------------------------------------------------------------------------------------------------ */

enum { BAD_MAX = 8 };

static uint32_t next_slot;

static void knock(client *from, const client *to) {
  client_open(from, LINK(next_slot++ % 1024), to, "one", 3);
}

static bool comes_through(client *newcomer, client *victim) {
  (void)offer_of(victim);
  knock(newcomer, victim);
  return offer_of(victim) != 0;
}

/* Some IDs of one address knock as often as they may. Every 5 s a newcomer, from there or elsewhere, gets through. */
static void newcomers(world *w, int bad_count, uint8_t home, const char *where) {
  world_restart(w);
  client *victim = ready_at(w, 1, 1), *bad[BAD_MAX];
  for (int i = 0; i < bad_count; i++) bad[i] = ready_at(w, (uint16_t)(1000 + i), home == HOME_LOCAL ? home : HOME);
  int heard = 0;
  for (int round = 0; round < 17; round++) {
    for (int tick = 0; tick < 50; tick++) {
      world_pass(w, 100);
      for (int i = 0; i < bad_count; i++)
        for (int n = 0; n < (tick + round ? 2 : 600); n++) knock(bad[i], victim);
    }
    pong(victim);
    client *newcomer = ready_at(w, (uint16_t)(100 + round), home);
    heard += comes_through(newcomer, victim);
    client_free(newcomer);
  }
  print_message("newcomers %s that were offered: %d of 17\n", where, heard);
  assert_int_equal(heard, 17);
}

static void test_newcomers_are_heard(void **state) {
  world *w = *state;
  newcomers(w, 3, OTHER_HOME, "from elsewhere");
  newcomers(w, 3, HOME, "from the same address");
  newcomers(w, BAD_MAX, HOME_LOCAL, "on this machine"); /* each ID counts as an address */
}

/* The OPENs of one friend do not use up the room of all friends. */
static void test_one_friend_of_many(void **state) {
  world *w = *state;
  client *victim = ready_at(w, 1, 1), *bad = ready_at(w, 2, 2), *good = ready_at(w, 3, 3);
  uint8_t allow[2 + 64] = {PL_CONST_PEERS_ALLOW, 2};
  memcpy(allow + 2, bad->identity.id, 32);
  memcpy(allow + 34, good->identity.id, 32);
  client_send(victim, PL_ENV_PEERS, 0, 0, allow, sizeof allow);
  for (int i = 0; i < 1000; i++) knock(bad, victim);
  assert_true(comes_through(good, victim));
}

/* ---- connections of one address ---------------------------------------------------------------------------------- */

static int login_at(world *at, uint16_t seed, uint8_t home, client **c) {
  *c = client_new_at(at, seed, home);
  if (!(*c)->conn) return PL_REASON_FULL;
  client_login(*c, true);
  (*c)->read_at = 0;
  return client_refusal(*c);
}

static void test_connections_of_an_address(void **state) {
  workers *all = *state;
  client *mine[30], *other, *again;
  int in = 0;
  for (int i = 0; i < 30; i++) in += login_at(&all->w[i % WORKERS], (uint16_t)(1000 + i), HOME, &mine[i]) == 0;
  assert_int_equal(in, 10); /* a quarter of 40, over all workers */
  assert_int_equal(login_at(&all->w[0], 1, 1, &other), 0);
  client_hang_up(mine[0]);
  for (int i = 10; i < 30; i++) client_hang_up(mine[i]);
  assert_int_equal(login_at(&all->w[1], 2, HOME, &again), 0); /* one has left, so there is room */
  workers_settle(all);
}

/* Behind a trusted proxy, the addresses that it names count. */
static void test_connections_through_a_proxy(void **state) {
  world *w = *state;
  const pl_relay_cidr proxy = {.address = {0x20, 1, 0xd, 0xb8}, .bits = 32};
  w->trusted = &proxy;
  world_restart(w);
  client *all[12];
  char request[256];
  int pages = 0, refused = 0;
  for (int i = 0; i < 12; i++) {
    all[i] = client_new(w, 1);
    int n = snprintf(request, sizeof request, "GET /x HTTP/1.1\r\nHost: relay\r\nX-Forwarded-For: 192.0.2.%d\r\n\r\n",
                     i == 11);
    client_receive(all[i], request, (size_t)n);
    world_turn(w);
    pages += memcmp(all[i]->http, "HTTP/1.1 404", 12) == 0;
    refused += memcmp(all[i]->http, "HTTP/1.1 503", 12) == 0;
  }
  assert_int_equal(pages, 11);
  assert_int_equal(refused, 1);
}

/* The lists of one address leave room for the lists of others. */
static void test_lists_of_an_address(void **state) {
  world *w = *state;
  client *bad[20], *good = ready_at(w, 1, 1), *caller = ready_at(w, 2, 2);
  for (int i = 0; i < 20; i++) {
    bad[i] = ready_at(w, (uint16_t)(1000 + i), HOME);
    send_peers(bad[i], 0, PL_CONST_PEERS_ALLOW);
  }
  uint8_t block[34] = {PL_CONST_PEERS_BLOCK, 1};
  memcpy(block + 2, caller->identity.id, 32);
  client_send(good, PL_ENV_PEERS, 0, 0, block, sizeof block);
  assert_false(comes_through(caller, good));
}

/* Who is on the list of an address that is at its share can still be blocked and allowed. */
static void test_full_list_changes(void **state) {
  world *w = *state;
  client *good = ready_at(w, 1, 1), *caller = ready_at(w, 2, 2);
  uint8_t change[34] = {PL_CONST_PEERS_BLOCK, 1};
  memcpy(change + 2, caller->identity.id, 32);
  client_send(good, PL_ENV_PEERS, 0, 0, change, sizeof change);
  for (uint32_t i = 0; i < 4; i++) send_peers(good, 32 * i, PL_CONST_PEERS_ALLOW);
  assert_false(comes_through(caller, good));
  change[0] = PL_CONST_PEERS_ALLOW;
  client_send(good, PL_ENV_PEERS, 0, 0, change, sizeof change);
  assert_true(comes_through(caller, good));
}

/* What test_lists_of_an_address shows holds over all workers, each of which keeps all lists. */
static void test_lists_of_an_address_at_all_workers(void **state) {
  workers *all = *state;
  client *bad[24], *good = workers_login(all, 0, 1, true), *caller = workers_login(all, 1, 2, false);
  for (int i = 0; i < 24; i++) {
    bad[i] = ready_at(&all->w[i % WORKERS], (uint16_t)(1000 + i), HOME);
    send_peers(bad[i], 0, PL_CONST_PEERS_ALLOW);
  }
  workers_settle(all);
  uint8_t block[34] = {PL_CONST_PEERS_BLOCK, 1};
  memcpy(block + 2, caller->identity.id, 32);
  client_send(good, PL_ENV_PEERS, 0, 0, block, sizeof block);
  workers_settle(all);
  client_open(caller, LINK(0), good, "one", 3);
  workers_settle(all);
  workers_expect_nothing(good);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      workers_test(test_floods_of_peers),
      workers_test_with(test_worker_that_is_behind, {PL_RELAY_SET_FRIEND_OFFERS_PER_ID, 1000000},
                        {PL_RELAY_SET_LINK_SLOTS, 65535}, {PL_RELAY_SET_OPEN_BURST, 1000000}),
      world_test(test_long_lists_are_no_flood),
      world_test_with(test_codes_have_a_rate, {PL_RELAY_SET_CODES_PER_MINUTE, 1000000}),
      world_test_with(test_hoarders_refuse_nobody, {PL_RELAY_SET_QUEUE_TOTAL_MAX, 33 << 20}),
      world_test_with(test_stalled_queues_end, {PL_RELAY_SET_QUEUE_TOTAL_MAX, 34 << 20}),
      world_test(test_stop_is_no_stall),
      world_test_with(test_buffers_pay_too, {PL_RELAY_SET_QUEUE_TOTAL_MAX, 2 << 20}),
      world_test(test_newcomers_are_heard),
      world_test(test_one_friend_of_many),
      workers_test_with(test_connections_of_an_address, {PL_RELAY_SET_SOCKETS_MAX, 40}),
      world_test_with(test_connections_through_a_proxy, {PL_RELAY_SET_SOCKETS_MAX, 40}),
      world_test_with(test_lists_of_an_address, {PL_RELAY_SET_PEERS_TOTAL, 400}),
      world_test_with(test_full_list_changes, {PL_RELAY_SET_PEERS_TOTAL, 400}),
      workers_test_with(test_lists_of_an_address_at_all_workers, {PL_RELAY_SET_PEERS_TOTAL, 400},
                        {PL_RELAY_SET_ADDRESS_SHARE_PERCENT, 50}),
  };
  return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
