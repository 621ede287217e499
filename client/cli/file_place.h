/* Where received files are put: below one folder, one step at a time, through no link, and never over what is there. */
#ifndef PL_CLI_FILE_PLACE_H
#define PL_CLI_FILE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILE_LEAF_MAX = 256 };

/* The folder in which `path` (a safe name) is to lie: made where it is missing. A descriptor, and where the last part
 * of the path begins; -1 with errno. */
int file_place_folder(int root, const char *path, const char **leaf);
/* A new folder below `root`, called `name` or "name (2)" …; 0, or an errno. */
int file_place_new_folder(int root, const char *name, char out[FILE_LEAF_MAX]);
/* An empty folder, there already or not; 0, or an errno. */
int file_place_empty(int root, const char *path);

/* The hidden part file of a file: ".NAME.XXXXXXXX.part". */
void file_place_part_name(const char *leaf, const uint8_t id[16], char out[FILE_LEAF_MAX]);
/* Opens or makes it, for this program alone; its size. A descriptor, or -1 with errno (EBUSY: another program has it).
 */
int file_place_part(int folder, const char *part, uint64_t *size);
/* Gives it its name, or the next free one: 0 and the name, or an errno. */
int file_place_finish(int folder, const char *part, const char *leaf, char name[FILE_LEAF_MAX]);

#endif
