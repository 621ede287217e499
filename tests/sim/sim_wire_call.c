/* Calls: OPEN and CLAIM, until they are accepted or over. Who must get them, and what their callers may learn when. */
#include <stdlib.h>
#include <string.h>

#include "sim_wire_state.h"

static const uint8_t any_instance[8];

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* Frees the link when nothing refers to it any more. */
void sim_wire_call_free(sim_wire_link *link) {
  if (!link->listed && !link->end[0].conn && !link->end[1].conn) free(link);
}

static void unlist(sim_wire_link *link) {
  if (link->listed) pl_list_remove(&link->node);
  if (link->in_past) link->wire->past_count--;
  link->listed = link->in_past = false;
}

void sim_wire_call_forget(sim_wire_link *link) {
  unlist(link);
  sim_wire_call_free(link);
}

static void list(sim_wire_link *link, pl_node *head) {
  unlist(link);
  pl_list_append(head, &link->node);
  link->listed = true;
}

/* The call is decided. Its OFFER may still be on its way. */
void sim_wire_call_over(sim_wire_link *link) {
  sim_wire *o = link->wire;
  if (!link->listed || link->past) return;
  link->past = true;
  if (link->end[SIM_WIRE_CALLEE].was_there) {
    unlist(link);
    return;
  }
  list(link, &o->past);
  link->in_past = true;
  if (++o->past_count <= SIM_WIRE_PAST) return;
  o->forgot_calls = true;
  sim_wire_call_forget(PL_CONTAINER(o->past.next, sim_wire_link, node));
}

static bool is_for(const sim_wire_link *link, const sim_wire_conn *c) {
  bool any = memcmp(link->target_instance, any_instance, 8) == 0;
  return c != link->end[SIM_WIRE_CALLER].conn && memcmp(c->id, link->target, 32) == 0 &&
         (any ? c->listens : memcmp(c->instance, link->target_instance, 8) == 0);
}

/* ---- who must get it --------------------------------------------------------------------------------------------- */

static uint32_t slots_used(const sim_wire_conn *c) {
  uint32_t n = 0;
  for (size_t i = 0; i < SIM_WIRE_ENDS; i++)
    for (const sim_wire_end *end = c->ends[i]; end; end = end->next)
      n += end->side == SIM_WIRE_CALLEE && !end->reset_arrived && !end->reset_written;
  return n;
}

/* Expects the call at this socket, if its caller's worker knows of it and it can take one more. */
static void expect(sim_wire_link *link, sim_wire_conn *c) {
  const sim_wire *o = c->wire;
  const sim_wire_conn *caller = link->end[SIM_WIRE_CALLER].conn;
  if (!caller || o->doubt || c->superseded_by || !sim_wire_known(o, &c->login, caller->worker) || sim_wire_blocked(c) ||
      slots_used(c) >= sim_wire_setting(o, PL_RELAY_SET_LINK_SLOTS))
    return;
  link->expected = c;
  link->must = !link->limited && !link->blocked && !link->hazy && !c->k->hostile_peer && !caller->k->hostile_peer;
}

static sim_wire_conn *newest_for(const sim_wire_link *link, const sim_wire *o) {
  sim_wire_conn *newest = NULL;
  for (size_t i = 0; i < o->world->conns_used; i++) {
    sim_wire_conn *c = o->conns[i];
    if (c && sim_wire_present(c) && is_for(link, c) && (!newest || c->serial > newest->serial)) newest = c;
  }
  return newest;
}

void sim_wire_call_login(sim_wire_conn *c) {
  sim_wire *o = c->wire;
  for (pl_node *n = o->calls.next; n != &o->calls; n = n->next) {
    sim_wire_link *link = PL_CONTAINER(n, sim_wire_link, node);
    if (link->end[SIM_WIRE_CALLEE].was_there || link->refused || !link->waits || !is_for(link, c)) continue;
    /* A call that met a block stays with its caller, also when the block is lifted. */
    link->blocked_maybe |= sim_wire_lists(o, link->target, link->caller_id, PL_CONST_PEERS_BLOCK, 0, false);
    link->waits = false;
    if (!link->blocked_maybe && !link->claim) expect(link, c);
  }
}

void sim_wire_call_blocked(sim_wire_conn *c, const uint8_t peer[32]) {
  for (pl_node *n = c->wire->calls.next; n != &c->wire->calls; n = n->next) {
    sim_wire_link *link = PL_CONTAINER(n, sim_wire_link, node);
    if (memcmp(link->target, c->id, 32) != 0 || memcmp(link->caller_id, peer, 32) != 0) continue;
    link->blocked_maybe = true;
    link->must = false;
  }
}

void sim_wire_call_gone(sim_wire_conn *c) {
  pl_node *lists[] = {&c->wire->calls, &c->wire->past};
  for (size_t i = 0; i < 2; i++)
    for (pl_node *n = lists[i]->next; n != lists[i]; n = n->next) {
      sim_wire_link *link = PL_CONTAINER(n, sim_wire_link, node);
      if (link->expected != c) continue;
      link->expected = NULL;
      link->must = false;
    }
}

/* ---- OPEN and CLAIM come ----------------------------------------------------------------------------------------- */

/* Returns false when the number is one that the relay refuses. */
static bool number_is_good(sim_wire_conn *c, uint32_t number) {
  bool good = !pl_link_number_relay_side(number) && pl_link_number_generation(number) != 0 &&
              pl_link_number_slot(number) < sim_wire_setting(c->wire, PL_RELAY_SET_LINK_SLOTS);
  const sim_wire_end *before = sim_wire_find_slot(c, number);
  if (!c->k->hostile_peer && (!good || (before && sim_wire_end_is_open(before))))
    sim_wire_blame(c->wire, "a client calls with the number %x", (unsigned)number);
  return good;
}

/* Whether the relay still had the last link of this slot when a hostile client called again is not seen. */
static void doubt_slot(sim_wire_conn *c, sim_wire_link *link, uint32_t number) {
  sim_wire_end *before = sim_wire_find_slot(c, number);
  if (!before || !(sim_wire_end_is_open(before) || (c->k->hostile_peer && sim_wire_link_of(before)->hazy))) return;
  c->reset_us = c->wire->world->now_us; /* that link may end now */
  sim_wire_link_of(before)->hazy = link->hazy = true;
  if (before->number == number) sim_wire_link_of(before)->broken = link->broken = true;
}

static sim_wire_link *link_new(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  sim_wire_link *link = calloc(1, sizeof *link);
  if (!link) abort();
  link->wire = o;
  link->end[SIM_WIRE_CALLEE].side = SIM_WIRE_CALLEE;
  link->arrived_us = o->world->now_us;
  link->deadline_ms = sim_wire_now_ms(o) + sim_wire_setting(o, PL_RELAY_SET_OPEN_TIMEOUT_MS);
  link->claim = e->type == PL_ENV_CLAIM;
  link->mends = o->bus_mends;
  link->hazy = sim_wire_may_have_ended(c);
  memcpy(link->caller_id, c->id, 32);
  memcpy(link->caller_instance, c->instance, 8);
  pl_list_init(&link->node);
  list(link, &o->calls);
  doubt_slot(c, link, e->link);
  sim_wire_attach(c, link, SIM_WIRE_CALLER, e->link);
  return link;
}

static void open_arrives(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  pl_wire_open open;
  if (pl_wire_open_decode(&open, e->payload.data, e->payload.size) != 0 || !number_is_good(c, e->link)) return;
  sim_wire_link *link = link_new(c, e);
  link->handshake = sim_wire_hash(open.handshake.data, open.handshake.size);
  memcpy(link->target, open.target_id, 32);
  memcpy(link->target_instance, open.target_instance, 8);
  link->blocked = sim_wire_lists(o, link->target, c->id, PL_CONST_PEERS_BLOCK, c->worker, true);
  link->blocked_maybe = sim_wire_lists(o, link->target, c->id, PL_CONST_PEERS_BLOCK, c->worker, false);
  sim_wire_budget_open(c, link);
  sim_wire_conn *newest = newest_for(link, o);
  link->waits = !newest && sim_wire_bus_idle(o); /* else a worker may have been asked that no longer has it */
  if (newest && !link->blocked_maybe) expect(link, newest);
}

static void claim_arrives(sim_wire_conn *c, const pl_envelope *e) {
  pl_wire_claim claim;
  if (pl_wire_claim_decode(&claim, e->payload.data, e->payload.size) != 0 || !number_is_good(c, e->link)) return;
  sim_wire_link *link = link_new(c, e);
  link->handshake = sim_wire_hash(e->payload.data, e->payload.size);
  sim_wire_code_claimed(c, link, claim.number);
  sim_wire_budget_claim(c, link);
  if (!link->code_lives) sim_wire_budget_missed(c, false);
}

void sim_wire_call_arrives(sim_wire_conn *c, const pl_envelope *e) {
  if (e->type == PL_ENV_OPEN)
    open_arrives(c, e);
  else
    claim_arrives(c, e);
}

/* ---- OFFER and CLAIM are written --------------------------------------------------------------------------------- */

typedef struct offer {
  const uint8_t *id, *instance; /* of the caller; NULL: a CLAIM does not say */
  uint64_t handshake;
} offer;

static bool is_offered(const sim_wire_link *link, const offer *of) {
  return link->handshake == of->handshake && link->claim == !of->id &&
         (link->claim ||
          (memcmp(link->caller_id, of->id, 32) == 0 && memcmp(link->caller_instance, of->instance, 8) == 0));
}

static sim_wire_link *find_in(const pl_node *head, const offer *of, const sim_wire_conn *c) {
  sim_wire_link *found = NULL;
  for (pl_node *n = head->next; n != head; n = n->next) {
    sim_wire_link *link = PL_CONTAINER(n, sim_wire_link, node);
    if (!is_offered(link, of)) continue;
    found = link; /* the same message 1 may have been sent twice */
    if (!link->end[SIM_WIRE_CALLEE].was_there && is_for(link, c)) return link;
  }
  return found;
}

static void check_number(sim_wire_conn *c, uint32_t number) {
  sim_wire_end *before = sim_wire_find_slot(c, number);
  uint32_t last = before ? pl_link_number_generation(before->number) : 0,
           next = last < PL_CONST_LINK_GENERATION_MAX ? last + 1 : 1;
  if (!pl_link_number_relay_side(number) ||
      pl_link_number_slot(number) >= sim_wire_setting(c->wire, PL_RELAY_SET_LINK_SLOTS) ||
      pl_link_number_generation(number) != next)
    sim_wire_blame(c->wire, "the relay numbers a link %x", (unsigned)number);
  else if (before && sim_wire_end_is_open(before))
    sim_wire_blame(c->wire, "the relay gives link %x a slot that is taken", (unsigned)number);
}

static void check_target(const sim_wire_link *link, const sim_wire_conn *c) {
  sim_wire *o = c->wire;
  const sim_wire_conn *expected = link->expected;
  if (!is_for(link, c) && !link->any_target)
    sim_wire_blame(o, "a call is offered to a socket that it is not for");
  else if (link->claim && link->code_over)
    sim_wire_blame(o, "a claim of a code that is over is offered");
  else if (link->blocked && !c->k->hostile_peer) /* an attacker's list may be over its limit */
    sim_wire_blame(o, "a call of a blocked ID is offered");
  else if (link->must_rate)
    sim_wire_blame(o, "a call is offered that no budget covers");
  else if (expected && !link->hazy && expected != c && !(link->crosses && c->k->hostile_peer) &&
           sim_wire_present(expected) && !sim_wire_was_blocked(expected, link->arrived_us))
    sim_wire_blame(o, "a call is offered to another socket than the newest that listens");
}

/* The relay offered a call that is over, since the OFFER was on its way. */
static void offered_late(sim_wire_link *link, sim_wire_conn *c) {
  sim_wire_end *caller = &link->end[SIM_WIRE_CALLER], *callee = &link->end[SIM_WIRE_CALLEE];
  if (!link->crosses && !link->hazy && !sim_wire_was_blocked(c, link->arrived_us) &&
      link->over_us < c->wire->world->now_us)
    sim_wire_blame(c->wire, "a call is offered that has ended");
  if (link->hazy) callee->drops = true;
  if (link->reset_size)
    sim_wire_journal_repeat(&callee->to, PL_ENV_RESET, link->reset_hash, link->reset_size);
  else if (!link->hazy)
    sim_wire_owes(callee, caller->conn && !caller->conn->ended ? PL_REASON_TIMEOUT : PL_REASON_GONE);
  c->unsettled = true;
}

/* Stands for a call that was forgotten, or for one of those that an attacker made with the same handshake. */
static sim_wire_link *unknown_call(sim_wire_conn *c, bool repeated) {
  sim_wire_link *link = calloc(1, sizeof *link);
  if (!link) abort();
  if (!c->wire->forgot_calls && !repeated)
    sim_wire_blame(c->wire, "a call is offered that nobody made, or that was changed");
  link->wire = c->wire;
  link->end[SIM_WIRE_CALLEE].side = SIM_WIRE_CALLEE;
  link->hazy = link->hostile = link->past = link->over = true;
  pl_list_init(&link->node);
  return link;
}

static void offered(sim_wire_conn *c, uint32_t number, const offer *of) {
  sim_wire *o = c->wire;
  sim_wire_link *link = find_in(&o->calls, of, c);
  if (!link) link = find_in(&o->past, of, c);
  check_number(c, number);
  bool repeated = link && link->end[SIM_WIRE_CALLEE].was_there && link->hostile; /* which call this is, is not known */
  if (repeated) link = NULL;
  if (link && link->end[SIM_WIRE_CALLEE].was_there) {
    sim_wire_blame(o, "a call is offered twice");
    return;
  }
  bool known = link;
  if (!known) link = unknown_call(c, repeated);
  link->crosses = link->end[SIM_WIRE_CALLER].was_there && link->end[SIM_WIRE_CALLER].worker != c->worker;
  link->hazy |= link->crosses && (o->bus_mends || link->mends); /* a START may have ended it */
  sim_wire_attach(c, link, SIM_WIRE_CALLEE, number);
  if (!known) return;
  check_target(link, c);
  link->must = false;
  sim_wire_budget_offered(c, link);
  if (!link->over) return;
  offered_late(link, c);
  unlist(link);
}

void sim_wire_call_offered(sim_wire_conn *c, const pl_envelope *e) {
  pl_wire_offer o;
  if (e->type == PL_ENV_CLAIM) {
    offered(c, e->link, &(offer){NULL, NULL, sim_wire_hash(e->payload.data, e->payload.size)});
  } else if (pl_wire_offer_decode(&o, e->payload.data, e->payload.size) != 0) {
    sim_wire_blame(c->wire, "the relay writes an OFFER that does not decode");
  } else {
    offered(c, e->link, &(offer){o.caller_id, o.caller_instance, sim_wire_hash(o.handshake.data, o.handshake.size)});
  }
}

/* ---- at the end of a turn ---------------------------------------------------------------------------------------- */

static void check_offer(sim_wire_link *link, unsigned worker) {
  const sim_wire_conn *caller = link->end[SIM_WIRE_CALLER].conn, *callee = link->expected;
  sim_wire *o = link->wire;
  if (!caller || caller->ended || link->refused || link->hazy || !sim_wire_end_is_open(&link->end[SIM_WIRE_CALLER]))
    return;
  if (link->must_rate && link->arrived_us == o->world->now_us && caller->worker == worker && !sim_wire_blocked(caller))
    sim_wire_blame(o, "a call is let through that no budget covers");
  if (!callee || link->end[SIM_WIRE_CALLEE].was_there || callee->worker != worker || !sim_wire_present(callee)) return;
  bool on_its_way = caller->worker != worker && !sim_wire_bus_idle(o);
  if (!link->must && on_its_way) return;
  link->must &= slots_used(callee) < sim_wire_setting(o, PL_RELAY_SET_LINK_SLOTS) &&
                !sim_wire_was_blocked(callee, link->arrived_us) && !sim_wire_was_blocked(caller, link->arrived_us);
  /* What came with the OPEN may have made room only after it. */
  link->must &= caller->reset_us != link->arrived_us;
  if (!link->must) {
    link->expected = NULL; /* it waits for the next socket that logs in */
    return;
  }
  if (sim_wire_now_ms(o) >= link->deadline_ms || on_its_way) return;
  sim_wire_blame(o, "a call is not offered, though its callee is there");
}

static void time_out(sim_wire_link *link) {
  sim_wire_end *callee = &link->end[SIM_WIRE_CALLEE];
  sim_wire_owes(&link->end[SIM_WIRE_CALLER], PL_REASON_UNAVAILABLE);
  if (!link->refused && callee->was_there) sim_wire_owes(callee, PL_REASON_TIMEOUT);
  sim_wire_link_over(link);
}

void sim_wire_calls_turn(sim_wire *o, unsigned worker) {
  uint64_t now_ms = sim_wire_now_ms(o);
  for (pl_node *n = o->calls.next, *next; n != &o->calls; n = next) {
    next = n->next;
    sim_wire_link *link = PL_CONTAINER(n, sim_wire_link, node);
    if (o->doubt) continue; /* it may be late */
    check_offer(link, worker);
    if (now_ms <= link->deadline_ms || link->end[SIM_WIRE_CALLER].worker != worker) continue;
    if (!link->accepted) time_out(link);
    if (!link->end[SIM_WIRE_CALLER].conn && !link->end[SIM_WIRE_CALLEE].conn && !link->past)
      sim_wire_call_forget(link);
    else
      sim_wire_call_free(link);
  }
}
