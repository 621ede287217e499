/* The watch of sim_watch.c: each way to crash or to hang prints the seed. Every case runs in a process of its own,
 * which must not end with code 0. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim_watch.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WITH_REPORTS 1
#endif
#endif

enum { STEP_S = 2 };

static sim_world world = {.seed = 4711, .now_us = 12034567, .steps = 89};
static char said[65536];
static struct sigaction at_start[32]; /* before cmocka set its own */

/* Runs `fault` while the world is watched, and returns the status of its process; `said` is what it wrote. */
static int watch(void (*fault)(void)) {
  int ends[2], status = 0;
  assert_int_equal(pipe(ends), 0);
  (void)fflush(stdout);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    (void)dup2(ends[1], STDERR_FILENO);
    (void)close(ends[0]);
    (void)close(ends[1]);
    for (int number = 1; number < 32; number++) (void)sigaction(number, &at_start[number], NULL);
    sim_watch_start(&world, "pl-sim", STEP_S);
    fault();
    _exit(0);
  }
  (void)close(ends[1]);
  size_t size = 0;
  for (ssize_t n; (n = read(ends[0], said + size, sizeof said - 1 - size)) > 0;) size += (size_t)n;
  said[size] = '\0';
  (void)close(ends[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void expect_line(void (*fault)(void), const char *line) {
  int status = watch(fault);
  assert_int_not_equal(status, 0);
  if (!strstr(said, line)) fail_msg("no \"%s\" in: %s", line, said);
  if (!strstr(said, "\nreplay it: pl-sim --seed 4711 --trace\n")) fail_msg("no replay in: %s", said);
}

static volatile int zero;
static int *volatile nowhere = (int *)16; /* not NULL, which another sanitizer reports earlier */

static void write_nowhere(void) {
  *nowhere = 1;
}

static void divide(void) {
  (void)raise(SIGFPE); /* not every machine raises it for a division by zero */
}

static void give_up(void) {
  abort();
}

static void bad_instruction(void) {
  (void)raise(SIGILL);
}

static void bad_bus(void) {
  (void)raise(SIGBUS);
}

/* The address of each call's array is used, so a compiler cannot make a loop of the calls. */
static int recurse(volatile char *above) {  // NOLINT(misc-no-recursion): that is the fault
  volatile char here[1000];
  here[0] = above ? above[0] : 1;
  return zero ? 0 : recurse(here) + here[0];
}

static void recurse_endlessly(void) {
  (void)recurse(NULL);
}

static void spin(void) {
  while (!zero) continue;
}

/* Takes twice as long as one step may, in many steps. */
static void work(void) {
  struct timespec used;
  do {
    world.steps++;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  } while (used.tv_sec < 2 * STEP_S);
}

static void test_crashes(void **state) {
  (void)state;
  expect_line(write_nowhere, "seed 4711 crashes at 12.034567 s, step 89: SIGSEGV\n");
  expect_line(bad_bus, "seed 4711 crashes at 12.034567 s, step 89: SIGBUS\n");
  expect_line(divide, "seed 4711 crashes at 12.034567 s, step 89: SIGFPE\n");
  expect_line(bad_instruction, "seed 4711 crashes at 12.034567 s, step 89: SIGILL\n");
  expect_line(give_up, "seed 4711 crashes at 12.034567 s, step 89: SIGABRT\n");
}

static void test_recursion(void **state) {
  (void)state;
  expect_line(recurse_endlessly, "seed 4711 crashes at 12.034567 s, step 89: SIGSEGV\n");
}

static void test_hang(void **state) {
  (void)state;
  expect_line(spin, "seed 4711 hangs at 12.034567 s, step 89: ");
}

static void test_many_steps(void **state) {
  (void)state;
  int status = watch(work);
  if (status != 0) fail_msg("ended with %d: %s", status, said);
}

#ifdef WITH_REPORTS
static void overrun(void) {
  volatile char *text = malloc(10);
  text[10 + zero] = 1;
}

static void overflow(void) {
  volatile int most = 2147483647;
  most = most + 1;
}
#endif

/* A sanitizer's report ends the process without a signal. */
static void test_reports(void **state) {
  (void)state;
#ifdef WITH_REPORTS
  expect_line(overrun, "seed 4711 crashes at 12.034567 s, step 89: a sanitizer's report\n");
  assert_non_null(strstr(said, "heap-buffer-overflow"));
  expect_line(overflow, "seed 4711 crashes at 12.034567 s, step 89: a sanitizer's report\n");
  assert_non_null(strstr(said, "signed integer overflow"));
  expect_line(write_nowhere, "seed 4711 crashes at 12.034567 s, step 89: SIGSEGV\n");
  assert_non_null(strstr(said, "AddressSanitizer: SEGV"));
#else
  skip();
#endif
}

int main(void) {
  for (int number = 1; number < 32; number++) (void)sigaction(number, NULL, &at_start[number]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_crashes),    cmocka_unit_test(test_recursion), cmocka_unit_test(test_hang),
      cmocka_unit_test(test_many_steps), cmocka_unit_test(test_reports),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
