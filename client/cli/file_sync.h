/* The receiver's second thread: puts files and folders on the disk, a batch at a time. While it works on one batch, the
 * main thread collects the next.
 *
 * A large batch is synced by one syncfs, which costs about as much as syncing a single file. syncfs also writes what
 * other programs have left to write, so it is used only where little of that waits, and only on file systems whose
 * syncfs is known to wait for the disk. */
#ifndef PL_CLI_FILE_SYNC_H
#define PL_CLI_FILE_SYNC_H

#include <stdbool.h>
#include <stddef.h>

typedef struct file_sync file_sync;

/* Starts the thread. root: most files of a batch are on its file system; borrowed. Returns NULL with errno. */
file_sync *file_sync_new(int root);
/* Waits for the batch in progress, then ends the thread. s may be NULL. */
void file_sync_free(file_sync *s);
/* Returns a descriptor that is readable when a batch is done. */
int file_sync_fd(const file_sync *s);
/* Returns true when no batch is in progress; only then a batch may be collected and started. */
bool file_sync_is_idle(const file_sync *s);
/* Adds a file or folder to the batch. *error receives 0 or an errno until file_sync_done; both are borrowed until then.
 * Returns false when memory ran out. */
bool file_sync_add(file_sync *s, int fd, bool is_folder, int *error);
void file_sync_start(file_sync *s);
/* Returns true once when the batch is done. */
bool file_sync_done(file_sync *s);

/* Syncs one file or folder now. Returns 0 or an errno; 0 also where there is nothing to sync, such as a pipe. */
int file_sync_one(int fd, bool is_folder);

#endif
