/* The progress of a file: amount, rate, time left, and the line that shows them. Pure. */
#ifndef PL_CLI_PROGRESS_H
#define PL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_SAMPLES = 16, PROGRESS_TEXT_MAX = 32, PROGRESS_LINE_MAX = 1024, PROGRESS_UNKNOWN = -1 };

/* Samples of the last few seconds, which the rate is computed from. */
typedef struct progress {
  struct {
    uint64_t ms, bytes;
  } samples[PROGRESS_SAMPLES];
  size_t count, next;
} progress;

/* Call it whenever the amount is known; it samples only as often as needed. */
void progress_add(progress *p, uint64_t now_ms, uint64_t bytes);
/* Returns bytes per second; 0 when not known or nothing comes. */
uint64_t progress_rate(const progress *p, uint64_t now_ms);
/* Returns the seconds left, or PROGRESS_UNKNOWN. */
int64_t progress_seconds_left(uint64_t rate, uint64_t bytes, uint64_t size);

/* Writes "1.9 GB", in powers of 1,000. Returns out. */
const char *progress_bytes(uint64_t bytes, char out[PROGRESS_TEXT_MAX]);
/* Writes "0:09" or "1:02:03"; "" for a negative time. Returns out. */
const char *progress_time(int64_t seconds, char out[PROGRESS_TEXT_MAX]);

/* Writes one line that is shorter than `columns`, without what has no room. `name` must be safe to print. size 0: not
 * known. `note`, unless "", stands in place of rate and time. Returns the bytes written. */
size_t progress_line(char out[PROGRESS_LINE_MAX], unsigned columns, const char *name, uint64_t bytes, uint64_t size,
                     uint64_t rate, const char *note);

#endif
