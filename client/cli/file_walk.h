/* The files that `send` was told to send: each path is a file, or a folder with everything in it. */
#ifndef PL_CLI_FILE_WALK_H
#define PL_CLI_FILE_WALK_H

#include "file_reader.h"

typedef struct file_list {
  file_source *sources;
  size_t count, capacity;
  char *paths; /* the arguments as absolute paths, each with its NUL: they identify this transfer from run to run */
  size_t paths_size, arguments;
  uint64_t bytes;  /* of all files */
  size_t left_out; /* files that could not be read: the user was told, and they are not sent */
  bool is_group;   /* more than one file, or a folder */
  char title[256]; /* for people: "big.iso", "photos", "3 files" */
} file_list;

/* Lists what the paths hold. "-" is standard input, under the name `stdin_name`. Anything that is not a file (a device,
 * a link that leads out of its folder) is skipped with a note. Returns 0, or an exit code after printing an error. */
int file_list_make(file_list *list, char **paths, size_t count, const char *stdin_name);
void file_list_free(file_list *list);

#endif
