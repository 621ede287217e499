#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool explain(char why[512], const char *path, const char *text) {
  snprintf(why, 512, "%.350s: %.150s", path, text);
  return false;
}

/* A power failure loses a new name unless its folder is written too. */
static bool sync_folder_of(const char *path) {
  char folder[4096];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  bool good = fsync(fd) == 0 || errno == EINVAL; /* not every file system can */
  close(fd);
  return good;
}

/* Written beside and renamed, so that a crash leaves no half a key. */
static bool make(const char *path, uint8_t seed[PL_SEED_BYTES], char why[512]) {
  char temporary[4096];
  if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
    return explain(why, path, "the name is too long");
  (void)unlink(temporary); /* of a start that was killed; the folder is locked */
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return explain(why, temporary, strerror(errno));
  randombytes_buf(seed, PL_SEED_BYTES);
  ssize_t n = write(fd, seed, PL_SEED_BYTES);
  bool good = n == PL_SEED_BYTES && fsync(fd) == 0;
  int error = n >= 0 && n < PL_SEED_BYTES ? ENOSPC : errno;
  close(fd);
  if (good && rename(temporary, path) == 0 && sync_folder_of(path)) return true;
  if (good) error = errno;
  (void)unlink(temporary);
  return explain(why, path, strerror(error));
}

static bool read_seed(int fd, uint8_t seed[PL_SEED_BYTES], const char *path, char why[512]) {
  struct stat about;
  if (fstat(fd, &about) != 0) return explain(why, path, strerror(errno));
  if (!S_ISREG(about.st_mode) || about.st_size != PL_SEED_BYTES)
    return explain(why, path, "not a relay key: that is a file of exactly 32 bytes");
  if (about.st_uid != geteuid() && about.st_uid != 0)
    return explain(why, path, "this key belongs to another user: run chown on it");
  if (about.st_mode & 077) return explain(why, path, "others may read or change this key: run chmod 600 on it");
  if (read(fd, seed, PL_SEED_BYTES) != PL_SEED_BYTES) return explain(why, path, "cannot be read");
  if (!pl_seed_is_plausible(seed))
    return explain(why, path,
                   "not a relay key: its bytes repeat themselves, so anybody could guess them; restore a "
                   "copy of it, or remove the file and a new identity is made");
  return true;
}

/* The seed is in the file that `path` leads to, or in a new one. */
static bool get_seed(const char *path, uint8_t seed[PL_SEED_BYTES], char why[512]) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) {
    if (lstat(path, &about) != 0) return make(path, seed, why);
    return explain(why, path,
                   "a symbolic link to nothing: bring the key back to where it leads, or remove the link "
                   "and a new identity is made");
  }
  if (fd < 0) return explain(why, path, strerror(errno));
  bool good = read_seed(fd, seed, path, why);
  close(fd);
  return good;
}

const pl_identity *pl_keyfile_load(const char *path, char why[512]) {
  snprintf(why, 512, "out of memory");
  if (sodium_init() < 0) return NULL;
  pl_identity *identity = sodium_malloc(sizeof *identity); /* guarded, locked where the system lets it, not dumped */
  if (!identity) return NULL;
  uint8_t seed[PL_SEED_BYTES];
  bool good = get_seed(path, seed, why);
  if (good && (pl_identity_from_seed(identity, seed) != 0 || sodium_mprotect_readonly(identity) != 0))
    good = explain(why, path, "libsodium does not start");
  sodium_memzero(seed, sizeof seed);
  if (good) return identity;
  sodium_free(identity);
  return NULL;
}

void pl_keyfile_forget(const pl_identity *identity) {
  sodium_free((void *)(uintptr_t)identity);
}
