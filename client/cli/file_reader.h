/* The sender's thread: reads the pieces that a transfer wants, ahead and in order, and hashes each file on the way.
 *
 * The pieces are a ring: the main thread adds requests at its end and takes finished pieces from its front. A source
 * belongs to the reader thread while it has pieces in the ring (`pending`), else to the main thread. */
#ifndef PL_CLI_FILE_READER_H
#define PL_CLI_FILE_READER_H

#include "../core/transfer/transfer.h"
#include "file_hash.h"

enum { FILE_READ_AHEAD = 32, FILE_STREAM_KEPT_MAX = 16 << 20 };

/* Bytes of a stream that the other side may still request again. */
typedef struct file_kept {
  struct file_kept *next;
  uint64_t offset;
  size_t size;
  uint8_t bytes[];
} file_kept;

typedef struct file_source {
  char *path; /* absolute: the file to open; NULL: standard input */
  char *seen; /* absolute: where it was found; differs from `path` for a link */
  char *name; /* as offered, with '/' between folders */
  uint8_t id[16], flags;
  uint64_t size;
  int64_t mtime_ns;
  /* for the reader thread */
  int fd; /* -1: not open yet */
  EVP_MD_CTX *hash;
  uint64_t hashed_to, stream_to;
  bool stream_ended;
  file_kept *kept, *last_kept;
  /* for the main thread */
  unsigned pending;
  bool over, saved, settled, hash_asked;
  /* written by the reader thread, read by the main thread when nothing is pending */
  bool hashed;
  uint8_t sha256[FILE_HASH_BYTES];
} file_source;

typedef struct file_piece {
  file_source *source;
  pl_transfer_want want;
  pl_transfer_event_type type; /* READ, READ_END or READ_FAILED */
  uint8_t why;
  bool no_memory; /* it failed because memory ran out, not because of the file */
  size_t size;
  uint8_t *bytes; /* with room for PL_TRANSFER_HEAD_BYTES before them */
} file_piece;

typedef struct file_reader file_reader;

/* Starts the thread. Returns NULL with errno. */
file_reader *file_reader_new(void);
/* Ends the thread, and waits for that. Does not free the sources. r may be NULL. */
void file_reader_free(file_reader *r);
/* Returns a descriptor that is readable when a piece is done. */
int file_reader_fd(const file_reader *r);
bool file_reader_has_room(const file_reader *r);
/* Requests a piece; only with room. A `want` with `end` and without a file makes the hash only. */
void file_reader_ask(file_reader *r, file_source *source, const pl_transfer_want *want);
/* Returns the first piece if it is done, else NULL. It is valid until file_reader_drop, which removes it. */
file_piece *file_reader_first(file_reader *r);
void file_reader_drop(file_reader *r);
/* Frees the kept bytes of a stream before this offset: they will not be requested again. */
void file_reader_forget(file_reader *r, file_source *source, uint64_t before);

/* Frees what the thread opened. Only without pending pieces. */
void file_source_close(file_source *s);

#endif
