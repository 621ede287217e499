/* Worlds in which a client is told to move (GOING_AWAY, docs/protocol.md, section 9) by a relay that stays up, as one
 * does behind which another relay takes over. */
#ifndef PL_SIM_MOVES_H
#define PL_SIM_MOVES_H

#include "sim.h"

void sim_moves_init(sim_world *w);
bool sim_moves_fault(sim_world *w); /* returns true when a client was told to move */

#endif
