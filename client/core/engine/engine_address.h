/* Where the relay can be reached: at the configured address, and at others that GOING_AWAY named (docs/protocol.md,
 * section 9). An address that answers is kept; after one that does not, the next one is tried. The server at each
 * address must prove that it is the same relay and take the login, so a false address costs one attempt. */
#ifndef PL_ENGINE_ADDRESS_H
#define PL_ENGINE_ADDRESS_H

#include "engine_state.h"

void pl_engine_addresses_take(pl_engine *e, pl_view urls); /* takes those of a GOING_AWAY; tries the first one first */
void pl_engine_addresses_turn(pl_engine *e);               /* turns to the next one: the one in use did not answer */
const char *pl_engine_address(const pl_engine *e);         /* returns NULL for the configured one */
void pl_engine_address_origin(const pl_engine *e, char origin[256]); /* the WHATWG origin of the address in use */

#endif
