/* The file of invite links: what is noted is known to later clients, and nothing in it stops a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/links.h"

enum { NOW_S = 1000000, DAYS_S = 24 * 60 * 60 };

static char folder[64], identity[80], file[96], why[PL_WHY_MAX];

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(identity, sizeof identity, "%s/me", folder);
  snprintf(file, sizeof file, "%s.links", identity);
  return 0;
}

static int tear_down(void **state) {
  char lock[120];
  (void)state;
  snprintf(lock, sizeof lock, "%s.lock", file);
  unlink(file);
  unlink(lock);
  unlink(identity);
  return rmdir(folder);
}

/* Returns how many lines of the file hold this text. */
static unsigned lines_with(const char *text) {
  char line[1024];
  unsigned count = 0;
  FILE *f = fopen(file, "r");
  assert_non_null(f);
  while (fgets(line, sizeof line, f)) count += strstr(line, text) != NULL;
  fclose(f);
  return count;
}

static void note(const char *link, int64_t until_s, int64_t now_s) {
  assert_int_equal(links_note(identity, link, until_s, now_s, why), 0);
}

static void a_link_has_one_line(void **state) {
  struct stat st;
  (void)state;
  note("http://a/#one", NOW_S + 600, NOW_S);
  note("http://a/#two", NOW_S + 600, NOW_S);
  note("http://a/#one", NOW_S + 5, NOW_S + 5); /* it is over */
  assert_int_equal(lines_with("#"), 2);
  assert_int_equal(lines_with("1000005"), 1);
  assert_int_equal(stat(file, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

static void links_are_kept_for_30_days_when_they_are_over(void **state) {
  (void)state;
  note("http://a/#one", NOW_S, NOW_S);
  note("http://a/#two", NOW_S, NOW_S + LINKS_DAYS * DAYS_S);
  assert_int_equal(lines_with("#one"), 1);
  note("http://a/#two", NOW_S + DAYS_S, NOW_S + LINKS_DAYS * DAYS_S + 1);
  assert_int_equal(lines_with("#one"), 0);
  assert_int_equal(lines_with("#two"), 1);
}

static void the_oldest_of_too_many_goes_first(void **state) {
  char link[32];
  (void)state;
  FILE *f = fopen(file, "w");
  assert_non_null(f);
  for (unsigned n = 0; n < LINKS_MAX; n++) fprintf(f, "{\"link\":\"http://a/#%u.\",\"until_s\":%d}\n", n, NOW_S);
  assert_int_equal(fclose(f), 0);
  assert_int_equal(chmod(file, 0600), 0);
  note("http://a/#new", NOW_S, NOW_S);
  assert_int_equal(lines_with("#"), LINKS_MAX);
  assert_int_equal(lines_with("#0."), 0);
  snprintf(link, sizeof link, "#%u.", LINKS_MAX - 1);
  assert_int_equal(lines_with(link), 1);
  assert_int_equal(lines_with("#new"), 1);
}

static void ignore(pairlink *p, const pairlink_event *e, void *user) {
  (void)p;
  (void)e;
  (void)user;
}

/* Lines that make no sense, and links of others, are skipped. */
static void what_makes_no_sense_stops_nothing(void **state) {
  pairlink_options o;
  pairlink *p;
  (void)state;
  pairlink_options_init(&o);
  o.relay = "ws://127.0.0.1:1";
  o.identity_file = identity;
  o.relays_file = file; /* nothing is pinned */
  o.callback = ignore;
  assert_int_equal(links_tell(identity, NULL, NOW_S, why), 0); /* there is no file */
  assert_int_equal(pairlink_new(&o, &p), 0);
  FILE *f = fopen(file, "w");
  assert_non_null(f);
  fputs("nonsense\n{}\n{\"link\":7,\"until_s\":1}\n{\"link\":\"http://a/#x\",\"until_s\":\"1\"}\n\n", f);
  fputs("{\"link\":\"http://a/#bad\",\"until_s\":1}\n", f);
  assert_int_equal(fclose(f), 0);
  assert_int_equal(chmod(file, 0600), 0);
  assert_int_equal(links_tell(identity, p, 5, why), 0);
  note("http://a/#good", NOW_S, NOW_S);
  assert_int_equal(lines_with("#"), 2);
  assert_int_equal(chmod(file, 0644), 0); /* others could have read it, or written it */
  assert_int_equal(links_tell(identity, p, 5, why), PL_EIO);
  pairlink_free(p);
}

#define WITH_FILE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FILE(a_link_has_one_line),
      WITH_FILE(links_are_kept_for_30_days_when_they_are_over),
      WITH_FILE(the_oldest_of_too_many_goes_first),
      WITH_FILE(what_makes_no_sense_stops_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
