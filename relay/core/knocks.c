/* Who may call whom how often (docs/protocol.md, section 4, "Knocks and friends"): pairs that were linked before, the
 * lists of PEERS, and the budgets of knocks. Memory is fixed or bounded: IDs and pairs are kept as seeded hashes of 64
 * bits, so that whoever chooses IDs cannot choose where they land. */
#include <string.h>

#include "bus.h"
#include "shares.h"

enum { WAYS = 4, PEERS_FIRST = 32 };

/* ---- pairs that were linked before ----------------------------------------------------------------------------- */

int pl_relay_pairs_init(pl_relay_pairs *pairs) {
  pairs->entries = pl_alloc(PL_RELAY_PAIR_TABLE * sizeof *pairs->entries);
  return pairs->entries ? 0 : PL_ENOMEM;
}

void pl_relay_pairs_deinit(pl_relay_pairs *pairs) {
  pl_free(pairs->entries);
  pairs->entries = NULL;
}

/* The same for both directions. Never 0. */
static uint64_t pair_key(const pl_relay *relay, const uint8_t a[32], const uint8_t b[32]) {
  bool ordered = memcmp(a, b, 32) < 0;
  uint8_t both[64];
  memcpy(both, ordered ? a : b, 32);
  memcpy(both + 32, ordered ? b : a, 32);
  return pl_relay_router_hash(relay, both, sizeof both) | 1;
}

static pl_relay_pair *pair_set(const pl_relay_pairs *pairs, uint64_t key) {
  return pairs->entries + (key >> 1) % (PL_RELAY_PAIR_TABLE / WAYS) * WAYS;
}

static pl_relay_pair *pair_find(const pl_relay_pairs *pairs, uint64_t key) {
  pl_relay_pair *set = pair_set(pairs, key);
  for (size_t i = 0; i < WAYS; i++)
    if (PL_RELAY_LOAD(set[i].key) == key) return &set[i];
  return NULL;
}

bool pl_relay_pairs_remember(pl_relay *relay, const uint8_t a[32], const uint8_t b[32], uint64_t now_ms) {
  uint64_t key = pair_key(relay, a, b);
  pl_relay_pair *found = pair_find(&relay->shared->pairs, key), *set = pair_set(&relay->shared->pairs, key),
                *place = found ? found : set;
  for (size_t i = 1; !found && i < WAYS; i++)
    if (PL_RELAY_LOAD(set[i].linked_ms) < PL_RELAY_LOAD(place->linked_ms)) place = &set[i];
  PL_RELAY_STORE(place->key, key);
  PL_RELAY_STORE(place->linked_ms, now_ms);
  if (!found && relay->config.hooks.linked) {
    relay->config.hooks.linked(relay->config.user, a);
    relay->config.hooks.linked(relay->config.user, b);
  }
  return !found;
}

/* ---- the lists of one socket -------------------------------------------------------------------------- */

/* An entry is the ID's hash with its lowest bit as the flag; sorted, so that the two forms of one ID are neighbours. */
enum { FLAG_BLOCK = 1 };

static uint64_t id_key(const pl_relay *relay, const uint8_t id[32]) {
  return pl_relay_router_hash(relay, id, 32) & ~(uint64_t)FLAG_BLOCK;
}

/* The first place whose entry is not below the key. */
static size_t list_place(const pl_relay_peer_list *list, uint64_t key) {
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

static bool list_has(const pl_relay_peer_list *list, size_t at, uint64_t key) {
  return at < list->count && (list->keys[at] & ~(uint64_t)FLAG_BLOCK) == key;
}

static void list_remove(pl_relay *relay, pl_relay_peer_list *list, size_t at) {
  memmove(list->keys + at, list->keys + at + 1, (list->count - at - 1) * sizeof *list->keys);
  list->count--;
  relay->peer_entries--;
}

/* Room for one more; false: at a limit, or no memory. */
static bool list_room(pl_relay *relay, pl_relay_peer_list *list) {
  if (list->count >= pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_PER_SOCKET) ||
      relay->peer_entries >= pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_TOTAL))
    return false;
  if (list->count < list->capacity) return true;
  uint32_t capacity = list->capacity ? 2 * list->capacity : PEERS_FIRST;
  uint64_t *keys = pl_realloc(list->keys, capacity * sizeof *keys);
  if (!keys) return false;
  list->keys = keys;
  list->capacity = capacity;
  return true;
}

static bool list_set(pl_relay *relay, pl_relay_peer_list *list, uint64_t key, uint8_t op) {
  size_t at = list_place(list, key);
  bool there = list_has(list, at, key);
  if (op == PL_CONST_PEERS_FORGET) {
    if (there) list_remove(relay, list, at);
    return there;
  }
  uint64_t entry = key | (op == PL_CONST_PEERS_BLOCK ? FLAG_BLOCK : 0);
  if (there && list->keys[at] == entry) return false;
  if (!there) {
    if (!list_room(relay, list)) return false;
    memmove(list->keys + at + 1, list->keys + at, (list->count - at) * sizeof *list->keys);
    list->count++;
    relay->peer_entries++;
  }
  list->keys[at] = entry;
  return true;
}

void pl_relay_peers_deinit(pl_relay *relay, pl_relay_peer_list *list) {
  relay->peer_entries -= list->count;
  pl_free(list->keys);
  *list = (pl_relay_peer_list){0};
}

bool pl_relay_peers_set(pl_relay *relay, pl_relay_peer_list *list, uint64_t entry, bool forget) {
  uint8_t op = forget ? PL_CONST_PEERS_FORGET : entry & FLAG_BLOCK ? PL_CONST_PEERS_BLOCK : PL_CONST_PEERS_ALLOW;
  return list_set(relay, list, entry & ~(uint64_t)FLAG_BLOCK, op);
}

/* All that one address may have of PEERS_TOTAL is used up. Each worker has the lists of all and counts its own: it lets
 * an address have its part of that. */
static bool at_share(const pl_relay_conn *conn) {
  const pl_relay *relay = conn->relay;
  uint64_t all = pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_TOTAL),
           percent = pl_relay_setting_of(relay, PL_RELAY_SET_ADDRESS_SHARE_PERCENT);
  return conn->account->peer_entries >= all * percent / 100 / (relay->node_count ? relay->node_count : 1);
}

static bool change(pl_relay_conn *conn, uint64_t entry, bool forget) {
  uint32_t before = conn->peers.count;
  if (!forget && at_share(conn)) return false;
  bool changed = pl_relay_peers_set(conn->relay, &conn->peers, entry, forget);
  conn->account->peer_entries += conn->peers.count;
  conn->account->peer_entries -= before;
  return changed;
}

void pl_relay_peers_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  uint64_t changed[PL_CONST_PEERS_IDS_MAX];
  pl_wire_peers peers;
  if (e->link != 0 || e->payload.size > (size_t)pl_envelope_max(PL_ENV_PEERS) ||
      pl_wire_peers_decode(&peers, e->payload.data, e->payload.size) != 0 || peers.op < PL_CONST_PEERS_ALLOW ||
      peers.op > PL_CONST_PEERS_FORGET) {
    pl_relay_conn_refuse(conn, PL_REASON_PROTOCOL, now_ms);
    return;
  }
  uint32_t count = 0;
  bool forget = peers.op == PL_CONST_PEERS_FORGET, block = peers.op == PL_CONST_PEERS_BLOCK;
  for (size_t at = 0; at < peers.ids.size; at += 32) {
    uint64_t entry = id_key(conn->relay, peers.ids.data + at) | (block ? FLAG_BLOCK : 0);
    if (change(conn, entry, forget)) changed[count++] = entry;
  }
  if (!count) return;
  if (pl_relay_rate_change(conn, count, now_ms))
    pl_relay_bus_tell_peers(conn, changed, count, forget);
  else
    pl_relay_conn_refuse(conn, PL_REASON_RATE, now_ms);
}

/* What the sockets of this ID say about a caller. */
static void ask_list(const pl_relay_peer_list *list, uint64_t key, bool *allowed, bool *blocked) {
  size_t at = list_place(list, key);
  if (!list_has(list, at, key)) return;
  if (list->keys[at] & FLAG_BLOCK)
    *blocked = true;
  else
    *allowed = true;
}

static void ask_lists(const pl_relay *relay, const pl_relay_presence *presence, const uint8_t caller[32], bool *allowed,
                      bool *blocked) {
  uint64_t key = id_key(relay, caller);
  for (const pl_node *n = presence->sockets.next; n != &presence->sockets; n = n->next)
    ask_list(&PL_CONTAINER(n, pl_relay_conn, same_id)->peers, key, allowed, blocked);
  for (const pl_node *n = presence->remotes.next; n != &presence->remotes; n = n->next)
    ask_list(&PL_CONTAINER(n, pl_relay_remote, same_id)->peers, key, allowed, blocked);
}

/* ---- the judgement ------------------------------------------------------------------------------------ */

bool pl_relay_call_blocked(pl_relay *relay, const uint8_t caller[32], const pl_relay_presence *callee) {
  bool allowed = false, blocked = false;
  ask_lists(relay, callee, caller, &allowed, &blocked);
  return blocked;
}

enum { CALLER_PART = 8, ADDRESS_PART = 2, KEPT_PART = 4 };

static uint32_t part_of(uint32_t all, uint32_t part) {
  return all / part ? all / part : 1;
}

uint32_t pl_relay_knocks_of_caller(const uint32_t settings[PL_RELAY_SETTINGS]) {
  return part_of(settings[PL_RELAY_SET_KNOCKS_PER_CALLEE], CALLER_PART);
}

uint32_t pl_relay_knocks_of_address(const uint32_t settings[PL_RELAY_SETTINGS]) {
  return part_of(settings[PL_RELAY_SET_KNOCKS_PER_CALLEE], ADDRESS_PART);
}

typedef enum knocker { BY_CALLER, BY_ADDRESS } knocker;

/* The kind is part of the key: the account of a client of this machine itself has its ID's hash for a key. */
static uint64_t key_of(const pl_relay *relay, knocker kind, uint64_t from, uint64_t to) {
  uint64_t all[3] = {(uint64_t)kind, from, to};
  return pl_relay_router_hash(relay, all, sizeof all) | 1;
}

/* True once a minute for each key. */
static bool is_newcomer(pl_relay_rate *newcomers, uint64_t key, uint64_t now_ms) {
  if (!pl_relay_rate_key_allows(newcomers, key, now_ms)) return false;
  pl_relay_rate_key_take(newcomers, key, now_ms);
  return true;
}

/* Fair shares of what one ID can be asked. One caller may use a part of it, and one address another. The last quarter
 * of each is kept for those who have not knocked here in the last minute: of the address's part for a caller that is
 * new here, of the whole for an address that is. So neither many calls nor many IDs of a few addresses keep others out.
 */
static pl_relay_call knock_at(pl_relay_conn *caller, uint64_t from, uint64_t to, uint64_t now_ms) {
  pl_relay *relay = caller->relay;
  pl_relay_shared *shared = relay->shared;
  uint64_t by_caller = key_of(relay, BY_CALLER, from, to);
  uint64_t by_address = key_of(relay, BY_ADDRESS, caller->account->key, to);
  bool new_caller = is_newcomer(&shared->newcomers, by_caller, now_ms);
  bool new_address = is_newcomer(&shared->newcomers, by_address, now_ms);
  uint64_t kept_here = new_caller ? 0 : shared->address_to.burst / KEPT_PART;
  uint64_t kept_there = new_address ? 0 : shared->knocks_to.burst / KEPT_PART;
  if (!pl_relay_rate_key_allows(&shared->caller_to, by_caller, now_ms) ||
      pl_relay_rate_key_left(&shared->address_to, by_address, now_ms) <= kept_here ||
      pl_relay_rate_key_left(&shared->knocks_to, to, now_ms) <= kept_there)
    return PL_RELAY_CALL_UNSEEN;
  pl_relay_rate_key_take(&shared->caller_to, by_caller, now_ms);
  pl_relay_rate_key_take(&shared->address_to, by_address, now_ms);
  pl_relay_rate_key_take(&shared->knocks_to, to, now_ms);
  return new_address ? PL_RELAY_CALL_NEWCOMER : PL_RELAY_CALL_KNOCK;
}

pl_relay_call pl_relay_call_judge(pl_relay_conn *caller, const uint8_t target[32], uint64_t now_ms) {
  pl_relay *relay = caller->relay;
  const uint8_t *id = caller->presence->id;
  const pl_relay_presence *callee = pl_relay_router_get(relay, target, false);
  bool allowed = memcmp(id, target, 32) == 0 || pair_find(&relay->shared->pairs, pair_key(relay, id, target)),
       blocked = false;
  if (callee) ask_lists(relay, callee, id, &allowed, &blocked);
  if (allowed) return blocked ? PL_RELAY_CALL_UNSEEN : PL_RELAY_CALL_FRIEND;
  uint64_t from = id_key(relay, id) | 1, to = id_key(relay, target) | 1;
  if (!pl_relay_rate_key_allows(&relay->shared->knocks_from, from, now_ms) ||
      !pl_relay_rate_allows(relay, &relay->shared->knocks, caller->address, now_ms))
    return PL_RELAY_CALL_TOO_MANY;
  pl_relay_rate_key_take(&relay->shared->knocks_from, from, now_ms);
  pl_relay_rate_take(relay, &relay->shared->knocks, caller->address, now_ms);
  return blocked ? PL_RELAY_CALL_UNSEEN : knock_at(caller, from, to, now_ms);
}
