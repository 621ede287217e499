/* What `send` was told to send: each path a file, or a folder with all that is in it. */
#ifndef PL_CLI_FILE_WALK_H
#define PL_CLI_FILE_WALK_H

#include "file_reader.h"

typedef struct file_list {
  file_source *sources;
  size_t count, capacity;
  char *paths; /* the arguments as absolute paths, each with its NUL: what this sending is, from run to run */
  size_t paths_size, arguments;
  uint64_t bytes;  /* all sizes */
  size_t left_out; /* could not be read: said, and not sent */
  bool is_group;   /* more than one file, or a folder */
  char title[256]; /* for people and logs: "big.iso", "photos", "3 files" */
} file_list;

/* "-" is standard input, called `stdin_name`. 0, or an exit code after saying why. What is no file (a device, a link
 * that leads out of its folder) is left out with a word. */
int file_list_make(file_list *list, char **paths, size_t count, const char *stdin_name);
void file_list_free(file_list *list);

#endif
