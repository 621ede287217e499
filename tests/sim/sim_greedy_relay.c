/* What must hold for what the bytes of an attacker do to the relay, and to honest clients. */
#include <string.h>

#include "relay/core/accounts.h"
#include "relay/core/bus.h"
#include "relay/core/link.h"
#include "relay/core/nameplates.h"
#include "relay/core/peers.h"
#include "relay/core/router.h"
#include "relay/core/shared.h"
#include "sim_greedy.h"

enum { /* what a worker tells each other one for a read: a login and its end, then for each byte, then for each link */
       BUS_FIRST = 512,
       BUS_PER_BYTE = 4,
       BUS_PER_LINK = 24,
       BUS_CHUNK = 16384 + 24, /* what waits in a queue takes memory by the chunk */
       TIGHT_US = 10000000     /* how long a RESET may be on its way */
};

/* Counts the bytes that a worker has for the others, there and on the bus. */
static uint64_t bus_bytes(const sim_worker *v) {
  const sim_relay *r = v->relay;
  uint64_t sum = 0;
  for (unsigned i = 0; r->shared && i < r->worker_count; i++) {
    if (i == v->number) continue;
    const pl_relay_conn *node = &v->core->nodes[i].conn;
    sum += r->bus[v->number][i].waiting + pl_relay_out_size(&node->out) + node->control.size + node->queued;
  }
  return sum;
}

/* Counts the nameplates that other IDs have, and that have not expired. */
static uint64_t codes_of_others(const sim_conn *k) {
  const pl_relay *relay = k->worker->core;
  uint64_t now_ms = sim_now_ms(k->world), count = 0;
  if (!pl_relay_get_stats(relay).nameplates) return 0;
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    for (const pl_node *n = relay->nameplates.wheel[i].next; n != &relay->nameplates.wheel[i]; n = n->next) {
      const pl_relay_nameplate *code = PL_CONTAINER(n, pl_relay_nameplate, due);
      count += code->expires_ms > now_ms && code->owner != k->relay_conn->presence;
    }
  return count;
}

/* Counts the other workers for which something waits in the queue of a link. */
static uint64_t bus_queues(const sim_worker *v) {
  uint64_t n = 0;
  for (unsigned i = 0; v->relay->shared && i < v->relay->worker_count; i++) n += v->core->nodes[i].conn.queued > 0;
  return n;
}

void sim_greedy_before(sim_conn *k) {
  sim_greedy *g = k->world->greedy;
  if (!k->hostile_peer) return;
  g->bus_before = bus_bytes(k->worker);
  g->part_before = k->relay_conn->part.size; /* the start of an envelope, which may be whole now */
  g->codes_before = codes_of_others(k);
  g->links_before = pl_relay_get_stats(k->worker->core).links;
}

static size_t nameplates_of(const pl_relay_conn *conn, uint64_t now_ms) {
  const pl_relay_presence *owner = conn->presence;
  size_t count = 0;
  if (!owner) return 0;
  for (const pl_node *n = owner->nameplates.next; n != &owner->nameplates; n = n->next)
    count += PL_CONTAINER(n, pl_relay_nameplate, same_owner)->expires_ms > now_ms;
  return count;
}

/* Returns how far ahead of the time a rate may be paid for. */
static uint64_t rate_most(const pl_relay *relay, enum pl_relay_setting burst, uint64_t more,
                          enum pl_relay_setting each_minute) {
  return (pl_relay_setting_of(relay, burst) + more) * (60000000 / pl_relay_setting_of(relay, each_minute));
}

/* One socket has at most a sixteenth of the undecided calls to one ID, or eight. */
static bool calls_too_much(const pl_relay *relay, const pl_relay_conn *conn) {
  uint32_t strangers = pl_relay_setting_of(relay, PL_RELAY_SET_OFFERS_PER_ID),
           friends = pl_relay_setting_of(relay, PL_RELAY_SET_FRIEND_OFFERS_PER_ID);
  uint32_t most = (strangers > friends ? strangers : friends) / 16;
  const pl_relay_presence *target = NULL;
  size_t count = 0;
  if (most < 8) most = 8;
  for (uint32_t i = 0; i < conn->slots[0].count; i++) { /* looks at one of the IDs: that of the last call */
    const pl_relay_half *half = conn->slots[0].at[i].half;
    const pl_relay_link *link = half ? pl_relay_link_of(conn->slots[0].at[i].half) : NULL;
    if (link && link->target && !link->claim) target = link->target;
  }
  for (uint32_t i = 0; target && i < conn->slots[0].count; i++) {
    pl_relay_half *half = conn->slots[0].at[i].half;
    count += half && !pl_relay_link_of(half)->claim && pl_relay_link_of(half)->target == target;
  }
  return count > most;
}

/* Returns true when sockets of one address are logged in beyond its share of SOCKETS_MAX. */
static bool address_has_too_many(const sim_conn *k) {
  const sim_world *w = k->world;
  const uint32_t *set = w->relay.config.settings;
  size_t count = 0;
  for (size_t i = 0; i < w->conns_used; i++) {
    const pl_relay_conn *conn = w->conns[i].relay_conn;
    bool here = w->conns[i].client_state != SIM_CONN_FREE && conn && conn->state == PL_RELAY_CONN_READY;
    count += here && memcmp(conn->address, k->relay_conn->address, 7) == 0;
  }
  return count > (uint64_t)set[PL_RELAY_SET_SOCKETS_MAX] * set[PL_RELAY_SET_ADDRESS_SHARE_PERCENT] / 100;
}

/* What a connection may hold beside its queues, by docs/protocol.md and the settings. */
static const char *held_too_much(const pl_relay *relay, const pl_relay_conn *conn, uint64_t now_ms) {
  uint32_t slots = pl_relay_setting_of(relay, PL_RELAY_SET_LINK_SLOTS);
  uint32_t workers = relay->node_count ? relay->node_count : 1;
  if (conn->peers.count > pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_PER_SOCKET)) return "a list beyond its limit";
  if (conn->slots[0].count > slots || conn->slots[1].count > slots) return "more slots than there are";
  if (conn->part.size > PL_RELAY_ENVELOPE_MAX) return "more than one envelope";
  if (conn->control.size > PL_RELAY_CONTROL_QUEUE_MAX) return "too many control envelopes";
  if (conn->ws.message.size > 4096) return "a message before WELCOME";
  if (conn->prologue && conn->prologue->http.text.size > pl_relay_setting_of(relay, PL_RELAY_SET_HTTP_HEAD_MAX))
    return "a head beyond its limit";
  /* Each worker gives what it knows to be left: two may do so at once. */
  if (nameplates_of(conn, now_ms) > workers * pl_relay_setting_of(relay, PL_RELAY_SET_CODES_PER_ID))
    return "too many nameplates";
  if (conn->presence && conn->presence->socket_count + conn->presence->remote_count >
                            workers * pl_relay_setting_of(relay, PL_RELAY_SET_INSTANCES_PER_ID))
    return "too many instances";
  if (conn->opens_us > now_ms * 1000 + rate_most(relay, PL_RELAY_SET_OPEN_BURST, 0, PL_RELAY_SET_OPENS_PER_MINUTE))
    return "too many OPENs";
  if (conn->changes_us > now_ms * 1000 + rate_most(relay, PL_RELAY_SET_CHANGES_PER_MINUTE,
                                                   pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_PER_SOCKET),
                                                   PL_RELAY_SET_CHANGES_PER_MINUTE))
    return "too many changes of lists";
  if (calls_too_much(relay, conn)) return "too many calls to one ID";
  if (conn->state == PL_RELAY_CONN_READY || conn->state == PL_RELAY_CONN_ABORTED) return NULL;
  return conn->slots[0].count || conn->slots[1].count || conn->presence ? "links without a login" : NULL;
}

void sim_greedy_after(sim_conn *k, size_t n) {
  sim_world *w = k->world;
  sim_greedy *g = w->greedy;
  if (!k->hostile_peer) return;
  const pl_relay *relay = k->worker->core;
  uint64_t told = bus_bytes(k->worker), others = w->relay.worker_count - 1;
  uint64_t most = others * (BUS_FIRST + BUS_PER_BYTE * (n + g->part_before)) + BUS_PER_LINK * g->links_before +
                  BUS_CHUNK * bus_queues(k->worker);
  if (told > g->bus_before + most)
    sim_fail(w, "%zu bytes of an attacker become %d on the bus", n, (int)(told - g->bus_before));
  const char *what = held_too_much(relay, k->relay_conn, sim_now_ms(w));
  if (what) sim_fail(w, "the relay holds %s for an attacker", what);
  if (codes_of_others(k) < g->codes_before) sim_fail(w, "an attacker ends a nameplate that is not its own");
  if (address_has_too_many(k)) sim_fail(w, "an attacker has more sockets than its address may have");
  if (!pl_relay_bounds_hold(relay)) sim_fail(w, "an attacker breaks the bounds of the relay's queues");
}

void sim_greedy_turn(const sim_worker *v) {
  sim_world *w = v->relay->world;
  if (w->greedy && v->core->queued_bytes > pl_relay_setting_of(v->core, PL_RELAY_SET_QUEUE_TOTAL_MAX) / 2)
    w->greedy->tight_us = w->now_us;
}

/* Above 75 % of the budget a call ends with RATE when its own address and socket hold more than their share. What was
 * held then may be gone when the client hears of it. */
static bool is_tight(const sim_world *w) {
  return w->greedy->tight_us && w->now_us - w->greedy->tight_us < TIGHT_US;
}

/* Sockets of honest clients that the relay has not found dead yet count for their address too. */
static bool many_honest(const sim_world *w) {
  const uint32_t *set = w->relay.config.settings;
  size_t count = 0;
  for (size_t i = 0; i < w->conns_used; i++) count += w->conns[i].client && w->conns[i].relay_conn;
  return count >= (uint64_t)set[PL_RELAY_SET_SOCKETS_MAX] * set[PL_RELAY_SET_ADDRESS_SHARE_PERCENT] / 100;
}

/* Attackers never use up what belongs to honest clients: neither their calls nor their logins are refused. In worlds
 * with codes, honest clients try numbers that nobody has any more, which is charged to their own address. */
void sim_greedy_honest_hears(sim_client *c, const uint8_t *data, size_t size) {
  pl_reader r = pl_reader_of(data, size);
  pl_envelope e;
  if (!c->world->greedy) return;
  while (pl_envelope_next(&r, &e) > 0) {
    if (e.type != PL_ENV_RESET || e.payload.size < 2 || pl_link_number_relay_side(e.link)) continue;
    int reason = pl_get_u16(e.payload.data);
    if (e.link ? c->world->pairing || is_tight(c->world) : reason == PL_REASON_FULL && many_honest(c->world)) continue;
    if (reason == PL_REASON_RATE || (e.link == 0 && reason == PL_REASON_FULL))
      sim_fail(c->world, "client %d is refused with %s because of an attacker", c->index, pl_reason_name(reason));
  }
}
