/* Opens the records of links and hands them to their sessions. `plain` has room for the opened record. */
#ifndef PL_ENGINE_DATA_H
#define PL_ENGINE_DATA_H

#include "engine_state.h"

/* Handles the first record of an ACCEPTED link, which finds or makes its session. */
void pl_engine_data_first(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain);
/* Handles a record of a link that is UP. */
void pl_engine_data_came(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain);

#endif
