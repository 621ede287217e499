/* Vectors of invite links: the fragment, and the proof inside handshake message 1. */
#include <sodium.h>
#include <string.h>

#include "client/core/identity/identity.h"
#include "client/core/wire/wire.h"
#include "own.h"

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
enum { TEXT_ROOM = 160 };

static void identity_of(pl_identity *identity, uint8_t number) {
  uint8_t seed[32];
  own_fill(seed, sizeof seed, number);
  OWN_CHECK(pl_identity_from_seed(identity, seed) == 0);
}

static void make_bytes(uint8_t out[PL_CONST_INVITE_BYTES], uint8_t version, const uint8_t peer[32],
                       const uint8_t relay[32], const uint8_t secret[16]) {
  uint8_t sum[32];
  crypto_hash_sha256_state hash;
  out[0] = version;
  memcpy(out + 1, peer, 32);
  memcpy(out + 33, relay, 32);
  memcpy(out + 65, secret, 16);
  crypto_hash_sha256_init(&hash);
  crypto_hash_sha256_update(&hash, (const uint8_t *)PL_LABEL_INVITE_CHECK, sizeof PL_LABEL_INVITE_CHECK - 1);
  crypto_hash_sha256_update(&hash, out, 81);
  crypto_hash_sha256_final(&hash, sum);
  memcpy(out + 81, sum, 4);
}

static void add_refused(json_t *list, const char *why, const char *fragment) {
  json_t *entry = json_object();
  own_set_text(entry, "why", why);
  own_set_text(entry, "fragment", fragment);
  own_append(list, entry);
}

static json_t *links(json_t *refused) {
  json_t *list = json_array();
  pl_identity peer, relay;
  uint8_t secret[16], bytes[PL_CONST_INVITE_BYTES];
  char text[TEXT_ROOM], other[TEXT_ROOM];
  for (uint8_t i = 0; i < 3; i++) {
    json_t *entry = json_object();
    identity_of(&peer, (uint8_t)(0x30 + i));
    identity_of(&relay, (uint8_t)(0x10 + i));
    own_fill(secret, sizeof secret, (uint8_t)(0xe0 + 5 * i));
    make_bytes(bytes, 1, peer.id, relay.id, secret);
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, VARIANT);
    own_set_hex(entry, "peer_id", peer.id, 32);
    own_set_hex(entry, "relay_id", relay.id, 32);
    own_set_hex(entry, "secret", secret, sizeof secret);
    own_set_hex(entry, "bytes", bytes, sizeof bytes);
    own_set_text(entry, "fragment", text);
    own_append(list, entry);
  }
  size_t length = strlen(text);
  OWN_CHECK(length == 114);
  add_refused(refused, "empty", "");
  memcpy(other, text, length + 1);
  other[length - 1] = '\0';
  add_refused(refused, "a character short", other);
  memcpy(other, text, length + 1);
  memcpy(other + length, "A", 2);
  add_refused(refused, "a character too many", other);
  memcpy(other + length, "==", 3);
  add_refused(refused, "padding", other);
  memcpy(other, text, length + 1);
  other[7] = '+';
  add_refused(refused, "the other base64 alphabet", other);
  memcpy(other, text, length + 1);
  other[length - 1]++; /* the last character has two bits of the text; its other four must be zero */
  add_refused(refused, "bits after the end", other);
  for (size_t at = 3; at < length; at += 30) {
    memcpy(other, text, length + 1);
    other[at] = other[at] == 'Q' ? 'R' : 'Q';
    add_refused(refused, "one character is another", other);
  }
  make_bytes(bytes, 2, peer.id, relay.id, secret);
  sodium_bin2base64(other, sizeof other, bytes, sizeof bytes, VARIANT);
  add_refused(refused, "a later version", other);
  uint8_t small_order[32] = {1};
  make_bytes(bytes, 1, small_order, relay.id, secret);
  sodium_bin2base64(other, sizeof other, bytes, sizeof bytes, VARIANT);
  add_refused(refused, "the peer's ID is not valid", other);
  make_bytes(bytes, 1, peer.id, small_order, secret);
  sodium_bin2base64(other, sizeof other, bytes, sizeof bytes, VARIANT);
  add_refused(refused, "the relay's ID is not valid", other);
  return list;
}

static json_t *proofs(void) {
  json_t *list = json_array();
  for (uint8_t i = 0; i < 2; i++) {
    json_t *entry = json_object();
    pl_identity caller, callee;
    uint8_t secret[16], e[32], ephemeral[32], value[40], sum[32];
    identity_of(&caller, (uint8_t)(0x50 + i));
    identity_of(&callee, (uint8_t)(0x30 + i));
    own_fill(secret, sizeof secret, (uint8_t)(0xe0 + i));
    own_fill(ephemeral, sizeof ephemeral, (uint8_t)(0xc0 + i));
    OWN_CHECK(crypto_scalarmult_base(e, ephemeral) == 0);
    crypto_hash_sha256(sum, secret, sizeof secret);
    memcpy(value, sum, PL_CONST_INVITE_HINT_BYTES);
    crypto_auth_hmacsha256_state hmac;
    crypto_auth_hmacsha256_init(&hmac, secret, sizeof secret);
    crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)PL_LABEL_INVITE, sizeof PL_LABEL_INVITE - 1);
    crypto_auth_hmacsha256_update(&hmac, caller.id, 32);
    crypto_auth_hmacsha256_update(&hmac, callee.id, 32);
    crypto_auth_hmacsha256_update(&hmac, e, sizeof e);
    crypto_auth_hmacsha256_final(&hmac, value + PL_CONST_INVITE_HINT_BYTES);
    own_set_hex(entry, "secret", secret, sizeof secret);
    own_set_hex(entry, "caller_id", caller.id, 32);
    own_set_hex(entry, "callee_id", callee.id, 32);
    own_set_hex(entry, "e", e, sizeof e);
    own_set_hex(entry, "extension_value", value, sizeof value);
    own_append(list, entry);
  }
  return list;
}

json_t *own_invite(void) {
  json_t *root = json_object(), *refused = json_array();
  own_set_text(
      root, "about",
      "Invite links: the fragment after the #; fragments that must be refused; the value of the extension INVITE.");
  OWN_CHECK(json_object_set_new(root, "links", links(refused)) == 0);
  OWN_CHECK(json_object_set_new(root, "refused", refused) == 0);
  OWN_CHECK(json_object_set_new(root, "proofs", proofs()) == 0);
  return root;
}
