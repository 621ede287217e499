/* Small questions about files and paths. */
#ifndef PL_CLI_FILE_STAT_H
#define PL_CLI_FILE_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

/* The time of the last change, in nanoseconds since 1970. What does not fit (after 2262, before 1677) is 0: unknown. */
static inline int64_t file_mtime_ns(const struct stat *st) {
  int64_t ns;
  if (__builtin_mul_overflow((int64_t)st->st_mtim.tv_sec, INT64_C(1000000000), &ns) ||
      __builtin_add_overflow(ns, (int64_t)st->st_mtim.tv_nsec, &ns))
    return 0;
  return ns;
}

/* Returns true when `path` lies in `folder` or deeper. Both are absolute and without "..". */
static inline bool file_is_below(const char *path, const char *folder) {
  size_t n = strlen(folder);
  while (n && folder[n - 1] == '/') n--;
  return strncmp(path, folder, n) == 0 && path[n] == '/';
}

#endif
