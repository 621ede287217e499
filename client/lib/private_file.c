#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int pl_why(char *why, int error, const char *format, ...) {
  if (why) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, PL_WHY_MAX, format, args);
    va_end(args);
  }
  return error;
}

char *pl_path_of(const char *given, const char *env, const char *fallback, const char *name, char *why) {
  char *out = NULL;
  int n;
  if (given) {
    if (!*given) {
      (void)pl_why(why, 0, "the file's name is empty");
      errno = EINVAL;
      return NULL;
    }
    return strdup(given); /* sets errno */
  }
  const char *base = getenv(env), *home = getenv("HOME");
  if (base && *base == '/') /* the XDG specification says to ignore a relative path */
    n = asprintf(&out, "%s/pairlink/%s", base, name);
  else if (home && *home)
    n = asprintf(&out, "%s/%s/pairlink/%s", home, fallback, name);
  else
    return (void)pl_why(why, 0, "neither %s nor HOME is set; name a file", env), errno = ENOENT, NULL;
  if (n >= 0) return out;
  errno = ENOMEM;
  return NULL;
}

int pl_path_error(int otherwise) {
  return errno == ENOMEM ? PL_ENOMEM : otherwise;
}

int pl_folders_for(const char *path, char *why) {
  char *copy = strdup(path);
  int error = copy ? 0 : PL_ENOMEM;
  for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash && !error; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(copy, 0700) != 0 && errno != EEXIST)
      error = pl_why(why, PL_EIO, "cannot create the folder %s: %s", copy, strerror(errno));
    *slash = '/';
  }
  free(copy);
  return error;
}

static void sync_folder_of_file(const char *path) {
  char *copy = strdup(path);
  char *slash = copy ? strrchr(copy, '/') : NULL;
  if (copy) {
    if (slash) slash[slash == copy] = '\0';
    int fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
      (void)fsync(fd); /* not every file system can do this; the file itself is synced */
      close(fd);
    }
  }
  free(copy);
}

int pl_file_write_all(int fd, const void *data, size_t size) {
  const char *at = data;
  while (size) {
    ssize_t n = write(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return PL_EIO;
    at += n;
    size -= (size_t)n;
  }
  return 0;
}

/* Gives a new file its name. Without `replace`, fails with EEXIST when the name is taken. */
static int file_rename(const char *from, const char *to, bool replace) {
  if (replace) return rename(from, to);
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (link(from, to) != 0) return -1; /* a file system without RENAME_NOREPLACE */
  (void)unlink(from);
  return 0;
}

int pl_file_put(const char *path, const void *data, size_t size, bool replace, char *why) {
  char *temporary = NULL;
  int error = pl_folders_for(path, why), fd = -1;
  if (error) return error;
  if (asprintf(&temporary, "%s.XXXXXX", path) < 0) return PL_ENOMEM;
  fd = mkostemp(temporary, O_CLOEXEC); /* O_EXCL and mode 0600 */
  if (fd < 0) {
    error = pl_why(why, PL_EIO, "cannot write a file next to %s: %s", path, strerror(errno));
    free(temporary);
    return error;
  }
  if (pl_file_write_all(fd, data, size) != 0 || fsync(fd) != 0)
    error = pl_why(why, PL_EIO, "cannot write %s: %s", temporary, strerror(errno));
  close(fd);
  if (!error && file_rename(temporary, path, replace) != 0) {
    error = errno == EEXIST && !replace ? PL_ESTATE : PL_EIO;
    (void)pl_why(why, error, "cannot write %s: %s", path, strerror(errno));
  }
  if (error)
    (void)unlink(temporary);
  else
    sync_folder_of_file(path);
  free(temporary);
  return error;
}

int pl_file_open(const char *path, int *out, struct stat *st, char *why) {
  *out = -1;
  memset(st, 0, sizeof *st);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    /* A dangling symbolic link is not a missing file: its target is elsewhere and must not be replaced by a new file.
     */
    if (errno == ENOENT && lstat(path, st) == 0)
      return pl_why(why, PL_EIO, "%s is a symbolic link to nothing; restore the file, or remove the link", path);
    if (errno == ENOENT) return PL_ESTATE;
    return pl_why(why, PL_EIO, "cannot open %s: %s", path, strerror(errno));
  }
  int error = 0;
  if (fstat(fd, st) != 0)
    error = pl_why(why, PL_EIO, "cannot read %s: %s", path, strerror(errno));
  else if (!S_ISREG(st->st_mode))
    error = pl_why(why, PL_EIO, "%s is not a regular file", path);
  else if (st->st_uid != geteuid())
    error = pl_why(why, PL_EIO, "%s belongs to another user", path);
  if (error) {
    close(fd);
    return error;
  }
  *out = fd;
  return 0;
}

static int read_opened(int fd, const char *path, const struct stat *st, uint8_t **out, size_t *size, char *why) {
  *out = malloc((size_t)st->st_size + 1);
  if (!*out) return PL_ENOMEM;
  while (*size < (size_t)st->st_size) {
    ssize_t n = read(fd, *out + *size, (size_t)st->st_size - *size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return pl_why(why, PL_EIO, "cannot read %s: %s", path, strerror(errno));
    if (n == 0) break;
    *size += (size_t)n;
  }
  (*out)[*size] = '\0';
  return 0;
}

int pl_file_read(const char *path, unsigned forbidden, size_t max, uint8_t **out, size_t *size, char *why) {
  struct stat st;
  *out = NULL;
  *size = 0;
  int fd, error = pl_file_open(path, &fd, &st, why);
  if (error) return error;
  if (st.st_mode & forbidden)
    error = pl_why(why, PL_EIO, "%s has mode %04o, so others could %s it; run chmod 600 on it", path,
                   st.st_mode & 07777U, forbidden & 044 ? "read or change" : "change");
  else if ((uint64_t)st.st_size > max)
    error = pl_why(why, PL_EIO, "%s is too large", path);
  else
    error = read_opened(fd, path, &st, out, size, why);
  close(fd);
  if (!error) return 0;
  free(*out);
  *out = NULL;
  *size = 0;
  return error;
}

int pl_file_lock(const char *path, bool wait, int *out, char *why) {
  char *name = NULL;
  *out = -1;
  if (asprintf(&name, "%s.lock", path) < 0) return PL_ENOMEM;
  int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  int error = fd < 0 ? pl_why(why, PL_EIO, "cannot open %s: %s", name, strerror(errno)) : 0;
  while (!error && flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    error = errno == EWOULDBLOCK ? PL_ESTATE : pl_why(why, PL_EIO, "cannot lock %s: %s", name, strerror(errno));
  }
  free(name);
  if (error && fd >= 0) close(fd);
  if (!error) *out = fd;
  return error;
}
