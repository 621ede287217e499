/* Noise IK and sealed records on libsodium. Names follow the Noise specification, revision 34, section 5.
 * Input is handshake messages and records of any content. A handshake that failed is wiped and refuses every later
 * call; a record opens at most once and only in order; a Diffie-Hellman result of zeros ends the handshake. */
#include "noise.h"

#include <sodium.h>
#include <string.h>

#include "../wire/wire.h"

enum { NOISE_MESSAGE_MAX = 65535, MESSAGES = 2, NEXT_SPLIT = MESSAGES, NEXT_NOTHING = 0xff, COUNTER_BYTES = 8 };

typedef enum token { END, E, S, EE, ES, SE, SS } token;

static const char protocol_name[] = "Noise_IK_25519_ChaChaPoly_SHA256"; /* 32 bytes: h starts as the name itself */
/* The pre-message is the responder's static key. In IK a Diffie-Hellman result is mixed in before anything is
 * encrypted, so there is always a key. */
static const token pattern_ik[MESSAGES][5] = {{E, ES, S, SS, END}, {E, EE, SE, END}};
static const size_t overhead[MESSAGES] = {PL_NOISE_MESSAGE1_OVERHEAD, PL_NOISE_MESSAGE2_OVERHEAD};

/* ---- symmetric state -------------------------------------------------------------------------------- */

static void mix_hash(pl_noise_handshake *hs, const uint8_t *data, size_t size) {
  crypto_hash_sha256_state hash;
  crypto_hash_sha256_init(&hash);
  crypto_hash_sha256_update(&hash, hs->h, sizeof hs->h);
  if (size) crypto_hash_sha256_update(&hash, data, size);
  crypto_hash_sha256_final(&hash, hs->h);
}

static void noise_hmac(uint8_t out[32], const uint8_t key[32], const uint8_t *data, size_t size, uint8_t last) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key, 32);
  if (size) crypto_auth_hmacsha256_update(&state, data, size);
  if (last) crypto_auth_hmacsha256_update(&state, &last, 1);
  crypto_auth_hmacsha256_final(&state, out);
  sodium_memzero(&state, sizeof state);
}

/* HKDF with two outputs; `first` may be the chaining key itself. */
static void noise_hkdf(uint8_t first[32], uint8_t second[32], const uint8_t chaining_key[32], const uint8_t *input,
                       size_t size) {
  uint8_t temporary[32], block[33];
  noise_hmac(temporary, chaining_key, input, size, 0);
  noise_hmac(block, temporary, NULL, 0, 1);
  memcpy(first, block, 32);
  noise_hmac(second, temporary, block, 32, 2);
  sodium_memzero(temporary, sizeof temporary);
  sodium_memzero(block, sizeof block);
}

static void nonce_of(uint8_t nonce[12], uint64_t n) {
  memset(nonce, 0, 4);
  for (unsigned i = 0; i < 8; i++) nonce[4 + i] = (uint8_t)(n >> 8 * i);
}

static void encrypt_and_hash(pl_noise_handshake *hs, uint8_t *out, const uint8_t *plain, size_t size) {
  uint8_t nonce[12];
  nonce_of(nonce, hs->n++);
  crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, size, hs->h, sizeof hs->h, NULL, nonce, hs->k);
  mix_hash(hs, out, size + PL_AEAD_TAG_BYTES);
}

static int decrypt_and_hash(pl_noise_handshake *hs, uint8_t *plain, const uint8_t *sealed, size_t size) {
  uint8_t nonce[12];
  nonce_of(nonce, hs->n++);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, size, hs->h, sizeof hs->h, nonce, hs->k) !=
      0)
    return PL_ECRYPTO;
  mix_hash(hs, sealed, size);
  return 0;
}

/* ---- handshake -------------------------------------------------------------------------------------- */

/* libsodium refuses a result of zeros. */
static int mix_dh(pl_noise_handshake *hs, const uint8_t secret[32], const uint8_t public[32]) {
  uint8_t shared[32];
  int rc = crypto_scalarmult(shared, secret, public) == 0 ? 0 : PL_ECRYPTO;
  if (rc == 0) {
    noise_hkdf(hs->ck, hs->k, hs->ck, shared, sizeof shared);
    hs->n = 0;
  }
  sodium_memzero(shared, sizeof shared);
  return rc;
}

static int mix_token(pl_noise_handshake *hs, token t) {
  switch (t) {
    case EE:
      return mix_dh(hs, hs->e, hs->re);
    case ES:
      return hs->initiator ? mix_dh(hs, hs->e, hs->rs) : mix_dh(hs, hs->s, hs->re);
    case SE:
      return hs->initiator ? mix_dh(hs, hs->s, hs->re) : mix_dh(hs, hs->e, hs->rs);
    default:
      return mix_dh(hs, hs->s, hs->rs);
  }
}

static int noise_fail(pl_noise_handshake *hs) {
  pl_noise_handshake_deinit(hs);
  return PL_ECRYPTO;
}

int pl_noise_init(pl_noise_handshake *hs, bool initiator, pl_view prologue, const uint8_t static_secret[32],
                  const uint8_t *remote_static_or_null) {
  pl_noise_handshake_deinit(hs);
  if (sodium_init() < 0) return PL_ESYSTEM;
  if (initiator && !remote_static_or_null) return PL_EINVAL;
  _Static_assert(sizeof protocol_name - 1 == sizeof hs->h, "a longer name would have to be hashed");
  memcpy(hs->h, protocol_name, sizeof hs->h);
  memcpy(hs->ck, hs->h, sizeof hs->ck);
  mix_hash(hs, prologue.data, prologue.size);
  hs->initiator = initiator;
  memcpy(hs->s, static_secret, 32);
  crypto_scalarmult_base(hs->s_public, hs->s);
  if (initiator) memcpy(hs->rs, remote_static_or_null, 32);
  mix_hash(hs, initiator ? hs->rs : hs->s_public, 32);
  hs->next = 0;
  return 0;
}

/* The initiator writes message 1 and reads message 2. */
static bool noise_may(const pl_noise_handshake *hs, bool write) {
  return hs->next < MESSAGES && (hs->initiator == (hs->next == 0)) == write;
}

int pl_noise_write(pl_noise_handshake *hs, const uint8_t ephemeral_secret[32], pl_view payload, uint8_t *out,
                   size_t capacity) {
  if (!noise_may(hs, true)) return PL_ESTATE;
  size_t extra = overhead[hs->next];
  if (capacity < extra || payload.size > capacity - extra || payload.size > NOISE_MESSAGE_MAX - extra)
    return PL_EMSGSIZE;
  memcpy(hs->e, ephemeral_secret, 32);
  uint8_t *at = out;
  for (const token *t = pattern_ik[hs->next]; *t != END; t++) {
    if (*t == E) {
      crypto_scalarmult_base(hs->e_public, hs->e);
      mix_hash(hs, hs->e_public, 32);
      memcpy(at, hs->e_public, 32);
      at += 32;
    } else if (*t == S) {
      encrypt_and_hash(hs, at, hs->s_public, 32);
      at += 32 + PL_AEAD_TAG_BYTES;
    } else if (mix_token(hs, *t) != 0) {
      return noise_fail(hs);
    }
  }
  encrypt_and_hash(hs, at, payload.data, payload.size);
  hs->next++;
  return (int)(payload.size + extra);
}

int pl_noise_read(pl_noise_handshake *hs, pl_view message, uint8_t *payload, size_t capacity) {
  if (!noise_may(hs, false)) return PL_ESTATE;
  size_t extra = overhead[hs->next];
  if (message.size < extra || message.size > NOISE_MESSAGE_MAX) return noise_fail(hs);
  if (message.size - extra > capacity) return PL_EMSGSIZE;
  const uint8_t *at = message.data;
  for (const token *t = pattern_ik[hs->next]; *t != END; t++) {
    if (*t == E) {
      memcpy(hs->re, at, 32);
      mix_hash(hs, hs->re, 32);
      at += 32;
    } else if (*t == S) {
      if (decrypt_and_hash(hs, hs->rs, at, 32 + PL_AEAD_TAG_BYTES) != 0) return noise_fail(hs);
      at += 32 + PL_AEAD_TAG_BYTES;
    } else if (mix_token(hs, *t) != 0) {
      return noise_fail(hs);
    }
  }
  if (decrypt_and_hash(hs, payload, at, message.size - extra + PL_AEAD_TAG_BYTES) != 0) return noise_fail(hs);
  hs->next++;
  return (int)(message.size - extra);
}

int pl_noise_split(pl_noise_handshake *hs, pl_noise_link *link) {
  if (hs->next != NEXT_SPLIT) return PL_ESTATE;
  uint8_t *first = hs->initiator ? link->send_key : link->receive_key;
  uint8_t *second = hs->initiator ? link->receive_key : link->send_key;
  noise_hkdf(first, second, hs->ck, NULL, 0);
  link->next_counter = 0;
  link->received_counter = UINT64_MAX;
  link->aead = NULL;
  link->sealing = link->opening = NULL;
  pl_noise_handshake_deinit(hs);
  return 0;
}

void pl_noise_handshake_deinit(pl_noise_handshake *hs) {
  sodium_memzero(hs, sizeof *hs);
  hs->next = NEXT_NOTHING;
}

void pl_noise_link_use(pl_noise_link *link, const pl_aead *aead) {
  link->aead = aead;
  link->sealing = aead ? aead->begin(link->send_key, true) : NULL;
  link->opening = aead ? aead->begin(link->receive_key, false) : NULL;
}

void pl_noise_link_deinit(pl_noise_link *link) {
  if (link->sealing) link->aead->end(link->sealing);
  if (link->opening) link->aead->end(link->opening);
  sodium_memzero(link, sizeof *link);
  link->next_counter = UINT64_MAX; /* so that nothing is sealed or opened with the wiped keys */
  link->received_counter = UINT64_MAX - 1;
}

/* ---- identities ------------------------------------------------------------------------------------- */

static int x25519_of(uint8_t x25519[32], const uint8_t id[32]) {
  if (pl_id_check(id) != 0) return PL_EID;
  return crypto_sign_ed25519_pk_to_curve25519(x25519, id) == 0 ? 0 : PL_EID;
}

static int noise_start(pl_noise_handshake *hs, bool caller, const pl_identity *self, const uint8_t other_id[32]) {
  uint8_t prologue[sizeof PL_LABEL_PROLOGUE - 1 + 64], secret[32], other[32];
  pl_noise_handshake_deinit(hs);
  int rc = x25519_of(other, other_id);
  if (rc != 0) return rc;
  pl_writer w = pl_writer_of(prologue, sizeof prologue);
  pl_write_bytes(&w, PL_LABEL_PROLOGUE, sizeof PL_LABEL_PROLOGUE - 1);
  pl_write_bytes(&w, caller ? self->id : other_id, 32);
  pl_write_bytes(&w, caller ? other_id : self->id, 32);
  crypto_sign_ed25519_sk_to_curve25519(secret, self->secret);
  rc = pl_noise_init(hs, caller, (pl_view){prologue, sizeof prologue}, secret, caller ? other : NULL);
  sodium_memzero(secret, sizeof secret);
  return rc;
}

int pl_noise_start_caller(pl_noise_handshake *hs, const pl_identity *self, const uint8_t callee_id[32]) {
  return noise_start(hs, true, self, callee_id);
}

int pl_noise_start_callee(pl_noise_handshake *hs, const pl_identity *self, const uint8_t caller_id[32]) {
  return noise_start(hs, false, self, caller_id);
}

int pl_noise_check_caller(const pl_noise_handshake *hs, const uint8_t caller_id[32]) {
  uint8_t expected[32];
  if (hs->initiator || hs->next != 1 || x25519_of(expected, caller_id) != 0) return PL_ECRYPTO;
  return sodium_memcmp(expected, hs->rs, 32) == 0 ? 0 : PL_ECRYPTO;
}

/* ---- records ---------------------------------------------------------------------------------------- */

int pl_noise_seal(pl_noise_link *link, uint8_t type, uint8_t flags, const uint8_t *plaintext, size_t size,
                  uint8_t *out) {
  if (size > PL_CONST_RECORD_PLAINTEXT_MAX) return PL_EMSGSIZE;
  if (link->next_counter == UINT64_MAX) return PL_ESTATE; /* Noise reserves the last nonce */
  uint8_t nonce[12], ad[2] = {type, flags};
  uint64_t counter = link->next_counter++;
  nonce_of(nonce, counter);
  if (!link->sealing)
    crypto_aead_chacha20poly1305_ietf_encrypt(out + COUNTER_BYTES, NULL, plaintext, size, ad, sizeof ad, NULL, nonce,
                                              link->send_key);
  else if (!link->aead->seal(link->sealing, nonce, (pl_view){ad, sizeof ad}, plaintext, size, out + COUNTER_BYTES))
    return PL_ECRYPTO;
  pl_put_u64(out, counter);
  return (int)(size + PL_CONST_RECORD_OVERHEAD_BYTES);
}

int pl_noise_open(pl_noise_link *link, uint8_t type, uint8_t flags, const uint8_t *record, size_t size,
                  uint8_t *plaintext) {
  if (size < PL_CONST_RECORD_OVERHEAD_BYTES || size > PL_CONST_ENVELOPE_PAYLOAD_MAX) return PL_ECRYPTO;
  uint64_t counter = pl_get_u64(record);
  bool first = link->received_counter == UINT64_MAX;
  if (counter == UINT64_MAX || (!first && counter <= link->received_counter)) return PL_ECRYPTO;
  uint8_t nonce[12], ad[2] = {type, flags};
  nonce_of(nonce, counter);
  const uint8_t *sealed = record + COUNTER_BYTES;
  size_t plain_size = size - PL_CONST_RECORD_OVERHEAD_BYTES;
  bool genuine = link->opening
                     ? link->aead->open(link->opening, nonce, (pl_view){ad, sizeof ad}, sealed, plain_size, plaintext)
                     : crypto_aead_chacha20poly1305_ietf_decrypt(plaintext, NULL, NULL, sealed, size - COUNTER_BYTES,
                                                                 ad, sizeof ad, nonce, link->receive_key) == 0;
  if (!genuine) return PL_ECRYPTO;
  link->received_counter = counter;
  return (int)plain_size;
}
