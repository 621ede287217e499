/* The relay's key: a file of 32 random bytes (an Ed25519 seed), mode 0600, which is created when it is missing. It is
 * the relay's identity, so it must be backed up, and all relays of one deployment must have the same file. */
#ifndef PL_SHELL_KEYFILE_H
#define PL_SHELL_KEYFILE_H

#include "../../client/core/identity/identity.h"

/* The path may be a symbolic link to the file. A dangling link is an error, because a new key would be another identity
 * than the one it named. Returns NULL when the key cannot be used; `why` says the reason. The only copy of the secret
 * lies in locked memory that is left out of core dumps. */
const pl_identity *pl_keyfile_load(const char *path, char why[512]);
/* Wipes and frees the key. */
void pl_keyfile_forget(const pl_identity *identity);

#endif
