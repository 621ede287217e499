/* Puts received files below one folder, without following links and without replacing existing files. */
#ifndef PL_CLI_FILE_PLACE_H
#define PL_CLI_FILE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILE_LEAF_MAX = 256 };

/* Opens the folder `path` (a safe name, or "" for the root) below `root`, and creates missing ones. For each of them it
 * calls `found` with a descriptor of the folder above; not for those that were there and lie in the first `known` bytes
 * of `path`. `found` closes the descriptor, and returns 0 or an errno. Returns a descriptor, or -1 with errno. */
int file_place_folder(int root, const char *path, size_t known, int (*found)(void *context, int take_fd),
                      void *context);
/* Creates a new folder in `root`, called `name` or "name (2)" …, and writes its name to `out`. Returns 0 or an errno.
 */
int file_place_new_folder(int root, const char *name, char out[FILE_LEAF_MAX]);
/* Creates the folder `name` in a folder unless it exists. Returns 0 or an errno. */
int file_place_empty(int folder, const char *name);

/* Writes the name of a file's hidden part file: ".NAME.XXXXXXXX.part". */
void file_place_part_name(const char *leaf, const uint8_t id[16], char out[FILE_LEAF_MAX]);
/* Opens or creates a part file, locked for this program, and sets *size. Returns a descriptor, or -1 with errno; EBUSY:
 * another program has it. */
int file_place_part(int folder, const char *part, uint64_t *size);
/* Renames a part file. Returns 0 or an errno; EEXIST: the name is taken. */
int file_place_finish(int folder, const char *part, const char *name);
/* Writes the first name of "leaf (2)", "leaf (3)" … that is free. Returns 0 or an errno. */
int file_place_free_name(int folder, const char *leaf, char name[FILE_LEAF_MAX]);

#endif
