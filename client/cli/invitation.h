/* Finds the pairing code or the invite link in a text that somebody was sent: alone, in a sentence, or in the lines
 * that `pairlink pair` prints. No I/O. */
#ifndef PL_CLI_INVITATION_H
#define PL_CLI_INVITATION_H

#include <pairlink.h>

typedef enum invitation_kind {
  INVITATION_NONE,
  INVITATION_CODE,       /* out: NUMBER-WORD-WORD in small letters */
  INVITATION_LINK,       /* out: the link, which is whole */
  INVITATION_BROKEN_LINK /* out: what is there of it; only when the text has nothing better */
} invitation_kind;

/* The n-th word of the list, in alphabetical order; NULL beyond: pairlink_word, or a test's own. */
typedef const char *code_word_function(unsigned n);

/* A link counts more than a code, since its check bytes leave no doubt. Of codes, one that is joined by hyphens counts
 * more than one with spaces. */
invitation_kind invitation_find(const char *text, code_word_function *word, char out[PAIRLINK_INVITE_LINK_MAX]);

#endif
