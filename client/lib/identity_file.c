#include "identity_file.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int identity_read_seed(int fd, const struct stat *st, const char *path, uint8_t seed[PL_SEED_BYTES], char *why) {
  if (st->st_mode & 077)
    return pl_why(why, PL_EIDENTITY, "%s has mode %04o, so others could use it; run chmod 600 on it if nobody did",
                  path, st->st_mode & 07777U);
  if (st->st_size != PL_SEED_BYTES)
    return pl_why(why, PL_EIDENTITY, "%s has %lld bytes, but an identity has %d", path, (long long)st->st_size,
                  PL_SEED_BYTES);
  size_t got = 0;
  while (got < PL_SEED_BYTES) {
    ssize_t n = read(fd, seed + got, PL_SEED_BYTES - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return pl_why(why, PL_EIO, "cannot read %s: %s", path, n < 0 ? strerror(errno) : "it became shorter");
    got += (size_t)n;
  }
  return 0;
}

static int identity_read(pl_identity *identity, const char *path, char *why) {
  uint8_t seed[PL_SEED_BYTES];
  struct stat st;
  int fd, error = pl_file_open(path, &fd, &st, why);
  if (error) return error == PL_EIO ? PL_EIDENTITY : error;
  error = identity_read_seed(fd, &st, path, seed, why);
  close(fd);
  if (!error && !pl_seed_is_plausible(seed))
    error = pl_why(why, PL_EIDENTITY,
                   "%s is not an identity: its bytes repeat, so anybody could guess them; restore a backup of it, or "
                   "remove it to get a new identity",
                   path);
  if (!error) error = pl_identity_from_seed(identity, seed);
  sodium_memzero(seed, sizeof seed);
  return error;
}

int pl_identity_load(pl_identity *identity, const char *path, char why[PL_WHY_MAX]) {
  if (sodium_init() < 0) return pl_why(why, PL_ESYSTEM, "libsodium cannot be initialised");
  int error = identity_read(identity, path, why);
  if (error != PL_ESTATE) return error;
  uint8_t seed[PL_SEED_BYTES];
  randombytes_buf(seed, sizeof seed);
  error = pl_file_put(path, seed, sizeof seed, false, why);
  sodium_memzero(seed, sizeof seed);
  /* This program created the file, or another one just did: the file decides. */
  if (error && error != PL_ESTATE) return error;
  error = identity_read(identity, path, why);
  return error == PL_ESTATE ? pl_why(why, PL_EIDENTITY, "%s was removed in the meantime", path) : error;
}
