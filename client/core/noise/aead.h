/* Another library's ChaCha20-Poly1305 (RFC 8439, section 2.8) for the records of a link, handed in by a shell. The
 * core's own is libsodium's; a shell that has a faster one for its processor gives this table. Keys stay with the
 * implementation from begin to end, one object a direction; one thread at a time. */
#ifndef PL_AEAD_H
#define PL_AEAD_H

#include "../base/base.h"

typedef struct pl_aead {
  void *(*begin)(const uint8_t key[32], bool sealing); /* NULL: cannot; libsodium does it then */
  /* size bytes and a tag of 16 into out, which may be where plain is. False: not done. */
  bool (*seal)(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *plain, size_t size, uint8_t *out);
  /* size bytes with their tag into plain, which may be where sealed is. False: not genuine; plain holds nothing of it.
   */
  bool (*open)(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *sealed, size_t size, uint8_t *plain);
  void (*end)(void *key); /* wipes and frees */
} pl_aead;

#endif
