/* What is said about files, word by word, and what is said again until the peer has heard it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/transfer/transfer_internal.h"

static pl_transfer *t;
static pl_transfer_action last;
static char name[16], media_type[16];
static uint64_t stored; /* of the last action's file */

static void keep(char out[16], pl_view text) {
  assert_true(text.size < 16);
  memset(out, 0, 16);
  if (text.size) memcpy(out, text.data, text.size);
}

static void act(void *context, const pl_transfer_action *a) {
  (void)context;
  last = *a;
  stored = a->file->stored;
  keep(name, a->file->name);
  keep(media_type, a->file->media_type);
}

static int send_bytes(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  (void)context, (void)head, (void)head_size, (void)body;
  return 0;
}

static int start(void **state) {
  const pl_transfer_sink sink = {act, send_bytes, NULL};
  (void)state;
  return pl_transfer_new(&sink, &t);
}

static int end(void **state) {
  (void)state;
  pl_transfer_free(t);
  return 0;
}

static int step(pl_transfer_event in) {
  return pl_transfer_step(t, &in);
}

static void come(const uint8_t *word, int size) {
  assert_true(size > 0);
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE};
  in.message.channel = PL_CONST_CHAT_CHANNEL;
  in.message.data = (pl_view){word, (size_t)size};
  assert_int_equal(step(in), 0);
}

static void an_offer_carries_name_and_type(void **state) {
  (void)state;
  uint8_t word[PL_TRANSFER_WORD_MAX];
  pl_transfer_file f = {.id = {1}, .size = 5, .name = {(const uint8_t *)"a.txt", 5}};
  f.media_type = (pl_view){(const uint8_t *)"text/plain", 10};
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), 0);
  size_t size = pl_transfer_next_word(t, word);
  end(NULL);
  start(NULL);
  come(word, (int)size);
  assert_int_equal(last.type, PL_TRANSFER_OFFERED);
  assert_string_equal(name, "a.txt");
  assert_string_equal(media_type, "text/plain");
  assert_int_equal(last.file->size, 5);
}

static pl_transfer_file file_with_time(uint8_t n, uint64_t modified_ns) {
  pl_transfer_file f = {.id = {n}, .modified_ns = modified_ns, .name = {(const uint8_t *)"a.txt", 5}};
  return f;
}

/* Returns the type of the next word, and says it. */
static uint8_t say_next(void) {
  static uint64_t place;
  uint8_t word[PL_TRANSFER_WORD_MAX];
  size_t size = pl_transfer_next_word(t, word);
  if (size) pl_transfer_word_sent(t, ++place);
  return size ? word[0] : 0;
}

static void a_time_is_said_right_before_each_offer(void **state) {
  (void)state;
  pl_transfer_file known = file_with_time(1, 5), unknown = file_with_time(2, 0), beyond = file_with_time(3, UINT64_MAX);
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&known}}), 0);
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&unknown}}), 0);
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&beyond}}), PL_EINVAL);
  for (int session = 0; session < 3; session++) {
    assert_int_equal(say_next(), PL_CONST_FILE_TIME);
    if (session == 1) { /* the session ends between the two */
      assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_BEGUN}), 0);
      continue;
    }
    assert_int_equal(say_next(), PL_CONST_FILE_OFFER);
    assert_int_equal(say_next(), PL_CONST_FILE_OFFER);
    assert_int_equal(say_next(), 0);
    assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_BEGUN}), 0);
  }
}

static void time_comes(uint8_t n, uint64_t modified_ns) {
  uint8_t word[64];
  pl_wire_file_time m = {.type = PL_CONST_FILE_TIME, .id = {n}, .modified_ns = modified_ns};
  come(word, pl_wire_file_time_encode(&m, word, sizeof word));
}

/* Returns the time of the file that the peer offers now. */
static uint64_t offer_comes(uint8_t n) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  pl_wire_file_offer m = {.type = PL_CONST_FILE_OFFER, .id = {n}, .name = {(const uint8_t *)"x", 1}};
  come(word, pl_wire_file_offer_encode(&m, word, sizeof word));
  return last.file->modified_ns;
}

static void a_file_has_the_time_that_came_before_its_offer(void **state) {
  (void)state;
  time_comes(1, 7);
  assert_int_equal(offer_comes(1), 7);
  assert_int_equal(offer_comes(2), 0); /* it was of another file */
  time_comes(3, 8);
  time_comes(4, 9); /* only the latest is kept */
  assert_int_equal(offer_comes(3), 0);
  time_comes(5, 0), time_comes(5, UINT64_MAX);
  assert_int_equal(offer_comes(5), 0); /* those are no times */
  time_comes(6, 9);
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_BEGUN}), 0);
  assert_int_equal(offer_comes(6), 0); /* it belonged to the session before */
  time_comes(6, 11);
  assert_int_equal(last.file->modified_ns, 11); /* it is open, so it counts at once */
}

/* The peer wants file n, which does not exist: its end is to be said. */
static void want(uint32_t n) {
  uint8_t word[64];
  pl_wire_file_get m = {.type = PL_CONST_FILE_GET};
  pl_put_u32(m.id, n);
  come(word, pl_wire_file_get_encode(&m, word, sizeof word));
}

/* Returns the file whose end is the next word, or 0. */
static uint32_t next(void) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  pl_wire_file_stop m;
  size_t size = pl_transfer_next_word(t, word);
  if (size == 0) return 0;
  assert_int_equal(pl_wire_file_stop_decode(&m, word, size), 0);
  assert_int_equal(m.why, PL_CONST_FILE_CANCELLED);
  return pl_get_u32(m.id);
}

static void hear(uint64_t place) {
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_HEARD, .heard = {place}}), 0);
}

/* In order, each until it was heard, however many there have been. */
static void what_was_not_heard_is_said_again(void **state) {
  (void)state;
  enum { UNHEARD = 3 };
  for (uint32_t n = 1; n <= 3 * PL_TRANSFER_LAST_WORDS_MAX; n++) {
    want(n);
    assert_int_equal(next(), n);
    pl_transfer_word_sent(t, n);
    assert_int_equal(next(), 0);
    assert_false(pl_transfer_is_heard(t));
    if (n > UNHEARD) hear(n - UNHEARD);
    if (n % 500 > 2 && n % 500 < PL_TRANSFER_LAST_WORDS_MAX % 500) continue;
    assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_BEGUN}), 0);
    for (uint32_t again = n > UNHEARD ? n - UNHEARD + 1 : 1; again <= n; again++) {
      assert_int_equal(next(), again);
      pl_transfer_word_sent(t, again);
    }
    assert_int_equal(next(), 0);
  }
  hear(UINT64_MAX);
  assert_true(pl_transfer_is_heard(t));
}

/* As many as there is room for are kept. What was said already makes room for what was not. */
static void there_is_room_for_so_many(void **state) {
  (void)state;
  for (uint32_t n = 1; n <= PL_TRANSFER_LAST_WORDS_MAX; n++) want(n);
  want(99999); /* nothing was said yet: this one is dropped */
  for (uint32_t n = 1; n <= 2; n++) {
    assert_int_equal(next(), n);
    pl_transfer_word_sent(t, n);
  }
  want(88888);
  want(77777);
  for (uint32_t n = 3; n <= PL_TRANSFER_LAST_WORDS_MAX; n++) {
    assert_int_equal(next(), n);
    pl_transfer_word_sent(t, n);
  }
  assert_int_equal(next(), 88888);
  pl_transfer_word_sent(t, 5000);
  assert_int_equal(next(), 77777);
  pl_transfer_word_sent(t, 5001);
  assert_int_equal(next(), 0);
}

/* The end of a file is said before anything about other files. */
static void ends_come_first(void **state) {
  (void)state;
  uint8_t word[PL_TRANSFER_WORD_MAX];
  pl_transfer_file f = {.id = {1}, .size = 5, .name = {(const uint8_t *)"a", 1}};
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), 0);
  want(7);
  assert_int_equal(next(), 7);
  pl_transfer_word_sent(t, 1);
  assert_true(pl_transfer_next_word(t, word) > 0);
  assert_int_equal(word[0], PL_CONST_FILE_OFFER);
  pl_transfer_word_sent(t, 2);
  assert_int_equal(next(), 0);
  want(8);
  assert_int_equal(next(), 8);
}

/* In a new session the peer has yet to say again that it wants a file. */
static void a_new_session_starts_with_asking(void **state) {
  (void)state;
  uint8_t word[64];
  pl_transfer_want w;
  pl_wire_file_get m = {.type = PL_CONST_FILE_GET, .id = {1}};
  pl_transfer_file f = {.id = {1}, .size = 5, .name = {(const uint8_t *)"a", 1}};
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), 0);
  assert_int_equal(pl_transfer_each(t, NULL)->state, PL_TRANSFER_ASKING);
  assert_false(pl_transfer_next_want(t, &w));
  come(word, pl_wire_file_get_encode(&m, word, sizeof word));
  assert_int_equal(pl_transfer_each(t, NULL)->state, PL_TRANSFER_MOVING);
  assert_true(pl_transfer_next_want(t, &w));
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_BEGUN}), 0);
  assert_int_equal(pl_transfer_each(t, NULL)->state, PL_TRANSFER_ASKING);
  assert_false(pl_transfer_next_want(t, &w));
}

static int about(pl_transfer_event_type type, uint8_t n, uint64_t offset) {
  uint8_t id[PL_CONST_FILE_ID_BYTES] = {n};
  return step((pl_transfer_event){.type = type, .about = {.id = id, .offset = offset}});
}

static void add(uint8_t n, uint64_t size) {
  pl_transfer_file f = {.id = {n}, .size = size, .name = {(const uint8_t *)"a", 1}};
  assert_int_equal(step((pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}}), 0);
}

static void get(uint8_t n) {
  uint8_t word[64];
  pl_wire_file_get m = {.type = PL_CONST_FILE_GET, .id = {n}};
  come(word, pl_wire_file_get_encode(&m, word, sizeof word));
}

static void expect_hold(bool held, uint8_t why) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  pl_wire_file_hold m;
  size_t size = pl_transfer_next_word(t, word);
  assert_int_equal(word[0], PL_CONST_FILE_HOLD);
  assert_int_equal(pl_wire_file_hold_decode(&m, word, size), 0);
  assert_int_equal(m.held, held);
  assert_int_equal(m.why, why);
  pl_transfer_word_sent(t, 1);
}

static void a_pause_and_its_end_are_said(void **state) {
  (void)state;
  add(1, 5);
  pl_transfer_word_sent(t, 1);
  assert_int_equal(about(PL_TRANSFER_PAUSE, 1, 0), 0);
  expect_hold(true, PL_CONST_FILE_HELD_BY_PERSON);
  assert_int_equal(about(PL_TRANSFER_RESUME, 1, 0), 0);
  expect_hold(false, 0);
  assert_int_equal(about(PL_TRANSFER_PAUSE, 2, 0), PL_ESTATE);
}

static void a_piece_and_its_head_are_no_larger_than_a_message(void **state) {
  (void)state;
  pl_transfer_want w;
  add(1, 1000000);
  pl_transfer_word_sent(t, 1);
  get(1);
  static const uint64_t sizes[][2] = {
      {PL_TRANSFER_HEAD_BYTES + 1, 1}, {1000, 1000 - PL_TRANSFER_HEAD_BYTES}, {1 << 30, PL_CONST_FILE_PIECE_BYTES}};
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE_MAX, .message_max = {PL_TRANSFER_HEAD_BYTES}};
  assert_int_equal(step(in), PL_EINVAL);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sizes); i++) {
    in.message_max.size = sizes[i][0];
    assert_int_equal(step(in), 0);
    assert_true(pl_transfer_next_want(t, &w));
    assert_int_equal(w.size, sizes[i][1]);
  }
}

static void offer_in(uint8_t n, uint8_t group) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  pl_wire_file_offer m = {.type = PL_CONST_FILE_OFFER, .id = {n}, .group = {group}, .size = 5};
  m.name = (pl_view){(const uint8_t *)"a", 1};
  come(word, pl_wire_file_offer_encode(&m, word, sizeof word));
  assert_int_equal(last.type, PL_TRANSFER_OFFERED);
  assert_int_equal(last.file->id[0], n);
}

/* A person is asked once about a group, while the answer is due, and about each file that is in none. */
static void the_first_of_a_group_is_marked(void **state) {
  (void)state;
  static const struct {
    uint8_t group;
    bool first;
  } cases[] = {{8, true}, {8, false}, {9, true}, {8, false}, {9, false}, {0, true}, {0, true}};
  for (uint8_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    offer_in(k + 1, cases[k].group);
    assert_int_equal(last.first, cases[k].first);
  }
}

/* A file whose end came waits for the owner's verdict; the sender learns that all of it is stored. */
static void the_end_of_a_file(void **state) {
  (void)state;
  uint8_t word[PL_TRANSFER_WORD_MAX];
  offer_in(1, 0);
  assert_int_equal(about(PL_TRANSFER_ACCEPT, 1, 0), 0);
  assert_int_equal(about(PL_TRANSFER_READY, 1, 5), 0); /* it is there already */
  assert_true(pl_transfer_next_word(t, word) > 0);
  assert_int_equal(word[0], PL_CONST_FILE_GET);
  pl_transfer_word_sent(t, 1);
  pl_wire_file_end e = {.type = PL_CONST_FILE_END, .id = {1}, .size = 5};
  int size = pl_wire_file_end_encode(&e, word, sizeof word);
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE};
  in.message.channel = PL_CONST_FILE_CHANNEL;
  in.message.data = (pl_view){word, (size_t)size};
  for (int k = 0; k < 2; k++) {
    assert_int_equal(step(in), 0);
    assert_int_equal(last.type, k ? PL_TRANSFER_OFFERED : PL_TRANSFER_FINISH); /* the second one is skipped */
    assert_int_equal(pl_transfer_each(t, NULL)->state, PL_TRANSFER_ENDING);
    last.type = PL_TRANSFER_OFFERED;
  }
  add(2, 7);
  get(2);
  pl_wire_file_saved v = {.type = PL_CONST_FILE_SAVED, .id = {2}};
  come(word, pl_wire_file_saved_encode(&v, word, sizeof word));
  assert_int_equal(last.type, PL_TRANSFER_OVER);
  assert_int_equal(stored, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_offer_carries_name_and_type),
      TEST(a_time_is_said_right_before_each_offer),
      TEST(a_file_has_the_time_that_came_before_its_offer),
      TEST(what_was_not_heard_is_said_again),
      TEST(there_is_room_for_so_many),
      TEST(ends_come_first),
      TEST(a_new_session_starts_with_asking),
      TEST(a_pause_and_its_end_are_said),
      TEST(a_piece_and_its_head_are_no_larger_than_a_message),
      TEST(the_first_of_a_group_is_marked),
      TEST(the_end_of_a_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
