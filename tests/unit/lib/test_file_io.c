/* The threads of send and receive, and the places of received files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/file_folder.h"
#include "client/cli/file_place.h"
#include "client/cli/file_reader.h"
#include "client/cli/file_stat.h"
#include "client/cli/file_sync.h"
#include "client/cli/file_writer.h"

enum { SIZE = 1000000 };

static char folder[64];
static uint8_t content[SIZE], sum[FILE_HASH_BYTES];
static int root;

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(folder) || setenv("XDG_STATE_HOME", folder, 1) != 0) return -1;
  root = open(folder, O_RDONLY | O_DIRECTORY);
  for (size_t i = 0; i < SIZE; i++) content[i] = (uint8_t)(i * 7 + i / 256);
  EVP_MD_CTX *hash = file_hash_new();
  bool good = hash && EVP_DigestUpdate(hash, content, SIZE) == 1 && file_hash_end(hash, sum);
  EVP_MD_CTX_free(hash);
  return good && root >= 0 ? 0 : -1;
}

static int tear_down(void **state) {
  char command[128];
  (void)state;
  close(root);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void wait_for(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  assert_int_equal(poll(&p, 1, 30000), 1);
}

/* ---- reading ---- */

static file_source *make_source(const char *name) {
  file_source *s = calloc(1, sizeof *s);
  struct stat st;
  char path[128];
  assert_non_null(s);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_int_equal(write(fd, content, SIZE), SIZE);
  assert_int_equal(fstat(fd, &st), 0);
  close(fd);
  s->path = strdup(path);
  s->fd = -1;
  s->size = SIZE;
  s->mtime_ns = file_mtime_ns(&st);
  return s;
}

static void free_source(file_source *s) {
  file_source_close(s);
  free(s->path);
  free(s);
}

static file_piece *next_piece(file_reader *r) {
  file_piece *p;
  while (!(p = file_reader_first(r))) wait_for(file_reader_fd(r));
  return p;
}

static file_piece *read_at(file_reader *r, file_source *s, uint64_t offset, uint32_t size) {
  pl_transfer_want want = {.offset = offset, .size = size, .end = size == 0};
  assert_true(file_reader_has_room(r));
  file_reader_ask(r, s, &want);
  return next_piece(r);
}

static void pieces_come_in_order_with_the_hash(void **state) {
  (void)state;
  file_source *s = make_source("a");
  file_reader *r = file_reader_new();
  uint64_t asked = 0, got = 0;
  while (got < SIZE) {
    while (asked < SIZE && file_reader_has_room(r)) {
      uint32_t size = SIZE - asked < 50000 ? (uint32_t)(SIZE - asked) : 50000;
      file_reader_ask(r, s, &(pl_transfer_want){.offset = asked, .size = size});
      asked += size;
    }
    file_piece *p = next_piece(r);
    assert_int_equal(p->type, PL_TRANSFER_READ);
    assert_int_equal(p->want.offset, got);
    assert_memory_equal(p->bytes, content + got, p->size);
    got += p->size;
    file_reader_drop(r);
  }
  assert_int_equal(read_at(r, s, SIZE, 0)->type, PL_TRANSFER_READ_END);
  file_reader_drop(r);
  assert_memory_equal(s->sha256, sum, sizeof sum);
  file_reader_free(r);
  free_source(s);
}

/* Reading starts in the middle and then goes back: the hash still covers the whole file. */
static void a_hash_covers_the_whole_file_wherever_reading_started(void **state) {
  (void)state;
  file_source *s = make_source("b");
  file_reader *r = file_reader_new();
  static const uint64_t places[] = {700000, 100000, 750000, 900000};
  for (size_t i = 0; i < 4; i++) {
    file_piece *p = read_at(r, s, places[i], 60000);
    assert_memory_equal(p->bytes, content + places[i], 60000);
    file_reader_drop(r);
  }
  for (int twice = 0; twice < 2; twice++) {
    assert_int_equal(read_at(r, s, SIZE, 0)->type, PL_TRANSFER_READ_END);
    file_reader_drop(r);
  }
  assert_memory_equal(s->sha256, sum, sizeof sum);
  file_reader_free(r);
  free_source(s);
}

static void a_changed_file_is_noticed(void **state) {
  (void)state;
  file_source *s = make_source("c");
  file_reader *r = file_reader_new();
  (void)read_at(r, s, 0, 1000);
  file_reader_drop(r);
  assert_int_equal(truncate(s->path, 500000), 0);
  file_piece *p = read_at(r, s, 499000, 2000);
  assert_int_equal(p->type, PL_TRANSFER_READ_FAILED);
  assert_int_equal(p->why, PL_CONST_FILE_CHANGED);
  file_reader_drop(r);
  free_source(s);
  s = make_source("c");
  s->mtime_ns++;
  p = read_at(r, s, 0, 1000);
  assert_int_equal(p->why, PL_CONST_FILE_CHANGED);
  file_reader_drop(r);
  assert_int_equal(unlink(s->path), 0);
  file_source_close(s);
  assert_int_equal(read_at(r, s, 0, 1000)->type, PL_TRANSFER_READ_FAILED);
  file_reader_drop(r);
  file_reader_free(r);
  free_source(s);
}

static void a_stream_is_kept_until_it_is_stored(void **state) {
  (void)state;
  file_source s = {.fd = -1, .flags = PL_CONST_FILE_FLAG_STREAM};
  file_reader *r = file_reader_new();
  int ends[2], before = dup(STDIN_FILENO);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  close(ends[0]);
  assert_int_equal(write(ends[1], content, 1000), 1000);
  assert_int_equal(read_at(r, &s, 0, 5000)->size, 1000);
  file_reader_drop(r);
  assert_int_equal(write(ends[1], content + 1000, 500), 500);
  assert_int_equal(read_at(r, &s, 1000, 5000)->size, 500);
  file_reader_drop(r);
  file_piece *p = read_at(r, &s, 400, 5000); /* goes back, before the bytes that are stored */
  assert_int_equal(p->size, 600);
  assert_memory_equal(p->bytes, content + 400, 600);
  file_reader_drop(r);
  file_reader_forget(r, &s, 1000);
  assert_int_equal(read_at(r, &s, 400, 5000)->why, PL_CONST_FILE_CHANGED);
  file_reader_drop(r);
  close(ends[1]);
  assert_int_equal(read_at(r, &s, 1500, 5000)->type, PL_TRANSFER_READ_END);
  file_reader_drop(r);
  file_reader_free(r);
  file_source_close(&s);
  dup2(before, STDIN_FILENO);
  close(before);
}

static void a_silent_pipe_does_not_delay_the_end(void **state) {
  (void)state;
  file_source s = {.fd = -1, .flags = PL_CONST_FILE_FLAG_STREAM};
  file_reader *r = file_reader_new();
  int ends[2], before = dup(STDIN_FILENO);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  file_reader_ask(r, &s, &(pl_transfer_want){.size = 10});
  file_reader_free(r);
  file_source_close(&s);
  dup2(before, STDIN_FILENO);
  close(before);
  close(ends[0]);
  close(ends[1]);
}

/* ---- writing ---- */

static file_task *done_task(file_writer *w) {
  file_task *task;
  while (!(task = file_writer_done(w))) wait_for(file_writer_fd(w));
  return task;
}

static void give(file_writer *w, file_task_kind kind, file_target *t, uint64_t offset, size_t size) {
  file_task *task = file_writer_task(w, kind, t, size);
  assert_non_null(task);
  task->offset = offset;
  if (kind == FILE_TASK_WRITE) memcpy(task->bytes, content + offset, size);
  if (kind == FILE_TASK_FINISH) memcpy(task->sha256, sum, sizeof sum);
  file_writer_give(w, task);
}

static int result(file_writer *w) {
  file_task *task = done_task(w);
  int error = task->error;
  file_writer_return(w, task);
  return error;
}

static void open_target(file_target *t, const char *name) {
  memset(t, 0, sizeof *t);
  t->fd = file_place_part(root, name, &t->stored_to);
  t->hash = file_hash_new();
  assert_true(t->fd >= 0 && t->hash);
}

static void close_target(file_target *t) {
  close(t->fd);
  EVP_MD_CTX_free(t->hash);
}

static void a_file_written_in_two_runs_has_the_hash_of_the_whole(void **state) {
  (void)state;
  file_target t;
  file_writer *w = file_writer_new();
  open_target(&t, ".x.part");
  for (uint64_t at = 0; at < 400000; at += 100000) give(w, FILE_TASK_WRITE, &t, at, 100000);
  for (int i = 0; i < 4; i++) assert_int_equal(result(w), 0);
  close_target(&t);
  open_target(&t, ".x.part"); /* another run */
  assert_int_equal(t.stored_to, 400000);
  give(w, FILE_TASK_HASH, &t, 400000, 0);
  for (uint64_t at = 400000; at < SIZE; at += 100000) give(w, FILE_TASK_WRITE, &t, at, 100000);
  give(w, FILE_TASK_FINISH, &t, SIZE, 0);
  for (int i = 0; i < 8; i++) assert_int_equal(result(w), 0);
  assert_true(file_writer_is_idle(w));
  close_target(&t);
  file_writer_free(w);
}

/* The thread is kept busy, so pieces of two files gather, and those of one file are written together. */
static void pieces_that_gather_are_written_in_order(void **state) {
  (void)state;
  enum { FIRST = 12, SECOND = 3, PIECE = 60000, BUSY = 20 };
  file_source *s = make_source("busy");
  file_target busy = {.fd = open(s->path, O_RDONLY), .hash = file_hash_new(), .read_only = true}, t[2];
  file_writer *w = file_writer_new();
  open_target(&t[0], ".c.part");
  open_target(&t[1], ".d.part");
  for (int i = 0; i < BUSY; i++) give(w, FILE_TASK_HASH, &busy, SIZE, 0);
  for (uint64_t i = 0; i < FIRST; i++) give(w, FILE_TASK_WRITE, &t[0], i * PIECE, i == 5 ? 0 : PIECE);
  for (uint64_t i = 0; i < SECOND; i++) give(w, FILE_TASK_WRITE, &t[1], i * PIECE, PIECE);
  give(w, FILE_TASK_WRITE, &t[0], FIRST * PIECE, 100);
  for (int i = 0; i < BUSY; i++) assert_int_equal(result(w), 0);
  uint64_t ends[2] = {0, 0};
  for (uint64_t i = 0; i < FIRST + SECOND + 1; i++) {
    file_task *task = done_task(w);
    size_t of = task->target == &t[1];
    ends[of] += task->size;
    assert_int_equal(of, i >= FIRST && i < FIRST + SECOND);
    assert_int_equal(task->error, 0);
    assert_int_equal(task->stored_to, ends[of]);
    file_writer_return(w, task);
  }
  static uint8_t back[SECOND * PIECE];
  assert_int_equal(t[0].stored_to, (FIRST - 1) * PIECE + 100);
  assert_int_equal(pread(t[1].fd, back, sizeof back, 0), sizeof back);
  assert_memory_equal(back, content, sizeof back);
  assert_int_equal(pread(t[0].fd, back, PIECE, 5 * PIECE), PIECE); /* where the empty piece was */
  assert_memory_equal(back, content + 6 * PIECE, PIECE);
  file_writer_free(w);
  close_target(&busy);
  close_target(&t[0]);
  close_target(&t[1]);
  free_source(s);
}

static void other_bytes_are_detected(void **state) {
  (void)state;
  file_target t;
  file_writer *w = file_writer_new();
  open_target(&t, ".y.part");
  for (uint64_t at = 0; at < SIZE; at += 100000) give(w, FILE_TASK_WRITE, &t, at ? at : 100000, 100000);
  give(w, FILE_TASK_FINISH, &t, SIZE, 0);
  for (int i = 0; i < 10; i++) assert_int_equal(result(w), 0);
  assert_int_equal(result(w), EBADMSG);
  close_target(&t);
  file_writer_free(w);
}

/* Copies from the start, or from where an earlier try stopped. The result is what is hashed. */
static void the_hash_is_that_of_the_copy(void **state) {
  (void)state;
  file_writer *w = file_writer_new();
  file_source *s = make_source("original");
  for (uint64_t left = 0; left <= 300000; left += 300000) {
    file_target t;
    open_target(&t, left ? ".b.part" : ".a.part");
    if (left) assert_int_equal(pwrite(t.fd, content, left, 0), left);
    t.stored_to = left;
    t.source = open(s->path, O_RDONLY);
    give(w, FILE_TASK_COPY, &t, SIZE, 0);
    give(w, FILE_TASK_FINISH, &t, SIZE, 0);
    assert_int_equal(result(w), 0);
    assert_int_equal(result(w), 0);
    assert_int_equal(t.stored_to, SIZE);
    close(t.source);
    close_target(&t);
  }
  /* The file is compared, and cannot be written. */
  file_target t = {.fd = open(s->path, O_RDONLY), .hash = file_hash_new(), .read_only = true};
  give(w, FILE_TASK_HASH, &t, SIZE, 0);
  give(w, FILE_TASK_FINISH, &t, SIZE, 0);
  assert_int_equal(result(w), 0);
  assert_int_equal(result(w), 0);
  close_target(&t);
  file_writer_free(w);
  free_source(s);
}

static void after_a_full_disk_writing_resumes_without_a_gap(void **state) {
  (void)state;
  struct rlimit before, small;
  file_target t;
  file_writer *w = file_writer_new();
  signal(SIGXFSZ, SIG_IGN);
  open_target(&t, ".z.part");
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = (struct rlimit){.rlim_cur = 250000, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  for (uint64_t at = 0; at < SIZE; at += 100000) give(w, FILE_TASK_WRITE, &t, at, 100000);
  static const int expected[] = {0, 0, EFBIG, ECANCELED, ECANCELED};
  for (int i = 0; i < 10; i++) assert_int_equal(result(w), expected[i < 4 ? i : 4]);
  assert_int_equal(t.stored_to, 250000);
  give(w, FILE_TASK_RETRY, &t, 0, 100000);
  assert_int_equal(result(w), EFBIG);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  give(w, FILE_TASK_RETRY, &t, 0, 100000);
  give(w, FILE_TASK_WRITE, &t, 250000, 50000);
  for (uint64_t at = 300000; at < SIZE; at += 100000) give(w, FILE_TASK_WRITE, &t, at, 100000);
  give(w, FILE_TASK_FINISH, &t, SIZE, 0);
  for (int i = 0; i < 10; i++) assert_int_equal(result(w), 0);
  close_target(&t);
  file_writer_free(w);
}

/* ---- places ---- */

static void a_part_file_belongs_to_one_program_and_gets_a_free_name(void **state) {
  (void)state;
  char part[FILE_LEAF_MAX], name[FILE_LEAF_MAX];
  const uint8_t id[16] = {0xde, 0xad, 0xbe, 0xef};
  uint64_t size;
  file_place_part_name("a.txt", id, part);
  assert_string_equal(part, ".a.txt.deadbeef.part");
  for (int n = 1; n <= 3; n++) {
    int fd = file_place_part(root, part, &size);
    assert_true(fd >= 0);
    assert_int_equal(file_place_part(root, part, &size), -1);
    assert_int_equal(errno, EBUSY);
    assert_int_equal(file_place_finish(root, part, "a.txt"), n == 1 ? 0 : EEXIST);
    if (n > 1) {
      assert_int_equal(file_place_free_name(root, "a.txt", name), 0);
      assert_string_equal(name, n == 2 ? "a (2).txt" : "a (3).txt");
      assert_int_equal(file_place_finish(root, part, name), 0);
    }
    close(fd);
  }
  assert_int_equal(symlinkat("a.txt", root, part), 0);
  assert_int_equal(file_place_part(root, part, &size), -1);
}

static void folders_are_created_and_links_not_followed(void **state) {
  (void)state;
  const char *leaf;
  char name[FILE_LEAF_MAX];
  file_folders all;
  file_folders_init(&all, root);
  file_folder *two = file_folder_use(&all, "one/two/three.txt", &leaf);
  assert_non_null(two);
  assert_string_equal(leaf, "three.txt");
  assert_int_equal(faccessat(root, "one/two", X_OK, 0), 0);
  assert_int_equal(symlinkat("/tmp", root, "out"), 0);
  assert_null(file_folder_use(&all, "out/file", &leaf));
  assert_int_equal(file_place_new_folder(root, "one", name), 0);
  assert_string_equal(name, "one (2)");
  assert_int_equal(file_place_empty(two->fd, "empty"), 0);
  assert_int_equal(file_place_empty(two->fd, "empty"), 0);
  assert_int_equal(faccessat(root, "one/two/empty", X_OK, 0), 0);
  file_folder_release(&all, two);
  file_folders_deinit(&all);
}

/* Returns the path of an open folder in `out`. */
static atomic_int syncs_of_all; /* how often a whole file system was synced */

/* Instead of the C library's. */
__attribute__((visibility("default"))) int syncfs(int fd) {
  atomic_fetch_add(&syncs_of_all, 1);
  return (int)syscall(SYS_syncfs, fd);
}

static const char *path_of(int fd, char out[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, out, PATH_MAX - 1);
  assert_true(n > 0);
  out[n] = '\0';
  return out;
}

/* Takes the folders to sync, the last one first. They must have these paths below the root. ".." is the one above it.
 */
static void expect_above(file_folders *all, const char *const *names, size_t count) {
  char is[PATH_MAX], expected[PATH_MAX];
  file_folder_above above;
  while (count--) {
    int fd = openat(root, *names[count] ? names[count] : ".", O_RDONLY | O_DIRECTORY);
    assert_true(file_folders_next_above(all, &above));
    assert_string_equal(path_of(above.fd, is), path_of(fd, expected));
    close(above.fd);
    close(fd);
  }
  assert_false(file_folders_next_above(all, &above));
}

static void use_and_release(file_folders *all, const char *path) {
  const char *leaf;
  file_folder *used = file_folder_use(all, path, &leaf);
  assert_non_null(used);
  file_folder_release(all, used);
}

/* The folder above each is handed out, to be synced: of new ones, and of those that an earlier run may have created. */
static void folders_above_are_told_once(void **state) {
  (void)state;
  file_folders all;
  for (int run = 0; run < 2; run++) {
    file_folders_init(&all, root);
    use_and_release(&all, "one/two/a");
    expect_above(&all, (const char *const[]){"..", "", "one"}, 3);
    use_and_release(&all, "one/three/a");
    expect_above(&all, (const char *const[]){"one"}, 1);
    use_and_release(&all, "one/three/b/c");
    expect_above(&all, (const char *const[]){"one/three"}, 1);
    use_and_release(&all, "one/three/b/d");
    use_and_release(&all, "one/x");
    expect_above(&all, NULL, 0);
    use_and_release(&all, "on/x");
    expect_above(&all, (const char *const[]){""}, 1);
    file_folders_deinit(&all);
  }
  /* One that was removed meanwhile is new again. */
  file_folders_init(&all, root);
  use_and_release(&all, "one/three/b/c");
  expect_above(&all, (const char *const[]){"..", "", "one", "one/three"}, 4);
  const char *leaf;
  file_folder *gone = file_folder_use(&all, "one/three/b/c", &leaf);
  assert_int_equal(unlinkat(root, "one/three/b", AT_REMOVEDIR), 0);
  gone->gone = true;
  file_folder_release(&all, gone);
  use_and_release(&all, "one/three/b/c");
  expect_above(&all, (const char *const[]){"one/three"}, 1);
  file_folders_deinit(&all);
}

/* What is above a mount point is on another disk, and its errors say nothing about the files. Likewise, this user has
 * created nothing in a folder that only others may write to. */
static void what_is_above_is_synced_where_the_root_may_be_new(void **state) {
  (void)state;
  file_folders all;
  int mounted = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true(mounted >= 0);
  file_folders_init(&all, mounted);
  use_and_release(&all, "a");
  expect_above(&all, NULL, 0);
  file_folders_deinit(&all);
  close(mounted);
  assert_int_equal(mkdirat(root, "theirs", 0755), 0);
  assert_int_equal(mkdirat(root, "theirs/mine", 0755), 0);
  int mine = openat(root, "theirs/mine", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true(mine >= 0);
  assert_int_equal(fchmodat(root, "theirs", 0111, 0), 0); /* such as /home on many machines */
  uid_t user = geteuid();
  if (user == 0) assert_int_equal(seteuid(65534), 0);
  int before = atomic_load(&syncs_of_all);
  file_folders_init(&all, mine);
  use_and_release(&all, "a");
  bool noted = file_folders_next_above(&all, &(file_folder_above){0});
  file_folders_deinit(&all);
  if (user == 0) assert_int_equal(seteuid(user), 0);
  assert_false(noted);
  assert_int_equal(atomic_load(&syncs_of_all), before);
  close(mine);
  assert_int_equal(fchmodat(root, "theirs", 0755, 0), 0);
}

/* A group's first folder is created by the receiver. Its name may be that of one that was noted, and was moved since.
 */
static void a_new_first_folder_is_not_taken_for_an_earlier_one(void **state) {
  (void)state;
  char name[FILE_LEAF_MAX];
  file_folders all;
  file_folders_init(&all, root);
  use_and_release(&all, "top/a");
  expect_above(&all, (const char *const[]){"..", ""}, 2);
  assert_int_equal(renameat(root, "top", root, "moved"), 0);
  assert_int_equal(file_place_new_folder(root, "top", name), 0);
  assert_string_equal(name, "top");
  file_folders_top_is_new(&all, name);
  use_and_release(&all, "top/a");
  expect_above(&all, (const char *const[]){""}, 1);
  use_and_release(&all, "top/b");
  expect_above(&all, NULL, 0);
  file_folders_deinit(&all);
}

/* A folder is opened once for all of its files. */
static void folders_stay_open(void **state) {
  (void)state;
  const char *leaf;
  char path[32];
  file_folders all;
  file_folder_above above;
  file_folders_init(&all, root);
  file_folder *two = file_folder_use(&all, "one/two/a", &leaf);
  assert_ptr_equal(file_folder_use(&all, "one/two/b", &leaf), two);
  assert_ptr_not_equal(file_folder_use(&all, "c", &leaf), two);
  file_folder_release(&all, two);
  file_folder_release(&all, two);
  for (int i = 0; i < 1000; i++) { /* a bounded number of those without users stays open */
    snprintf(path, sizeof path, "many/%d/file", i);
    file_folder *one = file_folder_use(&all, path, &leaf);
    assert_non_null(one);
    file_folder_release(&all, one);
    while (file_folders_next_above(&all, &above)) close(above.fd);
    assert_true(one->fd < 100);
  }
  file_folders_deinit(&all);
}

/* ---- syncing ---- */

static void wait_for_sync(file_sync *s) {
  while (!file_sync_done(s)) wait_for(file_sync_fd(s));
}

static void a_batch_of_any_size_is_synced_and_each_hears_its_error(void **state) {
  (void)state;
  enum { MOST = 40, BAD = 1 };
  static const int sizes[] = {2, 3, MOST, 5};
  int fds[MOST], errors[MOST];
  file_sync *s = file_sync_new(root);
  assert_non_null(s);
  for (size_t k = 0; k < 4; k++) {
    assert_true(file_sync_is_idle(s));
    for (int i = 0; i < sizes[k]; i++) {
      char name[16];
      snprintf(name, sizeof name, "%d", i);
      fds[i] = i == 0 ? root : i == BAD ? open(folder, O_PATH) : openat(root, name, O_RDWR | O_CREAT, 0600);
      if (i > BAD) assert_int_equal(write(fds[i], "12345", 5), 5);
      errors[i] = -1;
      assert_true(file_sync_add(s, fds[i], i == 0, &errors[i]));
    }
    file_sync_start(s);
    assert_false(file_sync_is_idle(s));
    wait_for_sync(s);
    for (int i = 0; i < sizes[k]; i++) {
      assert_int_equal(errors[i], i == BAD ? EBADF : 0); /* a descriptor that cannot be synced */
      if (i) close(fds[i]);
    }
  }
  file_sync_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(pieces_come_in_order_with_the_hash),
      TEST(a_hash_covers_the_whole_file_wherever_reading_started),
      TEST(a_changed_file_is_noticed),
      TEST(a_stream_is_kept_until_it_is_stored),
      TEST(a_silent_pipe_does_not_delay_the_end),
      TEST(a_file_written_in_two_runs_has_the_hash_of_the_whole),
      TEST(pieces_that_gather_are_written_in_order),
      TEST(other_bytes_are_detected),
      TEST(the_hash_is_that_of_the_copy),
      TEST(after_a_full_disk_writing_resumes_without_a_gap),
      TEST(a_part_file_belongs_to_one_program_and_gets_a_free_name),
      TEST(folders_are_created_and_links_not_followed),
      TEST(folders_above_are_told_once),
      TEST(what_is_above_is_synced_where_the_root_may_be_new),
      TEST(a_new_first_folder_is_not_taken_for_an_earlier_one),
      TEST(folders_stay_open),
      TEST(a_batch_of_any_size_is_synced_and_each_hears_its_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
