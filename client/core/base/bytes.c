/* Readers and writers of big-endian integers, UTF-8, and comparisons of text. */
#include "base.h"

#include <string.h>

uint16_t pl_get_u16(const uint8_t *p) {
  return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t pl_get_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t pl_get_u64(const uint8_t *p) {
  return (uint64_t)pl_get_u32(p) << 32 | pl_get_u32(p + 4);
}

void pl_put_u16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}

void pl_put_u32(uint8_t *p, uint32_t v) {
  pl_put_u16(p, (uint16_t)(v >> 16));
  pl_put_u16(p + 2, (uint16_t)v);
}

void pl_put_u64(uint8_t *p, uint64_t v) {
  pl_put_u32(p, (uint32_t)(v >> 32));
  pl_put_u32(p + 4, (uint32_t)v);
}

pl_reader pl_reader_of(const void *data, size_t size) {
  const uint8_t *p = data;
  return (pl_reader){.at = p, .end = size ? p + size : p};
}

size_t pl_reader_left(const pl_reader *r) {
  return (size_t)(r->end - r->at);
}

/* Returns the next n bytes, or NULL when fewer are left; from then on nothing more is read. */
static const uint8_t *reader_take(pl_reader *r, size_t n) {
  if (r->bad || pl_reader_left(r) < n) {
    r->bad = true;
    r->at = r->end;
    return NULL;
  }
  const uint8_t *p = r->at;
  if (n) r->at += n;
  return p;
}

uint8_t pl_read_u8(pl_reader *r) {
  const uint8_t *p = reader_take(r, 1);
  return p ? *p : 0;
}

uint16_t pl_read_u16(pl_reader *r) {
  const uint8_t *p = reader_take(r, 2);
  return p ? pl_get_u16(p) : 0;
}

uint32_t pl_read_u32(pl_reader *r) {
  const uint8_t *p = reader_take(r, 4);
  return p ? pl_get_u32(p) : 0;
}

uint64_t pl_read_u64(pl_reader *r) {
  const uint8_t *p = reader_take(r, 8);
  return p ? pl_get_u64(p) : 0;
}

void pl_read_bytes(pl_reader *r, void *out, size_t n) {
  const uint8_t *p = reader_take(r, n);
  if (p && n)
    memcpy(out, p, n);
  else if (n)
    memset(out, 0, n);
}

pl_view pl_read_view(pl_reader *r, size_t n) {
  const uint8_t *p = reader_take(r, n);
  return p ? (pl_view){p, n} : (pl_view){NULL, 0};
}

pl_writer pl_writer_of(void *data, size_t size) {
  uint8_t *p = data;
  return (pl_writer){.start = p, .at = p, .end = size ? p + size : p};
}

size_t pl_writer_used(const pl_writer *w) {
  return (size_t)(w->at - w->start);
}

/* Returns room for the next n bytes, or NULL when there is less; from then on nothing more is written. */
static uint8_t *writer_take(pl_writer *w, size_t n) {
  if (w->full || (size_t)(w->end - w->at) < n) {
    w->full = true;
    return NULL;
  }
  uint8_t *p = w->at;
  if (n) w->at += n;
  return p;
}

void pl_write_u8(pl_writer *w, uint8_t v) {
  uint8_t *p = writer_take(w, 1);
  if (p) *p = v;
}

void pl_write_u16(pl_writer *w, uint16_t v) {
  uint8_t *p = writer_take(w, 2);
  if (p) pl_put_u16(p, v);
}

void pl_write_u32(pl_writer *w, uint32_t v) {
  uint8_t *p = writer_take(w, 4);
  if (p) pl_put_u32(p, v);
}

void pl_write_u64(pl_writer *w, uint64_t v) {
  uint8_t *p = writer_take(w, 8);
  if (p) pl_put_u64(p, v);
}

void pl_write_bytes(pl_writer *w, const void *data, size_t n) {
  uint8_t *p = writer_take(w, n);
  if (p && n) memcpy(p, data, n);
}

bool pl_view_equals(pl_view v, const char *text) {
  return v.size == strlen(text) && memcmp(v.data, text, v.size) == 0;
}

bool pl_view_is(pl_view v, const char *text) {
  if (v.size != strlen(text)) return false;
  for (size_t i = 0; i < v.size; i++)
    if (pl_ascii_lower(v.data[i]) != pl_ascii_lower((uint8_t)text[i])) return false;
  return true;
}

size_t pl_utf8_read(const uint8_t *text, size_t size, uint32_t *value) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (!size) return 0;
  const uint8_t c = text[0];
  size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  if (n == 0 || n > size) return 0;
  *value = n == 1 ? c : c & (0x7fU >> n);
  for (size_t i = 1; i < n; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    *value = *value << 6 | (text[i] & 0x3fU);
  }
  return *value < least[n] || *value > 0x10ffff || (*value >= 0xd800 && *value < 0xe000) ? 0 : n;
}
