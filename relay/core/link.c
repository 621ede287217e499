/* Links: which envelope is allowed in which state (docs/protocol.md, section 4), what follows from it, forwarding.
 *
 * A link has two halves, one on each socket. Ending it sends RESET behind the data that still waits, so a half can
 * outlive its link for as long as its queue does; then its slot is free again. */
#include <string.h>

#include "internal.h"
#include "slots.h"

/* ---- the table ------------------------------------------------------------------------------------------------- */

typedef enum move { DROP, BREAK, JOIN, PASS, END, REFUSE, FORGET } move;
enum { ON_OPEN, ON_ACCEPT, ON_DATA, ON_RESET, EVENTS };

/* BREAK: reset towards both with PROTOCOL. JOIN: linked. PASS: forward. END: forward the RESET, free. REFUSE: the
 * callee is out, the caller waits for T. FORGET: free without a word. */
static const uint8_t moves[PL_LINK_STATES][2][EVENTS] = {
    [PL_LINK_OFFERED] = {[PL_CALLER] = {BREAK, BREAK, BREAK, END}, [PL_CALLEE] = {BREAK, JOIN, BREAK, REFUSE}},
    [PL_LINK_REFUSED] = {[PL_CALLER] = {BREAK, DROP, BREAK, FORGET}, [PL_CALLEE] = {DROP, DROP, DROP, DROP}},
    [PL_LINK_LINKED] = {[PL_CALLER] = {BREAK, BREAK, PASS, END}, [PL_CALLEE] = {BREAK, BREAK, PASS, END}},
    [PL_LINK_ENDED] = {[PL_CALLER] = {DROP, DROP, DROP, FORGET}, [PL_CALLEE] = {DROP, DROP, DROP, FORGET}},
};

pl_link *pl_link_of(pl_half *half) {
  return PL_CONTAINER(half - half->side, pl_link, half);
}

static pl_half *other_of(pl_half *half) {
  return half->side == PL_CALLER ? half + 1 : half - 1;
}

/* ---- ends ----------------------------------------------------------------------------------------------------------
 */

/* No OFFER is to be sent any more, or it was sent. */
static void stop_waiting(pl_relay *relay, pl_link *link) {
  pl_list_remove(&link->waiting);
  if (!link->handshake) return;
  relay->queued_bytes -= link->handshake_size;
  pl_free(link->handshake);
  link->handshake = NULL;
}

/* The OPEN is decided: it does not count for its target any more. */
static void leave_target(pl_relay *relay, pl_link *link) {
  stop_waiting(relay, link);
  if (!link->target) return;
  link->target->open_count--;
  link->target->knock_count -= link->knock;
  pl_router_release(relay, link->target);
  link->target = NULL;
}

static void release_half(pl_half *half) {
  if (!half->conn) return;
  pl_queue_clear(half->conn->relay, half);
  pl_slots_remove(half);
}

static void free_if_done(pl_relay *relay, pl_link *link) {
  if (link->half[0].conn || link->half[1].conn || link->state != PL_LINK_ENDED) return;
  relay->stats.links--;
  pl_free(link);
}

/* reset: payload for this side, or no data: it needs none. */
static void end_half(pl_half *half, pl_view reset) {
  if (!half->conn) return;
  if (!reset.data || pl_out_reset(half, reset))
    release_half(half);
  else
    half->ending = true;
}

static void end_link(pl_relay *relay, pl_link *link, pl_view to_caller, pl_view to_callee) {
  leave_target(relay, link);
  pl_list_remove(&link->timed);
  link->state = PL_LINK_ENDED;
  end_half(&link->half[PL_CALLER], to_caller);
  end_half(&link->half[PL_CALLEE], to_callee);
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

static void end_both(pl_relay *relay, pl_link *link, int to_caller, int to_callee) {
  reset_bytes a, b;
  end_link(relay, link, reset_of(&a, to_caller), reset_of(&b, to_callee));
}

void pl_link_overflow(pl_half *half) {
  pl_relay *relay = half->conn->relay;
  pl_link *link = pl_link_of(half);
  reset_bytes reason;
  relay->stats.overflows++;
  pl_conn_log(half->conn, PL_LOG_INFO, "overflow", NULL);
  pl_queue_clear(relay, half);
  if (link->state != PL_LINK_ENDED) {
    end_both(relay, link, PL_REASON_OVERFLOW, PL_REASON_OVERFLOW);
  } else { /* its RESET was in the queue */
    end_half(half, reset_of(&reason, PL_REASON_OVERFLOW));
    free_if_done(relay, link);
  }
}

void pl_half_drained(pl_half *half) {
  if (!half->ending) return;
  pl_relay *relay = half->conn->relay;
  pl_link *link = pl_link_of(half);
  release_half(half);
  free_if_done(relay, link);
}

/* ---- OPEN and OFFER
 * ---------------------------------------------------------------------------------------------------- */

static void reset_number(pl_conn *conn, uint32_t number, int reason) {
  reset_bytes space;
  if (!pl_out_control(conn, PL_ENV_RESET, number, reset_of(&space, reason), 100)) pl_conn_abort(conn);
}

/* Offers the link to this socket. False: it has no slot free, or its control queue is half full (for a friend a bit
 * more); it waits on. */
static bool offer(pl_link *link, pl_conn *callee, pl_view handshake) {
  pl_half *half = &link->half[PL_CALLEE];
  const pl_conn *caller = link->half[PL_CALLER].conn;
  uint32_t number = pl_slots_next(callee);
  uint8_t payload[2048];
  pl_wire_offer o = {.handshake = handshake};
  if (!number || pl_slots_put(callee, half, number) != 0) return false;
  memcpy(o.caller_id, caller->presence->id, 32);
  memcpy(o.caller_instance, caller->instance, 8);
  int size = pl_wire_offer_encode(&o, payload, sizeof payload);
  if (size < 0 ||
      !pl_out_control(callee, PL_ENV_OFFER, number, (pl_view){payload, (size_t)size}, link->knock ? 40 : 60)) {
    pl_slots_remove(half);
    return false;
  }
  callee->next_slot = pl_link_slot(number) + 1;
  return true;
}

/* Keeps what the OFFER needs until the target is here; without memory the OPEN just times out. */
static void wait_for_target(pl_relay *relay, pl_link *link, pl_view handshake) {
  link->handshake = pl_realloc(NULL, handshake.size);
  if (!link->handshake) return;
  if (handshake.size) memcpy(link->handshake, handshake.data, handshake.size);
  link->handshake_size = (uint16_t)handshake.size;
  relay->queued_bytes += handshake.size;
  pl_list_append(&link->target->waiting, &link->waiting);
}

static pl_link *new_link(pl_conn *caller, uint32_t number, uint64_t now_ms) {
  pl_relay *relay = caller->relay;
  pl_link *link = pl_alloc(sizeof *link);
  if (!link) return NULL;
  for (uint8_t side = 0; side < 2; side++) {
    link->half[side].side = side;
    pl_queue_init(&link->half[side].queue);
  }
  pl_list_init(&link->waiting);
  if (pl_slots_put(caller, &link->half[PL_CALLER], number) != 0) {
    pl_free(link);
    return NULL;
  }
  link->state = PL_LINK_OFFERED;
  link->deadline_ms = now_ms + pl_setting_of(relay, PL_SET_OPEN_TIMEOUT_MS);
  pl_list_append(&relay->opens, &link->timed);
  relay->stats.links++;
  return link;
}

/* Counts it for its target; false: more are waiting than may, it just times out. */
static bool join_target(pl_link *link, pl_presence *target, bool knock) {
  uint32_t others = knock ? target->knock_count : target->open_count - target->knock_count;
  const pl_relay *relay = link->half[PL_CALLER].conn->relay;
  if (others >= pl_setting_of(relay, knock ? PL_SET_OFFERS_PER_ID : PL_SET_FRIEND_OFFERS_PER_ID)) return false;
  link->target = target;
  link->knock = knock;
  target->open_count++;
  target->knock_count += knock;
  return true;
}

static void on_open(pl_conn *conn, uint32_t number, const pl_wire_open *open, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_link *link = NULL;
  pl_call call = pl_call_judge(conn, open->target_id, now_ms);
  if (call != PL_CALL_TOO_MANY && pl_rate_open(conn, now_ms) && !pl_budget_above(relay, 75))
    link = new_link(conn, number, now_ms);
  if (!link) {
    reset_number(conn, number, PL_REASON_RATE);
    return;
  }
  memcpy(link->target_instance, open->target_instance, 8);
  pl_presence *presence = call == PL_CALL_UNSEEN ? NULL : pl_router_get(relay, open->target_id, true);
  if (!presence || !join_target(link, presence, call == PL_CALL_KNOCK)) return; /* it just times out */
  pl_conn *callee = pl_router_target(presence, open->target_instance, conn);
  if (callee && offer(link, callee, open->handshake)) return;
  wait_for_target(relay, link, open->handshake);
  if (!callee && relay->config.hooks.absent)
    relay->config.hooks.absent(relay->config.user, open->target_id, open->target_instance);
}

void pl_link_ready(pl_conn *conn, uint64_t now_ms) {
  (void)now_ms;
  pl_presence *presence = conn->presence;
  for (pl_node *n = presence->waiting.next, *next; n != &presence->waiting; n = next) {
    next = n->next;
    pl_link *link = PL_CONTAINER(n, pl_link, waiting);
    const pl_conn *caller = link->half[PL_CALLER].conn;
    if (pl_router_target(presence, link->target_instance, caller) != conn) continue;
    if (pl_call_blocked(conn->relay, caller->presence->id, presence)) continue;
    if (!offer(link, conn, (pl_view){link->handshake, link->handshake_size})) return;
    stop_waiting(conn->relay, link);
  }
}

/* ---- moves
 * ------------------------------------------------------------------------------------------------------------- */

static void on_accept(pl_half *callee, pl_view handshake, uint64_t now_ms) {
  pl_link *link = pl_link_of(callee);
  pl_relay *relay = callee->conn->relay;
  pl_half *caller = &link->half[PL_CALLER];
  if (!pl_out_control(caller->conn, PL_ENV_ACCEPT, caller->number, handshake, 100)) {
    end_both(relay, link, PL_REASON_OVERFLOW, PL_REASON_OVERFLOW);
    return;
  }
  link->state = PL_LINK_LINKED;
  (void)pl_pairs_remember(relay, caller->conn->presence->id, callee->conn->presence->id, now_ms);
  leave_target(relay, link);
  pl_list_remove(&link->timed);
}

static void on_reset(pl_half *from, const pl_envelope *e) {
  pl_link *link = pl_link_of(from);
  pl_relay *relay = from->conn->relay;
  if (from->side == PL_CALLER)
    end_link(relay, link, nothing, e->payload);
  else
    end_link(relay, link, e->payload, nothing);
}

static void on_known(pl_half *from, int event, const pl_envelope *e, uint64_t now_ms) {
  pl_link *link = pl_link_of(from);
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
      if (!pl_out_data(other_of(from), e->payload.data - PL_CONST_ENVELOPE_HEADER_BYTES,
                       e->payload.size + PL_CONST_ENVELOPE_HEADER_BYTES))
        pl_link_overflow(other_of(from));
      return;
    case END:
      on_reset(from, e);
      return;
    case REFUSE:
      release_half(from);
      link->state = PL_LINK_REFUSED;
      leave_target(relay, link);
      return;
    case FORGET:
      if (link->state != PL_LINK_ENDED) {
        end_link(relay, link, nothing, nothing);
      } else { /* it does not want the rest either */
        release_half(from);
        free_if_done(relay, link);
      }
      return;
  }
}

/* Numbers that a client may not make up at all: the relay's side, generation 0, a slot beyond the limit. */
static bool number_valid(const pl_conn *conn, uint32_t number) {
  return !pl_link_relay_side(number) && pl_link_generation(number) != 0 &&
         pl_link_slot(number) < pl_setting_of(conn->relay, PL_SET_LINK_SLOTS);
}

static bool decodes(const pl_envelope *e, pl_wire_open *open) {
  pl_wire_reset reset;
  if (e->payload.size > (size_t)pl_envelope_max(e->type)) return false;
  if (e->type == PL_ENV_OPEN) return pl_wire_open_decode(open, e->payload.data, e->payload.size) == 0;
  return e->type != PL_ENV_RESET || pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) == 0;
}

static int event_of(uint8_t type) {
  return type == PL_ENV_OPEN ? ON_OPEN : type == PL_ENV_ACCEPT ? ON_ACCEPT : ON_RESET;
}

void pl_link_receive(pl_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_half *half = pl_slots_find(conn, e->link);
  pl_wire_open open;
  if (e->type == PL_ENV_DATA) {
    if (half)
      on_known(half, ON_DATA, e, now_ms);
    else
      conn->relay->stats.dropped++;
  } else if (!decodes(e, &open) || (e->type == PL_ENV_OPEN && !number_valid(conn, e->link))) {
    pl_conn_refuse(conn, PL_REASON_PROTOCOL, now_ms);
  } else if (half) {
    on_known(half, event_of(e->type), e, now_ms);
  } else if (e->type != PL_ENV_OPEN || pl_slots_taken(conn, e->link)) {
    conn->relay->stats.dropped++; /* closed, or another generation than the one that is there */
  } else {
    on_open(conn, e->link, &open, now_ms);
  }
}

/* ---- time, death
 * ---------------------------------------------------------------------------------------------------------- */

void pl_link_time(pl_relay *relay, uint64_t now_ms) {
  while (!pl_list_empty(&relay->opens)) {
    pl_link *link = PL_CONTAINER(relay->opens.next, pl_link, timed);
    if (link->deadline_ms > now_ms) return;
    end_both(relay, link, PL_REASON_UNAVAILABLE, PL_REASON_TIMEOUT);
  }
}

static void half_died(pl_half *half) {
  pl_link *link = pl_link_of(half);
  pl_relay *relay = half->conn->relay;
  uint8_t state = link->state, side = half->side;
  reset_bytes gone;
  release_half(half);
  if (state == PL_LINK_OFFERED && side == PL_CALLEE) {
    link->state = PL_LINK_REFUSED;
    leave_target(relay, link);
  } else if (state != PL_LINK_ENDED) {
    end_link(relay, link, reset_of(&gone, PL_REASON_GONE), reset_of(&gone, PL_REASON_GONE));
  } else {
    free_if_done(relay, link);
  }
}

void pl_link_socket_died(pl_conn *conn, uint64_t now_ms) {
  (void)now_ms;
  for (size_t side = 0; side < 2; side++)
    for (uint32_t i = 0; i < conn->slots[side].count; i++)
      if (conn->slots[side].at[i].half) half_died(conn->slots[side].at[i].half);
  pl_slots_deinit(conn);
}
