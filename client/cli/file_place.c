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
static int step_into(int folder, const char *name) {
  if (mkdirat(folder, name, 0777) != 0 && errno != EEXIST) return -1;
  return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int file_place_folder(int root, const char *path, const char **leaf) {
  char part[FILE_LEAF_MAX];
  int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
  const char *slash;
  while (at >= 0 && (slash = strchr(path, '/'))) {
    snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
    int next = step_into(at, part);
    int error = errno;
    close(at);
    errno = error;
    at = next;
    path = slash + 1;
  }
  *leaf = path;
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

int file_place_empty(int root, const char *path) {
  const char *leaf;
  int folder = file_place_folder(root, path, &leaf);
  int made = folder >= 0 ? step_into(folder, leaf) : -1, error = made < 0 ? errno : 0;
  if (made >= 0) close(made);
  if (folder >= 0) close(folder);
  return error;
}

void file_place_part_name(const char *leaf, const uint8_t id[16], char out[FILE_LEAF_MAX]) {
  snprintf(out, FILE_LEAF_MAX, ".%s.%02x%02x%02x%02x.part", leaf, id[0], id[1], id[2], id[3]);
}

int file_place_part(int folder, const char *part, uint64_t *size) {
  struct stat st = {0};
  int fd = openat(folder, part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
  if (fd < 0) return -1;
  int error = 0;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    error = errno == EWOULDBLOCK ? EBUSY : errno;
  else if (fstat(fd, &st) != 0)
    error = errno;
  else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
    error = EEXIST;
  if (!error) {
    *size = (uint64_t)st.st_size;
    return fd;
  }
  close(fd);
  errno = error;
  return -1;
}

/* Renames without replacing. On a file system without RENAME_NOREPLACE, linking the new name and then removing the old
 * one does the same. */
static int rename_to_free(int folder, const char *from, const char *to) {
  if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (linkat(folder, from, folder, to, 0) != 0) return errno;
  return unlinkat(folder, from, 0) == 0 ? 0 : errno;
}

int file_place_finish(int folder, const char *part, const char *leaf, char name[FILE_LEAF_MAX]) {
  for (unsigned n = 1; n <= NUMBERS_MAX && nth_name(leaf, n, name); n++) {
    int error = rename_to_free(folder, part, name);
    if (error != EEXIST) return error;
  }
  return EEXIST;
}
