/* What is complete: one line of JSON for each file, appended; so that it is not sent again when the other side missed
 * the word. Only the newest lines are kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_state.h"

enum { SAVED_MAX = 65536, SAVED_BYTES_MAX = 64 << 20 };

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

/* ---- the index: open addressing by the id, which is a hash already -------------------------------------- */

static size_t slot_of(const receiving *r, const uint8_t id[16]) {
  return (size_t)pl_get_u64(id) & (r->index_size - 1);
}

static void index_one(receiving *r, size_t place) {
  size_t at = slot_of(r, r->saved[place].id);
  while (r->saved_index[at] && memcmp(r->saved[r->saved_index[at] - 1].id, r->saved[place].id, 16) != 0)
    at = (at + 1) & (r->index_size - 1);
  r->saved_index[at] = (uint32_t)place + 1; /* the newest of one id */
}

static bool make_room(receiving *r) {
  if (2 * (r->saved_count + 1) < r->index_size) return true;
  size_t size = r->index_size ? 2 * r->index_size : 1024;
  receiving_saved *saved = realloc(r->saved, size / 2 * sizeof *saved);
  if (!saved) return false;
  r->saved = saved;
  uint32_t *index = calloc(size, sizeof *index);
  if (!index) return false;
  free(r->saved_index);
  r->saved_index = index;
  r->index_size = size;
  for (size_t i = 0; i < r->saved_count; i++) index_one(r, i);
  return true;
}

static bool put(receiving *r, const receiving_saved *saved) {
  if (!make_room(r)) return false;
  receiving_saved *s = &r->saved[r->saved_count];
  *s = *saved;
  s->path = strdup(saved->path);
  if (!s->path) return false;
  index_one(r, r->saved_count++);
  return true;
}

const receiving_saved *receiving_saved_find(const receiving *r, const uint8_t id[16]) {
  for (size_t at = r->index_size ? slot_of(r, id) : 0; r->index_size && r->saved_index[at];
       at = (at + 1) & (r->index_size - 1)) {
    const receiving_saved *s = &r->saved[r->saved_index[at] - 1];
    struct stat st;
    if (memcmp(s->id, id, 16) != 0) continue;
    /* Moved or changed since: then it is to be sent again. */
    bool same = lstat(s->path, &st) == 0 &&
                (S_ISDIR(st.st_mode) || ((uint64_t)st.st_size == s->size &&
                                         (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == s->mtime_ns));
    return same ? s : NULL;
  }
  return NULL;
}

/* ---- the file ----------------------------------------------------------------------------------------- */

static bool read_line(const json_t *line, receiving_saved *s) {
  s->size = (uint64_t)json_integer_value(json_object_get(line, "size"));
  s->mtime_ns = (int64_t)json_integer_value(json_object_get(line, "mtime_ns"));
  s->path = (char *)(uintptr_t)text_of(line, "path"); /* copied by put */
  return file_unhex(text_of(line, "id"), s->id, 16) && file_unhex(text_of(line, "unit"), s->unit, 16) &&
         file_unhex(text_of(line, "sha256"), s->sha256, FILE_HASH_BYTES);
}

static int load_lines(receiving *r, const char *peer_id, char *text, size_t size) {
  for (char *at = text, *end = text + size; at < end;) {
    char *feed = memchr(at, '\n', (size_t)(end - at)), *next = feed ? feed + 1 : end;
    receiving_saved s;
    json_t *line = json_loadb(at, (size_t)((feed ? feed : end) - at), 0, NULL);
    bool ours = line && strcmp(text_of(line, "own"), r->own) == 0 && strcmp(text_of(line, "peer"), peer_id) == 0;
    bool good = !ours || !read_line(line, &s) || put(r, &s);
    json_decref(line);
    if (!good) return PL_ENOMEM;
    at = next;
  }
  return 0;
}

/* Where the newest lines begin. */
static size_t newest(const char *text, size_t size) {
  size_t lines = 0;
  for (size_t i = size; i > 0; i--)
    if (text[i - 1] == '\n' && ++lines > SAVED_MAX / 2) return i;
  return 0;
}

int receiving_load_saved(receiving *r, const char *peer_id, char why[PL_WHY_MAX]) {
  char *path = pl_path_of(NULL, "XDG_STATE_HOME", ".local/state", "receiving/saved", why);
  uint8_t *text = NULL;
  size_t size = 0, lines = 0;
  int lock = -1, error = path ? pl_folders_for(path, why) : pl_path_error(PL_EIO);
  if (!error) error = pl_file_lock(path, true, &lock, why);
  if (!error && pl_file_read(path, 077, SAVED_BYTES_MAX, &text, &size, NULL) == 0) {
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    size_t from = lines > SAVED_MAX ? newest((const char *)text, size) : 0;
    if (from) error = pl_file_put(path, text + from, size - from, true, why);
    if (!error) error = load_lines(r, peer_id, (char *)text, size);
  }
  if (!error) {
    r->saved_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->saved_fd < 0) error = pl_why(why, PL_EIO, "cannot open %s: %s", path, strerror(errno));
  }
  if (lock >= 0) close(lock);
  free(text);
  free(path);
  return error;
}

int receiving_saved_add(receiving *r, const receiving_saved *s, const char *peer_id, char why[PL_WHY_MAX]) {
  char id[FILE_HEX_CHARS], unit[FILE_HEX_CHARS], sum[FILE_HEX_CHARS];
  json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s*}", "own", r->own, "peer", peer_id, "id",
                           file_hex(s->id, 16, id), "unit", file_hex(s->unit, 16, unit), "sha256",
                           file_hex(s->sha256, FILE_HASH_BYTES, sum), "size", (json_int_t)s->size, "mtime_ns",
                           (json_int_t)s->mtime_ns, "path", s->path);
  char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
  size_t size = text ? strlen(text) : 0;
  if (text) text[size] = '\n'; /* instead of the NUL: one write a line */
  int error = !text ? PL_ENOMEM : pl_file_write_all(r->saved_fd, text, size + 1);
  if (error == PL_EIO) (void)pl_why(why, error, "cannot write what was saved: %s", strerror(errno));
  free(text);
  json_decref(line);
  return put(r, s) ? error : PL_ENOMEM;
}
