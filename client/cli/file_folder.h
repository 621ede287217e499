/* The open folders that received files go into. A folder stays open while files use it, and a few stay open after that,
 * because the next file usually goes into the same folder.
 *
 * A new entry of a folder is on the disk only after the folder was synced. `changed` notes that it has such entries.
 * A folder that was created is itself a new entry of the folder above: file_folders_next_made hands those out. */
#ifndef PL_CLI_FILE_FOLDER_H
#define PL_CLI_FILE_FOLDER_H

#include "../core/base/base.h"

enum { FILE_FOLDER_MADE_MAX = 64 };

typedef struct file_folder {
  pl_node node; /* in the list, the one used last at its end */
  int fd;
  unsigned users;
  bool changed;   /* it has new entries that are not on the disk */
  bool gone;      /* it was removed or moved: the next file looks for its folder from the top */
  int error;      /* why its own entry in the folder above could not be synced; 0: no failure */
  int sync_error; /* why it could not be synced the last time; 0: no failure */
  char path[];    /* below the root; "" is the root */
} file_folder;

/* A folder with a new folder in it. */
typedef struct file_folder_made {
  int fd;
  file_folder *below; /* a user of this folder; it gets the error */
  int error;
} file_folder_made;

typedef struct file_folders {
  int root;
  pl_node list;
  size_t spare; /* folders without users */
  file_folder_made made[FILE_FOLDER_MADE_MAX];
  size_t made_count;
} file_folders;

/* root: a descriptor, borrowed. */
void file_folders_init(file_folders *all, int root);
void file_folders_deinit(file_folders *all);

/* Returns the open folder that `path` (a safe name) goes into, creates missing ones, and sets *leaf to the last part of
 * `path`. The caller is a user of the folder until file_folder_release. Returns NULL with errno. */
file_folder *file_folder_use(file_folders *all, const char *path, const char **leaf);
/* Notes that the root has a new folder in it, which `below` is or lies in. Returns 0 or an errno. */
int file_folder_note_top(file_folders *all, file_folder *below);
void file_folder_release(file_folders *all, file_folder *folder);

/* Takes one folder that has a new folder in it and is not synced. The caller syncs it, closes the descriptor, notes an
 * error in `below`, and releases that. Returns false when there is none. */
bool file_folders_next_made(file_folders *all, file_folder_made *out);

#endif
