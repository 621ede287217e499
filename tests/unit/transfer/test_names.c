/* Safe names: whatever bytes a name has, the path stays below its folder and can be written. Cases with their results
 * are in schema/vectors/transfer.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/transfer/transfer.h"

static void check_part(const char *part, size_t size, bool may_hide) {
  assert_true(size > 0 && size <= PL_TRANSFER_PART_MAX + 1);
  assert_false(size == 1 && part[0] == '.');
  assert_false(size == 2 && memcmp(part, "..", 2) == 0);
  assert_true(may_hide || part[0] != '.');
  assert_true(part[0] != '-');
  assert_true(part[size - 1] != '.' && part[size - 1] != ' ');
  for (size_t i = 0; i < size; i++) {
    assert_true((uint8_t)part[i] >= 0x20 && part[i] != 0x7f);
    assert_null(strchr("<>:\"|?*\\", part[i]));
  }
}

static void check_with(const uint8_t *name, size_t size, bool keep_hidden) {
  char out[PL_TRANSFER_NAME_MAX];
  memset(out, 'x', sizeof out);
  size_t n = pl_transfer_safe_name((pl_view){name, size}, keep_hidden, out);
  assert_true(n > 0 && n < sizeof out);
  assert_int_equal(strlen(out), n);
  const char *part = out;
  for (;;) {
    size_t length = strcspn(part, "/");
    check_part(part, length, keep_hidden && part != out);
    if (!part[length]) break;
    part += length + 1;
  }
  /* Making a safe name safe changes nothing. */
  char again[PL_TRANSFER_NAME_MAX];
  if (n <= 1024) {
    pl_transfer_safe_name((pl_view){(const uint8_t *)out, n}, keep_hidden, again);
    bool cut = false; /* a reserved name of full length has become one byte longer */
    for (part = out; *part; part += strcspn(part, "/") + (part[strcspn(part, "/")] == '/'))
      cut |= strcspn(part, "/") > PL_TRANSFER_PART_MAX;
    if (!cut) assert_string_equal(again, out);
  }
}

static void check(const uint8_t *name, size_t size) {
  check_with(name, size, false);
  check_with(name, size, true);
}

static void all_bytes_are_made_safe(void **state) {
  (void)state;
  static const char *const pieces[] = {"/",
                                       "\\",
                                       ".",
                                       "..",
                                       "con",
                                       "COM1",
                                       " ",
                                       "a",
                                       "\xc3\xa9",
                                       "\xe2\x80\xae",
                                       "\xf0\x9f\x98\x80",
                                       ":",
                                       "\x1b[",
                                       ".txt",
                                       "-",
                                       "\xe2\x80\x8b",
                                       "\xef\xb8\x8f",
                                       ".\xe2\x80\x8b."};
  uint64_t random = 88172645463325252u;
  uint8_t name[1024];
  for (int round = 0; round < 50000; round++) {
    size_t size = 0;
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    size_t target = random % (round % 10 ? 40 : 1024);
    while (size < target) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      const char *piece = pieces[random % PL_ARRAY_LENGTH(pieces)];
      size_t n = strlen(piece);
      if (random >> 60 == 0 || size + n > sizeof name)
        name[size++] = (uint8_t)(random >> 32);
      else
        memcpy(name + size, piece, n), size += n;
    }
    check(name, size);
  }
}

static void every_pair_of_bytes(void **state) {
  (void)state;
  for (unsigned i = 0; i < 65536; i++) check((const uint8_t[]){(uint8_t)(i >> 8), (uint8_t)i}, 2);
}

static void hidden_names_are_kept_on_request_below_the_top(void **state) {
  (void)state;
  static const char name[] = ".a/.git/-x/.\xe2\x80\x8b./.\xf3\xa0\x80\x81 b";
  char out[PL_TRANSFER_NAME_MAX];
  pl_view view = {(const uint8_t *)name, sizeof name - 1};
  pl_transfer_safe_name(view, false, out);
  assert_string_equal(out, "_a/_git/_x/_ b");
  pl_transfer_safe_name(view, true, out);
  assert_string_equal(out, "_a/.git/_x/. b");
}

static void numbers_that_do_not_fit_are_refused(void **state) {
  (void)state;
  char out[32];
  assert_true(pl_transfer_numbered_name("name.txt", 2, out, 13));
  assert_string_equal(out, "name (2).txt");
  assert_false(pl_transfer_numbered_name("name.txt", 2, out, 12));
  assert_true(pl_transfer_numbered_name("n", 4294967295u, out, sizeof out));
  assert_string_equal(out, "n (4294967295)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_bytes_are_made_safe),
      cmocka_unit_test(every_pair_of_bytes),
      cmocka_unit_test(hidden_names_are_kept_on_request_below_the_top),
      cmocka_unit_test(numbers_that_do_not_fit_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
