#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private_file.h"

static int read_seed(int fd, const struct stat *st, const char *path, uint8_t seed[PL_SEED_BYTES], char *why) {
  if (st->st_mode & 077)
    return pl_why(why, PL_EIDENTITY, "%s has mode %04o, so others could use it; chmod 600 it if nobody did", path,
                  st->st_mode & 07777U);
  if (st->st_size != PL_SEED_BYTES)
    return pl_why(why, PL_EIDENTITY, "%s has %lld bytes, an identity has %d", path, (long long)st->st_size,
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

static int load(pl_identity *identity, const char *path, char *why) {
  uint8_t seed[PL_SEED_BYTES];
  struct stat st;
  int fd, error = pl_file_open(path, &fd, &st, why);
  if (error) return error == PL_EIO ? PL_EIDENTITY : error;
  error = read_seed(fd, &st, path, seed, why);
  close(fd);
  if (!error && !pl_seed_is_plausible(seed))
    error = pl_why(why, PL_EIDENTITY,
                   "%s is no identity: its bytes repeat themselves, so anybody could guess them; restore a copy of it, "
                   "or remove it and a new one is made",
                   path);
  if (!error) error = pl_identity_from_seed(identity, seed);
  sodium_memzero(seed, sizeof seed);
  return error;
}

int pl_identity_load(pl_identity *identity, const char *path, char why[PL_WHY_MAX]) {
  if (sodium_init() < 0) return pl_why(why, PL_ESYSTEM, "libsodium cannot start");
  int error = load(identity, path, why);
  if (error != PL_ESTATE) return error;
  uint8_t seed[PL_SEED_BYTES];
  randombytes_buf(seed, sizeof seed);
  error = pl_file_put(path, seed, sizeof seed, false, why);
  sodium_memzero(seed, sizeof seed);
  /* Made here, or by another program in this moment: what counts is the file. */
  if (error && error != PL_ESTATE) return error;
  error = load(identity, path, why);
  return error == PL_ESTATE ? pl_why(why, PL_EIDENTITY, "%s was removed meanwhile", path) : error;
}
