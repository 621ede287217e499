#include "names.h"

#include <string.h>

enum {
  TEXT_MAX = 12, /* schema/lookalikes.py cuts at this length */
  NO_UTF8 = 0x110000,
  END = 0x120000,
  HANGUL_FIRST = 0xac00,
  HANGUL_LAST = 0xd7a3,
  JAMO_L = 0x1100,
  JAMO_V = 0x1161,
  JAMO_T = 0x11a7,
  JAMO_V_COUNT = 21,
  JAMO_T_COUNT = 28
};

/* ---- the table ---------------------------------------------------------------------------------------- */

typedef struct span {
  uint32_t first, last;
} span;

typedef struct look {
  uint32_t character;
  uint8_t size;
  char text[TEXT_MAX];
} look;

/* Each table is sorted by the number that its entries start with: `first`, or `character`. */
static const span dropped[] = {
#define PL_LOOK_DROPPED(first, last) {first, last},
#include "lookalikes.def"
};
#define ENTRY(character, text) {character, sizeof text - 1, text},
static const look looks[] = {
#define PL_LOOK(character, text) ENTRY(character, text)
#define PL_LOOK_NFKD(character, text) ENTRY(character, text)
#include "lookalikes.def"
};
static const span lower[] = {
#define PL_LOOK_LOWER(character, lower) {character, lower},
#include "lookalikes.def"
};

/* Returns the last entry whose number is not above c, or NULL. */
static const void *look_search(const void *table, size_t count, size_t entry, uint32_t c) {
  const char *at = table;
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    uint32_t number;
    memcpy(&number, at + middle * entry, sizeof number);
    if (number <= c)
      low = middle + 1;
    else
      high = middle;
  }
  return low ? at + (low - 1) * entry : NULL;
}

static bool look_is_dropped(uint32_t c) {
  const span *found = look_search(dropped, PL_ARRAY_LENGTH(dropped), sizeof *dropped, c);
  return found && c <= found->last;
}

static uint32_t look_lower_of(uint32_t c) {
  const span *found = look_search(lower, PL_ARRAY_LENGTH(lower), sizeof *lower, c);
  return found && found->first == c ? found->last : c;
}

static const look *look_of(uint32_t c) {
  const look *found = look_search(looks, PL_ARRAY_LENGTH(looks), sizeof *looks, c);
  return found && found->character == c ? found : NULL;
}

/* ---- what a name looks like, character by character ---- */

typedef struct reader {
  pl_view name, text; /* text: what is left of the current character's look */
  uint32_t jamo[3];   /* letters of the current syllable; 0 once read */
  bool lower_first;
} reader;

static uint32_t character_read(pl_view *text) {
  uint32_t value;
  size_t n;
  if (!text->size) return END;
  n = pl_utf8_read(text->data, text->size, &value);
  if (!n) value = NO_UTF8 + text->data[0];
  text->data += n ? n : 1;
  text->size -= n ? n : 1;
  return value;
}

static void reader_split_syllable(reader *r, uint32_t c) {
  uint32_t at = c - HANGUL_FIRST, last = at % JAMO_T_COUNT;
  r->jamo[0] = JAMO_L + at / (JAMO_V_COUNT * JAMO_T_COUNT);
  r->jamo[1] = JAMO_V + at / JAMO_T_COUNT % JAMO_V_COUNT;
  r->jamo[2] = last ? JAMO_T + last : 0;
}

/* Returns the next letter of the current syllable, or 0 when none is left. */
static uint32_t reader_next_jamo(reader *r) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(r->jamo); i++) {
    uint32_t c = r->jamo[i];
    r->jamo[i] = 0;
    if (c) return c;
  }
  return 0;
}

/* Returns the next character of the name itself; a syllable is taken apart into its letters. */
static uint32_t reader_next_plain(reader *r) {
  uint32_t c = reader_next_jamo(r);
  if (c) return c;
  c = character_read(&r->name);
  if (c >= HANGUL_FIRST && c <= HANGUL_LAST) {
    reader_split_syllable(r, c);
    return reader_next_jamo(r);
  }
  return r->lower_first ? look_lower_of(c) : c;
}

static uint32_t reader_next(reader *r) {
  while (!r->text.size) {
    uint32_t c = reader_next_plain(r);
    if (c == END) return END;
    if (look_is_dropped(c)) continue;
    const look *found = look_of(c);
    if (!found) return r->lower_first ? c : look_lower_of(c);
    r->text = (pl_view){(const uint8_t *)found->text, found->size};
  }
  uint32_t c = character_read(&r->text);
  return r->lower_first ? c : look_lower_of(c);
}

static bool names_alike(pl_view a, pl_view b, bool lower_first) {
  reader left = {.name = a, .lower_first = lower_first}, right = {.name = b, .lower_first = lower_first};
  bool any = false;
  for (;;) {
    uint32_t c = reader_next(&left);
    if (c != reader_next(&right)) return false;
    if (c == END) return any;
    any = true;
  }
}

bool pl_names_alike(pl_view a, pl_view b) {
  return names_alike(a, b, false) || names_alike(a, b, true);
}
