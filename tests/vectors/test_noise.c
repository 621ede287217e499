/* The published vector of the pattern that Pairlink uses, and each of its bytes changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/noise/noise.h"
#include "vector_file.h"

enum { MESSAGES = 2 };

typedef struct vector {
  pl_bytes prologue, initiator_static, initiator_ephemeral, responder_public, responder_static, responder_ephemeral;
  pl_bytes payload[8], ciphertext[8], hash;
  size_t messages;
} vector;

static const json_t *find(const json_t *root, const char *protocol) {
  size_t i;
  json_t *found;
  json_array_foreach(json_object_get(root, "vectors"), i, found) {
    if (strcmp(vector_text(found, "protocol_name"), protocol) == 0) return found;
  }
  fail_msg("no vector of %s", protocol);
  return NULL;
}

static void load(vector *v) {
  json_t *root = vector_file("noise.json");
  const json_t *ik = find(root, "Noise_IK_25519_ChaChaPoly_SHA256");
  vector_hex(&v->prologue, ik, "init_prologue");
  vector_hex(&v->initiator_static, ik, "init_static");
  vector_hex(&v->initiator_ephemeral, ik, "init_ephemeral");
  vector_hex(&v->responder_public, ik, "init_remote_static");
  vector_hex(&v->responder_static, ik, "resp_static");
  vector_hex(&v->responder_ephemeral, ik, "resp_ephemeral");
  vector_hex(&v->hash, ik, "handshake_hash");
  json_t *messages = json_object_get(ik, "messages");
  v->messages = json_array_size(messages);
  assert_in_range(v->messages, MESSAGES + 1, 8);
  for (size_t i = 0; i < v->messages; i++) {
    vector_hex(&v->payload[i], json_array_get(messages, i), "payload");
    vector_hex(&v->ciphertext[i], json_array_get(messages, i), "ciphertext");
  }
  json_decref(root);
}

static pl_view view(const pl_bytes *b) {
  return (pl_view){b->data, b->size};
}

static void begin(const vector *v, pl_noise_handshake *initiator, pl_noise_handshake *responder) {
  assert_int_equal(
      pl_noise_init(initiator, true, view(&v->prologue), v->initiator_static.data, v->responder_public.data), 0);
  assert_int_equal(pl_noise_init(responder, false, view(&v->prologue), v->responder_static.data, NULL), 0);
}

static void transport(const vector *v, size_t i, const uint8_t key[32], uint64_t n) {
  uint8_t sealed[4096], nonce[12] = {0};
  unsigned long long size;
  nonce[4] = (uint8_t)n;
  crypto_aead_chacha20poly1305_ietf_encrypt(sealed, &size, v->payload[i].data, v->payload[i].size, NULL, 0, NULL, nonce,
                                            key);
  assert_int_equal(size, v->ciphertext[i].size);
  assert_memory_equal(sealed, v->ciphertext[i].data, size);
}

static void published_ik_is_reproduced(void **state) {
  (void)state;
  static vector v;
  load(&v);
  pl_noise_handshake initiator, responder;
  begin(&v, &initiator, &responder);
  uint8_t message[4096], payload[4096];
  for (size_t i = 0; i < MESSAGES; i++) {
    pl_noise_handshake *from = i == 0 ? &initiator : &responder, *to = i == 0 ? &responder : &initiator;
    const pl_bytes *ephemeral = i == 0 ? &v.initiator_ephemeral : &v.responder_ephemeral;
    int size = pl_noise_write(from, ephemeral->data, view(&v.payload[i]), message, sizeof message);
    assert_int_equal(size, v.ciphertext[i].size);
    assert_memory_equal(message, v.ciphertext[i].data, v.ciphertext[i].size);
    assert_int_equal(pl_noise_read(to, view(&v.ciphertext[i]), payload, sizeof payload), v.payload[i].size);
    assert_memory_equal(payload, v.payload[i].data, v.payload[i].size);
  }
  assert_memory_equal(initiator.h, v.hash.data, 32);
  assert_memory_equal(responder.h, v.hash.data, 32);
  pl_noise_link left, right;
  assert_int_equal(pl_noise_split(&initiator, &left), 0);
  assert_int_equal(pl_noise_split(&responder, &right), 0);
  assert_memory_equal(left.send_key, right.receive_key, 32);
  assert_memory_equal(left.receive_key, right.send_key, 32);
  for (size_t i = MESSAGES; i < v.messages; i++)
    transport(&v, i, i % 2 == 0 ? left.send_key : right.send_key, (i - MESSAGES) / 2);
}

static void every_changed_byte_is_refused(void **state) {
  (void)state;
  static vector v;
  load(&v);
  uint8_t message[4096], payload[4096];
  for (size_t i = 0; i < MESSAGES; i++) {
    for (size_t at = 0; at < v.ciphertext[i].size; at++) {
      pl_noise_handshake initiator, responder;
      begin(&v, &initiator, &responder);
      pl_noise_handshake *reader = &responder;
      if (i == 1) {
        assert_true(
            pl_noise_write(&initiator, v.initiator_ephemeral.data, view(&v.payload[0]), message, sizeof message) > 0);
        reader = &initiator;
      }
      pl_bytes changed = v.ciphertext[i];
      changed.data[at] ^= (uint8_t)(1 << at % 8);
      assert_int_equal(pl_noise_read(reader, view(&changed), payload, sizeof payload), PL_ECRYPTO);
      assert_int_equal(pl_noise_read(reader, view(&v.ciphertext[i]), payload, sizeof payload), PL_ESTATE);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_ik_is_reproduced),
      cmocka_unit_test(every_changed_byte_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
