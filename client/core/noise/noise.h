/* Noise_IK_25519_ChaChaPoly_SHA256, unmodified (noiseprotocol.org, revision 34), and the records of a link
 * (docs/protocol.md, section 5). Pure: ephemeral secrets are handed in. The relay does not link this. */
#ifndef PL_NOISE_H
#define PL_NOISE_H

#include "../base/base.h"
#include "../identity/identity.h"
#include "aead.h"

enum {
  PL_NOISE_MESSAGE1_OVERHEAD = 32 + 48 + 16, /* e, encrypted s, tag */
  PL_NOISE_MESSAGE2_OVERHEAD = 32 + 16       /* e, tag */
};

typedef struct pl_noise_handshake {
  uint8_t h[32], ck[32], k[32];
  uint64_t n;
  bool initiator;
  uint8_t next; /* 0: message 1 is next, 1: message 2, 2: split; anything else: failed, split or wiped */
  uint8_t s[32], s_public[32], e[32], e_public[32]; /* this side's X25519 keys: static, ephemeral; secret, public */
  uint8_t rs[32], re[32];                           /* the peer's public keys: static, ephemeral */
} pl_noise_handshake;

/* The keys and record counters of a link, for both directions. */
typedef struct pl_noise_link {
  uint8_t send_key[32], receive_key[32];
  uint64_t next_counter;     /* counter of the next record sent */
  uint64_t received_counter; /* highest counter seen; UINT64_MAX for none */
  const pl_aead *aead;       /* the cipher of the two keys below, which are NULL where libsodium is used */
  void *sealing, *opening;
} pl_noise_link;

/* The pattern itself, with X25519 keys and any prologue: for published vectors, and for the functions below. */
int pl_noise_init(pl_noise_handshake *hs, bool initiator, pl_view prologue, const uint8_t static_secret[32],
                  const uint8_t *remote_static_or_null) PL_MUST_USE;
/* Both return the bytes written, or PL_EMSGSIZE (does not fit; nothing has changed), PL_ESTATE (not this side's turn)
 * or PL_ECRYPTO. After PL_ECRYPTO the state is wiped, and every later call returns PL_ESTATE. */
int pl_noise_write(pl_noise_handshake *hs, const uint8_t ephemeral_secret[32], pl_view payload, uint8_t *out,
                   size_t capacity) PL_MUST_USE;
int pl_noise_read(pl_noise_handshake *hs, pl_view message, uint8_t *payload, size_t capacity) PL_MUST_USE;
int pl_noise_split(pl_noise_handshake *hs, pl_noise_link *link) PL_MUST_USE; /* wipes hs */
void pl_noise_handshake_deinit(pl_noise_handshake *hs);                      /* wipes */
/* Call this after pl_noise_split: `aead` seals and opens the records as far as it can. It must outlive the link. NULL
 * means libsodium. */
void pl_noise_link_use(pl_noise_link *link, const pl_aead *aead);
void pl_noise_link_deinit(pl_noise_link *link); /* wipes; afterwards nothing is sealed or opened */

/* The handshake as Pairlink uses it: identities instead of raw keys, and the prologue of docs/protocol.md. */
int pl_noise_start_caller(pl_noise_handshake *hs, const pl_identity *self, const uint8_t callee_id[32]) PL_MUST_USE;
int pl_noise_start_callee(pl_noise_handshake *hs, const pl_identity *self, const uint8_t caller_id[32]) PL_MUST_USE;
/* Call this after the callee has read message 1. Returns PL_ECRYPTO unless the static key in it belongs to caller_id.
 */
int pl_noise_check_caller(const pl_noise_handshake *hs, const uint8_t caller_id[32]) PL_MUST_USE;

/* Seals size bytes of plaintext as a record of size + 24 bytes, in place when plaintext == out + 8. Returns the bytes
 * written, PL_EMSGSIZE for more than a record holds, PL_ESTATE when all counters are used, or PL_ECRYPTO when the
 * library that was handed in fails. */
int pl_noise_seal(pl_noise_link *link, uint8_t type, uint8_t flags, const uint8_t *plaintext, size_t size,
                  uint8_t *out) PL_MUST_USE;
/* Opens a record into size - 24 bytes of plaintext, in place when plaintext == record + 8. Returns their number, or
 * PL_ECRYPTO, also for an old counter: the link has not changed then, and plaintext holds nothing of the record. */
int pl_noise_open(pl_noise_link *link, uint8_t type, uint8_t flags, const uint8_t *record, size_t size,
                  uint8_t *plaintext) PL_MUST_USE;

#endif
