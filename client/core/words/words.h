/* The words of pairing codes and safety phrases: schema/words.def, in byte order.
 *
 * Pure: a constant table and searches in it. Text from outside may be anything of any length. Only lower-case letters
 * match, so make what people type lower case first. The time of a search depends on the text; that is no leak, since
 * only what people type at this side is searched for. */
#ifndef PL_WORDS_H
#define PL_WORDS_H

#include "../base/base.h"

/* Returns the n-th of PL_CONST_WORDS_COUNT words, a static string, or NULL beyond them. */
const char *pl_word(unsigned n);

/* Returns the number of the word that is exactly this text, or -1. */
int pl_word_find(pl_view text);

/* Finds the words that start with `prefix`: they are *count words from number *first on. Every word starts with the
 * empty prefix. Returns 0, or PL_ECODE when no word does (*count is 0). */
int pl_word_complete(pl_view prefix, unsigned *first, unsigned *count);

#endif
