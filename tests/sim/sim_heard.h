/* What clients are told in records (docs/protocol.md, section 6), seen as each record is opened: a CLOSE is answered.
 */
#ifndef PL_SIM_HEARD_H
#define PL_SIM_HEARD_H

#include "sim_promises.h"

void sim_heard_begin(sim_client *c); /* this client is about to step, and may open records */
/* Looks at a record that this client opened by the key `opening`. */
void sim_heard_record(const void *opening, pl_view plain);
void sim_heard_check(sim_client *c, const pl_engine_session *s, const sim_session_seen *seen);

#endif
