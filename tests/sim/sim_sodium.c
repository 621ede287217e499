/* Stand-ins for libsodium's slow primitives, so that a seed costs milliseconds. They have the same sizes and refuse the
 * same (a changed byte, another key, a wrong nonce), but keep no secret. The executable's symbols win over the
 * library's. pl-sim-real is the same simulator without this file. pl-sim-js leaves records and hashes to
 * libsodium (SIM_REAL_RECORDS) and has the rest in js_primitives.mjs, too. */
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "sim_hash.h"

#ifndef SIM_REAL_RECORDS
/* For sim_wire_client.c, which reads the records that clients send. */
extern const bool sim_records_are_plain;
const bool sim_records_are_plain = true;
#endif

static uint64_t hash(uint64_t seed, const uint8_t *p, uint64_t n) {
  uint64_t h = sim_mix(seed, n), word;
  for (; n >= 8; p += 8, n -= 8) {
    memcpy(&word, p, 8);
    h = sim_mix(h, word);
  }
  word = 0;
  if (n) memcpy(&word, p, n);
  return sim_mix(h, word ^ 0xff);
}

static void expand(uint8_t *out, size_t words, uint64_t h) {
  for (size_t i = 0; i < words; i++) {
    uint64_t word = sim_mix(h, i);
    memcpy(out + 8 * i, &word, 8);
  }
}

int crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk, const unsigned char *seed) {
  expand(pk, 4, hash(1, seed, 32));
  memcpy(sk, seed, 32);
  memcpy(sk + 32, pk, 32);
  return 0;
}

int crypto_sign_detached(unsigned char *sig, unsigned long long *siglen, const unsigned char *m,
                         unsigned long long mlen, const unsigned char *sk) {
  if (siglen) *siglen = 64;
  expand(sig, 8, hash(hash(2, sk + 32, 32), m, mlen));
  return 0;
}

int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m, unsigned long long mlen,
                                const unsigned char *pk) {
  uint8_t expected[64];
  expand(expected, 8, hash(hash(2, pk, 32), m, mlen));
  return memcmp(expected, sig, 64) == 0 ? 0 : -1;
}

int crypto_core_ed25519_is_valid_point(const unsigned char *p) {
  return !sodium_is_zero(p, 32);
}

/* The public key is the secret with some bits flipped; a shared secret is made from the two public keys. */
static void turned(uint8_t out[32], const uint8_t in[32]) {
  for (size_t i = 0; i < 32; i++) out[i] = in[i] ^ 0x5a;
}

int crypto_sign_ed25519_pk_to_curve25519(unsigned char *x, const unsigned char *ed) {
  memcpy(x, ed, 32);
  return 0;
}

int crypto_sign_ed25519_sk_to_curve25519(unsigned char *x, const unsigned char *ed) {
  turned(x, ed + 32);
  return 0;
}

int crypto_scalarmult_base(unsigned char *q, const unsigned char *n) {
  turned(q, n);
  return 0;
}

int crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p) {
  uint8_t own[32];
  turned(own, n);
  bool first = memcmp(own, p, 32) < 0;
  expand(q, 4, hash(hash(3, first ? own : p, 32), first ? p : own, 32));
  return sodium_is_zero(p, 32) ? -1 : 0;
}

#ifndef SIM_REAL_RECORDS
static void tag_of(uint8_t tag[16], const uint8_t *sealed, uint64_t size, const uint8_t *ad, uint64_t ad_size,
                   const uint8_t *nonce, const uint8_t *key) {
  expand(tag, 2, sim_hash(hash(hash(hash(4, key, 32), nonce, 12), ad, ad_size), sealed, size));
}

int crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen, const unsigned char *m,
                                              unsigned long long mlen, const unsigned char *ad,
                                              unsigned long long adlen, const unsigned char *nsec,
                                              const unsigned char *npub, const unsigned char *k) {
  (void)nsec;
  if (mlen) memmove(c, m, mlen);
  tag_of(c + mlen, c, mlen, ad, adlen, npub, k);
  if (clen) *clen = mlen + 16;
  return 0;
}

int crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen, unsigned char *nsec,
                                              const unsigned char *c, unsigned long long clen, const unsigned char *ad,
                                              unsigned long long adlen, const unsigned char *npub,
                                              const unsigned char *k) {
  uint8_t tag[16];
  (void)nsec;
  if (clen < 16) return -1;
  tag_of(tag, c, clen - 16, ad, adlen, npub, k);
  if (memcmp(tag, c + clen - 16, 16) != 0) return -1;
  if (clen > 16) memmove(m, c, clen - 16);
  if (mlen) *mlen = clen - 16;
  return 0;
}
#endif

#ifndef SIM_REAL_RECORDS
/* ---- hashes ------------------------------------------------------------------------------------------------------ */

/* In the state, state[0] and [1] are the hash of `count` bytes without the last `count % 8`, which are in buf. */
static uint64_t hash_so_far(const crypto_hash_sha256_state *s) {
  return (uint64_t)s->state[0] << 32 | s->state[1];
}

static void hash_is(crypto_hash_sha256_state *s, uint64_t h) {
  s->state[0] = (uint32_t)(h >> 32);
  s->state[1] = (uint32_t)h;
}

static void hash_begin(crypto_hash_sha256_state *s, uint64_t seed) {
  s->count = 0;
  hash_is(s, seed);
}

int crypto_hash_sha256_init(crypto_hash_sha256_state *s) {
  hash_begin(s, 5);
  return 0;
}

/* The result depends only on the bytes, not on the pieces in which they come. */
int crypto_hash_sha256_update(crypto_hash_sha256_state *s, const unsigned char *in, unsigned long long n) {
  uint64_t h = hash_so_far(s), word;
  while (n) {
    size_t have = s->count % 8, piece = n < 8 - have ? (size_t)n : 8 - have;
    memcpy(s->buf + have, in, piece);
    s->count += piece;
    in += piece;
    n -= piece;
    if (have + piece < 8) break;
    memcpy(&word, s->buf, 8);
    h = sim_mix(h, word);
  }
  hash_is(s, h);
  return 0;
}

static uint64_t so_far_and_rest(const crypto_hash_sha256_state *s) {
  return sim_mix(hash(hash_so_far(s), s->buf, s->count % 8), s->count);
}

int crypto_hash_sha256_final(crypto_hash_sha256_state *s, unsigned char *out) {
  expand(out, 4, so_far_and_rest(s));
  return 0;
}

int crypto_hash_sha256(unsigned char *out, const unsigned char *in, unsigned long long n) {
  crypto_hash_sha256_state s;
  (void)crypto_hash_sha256_init(&s);
  (void)crypto_hash_sha256_update(&s, in, n);
  return crypto_hash_sha256_final(&s, out);
}

/* The longer hash keeps its state in the same way; its own struct is larger. */
static crypto_hash_sha256_state *shorter(crypto_hash_sha512_state *s) {
  _Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof *s, "the state fits");
  return (crypto_hash_sha256_state *)(void *)s;
}

int crypto_hash_sha512_init(crypto_hash_sha512_state *s) {
  hash_begin(shorter(s), 7);
  return 0;
}

int crypto_hash_sha512_update(crypto_hash_sha512_state *s, const unsigned char *in, unsigned long long n) {
  return crypto_hash_sha256_update(shorter(s), in, n);
}

int crypto_hash_sha512_final(crypto_hash_sha512_state *s, unsigned char *out) {
  expand(out, 8, so_far_and_rest(shorter(s)));
  return 0;
}

int crypto_auth_hmacsha256_init(crypto_auth_hmacsha256_state *s, const unsigned char *key, size_t size) {
  hash_begin(&s->ictx, hash(6, key, size));
  return 0;
}

int crypto_auth_hmacsha256_update(crypto_auth_hmacsha256_state *s, const unsigned char *in, unsigned long long n) {
  return crypto_hash_sha256_update(&s->ictx, in, n);
}

int crypto_auth_hmacsha256_final(crypto_auth_hmacsha256_state *s, unsigned char *out) {
  return crypto_hash_sha256_final(&s->ictx, out);
}

int crypto_auth_hmacsha256(unsigned char *out, const unsigned char *in, unsigned long long n,
                           const unsigned char *key) {
  crypto_auth_hmacsha256_state s;
  (void)crypto_auth_hmacsha256_init(&s, key, 32);
  (void)crypto_auth_hmacsha256_update(&s, in, n);
  return crypto_auth_hmacsha256_final(&s, out);
}
#endif

/* ---- not stand-ins, but faster than the library's ---------------------------------------------------------------- */

int sodium_memcmp(const void *a, const void *b, size_t n) {
  return memcmp(a, b, n) == 0 ? 0 : -1;
}

static uint64_t turned_left(uint64_t v, unsigned bits) {
  return v << bits | v >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned rounds) {
  while (rounds--) {
    v[0] += v[1], v[2] += v[3];
    v[1] = turned_left(v[1], 13) ^ v[0], v[3] = turned_left(v[3], 16) ^ v[2];
    v[0] = turned_left(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = turned_left(v[1], 17) ^ v[2], v[3] = turned_left(v[3], 21) ^ v[0];
    v[2] = turned_left(v[2], 32);
  }
}

static void sip_word(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  sip_rounds(v, 2);
  v[0] ^= word;
}

/* SipHash-2-4. The relay's tables ask for it in every turn; their order depends on its values, so these stay. */
int crypto_shorthash(unsigned char *out, const unsigned char *in, unsigned long long n, const unsigned char *k) {
  uint64_t key[2], word, last = (uint64_t)n << 56;
  memcpy(key, k, 16);
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                   key[1] ^ 0x7465646279746573u};
  for (; n >= 8; in += 8, n -= 8) {
    memcpy(&word, in, 8);
    sip_word(v, word);
  }
  word = 0;
  if (n) memcpy(&word, in, n);
  sip_word(v, word | last);
  v[2] ^= 0xff;
  sip_rounds(v, 4);
  word = v[0] ^ v[1] ^ v[2] ^ v[3];
  memcpy(out, &word, 8);
  return 0;
}
