/* Whether the parts of an engine agree: its links, the slots of their numbers, its sessions, codes, invites and knocks.
 * A reference that stays, or a place that is not given back, hurts only when there are many. So each must be right
 * after each step. Reads engines through their internal headers, draws no random numbers and changes nothing. */
#ifndef PL_SIM_ENGINE_H
#define PL_SIM_ENGINE_H

#include "sim.h"

void sim_engine_check(sim_client *c, const pl_engine_event *in);

#endif
