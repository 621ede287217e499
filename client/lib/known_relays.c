/* See known_relays.h. A text file with one relay per line: origin, space, ID. Each change writes the whole file again,
 * so a lock file lets only one program at a time do that. */
#include "known_relays.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/identity/identity.h"

enum { RELAYS_FILE_MAX = 1 << 20 };

/* Returns PL_ESTATE when there is no file. */
static int relays_read(const char *path, char **text, size_t *size, char *why) {
  uint8_t *all;
  int error = pl_file_read(path, 022, RELAYS_FILE_MAX, &all, size, why);
  *text = (char *)all;
  return error;
}

/* Returns the line of an origin, or NULL. */
static char *relays_find_line(char *text, const char *origin) {
  size_t n = strlen(origin);
  for (char *line = text; line && *line;) {
    if (strncmp(line, origin, n) == 0 && line[n] == ' ') return line;
    char *end = strchr(line, '\n');
    line = end ? end + 1 : NULL;
  }
  return NULL;
}

/* Returns 1 and the ID that is pinned for an origin, 0 when there is none, or PL_EIO. */
static int relays_find_id(char *text, const char *origin, uint8_t id[32], const char *path, char *why) {
  char *line = relays_find_line(text, origin);
  if (!line) return 0;
  const char *at = line + strlen(origin) + 1;
  if (pl_id_parse(id, at, strcspn(at, "\r\n")) != 0)
    return pl_why(why, PL_EIO, "the line for %s in %s is damaged; remove it if you trust the relay", origin, path);
  return 1;
}

int pl_relays_find(const char *path, const char *origin, uint8_t id[32], char why[PL_WHY_MAX]) {
  char *text;
  size_t size;
  int found = relays_read(path, &text, &size, why);
  if (found == PL_ESTATE)
    found = 0;
  else if (found == 0)
    found = relays_find_id(text, origin, id, path, why);
  free(text);
  return found;
}

static int relays_add_line(const char *path, const char *origin, const uint8_t id[32], char *why) {
  char *text = NULL, *grown = NULL, written[PL_ID_CHARS + 1];
  uint8_t old[32];
  size_t size = 0;
  int error = relays_read(path, &text, &size, why);
  if (error == PL_ESTATE) error = 0;
  int found = error || !text ? 0 : relays_find_id(text, origin, old, path, why);
  if (found < 0) error = found;
  if (found == 1 && memcmp(old, id, 32) != 0) error = PL_ERELAYKEY;
  if (!error && !found) {
    pl_id_format(written, id);
    bool joined = text && size && text[size - 1] != '\n';
    int n = asprintf(&grown, "%s%s%s %s\n", text ? text : "", joined ? "\n" : "", origin, written);
    if (n < 0) grown = NULL;
    error = n < 0 ? PL_ENOMEM : pl_file_put(path, grown, (size_t)n, true, why);
  }
  free(grown);
  free(text);
  return error;
}

int pl_relays_add(const char *path, const char *origin, const uint8_t id[32], char why[PL_WHY_MAX]) {
  int error = pl_folders_for(path, why);
  if (error) return error;
  int fd;
  error = pl_file_lock(path, true, &fd, why);
  if (error) return error;
  error = relays_add_line(path, origin, id, why);
  close(fd);
  return error;
}

int pl_relays_forget(const char *path, const char *origin, char why[PL_WHY_MAX]) {
  char *text;
  size_t size;
  struct stat st;
  if (stat(path, &st) != 0 && errno == ENOENT) return 0;
  int fd, result = pl_file_lock(path, true, &fd, why);
  if (result) return result;
  result = relays_read(path, &text, &size, why);
  char *line = result == 0 ? relays_find_line(text, origin) : NULL;
  if (line) {
    size_t n = strcspn(line, "\n");
    n += line[n] == '\n';
    memmove(line, line + n, (size_t)(text + size - line) - n + 1);
    result = pl_file_put(path, text, size - n, true, why);
    if (result == 0) result = 1;
  }
  free(text);
  close(fd);
  return result == PL_ESTATE ? 0 : result;
}
