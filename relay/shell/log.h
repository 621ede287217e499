/* The relay's log: one line per event on stderr, `time level event=… key=value`. It never holds payloads, keys or
 * addresses. */
#ifndef PL_SHELL_LOG_H
#define PL_SHELL_LOG_H

#include "../core/relay.h"

/* Opens /dev/null where descriptor 0, 1 or 2 is closed, so that no database or socket gets that number and, with it,
 * the lines of the log; libuv aborts when it closes such a number. Reading and writing there still fails. Call this
 * first in main. */
void pl_log_keep_streams(void);

extern pl_relay_log_level pl_log_level; /* set once, before any thread starts */

void pl_log_write(pl_relay_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Returns the level that is named error, warn, info or debug, or -1. */
int pl_log_level_of(const char *name);

#endif
