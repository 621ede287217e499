/* Records of links: opened, and handed to their session. plain: room for the opened record. */
#ifndef PL_ENGINE_DATA_H
#define PL_ENGINE_DATA_H

#include "engine_state.h"

/* For an ACCEPTED link: its first record finds the session, or makes it. */
void pl_engine_data_first(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain);
/* For a link that is UP. */
void pl_engine_data_came(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain);

#endif
