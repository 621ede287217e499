/* The receiver's thread: writes what came to the part files, hashes it on the way, and says what is stored.
 *
 * Tasks go in and come out in the same order; each carries the place in the channel that is to be taken once it is
 * done. So what waits here is bounded by the session's window. A target belongs to the thread from its first task until
 * the last one that is about it came out. */
#ifndef PL_CLI_FILE_WRITER_H
#define PL_CLI_FILE_WRITER_H

#include "file_hash.h"

typedef struct file_target {
  int fd;         /* the part file; or, read_only, a file that is looked at */
  bool read_only; /* only HASH and FINISH */
  int source;     /* of COPY */
  EVP_MD_CTX *hash;
  uint64_t stored_to;  /* all below is written and hashed */
  uint64_t flushed_to; /* all below is on its way to the disk */
  bool failed;         /* what follows is dropped, until a task RETRY finds room */
  unsigned pending;    /* the main thread's */
} file_target;

typedef enum file_task_kind {
  FILE_TASK_TAKE,  /* nothing but the place */
  FILE_TASK_HASH,  /* what is there from an earlier run, up to `offset` */
  FILE_TASK_COPY,  /* the rest of `source` up to `offset`, and then as HASH; `source` is left open */
  FILE_TASK_WRITE, /* bytes at `offset` */
  FILE_TASK_RETRY, /* is there room again? for so many bytes as `size` */
  FILE_TASK_FINISH /* the file is `offset` bytes long and has this hash: check, and sync */
} file_task_kind;

typedef struct file_task {
  struct file_task *next;
  file_task_kind kind;
  file_target *target; /* NULL of TAKE */
  uint64_t offset, place;
  uint32_t generation; /* of the session that `place` is of */
  size_t size;
  uint8_t sha256[FILE_HASH_BYTES];
  int error; /* afterwards: an errno; EBADMSG: the hash does not fit; ECANCELED: dropped, since one before failed */
  uint64_t stored_to; /* afterwards */
  uint8_t bytes[];
} file_task;

typedef struct file_writer file_writer;

file_writer *file_writer_new(void); /* NULL with errno */
/* Writes what waits first; HASH and COPY, which can take long, are given up. */
void file_writer_free(file_writer *w);
int file_writer_fd(const file_writer *w);
/* A task with room for so many bytes; NULL: out of memory. */
file_task *file_writer_task(file_writer *w, file_task_kind kind, file_target *target, size_t size);
void file_writer_give(file_writer *w, file_task *task);
/* The next that is done, to be given back by file_writer_return; NULL when there is none. */
file_task *file_writer_done(file_writer *w);
void file_writer_return(file_writer *w, file_task *task);
bool file_writer_is_idle(const file_writer *w); /* nothing given that did not come out */

#endif
