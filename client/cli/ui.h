/* Words for people, on stderr: lines, errors, status lines that are redrawn, and text of others made safe to print.
 * For the main thread only. Formats never print a stranger's text unless it went through ui_clean or ui_visible. */
#ifndef PL_CLI_UI_H
#define PL_CLI_UI_H

#include <pairlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Looks at stderr, NO_COLOR and TERM. verbose: ui_log prints each line. May be called again. */
void ui_init(bool verbose);

/* The size of the terminal that stderr is; 0 when stderr is not a terminal. */
int ui_columns(void);
int ui_rows(void);

/* ---- lines ---- */

/* Print one line: plain, dimmed, bold (the line to read first), and as a warning. */
void ui_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ui_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ui_head(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ui_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Draws these lines below all others, in place of the ones of the last call; count 0 removes them. Does nothing unless
 * ui_live(). */
void ui_status(const char *const *lines, size_t count);
/* Returns true when stderr is a terminal that can be redrawn. */
bool ui_live(void);

/* Opens the terminal for a question. Returns a descriptor that the caller closes, or -1 when there is no terminal or
 * this program runs in its background. */
int ui_terminal(void);

/* ---- errors ---- */

/* Prints what happened, why, and what to do, a line each, and keeps them for ui_last_error. why and hint may be NULL.
 */
void ui_error(const char *what, const char *why, const char *hint);
/* Keeps an error for ui_last_error without printing it, when other lines have told the person already. */
void ui_keep_error(const char *what, const char *why, const char *hint);
/* The last error that was printed or kept; each is "" when there was none. */
void ui_last_error(const char **what, const char **why, const char **hint);
/* Prints an error of the library (PAIRLINK_E…) with its own text and hint. Returns its exit code. why may be NULL. */
int ui_fail(const char *what, int error, const char *why);

/* For pairlink_options.log: prints the line when verbose, and keeps the last error for ui_last_problem. */
void ui_log(pairlink_log_level level, const char *line, void *user);
const char *ui_last_problem(void);

/* ---- text of others ---- */

/* Returns the length of the printable UTF-8 character that text starts with, or 0 when it starts with anything else. */
size_t ui_printable(const char *text);
/* Writes text as one safe line: a ? replaces each byte of control and direction marks; cut at `size`. Returns out. */
const char *ui_clean(const char *text, char *out, size_t size);
/* Writes a whole message safely: what could move the cursor becomes \n or \xNN, and nothing is cut. `text` has a NUL
 * behind its `size` bytes; `out` has room for 4 * size + 1 bytes. Returns the length written. */
size_t ui_visible(const char *text, size_t size, char *out);
/* Prints text as one word for a shell: bare where possible, else as '…', or as $'…' when a byte cannot be shown. */
void ui_quoted(FILE *out, const char *text);
/* Writes "abcdefgh…": enough of an ID to tell people apart. Returns out. */
const char *ui_short(const char *id, char out[16]);

#endif
