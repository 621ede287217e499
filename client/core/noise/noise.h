/* Noise_IK_25519_ChaChaPoly_SHA256, unmodified (noiseprotocol.org, revision 34), and the records of a link
 * (docs/protocol.md, section 5). Pure: ephemeral secrets are handed in. Not linked by the relay. */
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
  uint8_t next; /* 0: message 1 comes next, 1: message 2, 2: split; anything else: failed, split or wiped */
  uint8_t s[32], s_public[32], e[32], e_public[32]; /* own X25519 keys; secrets first */
  uint8_t rs[32], re[32];                           /* the other side's public keys */
} pl_noise_handshake;

/* One direction each; counters of records. */
typedef struct pl_noise_link {
  uint8_t send_key[32], receive_key[32];
  uint64_t next_counter;     /* of the next record sent */
  uint64_t received_counter; /* highest seen; UINT64_MAX for none */
  const pl_aead *aead;       /* of the keys below, each NULL where libsodium does the work */
  void *sealing, *opening;
} pl_noise_link;

/* The raw pattern, for published vectors and for the functions below: X25519 keys, any prologue. */
int pl_noise_init(pl_noise_handshake *hs, bool initiator, pl_view prologue, const uint8_t static_secret[32],
                  const uint8_t *remote_static_or_null) PL_MUST_USE;
/* Each gives the bytes written to out or an error: PL_EMSGSIZE (does not fit, nothing changed), PL_ESTATE (not this
 * side's turn) or PL_ECRYPTO. After PL_ECRYPTO the state is wiped, and every later call gives PL_ESTATE. */
int pl_noise_write(pl_noise_handshake *hs, const uint8_t ephemeral_secret[32], pl_view payload, uint8_t *out,
                   size_t capacity) PL_MUST_USE;
int pl_noise_read(pl_noise_handshake *hs, pl_view message, uint8_t *payload, size_t capacity) PL_MUST_USE;
int pl_noise_split(pl_noise_handshake *hs, pl_noise_link *link) PL_MUST_USE; /* wipes hs */
void pl_noise_handshake_deinit(pl_noise_handshake *hs);                      /* wipes */
/* After pl_noise_split: records are sealed and opened by `aead` as far as it can; it outlives the link. NULL:
 * libsodium. */
void pl_noise_link_use(pl_noise_link *link, const pl_aead *aead);
void pl_noise_link_deinit(pl_noise_link *link); /* wipes; seals and opens nothing from then on */

/* Pairlink's use: identities instead of raw keys, the prologue of docs/protocol.md. */
int pl_noise_start_caller(pl_noise_handshake *hs, const pl_identity *self, const uint8_t callee_id[32]) PL_MUST_USE;
int pl_noise_start_callee(pl_noise_handshake *hs, const pl_identity *self, const uint8_t caller_id[32]) PL_MUST_USE;
/* After the callee has read message 1: PL_ECRYPTO unless the static key inside belongs to caller_id. */
int pl_noise_check_caller(const pl_noise_handshake *hs, const uint8_t caller_id[32]) PL_MUST_USE;

/* Seals size bytes of plaintext as a record: out takes size + 24 bytes; in place when plaintext == out + 8. Gives the
 * bytes written, PL_EMSGSIZE for more than a record holds, PL_ESTATE when all counters are used, PL_ECRYPTO when the
 * library that was handed in fails. */
int pl_noise_seal(pl_noise_link *link, uint8_t type, uint8_t flags, const uint8_t *plaintext, size_t size,
                  uint8_t *out) PL_MUST_USE;
/* Opens a record; plaintext takes size - 24 bytes. Gives their number, or PL_ECRYPTO (also for an old counter), which
 * changes nothing in the link; plaintext then holds nothing of the record. In place when plaintext == record + 8. */
int pl_noise_open(pl_noise_link *link, uint8_t type, uint8_t flags, const uint8_t *record, size_t size,
                  uint8_t *plaintext) PL_MUST_USE;

#endif
