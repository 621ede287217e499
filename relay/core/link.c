/* Links: which envelope is allowed in which state (docs/protocol.md, section 4), what follows from it, forwarding.
 *
 * A link has two halves, one on each socket. Ending it sends RESET behind the data that still waits, so a half can
 * outlive its link for as long as its queue does; then its slot is free again. */
#include <string.h>

#include "nameplates.h"
#include "shares.h"
#include "slots.h"

/* ---- the table ------------------------------------------------------------------------------------------------- */

typedef enum move { DROP, BREAK, JOIN, PASS, END, REFUSE, FORGET } move;
enum { ON_OPEN, ON_ACCEPT, ON_DATA, ON_RESET, EVENTS };

/* BREAK: reset towards both with PROTOCOL. JOIN: linked. PASS: forward. END: forward the RESET, free. REFUSE: the
 * callee is out, the caller waits for T. FORGET: free without a word. */
static const uint8_t moves[PL_RELAY_LINK_STATES][2][EVENTS] = {
    [PL_RELAY_LINK_OFFERED] =
        {[PL_RELAY_CALLER] = {BREAK, BREAK, BREAK, END}, [PL_RELAY_CALLEE] = {BREAK, JOIN, BREAK, REFUSE}},
    [PL_RELAY_LINK_REFUSED] =
        {[PL_RELAY_CALLER] = {BREAK, DROP, BREAK, FORGET}, [PL_RELAY_CALLEE] = {DROP, DROP, DROP, DROP}},
    [PL_RELAY_LINK_LINKED] =
        {[PL_RELAY_CALLER] = {BREAK, BREAK, PASS, END}, [PL_RELAY_CALLEE] = {BREAK, BREAK, PASS, END}},
    [PL_RELAY_LINK_ENDED] =
        {[PL_RELAY_CALLER] = {DROP, DROP, DROP, FORGET}, [PL_RELAY_CALLEE] = {DROP, DROP, DROP, FORGET}},
};

pl_relay_link *pl_relay_link_of(pl_relay_half *half) {
  return PL_CONTAINER(half - half->side, pl_relay_link, half);
}

static pl_relay_half *other_of(pl_relay_half *half) {
  return half->side == PL_RELAY_CALLER ? half + 1 : half - 1;
}

/* ---- ends --------------------------------------------------------------------------------------------- */

/* No OFFER is to be sent any more, or it was sent. Its caller is still there. */
static void stop_waiting(pl_relay_link *link) {
  pl_list_remove(&link->waiting);
  if (!link->handshake) return;
  pl_relay_hold(link->half[PL_RELAY_CALLER].conn, 0, link->handshake_size);
  pl_free(link->handshake);
  link->handshake = NULL;
}

/* The OPEN is decided: it does not count for its target any more. */
static void leave_target(pl_relay *relay, pl_relay_link *link) {
  stop_waiting(link);
  if (!link->target) return;
  link->target->open_count--;
  link->target->knock_count -= link->knock;
  link->target->claim_count -= link->claim;
  pl_relay_router_release(relay, link->target);
  link->target = NULL;
}

static void release_half(pl_relay_half *half) {
  if (!half->conn) return;
  pl_relay_queue_clear(half->conn->relay, half);
  pl_relay_slots_remove(half);
}

static void free_if_done(pl_relay *relay, pl_relay_link *link) {
  if (link->half[0].conn || link->half[1].conn || link->state != PL_RELAY_LINK_ENDED) return;
  relay->stats.links -= !link->from_bus; /* its caller's worker counts it */
  pl_free(link);
}

/* reset: payload for this side, or no data: it needs none. */
static void end_half(pl_relay_half *half, pl_view reset) {
  if (!half->conn) return;
  if (!reset.data || pl_relay_out_reset(half, reset))
    release_half(half);
  else
    half->ending = true;
}

static void end_link(pl_relay *relay, pl_relay_link *link, pl_view to_caller, pl_view to_callee) {
  leave_target(relay, link);
  pl_list_remove(&link->timed);
  link->state = PL_RELAY_LINK_ENDED;
  end_half(&link->half[PL_RELAY_CALLER], to_caller);
  end_half(&link->half[PL_RELAY_CALLEE], to_callee);
  free_if_done(relay, link);
}

typedef struct reset_bytes {
  uint8_t bytes[2];
} reset_bytes;

/* A RESET of the relay's own: the reason without text, everybody has the table. */
static pl_view reset_of(reset_bytes *space, int reason) {
  pl_put_u16(space->bytes, (uint16_t)reason);
  return (pl_view){space->bytes, 2};
}

static const pl_view nothing = {0};

static void end_both(pl_relay *relay, pl_relay_link *link, int to_caller, int to_callee) {
  reset_bytes a, b;
  end_link(relay, link, reset_of(&a, to_caller), reset_of(&b, to_callee));
}

void pl_relay_link_overflow(pl_relay_half *half) {
  pl_relay *relay = half->conn->relay;
  pl_relay_link *link = pl_relay_link_of(half);
  reset_bytes reason;
  relay->stats.overflows++;
  pl_relay_conn_log(half->conn, PL_RELAY_LOG_INFO, "overflow", NULL);
  pl_relay_queue_clear(relay, half);
  if (link->state != PL_RELAY_LINK_ENDED) {
    end_both(relay, link, PL_REASON_OVERFLOW, PL_REASON_OVERFLOW);
  } else { /* its RESET was in the queue */
    end_half(half, reset_of(&reason, PL_REASON_OVERFLOW));
    free_if_done(relay, link);
  }
}

void pl_relay_half_drained(pl_relay_half *half) {
  if (!half->ending) return;
  pl_relay *relay = half->conn->relay;
  pl_relay_link *link = pl_relay_link_of(half);
  release_half(half);
  free_if_done(relay, link);
}

/* ---- OPEN and OFFER ----------------------------------------------------------------------------------- */

static void reset_number(pl_relay_conn *conn, uint32_t number, int reason) {
  reset_bytes space;
  if (!pl_relay_out_control(conn, PL_ENV_RESET, number, reset_of(&space, reason), 100)) pl_relay_conn_abort(conn);
}

typedef struct caller_name {
  const uint8_t *id, *instance;
} caller_name;

static caller_name name_of(const pl_relay_conn *caller) {
  return (caller_name){caller->presence->id, caller->instance};
}

static bool send_offer(const pl_relay_link *link, pl_relay_conn *callee, uint32_t number, const caller_name *caller,
                       pl_view handshake) {
  uint8_t payload[2048];
  pl_wire_offer o = {.handshake = handshake};
  if (link->claim) return pl_relay_out_control(callee, PL_ENV_CLAIM, number, handshake, 40);
  memcpy(o.caller_id, caller->id, 32);
  memcpy(o.caller_instance, caller->instance, 8);
  int size = pl_wire_offer_encode(&o, payload, sizeof payload);
  return size >= 0 &&
         pl_relay_out_control(callee, PL_ENV_OFFER, number, (pl_view){payload, (size_t)size}, link->knock ? 40 : 60);
}

/* Offers the link to this socket. False: it has no slot free, or its control queue is half full (for a friend a bit
 * more); it waits on. */
static bool offer(pl_relay_link *link, pl_relay_conn *callee, const caller_name *caller, pl_view handshake) {
  pl_relay_half *half = &link->half[PL_RELAY_CALLEE];
  uint32_t number = pl_relay_slots_next(callee);
  if (!number || pl_relay_slots_put(callee, half, number) != 0) return false;
  if (!send_offer(link, callee, number, caller, handshake)) {
    pl_relay_slots_remove(half);
    return false;
  }
  callee->next_slot = pl_link_slot(number) + 1;
  return true;
}

/* Keeps what the OFFER needs until the target is here; without memory the OPEN just times out. */
static void wait_for_target(pl_relay_link *link, pl_view handshake) {
  link->handshake = pl_realloc(NULL, handshake.size);
  if (!link->handshake) return;
  if (handshake.size) memcpy(link->handshake, handshake.data, handshake.size);
  link->handshake_size = (uint16_t)handshake.size;
  pl_relay_hold(link->half[PL_RELAY_CALLER].conn, handshake.size, 0);
  pl_list_append(&link->target->waiting, &link->waiting);
}

static pl_relay_link *new_link(pl_relay_conn *caller, uint32_t number) {
  pl_relay_link *link = pl_alloc(sizeof *link);
  if (!link) return NULL;
  for (uint8_t side = 0; side < 2; side++) {
    link->half[side].side = side;
    pl_relay_queue_init(&link->half[side].queue);
  }
  pl_list_init(&link->waiting);
  pl_list_init(&link->timed);
  if (pl_relay_slots_put(caller, &link->half[PL_RELAY_CALLER], number) != 0) {
    pl_free(link);
    return NULL;
  }
  link->state = PL_RELAY_LINK_OFFERED;
  return link;
}

static pl_relay_link *new_timed_link(pl_relay_conn *caller, uint32_t number, uint64_t now_ms) {
  pl_relay *relay = caller->relay;
  pl_relay_link *link = new_link(caller, number);
  if (!link) return NULL;
  link->deadline_ms = now_ms + pl_relay_setting_of(relay, PL_RELAY_SET_OPEN_TIMEOUT_MS);
  pl_list_append(&relay->opens, &link->timed);
  relay->stats.links++;
  return link;
}

/* Asks the worker that has this socket to offer it the link. It waits on here until the answer comes. */
static void ask(pl_relay_link *link, const pl_relay_remote *remote) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  pl_relay_half *half = &link->half[PL_RELAY_CALLEE];
  pl_relay_conn *node = &caller->relay->nodes[remote->node].conn;
  static const uint8_t any[8];
  uint8_t payload[PL_RELAY_BUS_OPEN_BYTES + 2048];
  uint8_t flags = memcmp(link->target_instance, any, 8) == 0 ? PL_RELAY_BUS_FLAG : 0;
  uint32_t number = pl_relay_slots_next(node);
  if (link->handshake_size > 2048 || !number || pl_relay_bus_is_behind(caller->relay) ||
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
    pl_relay_slots_remove(half);
    return;
  }
  node->next_slot = pl_link_slot(number) + 1;
  link->asked = remote->generation;
}

typedef enum call_kind { FRIEND, KNOCK, NEWCOMER, CLAIM } call_kind;

enum { CALLS_OF_ONE_PART = 16, CALLS_OF_ONE_MIN = 8, NEWCOMERS_PART = 4 };

/* How many OPENs of this socket for this ID are not decided. */
static uint32_t undecided(const pl_relay_conn *caller, const pl_relay_presence *target) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < caller->slots[0].count; i++) {
    pl_relay_half *half = caller->slots[0].at[i].half;
    n += half && half->side == PL_RELAY_CALLER && pl_relay_link_of(half)->target == target;
  }
  return n;
}

/* Has this target room for one more of them? One socket may not have all of it, nor those who knock all the time. */
static bool has_room(const pl_relay_conn *caller, const pl_relay_presence *target, call_kind kind) {
  const pl_relay *relay = caller->relay;
  if (kind == CLAIM) return target->claim_count < PL_RELAY_CLAIMS_PER_OWNER;
  bool friend = kind == FRIEND;
  uint32_t most = pl_relay_setting_of(relay, friend ? PL_RELAY_SET_FRIEND_OFFERS_PER_ID : PL_RELAY_SET_OFFERS_PER_ID);
  uint32_t others = friend ? target->open_count - target->knock_count - target->claim_count : target->knock_count;
  uint32_t of_one = most / CALLS_OF_ONE_PART > CALLS_OF_ONE_MIN ? most / CALLS_OF_ONE_PART : CALLS_OF_ONE_MIN;
  if (others >= (kind == KNOCK ? most - most / NEWCOMERS_PART : most)) return false;
  return caller->state == PL_RELAY_CONN_BUS || undecided(caller, target) < of_one; /* its own worker looked */
}

/* Counts it for its target; false: more are waiting than may, it just times out. */
static bool join_target(pl_relay_link *link, pl_relay_presence *target, call_kind kind) {
  if (!has_room(link->half[PL_RELAY_CALLER].conn, target, kind)) return false;
  link->target = target;
  link->knock = kind == KNOCK || kind == NEWCOMER;
  link->newcomer = kind == NEWCOMER;
  link->claim = kind == CLAIM;
  target->open_count++;
  target->knock_count += link->knock;
  target->claim_count += link->claim;
  return true;
}

/* To its target if that is there, else when it comes. */
static void place_call(pl_relay_link *link, pl_relay_presence *presence, pl_view handshake) {
  pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  pl_relay_target target = pl_relay_router_target(presence, link->target_instance, caller);
  caller_name name = name_of(caller);
  if (target.conn && offer(link, target.conn, &name, handshake)) return;
  wait_for_target(link, handshake);
  if (target.remote && link->handshake) ask(link, target.remote);
}

static void on_open(pl_relay_conn *conn, uint32_t number, const pl_wire_open *open, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_relay_link *link = NULL;
  pl_relay_call call = pl_relay_call_judge(conn, open->target_id, now_ms);
  if (call != PL_RELAY_CALL_TOO_MANY && pl_relay_rate_open(conn, now_ms) && pl_relay_budget_takes_call(conn))
    link = new_timed_link(conn, number, now_ms);
  if (!link) {
    reset_number(conn, number, PL_REASON_RATE);
    return;
  }
  memcpy(link->target_instance, open->target_instance, 8);
  pl_relay_presence *presence = call == PL_RELAY_CALL_UNSEEN ? NULL : pl_relay_router_get(relay, open->target_id, true);
  call_kind kind = call == PL_RELAY_CALL_NEWCOMER ? NEWCOMER : call == PL_RELAY_CALL_KNOCK ? KNOCK : FRIEND;
  if (!presence || !join_target(link, presence, kind)) return; /* it times out */
  place_call(link, presence, open->handshake);
}

/* To the owner of a nameplate: what it says is for nobody else, so no lists and no budgets of knocks count. */
static void on_claim(pl_relay_conn *conn, const pl_envelope *e, uint32_t number, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  bool may = pl_relay_nameplates_may_claim(conn, now_ms) && pl_relay_rate_open(conn, now_ms) &&
             pl_relay_budget_takes_call(conn);
  const pl_relay_nameplate *nameplate = may ? pl_relay_nameplates_find(relay, number, now_ms) : NULL;
  pl_relay_link *link = nameplate ? new_timed_link(conn, e->link, now_ms) : NULL;
  if (!link) {
    if (may && !nameplate) pl_relay_nameplates_missed(conn, now_ms);
    reset_number(conn, e->link, may && !nameplate ? PL_REASON_NO_CODE : PL_REASON_RATE);
    return;
  }
  memcpy(link->target_instance, nameplate->instance, 8);
  if (join_target(link, nameplate->owner, CLAIM)) place_call(link, link->target, e->payload);
}

/* The target's lists say no to this caller. */
static bool is_blocked(const pl_relay_link *link, const pl_relay_presence *target) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  return !link->claim && pl_relay_call_blocked(caller->relay, caller->presence->id, target);
}

/* The worker that was asked has no such socket any more: perhaps there is a newer one. */
static void ask_elsewhere(pl_relay_link *link) {
  pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
  caller_name name = name_of(caller);
  if (!link->handshake) return;
  pl_relay_target target = pl_relay_router_target(link->target, link->target_instance, caller);
  if (target.remote && target.remote->generation != link->asked) ask(link, target.remote);
  if (!target.conn || is_blocked(link, link->target)) return;
  if (offer(link, target.conn, &name, (pl_view){link->handshake, link->handshake_size})) stop_waiting(link);
}

void pl_relay_link_ready_elsewhere(pl_relay_presence *presence, const pl_relay_remote *remote) {
  for (pl_node *n = presence->waiting.next; n != &presence->waiting; n = n->next) {
    pl_relay_link *link = PL_CONTAINER(n, pl_relay_link, waiting);
    const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
    if (link->half[PL_RELAY_CALLEE].conn) continue; /* asked for already */
    if (pl_relay_router_target(presence, link->target_instance, caller).remote != remote) continue;
    if (!is_blocked(link, presence)) ask(link, remote);
  }
}

void pl_relay_link_ready(pl_relay_conn *conn, uint64_t now_ms) {
  (void)now_ms;
  pl_relay_presence *presence = conn->presence;
  for (pl_node *n = presence->waiting.next, *next; n != &presence->waiting; n = next) {
    next = n->next;
    pl_relay_link *link = PL_CONTAINER(n, pl_relay_link, waiting);
    const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn;
    caller_name name = name_of(caller);
    if (link->half[PL_RELAY_CALLEE].conn) continue; /* another worker was asked */
    if (pl_relay_router_target(presence, link->target_instance, caller).conn != conn) continue;
    if (is_blocked(link, presence)) continue;
    if (!offer(link, conn, &name, (pl_view){link->handshake, link->handshake_size})) return;
    stop_waiting(link);
  }
}

/* ---- moves -------------------------------------------------------------------------------------------- */

static void on_accept(pl_relay_half *callee, pl_view handshake, uint64_t now_ms) {
  pl_relay_link *link = pl_relay_link_of(callee);
  pl_relay *relay = callee->conn->relay;
  pl_relay_half *caller = &link->half[PL_RELAY_CALLER];
  if (!pl_relay_out_control(caller->conn, PL_ENV_ACCEPT, caller->number, handshake, 100)) {
    end_both(relay, link, PL_REASON_OVERFLOW, PL_REASON_OVERFLOW);
    return;
  }
  link->state = PL_RELAY_LINK_LINKED;
  if (!link->from_bus && !link->claim)
    (void)pl_relay_pairs_remember(relay, caller->conn->presence->id, link->target->id, now_ms);
  leave_target(relay, link);
  pl_list_remove(&link->timed);
}

/* Its callee is out: the caller does not hear of it before T. Where the caller is elsewhere, the time is kept there. */
static void callee_left(pl_relay *relay, pl_relay_link *link) {
  reset_bytes gone;
  release_half(&link->half[PL_RELAY_CALLEE]);
  if (link->from_bus) {
    end_link(relay, link, reset_of(&gone, PL_REASON_GONE), nothing);
  } else {
    link->state = PL_RELAY_LINK_REFUSED;
    leave_target(relay, link);
  }
}

static void on_reset(pl_relay_half *from, const pl_envelope *e) {
  pl_relay_link *link = pl_relay_link_of(from);
  pl_relay *relay = from->conn->relay;
  if (from->side == PL_RELAY_CALLER)
    end_link(relay, link, nothing, e->payload);
  else
    end_link(relay, link, e->payload, nothing);
}

static void on_known(pl_relay_half *from, int event, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_link *link = pl_relay_link_of(from);
  pl_relay *relay = from->conn->relay;
  switch ((move)moves[link->state][from->side][event]) {
    case DROP:
      relay->stats.dropped++;
      return;
    case BREAK:
      end_both(relay, link, PL_REASON_PROTOCOL, PL_REASON_PROTOCOL);
      return;
    case JOIN:
      on_accept(from, e->payload, now_ms);
      return;
    case PASS:
      relay->stats.forwarded++;
      if (!pl_relay_out_data(other_of(from), e->payload.data - PL_CONST_ENVELOPE_HEADER_BYTES,
                             e->payload.size + PL_CONST_ENVELOPE_HEADER_BYTES))
        pl_relay_link_overflow(other_of(from));
      return;
    case END:
      on_reset(from, e);
      return;
    case REFUSE:
      if (link->claim) /* its claimer is to know at once */
        on_reset(from, e);
      else
        callee_left(relay, link);
      return;
    case FORGET:
      if (link->state != PL_RELAY_LINK_ENDED) {
        end_link(relay, link, nothing, nothing);
      } else { /* it does not want the rest either */
        release_half(from);
        free_if_done(relay, link);
      }
      return;
  }
}

/* How many envelopes of DATA of this link follow each other here, whole, and at most PL_RELAY_OUT_LENT bytes of them.
 */
static size_t run_of(const uint8_t *data, size_t size, uint32_t number, size_t *bytes) {
  const size_t header = PL_CONST_ENVELOPE_HEADER_BYTES;
  size_t count = 0, at = 0;
  while (size - at >= header && data[at] == PL_ENV_DATA && pl_get_u32(data + at + 4) == number) {
    size_t n = header + pl_get_u16(data + at + 2);
    if (n > size - at || at + n > PL_RELAY_OUT_LENT) break;
    at += n;
    count++;
  }
  *bytes = at;
  return count;
}

size_t pl_relay_link_forward(pl_relay_conn *conn, uint8_t *data, size_t size, size_t before) {
  size_t bytes;
  if (size < PL_RELAY_OUT_MUCH || data[0] != PL_ENV_DATA || conn->state != PL_RELAY_CONN_READY) return 0;
  uint32_t number = pl_get_u32(data + 4);
  pl_relay_half *half = pl_relay_slots_find(conn, number);
  if (!half || moves[pl_relay_link_of(half)->state][half->side][ON_DATA] != PASS ||
      !pl_relay_out_lend_ready(other_of(half)))
    return 0;
  size_t count = run_of(data, size, number, &bytes);
  if (bytes < PL_RELAY_OUT_MUCH || before < pl_ws_header_size(bytes, false)) return 0;
  for (size_t at = 0; at < bytes; at += PL_CONST_ENVELOPE_HEADER_BYTES + (size_t)pl_get_u16(data + at + 2))
    pl_put_u32(data + at + 4, other_of(half)->number);
  conn->relay->stats.forwarded += count;
  pl_relay_out_lend(other_of(half), data, bytes);
  return bytes;
}

/* Numbers that a client may not make up at all: the relay's side, generation 0, a slot beyond the limit. */
static bool number_valid(const pl_relay_conn *conn, uint32_t number) {
  return !pl_link_relay_side(number) && pl_link_generation(number) != 0 &&
         pl_link_slot(number) < pl_relay_setting_of(conn->relay, PL_RELAY_SET_LINK_SLOTS);
}

static bool decodes(const pl_envelope *e, pl_wire_open *open, pl_wire_claim *claim) {
  pl_wire_reset reset;
  if (e->payload.size > (size_t)pl_envelope_max(e->type)) return false;
  if (e->type == PL_ENV_OPEN) return pl_wire_open_decode(open, e->payload.data, e->payload.size) == 0;
  if (e->type == PL_ENV_CLAIM) return pl_wire_claim_decode(claim, e->payload.data, e->payload.size) == 0;
  return e->type != PL_ENV_RESET || pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) == 0;
}

static bool is_call(const pl_envelope *e) {
  return e->type == PL_ENV_OPEN || e->type == PL_ENV_CLAIM;
}

static int event_of(uint8_t type) {
  return type == PL_ENV_OPEN || type == PL_ENV_CLAIM ? ON_OPEN : type == PL_ENV_ACCEPT ? ON_ACCEPT : ON_RESET;
}

void pl_relay_link_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_half *half = pl_relay_slots_find(conn, e->link);
  pl_wire_open open;
  pl_wire_claim claim;
  if (e->type == PL_ENV_DATA) {
    if (half)
      on_known(half, ON_DATA, e, now_ms);
    else
      conn->relay->stats.dropped++;
  } else if (!decodes(e, &open, &claim) || (is_call(e) && !number_valid(conn, e->link))) {
    pl_relay_conn_refuse(conn, PL_REASON_PROTOCOL, now_ms);
  } else if (half) {
    on_known(half, event_of(e->type), e, now_ms);
  } else if (!is_call(e) || pl_relay_slots_taken(conn, e->link)) {
    conn->relay->stats.dropped++; /* closed, or another generation than the one that is there */
  } else if (e->type == PL_ENV_CLAIM) {
    on_claim(conn, e, claim.number, now_ms);
  } else {
    on_open(conn, e->link, &open, now_ms);
  }
}

/* ---- time, death -------------------------------------------------------------------------------------- */

void pl_relay_link_time(pl_relay *relay, uint64_t now_ms) {
  while (!pl_list_empty(&relay->opens)) {
    pl_relay_link *link = PL_CONTAINER(relay->opens.next, pl_relay_link, timed);
    if (link->deadline_ms > now_ms) return;
    end_both(relay, link, PL_REASON_UNAVAILABLE, PL_REASON_TIMEOUT);
  }
}

static void half_died(pl_relay_half *half) {
  pl_relay_link *link = pl_relay_link_of(half);
  pl_relay *relay = half->conn->relay;
  uint8_t state = link->state, side = half->side;
  reset_bytes gone;
  if (side == PL_RELAY_CALLER) stop_waiting(link);
  release_half(half);
  if (state == PL_RELAY_LINK_OFFERED && side == PL_RELAY_CALLEE) {
    callee_left(relay, link);
  } else if (state != PL_RELAY_LINK_ENDED) {
    end_link(relay, link, reset_of(&gone, PL_REASON_GONE), reset_of(&gone, PL_REASON_GONE));
  } else {
    free_if_done(relay, link);
  }
}

void pl_relay_link_end_all(pl_relay_conn *conn) {
  for (size_t side = 0; side < 2; side++)
    for (uint32_t i = 0; i < conn->slots[side].count; i++)
      if (conn->slots[side].at[i].half) half_died(conn->slots[side].at[i].half);
}

void pl_relay_link_socket_died(pl_relay_conn *conn, uint64_t now_ms) {
  (void)now_ms;
  pl_relay_link_end_all(conn);
  pl_relay_slots_deinit(conn);
}

/* ---- the bus --------------------------------------------------------------------------------------------------- */

static void answer(pl_relay_conn *node, enum pl_relay_bus_type type, uint32_t number) {
  if (!pl_relay_out_control(node, (uint8_t)type, number, nothing, 100)) pl_relay_conn_abort(node);
}

static call_kind kind_on_bus(uint8_t flags) {
  if (flags & PL_RELAY_BUS_CLAIM) return CLAIM;
  if (flags & PL_RELAY_BUS_NEWCOMER) return NEWCOMER;
  return flags & PL_RELAY_BUS_KNOCK ? KNOCK : FRIEND;
}

/* The half of a link whose caller is on another worker. PL_RELAY_BUS_TAKEN also when more OPENs wait than may: it times
 * out.
 */
static enum pl_relay_bus_type open_from_bus(pl_relay_conn *node, const pl_envelope *e) {
  const uint8_t *payload = e->payload.data;
  caller_name name = {payload + 40, payload + 72};
  pl_view handshake = {payload + PL_RELAY_BUS_OPEN_BYTES, e->payload.size - PL_RELAY_BUS_OPEN_BYTES};
  pl_relay_presence *presence = pl_relay_router_get(node->relay, payload, false);
  pl_relay_conn *callee = presence ? pl_relay_router_instance(presence, payload + 32) : NULL;
  if (!callee || (e->flags & PL_RELAY_BUS_FLAG && !callee->listen)) return PL_RELAY_BUS_ABSENT;
  pl_relay_link *link = new_link(node, e->link);
  if (!link) return PL_RELAY_BUS_ABSENT;
  link->from_bus = true;
  bool joined = join_target(link, presence, kind_on_bus(e->flags));
  if (joined && offer(link, callee, &name, handshake)) return PL_RELAY_BUS_TAKEN;
  end_link(node->relay, link, nothing, nothing);
  return joined ? PL_RELAY_BUS_ABSENT : PL_RELAY_BUS_TAKEN;
}

static void reset_from_bus(pl_relay_half *half, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_link *link = pl_relay_link_of(half);
  bool left = e->payload.size >= 2 && pl_get_u16(e->payload.data) == PL_REASON_GONE;
  if (half->side != PL_RELAY_CALLEE || link->state != PL_RELAY_LINK_OFFERED)
    on_known(half, ON_RESET, e, now_ms);
  else if (left)
    callee_left(half->conn->relay, link);
  else /* PROTOCOL, OVERFLOW, the answer to a claim: not for T to hide */
    end_link(half->conn->relay, link, e->payload, nothing);
}

static void answer_from_bus(pl_relay_half *half, uint8_t type) {
  pl_relay_link *link = pl_relay_link_of(half);
  if (half->side != PL_RELAY_CALLEE || link->state != PL_RELAY_LINK_OFFERED) return;
  if (type == PL_RELAY_BUS_TAKEN) {
    stop_waiting(link);
  } else {
    release_half(half);
    ask_elsewhere(link);
  }
}

void pl_relay_link_from_bus(pl_relay_conn *node, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_half *half = pl_relay_slots_find(node, e->link);
  if (e->type == PL_RELAY_BUS_OPEN) {
    if (e->payload.size >= PL_RELAY_BUS_OPEN_BYTES && !pl_relay_slots_taken(node, e->link) &&
        !pl_link_relay_side(e->link))
      answer(node, open_from_bus(node, e), e->link);
  } else if (!half) {
    node->relay->stats.dropped++; /* ended here, while it was under way */
  } else if (e->type == PL_ENV_DATA) {
    on_known(half, ON_DATA, e, now_ms);
  } else if (e->type == PL_ENV_ACCEPT) {
    on_known(half, ON_ACCEPT, e, now_ms);
  } else if (e->type == PL_ENV_RESET) {
    reset_from_bus(half, e, now_ms);
  } else {
    answer_from_bus(half, e->type);
  }
}

/* Its worker forgot all: our part of each link ends, and is said to have ended. */
static void half_reset(pl_relay_half *half) {
  pl_relay_link *link = pl_relay_link_of(half);
  pl_relay *relay = half->conn->relay;
  reset_bytes gone;
  if (link->state == PL_RELAY_LINK_OFFERED && half->side == PL_RELAY_CALLEE) {
    reset_number(half->conn, half->number, PL_REASON_GONE);
    callee_left(relay, link);
  } else if (link->state != PL_RELAY_LINK_ENDED) {
    end_link(relay, link, reset_of(&gone, PL_REASON_GONE), reset_of(&gone, PL_REASON_GONE));
  }
}

void pl_relay_link_reset_all(pl_relay_conn *node) {
  for (size_t side = 0; side < 2; side++)
    for (uint32_t i = 0; i < node->slots[side].count; i++)
      if (node->slots[side].at[i].half) half_reset(node->slots[side].at[i].half);
}
