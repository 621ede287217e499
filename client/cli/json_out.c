#include "json_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

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

static const struct {
  const char *word, *text; /* text: if nothing else was said */
} kinds[] = {
    [EXIT_OTHER] = {"other", "something unexpected"},
    [EXIT_USAGE] = {"usage", "wrong usage"},
    [EXIT_NO_RELAY] = {"no_relay", "the relay cannot be reached"},
    [EXIT_REFUSED] = {"refused", "refused"},
    [EXIT_PEER_GONE] = {"peer_gone", "the other side is gone"},
    [EXIT_KEY] = {"key", "an identity, key or certificate is wrong"},
    [EXIT_IO] = {"io", "reading or writing here failed"},
    [EXIT_CODE] = {"wrong_code", "the code was wrong, or is used up"},
    [EXIT_DISK_FULL] = {"disk_full", "the disk is full"},
    [EXIT_RELAY_STORE] = {"relay_store", "the relay cannot store new IDs right now"},
};

/* 128 + the number of a signal, whatever was said before it came. */
static bool tell_signal(int number) {
  const char *name = sigabbrev_np(number);
  char text[64];
  snprintf(text, sizeof text, "ended by SIG%s", name ? name : "?");
  return json_out("error", "{s:s, s:s, s:s}", "error", "interrupted", "text", text, "hint", "");
}

bool json_out_failure(int exit_code) {
  const char *what, *why, *hint;
  char text[1100];
  if (exit_code == EXIT_OK) return true;
  if (exit_code > 128) return tell_signal(exit_code - 128);
  bool known = exit_code > 0 && (size_t)exit_code < sizeof kinds / sizeof *kinds && kinds[exit_code].word;
  size_t kind = known ? (size_t)exit_code : EXIT_OTHER;
  ui_last_error(&what, &why, &hint);
  if (!*what) what = kinds[kind].text;
  snprintf(text, sizeof text, "%s%s%s", what, *why ? ": " : "", why);
  return json_out("error", "{s:s, s:o, s:o}", "error", kinds[kind].word, "text", json_out_text(text), "hint",
                  json_out_text(hint));
}
