/* See keys.h. */
#include "keys.h"

#include <sodium.h>
#include <string.h>

uint64_t pl_relay_hash(const pl_relay *relay, const void *data, size_t size) {
  uint8_t out[crypto_shorthash_BYTES];
  uint64_t value;
  crypto_shorthash(out, data, size, relay->config.hash_seed);
  memcpy(&value, out, sizeof value);
  return value;
}

uint64_t pl_relay_address_key(const pl_relay *relay, const uint8_t address[16]) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  size_t size = memcmp(address, mapped, 12) == 0 ? 16 : 7;
  uint64_t key = pl_relay_hash(relay, address, size);
  return key ? key : 1;
}

bool pl_relay_address_is_loopback(const uint8_t address[16]) {
  static const uint8_t v6[16] = {[15] = 1}, mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
  return memcmp(address, v6, 16) == 0 || memcmp(address, mapped, 13) == 0;
}

bool pl_relay_address_exempt(const pl_relay *relay, const uint8_t address[16]) {
  return pl_relay_setting_of(relay, PL_RELAY_SET_LOOPBACK_EXEMPT) && pl_relay_address_is_loopback(address);
}
