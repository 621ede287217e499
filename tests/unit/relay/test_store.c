/* The SQLite store: new, known and revoked IDs, many at once, over a restart, and what it says about bad files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "relay/shell/store.h"

enum { MANY = 500 };

typedef struct scene {
  uv_loop_t loop;
  pl_store *store;
  char dir[64], path[128], why[512];
  size_t answers, counts[PL_REGISTRATION_FAILED + 1];
  pl_registration last;
} scene;

static void on_done(void *user, pl_conn *conn, pl_registration result) {
  scene *s = user;
  (void)conn;
  s->answers++;
  s->counts[result]++;
  s->last = result;
}

static void open_store(scene *s) {
  s->store = pl_store_open(s->path, &s->loop, on_done, s, s->why);
}

static void close_store(scene *s) {
  pl_store_close(s->store);
  uv_run(&s->loop, UV_RUN_NOWAIT);
}

static int set_up(void **state) {
  scene *s = calloc(1, sizeof *s);
  strcpy(s->dir, "/tmp/pairlink-store-XXXXXX");
  if (!mkdtemp(s->dir)) return -1;
  snprintf(s->path, sizeof s->path, "%s/relay.db", s->dir);
  uv_loop_init(&s->loop);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  scene *s = *state;
  const char *endings[] = {"", "-wal", "-shm"};
  char path[160];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(endings); i++) {
    snprintf(path, sizeof path, "%s%s", s->path, endings[i]);
    unlink(path);
  }
  rmdir(s->dir);
  assert_int_equal(uv_loop_close(&s->loop), 0);
  free(s);
  return 0;
}

static pl_registration look_up(scene *s, uint32_t who, bool may_create) {
  uint8_t id[32] = {0};
  size_t before = s->answers;
  pl_put_u32(id, who);
  pl_store_lookup(s->store, NULL, id, may_create);
  while (s->answers == before) uv_run(&s->loop, UV_RUN_ONCE);
  return s->last;
}

static void sql(scene *s, const char *text) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void test_new_known_revoked(void **state) {
  scene *s = *state;
  open_store(s);
  assert_non_null(s->store);
  assert_int_equal(look_up(s, 1, false), PL_REGISTRATION_ABSENT);
  assert_int_equal(look_up(s, 1, true), PL_REGISTRATION_NEW);
  assert_int_equal(look_up(s, 1, true), PL_REGISTRATION_KNOWN);
  assert_int_equal(look_up(s, 1, false), PL_REGISTRATION_KNOWN);
  close_store(s);
  open_store(s);
  assert_int_equal(look_up(s, 1, false), PL_REGISTRATION_KNOWN);
  sql(s, "UPDATE registrations SET revoked = 1");
  assert_int_equal(look_up(s, 1, true), PL_REGISTRATION_REVOKED);
  close_store(s);
}

static void test_many_at_once(void **state) {
  scene *s = *state;
  uint8_t id[32] = {0};
  open_store(s);
  for (uint32_t i = 0; i < 2 * MANY; i++) { /* each twice, in one batch or in several */
    pl_put_u32(id, i % MANY);
    pl_store_lookup(s->store, NULL, id, true);
  }
  while (s->answers < 2 * MANY) uv_run(&s->loop, UV_RUN_ONCE);
  assert_int_equal(s->counts[PL_REGISTRATION_NEW], MANY);
  assert_int_equal(s->counts[PL_REGISTRATION_KNOWN], MANY);
  close_store(s);
}

static void test_writes_that_fail(void **state) {
  scene *s = *state;
  open_store(s);
  assert_int_equal(look_up(s, 1, true), PL_REGISTRATION_NEW);
  sql(s, "CREATE TRIGGER full BEFORE INSERT ON registrations BEGIN SELECT RAISE(ABORT, 'no room'); END");
  assert_int_equal(look_up(s, 2, true), PL_REGISTRATION_FAILED);
  assert_int_equal(look_up(s, 1, true), PL_REGISTRATION_KNOWN); /* reads go on */
  sql(s, "DROP TRIGGER full");
  assert_int_equal(look_up(s, 2, true), PL_REGISTRATION_NEW);
  close_store(s);
}

static void test_newer_version(void **state) {
  scene *s = *state;
  sql(s, "PRAGMA user_version = 9999");
  open_store(s);
  assert_null(s->store);
  assert_non_null(strstr(s->why, "newer"));
}

static void test_no_database(void **state) {
  scene *s = *state;
  FILE *f = fopen(s->path, "w");
  for (int i = 0; i < 1000; i++) fputs("this is no database ", f);
  fclose(f);
  open_store(s);
  assert_null(s->store);
  assert_non_null(strstr(s->why, "not a database"));
}

static void test_no_folder(void **state) {
  scene *s = *state;
  char good[128];
  strcpy(good, s->path);
  snprintf(s->path, sizeof s->path, "%s/none/relay.db", s->dir);
  open_store(s);
  assert_null(s->store);
  assert_non_null(strstr(s->why, "none/relay.db"));
  strcpy(s->path, good);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_new_known_revoked), TEST(test_many_at_once), TEST(test_writes_that_fail),
      TEST(test_newer_version),     TEST(test_no_database),  TEST(test_no_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
