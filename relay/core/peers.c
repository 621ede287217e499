/* See peers.h. */
#include "peers.h"

#include <string.h>

#include "keys.h"

enum { PEERS_FIRST = 32 };

uint64_t pl_relay_peers_entry(const pl_relay *relay, const uint8_t id[32]) {
  return pl_relay_hash(relay, id, 32) & ~(uint64_t)PL_RELAY_PEERS_BLOCK;
}

/* Returns the first place whose entry is not below the key. */
static size_t peers_place(const pl_relay_peer_list *list, uint64_t key) {
  size_t low = 0, high = list->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (list->keys[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool peers_has(const pl_relay_peer_list *list, size_t at, uint64_t key) {
  return at < list->count && (list->keys[at] & ~(uint64_t)PL_RELAY_PEERS_BLOCK) == key;
}

static void peers_remove(pl_relay *relay, pl_relay_peer_list *list, size_t at) {
  memmove(list->keys + at, list->keys + at + 1, (list->count - at - 1) * sizeof *list->keys);
  list->count--;
  relay->peer_entries--;
}

bool pl_relay_peers_is_full(const pl_relay *relay, const pl_relay_peer_list *list) {
  return list->count >= pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_PER_SOCKET) ||
         relay->peer_entries >= pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_TOTAL);
}

/* Makes room for one more entry. Returns false at a limit, or when memory ran out. */
static bool peers_make_room(const pl_relay *relay, pl_relay_peer_list *list) {
  if (pl_relay_peers_is_full(relay, list)) return false;
  if (list->count < list->capacity) return true;
  uint32_t capacity = list->capacity ? 2 * list->capacity : PEERS_FIRST;
  uint64_t *keys = pl_realloc(list->keys, capacity * sizeof *keys);
  if (!keys) return false;
  list->keys = keys;
  list->capacity = capacity;
  return true;
}

bool pl_relay_peers_set(pl_relay *relay, pl_relay_peer_list *list, uint64_t entry, bool forget) {
  uint64_t key = entry & ~(uint64_t)PL_RELAY_PEERS_BLOCK;
  size_t at = peers_place(list, key);
  bool there = peers_has(list, at, key);
  if (forget) {
    if (there) peers_remove(relay, list, at);
    return there;
  }
  if (there && list->keys[at] == entry) return false;
  if (!there) {
    if (!peers_make_room(relay, list)) return false;
    memmove(list->keys + at + 1, list->keys + at, (list->count - at) * sizeof *list->keys);
    list->count++;
    relay->peer_entries++;
  }
  list->keys[at] = entry;
  return true;
}

void pl_relay_peers_ask(const pl_relay_peer_list *list, uint64_t entry, bool *allowed, bool *blocked) {
  size_t at = peers_place(list, entry);
  if (!peers_has(list, at, entry)) return;
  if (list->keys[at] & PL_RELAY_PEERS_BLOCK)
    *blocked = true;
  else
    *allowed = true;
}

void pl_relay_peers_deinit(pl_relay *relay, pl_relay_peer_list *list) {
  relay->peer_entries -= list->count;
  pl_free(list->keys);
  *list = (pl_relay_peer_list){0};
}
