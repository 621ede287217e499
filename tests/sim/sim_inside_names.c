/* See sim_inside.h: IDs, lists of peers and nameplates of a worker. */
#include <string.h>

#include "relay/core/keys.h"
#include "relay/core/nameplates.h"
#include "relay/core/peers.h"
#include "relay/core/router.h"
#include "sim_inside_walk.h"

enum {
  STEP_MS = 10000, /* of the wheel by which nameplates expire */
  CLAIMS_PER_OWNER = 16
};

/* ---- lists of peers ---------------------------------------------------------------------------------------------- */

void sim_walk_list(sim_walk *x, const pl_relay_peer_list *list) {
  const uint64_t block = PL_RELAY_PEERS_BLOCK;
  sim_must(x, list->count <= list->capacity && list->count <= sim_set(x, PL_RELAY_SET_PEERS_PER_SOCKET),
           "a list of peers is longer than it may be");
  for (uint32_t i = 1; x->deep && i < list->count; i++)
    sim_must(x, (list->keys[i - 1] | block) < (list->keys[i] | block), "a list of peers is out of order");
  x->entries += list->count;
}

/* ---- IDs --------------------------------------------------------------------------------------------------------- */

static bool same_instance(const uint8_t a[8], const uint8_t b[8]) {
  return memcmp(a, b, 8) == 0;
}

static void walk_sockets(const sim_walk *x, const pl_relay_presence *p) {
  uint64_t last = 0, count = 0;
  for (const pl_node *n = p->sockets.next; n != &p->sockets; n = n->next, count++) {
    const pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_id);
    sim_must(x, conn->presence == p && conn->state == PL_RELAY_CONN_READY, "an ID has a socket that is not logged in");
    sim_must(x, conn->generation > last, "the sockets of an ID are not in the order of their logins");
    last = conn->generation;
    for (const pl_node *o = n->next; o != &p->sockets; o = o->next)
      sim_must(x, !same_instance(conn->instance, PL_CONTAINER(o, pl_relay_conn, same_id)->instance),
               "an instance has two sockets at one worker");
    sim_must(x, !pl_relay_router_remote(p, conn->instance), "an instance has a socket here and on another worker");
  }
  sim_must(x, last <= PL_RELAY_LOAD(x->relay->shared->generation), "a login has a number that was not given yet");
  sim_must(x, count == p->socket_count, "the sockets of an ID are not as many as are counted");
  sim_must(x, count <= sim_set(x, PL_RELAY_SET_INSTANCES_PER_ID), "an ID has more sockets than it may have");
}

static void walk_remotes(sim_walk *x, const pl_relay_presence *p) {
  uint64_t count = 0;
  for (const pl_node *n = p->remotes.next; n != &p->remotes; n = n->next, count++) {
    const pl_relay_remote *remote = PL_CONTAINER(n, pl_relay_remote, same_id);
    sim_must(x, remote->node < x->relay->node_count && remote->node != x->v->number, "a socket is on no other worker");
    for (const pl_node *o = n->next; o != &p->remotes; o = o->next)
      sim_must(x, !same_instance(remote->instance, PL_CONTAINER(o, pl_relay_remote, same_id)->instance),
               "an instance has two sockets on other workers");
    sim_walk_list(x, &remote->peers);
    if (remote->generation > x->remote_generation) x->remote_generation = remote->generation;
  }
  sim_must(x, count == p->remote_count, "the sockets of an ID elsewhere are not as many as are counted");
}

/* Undecided calls and numbers of codes have their limits. With several workers, two may give out the last number at
 * once. */
static void walk_budgets(const sim_walk *x, const pl_relay_presence *p) {
  uint64_t friends = p->open_count - p->knock_count - p->claim_count, numbers = 0;
  sim_must(x, p->open_count >= p->knock_count + p->claim_count, "an ID has more knocks and claims than calls");
  sim_must(x, friends <= sim_set(x, PL_RELAY_SET_FRIEND_OFFERS_PER_ID), "an ID has more calls of friends than it may");
  sim_must(x, p->knock_count <= sim_set(x, PL_RELAY_SET_OFFERS_PER_ID), "an ID has more knocks than it may");
  sim_must(x, p->claim_count <= CLAIMS_PER_OWNER, "an ID has more claims than it may");
  if (x->relay->node_count) return;
  for (const pl_node *n = p->nameplates.next; n != &p->nameplates; n = n->next)
    numbers += PL_CONTAINER(n, pl_relay_nameplate, same_owner)->expires_ms > x->now_ms;
  sim_must(x, numbers <= sim_set(x, PL_RELAY_SET_CODES_PER_ID), "an ID has more numbers of codes than it may");
}

static void walk_presence(sim_walk *x, const pl_relay_presence *p) {
  walk_sockets(x, p);
  walk_remotes(x, p);
  for (const pl_node *n = p->waiting.next; n != &p->waiting; n = n->next) {
    const pl_relay_link *link = PL_CONTAINER(n, pl_relay_link, waiting);
    sim_must(x, link->target == p, "a call waits for another ID");
    x->waiting--;
  }
  walk_budgets(x, p);
  sim_must(x, p->nameplate_count == sim_length(&p->nameplates), "the numbers of an ID are not as many as are counted");
  sim_must(x, p->socket_count || p->remote_count || p->open_count || p->nameplate_count, "an ID is kept for nothing");
  x->targets -= p->open_count;
  x->knocks -= p->knock_count;
  x->claims -= p->claim_count;
}

void sim_walk_presences(sim_walk *x) {
  const pl_relay *relay = x->relay;
  uint64_t count = 0;
  for (size_t i = 0; (i = sim_next_used(relay->buckets, i, relay->bucket_count)) < relay->bucket_count; i++)
    for (const pl_relay_presence *p = relay->buckets[i]; p; p = p->next, count++) {
      walk_presence(x, p);
      if (x->deep)
        sim_must(x, (pl_relay_hash(relay, p->id, 32) & (relay->bucket_count - 1)) == i, "an ID is in another bucket");
    }
  sim_must(x, count == relay->presence_count, "the IDs are not as many as are counted");
}

/* ---- nameplates -------------------------------------------------------------------------------------------------- */

/* A nameplate is freed in the first step of the wheel that starts after its expiry. */
static void walk_nameplate(const sim_walk *x, const pl_relay_nameplate *n, uint64_t place) {
  uint64_t step = n->expires_ms / STEP_MS + 1;
  sim_must(x, step % PL_RELAY_NAMEPLATE_WHEEL == place, "a number expires at another time than its wheel says");
  sim_must(x, step * STEP_MS >= x->relay->nameplates.due_ms, "a number expires before the relay looks for it");
  sim_must(x, n->expires_ms <= x->now_ms + PL_CONST_CODE_LIFETIME_MS, "a number lives longer than it may");
  sim_must(x, sim_listed(&n->same_owner) && n->owner->nameplate_count, "a number has no owner");
  sim_must(x, n->node < (x->relay->node_count ? x->relay->node_count : 1), "a number was given out by no worker");
}

/* Counts the nameplates in the table, with each number there once. */
static uint64_t count_table(const sim_walk *x) {
  const pl_relay_nameplates *all = &x->relay->nameplates;
  uint64_t count = 0;
  for (size_t i = 0; (i = sim_next_used(all->buckets, i, all->bucket_count)) < all->bucket_count; i++)
    for (const pl_relay_nameplate *n = all->buckets[i]; n; n = n->next, count++) {
      sim_must(x, (pl_relay_hash(x->relay, &n->number, sizeof n->number) & (all->bucket_count - 1)) == i,
               "a number is in another bucket");
      for (const pl_relay_nameplate *o = n->next; o; o = o->next)
        sim_must(x, o->number != n->number, "a number was given out twice");
    }
  return count;
}

void sim_walk_nameplates(sim_walk *x) {
  const pl_relay_nameplates *all = &x->relay->nameplates;
  uint64_t count = 0;
  if (all->due_ms < x->due_ms) x->due_ms = all->due_ms;
  if (x->relay->stats.nameplates == 0 && !x->deep) return;
  for (uint64_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    for (const pl_node *n = all->wheel[i].next; n != &all->wheel[i]; n = n->next, count++)
      walk_nameplate(x, PL_CONTAINER(n, pl_relay_nameplate, due), i);
  sim_must(x, count == x->relay->stats.nameplates, "the numbers are not as many as are counted");
  sim_must(x, count_table(x) == count, "the table of numbers does not have what expires, or has more");
}
