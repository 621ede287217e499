#include "invitation.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "../core/base/base.h"
#include "../core/code/code.h"
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

/* Returns true for a hyphen, or a dash from U+2010 to U+2015. */
static bool is_dash(pl_view at) {
  const uint8_t *c = at.data;
  return c[0] == '-' || (at.size >= 3 && c[0] == 0xe2 && c[1] == 0x80 && c[2] >= 0x90 && c[2] <= 0x95);
}

/* Returns the character at the view, as pl_code_next does, without moving it; PL_CODE_OTHER at the end. */
static int peek(pl_view at) {
  return at.size ? pl_code_next(&at) : PL_CODE_OTHER;
}

static bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(int c) {
  return c >= 'a' && c <= 'z';
}

/* Moves the view behind the gap between two parts. strict: the gap is exactly one dash, else it may be missing. */
static bool skip_gap(pl_view *at, bool strict) {
  if (strict) return at->size && is_dash(*at) && pl_code_next(at) == PL_CODE_GAP;
  while (peek(*at) == PL_CODE_GAP) (void)pl_code_next(at);
  return true;
}

/* Moves the view behind a word, which is a whole run of letters, or the start of one if `within`. Returns its length,
 * or 0 when there is none. */
static size_t take_word(pl_view *at, bool within, code_word_function *word) {
  size_t run = 0, size;
  while (run < at->size && pl_ascii_is_letter(at->data[run])) run++;
  size = run < WORD_MAX ? run : WORD_MAX;
  while (size && !is_word((const char *)at->data, size, word)) size--;
  if (!within && size != run) return 0;
  *at = (pl_view){at->data + size, at->size - size};
  return size;
}

/* Returns true, and the code in `out`, when a code starts at `at`, which is a digit. */
static bool take_code(pl_view at, bool strict, code_word_function *word, char out[PAIRLINK_INVITE_LINK_MAX]) {
  size_t used = 0;
  while (is_digit(peek(at)) && used <= CODE_DIGITS_MAX) out[used++] = (char)pl_code_next(&at);
  if (used < CODE_DIGITS_MIN || used > CODE_DIGITS_MAX || out[0] == '0') return false;
  for (int i = 0; i < CODE_WORDS; i++) {
    if (!skip_gap(&at, strict)) return false;
    const uint8_t *start = at.data;
    size_t n = take_word(&at, !strict && i + 1 < CODE_WORDS, word);
    if (n == 0) return false;
    out[used++] = '-';
    for (size_t k = 0; k < n; k++) out[used++] = (char)pl_ascii_lower(start[k]);
  }
  out[used] = '\0';
  return !is_digit(peek(at));
}

static bool find_code(const char *text, bool strict, code_word_function *word, char out[PAIRLINK_INVITE_LINK_MAX]) {
  int before = PL_CODE_GAP;
  for (pl_view at = {(const uint8_t *)text, strlen(text)}; at.size;) {
    bool begins = is_digit(peek(at)) && !is_digit(before) && !is_letter(before);
    if (begins && take_code(at, strict, word, out)) return true;
    before = pl_code_next(&at);
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
