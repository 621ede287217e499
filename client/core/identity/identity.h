/* Identity: a peer ID is an Ed25519 public key. Text form, checks, and the login proofs of docs/protocol.md,
 * section 3. There is only Ed25519 and hashing here: the relay links this, and must not be able to open a record. */
#ifndef PL_IDENTITY_H
#define PL_IDENTITY_H

#include "../base/base.h"

enum { PL_ID_BYTES = 32, PL_ID_CHARS = 54, PL_SIGNATURE_BYTES = 64, PL_TRANSCRIPT_BYTES = 64, PL_SEED_BYTES = 32 };

typedef struct pl_identity {
  uint8_t id[32];
  uint8_t secret[64]; /* libsodium's form: seed ‖ public key */
} pl_identity;

/* Makes the key pair of a seed. Returns 0, or PL_ESYSTEM when libsodium cannot be initialised. */
int pl_identity_from_seed(pl_identity *identity, const uint8_t seed[32]) PL_MUST_USE;
/* Returns false for a seed with fewer than 12 different bytes: it is not random, but for example 32 zeros of a file
 * that was cut or blanked. */
bool pl_seed_is_plausible(const uint8_t seed[32]) PL_MUST_USE;
void pl_identity_deinit(pl_identity *identity); /* wipes */

/* Writes the text form: 54 characters and a NUL. */
void pl_id_format(char out[55], const uint8_t id[32]);
/* Reads the text form of exactly `size` characters, in lower or upper case. Returns 0, or PL_EID when it is not an ID
 * or pl_id_check refuses its key. */
int pl_id_parse(uint8_t out[32], const char *text, size_t size) PL_MUST_USE;
/* Returns 0 when the key is canonical, in the prime-order group and not its neutral element, so that it also converts
 * to X25519; else PL_EID. */
int pl_id_check(const uint8_t id[32]) PL_MUST_USE;

/* Makes T of docs/protocol.md: `hello` is the whole payload, `login` the payload without its signature. The verifying
 * functions below return 0 or PL_ECRYPTO. */
void pl_login_transcript(uint8_t t[64], pl_view hello, pl_view login);
void pl_login_sign_client(uint8_t signature[64], const uint8_t t[64], const pl_identity *client);
/* Refuses keys that are not canonical or of small order, but not a key whose point has a part of small order besides
 * one of prime order: whoever registers a new ID must call pl_id_check too. */
int pl_login_verify_client(const uint8_t signature[64], const uint8_t t[64], const uint8_t client_id[32]) PL_MUST_USE;
/* `welcome` is the WELCOME payload without its signature. */
void pl_login_sign_relay(uint8_t signature[64], const uint8_t t[64], pl_view welcome, const pl_identity *relay);
int pl_login_verify_relay(const uint8_t signature[64], const uint8_t t[64], pl_view welcome,
                          const uint8_t relay_id[32]) PL_MUST_USE;

/* LOGIN's token proof, hint ‖ HMAC. `key` is the SHA-256 of the token, `t` the transcript up to the proof's length. */
enum { PL_TOKEN_HINT_BYTES = 8, PL_TOKEN_PROOF_BYTES = 40 };
void pl_token_hint(uint8_t hint[PL_TOKEN_HINT_BYTES], const uint8_t key[32]);
void pl_token_prove(uint8_t proof[PL_TOKEN_PROOF_BYTES], const uint8_t key[32], const uint8_t t[64]);
int pl_token_verify(const uint8_t proof[PL_TOKEN_PROOF_BYTES], const uint8_t key[32], const uint8_t t[64]) PL_MUST_USE;

#endif
