/* What the relay promises, seen from inside: after each turn of a worker its tables, lists, counters and timers must
 * agree with each other and with the shell, and when all clients have gone it must be empty. The checks read the
 * structures of relay/core; they change nothing and draw no random numbers. docs/simulator.md lists the rules. */
#ifndef PL_SIM_INSIDE_H
#define PL_SIM_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_relay_conn;
struct sim_relay;
struct sim_worker;

enum { SIM_INSIDE_OFFERS = 64, SIM_INSIDE_CODES = 32, SIM_INSIDE_PAYERS = 4 };

/* A link of a socket: a call that stands there, or at another worker that was asked to offer it. */
typedef struct sim_inside_offer {
  uint64_t callee; /* number of the socket's connection; UINT64_MAX - W: worker W */
  uint32_t number; /* of its link there */
} sim_inside_offer;

/* The number of a code that a client had while it was on this connection. */
typedef struct sim_inside_code {
  uint32_t number;
  uint64_t conn;
  uint64_t expires_ms; /* a later code may get the same number */
} sim_inside_code;

/* What is remembered of a worker from one turn to the next. */
typedef struct sim_inside {
  uint64_t shape; /* a sum that changes with its sockets, links, IDs and nameplates */
  uint64_t turns;
  /* counted when everything was looked at last */
  uint64_t walked_us, links, generation, remote_generation;
  size_t offer_count;
  sim_inside_offer offers[SIM_INSIDE_OFFERS];
  size_t payer_count;
  sim_inside_offer payers[SIM_INSIDE_PAYERS]; /* queues that must be given up in this turn */
  size_t code_count;
  sim_inside_code codes[SIM_INSIDE_CODES]; /* the newest ones */
} sim_inside;

/* Call this at the end of each turn of a worker. */
void sim_inside_turn(struct sim_worker *v);
/* Call this when the relay has started: it must be empty. */
void sim_inside_started(struct sim_relay *r);
/* Call this when the relay logs an event, before it acts on it. */
void sim_inside_log(struct sim_worker *v, const struct pl_relay_conn *conn, const char *event, const char *detail);
/* Returns how long the relay may need until it is empty, once no client does anything any more. */
uint64_t sim_inside_patience_ms(const struct sim_relay *r);
/* Call this when that time has passed: everything must be gone. */
void sim_inside_end(struct sim_relay *r);

#endif
