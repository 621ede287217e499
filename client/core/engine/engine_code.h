/* Pairing codes: what the application asks for, the relay's answers, time. */
#ifndef PL_ENGINE_CODE_H
#define PL_ENGINE_CODE_H

#include "engine_state.h"

/* The first two set *handle to the new code's. They return 0, or an error and leave *handle unchanged. */
int pl_engine_code_new(pl_engine *e, uint32_t lifetime_ms, uint32_t *handle) PL_MUST_USE;
int pl_engine_code_use(pl_engine *e, pl_view text, uint32_t *handle) PL_MUST_USE;
void pl_engine_code_cancel(pl_engine *e, uint32_t handle);

int pl_engine_code_answer_came(pl_engine *e, pl_view payload); /* CODE; returns 0, or a reason to end the connection */
void pl_engine_code_online(pl_engine *e);                      /* call it after login */
void pl_engine_code_stop(pl_engine *e);                        /* ends all codes */
void pl_engine_code_time(pl_engine *e);

#endif
