#include "file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../core/wire/wire.h"
#include "file_thread.h"

/* RUN_MAX: pieces that are written together. They are hashed next, so they must fit into a core's cache. */
enum {
  RUN_MAX = 8,
  SPARE_MAX = 24,
  SMALL_BYTES = 4096,
  FLUSH_BYTES = 2 << 20,
  KEPT_BYTES = 16 << 20,
  STEP_BYTES = 8 << 20,
  COPY_BYTES = 256 << 10
};

typedef struct task_list {
  file_task *first, *last;
} task_list;

struct file_writer {
  file_thread thread;
  atomic_bool hurry; /* the program ends: cancel HASH and COPY */
  task_list waiting, done;
  /* for the main thread only */
  task_list out;    /* done tasks that were collected */
  size_t open;      /* given tasks that have not come out */
  file_task *spare; /* each with room for PL_CONST_FILE_PIECE_BYTES */
  size_t spare_count;
};

static void append_task(task_list *list, file_task *task) {
  task->next = NULL;
  if (list->last)
    list->last->next = task;
  else
    list->first = task;
  list->last = task;
}

static file_task *take_first(task_list *list) {
  file_task *task = list->first;
  if (!task) return NULL;
  list->first = task->next;
  if (!list->first) list->last = NULL;
  return task;
}

/* ---- the thread --------------------------------------------------------------------------------------- */

/* Drops what has been on its way to the disk for long from memory. A large file would push out what other programs keep
 * there, and pages that were just freed are faster than new ones. The wait is told of an error of the disk, and
 * fdatasync would not be told again. Where the file system cannot wait, nothing is dropped. Returns 0 or EIO. */
static int drop_written(file_target *t) {
  const unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (t->flushed_to < t->dropped_to + KEPT_BYTES + FLUSH_BYTES) return 0;
  off_t from = (off_t)t->dropped_to, size = (off_t)(t->flushed_to - KEPT_BYTES - t->dropped_to);
  if (sync_file_range(t->fd, from, size, wait) != 0)
    return errno == ENOSYS || errno == EINVAL || errno == ESPIPE || errno == EOPNOTSUPP ? 0 : EIO;
  (void)posix_fadvise(t->fd, from, size, POSIX_FADV_DONTNEED);
  t->dropped_to += (uint64_t)size;
  return 0;
}

/* Makes the disk start writing early, so that little is left when the whole file is synced. Where the file system
 * cannot do that, the final sync does it all. Returns 0 or EIO. */
static int flush_early(file_target *t) {
  if (t->stored_to < t->flushed_to + FLUSH_BYTES) return 0;
  (void)sync_file_range(t->fd, (off_t)t->flushed_to, (off_t)(t->stored_to - t->flushed_to), SYNC_FILE_RANGE_WRITE);
  t->flushed_to = t->stored_to;
  return drop_written(t);
}

/* Hashes the first `size` bytes of the pieces, which were just written, and removes them. Returns the first piece that
 * is left, or NULL when memory ran out. */
static struct iovec *hash_written(file_target *t, struct iovec *piece, size_t size) {
  while (size) {
    size_t n = size < piece->iov_len ? size : piece->iov_len;
    if (EVP_DigestUpdate(t->hash, piece->iov_base, n) != 1) return NULL;
    t->stored_to += n;
    size -= n;
    piece->iov_base = (uint8_t *)piece->iov_base + n;
    piece->iov_len -= n;
    if (piece->iov_len == 0) piece++;
  }
  return piece;
}

/* Returns 0 or an errno. t->stored_to tells how much was written. */
static int write_pieces(file_target *t, struct iovec *piece, const struct iovec *end) {
  while (piece < end) {
    if (piece->iov_len == 0) {
      piece++;
      continue;
    }
    ssize_t n = pwritev(t->fd, piece, (int)(end - piece), (off_t)t->stored_to);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    piece = hash_written(t, piece, (size_t)n);
    if (!piece) return ENOMEM;
  }
  return 0;
}

/* Writes pieces of one file together: a file system handles 500 KB at once for little more than half of what they cost
 * one by one. */
static void write_run(file_target *t, file_task *const *run, size_t count) {
  struct iovec pieces[RUN_MAX];
  uint64_t end = t->stored_to;
  for (size_t i = 0; i < count; i++) pieces[i] = (struct iovec){run[i]->bytes, run[i]->size};
  int error = t->failed ? ECANCELED : write_pieces(t, pieces, pieces + count);
  for (size_t i = 0; i < count; i++) {
    end += run[i]->size;
    bool is_complete = end <= t->stored_to && !t->failed;
    run[i]->error = is_complete ? 0 : t->failed ? ECANCELED : error;
    run[i]->stored_to = is_complete ? end : t->stored_to;
    t->failed = !is_complete;
  }
  if (t->failed) return;
  run[count - 1]->error = flush_early(t);
  t->failed = run[count - 1]->error != 0;
}

/* Allocates the space instead of only looking for it, so that quotas count, too. */
static int look_for_room(file_target *t, size_t size) {
  struct rlimit most;
  if (getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur < t->stored_to + size) return EFBIG;
  t->has_spare = true;
  if (fallocate(t->fd, FALLOC_FL_KEEP_SIZE, (off_t)t->stored_to, (off_t)(size ? size : 1)) == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  return 0; /* cannot tell: the next write will show */
}

static int finish_target(const file_target *t, const file_task *task) {
  uint8_t sum[FILE_HASH_BYTES];
  if (t->stored_to != task->offset) return EIO;
  EVP_MD_CTX *copy = EVP_MD_CTX_new(); /* keeps t->hash usable, because FINISH may be tried again */
  bool good = copy && EVP_MD_CTX_copy_ex(copy, t->hash) == 1 && file_hash_end(copy, sum);
  EVP_MD_CTX_free(copy);
  if (!good) return ENOMEM;
  if (memcmp(sum, task->sha256, sizeof sum) != 0) return EBADMSG;
  return t->has_spare && ftruncate(t->fd, (off_t)task->offset) != 0 ? errno : 0;
}

static int hash_stored(const file_writer *w, file_target *t, uint64_t to) {
  uint64_t from = 0;
  int error = 0;
  while (!error && from < to) {
    uint64_t next = to - from < STEP_BYTES ? to : from + STEP_BYTES;
    error = w->hurry ? ECANCELED : file_hash_range(t->hash, t->fd, from, next);
    from = next;
  }
  if (!error) t->stored_to = t->flushed_to = t->dropped_to = to;
  return error;
}

/* Copies some bytes, in the kernel where possible. Returns how many, or -1 with errno. */
static ssize_t copy_some(int from, int to, uint64_t at, size_t size) {
  static uint8_t bytes[COPY_BYTES]; /* only the writer thread uses it */
  off_t in = (off_t)at, out = (off_t)at;
  ssize_t n = copy_file_range(from, &in, to, &out, size, 0);
  if (n >= 0 || (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)) return n;
  n = pread(from, bytes, size < sizeof bytes ? size : sizeof bytes, (off_t)at);
  return n > 0 ? pwrite(to, bytes, (size_t)n, (off_t)at) : n;
}

/* Copies the source behind the bytes that an earlier try left in the part file, then hashes the whole part file. */
static int copy_source(const file_writer *w, file_target *t, uint64_t size) {
  uint64_t at = t->stored_to;
  if (at == 0 && ioctl(t->fd, FICLONE, t->source) == 0) at = size;
  while (at < size && !w->hurry) {
    ssize_t n = copy_some(t->source, t->fd, at, size - at < STEP_BYTES ? (size_t)(size - at) : STEP_BYTES);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    at += (uint64_t)n;
  }
  return hash_stored(w, t, size);
}

/* Everything but WRITE. */
static void do_task(const file_writer *w, file_task *task) {
  file_target *t = task->target;
  task->error = 0;
  if (task->kind == FILE_TASK_TAKE) return;
  if (task->kind == FILE_TASK_RETRY) {
    task->error = look_for_room(t, task->size);
    if (!task->error) t->failed = false;
  } else if (t->failed) {
    task->error = ECANCELED;
  } else {
    task->error = task->kind == FILE_TASK_HASH   ? hash_stored(w, t, task->offset)
                  : task->kind == FILE_TASK_COPY ? copy_source(w, t, task->offset)
                                                 : finish_target(t, task);
    t->failed = task->error != 0;
  }
  task->stored_to = t->stored_to;
}

/* Takes the next task, or the next pieces when they are of one file. Returns how many. */
static size_t take_run(file_writer *w, file_task **run) {
  size_t count = 0;
  for (const file_task *next; (next = w->waiting.first) && count < RUN_MAX; count++) {
    if (count && (next->kind != FILE_TASK_WRITE || run[0]->kind != FILE_TASK_WRITE || next->target != run[0]->target))
      break;
    run[count] = take_first(&w->waiting);
  }
  return count;
}

static void *writer_run(void *context) {
  file_writer *w = context;
  file_task *run[RUN_MAX];
  pthread_mutex_lock(&w->thread.mutex);
  for (;;) {
    while (!w->waiting.first && !w->thread.stop) pthread_cond_wait(&w->thread.given, &w->thread.mutex);
    size_t count = take_run(w, run);
    if (count == 0) break;
    pthread_mutex_unlock(&w->thread.mutex);
    if (run[0]->kind == FILE_TASK_WRITE)
      write_run(run[0]->target, run, count);
    else
      do_task(w, run[0]);
    pthread_mutex_lock(&w->thread.mutex);
    if (!w->done.first) (void)eventfd_write(w->thread.done_fd, 1);
    for (size_t i = 0; i < count; i++) append_task(&w->done, run[i]);
  }
  pthread_mutex_unlock(&w->thread.mutex);
  return NULL;
}

/* ---- the main thread's side --------------------------------------------------------------------------- */

file_writer *file_writer_new(void) {
  file_writer *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  int error = file_thread_start(&w->thread, writer_run, w);
  if (!error) return w;
  free(w);
  errno = error;
  return NULL;
}

void file_writer_free(file_writer *w) {
  if (!w) return;
  w->hurry = true;
  file_thread_end(&w->thread);
  for (file_task *task; (task = take_first(&w->out)) || (task = take_first(&w->done));) free(task);
  while (w->spare) {
    file_task *task = w->spare;
    w->spare = task->next;
    free(task);
  }
  free(w);
}

int file_writer_fd(const file_writer *w) {
  return w->thread.done_fd;
}

file_task *file_writer_task(file_writer *w, file_task_kind kind, file_target *target, size_t size) {
  bool is_piece = size > SMALL_BYTES;
  file_task *task = is_piece && size <= PL_CONST_FILE_PIECE_BYTES ? w->spare : NULL;
  if (task) {
    w->spare = task->next;
    w->spare_count--;
  } else {
    /* All pieces have the same room, so that each can be used again; but a peer may send many small ones. */
    task = malloc(sizeof *task + (is_piece ? PL_CONST_FILE_PIECE_BYTES : size));
  }
  if (!task) return NULL;
  memset(task, 0, sizeof *task);
  task->kind = kind;
  task->target = target;
  task->size = size;
  return task;
}

void file_writer_give(file_writer *w, file_task *task) {
  if (task->target) task->target->pending++;
  w->open++;
  pthread_mutex_lock(&w->thread.mutex);
  append_task(&w->waiting, task);
  pthread_cond_signal(&w->thread.given);
  pthread_mutex_unlock(&w->thread.mutex);
}

/* Moves `done` to `out`. The descriptor is readable exactly while `done` holds something. */
static void collect_done(file_writer *w) {
  eventfd_t count;
  pthread_mutex_lock(&w->thread.mutex);
  if (w->done.first) (void)eventfd_read(w->thread.done_fd, &count);
  w->out = w->done;
  w->done = (task_list){NULL, NULL};
  pthread_mutex_unlock(&w->thread.mutex);
}

file_task *file_writer_done(file_writer *w) {
  if (!w->out.first) collect_done(w);
  file_task *task = take_first(&w->out);
  if (!task) return NULL;
  if (task->target) task->target->pending--;
  w->open--;
  return task;
}

void file_writer_return(file_writer *w, file_task *task) {
  bool is_piece = task->size > SMALL_BYTES;
  if (is_piece && w->spare_count < SPARE_MAX) {
    task->next = w->spare;
    w->spare = task;
    w->spare_count++;
  } else {
    free(task);
  }
}

bool file_writer_is_idle(const file_writer *w) {
  return w->open == 0;
}
