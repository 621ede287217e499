/* The units of receiving.h. The journal holds those of all identities and folders; memory holds those of one identity
 * and one folder. A line of the journal is a unit, a folder of a unit with its name here, or the end of a unit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "receiving.h"

/* ---- in memory ---------------------------------------------------------------------------------------- */

static size_t unit_bucket(const uint8_t id[16]) {
  return (size_t)((pl_get_u64(id) ^ pl_get_u64(id + 8)) * 0x9e3779b97f4a7c15u >> 32) % RECEIVING_BUCKETS;
}

static void free_unit(receiving_unit *u) {
  free(u->name);
  json_decref(u->tops);
  free(u);
}

receiving_unit *receiving_add(receiving *r, const receiving_unit *unit) {
  receiving_unit *u = r->unit_count < RECEIVING_UNITS_MAX ? malloc(sizeof *u) : NULL;
  if (!u) return NULL;
  *u = *unit;
  u->name = strdup(unit->name);
  u->tops = unit->tops ? json_incref(unit->tops) : json_object();
  if (!u->name || !u->tops) {
    free_unit(u);
    return NULL;
  }
  receiving_unit **bucket = &r->buckets[unit_bucket(u->id)];
  u->next = *bucket;
  *bucket = u;
  pl_list_init(&u->node);
  pl_list_append(&r->units, &u->node);
  r->unit_count++;
  return u;
}

receiving_unit *receiving_find(const receiving *r, const char *peer_id, const uint8_t id[16]) {
  for (receiving_unit *u = r->buckets[unit_bucket(id)]; u; u = u->next)
    if (memcmp(u->id, id, 16) == 0 && strcmp(u->peer, peer_id) == 0) return u;
  return NULL;
}

receiving_unit *receiving_each(const receiving *r, const receiving_unit *after) {
  const pl_node *n = after ? after->node.next : r->units.next;
  return n == &r->units ? NULL : PL_CONTAINER(n, receiving_unit, node);
}

receiving_unit *receiving_first(const receiving *r, const char *peer_id) {
  receiving_unit *u = NULL;
  while ((u = receiving_each(r, u)))
    if (u->kept && (!peer_id || strcmp(u->peer, peer_id) == 0)) return u;
  return NULL;
}

/* ---- the journal -------------------------------------------------------------------------------------- */

/* The keys of each line that tell which unit it is about. */
static json_t *line_about(const receiving *r, const receiving_unit *u) {
  char id[FILE_HEX_CHARS];
  return json_pack("{s:s, s:s, s:s, s:s}", "own", r->own, "peer", u->peer, "id", file_hex(u->id, sizeof u->id, id),
                   "folder", r->folder);
}

static json_t *unit_with(json_t *line, const char *key, json_t *value) {
  if (json_object_set_new(line, key, value) == 0) return line;
  json_decref(line);
  return NULL;
}

int receiving_keep(receiving *r, receiving_unit *u, char why[PL_WHY_MAX]) {
  json_t *line = line_about(r, u);
  line = unit_with(line, "group", json_boolean(u->is_group));
  line = unit_with(line, "name", json_string(u->name));
  line = unit_with(line, "bytes", json_integer((json_int_t)u->bytes));
  line = unit_with(line, "files", json_integer((json_int_t)u->files));
  int error = journal_add(&r->journal, line, why);
  u->kept = !error;
  return error;
}

int receiving_keep_top(receiving *r, receiving_unit *u, const char *top, const char *here, char why[PL_WHY_MAX]) {
  if (json_object_set_new(u->tops, top, json_string(here)) != 0) return PL_ENOMEM;
  if (!u->kept) return 0;
  return journal_add(&r->journal,
                     unit_with(unit_with(line_about(r, u), "top", json_string(top)), "here", json_string(here)), why);
}

void receiving_forget(receiving *r, receiving_unit *u) {
  if (u->kept) (void)journal_add(&r->journal, unit_with(line_about(r, u), "over", json_true()), NULL);
  u->kept = false;
}

void receiving_remove(receiving *r, receiving_unit *u) {
  receiving_forget(r, u);
  receiving_unit **at = &r->buckets[unit_bucket(u->id)];
  while (*at != u) at = &(*at)->next;
  *at = u->next;
  pl_list_remove(&u->node);
  r->unit_count--;
  free_unit(u);
}

int receiving_sync(receiving *r, char why[PL_WHY_MAX]) {
  return journal_sync(&r->journal, why);
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* Collects the units that are not over, with their folders. The context maps the keys of line_about to the unit's line.
 */
static int read_unit(void *context, json_t *line) {
  json_t *live = context, *unit;
  char *key = NULL;
  if (!json_is_object(line)) return 0;
  const char *top = journal_text(line, "top"), *here = journal_text(line, "here");
  if (asprintf(&key, "%s %s %s %s", journal_text(line, "own"), journal_text(line, "peer"), journal_text(line, "id"),
               journal_text(line, "folder")) < 0)
    return PL_ENOMEM;
  int error = 0;
  if (json_is_true(json_object_get(line, "over"))) {
    (void)json_object_del(live, key);
  } else if (!*top) {
    if (!json_is_object(json_object_get(line, "tops"))) error = json_object_set_new(line, "tops", json_object());
    if (!error) error = json_object_set(live, key, line);
  } else if ((unit = json_object_get(live, key))) {
    error = json_object_set_new(json_object_get(unit, "tops"), top, json_string(here));
  }
  free(key);
  return error ? PL_ENOMEM : 0;
}

static json_t *units_left(void *context) {
  json_t *live = context, *list = json_array(), *unit;
  const char *key;
  json_object_foreach(live, key, unit) {
    if (json_array_append(list, unit) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static int add_read(receiving *r, const json_t *line) {
  receiving_unit u = {.kept = true, .accepted = true, .name = (char *)(uintptr_t)journal_text(line, "name")};
  const char *peer = journal_text(line, "peer");
  bool ours = strcmp(journal_text(line, "own"), r->own) == 0 && strcmp(journal_text(line, "folder"), r->folder) == 0;
  if (!ours || strlen(peer) != PAIRLINK_ID_CHARS || !file_unhex(journal_text(line, "id"), u.id, sizeof u.id)) return 0;
  memcpy(u.peer, peer, sizeof u.peer);
  u.is_group = json_is_true(json_object_get(line, "group"));
  u.bytes = (uint64_t)json_integer_value(json_object_get(line, "bytes"));
  u.files = (uint32_t)json_integer_value(json_object_get(line, "files"));
  u.tops = json_object_get(line, "tops");
  if (r->unit_count == RECEIVING_UNITS_MAX) receiving_remove(r, receiving_each(r, NULL)); /* the oldest */
  return receiving_add(r, &u) ? 0 : PL_ENOMEM;
}

int receiving_open(receiving *r, const char *own_id, const char *folder, char why[PL_WHY_MAX]) {
  static const journal_kind kind = {.name = "receiving/units", .each = read_unit, .rest = units_left};
  const char *key;
  json_t *live = json_object(), *unit;
  memset(r, 0, sizeof *r);
  pl_list_init(&r->units);
  r->journal.fd = r->saved_journal.fd = -1;
  memcpy(r->own, own_id, PAIRLINK_ID_CHARS + 1);
  r->folder = strdup(folder);
  r->live = json_object();
  int error = live && r->live && r->folder ? journal_open(&r->journal, &kind, live, why) : PL_ENOMEM;
  json_object_foreach(live, key, unit) {
    if (!error) error = add_read(r, unit);
    if (!error && json_object_set_new(r->live, journal_text(unit, "id"), json_true())) error = PL_ENOMEM;
  }
  json_decref(live);
  return error;
}

void receiving_close(receiving *r) {
  char why[PL_WHY_MAX];
  receiving_unit *u = r->folder ? receiving_each(r, NULL) : NULL; /* without a folder it was never opened */
  for (receiving_unit *next; u; u = next) {
    next = receiving_each(r, u);
    u->kept = false; /* it stays in the journal */
    receiving_remove(r, u);
  }
  for (size_t i = 0; i < r->saved_count; i++) free(r->saved[i].path);
  if (r->journal.fd >= 0) (void)journal_sync(&r->journal, why);
  journal_close(&r->journal);
  journal_close(&r->saved_journal);
  json_decref(r->live);
  free(r->folder);
  free(r->saved);
  free(r->saved_index);
  memset(r, 0, sizeof *r);
  r->journal.fd = r->saved_journal.fd = -1;
}
