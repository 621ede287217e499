/* With whom a session of a client is (docs/protocol.md, "Both call at once"): with one ID and instance from its first
 * link on, on all its links. */
#ifndef PL_SIM_WHOM_H
#define PL_SIM_WHOM_H

#include "sim_promises.h"

void sim_whom_check_links(const sim_client *c);
void sim_whom_check_session(const sim_client *c, const pl_engine_session *s, sim_session_seen *seen);

#endif
