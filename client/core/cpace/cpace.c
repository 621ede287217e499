#include "cpace.h"

#include <sodium.h>
#include <string.h>

enum { PART_MAX = 16383, HASH_BLOCK_BYTES = 128 };

static const char DSI[] = "CPaceRistretto255";
static const char DSI_ISK[] = "CPaceRistretto255_ISK";

/* Writes a length as LEB128, as the draft's prepend_len does: at most two bytes for PART_MAX. */
static size_t cpace_put_length(uint8_t out[2], size_t n) {
  if (n < 128) {
    out[0] = (uint8_t)n;
    return 1;
  }
  out[0] = (uint8_t)(n | 128);
  out[1] = (uint8_t)(n >> 7);
  return 2;
}

static void cpace_hash_part(crypto_hash_sha512_state *hash, const void *data, size_t size) {
  uint8_t length[2];
  crypto_hash_sha512_update(hash, length, cpace_put_length(length, size));
  if (size) crypto_hash_sha512_update(hash, data, size);
}

int pl_cpace_generator(uint8_t generator[32], pl_view prs, pl_view ci, pl_view sid) {
  static const uint8_t zeros[HASH_BLOCK_BYTES];
  if (prs.size > PART_MAX || ci.size > PART_MAX || sid.size > PART_MAX) return PL_EMSGSIZE;
  if (sodium_init() < 0) return PL_ESYSTEM;
  uint8_t length[2], digest[64];
  /* zpad fills the first block, so that the password takes a whole block whatever its length. */
  size_t used = 1 + sizeof DSI - 1 + cpace_put_length(length, prs.size) + prs.size + 1;
  size_t pad = used < HASH_BLOCK_BYTES ? HASH_BLOCK_BYTES - used : 0;
  crypto_hash_sha512_state hash;
  crypto_hash_sha512_init(&hash);
  cpace_hash_part(&hash, DSI, sizeof DSI - 1);
  cpace_hash_part(&hash, prs.data, prs.size);
  cpace_hash_part(&hash, zeros, pad);
  cpace_hash_part(&hash, ci.data, ci.size);
  cpace_hash_part(&hash, sid.data, sid.size);
  crypto_hash_sha512_final(&hash, digest);
  crypto_core_ristretto255_from_hash(generator, digest);
  sodium_memzero(digest, sizeof digest);
  sodium_memzero(&hash, sizeof hash);
  return 0;
}

int pl_cpace_share(uint8_t share[32], const uint8_t generator[32], const uint8_t scalar[32]) {
  return crypto_scalarmult_ristretto255(share, scalar, generator) == 0 ? 0 : PL_ECRYPTO;
}

int pl_cpace_key(uint8_t key[64], const uint8_t scalar[32], bool own_is_initiator, pl_view sid,
                 const pl_cpace_side *initiator, const pl_cpace_side *responder) {
  if (sid.size > PART_MAX || initiator->associated_data.size > PART_MAX || responder->associated_data.size > PART_MAX)
    return PL_EMSGSIZE;
  uint8_t k[32];
  const uint8_t *other = own_is_initiator ? responder->share : initiator->share;
  if (crypto_scalarmult_ristretto255(k, scalar, other) != 0) return PL_ECRYPTO;
  crypto_hash_sha512_state hash;
  crypto_hash_sha512_init(&hash);
  cpace_hash_part(&hash, DSI_ISK, sizeof DSI_ISK - 1);
  cpace_hash_part(&hash, sid.data, sid.size);
  cpace_hash_part(&hash, k, sizeof k);
  cpace_hash_part(&hash, initiator->share, 32);
  cpace_hash_part(&hash, initiator->associated_data.data, initiator->associated_data.size);
  cpace_hash_part(&hash, responder->share, 32);
  cpace_hash_part(&hash, responder->associated_data.data, responder->associated_data.size);
  crypto_hash_sha512_final(&hash, key);
  sodium_memzero(k, sizeof k);
  sodium_memzero(&hash, sizeof hash);
  return 0;
}
