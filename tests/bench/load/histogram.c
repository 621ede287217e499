/* A histogram with buckets of equal relative width: 64 to each power of two, so a quantile is exact to 1.6%. */
#include "load.h"

static size_t bucket_of(uint64_t v) {
  if (v < (1u << BENCH_BUCKET_BITS)) return (size_t)v;
  unsigned shift = 63u - (unsigned)__builtin_clzll(v) - BENCH_BUCKET_BITS;
  return ((size_t)(shift + 1) << BENCH_BUCKET_BITS) + (size_t)((v >> shift) - (1u << BENCH_BUCKET_BITS));
}

static uint64_t value_of(size_t bucket) {
  uint64_t low = bucket & ((1u << BENCH_BUCKET_BITS) - 1);
  size_t shift = bucket >> BENCH_BUCKET_BITS;
  if (shift == 0) return low;
  low = (low + (1u << BENCH_BUCKET_BITS)) << (shift - 1);
  return low + ((1ull << (shift - 1)) >> 1);
}

void bench_histogram_add(bench_histogram *h, uint64_t value) {
  h->counts[bucket_of(value)]++;
  h->total++;
  if (value > h->max) h->max = value;
}

uint64_t bench_histogram_quantile(const bench_histogram *h, double q) {
  uint64_t rank = (uint64_t)((double)h->total * q), seen = 0;
  if (h->total == 0) return 0;
  if (rank >= h->total) rank = h->total - 1;
  for (size_t i = 0; i < BENCH_BUCKETS; i++) {
    seen += h->counts[i];
    if (seen > rank) return value_of(i) < h->max ? value_of(i) : h->max;
  }
  return h->max;
}
