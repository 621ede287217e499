/* Small parts of the engine by themselves: random numbers, reasons, the queue of actions, lists and numbers. */
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/engine/action_queue.h"
#include "client/core/engine/engine_actions.h"
#include "client/core/engine/engine_invite.h"
#include "client/core/engine/engine_link.h"
#include "client/core/engine/engine_login.h"
#include "client/core/engine/engine_offer.h"
#include "client/core/engine/engine_peers.h"
#include "client/core/engine/engine_random.h"
#include "client/core/engine/engine_strangers.h"

static pl_engine *e;

static int start(void **state) {
  (void)state;
  pl_engine_config config = {.origin = "http://a", .application = "pipe/1", .instance = {1}};
  const uint8_t seed[32] = {1};
  assert_int_equal(pl_identity_from_seed(&config.identity, seed), 0);
  return pl_engine_new(&config, &e);
}

static int end(void **state) {
  (void)state;
  pl_engine_free(e);
  return 0;
}

/* ---- random numbers ---------------------------------------------------------------------------------------------- */

enum { BLOCK = 256, BLOCKS = 4 };

static uint8_t stream[BLOCK * BLOCKS], seed_of_stream[32];

/* The stream of this seed is made of blocks, each of the next nonce. */
static void stream_start(pl_engine_rng *r) {
  for (size_t k = 0; k < sizeof seed_of_stream; k++) seed_of_stream[k] = (uint8_t)(7 * k + 1);
  for (uint8_t k = 0; k < BLOCKS; k++) {
    const uint8_t nonce[8] = {0, 0, 0, 0, 0, 0, 0, k};
    crypto_stream_chacha20(stream + (size_t)k * BLOCK, BLOCK, nonce, seed_of_stream);
  }
  memset(r, 0xaa, sizeof *r);
  pl_engine_rng_init(r, seed_of_stream);
}

static void random_bytes_are_the_stream_of_the_seed(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 255, 256, 257, 300, 512, BLOCK * BLOCKS};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(sizes); k++) {
    pl_engine_rng r;
    stream_start(&r);
    uint8_t out[BLOCK * BLOCKS + 1];
    for (size_t at = 0; at + sizes[k] <= sizeof stream; at += sizes[k]) {
      memset(out, 0x55, sizeof out);
      pl_engine_rng_bytes(&r, out, sizes[k]);
      assert_memory_equal(out, stream + at, sizes[k]);
      assert_int_equal(out[sizes[k]], 0x55);
    }
  }
}

/* What was given away cannot be read afterwards. */
static void used_random_bytes_are_wiped(void **state) {
  (void)state;
  pl_engine_rng r;
  uint8_t out[100];
  stream_start(&r);
  pl_engine_rng_bytes(&r, out, sizeof out);
  assert_true(sodium_is_zero(r.block, sizeof out));
  assert_memory_equal(r.block + sizeof out, stream + sizeof out, BLOCK - sizeof out);
}

static void random_numbers_are_the_bytes_of_the_stream(void **state) {
  (void)state;
  pl_engine_rng r;
  stream_start(&r);
  for (size_t k = 0; k < 10; k++) assert_true(pl_engine_rng_u64(&r) == pl_get_u64(stream + 8 * k));
  stream_start(&r);
  for (size_t k = 0; k < 10; k++) assert_true(pl_engine_rng_below(&r, 1000) == pl_get_u64(stream + 8 * k) % 1000);
  assert_true(pl_engine_rng_below(&r, 0) == 0);
  assert_true(pl_engine_rng_below(&r, 1) == 0);
}

/* ---- reasons ----------------------------------------------------------------------------------------------------- */

static void each_reason_has_its_error(void **state) {
  (void)state;
  static const struct {
    int reason, error;
    bool fault;
  } cases[] = {{PL_REASON_CLOSED, PL_ECLOSED, false},
               {PL_REASON_GONE, PL_ENETWORK, false},
               {PL_REASON_UNAVAILABLE, PL_EUNAVAILABLE, false},
               {PL_REASON_REPLACED, PL_ENETWORK, false},
               {PL_REASON_CROSSED, PL_ENETWORK, false},
               {PL_REASON_DRAINING, PL_ENETWORK, false},
               {PL_REASON_NODE_LOST, PL_ENETWORK, false},
               {PL_REASON_OVERFLOW, PL_ENETWORK, false},
               {PL_REASON_RATE, PL_ENETWORK, false},
               {PL_REASON_SUPERSEDED, PL_ENETWORK, false},
               {PL_REASON_TIMEOUT, PL_ETIMEDOUT, false},
               {PL_REASON_FULL, PL_ENETWORK, false},
               {PL_REASON_CORRUPT, PL_ENETWORK, true},
               {PL_REASON_BUSY, PL_EBUSY, false},
               {PL_REASON_STORE, PL_ESTORE, false},
               {PL_REASON_REFUSED, PL_EREFUSED, true},
               {PL_REASON_PROTOCOL, PL_EPROTOCOL, true},
               {PL_REASON_UNSUPPORTED, PL_EPROTOCOL, true},
               {PL_REASON_REVOKED, PL_EDENIED, true},
               {PL_REASON_DENIED, PL_EDENIED, true},
               {PL_REASON_LOGIN_FAILED, PL_ECRYPTO, true},
               {PL_REASON_ORIGIN, PL_EURL, true},
               {PL_REASON_NO_CODE, PL_ENOCODE, true},
               {PL_REASON_WRONG_CODE, PL_EWRONGCODE, true},
               {0x0ff, PL_ENETWORK, false},
               {0x1ff, PL_EREFUSED, true}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    assert_int_equal(pl_engine_reason_error(cases[k].reason), cases[k].error);
    assert_int_equal(pl_engine_reason_is_fault(cases[k].reason), cases[k].fault);
  }
}

/* ---- actions ----------------------------------------------------------------------------------------------------- */

static void a_queued_action_is_a_copy(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 7, 100};
  pl_engine_action_queue q;
  pl_engine_action_queue_init(&q);
  for (size_t d = 0; d < PL_ARRAY_LENGTH(sizes); d++)
    for (size_t t = 0; t < PL_ARRAY_LENGTH(sizes); t++) {
      uint8_t data[100], text[100];
      memset(data, 'd', sizeof data);
      memset(text, 't', sizeof text);
      pl_engine_action a = {.type = PL_ENGINE_OUT_MESSAGE, .session = (uint32_t)d, .place = t};
      if (sizes[d]) a.data = (pl_view){data, sizes[d]};
      if (sizes[t]) a.text = (pl_view){text, sizes[t]};
      assert_non_null(pl_engine_action_queue_add(&q, &a));
      memset(data, 'x', sizeof data);
      memset(text, 'x', sizeof text);
    }
  for (size_t d = 0; d < PL_ARRAY_LENGTH(sizes); d++)
    for (size_t t = 0; t < PL_ARRAY_LENGTH(sizes); t++) {
      assert_false(pl_engine_action_queue_is_empty(&q));
      pl_engine_queued_action *a = pl_engine_action_queue_take(&q);
      assert_int_equal(a->action.type, PL_ENGINE_OUT_MESSAGE);
      assert_int_equal(a->action.session, d);
      assert_int_equal(a->action.place, t);
      assert_int_equal(a->action.data.size, sizes[d]);
      assert_int_equal(a->action.text.size, sizes[t]);
      for (size_t k = 0; k < sizes[d]; k++) assert_int_equal(a->action.data.data[k], 'd');
      for (size_t k = 0; k < sizes[t]; k++) assert_int_equal(a->action.text.data[k], 't');
      assert_int_equal(a->action.data.data[sizes[d]], 0);
      assert_int_equal(a->action.text.data[sizes[t]], 0);
      assert_ptr_equal(a->action.data.data, a + 1); /* behind it, and not one over the other */
      assert_ptr_equal(a->action.text.data, a->action.data.data + sizes[d] + 1);
      pl_engine_queued_action_free(a);
    }
  assert_true(pl_engine_action_queue_is_empty(&q));
  assert_null(pl_engine_action_queue_take(&q));
}

static void texts_of_a_step_share_their_room(void **state) {
  (void)state;
  static uint8_t text[PL_ENGINE_TEXT_BYTES];
  for (size_t k = 0; k < sizeof text; k++) text[k] = (uint8_t)k;
  pl_view first = pl_engine_keep_text(e, (pl_view){text, 2000});
  pl_view second = pl_engine_keep_text(e, (pl_view){text, 48});
  assert_ptr_equal(first.data, e->text);
  assert_ptr_equal(second.data, e->text + 2000);
  assert_int_equal(first.size, 2000);
  assert_int_equal(second.size, 48);
  assert_memory_equal(first.data, text, 2000);
  assert_memory_equal(second.data, text, 48);
  assert_int_equal(pl_engine_keep_text(e, (pl_view){text, 1}).size, 0);
  e->text_used = 2000;
  assert_int_equal(pl_engine_keep_text(e, (pl_view){text, 49}).size, 48); /* cut */
}

static void logs_are_one_short_line(void **state) {
  (void)state;
  static const char longest[] =
      "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567";
  pl_engine_log(e, "a", "b");
  pl_engine_log(e, "a", longest);
  assert_int_equal(e->actions.count, 2);
  const pl_engine_action *a = e->actions.list;
  assert_int_equal(a[0].type, PL_ENGINE_OUT_LOG);
  assert_int_equal(a[0].text.size, strlen("event=a reason=b"));
  assert_memory_equal(a[0].text.data, "event=a reason=b", a[0].text.size);
  assert_int_equal(a[1].text.size, 95);
  assert_memory_equal(a[1].text.data, "event=a reason=0123", 19);
}

/* What must not be lost has room that no other action takes. */
static void the_reserve_is_kept_free(void **state) {
  (void)state;
  pl_engine_action a = {.type = PL_ENGINE_OUT_LOG};
  size_t reserve = PL_ENGINE_OUT_RESERVE(0), capacity = e->actions.capacity;
  assert_int_equal(capacity, 64 + reserve);
  pl_alloc_fail_at(1);
  for (size_t k = 0; k < 64; k++) assert_int_equal(pl_engine_out(e, a), 0);
  assert_int_equal(pl_engine_out(e, a), PL_ENOMEM);
  pl_alloc_fail_at(1);
  pl_engine_out_lossy(e, a);
  assert_int_equal(e->actions.count, 64);
  pl_alloc_fail_at(1);
  for (size_t k = 0; k < reserve; k++) pl_engine_out_once(e, a);
  assert_int_equal(e->actions.count, 64 + reserve);
  pl_engine_out_once(e, a); /* nothing fits beyond it */
  assert_int_equal(pl_alloc_fail_at(0), 0);
  assert_int_equal(e->actions.count, 64 + reserve);
  assert_int_equal(pl_engine_out_room(e, capacity), 0);
  assert_int_equal(e->actions.capacity, capacity);
  assert_int_equal(pl_engine_out_room(e, capacity + 1), 0); /* it doubles */
  assert_int_equal(e->actions.capacity, 2 * capacity);
  assert_int_equal(pl_engine_out_room(e, 5 * capacity), 0);
  assert_int_equal(e->actions.capacity, 5 * capacity);
}

static void the_earliest_time_counts(void **state) {
  (void)state;
  e->now_ms = 100;
  assert_true(e->next_ms == PL_NEVER);
  pl_engine_wake_at(e, 500);
  pl_engine_wake_at(e, 600);
  assert_int_equal(e->next_ms, 500);
  pl_engine_wake_at(e, 400);
  assert_int_equal(e->next_ms, 400);
  pl_engine_wake_at(e, 50); /* a time that has passed means now */
  assert_int_equal(e->next_ms, 100);
}

/* ---- numbers of links -------------------------------------------------------------------------------------------- */

/* The lowest free slot, each time with its next generation, from 1 to the largest and again from 1. */
static void own_links_take_the_lowest_slot(void **state) {
  (void)state;
  e->link_slots = 3;
  pl_engine_link *l[3];
  for (uint32_t k = 0; k < 3; k++) {
    l[k] = pl_engine_link_new(e, true, 0);
    assert_int_equal(l[k]->number, pl_link_number_make(false, 1, k));
    assert_int_equal(l[k]->state, PL_ENGINE_LINK_OPENING);
    assert_ptr_equal(pl_engine_link_find(e, l[k]->number), l[k]);
  }
  assert_null(pl_engine_link_new(e, true, 0));
  uint32_t old = l[1]->number;
  pl_engine_link_forget(e, l[1], 0);
  assert_null(pl_engine_link_find(e, old));
  l[1] = pl_engine_link_new(e, true, 0);
  assert_int_equal(l[1]->number, pl_link_number_make(false, 2, 1));
  assert_null(pl_engine_link_find(e, old));
  static const uint16_t generations[] = {PL_CONST_ID_BYTES, PL_CONST_LINK_GENERATION_MAX - 1,
                                         PL_CONST_LINK_GENERATION_MAX};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(generations); k++) {
    pl_engine_link_forget(e, l[1], 0);
    e->own.list[1].generation = generations[k];
    l[1] = pl_engine_link_new(e, true, 0);
    uint32_t next = generations[k] == PL_CONST_LINK_GENERATION_MAX ? 1 : generations[k] + 1u;
    assert_int_equal(pl_link_number_generation(l[1]->number), next);
  }
}

static void the_relay_gives_its_own_numbers(void **state) {
  (void)state;
  e->link_slots = 20;
  static const struct {
    bool relay_side;
    uint16_t generation;
    uint32_t slot;
    bool ok;
  } cases[] = {{true, 1, 0, true},  {false, 1, 0, false}, {true, 0, 0, false},
               {true, 1, 19, true}, {true, 1, 20, false}, {true, PL_CONST_LINK_GENERATION_MAX, 8, true}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    uint32_t number = pl_link_number_make(cases[k].relay_side, cases[k].generation, cases[k].slot);
    assert_int_equal(pl_engine_link_number_is_new(e, number), cases[k].ok);
    if (!cases[k].ok) continue;
    pl_engine_link *l = pl_engine_link_new(e, false, number);
    assert_int_equal(l->number, number);
    assert_int_equal(l->state, PL_ENGINE_LINK_OFFERED);
    assert_ptr_equal(pl_engine_link_find(e, number), l);
    assert_false(pl_engine_link_number_is_new(e, number)); /* in use */
    assert_null(pl_engine_link_new(e, false, number));
    pl_engine_link_forget(e, l, 0);
    assert_true(pl_engine_link_number_is_new(e, number));
  }
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void id_of(uint8_t id[32], uint32_t number) {
  memset(id, 0x33, 32);
  pl_put_u32(id + 28, number); /* in its last bytes, so all must be compared */
}

static void knock(uint32_t number, uint64_t now_ms) {
  pl_engine_call call = {.name_size = 3, .name = "Ada"};
  pl_engine_link l = {.call = &call};
  e->now_ms = now_ms;
  id_of(l.id, number);
  memset(l.instance, (int)number, 8);
  pl_engine_knock_add(e, &l);
}

static pl_engine_knock *knock_of(uint32_t number) {
  uint8_t id[32];
  id_of(id, number);
  return pl_engine_knock_find(e, id);
}

/* There is room for sixty-four. Then the one that knocked longest ago is forgotten. */
static void knocks_take_places(void **state) {
  (void)state;
  for (uint32_t k = 0; k < PL_ENGINE_KNOCKS_MAX; k++) {
    e->actions.count = e->text_used = 0;
    knock(k, 1000 + (k * 37) % 64); /* in no order */
    assert_int_equal(e->actions.count, 1);
    const pl_engine_action *a = e->actions.list;
    assert_int_equal(a->type, PL_ENGINE_OUT_KNOCK);
    uint8_t id[32], instance[8];
    id_of(id, k);
    memset(instance, (int)k, 8);
    assert_memory_equal(a->id, id, 32);
    assert_memory_equal(a->instance, instance, 8);
    assert_int_equal(a->text.size, 3);
    for (uint32_t j = 0; j <= k; j++) assert_non_null(knock_of(j));
  }
  e->actions.count = 0;
  knock(0, 2000); /* once more: it is not reported again, but it is the newest now */
  knock(7, 2000);
  assert_int_equal(e->actions.count, 0);
  for (uint32_t k = 100; k < 163; k++) {
    uint32_t oldest = 0;
    for (uint32_t j = 1; j < 64; j++)
      if (knock_of(j) && (!oldest || knock_of(j)->at_ms < knock_of(oldest)->at_ms)) oldest = j;
    assert_int_not_equal(oldest, 0);
    knock(k, 3000);
    assert_null(knock_of(oldest));
    if (k == 161) break; /* numbers 0 and 7 are left, which are equally old */
  }
  assert_non_null(knock_of(0));
  assert_non_null(knock_of(7));
}

/* Both sides of a pairing code call each other now, so a knock needs no answer any more. */
static void pairing_answers_a_knock(void **state) {
  (void)state;
  uint8_t id[32];
  knock(1, 1000);
  knock(2, 1000);
  id_of(id, 1);
  assert_int_equal(pl_engine_peer_pair(e, id), 0);
  assert_null(knock_of(1));
  assert_non_null(knock_of(2));
  assert_true(pl_engine_peer_is_welcome(e, id));
}

static void peers_are_found_by_all_bytes_of_their_id(void **state) {
  (void)state;
  uint8_t id[32];
  for (uint32_t k = 0; k < 100; k++) {
    id_of(id, k);
    assert_int_equal(pl_engine_peer_decision(e, id), PL_ENGINE_UNDECIDED);
    for (int twice = 0; twice < 2; twice++)
      assert_int_equal(pl_engine_peer_decide(e, id, PL_ENGINE_ALLOWED + (pl_engine_decision)(k % 4)), 0);
    assert_int_equal(e->peer_count, k + 1);
  }
  assert_int_equal(e->turned_away, 50);
  for (uint32_t k = 0; k < 100; k++) {
    id_of(id, k);
    assert_int_equal(pl_engine_peer_decision(e, id), PL_ENGINE_ALLOWED + k % 4);
    assert_int_equal(pl_engine_peer_is_welcome(e, id), k % 4 == 0);
    assert_int_equal(pl_engine_peer_is_blocked(e, id), k % 4 == 3);
  }
  id_of(id, 100);
  assert_false(pl_engine_peer_is_welcome(e, id));
  assert_false(pl_engine_peer_is_blocked(e, id));
}

/* Who accepts everybody still has the IDs of whom something else was decided. */
static void a_decision_comes_before_accepting_everybody(void **state) {
  (void)state;
  uint8_t id[32];
  id_of(id, 1);
  e->config.accept_all = true;
  for (pl_engine_decision d = PL_ENGINE_UNDECIDED; d <= PL_ENGINE_BLOCKED; d++) {
    assert_int_equal(pl_engine_peer_decide(e, id, d), 0);
    assert_int_equal(pl_engine_peer_is_welcome(e, id), d <= PL_ENGINE_ALLOWED);
  }
}

/* The last 1,024 that were ignored or refused are kept, counted from the latest decision about each. */
static void the_oldest_that_was_turned_away_is_forgotten(void **state) {
  (void)state;
  uint8_t id[32];
  id_of(id, 5000);
  assert_int_equal(pl_engine_peer_decide(e, id, PL_ENGINE_BLOCKED), 0);
  for (uint32_t k = 0; k < 1024; k++) {
    id_of(id, k);
    assert_int_equal(pl_engine_peer_decide(e, id, k % 2 ? PL_ENGINE_IGNORED : PL_ENGINE_REFUSED), 0);
  }
  id_of(id, 0);
  assert_int_equal(pl_engine_peer_decide(e, id, PL_ENGINE_IGNORED), 0); /* the newest now */
  id_of(id, 1024);
  assert_int_equal(pl_engine_peer_decide(e, id, PL_ENGINE_IGNORED), 0);
  assert_int_equal(e->turned_away, 1024);
  for (uint32_t k = 0; k <= 1024; k++) {
    id_of(id, k);
    assert_int_equal(pl_engine_peer_decision(e, id) == PL_ENGINE_UNDECIDED, k == 1);
  }
  id_of(id, 5000);
  assert_true(pl_engine_peer_is_blocked(e, id));
  id_of(id, 2);
  pl_engine_peer_readmit(e, id);
  assert_int_equal(pl_engine_peer_decision(e, id), PL_ENGINE_UNDECIDED);
  assert_int_equal(e->turned_away, 1023);
  assert_int_equal(e->peer_count, 1024);
}

static void there_are_65536_peers_at_most(void **state) {
  (void)state;
  uint8_t id[32];
  e->peer_count = 65536;
  id_of(id, 1);
  assert_int_equal(pl_engine_peer_decide(e, id, PL_ENGINE_ALLOWED), PL_ENOMEM);
  e->peer_count = 65535;
  assert_int_equal(pl_engine_peer_decide(e, id, PL_ENGINE_ALLOWED), 0);
  assert_int_equal(e->peer_count, 65536);
}

/* ---- invites ----------------------------------------------------------------------------------------------------- */

/* docs/protocol.md, section 5: HMAC-SHA-256 under the secret, and the first bytes of its hash. */
static void the_proof_of_an_invite(void **state) {
  (void)state;
  static const char label[] = "pairlink v1 invite";
  uint8_t secret[16], text[18 + 96], out[40], hash[32], mac[32];
  assert_string_equal(PL_LABEL_INVITE, label);
  for (size_t k = 0; k < sizeof secret; k++) secret[k] = (uint8_t)(k + 1);
  memcpy(text, label, 18);
  for (size_t k = 0; k < 96; k++) text[18 + k] = (uint8_t)(k + 50);
  pl_engine_invite_prove(out, secret, text + 18, text + 50, text + 82);
  crypto_hash_sha256(hash, secret, sizeof secret);
  assert_memory_equal(out, hash, 8);
  crypto_auth_hmacsha256_state h;
  crypto_auth_hmacsha256_init(&h, secret, sizeof secret);
  crypto_auth_hmacsha256_update(&h, text, sizeof text);
  crypto_auth_hmacsha256_final(&h, mac);
  assert_memory_equal(out + 8, mac, 32);
}

static int claim(const uint8_t secret[16], uint8_t who, uint32_t *code) {
  pl_engine_call call = {.name_size = 0};
  pl_engine_link l = {.call = &call};
  memset(l.id, who, 32);
  memcpy(call.invite, secret, 16);
  *code = 99;
  e->actions.count = 0;
  return pl_engine_invite_claim(e, &l, code);
}

/* An invite can be used until it expires, and once if it is for one peer; who used it may come again. */
static void an_invite_lasts_until_it_expires(void **state) {
  (void)state;
  for (uint32_t uses = 0; uses < 2; uses++) {
    uint8_t secret[16] = {0};
    uint32_t code;
    secret[15] = (uint8_t)(9 + uses);
    e->now_ms = 1000;
    assert_int_equal(pl_engine_invite_add(e, (pl_view){secret, 16}, 2000, uses, 0), 0);
    secret[15]++;
    assert_false(claim(secret, 1, &code)); /* another secret */
    assert_int_equal(code, 0);
    secret[15]--;
    assert_true(claim(secret, 1, &code));
    assert_int_equal(code, 0);
    assert_int_equal(e->actions.count, 1);
    assert_int_equal(e->actions.list[0].type, PL_ENGINE_OUT_INVITE_CLAIMED);
    assert_int_equal(e->actions.list[0].data.size, 16);
    assert_true(claim(secret, 1, &code));
    assert_int_equal(code, 0);
    assert_int_equal(e->actions.count, 0);
    assert_int_equal(claim(secret, 2, &code), uses == 0);
    e->now_ms = 1999;
    assert_int_equal(claim(secret, 3, &code), uses == 0);
    e->now_ms = 2000;
    assert_false(claim(secret, 4, &code));
    assert_true(claim(secret, uses ? 1 : 3, &code)); /* the one that used it last */
    assert_int_equal(pl_engine_invite_revoke(e, secret), 0);
    assert_int_equal(pl_engine_invite_revoke(e, secret), PL_EINVAL);
  }
}

/* The dial secret of a code is dropped when it expires, the application's invites when room is wanted. */
static void secrets_of_codes_are_dropped_when_they_expire(void **state) {
  (void)state;
  uint8_t secret[16] = {0};
  uint32_t code;
  e->now_ms = 1000;
  for (uint8_t k = 1; k <= 3; k++) {
    secret[0] = k;
    assert_int_equal(pl_engine_invite_add(e, (pl_view){secret, 16}, 2000 + k / 3, 1, k == 2 ? 0 : k), 0);
  }
  secret[0] = 3;
  assert_true(claim(secret, 1, &code));
  assert_int_equal(code, 3);
  assert_int_equal(e->actions.count, 0); /* the application does not know of it */
  assert_true(claim(secret, 1, &code));
  assert_int_equal(code, 0); /* only once */
  secret[0] = 9;
  e->now_ms = 1999;
  assert_int_equal(pl_engine_invite_add(e, (pl_view){secret, 16}, 3000, 1, 0), 0);
  assert_int_equal(e->invite_count, 4);
  e->now_ms = 2000;
  assert_int_equal(pl_engine_invite_add(e, (pl_view){secret, 16}, 3000, 1, 0), 0);
  assert_int_equal(e->invite_count, 3); /* number 1 */
  e->now_ms = 2001;
  assert_int_equal(pl_engine_invite_add(e, (pl_view){secret, 16}, 3000, 1, 0), 0);
  assert_int_equal(e->invite_count, 2); /* number 3 */
  secret[0] = 2;
  assert_int_equal(pl_engine_invite_revoke(e, secret), 0);
}

/* ---- who is smaller ---------------------------------------------------------------------------------------------- */

static void sides_are_ordered_by_id_and_instance(void **state) {
  (void)state;
  uint8_t id[32], instance[8] = {1};
  memcpy(id, e->config.identity.id, 32);
  assert_false(pl_engine_side_is_smaller(e, id, instance));
  instance[7] = 1;
  assert_true(pl_engine_side_is_smaller(e, id, instance));
  instance[0] = 0;
  assert_false(pl_engine_side_is_smaller(e, id, instance));
  id[31]++;
  assert_true(pl_engine_side_is_smaller(e, id, instance));
  id[31] = (uint8_t)(id[31] - 2);
  instance[0] = 2;
  assert_false(pl_engine_side_is_smaller(e, id, instance));
}

#define OWN(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_bytes_are_the_stream_of_the_seed),
      cmocka_unit_test(used_random_bytes_are_wiped),
      cmocka_unit_test(random_numbers_are_the_bytes_of_the_stream),
      cmocka_unit_test(each_reason_has_its_error),
      cmocka_unit_test(a_queued_action_is_a_copy),
      OWN(texts_of_a_step_share_their_room),
      OWN(logs_are_one_short_line),
      OWN(the_reserve_is_kept_free),
      OWN(the_earliest_time_counts),
      OWN(own_links_take_the_lowest_slot),
      OWN(the_relay_gives_its_own_numbers),
      OWN(knocks_take_places),
      OWN(pairing_answers_a_knock),
      OWN(peers_are_found_by_all_bytes_of_their_id),
      OWN(a_decision_comes_before_accepting_everybody),
      OWN(the_oldest_that_was_turned_away_is_forgotten),
      OWN(there_are_65536_peers_at_most),
      OWN(the_proof_of_an_invite),
      OWN(an_invite_lasts_until_it_expires),
      OWN(secrets_of_codes_are_dropped_when_they_expire),
      OWN(sides_are_ordered_by_id_and_instance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
