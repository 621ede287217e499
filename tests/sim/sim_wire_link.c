/* Links, seen from outside. Every RESET that the relay writes was either sent by the other side, and comes behind all
 * that this side sent before; or it is the relay's own, and something explains it. */
#include <stdlib.h>

#include "sim_greedy.h"
#include "sim_wire_state.h"

static bool is_blocked_since(const sim_wire_end *end, uint64_t since_us) {
  return end->conn && sim_wire_was_blocked(end->conn, since_us);
}

/* ---- what the relay owes ----------------------------------------------------------------------------------------- */

bool sim_wire_ends_unseen(const sim_wire_conn *c, uint64_t came_us) {
  return sim_wire_was_blocked(c, came_us) || (!c->client_ended && came_us == c->wire->world->now_us);
}

/* Returns true when the relay may have ended this socket before it read all that has come. */
static bool ends_unseen(const sim_wire_conn *c) {
  return sim_wire_blocked(c) || (!c->client_ended && c->arrived_us == c->wire->world->now_us);
}

/* A relay that drains has ended all links at once. What a socket takes later is what was written for it before. */
static bool drains(const sim_wire *o) {
  return o->world->relay.ends_us != SIM_NEVER;
}

void sim_wire_owes(sim_wire_end *end, int reason) {
  const sim_wire_link *link = sim_wire_link_of(end);
  if (!sim_wire_end_is_open(end) || (link->hazy && link->hostile)) return;
  end->due = (uint16_t)reason;
  end->conn->unsettled = true;
}

static void add(sim_wire_end *end, const pl_envelope *e) {
  if (!sim_wire_end_is_open(end)) return;
  sim_wire_journal_add(&end->to, e->type, e->flags, e->payload);
  end->conn->unsettled = true;
  uint64_t waits = sim_wire_waiting(end->conn);
  if (waits > end->conn->most_waited) end->conn->most_waited = waits;
}

uint64_t sim_wire_waiting(const sim_wire_conn *c) {
  uint64_t sum = 0;
  for (size_t i = 0; i < SIM_WIRE_ENDS; i++)
    for (const sim_wire_end *end = c->ends[i]; end; end = end->next) sum += end->to.cost;
  return sum;
}

/* Returns true when all that may wait for this socket perhaps did. To a worker, another one is like one socket: what it
 * sends to all sockets there waits together. */
static bool socket_was_full(const sim_wire_end *end) {
  const sim_wire *o = end->conn->wire;
  const sim_wire_link *link = PL_CONTAINER(end - end->side, sim_wire_link, end);
  uint64_t waited = link->crosses ? 0 : end->conn->most_waited;
  for (size_t i = 0; link->crosses && i < o->world->conns_used; i++)
    if (o->conns[i] && o->conns[i]->worker == end->worker) waited += o->conns[i]->most_waited;
  return 2 * waited + SIM_WIRE_OUT > sim_wire_setting(o, PL_RELAY_SET_SOCKET_QUEUE_MAX);
}

/* Returns true when the relay may have dropped volatile envelopes: a queue was full. */
static bool may_have_dropped(const sim_wire_end *end) {
  const sim_wire *o = end->conn->wire;
  return end->to.peak > sim_wire_setting(o, PL_RELAY_SET_LINK_WINDOW) || socket_was_full(end) || o->doubt;
}

/* Skips an envelope that the relay has dropped. */
static void skip(sim_wire_end *end) {
  bool cut = end->drops || sim_wire_link_of(end)->hazy;
  if (!cut && !may_have_dropped(end))
    sim_wire_blame(end->conn->wire, "a volatile record was dropped, and no queue was full");
  sim_wire_journal_take(&end->to);
}

static void finish(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  end->reset_written = true;
  end->due = 0;
  sim_wire_journal_clear(&end->to);
  if (end->side == SIM_WIRE_CALLER || link->accepted) sim_wire_link_over(link);
}

void sim_wire_link_over(sim_wire_link *link) {
  if (!link->over) link->over_us = link->wire->world->now_us;
  link->over = true;
  sim_wire_call_over(link);
}

/* ---- what comes -------------------------------------------------------------------------------------------------- */

/* A side sent what the table of docs/protocol.md, section 4, calls an error. */
static void breaks(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  if (!end->conn->k->hostile_peer)
    sim_wire_blame(end->conn->wire, "a client sends on link %x what it may not send now", (unsigned)end->number);
  link->broken = link->hazy = true;
}

/* Returns true when something has ended the link. This side's worker may not know yet, and then ends it for what is
 * wrong. */
static bool is_over(sim_wire_end *end, bool wrong) {
  const sim_wire_link *link = sim_wire_link_of(end);
  if (link->over && wrong && link->crosses && end->conn->k->hostile_peer) breaks(end);
  return link->over;
}

static void accept_arrives(sim_wire_end *end, const pl_envelope *e) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire *o = end->conn->wire;
  bool wrong = end->side == SIM_WIRE_CALLER || link->accepted;
  if (is_over(end, wrong)) return;
  /* The callee's worker may not have heard yet of a loss on the bus, nor the caller's of the refusal. */
  if (link->refused && !(link->hazy && o->doubt)) {
    if (wrong && end->conn->k->hostile_peer) breaks(end);
    return;
  }
  if (wrong) {
    breaks(end);
    return;
  }
  if (sim_wire_now_ms(o) >= link->deadline_ms) link->hazy = true; /* perhaps it has timed out a moment ago */
  link->accepted = true;
  add(&link->end[SIM_WIRE_CALLER], e);
  sim_wire_pair(o, link, false);
}

static void data_arrives(sim_wire_end *end, const pl_envelope *e) {
  sim_wire_link *link = sim_wire_link_of(end);
  bool wrong = !link->accepted || (end->side == SIM_WIRE_CALLER && !link->joined);
  if (is_over(end, wrong)) return;
  if (wrong)
    breaks(end);
  else
    add(sim_wire_other(end), e);
}

static void check_reason(const sim_wire_end *end, int reason) {
  const sim_wire *o = end->conn->wire;
  const sim_wire_link *link = PL_CONTAINER(end - end->side, sim_wire_link, end);
  if (link->hostile || o->world->tampered || sim_greedy_is(o->world, link->target)) return;
  if (reason == PL_REASON_PROTOCOL || reason == PL_REASON_CORRUPT || reason == PL_REASON_UNSUPPORTED)
    sim_wire_blame(end->conn->wire, "a client resets a link with %s, and nobody tampered with it",
                   pl_reason_name(reason));
}

static void reset_arrives(sim_wire_end *end, const pl_envelope *e) {
  sim_wire_link *link = sim_wire_link_of(end);
  pl_wire_reset reset;
  if (pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) != 0) return; /* the relay ends the connection */
  check_reason(end, reset.reason);
  end->conn->reset_us = end->conn->wire->world->now_us;
  end->reset_arrived = end->drops = true;
  end->due = 0;
  if (link->over) return;
  bool refusal = end->side == SIM_WIRE_CALLEE && !link->accepted;
  if (!refusal || link->claim) {
    sim_wire_end *other = sim_wire_other(end);
    link->reset_hash = sim_wire_hash(e->payload.data, e->payload.size);
    link->reset_size = (uint32_t)e->payload.size;
    pl_envelope passed = *e;
    passed.flags = 0;
    if (!link->refused) add(other, &passed);
  }
  if (refusal && !link->claim)
    link->refused = true;
  else
    sim_wire_link_over(link);
}

void sim_wire_link_arrives(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire_end *end = sim_wire_find_slot(c, e->link);
  if (!end || end->number != e->link || end->reset_arrived || end->reset_written) return;
  sim_wire_link_of(end)->hazy |= sim_wire_may_have_ended(c); /* perhaps nobody reads this */
  if (e->type == PL_ENV_ACCEPT) {
    pl_envelope passed = *e;
    passed.flags = 0;
    accept_arrives(end, &passed);
  } else if (e->type == PL_ENV_DATA) {
    data_arrives(end, e);
  } else if (e->type == PL_ENV_RESET) {
    reset_arrives(end, e);
  }
}

/* ---- what is written --------------------------------------------------------------------------------------------- */

static void passed(sim_wire_end *end, const pl_envelope *e) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire *o = end->conn->wire;
  const sim_wire_entry *first;
  while ((first = sim_wire_journal_first(&end->to)) && !sim_wire_entry_is(first, e->type, e->flags, e->payload) &&
         sim_wire_journal_may_skip(&end->to))
    skip(end);
  if (!first || !sim_wire_entry_is(first, e->type, e->flags, e->payload)) {
    if (link->hazy && link->hostile) return;
    sim_wire_blame(o, "%s on link %x: changed, out of order, or nobody sent it", pl_envelope_name(e->type),
                   (unsigned)end->number);
    return;
  }
  sim_wire_journal_take(&end->to);
  if (e->type != PL_ENV_ACCEPT) return;
  link->joined = true;
  sim_wire_call_over(link);
  sim_wire_pair(o, link, true);
}

static void own_unavailable(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire *o = end->conn->wire;
  if (end->side != SIM_WIRE_CALLER || link->joined)
    sim_wire_blame(o, "UNAVAILABLE ends a link that was linked");
  else if (sim_wire_now_ms(o) < link->deadline_ms)
    sim_wire_blame(o, "a call ends with UNAVAILABLE %d ms before its time",
                   (int)(link->deadline_ms - sim_wire_now_ms(o)));
  else if (link->accepted && !link->crosses && !link->hazy && !sim_wire_was_blocked(end->conn, link->arrived_us))
    sim_wire_blame(o, "a call that was accepted in time ends with UNAVAILABLE");
  if (!link->refused) sim_wire_owes(sim_wire_other(end), PL_REASON_TIMEOUT);
}

static void own_gone(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire_end *other = sim_wire_other(end);
  if (link->hazy || (link->crosses && end->conn->wire->bus_mends)) {
    if (other->side == SIM_WIRE_CALLEE || link->joined) sim_wire_owes(other, PL_REASON_GONE);
  } else if (end->side == SIM_WIRE_CALLER && !link->joined) {
    sim_wire_blame(end->conn->wire, "a caller learns before ACCEPT that its callee has gone");
  } else if (other->conn && !other->conn->ended) {
    other->conn->must_end = other->conn->unsettled = true;
  }
}

/* A RATE that comes late would say something about the callee. */
static void own_rate(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire *o = end->conn->wire;
  if (end->side != SIM_WIRE_CALLER || link->end[SIM_WIRE_CALLEE].was_there)
    sim_wire_blame(o, "RATE ends a call that was offered");
  else if (o->world->now_us != link->arrived_us && !is_blocked_since(end, link->arrived_us))
    sim_wire_blame(o, "RATE does not come at once");
  sim_wire_budget_refused(end->conn, link);
}

/* A RESET that no side sent, and that the relay does not owe. */
static void own_reset(sim_wire_end *end, int reason) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire_end *other = sim_wire_other(end);
  sim_wire *o = end->conn->wire;
  if (end->reset_arrived && reason == PL_REASON_OVERFLOW) sim_wire_overflow(end); /* the other side hears so, too */
  if (end->reset_arrived) return;                                                 /* they crossed */
  if (drains(o) || (link->hazy && (link->hostile || (link->crosses && link->over)))) return;
  switch (reason) {
    case PL_REASON_UNAVAILABLE:
      own_unavailable(end);
      return;
    case PL_REASON_TIMEOUT:
      if (end->side != SIM_WIRE_CALLEE || sim_wire_now_ms(o) < link->deadline_ms ||
          (link->accepted && !link->hazy && !link->crosses))
        sim_wire_blame(o, "TIMEOUT ends a link that was accepted, or before its time");
      sim_wire_owes(other, PL_REASON_UNAVAILABLE);
      sim_wire_link_over(link);
      return;
    case PL_REASON_GONE:
      own_gone(end);
      return;
    case PL_REASON_OVERFLOW:
      sim_wire_overflow(end);
      other->drops = true;
      sim_wire_owes(other, PL_REASON_OVERFLOW);
      return;
    case PL_REASON_RATE:
      own_rate(end);
      return;
    case PL_REASON_NO_CODE:
      sim_wire_code_denied(end);
      return;
    case PL_REASON_PROTOCOL:
      if (!link->broken) break;
      sim_wire_owes(other, PL_REASON_PROTOCOL);
      return;
    default:
      /* Volatile records ahead of the RESET may be dropped where queues are small: a queue takes memory by the chunk,
       * which is not seen here. */
      if (o->world->limits) return;
      break;
  }
  sim_wire_blame(o, "the relay ends link %x with %s, which nobody sent", (unsigned)end->number, pl_reason_name(reason));
}

/* Returns true when a RESET with this reason may come instead of what was sent before it. */
static bool may_cut(sim_wire_end *end, int reason) {
  const sim_wire_link *link = sim_wire_link_of(end);
  const sim_wire_conn *other = sim_wire_other(end)->conn;
  return reason == PL_REASON_OVERFLOW || end->drops || link->hazy || link->wire->doubt || drains(link->wire) ||
         socket_was_full(end) || /* there was no room behind its queue */
         (reason == PL_REASON_UNAVAILABLE && !link->joined) ||
         (reason == PL_REASON_GONE && other && ends_unseen(other));
}

static void reset_written(sim_wire_end *end, const pl_envelope *e) {
  sim_wire *o = end->conn->wire;
  pl_wire_reset reset;
  const sim_wire_entry *first;
  if (pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) != 0) {
    sim_wire_blame(o, "the relay writes a RESET that does not decode");
    return;
  }
  end->drops = may_cut(end, reset.reason);
  while ((first = sim_wire_journal_first(&end->to)) && !sim_wire_entry_is(first, PL_ENV_RESET, 0, e->payload) &&
         (end->drops || sim_wire_entry_may_drop(first)))
    skip(end);
  bool sent = first && sim_wire_entry_is(first, PL_ENV_RESET, 0, e->payload);
  if (!sent && !end->drops && end->to.reliable)
    sim_wire_blame(o, "RESET %s overtakes %zu envelopes of its link", pl_reason_name(reset.reason), end->to.reliable);
  if (!sent && reset.reason != end->due) own_reset(end, reset.reason);
  finish(end);
}

/* Of a link that this side has reset, something may still be on its way when the number is used again. */
static bool may_be_late(const sim_wire_end *end, uint32_t number) {
  return end && end->number != number && !pl_link_number_relay_side(number);
}

void sim_wire_link_written(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire_end *end = sim_wire_find_slot(c, e->link);
  if (may_be_late(end, e->link)) return;
  if (end && end->reset_written && sim_wire_link_of(end)->hazy && sim_wire_link_of(end)->hostile) return;
  if (!end || end->number != e->link)
    sim_wire_blame(c->wire, "the relay writes %s on link %x, which does not exist", pl_envelope_name(e->type),
                   (unsigned)e->link);
  else if (end->reset_written)
    sim_wire_blame(c->wire, "the relay writes %s on link %x after RESET", pl_envelope_name(e->type), (unsigned)e->link);
  else if (e->type == PL_ENV_RESET)
    reset_written(end, e);
  else
    passed(end, e);
}

/* ---- ends of sockets, losses ------------------------------------------------------------------------------------- */

static void socket_ended(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire_end *other = sim_wire_other(end);
  if (sim_wire_was_blocked(end->conn, end->conn->arrived_us) || ends_unseen(end->conn)) link->hazy = true;
  if (link->over || end->reset_arrived) return;
  if (end->side == SIM_WIRE_CALLEE && !link->accepted) {
    link->refused = true;
    return;
  }
  bool unread = link->hazy && end->side == SIM_WIRE_CALLEE && !link->joined; /* perhaps ACCEPT was not read */
  if (unread) return;
  if (!link->refused) sim_wire_owes(other, PL_REASON_GONE);
  sim_wire_link_over(link);
}

void sim_wire_links_of_ended(sim_wire_conn *c) {
  for (size_t i = 0; i < SIM_WIRE_ENDS; i++)
    for (sim_wire_end *end = c->ends[i], *next; end; end = next) {
      next = end->next;
      socket_ended(end);
    }
  for (sim_wire_end *end = c->replaced; end; end = end->next) socket_ended(end);
}

/* What was on its way to this worker from another one is lost, and the links between them end. A worker that does not
 * hear of that before the other one passes on what comes later. */
static void link_lost(sim_wire_link *link, unsigned to) {
  link->hazy = true;
  for (int i = 0; i < 2; i++) {
    sim_wire_end *end = &link->end[i];
    end->drops = true;
    if (end->worker == to) end->to.unsure = end->to.count;
    if (i == SIM_WIRE_CALLER && !link->joined) {
      end->due = 0; /* what was on its way to the caller is lost, too: it hears of that in time */
      continue;
    }
    sim_wire_owes(end, PL_REASON_GONE);
  }
  link->refused |= !link->accepted && link->end[SIM_WIRE_CALLEE].was_there;
}

void sim_wire_links_lost(sim_wire *o, unsigned from, unsigned to) {
  for (size_t i = 0; i < o->world->conns_used; i++) {
    sim_wire_conn *c = o->conns[i];
    for (size_t k = 0; c && k < SIM_WIRE_ENDS; k++)
      for (sim_wire_end *end = c->ends[k]; end; end = end->next) {
        sim_wire_link *link = sim_wire_link_of(end);
        unsigned other = sim_wire_other(end)->worker;
        if (end->side == SIM_WIRE_CALLER && !link->end[SIM_WIRE_CALLEE].was_there &&
            (c->worker == from || c->worker == to))
          link->hazy = true;
        else if (link->crosses && ((c->worker == from && other == to) || (c->worker == to && other == from)))
          link_lost(link, to);
      }
  }
}

/* ---- at the end of a turn ---------------------------------------------------------------------------------------- */

static bool is_owed(const sim_wire_end *end) {
  const sim_wire_link *link = PL_CONTAINER(end - end->side, sim_wire_link, end);
  return end->due || (end->to.reliable && !end->drops && !link->hazy);
}

/* Nothing waits for this socket any more: what came for it at its own worker has been written. */
static void settle(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire *o = end->conn->wire;
  if (!sim_wire_end_is_open(end)) return;
  bool here = !link->crosses || sim_wire_bus_idle(o);
  if (!here) {
    end->conn->unsettled |= is_owed(end);
    return;
  }
  if (end->due)
    sim_wire_blame(o, "RESET %s was not written on link %x", pl_reason_name(end->due), (unsigned)end->number);
  else if (is_owed(end))
    sim_wire_blame(o, "%zu envelopes on link %x were lost, %zu bytes the first", end->to.reliable,
                   (unsigned)end->number, (size_t)sim_wire_journal_first(&end->to)->size);
  while (sim_wire_journal_may_skip(&end->to)) skip(end);
  if (!end->to.count) end->to.peak = 0;
}

void sim_wire_links_settle(sim_wire_conn *c) {
  for (size_t i = 0; i < SIM_WIRE_ENDS; i++)
    for (sim_wire_end *end = c->ends[i]; end; end = end->next) settle(end);
  c->settled_us = c->wire->world->now_us;
  if (!c->unsettled && !sim_wire_waiting(c)) c->most_waited = 0; /* what may be dropped is not owed, and may wait */
}
