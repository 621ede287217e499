#include "ui.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../core/base/base.h"
#include "exit_code.h"

enum { STATUS_MAX = 4, STATUS_BYTES = 1024 };

static bool colour, talkative, live;
static char last_problem[640];
static char last_error[3][512];               /* what, why, hint */
static char status[STATUS_MAX][STATUS_BYTES]; /* the lines at the bottom of the terminal */
static size_t status_count;

void ui_init(bool verbose) {
  const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
  talkative = verbose;
  live = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  colour = live && !(none && *none);
}

int ui_columns(void) {
  struct winsize size;
  if (!isatty(STDERR_FILENO)) return 0;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int ui_rows(void) {
  struct winsize size;
  if (!isatty(STDERR_FILENO)) return 0;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

/* ---- lines that are redrawn --------------------------------------------------------------------------- */

/* The cursor stands at the end of the last status line. */
static void erase_status(void) {
  if (!status_count) return;
  fprintf(stderr, "\r");
  if (status_count > 1) fprintf(stderr, "\033[%zuA", status_count - 1);
  fprintf(stderr, "\033[J");
}

static void draw_status(void) {
  for (size_t i = 0; i < status_count; i++) fprintf(stderr, "%s%s", i ? "\n" : "", status[i]);
  if (status_count) fflush(stderr);
}

bool ui_live(void) {
  return live;
}

void ui_status(const char *const *lines, size_t count) {
  if (!live || (count == 0 && status_count == 0)) return;
  erase_status();
  status_count = count < STATUS_MAX ? count : STATUS_MAX;
  for (size_t i = 0; i < status_count; i++) snprintf(status[i], STATUS_BYTES, "%s", lines[i]);
  draw_status();
  if (!status_count) fflush(stderr);
}

int ui_terminal(void) {
  int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal >= 0 && tcgetpgrp(terminal) != getpgrp()) { /* a read from the background would stop this program */
    close(terminal);
    terminal = -1;
  }
  return terminal;
}

/* ---- lines that stay ---------------------------------------------------------------------------------- */

static void ui_line(const char *style, const char *format, va_list args) {
  char text[2048];
  int n = vsnprintf(text, sizeof text, format, args);
  if (n < 0) return;
  erase_status();
  /* Each line is one write, because several programs may share this stderr. */
  fprintf(stderr, "%s%s%s\n", colour ? style : "", text, colour && *style ? "\033[0m" : "");
  draw_status();
}

void ui_say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  ui_line("", format, args);
  va_end(args);
}

void ui_note(const char *format, ...) {
  va_list args;
  va_start(args, format);
  ui_line("\033[2m", format, args);
  va_end(args);
}

void ui_head(const char *format, ...) {
  va_list args;
  va_start(args, format);
  ui_line("\033[1m", format, args);
  va_end(args);
}

void ui_warn(const char *format, ...) {
  va_list args;
  va_start(args, format);
  ui_line("\033[1;33m", format, args);
  va_end(args);
}

static void ui_problem(const char *format, ...) {
  va_list args;
  va_start(args, format);
  ui_line("\033[1;31m", format, args);
  va_end(args);
}

void ui_keep_error(const char *what, const char *why, const char *hint) {
  snprintf(last_error[0], sizeof last_error[0], "%s", what);
  snprintf(last_error[1], sizeof last_error[1], "%s", why ? why : "");
  snprintf(last_error[2], sizeof last_error[2], "%s", hint ? hint : "");
}

void ui_error(const char *what, const char *why, const char *hint) {
  ui_keep_error(what, why, hint);
  ui_problem("pairlink: %s", what);
  if (why && *why && strcmp(why, what) != 0) ui_say("  why: %s", why);
  if (hint && *hint) ui_say("  what to do: %s", hint);
}

void ui_last_error(const char **what, const char **why, const char **hint) {
  *what = last_error[0];
  *why = last_error[1];
  *hint = last_error[2];
}

/* Returns true for control characters, and for invisible ones that change how the rest looks or compares: direction
 * marks, joiners, tags. */
static bool is_hidden(uint32_t c) {
  return c < 0xa0 || c == 0xad || c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x180e ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x3164 ||
         c == 0xfeff || c == 0xffa0 || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

size_t ui_printable(const char *text) {
  uint32_t value = 0;
  size_t n = pl_utf8_read((const uint8_t *)text, strnlen(text, 4), &value);
  bool shown = value < 0x80 ? value >= 0x20 && value != 0x7f : !is_hidden(value);
  return n && shown ? n : 0;
}

const char *ui_clean(const char *text, char *out, size_t size) {
  size_t used = 0;
  for (const unsigned char *c = (const unsigned char *)text; *c;) {
    size_t n = ui_printable((const char *)c);
    if (used + (n ? n : 1) >= size) break;
    if (n)
      memcpy(out + used, c, n);
    else
      out[used] = '?';
    used += n ? n : 1;
    c += n ? n : 1;
  }
  out[used] = '\0';
  return out;
}

size_t ui_visible(const char *text, size_t size, char *out) {
  const unsigned char *c = (const unsigned char *)text, *end = c + size;
  size_t used = 0;
  while (c < end) {
    size_t n = *c == '\t' ? 1 : ui_printable((const char *)c);
    if (n) {
      memcpy(out + used, c, n);
      used += n;
      c += n;
    } else {
      used += (size_t)sprintf(out + used, *c == '\n' ? "\\n" : "\\x%02x", *c);
      c++;
    }
  }
  out[used] = '\0';
  return used;
}

void ui_quoted(FILE *out, const char *text) {
  bool shown = true, bare = *text != '\0';
  for (size_t at = 0, n; shown && text[at]; at += n) {
    n = ui_printable(text + at);
    shown = n > 0;
    bare = bare && (n > 1 || isalnum((unsigned char)text[at]) || strchr("_.@%+-:/=,", text[at]));
  }
  if (shown && bare) {
    fputs(text, out);
    return;
  }
  fputs(shown ? "'" : "$'", out);
  for (size_t n; *text; text += n ? n : 1) {
    n = ui_printable(text);
    if (!n)
      fprintf(out, "\\%03o", (unsigned char)*text);
    else if (*text == '\'')
      fputs(shown ? "'\\''" : "\\'", out);
    else if (*text == '\\' && !shown)
      fputs("\\\\", out);
    else
      fwrite(text, 1, n, out);
  }
  fputc('\'', out);
}

const char *ui_short(const char *id, char out[16]) {
  snprintf(out, 16, "%.8s…", id);
  return out;
}

void ui_log(pairlink_log_level level, const char *text, void *user) {
  (void)user;
  if (level == PAIRLINK_LOG_ERROR) snprintf(last_problem, sizeof last_problem, "%s", text);
  if (talkative) ui_note("  %s", text);
}

const char *ui_last_problem(void) {
  return last_problem;
}

int ui_fail(const char *what, int error, const char *why) {
  char reason[900];
  const char *text = pairlink_error_text(error);
  if (!why || !*why)
    snprintf(reason, sizeof reason, "%s", text);
  else
    snprintf(reason, sizeof reason, "%s: %s", text, why);
  ui_error(what, reason,
           error == PAIRLINK_ERELAYKEY ? "ask the relay's operator; if it was set up again on purpose: "
                                         "pairlink forget --relay URL"
                                       : pairlink_error_hint(error));
  return exit_code_of_error(error);
}
