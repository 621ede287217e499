/* The receiver's first thread: writes received bytes to the part files, and hashes them on the way. Pieces of a file
 * that wait together are written together; nothing waits for more to come.
 *
 * Tasks come out in the order in which they went in. Each carries a place in the channel, which is taken only once the
 * task is done, so the session's window bounds what waits here. A target belongs to the writer thread from its first
 * task until its last one came out. */
#ifndef PL_CLI_FILE_WRITER_H
#define PL_CLI_FILE_WRITER_H

#include "file_hash.h"

typedef struct file_target {
  int fd;         /* the part file; or, if read_only, a file to compare */
  bool read_only; /* only HASH and FINISH are allowed */
  int source;     /* the file that COPY copies */
  EVP_MD_CTX *hash;
  uint64_t stored_to;  /* all bytes before this offset are written and hashed */
  uint64_t flushed_to; /* all bytes before this offset are on their way to the disk */
  bool has_spare;      /* RETRY allocated space that may lie behind the end */
  uint64_t dropped_to; /* bytes before this offset are not dropped from memory any more: they were, or were there */
  bool failed;         /* later tasks are cancelled, until a RETRY finds room */
  unsigned pending;    /* tasks that have not come out; for the main thread */
} file_target;

typedef enum file_task_kind {
  FILE_TASK_TAKE,  /* does nothing: it only carries a place */
  FILE_TASK_HASH,  /* hashes the file up to `offset` */
  FILE_TASK_COPY,  /* copies the rest of `source` up to `offset`, then hashes it; leaves `source` open */
  FILE_TASK_WRITE, /* writes the bytes at `offset` */
  FILE_TASK_RETRY, /* checks whether there is disk space for `size` bytes again */
  FILE_TASK_FINISH /* checks that the file has `offset` bytes and this hash */
} file_task_kind;

typedef struct file_task {
  struct file_task *next;
  file_task_kind kind;
  file_target *target; /* NULL for TAKE */
  uint64_t offset, place;
  uint32_t generation; /* of the session that `place` belongs to */
  size_t size;
  uint8_t sha256[FILE_HASH_BYTES];
  /* results */
  int error; /* 0 or an errno; EBADMSG: the hash differs; ECANCELED: not done, because a task before it failed */
  uint64_t stored_to;
  uint8_t bytes[];
} file_task;

typedef struct file_writer file_writer;

/* Starts the thread. Returns NULL with errno. */
file_writer *file_writer_new(void);
/* Finishes the waiting tasks, then ends the thread. Cancels HASH and COPY, which can take long. w may be NULL. */
void file_writer_free(file_writer *w);
/* Returns a descriptor that is readable when a task is done. */
int file_writer_fd(const file_writer *w);
/* Makes a task with room for `size` bytes. Returns NULL when memory ran out. */
file_task *file_writer_task(file_writer *w, file_task_kind kind, file_target *target, size_t size);
/* Gives a task to the thread. */
void file_writer_give(file_writer *w, file_task *task);
/* Returns the next task that is done, or NULL. The caller gives it back with file_writer_return. */
file_task *file_writer_done(file_writer *w);
void file_writer_return(file_writer *w, file_task *task);
/* Returns true when every given task has come out. */
bool file_writer_is_idle(const file_writer *w);

#endif
