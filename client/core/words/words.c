#include "words.h"

#include <string.h>

#include "../wire/wire.h"

static const char *const words[] = {
#define PL_WORD(word) word,
#include "words.def"
};
_Static_assert(PL_ARRAY_LENGTH(words) == PL_CONST_WORDS_COUNT, "schema/words.def holds WORDS_COUNT words");

const char *pl_word(unsigned n) {
  return n < PL_CONST_WORDS_COUNT ? words[n] : NULL;
}

/* Compares the start of a word with the prefix, as memcmp does; a word shorter than the prefix is less. */
static int word_compare_start(const char *word, pl_view prefix) {
  size_t length = strlen(word), common = length < prefix.size ? length : prefix.size;
  int order = common ? memcmp(word, prefix.data, common) : 0;
  return order ? order : length < prefix.size ? -1 : 0;
}

/* Returns the number of the first word whose start is not less than the prefix or, with `greater`, is greater. */
static unsigned word_first_beyond(pl_view prefix, bool greater) {
  unsigned low = 0, high = PL_CONST_WORDS_COUNT;
  while (low < high) {
    unsigned middle = low + (high - low) / 2;
    int order = word_compare_start(words[middle], prefix);
    if (order < 0 || (greater && order == 0))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

int pl_word_complete(pl_view prefix, unsigned *first, unsigned *count) {
  *first = word_first_beyond(prefix, false);
  *count = word_first_beyond(prefix, true) - *first;
  return *count ? 0 : PL_ECODE;
}

int pl_word_find(pl_view text) {
  unsigned n = word_first_beyond(text, false);
  return n < PL_CONST_WORDS_COUNT && strlen(words[n]) == text.size && word_compare_start(words[n], text) == 0 ? (int)n
                                                                                                              : -1;
}
