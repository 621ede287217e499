/* The state of send and receive that is kept from run to run. */
#include <errno.h>
#include <fcntl.h>
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

#include "client/cli/file_stat.h"
#include "client/cli/file_state.h"
#include "client/cli/receiving.h"

static char folder[64], own[PAIRLINK_ID_CHARS + 1], peer[PAIRLINK_ID_CHARS + 1], why[PL_WHY_MAX];
static uint8_t sum[FILE_HASH_BYTES];
static int root;

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(folder) || setenv("XDG_STATE_HOME", folder, 1) != 0) return -1;
  root = open(folder, O_RDONLY | O_DIRECTORY);
  memset(own, 'o', PAIRLINK_ID_CHARS);
  memset(peer, 'p', PAIRLINK_ID_CHARS);
  for (size_t i = 0; i < sizeof sum; i++) sum[i] = (uint8_t)(i * 7);
  return root >= 0 ? 0 : -1;
}

static int tear_down(void **state) {
  char command[128];
  (void)state;
  close(root);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void sends_and_codes_are_found_again(void **state) {
  (void)state;
  char who[PAIRLINK_ID_CHARS + 1];
  static const char paths[] = "/a\0/b";
  assert_false(sends_find(own, paths, sizeof paths, who));
  assert_int_equal(sends_add(own, paths, sizeof paths, peer, why), 0);
  assert_true(sends_find(own, paths, sizeof paths, who));
  assert_string_equal(who, peer);
  assert_false(sends_find(peer, paths, sizeof paths, who));
  assert_false(sends_find(own, paths, sizeof paths - 1, who));
  sends_remove(own, paths, sizeof paths);
  assert_false(sends_find(own, paths, sizeof paths, who));
  claimed_add(own, "4821-copper-violin", peer);
  assert_true(claimed_find(own, "4821 Copper  violin\n", who));
  assert_string_equal(who, peer);
  assert_false(claimed_find(own, "4821-copper-violet", who));
  assert_false(claimed_find(peer, "4821-copper-violin", who));
}

static void open_state(receiving *r) {
  assert_int_equal(receiving_open(r, own, folder, why), 0);
  assert_int_equal(receiving_load_saved(r, peer, why), 0);
}

static receiving_unit *add_unit(receiving *r, uint64_t n, bool is_group, uint32_t files) {
  char name[] = "name/";
  receiving_unit unit = {.is_group = is_group, .name = name, .bytes = 10, .files = files};
  pl_put_u64(unit.id, n);
  memcpy(unit.peer, peer, sizeof peer);
  receiving_unit *u = receiving_add(r, &unit);
  if (u) assert_int_equal(receiving_keep(r, u, why), 0);
  return u;
}

/* Remembers a file as saved, in the journal and in memory. */
static int save(receiving *r, const receiving_saved *s) {
  json_t *lines = json_array();
  receiving_saved copy = *s;
  assert_true(receiving_saved_line(r, s, sum, peer, lines));
  int error = receiving_saved_note(r, lines, why);
  copy.path = strdup(s->path);
  assert_int_equal(receiving_saved_put(r, &copy), 0);
  return error;
}

static off_t size_of_state(const char *name) {
  char path[128];
  struct stat st;
  snprintf(path, sizeof path, "%s/pairlink/receiving/%s", folder, name);
  return stat(path, &st) == 0 ? st.st_size : -1;
}

static void units_and_saved_files_are_found_again(void **state) {
  (void)state;
  receiving r;
  char path[96];
  struct stat st;
  open_state(&r);
  receiving_unit *u = add_unit(&r, 1, true, 3001);
  uint8_t unit_id[16];
  if (!u) {
    fail();
    return;
  }
  memcpy(unit_id, u->id, sizeof unit_id);
  assert_int_equal(receiving_keep_top(&r, u, "name", "name (2)", why), 0);
  assert_int_equal(receiving_sync(&r, why), 0);
  snprintf(path, sizeof path, "%s/saved", folder);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  assert_int_equal(write(fd, "12345", 5), 5);
  assert_int_equal(fstat(fd, &st), 0);
  close(fd);
  receiving_saved s = {.size = 5, .path = path, .mtime_ns = file_mtime_ns(&st)};
  memcpy(s.unit, unit_id, sizeof unit_id);
  for (uint16_t i = 1; i <= 3000; i++) {
    pl_put_u16(s.id + 6, i);
    assert_int_equal(save(&r, &s), 0);
  }
  receiving_close(&r);
  open_state(&r);
  u = receiving_first(&r, NULL);
  assert_non_null(u);
  assert_ptr_equal(u, receiving_find(&r, peer, unit_id));
  assert_string_equal(json_string_value(json_object_get(u->tops, "name")), "name (2)");
  assert_int_equal(u->files, 3001);
  assert_int_equal(u->done, 3000); /* files saved before count */
  for (uint16_t i = 1; i <= 3000; i++) {
    pl_put_u16(s.id + 6, i);
    assert_true(receiving_saved_find(&r, s.id, true)->counted);
    assert_null(receiving_saved_find(&r, s.id, false));
  }
  pl_put_u16(s.id + 6, 3001);
  assert_null(receiving_saved_find(&r, s.id, true));
  assert_int_equal(truncate(path, 4), 0); /* changed by its owner: no longer the saved file */
  pl_put_u16(s.id + 6, 7);
  assert_null(receiving_saved_find(&r, s.id, true));
  receiving_remove(&r, u);
  receiving_close(&r);
  open_state(&r);
  assert_null(receiving_first(&r, NULL));
  receiving_close(&r);
}

static void a_file_saved_in_another_folder_is_not_here(void **state) {
  (void)state;
  receiving r;
  char path[96], other[96];
  struct stat st;
  snprintf(other, sizeof other, "%s2", folder);
  snprintf(path, sizeof path, "%s/saved", folder);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  assert_int_equal(fstat(fd, &st), 0);
  close(fd);
  receiving_saved s = {.id = {1}, .path = path};
  s.mtime_ns = file_mtime_ns(&st);
  open_state(&r);
  assert_int_equal(save(&r, &s), 0);
  (void)add_unit(&r, 5, false, 1);
  receiving_close(&r);
  assert_int_equal(receiving_open(&r, own, other, why), 0);
  assert_int_equal(receiving_load_saved(&r, peer, why), 0);
  assert_null(receiving_first(&r, NULL)); /* the unit belongs to the first folder */
  assert_null(receiving_saved_find(&r, s.id, true));
  assert_non_null(receiving_saved_find(&r, s.id, false));
  receiving_close(&r);
}

/* Each unit costs one line, however many there are; those that are over are removed at the next start. */
static void many_units_are_appended_and_bounded(void **state) {
  (void)state;
  receiving r;
  open_state(&r);
  (void)add_unit(&r, 1, false, 1);
  off_t one = size_of_state("units");
  for (uint64_t n = 2; n <= 16000; n++) {
    receiving_unit *u = add_unit(&r, n, false, 1);
    assert_non_null(u);
    if (n > 1000) receiving_remove(&r, u);
  }
  assert_int_equal(r.unit_count, 1000);
  assert_true(size_of_state("units") < 32000 * (one + 8));
  for (uint64_t n = 20000; r.unit_count < RECEIVING_UNITS_MAX; n++) assert_non_null(add_unit(&r, n, false, 1));
  assert_null(add_unit(&r, 100000, false, 1));
  receiving_close(&r);
  open_state(&r);
  assert_int_equal(r.unit_count, RECEIVING_UNITS_MAX);
  assert_true(size_of_state("units") < RECEIVING_UNITS_MAX * (one + 40));
  receiving_close(&r);
}

static void put_state(const char *name, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/pairlink/receiving/%s", folder, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static void files_of_older_versions_are_read_and_a_torn_line_costs_only_itself(void **state) {
  (void)state;
  receiving r;
  char text[1024];
  open_state(&r);
  receiving_close(&r);
  snprintf(text, sizeof text,
           "[\n {\"own\": \"%s\", \"peer\": \"%s\", \"id\": \"01010101010101010101010101010101\", \"group\": true, "
           "\"folder\": \"%s\", \"name\": \"old/\", \"bytes\": 7, \"files\": 2, \"tops\": {\"old\": \"old (2)\"}}\n]",
           own, peer, folder);
  put_state("units", text);
  for (int i = 0; i < 2; i++) { /* the second time in the form that this version wrote */
    open_state(&r);
    const receiving_unit *u = receiving_first(&r, peer);
    assert_non_null(u);
    assert_int_equal(u->files, 2);
    assert_string_equal(json_string_value(json_object_get(u->tops, "old")), "old (2)");
    receiving_close(&r);
  }
  open_state(&r);
  (void)add_unit(&r, 2, false, 1);
  receiving_close(&r);
  snprintf(text, sizeof text, "%s/pairlink/receiving/units", folder);
  assert_int_equal(truncate(text, size_of_state("units") - 20), 0);
  open_state(&r);
  assert_int_equal(r.unit_count, 1);
  (void)add_unit(&r, 3, false, 1);
  receiving_close(&r);
  open_state(&r);
  assert_int_equal(r.unit_count, 2);
  receiving_close(&r);
}

/* With two programs, neither shortens the journal while the other has it open. */
static void a_journal_is_not_replaced_while_another_program_has_it_open(void **state) {
  (void)state;
  receiving first, second;
  open_state(&first);
  for (uint64_t n = 1; n <= 200; n++) receiving_remove(&first, add_unit(&first, n, false, 1));
  open_state(&second);
  (void)add_unit(&first, 1000, false, 1);
  (void)add_unit(&second, 1001, false, 1);
  receiving_close(&first);
  receiving_close(&second);
  open_state(&first);
  assert_int_equal(first.unit_count, 2);
  receiving_close(&first);
  assert_true(size_of_state("units") < 1000);
}

/* Long paths fill the journal before it has too many lines: it is shortened all the same, and takes more lines. */
static void a_large_journal_gets_room_again(void **state) {
  (void)state;
  receiving r;
  static char path[8000];
  memset(path, 'x', sizeof path - 1);
  path[0] = '/';
  receiving_saved s = {.path = path};
  open_state(&r);
  int error = 0;
  for (uint64_t n = 1; !error; n++) {
    pl_put_u64(s.id, n);
    error = save(&r, &s);
  }
  assert_int_equal(error, PL_EAGAIN);
  receiving_close(&r);
  open_state(&r);
  assert_true(r.saved_count > 1000);
  assert_true(size_of_state("saved") < JOURNAL_BYTES_MAX * 2 / 3);
  assert_int_equal(save(&r, &s), 0);
  receiving_close(&r);
}

/* A journal keeps the newest lines, and those of a unit that is not over: its files would come a second time otherwise.
 */
static void a_journal_keeps_what_an_unfinished_unit_needs(void **state) {
  (void)state;
  enum { NEEDED = 1000, LINES = 70000 };
  receiving r;
  char path[] = "/nowhere";
  receiving_saved s = {.path = path};
  open_state(&r);
  assert_non_null(add_unit(&r, 1, true, NEEDED + 1));
  json_t *lines = json_array();
  for (uint64_t n = 0; n < LINES; n++) {
    pl_put_u64(s.id, n);
    pl_put_u64(s.unit, n < NEEDED ? 1 : 2);
    assert_true(receiving_saved_line(&r, &s, sum, peer, lines));
  }
  assert_int_equal(receiving_saved_note(&r, lines, why), 0);
  receiving_close(&r);
  open_state(&r); /* reads all of them, and shortens the journal */
  assert_int_equal(r.saved_count, LINES);
  receiving_close(&r);
  open_state(&r);
  assert_true(r.saved_count < LINES / 2);
  for (uint64_t n = 0; n < NEEDED; n++) assert_int_equal(pl_get_u64(r.saved[n].id), n);
  receiving_close(&r);
}

static void a_damaged_list_counts_as_missing(void **state) {
  (void)state;
  char path[128], who[PAIRLINK_ID_CHARS + 1];
  receiving r;
  snprintf(path, sizeof path, "%s/pairlink", folder);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof path, "%s/pairlink/receiving", folder);
  assert_int_equal(mkdir(path, 0700), 0);
  static const char *const bad[] = {"", "{}", "[1, {\"own\": 5}, null]", "[{\"own\": \"x\", \"peer\": \"short\"}]",
                                    "\xff\xfe[[["};
  static const char *const names[] = {"receiving/units", "receiving/saved", "receiving/claimed", "sends"};
  for (size_t i = 0; i < 5; i++) {
    for (size_t k = 0; k < 4; k++) {
      snprintf(path, sizeof path, "%s/pairlink/%s", folder, names[k]);
      int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
      assert_int_equal(write(fd, bad[i], strlen(bad[i])), strlen(bad[i]));
      close(fd);
    }
    assert_int_equal(receiving_open(&r, own, folder, why), 0);
    assert_int_equal(receiving_load_saved(&r, peer, why), 0);
    assert_int_equal(r.unit_count + r.saved_count, 0);
    receiving_close(&r);
    assert_false(claimed_find(own, "1234-a-b", who));
    assert_false(sends_find(own, "x", 2, who));
    assert_int_equal(sends_add(own, "x", 2, peer, why), 0);
    assert_true(sends_find(own, "x", 2, who));
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(sends_and_codes_are_found_again),
      TEST(units_and_saved_files_are_found_again),
      TEST(a_file_saved_in_another_folder_is_not_here),
      TEST(many_units_are_appended_and_bounded),
      TEST(files_of_older_versions_are_read_and_a_torn_line_costs_only_itself),
      TEST(a_journal_is_not_replaced_while_another_program_has_it_open),
      TEST(a_large_journal_gets_room_again),
      TEST(a_journal_keeps_what_an_unfinished_unit_needs),
      TEST(a_damaged_list_counts_as_missing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
