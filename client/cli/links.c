#include "links.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/base/base.h"

enum { LINKS_FILE_MAX = 1 << 20, DAY_S = 24 * 60 * 60 };

typedef struct given_link {
  char text[PAIRLINK_INVITE_LINK_MAX];
  int64_t until_s;
} given_link;

typedef struct links {
  given_link list[LINKS_MAX];
  size_t count;
} links;

static char *links_path(const char *identity_file, char *why) {
  char *path = NULL;
  if (!identity_file) return pl_path_of(NULL, "XDG_CONFIG_HOME", ".config", "links", why);
  return asprintf(&path, "%s.links", identity_file) < 0 ? NULL : path;
}

static void links_drop(links *all, size_t i) {
  memmove(&all->list[i], &all->list[i + 1], (all->count - i - 1) * sizeof *all->list);
  all->count--;
}

/* Adds a link as the newest, or moves it there. */
static void links_put(links *all, const char *text, int64_t until_s) {
  for (size_t i = all->count; i-- > 0;)
    if (strcmp(all->list[i].text, text) == 0) links_drop(all, i);
  if (all->count == LINKS_MAX) links_drop(all, 0);
  given_link *one = &all->list[all->count++];
  snprintf(one->text, sizeof one->text, "%s", text);
  one->until_s = until_s;
}

/* A line that makes no sense is skipped: at worst somebody who comes too late is not told. */
static void links_read_line(links *all, const char *line, size_t size) {
  json_t *o = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
  const char *text = json_string_value(json_object_get(o, "link"));
  const json_t *until = json_object_get(o, "until_s");
  if (text && strlen(text) < PAIRLINK_INVITE_LINK_MAX && json_is_integer(until))
    links_put(all, text, json_integer_value(until));
  json_decref(o);
}

static int links_load(links *all, const char *path, int64_t now_s, char *why) {
  uint8_t *bytes;
  size_t size;
  int error = pl_file_read(path, 077, LINKS_FILE_MAX, &bytes, &size, why);
  if (error) return error == PL_ESTATE ? 0 : error;
  for (const char *at = (const char *)bytes, *end = at + size; at < end;) {
    size_t n = strcspn(at, "\n");
    if (n) links_read_line(all, at, n);
    at += n + 1;
  }
  free(bytes);
  for (size_t i = all->count; i-- > 0;)
    if (now_s - all->list[i].until_s > (int64_t)LINKS_DAYS * DAY_S) links_drop(all, i);
  return 0;
}

static int links_store(const links *all, const char *path, char *why) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  bool whole = out;
  for (size_t i = 0; i < all->count && whole; i++) {
    json_t *o = json_pack("{s:s, s:I}", "link", all->list[i].text, "until_s", (json_int_t)all->list[i].until_s);
    char *line = o ? json_dumps(o, JSON_COMPACT) : NULL;
    whole = line && fprintf(out, "%s\n", line) > 0;
    free(line);
    json_decref(o);
  }
  if (out) whole = fclose(out) == 0 && whole;
  int error = whole ? pl_file_put(path, text, size, true, why) : PL_ENOMEM;
  free(text);
  return error;
}

static int links_change(links *all, const char *path, const char *link, int64_t until_s, int64_t now_s, char *why) {
  int lock, error = pl_folders_for(path, why);
  if (!error) error = pl_file_lock(path, true, &lock, why);
  if (error) return error;
  error = links_load(all, path, now_s, why);
  if (!error) {
    links_put(all, link, until_s);
    error = links_store(all, path, why);
  }
  close(lock);
  return error;
}

int links_note(const char *identity_file, const char *link, int64_t until_s, int64_t now_s, char why[PL_WHY_MAX]) {
  char *path = links_path(identity_file, why);
  if (!path) return identity_file ? PL_ENOMEM : pl_path_error(PL_EIO);
  links *all = calloc(1, sizeof *all);
  int error = all ? links_change(all, path, link, until_s, now_s, why) : PL_ENOMEM;
  free(all);
  free(path);
  return error;
}

int links_tell(const char *identity_file, pairlink *client, int64_t now_s, char why[PL_WHY_MAX]) {
  char *path = links_path(identity_file, why);
  if (!path) return identity_file ? PL_ENOMEM : pl_path_error(PL_EIO);
  links *all = calloc(1, sizeof *all);
  int error = all ? links_load(all, path, now_s, why) : PL_ENOMEM;
  for (size_t i = 0; !error && i < all->count; i++) {
    if (all->list[i].until_s > now_s) continue;
    int rc = pairlink_invite_revoke(client, all->list[i].text);
    if (rc == PAIRLINK_ENOMEM) error = rc; /* one that is no link of this identity says nothing */
  }
  free(all);
  free(path);
  return error;
}
