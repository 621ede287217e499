/* See link.h: what follows from each event on a link (docs/protocol.md, section 4), and forwarding. */
#include "link.h"

#include <string.h>

#include "accounts.h"
#include "budget.h"
#include "conn.h"
#include "knocks.h"
#include "slots.h"

/* ---- the table --------------------------------------------------------------------------------------------------- */

typedef enum link_move {
  DROP,   /* counted as dropped */
  IGNORE, /* ignored: it came too late to matter */
  BREAK,  /* a violation: RESET with PROTOCOL to both sides */
  JOIN,   /* the sides are linked */
  PASS,   /* forwarded */
  END,    /* RESET is forwarded, the link ends */
  REFUSE, /* the callee says no: LEAVE, but the claimer of a code is told at once */
  LEAVE,  /* the callee has left the call; the caller waits until the deadline */
  FORGET, /* the link, or what is left of this half, ends; nobody is told */
  SENT,   /* the OFFER was sent on another worker */
  AGAIN   /* another worker does not have the target any more */
} link_move;

/* Which side may send what in which state. The events are those of pl_relay_link_event, in their order: OPEN, ACCEPT,
 * DATA, RESET; from another worker also RESET, GONE, TAKEN, ABSENT. */
static const uint8_t link_moves[PL_RELAY_LINK_STATES][2][PL_RELAY_LINK_EVENTS] = {
    [PL_RELAY_LINK_OFFERED] = {[PL_RELAY_CALLER] = {BREAK, BREAK, BREAK, END, END, END, IGNORE, IGNORE},
                               [PL_RELAY_CALLEE] = {BREAK, JOIN, BREAK, REFUSE, END, LEAVE, SENT, AGAIN}},
    [PL_RELAY_LINK_REFUSED] = {[PL_RELAY_CALLER] = {BREAK, DROP, BREAK, FORGET, FORGET, FORGET, IGNORE, IGNORE},
                               [PL_RELAY_CALLEE] = {DROP, DROP, DROP, DROP, DROP, DROP, IGNORE, IGNORE}},
    [PL_RELAY_LINK_LINKED] = {[PL_RELAY_CALLER] = {BREAK, BREAK, PASS, END, END, END, IGNORE, IGNORE},
                              [PL_RELAY_CALLEE] = {BREAK, BREAK, PASS, END, END, END, IGNORE, IGNORE}},
    [PL_RELAY_LINK_ENDED] = {[PL_RELAY_CALLER] = {DROP, DROP, DROP, FORGET, FORGET, FORGET, IGNORE, IGNORE},
                             [PL_RELAY_CALLEE] = {DROP, DROP, DROP, FORGET, FORGET, FORGET, IGNORE, IGNORE}},
};

pl_relay_link *pl_relay_link_of(pl_relay_half *half) {
  return PL_CONTAINER(half - half->side, pl_relay_link, half);
}

static pl_relay_half *link_other(pl_relay_half *half) {
  return half->side == PL_RELAY_CALLER ? half + 1 : half - 1;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

pl_relay_link *pl_relay_link_new(pl_relay_conn *caller, uint32_t number) {
  pl_relay_link *link = pl_alloc(sizeof *link);
  if (!link) return NULL;
  for (uint8_t side = 0; side < 2; side++) {
    link->half[side].side = side;
    pl_relay_queue_init(&link->half[side], &link->queue[side]);
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

void pl_relay_link_stop_waiting(pl_relay_link *link) {
  pl_list_remove(&link->waiting);
  if (!link->handshake) return;
  pl_relay_hold(link->half[PL_RELAY_CALLER].conn, 0, link->handshake_size);
  pl_free(link->handshake);
  link->handshake = NULL;
}

/* Stops counting the call for its target, because it is decided. */
static void link_leave_target(pl_relay *relay, pl_relay_link *link) {
  pl_relay_link_stop_waiting(link);
  if (!link->target) return;
  link->target->open_count--;
  link->target->knock_count -= link->knock;
  link->target->claim_count -= link->claim;
  pl_relay_router_release(relay, link->target);
  link->target = NULL;
}

static void link_release_half(pl_relay_half *half) {
  if (!half->conn) return;
  pl_relay_queue_clear(half);
  pl_relay_slots_remove(half);
}

static void link_free_if_done(pl_relay *relay, pl_relay_link *link) {
  if (link->half[0].conn || link->half[1].conn || link->state != PL_RELAY_LINK_ENDED) return;
  relay->stats.links -= !link->from_bus; /* the worker of its caller counts it */
  pl_free(link);
}

static void link_end_half(pl_relay_half *half, pl_view reset) {
  if (!half->conn) return;
  if (!reset.data || pl_relay_out_reset(half, reset))
    link_release_half(half);
  else
    half->ending = true;
}

void pl_relay_link_end(pl_relay *relay, pl_relay_link *link, pl_view to_caller, pl_view to_callee) {
  link_leave_target(relay, link);
  pl_list_remove(&link->timed);
  link->state = PL_RELAY_LINK_ENDED;
  link_end_half(&link->half[PL_RELAY_CALLER], to_caller);
  link_end_half(&link->half[PL_RELAY_CALLEE], to_callee);
  link_free_if_done(relay, link);
}

pl_view pl_relay_reset_of(pl_relay_reset *space, int reason) {
  pl_put_u16(space->bytes, (uint16_t)reason);
  return (pl_view){space->bytes, sizeof space->bytes};
}

static const pl_view link_silent = {0};

static void link_end_both(pl_relay *relay, pl_relay_link *link, int to_caller, int to_callee) {
  pl_relay_reset a, b;
  pl_relay_link_end(relay, link, pl_relay_reset_of(&a, to_caller), pl_relay_reset_of(&b, to_callee));
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void link_overflow(pl_relay_half *half) {
  pl_relay *relay = half->conn->relay;
  pl_relay_link *link = pl_relay_link_of(half);
  pl_relay_reset reason;
  relay->stats.overflows++;
  pl_relay_conn_log(half->conn, PL_RELAY_LOG_INFO, "overflow", NULL);
  pl_relay_queue_clear(half);
  if (link->state != PL_RELAY_LINK_ENDED) {
    link_end_both(relay, link, PL_REASON_OVERFLOW, PL_REASON_OVERFLOW);
  } else { /* the cleared queue held the RESET of this side */
    link_end_half(half, pl_relay_reset_of(&reason, PL_REASON_OVERFLOW));
    link_free_if_done(relay, link);
  }
}

bool pl_relay_link_make_room(pl_relay *relay, const pl_relay_half *half) {
  pl_relay_half *next;
  while ((next = pl_relay_budget_next_to_pay(relay))) {
    if (next == half) return false;
    link_overflow(next);
  }
  return true;
}

void pl_relay_link_end_stuck(pl_relay_conn *conn) {
  pl_relay_conn_log(conn, PL_RELAY_LOG_INFO, "stalled", NULL);
  while (!pl_list_empty(&conn->turns)) link_overflow(PL_CONTAINER(conn->turns.next, pl_relay_queue, turn)->half);
  pl_relay_conn_abort(conn);
}

void pl_relay_link_refill(pl_relay_conn *conn) {
  pl_relay *relay = conn->relay;
  pl_relay_half *half;
  if (conn->control.size == 0 && pl_list_empty(&conn->turns)) return;
  while ((half = pl_relay_out_refill(conn))) {
    pl_relay_link *link = pl_relay_link_of(half);
    link_release_half(half);
    link_free_if_done(relay, link);
  }
}

/* ---- moves ------------------------------------------------------------------------------------------------------- */

static void link_join(pl_relay_half *callee, pl_view handshake, uint64_t now_ms) {
  pl_relay_link *link = pl_relay_link_of(callee);
  pl_relay *relay = callee->conn->relay;
  pl_relay_half *caller = &link->half[PL_RELAY_CALLER];
  if (!pl_relay_out_control(caller->conn, PL_ENV_ACCEPT, caller->number, handshake, 100)) {
    link_end_both(relay, link, PL_REASON_OVERFLOW, PL_REASON_OVERFLOW);
    return;
  }
  link->state = PL_RELAY_LINK_LINKED;
  if (!link->from_bus && !link->claim)
    pl_relay_pairs_remember(relay, caller->conn->presence->id, link->target->id, now_ms);
  link_leave_target(relay, link);
  pl_list_remove(&link->timed);
}

/* Takes the callee out of the call. A caller here must not hear of it before its deadline; where the caller is on
 * another worker, that worker keeps the deadline and is told at once. */
static void link_callee_left(pl_relay *relay, pl_relay_link *link) {
  pl_relay_reset gone;
  link_release_half(&link->half[PL_RELAY_CALLEE]);
  if (link->from_bus) {
    pl_relay_link_end(relay, link, pl_relay_reset_of(&gone, PL_REASON_GONE), link_silent);
  } else {
    link->state = PL_RELAY_LINK_REFUSED;
    link_leave_target(relay, link);
  }
}

/* Forwards the RESET and ends the link. */
static void link_pass_reset(pl_relay_half *from, const pl_envelope *e) {
  pl_relay_link *link = pl_relay_link_of(from);
  if (from->side == PL_RELAY_CALLER)
    pl_relay_link_end(from->conn->relay, link, link_silent, e->payload);
  else
    pl_relay_link_end(from->conn->relay, link, e->payload, link_silent);
}

static void link_forget(pl_relay_half *from) {
  pl_relay_link *link = pl_relay_link_of(from);
  pl_relay *relay = from->conn->relay;
  if (link->state != PL_RELAY_LINK_ENDED) {
    pl_relay_link_end(relay, link, link_silent, link_silent);
  } else { /* this side has reset the link: the rest of its queue is dropped */
    link_release_half(from);
    link_free_if_done(relay, link);
  }
}

static void link_pass(pl_relay *relay, pl_relay_half *to, const pl_envelope *e) {
  relay->stats.forwarded++;
  pl_relay_put put = pl_relay_out_data(to, e->payload.data - PL_RELAY_HEADER, e->payload.size + PL_RELAY_HEADER);
  if (put == PL_RELAY_PUT_TAKEN) return;
  if (put == PL_RELAY_PUT_OVERFLOW || !pl_relay_link_make_room(relay, to)) link_overflow(to);
}

static inline bool link_take(pl_relay_half *from, pl_relay_link_event event, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_link *link = pl_relay_link_of(from);
  pl_relay *relay = from->conn->relay;
  switch ((link_move)link_moves[link->state][from->side][event]) {
    case DROP:
      relay->stats.dropped++;
      return false;
    case IGNORE:
      return false;
    case BREAK:
      link_end_both(relay, link, PL_REASON_PROTOCOL, PL_REASON_PROTOCOL);
      return false;
    case JOIN:
      link_join(from, e->payload, now_ms);
      return false;
    case PASS:
      link_pass(relay, link_other(from), e);
      return false;
    case END:
      link_pass_reset(from, e);
      return false;
    case REFUSE:
      if (link->claim)
        link_pass_reset(from, e);
      else
        link_callee_left(relay, link);
      return false;
    case LEAVE:
      link_callee_left(relay, link);
      return false;
    case FORGET:
      link_forget(from);
      return false;
    case SENT:
      pl_relay_link_stop_waiting(link);
      return false;
    case AGAIN:
      link_release_half(from);
      return true;
  }
  return false;
}

bool pl_relay_link_take(pl_relay_half *from, pl_relay_link_event event, const pl_envelope *e, uint64_t now_ms) {
  return link_take(from, event, e, now_ms);
}

int pl_relay_link_data(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_half *half = pl_relay_slots_find(conn, e->link);
  if (half)
    (void)link_take(half, PL_RELAY_LINK_DATA, e, now_ms);
  else
    conn->relay->stats.dropped++;
  return 0;
}

int pl_relay_link_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay_half *half = pl_relay_slots_find(conn, e->link);
  bool resets = e->type == PL_ENV_RESET;
  pl_wire_reset reset;
  if (resets && pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) != 0) return PL_REASON_PROTOCOL;
  if (half)
    (void)link_take(half, resets ? PL_RELAY_LINK_RESET : PL_RELAY_LINK_ACCEPT, e, now_ms);
  else
    conn->relay->stats.dropped++; /* closed, or of another generation than the link that is there */
  return 0;
}

/* ---- many envelopes at once -------------------------------------------------------------------------------------- */

/* Counts the whole envelopes of this link's DATA that lie here in a row, up to `most` bytes. */
static size_t link_run(const uint8_t *data, size_t size, uint32_t number, size_t most, size_t *bytes) {
  size_t count = 0, at = 0;
  while (size - at >= PL_RELAY_HEADER && data[at] == PL_ENV_DATA && pl_get_u32(data + at + 4) == number) {
    size_t n = pl_relay_envelope_size(data + at);
    if (n > size - at || at + n > most) break;
    at += n;
    count++;
  }
  *bytes = at;
  return count;
}

static void link_renumber(uint8_t *data, size_t size, uint32_t number) {
  for (size_t at = 0; at < size; at += pl_relay_envelope_size(data + at)) pl_put_u32(data + at + 4, number);
}

/* Returns true when a run should go straight to the socket: a long one, and one at the end of what was read when the
 * socket was not written in this way in this turn. Other runs are gathered, so that a socket with many senders is
 * written at most twice a turn. */
static bool link_sends_now(const pl_relay_conn *to, size_t bytes, bool ends) {
  return bytes >= PL_RELAY_OUT_MUCH || (ends && to->lent_turn != to->relay->turn);
}

size_t pl_relay_link_forward(pl_relay_conn *conn, uint8_t *data, size_t size, size_t before, bool ends) {
  if (size < PL_RELAY_HEADER || data[0] != PL_ENV_DATA || conn->state != PL_RELAY_CONN_READY) return 0;
  uint32_t number = pl_get_u32(data + 4);
  pl_relay_half *half = pl_relay_slots_find(conn, number);
  if (!half || link_moves[pl_relay_link_of(half)->state][half->side][PL_RELAY_LINK_DATA] != PASS) return 0;
  pl_relay_half *to = link_other(half);
  conn->last_half = half;
  bool lends = pl_relay_out_lend_ready(to) && before >= pl_ws_header_size(size, false);
  size_t bytes, count = link_run(data, size, number, lends ? PL_RELAY_OUT_LENT : pl_relay_out_room(to), &bytes);
  if (count == 0) return 0;
  if (lends && link_sends_now(to->conn, bytes, ends)) {
    link_renumber(data, bytes, to->number);
    to->conn->lent_turn = conn->relay->turn;
    pl_relay_out_lend(to, data, bytes);
  } else {
    uint8_t *at = pl_relay_out_run(to, data, bytes);
    if (!at) return 0;
    link_renumber(at, bytes, to->number);
  }
  conn->relay->stats.forwarded += count;
  return bytes;
}

/* ---- deadlines, lost connections --------------------------------------------------------------------------------- */

void pl_relay_link_time(pl_relay *relay, uint64_t now_ms) {
  while (!pl_list_empty(&relay->opens)) {
    pl_relay_link *link = PL_CONTAINER(relay->opens.next, pl_relay_link, timed);
    if (link->deadline_ms > now_ms) return;
    link_end_both(relay, link, PL_REASON_UNAVAILABLE, PL_REASON_TIMEOUT);
  }
}

uint64_t pl_relay_link_deadline(const pl_relay *relay) {
  return pl_list_empty(&relay->opens) ? PL_NEVER : PL_CONTAINER(relay->opens.next, pl_relay_link, timed)->deadline_ms;
}

static void link_half_died(pl_relay_half *half) {
  pl_relay_link *link = pl_relay_link_of(half);
  pl_relay *relay = half->conn->relay;
  uint8_t state = link->state, side = half->side;
  if (side == PL_RELAY_CALLER) pl_relay_link_stop_waiting(link); /* while its account can still be charged */
  link_release_half(half);
  if (state == PL_RELAY_LINK_OFFERED && side == PL_RELAY_CALLEE)
    link_callee_left(relay, link);
  else if (state != PL_RELAY_LINK_ENDED)
    link_end_both(relay, link, PL_REASON_GONE, PL_REASON_GONE);
  else
    link_free_if_done(relay, link);
}

void pl_relay_link_end_all(pl_relay_conn *conn) {
  for (size_t side = 0; side < 2; side++)
    for (uint32_t i = 0; i < conn->slots[side].count; i++)
      if (conn->slots[side].at[i].half) link_half_died(conn->slots[side].at[i].half);
}

void pl_relay_link_socket_died(pl_relay_conn *conn) {
  pl_relay_link_end_all(conn);
  pl_relay_slots_deinit(conn);
}

/* Ends our part of a link that the other worker has forgotten, and tells that worker. */
static void link_half_reset(pl_relay_half *half) {
  pl_relay_link *link = pl_relay_link_of(half);
  pl_relay *relay = half->conn->relay;
  pl_relay_reset gone;
  if (link->state == PL_RELAY_LINK_OFFERED && half->side == PL_RELAY_CALLEE) {
    if (!pl_relay_out_control(half->conn, PL_ENV_RESET, half->number, pl_relay_reset_of(&gone, PL_REASON_GONE), 100))
      pl_relay_conn_abort(half->conn);
    link_callee_left(relay, link);
  } else if (link->state != PL_RELAY_LINK_ENDED) {
    link_end_both(relay, link, PL_REASON_GONE, PL_REASON_GONE);
  }
}

void pl_relay_link_reset_all(pl_relay_conn *node) {
  for (size_t side = 0; side < 2; side++)
    for (uint32_t i = 0; i < node->slots[side].count; i++)
      if (node->slots[side].at[i].half) link_half_reset(node->slots[side].at[i].half);
}
