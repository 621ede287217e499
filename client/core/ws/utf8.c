/* Checks UTF-8 as RFC 3629 defines it, a chunk at a time: no surrogates, no overlong forms, nothing above U+10FFFF. */
#include <string.h>

#include "ws.h"

void pl_utf8_init(pl_utf8 *u) {
  *u = (pl_utf8){0};
}

/* Takes the first byte of a character of more than one byte: notes how many follow, and the bounds of the second. */
static bool utf8_start(pl_utf8 *u, uint8_t c) {
  if (c < 0xc2 || c > 0xf4) return false;
  u->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
  u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
  return true;
}

bool pl_utf8_feed(pl_utf8 *u, const uint8_t *p, size_t n) {
  const uint8_t *end = n ? p + n : p;
  while (p < end) {
    if (u->need) {
      if (*p < u->low || *p > u->high) return false;
      u->low = 0x80;
      u->high = 0xbf;
      u->need--;
      p++;
      continue;
    }
    uint64_t eight;
    while (end - p >= 8 && (memcpy(&eight, p, 8), (eight & 0x8080808080808080u) == 0)) p += 8;
    while (p < end && *p < 0x80) p++;
    if (p < end && !utf8_start(u, *p++)) return false;
  }
  return true;
}

bool pl_utf8_done(const pl_utf8 *u) {
  return u->need == 0;
}
