/* See router.h. The table has chains, because entries must not move. */
#include "router.h"

#include <string.h>

#include "keys.h"
#include "peers.h"

enum { FIRST_BUCKETS = 256 };

int pl_relay_router_init(pl_relay *relay) {
  relay->buckets = pl_alloc(FIRST_BUCKETS * sizeof *relay->buckets);
  relay->bucket_count = FIRST_BUCKETS;
  return relay->buckets ? 0 : PL_ENOMEM;
}

void pl_relay_router_deinit(pl_relay *relay) {
  for (size_t i = 0; relay->buckets && i < relay->bucket_count; i++)
    while (relay->buckets[i]) {
      pl_relay_presence *p = relay->buckets[i], *next = p->next;
      while (!pl_list_empty(&p->remotes))
        pl_relay_router_drop_remote(relay, p, PL_CONTAINER(p->remotes.next, pl_relay_remote, same_id));
      pl_free(p);
      relay->buckets[i] = next;
    }
  pl_free(relay->buckets);
}

static pl_relay_presence **router_bucket(const pl_relay *relay, const uint8_t id[32]) {
  return &relay->buckets[pl_relay_hash(relay, id, 32) & (relay->bucket_count - 1)];
}

/* Doubles the buckets. Without memory for that the chains just grow longer. */
static void router_grow(pl_relay *relay) {
  pl_relay_presence **old = relay->buckets;
  size_t count = relay->bucket_count;
  pl_relay_presence **wider = pl_alloc(2 * count * sizeof *wider);
  if (!wider) return;
  relay->buckets = wider;
  relay->bucket_count = 2 * count;
  for (size_t i = 0; i < count; i++)
    while (old[i]) {
      pl_relay_presence *p = old[i];
      old[i] = p->next;
      pl_relay_presence **bucket = router_bucket(relay, p->id);
      p->next = *bucket;
      *bucket = p;
    }
  pl_free(old);
}

pl_relay_presence *pl_relay_router_get(pl_relay *relay, const uint8_t id[32], bool make) {
  pl_relay_presence **bucket = router_bucket(relay, id);
  for (pl_relay_presence *p = *bucket; p; p = p->next)
    if (memcmp(p->id, id, 32) == 0) return p;
  pl_relay_presence *p = make ? pl_alloc(sizeof *p) : NULL;
  if (!p) return NULL;
  memcpy(p->id, id, 32);
  pl_list_init(&p->sockets);
  pl_list_init(&p->waiting);
  pl_list_init(&p->remotes);
  pl_list_init(&p->nameplates);
  p->next = *bucket;
  *bucket = p;
  if (++relay->presence_count > relay->bucket_count) router_grow(relay);
  return p;
}

void pl_relay_router_release(pl_relay *relay, pl_relay_presence *presence) {
  if (presence->socket_count || presence->open_count || presence->remote_count || presence->nameplate_count) return;
  pl_relay_presence **at = router_bucket(relay, presence->id);
  while (*at != presence) at = &(*at)->next;
  *at = presence->next;
  relay->presence_count--;
  pl_free(presence);
}

pl_relay_conn *pl_relay_router_instance(const pl_relay_presence *presence, const uint8_t instance[8]) {
  for (const pl_node *n = presence->sockets.next; n != &presence->sockets; n = n->next) {
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_id);
    if (memcmp(conn->instance, instance, 8) == 0) return conn;
  }
  return NULL;
}

/* ---- sockets on other workers ------------------------------------------------------------------------------------ */

pl_relay_remote *pl_relay_router_remote(const pl_relay_presence *presence, const uint8_t instance[8]) {
  for (const pl_node *n = presence->remotes.next; n != &presence->remotes; n = n->next) {
    pl_relay_remote *remote = PL_CONTAINER(n, pl_relay_remote, same_id);
    if (memcmp(remote->instance, instance, 8) == 0) return remote;
  }
  return NULL;
}

pl_relay_remote *pl_relay_router_add_remote(pl_relay_presence *presence, const uint8_t instance[8]) {
  pl_relay_remote *remote = pl_alloc(sizeof *remote);
  if (!remote) return NULL;
  memcpy(remote->instance, instance, 8);
  pl_list_append(&presence->remotes, &remote->same_id);
  presence->remote_count++;
  return remote;
}

void pl_relay_router_drop_remote(pl_relay *relay, pl_relay_presence *presence, pl_relay_remote *remote) {
  pl_list_remove(&remote->same_id);
  presence->remote_count--;
  pl_relay_peers_deinit(relay, &remote->peers);
  pl_free(remote);
}

static void router_drop_node_of(pl_relay *relay, pl_relay_presence *presence, uint8_t node) {
  for (pl_node *n = presence->remotes.next, *next; n != &presence->remotes; n = next) {
    next = n->next;
    pl_relay_remote *remote = PL_CONTAINER(n, pl_relay_remote, same_id);
    if (remote->node == node) pl_relay_router_drop_remote(relay, presence, remote);
  }
  pl_relay_router_release(relay, presence);
}

void pl_relay_router_drop_node(pl_relay *relay, uint8_t node) {
  for (size_t i = 0; i < relay->bucket_count; i++)
    for (pl_relay_presence *p = relay->buckets[i], *next; p; p = next) {
      next = p->next;
      router_drop_node_of(relay, p, node);
    }
}

/* ---- the target of a call ---------------------------------------------------------------------------------------- */

static pl_relay_target router_newest_listener(const pl_relay_presence *presence, const pl_relay_conn *except) {
  pl_relay_target target = {NULL, NULL};
  for (const pl_node *n = presence->sockets.prev; !target.conn && n != &presence->sockets; n = n->prev) {
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_id);
    if (conn->listen && conn != except) target.conn = conn;
  }
  uint64_t newest = target.conn ? target.conn->generation : 0;
  for (const pl_node *n = presence->remotes.next; n != &presence->remotes; n = n->next) {
    pl_relay_remote *remote = PL_CONTAINER(n, pl_relay_remote, same_id);
    if (!remote->listen || remote->generation <= newest) continue;
    newest = remote->generation;
    target = (pl_relay_target){NULL, remote};
  }
  return target;
}

pl_relay_target pl_relay_router_target(const pl_relay_presence *presence, const uint8_t instance[8],
                                       const pl_relay_conn *except) {
  static const uint8_t any[8];
  if (memcmp(instance, any, 8) == 0) return router_newest_listener(presence, except);
  pl_relay_conn *conn = pl_relay_router_instance(presence, instance);
  if (conn) return (pl_relay_target){conn == except ? NULL : conn, NULL};
  return (pl_relay_target){NULL, pl_relay_router_remote(presence, instance)};
}
