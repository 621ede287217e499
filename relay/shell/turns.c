/* See turns.h. */
#include "turns.h"

void pl_turns_read(pl_turns_class *c, size_t bytes, bool full) {
  if (bytes >= PL_TURNS_SMALL || full) {
    pl_turns_full(c);
  } else if (c->bulk && ++c->calm == PL_TURNS_CALM) {
    c->bulk = false;
    c->calm = 0;
  }
}

void pl_turns_full(pl_turns_class *c) {
  c->bulk = true;
  c->calm = 0;
}

void pl_turns_spoke(pl_turns_class *c) {
  c->talks = c->spoke = true;
}

bool pl_turns_silent(pl_turns_class *c) {
  c->talks = c->spoke;
  c->spoke = false;
  return !c->talks;
}

void pl_turns_leaves(pl_turns_class *c) {
  c->talks = c->spoke = false;
}

void pl_turns_init(pl_turns *t, unsigned most) {
  *t = (pl_turns){.each_ns = PL_TURNS_SHARE_NS, .most = most}; /* nothing is known yet: one at a time */
}

void pl_turns_start(pl_turns *t, uint64_t others_ns) {
  t->left_ns = others_ns > PL_TURNS_SHARE_NS ? others_ns : PL_TURNS_SHARE_NS;
}

unsigned pl_turns_next(const pl_turns *t) {
  if (t->left_ns == 0) return 0;
  uint64_t n = t->left_ns / t->each_ns;
  return n < 1 ? 1 : n > t->most ? t->most : (unsigned)n;
}

/* A dearer socket counts at once, cheaper ones by and by: serving too many would make others wait, serving too few only
 * costs another look at the clock. */
void pl_turns_spent(pl_turns *t, unsigned n, uint64_t ns) {
  uint64_t each = ns / n;
  if (each < t->each_ns) each = t->each_ns - (t->each_ns - each) / 4;
  t->each_ns = each < 1 ? 1 : each > PL_TURNS_SHARE_NS ? PL_TURNS_SHARE_NS : each;
  t->left_ns = ns < t->left_ns ? t->left_ns - ns : 0;
}
