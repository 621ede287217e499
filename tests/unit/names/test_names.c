/* The rules of schema/lookalikes.def that the searches need, and names that are not UTF-8. The names that look alike
 * are in schema/vectors/names.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/names/names.h"

enum { TEXT_MAX = 12 };

typedef struct entry {
  uint32_t first, last;
  const char *text;
} entry;

static const entry dropped[] = {
#define PL_LOOK_DROPPED(first, last) {first, last, ""},
#include "lookalikes.def"
};
static const entry looks[] = {
#define PL_LOOK(character, text) {character, character, text},
#define PL_LOOK_NFKD(character, text) {character, character, text},
#include "lookalikes.def"
};
static const entry lower[] = {
#define PL_LOOK_LOWER(character, lower) {character, lower, ""},
#include "lookalikes.def"
};

static bool alike(const char *a, const char *b) {
  return pl_names_alike((pl_view){(const uint8_t *)a, strlen(a)}, (pl_view){(const uint8_t *)b, strlen(b)});
}

/* The first syllable of its block, and the last one, are their letters. */
static void syllables_are_their_letters(void **state) {
  (void)state;
  assert_true(alike("\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1"));
  assert_true(alike("\xed\x9e\xa3", "\xe1\x84\x92\xe1\x85\xb5\xe1\x87\x82"));
}

static void assert_sorted(const entry *list, size_t count, bool spans) {
  for (size_t i = 1; i < count; i++) assert_true(list[i].first > (spans ? list[i - 1].last : list[i - 1].first));
}

static void tables_are_sorted(void **state) {
  (void)state;
  assert_sorted(dropped, PL_ARRAY_LENGTH(dropped), true);
  assert_sorted(looks, PL_ARRAY_LENGTH(looks), true);
  assert_sorted(lower, PL_ARRAY_LENGTH(lower), false);
}

static size_t encode(uint32_t c, char out[5]) {
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n; i-- > 1; c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)(n == 1 ? c : (0xf0U << (4 - n)) | c);
  out[n] = '\0';
  return n;
}

static void each_character_looks_like_its_text(void **state) {
  char character[5];
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(looks); i++) {
    encode(looks[i].first, character);
    assert_in_range(strlen(looks[i].text), 1, TEXT_MAX);
    if (!alike(character, looks[i].text)) fail_msg("U+%04X does not look like %s", looks[i].first, looks[i].text);
  }
}

static void each_character_looks_like_its_lower_case(void **state) {
  char upper[6] = "x", small[6] = "x"; /* a name of dropped characters only looks like no other */
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(lower); i++) {
    encode(lower[i].first, upper + 1);
    encode(lower[i].last, small + 1);
    if (!alike(upper, small)) fail_msg("U+%04X does not look like U+%04X", lower[i].first, lower[i].last);
  }
}

static void what_is_dropped_changes_nothing(void **state) {
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(dropped); i++) {
    char name[16] = "A";
    size_t used = 1 + encode(dropped[i].first ? dropped[i].first : dropped[i].last, name + 1);
    used += encode(dropped[i].last, name + used);
    memcpy(name + used, "na", 3);
    if (!alike(name, "Ana")) fail_msg("U+%04X to U+%04X are seen", dropped[i].first, dropped[i].last);
  }
}

static void bytes_that_are_no_text_look_like_themselves(void **state) {
  (void)state;
  assert_true(alike("A\xff", "a\xff"));
  assert_false(alike("A\xff", "A\xfe"));
  assert_false(alike("A\xe2\x80", "A"));
  assert_false(alike("\xed\xa0\x80", "\xed\xa0\x81"));
  assert_true(pl_names_alike((pl_view){(const uint8_t *)"A\0b", 3}, (pl_view){(const uint8_t *)"ab", 2}));
  assert_false(pl_names_alike((pl_view){NULL, 0}, (pl_view){(const uint8_t *)"a", 1}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(syllables_are_their_letters),
      cmocka_unit_test(tables_are_sorted),
      cmocka_unit_test(each_character_looks_like_its_text),
      cmocka_unit_test(each_character_looks_like_its_lower_case),
      cmocka_unit_test(what_is_dropped_changes_nothing),
      cmocka_unit_test(bytes_that_are_no_text_look_like_themselves),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
