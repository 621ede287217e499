/* Shared by the files of the client, and by those of the command line. */
#ifndef PL_LIB_FILES_PRIVATE_H
#define PL_LIB_FILES_PRIVATE_H

#include "files.h"

struct stat;

/* Fills why, gives error back. */
int pl_why(char *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Makes all missing folders of a file's path, mode 0700. */
int pl_folders_for(const char *path, char *why) PL_MUST_USE;
int pl_file_write_all(int fd, const void *data, size_t size) PL_MUST_USE;
/* A whole new file, mode 0600, on disk before it has its name. PL_ESTATE when it exists and must not be replaced. */
int pl_file_put(const char *path, const void *data, size_t size, bool replace, char *why) PL_MUST_USE;
/* A regular file of the user's own for reading; PL_ESTATE when there is none. */
int pl_file_open(const char *path, int *out, struct stat *st, char *why) PL_MUST_USE;
/* The whole of such a file with a NUL behind it, for free(); *out is NULL after an error. PL_EIO when its mode has a
 * bit of `forbidden`, or it is larger than `max`. */
int pl_file_read(const char *path, unsigned forbidden, size_t max, uint8_t **out, size_t *size, char *why) PL_MUST_USE;
/* Locks `path`.lock, which keeps apart programs that change the file: until *out is closed. PL_ESTATE when another has
 * it and `wait` is false. */
int pl_file_lock(const char *path, bool wait, int *out, char *why) PL_MUST_USE;

#endif
