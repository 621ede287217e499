/* Puts received files below one folder, without following links and without replacing existing files. */
#ifndef PL_CLI_FILE_PLACE_H
#define PL_CLI_FILE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILE_LEAF_MAX = 256 };

/* Opens the folder that `path` (a safe name) goes into, and creates missing ones. Sets *leaf to the last part of
 * `path`. Returns a descriptor, or -1 with errno. */
int file_place_folder(int root, const char *path, const char **leaf);
/* Creates a new folder in `root`, called `name` or "name (2)" …, and writes its name to `out`. Returns 0 or an errno.
 */
int file_place_new_folder(int root, const char *name, char out[FILE_LEAF_MAX]);
/* Creates a folder unless it exists. Returns 0 or an errno. */
int file_place_empty(int root, const char *path);

/* Writes the name of a file's hidden part file: ".NAME.XXXXXXXX.part". */
void file_place_part_name(const char *leaf, const uint8_t id[16], char out[FILE_LEAF_MAX]);
/* Opens or creates a part file, locked for this program, and sets *size. Returns a descriptor, or -1 with errno; EBUSY:
 * another program has it. */
int file_place_part(int folder, const char *part, uint64_t *size);
/* Renames a part file to its final name or the next free one ("name (2)"), and writes that to `name`. Returns 0 or an
 * errno. */
int file_place_finish(int folder, const char *part, const char *leaf, char name[FILE_LEAF_MAX]);

#endif
