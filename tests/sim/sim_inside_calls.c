/* See sim_inside.h: who is called. A call goes to the newest socket of its target that listens, or to the instance that
 * it names; to nobody who blocks its caller; and a stranger's call is a knock. */
#include <string.h>

#include "relay/core/accounts.h"
#include "relay/core/keys.h"
#include "relay/core/nameplates.h"
#include "relay/core/peers.h"
#include "relay/core/rates.h"
#include "relay/core/router.h"
#include "relay/core/slots.h"
#include "sim_inside_walk.h"
#include "sim_wire.h"

enum { PAIR_SETS = 32768 / PL_RELAY_SHARED_WAYS };

static const uint8_t any_instance[8];

static bool has(const pl_relay_peer_list *list, uint64_t entry) {
  for (uint32_t i = 0; i < list->count; i++)
    if (list->keys[i] == entry) return true;
  return false;
}

/* ---- friends ----------------------------------------------------------------------------------------------------- */

/* Returns the entry by which the relay remembers that these two were linked, or NULL. */
static const pl_relay_pair *pair_of(const pl_relay *relay, const uint8_t a[32], const uint8_t b[32]) {
  const pl_relay_pair *all = relay->shared->pairs.entries;
  uint8_t both[64];
  bool ordered = memcmp(a, b, 32) < 0;
  memcpy(both, ordered ? a : b, 32);
  memcpy(both + 32, ordered ? b : a, 32);
  uint64_t key = pl_relay_hash(relay, both, sizeof both) | 1;
  const pl_relay_pair *set = all + (key >> 1) % PAIR_SETS * PL_RELAY_SHARED_WAYS;
  for (size_t i = 0; i < PL_RELAY_SHARED_WAYS; i++)
    if (PL_RELAY_LOAD(set[i].key) == key) return &set[i];
  return NULL;
}

static bool lists_here(const pl_relay_presence *target, uint64_t entry, const pl_relay_conn *except) {
  for (const pl_node *n = target->sockets.next; n != &target->sockets; n = n->next) {
    const pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_id);
    if (conn != except && has(&conn->peers, entry)) return true;
  }
  return false;
}

static bool lists_elsewhere(const pl_relay_presence *target, uint64_t entry) {
  for (const pl_node *n = target->remotes.next; n != &target->remotes; n = n->next)
    if (has(&PL_CONTAINER(n, pl_relay_remote, same_id)->peers, entry)) return true;
  return false;
}

/* Returns true when the OPEN itself came in this turn. */
static bool came_now(const sim_walk *x, const pl_relay_link *link) {
  return link->deadline_ms == x->now_ms + sim_set(x, PL_RELAY_SET_OPEN_TIMEOUT_MS) &&
         x->relay->stats.links > x->v->inside.links;
}

/* A call is a knock unless its caller is a friend. It stays one when the caller becomes a friend later in the same
 * turn: behind the OPEN there may be an ACCEPT of the target's own call. */
static void check_knock(const sim_walk *x, const pl_relay_link *link) {
  const uint8_t *from = link->half[PL_RELAY_CALLER].conn->presence->id, *to = link->target->id;
  uint64_t entry = pl_relay_peers_entry(x->relay, from);
  const pl_relay_pair *pair = pair_of(x->relay, from, to);
  if (link->knock && pair && PL_RELAY_LOAD(pair->linked_ms) == x->now_ms) return;
  bool friend = memcmp(from, to, 32) == 0 || lists_here(link->target, entry, NULL) ||
                lists_elsewhere(link->target, entry) || pair;
  sim_must(x, link->knock != friend, "a friend counts as a stranger, or a stranger as a friend");
}

/* Two who are linked by a call are friends from then on; the pairs of a simulated world all fit the table. */
void sim_walk_pair(const sim_walk *x, const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn, *callee = link->half[PL_RELAY_CALLEE].conn;
  if (!x->deep || link->claim || sim_on_bus(caller) || sim_on_bus(callee)) return;
  sim_must(x, pair_of(x->relay, caller->presence->id, callee->presence->id) != NULL,
           "the relay forgets who was linked");
}

/* ---- to whom a call goes ----------------------------------------------------------------------------------------- */

/* Returns the caller's ID, which only its own worker keeps, or NULL when the call has ended there. */
static const uint8_t *caller_id(const sim_walk *x, const pl_relay_link *link) {
  const pl_relay_half *half = &link->half[PL_RELAY_CALLER], *there;
  if (!link->from_bus) return half->conn->presence->id;
  const sim_worker *other = &x->v->relay->workers[sim_node_of(x, half->conn)];
  there = pl_relay_slots_find(&other->core->nodes[x->v->number].conn, half->number ^ UINT32_C(1) << 31);
  const pl_relay_conn *caller =
      there ? PL_CONTAINER(there - there->side, pl_relay_link, half)->half[PL_RELAY_CALLER].conn : NULL;
  return caller ? caller->presence->id : NULL;
}

/* A call by somebody whom any socket of the ID blocks is offered to none of them. What other workers say of their
 * sockets may have come after the call was placed, but before the end of this turn. So their lists count where the OPEN
 * itself has come in this turn. A caller that calls its own ID may have blocked it behind the OPEN, and so may a
 * socket of the target that was read after the caller's, in this turn or in one that nothing looked at. */
static void check_blocked(const sim_walk *x, const pl_relay_link *link) {
  const uint8_t *id = caller_id(x, link);
  if (!id || sim_wire_list_changed(x->v->relay->world->observer, link->target->id, x->v->inside.walked_us)) return;
  uint64_t block = pl_relay_peers_entry(x->relay, id) | PL_RELAY_PEERS_BLOCK;
  bool now = !link->from_bus && came_now(x, link);
  sim_must(x, !lists_here(link->target, block, link->half[PL_RELAY_CALLER].conn),
           "a call was offered though it is blocked");
  sim_must(x, !now || !lists_elsewhere(link->target, block), "a call was offered though it is blocked elsewhere");
}

/* Returns the generation of the newest socket that listens, here or on another worker, other than the caller's. */
static uint64_t newest_listener(const pl_relay_presence *target, const pl_relay_conn *except) {
  uint64_t newest = 0;
  for (const pl_node *n = target->sockets.next; n != &target->sockets; n = n->next) {
    const pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_id);
    if (conn != except && conn->listen && conn->generation > newest) newest = conn->generation;
  }
  for (const pl_node *n = target->remotes.next; n != &target->remotes; n = n->next) {
    const pl_relay_remote *remote = PL_CONTAINER(n, pl_relay_remote, same_id);
    if (remote->listen && remote->generation > newest) newest = remote->generation;
  }
  return newest;
}

static void check_callee(const sim_walk *x, const pl_relay_link *link, const pl_relay_conn *callee) {
  bool any = memcmp(link->target_instance, any_instance, 8) == 0;
  sim_must(x, callee->presence == link->target, "a call was offered to another ID");
  if (link->from_bus) return; /* the caller's worker has chosen the instance, and keeps it to itself */
  sim_must(x, any || memcmp(callee->instance, link->target_instance, 8) == 0, "a call was offered to another instance");
  sim_must(x, !any || callee->listen, "a call to any instance was offered to one that does not listen");
}

/* A claim goes to the owner of a number that has not expired. */
static void check_claim(const sim_walk *x, const pl_relay_link *link) {
  bool has = false;
  for (const pl_node *at = link->target->nameplates.next; at != &link->target->nameplates; at = at->next) {
    const pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, same_owner);
    has |= n->expires_ms > x->now_ms && memcmp(n->instance, link->target_instance, 8) == 0;
  }
  sim_must(x, has, "a claim goes to somebody who has no number of a code");
}

static bool is_charged(const sim_walk *x, const pl_relay_rate *rate, uint64_t key) {
  return pl_relay_rate_key_left(rate, key, x->now_ms) < rate->burst;
}

enum { BY_CALLER, BY_ADDRESS };

/* Returns the key of a caller's or an address's part of the knocks at one ID. */
static uint64_t part_key(const sim_walk *x, uint64_t kind, uint64_t from, uint64_t to) {
  const uint64_t all[3] = {kind, from, to};
  return pl_relay_hash(x->relay, all, sizeof all) | 1;
}

/* A call that came in this turn was charged to the budgets that it counts for. */
static void check_charged(const sim_walk *x, const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  const pl_relay_shared *shared = x->relay->shared;
  uint64_t from = pl_relay_peers_entry(x->relay, caller->presence->id) | 1,
           address = pl_relay_address_key(x->relay, caller->address);
  bool exempt = pl_relay_address_exempt(x->relay, caller->address);
  sim_must(x, caller->opens_us > x->now_ms * 1000, "a call does not count for its socket");
  if (link->claim)
    sim_must(x, exempt || is_charged(x, &shared->claims, address), "a claim does not count for its address");
  if (!link->knock) return;
  uint64_t to = pl_relay_peers_entry(x->relay, link->target->id) | 1;
  sim_must(x, is_charged(x, &shared->knocks_from, from), "a knock does not count for its caller");
  sim_must(x, is_charged(x, &shared->knocks_to, to), "a knock does not count for its callee");
  sim_must(x, exempt || is_charged(x, &shared->knocks, address), "a knock does not count for its address");
  sim_must(x, is_charged(x, &shared->caller_to, part_key(x, BY_CALLER, from, to)),
           "a knock does not count for its caller's part of the callee's knocks");
  sim_must(x, is_charged(x, &shared->address_to, part_key(x, BY_ADDRESS, caller->account->key, to)),
           "a knock does not count for its address's part of the callee's knocks");
}

/* Judges a call that was placed in this turn. */
static void check_placed(const sim_walk *x, const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn, *callee = link->half[PL_RELAY_CALLEE].conn;
  bool any = memcmp(link->target_instance, any_instance, 8) == 0;
  if (!sim_on_bus(callee)) check_callee(x, link, callee);
  if (!link->claim) check_blocked(x, link);
  if (link->from_bus) return;
  if (any)
    sim_must(x, newest_listener(link->target, caller) == (sim_on_bus(callee) ? link->asked : callee->generation),
             "a call did not go to the newest socket that listens");
  if (!came_now(x, link)) return;
  if (link->claim)
    check_claim(x, link);
  else
    check_knock(x, link);
  check_charged(x, link);
}

/* A call that waits is offered to a socket that logs in and is its target. It stays waiting when that socket has no
 * slot for it, or does not read what is sent to it, or when the relay has no memory for the OFFER. */
static void check_waits_on(const sim_walk *x, const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  pl_relay_target target = pl_relay_router_target(link->target, link->target_instance, caller);
  uint64_t block = pl_relay_peers_entry(x->relay, caller->presence->id) | PL_RELAY_PEERS_BLOCK;
  bool blocked = !link->claim && (lists_here(link->target, block, NULL) || lists_elsewhere(link->target, block));
  if (blocked) return;
  if (target.conn && target.conn->generation > x->v->inside.generation) {
    const sim_conn *k = target.conn->shell;
    bool room = pl_relay_slots_next(target.conn) && !k->down.blocked;
    sim_must(x, !room || x->forgets, "a call is not offered to a socket that logs in");
  }
  if (target.remote && target.remote->generation > x->v->inside.remote_generation)
    sim_must(x, !pl_relay_slots_next(&x->relay->nodes[target.remote->node].conn) || x->forgets,
             "a call is not offered to a socket that logs in elsewhere");
}

static void check_waiting(const sim_walk *x) {
  for (const pl_node *n = x->relay->opens.next; n != &x->relay->opens; n = n->next) {
    const pl_relay_link *link = PL_CONTAINER(n, pl_relay_link, timed);
    if (sim_listed(&link->waiting) && !link->half[PL_RELAY_CALLEE].conn) check_waits_on(x, link);
  }
}

static bool was_there(const sim_inside *inside, sim_inside_offer offer) {
  for (size_t i = 0; i < inside->offer_count; i++)
    if (inside->offers[i].callee == offer.callee && inside->offers[i].number == offer.number) return true;
  return false;
}

/* A list that is full may lack some offers, so nothing tells whether those after it are new. */
void sim_walk_offers(sim_walk *x) {
  sim_inside *inside = &x->v->inside;
  for (size_t i = 0; inside->offer_count < SIM_INSIDE_OFFERS && i < x->offer_count; i++)
    if (!was_there(inside, x->offers[i].at)) check_placed(x, x->offers[i].link);
  for (size_t i = 0; i < x->offer_count; i++) inside->offers[i] = x->offers[i].at;
  inside->offer_count = x->offer_count;
  check_waiting(x);
  inside->links = x->relay->stats.links;
  inside->walked_us = x->v->relay->world->now_us;
  inside->generation = PL_RELAY_LOAD(x->relay->shared->generation);
  inside->remote_generation = x->remote_generation;
}
