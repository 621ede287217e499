/* The safety phrase. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "../words/words.h"
#include "code.h"

static void phrase_stretch(uint8_t h[64], const uint8_t id[32]) {
  crypto_hash_sha512_state hash;
  crypto_hash_sha512_init(&hash);
  crypto_hash_sha512_update(&hash, (const uint8_t *)PL_LABEL_PHRASE, sizeof PL_LABEL_PHRASE - 1);
  crypto_hash_sha512_update(&hash, id, 32);
  crypto_hash_sha512_final(&hash, h);
  for (int i = 0; i < PL_CONST_PHRASE_ROUNDS; i++) {
    crypto_hash_sha512_init(&hash);
    crypto_hash_sha512_update(&hash, h, 64);
    crypto_hash_sha512_update(&hash, id, 32);
    crypto_hash_sha512_final(&hash, h);
  }
}

/* Returns the eleven bits that start at this bit. */
static uint16_t phrase_bits_at(const uint8_t h[64], size_t bit) {
  uint32_t three = (uint32_t)h[bit / 8] << 16 | (uint32_t)h[bit / 8 + 1] << 8 | h[bit / 8 + 2];
  return (uint16_t)(three >> (24 - 11 - bit % 8) & (PL_CONST_WORDS_COUNT - 1));
}

static size_t phrase_put(char *out, size_t size, const uint8_t id[32], bool first) {
  uint8_t h[64];
  size_t used = 0;
  phrase_stretch(h, id);
  for (size_t i = 0; i < PL_CONST_PHRASE_WORDS; i++) {
    int n = snprintf(out + used, size - used, "%s%s", i || !first ? " " : "", pl_word(phrase_bits_at(h, 11 * i)));
    used += n > 0 ? (size_t)n : 0;
  }
  return used;
}

void pl_phrase(char out[PL_PHRASE_TEXT_MAX], const uint8_t id[32], const uint8_t other[32]) {
  bool ordered = memcmp(id, other, 32) <= 0;
  size_t used = phrase_put(out, PL_PHRASE_TEXT_MAX, ordered ? id : other, true);
  (void)phrase_put(out + used, PL_PHRASE_TEXT_MAX - used, ordered ? other : id, false);
}
