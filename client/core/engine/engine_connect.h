/* PL_ENGINE_IN_CONNECT: a session that this side wants. */
#ifndef PL_ENGINE_CONNECT_H
#define PL_ENGINE_CONNECT_H

#include "engine_state.h"

/* *session: its number; it may be one that is there already. Returns 0 or an error, with *session unchanged. */
int pl_engine_connect(pl_engine *e, const pl_engine_target *to, uint32_t *session) PL_MUST_USE;

#endif
