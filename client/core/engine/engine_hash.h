/* Hashes of IDs for the tables of the engine. */
#ifndef PL_ENGINE_HASH_H
#define PL_ENGINE_HASH_H

#include "engine_state.h"

void pl_engine_hash_init(pl_engine *e, const uint8_t seed[32]);
uint64_t pl_engine_hash(const pl_engine *e, const uint8_t id[32]);

#endif
