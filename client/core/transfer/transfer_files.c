/* The bottom of a transfer: the files of both directions, and what the owner is told about them. */
#include <string.h>

#include "transfer_internal.h"

static const uint8_t no_group[PL_CONST_FILE_ID_BYTES];

bool pl_transfer_has_group(const uint8_t *group) {
  return memcmp(group, no_group, sizeof no_group) != 0;
}

bool pl_transfer_in_group(const pl_transfer_entry *e, const uint8_t *group) {
  return pl_transfer_has_group(group) && memcmp(e->file.group, group, PL_CONST_FILE_ID_BYTES) == 0;
}

int pl_transfer_new(const pl_transfer_sink *sink, pl_transfer **out) {
  pl_transfer *t = pl_alloc(sizeof *t);
  *out = t;
  if (!t) return PL_ENOMEM;
  t->sink = *sink;
  t->piece = PL_CONST_FILE_PIECE_BYTES;
  pl_list_init(&t->files[0]);
  pl_list_init(&t->files[1]);
  pl_list_init(&t->speaking);
  pl_list_init(&t->sending);
  return 0;
}

void pl_transfer_free(pl_transfer *t) {
  for (int side = 0; t && side < 2; side++) {
    while (!pl_list_empty(&t->files[side])) {
      pl_node *node = t->files[side].next;
      pl_list_remove(node);
      pl_free(PL_CONTAINER(node, pl_transfer_entry, node));
    }
  }
  pl_free(t);
}

/* Whoever sends chooses the ids, and can make the bucket long: it is at most a walk through all files then. */
static size_t bucket_of(const uint8_t *id) {
  return (size_t)((pl_get_u64(id) ^ pl_get_u64(id + 8)) * 0x9e3779b97f4a7c15u >> 32) % PL_TRANSFER_BUCKETS;
}

pl_transfer_entry *pl_transfer_entry_find(const pl_transfer *t, bool outgoing, const uint8_t *id) {
  pl_transfer_entry *e = t->buckets[outgoing][bucket_of(id)];
  while (e && memcmp(e->file.id, id, PL_CONST_FILE_ID_BYTES) != 0) e = e->next_in_bucket;
  return e;
}

/* ---- outgoing groups ---- */

/* Returns the place of a group, or group_count. Few groups are sent at the same time. */
static size_t group_place(const pl_transfer *t, const uint8_t *id) {
  size_t i = 0;
  while (i < t->group_count && memcmp(t->groups[i].id, id, sizeof t->groups[i].id) != 0) i++;
  return i;
}

size_t pl_transfer_group_open(const pl_transfer *t, const uint8_t *group) {
  size_t place = group_place(t, group);
  return place < t->group_count ? t->groups[place].open : 0;
}

/* There is always room: there are no more groups than outgoing files. */
static void group_enter(pl_transfer *t, const uint8_t *id) {
  size_t place = group_place(t, id);
  if (place == t->group_count) {
    memcpy(t->groups[place].id, id, sizeof t->groups[place].id);
    t->groups[t->group_count++].open = 0;
  }
  t->groups[place].open++;
}

static void group_leave(pl_transfer *t, const uint8_t *id) {
  size_t place = group_place(t, id);
  if (--t->groups[place].open == 0) t->groups[place] = t->groups[--t->group_count];
}

/* ---- entries ---- */

/* Puts the entry at the end of its bucket: of two with one id, the one that came first is found. */
static void entry_enter(pl_transfer *t, pl_transfer_entry *e) {
  pl_transfer_entry **at = &t->buckets[e->file.outgoing][bucket_of(e->file.id)];
  while (*at) at = &(*at)->next_in_bucket;
  *at = e;
  pl_list_append(&t->files[e->file.outgoing], &e->node);
  t->count[e->file.outgoing]++;
  if (!e->file.outgoing)
    t->asking++;
  else if (pl_transfer_has_group(e->file.group))
    group_enter(t, e->file.group);
}

static void entry_leave(pl_transfer *t, pl_transfer_entry *e) {
  pl_transfer_entry **at = &t->buckets[e->file.outgoing][bucket_of(e->file.id)];
  while (*at != e) at = &(*at)->next_in_bucket;
  *at = e->next_in_bucket;
  pl_list_remove(&e->node);
  pl_list_remove(&e->speaking);
  pl_list_remove(&e->sending);
  t->count[e->file.outgoing]--;
  if (!e->file.outgoing)
    t->asking -= e->file.state == PL_TRANSFER_ASKING;
  else if (pl_transfer_has_group(e->file.group))
    group_leave(t, e->file.group);
}

pl_transfer_entry *pl_transfer_entry_new(pl_transfer *t, const pl_transfer_file *like) {
  pl_transfer_entry *e = pl_alloc(sizeof *e + like->name.size + like->media_type.size);
  if (!e) {
    t->starved = true;
    return NULL;
  }
  e->file = *like;
  e->file.name.data = e->bytes;
  e->file.media_type.data = e->bytes + like->name.size;
  if (like->name.size) memcpy(e->bytes, like->name.data, like->name.size);
  if (like->media_type.size) memcpy(e->bytes + like->name.size, like->media_type.data, like->media_type.size);
  e->file.state = PL_TRANSFER_ASKING;
  e->file.stored = 0;
  e->file.held_here = e->file.held_there = 0;
  pl_list_init(&e->node);
  pl_list_init(&e->speaking);
  pl_list_init(&e->sending);
  entry_enter(t, e);
  return e;
}

pl_transfer_file *pl_transfer_find(const pl_transfer *t, bool outgoing, const uint8_t *id) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, outgoing, id);
  return e ? &e->file : NULL;
}

pl_transfer_file *pl_transfer_each(const pl_transfer *t, const pl_transfer_file *after) {
  int side = after ? after->outgoing : 0;
  const pl_node *n = after ? PL_CONTAINER(after, pl_transfer_entry, file)->node.next : t->files[0].next;
  if (side == 0 && n == &t->files[0]) side = 1, n = t->files[1].next;
  if (side == 1 && n == &t->files[1]) return NULL;
  return &PL_CONTAINER(n, pl_transfer_entry, node)->file;
}

bool pl_transfer_is_stream(const pl_transfer_entry *e) {
  return e->file.flags & PL_CONST_FILE_FLAG_STREAM;
}

void pl_transfer_act(const pl_transfer *t, const pl_transfer_action *action) {
  t->sink.act(t->sink.context, action);
}

void pl_transfer_tell(pl_transfer *t, pl_transfer_entry *e) {
  pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_TOLD, .file = &e->file, .by_peer = true});
}

void pl_transfer_over(pl_transfer *t, pl_transfer_entry *e, uint8_t why, bool by_peer) {
  entry_leave(t, e);
  pl_transfer_act(t, &(pl_transfer_action){.type = PL_TRANSFER_OVER, .file = &e->file, .why = why, .by_peer = by_peer});
  pl_free(e);
}
