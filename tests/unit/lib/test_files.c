/* The identity file and the pinned relays, in a real folder that each test has for itself. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/lib/identity_file.h"
#include "client/lib/known_relays.h"

static char folder[64];

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

static int tear_down(void **state) {
  (void)state;
  return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_folder(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static unsigned mode_of(const char *path) {
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  return st.st_mode & 07777U;
}

static void put(const char *path, const void *data, size_t size, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, size), (ssize_t)size);
  assert_int_equal(fchmod(fd, mode), 0);
  close(fd);
}

/* ---- identity ----------------------------------------------------------------------------------------- */

static void test_identity_is_made_private_and_stays(void **state) {
  char why[PL_WHY_MAX];
  pl_identity first, again;
  (void)state;
  mode_t old = umask(0); /* the modes must not depend on it */
  assert_int_equal(pl_identity_load(&first, in_folder("a/b/identity"), why), 0);
  umask(old);
  assert_int_equal(mode_of(in_folder("a")), 0700);
  assert_int_equal(mode_of(in_folder("a/b")), 0700);
  assert_int_equal(mode_of(in_folder("a/b/identity")), 0600);
  struct stat st;
  assert_int_equal(stat(in_folder("a/b/identity"), &st), 0);
  assert_int_equal(st.st_size, 32);
  assert_int_equal(pl_identity_load(&again, in_folder("a/b/identity"), why), 0);
  assert_memory_equal(&first, &again, sizeof first);
  pl_identity other;
  assert_int_equal(pl_identity_load(&other, in_folder("other"), why), 0);
  assert_memory_not_equal(first.id, other.id, 32);
}

static void test_identity_of_a_seed(void **state) {
  char why[PL_WHY_MAX];
  uint8_t seed[32];
  pl_identity expected, got;
  (void)state;
  for (size_t i = 0; i < 32; i++) seed[i] = (uint8_t)(9 * i);
  put(in_folder("identity"), seed, 32, 0400);
  assert_int_equal(pl_identity_from_seed(&expected, seed), 0);
  assert_int_equal(pl_identity_load(&got, in_folder("identity"), why), 0);
  assert_memory_equal(&got, &expected, sizeof got);
}

static void test_identity_others_could_use_is_refused(void **state) {
  static const mode_t modes[] = {0644, 0640, 0604, 0620, 0602, 0610, 0601, 0660, 0777};
  char why[PL_WHY_MAX];
  uint8_t seed[32] = {1};
  pl_identity identity;
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(modes); i++) {
    put(in_folder("identity"), seed, 32, modes[i]);
    why[0] = '\0';
    assert_int_equal(pl_identity_load(&identity, in_folder("identity"), why), PL_EIDENTITY);
    assert_non_null(strstr(why, "mode"));
    assert_int_equal(mode_of(in_folder("identity")), modes[i]); /* and it was not changed */
  }
}

static void test_identity_of_wrong_size_is_refused(void **state) {
  static const size_t sizes[] = {0, 1, 31, 33, 64, 4096};
  char why[PL_WHY_MAX];
  uint8_t bytes[4096] = {1};
  pl_identity identity;
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sizes); i++) {
    put(in_folder("identity"), bytes, sizes[i], 0600);
    assert_int_equal(pl_identity_load(&identity, in_folder("identity"), why), PL_EIDENTITY);
    assert_non_null(strstr(why, "bytes"));
  }
}

/* The file was cleared or cut, or a person typed it. */
static void test_identity_that_can_be_guessed_is_refused(void **state) {
  char why[PL_WHY_MAX];
  uint8_t seeds[3][32] = {{0}, {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  pl_identity identity;
  (void)state;
  memset(seeds[2], 'x', 32);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(seeds); i++) {
    put(in_folder("identity"), seeds[i], 32, 0600);
    assert_int_equal(pl_identity_load(&identity, in_folder("identity"), why), PL_EIDENTITY);
    assert_non_null(strstr(why, "guess"));
  }
}

static void test_identity_behind_a_link(void **state) {
  char why[PL_WHY_MAX], link[256], target[256];
  pl_identity made, got;
  struct stat st;
  (void)state;
  strcpy(link, in_folder("link"));
  strcpy(target, in_folder("identity"));
  assert_int_equal(symlink(target, link), 0);
  assert_int_equal(pl_identity_load(&got, link, why),
                   PL_EIDENTITY); /* dangling: it is not replaced, and no identity is created */
  assert_non_null(strstr(why, "link to nothing"));
  assert_int_equal(lstat(link, &st), 0);
  assert_true(S_ISLNK(st.st_mode));
  assert_int_equal(access(target, F_OK), -1);
  assert_int_equal(pl_identity_load(&made, target, why), 0);
  assert_int_equal(pl_identity_load(&got, link, why), 0); /* a link to an identity works */
  assert_memory_equal(&made, &got, sizeof made);
}

static void test_identity_of_another_kind_is_refused(void **state) {
  char why[PL_WHY_MAX];
  pl_identity identity;
  (void)state;
  assert_int_equal(mkdir(in_folder("folder"), 0700), 0);
  assert_int_equal(pl_identity_load(&identity, in_folder("folder"), why), PL_EIDENTITY);
  assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0); /* opening it must not hang */
  assert_int_equal(pl_identity_load(&identity, in_folder("fifo"), why), PL_EIDENTITY);
  assert_int_equal(pl_identity_load(&identity, "/dev/zero", why), PL_EIDENTITY);
  put(in_folder("file"), "x", 1, 0600);
  assert_true(pl_identity_load(&identity, in_folder("file/identity"), why) < 0);
}

static void test_identity_of_another_user_is_refused(void **state) {
  char why[PL_WHY_MAX];
  uint8_t seed[32] = {1};
  pl_identity identity;
  (void)state;
  if (geteuid() != 0) skip(); /* only root can change the owner of a file */
  put(in_folder("identity"), seed, 32, 0600);
  assert_int_equal(chown(in_folder("identity"), 65534, 65534), 0);
  assert_int_equal(pl_identity_load(&identity, in_folder("identity"), why), PL_EIDENTITY);
  assert_non_null(strstr(why, "another user"));
}

/* Programs that start at the same time on a new machine get the same identity. */
static void test_identity_made_by_many_at_once_is_one(void **state) {
  enum { MANY = 12 };
  int pipes[2];
  (void)state;
  assert_int_equal(pipe(pipes), 0);
  for (int i = 0; i < MANY; i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      pl_identity identity;
      char why[PL_WHY_MAX];
      bool good = pl_identity_load(&identity, in_folder("new/identity"), why) == 0;
      _exit(good && write(pipes[1], identity.id, 32) == 32 ? 0 : 1);
    }
  }
  uint8_t first[32], id[32];
  for (int i = 0; i < MANY; i++) {
    int status;
    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
    assert_int_equal(read(pipes[0], id, 32), 32);
    if (i == 0) memcpy(first, id, 32);
    assert_memory_equal(id, first, 32);
  }
  close(pipes[0]);
  close(pipes[1]);
}

static void test_paths(void **state) {
  char why[PL_WHY_MAX];
  (void)state;
  setenv("HOME", "/dwelling", 1);
  setenv("XDG_CONFIG_HOME", "/cfg", 1);
  char *path = pl_path_of(NULL, "XDG_CONFIG_HOME", ".config", "identity", why);
  assert_string_equal(path, "/cfg/pairlink/identity");
  free(path);
  setenv("XDG_CONFIG_HOME", "relative", 1);
  path = pl_path_of(NULL, "XDG_CONFIG_HOME", ".config", "identity", why);
  assert_string_equal(path, "/dwelling/.config/pairlink/identity");
  free(path);
  path = pl_path_of("given", "XDG_CONFIG_HOME", ".config", "identity", why);
  assert_string_equal(path, "given");
  free(path);
  assert_null(pl_path_of("", "XDG_CONFIG_HOME", ".config", "identity", why));
  unsetenv("HOME");
  assert_null(pl_path_of(NULL, "XDG_CONFIG_HOME", ".config", "identity", why));
  assert_non_null(strstr(why, "HOME"));
}

/* ---- relays ------------------------------------------------------------------------------------------- */

static void make_id(uint8_t id[32], uint8_t seed_byte) {
  uint8_t seed[32];
  pl_identity identity;
  memset(seed, seed_byte, sizeof seed);
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  memcpy(id, identity.id, 32);
}

static void test_relays_are_pinned(void **state) {
  char why[PL_WHY_MAX], path[256];
  uint8_t one[32], two[32], got[32];
  (void)state;
  snprintf(path, sizeof path, "%s", in_folder("state/known_relays"));
  make_id(one, 1);
  make_id(two, 2);
  assert_int_equal(pl_relays_find(path, "http://a", got, why), 0);
  assert_int_equal(pl_relays_add(path, "http://a", one, why), 0);
  assert_int_equal(mode_of(path), 0600);
  assert_int_equal(pl_relays_add(path, "http://a:1", two, why), 0);
  assert_int_equal(pl_relays_find(path, "http://a", got, why), 1);
  assert_memory_equal(got, one, 32);
  assert_int_equal(pl_relays_find(path, "http://a:1", got, why), 1);
  assert_memory_equal(got, two, 32);
  assert_int_equal(pl_relays_find(path, "http://", got, why), 0);
  assert_int_equal(pl_relays_add(path, "http://a", one, why), 0); /* the same again */
  assert_int_equal(pl_relays_add(path, "http://a", two, why), PL_ERELAYKEY);
  assert_int_equal(pl_relays_find(path, "http://a", got, why), 1);
  assert_memory_equal(got, one, 32); /* never a silent update */
  assert_int_equal(pl_relays_forget(path, "http://a", why), 1);
  assert_int_equal(pl_relays_forget(path, "http://a", why), 0);
  assert_int_equal(pl_relays_find(path, "http://a", got, why), 0);
  assert_int_equal(pl_relays_find(path, "http://a:1", got, why), 1);
  assert_int_equal(pl_relays_add(path, "http://a", two, why), 0);
}

static void test_relays_forget_without_a_file(void **state) {
  char why[PL_WHY_MAX];
  (void)state;
  assert_int_equal(pl_relays_forget(in_folder("none/known_relays"), "http://a", why), 0);
  struct stat st;
  assert_int_equal(stat(in_folder("none"), &st), -1); /* and it was not created */
}

static void test_relays_damaged_or_open_to_others(void **state) {
  char why[PL_WHY_MAX];
  uint8_t id[32], one[32];
  (void)state;
  make_id(one, 1);
  const char *path = in_folder("known_relays");
  put(path, "http://a nonsense\n", 18, 0600);
  assert_int_equal(pl_relays_find(path, "http://a", id, why), PL_EIO);
  assert_int_equal(pl_relays_add(path, "http://a", one, why), PL_EIO); /* a damaged line is not a missing one */
  assert_int_equal(pl_relays_find(path, "http://b", id, why), 0);
  put(path, "", 0, 0666);
  assert_int_equal(pl_relays_find(path, "http://a", id, why), PL_EIO);
  assert_non_null(strstr(why, "mode"));
}

static void test_relays_last_line_without_an_end(void **state) {
  char why[PL_WHY_MAX], line[128], text[55];
  uint8_t one[32], got[32];
  (void)state;
  make_id(one, 1);
  pl_id_format(text, one);
  int n = snprintf(line, sizeof line, "http://a %s", text);
  put(in_folder("known_relays"), line, (size_t)n, 0600);
  assert_int_equal(pl_relays_add(in_folder("known_relays"), "http://b", one, why), 0);
  assert_int_equal(pl_relays_find(in_folder("known_relays"), "http://a", got, why), 1);
  assert_int_equal(pl_relays_find(in_folder("known_relays"), "http://b", got, why), 1);
}

/* Programs that pin at the same time do not lose each other's lines. */
static void test_relays_pinned_by_many_at_once(void **state) {
  enum { MANY = 12 };
  char why[PL_WHY_MAX], origin[32];
  uint8_t id[32];
  (void)state;
  for (int i = 0; i < MANY; i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      make_id(id, (uint8_t)i);
      snprintf(origin, sizeof origin, "http://relay%d", i);
      _exit(pl_relays_add(in_folder("state/known_relays"), origin, id, why) == 0 ? 0 : 1);
    }
  }
  for (int i = 0; i < MANY; i++) {
    int status;
    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
  }
  for (int i = 0; i < MANY; i++) {
    snprintf(origin, sizeof origin, "http://relay%d", i);
    assert_int_equal(pl_relays_find(in_folder("state/known_relays"), origin, id, why), 1);
  }
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FOLDER(test_identity_is_made_private_and_stays),
      WITH_FOLDER(test_identity_of_a_seed),
      WITH_FOLDER(test_identity_others_could_use_is_refused),
      WITH_FOLDER(test_identity_of_wrong_size_is_refused),
      WITH_FOLDER(test_identity_that_can_be_guessed_is_refused),
      WITH_FOLDER(test_identity_behind_a_link),
      WITH_FOLDER(test_identity_of_another_kind_is_refused),
      WITH_FOLDER(test_identity_of_another_user_is_refused),
      WITH_FOLDER(test_identity_made_by_many_at_once_is_one),
      cmocka_unit_test(test_paths),
      WITH_FOLDER(test_relays_are_pinned),
      WITH_FOLDER(test_relays_forget_without_a_file),
      WITH_FOLDER(test_relays_damaged_or_open_to_others),
      WITH_FOLDER(test_relays_last_line_without_an_end),
      WITH_FOLDER(test_relays_pinned_by_many_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
