/* How long to wait before the next try. */
#ifndef PL_ENGINE_RETRY_H
#define PL_ENGINE_RETRY_H

#include "engine_state.h"

enum { PL_ENGINE_RETRY_MIN_MS = 250 };

/* Returns full jitter: anything below 0.25 s, doubled this many times, at most 10 s. */
uint64_t pl_engine_retry_jitter(pl_engine *e, unsigned doublings);

/* Returns 0 three times, then full jitter that grows. failures: before this one. */
uint64_t pl_engine_retry_delay(pl_engine *e, unsigned failures);

#endif
