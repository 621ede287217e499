/* For scripts (--json): one object a line on stdout, each line flushed, so that a reader sees it when it happens. */
#ifndef PL_CLI_JSON_OUT_H
#define PL_CLI_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>

/* {"event": event, …}, the rest by json_pack's format of an object ("{s:s, s:o}"), or NULL for none. False when stdout
 * does not take it, or memory ran out. Texts that may be no UTF-8: with json_out_text and "o". */
bool json_out(const char *event, const char *format, ...);

/* Any text as a JSON string: as it is, if it is UTF-8, else with a ? for each byte that is not. For "o". */
json_t *json_out_text(const char *text);

/* The end of a command that failed: {"event":"error", "error": "no_relay" …, "text", "hint"}, by its exit code and what
 * was said last. Nothing, and true, for EXIT_OK. */
bool json_out_failure(int exit_code);

#endif
