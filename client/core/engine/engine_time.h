/* Timers: engine.next_ms is never later than the earliest one; once it has passed, those that are due are
 * looked at. Links and sessions have theirs in two heaps, which their touch functions keep up to date. */
#ifndef PL_ENGINE_TIME_H
#define PL_ENGINE_TIME_H

#include "engine_state.h"

void pl_engine_timers(pl_engine *e);

#endif
