/* Login at the relay, which proves its identity as well (docs/protocol.md, section 3). */
#ifndef PL_ENGINE_LOGIN_H
#define PL_ENGINE_LOGIN_H

#include "engine_state.h"

void pl_engine_login_set_token(pl_engine *e, const char *token); /* pass NULL or "" for none */

/* Both return 0, or a reason to end the connection. */
int pl_engine_login_hello(pl_engine *e, pl_view payload) PL_MUST_USE;
int pl_engine_login_welcome(pl_engine *e, pl_view payload) PL_MUST_USE;

#endif
