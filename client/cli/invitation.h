/* Finds the pairing code or the invite link in a text: alone, in a sentence, or in the lines that `pairlink pair`
 * prints. No I/O. */
#ifndef PL_CLI_INVITATION_H
#define PL_CLI_INVITATION_H

#include <pairlink.h>

/* The shape of a pairing code: NUMBER-WORD-WORD. */
enum { CODE_DIGITS_MIN = 4, CODE_DIGITS_MAX = 9, CODE_WORDS = 2 };

typedef enum invitation_kind {
  INVITATION_NONE,
  INVITATION_CODE,       /* out: NUMBER-WORD-WORD in small letters */
  INVITATION_LINK,       /* out: the link, which is whole */
  INVITATION_BROKEN_LINK /* out: the part of a link that is there; only when the text holds nothing better */
} invitation_kind;

/* Returns the n-th word of the list, in alphabetical order, or NULL beyond its end: pairlink_word, or a test's own
 * list. */
typedef const char *code_word_function(unsigned n);

/* Prefers a link to a code, because the check bytes of a link leave no doubt, and a code with hyphens to one
 * whose parts are separated in another way or not at all (docs/protocol.md, "Codes"). `out` is "" for INVITATION_NONE.
 */
invitation_kind invitation_find(const char *text, code_word_function *word, char out[PAIRLINK_INVITE_LINK_MAX]);

#endif
