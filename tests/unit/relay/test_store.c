/* The SQLite store: new, known and revoked IDs, many at once, after a restart, and what it says about bad files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>
#include <sqlite3.h>

#include "relay/shell/store.h"

enum { MANY = 500 };

typedef struct scene {
  uv_loop_t loop;
  pl_store *store;
  char dir[64], path[128], why[512];
  size_t answers, counts[PL_RELAY_REGISTRATION_FAILED + 1];
  pl_relay_registration last;
} scene;

/* The tests have no connections: in place of one stands the number of an ID that is registered when it is absent. */
static pl_relay_conn *newcomer(uint32_t who) {
  return (pl_relay_conn *)(uintptr_t)(who + 1);
}

static void id_of(uint8_t id[32], uint32_t who) {
  memset(id, 0, 32);
  pl_put_u32(id, who);
}

static void on_done(void *user, pl_relay_conn *conn, pl_relay_registration result) {
  scene *s = user;
  if (result == PL_RELAY_REGISTRATION_ABSENT && conn) {
    uint8_t id[32];
    id_of(id, (uint32_t)((uintptr_t)conn - 1));
    pl_store_register(s->store, NULL, id, NULL);
    return;
  }
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

static void ask(scene *s, uint32_t who, bool may_create) {
  uint8_t id[32];
  id_of(id, who);
  pl_store_lookup(s->store, may_create ? newcomer(who) : NULL, id);
}

static pl_relay_registration look_up(scene *s, uint32_t who, bool may_create) {
  size_t before = s->answers;
  ask(s, who, may_create);
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
  assert_int_equal(look_up(s, 1, false), PL_RELAY_REGISTRATION_ABSENT);
  assert_int_equal(look_up(s, 1, true), PL_RELAY_REGISTRATION_NEW);
  assert_int_equal(look_up(s, 1, true), PL_RELAY_REGISTRATION_KNOWN);
  assert_int_equal(look_up(s, 1, false), PL_RELAY_REGISTRATION_KNOWN);
  close_store(s);
  open_store(s);
  assert_int_equal(look_up(s, 1, false), PL_RELAY_REGISTRATION_KNOWN);
  sql(s, "UPDATE registrations SET revoked = 1");
  assert_int_equal(look_up(s, 1, true), PL_RELAY_REGISTRATION_REVOKED);
  close_store(s);
}

static void test_many_at_once(void **state) {
  scene *s = *state;
  open_store(s);
  for (uint32_t i = 0; i < 2 * MANY; i++) ask(s, i % MANY, true); /* each ID twice, in one batch or in several */
  while (s->answers < 2 * MANY) uv_run(&s->loop, UV_RUN_ONCE);
  assert_int_equal(s->counts[PL_RELAY_REGISTRATION_NEW], MANY);
  assert_int_equal(s->counts[PL_RELAY_REGISTRATION_KNOWN], MANY);
  close_store(s);
}

/* Another program writes, as `token new` may: the store waits for it. */
static void test_another_program_writes(void **state) {
  scene *s = *state;
  sqlite3 *db;
  open_store(s);
  assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
  assert_int_equal(look_up(s, 0, true), PL_RELAY_REGISTRATION_NEW);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE; UPDATE registrations SET class = 1", NULL, NULL, NULL),
                   SQLITE_OK);
  assert_int_equal(look_up(s, 0, true), PL_RELAY_REGISTRATION_KNOWN); /* readers do not wait for a writer */
  s->answers = s->counts[PL_RELAY_REGISTRATION_NEW] = 0;
  for (uint32_t i = 1; i <= MANY; i++) ask(s, i, true);
  assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  while (s->answers < MANY) uv_run(&s->loop, UV_RUN_ONCE);
  assert_int_equal(s->counts[PL_RELAY_REGISTRATION_NEW], MANY);
  sqlite3_close(db);
  close_store(s);
}

/* Another program never ends its write: a known ID is let in, and a new one at the same time waits. */
static void test_known_ones_wait_for_no_writer(void **state) {
  scene *s = *state;
  sqlite3 *db;
  open_store(s);
  assert_int_equal(look_up(s, 1, true), PL_RELAY_REGISTRATION_NEW);
  assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  s->answers = 0;
  memset(s->counts, 0, sizeof s->counts);
  for (uint32_t i = 0; i < MANY; i++) { /* in one batch, or in several */
    ask(s, 1 + i, true);
    ask(s, 1, true);
  }
  while (s->answers < MANY + 1) uv_run(&s->loop, UV_RUN_ONCE);
  assert_int_equal(s->counts[PL_RELAY_REGISTRATION_KNOWN], MANY + 1);
  assert_int_equal(s->answers, MANY + 1);
  assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  while (s->answers < 2 * MANY) uv_run(&s->loop, UV_RUN_ONCE);
  assert_int_equal(s->counts[PL_RELAY_REGISTRATION_NEW], MANY - 1);
  sqlite3_close(db);
  close_store(s);
}

static void assert_private(scene *s) {
  const char *endings[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(endings); i++) {
    char path[160];
    struct stat about;
    snprintf(path, sizeof path, "%s%s", s->path, endings[i]);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
  }
}

/* Anyone who can read the file can use the tokens in it, so it is private. */
static void test_nobody_else_reads_it(void **state) {
  scene *s = *state;
  mode_t before = umask(022);
  open_store(s);
  assert_private(s);
  close_store(s);
  assert_int_equal(chmod(s->path, 0644), 0); /* as older relays left it */
  open_store(s);
  assert_private(s);
  close_store(s);
  umask(before);
}

static void test_a_link_to_nothing(void **state) {
  scene *s = *state;
  char gone[160];
  snprintf(gone, sizeof gone, "%s.gone", s->path);
  assert_int_equal(symlink(gone, s->path), 0);
  open_store(s);
  assert_null(s->store);
  assert_non_null(strstr(s->why, "link to nothing"));
  assert_int_equal(access(gone, F_OK), -1);
}

static void test_writes_that_fail(void **state) {
  scene *s = *state;
  open_store(s);
  assert_int_equal(look_up(s, 1, true), PL_RELAY_REGISTRATION_NEW);
  sql(s, "CREATE TRIGGER full BEFORE INSERT ON registrations BEGIN SELECT RAISE(ABORT, 'no room'); END");
  assert_int_equal(look_up(s, 2, true), PL_RELAY_REGISTRATION_FAILED);
  assert_int_equal(look_up(s, 1, true), PL_RELAY_REGISTRATION_KNOWN); /* reading still works */
  sql(s, "DROP TRIGGER full");
  assert_int_equal(look_up(s, 2, true), PL_RELAY_REGISTRATION_NEW);
  close_store(s);
}

static atomic_bool disk_fails;

static int on_commit(void *user) {
  (void)user;
  return disk_fails;
}

static int on_open(sqlite3 *db, char **error, const struct sqlite3_api_routines *api) {
  (void)error;
  (void)api;
  sqlite3_commit_hook(db, on_commit, NULL);
  return SQLITE_OK;
}

/* The disk is full at the end of a batch: an ID that was asked for twice in it is registered neither time. */
static void test_a_batch_that_is_not_kept(void **state) {
  scene *s = *state;
  sqlite3_auto_extension((void (*)(void))on_open);
  open_store(s);
  assert_int_equal(look_up(s, MANY, true), PL_RELAY_REGISTRATION_NEW);
  disk_fails = true;
  s->answers = s->counts[PL_RELAY_REGISTRATION_FAILED] = 0;
  for (uint32_t i = 0; i < 4 * MANY; i++) ask(s, i / 4 % MANY, true);
  while (s->answers < 4 * MANY) uv_run(&s->loop, UV_RUN_ONCE);
  assert_int_equal(s->counts[PL_RELAY_REGISTRATION_FAILED], 4 * MANY);
  assert_int_equal(look_up(s, MANY, true), PL_RELAY_REGISTRATION_KNOWN); /* reading still works */
  assert_false(pl_store_works(s->store));
  disk_fails = false;
  while (!pl_store_works(s->store)) (void)look_up(s, MANY, true); /* the store tries again by itself */
  assert_int_equal(look_up(s, 0, true), PL_RELAY_REGISTRATION_NEW);
  close_store(s);
  disk_fails = true;
  open_store(s); /* nor does it at the start */
  assert_null(s->store);
  assert_non_null(strstr(s->why, s->path));
  disk_fails = false;
  sqlite3_cancel_auto_extension((void (*)(void))on_open);
}

static int count(scene *s, const char *where) {
  sqlite3 *db;
  sqlite3_stmt *statement;
  char text[256];
  snprintf(text, sizeof text, "SELECT count(*) FROM %s", where);
  assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  int n = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return n;
}

/* The store is told only once that an ID was linked, so it keeps what a full disk did not take until the disk does. */
static void test_notes_outlive_a_full_disk(void **state) {
  scene *s = *state;
  uint8_t id[32] = {0};
  sqlite3_auto_extension((void (*)(void))on_open);
  open_store(s);
  assert_int_equal(look_up(s, 1, true), PL_RELAY_REGISTRATION_NEW);
  disk_fails = true;
  for (uint32_t i = 1; i <= 2048; i++) { /* enough to be written at once */
    pl_put_u32(id, i);
    pl_store_linked(s->store, id);
  }
  while (pl_store_works(s->store)) (void)look_up(s, 1, true);
  disk_fails = false;
  while (!pl_store_works(s->store)) (void)look_up(s, 1, true);
  close_store(s);
  assert_int_equal(count(s, "registrations WHERE linked = 1"), 1);
  sqlite3_cancel_auto_extension((void (*)(void))on_open);
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

static void test_last_seen_is_written_at_the_end(void **state) {
  scene *s = *state;
  uint8_t id[32] = {0};
  open_store(s);
  (void)look_up(s, 1, true);
  (void)look_up(s, 2, true);
  sql(s, "UPDATE registrations SET last_seen = 1000");
  assert_int_equal(look_up(s, 1, false), PL_RELAY_REGISTRATION_KNOWN);
  assert_int_equal(count(s, "registrations WHERE last_seen = 1000"), 2); /* a login writes nothing */
  pl_put_u32(id, 2);
  pl_store_linked(s->store, id);
  close_store(s);
  assert_int_equal(count(s, "registrations WHERE last_seen > 1000"), 2);
  assert_int_equal(count(s, "registrations WHERE linked = 1"), 1);
}

static void test_idle_rows_are_purged(void **state) {
  scene *s = *state;
  open_store(s);
  for (uint32_t i = 1; i <= 1203; i++) ask(s, i, true); /* more than a batch */
  while (s->answers < 1203) uv_run(&s->loop, UV_RUN_ONCE);
  sql(s,
      "UPDATE registrations SET last_seen = unixepoch() - 31 * 86400 WHERE id <> "
      "x'0000000100000000000000000000000000000000000000000000000000000000';"
      "UPDATE registrations SET linked = 1 WHERE id = "
      "x'0000000200000000000000000000000000000000000000000000000000000000';"
      "UPDATE registrations SET class = 1 WHERE id = "
      "x'0000000300000000000000000000000000000000000000000000000000000000';"
      "UPDATE registrations SET revoked = 1 WHERE id = "
      "x'0000000400000000000000000000000000000000000000000000000000000000'");
  close_store(s);
  open_store(s);
  pl_store_purge_after(s->store, 30);
  while (count(s, "registrations") > 4) (void)look_up(s, 1, false);
  assert_int_equal(look_up(s, 2, false), PL_RELAY_REGISTRATION_KNOWN);
  assert_int_equal(look_up(s, 3, false), PL_RELAY_REGISTRATION_KNOWN);
  assert_int_equal(look_up(s, 4, false), PL_RELAY_REGISTRATION_REVOKED);
  close_store(s);
  assert_int_equal(count(s, "registrations"), 4);
}

static pl_relay_registration claim(scene *s, uint32_t who, const char *token, bool spoil) {
  uint8_t id[32] = {0}, key[32];
  pl_relay_token_claim c = {.transcript = {(uint8_t)who}};
  size_t before = s->answers;
  pl_put_u32(id, who);
  crypto_hash_sha256(key, (const uint8_t *)token, strlen(token));
  pl_token_prove(c.proof, key, c.transcript);
  if (spoil) c.proof[PL_TOKEN_PROOF_BYTES - 1] ^= 1;
  pl_store_register(s->store, NULL, id, &c);
  while (s->answers == before) uv_run(&s->loop, UV_RUN_ONCE);
  return s->last;
}

static void make_token(scene *s, const char *token, int uses, const char *expires, int revoked) {
  uint8_t key[32], hint[8];
  char text[512], key_hex[65], hint_hex[17];
  crypto_hash_sha256(key, (const uint8_t *)token, strlen(token));
  pl_token_hint(hint, key);
  sodium_bin2hex(key_hex, sizeof key_hex, key, 32);
  sodium_bin2hex(hint_hex, sizeof hint_hex, hint, 8);
  snprintf(text, sizeof text, "INSERT INTO tokens VALUES (x'%s', x'%s', %d, %s, %d)", hint_hex, key_hex, uses, expires,
           revoked);
  sql(s, text);
}

static void test_tokens(void **state) {
  scene *s = *state;
  open_store(s);
  make_token(s, "good", 2, "unixepoch() + 1000", 0);
  make_token(s, "late", 1, "unixepoch() - 1", 0);
  make_token(s, "gone", 1, "unixepoch() + 1000", 1);
  assert_int_equal(claim(s, 1, "good", true), PL_RELAY_REGISTRATION_ABSENT);
  assert_int_equal(claim(s, 1, "none", false), PL_RELAY_REGISTRATION_ABSENT);
  assert_int_equal(claim(s, 1, "late", false), PL_RELAY_REGISTRATION_ABSENT);
  assert_int_equal(claim(s, 1, "gone", false), PL_RELAY_REGISTRATION_ABSENT);
  assert_int_equal(claim(s, 1, "good", false), PL_RELAY_REGISTRATION_NEW);
  assert_int_equal(claim(s, 1, "good", false), PL_RELAY_REGISTRATION_KNOWN); /* uses none of the token */
  assert_int_equal(look_up(s, 1, false), PL_RELAY_REGISTRATION_KNOWN);
  assert_int_equal(claim(s, 2, "good", false), PL_RELAY_REGISTRATION_NEW);
  assert_int_equal(claim(s, 3, "good", false), PL_RELAY_REGISTRATION_ABSENT); /* used up */
  close_store(s);
  assert_int_equal(count(s, "registrations WHERE class = 1"), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_new_known_revoked),
      TEST(test_many_at_once),
      TEST(test_another_program_writes),
      TEST(test_known_ones_wait_for_no_writer),
      TEST(test_nobody_else_reads_it),
      TEST(test_a_link_to_nothing),
      TEST(test_writes_that_fail),
      TEST(test_a_batch_that_is_not_kept),
      TEST(test_notes_outlive_a_full_disk),
      TEST(test_newer_version),
      TEST(test_no_database),
      TEST(test_no_folder),
      TEST(test_last_seen_is_written_at_the_end),
      TEST(test_idle_rows_are_purged),
      TEST(test_tokens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
