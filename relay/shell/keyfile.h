/* The relay's key: a file of 32 random bytes (an Ed25519 seed), mode 0600, made when it is missing. It is the relay's
 * identity: back it up, and give the same file to all relays of one deployment. */
#ifndef PL_SHELL_KEYFILE_H
#define PL_SHELL_KEYFILE_H

#include "../../client/core/identity/identity.h"

/* false: the reason is in `why`. */
bool pl_keyfile_load(const char *path, pl_identity *identity, char why[512]);

#endif
