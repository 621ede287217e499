/* What file transfers remember from run to run, in $XDG_STATE_HOME/pairlink: `sends`, to whom something was being sent;
 * `receiving/units`, what is wanted from whom and where it goes; `receiving/saved`, what is complete; and
 * `receiving/claimed`, whom a code led to. Mode 0600.
 *
 * The first and the last are short lists, replaced as a whole under a lock. The other two are journals: a line of JSON
 * for each change, appended; a program that has one for itself shortens it by what is over.
 *
 * How far a file has come is nowhere but in its part file. */
#ifndef PL_CLI_FILE_STATE_H
#define PL_CLI_FILE_STATE_H

#include <jansson.h>
#include <pairlink.h>

#include "../core/base/base.h"
#include "../lib/private_file.h"
#include "file_hash.h"

/* ---- journals (file_journal.c) ---- */
typedef struct file_journal {
  char *path;
  int fd;     /* with a shared lock as long as it is open; -1: none */
  bool dirty; /* appended to since journal_sync */
  bool torn;  /* it may not end with a whole line */
} file_journal;

enum { JOURNAL_BYTES_MAX = 64 << 20 };

/* How a journal is read, and made shorter where no other program has it open: to what `rest` gives (an array of lines;
 * NULL without memory) once that is less than half, or to the `newest` lines once there are twice as many, or half of
 * them when they fill half of what a journal may hold. */
typedef struct journal_kind {
  const char *name;
  int (*each)(void *context, json_t *line); /* 0, or an error that ends the reading */
  json_t *(*rest)(void *context);
  size_t newest;
} journal_kind;

/* Opens or makes a journal, and hands over its lines. A file that is one array of lines, as older programs wrote it, is
 * read too. */
int journal_open(file_journal *j, const journal_kind *kind, void *context, char why[PL_WHY_MAX]) PL_MUST_USE;
/* Takes the line, which may be NULL for want of memory. Not on the disk before journal_sync. */
int journal_add(file_journal *j, json_t *take_line, char why[PL_WHY_MAX]);
int journal_sync(file_journal *j, char why[PL_WHY_MAX]);
void journal_close(file_journal *j);
const char *journal_text(const json_t *object, const char *key); /* "" when it has no such text */

/* ---- sends ---- */
/* To whom these paths (each with its NUL) are being sent; false: to nobody. */
bool sends_find(const char *own_id, const char *paths, size_t size, char peer_id[PAIRLINK_ID_CHARS + 1]);
int sends_add(const char *own_id, const char *paths, size_t size, const char *peer_id, char why[PL_WHY_MAX]);
void sends_remove(const char *own_id, const char *paths, size_t size);

/* ---- codes that were used ---- */
bool claimed_find(const char *own_id, const char *code, char peer_id[PAIRLINK_ID_CHARS + 1]);
void claimed_add(const char *own_id, const char *code, const char *peer_id);

/* ---- what is being received ---- */
enum { RECEIVING_UNITS_MAX = 4096 };

/* What is accepted at once: a file, or a group of them, into one folder. */
typedef struct receiving_unit {
  pl_node node;                /* of all */
  struct receiving_unit *next; /* of those whose ids fall together */
  uint8_t id[16];              /* the file's, or the group's */
  bool is_group;
  char peer[PAIRLINK_ID_CHARS + 1], *name; /* name: safe */
  uint64_t bytes;
  uint32_t files;
  json_t *tops; /* of a group: its folders as offered, and what they are called here */
  bool kept;    /* it is in the journal: accepted, and not over */
  bool accepted;
  /* of this run */
  bool live;     /* it was offered, or is waited for */
  uint64_t done; /* of its files: saved, now or earlier, or failed */
} receiving_unit;

typedef struct receiving_saved {
  uint8_t id[16], unit[16], sha256[FILE_HASH_BYTES];
  uint64_t size;
  int64_t mtime_ns;
  char *path;   /* absolute */
  bool here;    /* in the folder that is received into */
  bool checked; /* in this run, against what the sender has */
  bool counted; /* in `done` of its unit */
} receiving_saved;

enum { RECEIVING_BUCKETS = 1024 };

/* All of one identity, for one folder. */
typedef struct receiving {
  char own[PAIRLINK_ID_CHARS + 1], *folder;
  pl_node units;
  receiving_unit *buckets[RECEIVING_BUCKETS];
  size_t unit_count;
  file_journal journal;   /* of units */
  receiving_saved *saved; /* of one peer */
  size_t saved_count;
  uint32_t *saved_index; /* places in `saved` plus one, by id and `here` */
  size_t index_size;
  uint64_t index_seed;
  file_journal saved_journal;
} receiving;

/* folder: absolute. */
int receiving_open(receiving *r, const char *own_id, const char *folder, char why[PL_WHY_MAX]) PL_MUST_USE;
/* What was saved from this peer, in any folder; counts it in the units of this one. To be called once. */
int receiving_load_saved(receiving *r, const char *peer_id, char why[PL_WHY_MAX]) PL_MUST_USE;
void receiving_close(receiving *r);

receiving_unit *receiving_find(const receiving *r, const char *peer_id, const uint8_t id[16]);
receiving_unit *receiving_each(const receiving *r, const receiving_unit *after); /* NULL first gives the first */
/* The first unit that is kept, from this peer or (NULL) from anyone. */
receiving_unit *receiving_first(const receiving *r, const char *peer_id);
/* Copies `unit`; not kept yet. NULL: no memory, or RECEIVING_UNITS_MAX are there. */
receiving_unit *receiving_add(receiving *r, const receiving_unit *unit);
/* To be remembered after this run; the same for what a folder of it is called here. */
int receiving_keep(receiving *r, receiving_unit *unit, char why[PL_WHY_MAX]) PL_MUST_USE;
int receiving_keep_top(receiving *r, receiving_unit *unit, const char *top, const char *here, char why[PL_WHY_MAX]);
/* Over: not remembered any more. */
void receiving_forget(receiving *r, receiving_unit *unit);
/* Forgotten, and freed. */
void receiving_remove(receiving *r, receiving_unit *unit);
/* What is kept is on the disk: to be called before a file is made that only makes sense with it. */
int receiving_sync(receiving *r, char why[PL_WHY_MAX]) PL_MUST_USE;

/* What was saved, by size and time unchanged since: here, or in another folder. */
receiving_saved *receiving_saved_find(const receiving *r, const uint8_t id[16], bool here);
/* Copies it. */
int receiving_saved_add(receiving *r, const receiving_saved *saved, const char *peer_id, char why[PL_WHY_MAX]);

#endif
