/* Where the relay can be reached: at the configured address, and at others that GOING_AWAY named (docs/protocol.md,
 * section 9). An address that answers is kept; one that does not gives way to the next. Whoever is there must prove to
 * be the same relay, so a false address costs one attempt. */
#ifndef PL_ENGINE_ADDRESS_H
#define PL_ENGINE_ADDRESS_H

#include "engine_state.h"

void pl_engine_addresses_take(pl_engine *e, pl_view urls); /* of a GOING_AWAY; the first of them is tried first */
void pl_engine_addresses_turn(pl_engine *e);               /* turns to the next one: the one in use did not answer */
const char *pl_engine_address(const pl_engine *e);         /* returns NULL for the configured one */
void pl_engine_address_origin(const pl_engine *e, char origin[256]); /* the WHATWG origin of the address in use */

#endif
