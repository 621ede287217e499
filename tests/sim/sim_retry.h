/* How patiently clients try again (docs/protocol.md, "Reconnect" and "Who dials again"): each wait has the bound that
 * belongs to the tries before it, its random part is not too short, it is kept to the millisecond, and no second socket
 * is opened beside a first. A client that is told to move does so in time. */
#ifndef PL_SIM_RETRY_H
#define PL_SIM_RETRY_H

#include "sim_promises.h"

typedef struct sim_retry_call {
  uint32_t session, link; /* a call that waited for its answer before the step; 0: none */
  uint32_t current;       /* the link on which the session sends */
  unsigned failures;      /* its calls in a row that failed, as far as this was seen */
} sim_retry_call;

typedef struct sim_retry_client {
  int life;
  unsigned failures;          /* connections in a row that were of no use */
  uint64_t since_ms, wait_ms; /* since when; until when it waits; PL_NEVER: it does not */
  uint64_t online_ms;
  bool socket;                /* it has one, or opens one */
  bool carried;               /* a peer's record opened over this connection */
  uint64_t told_ms, delay_ms; /* GOING_AWAY came, with this delay; told_ms is PL_NEVER when none came */
  sim_retry_call calls[SIM_SEEN_SESSIONS];
} sim_retry_client;

struct sim_retry {
  sim_retry_client clients[SIM_CLIENTS];
  double connects, calls; /* how much shorter than chance has it the waits were; see sim_retry.c */
};

void sim_retry_init(sim_world *w);
void sim_retry_free(sim_world *w);
void sim_retry_carried(sim_client *c); /* a peer's record opened */
void sim_retry_before(sim_client *c);
void sim_retry_after(sim_client *c, const pl_engine_event *in, const pl_engine_result *out);

#endif
