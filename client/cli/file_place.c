#include "file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/transfer/transfer.h"

enum { NUMBERS_MAX = 9999 };

/* Opens a folder in a folder, and creates it if missing. Never follows a link. */
static int step_into(int folder, const char *name, bool *created) {
  *created = mkdirat(folder, name, 0777) == 0;
  if (!*created && errno != EEXIST) return -1;
  return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int file_place_folder(int root, const char *path, size_t known, int (*found)(void *context, int take_fd),
                      void *context) {
  char part[FILE_LEAF_MAX];
  const char *end = path + known;
  int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
  for (size_t n; at >= 0 && *path; path += n + (path[n] == '/')) {
    bool created;
    n = strcspn(path, "/");
    snprintf(part, sizeof part, "%.*s", (int)n, path);
    int next = step_into(at, part, &created), error = next < 0 ? errno : 0;
    if (!error && (created || path + n > end))
      error = found(context, at);
    else
      close(at);
    if (error && next >= 0) close(next);
    at = error ? -1 : next;
    errno = error;
  }
  return at;
}

/* Writes the n-th of "name", "name (2)", "name (3)" … */
static bool nth_name(const char *name, unsigned n, char out[FILE_LEAF_MAX]) {
  if (n > 1) return pl_transfer_numbered_name(name, n, out, FILE_LEAF_MAX);
  return snprintf(out, FILE_LEAF_MAX, "%s", name) < FILE_LEAF_MAX;
}

int file_place_new_folder(int root, const char *name, char out[FILE_LEAF_MAX]) {
  for (unsigned n = 1; n <= NUMBERS_MAX && nth_name(name, n, out); n++) {
    if (mkdirat(root, out, 0777) == 0) return 0;
    if (errno != EEXIST) return errno;
  }
  return EEXIST;
}

int file_place_empty(int folder, const char *name) {
  bool created;
  int made = step_into(folder, name, &created);
  if (made < 0) return errno;
  close(made);
  return 0;
}

void file_place_part_name(const char *leaf, const uint8_t id[16], char out[FILE_LEAF_MAX]) {
  snprintf(out, FILE_LEAF_MAX, ".%s.%02x%02x%02x%02x.part", leaf, id[0], id[1], id[2], id[3]);
}

/* Checks an existing part file, and frees the space behind its end that an earlier run allocated. */
static int take_over_part(int fd, uint64_t *size) {
  struct stat st;
  if (fstat(fd, &st) != 0) return errno;
  if (!S_ISREG(st.st_mode) || st.st_nlink != 1) return EEXIST;
  *size = (uint64_t)st.st_size;
  return ftruncate(fd, st.st_size) == 0 ? 0 : errno;
}

int file_place_part(int folder, const char *part, uint64_t *size) {
  static const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int fd = openat(folder, part, flags | O_EXCL, 0666), error = 0;
  bool is_new = fd >= 0;
  if (!is_new && errno == EEXIST) fd = openat(folder, part, flags, 0666);
  if (fd < 0) return -1;
  *size = 0;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    error = errno == EWOULDBLOCK ? EBUSY : errno;
  else if (!is_new)
    error = take_over_part(fd, size);
  if (!error) return fd;
  close(fd);
  errno = error;
  return -1;
}

/* Renames without replacing. On a file system without RENAME_NOREPLACE, linking the new name and then removing the old
 * one does the same. */
int file_place_finish(int folder, const char *part, const char *name) {
  if (renameat2(folder, part, folder, name, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (linkat(folder, part, folder, name, 0) != 0) return errno;
  return unlinkat(folder, part, 0) == 0 ? 0 : errno;
}

int file_place_free_name(int folder, const char *leaf, char name[FILE_LEAF_MAX]) {
  struct stat st;
  for (unsigned n = 2; n <= NUMBERS_MAX && nth_name(leaf, n, name); n++)
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? 0 : errno;
  return EEXIST;
}
