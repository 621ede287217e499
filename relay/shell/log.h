/* The relay's log: one line an event on stderr, `time level event=… key=value`. Never payloads, keys or addresses. */
#ifndef PL_SHELL_LOG_H
#define PL_SHELL_LOG_H

#include "../core/relay.h"

/* First in main: opens /dev/null where descriptor 0, 1 or 2 is closed, so that no database or socket gets that number,
 * and with it the log's lines; libuv too closes nothing below 3. Reading and writing there still fails. */
void pl_log_keep_streams(void);

extern pl_relay_log_level pl_log_level; /* set once, before any thread starts */

void pl_engine_log(pl_relay_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* error, warn, info, debug; -1: none of these. */
int pl_log_level_of(const char *name);

#endif
