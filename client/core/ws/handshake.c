/* The opening handshake's key: SHA-1 and base64 of RFC 6455, section 4.2.2. SHA-1 protects nothing here: it only shows
 * that both sides speak WebSocket. It is written out because libsodium does not have it. */
#include <string.h>

#include "ws.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t sha1_rotate(uint32_t v, unsigned n) {
  return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t block[64]) {
  static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (size_t i = 0; i < 16; i++) w[i] = pl_get_u32(block + 4 * i);
  for (size_t i = 16; i < 80; i++) w[i] = sha1_rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (size_t i = 0; i < 80; i++) {
    uint32_t f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
    uint32_t t = sha1_rotate(a, 5) + f + e + constants[i / 20] + w[i];
    e = d;
    d = c;
    c = sha1_rotate(b, 30);
    b = a;
    a = t;
  }
  h[0] += a;
  h[1] += b;
  h[2] += c;
  h[3] += d;
  h[4] += e;
}

/* SHA-1 of 60 bytes, the only length needed. With their padding they fill two blocks. */
static void sha1_of_60(uint8_t out[20], const uint8_t text[60]) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  uint8_t blocks[128] = {0};
  memcpy(blocks, text, 60);
  blocks[60] = 0x80;
  pl_put_u32(blocks + 124, 60 * 8);
  sha1_block(h, blocks);
  sha1_block(h, blocks + 64);
  for (size_t i = 0; i < 5; i++) pl_put_u32(out + 4 * i, h[i]);
}

bool pl_ws_key_valid(pl_view key) {
  if (key.size != PL_WS_KEY_CHARS || key.data[22] != '=' || key.data[23] != '=') return false;
  for (size_t i = 0; i < 22; i++)
    if (key.data[i] == 0 || !strchr(base64, key.data[i])) return false;
  return ((strchr(base64, key.data[21]) - base64) & 15) == 0; /* 22 digits hold 132 bits, 4 of them unused */
}

void pl_ws_accept(char out[PL_WS_ACCEPT_CHARS + 1], pl_view key) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  uint8_t text[60], sum[21] = {0}; /* one byte more than SHA-1 has, for whole groups of three */
  memcpy(text, key.data, PL_WS_KEY_CHARS);
  memcpy(text + PL_WS_KEY_CHARS, guid, 36);
  sha1_of_60(sum, text);
  for (size_t i = 0; i < 7; i++) {
    uint32_t three = (uint32_t)sum[3 * i] << 16 | (uint32_t)sum[3 * i + 1] << 8 | sum[3 * i + 2];
    for (size_t j = 0; j < 4; j++) out[4 * i + j] = base64[three >> (18 - 6 * j) & 63];
  }
  out[27] = '=';
  out[28] = '\0';
}
