/* Pairing codes and safety phrases (docs/protocol.md, section 7): text to code and back, the exchange between claimer
 * and creator as functions over CPace, the phrase of two IDs. Pure: random bytes are handed in. The relay does not link
 * this.
 *
 * In an exchange each side makes a share from the code, the relay, the sid and its own scalar. Both derive the secrets
 * from the two shares, and prove to each other that they got the same ones. The claimer proves first: that is its one
 * guess. */
#ifndef PL_CODE_H
#define PL_CODE_H

#include "../wire/wire.h"

enum {
  PL_CODE_TEXT_MAX = 64, /* with the NUL */
  PL_CODE_NAME_MAX = 64,
  PL_CODE_PROOF_MAX = 32 + 192,
  PL_PHRASE_TEXT_MAX = 256 /* with the NUL */
};

typedef struct pl_code {
  uint32_t number;
  uint16_t words[PL_CONST_CODE_WORDS]; /* as numbers, see words.h */
} pl_code;

enum { PL_CODE_GAP = ' ', PL_CODE_OTHER = -1 };

/* Reads one character as a reader of codes sees it, and moves the view, which is not empty, behind it. Returns '0' to
 * '9' for a digit, which may be Arabic or Persian, the small letter for a letter from a to z, PL_CODE_GAP for what may
 * stand between the parts of a code, and PL_CODE_OTHER for anything else, broken UTF-8 included. */
int pl_code_next(pl_view *text);
/* Reads a code as people type it: with capitals, and anything but letters and digits around its parts, or nothing
 * between them. Returns 0 or PL_ECODE. */
int pl_code_parse(pl_code *out, pl_view text) PL_MUST_USE;
/* Writes "4821-copper-violin". */
void pl_code_format(const pl_code *code, char out[PL_CODE_TEXT_MAX]);

/* What both sides have in common when they used the same words. */
typedef struct pl_code_secrets {
  uint8_t claimer_tag[32], creator_tag[32], claimer_seal[32], creator_seal[32];
  uint8_t dial[PL_CONST_INVITE_SECRET_BYTES];
} pl_code_secrets;

/* Makes a share. Returns 0, or PL_ECRYPTO for a scalar that cannot be used; the caller then draws another one. */
int pl_code_share(uint8_t share[32], const pl_code *code, const uint8_t relay_id[32],
                  const uint8_t sid[PL_CONST_CODE_SID_BYTES], const uint8_t scalar[32]) PL_MUST_USE;
/* Derives the secrets. Returns 0, or PL_ECRYPTO when the other share is not a point of the group. */
int pl_code_agree(pl_code_secrets *out, const uint8_t scalar[32], bool as_claimer,
                  const uint8_t sid[PL_CONST_CODE_SID_BYTES], const uint8_t claimer_share[32],
                  const uint8_t creator_share[32]) PL_MUST_USE;

/* Who a side says it is; the name is not trusted. */
typedef struct pl_code_person {
  uint8_t id[32], instance[8];
  uint8_t name_size;
  uint8_t name[PL_CODE_NAME_MAX];
} pl_code_person;

/* Writes the payload of the claimer's or the creator's DATA. Returns the bytes written, or PL_ECRYPTO. */
int pl_code_prove(uint8_t out[PL_CODE_PROOF_MAX], const pl_code_secrets *secrets, bool by_claimer,
                  const pl_code_person *person) PL_MUST_USE;
/* Reads the other side's proof: the claimer's when `by_claimer` is set, else the creator's. Returns 0, or PL_EWRONGCODE
 * when anything in it is wrong. */
int pl_code_verify(pl_code_person *out, const pl_code_secrets *secrets, bool by_claimer, pl_view proof) PL_MUST_USE;

/* Writes the safety phrase: twelve words with spaces, the same in either order of the IDs. Takes some milliseconds. */
void pl_phrase(char out[PL_PHRASE_TEXT_MAX], const uint8_t id[32], const uint8_t other[32]);

#endif
