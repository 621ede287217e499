/* See code.h: what people type, and what they are shown. */
#include <stdio.h>
#include <string.h>

#include "../words/words.h"
#include "code.h"

enum { DIGITS_MAX = 7, WORD_MAX = 16, /* no word is longer */ PARTS = 1 + PL_CONST_CODE_WORDS };

/* Bytes of the space that begins here, also one that does not break. 0: it is none. */
static size_t space(const uint8_t *p, size_t left) {
  if (*p == ' ' || (*p >= '\t' && *p <= '\r')) return 1;
  return left >= 2 && p[0] == 0xc2 && p[1] == 0xa0 ? 2 : 0;
}

/* The same for what may stand between two parts: spaces, hyphens, and the dashes that phones make of them (U+2010 to
 * U+2015). */
static size_t separator(const uint8_t *p, size_t left) {
  if (*p == '-') return 1;
  if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x90 && p[2] <= 0x95) return 3;
  return space(p, left);
}

static pl_view trim(pl_view text) {
  size_t n;
  while (text.size && (n = space(text.data, text.size))) text = (pl_view){text.data + n, text.size - n};
  for (n = 1; n && text.size; text.size -= n) {
    n = space(text.data + text.size - 1, 1);
    if (!n && text.size >= 2) n = space(text.data + text.size - 2, 2) == 2 ? 2 : 0;
  }
  return text;
}

/* The bytes before the next separator, and what is behind that. */
static pl_view next_part(pl_view *rest) {
  pl_view part = {rest->data, 0};
  size_t at = 0;
  while (at < rest->size && separator(rest->data + at, rest->size - at) == 0) at++;
  part.size = at;
  for (size_t n = 1; n && at < rest->size; at += n) n = separator(rest->data + at, rest->size - at);
  *rest = (pl_view){rest->data + at, rest->size - at};
  return part;
}

static int read_number(uint32_t *out, pl_view part) {
  uint32_t number = 0;
  if (part.size == 0 || part.size > DIGITS_MAX || part.data[0] == '0') return PL_ECODE;
  for (size_t i = 0; i < part.size; i++) {
    if (part.data[i] < '0' || part.data[i] > '9') return PL_ECODE;
    number = 10 * number + (uint32_t)(part.data[i] - '0');
  }
  *out = number;
  return number >= PL_CONST_CODE_NUMBER_MIN && number <= PL_CONST_CODE_NUMBER_MAX ? 0 : PL_ECODE;
}

static bool is_letter(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int read_word(uint16_t *out, pl_view part) {
  uint8_t lower[WORD_MAX];
  if (part.size == 0 || part.size > sizeof lower) return PL_ECODE;
  for (size_t i = 0; i < part.size; i++) {
    uint8_t c = part.data[i];
    lower[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
  }
  int n = pl_word_find((pl_view){lower, part.size});
  if (n >= 0) *out = (uint16_t)n;
  return n < 0 ? PL_ECODE : 0;
}

int pl_code_parse(pl_code *out, pl_view text) {
  text = trim(text);
  pl_view rest = text;
  int rc = rest.size ? read_number(&out->number, next_part(&rest)) : PL_ECODE;
  for (size_t i = 0; rc == 0 && i < PL_CONST_CODE_WORDS; i++)
    rc = rest.size ? read_word(&out->words[i], next_part(&rest)) : PL_ECODE;
  if (rc == 0) rc = rest.size == 0 && is_letter(text.data[text.size - 1]) ? 0 : PL_ECODE; /* nothing behind it */
  return rc;
}

void pl_code_format(const pl_code *code, char out[PL_CODE_TEXT_MAX]) {
  _Static_assert(PL_CONST_CODE_WORDS == 2, "two words");
  (void)snprintf(out, PL_CODE_TEXT_MAX, "%u-%s-%s", (unsigned)code->number, pl_word(code->words[0]),
                 pl_word(code->words[1]));
}
