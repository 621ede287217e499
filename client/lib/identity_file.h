/* The file with a client's identity. */
#ifndef PL_LIB_IDENTITY_FILE_H
#define PL_LIB_IDENTITY_FILE_H

#include "../core/identity/identity.h"
#include "private_file.h"

/* Reads the identity: a seed of 32 bytes in a regular file that belongs to this user, mode 0600 or stricter. If the
 * file is missing, creates it from random bytes, and its folder with mode 0700. Returns 0, PL_EIDENTITY, PL_EIO,
 * PL_ESYSTEM or PL_ENOMEM. */
int pl_identity_load(pl_identity *identity, const char *path, char why[PL_WHY_MAX]) PL_MUST_USE;

#endif
