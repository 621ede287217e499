/* See engine_random.h. The bytes are the ChaCha20 stream of the seed. */
#include "engine_random.h"

#include <sodium.h>
#include <string.h>

void pl_engine_rng_init(pl_engine_rng *r, const uint8_t seed[32]) {
  memcpy(r->key, seed, 32);
  r->nonce = 0;
  r->used = sizeof r->block;
}

void pl_engine_rng_bytes(pl_engine_rng *r, void *out, size_t n) {
  uint8_t *p = out;
  while (n) {
    if (r->used == sizeof r->block) {
      uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
      pl_put_u64(nonce, r->nonce++);
      crypto_stream_chacha20(r->block, sizeof r->block, nonce, r->key);
      r->used = 0;
    }
    size_t some = sizeof r->block - r->used;
    if (some > n) some = n;
    memcpy(p, r->block + r->used, some);
    sodium_memzero(r->block + r->used, some);
    r->used += some;
    p += some;
    n -= some;
  }
}

uint64_t pl_engine_rng_u64(pl_engine_rng *r) {
  uint8_t b[8];
  pl_engine_rng_bytes(r, b, sizeof b);
  return pl_get_u64(b);
}

uint64_t pl_engine_rng_below(pl_engine_rng *r, uint64_t limit) {
  return limit ? pl_engine_rng_u64(r) % limit : 0; /* jitter: a slight bias does not matter */
}
