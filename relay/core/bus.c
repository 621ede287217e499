/* See bus.h. Which sockets the other workers have, and the life of what leads to them. */
#include "bus.h"

#include "nameplates.h"
#include "shares.h"

#include <string.h>

enum {
  ENTRIES = 64,
  MESSAGE_MAX = 1 << 20,
  BUSY_BYTES = 1 << 20,   /* when this many wait for a worker, lists of peers wait too */
  BEHIND_BYTES = 16 << 20 /* when this many do, nothing is begun that it must be told of */
};

/* ---- life ------------------------------------------------------------------------------------------------------ */

static int init_node(pl_relay *relay, pl_relay_bus_node *node) {
  pl_relay_conn *conn = &node->conn;
  conn->relay = relay;
  conn->state = PL_RELAY_CONN_BUS;
  conn->is_dirty = true; /* never in the list of dirty sockets */
  pl_list_init(&conn->timed);
  pl_list_init(&conn->dirty);
  pl_list_init(&conn->same_id);
  pl_list_init(&conn->turns);
  pl_list_init(&conn->same_account);
  pl_list_init(&conn->untold);
  pl_buffer_init(&conn->control, SIZE_MAX); /* those who would fill it are held back: pl_relay_bus_is_behind */
  pl_ws_init(&conn->ws, false, false, MESSAGE_MAX);
  uint64_t name[2] = {UINT64_MAX, (uint64_t)(node - relay->nodes)};
  return pl_relay_account_enter(conn, pl_relay_router_hash(relay, name, sizeof name));
}

int pl_relay_bus_init(pl_relay *relay) {
  unsigned count = relay->config.workers;
  if (count < 2) return 0;
  relay->nodes = pl_alloc(count * sizeof *relay->nodes);
  if (!relay->nodes) return PL_ENOMEM;
  relay->node_count = count;
  int rc = 0;
  for (unsigned i = 0; i < count; i++)
    if (init_node(relay, &relay->nodes[i]) != 0) rc = PL_ENOMEM;
  return rc;
}

static void drop_output(pl_relay_conn *conn) {
  pl_relay_out_deinit(conn);
  pl_buffer_deinit(&conn->control);
}

void pl_relay_bus_deinit(pl_relay *relay) {
  for (unsigned i = 0; i < relay->node_count; i++) {
    pl_relay_conn *conn = &relay->nodes[i].conn;
    pl_relay_link_socket_died(conn, 0);
    drop_output(conn);
    pl_relay_account_leave(conn);
    pl_ws_deinit(&conn->ws);
  }
  pl_free(relay->nodes);
  relay->nodes = NULL;
  relay->node_count = 0;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void put_login(const pl_relay_conn *conn, uint8_t out[PL_RELAY_BUS_LOGIN_BYTES]) {
  memcpy(out, conn->presence->id, 32);
  memcpy(out + 32, conn->instance, 8);
  pl_put_u64(out + 40, conn->generation);
}

static void tell(pl_relay_bus_node *node, enum pl_relay_bus_type type, uint8_t flags, const uint8_t *payload,
                 size_t size) {
  if (!pl_relay_out_control_flags(&node->conn, (uint8_t)type, flags, 0, (pl_view){payload, size}, 100))
    node->lost = true;
}

void pl_relay_bus_say(pl_relay_bus_node *node, enum pl_relay_bus_type type, const uint8_t *payload, size_t size) {
  tell(node, type, 0, payload, size);
}

void pl_relay_bus_tell(pl_relay_conn *conn, enum pl_relay_bus_type type) {
  pl_relay *relay = conn->relay;
  uint8_t payload[PL_RELAY_BUS_LOGIN_BYTES];
  if (!relay->node_count) return;
  put_login(conn, payload);
  for (unsigned i = 0; i < relay->node_count; i++)
    if (i != relay->config.worker)
      tell(&relay->nodes[i], type, conn->listen ? PL_RELAY_BUS_FLAG : 0, payload, sizeof payload);
}

static void tell_peers(pl_relay_bus_node *node, const pl_relay_conn *conn, const uint64_t *entries, size_t count,
                       uint8_t flags) {
  uint8_t payload[PL_RELAY_BUS_LOGIN_BYTES + 8 * ENTRIES];
  put_login(conn, payload);
  size_t at = 0;
  do { /* at least once: an empty list is told too */
    size_t n = count - at < ENTRIES ? count - at : ENTRIES;
    for (size_t i = 0; i < n; i++) pl_put_u64(payload + PL_RELAY_BUS_LOGIN_BYTES + 8 * i, entries[at + i]);
    tell(node, PL_RELAY_BUS_PEERS, flags, payload, PL_RELAY_BUS_LOGIN_BYTES + 8 * n);
    flags &= (uint8_t)~PL_RELAY_BUS_WHOLE;
    at += n;
  } while (at < count);
}

/* ---- lists that are told later ------------------------------------------------------------------------ */

static uint64_t bit_of(const pl_relay_bus_node *node) {
  return UINT64_C(1) << (node - node->conn.relay->nodes);
}

static void tell_later(pl_relay_bus_node *node, pl_relay_conn *conn) {
  if (conn->untold_to & bit_of(node)) return;
  if (!conn->untold_to) pl_list_append(&conn->relay->untold, &conn->untold);
  conn->untold_to |= bit_of(node);
  node->untold++;
}

static void told(pl_relay_bus_node *node, pl_relay_conn *conn) {
  if (!(conn->untold_to & bit_of(node))) return;
  conn->untold_to &= ~bit_of(node);
  node->untold--;
  if (!conn->untold_to) pl_list_remove(&conn->untold);
}

void pl_relay_bus_untold_drop(pl_relay_conn *conn) {
  pl_relay *relay = conn->relay;
  for (unsigned i = 0; conn->untold_to && i < relay->node_count; i++) told(&relay->nodes[i], conn);
}

static bool is_busy(const pl_relay_bus_node *node) {
  return node->conn.control.size >= BUSY_BYTES;
}

/* Now that there is room: the lists as they are by now, in the order in which they had to wait. */
static void tell_untold(pl_relay *relay, pl_relay_bus_node *node) {
  for (pl_node *n = relay->untold.next, *next; node->untold && !is_busy(node) && n != &relay->untold; n = next) {
    next = n->next;
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, untold);
    if (!(conn->untold_to & bit_of(node))) continue;
    told(node, conn);
    tell_peers(node, conn, conn->peers.keys, conn->peers.count, PL_RELAY_BUS_WHOLE);
  }
}

void pl_relay_bus_tell_peers(pl_relay_conn *conn, const uint64_t *entries, size_t count, bool forget) {
  pl_relay *relay = conn->relay;
  for (unsigned i = 0; i < relay->node_count; i++) {
    pl_relay_bus_node *node = &relay->nodes[i];
    if (i == relay->config.worker || conn->untold_to & bit_of(node)) continue;
    if (is_busy(node))
      tell_later(node, conn);
    else
      tell_peers(node, conn, entries, count, forget ? PL_RELAY_BUS_FLAG : 0);
  }
}

bool pl_relay_bus_is_behind(const pl_relay *relay) {
  for (unsigned i = 0; i < relay->node_count; i++)
    if (relay->nodes[i].conn.control.size >= BEHIND_BYTES) return true;
  return false;
}

void pl_relay_bus_abort(pl_relay_conn *node) {
  PL_CONTAINER(node, pl_relay_bus_node, conn)->lost = true;
}

/* Begins anew: the other forgets all of this worker, then hears of each of its sockets. */
static void start_again(pl_relay *relay, pl_relay_bus_node *node) {
  node->lost = false;
  pl_relay_link_end_all(&node->conn);
  drop_output(&node->conn);
  node->lost = false;
  tell(node, PL_RELAY_BUS_START, 0, NULL, 0);
  for (size_t i = 0; i < relay->bucket_count; i++)
    for (pl_relay_presence *p = relay->buckets[i]; p; p = p->next)
      for (pl_node *n = p->sockets.next; n != &p->sockets; n = n->next) {
        pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_id);
        uint8_t payload[PL_RELAY_BUS_LOGIN_BYTES];
        put_login(conn, payload);
        tell(node, PL_RELAY_BUS_LOGIN, conn->listen ? PL_RELAY_BUS_FLAG : 0, payload, sizeof payload);
        if (conn->peers.count) tell_later(node, conn);
      }
  pl_relay_nameplates_tell_all(relay, node);
}

/* ---- hearing ------------------------------------------------------------------------------------------ */

/* One socket too many logged in at two workers at once: the newest goes, and all workers agree which that is. */
static void hold_limit(pl_relay_presence *presence, pl_relay *relay, uint64_t now_ms) {
  uint64_t newest = 0;
  if (presence->socket_count + presence->remote_count <= pl_relay_setting_of(relay, PL_RELAY_SET_INSTANCES_PER_ID))
    return;
  for (pl_node *n = presence->remotes.next; n != &presence->remotes; n = n->next) {
    const pl_relay_remote *remote = PL_CONTAINER(n, pl_relay_remote, same_id);
    if (remote->generation > newest) newest = remote->generation;
  }
  if (pl_list_empty(&presence->sockets)) return;
  pl_relay_conn *last = PL_CONTAINER(presence->sockets.prev, pl_relay_conn, same_id);
  if (last->generation > newest) pl_relay_conn_refuse(last, PL_REASON_FULL, now_ms);
}

static void on_login(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  const uint8_t *payload = e->payload.data;
  if (e->payload.size != PL_RELAY_BUS_LOGIN_BYTES) return;
  uint64_t generation = pl_get_u64(payload + 40);
  pl_relay_presence *presence = pl_relay_router_get(relay, payload, true);
  if (!presence) return; /* no memory: it cannot be called from this worker */
  pl_relay_conn *local = pl_relay_router_instance(presence, payload + 32);
  pl_relay_remote *remote = pl_relay_router_remote(presence, payload + 32);
  bool newest = (!local || local->generation < generation) && (!remote || remote->generation < generation);
  if (newest && !remote) remote = pl_relay_router_add_remote(presence, payload + 32);
  if (!newest || !remote) {
    pl_relay_router_release(relay, presence);
    return;
  }
  pl_relay_peers_deinit(relay, &remote->peers);
  remote->generation = generation;
  remote->node = node;
  remote->listen = e->flags & PL_RELAY_BUS_FLAG;
  if (local) pl_relay_conn_refuse(local, PL_REASON_SUPERSEDED, now_ms);
  hold_limit(presence, relay, now_ms);
  pl_relay_link_ready_elsewhere(presence, remote);
}

/* The socket that a message is about, if it is the one that is known. */
static pl_relay_remote *find(pl_relay *relay, uint8_t node, const pl_envelope *e, pl_relay_presence **presence) {
  if (e->payload.size < PL_RELAY_BUS_LOGIN_BYTES) return NULL;
  *presence = pl_relay_router_get(relay, e->payload.data, false);
  pl_relay_remote *remote = *presence ? pl_relay_router_remote(*presence, e->payload.data + 32) : NULL;
  return remote && remote->node == node && remote->generation == pl_get_u64(e->payload.data + 40) ? remote : NULL;
}

static void on_logout(pl_relay *relay, uint8_t node, const pl_envelope *e) {
  pl_relay_presence *presence;
  pl_relay_remote *remote = find(relay, node, e, &presence);
  if (!remote) return;
  pl_relay_router_drop_remote(relay, presence, remote);
  pl_relay_router_release(relay, presence);
}

static void on_peers(pl_relay *relay, uint8_t node, const pl_envelope *e) {
  pl_relay_presence *presence;
  pl_relay_remote *remote = find(relay, node, e, &presence);
  if (remote && e->flags & PL_RELAY_BUS_WHOLE) pl_relay_peers_deinit(relay, &remote->peers);
  for (size_t at = PL_RELAY_BUS_LOGIN_BYTES; remote && at + 8 <= e->payload.size; at += 8)
    (void)pl_relay_peers_set(relay, &remote->peers, pl_get_u64(e->payload.data + at), e->flags & PL_RELAY_BUS_FLAG);
}

static void on_message(pl_relay_conn *node, pl_envelope *e, uint64_t now_ms) {
  pl_relay *relay = node->relay;
  uint8_t from = (uint8_t)(PL_CONTAINER(node, pl_relay_bus_node, conn) - relay->nodes);
  switch (e->type) {
    case PL_RELAY_BUS_LOGIN:
      on_login(relay, from, e, now_ms);
      return;
    case PL_RELAY_BUS_LOGOUT:
      on_logout(relay, from, e);
      return;
    case PL_RELAY_BUS_PEERS:
      on_peers(relay, from, e);
      return;
    case PL_RELAY_BUS_START:
      pl_relay_link_reset_all(node);
      pl_relay_nameplates_drop_node(relay, from);
      pl_relay_router_drop_node(relay, from);
      return;
    case PL_RELAY_BUS_CODE:
    case PL_RELAY_BUS_CODE_END:
      pl_relay_nameplates_from_bus(relay, from, e, now_ms);
      return;
    default:
      e->link ^= UINT32_C(1) << 31;
      pl_relay_link_from_bus(node, e, now_ms);
  }
}

void pl_relay_bus_receive(pl_relay *relay, unsigned from, uint8_t *data, size_t size, uint64_t now_ms) {
  pl_ws_event event;
  int rc;
  if (from >= relay->node_count || from == relay->config.worker) return;
  pl_relay_conn *node = &relay->nodes[from].conn;
  while ((rc = pl_ws_read(&node->ws, &data, &size, &event)) > 0) {
    if (event.type != PL_WS_BINARY) continue;
    pl_reader r = pl_reader_of(event.data, event.size);
    pl_envelope e;
    while (pl_envelope_next(&r, &e) > 0) on_message(node, &e, now_ms);
  }
  if (rc < 0) pl_relay_bus_lost(relay, from);
}

void pl_relay_bus_lost(pl_relay *relay, unsigned node) {
  if (node >= relay->node_count || node == relay->config.worker) return;
  pl_relay_conn *conn = &relay->nodes[node].conn;
  pl_ws_deinit(&conn->ws);
  pl_ws_init(&conn->ws, false, false, MESSAGE_MAX);
  pl_relay_nameplates_drop_node(relay, (uint8_t)node);
  pl_relay_router_drop_node(relay, (uint8_t)node);
  relay->nodes[node].lost = true;
}

/* ---- output ------------------------------------------------------------------------------------------- */

bool pl_relay_next_bus_batch(pl_relay *relay, unsigned *to, pl_view *batch) {
  for (; *to < relay->node_count; ++*to) {
    pl_relay_bus_node *node = &relay->nodes[*to];
    if (node->lost) start_again(relay, node);
    if (node->untold) tell_untold(relay, node);
    if (pl_relay_conn_output(&node->conn, batch)) return true;
  }
  return false;
}

void pl_relay_bus_sent(pl_relay *relay, unsigned to, size_t n, uint64_t now_ms) {
  pl_relay_conn_sent(&relay->nodes[to].conn, n, now_ms);
}
