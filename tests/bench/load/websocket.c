/* The client's side of RFC 6455 for the load generator: upgrade, masked frames out, frames in as a stream. A binary
 * message's payload is passed on in pieces as it arrives; text and control frames are collected first. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { OP_CONTINUE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, HEAD_LIMIT = 4096 };

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void bench_ws_key(bench_gen *g) {
  uint8_t raw[16], hash[EVP_MAX_MD_SIZE];
  unsigned hash_size = 0;
  char text[128];
  for (size_t i = 0; i < sizeof raw; i++) raw[i] = (uint8_t)bench_random(g);
  EVP_EncodeBlock((unsigned char *)g->upgrade_key, raw, sizeof raw);
  snprintf(text, sizeof text, "%s%s", g->upgrade_key, GUID);
  EVP_Digest(text, strlen(text), hash, &hash_size, EVP_sha1(), NULL);
  EVP_EncodeBlock((unsigned char *)g->accept_key, hash, (int)hash_size);
}

void bench_ws_upgrade(bench_conn *c) {
  bench_gen *g = c->gen;
  char path[128], text[640];
  g->dialect->path(c, path, sizeof path);
  const char *sub = g->dialect->subprotocol;
  int n = snprintf(text, sizeof text,
                   "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s%s%s\r\n",
                   path, g->options.host, g->options.port, g->upgrade_key, sub ? "Sec-WebSocket-Protocol: " : "",
                   sub ? sub : "", sub ? "\r\n" : "");
  bench_conn_send(c, (const uint8_t *)text, (size_t)n);
}

/* Takes the response's head. Returns how many of the bytes belong to it. */
static size_t take_head(bench_conn *c, const uint8_t *data, size_t size) {
  size_t before = c->part_size;
  if (bench_part_fill(c, before + size, data, size) != size || c->part_size > HEAD_LIMIT + c->gen->rx_size) {
    bench_conn_fail(c, "no memory for the response");
    return size;
  }
  const uint8_t *end = memmem(c->part, c->part_size, "\r\n\r\n", 4);
  if (!end) {
    if (c->part_size > HEAD_LIMIT) bench_conn_fail(c, "the response has no end");
    return size;
  }
  size_t head = (size_t)(end - c->part) + 4;
  if (memcmp(c->part, "HTTP/1.1 101", 12) != 0 ||
      !memmem(c->part, head, c->gen->accept_key, strlen(c->gen->accept_key))) {
    char line[80];
    snprintf(line, sizeof line, "refused: %.*s", (int)strcspn((const char *)c->part, "\r\n") & 63,
             (const char *)c->part);
    bench_conn_fail(c, line);
    return size;
  }
  c->part_size = 0;
  bench_conn_state(c, BENCH_GREETING);
  c->gen->dialect->opened(c);
  return head - before;
}

/* Rotates a key so that its next byte comes first. */
static uint64_t turn(uint64_t key, size_t by) {
  unsigned bits = (unsigned)(by & 3) * 8;
  return bits ? (key >> bits) | (key << (64 - bits)) : key;
}

void bench_out_put(bench_out *out, const void *data, size_t size) {
  const uint8_t *from = data;
  uint8_t *to = out->at;
  const uint64_t key = out->key;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t v;
    memcpy(&v, from + i, 8);
    v ^= key;
    memcpy(to + i, &v, 8);
  }
  for (; i < size; i++) to[i] = (uint8_t)(from[i] ^ (uint8_t)(key >> (8 * (i & 7))));
  out->at += size;
  out->key = turn(key, size);
}

bench_out bench_ws_begin(bench_gen *g, uint8_t *out, uint8_t opcode, size_t size) {
  uint32_t key = (uint32_t)bench_random(g);
  *out++ = (uint8_t)(0x80 | opcode);
  if (size < 126) {
    *out++ = (uint8_t)(0x80 | size);
  } else if (size < 65536) {
    *out++ = 0x80 | 126;
    pl_put_u16(out, (uint16_t)size);
    out += 2;
  } else {
    *out++ = 0x80 | 127;
    pl_put_u64(out, size);
    out += 8;
  }
  memcpy(out, &key, 4);
  return (bench_out){.at = out + 4, .key = ((uint64_t)key << 32) | key};
}

size_t bench_ws_frame(bench_gen *g, uint8_t *out, uint8_t opcode, const void *payload, size_t size) {
  bench_out w = bench_ws_begin(g, out, opcode, size);
  bench_out_put(&w, payload, size);
  return (size_t)(w.at - out);
}

void bench_ws_send(bench_conn *c, uint8_t opcode, const void *payload, size_t size) {
  uint8_t frame[4096];
  if (size > sizeof frame - BENCH_HEAD_MAX) abort();
  bench_conn_send(c, frame, bench_ws_frame(c->gen, frame, opcode, payload, size));
}

static void collected(bench_conn *c) {
  switch (c->opcode) {
    case OP_PING:
      bench_ws_send(c, OP_PONG, c->text, c->text_size < 125 ? c->text_size : 125);
      break;
    case OP_PONG:
      break;
    case OP_TEXT:
      if (c->gen->dialect->text)
        c->gen->dialect->text(c, c->text, c->text_size);
      else
        bench_conn_fail(c, "a text message");
      break;
    default: {
      char why[48];
      snprintf(why, sizeof why, "closed with code %d", c->text_size >= 2 ? pl_get_u16(c->text) : 1005);
      bench_conn_fail(c, why);
    }
  }
}

static void payload(bench_conn *c, const uint8_t *data, size_t size) {
  if (c->opcode == OP_BINARY || c->opcode == OP_CONTINUE) {
    c->gen->dialect->bytes(c, data, size);
    return;
  }
  if (!c->text) c->text = pl_alloc(BENCH_TEXT_MAX);
  if (!c->text) {
    bench_conn_fail(c, "no memory");
    return;
  }
  size_t room = BENCH_TEXT_MAX - c->text_size, n = size < room ? size : room;
  memcpy(c->text + c->text_size, data, n);
  c->text_size += n;
}

/* Collects a frame's head and sets in_frame once it is whole. Returns how many bytes it took. */
static size_t frame_head(bench_conn *c, const uint8_t *data, size_t size) {
  size_t took = 0;
  for (;;) {
    size_t want = 2;
    if (c->head_size >= 2) want = (c->head[1] & 0x7f) == 126 ? 4 : (c->head[1] & 0x7f) == 127 ? 10 : 2;
    if (c->head_size >= want && c->head_size >= 2) break;
    if (took == size) return took;
    c->head[c->head_size++] = data[took++];
  }
  uint8_t length = c->head[1];
  if (length & 0x80) {
    bench_conn_fail(c, "a masked frame from a server");
    return size;
  }
  c->frame_left = length == 126 ? pl_get_u16(c->head + 2) : length == 127 ? pl_get_u64(c->head + 2) : length;
  c->fin = (c->head[0] & 0x80) != 0;
  c->opcode = c->head[0] & 15;
  c->head_size = 0;
  c->text_size = 0;
  c->in_frame = true;
  return took;
}

void bench_ws_feed(bench_conn *c, const uint8_t *data, size_t size) {
  if (c->state == BENCH_UPGRADING) {
    size_t n = take_head(c, data, size);
    data += n;
    size -= n;
  }
  while (c->state >= BENCH_GREETING && !c->stopped) {
    if (!c->in_frame) {
      if (size == 0) return;
      size_t n = frame_head(c, data, size);
      data += n;
      size -= n;
      if (!c->in_frame) return;
    }
    size_t n = c->frame_left < size ? (size_t)c->frame_left : size;
    if (n) payload(c, data, n);
    data += n;
    size -= n;
    c->frame_left -= n;
    if (c->frame_left) return;
    c->in_frame = false;
    if (c->state >= BENCH_GREETING && c->opcode != OP_BINARY && c->opcode != OP_CONTINUE) collected(c);
  }
}
