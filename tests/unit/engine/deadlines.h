/* Shared by tests of the exact times of the engine: a client that runs alone until something is due. */
#ifndef TEST_DEADLINES_H
#define TEST_DEADLINES_H

#include "client/core/engine/engine_code_table.h"
#include "said.h"

/* Counts what is said, and loses it. */
static inline bool swallow(net *x, int from, const pl_envelope *v) {
  (void)look(x, from, v);
  return true;
}

static inline pl_engine *engine(int i) {
  return n.clients[i].engine;
}

/* Returns how many actions other than logs, and envelopes, there were; without PING and what follows from it, if so. */
static inline size_t happened(int i, bool checks) {
  size_t all = n.clients[i].seen_count - net_count(&n, i, PL_ENGINE_OUT_LOG);
  for (size_t t = 0; t < TYPES; t++) all += said[i].count[t];
  return checks ? all - said[i].count[PL_ENV_PING] - net_count(&n, i, PL_ENGINE_OUT_CHECKING) : all;
}

static inline void produce(int i) {
  static uint8_t out[300000];
  for (size_t size; (size = pl_engine_produce(engine(i), n.now_ms, out, sizeof out)) > 0;)
    if (n.clients[i].connected) net_relay_message(&n, i, out, size);
}

static inline void step(int i) {
  net_tell(&n, i, PL_ENGINE_IN_TIME);
  produce(i);
}

static inline void wait_until(int i, uint64_t at_ms, bool checks) {
  size_t before = happened(i, checks);
  n.drop = swallow;
  for (int k = 0; k < 1000; k++) {
    uint64_t next = pl_engine_deadline(engine(i));
    n.now_ms = next < at_ms - 1 ? (next > n.now_ms ? next : n.now_ms + 1) : at_ms - 1;
    step(i);
    assert_int_equal(happened(i, checks), before);
    if (n.now_ms != at_ms - 1) continue;
    assert_int_equal(pl_engine_deadline(engine(i)), at_ms);
    n.now_ms = at_ms;
    step(i);
    return;
  }
  fail_msg("it never rests");
}

/* Client i runs alone until at_ms, and nothing happens before: it gets nothing, and what it says goes nowhere. */
static inline void expect_nothing_until(int i, uint64_t at_ms) {
  wait_until(i, at_ms, false);
}

/* The same for a client that waits for an answer, and so asks whether the relay is there. */
static inline void expect_only_checks_until(int i, uint64_t at_ms) {
  wait_until(i, at_ms, true);
}

static inline void expect_offline(int i, int error, int reason) {
  net_seen *s = net_find(&n, i, PL_ENGINE_OUT_OFFLINE, 0);
  assert_non_null(s);
  assert_int_equal(s->a.error, error);
  assert_int_equal(s->a.reason, reason);
  assert_int_equal(said[i].count[PL_ENV_RESET], 0); /* only what breaks the protocol is told so */
  s = net_find(&n, i, PL_ENGINE_OUT_DISCONNECT, 0);
  assert_non_null(s);
  assert_int_equal(s->a.error, error);
  assert_int_equal(s->a.reason, reason);
}

static inline void expect_reset(int i, uint16_t reason, uint32_t link) {
  assert_int_equal(said[i].count[PL_ENV_RESET], 1);
  assert_int_equal(reason_said(i), reason);
  assert_int_equal(said[i].link[PL_ENV_RESET], link);
}

#endif
