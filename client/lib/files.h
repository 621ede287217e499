/* The two files of a client: its identity, and which ID each relay showed. Paths by XDG, private modes, whole or not
 * at all after a crash, safe with several programs at once. `why` (may be NULL) gets one line on what is wrong. */
#ifndef PL_LIB_FILES_H
#define PL_LIB_FILES_H

#include "../core/identity/identity.h"

enum { PL_WHY_MAX = 512 };

/* given, or $env/pairlink/name, or $HOME/fallback/pairlink/name: a new string for free(); NULL with `why` filled, or
 * without memory. */
char *pl_path_of(const char *given, const char *env, const char *fallback, const char *name, char *why);
/* Says why pl_path_of gave no path, when called right after it: PL_ENOMEM, or `otherwise`. */
int pl_path_error(int otherwise);

/* Reads the identity: a seed of 32 bytes in a regular file of the user's own, mode 0600 or stricter. A missing file is
 * made, with its folder (0700), from random bytes. 0, PL_EIDENTITY, PL_EIO, PL_ESYSTEM. */
int pl_identity_load(pl_identity *identity, const char *path, char why[PL_WHY_MAX]) PL_MUST_USE;

/* Looks an origin up: 1 and its relay ID, 0 when there is none, PL_EIO when the file cannot be trusted or read. */
int pl_relays_find(const char *path, const char *origin, uint8_t id[32], char why[PL_WHY_MAX]) PL_MUST_USE;
/* Pins an ID. 0 also when the same is pinned already; PL_ERELAYKEY when another is. */
int pl_relays_add(const char *path, const char *origin, const uint8_t id[32], char why[PL_WHY_MAX]) PL_MUST_USE;
/* 1: forgotten, 0: there was none, PL_EIO. */
int pl_relays_forget(const char *path, const char *origin, char why[PL_WHY_MAX]) PL_MUST_USE;

#endif
