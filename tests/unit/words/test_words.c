/* The rules that schema/words.def must keep, and the searches in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/wire/wire.h"
#include "client/core/words/words.h"

enum { LONGEST = 8, COMPLETE = 4 };

static pl_view text(const char *s) {
  return (pl_view){(const uint8_t *)s, strlen(s)};
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* The Levenshtein distance: how many letters to change, remove or add. */
static size_t distance(const char *a, const char *b) {
  size_t row[LONGEST + 1], width = strlen(b);
  for (size_t j = 0; j <= width; j++) row[j] = j;
  for (size_t i = 0; a[i]; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < width; j++) {
      size_t changed = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = smaller(changed, smaller(diagonal, row[j]) + 1);
    }
  }
  return row[width];
}

static void words_are_three_to_eight_letters(void **state) {
  (void)state;
  for (unsigned n = 0; n < PL_CONST_WORDS_COUNT; n++) {
    const char *word = pl_word(n);
    assert_in_range(strlen(word), 3, LONGEST);
    assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz"), strlen(word));
  }
  assert_null(pl_word(PL_CONST_WORDS_COUNT));
  assert_null(pl_word(UINT32_MAX));
}

static void words_are_in_order_and_four_letters_are_enough(void **state) {
  (void)state;
  for (unsigned n = 1; n < PL_CONST_WORDS_COUNT; n++) {
    const char *before = pl_word(n - 1), *word = pl_word(n);
    assert_true(strcmp(before, word) < 0);
    /* The list is sorted, so words with the same start are neighbours. A shorter word counts as a whole. */
    assert_true(strncmp(before, word, smaller(strlen(before), COMPLETE)) != 0);
  }
}

static void one_wrong_letter_never_makes_another_word(void **state) {
  (void)state;
  assert_int_equal(distance("sail", "sale"), 2); /* tests the measure itself */
  assert_int_equal(distance("acorn", "corn"), 1);
  assert_int_equal(distance("cat", "cart"), 1);
  assert_int_equal(distance("cat", "cot"), 1);
  for (unsigned a = 0; a < PL_CONST_WORDS_COUNT; a++)
    for (unsigned b = a + 1; b < PL_CONST_WORDS_COUNT; b++)
      if (distance(pl_word(a), pl_word(b)) < 2) fail_msg("%s and %s", pl_word(a), pl_word(b));
}

static void every_word_is_found_and_nothing_else(void **state) {
  (void)state;
  for (unsigned n = 0; n < PL_CONST_WORDS_COUNT; n++) {
    const char *word = pl_word(n);
    size_t length = strlen(word);
    assert_int_equal(pl_word_find(text(word)), n);
    assert_int_equal(pl_word_find((pl_view){(const uint8_t *)word, length - 1}), -1);
    char longer[LONGEST + 2];
    memcpy(longer, word, length);
    memcpy(longer + length, "x", 2);
    assert_int_equal(pl_word_find(text(longer)), -1);
    assert_int_equal(pl_word_find((pl_view){(const uint8_t *)word, length + 1}), -1); /* a NUL is not a letter */
  }
  const char *no[] = {"", "Copper", "copper ", " copper", "co-pper", "a", "zzzzzzzzzzzzzzzz", "\xff\xff", "\xc3\xa9"};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(no); i++) assert_int_equal(pl_word_find(text(no[i])), -1);
  assert_int_equal(pl_word_find((pl_view){NULL, 0}), -1);
}

/* Compares the search with a walk through the whole list. */
static void assert_completes(pl_view prefix) {
  unsigned first, count, wanted_first = 0, wanted = 0;
  for (unsigned n = 0; n < PL_CONST_WORDS_COUNT; n++)
    if (strlen(pl_word(n)) >= prefix.size && (!prefix.size || memcmp(pl_word(n), prefix.data, prefix.size) == 0)) {
      if (!wanted) wanted_first = n;
      wanted++;
    }
  assert_int_equal(pl_word_complete(prefix, &first, &count), wanted ? 0 : PL_ECODE);
  assert_int_equal(count, wanted);
  if (wanted) assert_int_equal(first, wanted_first);
}

static void a_prefix_gives_the_range_of_its_words(void **state) {
  (void)state;
  assert_completes((pl_view){NULL, 0});
  char prefix[3] = "";
  for (int a = 'a' - 1; a <= 'z' + 1; a++)
    for (int b = 'a' - 1; b <= 'z' + 1; b++) {
      prefix[0] = (char)a;
      prefix[1] = (char)b;
      assert_completes((pl_view){(const uint8_t *)prefix, 1});
      assert_completes((pl_view){(const uint8_t *)prefix, 2});
    }
  const char *others[] = {"copp", "coppe", "copper", "copperx", "COPP", "\xff", "\x01", "zzzzzzzzzzzzzzzz"};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(others); i++) assert_completes(text(others[i]));
  for (unsigned n = 0; n < PL_CONST_WORDS_COUNT; n++) {
    unsigned first, count;
    const char *word = pl_word(n);
    assert_int_equal(
        pl_word_complete((pl_view){(const uint8_t *)word, smaller(strlen(word), COMPLETE)}, &first, &count), 0);
    assert_int_equal(first, n);
    assert_int_equal(count, 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_three_to_eight_letters),
      cmocka_unit_test(words_are_in_order_and_four_letters_are_enough),
      cmocka_unit_test(one_wrong_letter_never_makes_another_word),
      cmocka_unit_test(every_word_is_found_and_nothing_else),
      cmocka_unit_test(a_prefix_gives_the_range_of_its_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
