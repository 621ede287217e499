/* What the engine tells the relay besides calls: whom it allows and blocks, and that it has a token. */
#include <sodium.h>

#include "pair.h"

/* All PEERS that the client sent: op and first byte of each ID. */
static struct {
  uint8_t op, id[64];
  size_t count;
} told[64];
static size_t told_count;
static uint8_t proof[64];
static size_t proof_size;

static bool watch(net *x, int from, const pl_envelope *e) {
  pl_wire_peers p;
  pl_wire_login l;
  (void)x;
  (void)from;
  if (e->type == PL_ENV_LOGIN) {
    assert_int_equal(pl_wire_login_decode(&l, e->payload.data, e->payload.size), 0);
    assert_in_range(l.token_proof.size, 0, sizeof proof);
    proof_size = l.token_proof.size;
    if (proof_size) memcpy(proof, l.token_proof.data, proof_size);
  }
  if (e->type != PL_ENV_PEERS) return false;
  assert_int_equal(e->link, 0);
  assert_int_equal(pl_wire_peers_decode(&p, e->payload.data, e->payload.size), 0);
  told[told_count].op = p.op;
  told[told_count].count = p.ids.size / 32;
  for (size_t i = 0; i < p.ids.size / 32; i++) told[told_count].id[i] = p.ids.data[32 * i];
  told_count++;
  return true;
}

static void start(const char *token) {
  net_init(&n);
  told_count = proof_size = 0;
  n.drop = watch;
  assert_non_null(net_add(&n, 0, 1, 1, &(pl_engine_config){.token = token}));
}

static void go(void) {
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 1);
}

static uint8_t say(pl_engine_event_type type, uint32_t who) {
  pl_identity identity;
  uint8_t seed[32] = {77};
  pl_put_u32(seed + 1, who);
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  assert_int_equal(net_do(&n, 0, &(pl_engine_event){.type = type, .peer = {{identity.id, 32}}}), 0);
  net_settle(&n);
  return identity.id[0];
}

static void expect(size_t at, uint8_t op, uint8_t id) {
  assert_int_equal(told_count, at + 1);
  assert_int_equal(told[at].op, op);
  assert_int_equal(told[at].count, 1);
  assert_int_equal(told[at].id[0], id);
}

static void changes_are_told(void **state) {
  (void)state;
  go();
  assert_int_equal(told_count, 0); /* there is nothing to tell */
  expect(0, PL_CONST_PEERS_ALLOW, say(PL_ENGINE_IN_ALLOW, 1));
  (void)say(PL_ENGINE_IN_ALLOW, 1); /* that is not new */
  expect(1, PL_CONST_PEERS_FORGET, say(PL_ENGINE_IN_DENY, 1));
  expect(2, PL_CONST_PEERS_BLOCK, say(PL_ENGINE_IN_BLOCK, 1));
  expect(3, PL_CONST_PEERS_ALLOW, say(PL_ENGINE_IN_ALLOW, 1));
  expect(4, PL_CONST_PEERS_BLOCK, say(PL_ENGINE_IN_BLOCK, 1));
  (void)say(PL_ENGINE_IN_DENY, 1); /* blocked stays blocked */
  (void)say(PL_ENGINE_IN_REFUSE, 1);
  assert_int_equal(told_count, 5);
  expect(5, PL_CONST_PEERS_FORGET, say(PL_ENGINE_IN_FORGET, 1));
  (void)say(PL_ENGINE_IN_REFUSE, 1); /* which is nothing to the relay */
  (void)say(PL_ENGINE_IN_FORGET, 1);
  expect(6, PL_CONST_PEERS_ALLOW, say(PL_ENGINE_IN_ALLOW, 1));
  expect(7, PL_CONST_PEERS_FORGET, say(PL_ENGINE_IN_REFUSE, 1));
}

static void all_are_told_after_each_login(void **state) {
  (void)state;
  size_t allowed = 0;
  for (uint32_t i = 0; i < 40; i++) (void)say(PL_ENGINE_IN_ALLOW, i);
  uint8_t blocked = say(PL_ENGINE_IN_BLOCK, 40);
  assert_int_equal(told_count, 0); /* not online */
  go();
  assert_int_equal(told[0].op, PL_CONST_PEERS_BLOCK);
  assert_int_equal(told[0].id[0], blocked);
  for (size_t i = 1; i < told_count; i++) allowed += told[i].op == PL_CONST_PEERS_ALLOW ? told[i].count : 0;
  assert_int_equal(allowed, 40);
  assert_int_equal(told_count, 3); /* 1, 32 and 8 */
  net_cut(&n, 0);
  net_run(&n, 5000);
  assert_int_equal(told_count, 6);
}

static void a_token_is_proven(void **state) {
  (void)state;
  uint8_t key[32], hint[PL_TOKEN_HINT_BYTES];
  start("an access token");
  go();
  assert_int_equal(proof_size, PL_TOKEN_PROOF_BYTES);
  crypto_hash_sha256(key, (const uint8_t *)"an access token", 15);
  pl_token_hint(hint, key);
  assert_memory_equal(proof, hint, sizeof hint);
  net_deinit(&n);
  start("");
  go();
  assert_int_equal(proof_size, 0);
  net_deinit(&n);
}

static int watched_setup(void **state) {
  (void)state;
  start(NULL);
  return 0;
}

#define test_of_watched(f) cmocka_unit_test_setup_teardown(f, watched_setup, pair_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_watched(changes_are_told),
      test_of_watched(all_are_told_after_each_login),
      test_of_own(a_token_is_proven),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
