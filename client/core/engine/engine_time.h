/* Timers: engine.next_ms is never later than the earliest one; once it has passed, all are looked at. */
#ifndef PL_ENGINE_TIME_H
#define PL_ENGINE_TIME_H

#include "engine_state.h"

void pl_engine_timers(pl_engine *e);

#endif
