#include "invitation.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "../core/base/base.h"
#include "../lib/url.h"

enum { FRAGMENT_CHARS = 114, WORD_MAX = 16 };

/* ---- links -------------------------------------------------------------------------------------------- */

/* Returns the start of the scheme that ends at `colon`, or NULL when no known scheme ends there. Other letters may
 * stand directly before it. */
static const char *scheme_before(const char *text, const char *colon) {
  static const char *const schemes[] = {"https", "http", "wss", "ws"};
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t n = strlen(schemes[i]), same = 0;
    if ((size_t)(colon - text) < n) continue;
    const char *start = colon - n;
    while (same < n && (char)pl_ascii_lower((uint8_t)start[same]) == schemes[i][same]) same++;
    if (same == n) return start;
  }
  return NULL;
}

/* Returns the start of the address before the `#`, or NULL. Does not look beyond white space. */
static const char *address_before(const char *text, const char *hash) {
  for (const char *at = hash; at > text && !pl_ascii_is_space((uint8_t)at[-1]); at--)
    if (at + 2 < hash && strncmp(at, "://", 3) == 0) return scheme_before(text, at);
  return NULL;
}

static bool is_fragment(char c) {
  return pl_ascii_is_letter((uint8_t)c) || pl_ascii_is_digit((uint8_t)c) || c == '-' || c == '_';
}

/* Finds an address without a `#`: a link that was cut off, or a foreign one. */
static invitation_kind find_address(const char *text, char out[PAIRLINK_INVITE_LINK_MAX]) {
  const char *colon = strstr(text, "://"), *start = colon ? scheme_before(text, colon) : NULL;
  size_t n = 0;
  if (!start) return INVITATION_NONE;
  for (; start[n] && !pl_ascii_is_space((uint8_t)start[n]) && n + 1 < PAIRLINK_INVITE_LINK_MAX; n++) out[n] = start[n];
  out[n] = '\0';
  return INVITATION_BROKEN_LINK;
}

/* Copies a link, and joins one that was broken into lines. */
static void copy_link(const char *address, const char *hash, char out[PAIRLINK_INVITE_LINK_MAX]) {
  size_t used = (size_t)(hash + 1 - address), end = used + FRAGMENT_CHARS;
  memcpy(out, address, used);
  for (const char *at = hash + 1; used < end && (is_fragment(*at) || pl_ascii_is_space((uint8_t)*at)); at++)
    if (is_fragment(*at)) out[used++] = *at;
  out[used] = '\0';
}

static invitation_kind find_link(const char *text, char out[PAIRLINK_INVITE_LINK_MAX]) {
  invitation_kind found = find_address(text, out);
  pl_invite_link link;
  for (const char *hash = strchr(text, '#'); hash; hash = strchr(hash + 1, '#')) {
    const char *address = address_before(text, hash);
    if (!address || (size_t)(hash + 2 - address) + FRAGMENT_CHARS > PAIRLINK_INVITE_LINK_MAX) continue;
    copy_link(address, hash, out);
    bool whole = pl_invite_link_parse(&link, out) == 0;
    sodium_memzero(&link, sizeof link);
    if (whole) return INVITATION_LINK;
    found = INVITATION_BROKEN_LINK;
  }
  return found;
}

/* ---- codes -------------------------------------------------------------------------------------------- */

static bool is_word(const char *text, size_t size, code_word_function *word) {
  char small[WORD_MAX + 1];
  unsigned low = 0, high = PAIRLINK_WORD_COUNT;
  if (size == 0 || size > WORD_MAX) return false;
  for (size_t i = 0; i < size; i++) small[i] = (char)pl_ascii_lower((uint8_t)text[i]);
  small[size] = '\0';
  while (low < high) {
    unsigned middle = (low + high) / 2;
    const char *here = word(middle);
    int order = here ? strcmp(small, here) : -1;
    if (order == 0) return true;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

/* Returns the bytes of one hyphen, or of a dash from U+2010 to U+2015; 0 for anything else. */
static size_t dash_at(const char *at) {
  const unsigned char *c = (const unsigned char *)at;
  if (*c == '-') return 1;
  return c[0] == 0xe2 && c[1] == 0x80 && c[2] >= 0x90 && c[2] <= 0x95 ? 3 : 0;
}

/* Returns the bytes of one dash or one piece of white space, including U+00A0; 0 for anything else. */
static size_t gap_at(const char *at) {
  if (pl_ascii_is_space((uint8_t)*at)) return 1;
  if (strncmp(at, "\xc2\xa0", 2) == 0) return 2;
  return dash_at(at);
}

/* Returns the place behind the gap between two parts, or NULL when there is no gap. strict: the gap is exactly one
 * dash. */
static const char *skip_gap(const char *at, bool strict) {
  size_t n = strict ? dash_at(at) : gap_at(at);
  if (!n) return NULL;
  at += n;
  while (!strict && (n = gap_at(at))) at += n;
  return at;
}

/* Returns true, and the code in `out`, when a code starts at `at`, which is a digit. */
static bool take_code(const char *at, bool strict, code_word_function *word, char out[PAIRLINK_INVITE_LINK_MAX]) {
  size_t digits = strspn(at, "0123456789"), used = digits;
  if (digits < CODE_DIGITS_MIN || digits > CODE_DIGITS_MAX || *at == '0') return false;
  memcpy(out, at, digits);
  at += digits;
  for (int i = 0; i < CODE_WORDS; i++) {
    size_t n = 0;
    at = skip_gap(at, strict);
    while (at && pl_ascii_is_letter((uint8_t)at[n])) n++;
    if (!at || !is_word(at, n, word)) return false;
    out[used++] = '-';
    for (size_t k = 0; k < n; k++) out[used++] = (char)pl_ascii_lower((uint8_t)at[k]);
    at += n;
  }
  out[used] = '\0';
  return !pl_ascii_is_digit((uint8_t)*at);
}

static bool find_code(const char *text, bool strict, code_word_function *word, char out[PAIRLINK_INVITE_LINK_MAX]) {
  for (const char *at = text; *at; at++) {
    bool begins = pl_ascii_is_digit((uint8_t)*at) &&
                  (at == text || (!pl_ascii_is_digit((uint8_t)at[-1]) && !pl_ascii_is_letter((uint8_t)at[-1])));
    if (begins && take_code(at, strict, word, out)) return true;
  }
  return false;
}

invitation_kind invitation_find(const char *text, code_word_function *word, char out[PAIRLINK_INVITE_LINK_MAX]) {
  invitation_kind link = find_link(text, out);
  if (link == INVITATION_LINK) return link;
  char code[PAIRLINK_INVITE_LINK_MAX];
  if (!find_code(text, true, word, code) && !find_code(text, false, word, code)) {
    if (link == INVITATION_NONE) *out = '\0';
    return link;
  }
  memcpy(out, code, strlen(code) + 1);
  sodium_memzero(code, sizeof code);
  return INVITATION_CODE;
}
