#include "aead_openssl.h"

#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdatomic.h>

/* OpenSSL's contexts take 0.6 KB, twice for each link, so links do not have any: a record takes one from here, sets its
 * key, and puts it back. Threads may seal at the same time; one that finds none makes its own. */
enum { SPARE_MAX = 4 };

/* To set up OpenSSL for a record takes 0.25 µs and some 5,000 instructions. libsodium's cipher, which is the same,
 * needs no set-up but is slower for each byte. So it takes the small records. */
enum { SMALL = 256 };

static _Atomic(EVP_CIPHER_CTX *) spare[SPARE_MAX];

static EVP_CIPHER_CTX *aead_take(void) {
  for (size_t i = 0; i < SPARE_MAX; i++) {
    EVP_CIPHER_CTX *c = atomic_load_explicit(&spare[i], memory_order_relaxed) ? atomic_exchange(&spare[i], NULL) : NULL;
    if (c) return c;
  }
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  if (c && EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, NULL, NULL, 1) == 1) return c;
  EVP_CIPHER_CTX_free(c);
  return NULL;
}

static void aead_put(EVP_CIPHER_CTX *c) {
  for (size_t i = 0; c && i < SPARE_MAX; i++) {
    EVP_CIPHER_CTX *none = NULL;
    if (atomic_compare_exchange_strong(&spare[i], &none, c)) return;
  }
  EVP_CIPHER_CTX_free(c);
}

/* A spare context still has the key of the last record, so the end of a key frees them all, which wipes them. */
static void aead_end(void *key) {
  (void)key;
  for (size_t i = 0; i < SPARE_MAX; i++) EVP_CIPHER_CTX_free(atomic_exchange(&spare[i], NULL));
}

/* Returns NULL when memory ran out, or when OpenSSL's configuration excludes this cipher. */
static void *aead_begin(const uint8_t key[32], bool sealing) {
  (void)sealing;
  EVP_CIPHER_CTX *c = aead_take();
  aead_put(c);
  return c ? (void *)(uintptr_t)key : NULL;
}

static bool aead_start(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t nonce[12], pl_view ad, bool sealing) {
  int n;
  return EVP_CipherInit_ex(c, NULL, NULL, key, nonce, sealing) == 1 &&
         EVP_CipherUpdate(c, NULL, &n, ad.data, (int)ad.size) == 1;
}

/* A stream cipher returns all its output in the update; the final step only makes or checks the tag. */
static bool aead_run(EVP_CIPHER_CTX *c, const uint8_t *in, size_t size, uint8_t *out) {
  int n = 0;
  return size <= INT_MAX && (size == 0 || EVP_CipherUpdate(c, out, &n, in, (int)size) == 1) && (size_t)n == size &&
         EVP_CipherFinal_ex(c, out + size, &n) == 1;
}

static bool aead_seal(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *plain, size_t size, uint8_t *out) {
  if (size <= SMALL)
    return crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, size, ad.data, ad.size, NULL, nonce, key) == 0;
  EVP_CIPHER_CTX *c = aead_take();
  bool good = c && aead_start(c, key, nonce, ad, true) && aead_run(c, plain, size, out) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, PL_AEAD_TAG_BYTES, out + size) == 1;
  aead_put(c);
  return good;
}

static bool aead_open(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *sealed, size_t size,
                      uint8_t *plain) {
  uint8_t tag[PL_AEAD_TAG_BYTES];
  if (size <= SMALL)
    return crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, size + PL_AEAD_TAG_BYTES, ad.data,
                                                     ad.size, nonce, key) == 0;
  for (size_t i = 0; i < PL_AEAD_TAG_BYTES; i++) tag[i] = sealed[size + i];
  EVP_CIPHER_CTX *c = aead_take();
  bool good = c && aead_start(c, key, nonce, ad, false) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, PL_AEAD_TAG_BYTES, tag) == 1 &&
              aead_run(c, sealed, size, plain);
  aead_put(c);
  if (!good && size) sodium_memzero(plain, size); /* it was decrypted before the tag was checked */
  return good;
}

const pl_aead pl_aead_openssl = {aead_begin, aead_seal, aead_open, aead_end};
