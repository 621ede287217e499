/* Two short lists that file transfers remember from run to run, in $XDG_STATE_HOME/pairlink, mode 0600: `sends`, which
 * paths were being sent to whom; and `receiving/claimed`, which code led to whom. Each change takes a lock and replaces
 * the whole file. Neither paths nor codes are stored, only their hashes. */
#ifndef PL_CLI_FILE_STATE_H
#define PL_CLI_FILE_STATE_H

#include <pairlink.h>
#include <stdbool.h>
#include <stddef.h>

#include "../lib/private_file.h"

/* Finds whom these paths, each with its NUL, are being sent to. Returns false when there is no such transfer. */
bool sends_find(const char *own_id, const char *paths, size_t size, char peer_id[PAIRLINK_ID_CHARS + 1]);
/* Returns 0, or an error with one line on what is wrong in `why`. */
int sends_add(const char *own_id, const char *paths, size_t size, const char *peer_id, char why[PL_WHY_MAX]);
void sends_remove(const char *own_id, const char *paths, size_t size);

/* Finds whom a code led to when it was used. Returns false when it was not. */
bool claimed_find(const char *own_id, const char *code, char peer_id[PAIRLINK_ID_CHARS + 1]);
void claimed_add(const char *own_id, const char *code, const char *peer_id);

#endif
