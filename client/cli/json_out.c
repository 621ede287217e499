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

static const char *kind_of(int exit_code) {
  static const char *const kinds[] = {
      [EXIT_USAGE] = "usage",
      [EXIT_NO_RELAY] = "no_relay",
      [EXIT_REFUSED] = "refused",
      [EXIT_PEER_GONE] = "peer_gone",
      [EXIT_KEY] = "key",
      [EXIT_IO] = "io",
      [EXIT_CODE] = "wrong_code",
      [EXIT_DISK_FULL] = "disk_full",
      [EXIT_RELAY_STORE] = "relay_store",
  };
  if (exit_code == EXIT_INTERRUPTED) return "interrupted";
  bool known = exit_code > 0 && (size_t)exit_code < sizeof kinds / sizeof *kinds && kinds[exit_code];
  return known ? kinds[exit_code] : "other";
}

bool json_out_failure(int exit_code) {
  const char *what, *why, *hint;
  char text[1100];
  if (exit_code == EXIT_OK) return true;
  ui_last_error(&what, &why, &hint);
  if (exit_code == EXIT_INTERRUPTED && !*what) what = "interrupted";
  snprintf(text, sizeof text, "%s%s%s", what, *why ? ": " : "", why);
  return json_out("error", "{s:s, s:o, s:o}", "error", kind_of(exit_code), "text", json_out_text(text), "hint",
                  json_out_text(hint));
}
