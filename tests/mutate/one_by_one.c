/* Runs the tests of a cmocka program one by one, numbered from 0 over all its groups. The linker puts this in the place
 * of cmocka's function (--wrap), so the programs know nothing of it.
 *   PL_MUTANTS_REACHED=FILE  writes a line for each test: its number, its milliseconds, the mutants that it reached
 *   PL_MUTANT_TESTS="3 7"    runs only these, and ends with the first that fails */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "switch.h"

typedef struct CMUnitTest cm_test;

int __real__cmocka_run_group_tests(const char *name, const cm_test *tests, size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const cm_test *tests, size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown);

static double cpu_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void note(const char *path, size_t number, double ms) {
  FILE *out = fopen(path, "a");
  if (!out) exit(2);
  (void)fprintf(out, "%zu %.1f", number, ms);
  for (int i = 1; i < PL_MUTANTS_MAX; i++)
    if (pl_mutants_reached[i]) (void)fprintf(out, " %d", i);
  (void)fputc('\n', out);
  (void)fclose(out);
}

static int is_wanted(size_t number) {
  const char *wanted = getenv("PL_MUTANT_TESTS");
  char *end;
  if (!wanted) return 1;
  for (; *wanted; wanted = end) {
    if (strtoul(wanted, &end, 10) == number) return 1;
    if (end == wanted) return 0;
  }
  return 0;
}

int __wrap__cmocka_run_group_tests(const char *name, const cm_test *tests, size_t count, CMFixtureFunction setup,
                                   CMFixtureFunction teardown) {
  static size_t before; /* tests of earlier groups */
  const char *path = getenv("PL_MUTANTS_REACHED");
  for (size_t i = 0; i < count; i++) {
    if (!is_wanted(before + i)) continue;
    double began = cpu_ms();
    memset(pl_mutants_reached, 0, PL_MUTANTS_MAX);
    if (__real__cmocka_run_group_tests(name, tests + i, 1, setup, teardown) != 0) exit(1);
    if (path) note(path, before + i, cpu_ms() - began);
  }
  before += count;
  return 0;
}
