/* Shared by the engine's tests: their fixture, a caller (0) and a listener (1), and checks of streams. */
#ifndef TEST_PAIR_H
#define TEST_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net.h"

static inline void pair_start(net *n, const pl_engine_config *a, const pl_engine_config *b) {
  net_init(n);
  pl_engine_config listener = {.listen = true, .accept_all = true};
  assert_non_null(net_add(n, 0, 1, 1, a));
  assert_non_null(net_add(n, 1, 2, 2, b ? b : &listener));
  for (int i = 0; i < 2; i++) net_tell(n, i, PL_ENGINE_IN_START);
  net_settle(n);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(n, i, PL_ENGINE_OUT_ONLINE), 1);
}

/* Connects 0 to 1, and gives the session's number at both. */
static inline void pair_link(net *n, uint32_t *a, uint32_t *b) {
  *a = net_connect(n, 0, 1, NULL, NULL);
  net_settle(n);
  assert_int_equal(net_count(n, 0, PL_ENGINE_OUT_LINKED), 1);
  net_seen *s = net_find(n, 1, PL_ENGINE_OUT_SESSION, 0);
  assert_non_null(s);
  *b = s->a.session;
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

static inline uint64_t pair_random(net *n) {
  n->random ^= n->random << 13;
  n->random ^= n->random >> 7;
  n->random ^= n->random << 17;
  return n->random;
}

/* Writes a numbered message. Its size and bytes follow from channel and number, so a receiver can check each. */
static inline size_t numbered(uint8_t *out, uint8_t channel, uint32_t number, size_t max) {
  uint64_t x = (uint64_t)number * 0x9e3779b97f4a7c15u + channel + 1;
  x ^= x >> 29;
  size_t size = 5 + (size_t)(x % 7 ? x >> 8 & 0xff : x >> 8) % (max - 5);
  out[0] = channel;
  pl_put_u32(out + 1, number);
  for (size_t i = 5; i < size; i++) out[i] = (uint8_t)(number + i * 7);
  return size;
}

/* Checks that the messages which client i saw on the channel are the numbered ones in order, from `next` on. Returns
 * the number of the one that comes after them. */
static inline uint32_t check_numbered(net *n, int i, uint8_t channel, uint32_t next, size_t max) {
  uint8_t *expected = malloc(max);
  net_client *c = &n->clients[i];
  for (size_t k = 0; k < c->seen_count; k++) {
    const net_seen *s = &c->seen[k];
    if (s->a.type != PL_ENGINE_OUT_MESSAGE || s->a.channel != channel) continue;
    size_t size = numbered(expected, channel, next, max);
    assert_int_equal(s->size, size);
    assert_memory_equal(s->data, expected, size);
    next++;
  }
  free(expected);
  return next;
}

static inline void pair_feed(net *x, int i, uint32_t session, uint8_t channel, uint32_t *next, uint32_t count,
                             size_t max) {
  static uint8_t message[262144];
  while (*next < count) {
    size_t size = numbered(message, channel, *next, max);
    int rc = net_send(x, i, session, channel, message, size);
    if (rc == PL_EAGAIN) return;
    assert_int_equal(rc, 0);
    ++*next;
  }
}

/* Runs until both have everything; each sends whenever it can. */
static inline void pair_exchange(net *n, uint32_t a, uint32_t b, uint32_t count, uint8_t channels, size_t max) {
  uint32_t sent[2][8] = {{0}}, got[2][8] = {{0}};
  for (int round = 0; round < 100000; round++) {
    bool all = true;
    for (uint8_t c = 0; c < channels; c++) {
      pair_feed(n, 0, a, c, &sent[0][c], count, max);
      pair_feed(n, 1, b, c, &sent[1][c], count, max);
    }
    if (!net_turn(n)) net_run(n, 30);
    for (uint8_t c = 0; c < channels; c++)
      for (int i = 0; i < 2; i++) {
        got[i][c] = check_numbered(n, i, c, got[i][c], max);
        all &= got[i][c] == count;
      }
    net_forget(n, 0);
    net_forget(n, 1);
    if (all) return;
  }
  fail_msg("not all arrived");
}

/* ---- the fixture ------------------------------------------------------------------------------------------------- */

static net n;
static struct { uint32_t a, b; } pair_numbers; /* one session: its number at client 0 and at client 1 */

static inline int pair_setup(void **state) {
  (void)state;
  pair_start(&n, NULL, NULL);
  return 0;
}

static inline int pair_setup_linked(void **state) {
  (void)state;
  pair_start(&n, NULL, NULL);
  pair_link(&n, &pair_numbers.a, &pair_numbers.b);
  return 0;
}

static inline int pair_teardown(void **state) {
  (void)state;
  net_deinit(&n);
  return 0;
}

/* Tests that start with both clients online, with a session between them, or with nothing. */
#define test_of_pair(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)
#define test_of_linked(f) cmocka_unit_test_setup_teardown(f, pair_setup_linked, pair_teardown)
#define test_of_own(f) cmocka_unit_test_teardown(f, pair_teardown)

#endif
