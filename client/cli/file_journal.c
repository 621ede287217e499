#include "file_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/private_file.h"

/* A journal of fewer lines is not shortened; one of more bytes is, since it would soon be full. */
enum { LINES_WORTH_IT = 64, BYTES_WORTH_IT = JOURNAL_BYTES_MAX / 4 };
/* More than JOURNAL_BYTES_MAX, because two programs that append at the same time may exceed it a little. */
enum { READ_BYTES_MAX = JOURNAL_BYTES_MAX + (1 << 20) };

/* The whole file. */
typedef struct contents {
  char *text;
  size_t size, lines;
  bool is_array;
} contents;

const char *journal_text(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static int read_array(const contents *c, const journal_kind *kind, void *context) {
  json_t *list = json_loadb(c->text, c->size, 0, NULL), *line;
  size_t i;
  int error = 0;
  json_array_foreach(list, i, line) {
    if (!error) error = kind->each(context, line);
  }
  json_decref(list);
  return error;
}

static int read_lines(contents *c, const journal_kind *kind, void *context) {
  int error = 0;
  for (char *at = c->text, *end = at + c->size; at < end && !error; c->lines++) {
    char *feed = memchr(at, '\n', (size_t)(end - at));
    json_t *line = json_loadb(at, (size_t)((feed ? feed : end) - at), 0, NULL);
    if (line) error = kind->each(context, line);
    json_decref(line);
    at = feed ? feed + 1 : end;
  }
  return error;
}

/* ---- shortening ------------------------------------------------------------------------------------- */

static int put_rest(const char *path, const json_t *rest, char *why) {
  char *text = NULL;
  size_t size = 0, i;
  json_t *line;
  FILE *out = open_memstream(&text, &size);
  bool good = out;
  json_array_foreach(rest, i, line) {
    good = good && json_dumpf(line, out, JSON_COMPACT) == 0 && putc('\n', out) != EOF;
  }
  if (out && fclose(out) != 0) good = false;
  int error = good ? pl_file_put(path, text, size, true, why) : PL_ENOMEM;
  free(text);
  return error;
}

/* Copies the lines that stay to `out`, which has room for all. Returns how many bytes they have; *stay counts them. */
static size_t copy_newest(const contents *c, const journal_kind *kind, void *context, size_t newest, char *out,
                          size_t *stay) {
  size_t used = 0, place = 0;
  *stay = 0;
  for (const char *at = c->text, *end = at + c->size; at < end; place++) {
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    size_t size = (size_t)((feed ? feed + 1 : end) - at);
    json_t *line = place + newest < c->lines && kind->keeps ? json_loadb(at, size, 0, NULL) : NULL;
    if (place + newest >= c->lines || (line && kind->keeps(context, line))) {
      memcpy(out + used, at, size);
      used += size;
      ++*stay;
    }
    json_decref(line);
    at += size;
  }
  return used;
}

/* Leaves the file as it is, and clears *shorter, when less than half of the lines would go. */
static int put_newest(const char *path, const contents *c, const journal_kind *kind, void *context, bool *shorter,
                      char *why) {
  size_t newest = kind->newest < c->lines / 2 ? kind->newest : c->lines / 2, stay;
  char *text = malloc(c->size);
  if (!text) return PL_ENOMEM;
  size_t size = copy_newest(c, kind, context, newest, text, &stay);
  *shorter = stay <= c->lines / 2;
  int error = *shorter ? pl_file_put(path, text, size, true, why) : 0;
  free(text);
  return error;
}

static int open_journal_file(file_journal *j, char *why) {
  if (j->fd >= 0) close(j->fd);
  j->fd = open(j->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  return j->fd < 0 ? pl_why(why, PL_EIO, "cannot open %s: %s", j->path, strerror(errno)) : 0;
}

/* Shortens the journal if no other program has it open: the others would still append to the old file. Programs that
 * open it meanwhile wait for the lock that journal_open holds. */
static int journal_shorten(file_journal *j, const journal_kind *kind, const contents *c, void *context, char *why) {
  bool is_long = c->lines > LINES_WORTH_IT || c->is_array;
  if (!is_long || flock(j->fd, LOCK_EX | LOCK_NB) != 0) return 0;
  if (kind->newest) {
    bool shorter = c->lines > 2 * kind->newest || c->size > BYTES_WORTH_IT;
    int error = shorter ? put_newest(j->path, c, kind, context, &shorter, why) : 0;
    return error || !shorter ? error : open_journal_file(j, why);
  }
  json_t *rest = kind->rest(context);
  bool of_use = rest && !c->is_array && json_array_size(rest) > c->lines / 2;
  int error = of_use ? 0 : rest ? put_rest(j->path, rest, why) : PL_ENOMEM;
  json_decref(rest);
  return error || of_use ? error : open_journal_file(j, why);
}

static int open_and_read(file_journal *j, const journal_kind *kind, void *context, char *why) {
  contents c = {0};
  int error = open_journal_file(j, why);
  if (!error && pl_file_read(j->path, 077, READ_BYTES_MAX, (uint8_t **)&c.text, &c.size, NULL) == 0 && c.size) {
    c.is_array = c.text[0] == '[';
    j->torn = c.text[c.size - 1] != '\n';
    error = c.is_array ? read_array(&c, kind, context) : read_lines(&c, kind, context);
    if (!error) error = journal_shorten(j, kind, &c, context, why);
  }
  free(c.text);
  if (!error && flock(j->fd, LOCK_SH) != 0) error = pl_why(why, PL_EIO, "cannot lock %s", j->path);
  return error;
}

int journal_open(file_journal *j, const journal_kind *kind, void *context, char why[PL_WHY_MAX]) {
  int lock = -1;
  *j = (file_journal){.fd = -1};
  j->path = pl_path_of(NULL, "XDG_STATE_HOME", ".local/state", kind->name, why);
  if (!j->path) return pl_path_error(PL_EIO);
  int error = pl_folders_for(j->path, why);
  if (!error) error = pl_file_lock(j->path, true, &lock, why);
  if (!error) error = open_and_read(j, kind, context, why);
  if (lock >= 0) close(lock);
  return error;
}

void journal_close(file_journal *j) {
  if (j->fd >= 0) close(j->fd);
  free(j->path);
  *j = (file_journal){.fd = -1};
}

/* ---- appending ---------------------------------------------------------------------------------------- */

/* Writes the text of whole lines in one write. After half a line, a line feed comes first, so that only the half line
 * is lost. */
static int append_text(file_journal *j, const char *text, size_t size, char *why) {
  struct stat st;
  if (fstat(j->fd, &st) == 0 && (size_t)st.st_size + size > JOURNAL_BYTES_MAX)
    return pl_why(why, PL_EAGAIN, "%s is full", j->path);
  size_t skip = j->torn ? 0 : 1;
  j->dirty = true;
  j->torn = pl_file_write_all(j->fd, text + skip, size - skip) != 0;
  return j->torn ? pl_why(why, PL_EIO, "cannot write %s: %s", j->path, strerror(errno)) : 0;
}

int journal_add_all(file_journal *j, json_t *take_lines, char why[PL_WHY_MAX]) {
  char *text = NULL;
  size_t size = 0, i;
  json_t *line;
  FILE *out = take_lines ? open_memstream(&text, &size) : NULL;
  bool good = out && putc('\n', out) != EOF;
  json_array_foreach(take_lines, i, line) {
    good = good && json_dumpf(line, out, JSON_COMPACT) == 0 && putc('\n', out) != EOF;
  }
  if (out && fclose(out) != 0) good = false;
  int error = !good ? PL_ENOMEM : json_array_size(take_lines) ? append_text(j, text, size, why) : 0;
  json_decref(take_lines);
  free(text);
  return error;
}

int journal_add(file_journal *j, json_t *take_line, char why[PL_WHY_MAX]) {
  json_t *lines = take_line ? json_array() : NULL;
  if (lines && json_array_append(lines, take_line) != 0) {
    json_decref(lines);
    lines = NULL;
  }
  json_decref(take_line);
  return journal_add_all(j, lines, why);
}

int journal_sync(file_journal *j, char why[PL_WHY_MAX]) {
  if (!j->dirty) return 0;
  if (fdatasync(j->fd) != 0) return pl_why(why, PL_EIO, "cannot write %s: %s", j->path, strerror(errno));
  j->dirty = false;
  return 0;
}
