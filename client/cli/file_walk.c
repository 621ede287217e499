#include "file_walk.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "file_stat.h"
#include "ui.h"

enum { NAME_MAX_BYTES = 1024 };

/* ---- the list ----------------------------------------------------------------------------------------- */

static int out_of_memory(void) {
  ui_error("out of memory", NULL, NULL);
  return EXIT_OTHER;
}

static const char *shown_path(const char *path, char out[256]) {
  return ui_clean(path, out, 256);
}

/* is_fault: the exit code must show that it was skipped. */
static void walk_skip(file_list *list, const char *path, const char *why, bool is_fault) {
  char text[256];
  ui_say("Skipped: %s (%s)", shown_path(path, text), why);
  if (is_fault) list->left_out++;
}

static void free_source(file_source *s) {
  file_source_close(s);
  free(s->path);
  free(s->seen);
  free(s->name);
}

static file_source *add_source(file_list *list, const char *path, const char *seen, const char *name,
                               const struct stat *st) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? 2 * list->capacity : 16;
    file_source *grown = realloc(list->sources, capacity * sizeof *grown);
    if (!grown) return NULL;
    list->sources = grown;
    list->capacity = capacity;
  }
  file_source *s = &list->sources[list->count];
  memset(s, 0, sizeof *s);
  s->fd = -1;
  s->path = path ? strdup(path) : NULL;
  s->seen = strdup(seen);
  s->name = strdup(name);
  if (!s->name || !s->seen || (path && !s->path)) {
    free_source(s);
    return NULL;
  }
  if (st && S_ISREG(st->st_mode)) {
    s->size = (uint64_t)st->st_size;
    s->mtime_ns = file_mtime_ns(st);
  } else {
    s->flags = st ? PL_CONST_FILE_FLAG_FOLDER : PL_CONST_FILE_FLAG_STREAM;
  }
  list->bytes += s->size;
  list->count++;
  return s;
}

/* Returns true when the path was given before. */
static bool is_known(const file_list *list, const char *path) {
  for (size_t at = 0; at < list->paths_size; at += strlen(list->paths + at) + 1)
    if (strcmp(list->paths + at, path) == 0) return true;
  return false;
}

static bool remember_argument(file_list *list, const char *path) {
  size_t size = strlen(path) + 1;
  char *grown = realloc(list->paths, list->paths_size + size);
  if (!grown) return false;
  memcpy(grown + list->paths_size, path, size);
  list->paths = grown;
  list->paths_size += size;
  list->arguments++;
  return true;
}

/* ---- folders ------------------------------------------------------------------------------------------ */

static int compare_entries(const FTSENT **a, const FTSENT **b) {
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Finds the file that a link leads to. Returns false unless it is a file in the same folder. */
static bool walk_follow(const FTSENT *e, const char *root, char target[PATH_MAX], struct stat *st) {
  return realpath(e->fts_accpath, target) && file_is_below(target, root) && stat(target, st) == 0 &&
         S_ISREG(st->st_mode);
}

static bool is_empty(FTS *walk) {
  errno = 0;
  return fts_children(walk, FTS_NAMEONLY) == NULL && errno == 0;
}

/* Adds or skips one entry of a folder. Returns false when memory ran out. */
static bool walk_visit(file_list *list, FTS *walk, const FTSENT *e, const char *root, const char *root_name) {
  char name[PATH_MAX + 256], target[PATH_MAX];
  const char *path = e->fts_path;
  struct stat st = {0};
  if (e->fts_info == FTS_DP || !path) return true;
  if (snprintf(name, sizeof name, "%s%s", root_name, path + strlen(root)) > NAME_MAX_BYTES) {
    if (e->fts_info != FTS_D) walk_skip(list, path, "its name is too long", true);
    return true;
  }
  switch (e->fts_info) {
    case FTS_D:
      return !is_empty(walk) || add_source(list, path, path, name, e->fts_statp);
    case FTS_SL:
    case FTS_SLNONE:
      if (!walk_follow(e, root, target, &st)) return walk_skip(list, path, "a link that leads elsewhere", false), true;
      path = target;
      break;
    case FTS_F:
      st = *e->fts_statp;
      break;
    case FTS_DEFAULT:
      return walk_skip(list, path, "not a file", false), true;
    default:
      return walk_skip(list, path, strerror(e->fts_errno), true), true;
  }
  if (access(path, R_OK) != 0) return walk_skip(list, path, strerror(errno), true), true;
  return add_source(list, path, e->fts_path, name, &st);
}

static int add_folder(file_list *list, char *root, const char *root_name) {
  char *const roots[] = {root, NULL};
  FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_entries);
  bool good = walk != NULL;
  for (FTSENT *e; good && (e = fts_read(walk));) good = walk_visit(list, walk, e, root, root_name);
  if (walk) fts_close(walk);
  return good ? 0 : out_of_memory();
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

static int cannot_send_path(const char *path, const char *why) {
  char text[256], what[300];
  snprintf(what, sizeof what, "cannot send %s", shown_path(path, text));
  ui_error(what, why, NULL);
  return EXIT_IO;
}

/* Returns the name to send a path under: its last part, or the folder's own name for ".". */
static const char *last_part(const char *argument, const char *absolute, char out[PATH_MAX]) {
  snprintf(out, PATH_MAX, "%s", argument);
  size_t n = strlen(out);
  while (n > 1 && out[n - 1] == '/') out[--n] = '\0';
  const char *part = strrchr(out, '/');
  part = part ? part + 1 : out;
  if (*part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0) return part;
  part = strrchr(absolute, '/');
  return part && part[1] ? part + 1 : "files";
}

static int add_argument(file_list *list, const char *argument) {
  char absolute[PATH_MAX], last[PATH_MAX];
  struct stat st;
  if (!realpath(argument, absolute) || stat(absolute, &st) != 0) return cannot_send_path(argument, strerror(errno));
  if (is_known(list, absolute)) return 0;
  if (!remember_argument(list, absolute)) return out_of_memory();
  const char *name = last_part(argument, absolute, last);
  if (S_ISDIR(st.st_mode)) return add_folder(list, absolute, name);
  if (!S_ISREG(st.st_mode))
    return cannot_send_path(argument, "it is neither a file nor a folder; pipe it: … | pairlink send -");
  if (access(absolute, R_OK) != 0) return cannot_send_path(argument, strerror(errno));
  return add_source(list, absolute, absolute, name, &st) ? 0 : out_of_memory();
}

static int add_stream(file_list *list, const char *name) {
  char unique[64];
  uint8_t random[16];
  if (isatty(STDIN_FILENO)) {
    ui_error("- stands for data from a pipe, and stdin is a terminal", NULL, "tar c FOLDER | pairlink send -");
    return EXIT_USAGE;
  }
  randombytes_buf(random, sizeof random); /* no two pipes are the same */
  snprintf(unique, sizeof unique, "-%llx%llx", (unsigned long long)pl_get_u64(random),
           (unsigned long long)pl_get_u64(random + 8));
  return remember_argument(list, unique) && add_source(list, NULL, unique, name, NULL) ? 0 : out_of_memory();
}

int file_list_make(file_list *list, char **paths, size_t count, const char *stdin_name) {
  size_t streams = 0;
  int code = 0;
  memset(list, 0, sizeof *list);
  for (size_t i = 0; i < count && !code; i++) {
    bool stream = strcmp(paths[i], "-") == 0;
    if (stream && streams++) continue;
    code = stream ? add_stream(list, stdin_name) : add_argument(list, paths[i]);
  }
  if (!code && list->count == 0) {
    ui_error("there is nothing to send", NULL, NULL);
    code = EXIT_IO;
  }
  if (code) {
    file_list_free(list);
    return code;
  }
  list->is_group = list->count > 1 || strchr(list->sources[0].name, '/');
  if (list->arguments == 1)
    snprintf(list->title, sizeof list->title, "%.*s", (int)strcspn(list->sources[0].name, "/"), list->sources[0].name);
  else
    snprintf(list->title, sizeof list->title, "%zu files", list->count);
  return 0;
}

void file_list_free(file_list *list) {
  for (size_t i = 0; i < list->count; i++) free_source(&list->sources[i]);
  free(list->sources);
  free(list->paths);
  memset(list, 0, sizeof *list);
}
