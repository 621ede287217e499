/* How long to wait before the next try: full jitter, so that many clients do not come back at the same moment. */
#include "engine_internal.h"

uint64_t pl_engine_retry_jitter(pl_engine *e, unsigned doublings) {
  uint64_t most = (uint64_t)PL_ENGINE_RETRY_MIN_MS << (doublings < 6 ? doublings : 6);
  return pl_engine_rng_below(&e->rng, most < PL_ENGINE_RETRY_MAX_MS ? most : PL_ENGINE_RETRY_MAX_MS);
}

uint64_t pl_engine_retry_delay(pl_engine *e, unsigned failures) {
  return failures < 3 ? 0 : pl_engine_retry_jitter(e, failures - 3);
}
