/* The limits of a session: what fits to the last byte, what is one byte too many, and what a refused call changes. */
#include "client/core/session/session_base.h"
#include "client/core/session/session_chunk.h"
#include "client/core/session/session_send.h"
#include "two.h"

static two t;
static pl_session *s; /* of side 0 */
static uint8_t bytes[262144];

static int start(void **state) {
  (void)state;
  two_init(&t, NULL, NULL);
  s = t.side[0].session;
  return 0;
}

static int end(void **state) {
  (void)state;
  two_deinit(&t);
  return 0;
}

/* Both sides have this configuration, and a link. */
static void start_with(pl_session_config config) {
  (void)end(NULL);
  two_init(&t, &config, &config);
  s = t.side[0].session;
  two_link(&t, 1, 0);
  two_run(&t, 1000);
  assert_true(pl_session_is_linked(s));
}

static int start_linked(void **state) {
  (void)start(state);
  two_link(&t, 1, 0);
  two_run(&t, 1000);
  return 0;
}

enum {
  LAST = PL_CONST_CHANNELS_MAX - 1,
  EOM = PL_CONST_DATA_FLAG_END_OF_MESSAGE,
  EOC = PL_CONST_DATA_FLAG_END_OF_CHANNEL
};

static int finish(uint8_t channel) {
  return two_step(&t, 0, (pl_session_event){.type = PL_SESSION_FINISH, .finish = {channel}});
}

static int give_up(uint8_t channel, uint16_t reason) {
  return two_step(&t, 0, (pl_session_event){.type = PL_SESSION_CHANNEL_RESET, .channel_reset = {channel, reason}});
}

static int prefer(uint8_t channel, uint32_t level) {
  return two_step(&t, 0, (pl_session_event){.type = PL_SESSION_PRIORITY, .priority = {channel, level}});
}

static int send_volatile(uint8_t channel, size_t size) {
  return two_step(&t, 0, (pl_session_event){.type = PL_SESSION_SEND_VOLATILE, .send = {channel, {bytes, size}}});
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static void windows_hold_a_message_and_its_end(void **state) {
  (void)state;
  static const struct {
    uint32_t message, channel;
    uint64_t session;
    int rc;
  } cases[] = {{0, 10, 10, PL_EINVAL}, {1, 2, 2, 0},           {9, 9, 10, PL_EINVAL},  {9, 10, 9, PL_EINVAL},
               {9, 10, 10, 0},         {9, 8, 100, PL_EINVAL}, {9, 100, 8, PL_EINVAL}, {9, 100, 100, 0}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    pl_session_pieces pieces = {NULL, NULL};
    pl_session_config config = {.message_max = cases[k].message, .channel_window = cases[k].channel, .pieces = &pieces};
    config.session_window = cases[k].session;
    pl_session *made;
    assert_int_equal(pl_session_new(&config, &made), cases[k].rc);
    assert_int_equal(!made, cases[k].rc != 0);
    pl_session_free(made);
  }
}

/* ---- what the application asks for ------------------------------------------------------------------------------- */

static void channels_have_numbers_below_their_count(void **state) {
  (void)state;
  for (unsigned k = 0; k < 2; k++) {
    uint8_t channel = (uint8_t)(LAST + k);
    int rc = k ? PL_EINVAL : 0;
    assert_int_equal(two_send(&t, 0, channel, "x", 1), rc);
    assert_int_equal(t.side[0].place, k ? 0 : 2);
    assert_int_equal(prefer(channel, 7), rc);
    assert_int_equal(send_volatile(channel, 1), rc);
    assert_int_equal(finish(channel), rc);
    assert_int_equal(t.side[0].place, k ? 0 : 3);
    assert_int_equal(give_up(channel, 1), rc);
  }
  assert_null(pl_session_channel_get(s, LAST + 1));
  assert_int_equal(prefer(0, 7), 0);
  assert_int_equal(prefer(0, 8), PL_EINVAL);
  assert_int_equal(s->channels[0]->priority, 7);
}

static void a_message_has_a_largest_size(void **state) {
  (void)state;
  pl_session_config config = {.message_max = 100, .channel_window = 1000, .session_window = 1000};
  start_with(config);
  assert_int_equal(two_send(&t, 0, 0, bytes, 101), PL_EMSGSIZE);
  assert_int_equal(t.side[0].place, 0);
  assert_int_equal(s->channel_slots, 0);
  assert_int_equal(two_send(&t, 0, 0, bytes, 100), 0);
  assert_int_equal(t.side[0].place, 101);
  assert_int_equal(s->waiting, 101);
  s->peer_message_max = 99;
  assert_int_equal(pl_session_message_max(s), 99);
  assert_int_equal(two_send(&t, 0, 0, bytes, 100), PL_EMSGSIZE);
  s->peer_message_max = 101;
  assert_int_equal(pl_session_message_max(s), 100);
  s->peer_message_max = 0; /* not known */
  assert_int_equal(pl_session_message_max(s), 100);
}

/* What waits for the peer is limited for each channel and for all together. A call that is refused changes nothing but
 * that WRITABLE will come. */
static void windows_are_filled_to_the_last_place(void **state) {
  (void)state;
  pl_session_config config = {.message_max = 99, .channel_window = 300, .session_window = 450};
  start_with(config);
  for (int k = 0; k < 2; k++) assert_int_equal(two_send(&t, 0, 0, bytes, 99), 0);
  assert_int_equal(two_send(&t, 0, 0, bytes, 98), 0);
  assert_int_equal(two_send(&t, 0, 0, bytes, 1), PL_EAGAIN);
  assert_int_equal(t.side[0].place, 0);
  assert_int_equal(s->waiting, 299);
  assert_int_equal(two_send(&t, 0, 0, bytes, 0), 0);
  assert_int_equal(t.side[0].place, 300);
  assert_int_equal(two_send(&t, 0, 0, bytes, 0), PL_EAGAIN);
  assert_int_equal(two_send(&t, 0, 1, bytes, 99), 0);
  assert_int_equal(two_send(&t, 0, 1, bytes, 50), PL_EAGAIN);
  assert_int_equal(two_send(&t, 0, 1, bytes, 49), 0);
  assert_int_equal(s->waiting, 450);
  assert_int_equal(two_send(&t, 0, 2, bytes, 0), PL_EAGAIN);
  for (int k = 0; k < 3; k++) assert_true(s->channels[k]->wants_writable);
  assert_int_equal(s->channels[2]->end, 0);
}

static void a_channel_holds_65536_messages(void **state) {
  (void)state;
  for (int k = 0; k < 65536; k++) assert_int_equal(two_send(&t, 0, 0, NULL, 0), 0);
  assert_int_equal(two_send(&t, 0, 0, NULL, 0), PL_EAGAIN);
  assert_int_equal(two_send(&t, 0, 1, NULL, 0), 0);
}

/* A full channel takes messages again when half of its window is free, and half of the session's. */
static void writable_comes_when_half_is_free(void **state) {
  (void)state;
  static const struct {
    uint64_t channel_window, session_window, taken[2];
  } cases[] = {{400, 10000, {199, 200}}, {1000, 600, {299, 300}}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    pl_session_config config = {.message_max = 199, .channel_window = (uint32_t)cases[k].channel_window};
    config.session_window = cases[k].session_window;
    start_with(config);
    int rc;
    do rc = two_send(&t, 0, 0, bytes, 99);
    while (rc == 0);
    assert_int_equal(rc, PL_EAGAIN);
    pl_session_channel *c = s->channels[0];
    c->sent_to = c->cursor = c->end; /* as if all had been sent */
    uint8_t frame[29] = {PL_FRAME_ACK, 0, 26, [11] = 1, [12] = 0};
    memset(frame + 3, 0xff, 8);
    for (int more = 0; more < 2; more++) {
      pl_put_u64(frame + 13, c->end);
      pl_put_u64(frame + 21, cases[k].taken[more]);
      assert_int_equal(two_feed(&t, 0, 1, frame, sizeof frame), 0);
      assert_int_equal(two_find(&t, 0, PL_SESSION_DELIVERED, (size_t)more)->a.place, cases[k].taken[more]);
      assert_int_equal(two_count(&t, 0, PL_SESSION_WRITABLE), more);
      assert_int_equal(c->wants_writable, !more);
    }
  }
}

/* A channel that is still full does not hide another one. */
static void each_channel_becomes_writable_by_itself(void **state) {
  (void)state;
  start_with((pl_session_config){.message_max = 199, .channel_window = 400, .session_window = 10000});
  for (uint8_t channel = 0; channel < 2; channel++) {
    while (two_send(&t, 0, channel, bytes, 99) == 0) continue;
    s->channels[channel]->sent_to = s->channels[channel]->cursor = s->channels[channel]->end;
  }
  uint8_t frame[29] = {PL_FRAME_ACK, 0, 26, [11] = 1, [12] = 1};
  memset(frame + 3, 0xff, 8);
  pl_put_u64(frame + 13, 400);
  pl_put_u64(frame + 21, 400);
  assert_int_equal(two_feed(&t, 0, 1, frame, sizeof frame), 0);
  assert_int_equal(two_count(&t, 0, PL_SESSION_WRITABLE), 1);
  assert_int_equal(two_find(&t, 0, PL_SESSION_WRITABLE, 0)->a.channel, 1);
}

/* Streams that start again have nothing to acknowledge. */
static void a_new_start_owes_no_ack(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 1, 0, bytes, 5000), 0);
  two_run(&t, 100);
  s->unacked_bytes = s->untold_taken = 77;
  pl_session_drop_streams(s);
  assert_int_equal(s->unacked_bytes + s->untold_taken, 0);
  assert_int_equal(s->received_sum + s->taken_sum + s->sent_sum + s->waiting + s->reserved + s->session_limit, 0);
  assert_int_equal(s->channel_slots, 0);
}

/* ---- volatile messages ------------------------------------------------------------------------------------------- */

static void volatile_messages_have_a_size_and_a_queue(void **state) {
  (void)state;
  assert_int_equal(send_volatile(0, 32769), PL_EMSGSIZE);
  assert_int_equal(s->volatiles.size, 0);
  assert_int_equal(send_volatile(1, 32768), 0);
  assert_int_equal(send_volatile(2, 32768 - 6), 0);
  assert_int_equal(s->volatiles.size, 65536);
  assert_int_equal(send_volatile(3, 32768 - 6), 0); /* the oldest one goes */
  assert_int_equal(s->volatiles.size, 2 * (32768 - 3));
  assert_int_equal(pl_buffer_data(&s->volatiles)[2], 2);
  assert_int_equal(send_volatile(4, 3), 0);
  assert_int_equal(s->volatiles.size, 65536);
  assert_int_equal(pl_buffer_data(&s->volatiles)[2], 2);
  assert_int_equal(send_volatile(5, 32768), 0); /* as many of the oldest as it takes */
  assert_int_equal(pl_buffer_data(&s->volatiles)[2], 4);
  two_unlink(&t, 1);
  assert_int_equal(send_volatile(0, 1), PL_EAGAIN);
}

/* ---- giving up a channel ----------------------------------------------------------------------------------------- */

/* The end takes the place after the last one that was sent. It can be given up until the peer has all of it. */
static void what_was_not_sent_is_forgotten(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 0, bytes, 9), 0);
  two_run(&t, 100);
  assert_int_equal(s->waiting, 0);
  assert_int_equal(two_send(&t, 0, 0, bytes, 99), 0);
  assert_int_equal(two_send(&t, 0, 1, bytes, 4), 0);
  assert_int_equal(s->waiting, 105);
  assert_int_equal(give_up(0, 77), 0);
  assert_int_equal(s->waiting, 6);
  assert_int_equal(s->channels[0]->end, 11);
  assert_int_equal(give_up(0, 77), PL_ESTATE);
  assert_int_equal(two_send(&t, 0, 0, bytes, 1), PL_ESTATE);
  assert_int_equal(finish(0), PL_ESTATE);
  two_run(&t, 100);
  two_seen *reset = two_find(&t, 1, PL_SESSION_WAS_RESET, 0);
  assert_int_equal(reset->a.channel, 0);
  assert_int_equal(reset->a.reason, 77);
  assert_int_equal(reset->a.place, 11);
  assert_int_equal(finish(1), 0);
  two_run(&t, 100);
  assert_int_equal(two_find(&t, 1, PL_SESSION_END, 0)->a.place, 6);
  assert_int_equal(give_up(1, 77), PL_ESTATE);
}

/* ---- memory of channels ----------------------------------------------------------------------------------------- */

/* The list of channels is as long as the highest number in use asks for, on both sides. */
static void channels_that_are_not_used_take_no_memory(void **state) {
  (void)state;
  static const uint8_t numbers[] = {0, 1, 2, 200, 7};
  static const size_t slots[] = {2, 2, 4, 256, 256};
  assert_int_equal(s->channel_slots, 0);
  for (size_t k = 0; k < PL_ARRAY_LENGTH(numbers); k++) {
    assert_null(pl_session_channel_known(s, numbers[k]));
    assert_int_equal(two_send(&t, 0, numbers[k], bytes, 100), 0);
    two_run(&t, 200);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(t.side[i].session->channel_slots, slots[k]);
      for (size_t j = 0; j <= k; j++)
        assert_int_equal(pl_session_channel_known(t.side[i].session, numbers[j])->number, numbers[j]);
    }
  }
}

static void a_channel_without_memory_changes_nothing(void **state) {
  (void)state;
  for (long n = 1; n <= 2; n++) { /* of the list, and of the channel */
    pl_alloc_fail_at(n);
    assert_int_equal(two_send(&t, 0, 100, bytes, 100), PL_ENOMEM);
    assert_int_equal(pl_alloc_fail_at(0), 0);
    assert_null(pl_session_channel_known(s, 100));
  }
  assert_int_equal(two_send(&t, 0, 100, bytes, 100), 0);
  two_run(&t, 200);
  assert_int_equal(s->waiting, 0);
}

/* A larger ring stays for a second, since a channel in use is empty now and then. */
static void an_idle_channel_keeps_64_kib(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 1023, 1024, 65535, 65536}, rings[] = {128, 1024, 2048, 65536, 131072};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(sizes); k++) {
    assert_int_equal(two_send(&t, 0, (uint8_t)k, bytes, sizes[k]), 0);
    assert_int_equal(s->channels[k]->ring_capacity, rings[k]);
    assert_int_equal(s->channels[k]->ends_capacity, 2);
    two_run(&t, 500);
    assert_int_equal(s->waiting, 0);
    assert_int_equal(s->channels[k]->ring_capacity, rings[k]);
    two_run(&t, 1000);
    assert_int_equal(s->channels[k]->ring_capacity, rings[k] > 65536 ? 0 : rings[k]);
  }
  assert_true(pl_session_rings_deadline(s) == PL_NEVER);
  assert_int_equal(two_send(&t, 0, 4, bytes, 65536), 0);
  two_run(&t, 500);
  assert_int_equal(two_send(&t, 0, 4, bytes, 1), 0);
  two_run(&t, 1000);
  assert_int_equal(s->channels[4]->ring_capacity, 0);
}

/* What is in use at that moment stays. */
static void a_ring_with_data_is_not_freed(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 0, bytes, 65536), 0);
  two_run(&t, 500);
  two_unlink(&t, 1);
  assert_int_equal(two_send(&t, 0, 0, bytes, 9), 0);
  two_run(&t, 1000);
  assert_true(pl_session_rings_deadline(s) == PL_NEVER);
  assert_int_equal(s->channels[0]->ring_capacity, 131072);
  two_link(&t, 2, 0);
  two_run(&t, 3000);
  assert_int_equal(s->waiting, 0);
  assert_int_equal(s->channels[0]->ring_capacity, 0);
}

/* ---- credit ------------------------------------------------------------------------------------------------------ */

/* What channel 0 may send next, when it holds a message of 99 bytes, and its end if `ends`. */
static void expect_chunk(bool ends, uint64_t limit, uint64_t session_limit, uint64_t reserved, size_t room, int size,
                         uint8_t flags) {
  pl_session_chunk chunk;
  (void)end(NULL);
  (void)start_linked(NULL);
  assert_int_equal(two_send(&t, 0, 0, bytes, 99), 0);
  if (ends) assert_int_equal(finish(0), 0);
  s->channels[0]->limit = limit;
  s->session_limit = session_limit;
  s->reserved = reserved;
  bool any = pl_session_channel_next_chunk(s, s->channels[0], room, &chunk);
  assert_int_equal(any, size >= 0);
  assert_int_equal(pl_session_channel_waits_for_credit(s, s->channels[0]), !any);
  if (!any) return;
  assert_int_equal(chunk.from, 0);
  assert_int_equal(chunk.bytes, size);
  assert_int_equal(chunk.flags, flags);
  assert_false(chunk.reset);
  uint64_t places = chunk.bytes + (flags & EOM ? 1 : 0) + (flags & EOC ? 1 : 0), sent = s->sent_sum;
  pl_session_channel_chunk_sent(s, s->channels[0], &chunk);
  assert_int_equal(s->sent_sum - sent, places);
  assert_int_equal(s->channels[0]->sent_to, places);
  assert_int_equal(s->channels[0]->cursor, places);
  assert_int_equal(pl_list_empty(&s->channels[0]->sending), places == s->channels[0]->end);
}

static void a_chunk_takes_no_more_than_its_credit(void **state) {
  (void)state;
  const uint64_t much = 1000;
  expect_chunk(false, much, much, 0, 1000, 99, EOM);
  expect_chunk(false, much, much, 0, 99, 99, EOM);
  expect_chunk(false, much, much, 0, 98, 98, 0);
  expect_chunk(false, much, much, 0, 1, 1, 0);
  expect_chunk(false, 100, much, 0, 1000, 99, EOM); /* its own limit */
  expect_chunk(false, 99, much, 0, 1000, 99, 0);
  expect_chunk(false, 1, much, 0, 1000, 1, 0);
  expect_chunk(false, 0, much, 0, 1000, -1, 0);
  expect_chunk(false, much, 100, 0, 1000, 99, EOM); /* the session's */
  expect_chunk(false, much, 99, 0, 1000, 99, 0);    /* one message at a time may start with less */
  expect_chunk(false, much, 1, 0, 1000, 1, 0);
  expect_chunk(false, much, 0, 0, 1000, -1, 0);
  expect_chunk(false, much, 150, 50, 1000, 99, EOM); /* what others need is not free */
  expect_chunk(false, much, 149, 50, 1000, -1, 0);
  expect_chunk(false, much, 50, 60, 1000, -1, 0);
}

/* The end of a channel goes with its last message, if there is credit for both. */
static void the_end_goes_with_the_last_message(void **state) {
  (void)state;
  expect_chunk(true, 1000, 1000, 0, 1000, 99, EOM | EOC);
  expect_chunk(true, 101, 1000, 0, 1000, 99, EOM | EOC);
  expect_chunk(true, 100, 1000, 0, 1000, 99, EOM);
  expect_chunk(true, 1000, 101, 0, 1000, 99, EOM | EOC);
  expect_chunk(true, 1000, 100, 0, 1000, 99, EOM);
  expect_chunk(true, 1000, 151, 50, 1000, 99, EOM | EOC);
  expect_chunk(true, 1000, 150, 50, 1000, 99, EOM);
}

/* Sent again, it needs no credit, and goes with the message as before. */
static void the_end_is_repeated_without_credit(void **state) {
  (void)state;
  pl_session_chunk chunk;
  assert_int_equal(two_send(&t, 0, 0, bytes, 99), 0);
  assert_int_equal(finish(0), 0);
  pl_session_channel *c = s->channels[0];
  assert_true(pl_session_channel_next_chunk(s, c, 1000, &chunk));
  pl_session_channel_chunk_sent(s, c, &chunk);
  s->session_limit = s->sent_sum;
  pl_session_channel_go_back(s, c);
  assert_true(pl_session_channel_next_chunk(s, c, 1000, &chunk));
  assert_int_equal(chunk.bytes, 99);
  assert_int_equal(chunk.flags, EOM | EOC);
}

/* A message that was started reserves what is missing of it, so that it can be completed. */
static void a_started_message_reserves_its_rest(void **state) {
  (void)state;
  pl_session_chunk chunk;
  assert_int_equal(two_send(&t, 0, 0, bytes, 99), 0);
  assert_int_equal(two_send(&t, 0, 1, bytes, 99), 0);
  pl_session_channel *c = s->channels[0], *other = s->channels[1];
  s->session_limit = 150;
  assert_true(pl_session_channel_next_chunk(s, c, 10, &chunk));
  pl_session_channel_chunk_sent(s, c, &chunk);
  assert_int_equal(s->reserved, 90);
  assert_int_equal(c->started_to, 100);
  assert_null(s->stretched);
  assert_false(pl_session_channel_next_chunk(s, other, 1000, &chunk)); /* 50 are free, which is too little */
  assert_true(pl_session_channel_next_chunk(s, c, 1000, &chunk));
  assert_int_equal(chunk.bytes, 89);
  pl_session_channel_chunk_sent(s, c, &chunk);
  assert_int_equal(s->reserved, 0);
  assert_int_equal(s->sent_sum, 100);
  assert_true(pl_session_channel_next_chunk(s, other, 1000, &chunk)); /* nobody else has started any */
  assert_int_equal(chunk.bytes, 50);
  pl_session_channel_chunk_sent(s, other, &chunk);
  assert_ptr_equal(s->stretched, other);
  assert_int_equal(s->reserved, 0);
  s->session_limit = 160;
  assert_int_equal(two_send(&t, 0, 2, bytes, 99), 0);
  assert_false(pl_session_channel_next_chunk(s, s->channels[2], 1000, &chunk)); /* one at a time */
  assert_true(pl_session_channel_next_chunk(s, other, 1000, &chunk));
  assert_int_equal(chunk.bytes, 10);
  pl_session_channel_chunk_sent(s, other, &chunk);
  assert_int_equal(give_up(2, 1), 0); /* another one than the one inside a message */
  assert_ptr_equal(s->stretched, other);
  s->session_limit = 200;
  assert_true(pl_session_channel_next_chunk(s, other, 1000, &chunk));
  assert_int_equal(chunk.bytes, 39);
  assert_int_equal(chunk.flags, EOM);
  pl_session_channel_chunk_sent(s, other, &chunk);
  assert_null(s->stretched);
  assert_int_equal(s->sent_sum, 200);
}

/* ---- what the peer says ------------------------------------------------------------------------------------------ */

static int acknowledge(uint64_t counter, int channels, uint8_t channel, uint64_t received_to, uint64_t taken_to) {
  uint8_t frame[29] = {PL_FRAME_ACK, 0, (uint8_t)(9 + 17 * channels), [11] = (uint8_t)channels, [12] = channel};
  pl_put_u64(frame + 3, counter);
  pl_put_u64(frame + 13, received_to);
  pl_put_u64(frame + 21, taken_to);
  return two_feed(&t, 0, 1, frame, 12 + 17 * (size_t)channels);
}

static void an_ack_names_what_was_sent(void **state) {
  (void)state;
  uint64_t next = s->current->next_counter;
  assert_int_equal(acknowledge(next - 1, 0, 0, 0, 0), 0);
  assert_int_equal(acknowledge(next, 0, 0, 0, 0), PL_EPROTOCOL);
  assert_int_equal(acknowledge(UINT64_MAX, 0, 0, 0, 0), 0);
  assert_int_equal(acknowledge(UINT64_MAX - 1, 0, 0, 0, 0), PL_EPROTOCOL);
  assert_int_equal(acknowledge(next - 1, 1, LAST, 0, 0), 0); /* a channel that this side does not have */
  assert_int_equal(acknowledge(next - 1, 1, LAST, 1, 0), PL_EPROTOCOL);
  assert_int_equal(acknowledge(next - 1, 1, LAST, 0, 1), PL_EPROTOCOL);
  assert_int_equal(acknowledge(next - 1, 1, LAST + 1, 0, 0), PL_EPROTOCOL);
  assert_int_equal(two_send(&t, 0, 0, bytes, 9), 0);
  static uint8_t out[65536];
  uint32_t link;
  uint8_t flags;
  assert_true(pl_session_produce(s, t.now_us / 1000, out, sizeof out, &link, &flags) > 0);
  assert_int_equal(acknowledge(next, 1, 0, 11, 0), PL_EPROTOCOL);
  assert_int_equal(acknowledge(next, 1, 0, 9, 10), PL_EPROTOCOL);
  assert_int_equal(acknowledge(next, 1, 0, 10, 9), 0);
  assert_int_equal(s->waiting, 1);
  assert_int_equal(acknowledge(next, 1, 0, 10, 10), 0);
  assert_int_equal(s->waiting, 0);
  assert_int_equal(two_count(&t, 0, PL_SESSION_DELIVERED), 2);
}

/* A peer that received nothing on this link yet acknowledges no record, though it may say what it took. */
static void an_ack_of_no_record_leaves_all_in_flight(void **state) {
  (void)state;
  static uint8_t out[65536];
  uint32_t link;
  uint8_t flags;
  assert_int_equal(two_send(&t, 0, 0, bytes, 9), 0);
  assert_true(pl_session_produce(s, t.now_us / 1000, out, sizeof out, &link, &flags) > 0);
  uint64_t in_flight = s->current->in_flight;
  assert_true(in_flight > 0);
  assert_int_equal(acknowledge(UINT64_MAX, 1, 0, 10, 10), 0);
  assert_int_equal(s->waiting, 0);
  assert_int_equal(s->current->in_flight, in_flight);
}

static int data(uint8_t channel, uint8_t flags, uint64_t place, size_t size) {
  static uint8_t frame[65536];
  frame[0] = PL_FRAME_DATA;
  pl_put_u16(frame + 1, (uint16_t)(10 + size));
  frame[3] = channel;
  frame[4] = flags;
  pl_put_u64(frame + 5, place);
  memset(frame + 13, 'x', size);
  return two_feed(&t, 0, 1, frame, 13 + size);
}

static int reset(uint8_t channel, uint64_t place) {
  uint8_t frame[15] = {PL_FRAME_CHANNEL_RESET, 0, 12, channel, 0, 0, 9};
  pl_put_u64(frame + 7, place);
  return two_feed(&t, 0, 1, frame, sizeof frame);
}

/* Side 0 takes nothing. Its windows hold 300 places of a channel, and 450 together. */
static void start_small(void) {
  start_with(
      (pl_session_config){.message_max = 200, .channel_window = 300, .session_window = 450, .manual_take = true});
}

static void data_stays_within_the_windows(void **state) {
  (void)state;
  start_small();
  assert_int_equal(data(LAST, EOM, 0, 0), 0);
  assert_int_equal(data(LAST + 1, EOM, 0, 0), PL_EPROTOCOL);
  start_small();
  assert_int_equal(data(0, EOM, 0, 201), PL_EPROTOCOL);
  start_small();
  assert_int_equal(data(0, 0, 0, 201), PL_EPROTOCOL);
  start_small();
  assert_int_equal(data(0, EOM, 0, 200), 0);
  assert_int_equal(data(0, EOM, 201, 98), 0); /* the window is full */
  assert_int_equal(data(0, EOM, 300, 0), PL_EPROTOCOL);
  assert_int_equal(data(0, 0, 300, 0), 0); /* takes no place */
  assert_int_equal(data(1, EOM, 0, 149), 0);
  assert_int_equal(s->received_sum, 450);
  for (uint8_t k = 0; k < PL_CONST_CHANNELS_MAX - 2; k++) assert_int_equal(data((uint8_t)(2 + k), EOC, 0, 0), 0);
  assert_int_equal(data(1, EOM, 150, 1), 0); /* ends of channels may come on top */
  assert_int_equal(data(1, EOM, 152, 0), PL_EPROTOCOL);
  assert_int_equal(two_count(&t, 0, PL_SESSION_MESSAGE), 4);
}

/* What was taken opens the window again. */
static void a_window_begins_where_the_application_is(void **state) {
  (void)state;
  start_small();
  assert_int_equal(data(0, EOM, 0, 199), 0);
  pl_session_event take = {.type = PL_SESSION_TAKE, .take = {.channel = 0, .place = 201}};
  assert_int_equal(two_step(&t, 0, take), PL_EINVAL);
  take.take.channel = 1;
  take.take.place = 0;
  assert_int_equal(two_step(&t, 0, take), PL_EINVAL);
  take.take.channel = LAST + 1;
  assert_int_equal(two_step(&t, 0, take), PL_EINVAL);
  take.take.channel = 0;
  take.take.place = 200;
  assert_int_equal(two_step(&t, 0, take), 0);
  take.take.place = 100; /* already taken */
  assert_int_equal(two_step(&t, 0, take), 0);
  assert_int_equal(s->taken_sum, 200);
  assert_int_equal(data(0, EOM, 200, 200), 0);
  assert_int_equal(data(0, EOM, 401, 98), 0);
  assert_int_equal(s->received_sum, 500);
  assert_int_equal(data(0, EOM, 500, 0), PL_EPROTOCOL);
}

static void a_reset_stays_within_the_window(void **state) {
  (void)state;
  static const struct {
    uint64_t place;
    int rc;
  } cases[] = {{9, PL_EPROTOCOL}, {10, PL_EPROTOCOL}, {11, 0}, {300, 0}, {301, 0}, {302, PL_EPROTOCOL}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    start_small();
    assert_int_equal(data(0, EOM, 0, 9), 0);
    assert_int_equal(reset(0, cases[k].place), cases[k].rc);
    if (cases[k].rc) continue;
    assert_int_equal(reset(0, cases[k].place), 0); /* once more */
    assert_int_equal(reset(0, cases[k].place + 1), PL_EPROTOCOL);
    assert_int_equal(two_count(&t, 0, PL_SESSION_WAS_RESET), 1);
    assert_int_equal(s->received_sum, cases[k].place);
  }
  start_small();
  assert_int_equal(reset(LAST, 1), 0);
  assert_int_equal(reset(LAST + 1, 1), PL_EPROTOCOL);
}

/* A repetition adds what is new in it, and no more. */
static void pieces_overlap_at_every_place(void **state) {
  (void)state;
  for (size_t had = 0; had <= 10; had++)
    for (size_t from = 0; from <= had; from++) {
      start_small();
      assert_int_equal(data(0, 0, 0, had), 0);
      assert_int_equal(data(0, EOM | EOC, from, 10 - from), 0);
      assert_int_equal(two_find(&t, 0, PL_SESSION_MESSAGE, 0)->size, 10);
      assert_int_equal(two_find(&t, 0, PL_SESSION_MESSAGE, 0)->a.place, 11);
      assert_int_equal(two_find(&t, 0, PL_SESSION_END, 0)->a.place, 12);
      assert_int_equal(data(0, EOM | EOC, from, 10 - from), 0);
      assert_int_equal(data(0, EOC, 11, 0), 0);
      assert_int_equal(two_count(&t, 0, PL_SESSION_MESSAGE), 1);
      assert_int_equal(two_count(&t, 0, PL_SESSION_END), 1);
      assert_int_equal(s->received_sum, 12);
      assert_int_equal(data(0, EOC, 12, 0), PL_EPROTOCOL);
    }
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static void a_session_has_eight_links(void **state) {
  (void)state;
  for (uint32_t id = 1; id <= 9; id++) {
    pl_session_event up = {.type = PL_SESSION_LINK_UP, .link_up = {.id = id, .window = 1 << 20}};
    assert_int_equal(two_step(&t, 1, up), id <= 8 ? 0 : PL_EAGAIN);
  }
  pl_session_event down = {.type = PL_SESSION_LINK_DOWN, .link_down = {9}}; /* not there */
  assert_int_equal(two_step(&t, 1, down), 0);
  assert_int_equal(t.side[1].session->link_count, 8);
  down.link_down.id = 3;
  assert_int_equal(two_step(&t, 1, down), 0);
  assert_int_equal(t.side[1].session->link_count, 7);
}

static uint32_t only_link;

static bool only_on_one_link(two *x, int from, const two_record *r) {
  (void)x;
  (void)from;
  return r->link != only_link;
}

/* The link that is confirmed first stays, and its opener resets those before and after it. */
static void the_first_link_that_works_replaces_all_others(void **state) {
  (void)state;
  for (only_link = 1; only_link <= 3; only_link++) {
    (void)end(NULL);
    (void)start(NULL);
    t.drop = only_on_one_link;
    for (uint32_t id = 1; id <= 3; id++) two_link(&t, id, 0);
    two_run(&t, 100);
    assert_true(pl_session_link_is_current(s, only_link));
    assert_int_equal(s->link_count, 1);
    assert_int_equal(two_count(&t, 0, PL_SESSION_DROP_LINK), 2);
    for (size_t k = 0; k < 2; k++)
      assert_int_equal(two_find(&t, 0, PL_SESSION_DROP_LINK, k)->a.reason, PL_REASON_REPLACED);
  }
}

static void a_channel_without_memory_costs_the_link(void **state) {
  (void)state;
  pl_alloc_fail_at(1);
  assert_int_equal(data(0, EOM, 0, 1), PL_ENOMEM);
  assert_int_equal(data(0, EOM, 0, 1), 0);
  pl_alloc_fail_at(1);
  assert_int_equal(reset(1, 1), PL_ENOMEM);
  assert_int_equal(reset(1, 1), 0);
}

/* Of several links the one with the highest number is used. Of two with the same, it is the smaller side's. */
static void the_newest_link_is_the_best(void **state) {
  static const struct {
    uint32_t seqs[2];
    bool by_smaller[2];
    uint32_t best;
  } cases[] = {{{5, 6}, {true, false}, 2}, {{6, 5}, {false, true}, 1}, {{5, 5}, {true, false}, 1},
               {{5, 5}, {false, true}, 2}, {{5, 5}, {true, true}, 1},  {{5, 5}, {false, false}, 1}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)end(state);
    (void)start(state);
    for (uint32_t id = 1; id <= 2; id++) {
      pl_session_event up = {.type = PL_SESSION_LINK_UP, .link_up = {.id = id, .window = 1 << 20}};
      assert_int_equal(two_step(&t, 0, up), 0);
      pl_session_link *l = PL_CONTAINER(s->links.prev, pl_session_link, node);
      l->seq = cases[k].seqs[id - 1];
      l->by_smaller = cases[k].by_smaller[id - 1];
      l->confirmed = true;
    }
    s->probe_due = true; /* of an earlier link */
    pl_session_event third = {.type = PL_SESSION_LINK_UP, .link_up = {.id = 3, .window = 1 << 20}};
    assert_int_equal(two_step(&t, 0, third), 0);
    s->current = PL_CONTAINER(s->links.prev, pl_session_link, node);
    pl_session_event down = {.type = PL_SESSION_LINK_DOWN, .link_down = {3}};
    assert_int_equal(two_step(&t, 0, down), 0);
    assert_true(pl_session_link_is_current(s, cases[k].best));
    assert_false(s->probe_due);
  }
}

/* The numbers of links end, and do not start again. */
static void the_last_number_of_a_link_is_kept(void **state) {
  (void)state;
  static const uint32_t before[] = {0, 7, UINT32_MAX - 1, UINT32_MAX}, after[] = {1, 8, UINT32_MAX, UINT32_MAX};
  for (uint32_t k = 0; k < PL_ARRAY_LENGTH(before); k++) {
    s->highest_seq = before[k];
    pl_session_event up = {.type = PL_SESSION_LINK_UP, .link_up = {.id = k, .window = 1 << 20, .opener = true}};
    assert_int_equal(two_step(&t, 0, up), 0);
    assert_int_equal(PL_CONTAINER(s->links.prev, pl_session_link, node)->seq, after[k]);
  }
}

/* More credit is progress, of the session or of a channel. The same credit once more is not. */
static void more_credit_is_progress(void **state) {
  (void)state;
  assert_int_equal(two_send(&t, 0, 0, bytes, 9), 0);
  two_run(&t, 1000);
  for (int of_channel = 0; of_channel < 2; of_channel++)
    for (int again = 0; again < 2; again++) {
      uint8_t frame[21] = {PL_FRAME_CREDIT, 0, 18, [11] = 1, [12] = 0};
      pl_put_u64(frame + 3, of_channel ? 0 : 100000000);
      pl_put_u64(frame + 13, of_channel ? 100000000 : 0);
      t.now_us += 1000;
      assert_int_equal(two_feed(&t, 0, 1, frame, sizeof frame), 0);
      assert_int_equal(s->progress_ms == t.now_us / 1000, !again);
    }
  assert_int_equal(s->session_limit, 100000000);
  assert_int_equal(s->channels[0]->limit, 100000000);
}

#define APART(name) cmocka_unit_test_setup_teardown(name, start, end)
#define LINKED(name) cmocka_unit_test_setup_teardown(name, start_linked, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      APART(windows_hold_a_message_and_its_end),
      LINKED(channels_have_numbers_below_their_count),
      APART(a_message_has_a_largest_size),
      APART(windows_are_filled_to_the_last_place),
      LINKED(a_channel_holds_65536_messages),
      APART(writable_comes_when_half_is_free),
      APART(each_channel_becomes_writable_by_itself),
      LINKED(a_new_start_owes_no_ack),
      LINKED(volatile_messages_have_a_size_and_a_queue),
      LINKED(what_was_not_sent_is_forgotten),
      LINKED(channels_that_are_not_used_take_no_memory),
      LINKED(a_channel_without_memory_changes_nothing),
      LINKED(an_idle_channel_keeps_64_kib),
      LINKED(a_ring_with_data_is_not_freed),
      APART(a_chunk_takes_no_more_than_its_credit),
      APART(the_end_goes_with_the_last_message),
      LINKED(the_end_is_repeated_without_credit),
      LINKED(a_started_message_reserves_its_rest),
      LINKED(an_ack_names_what_was_sent),
      LINKED(an_ack_of_no_record_leaves_all_in_flight),
      APART(data_stays_within_the_windows),
      APART(a_window_begins_where_the_application_is),
      APART(a_reset_stays_within_the_window),
      APART(pieces_overlap_at_every_place),
      APART(a_session_has_eight_links),
      APART(the_first_link_that_works_replaces_all_others),
      LINKED(a_channel_without_memory_costs_the_link),
      APART(the_newest_link_is_the_best),
      APART(the_last_number_of_a_link_is_kept),
      LINKED(more_credit_is_progress),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
