/* A hostile peer that knows the protocol, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/transfer/transfer.h"

typedef struct seen {
  size_t acts[8];
  pl_transfer_action last;
  size_t sent;
} seen;

static pl_transfer *t;
static seen s;
static uint64_t words; /* said so far */

static void act(void *context, const pl_transfer_action *a) {
  (void)context;
  s.acts[a->type]++;
  s.last = *a;
}

static int send_bytes(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  (void)context, (void)head, (void)head_size;
  s.sent += body.size;
  return 0;
}

static int start(void **state) {
  const pl_transfer_sink sink = {act, send_bytes, NULL};
  (void)state;
  memset(&s, 0, sizeof s);
  return pl_transfer_new(&sink, &t);
}

static int end(void **state) {
  (void)state;
  pl_transfer_free(t);
  return 0;
}

static int try_message(uint8_t channel, const void *data, int size) {
  assert_true(size > 0);
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE, .message = {channel, {data, (size_t)size}}};
  return pl_transfer_step(t, &in);
}

static void message(uint8_t channel, const void *data, int size) {
  assert_int_equal(try_message(channel, data, size), 0);
}

static int try_offer(unsigned n, uint8_t flags, uint64_t size) {
  uint8_t out[64];
  pl_wire_file_offer m = {.type = PL_CONST_FILE_OFFER, .flags = flags, .size = size};
  pl_put_u32(m.id, n);
  return try_message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_offer_encode(&m, out, sizeof out));
}

static void offer(unsigned n, uint8_t flags, uint64_t size) {
  assert_int_equal(try_offer(n, flags, size), 0);
}

static void data(unsigned n, uint64_t offset, size_t size) {
  static uint8_t out[PL_CONST_FILE_PIECE_BYTES + 64], bytes[PL_CONST_FILE_PIECE_BYTES];
  pl_wire_file_data m = {.type = PL_CONST_FILE_DATA, .offset = offset, .bytes = {bytes, size}};
  pl_put_u32(m.id, n);
  message(PL_CONST_FILE_CHANNEL, out, pl_wire_file_data_encode(&m, out, sizeof out));
}

static void ending(unsigned n, uint64_t size) {
  uint8_t out[64];
  pl_wire_file_end m = {.type = PL_CONST_FILE_END, .size = size};
  pl_put_u32(m.id, n);
  message(PL_CONST_FILE_CHANNEL, out, pl_wire_file_end_encode(&m, out, sizeof out));
}

static int event(pl_transfer_event_type type, unsigned n, uint64_t offset, uint8_t why) {
  uint8_t id[16] = {0};
  pl_put_u32(id, n);
  return pl_transfer_step(t, &(pl_transfer_event){.type = type, .about = {id, offset, why}});
}

/* Takes the next word. Returns its type, and sets *behind to the byte after its id. */
static int word(uint8_t *behind) {
  uint8_t out[PL_TRANSFER_WORD_MAX];
  size_t n = pl_transfer_next_word(t, out);
  if (!n) return 0;
  pl_transfer_word_sent(t, ++words);
  if (behind) *behind = n > 17 ? out[17] : 0;
  return out[0];
}

static void wanted(unsigned n, uint8_t flags, uint64_t size) {
  offer(n, flags, size);
  assert_int_equal(event(PL_TRANSFER_ACCEPT, n, 0, 0), 0);
  assert_int_equal(event(PL_TRANSFER_READY, n, 0, 0), 0);
  assert_int_equal(word(NULL), PL_CONST_FILE_GET);
}

static void too_many_offers_are_declined(void **state) {
  (void)state;
  uint8_t why = 0;
  for (unsigned n = 0; n < 5000; n++) offer(n, 0, 10);
  assert_int_equal(s.acts[PL_TRANSFER_OFFERED], PL_TRANSFER_FILES_MAX);
  size_t declined = 0;
  while (word(&why) == PL_CONST_FILE_STOP) {
    assert_int_equal(why, PL_CONST_FILE_DECLINED);
    declined++;
  }
  assert_true(declined >= 1024 && declined < 5000 - PL_TRANSFER_FILES_MAX + 1);
  assert_int_equal(event(PL_TRANSFER_STOP, 7, 0, PL_CONST_FILE_DECLINED), 0); /* room for one again */
  offer(9999, 0, 10);
  assert_int_equal(s.acts[PL_TRANSFER_OFFERED], PL_TRANSFER_FILES_MAX + 1);
}

static void bytes_that_were_not_asked_for_are_dropped(void **state) {
  (void)state;
  data(1, 0, 10);
  offer(1, 0, 100);
  data(1, 0, 10);
  assert_int_equal(event(PL_TRANSFER_ACCEPT, 1, 0, 0), 0);
  data(1, 0, 10);
  ending(1, 100);
  assert_int_equal(event(PL_TRANSFER_READY, 1, 0, 0), 0);
  data(1, 0, 10); /* FILE_GET was not said yet */
  assert_int_equal(s.acts[PL_TRANSFER_STORE], 0);
  assert_int_equal(s.acts[PL_TRANSFER_FINISH], 0);
  assert_int_equal(word(NULL), PL_CONST_FILE_GET);
  data(1, 0, 10);
  assert_int_equal(s.acts[PL_TRANSFER_STORE], 1);
}

/* A piece from before the session was reset does not mean that something is missing: if it were asked for again, all
 * that is under way would be sent twice. Only a gap after the first piece in place is one. */
static void a_piece_from_before_a_reset_is_no_gap(void **state) {
  (void)state;
  wanted(1, 0, 100);
  data(1, 50, 10);
  assert_int_equal(word(NULL), 0);
  data(1, 0, 10);
  assert_int_equal(s.acts[PL_TRANSFER_STORE], 1);
  for (int i = 0; i < 2; i++) {
    data(1, 50, 10);
    assert_int_equal(word(NULL), i == 0 ? PL_CONST_FILE_GET : 0);
  }
  assert_int_equal(s.acts[PL_TRANSFER_STORE], 1);
}

static void no_more_than_was_announced(void **state) {
  (void)state;
  static const uint64_t wrong[][2] = {{0, 101}, {100, 1}, {99, 2}, {101, 1}, {UINT64_MAX, 1}, {UINT64_MAX - 5, 10}};
  for (unsigned i = 0; i < 6; i++) {
    uint8_t why = 0;
    wanted(i, 0, 100);
    data(i, wrong[i][0], (size_t)wrong[i][1]);
    assert_int_equal(s.acts[PL_TRANSFER_OVER], i + 1);
    assert_int_equal(s.last.why, PL_CONST_FILE_DAMAGED);
    assert_int_equal(word(&why), PL_CONST_FILE_STOP);
    assert_int_equal(why, PL_CONST_FILE_DAMAGED);
  }
  assert_int_equal(s.acts[PL_TRANSFER_STORE], 0);
}

static void an_end_of_another_size_is_damage(void **state) {
  (void)state;
  static const uint64_t wrong[] = {0, 9, 99, 101, UINT64_MAX};
  for (unsigned i = 0; i < 5; i++) {
    wanted(i, 0, 100);
    data(i, 0, 10);
    ending(i, wrong[i]);
    assert_int_equal(s.acts[PL_TRANSFER_OVER], i + 1);
    assert_int_equal(s.last.why, PL_CONST_FILE_DAMAGED);
    (void)word(NULL);
  }
  wanted(7, 0, 100);
  data(7, 0, 10);
  ending(7, 100); /* something is missing */
  assert_int_equal(word(NULL), PL_CONST_FILE_GET);
  ending(7, 100);
  data(7, 50, 5);
  assert_int_equal(word(NULL), 0); /* said once */
  assert_int_equal(s.acts[PL_TRANSFER_FINISH], 0);
}

/* Nothing is added to what the hash is checked for, until the owner wants the bytes again. */
static void after_the_end_nothing_comes(void **state) {
  (void)state;
  static const uint8_t flags[] = {0, PL_CONST_FILE_FLAG_STREAM};
  for (unsigned i = 0; i < 2; i++) {
    memset(&s, 0, sizeof s);
    wanted(i, flags[i], 100);
    data(i, 0, 100);
    ending(i, 100);
    data(i, 100, 10);
    data(i, 0, 100);
    ending(i, 100);
    ending(i, 110);
    assert_int_equal(s.acts[PL_TRANSFER_STORE], 1);
    assert_int_equal(s.acts[PL_TRANSFER_FINISH], 1);
    assert_int_equal(s.acts[PL_TRANSFER_OVER], 0);
    assert_int_equal(word(NULL), 0);
    assert_int_equal(event(PL_TRANSFER_AGAIN, i, 0, 0), 0);
    assert_int_equal(word(NULL), PL_CONST_FILE_GET);
    data(i, 0, 100);
    ending(i, 100);
    assert_int_equal(s.acts[PL_TRANSFER_STORE], 2);
    assert_int_equal(s.acts[PL_TRANSFER_FINISH], 2);
    assert_int_equal(event(PL_TRANSFER_FINISHED, i, 0, 0), 0);
    assert_int_equal(word(NULL), PL_CONST_FILE_SAVED);
  }
}

static void impossible_sizes_are_refused(void **state) {
  (void)state;
  uint8_t why = 0;
  offer(1, 0, (uint64_t)INT64_MAX + 1);
  assert_int_equal(word(&why), PL_CONST_FILE_STOP);
  assert_int_equal(why, PL_CONST_FILE_TOO_LARGE);
  offer(2, 0, INT64_MAX);
  assert_int_equal(s.acts[PL_TRANSFER_OFFERED], 1);
  wanted(3, PL_CONST_FILE_FLAG_STREAM, UINT64_MAX); /* the size of a stream means nothing */
  data(3, UINT64_MAX - 9, 9);
  assert_int_equal(s.last.why, PL_CONST_FILE_TOO_LARGE);
}

static void one_id_is_one_file(void **state) {
  (void)state;
  wanted(1, 0, 100);
  offer(1, 0, 100);
  assert_int_equal(word(NULL), PL_CONST_FILE_GET);
  offer(1, 0, 101);
  assert_int_equal(s.acts[PL_TRANSFER_OVER], 1);
  assert_int_equal(word(NULL), PL_CONST_FILE_STOP);
  wanted(2, 0, 0);
  offer(2, PL_CONST_FILE_FLAG_STREAM, 0);
  assert_int_equal(s.acts[PL_TRANSFER_OVER], 2);
}

static void words_about_unknown_files_are_ignored(void **state) {
  (void)state;
  uint8_t out[64];
  pl_wire_file_hold h = {.type = PL_CONST_FILE_HOLD, .held = 200, .why = 200};
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_hold_encode(&h, out, sizeof out));
  pl_wire_file_stop x = {.type = PL_CONST_FILE_STOP};
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_stop_encode(&x, out, sizeof out));
  pl_wire_file_saved v = {.type = PL_CONST_FILE_SAVED};
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_saved_encode(&v, out, sizeof out));
  message(PL_CONST_CHAT_CHANNEL, "\x01text", 5);
  message(PL_CONST_CHAT_CHANNEL, "\xff", 1);
  message(PL_CONST_FILE_CHANNEL, "\x02", 1);
  message(9, "\x02", 1);
  for (size_t i = 0; i < 8; i++) assert_int_equal(s.acts[i], 0);
  assert_int_equal(word(NULL), 0);
}

static void a_peer_that_wants_what_was_not_offered_is_told(void **state) {
  (void)state;
  uint8_t out[64], why;
  pl_wire_file_get g = {.type = PL_CONST_FILE_GET, .offset = UINT64_MAX};
  for (int i = 0; i < 5000; i++) message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_get_encode(&g, out, sizeof out));
  int said = 0;
  while (word(&why) == PL_CONST_FILE_STOP) {
    assert_int_equal(why, PL_CONST_FILE_CANCELLED);
    said++;
  }
  assert_true(said > 0 && said < 2000); /* the queue of last words is bounded */
}

/* A stop without a reason is not taken for success. */
static void a_stop_is_never_a_success(void **state) {
  (void)state;
  uint8_t out[64];
  pl_transfer_file f = {.size = 5, .name = {(const uint8_t *)"x", 1}};
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), 0);
  pl_wire_file_stop x = {.type = PL_CONST_FILE_STOP};
  f.id[0] = 0;
  message(PL_CONST_CHAT_CHANNEL, out, pl_wire_file_stop_encode(&x, out, sizeof out));
  assert_int_equal(s.acts[PL_TRANSFER_OVER], 1);
  assert_int_equal(s.last.why, PL_CONST_FILE_CANCELLED);
}

static void events_of_the_owner_are_checked(void **state) {
  (void)state;
  pl_transfer_file f = {.size = 5, .name = {(const uint8_t *)"x", 1}};
  assert_int_equal(event(PL_TRANSFER_ACCEPT, 1, 0, 0), 0); /* it may be a group that is offered later */
  assert_int_equal(event(PL_TRANSFER_ACCEPT, 0, 0, 0), PL_EINVAL);
  assert_int_equal(event(PL_TRANSFER_READY, 1, 0, 0), PL_ESTATE);
  assert_int_equal(event(PL_TRANSFER_STOP, 1, 0, PL_CONST_FILE_CANCELLED), PL_ESTATE);
  assert_int_equal(event(PL_TRANSFER_PAUSE, 1, 0, 0), PL_ESTATE);
  wanted(1, 0, 100);
  assert_int_equal(event(PL_TRANSFER_ACCEPT, 1, 0, 0), PL_ESTATE);
  assert_int_equal(event(PL_TRANSFER_READY, 1, 0, 0), PL_ESTATE);
  assert_int_equal(event(PL_TRANSFER_STORE_FAILED, 1, 1, PL_CONST_FILE_HELD_DISK_FULL), PL_EINVAL);
  assert_int_equal(event(PL_TRANSFER_ROOM, 1, 0, 0), PL_ESTATE);
  assert_int_equal(event(PL_TRANSFER_STOP, 1, 0, 0), PL_EINVAL);
  offer(2, 0, 100);
  assert_int_equal(event(PL_TRANSFER_ACCEPT, 2, 0, 0), 0);
  assert_int_equal(event(PL_TRANSFER_READY, 2, 101, 0), PL_EINVAL);
  f.name.size = 0;
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), PL_EINVAL);
  f.name.size = 1025;
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), PL_EINVAL);
  f.name.size = 1;
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), 0);
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), PL_ESTATE);
}

static void an_offer_without_memory_is_not_declined(void **state) {
  (void)state;
  pl_transfer *none;
  const pl_transfer_sink sink = {act, send_bytes, NULL};
  pl_alloc_fail_at(1);
  assert_int_equal(pl_transfer_new(&sink, &none), PL_ENOMEM);
  pl_alloc_fail_at(1);
  assert_int_equal(try_offer(1, 0, 10), PL_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  assert_int_equal(s.acts[PL_TRANSFER_OFFERED], 0);
  assert_int_equal(word(NULL), 0);
  offer(1, 0, 10);
  assert_int_equal(s.acts[PL_TRANSFER_OFFERED], 1);
  pl_alloc_fail_at(1);
  pl_transfer_file f = {.size = 5, .name = {(const uint8_t *)"x", 1}};
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), PL_ENOMEM);
  pl_alloc_fail_at(0);
}

static void the_largest_offer_fits_a_word(void **state) {
  (void)state;
  static uint8_t text[1024];
  uint8_t out[PL_TRANSFER_WORD_MAX];
  pl_wire_file_offer m;
  memset(text, 'n', sizeof text);
  pl_transfer_file f = {.size = INT64_MAX, .name = {text, 1024}, .media_type = {text, 127}};
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), 0);
  size_t n = pl_transfer_next_word(t, out);
  assert_int_equal(pl_wire_file_offer_decode(&m, out, n), 0);
  assert_int_equal(m.name.size, 1024);
  assert_int_equal(m.media_type.size, 127);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(too_many_offers_are_declined),
      TEST(bytes_that_were_not_asked_for_are_dropped),
      TEST(a_piece_from_before_a_reset_is_no_gap),
      TEST(no_more_than_was_announced),
      TEST(an_end_of_another_size_is_damage),
      TEST(after_the_end_nothing_comes),
      TEST(impossible_sizes_are_refused),
      TEST(one_id_is_one_file),
      TEST(words_about_unknown_files_are_ignored),
      TEST(a_peer_that_wants_what_was_not_offered_is_told),
      TEST(a_stop_is_never_a_success),
      TEST(events_of_the_owner_are_checked),
      TEST(an_offer_without_memory_is_not_declined),
      TEST(the_largest_offer_fits_a_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
