/* The saved files of receiving.h: a file that is complete here is not sent again, even if the sender never learned that
 * it was saved. The journal has one line for each file. Of files whose unit is over, only the newest lines are kept. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "file_stat.h"
#include "receiving.h"

enum { SAVED_MAX = 1 << 20, NEWEST = 1 << 15 };

/* ---- the index: a hash table with open addressing -------------------------------------------------------- */

/* Mixes a random seed into the id. Senders choose their ids, and could make many of them collide otherwise. */
static size_t index_slot(const receiving *r, const uint8_t id[16]) {
  uint64_t mixed = (pl_get_u64(id) ^ r->index_seed) * 0x9e3779b97f4a7c15u + pl_get_u64(id + 8);
  mixed = (mixed ^ mixed >> 32 ^ r->index_seed) * 0xd6e8feb86659fd93u;
  return (size_t)(mixed >> 16) & (r->index_size - 1);
}

/* Returns the entry of a file, or the empty entry where it would go. */
static uint32_t *saved_indexed(const receiving *r, const uint8_t id[16], bool here) {
  size_t at = index_slot(r, id);
  for (; r->saved_index[at]; at = (at + 1) & (r->index_size - 1)) {
    const receiving_saved *s = &r->saved[r->saved_index[at] - 1];
    if (s->here == here && memcmp(s->id, id, 16) == 0) break;
  }
  return &r->saved_index[at];
}

static void index_one(receiving *r, size_t place) {
  *saved_indexed(r, r->saved[place].id, r->saved[place].here) =
      (uint32_t)place + 1; /* replaces an older one of the same id */
}

static bool grow_index(receiving *r) {
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

/* Ignores files beyond SAVED_MAX; they would be sent again. */
int receiving_saved_put(receiving *r, const receiving_saved *take_saved) {
  bool is_full = r->saved_count == SAVED_MAX;
  if (is_full || !take_saved->path || !grow_index(r)) {
    free(take_saved->path);
    return is_full ? 0 : PL_ENOMEM;
  }
  receiving_saved *s = &r->saved[r->saved_count];
  *s = *take_saved;
  s->here = file_is_below(s->path, r->folder);
  index_one(r, r->saved_count++);
  return 0;
}

/* Returns false when the file was moved or changed since; then it must be sent again. */
static bool is_unchanged(const receiving_saved *s) {
  struct stat st;
  return lstat(s->path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == s->size &&
         file_mtime_ns(&st) == s->mtime_ns;
}

receiving_saved *receiving_saved_find(const receiving *r, const uint8_t id[16], bool here) {
  uint32_t place = r->index_size ? *saved_indexed(r, id, here) : 0;
  receiving_saved *s = place ? &r->saved[place - 1] : NULL;
  return s && is_unchanged(s) ? s : NULL;
}

/* Counts the files that earlier runs saved in the units that are not over. */
static void count_in_units(receiving *r, const char *peer_id) {
  for (size_t i = 0; i < r->saved_count; i++) {
    receiving_saved *s = &r->saved[i];
    receiving_unit *u = s->here ? receiving_find(r, peer_id, s->unit) : NULL;
    if (!u || receiving_saved_find(r, s->id, true) != s) continue;
    s->counted = true;
    u->done++;
  }
}

/* ---- the journal -------------------------------------------------------------------------------------- */

typedef struct saved_reader {
  receiving *r;
  const char *peer;
} saved_reader;

static int read_saved(void *context, json_t *line) {
  const saved_reader *of = context;
  receiving_saved s = {0};
  if (strcmp(journal_text(line, "own"), of->r->own) != 0 || strcmp(journal_text(line, "peer"), of->peer) != 0) return 0;
  s.size = (uint64_t)json_integer_value(json_object_get(line, "size"));
  s.mtime_ns = (int64_t)json_integer_value(json_object_get(line, "mtime_ns"));
  if (!file_unhex(journal_text(line, "id"), s.id, 16) || !file_unhex(journal_text(line, "unit"), s.unit, 16)) return 0;
  s.path = strdup(journal_text(line, "path"));
  return receiving_saved_put(of->r, &s);
}

/* The lines of an unfinished unit all stay: without them its files would be sent, and saved, a second time. */
static bool keeps_saved(void *context, const json_t *line) {
  const saved_reader *of = context;
  return json_object_get(of->r->live, journal_text(line, "unit")) != NULL;
}

int receiving_load_saved(receiving *r, const char *peer_id, char why[PL_WHY_MAX]) {
  static const journal_kind kind = {
      .name = "receiving/saved", .each = read_saved, .newest = NEWEST, .keeps = keeps_saved};
  saved_reader of = {r, peer_id};
  randombytes_buf(&r->index_seed, sizeof r->index_seed);
  int error = journal_open(&r->saved_journal, &kind, &of, why);
  if (!error) count_in_units(r, peer_id);
  return error;
}

bool receiving_saved_line(const receiving *r, const receiving_saved *s, const uint8_t sha256[FILE_HASH_BYTES],
                          const char *peer_id, json_t *lines) {
  char id[FILE_HEX_CHARS], unit[FILE_HEX_CHARS], sum[FILE_HEX_CHARS];
  json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s*}", "own", r->own, "peer", peer_id, "id",
                           file_hex(s->id, 16, id), "unit", file_hex(s->unit, 16, unit), "sha256",
                           file_hex(sha256, FILE_HASH_BYTES, sum), "size", (json_int_t)s->size, "mtime_ns",
                           (json_int_t)s->mtime_ns, "path", s->path);
  return json_array_append_new(lines, line) == 0;
}

int receiving_saved_note(receiving *r, json_t *take_lines, char why[PL_WHY_MAX]) {
  return journal_add_all(&r->saved_journal, take_lines, why);
}
