/* See engine_hash.h. */
#include "engine_hash.h"

#include <sodium.h>
#include <string.h>

/* The key is a part of the seed's stream that engine_random.c does not reach. */
void pl_engine_hash_init(pl_engine *e, const uint8_t seed[32]) {
  static const uint8_t last[crypto_stream_chacha20_NONCEBYTES] = {255, 255, 255, 255, 255, 255, 255, 255};
  _Static_assert(sizeof e->table_key == crypto_shorthash_KEYBYTES, "the key fits");
  crypto_stream_chacha20(e->table_key, sizeof e->table_key, last, seed);
}

uint64_t pl_engine_hash(const pl_engine *e, const uint8_t id[32]) {
  uint64_t hash;
  _Static_assert(sizeof hash == crypto_shorthash_BYTES, "the hash fits");
  crypto_shorthash((uint8_t *)&hash, id, 32, e->table_key);
  return hash;
}
