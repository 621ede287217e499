/* What is said about files: what an offer carries, and what is said again until the peer has heard it. */
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

static void keep(char out[16], pl_view text) {
  assert_true(text.size < 16);
  memset(out, 0, 16);
  if (text.size) memcpy(out, text.data, text.size);
}

static void act(void *context, const pl_transfer_action *a) {
  (void)context;
  last = *a;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_offer_carries_name_and_type),   TEST(what_was_not_heard_is_said_again),
      TEST(there_is_room_for_so_many),        TEST(ends_come_first),
      TEST(a_new_session_starts_with_asking),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
