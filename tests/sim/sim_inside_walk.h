/* Shared by the files of sim_inside: one walk through everything that a worker holds. Each part adds up what it finds,
 * and sim_inside.c compares the sums with the relay's own counters. */
#ifndef PL_SIM_INSIDE_WALK_H
#define PL_SIM_INSIDE_WALK_H

#include <string.h>

#include "relay/core/bus.h"
#include "relay/core/link.h"
#include "relay/core/state.h"
#include "sim.h"

/* A call that stands at a socket or was asked for at another worker. */
typedef struct sim_walk_offer {
  sim_inside_offer at;
  const pl_relay_link *link;
} sim_walk_offer;

typedef struct sim_walk {
  sim_worker *v;
  pl_relay *relay;
  uint64_t now_ms, due_ms;
  bool poor;    /* the relay may stand still, or lack memory */
  bool stands;  /* it does stand still, or reads what came meanwhile before it judges: its timers are late */
  bool forgets; /* its allocations fail now and then: what it can do without is left out */
  bool deep;    /* also looks at what costs much: bytes of queues, hashes */
  /* sums */
  uint64_t conns, sockets, ready, held, crowd;
  uint64_t links, timed, queues, queued, ended; /* ended: halves whose RESET waits */
  uint64_t targets, knocks, claims, waiting;    /* by link */
  uint64_t entries;                             /* of lists of peers */
  uint64_t account_entries;                     /* of those of this worker's own sockets */
  uint64_t untold, untold_bits, pending, members;
  uint64_t remote_generation; /* of the newest socket on another worker */
  size_t offer_count;
  sim_walk_offer *offers; /* room for SIM_INSIDE_OFFERS, outside because only those that are used need be set */
} sim_walk;

/* What one connection's links add up to. */
typedef struct sim_walk_links {
  uint64_t queued, queues, handshakes;
} sim_walk_links;

void sim_inside_fail(const sim_walk *x, const char *what) __attribute__((noreturn, cold));

/* Ends the run unless this holds. */
static inline void sim_must(const sim_walk *x, bool holds, const char *what) {
  if (__builtin_expect(!holds, 0)) sim_inside_fail(x, what);
}

static inline bool sim_listed(const pl_node *node) {
  return !pl_list_empty(node);
}

static inline uint64_t sim_length(const pl_node *list) {
  uint64_t n = 0;
  for (const pl_node *at = list->next; at != list; at = at->next) n++;
  return n;
}

/* Returns the index of the first pointer from `i` on that is not NULL, or `count`. Most tables of a worker are almost
 * empty, and are looked through after each turn. */
static inline size_t sim_next_used(const void *table, size_t i, size_t count) {
  const char *at = table;
  uintptr_t one, four[4];
  for (; i + 4 <= count; i += 4) {
    memcpy(four, at + i * sizeof one, sizeof four);
    if (four[0] | four[1] | four[2] | four[3]) break;
  }
  for (; i < count; i++) {
    memcpy(&one, at + i * sizeof one, sizeof one);
    if (one) break;
  }
  return i;
}

/* Returns a setting of the relay. */
static inline uint64_t sim_set(const sim_walk *x, enum pl_relay_setting setting) {
  return x->relay->config.settings[setting];
}

static inline bool sim_on_bus(const pl_relay_conn *conn) {
  return conn->state == PL_RELAY_CONN_BUS;
}

static inline unsigned sim_node_of(const sim_walk *x, const pl_relay_conn *conn) {
  return (unsigned)(PL_CONTAINER(conn, pl_relay_bus_node, conn) - x->relay->nodes);
}

/* sim_inside_links.c: slots, links, queues. */
sim_walk_links sim_walk_conn_links(sim_walk *x, pl_relay_conn *conn);

/* sim_inside_calls.c: to whom calls go. */
void sim_walk_offers(sim_walk *x);
void sim_walk_pair(const sim_walk *x, const pl_relay_link *link);

/* sim_inside_budget.c: the budget of bytes, and who pays when it is full. */
void sim_walk_budget(const sim_walk *x);
void sim_inside_paid(sim_worker *v);

/* sim_inside_names.c: IDs, lists of peers, nameplates. */
void sim_walk_list(sim_walk *x, const pl_relay_peer_list *list);
void sim_walk_presences(sim_walk *x);
void sim_walk_nameplates(sim_walk *x);

/* sim_inside_clients.c: what clients have in flight, and their codes. */
void sim_walk_clients(sim_walk *x);

/* sim_inside_bus.c: what workers know of each other, whenever nothing is on its way between them. */
void sim_walk_bus(sim_walk *x);

#endif
