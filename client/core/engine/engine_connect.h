/* PL_ENGINE_IN_CONNECT: a session that this side wants. */
#ifndef PL_ENGINE_CONNECT_H
#define PL_ENGINE_CONNECT_H

#include "engine_state.h"

/* Sets *session to the session's number; the session may have existed before. Returns 0, or an error and leaves
 * *session unchanged. */
int pl_engine_connect(pl_engine *e, const pl_engine_target *to, uint32_t *session) PL_MUST_USE;

#endif
