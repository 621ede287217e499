/* The addresses of clients behind trusted proxies: ranges of proxies, and what their X-Forwarded-For says. */
#ifndef PL_RELAY_FORWARDED_H
#define PL_RELAY_FORWARDED_H

#include "../../client/core/base/base.h"

/* A range of addresses. IPv4 is mapped into IPv6, and `bits` counts from there. */
typedef struct pl_relay_cidr {
  uint8_t address[16];
  uint8_t bits;
} pl_relay_cidr;

/* Reads "10.0.0.0/8", "fd00::/8" or "127.0.0.1". Bits beyond the range must be zero. Returns 0 or PL_EINVAL. */
int pl_relay_cidr_parse(pl_view text, pl_relay_cidr *out) PL_MUST_USE;
bool pl_relay_cidr_has(const pl_relay_cidr *ranges, size_t count, const uint8_t address[16]);
/* Reads "192.0.2.1" or "2001:db8::1", also in brackets and with a port: "[::1]:80", "192.0.2.1:80". Returns 0 or
 * PL_EINVAL. */
int pl_relay_address_parse(pl_view text, uint8_t out[16]) PL_MUST_USE;
/* Finds the last hop of an X-Forwarded-For that is not a trusted proxy, or the first hop when all are trusted. Returns
 * PL_EINVAL when the header is empty, or something that is not an address follows that hop. */
int pl_relay_forwarded_for(pl_view header, const pl_relay_cidr *trusted, size_t count, uint8_t out[16]) PL_MUST_USE;

#endif
