/* CPace with the group ristretto255 and SHA-512 (draft-irtf-cfrg-cpace): two sides that share a few words agree on a
 * strong key. A wrong guess of the words reveals only that it was wrong. Pure: scalars are handed in. The relay does
 * not link this.
 *
 * The initiator makes Ya, the responder Yb. Both compute the same key (ISK) when, and only when, they used the same
 * password-related string (PRS), channel identifier (CI) and session identifier (sid), shares and associated data. The
 * key does not prove that the other side has it: each side must confirm it. */
#ifndef PL_CPACE_H
#define PL_CPACE_H

#include "../base/base.h"

enum { PL_CPACE_POINT_BYTES = 32, PL_CPACE_SCALAR_BYTES = 32, PL_CPACE_KEY_BYTES = 64 };

/* One side's message and what it is bound to; each part is at most 16,383 bytes. */
typedef struct pl_cpace_side {
  uint8_t share[32];       /* Ya or Yb */
  pl_view associated_data; /* ADa or ADb */
} pl_cpace_side;

/* Makes the secret generator of a password-related string, a channel identifier and a session identifier. Returns 0,
 * PL_EMSGSIZE when a part is too long, or PL_ESYSTEM when libsodium cannot be initialised. */
int pl_cpace_generator(uint8_t generator[32], pl_view prs, pl_view ci, pl_view sid) PL_MUST_USE;

/* Makes a share. The scalar is 32 uniform random bytes, read as the draft reads them (little-endian, modulo the group's
 * order by libsodium); wipe it after pl_cpace_key. Returns 0, or PL_ECRYPTO for a scalar that gives the neutral
 * element.
 */
int pl_cpace_share(uint8_t share[32], const uint8_t generator[32], const uint8_t scalar[32]) PL_MUST_USE;

/* Makes the key; `own_is_initiator` says whose scalar this is. Returns 0, PL_EMSGSIZE, or PL_ECRYPTO when the other
 * share is not a point of the group or gives the neutral element: then the run is over, and counts as a wrong guess. */
int pl_cpace_key(uint8_t key[64], const uint8_t scalar[32], bool own_is_initiator, pl_view sid,
                 const pl_cpace_side *initiator, const pl_cpace_side *responder) PL_MUST_USE;

#endif
