/* Pairing codes as people type them, and as they are shown. */
#include <stdio.h>
#include <string.h>

#include "../words/words.h"
#include "code.h"

enum { DIGITS_MAX = 7, WORD_MAX = 16, /* no word is longer */ PARTS = 1 + PL_CONST_CODE_WORDS };

/* Returns the bytes of the space at p, which may be a no-break space, or 0 when there is none. */
static size_t code_space(const uint8_t *p, size_t left) {
  if (pl_ascii_is_space(*p)) return 1;
  return left >= 2 && p[0] == 0xc2 && p[1] == 0xa0 ? 2 : 0;
}

/* The same for anything that may stand between two parts: spaces, hyphens, and the dashes that phones make of hyphens
 * (U+2010 to U+2015). */
static size_t code_separator(const uint8_t *p, size_t left) {
  if (*p == '-') return 1;
  if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x90 && p[2] <= 0x95) return 3;
  return code_space(p, left);
}

static pl_view code_trim(pl_view text) {
  size_t n;
  while (text.size && (n = code_space(text.data, text.size))) text = (pl_view){text.data + n, text.size - n};
  for (n = 1; n && text.size; text.size -= n) {
    n = code_space(text.data + text.size - 1, 1);
    if (!n && text.size >= 2) n = code_space(text.data + text.size - 2, 2) == 2 ? 2 : 0;
  }
  return text;
}

/* Returns the bytes before the next separator, and moves *rest behind it. */
static pl_view code_next_part(pl_view *rest) {
  pl_view part = {rest->data, 0};
  size_t at = 0;
  while (at < rest->size && code_separator(rest->data + at, rest->size - at) == 0) at++;
  part.size = at;
  for (size_t n = 1; n && at < rest->size; at += n) n = code_separator(rest->data + at, rest->size - at);
  *rest = (pl_view){rest->data + at, rest->size - at};
  return part;
}

static int code_read_number(uint32_t *out, pl_view part) {
  uint32_t number = 0;
  if (part.size == 0 || part.size > DIGITS_MAX || part.data[0] == '0') return PL_ECODE;
  for (size_t i = 0; i < part.size; i++) {
    if (!pl_ascii_is_digit(part.data[i])) return PL_ECODE;
    number = 10 * number + (uint32_t)(part.data[i] - '0');
  }
  *out = number;
  return number >= PL_CONST_CODE_NUMBER_MIN && number <= PL_CONST_CODE_NUMBER_MAX ? 0 : PL_ECODE;
}

static int code_read_word(uint16_t *out, pl_view part) {
  uint8_t lower[WORD_MAX];
  if (part.size == 0 || part.size > sizeof lower) return PL_ECODE;
  for (size_t i = 0; i < part.size; i++) lower[i] = pl_ascii_lower(part.data[i]);
  int n = pl_word_find((pl_view){lower, part.size});
  if (n >= 0) *out = (uint16_t)n;
  return n < 0 ? PL_ECODE : 0;
}

int pl_code_parse(pl_code *out, pl_view text) {
  text = code_trim(text);
  pl_view rest = text;
  int rc = rest.size ? code_read_number(&out->number, code_next_part(&rest)) : PL_ECODE;
  for (size_t i = 0; rc == 0 && i < PL_CONST_CODE_WORDS; i++)
    rc = rest.size ? code_read_word(&out->words[i], code_next_part(&rest)) : PL_ECODE;
  if (rc) return rc;
  return rest.size == 0 && pl_ascii_is_letter(text.data[text.size - 1]) ? 0
                                                                        : PL_ECODE; /* nothing may follow the words */
}

void pl_code_format(const pl_code *code, char out[PL_CODE_TEXT_MAX]) {
  _Static_assert(PL_CONST_CODE_WORDS == 2, "two words");
  (void)snprintf(out, PL_CODE_TEXT_MAX, "%u-%s-%s", (unsigned)code->number, pl_word(code->words[0]),
                 pl_word(code->words[1]));
}
