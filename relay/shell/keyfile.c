#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell.h"

static bool keyfile_refuse(char why[512], const char *path, const char *text) {
  snprintf(why, 512, "%.350s: %.150s", path, text);
  return false;
}

/* A new file name survives a power failure only if its folder is synced too. */
static bool sync_folder_of(const char *path) {
  char folder[PL_PATH_BYTES];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  bool good = fsync(fd) == 0 || errno == EINVAL; /* not every file system can do this */
  close(fd);
  return good;
}

/* Writes a temporary file and renames it, so that a crash cannot leave half a key. */
static bool keyfile_create(const char *path, uint8_t seed[PL_SEED_BYTES], char why[512]) {
  char temporary[PL_PATH_BYTES];
  if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
    return keyfile_refuse(why, path, "the name is too long");
  (void)unlink(temporary); /* left by a start that was killed; the folder is locked */
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return keyfile_refuse(why, temporary, strerror(errno));
  randombytes_buf(seed, PL_SEED_BYTES);
  ssize_t n = write(fd, seed, PL_SEED_BYTES);
  bool good = n == PL_SEED_BYTES && fsync(fd) == 0;
  int error = n >= 0 && n < PL_SEED_BYTES ? ENOSPC : errno;
  close(fd);
  if (good && rename(temporary, path) == 0 && sync_folder_of(path)) return true;
  if (good) error = errno;
  (void)unlink(temporary);
  return keyfile_refuse(why, path, strerror(error));
}

static bool keyfile_read_seed(int fd, uint8_t seed[PL_SEED_BYTES], const char *path, char why[512]) {
  struct stat about;
  if (fstat(fd, &about) != 0) return keyfile_refuse(why, path, strerror(errno));
  if (!S_ISREG(about.st_mode) || about.st_size != PL_SEED_BYTES)
    return keyfile_refuse(why, path, "not a relay key, which has exactly 32 bytes");
  if (about.st_uid != geteuid() && about.st_uid != 0)
    return keyfile_refuse(why, path, "this key belongs to another user; run chown on it");
  if (about.st_mode & 077) return keyfile_refuse(why, path, "others may read or change this key; run chmod 600 on it");
  if (read(fd, seed, PL_SEED_BYTES) != PL_SEED_BYTES) return keyfile_refuse(why, path, "cannot be read");
  if (!pl_seed_is_plausible(seed))
    return keyfile_refuse(
        why, path,
        "not a relay key: its bytes repeat, so anybody could guess them; restore a backup, or remove the file to "
        "get a new identity");
  return true;
}

/* Reads the seed from the file that `path` leads to, or from a new one. */
static bool get_seed(const char *path, uint8_t seed[PL_SEED_BYTES], char why[512]) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) {
    if (lstat(path, &about) != 0) return keyfile_create(path, seed, why);
    return keyfile_refuse(
        why, path,
        "a symbolic link to nothing; restore the key where it leads, or remove the link to get a new identity");
  }
  if (fd < 0) return keyfile_refuse(why, path, strerror(errno));
  bool good = keyfile_read_seed(fd, seed, path, why);
  close(fd);
  return good;
}

const pl_identity *pl_keyfile_load(const char *path, char why[512]) {
  snprintf(why, 512, "out of memory");
  if (sodium_init() < 0) return NULL;
  pl_identity *identity =
      sodium_malloc(sizeof *identity); /* guarded, left out of dumps, and locked where the system allows it */
  if (!identity) return NULL;
  uint8_t seed[PL_SEED_BYTES];
  bool good = get_seed(path, seed, why);
  if (good && (pl_identity_from_seed(identity, seed) != 0 || sodium_mprotect_readonly(identity) != 0))
    good = keyfile_refuse(why, path, "libsodium cannot be initialised");
  sodium_memzero(seed, sizeof seed);
  if (good) return identity;
  sodium_free(identity);
  return NULL;
}

void pl_keyfile_forget(const pl_identity *identity) {
  sodium_free((void *)(uintptr_t)identity);
}
