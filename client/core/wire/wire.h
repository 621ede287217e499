/* The wire codec, generated from schema/wire.def by the preprocessor.
 *
 * For each PL_MESSAGE(x) of the table there are
 *   pl_wire_x                       a struct; variable fields are pl_view, borrowed from the decoded bytes
 *   pl_wire_x_decode(&m, p, n)      returns 0, or PL_EPROTOCOL when the n bytes are not exactly one message
 *   pl_wire_x_read(&m, &r)          the same for the next item of a reader, which may have more behind it
 *   pl_wire_x_encode(&m, p, n)      returns the bytes written, or PL_EMSGSIZE when n is too small or a field too large
 *   pl_wire_x_write(&m, &w)         the same for a writer, which becomes full
 * A PL_LIST field is a pl_view of whole items: read each with the item's own pl_wire_x_read.
 * Streams of items (envelopes in a message, frames in a record) use pl_envelope_next and pl_frame_next. */
#ifndef PL_WIRE_H
#define PL_WIRE_H

#include "../base/base.h"

enum {
#define PL_CONSTANT(name, value, text) PL_CONST_##name = (int)(uint32_t)(value),
#define PL_ENVELOPE(name, number, max_bytes, sender, text) PL_ENV_##name = number,
#define PL_FRAME(name, number, text) PL_FRAME_##name = number,
#define PL_REASON(name, number, text) PL_REASON_##name = number,
#define PL_LIMIT(name, number, initial, minimum, maximum, text) \
  PL_LIMIT_##name = number, PL_LIMIT_HIGHEST_##name = maximum,
#define PL_EXTENSION(name, number, text) PL_EXT_##name = number,
#include "wire.def"
};

/* Who sends an envelope type: bits. */
enum { PL_SENDER_CLIENT = 1, PL_SENDER_RELAY = 2, PL_SENDER_BOTH = PL_SENDER_CLIENT | PL_SENDER_RELAY };

#define PL_REASON_IS_RETRYABLE(reason) ((reason) < 0x100)

/* Labels: they are hashed and signed without their final NUL. */
#define PL_LABEL(name, string) static const char PL_LABEL_##name[] __attribute__((unused)) = string;
#include "wire.def"

#define PL_MESSAGE(name) typedef struct pl_wire_##name {
#define PL_U8(name) uint8_t name;
#define PL_U16(name) uint16_t name;
#define PL_U32(name) uint32_t name;
#define PL_U64(name) uint64_t name;
#define PL_BYTES(name, n) uint8_t name[n];
#define PL_VAR8(name, max) pl_view name;
#define PL_VAR16(name, max) pl_view name;
#define PL_LIST(name, item) pl_view name;
#define PL_REST(name, max) pl_view name;
#define PL_MESSAGE_END(name)                                                                    \
  }                                                                                             \
  pl_wire_##name;                                                                               \
  int pl_wire_##name##_decode(pl_wire_##name *m, const void *data, size_t size) PL_MUST_USE;    \
  int pl_wire_##name##_read(pl_wire_##name *m, pl_reader *r) PL_MUST_USE;                       \
  int pl_wire_##name##_encode(const pl_wire_##name *m, void *out, size_t capacity) PL_MUST_USE; \
  void pl_wire_##name##_write(const pl_wire_##name *m, pl_writer *w);
#include "wire.def"

/* An envelope in a WebSocket message; the payload is borrowed. */
typedef struct pl_envelope {
  uint8_t type, flags;
  uint32_t link;
  pl_view payload;
} pl_envelope;

/* Reads the next envelope of a message. Returns 1, 0 at the end, or PL_EPROTOCOL when the envelope is longer than the
 * message. */
int pl_envelope_next(pl_reader *r, pl_envelope *e) PL_MUST_USE;
void pl_envelope_put_header(uint8_t out[PL_CONST_ENVELOPE_HEADER_BYTES], uint8_t type, uint8_t flags, size_t length,
                            uint32_t link);
/* Reads the next frame of a record, with the same results. */
int pl_frame_next(pl_reader *r, uint8_t *type, pl_view *body) PL_MUST_USE;

/* A link number: which side numbered the link (the relay or the client), the generation of its slot, and the slot. */
uint32_t pl_link_number_make(bool relay_side, uint32_t generation, uint32_t slot);
bool pl_link_number_relay_side(uint32_t link);
uint32_t pl_link_number_generation(uint32_t link);
uint32_t pl_link_number_slot(uint32_t link);

const char *pl_reason_name(int reason); /* "UNAVAILABLE"; "reason" for an unknown one */
const char *pl_reason_text(int reason); /* a sentence for people */
const char *pl_envelope_name(int type); /* "unknown" for an unknown one */
/* Returns the largest payload of an envelope type, or -1 for a type that is not in the table. */
int pl_envelope_max(int type);
/* The PL_SENDER_ bits of an envelope type, or 0 for a type that is not in the table. */
int pl_envelope_sender(int type);

typedef struct pl_limit_info {
  const char *name;
  uint16_t id;
  uint32_t initial, minimum, maximum;
  const char *text;
} pl_limit_info;
/* The limits that a relay announces; the last entry has no name. */
extern const pl_limit_info pl_limit_table[];

#endif
