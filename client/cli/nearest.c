#include "nearest.h"

#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_CHARS = 15 };

static unsigned nearest_least(unsigned a, unsigned b) {
  return a < b ? a : b;
}

/* Returns how many letters are missing, extra, wrong or swapped with their neighbour. */
static unsigned edit_distance(const char *a, const char *b) {
  unsigned d[NAME_MAX_CHARS + 1][NAME_MAX_CHARS + 1];
  size_t m = strlen(a), n = strlen(b);
  if (m > NAME_MAX_CHARS || n > NAME_MAX_CHARS) return NAME_MAX_CHARS;
  for (size_t i = 0; i <= m; i++)
    for (size_t k = 0; k <= n; k++) {
      d[i][k] = (unsigned)(i ? i : k);
      if (!i || !k) continue;
      d[i][k] = nearest_least(nearest_least(d[i - 1][k], d[i][k - 1]) + 1, d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
      bool swapped = i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1];
      if (swapped) d[i][k] = nearest_least(d[i][k], d[i - 2][k - 2] + 1);
    }
  return d[m][n];
}

const char *nearest_name(const char *typed, const char *(*name)(size_t)) {
  const char *best = NULL, *one;
  unsigned size = (unsigned)strnlen(typed, NAME_MAX_CHARS), limit = size < 3 ? 1 : size < 7 ? 2 : 3;
  for (size_t i = 0; (one = name(i)); i++) {
    unsigned d = edit_distance(typed, one);
    if (d > limit || d >= size) continue;
    best = one;
    limit = d ? d - 1 : 0;
    if (d == 0) break;
  }
  return best;
}
