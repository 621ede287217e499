/* A siege: in some worlds with attackers these keep to one socket of theirs, the *sink*, which reads only now and then.
 * They fill several links to it with volatile and other data at once, call it with large handshakes, and ask two
 * workers for one number at the same moment. So queues fill, and what does not fit is dropped, refused or paid for. */
#ifndef PL_SIM_SIEGE_H
#define PL_SIM_SIEGE_H

#include "sim_greedy.h"

void sim_siege_init(sim_greedy *g);              /* decides whether there is one */
bool sim_siege_act(sim_greedy *g, int attacker); /* returns false when the attacker does something else */

#endif
