/* See engine_retry.h. Jitter keeps many clients from coming back at the same moment. */
#include "engine_retry.h"

#include "engine_random.h"

enum { RETRY_MAX_MS = 10000 };

uint64_t pl_engine_retry_jitter(pl_engine *e, unsigned doublings) {
  uint64_t most = (uint64_t)PL_ENGINE_RETRY_MIN_MS << (doublings < 6 ? doublings : 6);
  return pl_engine_rng_below(&e->rng, most < RETRY_MAX_MS ? most : RETRY_MAX_MS);
}

uint64_t pl_engine_retry_delay(pl_engine *e, unsigned failures) {
  return failures < 3 ? 0 : pl_engine_retry_jitter(e, failures - 3);
}
