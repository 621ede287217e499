/* The relay's key: a file of 32 random bytes (an Ed25519 seed), mode 0600, made when it is missing. It is the relay's
 * identity: back it up, and give the same file to all relays of one deployment. */
#ifndef PL_SHELL_KEYFILE_H
#define PL_SHELL_KEYFILE_H

#include "../../client/core/identity/identity.h"

/* The path may be a symbolic link to the file. A link to nothing is an error: what it named is another identity than a
 * new one. NULL: the reason is in `why`. The one copy of the secret lies in locked memory that is in no core dump. */
const pl_identity *pl_keyfile_load(const char *path, char why[512]);
void pl_keyfile_forget(const pl_identity *identity); /* wipes */

#endif
