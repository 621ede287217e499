/* Vectors of identities: keys and their texts, texts and keys that are refused. */
#include <sodium.h>
#include <string.h>

#include "client/core/identity/identity.h"
#include "own.h"

static void identity_of(pl_identity *identity, uint8_t number) {
  uint8_t seed[32];
  own_fill(seed, sizeof seed, number);
  OWN_CHECK(pl_identity_from_seed(identity, seed) == 0);
}

static json_t *ids(void) {
  json_t *list = json_array();
  for (uint8_t i = 0; i < 8; i++) {
    pl_identity identity;
    uint8_t seed[32], back[32];
    char text[55];
    own_fill(seed, sizeof seed, (uint8_t)(32 * i));
    identity_of(&identity, seed[0]);
    pl_id_format(text, identity.id);
    OWN_CHECK(pl_id_parse(back, text, strlen(text)) == 0 && memcmp(back, identity.id, 32) == 0);
    json_t *entry = json_object();
    own_set_hex(entry, "seed", seed, sizeof seed);
    own_set_hex(entry, "id", identity.id, 32);
    own_set_text(entry, "text", text);
    own_append(list, entry);
  }
  return list;
}

/* Text that a reader accepts, although no writer makes it. */
static json_t *also_read(void) {
  json_t *list = json_array(), *entry = json_object();
  pl_identity identity;
  char text[55];
  uint8_t back[32];
  identity_of(&identity, 1);
  pl_id_format(text, identity.id);
  for (size_t i = 0; text[i]; i++) {
    if (text[i] >= 'a' && i % 2 == 0) text[i] = (char)(text[i] - 'a' + 'A');
  }
  OWN_CHECK(pl_id_parse(back, text, strlen(text)) == 0);
  own_set_text(entry, "text", text);
  own_set_hex(entry, "id", back, 32);
  own_append(list, entry);
  return list;
}

static void add_text(json_t *list, const char *why, const char *text) {
  uint8_t id[32];
  OWN_CHECK(pl_id_parse(id, text, strlen(text)) == PL_EID);
  json_t *entry = json_object();
  own_set_text(entry, "why", why);
  own_set_text(entry, "text", text);
  own_append(list, entry);
}

static json_t *refused_texts(void) {
  json_t *list = json_array();
  pl_identity identity;
  char good[55], text[64];
  identity_of(&identity, 2);
  pl_id_format(good, identity.id);
  add_text(list, "empty", "");
  memcpy(text, good, 55);
  text[53] = '\0';
  add_text(list, "a character short", text);
  memcpy(text, good, 54);
  memcpy(text + 54, "a", 2);
  add_text(list, "a character too many", text);
  for (size_t i = 0; i < 54; i += 9) {
    memcpy(text, good, 55);
    text[i] = text[i] == 'b' ? 'c' : 'b';
    add_text(list, "one character is another", text);
  }
  memcpy(text, good, 55);
  text[10] = good[11];
  text[11] = good[10];
  add_text(list, "two characters changed places", text);
  static const char strange[] = {'0', '1', '8', '9', '=', ' ', '-', '@', '[', '`', '{'};
  for (size_t i = 0; i < sizeof strange; i++) {
    memcpy(text, good, 55);
    text[20] = strange[i];
    add_text(list, "not a base32 character", text);
  }
  memcpy(text, good, 55);
  text[51] = (char)(text[51] == 'a' ? 'b' : 'r');
  add_text(list, "the last four bits are not zero", text);
  uint8_t zero[32] = {0};
  pl_id_format(text, zero);
  add_text(list, "the key is of small order", text);
  return list;
}

static void add_key(json_t *list, const char *why, const uint8_t key[32]) {
  OWN_CHECK(pl_id_check(key) == PL_EID);
  json_t *entry = json_object();
  own_set_text(entry, "why", why);
  own_set_hex(entry, "id", key, 32);
  own_append(list, entry);
}

static void add_from_hex(json_t *list, const char *why, const char *hex) {
  uint8_t key[32];
  size_t size;
  OWN_CHECK(sodium_hex2bin(key, sizeof key, hex, strlen(hex), NULL, &size, NULL) == 0 && size == 32);
  add_key(list, why, key);
}

static const char order8[] = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";

static json_t *refused_keys(void) {
  json_t *list = json_array();
  add_from_hex(list, "order 1", "0100000000000000000000000000000000000000000000000000000000000000");
  add_from_hex(list, "order 1, sign of zero", "0100000000000000000000000000000000000000000000000000000000000080");
  add_from_hex(list, "order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  add_from_hex(list, "order 4", "0000000000000000000000000000000000000000000000000000000000000000");
  add_from_hex(list, "order 4, sign", "0000000000000000000000000000000000000000000000000000000000000080");
  add_from_hex(list, "order 8", order8);
  add_from_hex(list, "order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
  add_from_hex(list, "not canonical: p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  add_from_hex(list, "not canonical: p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  add_from_hex(list, "not canonical: p + 3", "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  add_from_hex(list, "not canonical: all ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
  add_from_hex(list, "not on the curve", "0200000000000000000000000000000000000000000000000000000000000000");
  pl_identity identity;
  uint8_t torsion[32], mixed[32];
  size_t size;
  identity_of(&identity, 3);
  OWN_CHECK(sodium_hex2bin(torsion, sizeof torsion, order8, strlen(order8), NULL, &size, NULL) == 0);
  OWN_CHECK(crypto_core_ed25519_add(mixed, identity.id, torsion) == 0);
  add_key(list, "on the curve, outside the prime-order group", mixed);
  return list;
}

json_t *own_identity(void) {
  json_t *root = json_object();
  own_set_text(root, "about",
               "Peer IDs: seed, key and text; texts that are read though never written; texts and keys that must be "
               "refused.");
  OWN_CHECK(json_object_set_new(root, "ids", ids()) == 0);
  OWN_CHECK(json_object_set_new(root, "also_read", also_read()) == 0);
  OWN_CHECK(json_object_set_new(root, "refused_texts", refused_texts()) == 0);
  OWN_CHECK(json_object_set_new(root, "refused_keys", refused_keys()) == 0);
  return root;
}
