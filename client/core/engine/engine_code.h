/* Pairing codes: what the application asks for, the relay's answers, time. */
#ifndef PL_ENGINE_CODE_H
#define PL_ENGINE_CODE_H

#include "engine_state.h"

/* *handle: of the new code. Return 0 or an error, with *handle unchanged. */
int pl_engine_code_new(pl_engine *e, uint32_t lifetime_ms, uint32_t *handle) PL_MUST_USE;
int pl_engine_code_use(pl_engine *e, pl_view text, uint32_t *handle) PL_MUST_USE;
void pl_engine_code_cancel(pl_engine *e, uint32_t handle);

int pl_engine_code_answer_came(pl_engine *e, pl_view payload); /* CODE; 0, or a reason to end the connection */
void pl_engine_code_online(pl_engine *e);                      /* after login */
void pl_engine_code_stop(pl_engine *e);                        /* ends all of them */
void pl_engine_code_time(pl_engine *e);

#endif
