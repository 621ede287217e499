/* See elsewhere.h. */
#include "elsewhere.h"

#include "bus.h"
#include "call.h"
#include "leave.h"
#include "link.h"
#include "nameplates.h"
#include "peers.h"
#include "router.h"

/* ---- sockets on other workers ------------------------------------------------------------------------------------ */

/* INSTANCES_PER_ID is exceeded when sockets logged in at several workers at once. The newest must go then, and all
 * workers agree which one that is. When it has gone, the next one may be another worker's. */
static void elsewhere_hold_limit(pl_relay *relay, const pl_relay_presence *presence, uint64_t now_ms) {
  uint32_t most = pl_relay_setting_of(relay, PL_RELAY_SET_INSTANCES_PER_ID);
  uint64_t newest = 0;
  if (presence->socket_count + presence->remote_count <= most) return;
  for (const pl_node *n = presence->remotes.next; n != &presence->remotes; n = n->next) {
    const pl_relay_remote *remote = PL_CONTAINER(n, pl_relay_remote, same_id);
    if (remote->generation > newest) newest = remote->generation;
  }
  /* The presence stays, because as many as the limit allows remain. */
  while (presence->socket_count + presence->remote_count > most && !pl_list_empty(&presence->sockets)) {
    pl_relay_conn *last = PL_CONTAINER(presence->sockets.prev, pl_relay_conn, same_id);
    if (last->generation <= newest) return;
    pl_relay_conn_refuse(last, PL_REASON_FULL, now_ms);
  }
}

static void elsewhere_login(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  const uint8_t *payload = e->payload.data;
  if (e->payload.size != PL_RELAY_BUS_LOGIN_BYTES) return;
  uint64_t generation = pl_get_u64(payload + 40);
  pl_relay_presence *presence = pl_relay_router_get(relay, payload, true);
  if (!presence) {
    relay->nodes[node].missed = true;
    return;
  }
  pl_relay_conn *local = pl_relay_router_instance(presence, payload + 32);
  pl_relay_remote *remote = pl_relay_router_remote(presence, payload + 32);
  bool newest = (!local || local->generation < generation) && (!remote || remote->generation < generation);
  if (newest && !remote) {
    remote = pl_relay_router_add_remote(presence, payload + 32);
    relay->nodes[node].missed |= !remote;
  }
  if (!newest || !remote) {
    pl_relay_router_release(relay, presence);
    return;
  }
  pl_relay_peers_deinit(relay, &remote->peers);
  remote->generation = generation;
  remote->node = node;
  remote->listen = e->flags & PL_RELAY_BUS_FLAG;
  if (local) pl_relay_conn_refuse(local, PL_REASON_SUPERSEDED, now_ms);
  elsewhere_hold_limit(relay, presence, now_ms);
  pl_relay_call_ready_elsewhere(presence, remote);
}

/* Finds the socket that a message is about. Returns NULL when no such login is known. */
static pl_relay_remote *elsewhere_find(pl_relay *relay, uint8_t node, const pl_envelope *e,
                                       pl_relay_presence **presence) {
  if (e->payload.size < PL_RELAY_BUS_LOGIN_BYTES) return NULL;
  *presence = pl_relay_router_get(relay, e->payload.data, false);
  pl_relay_remote *remote = *presence ? pl_relay_router_remote(*presence, e->payload.data + 32) : NULL;
  return remote && remote->node == node && remote->generation == pl_get_u64(e->payload.data + 40) ? remote : NULL;
}

static void elsewhere_logout(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_presence *presence;
  pl_relay_remote *remote = elsewhere_find(relay, node, e, &presence);
  if (!remote) return;
  pl_relay_router_drop_remote(relay, presence, remote);
  elsewhere_hold_limit(relay, presence, now_ms);
  pl_relay_router_release(relay, presence);
}

/* Returns false when memory ran out for the entry. What exceeds a limit is left out. */
static bool elsewhere_set_peer(pl_relay *relay, pl_relay_peer_list *list, uint64_t entry, bool forget) {
  bool allowed = false, blocked = false;
  if (pl_relay_peers_set(relay, list, entry, forget) || forget || pl_relay_peers_is_full(relay, list)) return true;
  pl_relay_peers_ask(list, entry & ~(uint64_t)PL_RELAY_PEERS_BLOCK, &allowed, &blocked);
  return allowed || blocked;
}

static void elsewhere_peers(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_presence *presence;
  pl_relay_remote *remote = elsewhere_find(relay, node, e, &presence);
  (void)now_ms;
  if (!remote) return;
  if (e->flags & PL_RELAY_BUS_WHOLE) pl_relay_peers_deinit(relay, &remote->peers);
  for (size_t at = PL_RELAY_BUS_LOGIN_BYTES; at + 8 <= e->payload.size; at += 8) {
    uint64_t entry = pl_get_u64(e->payload.data + at);
    if (!elsewhere_set_peer(relay, &remote->peers, entry, e->flags & PL_RELAY_BUS_FLAG))
      relay->nodes[node].missed = true;
  }
}

static void elsewhere_drop(pl_relay *relay, uint8_t node) {
  pl_relay_nameplates_drop_node(relay, node);
  pl_relay_router_drop_node(relay, node);
}

/* Forgets what this worker said, and has it say everything again. */
static void elsewhere_forget(pl_relay *relay, unsigned worker) {
  pl_relay_bus_node *node = &relay->nodes[worker];
  elsewhere_drop(relay, (uint8_t)worker);
  node->missed = false;
  node->forgotten = node->conn.lost = true;
}

/* The sockets of that worker which were to go may be gone, and nothing more be said of their IDs. */
static void elsewhere_hold_limits(pl_relay *relay, uint64_t now_ms) {
  for (size_t i = 0; i < relay->bucket_count; i++)
    for (const pl_relay_presence *p = relay->buckets[i]; p; p = p->next) elsewhere_hold_limit(relay, p, now_ms);
}

static void elsewhere_start(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_link_reset_all(&relay->nodes[node].conn);
  elsewhere_drop(relay, node);
  elsewhere_hold_limits(relay, now_ms);
  relay->nodes[node].missed = false; /* all that it had said follows */
  if (e->flags & PL_RELAY_BUS_FLAG) relay->nodes[node].conn.lost = true;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/* Handlers of the messages that are not about one link. All others go to call.c. */
static const struct {
  enum pl_relay_bus_type type;
  void (*take)(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms);
} elsewhere_messages[] = {
    {PL_RELAY_BUS_LOGIN, elsewhere_login},
    {PL_RELAY_BUS_LOGOUT, elsewhere_logout},
    {PL_RELAY_BUS_PEERS, elsewhere_peers},
    {PL_RELAY_BUS_START, elsewhere_start},
    {PL_RELAY_BUS_CODE, pl_relay_nameplates_from_bus},
    {PL_RELAY_BUS_CODE_END, pl_relay_nameplates_from_bus},
};

static void elsewhere_message(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  for (size_t i = 0; e->type >= PL_RELAY_BUS_LOGIN && i < PL_ARRAY_LENGTH(elsewhere_messages); i++)
    if (elsewhere_messages[i].type == e->type) {
      elsewhere_messages[i].take(relay, node, e, now_ms);
      return;
    }
  pl_envelope flipped = *e;
  flipped.link ^= UINT32_C(1) << 31;
  pl_relay_call_from_bus(&relay->nodes[node].conn, &flipped, now_ms);
}

/* Asks a worker to say everything again, because memory ran out for a part of it. If that happens again at once, the
 * next request waits, so that workers without memory do not keep telling each other everything. */
static void elsewhere_ask_again(pl_relay *relay, unsigned worker, uint64_t now_ms) {
  pl_relay_bus_node *node = &relay->nodes[worker];
  if (!node->missed || now_ms < node->ask_ms) return;
  node->ask_ms = now_ms + pl_relay_setting_of(relay, PL_RELAY_SET_PING_INTERVAL_MS);
  elsewhere_forget(relay, worker);
}

void pl_relay_elsewhere_time(pl_relay *relay, uint64_t now_ms) {
  for (unsigned i = 0; i < relay->node_count; i++) elsewhere_ask_again(relay, i, now_ms);
}

uint64_t pl_relay_elsewhere_deadline(const pl_relay *relay) {
  uint64_t deadline = PL_NEVER;
  for (unsigned i = 0; i < relay->node_count; i++)
    if (relay->nodes[i].missed && relay->nodes[i].ask_ms < deadline) deadline = relay->nodes[i].ask_ms;
  return deadline;
}

void pl_relay_bus_receive(pl_relay *relay, unsigned from, uint8_t *data, size_t size, uint64_t now_ms) {
  pl_ws_event event;
  int rc;
  if (from >= relay->node_count || from == relay->config.worker) return;
  pl_relay_bus_node *node = &relay->nodes[from];
  while ((rc = pl_ws_read(&node->conn.ws, &data, &size, &event)) > 0) {
    if (event.type != PL_WS_BINARY) continue;
    pl_reader r = pl_reader_of(event.data, event.size);
    pl_envelope e;
    while (pl_envelope_next(&r, &e) > 0) elsewhere_message(relay, (uint8_t)from, &e, now_ms);
  }
  if (rc < 0) pl_relay_bus_lost(relay, from);
  elsewhere_ask_again(relay, from, now_ms);
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

void pl_relay_bus_lost(pl_relay *relay, unsigned worker) {
  if (worker >= relay->node_count || worker == relay->config.worker) return;
  pl_relay_bus_restart_input(&relay->nodes[worker]);
  elsewhere_forget(relay, worker);
}

/* Has the other worker forget everything of this one, then tells it of each socket and nameplate. After a loss of which
 * that worker may not have heard, it is asked for the same. */
static void elsewhere_tell_all(pl_relay *relay, pl_relay_bus_node *node) {
  pl_relay_link_end_all(&node->conn);
  pl_relay_bus_drop_output(node);
  node->conn.lost = false;
  pl_relay_bus_say_start(node, node->forgotten);
  node->forgotten &= node->conn.lost; /* there was no memory to say so */
  for (size_t i = 0; i < relay->bucket_count; i++)
    for (pl_relay_presence *p = relay->buckets[i]; p; p = p->next)
      for (pl_node *n = p->sockets.next; n != &p->sockets; n = n->next)
        pl_relay_bus_tell_socket(node, PL_CONTAINER(n, pl_relay_conn, same_id));
  pl_relay_nameplates_tell_node(relay, node);
}

bool pl_relay_next_bus_batch(pl_relay *relay, unsigned *to, pl_view *batch) {
  for (; *to < relay->node_count; ++*to) {
    pl_relay_bus_node *node = &relay->nodes[*to];
    if (node->conn.lost) elsewhere_tell_all(relay, node);
    if (node->untold) pl_relay_bus_tell_untold(node);
    if (pl_relay_conn_output(&node->conn, batch)) return true;
  }
  return false;
}

void pl_relay_bus_sent(pl_relay *relay, unsigned to, size_t n, uint64_t now_ms) {
  (void)now_ms;
  pl_relay_out_sent(&relay->nodes[to].conn, n);
  pl_relay_link_refill(&relay->nodes[to].conn);
}

void pl_relay_elsewhere_deinit(pl_relay *relay) {
  for (unsigned i = 0; i < relay->node_count; i++) pl_relay_link_socket_died(&relay->nodes[i].conn);
}
