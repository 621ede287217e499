/* What a peer must not do, and what it may do: frames that are wrong in every way. */
#include "two.h"

static two t;
static uint8_t frames[70000];
static size_t used;

static const pl_session_config small = {.message_max = 1000, .channel_window = 2000, .session_window = 5000};

/* Two sides, not linked; side 1 has small windows. */
static int start(void **state) {
  (void)state;
  two_init(&t, NULL, &small);
  used = 0;
  return 0;
}

static int start_linked(void **state) {
  (void)start(state);
  two_link(&t, 1, 0);
  two_run(&t, 100);
  assert_int_equal(two_count(&t, 1, PL_SESSION_LINKED), 1);
  return 0;
}

static int end(void **state) {
  (void)state;
  two_deinit(&t);
  return 0;
}

static void restart(void) {
  (void)end(NULL);
  (void)start_linked(NULL);
}

static pl_writer frame(uint8_t type, size_t size) {
  frames[used] = type;
  pl_put_u16(frames + used + 1, (uint16_t)size);
  pl_writer w = pl_writer_of(frames + used + 3, size);
  used += 3 + size;
  return w;
}

static void data(uint8_t channel, uint8_t flags, uint64_t offset, size_t bytes) {
  pl_writer w = frame(PL_FRAME_DATA, 10 + bytes);
  pl_write_u8(&w, channel);
  pl_write_u8(&w, flags);
  pl_write_u64(&w, offset);
  for (size_t i = 0; i < bytes; i++) pl_write_u8(&w, (uint8_t)(offset + i));
}

static void ack(uint64_t counter, int channel, uint64_t received_to, uint64_t taken_to) {
  pl_writer w = frame(PL_FRAME_ACK, channel >= 0 ? 26 : 9);
  pl_write_u64(&w, counter);
  pl_write_u8(&w, channel >= 0);
  if (channel < 0) return;
  pl_write_u8(&w, (uint8_t)channel);
  pl_write_u64(&w, received_to);
  pl_write_u64(&w, taken_to);
}

static void credit(uint64_t session, int channel, uint64_t limit) {
  pl_writer w = frame(PL_FRAME_CREDIT, channel >= 0 ? 18 : 9);
  pl_write_u64(&w, session);
  pl_write_u8(&w, channel >= 0);
  if (channel < 0) return;
  pl_write_u8(&w, (uint8_t)channel);
  pl_write_u64(&w, limit);
}

static void channel_reset(uint8_t channel, uint8_t direction, uint64_t offset) {
  pl_writer w = frame(PL_FRAME_CHANNEL_RESET, 12);
  pl_write_u8(&w, channel);
  pl_write_u8(&w, direction);
  pl_write_u16(&w, 5);
  pl_write_u64(&w, offset);
}

static void hello(uint64_t epoch, uint64_t peer_epoch, uint32_t message_max, uint32_t window) {
  pl_writer w = frame(PL_FRAME_HELLO, 37);
  pl_write_u64(&w, epoch);
  pl_write_u64(&w, peer_epoch);
  pl_write_u32(&w, 1);
  pl_write_u32(&w, message_max);
  pl_write_u32(&w, window);
  pl_write_u64(&w, 1u << 20);
  pl_write_u8(&w, 0);
}

static int give(void) {
  int rc = two_feed(&t, 1, 1, frames, used);
  used = 0;
  return rc;
}

enum { EOM = PL_CONST_DATA_FLAG_END_OF_MESSAGE, EOC = PL_CONST_DATA_FLAG_END_OF_CHANNEL };

#define EACH_IS(expected, ...)          \
  do {                                  \
    restart();                          \
    __VA_ARGS__;                        \
    assert_int_equal(give(), expected); \
  } while (0)

static void what_breaks_the_protocol(void **state) {
  (void)state;
  EACH_IS(PL_EPROTOCOL, data(0, 0, 0, 1000), data(0, EOM, 1000, 1));          /* over message_max */
  EACH_IS(PL_EPROTOCOL, data(0, EOM, 0, 1001));                               /* the same in one frame */
  EACH_IS(PL_EPROTOCOL, data(0, 0, 1500, 501));                               /* beyond the channel's limit */
  EACH_IS(PL_EPROTOCOL, data(0, 0, UINT64_MAX - 10, 20));                     /* a place that wraps */
  EACH_IS(PL_EPROTOCOL, data(255, EOM, 0, 1));                                /* no such channel */
  EACH_IS(PL_EPROTOCOL, data(0, EOM | EOC, 0, 1), data(0, EOM, 3, 1));        /* beyond the end */
  EACH_IS(PL_EPROTOCOL, data(0, 0, 0, 5), data(0, EOC, 5, 0));                /* an end inside a message */
  EACH_IS(PL_EPROTOCOL, for (uint8_t c = 0; c < 6; c++) data(c, 0, 0, 1000)); /* over the session's limit */
  EACH_IS(PL_EPROTOCOL, ack(1000, -1, 0, 0));                                 /* of what was never sent */
  EACH_IS(PL_EPROTOCOL, ack(PL_CONST_CHANNELS_MAX, 0, 1, 0));
  EACH_IS(PL_EPROTOCOL, ack(UINT64_MAX, 0, 1, 0));
  EACH_IS(PL_EPROTOCOL, ack(0, 255, 0, 0));
  EACH_IS(PL_EPROTOCOL, credit(UINT64_MAX, -1, 0));
  EACH_IS(PL_EPROTOCOL, credit(0, 0, UINT64_MAX));
  EACH_IS(PL_EPROTOCOL, channel_reset(0, 0, 0));
  EACH_IS(PL_EPROTOCOL, channel_reset(0, 0, 2002));
  EACH_IS(PL_EPROTOCOL, channel_reset(255, 0, 1));
  EACH_IS(PL_EPROTOCOL, channel_reset(0, 0, 3), channel_reset(0, 0, 4));
  EACH_IS(PL_EPROTOCOL, hello(0, 0, 100, 101));
  EACH_IS(PL_EPROTOCOL, hello(1, 0, 100, 100));
  EACH_IS(PL_EPROTOCOL, hello(1, 0, 0, 100));
  EACH_IS(PL_EPROTOCOL, frame(PL_FRAME_PROBE, 3));
  EACH_IS(PL_EPROTOCOL, frame(PL_FRAME_PROBE_REPLY, 5));
  EACH_IS(PL_EPROTOCOL, frame(PL_FRAME_CLOSE, 1));
  EACH_IS(PL_EPROTOCOL, frame(PL_FRAME_CLOSE, 126));
  EACH_IS(PL_EPROTOCOL, frame(PL_FRAME_VOLATILE, 0));
  EACH_IS(PL_EPROTOCOL, frames[0] = PL_FRAME_DATA, frames[1] = 0, used = 2);
  EACH_IS(PL_EPROTOCOL, data(0, EOM, 0, 5), used--);
}

static void what_a_peer_may_do(void **state) {
  (void)state;
  EACH_IS(0, used = 0);
  EACH_IS(0, frame(0x7e, 100), frame(0, 0), frame(0xff, 65000)); /* unknown frames are skipped */
  EACH_IS(0, data(0, EOM, 0, 1000));
  EACH_IS(0, data(0, EOM, 0, 5), data(0, EOM, 0, 5), data(0, 0, 0, 3), data(0, EOM, 2, 3)); /* repetitions */
  EACH_IS(0, data(0, EOM, 100, 5));                                                         /* a gap: not kept */
  EACH_IS(0, data(0, EOM | EOC, 0, 0), data(0, EOM | EOC, 0, 0), data(0, EOC, 1, 0));
  EACH_IS(0, data(0, 0xf0 | EOM, 0, 1)); /* unknown flags */
  EACH_IS(0, ack(UINT64_MAX, -1, 0, 0), ack(0, 7, 0, 0));
  EACH_IS(0, credit(0, 200, 5), credit(5, -1, 0));
  EACH_IS(0, channel_reset(0, 1, 77), channel_reset(0, 0, 2001), channel_reset(0, 0, 2001));
  EACH_IS(0, hello(77, 0, 100, 101));
}

static void overlapping_pieces_become_the_message_once(void **state) {
  (void)state;
  for (uint64_t cut = 0; cut <= 500; cut += 25)
    for (uint64_t back = 0; back <= cut; back += 50) {
      restart();
      data(3, 0, 0, cut);
      data(3, EOM, cut - back, 500 - (cut - back));
      data(3, EOM | EOC, cut - back, 500 - (cut - back));
      assert_int_equal(give(), 0);
      assert_int_equal(two_count(&t, 1, PL_SESSION_MESSAGE), 1);
      assert_int_equal(two_count(&t, 1, PL_SESSION_END), 1);
      two_seen *m = two_find(&t, 1, PL_SESSION_MESSAGE, 0);
      assert_int_equal(m->size, 500);
      assert_int_equal(m->a.place, 501);
      for (size_t i = 0; i < 500; i++) assert_int_equal(m->data[i], (uint8_t)i);
    }
}

static void a_record_of_everything(void) {
  hello(77, 0, 1000, 2000);
  data(0, 0, 0, 50);
  data(0, EOM, 50, 60);
  ack(0, 0, 0, 0);
  credit(9000, 0, 3000);
  frame(PL_FRAME_PROBE, 4);
  frame(PL_FRAME_PROBE_REPLY, 4);
  data(1, EOM | EOC, 0, 7);
  channel_reset(2, 0, 9);
  pl_writer w = frame(PL_FRAME_VOLATILE, 5);
  pl_write_u8(&w, 4);
  frame(0x44, 9);
  frame(PL_FRAME_CLOSE, 12);
}

static void every_byte_may_be_missing(void **state) {
  (void)state;
  a_record_of_everything();
  size_t whole = used;
  assert_int_equal(give(), 0);
  assert_int_equal(two_count(&t, 1, PL_SESSION_PEER_CLOSED), 1);
  for (size_t n = 0; n < whole; n++) {
    restart();
    a_record_of_everything();
    used = n;
    int rc = give();
    assert_true(rc == 0 || rc == PL_EPROTOCOL);
    assert_int_equal(two_count(&t, 1, PL_SESSION_PEER_CLOSED), 0);
  }
}

static void every_byte_may_be_wrong(void **state) {
  (void)state;
  uint64_t random = 88172645463325252u;
  for (int round = 0; round < 20000; round++) {
    restart();
    for (uint8_t i = 0; i < 3; i++) assert_int_equal(two_send(&t, 1, i, "abc", 3), 0);
    two_run(&t, 1);
    a_record_of_everything();
    for (int flips = 0; flips < 3; flips++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      frames[random % used] = (uint8_t)(random >> 32);
    }
    int rc = give();
    assert_true(rc == 0 || rc == PL_EPROTOCOL || rc == PL_EMSGSIZE);
    if (rc == 0) two_run(&t, 100);
  }
}

static void frames_before_hello_are_ignored(void **state) {
  (void)state;
  two_link(&t, 1, 0);
  data(0, EOM, 0, 5);
  frame(PL_FRAME_CLOSE, 2);
  assert_int_equal(give(), 0);
  assert_int_equal(t.side[1].seen_count, 0);
}

/* Says which frames side 1 reads: an empty one breaks the protocol when it is read, and does nothing when it is
 * skipped. */
static void reads_only(const uint8_t *types, size_t count) {
  for (int type = PL_FRAME_HELLO; type <= PL_FRAME_CLOSE; type++) {
    bool read = memchr(types, type, count);
    (void)frame((uint8_t)type, 0);
    assert_int_equal(give(), read ? PL_EPROTOCOL : 0);
  }
}
#define READS_ONLY(...) reads_only((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void an_open_session_reads_every_frame(void **state) {
  (void)state;
  READS_ONLY(PL_FRAME_HELLO, PL_FRAME_DATA, PL_FRAME_ACK, PL_FRAME_CREDIT, PL_FRAME_CHANNEL_RESET, PL_FRAME_PROBE,
             PL_FRAME_PROBE_REPLY, PL_FRAME_VOLATILE, PL_FRAME_CLOSE);
}

static void an_unconfirmed_link_reads_hello_only(void **state) {
  (void)state;
  two_link(&t, 1, 0);
  READS_ONLY(PL_FRAME_HELLO);
}

static void a_closing_session_reads_what_the_peer_took(void **state) {
  (void)state;
  pl_session_event close = {.type = PL_SESSION_CLOSE, .close = {.reason = PL_REASON_CLOSED}};
  assert_int_equal(two_step(&t, 1, close), 0);
  READS_ONLY(PL_FRAME_HELLO, PL_FRAME_ACK, PL_FRAME_CREDIT, PL_FRAME_CLOSE);
}

static void a_closed_session_reads_hello_and_close(void **state) {
  static uint8_t record[PL_CONST_RECORD_PLAINTEXT_MAX];
  uint32_t link;
  (void)state;
  frame(PL_FRAME_CLOSE, 2);
  assert_int_equal(give(), 0);
  READS_ONLY(PL_FRAME_HELLO, PL_FRAME_CLOSE);
  uint8_t flags;
  assert_true(pl_session_produce(t.side[1].session, t.now_us / 1000, record, sizeof record, &link, &flags) > 0);
  assert_true(pl_session_close_answered(t.side[1].session));
  READS_ONLY(PL_FRAME_HELLO, PL_FRAME_CLOSE);
}

/* A sink without memory stops the step before anything has changed, so the same record can be handled afterwards. */
static void an_action_without_memory_is_emitted_later(void **state) {
  (void)state;
  data(0, 0, 0, 300);
  assert_int_equal(give(), 0);
  for (int half = 0; half < 4; half++) {
    uint64_t before = two_count(&t, 1, PL_SESSION_MESSAGE) + two_count(&t, 1, PL_SESSION_END) +
                      two_count(&t, 1, PL_SESSION_WAS_RESET) + two_count(&t, 1, PL_SESSION_PEER_CLOSED);
    for (int again = 0; again < 2; again++) {
      if (half == 0) data(0, EOM, 300, 50); /* the end of a message that came in pieces */
      if (half == 1) data(0, EOC, 351, 0);
      if (half == 2) channel_reset(2, 0, 9);
      if (half == 3) frame(PL_FRAME_CLOSE, 2);
      t.side[1].refuse = again == 0;
      assert_int_equal(give(), again ? 0 : PL_ENOMEM);
    }
    uint64_t after = two_count(&t, 1, PL_SESSION_MESSAGE) + two_count(&t, 1, PL_SESSION_END) +
                     two_count(&t, 1, PL_SESSION_WAS_RESET) + two_count(&t, 1, PL_SESSION_PEER_CLOSED);
    assert_int_equal(after, before + 1);
  }
  assert_int_equal(two_find(&t, 1, PL_SESSION_MESSAGE, 0)->size, 350);
}

static void a_link_that_was_not_reported_is_not_used(void **state) {
  (void)state;
  two_link(&t, 1, 0);
  t.side[1].refuse = true;
  hello(77, 0, 100, 101);
  assert_int_equal(give(), PL_ENOMEM);
  assert_false(pl_session_is_linked(t.side[1].session));
  t.side[1].refuse = false;
  hello(77, 0, 100, 101);
  assert_int_equal(give(), 0);
  assert_true(pl_session_link_is_current(t.side[1].session, 1));
}

static void a_failed_session_says_close_on_each_link_and_reads_nothing_before(void **state) {
  (void)state;
  pl_session_fail(t.side[1].session, PL_REASON_PROTOCOL, (pl_view){(const uint8_t *)"bad", 3});
  data(0, 0, 5000, 1); /* would break the protocol */
  assert_int_equal(give(), 0);
  two_unlink(&t, 1); /* before CLOSE was sent */
  two_link(&t, 2, 0);
  two_run(&t, 1000);
  assert_int_equal(two_count(&t, 0, PL_SESSION_PEER_CLOSED), 1);
  two_seen *told = two_find(&t, 0, PL_SESSION_PEER_CLOSED, 0);
  assert_int_equal(told->a.reason, PL_REASON_PROTOCOL);
  assert_memory_equal(told->data, "bad", 3);
  assert_int_equal(two_send(&t, 1, 0, "x", 1), PL_ESTATE);
}

static void settings_and_events_that_make_no_sense(void **state) {
  (void)state;
  static const pl_session_config wrong[] = {{.channel_window = 10, .session_window = 10},
                                            {.message_max = 10, .channel_window = 10, .session_window = 11},
                                            {.message_max = 10, .channel_window = 11, .session_window = 10}};
  for (size_t i = 0; i < 3; i++) {
    pl_session *s = (pl_session *)1;
    assert_int_equal(pl_session_new(&wrong[i], &s), PL_EINVAL);
    assert_null(s);
  }
  static const pl_session_event no_channel[] = {
      {.type = PL_SESSION_SEND, .send = {.channel = 255}},
      {.type = PL_SESSION_SEND_VOLATILE, .send = {.channel = 255}},
      {.type = PL_SESSION_FINISH, .finish = {.channel = 255}},
      {.type = PL_SESSION_TAKE, .take = {.channel = 255}},
      {.type = PL_SESSION_PRIORITY, .priority = {.channel = 255}},
      {.type = PL_SESSION_CHANNEL_RESET, .channel_reset = {.channel = 255}},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(no_channel); i++) assert_int_equal(two_step(&t, 1, no_channel[i]), PL_EINVAL);
  assert_int_equal(two_step(&t, 1, (pl_session_event){.type = PL_SESSION_PRIORITY, .priority = {.level = 8}}),
                   PL_EINVAL);
  assert_int_equal(two_step(&t, 1, (pl_session_event){.type = PL_SESSION_CLOSE + 1}), PL_EINVAL);
  pl_session_event end = {.type = PL_SESSION_FINISH};
  assert_int_equal(two_step(&t, 1, end), 0);
  assert_int_equal(t.side[1].place, 1);
  assert_int_equal(two_step(&t, 1, end), PL_ESTATE);
  assert_int_equal(t.side[1].place, 0);
  assert_int_equal(two_send(&t, 1, 0, "x", 1), PL_ESTATE);
  pl_session_event large = {.type = PL_SESSION_SEND_VOLATILE, .send = {.data = {frames, 32769}}};
  assert_int_equal(two_step(&t, 1, large), PL_EMSGSIZE);
  for (uint32_t id = 2; id <= 9; id++) {
    pl_session_event up = {.type = PL_SESSION_LINK_UP, .link_up = {.id = id, .window = 1}};
    assert_int_equal(two_step(&t, 1, up), id < 9 ? 0 : PL_EAGAIN);
  }
  assert_int_equal(two_step(&t, 1, (pl_session_event){.type = PL_SESSION_RECORD, .record = {.link = 99}}), 0);
  assert_int_equal(two_step(&t, 1, (pl_session_event){.type = PL_SESSION_LINK_DOWN, .link_down = {99}}), 0);
}

#define APART(name) cmocka_unit_test_setup_teardown(name, start, end)
#define LINKED(name) cmocka_unit_test_setup_teardown(name, start_linked, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      LINKED(what_breaks_the_protocol),
      LINKED(what_a_peer_may_do),
      LINKED(overlapping_pieces_become_the_message_once),
      LINKED(every_byte_may_be_missing),
      LINKED(every_byte_may_be_wrong),
      APART(frames_before_hello_are_ignored),
      LINKED(an_open_session_reads_every_frame),
      APART(an_unconfirmed_link_reads_hello_only),
      LINKED(a_closing_session_reads_what_the_peer_took),
      LINKED(a_closed_session_reads_hello_and_close),
      LINKED(an_action_without_memory_is_emitted_later),
      APART(a_link_that_was_not_reported_is_not_used),
      LINKED(a_failed_session_says_close_on_each_link_and_reads_nothing_before),
      LINKED(settings_and_events_that_make_no_sense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
