/* See turns.h. */
#include "turns.h"

void pl_turns_read(pl_turns_class *c, size_t bytes, bool full) {
  if (bytes >= PL_TURNS_SMALL || full)
    *c = (pl_turns_class){.bulk = true};
  else if (c->bulk && ++c->calm == PL_TURNS_CALM)
    *c = (pl_turns_class){0};
}

void pl_turns_full(pl_turns_class *c) {
  *c = (pl_turns_class){.bulk = true};
}

void pl_turns_init(pl_turns *t) {
  *t = (pl_turns){.each_ns = PL_TURNS_SHARE_NS}; /* nothing is known yet: one at a time */
}

void pl_turns_start(pl_turns *t, uint64_t others_ns) {
  t->left_ns = others_ns > PL_TURNS_SHARE_NS ? others_ns : PL_TURNS_SHARE_NS;
}

unsigned pl_turns_next(const pl_turns *t) {
  if (t->left_ns == 0) return 0;
  uint64_t n = t->left_ns / t->each_ns;
  return n < 1 ? 1 : n > PL_TURNS_MOST ? PL_TURNS_MOST : (unsigned)n;
}

/* A dearer socket counts at once, cheaper ones by and by: serving too many would make others wait, serving too few only
 * costs another look at the clock. */
void pl_turns_spent(pl_turns *t, unsigned n, uint64_t ns) {
  uint64_t each = ns / n;
  if (each < t->each_ns) each = t->each_ns - (t->each_ns - each) / 4;
  t->each_ns = each < 1 ? 1 : each > PL_TURNS_SHARE_NS ? PL_TURNS_SHARE_NS : each;
  t->left_ns = ns < t->left_ns ? t->left_ns - ns : 0;
}
