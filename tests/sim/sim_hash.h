/* A fast hash of many bytes, for what is only compared within one run. */
#ifndef PL_SIM_HASH_H
#define PL_SIM_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t sim_mix(uint64_t a, uint64_t b) {
  __uint128_t r = (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd6e8feb86659fd93u);
  return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* Four lanes, because a multiplication that waits for the last one takes several times as long. */
static inline uint64_t sim_hash(uint64_t seed, const void *data, size_t n) {
  const uint8_t *p = data;
  uint64_t lane[4] = {seed ^ n, seed + 1, seed + 2, seed + 3}, words[4];
  for (; n >= sizeof words; p += sizeof words, n -= sizeof words) {
    memcpy(words, p, sizeof words);
    for (int i = 0; i < 4; i++) lane[i] = sim_mix(lane[i], words[i]);
  }
  memset(words, 0, sizeof words);
  if (n) memcpy(words, p, n);
  for (int i = 0; i < 4; i++) lane[i] = sim_mix(lane[i], words[i]);
  return sim_mix(sim_mix(lane[0], lane[1]), sim_mix(lane[2], lane[3]));
}

#endif
