/* What the receiver's thread asks of the disk while a large file comes, with a disk that this test plays. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/file_writer.h"
#include "client/core/wire/wire.h"

enum { PIECE = 1 << 17, MiB = 1 << 20 };

static file_writer *writer;
static file_target target;
static off_t waited_to, dropped_to; /* by the thread; read when no task is waiting */
static int wait_error;
static bool wrong;

/* These two take the place of the C library's. They run in the writer's thread, where nothing can be asserted. */
int sync_file_range(int fd, off_t from, off_t size, unsigned flags) {
  wrong |= fd != target.fd;
  if (!(flags & SYNC_FILE_RANGE_WAIT_AFTER)) return 0;
  if (wait_error) {
    errno = wait_error;
    return -1;
  }
  wrong |= from != waited_to;
  waited_to = from + size;
  return 0;
}

int posix_fadvise(int fd, off_t from, off_t size, int advice) {
  wrong |= fd != target.fd || advice != POSIX_FADV_DONTNEED || from != dropped_to;
  dropped_to = from + size;
  return 0;
}

static int set_up(void **state) {
  char path[] = "/tmp/pairlink-test-XXXXXX";
  (void)state;
  target = (file_target){.fd = mkstemp(path), .hash = file_hash_new()};
  if (target.fd < 0 || !target.hash || unlink(path) != 0) return -1;
  waited_to = dropped_to = 0;
  wait_error = 0;
  wrong = false;
  writer = file_writer_new();
  return writer ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  file_writer_free(writer);
  close(target.fd);
  EVP_MD_CTX_free(target.hash);
  return 0;
}

/* Waits for one task, and returns its error. */
static int run_task(file_task *task) {
  assert_non_null(task);
  file_writer_give(writer, task);
  struct pollfd p = {.fd = file_writer_fd(writer), .events = POLLIN};
  assert_int_equal(poll(&p, 1, 30000), 1);
  task = file_writer_done(writer);
  assert_non_null(task);
  assert_false(wrong);
  int error = task->error;
  file_writer_return(writer, task);
  return error;
}

/* Writes pieces until one fails or the file has `size` bytes. Returns the error. */
static int write_to(uint64_t size) {
  int error = 0;
  while (!error && target.stored_to < size) {
    file_task *task = file_writer_task(writer, FILE_TASK_WRITE, &target, PIECE);
    assert_non_null(task);
    task->offset = target.stored_to;
    memset(task->bytes, (int)(target.stored_to / PIECE), PIECE);
    error = run_task(task);
  }
  return error;
}

static void a_small_file_stays_in_memory(void **state) {
  (void)state;
  assert_int_equal(write_to(16 * MiB), 0);
  assert_int_equal(waited_to, 0);
  assert_int_equal(dropped_to, 0);
}

static void of_a_large_file_the_last_bytes_stay_in_memory(void **state) {
  (void)state;
  for (uint64_t size = 18 * MiB; size <= 40 * MiB; size += 2 * MiB) {
    assert_int_equal(write_to(size), 0);
    assert_int_equal(waited_to, size - 16 * MiB);
    assert_int_equal(dropped_to, waited_to);
  }
}

/* What an earlier run stored was hashed from memory or the disk, and stays where it is. */
static void what_was_there_before_is_not_dropped(void **state) {
  (void)state;
  assert_int_equal(write_to(10 * MiB), 0);
  assert_int_equal(EVP_DigestInit_ex(target.hash, EVP_sha256(), NULL), 1);
  target.stored_to = 0;
  file_task *task = file_writer_task(writer, FILE_TASK_HASH, &target, 0);
  assert_non_null(task);
  task->offset = 10 * MiB;
  assert_int_equal(run_task(task), 0);
  waited_to = dropped_to = 10 * MiB;
  assert_int_equal(write_to(26 * MiB), 0);
  assert_int_equal(dropped_to, 10 * MiB);
  assert_int_equal(write_to(28 * MiB), 0);
  assert_int_equal(dropped_to, 12 * MiB);
}

/* The kernel tells of such an error once. */
static void an_error_of_the_disk_is_the_file_s(void **state) {
  (void)state;
  static const int errors[] = {EIO, ENOSPC};
  for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
    if (k) {
      (void)tear_down(NULL);
      assert_int_equal(set_up(NULL), 0);
    }
    assert_int_equal(write_to(16 * MiB), 0);
    wait_error = errors[k];
    assert_int_equal(write_to(40 * MiB), EIO);
    assert_int_equal(target.stored_to, 18 * MiB);
    wait_error = 0;
    file_task *task = file_writer_task(writer, FILE_TASK_FINISH, &target, 0);
    assert_non_null(task);
    task->offset = 18 * MiB;
    assert_int_equal(run_task(task), ECANCELED);
  }
}

static void where_it_cannot_wait_nothing_is_dropped(void **state) {
  (void)state;
  wait_error = ENOSYS;
  assert_int_equal(write_to(24 * MiB), 0);
  assert_int_equal(dropped_to, 0);
}

#define OWN(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      OWN(a_small_file_stays_in_memory),
      OWN(of_a_large_file_the_last_bytes_stay_in_memory),
      OWN(what_was_there_before_is_not_dropped),
      OWN(an_error_of_the_disk_is_the_file_s),
      OWN(where_it_cannot_wait_nothing_is_dropped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
