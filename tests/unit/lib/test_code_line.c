/* The line of a pairing code, key by key: typing, pasting, completing, and text that cannot be a code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/code_line.h"

static const char *const words[] = {"acid", "cop", "copper", "copy", "oak", "vine", "violet", "violin"};

static const char *word(unsigned n) {
  return n < sizeof words / sizeof *words ? words[n] : NULL;
}

static code_line line;
static code_line_view view;

/* Types the keys. Returns the result of the last one, and sets the view after it. */
static code_line_result type(const char *keys) {
  code_line_result result = CODE_LINE_CONTINUES;
  for (; *keys; keys++) result = code_line_key(&line, (unsigned char)*keys);
  code_line_look(&line, &view);
  return result;
}

static int set_up(void **state) {
  (void)state;
  code_line_init(&line, word);
  return 0;
}

static void a_pasted_code_is_found(void **state) {
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"4821-copper-violin", "4821-copper-violin"},
      {"  4821 - COPPER   Violin ", "4821-copper-violin"},
      {"4821copper violin", "4821-copper-violin"},
      {"4821copperviolin", "4821-copper-violin"},
      {"4821 , copper , violin", "4821-copper-violin"},
      {"4821---copper--violin--", "4821-copper-violin"},
      {"“4821-copper-violin.”", "4821-copper-violin"},
      {"4821\xe2\x80\x93"
       "copper\xe2\x80\x91"
       "violin",
       "4821-copper-violin"}, /* other kinds of dashes */
      {"\033[200~4821-copper-violin\033[201~", "4821-copper-violin"},
      {"\033[A\033OB\033[3~4821-oak-vine", "4821-oak-vine"},
      {"123456789-oak-cop", "123456789-oak-cop"},
      {"4821\xc2\xa0oak\tvine", "4821-oak-vine"},
      {"code: 4821-cop-cop", "4821-cop-cop"},
      {"Code  4821-copper-violin        valid 10 minutes; on the other side: pairlink pair --code",
       "4821-copper-violin"},
      {"\033[200~until 10:\npairlink pair 4821-copper-violin\n\033[201~", "4821-copper-violin"},
      {"pairlink pair 4821-copper-violin # ok?", "4821-copper-violin"},
      {"https://relay.example/ 4821-copper-violin ok?", "4821-copper-violin"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    code_line_init(&line, word);
    assert_int_equal(type(cases[i].in), CODE_LINE_CONTINUES);
    assert_string_equal(line.text, cases[i].out);
    assert_int_equal(type("\r"), CODE_LINE_DONE);
    assert_string_equal(line.text, cases[i].out);
  }
}

/* Makes a link as client/lib does. */
static const char link_text[] =
    "http://127.0.0.1:8787/#"
    "AYuwThwbg93fMR9bzd98UO3jwIAvR-x5bioTHPQSmNnzd3bocLkzVPKgskwj8qNsxOgOIjIYwbl5Jv3QGDlqK5vg4eLj5OXm5-jp6uvs7e7v_"
    "OOnpQ";

static void a_link_may_come_instead(void **state) {
  (void)state;
  type("talk to me: ");
  assert_string_equal(code_line_text(&line), "");
  type(link_text);
  assert_string_equal(code_line_text(&line), link_text);
  assert_false(view.wrong);
  type(" ok?\t");
  assert_int_equal(type("\r"), CODE_LINE_DONE);
  assert_string_equal(code_line_text(&line), link_text);
  type("\x7f"); /* removes all of it */
  assert_string_equal(code_line_text(&line), "");
  type("4821-oak-vine");
  assert_int_equal(type("\r"), CODE_LINE_DONE);
}

static void a_link_that_is_not_whole_waits(void **state) {
  (void)state;
  for (const char *c = link_text; c[1]; c++)
    assert_int_equal(code_line_key(&line, (unsigned char)*c), CODE_LINE_CONTINUES);
  assert_int_equal(type("\r"), CODE_LINE_CONTINUES);
  assert_true(view.wrong);
  assert_non_null(strstr(view.hint, "whole"));
  type("Q");
  assert_false(view.wrong);
  assert_int_equal(type("\r"), CODE_LINE_DONE);
}

static void a_line_end_in_a_paste_is_not_enter(void **state) {
  (void)state;
  assert_int_equal(type("\033[200~4821-oak\r"), CODE_LINE_CONTINUES);
  assert_int_equal(type("vine\r\033[201~"), CODE_LINE_CONTINUES);
  assert_string_equal(line.text, "4821-oak-vine");
  assert_string_equal(view.hint, "");
  assert_int_equal(type("\r"), CODE_LINE_DONE);
}

static void a_code_that_was_found_can_be_edited(void **state) {
  (void)state;
  type("pairlink pair 4821-copper-violin #");
  type("\x7f\x7f");
  assert_string_equal(line.text, "4821-copper-viol");
  type("in");
  assert_int_equal(type("\r"), CODE_LINE_DONE);
}

static void words_are_completed(void **state) {
  (void)state;
  type("4821");
  assert_string_equal(view.hint, "");
  type("-");
  assert_string_equal(view.hint, "then two words");
  type("c");
  assert_string_equal(view.hint, "cop copper copy");
  type("\t"); /* as far as the candidates agree */
  assert_string_equal(line.text, "4821-cop");
  type("p");
  assert_string_equal(view.rest, "er");
  assert_string_equal(view.hint, "");
  type(" ");
  assert_string_equal(line.text, "4821-copper-");
  assert_string_equal(view.hint, "one more word");
  type("vi\t");
  assert_string_equal(line.text, "4821-copper-vi");
  assert_string_equal(view.hint, "vine violet violin");
  type("o\t");
  assert_string_equal(line.text, "4821-copper-viol");
  type("i");
  assert_string_equal(view.rest, "n");
  assert_int_equal(type("\n"), CODE_LINE_DONE); /* an unambiguous word need not be typed whole */
  assert_string_equal(line.text, "4821-copper-violin");
}

static void a_word_that_other_words_start_with_is_a_word(void **state) {
  (void)state;
  type("4821 cop ");
  assert_string_equal(line.text, "4821-cop-");
  assert_int_equal(type("cop"), CODE_LINE_CONTINUES);
  assert_string_equal(view.rest, "");
  assert_int_equal(type("\r"), CODE_LINE_DONE);
}

static void an_impossible_word_is_marked_immediately(void **state) {
  (void)state;
  type("4821-coz");
  assert_true(view.wrong);
  assert_string_equal(view.hint, "no word starts with “coz”");
  type("\x7f");
  assert_false(view.wrong);
  type("\x17"); /* Ctrl-W */
  assert_string_equal(line.text, "4821-");
  type("coper-violin");
  assert_true(view.wrong);
  assert_string_equal(line.text, "4821-coper-violin");
  assert_string_equal(view.hint, "“coper” is not a word of a code");
  assert_int_equal(type("\r"), CODE_LINE_CONTINUES);
  type("\x15"); /* Ctrl-U */
  assert_string_equal(line.text, "");
  assert_false(view.wrong);
}

static void enter_waits_for_a_whole_code(void **state) {
  static const char *const early[] = {"", "4", "4821", "4821-", "4821-oak", "4821-oak-", "4821-oak-vi", "4821-c-"};
  (void)state;
  for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
    code_line_init(&line, word);
    assert_int_equal(type(early[i]), CODE_LINE_CONTINUES);
    assert_int_equal(type("\r"), CODE_LINE_CONTINUES);
    assert_true(*view.hint != '\0');
  }
}

static void without_a_number_there_is_no_code(void **state) {
  (void)state;
  type("oak-vine");
  assert_string_equal(line.text, "");
  assert_non_null(strstr(view.hint, "a number"));
  type("482oak"); /* three digits */
  assert_string_equal(line.text, "482");
  assert_non_null(strstr(view.hint, "a number"));
  type("1");
  assert_string_equal(view.hint, "");
}

static void ends_without_a_code(void **state) {
  (void)state;
  assert_int_equal(type("\x04"), CODE_LINE_ABORTED);
  assert_int_equal(type("4\x04"), CODE_LINE_CONTINUES);
  assert_int_equal(type("\x03"), CODE_LINE_ABORTED);
}

/* Whatever bytes come, the text stays a NUL-terminated part of a code. */
static void any_bytes_do_no_harm(void **state) {
  uint32_t seed = 7;
  (void)state;
  for (int round = 0; round < 2000; round++) {
    code_line_init(&line, word);
    for (int i = 0; i < 200; i++) {
      seed = seed * 1664525 + 1013904223;
      unsigned char byte =
          seed >> 31 ? (unsigned char)(seed >> 20) : (unsigned char)"4821copvine:/#-\t\x7f\r"[seed >> 24 & 15];
      (void)code_line_key(&line, byte);
      code_line_look(&line, &view);
      assert_int_equal(strlen(line.text), line.size);
      assert_int_equal(strspn(line.text, "0123456789abcdefghijklmnopqrstuvwxyz-"), line.size);
      assert_null(strstr(line.text, "--"));
    }
  }
}

#define WITH_LINE(test) cmocka_unit_test_setup(test, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LINE(a_pasted_code_is_found),
      WITH_LINE(a_link_may_come_instead),
      WITH_LINE(a_link_that_is_not_whole_waits),
      WITH_LINE(a_line_end_in_a_paste_is_not_enter),
      WITH_LINE(a_code_that_was_found_can_be_edited),
      WITH_LINE(words_are_completed),
      WITH_LINE(a_word_that_other_words_start_with_is_a_word),
      WITH_LINE(an_impossible_word_is_marked_immediately),
      WITH_LINE(enter_waits_for_a_whole_code),
      WITH_LINE(without_a_number_there_is_no_code),
      WITH_LINE(ends_without_a_code),
      WITH_LINE(any_bytes_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
