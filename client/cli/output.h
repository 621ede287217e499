/* stdout without blocking and without changing it for others that share it, and the queue before it. */
#ifndef PL_CLI_OUTPUT_H
#define PL_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct chunk {
  struct chunk *next;
  uint64_t place; /* to be taken once it is written */
  size_t size, written;
  uint8_t bytes[];
} chunk;

/* What a peer sent and stdout has not taken; bounded by the session's window. */
typedef struct chunks {
  chunk *first, *last;
} chunks;

bool chunks_append(chunks *q, const void *bytes, size_t size, uint64_t place); /* false: out of memory */
void chunks_drop_first(chunks *q);
void chunks_deinit(chunks *q);

typedef struct output {
  int fd, kind;
} output;

void output_open(output *o, int fd);
void output_close(output *o);
/* Its writes come back at once, without a poll before. */
bool output_never_waits(const output *o);
/* Writes what fits now: bytes, 0 when nothing does, -1 with errno. Only after poll said POLLOUT, or if it never waits.
 */
long output_write(output *o, const uint8_t *bytes, size_t size);

#endif
