/* See sim_inside.h: what the workers of one relay know of each other. Whenever nothing is on its way between any two of
 * them, all must agree on who is connected where, on every list, on every number of a code, and on each link that two
 * of them share. */
#include <string.h>

#include "relay/core/bus.h"
#include "relay/core/nameplates.h"
#include "relay/core/queue.h"
#include "relay/core/router.h"
#include "relay/core/slots.h"
#include "sim_inside_walk.h"
#include "sim_limits.h"

enum {
  LISTS_SURE = 100000, /* below this PEERS_TOTAL a worker may have been full when another one told it of an entry */
  CODES_SURE = 1000    /* the same for CODES_TOTAL */
};

/* Returns true when nothing is on its way between workers, and none has yet to hear of a loss. */
static bool is_quiet(const sim_relay *r) {
  if (sim_poor_due(r->world) != SIM_NEVER) return false;
  for (unsigned from = 0; from < r->worker_count; from++)
    for (unsigned to = 0; to < r->worker_count; to++) {
      const pl_relay_conn *conn = &r->workers[from].core->nodes[to].conn;
      if (r->bus[from][to].first || r->bus[from][to].blocked || pl_relay_out_size(&conn->out) || conn->control.size ||
          !pl_list_empty(&conn->turns) || conn->lost)
        return false;
    }
  return true;
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

static void check_known(const sim_walk *x, const pl_relay_conn *conn, sim_worker *by) {
  const pl_relay_presence *p = pl_relay_router_get(by->core, conn->presence->id, false);
  const pl_relay_remote *remote = p ? pl_relay_router_remote(p, conn->instance) : NULL;
  sim_must(x, remote && remote->generation == conn->generation, "another worker does not know a socket of this one");
  sim_must(x, remote->node == x->v->number, "another worker believes a socket somewhere else");
  sim_must(x, remote->listen == conn->listen, "another worker does not know whether a socket listens");
  if (sim_set(x, PL_RELAY_SET_PEERS_TOTAL) < LISTS_SURE || x->forgets) return;
  sim_must(x, remote->peers.count == conn->peers.count, "another worker has another list of a socket's peers");
  if (conn->peers.count)
    sim_must(x, memcmp(remote->peers.keys, conn->peers.keys, conn->peers.count * sizeof *conn->peers.keys) == 0,
             "another worker has other peers in a socket's list");
}

static uint64_t count_remotes(const pl_relay *relay, unsigned node) {
  uint64_t count = 0;
  for (size_t i = 0; (i = sim_next_used(relay->buckets, i, relay->bucket_count)) < relay->bucket_count; i++)
    for (const pl_relay_presence *p = relay->buckets[i]; p; p = p->next)
      for (const pl_node *n = p->remotes.next; n != &p->remotes; n = n->next)
        count += PL_CONTAINER(n, pl_relay_remote, same_id)->node == node;
  return count;
}

/* Each socket is known everywhere as it is, and no worker knows one that is not there. So an ID and instance have one
 * socket at all workers together, since no worker has one of its own beside one elsewhere (walk_sockets). */
/* A worker that had no memory for a part of what this one said asks again later. */
static void check_sockets(const sim_walk *x, sim_worker *other) {
  if (other->core->nodes[x->v->number].missed) return;
  const pl_relay *relay = x->relay;
  for (size_t i = 0; (i = sim_next_used(relay->buckets, i, relay->bucket_count)) < relay->bucket_count; i++)
    for (const pl_relay_presence *p = relay->buckets[i]; p; p = p->next) {
      for (const pl_node *n = p->sockets.next; n != &p->sockets; n = n->next)
        check_known(x, PL_CONTAINER(n, pl_relay_conn, same_id), other);
      sim_must(x, p->socket_count + p->remote_count <= sim_set(x, PL_RELAY_SET_INSTANCES_PER_ID),
               "an ID has more sockets at all workers than it may have");
    }
  sim_must(x, count_remotes(other->core, x->v->number) == relay->stats.ready,
           "another worker knows sockets of this one that have gone");
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* The other worker has our link under the same number, with the side that asked for it flipped. It has nothing when it
 * left our call to time out, because its ID had no room for it. */
static void check_half(const sim_walk *x, const pl_relay_half *half, const sim_worker *other) {
  const pl_relay_link *link = PL_CONTAINER(half - half->side, pl_relay_link, half);
  const pl_relay_half *there =
      pl_relay_slots_find(&other->core->nodes[x->v->number].conn, half->number ^ UINT32_C(1) << 31);
  bool left_to_time_out = link->state == PL_RELAY_LINK_OFFERED && !link->from_bus && !link->handshake;
  if (!there) {
    sim_must(x, left_to_time_out, "the other worker does not have a link that leads to it");
    return;
  }
  const pl_relay_link *same = PL_CONTAINER(there - there->side, pl_relay_link, half);
  sim_must(x, same->state == link->state, "two workers do not agree on the state of a link");
  sim_must(x, there->side != half->side && same->from_bus != link->from_bus,
           "two workers are on the same side of a link");
  sim_must(x, same->claim == link->claim && same->knock == link->knock && same->newcomer == link->newcomer,
           "two workers do not agree on what a call is");
  sim_must(x, link->state != PL_RELAY_LINK_OFFERED || link->from_bus || !link->handshake,
           "a call was offered on another worker, and its handshake is still kept");
}

static void check_links(const sim_walk *x, const sim_worker *other) {
  const pl_relay_conn *node = &x->relay->nodes[other->number].conn;
  for (size_t side = 0; side < 2; side++)
    for (uint32_t i = 0; i < node->slots[side].count; i++)
      if (node->slots[side].at[i].half) check_half(x, node->slots[side].at[i].half, other);
}

/* ---- nameplates -------------------------------------------------------------------------------------------------- */

static bool is_over(const sim_walk *x, const pl_relay_nameplate *n) {
  return n->expires_ms <= x->now_ms; /* it may be dropped here and not there, but is found nowhere */
}

static const pl_relay_nameplate *nameplate_of(const pl_relay *relay, uint32_t number) {
  for (size_t i = 0; i < relay->nameplates.bucket_count; i++)
    for (const pl_relay_nameplate *n = relay->nameplates.buckets[i]; n; n = n->next)
      if (n->number == number) return n;
  return NULL;
}

static void check_nameplates(const sim_walk *x, const sim_worker *other) {
  const pl_relay_nameplates *all = &x->relay->nameplates;
  if (x->relay->stats.nameplates == 0 || sim_set(x, PL_RELAY_SET_CODES_TOTAL) < CODES_SURE || x->forgets) return;
  for (size_t i = 0; (i = sim_next_used(all->buckets, i, all->bucket_count)) < all->bucket_count; i++)
    for (const pl_relay_nameplate *n = all->buckets[i]; n; n = n->next) {
      if (is_over(x, n)) continue;
      const pl_relay_nameplate *same = nameplate_of(other->core, n->number);
      sim_must(x, same != NULL, "another worker does not know the number of a code, or that it has ended");
      sim_must(x, memcmp(same->owner->id, n->owner->id, 32) == 0 && memcmp(same->instance, n->instance, 8) == 0,
               "two workers do not agree on whose a number is");
      sim_must(x, !sim_wire_number_is_lost(x->v->relay->world, n->number, n->owner->id, n->instance),
               "of two owners of a number the wrong one keeps it");
      sim_must(x, same->expires_ms == n->expires_ms, "two workers do not agree on when a number expires");
      sim_must(x, same->node == n->node, "two workers do not agree on who gave a number out");
    }
}

void sim_walk_bus(sim_walk *x) {
  sim_relay *r = x->v->relay;
  if (!is_quiet(r)) return;
  for (unsigned i = 0; i < r->worker_count; i++) {
    sim_worker *other = &r->workers[i];
    if (other == x->v) continue;
    check_sockets(x, other);
    check_links(x, other);
    check_nameplates(x, other);
  }
}
