/* See call.h. */
#include "call.h"

#include <string.h>

#include "accounts.h"
#include "budget.h"
#include "bus.h"
#include "conn.h"
#include "knocks.h"
#include "link.h"
#include "nameplates.h"
#include "rates.h"
#include "slots.h"

typedef enum call_kind { FRIEND, KNOCK, NEWCOMER, CLAIM } call_kind;

enum {
  CALL_BYTES_MAX = 2048, /* largest payload of OPEN and OFFER */
  CLAIMS_PER_OWNER = 16, /* undecided CLAIMs to one ID; further ones time out */
  CALLS_OF_ONE_PART = 16,
  CALLS_OF_ONE_MIN = 8,
  NEWCOMERS_PART = 4,
  /* How much of the callee's control queue an offer may fill, in percent. */
  OFFER_FILLS = 60,
  KNOCK_FILLS = 40
};

static const uint8_t call_any_instance[8];

/* ---- offering ---------------------------------------------------------------------------------------------------- */

typedef struct call_caller {
  const uint8_t *id, *instance;
} call_caller;

static call_caller call_caller_of(const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  return (call_caller){caller->presence->id, caller->instance};
}

static pl_view call_handshake(const pl_relay_link *link) {
  return (pl_view){link->handshake, link->handshake_size};
}

static bool call_send_offer(const pl_relay_link *link, pl_relay_conn *callee, uint32_t number,
                            const call_caller *caller, pl_view handshake) {
  uint8_t payload[CALL_BYTES_MAX];
  pl_wire_offer o = {.handshake = handshake};
  if (link->claim) return pl_relay_out_control(callee, PL_ENV_CLAIM, number, handshake, KNOCK_FILLS);
  memcpy(o.caller_id, caller->id, 32);
  memcpy(o.caller_instance, caller->instance, 8);
  int size = pl_wire_offer_encode(&o, payload, sizeof payload);
  return size >= 0 && pl_relay_out_control(callee, PL_ENV_OFFER, number, (pl_view){payload, (size_t)size},
                                           link->knock ? KNOCK_FILLS : OFFER_FILLS);
}

/* Offers the link to this socket. Returns false when the socket has no slot free or too much waits for it; the call
 * keeps waiting then. */
static bool call_offer(pl_relay_link *link, pl_relay_conn *callee, const call_caller *caller, pl_view handshake) {
  pl_relay_half *half = &link->half[PL_RELAY_CALLEE];
  uint32_t number = pl_relay_slots_next(callee);
  if (!number || pl_relay_slots_put(callee, half, number) != 0) return false;
  if (!call_send_offer(link, callee, number, caller, handshake)) {
    pl_relay_slots_take_back(half);
    return false;
  }
  callee->next_slot = pl_link_number_slot(number) + 1;
  return true;
}

/* Keeps what the OFFER needs until the target is there. Without memory for that the call times out. */
static void call_wait(pl_relay_link *link, pl_view handshake) {
  link->handshake = pl_realloc(NULL, handshake.size);
  if (!link->handshake) return;
  if (handshake.size) memcpy(link->handshake, handshake.data, handshake.size);
  link->handshake_size = (uint16_t)handshake.size;
  pl_relay_hold(link->half[PL_RELAY_CALLER].conn, handshake.size, 0);
  pl_list_append(&link->target->waiting, &link->waiting);
}

/* Asks the worker that has this socket to offer it the link. The call keeps waiting here until that worker answers. */
static void call_ask(pl_relay_link *link, const pl_relay_remote *remote) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  pl_relay_half *half = &link->half[PL_RELAY_CALLEE];
  pl_relay_conn *node = &caller->relay->nodes[remote->node].conn;
  uint8_t payload[PL_RELAY_BUS_OPEN_BYTES + CALL_BYTES_MAX];
  uint8_t flags = memcmp(link->target_instance, call_any_instance, 8) == 0 ? PL_RELAY_BUS_FLAG : 0;
  uint32_t number = pl_relay_slots_next(node);
  if (link->handshake_size > CALL_BYTES_MAX || !number || pl_relay_bus_is_behind(caller->relay) ||
      pl_relay_slots_put(node, half, number) != 0)
    return;
  if (link->knock) flags |= PL_RELAY_BUS_KNOCK;
  if (link->newcomer) flags |= PL_RELAY_BUS_NEWCOMER;
  if (link->claim) flags |= PL_RELAY_BUS_CLAIM;
  memcpy(payload, link->target->id, 32);
  memcpy(payload + 32, remote->instance, 8);
  memcpy(payload + 40, caller->presence->id, 32);
  memcpy(payload + 72, caller->instance, 8);
  memcpy(payload + PL_RELAY_BUS_OPEN_BYTES, link->handshake, link->handshake_size);
  pl_view all = {payload, PL_RELAY_BUS_OPEN_BYTES + (size_t)link->handshake_size};
  if (!pl_relay_out_control_flags(node, PL_RELAY_BUS_OPEN, flags, number, all, 100)) {
    pl_relay_slots_take_back(half);
    return;
  }
  node->next_slot = pl_link_number_slot(number) + 1;
  link->asked = remote->generation;
}

/* Offers the call to its target, or has it wait when the target is not connected. */
static void call_place(pl_relay_link *link, pl_view handshake) {
  pl_relay_target target =
      pl_relay_router_target(link->target, link->target_instance, link->half[PL_RELAY_CALLER].conn);
  call_caller caller = call_caller_of(link);
  if (target.conn && call_offer(link, target.conn, &caller, handshake)) return;
  call_wait(link, handshake);
  if (target.remote && link->handshake) call_ask(link, target.remote);
}

/* Returns true when the lists of the target's sockets block this caller. */
static bool call_is_blocked(const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  return !link->claim && pl_relay_call_blocked(caller->relay, caller->presence->id, link->target);
}

/* Looks for a newer socket of the target, because the worker that was asked no longer has the one it was asked for. */
static void call_place_again(pl_relay_link *link) {
  if (!link->handshake) return;
  pl_relay_target target =
      pl_relay_router_target(link->target, link->target_instance, link->half[PL_RELAY_CALLER].conn);
  call_caller caller = call_caller_of(link);
  if (target.remote && target.remote->generation != link->asked) call_ask(link, target.remote);
  if (!target.conn || call_is_blocked(link)) return;
  if (call_offer(link, target.conn, &caller, call_handshake(link))) pl_relay_link_stop_waiting(link);
}

void pl_relay_call_ready_elsewhere(pl_relay_presence *presence, const pl_relay_remote *remote) {
  for (pl_node *n = presence->waiting.next; n != &presence->waiting; n = n->next) {
    pl_relay_link *link = PL_CONTAINER(n, pl_relay_link, waiting);
    const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
    if (link->half[PL_RELAY_CALLEE].conn) continue; /* a worker has been asked */
    if (pl_relay_router_target(presence, link->target_instance, caller).remote != remote) continue;
    if (!call_is_blocked(link)) call_ask(link, remote);
  }
}

void pl_relay_call_ready(pl_relay_conn *conn) {
  pl_relay_presence *presence = conn->presence;
  for (pl_node *n = presence->waiting.next, *next; n != &presence->waiting; n = next) {
    next = n->next;
    pl_relay_link *link = PL_CONTAINER(n, pl_relay_link, waiting);
    if (link->half[PL_RELAY_CALLEE].conn) continue; /* a worker has been asked */
    if (pl_relay_router_target(presence, link->target_instance, link->half[PL_RELAY_CALLER].conn).conn != conn)
      continue;
    if (call_is_blocked(link)) continue;
    call_caller caller = call_caller_of(link);
    if (!call_offer(link, conn, &caller, call_handshake(link))) return;
    pl_relay_link_stop_waiting(link);
  }
}

/* ---- OPEN and CLAIM ---------------------------------------------------------------------------------------------- */

/* Counts the undecided calls of this socket to this ID. */
static uint32_t call_undecided(const pl_relay_conn *caller, const pl_relay_presence *target) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < caller->slots[0].count; i++) {
    pl_relay_half *half = caller->slots[0].at[i].half;
    n += half && half->side == PL_RELAY_CALLER && pl_relay_link_of(half)->target == target;
  }
  return n;
}

/* Returns true when the target may have one more call of this kind. Neither a single socket nor steady knocking may use
 * up all of its room. */
static bool call_has_room(const pl_relay_conn *caller, const pl_relay_presence *target, call_kind kind) {
  const pl_relay *relay = caller->relay;
  if (kind == CLAIM) return target->claim_count < CLAIMS_PER_OWNER;
  bool friend = kind == FRIEND;
  uint32_t most = pl_relay_setting_of(relay, friend ? PL_RELAY_SET_FRIEND_OFFERS_PER_ID : PL_RELAY_SET_OFFERS_PER_ID);
  uint32_t others = friend ? target->open_count - target->knock_count - target->claim_count : target->knock_count;
  uint32_t of_one = most / CALLS_OF_ONE_PART > CALLS_OF_ONE_MIN ? most / CALLS_OF_ONE_PART : CALLS_OF_ONE_MIN;
  if (others >= (kind == KNOCK ? most - most / NEWCOMERS_PART : most)) return false;
  /* A caller on another worker was checked there. */
  return caller->state == PL_RELAY_CONN_BUS || call_undecided(caller, target) < of_one;
}

/* Charges the call to its target's budget. Returns false when the budget is full; the call then times out. */
static bool call_charge(pl_relay_link *link, pl_relay_presence *target, call_kind kind) {
  if (!call_has_room(link->half[PL_RELAY_CALLER].conn, target, kind)) return false;
  link->target = target;
  link->knock = kind == KNOCK || kind == NEWCOMER;
  link->newcomer = kind == NEWCOMER;
  link->claim = kind == CLAIM;
  target->open_count++;
  target->knock_count += link->knock;
  target->claim_count += link->claim;
  return true;
}

static bool call_budget_allows(const pl_relay_conn *caller) {
  return !pl_relay_budget_refuses(caller) && pl_relay_link_make_room(caller->relay, NULL) &&
         !pl_relay_budget_is_full(caller->relay);
}

static pl_relay_link *call_new(pl_relay_conn *caller, uint32_t number, uint64_t now_ms) {
  pl_relay *relay = caller->relay;
  pl_relay_link *link = pl_relay_link_new(caller, number);
  if (!link) return NULL;
  link->deadline_ms = now_ms + pl_relay_setting_of(relay, PL_RELAY_SET_OPEN_TIMEOUT_MS);
  pl_list_append(&relay->opens, &link->timed);
  relay->stats.links++;
  return link;
}

static void call_reset(pl_relay_conn *conn, uint32_t number, int reason) {
  pl_relay_reset space;
  if (!pl_relay_out_control(conn, PL_ENV_RESET, number, pl_relay_reset_of(&space, reason), 100))
    pl_relay_conn_abort(conn);
}

/* Returns true for numbers that a client may choose: its own side, a generation that is used, a slot below the limit.
 */
static bool call_number_valid(const pl_relay_conn *conn, uint32_t number) {
  return !pl_link_number_relay_side(number) && pl_link_number_generation(number) != 0 &&
         pl_link_number_slot(number) < pl_relay_setting_of(conn->relay, PL_RELAY_SET_LINK_SLOTS);
}

/* Returns true when the number is free. Otherwise handles the call as the table of link.c says. */
static bool call_number_free(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_half *half = pl_relay_slots_find(conn, e->link);
  if (half) return pl_relay_link_take(half, PL_RELAY_LINK_OPEN, e, now_ms); /* returns false for OPEN in every state */
  bool taken = pl_relay_slots_taken(conn, e->link);                         /* by a link of another generation */
  conn->relay->stats.dropped += taken;
  return !taken;
}

int pl_relay_call_open(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_wire_open open;
  if (pl_wire_open_decode(&open, e->payload.data, e->payload.size) != 0 || !call_number_valid(conn, e->link))
    return PL_REASON_PROTOCOL;
  if (!call_number_free(conn, e, now_ms)) return 0;
  pl_relay_call call = pl_relay_call_judge(conn, open.target_id, now_ms);
  pl_relay_link *link = NULL;
  if (call != PL_RELAY_CALL_TOO_MANY && pl_relay_rate_open(conn, now_ms) && call_budget_allows(conn))
    link = call_new(conn, e->link, now_ms);
  if (!link) {
    call_reset(conn, e->link, PL_REASON_RATE);
    return 0;
  }
  memcpy(link->target_instance, open.target_instance, 8);
  pl_relay_presence *presence = call == PL_RELAY_CALL_UNSEEN ? NULL : pl_relay_router_get(relay, open.target_id, true);
  call_kind kind = call == PL_RELAY_CALL_NEWCOMER ? NEWCOMER : call == PL_RELAY_CALL_KNOCK ? KNOCK : FRIEND;
  if (presence && call_charge(link, presence, kind)) call_place(link, open.handshake); /* else it times out */
  return 0;
}

/* Handles CLAIM, which goes to the owner of a nameplate. It is not a knock, so neither the lists of peers nor the
 * budgets of knocks apply. */
int pl_relay_call_claim(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_wire_claim claim;
  if (pl_wire_claim_decode(&claim, e->payload.data, e->payload.size) != 0 || !call_number_valid(conn, e->link))
    return PL_REASON_PROTOCOL;
  if (!call_number_free(conn, e, now_ms)) return 0;
  bool may =
      pl_relay_nameplates_may_claim(conn, now_ms) && pl_relay_rate_open(conn, now_ms) && call_budget_allows(conn);
  const pl_relay_nameplate *nameplate = may ? pl_relay_nameplates_find(conn->relay, claim.number, now_ms) : NULL;
  pl_relay_link *link = nameplate ? call_new(conn, e->link, now_ms) : NULL;
  if (!link) {
    if (may && !nameplate) pl_relay_nameplates_missed(conn, now_ms);
    call_reset(conn, e->link, may && !nameplate ? PL_REASON_NO_CODE : PL_REASON_RATE);
    return 0;
  }
  memcpy(link->target_instance, nameplate->instance, 8);
  if (call_charge(link, nameplate->owner, CLAIM)) call_place(link, e->payload);
  return 0;
}

/* ---- the bus ----------------------------------------------------------------------------------------------------- */

static call_kind call_kind_on_bus(uint8_t flags) {
  if (flags & PL_RELAY_BUS_CLAIM) return CLAIM;
  if (flags & PL_RELAY_BUS_NEWCOMER) return NEWCOMER;
  return flags & PL_RELAY_BUS_KNOCK ? KNOCK : FRIEND;
}

/* Makes and offers our part of a link whose caller is on another worker. Returns the answer to that worker: TAKEN also
 * when the target's budget is full or its sockets block the caller, because the call must time out then. The caller's
 * worker has judged the lists, too, but they may have changed while the call was on its way. */
static enum pl_relay_bus_type call_open_from_bus(pl_relay_conn *node, const pl_envelope *e) {
  const uint8_t *payload = e->payload.data;
  call_caller caller = {payload + 40, payload + 72};
  pl_view handshake = {payload + PL_RELAY_BUS_OPEN_BYTES, e->payload.size - PL_RELAY_BUS_OPEN_BYTES}, none = {0};
  pl_relay_presence *presence = pl_relay_router_get(node->relay, payload, false);
  pl_relay_conn *callee = presence ? pl_relay_router_instance(presence, payload + 32) : NULL;
  if (!callee || (e->flags & PL_RELAY_BUS_FLAG && !callee->listen)) return PL_RELAY_BUS_ABSENT;
  if (!(e->flags & PL_RELAY_BUS_CLAIM) && pl_relay_call_blocked(node->relay, caller.id, presence))
    return PL_RELAY_BUS_TAKEN;
  pl_relay_link *link = pl_relay_link_new(node, e->link);
  if (!link) return PL_RELAY_BUS_ABSENT;
  link->from_bus = true;
  bool charged = call_charge(link, presence, call_kind_on_bus(e->flags));
  if (charged && call_offer(link, callee, &caller, handshake)) return PL_RELAY_BUS_TAKEN;
  pl_relay_link_end(node->relay, link, none, none);
  return charged ? PL_RELAY_BUS_ABSENT : PL_RELAY_BUS_TAKEN;
}

static pl_relay_link_event call_event_on_bus(const pl_envelope *e) {
  switch (e->type) {
    case PL_ENV_DATA:
      return PL_RELAY_LINK_DATA;
    case PL_ENV_ACCEPT:
      return PL_RELAY_LINK_ACCEPT;
    case PL_ENV_RESET:
      return e->payload.size >= 2 && pl_get_u16(e->payload.data) == PL_REASON_GONE ? PL_RELAY_LINK_BUS_GONE
                                                                                   : PL_RELAY_LINK_BUS_RESET;
    case PL_RELAY_BUS_TAKEN:
      return PL_RELAY_LINK_BUS_TAKEN;
    default:
      return PL_RELAY_LINK_BUS_ABSENT;
  }
}

void pl_relay_call_from_bus(pl_relay_conn *node, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_half *half = pl_relay_slots_find(node, e->link);
  if (e->type == PL_RELAY_BUS_OPEN) {
    if (e->payload.size < PL_RELAY_BUS_OPEN_BYTES || pl_relay_slots_taken(node, e->link) ||
        pl_link_number_relay_side(e->link))
      return;
    if (!pl_relay_out_control(node, (uint8_t)call_open_from_bus(node, e), e->link, (pl_view){0}, 100))
      pl_relay_conn_abort(node);
  } else if (!half) {
    node->relay->stats.dropped++; /* the link ended here while this was on its way */
  } else if (pl_relay_link_take(half, call_event_on_bus(e), e, now_ms)) {
    call_place_again(pl_relay_link_of(half));
  }
}
