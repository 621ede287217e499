/* The words of pairing codes and safety phrases: schema/words.def, in byte order.
 *
 * Pure: a constant table and searches in it. Text from outside may be anything of any length; only lower-case letters
 * match, so whoever reads what people type makes it lower case first. A search takes a time that depends on the text:
 * people's typing, which no other side can watch. */
#ifndef PL_WORDS_H
#define PL_WORDS_H

#include "../base/base.h"

/* The n-th word, PL_CONST_WORDS_COUNT in all; NULL beyond. Static. */
const char *pl_word(unsigned n);

/* The number of the word that is exactly this text, or -1. */
int pl_word_find(pl_view text);

/* The words that begin with `prefix`: the first one's number and how many; they follow each other. Every word begins
 * with the empty prefix. Returns 0, or PL_ECODE when no word does (*count is 0). */
int pl_word_complete(pl_view prefix, unsigned *first, unsigned *count);

#endif
