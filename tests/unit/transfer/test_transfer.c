/* Two sides, whatever is lost between them: every file arrives whole and once, a user is asked once, and what is stored
 * is not sent again. */
#include "pair.h"

static pair p;

static int start(void **state) {
  (void)state;
  pair_init(&p, 1);
  pair_begun(&p);
  return 0;
}

static int end(void **state) {
  (void)state;
  pair_deinit(&p);
  return 0;
}

static void restart(uint64_t seed) {
  pair_deinit(&p);
  pair_init(&p, seed);
  pair_begun(&p);
}

static void all_saved(unsigned count) {
  for (unsigned n = 1; n <= count; n++) {
    assert_true(p.files[n].saved);
    assert_int_equal(p.files[n].stored, p.sizes[n]);
    assert_true(p.sender_over[n]);
    assert_int_equal(p.sender_why[n], 0);
  }
  assert_null(pl_transfer_each(p.t[0], NULL));
  assert_null(pl_transfer_each(p.t[1], NULL));
}

static uint64_t total(unsigned count) {
  uint64_t sum = 0;
  for (unsigned n = 1; n <= count; n++) sum += p.sizes[n];
  return sum;
}

static void files_of_all_sizes_arrive(void **state) {
  (void)state;
  static const uint64_t sizes[] = {0, 0, 1, 131071, 131072, 131073, 1000000};
  for (unsigned n = 1; n <= 6; n++) assert_int_equal(pair_add(&p, n, 0, sizes[n], 0, 0), 0);
  pair_run(&p, 100000);
  all_saved(6);
  assert_int_equal(p.sent_bytes, total(6));
}

/* Sessions are reset, programs restart and files are held, at random and many times. */
static void whatever_is_lost_files_arrive_once(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 400; seed++) {
    restart(seed);
    p.doubts = seed % 4 == 0;
    unsigned count = 1 + (unsigned)pair_random(&p, 6);
    for (unsigned n = 1; n <= count; n++) assert_int_equal(pair_add(&p, n, 0, 1 + pair_random(&p, 900000), 0, 0), 0);
    for (unsigned round = 0; round < 20; round++) {
      for (unsigned i = (unsigned)pair_random(&p, 60); i; i--) pair_step(&p);
      unsigned n = 1 + (unsigned)pair_random(&p, count);
      uint64_t largest = 200 + pair_random(&p, 200000);
      switch (pair_random(&p, 7)) {
        case 0:
          pair_begun(&p);
          break;
        case 1:
          pair_restart(&p, 0);
          break;
        case 2:
          pair_restart(&p, 1);
          break;
        case 3:
          pair_event(&p, (int)pair_random(&p, 2), PL_TRANSFER_PAUSE, n, 0, 0);
          break;
        case 4:
          p.room = pair_random(&p, 100000);
          break;
        case 5:
          assert_int_equal(
              pl_transfer_step(p.t[0], &(pl_transfer_event){.type = PL_TRANSFER_MESSAGE_MAX, .message_max = {largest}}),
              0);
          break;
        default:
          p.room = UINT64_MAX;
          for (n = 1; n <= count; n++) pair_event(&p, 1, PL_TRANSFER_ROOM, n, 0, 0);
      }
    }
    p.room = UINT64_MAX;
    for (unsigned n = 1; n <= count; n++) {
      pair_event(&p, 0, PL_TRANSFER_RESUME, n, 0, 0);
      pair_event(&p, 1, PL_TRANSFER_RESUME, n, 0, 0);
      pair_event(&p, 1, PL_TRANSFER_ROOM, n, 0, 0);
    }
    pair_run(&p, 200000);
    if (!pair_idle(&p)) fail_msg("seed %lu does not end", (unsigned long)seed);
    all_saved(count);
  }
}

/* Only what was under way when the session was reset may be sent twice. */
static void what_is_stored_is_not_sent_again(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 50; seed++) {
    restart(seed);
    assert_int_equal(pair_add(&p, 1, 0, 20000000, 0, 0), 0);
    uint64_t under_way = 0;
    for (int cut = 0; cut < 5; cut++) {
      for (int i = 0; i < 150; i++) pair_step(&p);
      under_way += p.sent_bytes - under_way - p.files[1].stored;
      if (cut == 2)
        pair_restart(&p, 1);
      else
        pair_begun(&p);
    }
    pair_run(&p, 100000);
    all_saved(1);
    assert_true(p.sent_bytes <= p.sizes[1] + under_way);
  }
}

static void a_full_disk_holds_a_file_until_there_is_room(void **state) {
  (void)state;
  p.room = 300000;
  assert_int_equal(pair_add(&p, 1, 0, 1000000, 0, 0), 0);
  pair_run(&p, 3000);
  pl_transfer_file *there = pl_transfer_each(p.t[0], NULL), *here = pl_transfer_each(p.t[1], NULL);
  assert_int_equal(there->held_there, PL_CONST_FILE_HELD_DISK_FULL);
  assert_int_equal(here->held_here, PL_CONST_FILE_HELD_DISK_FULL);
  assert_int_equal(here->stored, 300000);
  uint64_t sent = p.sent_bytes;
  pair_run(&p, 3000);
  assert_int_equal(p.sent_bytes, sent);
  p.room = UINT64_MAX;
  pair_event(&p, 1, PL_TRANSFER_ROOM, 1, 0, 0);
  pair_run(&p, 10000);
  all_saved(1);
  assert_true(p.sent_bytes <= 1000000 + 9 * PL_CONST_FILE_PIECE_BYTES);
}

static void a_pause_ends_only_at_the_side_that_paused(void **state) {
  (void)state;
  assert_int_equal(pair_add(&p, 1, 0, 3000000, 0, 0), 0);
  for (int i = 0; i < 30; i++) pair_step(&p);
  pair_event(&p, 0, PL_TRANSFER_PAUSE, 1, 0, 0);
  pair_event(&p, 1, PL_TRANSFER_PAUSE, 1, 0, 0);
  pair_run(&p, 2000);
  uint64_t sent = p.sent_bytes;
  pair_event(&p, 0, PL_TRANSFER_RESUME, 1, 0, 0);
  pair_run(&p, 2000);
  assert_int_equal(p.sent_bytes, sent);
  pair_begun(&p); /* a pause outlives the session */
  pair_run(&p, 2000);
  assert_int_equal(p.sent_bytes, sent);
  pair_event(&p, 1, PL_TRANSFER_RESUME, 1, 0, 0);
  pair_run(&p, 10000);
  all_saved(1);
}

static void a_user_is_asked_once(void **state) {
  (void)state;
  p.auto_accept = false;
  assert_int_equal(pair_add(&p, 1, 0, 500000, 0, 0), 0);
  for (int i = 0; i < 50; i++) pair_step(&p);
  assert_int_equal(p.files[1].asked, 1);
  pair_begun(&p);
  for (int i = 0; i < 50; i++) pair_step(&p);
  assert_int_equal(p.files[1].asked, 1);
  assert_int_equal(p.sent_bytes, 0);
  pair_event(&p, 1, PL_TRANSFER_ACCEPT, 1, 0, 0);
  for (int i = 0; i < 10; i++) pair_step(&p);
  pair_restart(&p, 1);
  pair_run(&p, 10000);
  all_saved(1);
  assert_int_equal(p.files[1].asked, 1);
}

static void accepting_a_group_accepts_all_its_files(void **state) {
  (void)state;
  enum { ALL = PL_TRANSFER_GROUP_OPEN_MAX + 88 };
  uint8_t group[16];
  memset(group, 9, sizeof group);
  p.auto_accept = false;
  unsigned next = 1;
  while (pair_add(&p, next, next % 10 ? 0 : PL_CONST_FILE_FLAG_FOLDER, next % 10 ? next : 0, 9, ALL) == 0) next++;
  assert_int_equal(next, 1 + PL_TRANSFER_GROUP_OPEN_MAX);
  for (int i = 0; i < 4000; i++) pair_step(&p);
  pl_transfer_event in = {.type = PL_TRANSFER_ACCEPT, .about = {.id = group}};
  assert_int_equal(pl_transfer_step(p.t[1], &in), 0);
  for (int i = 0; i < 500000 && !(next > ALL && pair_idle(&p)); i++) {
    pair_step(&p);
    if (i % 5000 == 4999) pair_begun(&p);
    while (next <= ALL) {
      int error = pair_add(&p, next, next % 10 ? 0 : PL_CONST_FILE_FLAG_FOLDER, next % 10 ? next : 0, 9, ALL);
      if (error) break;
      next++;
    }
  }
  all_saved(ALL);
  for (unsigned n = PL_TRANSFER_GROUP_OPEN_MAX + 1; n <= ALL; n++) assert_int_equal(p.files[n].asked, 0);
}

static void a_stop_of_either_side_ends_it_at_both(void **state) {
  (void)state;
  for (int by = 0; by < 2; by++)
    for (int when = 0; when < 3; when++) {
      restart(6);
      p.auto_accept = when > 0;
      assert_int_equal(pair_add(&p, 1, 0, 9000000, 8, 2), 0);
      assert_int_equal(pair_add(&p, 2, 0, 9000000, 8, 2), 0);
      for (int i = 0; i < (when == 2 ? 100 : 20); i++) pair_step(&p);
      uint8_t group[16];
      memset(group, 8, sizeof group);
      pl_transfer_event in = {.type = PL_TRANSFER_STOP, .about = {.id = group, .why = PL_CONST_FILE_CANCELLED}};
      assert_int_equal(pl_transfer_step(p.t[by], &in), 0);
      for (int i = 0; i < 100; i++) pair_step(&p);
      for (unsigned n = 1; n <= 2; n++) {
        assert_true(p.sender_over[n]);
        assert_int_equal(p.sender_why[n], PL_CONST_FILE_CANCELLED);
        if (p.files[n].known) assert_true(p.files[n].over && p.files[n].over_why == PL_CONST_FILE_CANCELLED);
      }
      assert_null(pl_transfer_each(p.t[0], NULL));
      assert_null(pl_transfer_each(p.t[1], NULL));
    }
}

/* This holds however many sessions end before the peer is told of the failure. */
static void the_last_file_fails_at_the_sender_and_the_receiver_hears_it(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 100; seed++) {
    restart(seed);
    assert_int_equal(pair_add(&p, 1, 0, 9000000, 0, 0), 0);
    while (!p.files[1].wanted) pair_step(&p);
    for (uint64_t i = pair_random(&p, 20); i; i--) pair_step(&p);
    assert_false(p.files[1].saved);
    pair_event(&p, 0, PL_TRANSFER_READ_FAILED, 1, 0, PL_CONST_FILE_CHANGED);
    assert_false(pl_transfer_is_heard(p.t[0]));
    for (uint64_t cuts = pair_random(&p, 4); cuts; cuts--) {
      for (uint64_t i = pair_random(&p, 3); i; i--) pair_step(&p);
      pair_begun(&p);
    }
    pair_run(&p, 100000);
    assert_true(pl_transfer_is_heard(p.t[0]));
    assert_true(p.files[1].over);
    assert_int_equal(p.files[1].over_why, PL_CONST_FILE_CHANGED);
    assert_null(pl_transfer_each(p.t[1], NULL));
  }
}

static void a_stream_says_its_size_at_the_end(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 50; seed++) {
    restart(seed);
    assert_int_equal(pair_add(&p, 1, PL_CONST_FILE_FLAG_STREAM, pair_random(&p, 300000), 0, 0), 0);
    for (int cut = 0; cut < 4; cut++) {
      for (int i = 0; i < 60; i++) pair_step(&p);
      pair_begun(&p);
    }
    pair_run(&p, 100000);
    all_saved(1);
  }
}

static void a_stream_goes_back_no_further_than_it_keeps(void **state) {
  (void)state;
  assert_int_equal(pair_add(&p, 1, PL_CONST_FILE_FLAG_STREAM, 300000, 0, 0), 0);
  for (int i = 0; i < 100; i++) pair_step(&p);
  assert_true(p.files[1].stored > 0);
  pair_event(&p, 0, PL_TRANSFER_KEPT, 1, p.files[1].stored, 0);
  p.files[1].stored = p.files[1].handed_to = 0; /* the receiver lost its part file */
  pair_restart(&p, 1);
  pair_run(&p, 10000);
  assert_true(p.sender_over[1]);
  assert_int_equal(p.sender_why[1], PL_CONST_FILE_CHANGED);
  assert_int_equal(p.files[1].over_why, PL_CONST_FILE_CHANGED);
}

static void a_wrong_hash_is_not_saved(void **state) {
  (void)state;
  assert_int_equal(pair_add(&p, 1, 0, 100000, 0, 0), 0);
  for (int i = 0; i < 1000 && !p.files[1].finish_due; i++) pair_step(&p);
  p.files[1].damaged = true;
  pair_run(&p, 1000);
  assert_false(p.files[1].saved);
  assert_int_equal(p.sender_why[1], PL_CONST_FILE_DAMAGED);
}

static void large_files_take_turns(void **state) {
  (void)state;
  p.window = 1000;
  for (unsigned n = 1; n <= 6; n++) assert_int_equal(pair_add(&p, n, 0, 50u << 20, 0, 0), 0);
  uint64_t first[7] = {0};
  for (int i = 0; i < 600; i++) pair_step(&p);
  for (unsigned n = 1; n <= 6; n++) first[n] = p.files[n].handed_to;
  for (unsigned n = 1; n <= PL_TRANSFER_AT_ONCE; n++) assert_true(first[n] > 0);
  for (unsigned n = PL_TRANSFER_AT_ONCE + 1; n <= 6; n++) assert_int_equal(first[n], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(files_of_all_sizes_arrive),
      TEST(whatever_is_lost_files_arrive_once),
      TEST(what_is_stored_is_not_sent_again),
      TEST(a_full_disk_holds_a_file_until_there_is_room),
      TEST(a_pause_ends_only_at_the_side_that_paused),
      TEST(a_user_is_asked_once),
      TEST(accepting_a_group_accepts_all_its_files),
      TEST(a_stop_of_either_side_ends_it_at_both),
      TEST(the_last_file_fails_at_the_sender_and_the_receiver_hears_it),
      TEST(a_stream_says_its_size_at_the_end),
      TEST(a_stream_goes_back_no_further_than_it_keeps),
      TEST(a_wrong_hash_is_not_saved),
      TEST(large_files_take_turns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
