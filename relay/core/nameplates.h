/* Nameplates: the numbers of pairing codes (docs/protocol.md, section 7, "Codes"). A nameplate belongs to an ID and
 * instance, whether its socket is there or not. All workers know all of them; the one that gave a number out tells the
 * others, also anew after a loss. Numbers that a worker draws are its own modulo the number of workers, so two never
 * draw the same. */
#ifndef PL_RELAY_NAMEPLATES_H
#define PL_RELAY_NAMEPLATES_H

#include "bus.h"

enum {
  PL_RELAY_BUS_CODE_BYTES = 52,  /* number, when it expires, owner's ID and instance; all workers have one clock */
  PL_RELAY_CLAIMS_PER_OWNER = 16 /* undecided CLAIMs towards one ID; more time out */
};

/* In pl_relay_presence.nameplates of its owner, which stays for it. */
struct pl_relay_nameplate {
  pl_relay_nameplate *next; /* in its bucket */
  pl_node same_owner, due;
  pl_relay_presence *owner;
  uint8_t instance[8];
  uint64_t expires_ms;
  uint32_t number;
  uint8_t node; /* the worker that gave it out */
};

int pl_relay_nameplates_init(pl_relay *relay) PL_MUST_USE;
void pl_relay_nameplates_deinit(pl_relay *relay);
void pl_relay_nameplates_time(pl_relay *relay, uint64_t now_ms);
uint64_t pl_relay_nameplates_deadline(const pl_relay *relay);
/* CODE of a client. */
void pl_relay_nameplates_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms);
/* NULL: there is none of this number (any more). */
pl_relay_nameplate *pl_relay_nameplates_find(pl_relay *relay, uint32_t number, uint64_t now_ms);
/* Takes one CLAIM of this client's address. False: too many, or too many that missed. */
bool pl_relay_nameplates_may_claim(pl_relay_conn *claimer, uint64_t now_ms);
void pl_relay_nameplates_missed(pl_relay_conn *claimer, uint64_t now_ms);

/* ---- what workers tell each other; bodies are PL_RELAY_BUS_CODE_BYTES */
void pl_relay_nameplates_from_bus(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms);
void pl_relay_nameplates_drop_node(pl_relay *relay, uint8_t node);
void pl_relay_nameplates_tell_all(pl_relay *relay, pl_relay_bus_node *node); /* those that this worker gave out */

#endif
