/* Nameplates: the numbers of pairing codes (docs/protocol.md, section 7, "Codes"). A nameplate belongs to an ID and an
 * instance, whether its socket is connected or not. All workers know all nameplates: the worker that gave a number out
 * tells the others, and tells them again after a loss. A worker draws only numbers that are its own modulo the number
 * of workers, so two workers never draw the same number. */
#ifndef PL_RELAY_NAMEPLATES_H
#define PL_RELAY_NAMEPLATES_H

#include "router.h"

struct pl_relay_nameplate {
  pl_relay_nameplate *next; /* in its bucket */
  pl_node same_owner, due;  /* in the lists of its owner, and of the wheel */
  pl_relay_presence *owner; /* exists at least as long as its nameplates */
  uint8_t instance[8];
  uint64_t expires_ms;
  uint32_t number;
  uint8_t node; /* the worker that gave it out; of two, the one with the lower number */
  bool ours;    /* this worker gave it out, perhaps another one, too */
};

int pl_relay_nameplates_init(pl_relay *relay) PL_MUST_USE;
void pl_relay_nameplates_deinit(pl_relay *relay);
/* Frees those that have expired; does nothing before the deadline. */
void pl_relay_nameplates_time(pl_relay *relay, uint64_t now_ms);
uint64_t pl_relay_nameplates_deadline(const pl_relay *relay);

/* Handles CODE of a client. Returns 0, or the reason to refuse the connection. */
int pl_relay_nameplates_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) PL_MUST_USE;
/* Returns NULL when there is no nameplate of this number, or it has expired. */
pl_relay_nameplate *pl_relay_nameplates_find(pl_relay *relay, uint32_t number, uint64_t now_ms) PL_MUST_USE;
/* Charges this client's address for one CLAIM. Returns false when it makes too many, or too many that miss. */
bool pl_relay_nameplates_may_claim(pl_relay_conn *claimer, uint64_t now_ms) PL_MUST_USE;
/* Charges the client's address for a CLAIM that hit no nameplate. */
void pl_relay_nameplates_missed(pl_relay_conn *claimer, uint64_t now_ms);

/* ---- what workers tell each other; bodies are PL_RELAY_BUS_CODE_BYTES -------------------------------------------- */
/* Handles CODE or CODE_END of another worker. */
void pl_relay_nameplates_from_bus(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms);
/* Drops all nameplates that this worker gave out. */
void pl_relay_nameplates_drop_node(pl_relay *relay, uint8_t node);
/* Tells this worker all nameplates that our own worker gave out. */
void pl_relay_nameplates_tell_node(pl_relay *relay, pl_relay_bus_node *node);

#endif
