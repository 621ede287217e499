/* What follows when the user lets somebody in, or does not: a knock is answered or called back, a call is called off.
 * The functions return 0 or PL_ENOMEM, with nothing changed. */
#ifndef PL_ENGINE_STRANGERS_H
#define PL_ENGINE_STRANGERS_H

#include "engine_state.h"

int pl_engine_peer_allow(pl_engine *e, const uint8_t id[32]) PL_MUST_USE;
int pl_engine_peer_deny(pl_engine *e, const uint8_t id[32]) PL_MUST_USE;
int pl_engine_peer_refuse(pl_engine *e, const uint8_t id[32]) PL_MUST_USE;
int pl_engine_peer_block(pl_engine *e, const uint8_t id[32]) PL_MUST_USE;
int pl_engine_peer_forget(pl_engine *e, const uint8_t id[32]) PL_MUST_USE;
int pl_engine_peer_pair(pl_engine *e, const uint8_t id[32]) PL_MUST_USE; /* let in by a pairing code */

#endif
