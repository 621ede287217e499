/* See sim_inside.h: the links of a worker. A link is found through its halves, and each half through the slot of its
 * number; the queues of halves are counted byte by byte now and then. */
#include <string.h>

#include "relay/core/bus.h"
#include "relay/core/keys.h"
#include "relay/core/nameplates.h"
#include "relay/core/peers.h"
#include "relay/core/router.h"
#include "relay/core/slots.h"
#include "sim_inside_walk.h"

enum { COST_MIN = 24 /* of an envelope in the window of its link */ };

/* ---- queues ------------------------------------------------------------------------------------------------------ */

/* Counts what the window, the budgets and the dropping of volatile envelopes go by. */
static void walk_envelopes(const sim_walk *x, const pl_relay_queue *q) {
  size_t cost = 0, memory = 0, drops = 0;
  bool scanned = q->scan; /* what lies here was looked at already for something to drop */
  for (const pl_relay_chunk *chunk = q->head; chunk; chunk = chunk->next) {
    sim_must(x, chunk->start < chunk->end && chunk->end <= chunk->capacity, "a queue keeps a chunk that is empty");
    sim_must(x, chunk->next || chunk == q->tail, "the end of a queue is somewhere else");
    memory += sizeof *chunk + chunk->capacity;
    for (uint32_t at = chunk->start; at < chunk->end;) {
      const uint8_t *envelope = chunk->bytes + at;
      size_t size = pl_relay_envelope_size(envelope), payload = size - PL_RELAY_HEADER;
      if (chunk == q->scan && at >= q->scan_at) scanned = false;
      cost += envelope[0] == 0 ? 0 : payload > COST_MIN ? payload : COST_MIN;
      bool drop = envelope[0] == PL_ENV_DATA && envelope[1] & PL_CONST_ENVELOPE_FLAG_VOLATILE;
      sim_must(x, !drop || !scanned, "a volatile envelope is not found when room is needed");
      drops += drop;
      at += (uint32_t)size;
      sim_must(x, at <= chunk->end, "an envelope in a queue is cut off");
    }
    if (chunk == q->scan) scanned = false;
  }
  sim_must(x, !scanned, "a queue looks for volatile envelopes in a chunk that has gone");
  sim_must(x, q->cost == cost, "a link's window is not used as much as is counted");
  sim_must(x, q->memory == memory, "a queue does not hold as much as is counted");
  sim_must(x, q->volatile_count == drops, "the volatile envelopes of a queue are not as many as are counted");
}

static void walk_queue(const sim_walk *x, const pl_relay_half *half, sim_walk_links *sums) {
  const pl_relay_queue *q = half->queue;
  bool waits = q->head;
  sim_must(x, sim_listed(&q->turn) == waits && sim_listed(&q->all) == waits,
           "an empty queue is listed, or a full one is not");
  sim_must(x, waits == (q->memory > 0) && waits == (q->tail != NULL), "an empty queue holds memory");
  if (!waits) sim_must(x, q->cost == 0 && q->volatile_count == 0, "an empty queue uses its window");
  if (waits && x->deep) walk_envelopes(x, q);
  sums->queued += q->memory;
  sums->queues += waits;
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* A call that is not decided: its target counts it, and what its OFFER needs is kept until it was sent. */
static void walk_offered(sim_walk *x, const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn, *callee = link->half[PL_RELAY_CALLEE].conn;
  bool waits = sim_listed(&link->waiting), asked = callee && sim_on_bus(callee);
  sim_must(x, caller, "a call has no caller");
  sim_must(x, waits == (link->handshake != NULL), "a call keeps its handshake though it does not wait, or has lost it");
  sim_must(x, !callee || asked || !waits, "a call waits though it was offered");
  sim_must(x, callee || waits || !link->target || x->forgets, "a call that was not offered does not wait");
  sim_must(x, !callee || link->target, "a call was offered that no ID counts");
  sim_must(x, !link->from_bus || (callee && !asked && sim_on_bus(caller)),
           "a call of another worker is not offered here");
  sim_must(x, caller != callee, "a call was offered to its own caller");
}

static void walk_undecided(sim_walk *x, const pl_relay_link *link) {
  uint64_t timeout_ms = sim_set(x, PL_RELAY_SET_OPEN_TIMEOUT_MS);
  bool timed = !link->from_bus;
  sim_must(x, sim_listed(&link->timed) == timed, "a call has no deadline, or two");
  if (!timed) return;
  sim_must(x, link->deadline_ms >= x->now_ms || x->stands, "a call is not answered by its deadline");
  sim_must(x, link->deadline_ms <= x->now_ms + timeout_ms, "a call has more time than it may have");
  if (link->deadline_ms < x->due_ms) x->due_ms = link->deadline_ms;
  x->timed++;
}

static void walk_decided(const sim_walk *x, const pl_relay_link *link) {
  sim_must(x, !link->target, "a call is decided, and its target still counts it");
  sim_must(x, !link->handshake && !sim_listed(&link->waiting), "a call is decided, and still waits");
}

/* Notes a call that stands at a socket or was asked for at another worker. */
static void note_offer(sim_walk *x, const pl_relay_link *link) {
  const pl_relay_half *half = &link->half[PL_RELAY_CALLEE];
  if (!half->conn || x->offer_count == SIM_INSIDE_OFFERS) return;
  uint64_t callee = half->conn->number;
  if (sim_on_bus(half->conn)) callee = UINT64_MAX - sim_node_of(x, half->conn);
  x->offers[x->offer_count++] = (sim_walk_offer){{callee, half->number}, link};
}

static void walk_link(sim_walk *x, const pl_relay_link *link) {
  const pl_relay_conn *caller = link->half[PL_RELAY_CALLER].conn, *callee = link->half[PL_RELAY_CALLEE].conn;
  sim_must(x, !caller || sim_on_bus(caller) == link->from_bus, "a link has its caller somewhere else");
  x->links += !link->from_bus;
  x->targets += link->target != NULL;
  x->knocks += link->target && link->knock;
  x->claims += link->target && link->claim;
  x->waiting += sim_listed(&link->waiting);
  switch ((pl_relay_link_state)link->state) {
    case PL_RELAY_LINK_OFFERED:
      walk_undecided(x, link);
      walk_offered(x, link);
      note_offer(x, link);
      return;
    case PL_RELAY_LINK_REFUSED:
      walk_undecided(x, link);
      walk_decided(x, link);
      sim_must(x, caller && !callee && !link->from_bus, "a call that was refused still has its callee");
      return;
    case PL_RELAY_LINK_LINKED:
      walk_decided(x, link);
      sim_must(x, caller && callee, "a link has one half only");
      sim_walk_pair(x, link);
      break;
    case PL_RELAY_LINK_ENDED:
      walk_decided(x, link);
      break;
    default:
      sim_inside_fail(x, "a link has no state");
  }
  sim_must(x, !sim_listed(&link->timed), "a call is decided, and still has a deadline");
}

static void walk_half(sim_walk *x, pl_relay_half *half, sim_walk_links *sums) {
  const pl_relay_link *link = PL_CONTAINER(half - half->side, pl_relay_link, half);
  bool ended = link->state == PL_RELAY_LINK_ENDED;
  walk_queue(x, half, sums);
  x->ended += ended;
  sim_must(x, half->ending == ended, "half of a link has ended, or is kept after the end");
  sim_must(x, !ended || half->queue->head, "half of a link is kept though nothing of it waits");
  sim_must(x, half->queue->head == NULL || ended || link->state == PL_RELAY_LINK_LINKED, "data waits on a call");
  if (half->side == PL_RELAY_CALLER && link->handshake) sums->handshakes += link->handshake_size;
  if (half->side == PL_RELAY_CALLER || !link->half[PL_RELAY_CALLER].conn) walk_link(x, link);
}

static uint32_t slots_limit(const sim_walk *x, const pl_relay_conn *conn) {
  return sim_on_bus(conn) ? PL_RELAY_BUS_SLOTS : (uint32_t)sim_set(x, PL_RELAY_SET_LINK_SLOTS);
}

/* Returns the first slot from `i` on that is taken, or the number of slots. Most are free. */
static uint32_t next_taken(const pl_relay_slots *slots, uint32_t i) {
  const pl_relay_slot *at = slots->at;
  while (i + 4 <= slots->count && !at[i].half && !at[i + 1].half && !at[i + 2].half && !at[i + 3].half) i += 4;
  while (i < slots->count && !at[i].half) i++;
  return i;
}

sim_walk_links sim_walk_conn_links(sim_walk *x, pl_relay_conn *conn) {
  sim_walk_links sums = {0};
  for (uint32_t side = 0; side < 2; side++) {
    const pl_relay_slots *slots = &conn->slots[side];
    sim_must(x, slots->count <= slots_limit(x, conn), "a socket has more slots than it may have");
    for (uint32_t i = 0;; i++) {
      uint32_t free = i;
      i = next_taken(slots, i);
      if (side && i != free) sim_must(x, free >= conn->next_slot, "a slot that is free counts as taken");
      if (i == slots->count) break;
      pl_relay_half *half = slots->at[i].half;
      sim_must(x, half->conn == conn && half->number == slots->at[i].number, "a slot has half of another link");
      sim_must(x, half->number >> 31 == side && (half->number & 0xffff) == i,
               "a link is in the slot of another number");
      walk_half(x, half, &sums);
    }
  }
  return sums;
}
