/* The open folders that received files go into. A folder stays open while files use it, and a few stay open after that,
 * because the next file usually goes into the same folder.
 *
 * A new entry of a folder is on the disk only after the folder was synced. `changed` notes that it has such entries.
 * A folder is itself an entry of the folder above: file_folders_next_above hands out those that must be synced. That is
 * also done for a folder that was there before, because a run that created it may have ended before it was synced. */
#ifndef PL_CLI_FILE_FOLDER_H
#define PL_CLI_FILE_FOLDER_H

#include "../core/base/base.h"

enum { FILE_FOLDER_ABOVE_MAX = 64 };

typedef struct file_folder {
  pl_node node; /* in the list, the one used last at its end */
  int fd;
  unsigned users;
  bool changed;   /* it has new entries that are not on the disk */
  bool gone;      /* it was removed or moved: the next file looks for its folder from the top */
  int sync_error; /* why it could not be synced the last time; 0: no failure */
  char path[];    /* below the root; "" is the root */
} file_folder;

/* A folder whose entry for a folder below must be synced. */
typedef struct file_folder_above {
  int fd, error;
} file_folder_above;

typedef struct file_folders {
  int root;
  pl_node list;
  size_t spare; /* folders without users */
  file_folder_above above[FILE_FOLDER_ABOVE_MAX];
  size_t above_count;
  bool root_noted; /* the folder above the root was noted */
  char *noted;     /* the last path whose folders were all noted, or NULL */
} file_folders;

/* root: a descriptor, borrowed. */
void file_folders_init(file_folders *all, int root);
void file_folders_deinit(file_folders *all);

/* Returns the open folder that `path` (a safe name) goes into, creates missing ones, and sets *leaf to the last part of
 * `path`. The caller is a user of the folder until file_folder_release. Returns NULL with errno. */
file_folder *file_folder_use(file_folders *all, const char *path, const char **leaf);
void file_folder_release(file_folders *all, file_folder *folder);

/* Tells that the caller has created the folder `name` in the root. The root is then synced, and open folders of an
 * earlier folder with this name, which was removed or moved, are not used for more files. */
void file_folders_top_is_new(file_folders *all, const char *name);

/* Takes one folder that must be synced before anything in the folders that are open counts as saved. The caller closes
 * its descriptor. Returns false when there is none. */
bool file_folders_next_above(file_folders *all, file_folder_above *out);

#endif
