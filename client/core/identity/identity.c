/* Peer IDs as text, their checks, and the signatures of a login (docs/protocol.md, section 3).
 * Input is keys and payloads, all of them possibly hostile except this side's secret. */
#include "identity.h"

#include <sodium.h>
#include <string.h>

#include "../wire/wire.h"

#define LABEL_BYTES(label) (sizeof(label) - 1)

enum { KEY_CHARS = 52, CHECK_CHARS = 2, WELCOME_MAX = 512 };

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

int pl_identity_from_seed(pl_identity *identity, const uint8_t seed[32]) {
  if (sodium_init() < 0) return PL_ESYSTEM;
  crypto_sign_seed_keypair(identity->id, identity->secret, seed);
  return 0;
}

bool pl_seed_is_plausible(const uint8_t seed[32]) {
  int different = 0;
  for (size_t i = 0; i < PL_SEED_BYTES; i++) different += memchr(seed, seed[i], i) == NULL;
  return different >= 12; /* a random seed has fewer once in 2^80 */
}

void pl_identity_deinit(pl_identity *identity) {
  sodium_memzero(identity, sizeof *identity);
}

/* ---- text ------------------------------------------------------------------------------------------- */

/* Writes the first ten bits of the check hash: two base32 digits. */
static void id_check_digits(uint8_t digits[CHECK_CHARS], const uint8_t id[32]) {
  crypto_hash_sha256_state hash;
  uint8_t sum[32];
  crypto_hash_sha256_init(&hash);
  crypto_hash_sha256_update(&hash, (const uint8_t *)PL_LABEL_ID_CHECK, LABEL_BYTES(PL_LABEL_ID_CHECK));
  crypto_hash_sha256_update(&hash, id, 32);
  crypto_hash_sha256_final(&hash, sum);
  digits[0] = sum[0] >> 3;
  digits[1] = (uint8_t)((sum[0] & 7) << 2 | sum[1] >> 6);
}

void pl_id_format(char out[55], const uint8_t id[32]) {
  uint32_t bits = 0;
  unsigned held = 0;
  size_t n = 0;
  for (size_t i = 0; i < 32; i++) {
    bits = bits << 8 | id[i];
    for (held += 8; held >= 5; held -= 5) out[n++] = alphabet[bits >> (held - 5) & 31];
  }
  out[n++] = alphabet[bits << (5 - held) & 31]; /* one of the 256 bits is left; four zeros pad it */
  uint8_t check[CHECK_CHARS];
  id_check_digits(check, id);
  for (size_t i = 0; i < CHECK_CHARS; i++) out[n++] = alphabet[check[i]];
  out[n] = '\0';
}

static int id_digit_of(char c) {
  if (pl_ascii_is_letter((uint8_t)c)) return pl_ascii_lower((uint8_t)c) - 'a';
  if (c >= '2' && c <= '7') return c - '2' + 26;
  return -1;
}

int pl_id_parse(uint8_t out[32], const char *text, size_t size) {
  uint8_t digits[PL_ID_CHARS], id[32], check[CHECK_CHARS];
  if (size != PL_ID_CHARS) return PL_EID;
  for (size_t i = 0; i < PL_ID_CHARS; i++) {
    int digit = id_digit_of(text[i]);
    if (digit < 0) return PL_EID;
    digits[i] = (uint8_t)digit;
  }
  uint32_t bits = 0;
  unsigned held = 0;
  size_t n = 0;
  for (size_t i = 0; i < KEY_CHARS; i++) {
    bits = bits << 5 | digits[i];
    held += 5;
    if (held < 8) continue;
    held -= 8;
    id[n++] = (uint8_t)(bits >> held);
  }
  if (bits & 15) return PL_EID; /* otherwise one key would have several texts */
  id_check_digits(check, id);
  if (memcmp(check, digits + KEY_CHARS, CHECK_CHARS) != 0) return PL_EID;
  if (pl_id_check(id) != 0) return PL_EID;
  memcpy(out, id, 32);
  return 0;
}

int pl_id_check(const uint8_t id[32]) {
  return crypto_core_ed25519_is_valid_point(id) == 1 ? 0 : PL_EID;
}

/* ---- login ------------------------------------------------------------------------------------------ */

static void login_hash_sized(crypto_hash_sha512_state *hash, pl_view part) {
  uint8_t length[2];
  pl_put_u16(length, (uint16_t)part.size);
  crypto_hash_sha512_update(hash, length, sizeof length);
  if (part.size) crypto_hash_sha512_update(hash, part.data, part.size);
}

void pl_login_transcript(uint8_t t[64], pl_view hello, pl_view login) {
  crypto_hash_sha512_state hash;
  crypto_hash_sha512_init(&hash);
  crypto_hash_sha512_update(&hash, (const uint8_t *)PL_LABEL_LOGIN, LABEL_BYTES(PL_LABEL_LOGIN));
  login_hash_sized(&hash, hello);
  login_hash_sized(&hash, login);
  crypto_hash_sha512_final(&hash, t);
}

/* What the client signs: LOGIN_CLIENT ‖ T. */
enum { CLIENT_TEXT_BYTES = LABEL_BYTES(PL_LABEL_LOGIN_CLIENT) + 64 };

static void login_client_text(uint8_t out[CLIENT_TEXT_BYTES], const uint8_t t[64]) {
  memcpy(out, PL_LABEL_LOGIN_CLIENT, LABEL_BYTES(PL_LABEL_LOGIN_CLIENT));
  memcpy(out + LABEL_BYTES(PL_LABEL_LOGIN_CLIENT), t, 64);
}

void pl_login_sign_client(uint8_t signature[64], const uint8_t t[64], const pl_identity *client) {
  uint8_t text[CLIENT_TEXT_BYTES];
  login_client_text(text, t);
  crypto_sign_detached(signature, NULL, text, sizeof text, client->secret);
}

int pl_login_verify_client(const uint8_t signature[64], const uint8_t t[64], const uint8_t client_id[32]) {
  uint8_t text[CLIENT_TEXT_BYTES];
  login_client_text(text, t);
  return crypto_sign_verify_detached(signature, text, sizeof text, client_id) == 0 ? 0 : PL_ECRYPTO;
}

/* What the relay signs: LOGIN_RELAY ‖ T ‖ W. The size is 0 when W is larger than a WELCOME can be. */
enum { RELAY_TEXT_BYTES = LABEL_BYTES(PL_LABEL_LOGIN_RELAY) + 64 + WELCOME_MAX };

static size_t login_relay_text(uint8_t out[RELAY_TEXT_BYTES], const uint8_t t[64], pl_view welcome) {
  pl_writer w = pl_writer_of(out, RELAY_TEXT_BYTES);
  pl_write_bytes(&w, PL_LABEL_LOGIN_RELAY, LABEL_BYTES(PL_LABEL_LOGIN_RELAY));
  pl_write_bytes(&w, t, 64);
  pl_write_bytes(&w, welcome.data, welcome.size);
  return w.full ? 0 : pl_writer_used(&w);
}

void pl_login_sign_relay(uint8_t signature[64], const uint8_t t[64], pl_view welcome, const pl_identity *relay) {
  uint8_t text[RELAY_TEXT_BYTES];
  size_t size = login_relay_text(text, t, welcome);
  if (size == 0) {
    memset(signature, 0, 64); /* no key verifies this */
    return;
  }
  crypto_sign_detached(signature, NULL, text, size, relay->secret);
}

int pl_login_verify_relay(const uint8_t signature[64], const uint8_t t[64], pl_view welcome,
                          const uint8_t relay_id[32]) {
  uint8_t text[RELAY_TEXT_BYTES];
  size_t size = login_relay_text(text, t, welcome);
  if (size == 0 || pl_id_check(relay_id) != 0) return PL_ECRYPTO;
  return crypto_sign_verify_detached(signature, text, size, relay_id) == 0 ? 0 : PL_ECRYPTO;
}

/* ---- tokens -------------------------------------------------------------------------------------------------- */

void pl_token_hint(uint8_t hint[PL_TOKEN_HINT_BYTES], const uint8_t key[32]) {
  crypto_hash_sha256_state hash;
  uint8_t digest[32];
  crypto_hash_sha256_init(&hash);
  crypto_hash_sha256_update(&hash, (const uint8_t *)PL_LABEL_TOKEN_HINT, LABEL_BYTES(PL_LABEL_TOKEN_HINT));
  crypto_hash_sha256_update(&hash, key, 32);
  crypto_hash_sha256_final(&hash, digest);
  memcpy(hint, digest, PL_TOKEN_HINT_BYTES);
}

void pl_token_prove(uint8_t proof[PL_TOKEN_PROOF_BYTES], const uint8_t key[32], const uint8_t t[64]) {
  pl_token_hint(proof, key);
  crypto_auth_hmacsha256(proof + PL_TOKEN_HINT_BYTES, t, 64, key);
}

int pl_token_verify(const uint8_t proof[PL_TOKEN_PROOF_BYTES], const uint8_t key[32], const uint8_t t[64]) {
  uint8_t expected[PL_TOKEN_PROOF_BYTES];
  pl_token_prove(expected, key, t);
  return sodium_memcmp(proof, expected, sizeof expected) == 0 ? 0 : PL_ECRYPTO;
}
