/* See forwarded.h. The text comes from the network or the command line; it may be anything. */
#include "forwarded.h"

#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* ---- addresses -------------------------------------------------------------------------------------------------- */

/* Takes a decimal number of at most `max`, without leading zeros. Returns -1 when there is none. */
static int take_decimal(pl_view *v, int max) {
  int value = 0;
  size_t n = 0;
  while (n < v->size && v->data[n] >= '0' && v->data[n] <= '9' && n < 4) value = 10 * value + (v->data[n++] - '0');
  if (n == 0 || value > max || (n > 1 && v->data[0] == '0')) return -1;
  *v = (pl_view){v->data + n, v->size - n};
  return value;
}

static bool take_char(pl_view *v, char c) {
  if (!v->size || v->data[0] != (uint8_t)c) return false;
  *v = (pl_view){v->data + 1, v->size - 1};
  return true;
}

static int parse_v4(pl_view v, uint8_t out[4]) {
  for (int i = 0; i < 4; i++) {
    if (i && !take_char(&v, '.')) return PL_EINVAL;
    int part = take_decimal(&v, 255);
    if (part < 0) return PL_EINVAL;
    out[i] = (uint8_t)part;
  }
  return v.size ? PL_EINVAL : 0;
}

static int hex_of(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes up to four hexadecimal digits as two bytes. */
static bool take_group(pl_view *v, uint8_t out[2]) {
  uint32_t value = 0;
  size_t n = 0;
  while (n < v->size && n < 4 && hex_of(v->data[n]) >= 0) value = 16 * value + (uint32_t)hex_of(v->data[n++]);
  if (n == 0) return false;
  pl_put_u16(out, (uint16_t)value);
  *v = (pl_view){v->data + n, v->size - n};
  return true;
}

/* Reads groups and perhaps an IPv4 address behind them. *gap becomes the place of "::" in bytes, or -1. Returns the
 * bytes written, or -1. */
static int take_groups(pl_view v, uint8_t out[16], int *gap) {
  int n = 0;
  *gap = -1;
  if (v.size >= 2 && v.data[0] == ':' && v.data[1] == ':') {
    *gap = 0;
    v = (pl_view){v.data + 2, v.size - 2};
  }
  while (v.size) {
    const uint8_t *colon = memchr(v.data, ':', v.size);
    if (!colon && n <= 12 && parse_v4(v, out + n) == 0) return n + 4;
    if (n == 16 || !take_group(&v, out + n)) return -1;
    n += 2;
    if (!v.size) return n;
    if (!take_char(&v, ':') || !v.size) return -1;
    if (!take_char(&v, ':')) continue;
    if (*gap >= 0) return -1;
    *gap = n;
  }
  return n;
}

static int parse_v6(pl_view v, uint8_t out[16]) {
  uint8_t bytes[16] = {0};
  int gap, n = take_groups(v, bytes, &gap);
  if (n < 0 || (gap < 0 ? n != 16 : n > 14)) return PL_EINVAL;
  memset(out, 0, 16);
  if (gap < 0) gap = n;
  memcpy(out, bytes, (size_t)gap);
  memcpy(out + 16 - (n - gap), bytes + gap, (size_t)(n - gap));
  return 0;
}

static bool is_port(pl_view v) {
  if (!v.size) return true;
  return take_char(&v, ':') && take_decimal(&v, 9999) >= 0 &&
         (v.size == 0 || (v.size == 1 && take_decimal(&v, 9) >= 0));
}

int pl_relay_address_parse(pl_view text, uint8_t out[16]) {
  const uint8_t *end = text.size ? memchr(text.data, ']', text.size) : NULL;
  if (text.size && text.data[0] == '[') {
    if (!end) return PL_EINVAL;
    size_t inside = (size_t)(end - text.data) - 1;
    if (!is_port((pl_view){end + 1, text.size - inside - 2})) return PL_EINVAL;
    return parse_v6((pl_view){text.data + 1, inside}, out);
  }
  const uint8_t *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
  size_t host = colon ? (size_t)(colon - text.data) : text.size;
  if (parse_v4((pl_view){text.data, host}, out + 12) == 0 && is_port((pl_view){text.data + host, text.size - host})) {
    memcpy(out, mapped, sizeof mapped);
    return 0;
  }
  return parse_v6(text, out);
}

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

static bool same_bits(const uint8_t a[16], const uint8_t b[16], unsigned bits) {
  unsigned rest = bits % 8;
  if (memcmp(a, b, bits / 8) != 0) return false;
  return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

int pl_relay_cidr_parse(pl_view text, pl_relay_cidr *out) {
  static const uint8_t zeros[16];
  const uint8_t *slash = text.size ? memchr(text.data, '/', text.size) : NULL;
  pl_view address = {text.data, slash ? (size_t)(slash - text.data) : text.size};
  if (pl_relay_address_parse(address, out->address) != 0) return PL_EINVAL;
  bool v4 = memcmp(out->address, mapped, sizeof mapped) == 0 && !memchr(address.data, ':', address.size);
  int bits = v4 ? 32 : 128;
  if (slash) {
    pl_view number = {slash + 1, text.size - address.size - 1};
    bits = take_decimal(&number, bits);
    if (bits < 0 || number.size) return PL_EINVAL;
  }
  out->bits = (uint8_t)(v4 ? bits + 96 : bits);
  uint8_t beyond[16];
  memcpy(beyond, out->address, 16);
  for (unsigned i = 0; i < out->bits; i++) beyond[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
  return memcmp(beyond, zeros, 16) == 0 ? 0 : PL_EINVAL;
}

bool pl_relay_cidr_has(const pl_relay_cidr *ranges, size_t count, const uint8_t address[16]) {
  for (size_t i = 0; i < count; i++)
    if (same_bits(ranges[i].address, address, ranges[i].bits)) return true;
  return false;
}

/* ---- X-Forwarded-For --------------------------------------------------------------------------------------------- */

/* Takes the last hop off the list, without the blanks around it. */
static pl_view take_last(pl_view *list) {
  size_t at = list->size;
  while (at && list->data[at - 1] != ',') at--;
  pl_view hop = {list->data + at, list->size - at};
  list->size = at ? at - 1 : 0;
  while (hop.size && (hop.data[0] == ' ' || hop.data[0] == '\t')) hop = (pl_view){hop.data + 1, hop.size - 1};
  while (hop.size && (hop.data[hop.size - 1] == ' ' || hop.data[hop.size - 1] == '\t')) hop.size--;
  return hop;
}

int pl_relay_forwarded_for(pl_view header, const pl_relay_cidr *trusted, size_t count, uint8_t out[16]) {
  uint8_t hop[16];
  bool found = false;
  while (header.size) {
    if (pl_relay_address_parse(take_last(&header), hop) != 0) return PL_EINVAL;
    memcpy(out, hop, 16);
    found = true;
    if (!pl_relay_cidr_has(trusted, count, hop)) return 0;
  }
  return found ? 0 : PL_EINVAL;
}
