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

static void assert_becomes(const char *name, const char *expected) {
  char out[PL_TRANSFER_NAME_MAX];
  pl_transfer_safe_name((pl_view){(const uint8_t *)name, strlen(name)}, false, out);
  assert_string_equal(out, expected);
}

/* Names that some systems reserve for devices: in any case, with any extension, and nothing that is only similar. */
static void names_of_devices_are_changed(void **state) {
  (void)state;
  static const char *const reserved[] = {"con",     "PRN",  "aUx",         "nul.txt",     "CONIN$",
                                         "conout$", "com1", "COM0",        "lpt9",        "LpT5.a.b",
                                         "con .x",  "con.", "COM\xc2\xb9", "lpt\xc2\xb2", "com\xc2\xb3.x"};
  static const char *const others[] = {"co",   "cons", "cxn",  "con$", "com", "comx",        "com12",
                                       "xom1", "cxm1", "cox1", "lpt",  "lp1", "lpt\xc2\xb4", "com\xc3\xb9"};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(reserved); i++) {
    char expected[32];
    (void)snprintf(expected, sizeof expected, "_%s", reserved[i]);
    if (strcmp(reserved[i], "con.") == 0) expected[4] = '_'; /* no dot stays at an end */
    if (strcmp(reserved[i], "con.") == 0) memmove(expected, expected + 1, sizeof expected - 1);
    assert_becomes(reserved[i], expected);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(others); i++) assert_becomes(others[i], others[i]);
}

/* What turns the direction of text, or shows nothing, does not get into a name; its neighbours do. */
static void what_cannot_be_seen_is_not_in_a_name(void **state) {
  (void)state;
  static const uint32_t invisible[][2] = {
      {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200d},
      {0x2060, 0x2065}, {0x206a, 0x206f}, {0x2800, 0x2800},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
      {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
  };
  static const uint32_t replaced[][2] = {{0x01, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},
                                         {0x2028, 0x202e}, {0x2066, 0x2069}, {'<', '<'},       {'>', '?'},
                                         {'"', '"'},       {'*', '*'},       {'|', '|'},       {':', ':'}};
  for (uint32_t c = 1; c < 0xe1100; c++) {
    if (c == '/' || c == '\\' || (c >= 0xd800 && c < 0xe000)) continue;
    char text[8] = "a", kept[8], *at = text + 1;
    if (c < 0x80) *at++ = (char)c;
    if (c >= 0x80 && c < 0x800) *at++ = (char)(0xc0 | c >> 6);
    if (c >= 0x800 && c < 0x10000) *at++ = (char)(0xe0 | c >> 12);
    if (c >= 0x10000) *at++ = (char)(0xf0 | c >> 18), *at++ = (char)(0x80 | (c >> 12 & 63));
    if (c >= 0x800) *at++ = (char)(0x80 | (c >> 6 & 63));
    if (c >= 0x80) *at++ = (char)(0x80 | (c & 63));
    *at++ = 'b';
    memcpy(kept, text, sizeof kept);
    for (size_t i = 0; i < PL_ARRAY_LENGTH(invisible); i++)
      if (c >= invisible[i][0] && c <= invisible[i][1]) memcpy(kept, "ab", 3);
    for (size_t i = 0; i < PL_ARRAY_LENGTH(replaced); i++)
      if (c >= replaced[i][0] && c <= replaced[i][1]) memcpy(kept, "a_b", 4);
    assert_becomes(text, kept);
  }
}

/* As many parts as surely fit: the last one may be of any length. */
static void parts_that_do_not_fit_are_left_out(void **state) {
  (void)state;
  char name[1100], out[PL_TRANSFER_NAME_MAX];
  size_t size = 0;
  while (size + 201 <= 1024) {
    memset(name + size, 'a', 200);
    name[size + 200] = '/';
    size += 201;
  }
  assert_int_equal(pl_transfer_safe_name((pl_view){(const uint8_t *)name, size}, false, out), size - 1);
  static char many[4000];
  for (size_t i = 0; i < sizeof many; i++) many[i] = i % 2 ? 'b' : '/';
  for (size_t first = 1; first <= 2; first++) {
    many[0] = first == 2 ? 'b' : '/';
    size = pl_transfer_safe_name((pl_view){(const uint8_t *)many, sizeof many}, false, out);
    size_t most = PL_TRANSFER_NAME_MAX - PL_TRANSFER_PART_MAX - 4; /* below it, one more part fits */
    assert_int_equal(size, most + (first == 2 ? 2 : 1));
  }
  assert_true(size < PL_TRANSFER_NAME_MAX);
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
      cmocka_unit_test(names_of_devices_are_changed),
      cmocka_unit_test(what_cannot_be_seen_is_not_in_a_name),
      cmocka_unit_test(parts_that_do_not_fit_are_left_out),
      cmocka_unit_test(numbers_that_do_not_fit_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
