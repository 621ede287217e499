/* No limit is exceeded: looked at after each turn of a worker, in worlds with small limits. Over several workers
 * INSTANCES_PER_ID and CODES_PER_ID may be exceeded for as long as a message is on the bus, so they are judged only
 * where there is one worker. */
#include "relay/core/knocks.h"
#include "relay/core/nameplates.h"
#include "relay/core/router.h"
#include "sim_limits.h"

enum { CLAIMS_PER_OWNER = 16 }; /* as in call.c */

static uint32_t limit_of(const sim_worker *v, enum pl_relay_setting setting) {
  return pl_relay_setting_of(v->core, setting);
}

static void most(const sim_worker *v, const char *what, uint64_t n, enum pl_relay_setting setting) {
  if (n > limit_of(v, setting))
    sim_fail(v->relay->world, "worker %u has %d %s, and %s is %d", v->number, (int)n, what,
             pl_relay_setting_table[setting].name, (int)limit_of(v, setting));
}

static void check_conn(const sim_worker *v, const pl_relay_conn *conn) {
  most(v, "IDs on a list", conn->peers.count, PL_RELAY_SET_PEERS_PER_SOCKET);
  for (size_t side = 0; side < 2; side++)
    most(v, "slots of a socket", conn->slots[side].count, PL_RELAY_SET_LINK_SLOTS);
}

static void check_id(const sim_worker *v, const pl_relay_presence *p) {
  most(v, "calls of strangers to one ID", p->knock_count, PL_RELAY_SET_OFFERS_PER_ID);
  most(v, "calls of friends to one ID", p->open_count - p->knock_count - p->claim_count,
       PL_RELAY_SET_FRIEND_OFFERS_PER_ID);
  if (p->claim_count > CLAIMS_PER_OWNER)
    sim_fail(v->relay->world, "worker %u has %d claims to one ID", v->number, (int)p->claim_count);
  for (const pl_node *n = p->sockets.next; n != &p->sockets; n = n->next)
    check_conn(v, PL_CONTAINER(n, pl_relay_conn, same_id));
  if (v->relay->worker_count > 1) return;
  most(v, "sockets of one ID", p->socket_count, PL_RELAY_SET_INSTANCES_PER_ID);
  most(v, "codes of one ID", p->nameplate_count, PL_RELAY_SET_CODES_PER_ID);
}

/* All connections are counted once, wherever they are. */
static void check_sockets(const sim_worker *v) {
  const sim_relay *r = v->relay;
  uint64_t sockets = 0, ready = 0;
  for (unsigned i = 0; i < r->worker_count; i++) {
    pl_relay_stats stats = pl_relay_get_stats(r->workers[i].core);
    sockets += stats.sockets;
    ready += stats.ready;
  }
  uint64_t counted = pl_relay_shared_sockets(v->core->shared);
  if (sockets != counted) sim_fail(r->world, "the relay has %d sockets and counts %d", (int)sockets, (int)counted);
  most(v, "clients", ready, PL_RELAY_SET_SOCKETS_MAX);
}

void sim_limits_check(const sim_worker *v) {
  const sim_limits *l = v->relay->world->limits;
  if (!l || !v->relay->up) return;
  check_sockets(v);
  most(v, "codes", v->core->stats.nameplates, PL_RELAY_SET_CODES_TOTAL);
  most(v, "IDs on lists", v->core->peer_entries, PL_RELAY_SET_PEERS_TOTAL);
  for (int i = 0; i < v->relay->world->clients_count; i++) {
    const uint8_t *id = v->relay->world->clients[i].config.identity.id;
    const pl_relay_presence *p = pl_relay_router_get(v->core, id, false);
    if (p) check_id(v, p);
  }
}
