/* See bus.h. */
#include "bus.h"

#include <string.h>

#include "accounts.h"
#include "keys.h"
#include "queue.h"
#include "router.h"

enum {
  ENTRIES = 64, /* entries of a list of peers in one message */
  MESSAGE_MAX = 1 << 20,
  BUSY_BYTES = 1 << 20,   /* when this much waits for a worker, lists of peers wait too */
  BEHIND_BYTES = 16 << 20 /* when this much waits, nothing is started that the worker must be told of */
};

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static int bus_init_node(pl_relay *relay, pl_relay_bus_node *node) {
  pl_relay_conn *conn = &node->conn;
  conn->relay = relay;
  conn->state = PL_RELAY_CONN_BUS;
  conn->is_dirty = true; /* so that it is never put into the list of dirty sockets */
  pl_list_init(&conn->timed);
  pl_list_init(&conn->dirty);
  pl_list_init(&conn->same_id);
  pl_list_init(&conn->turns);
  pl_list_init(&conn->same_account);
  pl_list_init(&conn->untold);
  pl_buffer_init(&conn->control, SIZE_MAX); /* without a limit of its own: see pl_relay_bus_is_behind */
  pl_ws_init(&conn->ws, false, false, MESSAGE_MAX);
  uint64_t name[2] = {UINT64_MAX, (uint64_t)(node - relay->nodes)};
  return pl_relay_account_enter(conn, pl_relay_hash(relay, name, sizeof name));
}

int pl_relay_bus_init(pl_relay *relay) {
  unsigned count = relay->config.workers;
  if (count < 2) return 0;
  relay->nodes = pl_alloc(count * sizeof *relay->nodes);
  if (!relay->nodes) return PL_ENOMEM;
  relay->node_count = count;
  int rc = 0;
  for (unsigned i = 0; i < count; i++)
    if (bus_init_node(relay, &relay->nodes[i]) != 0) rc = PL_ENOMEM;
  return rc;
}

void pl_relay_bus_drop_output(pl_relay_bus_node *node) {
  pl_relay_out_deinit(&node->conn);
  pl_buffer_deinit(&node->conn.control);
}

void pl_relay_bus_restart_input(pl_relay_bus_node *node) {
  pl_ws_deinit(&node->conn.ws);
  pl_ws_init(&node->conn.ws, false, false, MESSAGE_MAX);
}

void pl_relay_bus_deinit(pl_relay *relay) {
  for (unsigned i = 0; i < relay->node_count; i++) {
    pl_relay_bus_node *node = &relay->nodes[i];
    pl_relay_bus_drop_output(node);
    pl_relay_account_leave(&node->conn);
    pl_ws_deinit(&node->conn.ws);
  }
  pl_free(relay->nodes);
  relay->nodes = NULL;
  relay->node_count = 0;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static void bus_put_login(const pl_relay_conn *conn, uint8_t out[PL_RELAY_BUS_LOGIN_BYTES]) {
  memcpy(out, conn->presence->id, 32);
  memcpy(out + 32, conn->instance, 8);
  pl_put_u64(out + 40, conn->generation);
}

static void bus_send(pl_relay_bus_node *node, enum pl_relay_bus_type type, uint8_t flags, const uint8_t *payload,
                     size_t size) {
  if (!pl_relay_out_control_flags(&node->conn, (uint8_t)type, flags, 0, (pl_view){payload, size}, 100))
    node->conn.lost = true;
}

void pl_relay_bus_say(pl_relay_bus_node *node, enum pl_relay_bus_type type, const uint8_t *payload, size_t size) {
  bus_send(node, type, 0, payload, size);
}

void pl_relay_bus_say_start(pl_relay_bus_node *node, bool again) {
  bus_send(node, PL_RELAY_BUS_START, again ? PL_RELAY_BUS_FLAG : 0, NULL, 0);
}

void pl_relay_bus_say_all(pl_relay *relay, enum pl_relay_bus_type type, const uint8_t *payload, size_t size) {
  for (unsigned i = 0; i < relay->node_count; i++)
    if (i != relay->config.worker) bus_send(&relay->nodes[i], type, 0, payload, size);
}

void pl_relay_bus_tell(pl_relay_conn *conn, enum pl_relay_bus_type type) {
  pl_relay *relay = conn->relay;
  uint8_t payload[PL_RELAY_BUS_LOGIN_BYTES];
  if (!relay->node_count) return;
  bus_put_login(conn, payload);
  for (unsigned i = 0; i < relay->node_count; i++)
    if (i != relay->config.worker)
      bus_send(&relay->nodes[i], type, conn->listen ? PL_RELAY_BUS_FLAG : 0, payload, sizeof payload);
}

static void bus_send_peers(pl_relay_bus_node *node, const pl_relay_conn *conn, const uint64_t *entries, size_t count,
                           uint8_t flags) {
  uint8_t payload[PL_RELAY_BUS_LOGIN_BYTES + 8 * ENTRIES];
  bus_put_login(conn, payload);
  size_t at = 0;
  do { /* runs at least once, because an empty list is sent, too */
    size_t n = count - at < ENTRIES ? count - at : ENTRIES;
    for (size_t i = 0; i < n; i++) pl_put_u64(payload + PL_RELAY_BUS_LOGIN_BYTES + 8 * i, entries[at + i]);
    bus_send(node, PL_RELAY_BUS_PEERS, flags, payload, PL_RELAY_BUS_LOGIN_BYTES + 8 * n);
    flags &= (uint8_t)~PL_RELAY_BUS_WHOLE;
    at += n;
  } while (at < count);
}

/* ---- lists that are sent later ----------------------------------------------------------------------------------- */

static uint64_t bus_bit(const pl_relay_bus_node *node) {
  return UINT64_C(1) << (node - node->conn.relay->nodes);
}

static void bus_tell_later(pl_relay_bus_node *node, pl_relay_conn *conn) {
  if (conn->untold_to & bus_bit(node)) return;
  if (!conn->untold_to) pl_list_append(&conn->relay->untold, &conn->untold);
  conn->untold_to |= bus_bit(node);
  node->untold++;
}

static void bus_told(pl_relay_bus_node *node, pl_relay_conn *conn) {
  if (!(conn->untold_to & bus_bit(node))) return;
  conn->untold_to &= ~bus_bit(node);
  node->untold--;
  if (!conn->untold_to) pl_list_remove(&conn->untold);
}

void pl_relay_bus_drop_untold(pl_relay_conn *conn) {
  pl_relay *relay = conn->relay;
  for (unsigned i = 0; conn->untold_to && i < relay->node_count; i++) bus_told(&relay->nodes[i], conn);
}

static bool bus_is_busy(const pl_relay_bus_node *node) {
  return node->conn.control.size >= BUSY_BYTES;
}

/* Sends each list in its present state, in the order in which the sockets started to wait. */
void pl_relay_bus_tell_untold(pl_relay_bus_node *node) {
  pl_relay *relay = node->conn.relay;
  for (pl_node *n = relay->untold.next, *next; node->untold && !bus_is_busy(node) && n != &relay->untold; n = next) {
    next = n->next;
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, untold);
    if (!(conn->untold_to & bus_bit(node))) continue;
    bus_told(node, conn);
    bus_send_peers(node, conn, conn->peers.keys, conn->peers.count, PL_RELAY_BUS_WHOLE);
  }
}

void pl_relay_bus_tell_peers(pl_relay_conn *conn, const uint64_t *entries, size_t count, bool forget) {
  pl_relay *relay = conn->relay;
  for (unsigned i = 0; i < relay->node_count; i++) {
    pl_relay_bus_node *node = &relay->nodes[i];
    if (i == relay->config.worker || conn->untold_to & bus_bit(node)) continue;
    if (bus_is_busy(node))
      bus_tell_later(node, conn);
    else
      bus_send_peers(node, conn, entries, count, forget ? PL_RELAY_BUS_FLAG : 0);
  }
}

void pl_relay_bus_tell_socket(pl_relay_bus_node *node, pl_relay_conn *conn) {
  uint8_t payload[PL_RELAY_BUS_LOGIN_BYTES];
  bus_put_login(conn, payload);
  bus_send(node, PL_RELAY_BUS_LOGIN, conn->listen ? PL_RELAY_BUS_FLAG : 0, payload, sizeof payload);
  if (conn->peers.count) bus_tell_later(node, conn);
}

bool pl_relay_bus_is_behind(const pl_relay *relay) {
  for (unsigned i = 0; i < relay->node_count; i++)
    if (relay->nodes[i].conn.control.size >= BEHIND_BYTES) return true;
  return false;
}
