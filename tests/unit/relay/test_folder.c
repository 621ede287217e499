/* The data folder and the key in it: who owns them, what is not a key, and one relay at a time. */
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

#include "relay/shell/folder.h"
#include "relay/shell/keyfile.h"

typedef struct scene {
  char dir[64], key[128], other[128], why[PL_FOLDER_WHY];
} scene;

static int set_up(void **state) {
  scene *s = calloc(1, sizeof *s);
  strcpy(s->dir, "/tmp/pairlink-folder-XXXXXX");
  if (!mkdtemp(s->dir)) return -1;
  snprintf(s->key, sizeof s->key, "%s/relay.key", s->dir);
  snprintf(s->other, sizeof s->other, "%s/other.key", s->dir);
  *state = s;
  return 0;
}

static int tear_down(void **state) {
  scene *s = *state;
  char lock[128];
  snprintf(lock, sizeof lock, "%s/relay.lock", s->dir);
  unlink(s->key);
  unlink(s->other);
  unlink(lock);
  assert_int_equal(rmdir(s->dir), 0); /* nothing else was left */
  free(s);
  return 0;
}

static void put(const char *path, const uint8_t *data, size_t size, mode_t mode) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, size, f), size);
  fclose(f);
  assert_int_equal(chmod(path, mode), 0);
}

static void good_seed(uint8_t seed[40]) {
  for (size_t i = 0; i < 40; i++) seed[i] = (uint8_t)(i * 37 + 11);
}

/* Loads the key and sets `id`. Returns false when the file is refused. */
static bool load(scene *s, uint8_t id[32]) {
  const pl_identity *identity = pl_keyfile_load(s->key, s->why);
  if (!identity) return false;
  memcpy(id, identity->id, 32);
  pl_keyfile_forget(identity);
  return true;
}

static void refused(scene *s, const char *because) {
  uint8_t id[32];
  struct stat before, after;
  bool there = lstat(s->key, &before) == 0;
  assert_false(load(s, id));
  if (!strstr(s->why, because)) fail_msg("\"%s\" does not say \"%s\"", s->why, because);
  assert_non_null(strstr(s->why, s->key));
  assert_true(there && lstat(s->key, &after) == 0 && before.st_ino == after.st_ino); /* it was not replaced */
}

static void test_a_key_is_made_once(void **state) {
  scene *s = *state;
  uint8_t first[32], second[32];
  struct stat about;
  assert_true(load(s, first));
  assert_int_equal(stat(s->key, &about), 0);
  assert_int_equal(about.st_mode & 0777, 0600);
  assert_int_equal(about.st_size, 32);
  assert_true(load(s, second));
  assert_memory_equal(first, second, 32);
}

static void test_a_half_made_key_is_no_hindrance(void **state) {
  scene *s = *state;
  uint8_t id[32], seed[40];
  char half[140];
  good_seed(seed);
  snprintf(half, sizeof half, "%s.new", s->key);
  put(half, seed, 7, 0600);
  assert_true(load(s, id));
  assert_int_equal(access(half, F_OK), -1);
}

static void test_what_is_no_key(void **state) {
  scene *s = *state;
  uint8_t seed[40];
  good_seed(seed);
  put(s->key, seed, 31, 0600);
  refused(s, "exactly 32 bytes");
  put(s->key, seed, 40, 0600);
  refused(s, "exactly 32 bytes");
  put(s->key, seed, 0, 0600);
  refused(s, "exactly 32 bytes");
  const mode_t open_to_others[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666, 0777};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(open_to_others); i++) {
    put(s->key, seed, 32, open_to_others[i]);
    refused(s, "chmod 600");
  }
  unlink(s->key);
  assert_int_equal(mkdir(s->key, 0700), 0);
  refused(s, "not a relay key");
  rmdir(s->key);
}

static void test_a_key_that_anybody_guesses(void **state) {
  scene *s = *state;
  uint8_t seed[32] = {0};
  put(s->key, seed, 32, 0600);
  refused(s, "could guess them");
  memset(seed, 0xff, 32);
  put(s->key, seed, 32, 0600);
  refused(s, "could guess them");
  for (size_t i = 0; i < 32; i++) seed[i] = (uint8_t) "password"[i % 8];
  put(s->key, seed, 32, 0600);
  refused(s, "could guess them");
  memset(seed, 0, 32); /* the second half of the file was lost */
  for (size_t i = 0; i < 10; i++) seed[i] = (uint8_t)(200 + i);
  put(s->key, seed, 32, 0600);
  refused(s, "could guess them");
}

static void test_links(void **state) {
  scene *s = *state;
  uint8_t seed[40], id[32], same[32];
  good_seed(seed);
  assert_int_equal(symlink(s->other, s->key), 0);
  refused(s, "link to nothing");
  assert_int_equal(access(s->other, F_OK), -1); /* and no file was made where the link leads */
  put(s->other, seed, 32, 0600);
  assert_true(load(s, id)); /* as secret stores mount them */
  unlink(s->key);
  put(s->key, seed, 32, 0600);
  assert_true(load(s, same));
  assert_memory_equal(id, same, 32);
}

static void test_whose_folder(void **state) {
  scene *s = *state;
  const mode_t bad[] = {0777, 0770, 0720, 0702, 01777};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(bad); i++) {
    assert_int_equal(chmod(s->dir, bad[i]), 0);
    assert_false(pl_folder_open(s->dir, false, s->why));
    assert_non_null(strstr(s->why, "chmod 700"));
    assert_false(pl_folder_open(s->dir, true, s->why));
  }
  assert_int_equal(chmod(s->dir, 0755), 0); /* its files are private */
  assert_true(pl_folder_open(s->dir, false, s->why));
  assert_int_equal(chmod(s->dir, 0700), 0);
  assert_true(pl_folder_open(s->dir, false, s->why));
  if (geteuid() != 0) return;
  assert_int_equal(chown(s->dir, 65534, 65534), 0);
  assert_false(pl_folder_open(s->dir, false, s->why));
  assert_non_null(strstr(s->why, "another user"));
  assert_true(pl_folder_open(s->dir, true, s->why)); /* `sudo pairlink-relay token new` */
  assert_int_equal(chown(s->dir, 0, 0), 0);
}

static void test_one_at_a_time(void **state) {
  scene *s = *state;
  char holder[32];
  assert_true(pl_folder_lock(s->dir, s->why));
  assert_false(pl_folder_lock(s->dir, s->why));
  snprintf(holder, sizeof holder, "process %d\n", (int)getpid());
  assert_non_null(strstr(s->why, holder));
  assert_non_null(strstr(s->why, s->dir));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_key_is_made_once),
      TEST(test_a_half_made_key_is_no_hindrance),
      TEST(test_what_is_no_key),
      TEST(test_a_key_that_anybody_guesses),
      TEST(test_links),
      TEST(test_whose_folder),
      TEST(test_one_at_a_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
