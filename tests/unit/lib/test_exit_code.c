/* The table of exit codes has one row for each code, and one word for each row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/exit_code.h"

static void each_code_has_a_row_of_its_own(void **state) {
  (void)state;
  for (unsigned i = 0; i < exit_code_count; i++) {
    const exit_code_row *row = &exit_codes[i];
    assert_ptr_equal(exit_code_find(row->code), row);
    assert_true(*row->word && *row->meaning);
    if (i) assert_true(row->code > exit_codes[i - 1].code);
    for (unsigned k = 0; k < i; k++) assert_string_not_equal(row->word, exit_codes[k].word);
  }
  for (int code = EXIT_OK; code <= EXIT_RELAY_STORE; code++) assert_int_equal(exit_code_find(code)->code, code);
  assert_int_equal(exit_code_find(EXIT_INTERRUPTED)->code, EXIT_INTERRUPTED);
}

static void an_unknown_code_is_something_unexpected(void **state) {
  (void)state;
  assert_int_equal(exit_code_find(-1)->code, EXIT_OTHER);
  assert_int_equal(exit_code_find(255)->code, EXIT_OTHER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_code_has_a_row_of_its_own),
      cmocka_unit_test(an_unknown_code_is_something_unexpected),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
