/* Pairing codes as people type them, and as they are shown. */
#include <stdio.h>
#include <string.h>

#include "../words/words.h"
#include "code.h"

enum { DIGITS_MAX = 7, WORD_MAX = 8, SPACE_MAX = 1 /* gaps are one space each */ };
enum { FLAT_MAX = DIGITS_MAX + PL_CONST_CODE_WORDS * (SPACE_MAX + WORD_MAX) + SPACE_MAX + 1 };

/* Returns whether a character beyond ASCII separates parts; docs/protocol.md lists them. */
static bool code_separates(uint32_t c) {
  static const uint32_t single[] = {0xa0, 0xab, 0xad, 0xb7, 0xbb, 0x60c, 0x61c, 0x2212, 0xfeff, 0xff0c, 0xff0d};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(single); i++)
    if (c == single[i]) return true;
  return (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x3002);
}

int pl_code_next(pl_view *text) {
  uint32_t c = 0;
  size_t n = pl_utf8_read(text->data, text->size, &c);
  *text = (pl_view){text->data + (n ? n : 1), text->size - (n ? n : 1)};
  if (n == 0) return PL_CODE_OTHER;
  if (c < 0x80 && (pl_ascii_is_letter((uint8_t)c) || pl_ascii_is_digit((uint8_t)c))) return pl_ascii_lower((uint8_t)c);
  if (c >= 0x660 && c <= 0x669) return '0' + (int)(c - 0x660);
  if (c >= 0x6f0 && c <= 0x6f9) return '0' + (int)(c - 0x6f0);
  return c < 0x80 || code_separates(c) ? PL_CODE_GAP : PL_CODE_OTHER;
}

/* Writes the text with plain digits, small letters, one space for each gap between parts, and none around them. */
static int code_flatten(char flat[FLAT_MAX], pl_view text) {
  size_t used = 0;
  bool gap = false;
  while (text.size) {
    int c = pl_code_next(&text);
    if (c == PL_CODE_OTHER) return PL_ECODE;
    if (c != PL_CODE_GAP) {
      if (used + gap + 1 >= FLAT_MAX) return PL_ECODE;
      if (gap) flat[used++] = ' ';
      flat[used++] = (char)c;
    }
    gap = c == PL_CODE_GAP && used > 0;
  }
  flat[used] = '\0';
  return 0;
}

static int code_read_number(uint32_t *out, const char **at) {
  size_t digits = strspn(*at, "0123456789");
  uint32_t number = 0;
  if (digits == 0 || digits > DIGITS_MAX || **at == '0') return PL_ECODE;
  for (size_t i = 0; i < digits; i++) number = 10 * number + (uint32_t)((*at)[i] - '0');
  *at += digits;
  *out = number;
  return number >= PL_CONST_CODE_NUMBER_MIN && number <= PL_CONST_CODE_NUMBER_MAX ? 0 : PL_ECODE;
}

/* No word begins another, so at most one word starts here, and a gap behind it tells nothing. */
static int code_read_word(uint16_t *out, const char **at) {
  if (**at == ' ') ++*at;
  size_t letters = strspn(*at, "abcdefghijklmnopqrstuvwxyz");
  for (size_t size = 1; size <= letters && size <= WORD_MAX; size++) {
    int n = pl_word_find((pl_view){(const uint8_t *)*at, size});
    if (n < 0) continue;
    *out = (uint16_t)n;
    *at += size;
    return 0;
  }
  return PL_ECODE;
}

int pl_code_parse(pl_code *out, pl_view text) {
  char flat[FLAT_MAX];
  const char *at = flat;
  int rc = code_flatten(flat, text);
  if (rc == 0) rc = code_read_number(&out->number, &at);
  for (size_t i = 0; rc == 0 && i < PL_CONST_CODE_WORDS; i++) rc = code_read_word(&out->words[i], &at);
  return rc == 0 && *at ? PL_ECODE : rc; /* nothing may follow the words */
}

void pl_code_format(const pl_code *code, char out[PL_CODE_TEXT_MAX]) {
  _Static_assert(PL_CONST_CODE_WORDS == 2, "two words");
  (void)snprintf(out, PL_CODE_TEXT_MAX, "%u-%s-%s", (unsigned)code->number, pl_word(code->words[0]),
                 pl_word(code->words[1]));
}
