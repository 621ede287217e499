/* Deterministic random numbers, from the seed that the engine was given. */
#ifndef PL_ENGINE_RANDOM_H
#define PL_ENGINE_RANDOM_H

#include "engine_state.h"

void pl_engine_rng_init(pl_engine_rng *r, const uint8_t seed[32]);
void pl_engine_rng_bytes(pl_engine_rng *r, void *out, size_t n);
uint64_t pl_engine_rng_u64(pl_engine_rng *r);
uint64_t pl_engine_rng_below(pl_engine_rng *r, uint64_t limit); /* 0 to limit - 1; 0 for a limit of 0 */

#endif
