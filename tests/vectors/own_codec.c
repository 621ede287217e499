/* Vectors of the codec: every message of the table with nothing, something and the most in its fields, and what must be
 * refused. Numbers of 64 bits are decimal text, bytes are hex. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/wire/wire.h"
#include "own.h"

typedef enum filling { NOTHING, SOMETHING, MOST } filling;

/* Larger fields are filled only up to this size, so that the files stay readable. */
enum { FILL_MAX = 2048, MESSAGE_ROOM = 16384 };

static uint8_t scratch[70000];

static uint64_t number_of(filling f, uint64_t max, uint8_t seed) {
  if (f == NOTHING) return 0;
  if (f == MOST) return max;
  return 0x0102030405060708u * (seed % 7u + 1) & max;
}

static pl_view bytes_of(filling f, size_t max, uint8_t seed) {
  size_t size = f == NOTHING ? 0 : f == SOMETHING ? (max < 5 ? max : 5) : (max < FILL_MAX ? max : FILL_MAX);
  uint8_t *at = scratch + seed * 4096u;
  own_fill(at, size, seed);
  return (pl_view){at, size};
}

static void set_u64(json_t *object, const char *key, uint64_t value) {
  char text[24];
  (void)snprintf(text, sizeof text, "%" PRIu64, value);
  own_set_text(object, key, text);
}

/* ---- structs as JSON ---- */
#define PL_MESSAGE(name)                                   \
  static json_t *json_of_##name(const pl_wire_##name *m) { \
    json_t *o = json_object();
#define PL_U8(name) own_set_number(o, #name, m->name);
#define PL_U16(name) own_set_number(o, #name, m->name);
#define PL_U32(name) own_set_number(o, #name, m->name);
#define PL_U64(name) set_u64(o, #name, m->name);
#define PL_BYTES(name, n) own_set_hex(o, #name, m->name, n);
#define PL_VAR8(name, max) own_set_hex(o, #name, m->name.data, m->name.size);
#define PL_VAR16(name, max) own_set_hex(o, #name, m->name.data, m->name.size);
#define PL_REST(name, max) own_set_hex(o, #name, m->name.data, m->name.size);
#define PL_LIST(name, item)                                      \
  json_t *name = json_array();                                   \
  pl_reader r_##name = pl_reader_of(m->name.data, m->name.size); \
  while (pl_reader_left(&r_##name)) {                            \
    pl_wire_##item i;                                            \
    OWN_CHECK(pl_wire_##item##_read(&i, &r_##name) == 0);        \
    own_append(name, json_of_##item(&i));                        \
  }                                                              \
  OWN_CHECK(json_object_set_new(o, #name, name) == 0);
#define PL_MESSAGE_END(name) \
  return o;                  \
  }
#include "wire.def"

/* ---- filled messages as bytes ---- */
#define PL_MESSAGE(name)                                   \
  static size_t bytes_of_##name(filling f, uint8_t *out) { \
    pl_wire_##name message, *m = &message;                 \
    uint8_t seed = 0;                                      \
    memset(m, 0, sizeof *m);
#define PL_U8(name) m->name = (uint8_t)number_of(f, UINT8_MAX, seed++);
#define PL_U16(name) m->name = (uint16_t)number_of(f, UINT16_MAX, seed++);
#define PL_U32(name) m->name = (uint32_t)number_of(f, UINT32_MAX, seed++);
#define PL_U64(name) m->name = number_of(f, UINT64_MAX, seed++);
#define PL_BYTES(name, n) \
  if (f != NOTHING) own_fill(m->name, n, f == MOST ? 0xf0 : (uint8_t)(16 * seed++));
#define PL_VAR8(name, max) m->name = bytes_of(f, max, seed++);
#define PL_VAR16(name, max) m->name = bytes_of(f, max, seed++);
#define PL_REST(name, max) m->name = bytes_of(f, max, seed++);
#define PL_LIST(name, item)                                                                 \
  uint8_t items[3 * sizeof(pl_wire_##item)];                                                \
  pl_writer w = pl_writer_of(items, sizeof items);                                          \
  for (int i = 0; i < (f == NOTHING ? 0 : f == SOMETHING ? 2 : 3); i++) {                   \
    uint8_t one[64];                                                                        \
    pl_write_bytes(&w, one, bytes_of_##item(i == 2 ? MOST : i ? SOMETHING : NOTHING, one)); \
  }                                                                                         \
  m->name = (pl_view){items, pl_writer_used(&w)};
#define PL_MESSAGE_END(name)                                \
  int size = pl_wire_##name##_encode(m, out, MESSAGE_ROOM); \
  (void)seed;                                               \
  OWN_CHECK(size >= 0);                                     \
  return (size_t)size;                                      \
  }
#include "wire.def"

/* ---- by name ---- */
typedef struct codec {
  const char *name;
  size_t (*fill)(filling f, uint8_t *out);
  json_t *(*decode)(const uint8_t *data, size_t size); /* NULL when it does not decode */
  bool has_rest;
} codec;

#define PL_MESSAGE(name)
#define PL_MESSAGE_END(name)                                                    \
  static json_t *decode_##name(const uint8_t *data, size_t size) {              \
    pl_wire_##name m;                                                           \
    return pl_wire_##name##_decode(&m, data, size) ? NULL : json_of_##name(&m); \
  }
#define PL_U8(name)
#define PL_U16(name)
#define PL_U32(name)
#define PL_U64(name)
#define PL_BYTES(name, n)
#define PL_VAR8(name, max)
#define PL_VAR16(name, max)
#define PL_LIST(name, item)
#define PL_REST(name, max)
#include "wire.def"

static const codec codecs[] = {
#define PL_MESSAGE(name) \
  {                      \
#name, bytes_of_##name, decode_##name, false
#define PL_U8(name)
#define PL_U16(name)
#define PL_U32(name)
#define PL_U64(name)
#define PL_BYTES(name, n)
#define PL_VAR8(name, max)
#define PL_VAR16(name, max)
#define PL_LIST(name, item)
#define PL_REST(name, max) || true
#define PL_MESSAGE_END(name) \
  }                          \
  ,
#include "wire.def"
};

static const codec *codec_named(const char *name) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(codecs); i++) {
    if (strcmp(codecs[i].name, name) == 0) return &codecs[i];
  }
  OWN_CHECK(false);
  return NULL;
}

static void add_refused(json_t *refused, const codec *c, const char *why, const uint8_t *data, size_t size) {
  OWN_CHECK(!c->decode(data, size));
  json_t *entry = json_object();
  own_set_text(entry, "message", c->name);
  own_set_text(entry, "why", why);
  own_set_hex(entry, "hex", data, size);
  own_append(refused, entry);
}

static void add_message(json_t *valid, json_t *refused, const codec *c) {
  uint8_t data[MESSAGE_ROOM];
  for (filling f = NOTHING; f <= MOST; f++) {
    size_t size = c->fill(f, data);
    json_t *fields = c->decode(data, size);
    OWN_CHECK(fields);
    json_t *entry = json_object();
    own_set_text(entry, "message", c->name);
    OWN_CHECK(json_object_set_new(entry, "fields", fields) == 0);
    own_set_hex(entry, "hex", data, size);
    own_append(valid, entry);
    if (f == MOST && c->has_rest && size <= FILL_MAX) {
      data[size] = 0;
      add_refused(refused, c, "the last field is larger than its maximum", data, size + 1);
    }
  }
  size_t size = c->fill(NOTHING, data);
  if (size) add_refused(refused, c, "a byte is missing", data, size - 1);
  if (size) add_refused(refused, c, "nothing at all", data, 0);
  data[size] = 0;
  if (!c->has_rest) add_refused(refused, c, "a byte too many", data, size + 1);
}

/* Writes a login: the fields up to its features, then an origin and a proof of the given sizes. */
static void add_login(json_t *refused, const char *why, size_t origin, size_t proof, bool whole) {
  static const uint8_t zeros[512];
  uint8_t data[1024];
  pl_writer w = pl_writer_of(data, sizeof data);
  pl_write_bytes(&w, zeros, 1 + 1 + 32 + 8 + 32 + 4);
  pl_write_u16(&w, (uint16_t)origin);
  pl_write_bytes(&w, zeros, whole ? origin : 200);
  if (whole) {
    pl_write_u8(&w, (uint8_t)proof);
    pl_write_bytes(&w, zeros, proof + 64);
  }
  add_refused(refused, codec_named("login"), why, data, pl_writer_used(&w));
}

static void add_special(json_t *refused) {
  uint8_t data[MESSAGE_ROOM];
  add_login(refused, "the origin is longer than 255 bytes", 256, 0, true);
  add_login(refused, "the proof is longer than 40 bytes", 0, 41, true);
  add_login(refused, "the origin goes beyond the end", 65535, 0, false);
  size_t size = codec_named("hello")->fill(NOTHING, data);
  data[size - 1] = 1;
  add_refused(refused, codec_named("hello"), "one limit is announced, none is there", data, size);
  data[size - 1] = 255;
  memset(data + size, 0, 6);
  add_refused(refused, codec_named("hello"), "more limits than bytes", data, size + 6);
  size = codec_named("welcome")->fill(NOTHING, data);
  data[2] = 1;
  add_refused(refused, codec_named("welcome"), "the limit takes bytes of the signature", data, size);
  size = codec_named("frame_hello")->fill(NOTHING, data);
  data[size - 1] = 2;
  memset(data + size, 0, 25);
  add_refused(refused, codec_named("frame_hello"), "two channels are announced, one is there", data, size + 25);
  memset(data, 0, 2048);
  pl_put_u16(data + 1, 1022);
  add_refused(refused, codec_named("extension"), "the value is longer than 1021 bytes", data, 3 + 1022);
}

/* ---- streams of envelopes and of frames ---- */

static json_t *stream_entry(const uint8_t *data, size_t size) {
  json_t *entry = json_object();
  own_set_hex(entry, "hex", data, size);
  return entry;
}

static json_t *envelope_stream(const uint8_t *data, size_t size) {
  json_t *entry = stream_entry(data, size), *items = json_array();
  pl_reader r = pl_reader_of(data, size);
  pl_envelope e;
  int rc;
  while ((rc = pl_envelope_next(&r, &e)) == 1) {
    json_t *item = json_object();
    own_set_number(item, "type", e.type);
    own_set_number(item, "flags", e.flags);
    own_set_number(item, "link", e.link);
    own_set_hex(item, "payload", e.payload.data, e.payload.size);
    own_append(items, item);
  }
  OWN_CHECK(json_object_set_new(entry, "items", rc == 0 ? items : json_null()) == 0);
  if (rc != 0) json_decref(items);
  return entry;
}

static json_t *frame_stream(const uint8_t *data, size_t size) {
  json_t *entry = stream_entry(data, size), *items = json_array();
  pl_reader r = pl_reader_of(data, size);
  uint8_t type;
  pl_view body;
  int rc;
  while ((rc = pl_frame_next(&r, &type, &body)) == 1) {
    json_t *item = json_object();
    own_set_number(item, "type", type);
    own_set_hex(item, "body", body.data, body.size);
    own_append(items, item);
  }
  OWN_CHECK(json_object_set_new(entry, "items", rc == 0 ? items : json_null()) == 0);
  if (rc != 0) json_decref(items);
  return entry;
}

/* Adds each stream whole, and then cut where it must be refused. */
static json_t *streams(json_t *(*read)(const uint8_t *, size_t), const uint8_t *data, size_t size, const size_t *cuts,
                       size_t cut_count) {
  json_t *list = json_array();
  own_append(list, read(data, 0));
  own_append(list, read(data, size));
  for (size_t i = 0; i < cut_count; i++) {
    json_t *entry = read(data, cuts[i]);
    OWN_CHECK(json_is_null(json_object_get(entry, "items")));
    own_append(list, entry);
  }
  return list;
}

static json_t *envelope_streams(void) {
  uint8_t data[128];
  pl_writer w = pl_writer_of(data, sizeof data);
  uint8_t header[8];
  pl_envelope_put_header(header, PL_ENV_PING, 0, 8, 0);
  pl_write_bytes(&w, header, 8);
  pl_write_u64(&w, 0x1122334455667788u);
  pl_envelope_put_header(header, PL_ENV_DATA, PL_CONST_ENVELOPE_FLAG_VOLATILE, 3,
                         pl_link_number_make(true, 32767, 65535));
  pl_write_bytes(&w, header, 8);
  pl_write_bytes(&w, "abc", 3);
  pl_envelope_put_header(header, 0x90, 0xff, 0, pl_link_number_make(false, 1, 0));
  pl_write_bytes(&w, header, 8);
  static const size_t cuts[] = {1, 7, 8, 15, 17, 24, 26, 28, 34};
  return streams(envelope_stream, data, pl_writer_used(&w), cuts, PL_ARRAY_LENGTH(cuts));
}

static json_t *frame_streams(void) {
  static const uint8_t data[] = {PL_FRAME_PROBE, 0, 4, 1, 2, 3, 4, 0xee, 0, 0, PL_FRAME_VOLATILE, 0, 3, 9, 'h', 'i'};
  static const size_t cuts[] = {1, 2, 3, 6, 8, 9, 11, 13, 15};
  return streams(frame_stream, data, sizeof data, cuts, PL_ARRAY_LENGTH(cuts));
}

static json_t *links(void) {
  static const uint32_t parts[][3] = {{0, 1, 0}, {1, 1, 0}, {0, 32767, 65535}, {1, 32767, 65535}, {1, 258, 772}};
  json_t *list = json_array();
  for (size_t i = 0; i < PL_ARRAY_LENGTH(parts); i++) {
    json_t *entry = json_object();
    uint32_t link = pl_link_number_make(parts[i][0], parts[i][1], parts[i][2]);
    OWN_CHECK(pl_link_number_relay_side(link) == (parts[i][0] == 1));
    own_set_number(entry, "side", parts[i][0]);
    own_set_number(entry, "generation", pl_link_number_generation(link));
    own_set_number(entry, "slot", pl_link_number_slot(link));
    own_set_number(entry, "link", link);
    own_append(list, entry);
  }
  return list;
}

json_t *own_codec(void) {
  json_t *root = json_object(), *valid = json_array(), *refused = json_array();
  for (size_t i = 0; i < PL_ARRAY_LENGTH(codecs); i++) add_message(valid, refused, &codecs[i]);
  add_special(refused);
  own_set_text(root, "about",
               "Messages of schema/wire.def: fields and their bytes both ways (hex; 64-bit numbers as text), and bytes "
               "that do not decode. Streams of envelopes and frames: their items, or null for one that is refused.");
  OWN_CHECK(json_object_set_new(root, "messages", valid) == 0);
  OWN_CHECK(json_object_set_new(root, "refused", refused) == 0);
  OWN_CHECK(json_object_set_new(root, "links", links()) == 0);
  OWN_CHECK(json_object_set_new(root, "envelope_streams", envelope_streams()) == 0);
  OWN_CHECK(json_object_set_new(root, "frame_streams", frame_streams()) == 0);
  return root;
}
