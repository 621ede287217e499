/* Each list is a JSON file of one array. */
#include "file_state.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/private_file.h"
#include "file_hash.h"
#include "file_journal.h"

enum { LIST_MAX = 16 << 20, SENDS_MAX = 256, CLAIMED_MAX = 64 };

/* ---- lists -------------------------------------------------------------------------------------------- */

static char *path_of(const char *name, char *why) {
  return pl_path_of(NULL, "XDG_STATE_HOME", ".local/state", name, why);
}

/* Returns the array in a file; an empty one when the file is missing or holds something else; NULL when memory ran out.
 */
static json_t *list_load(const char *path) {
  uint8_t *text = NULL;
  size_t size = 0;
  json_t *list = NULL;
  if (pl_file_read(path, 077, LIST_MAX, &text, &size, NULL) == 0) list = json_loadb((const char *)text, size, 0, NULL);
  free(text);
  if (list && json_is_array(list)) return list;
  json_decref(list);
  return json_array();
}

static int list_store(const char *path, const json_t *list, char *why) {
  char *text = json_dumps(list, JSON_INDENT(1));
  int error = text ? pl_file_put(path, text, strlen(text), true, why) : PL_ENOMEM;
  free(text);
  return error;
}

typedef void list_change(json_t *list, void *context);

/* Reads the list, changes it and writes it back, under a lock. */
static int list_edit(const char *name, list_change *change, void *context, char *why) {
  char *path = path_of(name, why);
  int lock = -1, error = path ? pl_folders_for(path, why) : pl_path_error(PL_EIO);
  if (!error) error = pl_file_lock(path, true, &lock, why);
  json_t *list = error ? NULL : list_load(path);
  if (!error && !list) error = PL_ENOMEM;
  if (!error) {
    change(list, context);
    error = list_store(path, list, why);
  }
  json_decref(list);
  if (lock >= 0) close(lock);
  free(path);
  return error;
}

static json_t *list_read(const char *name) {
  char *path = path_of(name, NULL);
  json_t *list = path ? list_load(path) : NULL;
  free(path);
  return list;
}

static bool state_has(const json_t *object, const char *key, const char *value) {
  return strcmp(journal_text(object, key), value) == 0;
}

/* Appends an item, and drops the oldest ones beyond `max`. */
static void append_bounded(json_t *list, json_t *item, size_t max) {
  (void)json_array_append_new(list, item);
  while (json_array_size(list) > max) (void)json_array_remove(list, 0);
}

static bool copy_peer(const json_t *item, char peer_id[PAIRLINK_ID_CHARS + 1]) {
  const char *peer = journal_text(item, "peer");
  if (strlen(peer) != PAIRLINK_ID_CHARS) return false;
  memcpy(peer_id, peer, PAIRLINK_ID_CHARS + 1);
  return true;
}

/* ---- sends -------------------------------------------------------------------------------------------- */

typedef struct send_record {
  const char *own, *peer;
  char key[FILE_HEX_CHARS]; /* a hash of the paths, which are not stored */
} send_record;

static bool make_key(send_record *s, const char *paths, size_t size) {
  uint8_t id[16];
  if (!file_id(s->own, "", paths, size, 0, 0, id)) return false;
  file_hex(id, sizeof id, s->key);
  return true;
}

static void send_remove(json_t *list, void *context) {
  const send_record *s = context;
  for (size_t i = json_array_size(list); i-- > 0;) {
    const json_t *item = json_array_get(list, i);
    if (state_has(item, "own", s->own) && state_has(item, "what", s->key)) (void)json_array_remove(list, i);
  }
}

static void send_add(json_t *list, void *context) {
  const send_record *s = context;
  send_remove(list, context);
  append_bounded(list,
                 json_pack("{s:s, s:s, s:s, s:I}", "own", s->own, "what", s->key, "peer", s->peer, "since",
                           (json_int_t)time(NULL)),
                 SENDS_MAX);
}

bool sends_find(const char *own_id, const char *paths, size_t size, char peer_id[PAIRLINK_ID_CHARS + 1]) {
  send_record s = {.own = own_id};
  json_t *list = make_key(&s, paths, size) ? list_read("sends") : NULL, *item;
  bool found = false;
  size_t i;
  json_array_foreach(list, i, item) {
    if (state_has(item, "own", own_id) && state_has(item, "what", s.key)) found = copy_peer(item, peer_id);
  }
  json_decref(list);
  return found;
}

int sends_add(const char *own_id, const char *paths, size_t size, const char *peer_id, char why[PL_WHY_MAX]) {
  send_record s = {.own = own_id, .peer = peer_id};
  return make_key(&s, paths, size) ? list_edit("sends", send_add, &s, why) : PL_ENOMEM;
}

void sends_remove(const char *own_id, const char *paths, size_t size) {
  send_record s = {.own = own_id};
  if (make_key(&s, paths, size)) (void)list_edit("sends", send_remove, &s, NULL);
}

/* ---- codes that were used ----------------------------------------------------------------------------- */

typedef struct claim_record {
  const char *own, *peer;
  char salt[FILE_HEX_CHARS], sum[FILE_HEX_CHARS];
} claim_record;

/* Hashes a code. It is already spent when it is stored, but a hash is enough. */
static bool sum_of_code(const char *code, const char *salt, char out[FILE_HEX_CHARS]) {
  char plain[PAIRLINK_CODE_MAX];
  uint8_t sum[FILE_HASH_BYTES];
  size_t used = 0;
  for (; *code && used + 1 < sizeof plain; code++) {
    if (isalnum((unsigned char)*code))
      plain[used++] = (char)tolower((unsigned char)*code);
    else if (used && plain[used - 1] != '-')
      plain[used++] = '-';
  }
  while (used && plain[used - 1] == '-') used--;
  EVP_MD_CTX *hash = file_hash_new();
  bool good = hash && EVP_DigestUpdate(hash, salt, strlen(salt)) == 1 && EVP_DigestUpdate(hash, plain, used) == 1 &&
              file_hash_end(hash, sum);
  EVP_MD_CTX_free(hash);
  sodium_memzero(plain, sizeof plain);
  if (good) file_hex(sum, sizeof sum, out);
  return good;
}

static void claim_add(json_t *list, void *context) {
  const claim_record *c = context;
  append_bounded(list,
                 json_pack("{s:s, s:s, s:s, s:s}", "own", c->own, "peer", c->peer, "salt", c->salt, "sum", c->sum),
                 CLAIMED_MAX);
}

bool claimed_find(const char *own_id, const char *code, char peer_id[PAIRLINK_ID_CHARS + 1]) {
  json_t *list = list_read("receiving/claimed"), *item;
  char sum[FILE_HEX_CHARS];
  bool found = false;
  size_t i;
  json_array_foreach(list, i, item) {
    if (state_has(item, "own", own_id) && sum_of_code(code, journal_text(item, "salt"), sum) &&
        state_has(item, "sum", sum))
      found = copy_peer(item, peer_id);
  }
  json_decref(list);
  return found;
}

void claimed_add(const char *own_id, const char *code, const char *peer_id) {
  claim_record c = {.own = own_id, .peer = peer_id};
  uint8_t salt[16];
  randombytes_buf(salt, sizeof salt);
  file_hex(salt, sizeof salt, c.salt);
  if (sum_of_code(code, c.salt, c.sum)) (void)list_edit("receiving/claimed", claim_add, &c, NULL);
}
