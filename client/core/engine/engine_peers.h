/* Whom the user allows and blocks, what the relay knows of that, and the strangers that asked (docs/protocol.md,
 * section 7). What follows from a decision is in engine_strangers.h. */
#ifndef PL_ENGINE_PEERS_H
#define PL_ENGINE_PEERS_H

#include "engine_state.h"

/* Returns NULL when the ID is neither allowed nor blocked. */
pl_engine_peer *pl_engine_peer_find(const pl_engine *e, const uint8_t id[32]);
pl_engine_peer *pl_engine_peer_add(pl_engine *e, const uint8_t id[32]); /* NULL when room or memory ran out */
void pl_engine_peers_deinit(pl_engine *e);
bool pl_engine_peer_is_welcome(const pl_engine *e, const uint8_t id[32]); /* needs no invite */
bool pl_engine_peer_is_blocked(const pl_engine *e, const uint8_t id[32]);

/* Tells the relay of one change. The relay's copy of the lists only spares this side calls that it would not answer. */
void pl_engine_peer_tell(pl_engine *e, uint8_t op, const uint8_t id[32]);
void pl_engine_peers_tell_all(pl_engine *e); /* call it after login */

void pl_engine_knock_add(pl_engine *e, const pl_engine_link *l); /* reports the knock when it is new */
pl_engine_knock *pl_engine_knock_find(pl_engine *e, const uint8_t id[32]);

#endif
