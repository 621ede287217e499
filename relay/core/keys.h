/* Keys of the relay's tables. Peers choose IDs, and addresses to some degree, so every key is a seeded hash: nobody can
 * choose where an entry lands. */
#ifndef PL_RELAY_KEYS_H
#define PL_RELAY_KEYS_H

#include "state.h"

/* Hashes any bytes with the relay's seed. */
uint64_t pl_relay_hash(const pl_relay *relay, const void *data, size_t size);
/* Returns the key under which an address is limited: an IPv4 address, or the /56 of an IPv6 one. Never 0. */
uint64_t pl_relay_address_key(const pl_relay *relay, const uint8_t address[16]);
bool pl_relay_address_is_loopback(const uint8_t address[16]);
/* Returns true for an address of this machine while LOOPBACK_EXEMPT is set: limits by address do not apply to it. */
bool pl_relay_address_exempt(const pl_relay *relay, const uint8_t address[16]);

#endif
