/* xoroshiro128+, seeded by splitmix64: the same numbers on every machine. */
#include <string.h>

#include "sim.h"

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void sim_random_init(sim_random *r, uint64_t seed) {
  r->state[0] = splitmix(&seed);
  r->state[1] = splitmix(&seed);
}

uint64_t sim_next(sim_random *r) {
  uint64_t a = r->state[0], b = r->state[1], result = a + b;
  b ^= a;
  r->state[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
  r->state[1] = b << 37 | b >> 27;
  return result;
}

uint64_t sim_below(sim_random *r, uint64_t limit) {
  return limit ? (sim_next(r) >> 11) % limit : 0;
}

uint64_t sim_between(sim_random *r, uint64_t lo, uint64_t hi) {
  return lo + sim_below(r, hi - lo + 1);
}

bool sim_chance(sim_random *r, unsigned percent) {
  return sim_below(r, 100) < percent;
}

uint64_t sim_log_between(sim_random *r, uint64_t lo, uint64_t hi) {
  unsigned doublings = 0;
  while ((lo << 1 << doublings) <= hi) doublings++;
  uint64_t from = lo << sim_below(r, doublings + 1), to = from * 2 - 1;
  return sim_between(r, from, to < hi ? to : hi);
}

void sim_fill(sim_random *r, void *out, size_t n) {
  uint8_t *p = out;
  for (size_t i = 0; i < n; i += 8) {
    uint64_t v = sim_next(r);
    memcpy(p + i, &v, n - i < 8 ? n - i : 8);
  }
}
