/* Wycheproof's vectors, for the primitives as this project calls them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/base/base.h"
#include "vector_file.h"

static bool has_flag(const json_t *test, const char *wanted) {
  size_t i;
  json_t *flag;
  json_array_foreach(json_object_get(test, "flags"), i, flag) {
    if (strcmp(json_string_value(flag), wanted) == 0) return true;
  }
  return false;
}

static bool is(const json_t *test, const char *result) {
  return strcmp(vector_text(test, "result"), result) == 0;
}

typedef void on_test(const json_t *group, const json_t *test);

/* Calls `check` for each test of the file. Fails unless the file had as many as it announces. */
static void for_each(const char *file, on_test *check) {
  json_t *root = vector_file(file);
  json_t *group, *test;
  size_t i, k;
  json_int_t count = 0;
  json_array_foreach(json_object_get(root, "testGroups"), i, group) {
    json_array_foreach(json_object_get(group, "tests"), k, test) {
      check(group, test);
      count++;
    }
  }
  assert_int_equal(count, json_integer_value(json_object_get(root, "numberOfTests")));
  json_decref(root);
}

static void say(const json_t *test, const char *what) {
  fail_msg("test %d (%s): %s", (int)json_integer_value(json_object_get(test, "tcId")), vector_text(test, "comment"),
           what);
}

static void check_ed25519(const json_t *group, const json_t *test) {
  pl_bytes key, message, signature;
  vector_hex(&key, json_object_get(group, "publicKey"), "pk");
  vector_hex(&message, test, "msg");
  vector_hex(&signature, test, "sig");
  assert_int_equal(key.size, 32);
  /* Our messages carry signatures of exactly 64 bytes; another length does not decode. */
  bool valid =
      signature.size == 64 && crypto_sign_verify_detached(signature.data, message.data, message.size, key.data) == 0;
  if (valid != is(test, "valid")) say(test, valid ? "taken" : "refused");
}

static void ed25519(void **state) {
  (void)state;
  for_each("wycheproof-ed25519_test.json", check_ed25519);
}

/* "Acceptable" are points on the twist, non-canonical and low-order points. We follow RFC 7748 for all but those whose
 * shared secret is zero: they are refused, so that nobody can make a session key predictable. */
static void check_x25519(const json_t *group, const json_t *test) {
  (void)group;
  pl_bytes public, private, shared;
  uint8_t result[32];
  vector_hex(&public, test, "public");
  vector_hex(&private, test, "private");
  vector_hex(&shared, test, "shared");
  assert_true(public.size == 32 && private.size == 32 && shared.size == 32);
  int rc = crypto_scalarmult(result, private.data, public.data);
  bool zero = sodium_is_zero(shared.data, 32);
  assert_true(zero == has_flag(test, "ZeroSharedSecret"));
  if (zero) {
    if (rc == 0) say(test, "an all-zero secret was taken");
  } else if (rc != 0) {
    say(test, "refused");
  } else if (memcmp(result, shared.data, 32) != 0) {
    say(test, "another secret");
  }
}

static void x25519(void **state) {
  (void)state;
  for_each("wycheproof-x25519_test.json", check_x25519);
}

static void check_chacha20_poly1305(const json_t *group, const json_t *test) {
  (void)group;
  pl_bytes key, nonce, ad, message, sealed, tag;
  vector_hex(&key, test, "key");
  vector_hex(&nonce, test, "iv");
  vector_hex(&ad, test, "aad");
  vector_hex(&message, test, "msg");
  vector_hex(&sealed, test, "ct");
  vector_hex(&tag, test, "tag");
  if (nonce.size != crypto_aead_chacha20poly1305_ietf_NPUBBYTES) { /* this project only uses nonces of 12 bytes */
    assert_true(is(test, "invalid"));
    return;
  }
  uint8_t joined[8192 + 16], plain[8192];
  memcpy(joined, sealed.data, sealed.size);
  memcpy(joined + sealed.size, tag.data, tag.size);
  bool valid = crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, joined, sealed.size + tag.size, ad.data,
                                                         ad.size, nonce.data, key.data) == 0;
  if (valid != is(test, "valid")) say(test, valid ? "taken" : "refused");
  if (!valid) return;
  assert_memory_equal(plain, message.data, message.size);
  crypto_aead_chacha20poly1305_ietf_encrypt(joined, NULL, message.data, message.size, ad.data, ad.size, NULL,
                                            nonce.data, key.data);
  assert_memory_equal(joined, sealed.data, sealed.size);
  assert_memory_equal(joined + sealed.size, tag.data, tag.size);
}

static void chacha20_poly1305(void **state) {
  (void)state;
  for_each("wycheproof-chacha20_poly1305_test.json", check_chacha20_poly1305);
}

int main(void) {
  if (sodium_init() < 0) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ed25519),
      cmocka_unit_test(x25519),
      cmocka_unit_test(chacha20_poly1305),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
