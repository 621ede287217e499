/* Steps the engine for API calls and socket events, and queues what it decides for deliver.c. */
#ifndef PL_LIB_STEP_H
#define PL_LIB_STEP_H

#include "client.h"

/* Steps the engine, queues its actions and wakes the dispatching thread. Returns the step's error, or the error with
 * which the client failed; p->failed keeps the latter, so socket callbacks need not look at what this returns. */
int pl_client_step(pairlink *p, const pl_engine_event *event);
/* As above, for the events that give something back: a session, a place or a code. */
int pl_client_step_for(pairlink *p, const pl_engine_event *event, pl_engine_result *result) PL_MUST_USE;
/* Writes the engine's next message; see pl_engine_produce. */
size_t pl_client_produce(pairlink *p, uint8_t *out, size_t capacity);
bool pl_client_has_output(const pairlink *p);

#endif
