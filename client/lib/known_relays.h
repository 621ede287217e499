/* The file that pins relays: which ID each relay showed first. Several programs may use it at the same time. */
#ifndef PL_LIB_KNOWN_RELAYS_H
#define PL_LIB_KNOWN_RELAYS_H

#include "private_file.h"

/* Looks up an origin. Returns 1 and the relay's ID, 0 when none is pinned, or PL_EIO when the file cannot be read or
 * trusted. */
int pl_relays_find(const char *path, const char *origin, uint8_t id[32], char why[PL_WHY_MAX]) PL_MUST_USE;
/* Pins an ID. Returns 0, also when the same ID is pinned already, and PL_ERELAYKEY when another one is. */
int pl_relays_add(const char *path, const char *origin, const uint8_t id[32], char why[PL_WHY_MAX]) PL_MUST_USE;
/* Returns 1 when an ID was forgotten, 0 when none was pinned, or an error. */
int pl_relays_forget(const char *path, const char *origin, char why[PL_WHY_MAX]) PL_MUST_USE;

#endif
