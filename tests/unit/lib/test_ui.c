/* Text of other people reaches the terminal as printable text only; errors have exit codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/exit_code.h"
#include "client/cli/ui.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_text_of_others_is_made_safe(void **state) {
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"", ""},
      {"Ana", "Ana"},
      {"Zoë 漢字 🙂", "Zoë 漢字 🙂"},
      {"a\033[31mb", "a?[31mb"},
      {"a\nb\r\tc\x07\x7f", "a?b??c??"},
      {"\xc2\x9b"
       "31m",
       "??31m"}, /* C1: another CSI */
      {"\xe2\x80\xae"
       "abc",
       "???abc"},                   /* right-to-left override */
      {"\xe2\x80\x8b", "???"},      /* zero width space */
      {"\xe2\x81\xa6", "???"},      /* isolate */
      {"\xef\xbb\xbf", "???"},      /* byte order mark */
      {"\xc2\xad\xd8\x9c", "????"}, /* soft hyphen, Arabic letter mark */
      {"\xf3\xa0\x81\x81", "????"}, /* tag */
      {"\xc0\x8a", "??"},           /* overlong line feed */
      {"\xe0\x80\x8a", "???"},
      {"\xed\xa0\x80", "???"},      /* surrogate */
      {"\xf4\x90\x80\x80", "????"}, /* beyond Unicode */
      {"\xff\xfe", "??"},
      {"\xe6\xbc", "??"}, /* cut off */
      {"\xf0\x9f\x99", "???"},
  };
  char out[64];
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) assert_string_equal(ui_clean(cases[i].in, out, sizeof out), cases[i].out);
}

static void test_text_is_cut_between_characters(void **state) {
  char out[6];
  (void)state;
  assert_string_equal(ui_clean("abcdefgh", out, sizeof out), "abcde");
  assert_string_equal(ui_clean("abc漢字", out, sizeof out), "abc");
  assert_string_equal(ui_clean("ab漢字", out, sizeof out), "ab漢");
  assert_string_equal(ui_clean("abc", out, 1), "");
}

/* A shell reads back exactly the text that went in. */
static void test_words_for_a_shell(void **state) {
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"", "''"},
      {"ws://relay.example:8787/x", "ws://relay.example:8787/x"},
      {"Ana's files", "'Ana'\\''s files'"},
      {"My files", "'My files'"},
      {"'", "''\\'''"},
      {"$(reboot) `x` \\ \"", "'$(reboot) `x` \\ \"'"},
      {"~", "'~'"},
      {"Zoë", "Zoë"},
      {"it's\033[2J\\\n", "$'it\\'s\\033[2J\\\\\\012'"},
      {"\xff", "$'\\377'"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    ui_quoted(out, cases[i].in);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, cases[i].out);
    free(text);
  }
}

static void test_every_byte_sequence_of_three_is_printable_or_marked(void **state) {
  char in[4] = {0}, out[16];
  (void)state;
  for (unsigned n = 1; n < 1U << 24; n += 7) { /* 2.4 million of them, all leading bytes */
    in[0] = (char)(n & 0xff);
    in[1] = (char)(n >> 8 & 0xff);
    in[2] = (char)(n >> 16 & 0xff);
    ui_clean(in, out, sizeof out);
    assert_int_equal(strlen(out), strlen(in));
    for (const char *c = out; *c; c++) assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
  }
}

static void test_each_error_has_an_exit_code(void **state) {
  (void)state;
#define PL_ERROR(name, number, text, hint) assert_in_range(exit_code_of_error(number), (number) == 0 ? 0 : 1, 10);
#include "errors.def"
  assert_int_equal(exit_code_of_error(PAIRLINK_ENETWORK), EXIT_NO_RELAY);
  assert_int_equal(exit_code_of_error(PAIRLINK_EREFUSED), EXIT_REFUSED);
  assert_int_equal(exit_code_of_error(PAIRLINK_ECLOSED), EXIT_PEER_GONE);
  assert_int_equal(exit_code_of_error(PAIRLINK_ETLS), EXIT_KEY);
  assert_int_equal(exit_code_of_error(PAIRLINK_EID), EXIT_USAGE);
  assert_int_equal(exit_code_of_error(PAIRLINK_EIO), EXIT_IO);
  assert_int_equal(exit_code_of_error(PAIRLINK_EWRONGCODE), EXIT_CODE);
  assert_int_equal(exit_code_of_error(PAIRLINK_ESTORE), EXIT_RELAY_STORE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_of_others_is_made_safe),
      cmocka_unit_test(test_text_is_cut_between_characters),
      cmocka_unit_test(test_words_for_a_shell),
      cmocka_unit_test(test_every_byte_sequence_of_three_is_printable_or_marked),
      cmocka_unit_test(test_each_error_has_an_exit_code),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
