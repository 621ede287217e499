/* What comes from the relay: which envelope may come in which state, and who handles it. */
#ifndef PL_ENGINE_RECEIVE_H
#define PL_ENGINE_RECEIVE_H

#include "engine_state.h"

/* Takes one whole message of the socket. Returns 0 or PL_ENOMEM; the connection is given up then. */
int pl_engine_receive(pl_engine *e, pl_view message) PL_MUST_USE;

#endif
