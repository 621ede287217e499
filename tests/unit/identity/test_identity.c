/* IDs as text, keys that are refused, and login proofs: every bit of them counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/identity/identity.h"

static pl_identity identity_of(uint8_t first) {
  pl_identity identity;
  uint8_t seed[32];
  memset(seed, first, sizeof seed);
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  return identity;
}

static void text_goes_round(void **state) {
  (void)state;
  for (uint8_t i = 0; i < 100; i++) {
    pl_identity identity = identity_of(i);
    char text[55];
    uint8_t back[32] = {0};
    pl_id_format(text, identity.id);
    assert_int_equal(strlen(text), PL_ID_CHARS);
    assert_int_equal(pl_id_parse(back, text, PL_ID_CHARS), 0);
    assert_memory_equal(back, identity.id, 32);
    for (size_t k = 0; k < PL_ID_CHARS; k++) {
      if (text[k] >= 'a') text[k] = (char)(text[k] - 'a' + 'A');
    }
    assert_int_equal(pl_id_parse(back, text, PL_ID_CHARS), 0);
    assert_memory_equal(back, identity.id, 32);
  }
}

/* Ten check bits let one changed text in a thousand pass; the check of the key refuses about half of those. */
static void another_character_is_almost_always_refused(void **state) {
  (void)state;
  pl_identity identity = identity_of(7);
  char text[55];
  uint8_t out[32] = {0}, untouched[32] = {0};
  pl_id_format(text, identity.id);
  unsigned passed = 0, tried = 0;
  for (size_t at = 0; at < PL_ID_CHARS; at++) {
    char kept = text[at];
    for (int c = 1; c < 256; c++) {
      if ((c | 0x20) == (kept | 0x20)) continue;
      text[at] = (char)c;
      bool base32 = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7');
      int rc = pl_id_parse(out, text, PL_ID_CHARS);
      assert_true(rc == 0 || rc == PL_EID);
      if (!base32 || at >= 52) assert_int_equal(rc, PL_EID);
      if (rc != 0) {
        assert_memory_equal(out, untouched, 32);
      } else {
        memset(out, 0, sizeof out);
      }
      passed += rc == 0;
      tried += base32;
    }
    text[at] = kept;
  }
  assert_true(passed * 200 < tried);
}

static void wrong_lengths_and_padding_bits_are_refused(void **state) {
  (void)state;
  pl_identity identity = identity_of(1);
  char text[64];
  uint8_t out[32];
  pl_id_format(text, identity.id);
  text[54] = 'a';
  for (size_t size = 0; size < 60; size++) {
    if (size != PL_ID_CHARS) assert_int_equal(pl_id_parse(out, text, size), PL_EID);
  }
  assert_int_equal(pl_id_parse(out, text, PL_ID_CHARS), 0);
  assert_true(text[51] == 'a' || text[51] == 'q'); /* one bit, then four zeros */
  for (char c = 1; c < 16; c++) {
    text[51] = text[51] >= 'q' ? 'q' : 'a';
    text[51] = (char)(text[51] + c);
    if (text[51] > 'z') break;
    assert_int_equal(pl_id_parse(out, text, PL_ID_CHARS), PL_EID);
  }
}

static void keys_outside_the_group_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {
      "0000000000000000000000000000000000000000000000000000000000000000", /* order 4 */
      "0100000000000000000000000000000000000000000000000000000000000000", /* the identity */
      "0100000000000000000000000000000000000000000000000000000000000080",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* order 2 */
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", /* order 8 */
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p: not canonical */
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "0200000000000000000000000000000000000000000000000000000000000000", /* not on the curve */
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(bad); i++) {
    uint8_t key[32], out[32];
    char text[55];
    assert_int_equal(sodium_hex2bin(key, sizeof key, bad[i], 64, NULL, NULL, NULL), 0);
    assert_int_equal(pl_id_check(key), PL_EID);
    pl_id_format(text, key);
    assert_int_equal(pl_id_parse(out, text, PL_ID_CHARS), PL_EID);
  }
  uint8_t order8[32], mixed[32];
  pl_identity identity = identity_of(9);
  assert_int_equal(pl_id_check(identity.id), 0);
  assert_int_equal(sodium_hex2bin(order8, sizeof order8, bad[4], 64, NULL, NULL, NULL), 0);
  assert_int_equal(crypto_core_ed25519_add(mixed, identity.id, order8), 0);
  assert_int_equal(pl_id_check(mixed), PL_EID);
}

typedef struct login {
  pl_identity client, relay;
  uint8_t hello[80], login[90], welcome[30], t[64], client_signature[64], relay_signature[64];
} login;

static pl_view view(const uint8_t *data, size_t size) {
  return (pl_view){data, size};
}

static void make(login *l) {
  l->client = identity_of(1);
  l->relay = identity_of(2);
  memset(l->hello, 3, sizeof l->hello);
  memset(l->login, 4, sizeof l->login);
  memset(l->welcome, 5, sizeof l->welcome);
  pl_login_transcript(l->t, view(l->hello, sizeof l->hello), view(l->login, sizeof l->login));
  pl_login_sign_client(l->client_signature, l->t, &l->client);
  pl_login_sign_relay(l->relay_signature, l->t, view(l->welcome, sizeof l->welcome), &l->relay);
}

static int verify_relay(const login *l, const uint8_t relay_id[32]) {
  return pl_login_verify_relay(l->relay_signature, l->t, view(l->welcome, sizeof l->welcome), relay_id);
}

static void every_bit_of_a_login_counts(void **state) {
  (void)state;
  login l;
  make(&l);
  assert_int_equal(pl_login_verify_client(l.client_signature, l.t, l.client.id), 0);
  assert_int_equal(verify_relay(&l, l.relay.id), 0);
  for (size_t bit = 0; bit < 64 * 8; bit++) {
    l.client_signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    l.relay_signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(pl_login_verify_client(l.client_signature, l.t, l.client.id), PL_ECRYPTO);
    assert_int_equal(verify_relay(&l, l.relay.id), PL_ECRYPTO);
    l.client_signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    l.relay_signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    l.t[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(pl_login_verify_client(l.client_signature, l.t, l.client.id), PL_ECRYPTO);
    assert_int_equal(verify_relay(&l, l.relay.id), PL_ECRYPTO);
    l.t[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  for (size_t bit = 0; bit < sizeof l.welcome * 8; bit++) {
    l.welcome[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(verify_relay(&l, l.relay.id), PL_ECRYPTO);
    l.welcome[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  assert_int_equal(pl_login_verify_client(l.client_signature, l.t, l.client.id), 0);
  assert_int_equal(verify_relay(&l, l.relay.id), 0);
}

static void a_proof_serves_one_side_and_one_key(void **state) {
  (void)state;
  login l;
  make(&l);
  assert_int_equal(pl_login_verify_client(l.client_signature, l.t, l.relay.id), PL_ECRYPTO);
  assert_int_equal(verify_relay(&l, l.client.id), PL_ECRYPTO);
  assert_int_equal(pl_login_verify_relay(l.client_signature, l.t, view(NULL, 0), l.client.id), PL_ECRYPTO);
  uint8_t identity_point[32] = {1};
  assert_int_equal(pl_login_verify_client(l.client_signature, l.t, identity_point), PL_ECRYPTO);
  assert_int_equal(verify_relay(&l, identity_point), PL_ECRYPTO);
}

/* The lengths are hashed too, so bytes can't move from one payload into the other. */
static void transcript_keeps_its_parts_apart(void **state) {
  (void)state;
  uint8_t bytes[100], one[64], other[64];
  memset(bytes, 6, sizeof bytes);
  pl_login_transcript(one, view(bytes, 50), view(bytes + 50, 50));
  for (size_t cut = 0; cut <= 100; cut++) {
    if (cut == 50) continue;
    pl_login_transcript(other, view(bytes, cut), view(bytes + cut, 100 - cut));
    assert_memory_not_equal(one, other, 64);
  }
}

static void an_oversized_welcome_proves_nothing(void **state) {
  (void)state;
  static uint8_t welcome[513];
  login l;
  make(&l);
  pl_login_sign_relay(l.relay_signature, l.t, view(welcome, 512), &l.relay);
  assert_int_equal(pl_login_verify_relay(l.relay_signature, l.t, view(welcome, 512), l.relay.id), 0);
  pl_login_sign_relay(l.relay_signature, l.t, view(welcome, 513), &l.relay);
  assert_true(sodium_is_zero(l.relay_signature, 64));
  assert_int_equal(pl_login_verify_relay(l.relay_signature, l.t, view(welcome, 513), l.relay.id), PL_ECRYPTO);
  uint8_t of_nothing[64];
  assert_int_equal(crypto_sign_detached(of_nothing, NULL, welcome, 0, l.relay.secret), 0);
  assert_int_equal(pl_login_verify_relay(of_nothing, l.t, view(welcome, 513), l.relay.id), PL_ECRYPTO);
  assert_int_equal(pl_login_verify_relay(l.relay_signature, l.t, view(welcome, 512), l.relay.id), PL_ECRYPTO);
}

static void secrets_are_wiped(void **state) {
  (void)state;
  pl_identity identity = identity_of(3);
  pl_identity_deinit(&identity);
  assert_true(sodium_is_zero((const uint8_t *)&identity, sizeof identity));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_goes_round),
      cmocka_unit_test(another_character_is_almost_always_refused),
      cmocka_unit_test(wrong_lengths_and_padding_bits_are_refused),
      cmocka_unit_test(keys_outside_the_group_are_refused),
      cmocka_unit_test(every_bit_of_a_login_counts),
      cmocka_unit_test(a_proof_serves_one_side_and_one_key),
      cmocka_unit_test(transcript_keeps_its_parts_apart),
      cmocka_unit_test(an_oversized_welcome_proves_nothing),
      cmocka_unit_test(secrets_are_wiped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
