/* Public keys that an attacker chose: what the relay's login refuses, and that no such ID is ever registered. Each
 * LOGIN here carries a signature that satisfies the equation of Ed25519, as far as one can be made without the secret
 * of the key, so that it is the key that is refused. */
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

/* The points of small order: of order 1, 2, 4, 4, and four of order 8. */
static const char *const small_order[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
};

/* The same points in their other encodings: y or the sign of x = 0 is not reduced. */
static const char *const small_order_again[] = {
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void key_of(uint8_t key[32], const char *hex) {
  assert_int_equal(sodium_hex2bin(key, 32, hex, 64, NULL, NULL, NULL), 0);
}

/* ---- signatures -------------------------------------------------------------------------------------------------- */

/* Writes the scalar k = SHA-512(R ‖ A ‖ text) mod L. */
static void challenge_of(uint8_t k[32], const uint8_t point[32], const uint8_t key[32], pl_view text) {
  crypto_hash_sha512_state hash;
  uint8_t wide[64];
  crypto_hash_sha512_init(&hash);
  crypto_hash_sha512_update(&hash, point, 32);
  crypto_hash_sha512_update(&hash, key, 32);
  crypto_hash_sha512_update(&hash, text.data, text.size);
  crypto_hash_sha512_final(&hash, wide);
  crypto_core_ed25519_scalar_reduce(k, wide);
}

/* Signs for the key A = aB + T, where T has small order; a = 0 is allowed. R = rB and S = r + ka satisfy SB = R + kA
 * when kT is the neutral element, so r is drawn until 8 divides k. */
static void sign_mixed(uint8_t signature[64], const uint8_t a[32], const uint8_t key[32], pl_view text) {
  uint8_t r[32], k[32], product[32];
  do {
    crypto_core_ed25519_scalar_random(r);
    assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(signature, r), 0);
    challenge_of(k, signature, key, text);
  } while (k[0] % 8);
  crypto_core_ed25519_scalar_mul(product, k, a);
  crypto_core_ed25519_scalar_add(signature + 32, r, product);
}

/* ---- logins ------------------------------------------------------------------------------------------------------ */

/* Logs in with the key, which belongs to the scalar apart from its part of small order. Returns the reason with which
 * the relay refuses, or 0 when it admits. */
static int login_with(world *w, const uint8_t a[32], const uint8_t key[32]) {
  client *c = client_new(w, 1);
  uint8_t login[512], t[64], text[sizeof PL_LABEL_LOGIN_CLIENT - 1 + 64];
  client_upgrade(c);
  memcpy(c->identity.id, key, 32);
  size_t n = client_make_login(c, true, login);
  pl_login_transcript(t, (pl_view){c->hello, c->hello_size}, (pl_view){login, n - 64});
  memcpy(text, PL_LABEL_LOGIN_CLIENT, sizeof text - 64);
  memcpy(text + sizeof text - 64, t, 64);
  sign_mixed(login + n - 64, a, key, (pl_view){text, sizeof text});
  client_send(c, PL_ENV_LOGIN, 0, 0, login, n);
  int reason = client_refusal(c);
  client_free(c);
  return reason;
}

/* Without the check in libsodium anybody could log in with these, because no secret belongs to them. */
static void test_small_order(void **state) {
  world *w = *state;
  const uint8_t none[32] = {0};
  uint8_t key[32];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(small_order); i++) {
    key_of(key, small_order[i]);
    assert_int_equal(login_with(w, none, key), PL_REASON_LOGIN_FAILED);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(small_order_again); i++) {
    key_of(key, small_order_again[i]);
    assert_int_equal(login_with(w, none, key), PL_REASON_LOGIN_FAILED);
  }
  assert_int_equal(w->known_count, 0);
}

/* y from 2^255 - 19 to 2^255 - 1, with either sign of x. */
static void test_not_canonical(void **state) {
  world *w = *state;
  const uint8_t none[32] = {0};
  for (unsigned y = 0xed; y <= 0xff; y++) {
    for (unsigned sign = 0; sign < 2; sign++) {
      uint8_t key[32];
      memset(key, 0xff, 32);
      key[0] = (uint8_t)y;
      key[31] = sign ? 0xff : 0x7f;
      assert_int_equal(login_with(w, none, key), PL_REASON_LOGIN_FAILED);
    }
  }
  assert_int_equal(w->known_count, 0);
}

static void make_mixed(uint8_t key[32], uint8_t a[32], const char *small) {
  uint8_t prime[32], point[32];
  key_of(point, small);
  crypto_core_ed25519_scalar_random(a);
  assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(prime, a), 0);
  assert_int_equal(crypto_core_ed25519_add(key, prime, point), 0);
}

/* One secret has eight such keys, of which only the first is an ID. Ed25519 itself admits all of them. */
static void test_mixed_order(void **state) {
  world *w = *state;
  uint8_t a[32], key[32];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(small_order); i++) {
    make_mixed(key, a, small_order[i]);
    assert_int_equal(login_with(w, a, key), i == 0 ? 0 : PL_REASON_LOGIN_FAILED);
    assert_int_equal(w->known_count, 1);
  }
}

/* The reason is the same whoever may log in, and while the store cannot say whether it knows the ID. */
static void test_mixed_order_elsewhere(void **state) {
  static const int admissions[] = {PL_RELAY_ADMIT_INVITE, PL_RELAY_ADMIT_CLOSED};
  world *w = *state;
  uint8_t a[32], key[32];
  make_mixed(key, a, small_order[1]);
  w->store_broken = true;
  assert_int_equal(login_with(w, a, key), PL_REASON_LOGIN_FAILED);
  w->store_broken = false;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(admissions); i++) {
    w->admission = admissions[i];
    world_restart(w);
    assert_int_equal(login_with(w, a, key), PL_REASON_LOGIN_FAILED);
  }
}

/* The test of the tests: these signatures are good, and it is the keys that are not. */
static void test_signatures_are_good(void **state) {
  const uint8_t text[] = "text";
  uint8_t a[32], key[32], signature[64];
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(small_order); i++) {
    make_mixed(key, a, small_order[i]);
    sign_mixed(signature, a, key, (pl_view){text, sizeof text});
    assert_int_equal(crypto_sign_verify_detached(signature, text, sizeof text, key), 0);
    assert_int_equal(pl_id_check(key), i == 0 ? 0 : PL_EID);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      world_test(test_small_order),
      world_test(test_not_canonical),
      world_test(test_mixed_order),
      world_test(test_mixed_order_elsewhere),
      cmocka_unit_test(test_signatures_are_good),
  };
  return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
