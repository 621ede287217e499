/* The codec: what decodes must encode to the same bytes, and reading envelopes and frames must stop at the end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[70000];

static void same(const uint8_t *data, size_t size, int encoded) {
  if (encoded < 0 || (size_t)encoded != size || memcmp(again, data, size) != 0) abort();
}

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
#define PL_MESSAGE_END(name)                                    \
  static void try_##name(const uint8_t *data, size_t size) {    \
    pl_wire_##name m;                                           \
    if (pl_wire_##name##_decode(&m, data, size) != 0) return;   \
    same(data, size, pl_wire_##name##_encode(&m, again, size)); \
  }
#include "wire.def"

static void (*const tries[])(const uint8_t *data, size_t size) = {
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
#define PL_MESSAGE_END(name) try_##name,
#include "wire.def"
};

static void walk_envelopes(const uint8_t *data, size_t size) {
  pl_reader r = pl_reader_of(data, size);
  pl_envelope e;
  size_t used = 0;
  int rc;
  while ((rc = pl_envelope_next(&r, &e)) == 1) {
    if (e.payload.size && (e.payload.data < data || e.payload.data + e.payload.size > data + size)) abort();
    used += PL_CONST_ENVELOPE_HEADER_BYTES + e.payload.size;
  }
  if (rc == 0 && used != size) abort();
}

static void walk_frames(const uint8_t *data, size_t size) {
  pl_reader r = pl_reader_of(data, size);
  pl_view body;
  uint8_t type;
  size_t used = 0;
  int rc;
  while ((rc = pl_frame_next(&r, &type, &body)) == 1) used += PL_CONST_FRAME_HEADER_BYTES + body.size;
  if (rc == 0 && used != size) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || size > 65536) return 0;
  size_t which = data[0] % (PL_ARRAY_LENGTH(tries) + 2);
  data++;
  size--;
  if (which < PL_ARRAY_LENGTH(tries)) {
    tries[which](data, size);
  } else if (which == PL_ARRAY_LENGTH(tries)) {
    walk_envelopes(data, size);
  } else {
    walk_frames(data, size);
  }
  return 0;
}
