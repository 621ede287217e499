/* ChaCha20-Poly1305 (RFC 8439, section 2.8) of another library, for the records of a link. The core uses libsodium's; a
 * shell that has a faster one for its processor hands in this table. A link has one object for each direction, from
 * `begin` to `end`, and one thread at a time uses it. Several links may be used by several threads. */
#ifndef PL_AEAD_H
#define PL_AEAD_H

#include "../base/base.h"

enum { PL_AEAD_TAG_BYTES = 16 };

typedef struct pl_aead {
  /* Borrows the key until `end`. Returns NULL when it cannot: libsodium is used then. */
  void *(*begin)(const uint8_t key[32], bool sealing);
  /* Writes size bytes and the tag to out, which may be equal to plain. Returns false when it failed. */
  bool (*seal)(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *plain, size_t size, uint8_t *out);
  /* Opens size bytes and their tag into plain, which may be equal to sealed. Returns false when they are not genuine;
   * plain then holds nothing of them. */
  bool (*open)(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *sealed, size_t size, uint8_t *plain);
  void (*end)(void *key); /* frees, and wipes its copies of the key */
} pl_aead;

#endif
