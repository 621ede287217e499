#include "wire.h"

/* ---- readers ---- */
#define PL_MESSAGE(name)                                       \
  int pl_wire_##name##_read(pl_wire_##name *m, pl_reader *r) { \
    bool large = false;
#define PL_U8(name) m->name = pl_read_u8(r);
#define PL_U16(name) m->name = pl_read_u16(r);
#define PL_U32(name) m->name = pl_read_u32(r);
#define PL_U64(name) m->name = pl_read_u64(r);
#define PL_BYTES(name, n) pl_read_bytes(r, m->name, n);
#define PL_VAR8(name, max)                  \
  m->name = pl_read_view(r, pl_read_u8(r)); \
  large |= m->name.size > max;
#define PL_VAR16(name, max)                  \
  m->name = pl_read_view(r, pl_read_u16(r)); \
  large |= m->name.size > max;
#define PL_LIST(name, item) m->name = pl_read_view(r, (size_t)pl_read_u8(r) * item_size_##item());
#define PL_REST(name, max)                      \
  m->name = pl_read_view(r, pl_reader_left(r)); \
  large |= m->name.size > max;
#define PL_MESSAGE_END(name)                 \
  return r->bad || large ? PL_EPROTOCOL : 0; \
  }

/* Sizes of the fixed items that lists hold. */
static size_t item_size_limit(void) {
  return 6;
}
static size_t item_size_peer(void) {
  return 32;
}
static size_t item_size_channel_state(void) {
  return 25;
}
static size_t item_size_channel_ack(void) {
  return 17;
}
static size_t item_size_channel_credit(void) {
  return 9;
}
#include "wire.def"

/* ---- writers ---- */
#define PL_MESSAGE(name) void pl_wire_##name##_write(const pl_wire_##name *m, pl_writer *w) {
#define PL_U8(name) pl_write_u8(w, m->name);
#define PL_U16(name) pl_write_u16(w, m->name);
#define PL_U32(name) pl_write_u32(w, m->name);
#define PL_U64(name) pl_write_u64(w, m->name);
#define PL_BYTES(name, n) pl_write_bytes(w, m->name, n);
#define PL_VAR8(name, max)               \
  w->full |= m->name.size > max;         \
  pl_write_u8(w, (uint8_t)m->name.size); \
  pl_write_bytes(w, m->name.data, m->name.size);
#define PL_VAR16(name, max)                \
  w->full |= m->name.size > max;           \
  pl_write_u16(w, (uint16_t)m->name.size); \
  pl_write_bytes(w, m->name.data, m->name.size);
#define PL_LIST(name, item)                                     \
  w->full |= m->name.size / item_size_##item() > UINT8_MAX;     \
  pl_write_u8(w, (uint8_t)(m->name.size / item_size_##item())); \
  pl_write_bytes(w, m->name.data, m->name.size);
#define PL_REST(name, max)       \
  w->full |= m->name.size > max; \
  pl_write_bytes(w, m->name.data, m->name.size);
#define PL_MESSAGE_END(name) }
#include "wire.def"

/* ---- whole messages ---- */
#define PL_MESSAGE(name)
#define PL_U8(name)
#define PL_U16(name)
#define PL_U32(name)
#define PL_U64(name)
#define PL_BYTES(name, n)
#define PL_VAR8(name, max)
#define PL_VAR16(name, max)
#define PL_LIST(name, item)
#define PL_REST(name, max)
#define PL_MESSAGE_END(name)                                                         \
  int pl_wire_##name##_decode(pl_wire_##name *m, const void *data, size_t size) {    \
    pl_reader r = pl_reader_of(data, size);                                          \
    int rc = pl_wire_##name##_read(m, &r);                                           \
    return rc == 0 && pl_reader_left(&r) ? PL_EPROTOCOL : rc;                        \
  }                                                                                  \
  int pl_wire_##name##_encode(const pl_wire_##name *m, void *out, size_t capacity) { \
    pl_writer w = pl_writer_of(out, capacity);                                       \
    pl_wire_##name##_write(m, &w);                                                   \
    return w.full ? PL_EMSGSIZE : (int)pl_writer_used(&w);                           \
  }
#include "wire.def"

int pl_envelope_next(pl_reader *r, pl_envelope *e) {
  if (pl_reader_left(r) == 0) return 0;
  e->type = pl_read_u8(r);
  e->flags = pl_read_u8(r);
  size_t length = pl_read_u16(r);
  e->link = pl_read_u32(r);
  e->payload = pl_read_view(r, length);
  return r->bad ? PL_EPROTOCOL : 1;
}

void pl_envelope_put_header(uint8_t out[PL_CONST_ENVELOPE_HEADER_BYTES], uint8_t type, uint8_t flags, size_t length,
                            uint32_t link) {
  out[0] = type;
  out[1] = flags;
  pl_put_u16(out + 2, (uint16_t)length);
  pl_put_u32(out + 4, link);
}

int pl_frame_next(pl_reader *r, uint8_t *type, pl_view *body) {
  if (pl_reader_left(r) == 0) return 0;
  *type = pl_read_u8(r);
  size_t length = pl_read_u16(r);
  *body = pl_read_view(r, length);
  return r->bad ? PL_EPROTOCOL : 1;
}

uint32_t pl_link_number_make(bool relay_side, uint32_t generation, uint32_t slot) {
  return (relay_side ? 0x80000000u : 0u) | (generation & 0x7fffu) << 16 | (slot & 0xffffu);
}

bool pl_link_number_relay_side(uint32_t link) {
  return link >> 31;
}
uint32_t pl_link_number_generation(uint32_t link) {
  return link >> 16 & 0x7fffu;
}
uint32_t pl_link_number_slot(uint32_t link) {
  return link & 0xffffu;
}

const char *pl_reason_name(int reason) {
  switch (reason) {
#define PL_REASON(name, number, text) \
  case number:                        \
    return #name;
#include "wire.def"
  }
  return "reason";
}

const char *pl_reason_text(int reason) {
  switch (reason) {
#define PL_REASON(name, number, text) \
  case number:                        \
    return text;
#include "wire.def"
  }
  return "for a reason this version does not know";
}

const char *pl_envelope_name(int type) {
  switch (type) {
#define PL_ENVELOPE(name, number, max_bytes, sender, text) \
  case number:                                             \
    return #name;
#include "wire.def"
  }
  return "unknown";
}

int pl_envelope_max(int type) {
  switch (type) {
#define PL_ENVELOPE(name, number, max_bytes, sender, text) \
  case number:                                             \
    return max_bytes;
#include "wire.def"
  }
  return -1;
}

int pl_envelope_sender(int type) {
  switch (type) {
#define PL_ENVELOPE(name, number, max_bytes, sender, text) \
  case number:                                             \
    return PL_SENDER_##sender;
#include "wire.def"
  }
  return 0;
}

const pl_limit_info pl_limit_table[] = {
#define PL_LIMIT(name, number, initial, minimum, maximum, text) {#name, number, initial, minimum, maximum, text},
#include "wire.def"
    {0},
};
