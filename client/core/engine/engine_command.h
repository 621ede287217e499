/* What the application asks for. */
#ifndef PL_ENGINE_COMMAND_H
#define PL_ENGINE_COMMAND_H

#include "engine_state.h"

int pl_engine_command(pl_engine *e, const pl_engine_event *in, pl_engine_result *out) PL_MUST_USE;

#endif
