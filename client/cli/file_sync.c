#include "file_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "file_thread.h"

/* Smaller batches are synced file by file. WORTH_BYTES: syncing one file takes about as long as writing this much. */
enum { WHOLE_LEAST = 4, WORTH_BYTES = 1 << 20 };

typedef struct sync_item {
  int fd;
  bool is_folder;
  bool done; /* by syncfs */
  int *error;
} sync_item;

struct file_sync {
  file_thread thread;
  int root;
  dev_t device;   /* of root */
  bool has_whole; /* the file system of root is one whose syncfs waits for the disk */
  bool busy;
  /* for the thread while it is busy, else for the main thread */
  sync_item *items;
  size_t count, capacity;
};

/* ---- the thread --------------------------------------------------------------------------------------- */

/* Some files, such as pipes, cannot be synced and need not be. */
static int sync_error(int result) {
  return result == 0 || errno == EINVAL || errno == EROFS || errno == EOPNOTSUPP ? 0 : errno;
}

int file_sync_one(int fd, bool is_folder) {
  return sync_error(is_folder ? fsync(fd) : fdatasync(fd));
}

/* Returns how many bytes all programs have left to write, as far as is known. */
static unsigned long long dirty_bytes(void) {
  unsigned long long kib = 0, sum = 0;
  char line[128];
  FILE *in = fopen("/proc/meminfo", "re");
  if (!in) return ~0ull;
  while (fgets(line, sizeof line, in))
    if (sscanf(line, "Dirty: %llu", &kib) == 1 || sscanf(line, "Writeback: %llu", &kib) == 1) sum += kib;
  fclose(in);
  return sum * 1024;
}

/* Returns true when one syncfs is likely to take less time than syncing each. */
static bool is_whole_cheaper(const file_sync *s) {
  return s->has_whole && s->count >= WHOLE_LEAST && dirty_bytes() <= (unsigned long long)s->count * WORTH_BYTES;
}

/* Syncs what is on the file system of the root. Each file is asked for its own error, because older kernels do not
 * report errors of writing from syncfs. */
static void sync_whole(file_sync *s) {
  struct stat st;
  if (syncfs(s->root) != 0) return; /* then each is synced, which shows which one has the error */
  for (size_t i = 0; i < s->count; i++) {
    sync_item *item = &s->items[i];
    if (fstat(item->fd, &st) != 0 || st.st_dev != s->device) continue;
    item->done = true;
    *item->error = sync_error(sync_file_range(item->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE));
  }
}

static void sync_batch(file_sync *s) {
  if (is_whole_cheaper(s)) sync_whole(s);
  /* All start being written before the first is waited for. */
  for (size_t i = 0; i < s->count && s->count > 1; i++)
    if (!s->items[i].done && !s->items[i].is_folder) (void)sync_file_range(s->items[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  for (size_t i = 0; i < s->count; i++)
    if (!s->items[i].done) *s->items[i].error = file_sync_one(s->items[i].fd, s->items[i].is_folder);
}

static void *sync_run(void *context) {
  file_sync *s = context;
  pthread_mutex_lock(&s->thread.mutex);
  for (;;) {
    while (!s->busy && !s->thread.stop) pthread_cond_wait(&s->thread.given, &s->thread.mutex);
    if (!s->busy) break;
    pthread_mutex_unlock(&s->thread.mutex);
    sync_batch(s);
    pthread_mutex_lock(&s->thread.mutex);
    s->busy = false;
    (void)eventfd_write(s->thread.done_fd, 1);
  }
  pthread_mutex_unlock(&s->thread.mutex);
  return NULL;
}

/* ---- the main thread's side --------------------------------------------------------------------------- */

/* Looks up where syncfs waits for the disk. A file system in user space, for example, may not even be told. */
static void look_at_root(file_sync *s) {
  struct stat st;
  struct statfs fs;
  if (fstat(s->root, &st) != 0 || fstatfs(s->root, &fs) != 0) return;
  s->device = st.st_dev;
  s->has_whole = fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC ||
                 fs.f_type == F2FS_SUPER_MAGIC || fs.f_type == TMPFS_MAGIC;
}

file_sync *file_sync_new(int root) {
  file_sync *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->root = root;
  look_at_root(s);
  int error = file_thread_start(&s->thread, sync_run, s);
  if (!error) return s;
  free(s);
  errno = error;
  return NULL;
}

void file_sync_free(file_sync *s) {
  if (!s) return;
  file_thread_end(&s->thread);
  free(s->items);
  free(s);
}

int file_sync_fd(const file_sync *s) {
  return s->thread.done_fd;
}

bool file_sync_is_idle(const file_sync *s) {
  return s->count == 0;
}

bool file_sync_add(file_sync *s, int fd, bool is_folder, int *error) {
  if (s->count == s->capacity) {
    size_t capacity = s->capacity ? 2 * s->capacity : 64;
    sync_item *grown = realloc(s->items, capacity * sizeof *grown);
    if (!grown) return false;
    s->items = grown;
    s->capacity = capacity;
  }
  s->items[s->count++] = (sync_item){.fd = fd, .is_folder = is_folder, .error = error};
  return true;
}

void file_sync_start(file_sync *s) {
  pthread_mutex_lock(&s->thread.mutex);
  s->busy = true;
  pthread_cond_signal(&s->thread.given);
  pthread_mutex_unlock(&s->thread.mutex);
}

bool file_sync_done(file_sync *s) {
  eventfd_t count;
  if (s->count == 0 || eventfd_read(s->thread.done_fd, &count) != 0) return false;
  s->count = 0;
  return true;
}
