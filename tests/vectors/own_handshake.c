/* Vectors of encryption: the Noise handshake between two identities, and records in both directions. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "client/core/noise/noise.h"
#include "client/core/wire/wire.h"
#include "own.h"

typedef struct handshake_case {
  const char *name, *application, *own_name;
  uint8_t caller, callee;
  bool names_instance;
} handshake_case;

static const handshake_case cases[] = {
    {"with extensions", "chat/1", "Caller", 0x30, 0x60, true},
    {"without extensions, no instance named", NULL, NULL, 0x61, 0x31, false},
};

static void identity_of(json_t *entry, const char *key, pl_identity *identity, uint8_t number) {
  uint8_t seed[32];
  own_fill(seed, sizeof seed, number);
  OWN_CHECK(pl_identity_from_seed(identity, seed) == 0);
  own_set_hex(entry, key, seed, sizeof seed);
}

static void add_extension(pl_writer *w, uint8_t type, const char *text) {
  if (!text) return;
  pl_wire_extension extension = {.type = type, .value = {(const uint8_t *)text, strlen(text)}};
  pl_wire_extension_write(&extension, w);
}

static pl_view extensions_of(const handshake_case *c, uint8_t *memory, size_t capacity) {
  pl_writer w = pl_writer_of(memory, capacity);
  add_extension(&w, PL_EXT_APPLICATION, c->application);
  add_extension(&w, PL_EXT_NAME, c->own_name);
  if (c->own_name) add_extension(&w, 0xee, "of a later version");
  OWN_CHECK(!w.full);
  return (pl_view){memory, pl_writer_used(&w)};
}

/* Runs one message of the handshake: one side writes it, the other reads it. */
static size_t pass(json_t *entry, int number, pl_noise_handshake *from, pl_noise_handshake *to, pl_view payload,
                   uint8_t *message, size_t capacity) {
  uint8_t ephemeral[32], read[2048];
  char key[32];
  own_fill(ephemeral, sizeof ephemeral, number == 1 ? 0xc0 : 0xd0);
  (void)snprintf(key, sizeof key, "ephemeral%d", number);
  own_set_hex(entry, key, ephemeral, sizeof ephemeral);
  (void)snprintf(key, sizeof key, "payload%d", number);
  own_set_hex(entry, key, payload.data, payload.size);
  int size = pl_noise_write(from, ephemeral, payload, message, capacity);
  OWN_CHECK(size > 0);
  OWN_CHECK(pl_noise_read(to, (pl_view){message, (size_t)size}, read, sizeof read) == (int)payload.size);
  OWN_CHECK(memcmp(read, payload.data, payload.size) == 0);
  (void)snprintf(key, sizeof key, "message%d", number);
  own_set_hex(entry, key, message, (size_t)size);
  return (size_t)size;
}

static void add_record(json_t *list, bool from_caller, pl_noise_link *from, pl_noise_link *to, uint8_t flags,
                       const char *text) {
  uint8_t record[1024], plain[1024];
  json_t *entry = json_object();
  char counter[24];
  (void)snprintf(counter, sizeof counter, "%" PRIu64, from->next_counter);
  own_set_text(entry, "from", from_caller ? "caller" : "callee");
  own_set_text(entry, "counter", counter);
  own_set_number(entry, "type", PL_ENV_DATA);
  own_set_number(entry, "flags", flags);
  own_set_hex(entry, "plaintext", text, strlen(text));
  int size = pl_noise_seal(from, PL_ENV_DATA, flags, (const uint8_t *)text, strlen(text), record);
  OWN_CHECK(size == (int)strlen(text) + PL_CONST_RECORD_OVERHEAD_BYTES);
  OWN_CHECK(pl_noise_open(to, PL_ENV_DATA, flags, record, (size_t)size, plain) == (int)strlen(text));
  own_set_hex(entry, "record", record, (size_t)size);
  own_append(list, entry);
}

static json_t *records(pl_noise_link *caller, pl_noise_link *callee) {
  json_t *list = json_array();
  add_record(list, true, caller, callee, 0, "the first record");
  add_record(list, true, caller, callee, 0, "");
  add_record(list, false, callee, caller, 0, "the answer");
  add_record(list, true, caller, callee, PL_CONST_ENVELOPE_FLAG_VOLATILE, "volatile");
  caller->next_counter = 0x0102030405060708u;
  add_record(list, true, caller, callee, 0, "after a gap");
  callee->next_counter = UINT64_MAX - 1;
  add_record(list, false, callee, caller, 0xff, "the last counter there is");
  OWN_CHECK(pl_noise_seal(callee, PL_ENV_DATA, 0, NULL, 0, (uint8_t[32]){0}) == PL_ESTATE);
  return list;
}

static json_t *handshake_of(const handshake_case *c) {
  json_t *entry = json_object();
  pl_identity caller, callee;
  own_set_text(entry, "name", c->name);
  identity_of(entry, "caller_seed", &caller, c->caller);
  identity_of(entry, "callee_seed", &callee, c->callee);
  own_set_hex(entry, "caller_id", caller.id, 32);
  own_set_hex(entry, "callee_id", callee.id, 32);

  pl_noise_handshake a, b;
  OWN_CHECK(pl_noise_start_caller(&a, &caller, callee.id) == 0);
  OWN_CHECK(pl_noise_start_callee(&b, &callee, caller.id) == 0);
  own_set_hex(entry, "caller_x25519", a.s_public, 32);
  own_set_hex(entry, "callee_x25519", b.s_public, 32);

  uint8_t extensions[256], payload[512], message[1024];
  pl_wire_handshake1 one = {.version = 1, .extensions = extensions_of(c, extensions, sizeof extensions)};
  own_fill(one.caller_instance, 8, 0x11);
  if (c->names_instance) own_fill(one.callee_instance, 8, 0x22);
  int size = pl_wire_handshake1_encode(&one, payload, sizeof payload);
  OWN_CHECK(size > 0);
  pass(entry, 1, &a, &b, (pl_view){payload, (size_t)size}, message, sizeof message);
  OWN_CHECK(pl_noise_check_caller(&b, caller.id) == 0 && pl_noise_check_caller(&b, callee.id) != 0);

  pl_wire_handshake2 two = {.version = 1, .extensions = extensions_of(c, extensions, sizeof extensions)};
  own_fill(two.callee_instance, 8, 0x22);
  size = pl_wire_handshake2_encode(&two, payload, sizeof payload);
  OWN_CHECK(size > 0);
  pass(entry, 2, &b, &a, (pl_view){payload, (size_t)size}, message, sizeof message);
  own_set_hex(entry, "handshake_hash", a.h, sizeof a.h);

  pl_noise_link left, right;
  OWN_CHECK(pl_noise_split(&a, &left) == 0 && pl_noise_split(&b, &right) == 0);
  own_set_hex(entry, "caller_sends_with", left.send_key, 32);
  own_set_hex(entry, "callee_sends_with", right.send_key, 32);
  OWN_CHECK(json_object_set_new(entry, "records", records(&left, &right)) == 0);
  return entry;
}

json_t *own_handshake(void) {
  json_t *root = json_object(), *list = json_array();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) own_append(list, handshake_of(&cases[i]));
  own_set_text(
      root, "about",
      "Handshakes from fixed seeds and ephemeral secrets, and records in the order sent. Each byte of a message "
      "or a record changed, another type or flags, and each record again must be refused.");
  OWN_CHECK(json_object_set_new(root, "handshakes", list) == 0);
  return root;
}
