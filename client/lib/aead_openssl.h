/* OpenSSL's ChaCha20-Poly1305 for the engine. It is several times as fast as libsodium 1.0.18's where the processor has
 * AVX2 or AVX-512 (docs/architecture.md, "Cryptography"). */
#ifndef PL_AEAD_OPENSSL_H
#define PL_AEAD_OPENSSL_H

#include "client/core/noise/aead.h"

extern const pl_aead pl_aead_openssl;

#endif
