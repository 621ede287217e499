/* Handshakes between identities, and records: what is refused, and that a refusal leaves nothing usable behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/noise/noise.h"
#include "client/core/wire/wire.h"
#include "client/lib/aead_openssl.h"

static const uint8_t ephemeral1[32] = {1}, ephemeral2[32] = {2};
static const uint8_t hello[] = "hello", answer[] = "answer";
static const pl_view payload1 = {hello, sizeof hello}, payload2 = {answer, sizeof answer};

typedef struct pair {
  pl_identity caller_id, callee_id;
  pl_noise_handshake caller, callee;
  uint8_t message1[256], message2[256], out[256];
  int size1, size2;
} pair;

static void make_identity(pl_identity *identity, uint8_t first) {
  uint8_t seed[32];
  memset(seed, first, sizeof seed);
  assert_int_equal(pl_identity_from_seed(identity, seed), 0);
}

/* Continues until message 1 is written. */
static void write_first(pair *p) {
  make_identity(&p->caller_id, 1);
  make_identity(&p->callee_id, 2);
  assert_int_equal(pl_noise_start_caller(&p->caller, &p->caller_id, p->callee_id.id), 0);
  assert_int_equal(pl_noise_start_callee(&p->callee, &p->callee_id, p->caller_id.id), 0);
  p->size1 = pl_noise_write(&p->caller, ephemeral1, payload1, p->message1, sizeof p->message1);
  assert_int_equal(p->size1, sizeof hello + PL_NOISE_MESSAGE1_OVERHEAD);
}

/* Continues until message 2 is written. */
static void write_second(pair *p) {
  write_first(p);
  int size = pl_noise_read(&p->callee, (pl_view){p->message1, (size_t)p->size1}, p->out, sizeof p->out);
  assert_int_equal(size, sizeof hello);
  assert_memory_equal(p->out, hello, sizeof hello);
  assert_int_equal(pl_noise_check_caller(&p->callee, p->caller_id.id), 0);
  p->size2 = pl_noise_write(&p->callee, ephemeral2, payload2, p->message2, sizeof p->message2);
  assert_int_equal(p->size2, sizeof answer + PL_NOISE_MESSAGE2_OVERHEAD);
}

/* Each test of records runs with every library on each side. */
typedef struct libraries {
  const pl_aead *caller, *callee;
} libraries;

static pl_noise_link caller, callee;

static int link_up(void **state) {
  const libraries *l = *state;
  pair p;
  write_second(&p);
  int size = pl_noise_read(&p.caller, (pl_view){p.message2, (size_t)p.size2}, p.out, sizeof p.out);
  assert_int_equal(size, sizeof answer);
  assert_memory_equal(p.out, answer, sizeof answer);
  assert_int_equal(pl_noise_split(&p.caller, &caller), 0);
  assert_int_equal(pl_noise_split(&p.callee, &callee), 0);
  if (!l) return 0;
  pl_noise_link_use(&caller, l->caller);
  pl_noise_link_use(&callee, l->callee);
  return 0;
}

static int link_down(void **state) {
  (void)state;
  pl_noise_link_deinit(&caller);
  pl_noise_link_deinit(&callee);
  return 0;
}

/* The handshake of a test: message 1 is written, and not yet read. */
static pair two;

static int start(void **state) {
  (void)state;
  write_first(&two);
  return 0;
}

static void assert_wiped(pl_noise_handshake *hs) {
  uint8_t next = hs->next;
  hs->next = 0;
  assert_true(sodium_is_zero((const uint8_t *)hs, sizeof *hs));
  hs->next = next;
}

static void assert_dead(pl_noise_handshake *hs) {
  uint8_t out[256];
  pl_noise_link link;
  assert_wiped(hs);
  assert_int_equal(pl_noise_write(hs, ephemeral1, payload1, out, sizeof out), PL_ESTATE);
  assert_int_equal(pl_noise_read(hs, (pl_view){out, sizeof out}, out, sizeof out), PL_ESTATE);
  assert_int_equal(pl_noise_split(hs, &link), PL_ESTATE);
}

static void both_ends_get_the_same_keys(void **state) {
  (void)state;
  assert_memory_equal(caller.send_key, callee.receive_key, 32);
  assert_memory_equal(caller.receive_key, callee.send_key, 32);
  assert_memory_not_equal(caller.send_key, caller.receive_key, 32);
}

static void every_bit_of_the_messages_counts(void **state) {
  (void)state;
  for (int bit = 0; bit < two.size1 * 8; bit++) {
    pair q;
    write_first(&q);
    q.message1[bit / 8] ^= (uint8_t)(1 << bit % 8);
    /* X25519 ignores the top bit of a public key, but the hash does not. */
    assert_int_equal(pl_noise_read(&q.callee, (pl_view){q.message1, (size_t)q.size1}, q.out, sizeof q.out), PL_ECRYPTO);
    assert_dead(&q.callee);
  }
  write_second(&two);
  for (int bit = 0; bit < two.size2 * 8; bit++) {
    pair q;
    write_second(&q);
    q.message2[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(pl_noise_read(&q.caller, (pl_view){q.message2, (size_t)q.size2}, q.out, sizeof q.out), PL_ECRYPTO);
    assert_dead(&q.caller);
  }
}

static void cut_messages_are_refused(void **state) {
  (void)state;
  for (int size = 0; size < two.size1; size++) {
    write_first(&two);
    assert_int_equal(pl_noise_read(&two.callee, (pl_view){two.message1, (size_t)size}, two.out, sizeof two.out),
                     PL_ECRYPTO);
    assert_dead(&two.callee);
  }
  for (int size = 0; size < two.size2 || size == 0; size++) {
    write_second(&two);
    assert_int_equal(pl_noise_read(&two.caller, (pl_view){two.message2, (size_t)size}, two.out, sizeof two.out),
                     PL_ECRYPTO);
    assert_dead(&two.caller);
  }
}

static void a_large_message_is_refused(void **state) {
  (void)state;
  static uint8_t large[65536], out[65536];
  assert_int_equal(pl_noise_read(&two.callee, (pl_view){large, sizeof large}, out, sizeof out), PL_ECRYPTO);
  assert_dead(&two.callee);
  assert_int_equal(pl_noise_start_caller(&two.caller, &two.caller_id, two.callee_id.id), 0);
  pl_view most = {large, 65535 - PL_NOISE_MESSAGE1_OVERHEAD}, more = {large, most.size + 1};
  assert_int_equal(pl_noise_write(&two.caller, ephemeral1, more, out, sizeof out), PL_EMSGSIZE);
  assert_int_equal(pl_noise_write(&two.caller, ephemeral1, most, out, sizeof out), 65535);
}

static void small_buffers_change_nothing(void **state) {
  (void)state;
  pl_view message = {two.message1, (size_t)two.size1};
  assert_int_equal(pl_noise_read(&two.callee, message, two.out, sizeof hello - 1), PL_EMSGSIZE);
  assert_int_equal(pl_noise_read(&two.callee, message, two.out, sizeof hello), sizeof hello);
  size_t needed = sizeof answer + PL_NOISE_MESSAGE2_OVERHEAD;
  assert_int_equal(pl_noise_write(&two.callee, ephemeral2, payload2, two.message2, 0), PL_EMSGSIZE);
  assert_int_equal(pl_noise_write(&two.callee, ephemeral2, payload2, two.message2, needed - 1), PL_EMSGSIZE);
  assert_int_equal(pl_noise_write(&two.callee, ephemeral2, payload2, two.message2, needed), needed);
}

static void a_side_acts_only_in_its_turn(void **state) {
  (void)state;
  pl_noise_link link;
  pl_view message = {two.message1, (size_t)two.size1};
  assert_int_equal(pl_noise_write(&two.caller, ephemeral1, payload1, two.out, sizeof two.out), PL_ESTATE);
  assert_int_equal(pl_noise_write(&two.callee, ephemeral2, payload2, two.out, sizeof two.out), PL_ESTATE);
  assert_int_equal(pl_noise_split(&two.caller, &link), PL_ESTATE);
  assert_int_equal(pl_noise_read(&two.callee, message, two.out, sizeof two.out), sizeof hello);
  assert_int_equal(pl_noise_read(&two.callee, message, two.out, sizeof two.out), PL_ESTATE);
  assert_int_equal(pl_noise_split(&two.callee, &link), PL_ESTATE);
  assert_true(pl_noise_write(&two.callee, ephemeral2, payload2, two.out, sizeof two.out) > 0);
  assert_int_equal(pl_noise_write(&two.callee, ephemeral2, payload2, two.out, sizeof two.out),
                   PL_ESTATE); /* no third */
  assert_int_equal(pl_noise_read(&two.callee, message, two.out, sizeof two.out), PL_ESTATE);
  assert_int_equal(pl_noise_split(&two.callee, &link), 0);
  assert_dead(&two.callee);
}

static void another_identity_is_refused(void **state) {
  (void)state;
  pl_identity other;
  make_identity(&other, 3);
  pl_view message = {two.message1, (size_t)two.size1};
  /* The relay names another caller: the prologue differs. */
  assert_int_equal(pl_noise_start_callee(&two.callee, &two.callee_id, other.id), 0);
  assert_int_equal(pl_noise_read(&two.callee, message, two.out, sizeof two.out), PL_ECRYPTO);
  /* Another callee gets the message. */
  assert_int_equal(pl_noise_start_callee(&two.callee, &other, two.caller_id.id), 0);
  assert_int_equal(pl_noise_read(&two.callee, message, two.out, sizeof two.out), PL_ECRYPTO);
  /* A caller claims another's ID in the prologue, but has only its own key. */
  pl_identity liar = other;
  memcpy(liar.id, two.caller_id.id, 32);
  assert_int_equal(pl_noise_start_caller(&two.caller, &liar, two.callee_id.id), 0);
  int size = pl_noise_write(&two.caller, ephemeral1, payload1, two.message1, sizeof two.message1);
  assert_int_equal(pl_noise_start_callee(&two.callee, &two.callee_id, two.caller_id.id), 0);
  assert_int_equal(pl_noise_check_caller(&two.callee, two.caller_id.id), PL_ECRYPTO); /* nothing was read yet */
  assert_int_equal(pl_noise_read(&two.callee, (pl_view){two.message1, (size_t)size}, two.out, sizeof two.out),
                   sizeof hello);
  assert_int_equal(pl_noise_check_caller(&two.callee, two.caller_id.id), PL_ECRYPTO);
  assert_int_equal(pl_noise_check_caller(&two.caller, two.callee_id.id), PL_ECRYPTO);
}

static void bad_keys_are_refused(void **state) {
  (void)state;
  uint8_t small_order[32] = {1};
  assert_int_equal(pl_noise_start_caller(&two.caller, &two.caller_id, small_order), PL_EID);
  assert_dead(&two.caller);
  assert_int_equal(pl_noise_start_callee(&two.callee, &two.callee_id, small_order), PL_EID);
  assert_dead(&two.callee);
  assert_int_equal(pl_noise_init(&two.caller, true, payload1, ephemeral1, NULL), PL_EINVAL);
  assert_dead(&two.caller);
}

/* A point of low order gives a secret of zeros: both sides give up. */
static void zero_secrets_abort(void **state) {
  (void)state;
  static const uint8_t zero[32];
  assert_int_equal(pl_noise_init(&two.caller, true, payload1, ephemeral1, zero), 0);
  assert_int_equal(pl_noise_write(&two.caller, ephemeral1, payload1, two.out, sizeof two.out), PL_ECRYPTO);
  assert_dead(&two.caller);
  memset(two.message1, 0, 32);
  assert_int_equal(pl_noise_read(&two.callee, (pl_view){two.message1, (size_t)two.size1}, two.out, sizeof two.out),
                   PL_ECRYPTO);
  assert_dead(&two.callee);
  write_second(&two);
  memset(two.message2, 0, 32);
  assert_int_equal(pl_noise_read(&two.caller, (pl_view){two.message2, (size_t)two.size2}, two.out, sizeof two.out),
                   PL_ECRYPTO);
  assert_dead(&two.caller);
}

/* ---- records ---- */

/* Long enough for OpenSSL: client/lib/aead_openssl.c leaves smaller records to libsodium. */
enum { TEXT = 300, SMALL_MOST = 600, RECORD = TEXT + PL_CONST_RECORD_OVERHEAD_BYTES };
static const uint8_t text[TEXT] = "all that is said here stays among two";

static void seal(pl_noise_link *link, uint8_t record[RECORD]) {
  assert_int_equal(pl_noise_seal(link, PL_ENV_DATA, 0, text, TEXT, record), RECORD);
}

static void records_open_once_and_in_order(void **state) {
  (void)state;
  uint8_t records[4][RECORD], out[TEXT];
  for (int i = 0; i < 4; i++) {
    seal(&caller, records[i]);
    assert_int_equal(pl_get_u64(records[i]), i);
  }
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, records[0], RECORD, out), TEXT);
  assert_memory_equal(out, text, TEXT);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, records[0], RECORD, out), PL_ECRYPTO);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, records[2], RECORD, out), TEXT); /* one was lost */
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, records[1], RECORD, out), PL_ECRYPTO);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, records[2], RECORD, out), PL_ECRYPTO);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, records[3], RECORD, out), TEXT);
  assert_int_equal(callee.received_counter, 3);
  assert_int_equal(pl_noise_open(&caller, PL_ENV_DATA, 0, records[0], RECORD, out),
                   PL_ECRYPTO); /* the caller's own record, sent back */
}

static void every_bit_of_a_record_counts(void **state) {
  (void)state;
  uint8_t record[RECORD], out[RECORD];
  seal(&caller, record);
  for (size_t bit = 0; bit < RECORD * 8; bit++) {
    record[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), PL_ECRYPTO);
    record[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  for (size_t size = 0; size < RECORD; size++)
    assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, size, out), PL_ECRYPTO);
  for (unsigned bit = 0; bit < 8; bit++) {
    assert_int_equal(pl_noise_open(&callee, (uint8_t)(PL_ENV_DATA ^ 1 << bit), 0, record, RECORD, out), PL_ECRYPTO);
    assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, (uint8_t)(1 << bit), record, RECORD, out), PL_ECRYPTO);
  }
  assert_int_equal(callee.received_counter, UINT64_MAX); /* no refused record moved it */
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), TEXT);
}

static void sizes_from_nothing_to_the_most(void **state) {
  (void)state;
  static uint8_t buffer[PL_CONST_ENVELOPE_PAYLOAD_MAX + 2], plain[PL_CONST_RECORD_PLAINTEXT_MAX + 1];
  assert_int_equal(pl_noise_seal(&caller, PL_ENV_DATA, 0, NULL, 0, buffer), PL_CONST_RECORD_OVERHEAD_BYTES);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, buffer, PL_CONST_RECORD_OVERHEAD_BYTES, plain), 0);
  /* in place, both ways */
  memset(buffer + 8, 'x', PL_CONST_RECORD_PLAINTEXT_MAX);
  assert_int_equal(pl_noise_seal(&caller, PL_ENV_DATA, 0, buffer + 8, PL_CONST_RECORD_PLAINTEXT_MAX, buffer),
                   PL_CONST_ENVELOPE_PAYLOAD_MAX);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, buffer, PL_CONST_ENVELOPE_PAYLOAD_MAX + 1, buffer + 8),
                   PL_ECRYPTO);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, buffer, PL_CONST_ENVELOPE_PAYLOAD_MAX, buffer + 8),
                   PL_CONST_RECORD_PLAINTEXT_MAX);
  assert_int_equal(buffer[8], 'x');
  assert_int_equal(buffer[7 + PL_CONST_RECORD_PLAINTEXT_MAX], 'x');
  assert_int_equal(pl_noise_seal(&caller, PL_ENV_DATA, 0, plain, PL_CONST_RECORD_PLAINTEXT_MAX + 1, buffer),
                   PL_EMSGSIZE);
}

static void counters_end_before_the_reserved_one(void **state) {
  (void)state;
  uint8_t record[RECORD], out[TEXT];
  caller.next_counter = UINT64_MAX - 1;
  seal(&caller, record);
  assert_int_equal(pl_noise_seal(&caller, PL_ENV_DATA, 0, text, TEXT, out), PL_ESTATE);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), TEXT);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), PL_ECRYPTO);
  pl_put_u64(record, UINT64_MAX);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), PL_ECRYPTO);
}

/* Small records and large ones may come from different libraries. */
static void each_small_size_opens(void **state) {
  (void)state;
  uint8_t plain[SMALL_MOST], record[SMALL_MOST + PL_CONST_RECORD_OVERHEAD_BYTES], out[SMALL_MOST];
  for (size_t i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)(i * 7 + i / 256);
  for (int size = 0; size <= SMALL_MOST; size++) {
    int sealed = size + PL_CONST_RECORD_OVERHEAD_BYTES;
    assert_int_equal(pl_noise_seal(&caller, PL_ENV_DATA, 0, plain, (size_t)size, record), sealed);
    record[8] ^= 1;
    assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, (size_t)sealed, out), PL_ECRYPTO);
    record[8] ^= 1;
    assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, (size_t)sealed, out), size);
    if (size) assert_memory_equal(out, plain, (size_t)size);
  }
}

/* A refused record leaves nothing of its plaintext, even in a library that decrypts before it checks. */
static void a_refused_record_says_nothing(void **state) {
  (void)state;
  uint8_t record[RECORD], out[TEXT];
  seal(&caller, record);
  record[RECORD - 1] ^= 1;
  memset(out, 0, sizeof out);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), PL_ECRYPTO);
  assert_true(sodium_is_zero(out, sizeof out));
}

static void both_directions_have_their_own_key(void **state) {
  (void)state;
  uint8_t record[RECORD], back[RECORD], out[TEXT];
  seal(&caller, record);
  seal(&callee, back);
  assert_memory_not_equal(record, back, RECORD);
  assert_int_equal(pl_noise_open(&caller, PL_ENV_DATA, 0, back, RECORD, out), TEXT);
  assert_memory_equal(out, text, TEXT);
}

static void a_wiped_link_neither_seals_nor_opens(void **state) {
  (void)state;
  pl_noise_link zero = {.received_counter = UINT64_MAX};
  uint8_t record[RECORD], out[RECORD];
  pl_noise_link_deinit(&caller);
  assert_true(sodium_is_zero(caller.send_key, 32) && sodium_is_zero(caller.receive_key, 32));
  assert_int_equal(pl_noise_seal(&caller, PL_ENV_DATA, 0, text, TEXT, out), PL_ESTATE);
  seal(&zero, record); /* a record that anyone can make, as the key is known */
  assert_int_equal(pl_noise_open(&caller, PL_ENV_DATA, 0, record, RECORD, out), PL_ECRYPTO);
}

/* ---- libraries that fail ---- */

static void *no_begin(const uint8_t key[32], bool sealing) {
  (void)key;
  (void)sealing;
  return NULL;
}

static int ended;
static void *begin_nothing(const uint8_t key[32], bool sealing) {
  (void)key;
  (void)sealing;
  return &ended;
}

static bool fails(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *in, size_t size, uint8_t *out) {
  (void)key, (void)nonce, (void)ad, (void)in, (void)size, (void)out;
  return false;
}

static void count_end(void *key) {
  ++*(int *)key;
}

static const pl_aead none = {no_begin, fails, fails, count_end}, broken = {begin_nothing, fails, fails, count_end};

static void libsodium_is_used_instead(void **state) {
  (void)state;
  uint8_t record[RECORD], out[TEXT];
  seal(&caller, record);
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), TEXT);
}

static void a_failing_library_sends_nothing(void **state) {
  (void)state;
  uint8_t record[RECORD] = {0}, out[TEXT];
  assert_int_equal(pl_noise_seal(&caller, PL_ENV_DATA, 0, text, TEXT, record), PL_ECRYPTO);
  assert_true(sodium_is_zero(record, sizeof record));
  assert_int_equal(pl_noise_open(&callee, PL_ENV_DATA, 0, record, RECORD, out), PL_ECRYPTO);
  ended = 0;
  link_down(NULL);
  assert_int_equal(ended, 4);
}

#define WITH(test, libraries) \
  { #test " " #libraries, test, link_up, link_down, &(libraries) }
#define RECORDS(libraries)                                                                                    \
  WITH(records_open_once_and_in_order, libraries), WITH(every_bit_of_a_record_counts, libraries),             \
      WITH(sizes_from_nothing_to_the_most, libraries), WITH(counters_end_before_the_reserved_one, libraries), \
      WITH(a_refused_record_says_nothing, libraries), WITH(both_directions_have_their_own_key, libraries),    \
      WITH(a_wiped_link_neither_seals_nor_opens, libraries), WITH(each_small_size_opens, libraries)

static libraries sodium_sodium = {NULL, NULL}, sodium_openssl = {NULL, &pl_aead_openssl},
                 openssl_sodium = {&pl_aead_openssl, NULL}, openssl_openssl = {&pl_aead_openssl, &pl_aead_openssl},
                 none_none = {&none, &none}, broken_broken = {&broken, &broken};

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(both_ends_get_the_same_keys, link_up, link_down),
      TEST(every_bit_of_the_messages_counts),
      TEST(cut_messages_are_refused),
      TEST(a_large_message_is_refused),
      TEST(small_buffers_change_nothing),
      TEST(a_side_acts_only_in_its_turn),
      TEST(another_identity_is_refused),
      TEST(bad_keys_are_refused),
      TEST(zero_secrets_abort),
      WITH(libsodium_is_used_instead, none_none),
      WITH(a_failing_library_sends_nothing, broken_broken),
      RECORDS(sodium_sodium),
      RECORDS(sodium_openssl),
      RECORDS(openssl_sodium),
      RECORDS(openssl_openssl),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
