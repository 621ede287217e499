/* Small files that only their user may read: where they lie (by the XDG rules), opening, reading, locking, replacing.
 * A file is replaced as a whole or, after a crash, not at all. Used by the library and by the command line.
 *
 * Functions return 0 or a PL_E… error and then put one line on what is wrong into `why`, which has PL_WHY_MAX bytes or
 * is NULL. When memory runs out, PL_ENOMEM is returned and `why` stays as it is. */
#ifndef PL_LIB_PRIVATE_FILE_H
#define PL_LIB_PRIVATE_FILE_H

#include "../core/base/base.h"

struct stat;

enum { PL_WHY_MAX = 512 };

/* Fills in `why` and returns `error`. */
int pl_why(char *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Returns `given`, or else $env/pairlink/name, or else $HOME/fallback/pairlink/name, as a new string for free().
 * Returns NULL, and fills in `why`, when there is no such path, and NULL when memory ran out: see pl_path_error. */
char *pl_path_of(const char *given, const char *env, const char *fallback, const char *name, char *why);
/* Returns why pl_path_of returned NULL, when called right after it: PL_ENOMEM, or else `otherwise`. */
int pl_path_error(int otherwise);

/* Creates the missing folders on the way to a file, mode 0700. */
int pl_folders_for(const char *path, char *why) PL_MUST_USE;
int pl_file_write_all(int fd, const void *data, size_t size) PL_MUST_USE;
/* Writes a new file, mode 0600; it gets its name only once it is on disk. Returns PL_ESTATE when the file exists and
 * `replace` is false. */
int pl_file_put(const char *path, const void *data, size_t size, bool replace, char *why) PL_MUST_USE;
/* Opens a regular file that belongs to this user for reading. Returns PL_ESTATE when it does not exist. */
int pl_file_open(const char *path, int *out, struct stat *st, char *why) PL_MUST_USE;
/* Reads the whole of such a file into new memory for free(), with a NUL behind it; *out is NULL after an error. Returns
 * PL_ESTATE when it does not exist, PL_EIO when its mode has a bit of `forbidden` or it is larger than `max`. */
int pl_file_read(const char *path, unsigned forbidden, size_t max, uint8_t **out, size_t *size, char *why) PL_MUST_USE;
/* Locks `path`.lock, so that only one program at a time changes the file. Closing *out unlocks it. Returns PL_ESTATE
 * when another program holds the lock and `wait` is false. */
int pl_file_lock(const char *path, bool wait, int *out, char *why) PL_MUST_USE;

#endif
