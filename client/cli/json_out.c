#include "json_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_code.h"
#include "ui.h"

bool json_out(const char *event, const char *format, ...) {
  json_t *line = json_object(), *rest = NULL;
  bool good = line && json_object_set_new(line, "event", json_string(event)) == 0;
  if (format) {
    va_list args;
    va_start(args, format);
    rest = json_vpack_ex(NULL, 0, format, args);
    va_end(args);
    good = rest && good && json_object_update(line, rest) == 0;
  }
  char *text = good ? json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
  good = text && printf("%s\n", text) > 0;
  good = fflush(stdout) == 0 && good;
  free(text);
  json_decref(rest);
  json_decref(line);
  return good;
}

json_t *json_out_text(const char *text) {
  json_t *string = json_string(text);
  size_t size = strlen(text) + 1;
  char *clean = string ? NULL : malloc(size);
  if (clean) string = json_string(ui_clean(text, clean, size));
  free(clean);
  return string;
}

/* A signal ended the command. What was said before it does not matter. */
static bool tell_signal(int number) {
  const char *name = sigabbrev_np(number);
  char text[64];
  snprintf(text, sizeof text, "ended by SIG%s", name ? name : "?");
  return json_out("error", "{s:s, s:s, s:s}", "error", exit_code_find(EXIT_INTERRUPTED)->word, "text", text, "hint",
                  "");
}

bool json_out_failure(int exit_code) {
  const char *what, *why, *hint;
  char text[1100];
  if (exit_code == EXIT_OK) return true;
  if (exit_code > 128) return tell_signal(exit_code - 128);
  const exit_code_row *row = exit_code_find(exit_code);
  ui_last_error(&what, &why, &hint);
  if (!*what) what = row->meaning;
  snprintf(text, sizeof text, "%s%s%s", what, *why ? ": " : "", why);
  return json_out("error", "{s:s, s:o, s:o}", "error", row->word, "text", json_out_text(text), "hint",
                  json_out_text(hint));
}
