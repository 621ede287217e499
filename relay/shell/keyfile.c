#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool explain(char why[512], const char *path, const char *text) {
  snprintf(why, 512, "%.400s: %.100s", path, text);
  return false;
}

/* Written beside and renamed, so that a crash leaves no half a key. */
static bool make(const char *path, char why[512]) {
  char temporary[4096];
  uint8_t seed[PL_SEED_BYTES];
  if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
    return explain(why, path, "the name is too long");
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return explain(why, temporary, strerror(errno));
  randombytes_buf(seed, sizeof seed);
  bool good = write(fd, seed, sizeof seed) == (ssize_t)sizeof seed && fsync(fd) == 0;
  good &= close(fd) == 0;
  sodium_memzero(seed, sizeof seed);
  if (good && rename(temporary, path) == 0) return true;
  return explain(why, path, strerror(errno));
}

static bool read_seed(int fd, uint8_t seed[PL_SEED_BYTES], const char *path, char why[512]) {
  struct stat about;
  if (fstat(fd, &about) != 0) return explain(why, path, strerror(errno));
  if (!S_ISREG(about.st_mode) || about.st_size != PL_SEED_BYTES)
    return explain(why, path, "not a relay key: that is a file of exactly 32 bytes");
  if (about.st_mode & 077) return explain(why, path, "others may read this key: run chmod 600 on it");
  if (read(fd, seed, PL_SEED_BYTES) != PL_SEED_BYTES) return explain(why, path, "cannot be read");
  return true;
}

bool pl_keyfile_load(const char *path, pl_identity *identity, char why[512]) {
  uint8_t seed[PL_SEED_BYTES];
  if (access(path, F_OK) != 0 && errno == ENOENT && !make(path, why)) return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return explain(why, path, strerror(errno));
  bool good = read_seed(fd, seed, path, why);
  close(fd);
  if (good && pl_identity_from_seed(identity, seed) != 0) good = explain(why, path, "libsodium does not start");
  sodium_memzero(seed, sizeof seed);
  return good;
}
