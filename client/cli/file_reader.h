/* The sender's thread: reads the pieces that a transfer wants, in order and ahead, and hashes each file as it goes by.
 *
 * One ring of pieces: the main thread asks at its end and takes at its front what is done. A source belongs to the
 * thread while it has pieces in the ring (`pending`), else to the main thread. */
#ifndef PL_CLI_FILE_READER_H
#define PL_CLI_FILE_READER_H

#include "../core/transfer/transfer.h"
#include "file_hash.h"

enum { FILE_READ_AHEAD = 16, FILE_STREAM_KEPT_MAX = 16 << 20 };

/* Bytes of a stream that the other side may still ask for again. */
typedef struct file_kept {
  struct file_kept *next;
  uint64_t offset;
  size_t size;
  uint8_t bytes[];
} file_kept;

typedef struct file_source {
  char *path; /* absolute, to be opened; NULL: standard input */
  char *seen; /* where it was found: not the same as `path` for a link */
  char *name; /* as offered: with '/' */
  uint8_t id[16], flags;
  uint64_t size;
  int64_t mtime_ns;
  /* the thread's */
  int fd; /* -1: not open yet */
  EVP_MD_CTX *hash;
  uint64_t hashed_to, stream_to;
  bool stream_ended;
  file_kept *kept, *last_kept;
  /* the main thread's */
  unsigned pending;
  bool over, saved, settled, hash_asked;
  /* the thread's to write, the main thread's to read when nothing is pending */
  bool hashed;
  uint8_t sha256[FILE_HASH_BYTES];
} file_source;

typedef struct file_piece {
  file_source *source;
  pl_transfer_want want;
  pl_transfer_event_type type; /* READ, READ_END or READ_FAILED */
  uint8_t why;
  bool no_memory; /* why it failed: no fault of the file's */
  size_t size;
  uint8_t *bytes; /* with room for PL_TRANSFER_HEAD_BYTES before them */
} file_piece;

typedef struct file_reader file_reader;

file_reader *file_reader_new(void);       /* NULL with errno */
void file_reader_free(file_reader *r);    /* waits for the thread; sources stay */
int file_reader_fd(const file_reader *r); /* readable when a piece is done */
bool file_reader_has_room(const file_reader *r);
/* `want` with `end` and without a file: only the hash, for who has it already. */
void file_reader_ask(file_reader *r, file_source *source, const pl_transfer_want *want);
/* The first piece, if it is done, until file_reader_drop. */
file_piece *file_reader_first(file_reader *r);
void file_reader_drop(file_reader *r);
/* What is before this place of a stream is not asked for again. */
void file_reader_forget(file_reader *r, file_source *source, uint64_t before);

/* Frees what the thread opened; only without pending pieces. */
void file_source_close(file_source *s);

#endif
