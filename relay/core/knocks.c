/* See knocks.h. IDs and pairs are kept as seeded hashes of 64 bits (keys.h). */
#include "knocks.h"

#include <string.h>

#include "accounts.h"
#include "bus.h"
#include "keys.h"
#include "peers.h"
#include "rates.h"

enum { PAIR_TABLE = 32768 /* pairs that are remembered */ };

/* ---- pairs that were linked before ----------------------------------------------------------------------------- */

int pl_relay_pairs_init(pl_relay_pairs *pairs) {
  pairs->entries = pl_alloc(PAIR_TABLE * sizeof *pairs->entries);
  return pairs->entries ? 0 : PL_ENOMEM;
}

void pl_relay_pairs_deinit(pl_relay_pairs *pairs) {
  pl_free(pairs->entries);
  pairs->entries = NULL;
}

/* Returns the same key for both directions, and never 0. */
static uint64_t pair_key(const pl_relay *relay, const uint8_t a[32], const uint8_t b[32]) {
  bool ordered = memcmp(a, b, 32) < 0;
  uint8_t both[64];
  memcpy(both, ordered ? a : b, 32);
  memcpy(both + 32, ordered ? b : a, 32);
  return pl_relay_hash(relay, both, sizeof both) | 1;
}

static pl_relay_pair *pair_set(const pl_relay_pairs *pairs, uint64_t key) {
  return pairs->entries + (key >> 1) % (PAIR_TABLE / PL_RELAY_SHARED_WAYS) * PL_RELAY_SHARED_WAYS;
}

static pl_relay_pair *pair_find(const pl_relay_pairs *pairs, uint64_t key) {
  pl_relay_pair *set = pair_set(pairs, key);
  for (size_t i = 0; i < PL_RELAY_SHARED_WAYS; i++)
    if (PL_RELAY_LOAD(set[i].key) == key) return &set[i];
  return NULL;
}

void pl_relay_pairs_remember(pl_relay *relay, const uint8_t a[32], const uint8_t b[32], uint64_t now_ms) {
  uint64_t key = pair_key(relay, a, b);
  pl_relay_pair *found = pair_find(&relay->shared->pairs, key), *set = pair_set(&relay->shared->pairs, key),
                *place = found ? found : set;
  for (size_t i = 1; !found && i < PL_RELAY_SHARED_WAYS; i++)
    if (PL_RELAY_LOAD(set[i].linked_ms) < PL_RELAY_LOAD(place->linked_ms)) place = &set[i];
  PL_RELAY_STORE(place->key, key);
  PL_RELAY_STORE(place->linked_ms, now_ms);
  if (found || !relay->config.hooks.linked) return;
  relay->config.hooks.linked(relay->config.user, a);
  relay->config.hooks.linked(relay->config.user, b);
}

/* ---- PEERS ------------------------------------------------------------------------------------------------------- */

/* Returns true when the connection's account has used up its share of PEERS_TOTAL. Each worker stores the lists of all
 * workers, but counts only those of its own sockets for an address, so it allows one worker's part of the share. */
static bool peers_at_share(const pl_relay_conn *conn) {
  const pl_relay *relay = conn->relay;
  uint64_t all = pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_TOTAL),
           percent = pl_relay_setting_of(relay, PL_RELAY_SET_ADDRESS_SHARE_PERCENT);
  return conn->account->peer_entries >= all * percent / 100 / (relay->node_count ? relay->node_count : 1);
}

/* An ID that is on the list already can be allowed or blocked instead, however full the list is. */
static bool peers_change(pl_relay_conn *conn, uint64_t entry, bool forget) {
  uint32_t before = conn->peers.count;
  bool allowed = false, blocked = false;
  pl_relay_peers_ask(&conn->peers, entry & ~(uint64_t)PL_RELAY_PEERS_BLOCK, &allowed, &blocked);
  if (!forget && !allowed && !blocked && peers_at_share(conn)) return false;
  bool changed = pl_relay_peers_set(conn->relay, &conn->peers, entry, forget);
  conn->account->peer_entries += conn->peers.count;
  conn->account->peer_entries -= before;
  return changed;
}

int pl_relay_peers_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  uint64_t changed[PL_CONST_PEERS_IDS_MAX];
  pl_wire_peers peers;
  if (pl_wire_peers_decode(&peers, e->payload.data, e->payload.size) != 0 || peers.op < PL_CONST_PEERS_ALLOW ||
      peers.op > PL_CONST_PEERS_FORGET)
    return PL_REASON_PROTOCOL;
  uint32_t count = 0;
  bool forget = peers.op == PL_CONST_PEERS_FORGET;
  uint64_t flag = peers.op == PL_CONST_PEERS_BLOCK ? PL_RELAY_PEERS_BLOCK : 0;
  for (size_t at = 0; at < peers.ids.size; at += 32) {
    uint64_t entry = pl_relay_peers_entry(conn->relay, peers.ids.data + at) | flag;
    if (peers_change(conn, entry, forget)) changed[count++] = entry;
  }
  if (!count) return 0;
  if (!pl_relay_rate_change(conn, count, now_ms)) return PL_REASON_RATE;
  pl_relay_bus_tell_peers(conn, changed, count, forget);
  return 0;
}

/* ---- the judgement ----------------------------------------------------------------------------------------------- */

/* Asks the lists of all sockets of an ID about a caller. */
static void ask_lists(const pl_relay *relay, const pl_relay_presence *presence, const uint8_t caller[32], bool *allowed,
                      bool *blocked) {
  uint64_t entry = pl_relay_peers_entry(relay, caller);
  for (const pl_node *n = presence->sockets.next; n != &presence->sockets; n = n->next)
    pl_relay_peers_ask(&PL_CONTAINER(n, pl_relay_conn, same_id)->peers, entry, allowed, blocked);
  for (const pl_node *n = presence->remotes.next; n != &presence->remotes; n = n->next)
    pl_relay_peers_ask(&PL_CONTAINER(n, pl_relay_remote, same_id)->peers, entry, allowed, blocked);
}

bool pl_relay_call_blocked(const pl_relay *relay, const uint8_t caller[32], const pl_relay_presence *callee) {
  bool allowed = false, blocked = false;
  ask_lists(relay, callee, caller, &allowed, &blocked);
  return blocked;
}

enum { CALLER_PART = 8, ADDRESS_PART = 2, KEPT_PART = 4 };

static uint32_t knocks_part(uint32_t all, uint32_t part) {
  return all / part ? all / part : 1;
}

uint32_t pl_relay_knocks_of_caller(const uint32_t settings[PL_RELAY_SETTINGS]) {
  return knocks_part(settings[PL_RELAY_SET_KNOCKS_PER_CALLEE], CALLER_PART);
}

uint32_t pl_relay_knocks_of_address(const uint32_t settings[PL_RELAY_SETTINGS]) {
  return knocks_part(settings[PL_RELAY_SET_KNOCKS_PER_CALLEE], ADDRESS_PART);
}

typedef enum knocker { BY_CALLER, BY_ADDRESS } knocker;

/* The kind is part of the key, because the account of a client of this machine has the hash of its ID as its key. */
static uint64_t knock_key(const pl_relay *relay, knocker kind, uint64_t from, uint64_t to) {
  uint64_t all[3] = {(uint64_t)kind, from, to};
  return pl_relay_hash(relay, all, sizeof all) | 1;
}

/* Returns true once a minute for each key. */
static bool newcomer_take(pl_relay_rate *newcomers, uint64_t key, uint64_t now_ms) {
  if (!pl_relay_rate_key_allows(newcomers, key, now_ms)) return false;
  pl_relay_rate_key_take(newcomers, key, now_ms);
  return true;
}

/* Shares out KNOCKS_PER_CALLEE. One caller and one address may each use only a part of it. The last quarter of the
 * address's part is kept for callers that have not knocked here in the last minute, and the last quarter of the whole
 * for such addresses. So neither many calls nor many IDs of a few addresses keep others out. */
static pl_relay_call knock_judge(pl_relay_conn *caller, uint64_t from, uint64_t to, uint64_t now_ms) {
  pl_relay *relay = caller->relay;
  pl_relay_shared *shared = relay->shared;
  uint64_t by_caller = knock_key(relay, BY_CALLER, from, to);
  uint64_t by_address = knock_key(relay, BY_ADDRESS, caller->account->key, to);
  bool new_caller = newcomer_take(&shared->newcomers, by_caller, now_ms);
  bool new_address = newcomer_take(&shared->newcomers, by_address, now_ms);
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
  uint64_t from = pl_relay_peers_entry(relay, id) | 1, to = pl_relay_peers_entry(relay, target) | 1;
  if (!pl_relay_rate_key_allows(&relay->shared->knocks_from, from, now_ms) ||
      !pl_relay_rate_allows(relay, &relay->shared->knocks, caller->address, now_ms))
    return PL_RELAY_CALL_TOO_MANY;
  pl_relay_rate_key_take(&relay->shared->knocks_from, from, now_ms);
  pl_relay_rate_take(relay, &relay->shared->knocks, caller->address, now_ms);
  return blocked ? PL_RELAY_CALL_UNSEEN : knock_judge(caller, from, to, now_ms);
}
