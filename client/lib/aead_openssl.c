#include "aead_openssl.h"

#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>

static void aead_end(void *key) {
  EVP_CIPHER_CTX_free(key); /* wipes the key first */
}

/* Returns NULL when memory ran out, or when OpenSSL's configuration excludes this cipher. */
static void *aead_begin(const uint8_t key[32], bool sealing) {
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  if (c && EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, key, NULL, sealing) == 1) return c;
  aead_end(c);
  return NULL;
}

static bool aead_start(EVP_CIPHER_CTX *c, const uint8_t nonce[12], pl_view ad) {
  int n;
  return EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) == 1 &&
         EVP_CipherUpdate(c, NULL, &n, ad.data, (int)ad.size) == 1;
}

/* A stream cipher returns all its output in the update; the final step only makes or checks the tag. */
static bool aead_run(EVP_CIPHER_CTX *c, const uint8_t *in, size_t size, uint8_t *out) {
  int n = 0;
  return size <= INT_MAX && (size == 0 || EVP_CipherUpdate(c, out, &n, in, (int)size) == 1) && (size_t)n == size &&
         EVP_CipherFinal_ex(c, out + size, &n) == 1;
}

static bool aead_seal(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *plain, size_t size, uint8_t *out) {
  return aead_start(key, nonce, ad) && aead_run(key, plain, size, out) &&
         EVP_CIPHER_CTX_ctrl(key, EVP_CTRL_AEAD_GET_TAG, PL_AEAD_TAG_BYTES, out + size) == 1;
}

static bool aead_open(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *sealed, size_t size,
                      uint8_t *plain) {
  uint8_t tag[PL_AEAD_TAG_BYTES];
  for (size_t i = 0; i < PL_AEAD_TAG_BYTES; i++) tag[i] = sealed[size + i];
  if (aead_start(key, nonce, ad) && EVP_CIPHER_CTX_ctrl(key, EVP_CTRL_AEAD_SET_TAG, PL_AEAD_TAG_BYTES, tag) == 1 &&
      aead_run(key, sealed, size, plain))
    return true;
  if (size) sodium_memzero(plain, size); /* it was decrypted before the tag was checked */
  return false;
}

const pl_aead pl_aead_openssl = {aead_begin, aead_seal, aead_open, aead_end};
