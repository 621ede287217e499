/* Writes to stdout without blocking, and without changing it for other programs that share it; and a queue of bytes
 * that wait for it. */
#ifndef PL_CLI_OUTPUT_H
#define PL_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct chunk {
  struct chunk *next;
  uint64_t place; /* in the session: take it once the chunk is written */
  size_t size, written;
  uint8_t bytes[];
} chunk;

/* Bytes of a peer that are not written yet. The session's window bounds them. */
typedef struct chunks {
  chunk *first, *last;
} chunks;

/* Copies the bytes. Returns false when memory ran out. */
bool chunks_append(chunks *q, const void *bytes, size_t size, uint64_t place);
void chunks_drop_first(chunks *q);
void chunks_deinit(chunks *q);

typedef struct output {
  int fd, kind;
} output;

/* Takes the descriptor. A pipe is opened again, so that it can be made non-blocking for this program alone. */
void output_open(output *o, int fd);
void output_close(output *o);
/* Returns true when output_write may be called without a poll before it. */
bool output_never_waits(const output *o);
/* Writes as much as fits now. Returns the bytes written, 0 when nothing fits, or -1 with errno. Call it only after poll
 * reported POLLOUT, unless output_never_waits. */
long output_write(output *o, const uint8_t *bytes, size_t size);

#endif
