/* Output for scripts (--json): one object per line on stdout. Each line is flushed, so a reader sees it when it
 * happens.
 */
#ifndef PL_CLI_JSON_OUT_H
#define PL_CLI_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>

/* Prints {"event": event, …}. `format` is json_pack's format of an object ("{s:s, s:o}") with its arguments, or NULL
 * when there is nothing else. A text that may not be UTF-8 is passed as "o" with json_out_text. Returns false when
 * stdout does not take the line or memory ran out. */
bool json_out(const char *event, const char *format, ...);

/* Returns any text as a JSON string, for "o": a ? replaces each byte that is not UTF-8. Returns NULL without memory. */
json_t *json_out_text(const char *text);

/* Prints the last line of a command that failed, {"event":"error", "error": "no_relay", "text": …, "hint": …}, from its
 * exit code and ui_last_error. Prints nothing for EXIT_OK. Returns what json_out returns. */
bool json_out_failure(int exit_code);

#endif
