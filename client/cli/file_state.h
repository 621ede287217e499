/* What file transfers remember from run to run, in $XDG_STATE_HOME/pairlink: `sends`, to whom something was being sent;
 * `receiving/units`, what is wanted from whom and where it goes; `receiving/saved`, what is complete; and
 * `receiving/claimed`, whom a code led to. Mode 0600, replaced as a whole or appended to, under a lock.
 *
 * How far a file has come is nowhere but in its part file. */
#ifndef PL_CLI_FILE_STATE_H
#define PL_CLI_FILE_STATE_H

#include <jansson.h>
#include <pairlink.h>

#include "../lib/files_private.h"
#include "file_hash.h"

/* ---- sends ---- */
/* To whom these paths (each with its NUL) are being sent; false: to nobody. */
bool sends_find(const char *own_id, const char *paths, size_t size, char peer_id[PAIRLINK_ID_CHARS + 1]);
int sends_add(const char *own_id, const char *paths, size_t size, const char *peer_id, char why[PL_WHY_MAX]);
void sends_remove(const char *own_id, const char *paths, size_t size);

/* ---- codes that were used ---- */
bool claimed_find(const char *own_id, const char *code, char peer_id[PAIRLINK_ID_CHARS + 1]);
void claimed_add(const char *own_id, const char *code, const char *peer_id);

/* ---- what is being received ---- */
/* What was accepted at once: a file, or a group of them. */
typedef struct receiving_unit {
  uint8_t id[16]; /* the file's, or the group's */
  bool is_group;
  char peer[PAIRLINK_ID_CHARS + 1], *folder, *name; /* folder: absolute; name: safe */
  uint64_t bytes;
  uint32_t files, saved; /* saved: of this unit, as far as is known */
  json_t *tops;          /* of a group: its folders as offered, and what they are called here */
} receiving_unit;

typedef struct receiving_saved {
  uint8_t id[16], unit[16], sha256[FILE_HASH_BYTES];
  uint64_t size;
  int64_t mtime_ns;
  char *path; /* absolute */
} receiving_saved;

typedef struct receiving {
  char own[PAIRLINK_ID_CHARS + 1];
  receiving_unit *units;
  size_t unit_count;
  receiving_saved *saved; /* of one peer */
  size_t saved_count;
  uint32_t *saved_index; /* places in `saved` plus one, by id */
  size_t index_size;
  int saved_fd;
} receiving;

int receiving_open(receiving *r, const char *own_id, char why[PL_WHY_MAX]) PL_MUST_USE;
/* What was saved from this peer, and is still there as it was saved. To be called once. */
int receiving_load_saved(receiving *r, const char *peer_id, char why[PL_WHY_MAX]) PL_MUST_USE;
void receiving_close(receiving *r);

receiving_unit *receiving_find(const receiving *r, const char *peer_id, const uint8_t id[16]);
/* The first unit that goes into this folder, from this peer or (NULL) from anyone. */
receiving_unit *receiving_in_folder(const receiving *r, const char *folder, const char *peer_id);
/* Copies `unit`; writes all. NULL without memory; `why` is filled when it could not be written. */
receiving_unit *receiving_add(receiving *r, const receiving_unit *unit, char why[PL_WHY_MAX]);
int receiving_write(receiving *r, char why[PL_WHY_MAX]);
void receiving_remove(receiving *r, receiving_unit *unit);

const receiving_saved *receiving_saved_find(const receiving *r, const uint8_t id[16]);
/* Copies it. */
int receiving_saved_add(receiving *r, const receiving_saved *saved, const char *peer_id, char why[PL_WHY_MAX]);

#endif
