/* What send and receive print: messages, progress lines, and objects for scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "share.h"

enum { DRAW_EVERY_MS = 100, TELL_EVERY_MS = 1000 };

void share_json(share *s, bool written) {
  if (written || s->failed) return;
  s->failed = true;
  ui_error("stdout cannot be written", "its reader is gone", NULL);
  job_end(&s->base, EXIT_IO);
}

void share_line_init(share_line *line, const uint8_t *id, pl_view name) {
  char text[1025];
  size_t n = name.size < sizeof text - 1 ? name.size : sizeof text - 1;
  memset(line, 0, sizeof *line);
  memcpy(line->id, id, sizeof line->id);
  if (n) memcpy(text, name.data, n);
  text[n] = '\0';
  for (size_t i = 0; i < n; i++)
    if (text[i] == '\0') text[i] = '?';
  ui_clean(text, line->name, sizeof line->name);
}

/* ---- progress ----------------------------------------------------------------------------------------- */

bool share_draw_begin(share *s) {
  uint64_t now = job_now_ms();
  if (now < s->drawn_ms + DRAW_EVERY_MS || s->base.ending) return false;
  s->drawn_ms = now;
  s->line_count = 0;
  return true;
}

json_t *share_size(uint64_t size, bool is_stream) {
  return is_stream ? json_null() : json_integer((json_int_t)size);
}

static void tell_progress(share *s, share_line *line, uint64_t bytes, uint64_t size, uint64_t rate) {
  char id[FILE_HEX_CHARS];
  int64_t left = progress_seconds_left(rate, bytes, size);
  if (!s->json || s->drawn_ms < line->told_ms + TELL_EVERY_MS) return;
  line->told_ms = s->drawn_ms;
  json_t *seconds = left < 0 || !size ? json_null() : json_integer((json_int_t)left);
  share_json(s, json_out("progress", "{s:s, s:o, s:I, s:o, s:I, s:o}", "id", file_hex(line->id, 16, id), "name",
                         json_out_text(line->name), "bytes", (json_int_t)bytes, "size",
                         share_size(size, line->is_stream), "rate", (json_int_t)rate, "seconds_left", seconds));
}

void share_draw_file(share *s, share_line *line, uint64_t bytes, uint64_t size, const char *note) {
  progress_add(&line->rate, s->drawn_ms, bytes);
  uint64_t rate = progress_rate(&line->rate, s->drawn_ms);
  tell_progress(s, line, bytes, size, rate);
  if (!ui_live() || s->line_count == SHARE_LINES_MAX) return;
  if (!*note && !s->linked) note = "waiting";
  progress_line(s->lines[s->line_count++], (unsigned)ui_columns(), line->name, bytes, size, rate, note);
}

void share_draw_end(share *s) {
  const char *lines[SHARE_LINES_MAX];
  for (size_t i = 0; i < s->line_count; i++) lines[i] = s->lines[i];
  ui_status(lines, s->line_count);
}

/* ---- ends --------------------------------------------------------------------------------------------- */

const char *share_why(uint8_t why, bool by_peer) {
  switch (why) {
    case PL_CONST_FILE_DECLINED:
      return by_peer ? "declined by the other side" : "declined";
    case PL_CONST_FILE_CANCELLED:
      return by_peer ? "cancelled by the other side" : "cancelled";
    case PL_CONST_FILE_CHANGED:
      return "it changed while it was being sent";
    case PL_CONST_FILE_UNREADABLE:
      return "it cannot be read";
    case PL_CONST_FILE_UNWRITABLE:
      return by_peer ? "the other side cannot write it" : "it cannot be written";
    case PL_CONST_FILE_DAMAGED:
      return "it was damaged on the way: SHA-256 does not match";
    case PL_CONST_FILE_TOO_LARGE:
      return "it is larger than the other side can keep";
    default:
      return "for a reason this version does not know";
  }
}

const char *share_why_token(uint8_t why) {
  static const char *const tokens[] = {"unknown",    "declined",   "cancelled", "changed",
                                       "unreadable", "unwritable", "damaged",   "too_large"};
  return tokens[why < sizeof tokens / sizeof *tokens ? why : 0];
}

void share_tell_error(share *s, const uint8_t *id, const char *name, const char *error, const char *text,
                      const char *hint) {
  char hex[FILE_HEX_CHARS];
  if (!s->json) return;
  share_json(s, json_out("error", "{s:s, s:o, s:s, s:s, s:s}", "id", file_hex(id, 16, hex), "name", json_out_text(name),
                         "error", error, "text", text, "hint", hint ? hint : ""));
}

void share_file_error(share *s, const uint8_t *id, const char *name, const char *error, const char *text,
                      const char *hint) {
  char what[400];
  snprintf(what, sizeof what, "%s was not %s", name, s->hooks->send ? "sent" : "received");
  ui_error(what, text, hint);
  share_tell_error(s, id, name, error, text, hint);
}

void share_tell_done(share *s, const uint8_t *id, const char *name, const char *path, uint64_t size,
                     const uint8_t *sha256) {
  char hex[FILE_HEX_CHARS], sum[FILE_HEX_CHARS];
  if (!s->json) return;
  share_json(s, json_out("done", "{s:s, s:o, s:o, s:I, s:o}", "id", file_hex(id, 16, hex), "name", json_out_text(name),
                         "path", path ? json_out_text(path) : json_null(), "size", (json_int_t)size, "sha256",
                         sha256 ? json_string(file_hex(sha256, FILE_HASH_BYTES, sum)) : json_null()));
}

void share_tell_disk_full(share *s, const uint8_t *id, const char *name) {
  char hex[FILE_HEX_CHARS];
  if (!s->json) return;
  share_json(s, json_out("waiting", "{s:s, s:o, s:s}", "id", file_hex(id, 16, hex), "name", json_out_text(name),
                         "error", "disk_full"));
}

int share_finish(share *s, int exit_code) {
  ui_status(NULL, 0);
  bool told = !s->json || s->failed || json_out_failure(exit_code);
  return told ? exit_code : EXIT_IO;
}

static void add_option(FILE *out, const char *option, const char *value) {
  if (!value) return;
  fprintf(out, " %s ", option);
  ui_quoted(out, value);
}

void share_say_command(const share *s, const char *what, const char *word, const char *more) {
  char *line = NULL;
  size_t size;
  FILE *out = open_memstream(&line, &size);
  if (!out) return;
  fputs("pairlink", out);
  add_option(out, "--relay", s->base.c->relay);
  add_option(out, "--identity", s->base.c->identity);
  if (word)
    add_option(out, what, word);
  else
    fprintf(out, " %s", what);
  if (fclose(out) == 0) ui_say("To resume where it stopped: %s%s", line, more);
  free(line);
}
