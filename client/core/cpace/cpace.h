/* CPace with the group ristretto255 and SHA-512 (draft-irtf-cfrg-cpace): two sides that share a few words agree on
 * a strong key, and whoever guesses wrong learns nothing but that. Pure: scalars are handed in. Not linked by the
 * relay.
 *
 * The initiator makes Ya, the responder Yb; both compute the same ISK from (generator, both shares, both
 * associated data) when, and only when, PRS, CI and sid were the same. ISK says nothing about who holds it: confirm it.
 */
#ifndef PL_CPACE_H
#define PL_CPACE_H

#include "../base/base.h"

enum { PL_CPACE_POINT_BYTES = 32, PL_CPACE_SCALAR_BYTES = 32, PL_CPACE_KEY_BYTES = 64 };

/* One side's message and what it is bound to; each part is at most 16,383 bytes. */
typedef struct pl_cpace_side {
  uint8_t share[32];       /* Ya or Yb */
  pl_view associated_data; /* ADa or ADb */
} pl_cpace_side;

/* The secret generator of a password-related string, a channel identifier and a session identifier. PL_EMSGSIZE when
 * a part is over its maximum. */
int pl_cpace_generator(uint8_t generator[32], pl_view prs, pl_view ci, pl_view sid) PL_MUST_USE;

/* Makes a share. The scalar is 32 uniform random bytes, read as the draft reads them (little-endian, modulo the group's
 * order by libsodium); wipe it after pl_cpace_key. PL_ECRYPTO for a scalar that gives the neutral element. */
int pl_cpace_share(uint8_t share[32], const uint8_t generator[32], const uint8_t scalar[32]) PL_MUST_USE;

/* The key of both: `own_is_initiator` says whose scalar this is. PL_ECRYPTO when the other share is no point of the
 * group or gives the neutral element: then the run is over, and the guess spent. */
int pl_cpace_key(uint8_t key[64], const uint8_t scalar[32], bool own_is_initiator, pl_view sid,
                 const pl_cpace_side *initiator, const pl_cpace_side *responder) PL_MUST_USE;

#endif
