/* How far a file has come, how fast, how long it still takes: figures, and the line that shows them. Pure. */
#ifndef PL_CLI_PROGRESS_H
#define PL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_SAMPLES = 16, PROGRESS_TEXT_MAX = 32, PROGRESS_LINE_MAX = 1024, PROGRESS_UNKNOWN = -1 };

/* The rate is that of the last few seconds. */
typedef struct progress {
  struct {
    uint64_t ms, bytes;
  } samples[PROGRESS_SAMPLES];
  size_t count, next;
} progress;

void progress_add(progress *p, uint64_t now_ms, uint64_t bytes);
uint64_t progress_rate(const progress *p, uint64_t now_ms); /* bytes a second; 0: not known, or nothing comes */
int64_t progress_seconds_left(uint64_t rate, uint64_t bytes, uint64_t size); /* or PROGRESS_UNKNOWN */

/* "1.9 GB", in powers of 1,000. */
const char *progress_bytes(uint64_t bytes, char out[PROGRESS_TEXT_MAX]);
/* "0:09", "1:02:03" */
const char *progress_time(int64_t seconds, char out[PROGRESS_TEXT_MAX]);

/* One line of at most `columns` characters; what has no room is left out. `name` is clean; size 0: not known;
 * `note` (or "") stands where rate and time would. Gives bytes. */
size_t progress_line(char out[PROGRESS_LINE_MAX], unsigned columns, const char *name, uint64_t bytes, uint64_t size,
                     uint64_t rate, const char *note);

#endif
