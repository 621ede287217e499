/* Pairing codes as people type them, and safety phrases, by their own rules: no vector of this project is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/code/code.h"
#include "client/core/identity/identity.h"
#include "client/core/words/words.h"

/* A copy without spare bytes, so that a read beyond its end is seen. */
static int parse(pl_code *code, const char *text) {
  size_t size = strlen(text);
  uint8_t *copy = malloc(size + !size);
  memcpy(copy, text, size);
  int rc = pl_code_parse(code, (pl_view){copy, size});
  free(copy);
  return rc;
}

/* Writes 4821 and two words with this text around and between the parts. */
static void between(char out[128], const char *before, const char *separator, const char *after) {
  (void)snprintf(out, 128, "%s4821%s%s%s%s%s", before, separator, pl_word(7), separator, pl_word(300), after);
}

static void a_code_goes_round(void **state) {
  char text[PL_CODE_TEXT_MAX], expected[128];
  const pl_code code = {4821, {7, 300}};
  pl_code read;
  (void)state;
  pl_code_format(&code, text);
  between(expected, "", "-", "");
  assert_string_equal(text, expected);
  assert_int_equal(parse(&read, text), 0);
  assert_int_equal(read.number, 4821);
  assert_int_equal(read.words[0], 7);
  assert_int_equal(read.words[1], 300);
}

/* What is neither a letter nor a digit may stand anywhere but inside a part, and may be left out. */
static void separators(void **state) {
  static const char *const gaps[] = {"",
                                     " ",
                                     "\t",
                                     "\xc2\xa0",
                                     " \xc2\xa0 ",
                                     "-",
                                     " - ",
                                     "_",
                                     ".",
                                     ", ",
                                     "/",
                                     "\xe2\x80\x90",
                                     "\xe2\x80\x95",
                                     "\xe2\x80\x8f",
                                     "\xe2\x81\xa9",
                                     "\xe2\x88\x92",
                                     "\xd8\x8c",
                                     "\xe3\x80\x80"};
  static const char *const others[] = {"\xe2\x81\xb0", "\xe2\x98\x85", "\xc2\xa1", "\xe2", "\xc3\xa9", "\xe1\x9a\x80"};
  char text[128];
  pl_code code;
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(gaps); i++) {
    between(text, gaps[i], gaps[i], gaps[i]);
    if (parse(&code, text) != 0) fail_msg("not read: %s", text);
    assert_true(code.number == 4821 && code.words[0] == 7 && code.words[1] == 300);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(others); i++) {
    between(text, "", others[i], "");
    assert_int_equal(parse(&code, text), PL_ECODE);
    between(text, others[i], "-", "");
    assert_int_equal(parse(&code, text), PL_ECODE);
    between(text, "", "-", others[i]);
    assert_int_equal(parse(&code, text), PL_ECODE);
  }
}

static void parts(void **state) {
  static const char *const heads[] = {"", "-", "0482-", "48x1-", "48 21-", "12345678-", "4821-x"};
  static const char *const bad[] = {"", " ", "4821", "4821-", "-"};
  char text[128];
  pl_code code;
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(bad); i++) assert_int_equal(parse(&code, bad[i]), PL_ECODE);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(heads); i++) {
    (void)snprintf(text, sizeof text, "%s%s-%s", heads[i], pl_word(7), pl_word(300));
    assert_int_equal(parse(&code, text), PL_ECODE);
  }
  (void)snprintf(text, sizeof text, "4821-%s", pl_word(7));
  assert_int_equal(parse(&code, text), PL_ECODE);
  (void)snprintf(text, sizeof text, "4821-%s-%s-%s", pl_word(7), pl_word(300), pl_word(1));
  assert_int_equal(parse(&code, text), PL_ECODE);
  (void)snprintf(text, sizeof text, "%u-%s-%s", PL_CONST_CODE_NUMBER_MIN, pl_word(0), pl_word(1));
  assert_int_equal(parse(&code, text), 0);
  (void)snprintf(text, sizeof text, "%u-%s-%s", PL_CONST_CODE_NUMBER_MIN - 1, pl_word(0), pl_word(1));
  assert_int_equal(parse(&code, text), PL_ECODE);
  (void)snprintf(text, sizeof text, "%u-%s-%s", PL_CONST_CODE_NUMBER_MAX, pl_word(0), pl_word(1));
  assert_int_equal(parse(&code, text), 0);
  (void)snprintf(text, sizeof text, "%u-%s-%s", PL_CONST_CODE_NUMBER_MAX + 1, pl_word(0), pl_word(1));
  assert_int_equal(parse(&code, text), PL_ECODE);
}

/* Twelve words with one space between each two, the same for both people, and others for other people. */
static void phrases(void **state) {
  const uint8_t a[32] = {1}, b[32] = {2}, c[32] = {3};
  char ab[PL_PHRASE_TEXT_MAX], ba[PL_PHRASE_TEXT_MAX], ac[PL_PHRASE_TEXT_MAX];
  (void)state;
  pl_phrase(ab, a, b);
  pl_phrase(ba, b, a);
  pl_phrase(ac, a, c);
  assert_string_equal(ab, ba);
  assert_string_not_equal(ab, ac);
  size_t words = 0;
  for (const char *at = ab; *at; words++) {
    size_t size = strcspn(at, " ");
    assert_true(pl_word_find((pl_view){(const uint8_t *)at, size}) >= 0);
    at += size;
    if (*at) assert_true(at[1] != '\0');
    at += *at == ' ';
  }
  assert_int_equal(words, 2 * PL_CONST_PHRASE_WORDS);
}

/* Written out from docs/protocol.md: 66 bits of each ID's stretched hash, in words of eleven bits. */
static void expect_half(const char *half, const uint8_t id[32]) {
  uint8_t h[64];
  crypto_hash_sha512_state hash;
  crypto_hash_sha512_init(&hash);
  crypto_hash_sha512_update(&hash, (const uint8_t *)PL_LABEL_PHRASE, strlen(PL_LABEL_PHRASE));
  crypto_hash_sha512_update(&hash, id, 32);
  crypto_hash_sha512_final(&hash, h);
  for (int round = 0; round < PL_CONST_PHRASE_ROUNDS; round++) {
    uint8_t both[96];
    memcpy(both, h, 64);
    memcpy(both + 64, id, 32);
    crypto_hash_sha512(h, both, sizeof both);
  }
  for (size_t word = 0; word < PL_CONST_PHRASE_WORDS; word++) {
    unsigned value = 0;
    for (size_t bit = 11 * word; bit < 11 * (word + 1); bit++) value = 2 * value + (h[bit / 8] >> (7 - bit % 8) & 1u);
    size_t size = strlen(pl_word((uint16_t)value));
    assert_memory_equal(half, pl_word((uint16_t)value), size);
    half += size + 1;
  }
}

static void phrases_are_of_both_ids(void **state) {
  const uint8_t a[32] = {1}, b[32] = {2};
  char text[PL_PHRASE_TEXT_MAX];
  (void)state;
  pl_phrase(text, b, a);
  expect_half(text, a);
  const char *at = text;
  for (size_t word = 0; word < PL_CONST_PHRASE_WORDS; word++) at = strchr(at, ' ') + 1;
  expect_half(at, b);
}

/* A proof has a right tag, opens, and is of a person that can be: with a valid ID and an instance. */
static void proofs_are_of_a_person(void **state) {
  (void)state;
  pl_code_secrets secrets;
  pl_identity identity;
  const uint8_t seed[32] = {9};
  uint8_t proof[PL_CODE_PROOF_MAX];
  pl_code_person read;
  for (size_t k = 0; k < sizeof secrets; k++) ((uint8_t *)&secrets)[k] = (uint8_t)(3 * k);
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  for (int by_claimer = 0; by_claimer < 2; by_claimer++)
    for (int wrong = 0; wrong < 5; wrong++) {
      pl_code_person person = {.instance = {1}, .name_size = 3, .name = "Ada"};
      if (wrong != 1) memcpy(person.id, identity.id, 32);
      if (wrong == 2) person.instance[0] = 0;
      int size = pl_code_prove(proof, &secrets, by_claimer, &person);
      assert_true(size > 0);
      if (wrong == 3) proof[31] ^= 1;
      if (wrong == 4) proof[size - 1] ^= 1;
      int rc = pl_code_verify(&read, &secrets, by_claimer, (pl_view){proof, (size_t)size});
      assert_int_equal(rc, wrong ? PL_EWRONGCODE : 0);
      if (wrong) continue;
      assert_memory_equal(&read, &person, sizeof person);
      assert_int_equal(pl_code_verify(&read, &secrets, !by_claimer, (pl_view){proof, (size_t)size}), PL_EWRONGCODE);
      for (size_t cut = 0; cut < (size_t)size; cut++) {
        uint8_t *copy = malloc(cut + !cut);
        memcpy(copy, proof, cut);
        assert_int_equal(pl_code_verify(&read, &secrets, by_claimer, (pl_view){copy, cut}), PL_EWRONGCODE);
        free(copy);
      }
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_code_goes_round),      cmocka_unit_test(separators), cmocka_unit_test(parts),
      cmocka_unit_test(proofs_are_of_a_person), cmocka_unit_test(phrases),    cmocka_unit_test(phrases_are_of_both_ids),
  };
  return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}
