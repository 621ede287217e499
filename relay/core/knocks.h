/* Who may call whom, and how often (docs/protocol.md, section 4, "Knocks and friends"): pairs that were linked before,
 * the lists of PEERS, and the budgets of knocks. Memory is fixed or bounded. */
#ifndef PL_RELAY_KNOCKS_H
#define PL_RELAY_KNOCKS_H

#include "router.h"

typedef enum pl_relay_call {
  PL_RELAY_CALL_FRIEND,   /* linked before, allowed, or the same ID */
  PL_RELAY_CALL_KNOCK,    /* a stranger within its budgets, which were charged */
  PL_RELAY_CALL_NEWCOMER, /* the same, and its address has not knocked at this target in the last minute */
  PL_RELAY_CALL_UNSEEN,   /* not passed on; ends with UNAVAILABLE at its deadline */
  PL_RELAY_CALL_TOO_MANY  /* refused with RATE */
} pl_relay_call;

/* Judges an OPEN of this socket, and charges the budgets of knocks if it is a stranger's. */
pl_relay_call pl_relay_call_judge(pl_relay_conn *caller, const uint8_t target[32], uint64_t now_ms) PL_MUST_USE;
/* Returns true when a socket of the callee blocks this caller. */
bool pl_relay_call_blocked(const pl_relay *relay, const uint8_t caller[32],
                           const pl_relay_presence *callee) PL_MUST_USE;
/* Handles PEERS of a client. Returns 0, or the reason to refuse the connection. */
int pl_relay_peers_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) PL_MUST_USE;

/* Return how many of KNOCKS_PER_CALLEE one caller, or one address, may use. */
uint32_t pl_relay_knocks_of_caller(const uint32_t settings[PL_RELAY_SETTINGS]);
uint32_t pl_relay_knocks_of_address(const uint32_t settings[PL_RELAY_SETTINGS]);

int pl_relay_pairs_init(pl_relay_pairs *pairs) PL_MUST_USE;
void pl_relay_pairs_deinit(pl_relay_pairs *pairs);
/* Remembers that these two were linked, and tells the shell of a new pair. */
void pl_relay_pairs_remember(pl_relay *relay, const uint8_t a[32], const uint8_t b[32], uint64_t now_ms);

#endif
