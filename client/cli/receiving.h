/* What `receive` remembers from run to run: which units were accepted and are not over, and which files were saved.
 *
 * Both are journals (file_journal.h): receiving/units, in receiving_units.c, and receiving/saved, in receiving_saved.c.
 * How far a file has come is not stored anywhere but in its part file.
 *
 * Functions that return int return 0 or an error, with one line on what is wrong in `why`. */
#ifndef PL_CLI_RECEIVING_H
#define PL_CLI_RECEIVING_H

#include <pairlink.h>

#include "file_hash.h"
#include "file_journal.h"

enum { RECEIVING_UNITS_MAX = 4096, RECEIVING_BUCKETS = 1024 };

/* What is accepted at once: a file, or a group of files, into one folder. */
typedef struct receiving_unit {
  pl_node node;                /* in the list of all units */
  struct receiving_unit *next; /* in the same hash bucket */
  uint8_t id[16];              /* of the file or the group */
  bool is_group;
  char peer[PAIRLINK_ID_CHARS + 1], *name; /* name: safe to print */
  uint64_t bytes;
  uint32_t files;
  json_t *tops; /* of a group: maps its folders as offered to their names here */
  bool kept;    /* in the journal: accepted and not over */
  bool accepted;
  /* of this run */
  bool live;     /* it was offered, or is being waited for */
  uint64_t done; /* how many of its files are saved, now or earlier, or have failed */
} receiving_unit;

typedef struct receiving_saved {
  uint8_t id[16], unit[16];
  uint64_t size;
  int64_t mtime_ns;
  char *path;   /* absolute */
  bool here;    /* in the folder that this run receives into */
  bool checked; /* in this run: it is the same as the sender's */
  bool counted; /* in `done` of its unit */
} receiving_saved;

/* The state of one identity and one folder. */
typedef struct receiving {
  char own[PAIRLINK_ID_CHARS + 1], *folder;
  pl_node units;
  receiving_unit *buckets[RECEIVING_BUCKETS];
  size_t unit_count;
  file_journal journal;   /* of units */
  receiving_saved *saved; /* from one peer */
  size_t saved_count;
  uint32_t *saved_index; /* a hash table by id and `here`: places in `saved` plus one */
  size_t index_size;
  uint64_t index_seed;
  json_t *live; /* the units that are not over, of all identities and folders: maps their IDs to anything */
  file_journal saved_journal;
} receiving;

/* Opens the state for a folder (an absolute path). */
int receiving_open(receiving *r, const char *own_id, const char *folder, char why[PL_WHY_MAX]) PL_MUST_USE;
/* Reads which files were saved from this peer, in any folder, and counts them in the units of this folder. Call it
 * once. */
int receiving_load_saved(receiving *r, const char *peer_id, char why[PL_WHY_MAX]) PL_MUST_USE;
void receiving_close(receiving *r);

/* ---- units ---- */

receiving_unit *receiving_find(const receiving *r, const char *peer_id, const uint8_t id[16]);
/* Returns the unit after this one, the first for NULL, or NULL at the end. */
receiving_unit *receiving_each(const receiving *r, const receiving_unit *after);
/* Returns the first unit in the journal from this peer, or from anyone when peer_id is NULL. */
receiving_unit *receiving_first(const receiving *r, const char *peer_id);
/* Adds a copy of `unit`, not in the journal yet. Returns NULL when memory ran out or RECEIVING_UNITS_MAX are there. */
receiving_unit *receiving_add(receiving *r, const receiving_unit *unit);
/* Writes a unit to the journal, for later runs. */
int receiving_keep(receiving *r, receiving_unit *unit, char why[PL_WHY_MAX]) PL_MUST_USE;
/* Notes the name here of a folder of the unit; in the journal, too, when the unit is there. */
int receiving_keep_top(receiving *r, receiving_unit *unit, const char *top, const char *here, char why[PL_WHY_MAX]);
/* Notes in the journal that a unit is over; it stays in memory. */
void receiving_forget(receiving *r, receiving_unit *unit);
/* Does the same, and frees the unit. */
void receiving_remove(receiving *r, receiving_unit *unit);
/* Puts the journal of units on the disk. Call it before creating a file that makes sense only together with it. */
int receiving_sync(receiving *r, char why[PL_WHY_MAX]) PL_MUST_USE;

/* ---- saved files ---- */

/* Finds a file that was saved and has the same size and time as then. here: in this folder, else in another one. */
receiving_saved *receiving_saved_find(const receiving *r, const uint8_t id[16], bool here);
/* Adds the line of a file to `lines`, an array for receiving_saved_note. Returns false when memory ran out. */
bool receiving_saved_line(const receiving *r, const receiving_saved *saved, const uint8_t sha256[FILE_HASH_BYTES],
                          const char *peer_id, json_t *lines) PL_MUST_USE;
/* Writes the lines to the journal, before the files get these names: then a crash in between cannot make a file that
 * nobody remembers. A line whose file is not there is ignored. The lines are safely on the disk only after
 * journal_sync. */
int receiving_saved_note(receiving *r, json_t *take_lines, char why[PL_WHY_MAX]);
/* Adds a file to memory. Takes its path, also on failure. */
int receiving_saved_put(receiving *r, const receiving_saved *take_saved) PL_MUST_USE;

#endif
