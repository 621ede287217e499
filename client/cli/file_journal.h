/* A journal: a file in $XDG_STATE_HOME/pairlink, mode 0600, to which a line of JSON is appended for each change.
 * Several programs may have it open. A line that a crash left half written is skipped.
 *
 * Functions that return int return 0 or an error, with one line on what is wrong in `why`. */
#ifndef PL_CLI_FILE_JOURNAL_H
#define PL_CLI_FILE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "../core/base/base.h"
#include "../lib/private_file.h"

enum { JOURNAL_BYTES_MAX = 128 << 20 };

typedef struct file_journal {
  char *path;
  int fd;     /* holds a shared lock while it is open; -1: not open */
  bool dirty; /* appended to since journal_sync */
  bool torn;  /* the file may end with half a line */
} file_journal;

/* How a journal is read and shortened. journal_open shortens a long one when no other program has it open and at least
 * half of the lines go: to the lines that `rest` returns; or to the `newest` lines and those that `keeps` asks for. One
 * of more than JOURNAL_BYTES_MAX / 4 keeps half of its newest lines at most, besides those. */
typedef struct journal_kind {
  const char *name;                         /* below the folder, such as "receiving/units" */
  int (*each)(void *context, json_t *line); /* called for each line; returns 0, or an error that ends the reading */
  json_t *(*rest)(void *context);           /* returns an array of lines, NULL when memory ran out; NULL: use newest */
  size_t newest;
  bool (*keeps)(void *context, const json_t *line); /* with newest: returns true for a line that must stay; or NULL */
} journal_kind;

/* Opens or creates a journal and reads its lines. Also reads a file that is one JSON array of lines, which older
 * programs wrote. Call journal_close also after an error. */
int journal_open(file_journal *j, const journal_kind *kind, void *context, char why[PL_WHY_MAX]) PL_MUST_USE;
/* Appends a line, and frees it. NULL: memory ran out while the line was made. The line is safely on the disk only after
 * journal_sync. */
int journal_add(file_journal *j, json_t *take_line, char why[PL_WHY_MAX]);
/* Appends all lines of an array with one write, and frees it. NULL: memory ran out. */
int journal_add_all(file_journal *j, json_t *take_lines, char why[PL_WHY_MAX]);
int journal_sync(file_journal *j, char why[PL_WHY_MAX]);
void journal_close(file_journal *j);

/* Returns the text of a key, or "" when there is none. Valid as long as the object. */
const char *journal_text(const json_t *object, const char *key);

#endif
