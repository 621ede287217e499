/* Calls from others: whom to accept, and whom to let wait (docs/protocol.md, sections 6 and 7). */
#ifndef PL_ENGINE_OFFER_H
#define PL_ENGINE_OFFER_H

#include "engine_state.h"

/* Returns 0, or a reason to end the connection. */
int pl_engine_offer_came(pl_engine *e, uint32_t number, pl_view payload);
void pl_engine_offer_accept(pl_engine *e, pl_engine_link *l);

/* Both return NULL when no call of this session's peer waits: parked behind a call of this side, or as a knock. */
pl_engine_link *pl_engine_offer_parked(pl_engine *e, const pl_engine_session *s);
pl_engine_link *pl_engine_offer_waiting(pl_engine *e, const pl_engine_session *s);

/* Returns the session that a call belongs to: by ID and instance, else the one that calls any instance of the ID, else
 * NULL. `epoch` is the caller's, 0 while unknown; it tells a session that is over, or ending, from the next one. */
pl_engine_session *pl_engine_offer_session(pl_engine *e, const pl_engine_link *l, uint64_t epoch);

bool pl_engine_side_is_smaller(const pl_engine *e, const uint8_t id[32], const uint8_t instance[8]);

#endif
