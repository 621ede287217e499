/* Whom the user allows and blocks, what the relay knows of that, and the strangers that asked (docs/protocol.md,
 * section 7). What follows from a decision is in engine_strangers.h. */
#ifndef PL_ENGINE_PEERS_H
#define PL_ENGINE_PEERS_H

#include "engine_state.h"

pl_engine_decision pl_engine_peer_decision(const pl_engine *e, const uint8_t id[32]);
bool pl_engine_peer_is_welcome(const pl_engine *e, const uint8_t id[32]); /* needs no invite */
bool pl_engine_peer_is_blocked(const pl_engine *e, const uint8_t id[32]);

/* Notes a decision, in place of the one before, and tells the relay what that changes in its lists. Of those that are
 * ignored or refused it forgets the oldest beyond 1,024. Returns 0, or PL_ENOMEM, with nothing changed, when room or
 * memory ran out. */
int pl_engine_peer_decide(pl_engine *e, const uint8_t id[32], pl_engine_decision decision) PL_MUST_USE;

/* Takes back that an ID is ignored or refused: it was let in by other means. */
void pl_engine_peer_readmit(pl_engine *e, const uint8_t id[32]);

void pl_engine_peers_deinit(pl_engine *e);

/* Tells the relay both lists; call it after login. Its copy only spares this side calls that it would not answer. */
void pl_engine_peers_tell_all(pl_engine *e);

/* Reports the knock when it is new, unless the caller is ignored. */
void pl_engine_knock_add(pl_engine *e, const pl_engine_link *l);
pl_engine_knock *pl_engine_knock_find(pl_engine *e, const uint8_t id[32]);

#endif
