/* The committed vectors must be what the C implementation makes now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "own.h"

static char *read_file(const char *name) {
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/schema/vectors/%s.json", PL_SOURCE_DIR, name);
  FILE *in = fopen(path, "r");
  if (!in) fail_msg("%s is missing: build make-vectors", path);
  size_t size = 0, capacity = 1 << 20;
  char *text = malloc(capacity);
  assert_non_null(text);
  size = fread(text, 1, capacity - 1, in);
  text[size] = '\0';
  (void)fclose(in);
  return text;
}

static void files_are_fresh(void **state) {
  (void)state;
  for (const own_file *file = own_files; file->name; file++) {
    char *committed = read_file(file->name), *fresh = own_text(file);
    if (strcmp(committed, fresh) != 0)
      fail_msg("schema/vectors/%s.json differs from a fresh run: run make-vectors schema/vectors", file->name);
    free(committed);
    free(fresh);
  }
}

int main(void) {
  if (sodium_init() < 0) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_fresh)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
