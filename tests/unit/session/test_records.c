/* What a session puts into a record: which frames, in which order, of which size, and what of it is in flight. */
#include "client/core/session/session_state.h"
#include "two.h"

enum { MOST = PL_CONST_RECORD_PLAINTEXT_MAX, LEAST = PL_SESSION_RECORD_MIN, DATA_BYTES = 13, FRAMES = 64 };

static two t;
static pl_session *s;
static pl_session_link *l;

/* The last record. */
static uint8_t out[70000], flags, types[FRAMES];
static pl_view bodies[FRAMES];
static size_t frames;
static uint32_t link;

static const pl_session_config usual = {.message_max = 262144, .channel_window = 1 << 20, .session_window = 8 << 20};

static int start(void **state) {
  (void)state;
  two_init(&t, &usual, &usual);
  two_link(&t, 1, 0);
  two_run(&t, 1000);
  s = t.side[0].session;
  l = s->current;
  assert_non_null(l);
  assert_false(pl_session_has_output(s));
  return 0;
}

static int end(void **state) {
  (void)state;
  two_deinit(&t);
  return 0;
}

/* Writes a record of side 0, and reads its frames. Returns its size. */
static int produce(size_t capacity) {
  uint64_t counter = l->next_counter, first = l->sent_last, in_flight = l->in_flight;
  bool expected = pl_session_has_output(s) && capacity >= LEAST;
  link = 0;
  frames = 0;
  int n = pl_session_produce(s, t.now_us / 1000, out, capacity, &link, &flags);
  if (n <= 0) return n;
  assert_true(expected);
  assert_true((size_t)n <= capacity && n <= MOST);
  pl_reader in = pl_reader_of(out, (size_t)n);
  while (frames < FRAMES && pl_frame_next(&in, &types[frames], &bodies[frames]) > 0) frames++;
  assert_int_equal(pl_reader_left(&in), 0);
  if (link != l->id) return n;
  assert_int_equal(l->next_counter, counter + 1);
  uint64_t bytes = 0;
  for (uint64_t i = first; i < l->sent_last; i++) {
    const pl_session_sent *e = &l->sent[i & (l->sent_capacity - 1)];
    assert_int_equal(e->counter, counter);
    bytes += e->bytes;
  }
  assert_int_equal(bytes, l->sent_last > first ? n + PL_SESSION_RECORD_COST : 0);
  assert_int_equal(l->in_flight, in_flight + bytes);
  return n;
}

static void expect(const char *names) { /* a letter for each frame, see below */
  char found[FRAMES + 1] = {0};
  for (size_t k = 0; k < frames; k++) found[k] = types[k] <= PL_FRAME_CLOSE ? "?HDAKRpqVC"[types[k]] : '?';
  assert_string_equal(found, names);
}

static const pl_session_sent *sent_at(uint64_t index) {
  return &l->sent[index & (l->sent_capacity - 1)];
}

static void send(uint8_t channel, size_t size) {
  static uint8_t bytes[262144];
  for (size_t k = 0; k < size; k++) bytes[k] = (uint8_t)(k * 7 + channel);
  assert_int_equal(two_send(&t, 0, channel, bytes, size), 0);
}

static void send_volatile(uint8_t channel, size_t size) {
  static uint8_t bytes[65536];
  pl_session_event in = {.type = PL_SESSION_SEND_VOLATILE, .send = {channel, {bytes, size}}};
  assert_int_equal(two_step(&t, 0, in), 0);
}

static void expect_data(size_t k, uint8_t channel, uint8_t data_flags, uint64_t place, size_t bytes) {
  assert_true(k < frames);
  assert_int_equal(types[k], PL_FRAME_DATA);
  assert_int_equal(bodies[k].data[0], channel);
  assert_int_equal(bodies[k].data[1], data_flags);
  assert_int_equal(pl_get_u64(bodies[k].data + 2), place);
  assert_int_equal(bodies[k].size, 10 + bytes);
}

enum { EOM = PL_CONST_DATA_FLAG_END_OF_MESSAGE, EOC = PL_CONST_DATA_FLAG_END_OF_CHANNEL };

/* ---- the letters of `expect` ------------------------------------------------------------------------------------- */

static void every_frame_has_a_letter(void **state) {
  (void)state;
  assert_int_equal(PL_FRAME_HELLO, 1);
  assert_int_equal(PL_FRAME_DATA, 2);
  assert_int_equal(PL_FRAME_ACK, 3);
  assert_int_equal(PL_FRAME_CREDIT, 4);
  assert_int_equal(PL_FRAME_CHANNEL_RESET, 5);
  assert_int_equal(PL_FRAME_PROBE, 6);
  assert_int_equal(PL_FRAME_PROBE_REPLY, 7);
  assert_int_equal(PL_FRAME_VOLATILE, 8);
  assert_int_equal(PL_FRAME_CLOSE, 9);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static void ask(uint32_t number) { /* side 1 asks side 0 */
  uint8_t probe[7] = {PL_FRAME_PROBE, 0, 4};
  pl_put_u32(probe + 3, number);
  assert_int_equal(two_feed(&t, 0, 1, probe, sizeof probe), 0);
}

/* A lost answer costs more than late data. CLOSE comes after ACK, since a session that has ended reads none. */
static void what_controls_goes_first(void **state) {
  (void)state;
  send(0, 3);
  assert_true(produce(MOST) > 0);
  expect("D");
  t.now_us += 1000000;
  assert_int_equal(two_step(&t, 0, (pl_session_event){.type = PL_SESSION_TIME}), 0);
  ask(77);
  send(0, 4);
  send_volatile(0, 5);
  assert_true(produce(MOST) > 0);
  expect("qpAKD");
  assert_int_equal(flags, 0);
  assert_int_equal(pl_get_u32(bodies[0].data), 77);
  assert_int_equal(pl_get_u32(bodies[1].data), s->probe_number);
  assert_true(produce(MOST) > 0);
  expect("V");
  ask(78);
  pl_session_event close = {.type = PL_SESSION_CLOSE, .close = {.reason = 5}};
  send(0, 6);
  assert_int_equal(two_step(&t, 0, close), 0);
  assert_true(produce(MOST) > 0);
  expect("qAKC");
  assert_int_equal(pl_get_u16(bodies[3].data), 5);
  assert_int_equal(produce(MOST), 0);
}

/* An ACK that may wait goes along with what goes anyway. */
static void an_ack_goes_along_with_data(void **state) {
  (void)state;
  static const uint8_t frame[] = {PL_FRAME_VOLATILE, 0, 2, 0, 'x'};
  assert_int_equal(two_feed(&t, 0, 1, frame, sizeof frame), 0);
  assert_int_equal(produce(MOST), 0);
  send(0, 3);
  assert_true(produce(MOST) > 0);
  expect("AKD");
  assert_int_equal(produce(MOST), 0);
}

/* What asks for an ACK is in flight until it comes. The others are not awaited. */
static void what_is_not_acknowledged_is_not_in_flight(void **state) {
  (void)state;
  assert_int_equal(l->in_flight, 0);
  ask(1);
  assert_true(produce(MOST) > 0);
  expect("qAK");
  assert_int_equal(l->in_flight, 0);
  s->probe_due = true;
  assert_int_equal(produce(MOST), 7);
  expect("p");
  assert_int_equal(l->in_flight, 7 + PL_SESSION_RECORD_COST);
  assert_false(sent_at(l->sent_last - 1)->places);
  send_volatile(0, 9);
  assert_int_equal(produce(MOST), 3 + 1 + 9);
  expect("V");
  assert_int_equal(l->in_flight, 7 + 13 + 2 * PL_SESSION_RECORD_COST);
  assert_int_equal(two_step(&t, 0, (pl_session_event){.type = PL_SESSION_CLOSE, .close = {.reason = 5}}), 0);
  assert_int_equal(produce(MOST), 5);
  expect("C");
  assert_int_equal(l->in_flight, 7 + 13 + 5 + 3 * PL_SESSION_RECORD_COST);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* Answers go on the link of the question. On one that is not confirmed nothing but HELLO is said. */
static void hello_and_answers_go_on_their_own_link(void **state) {
  (void)state;
  two_link(&t, 2, 0);
  send(0, 3);
  assert_true(produce(MOST) > 0);
  expect("H");
  assert_int_equal(link, 2);
  pl_session_link *other = PL_CONTAINER(s->links.prev, pl_session_link, node);
  assert_int_equal(other->in_flight, other->sent[0].bytes);
  assert_int_equal(other->hello_ms, t.now_us / 1000);
  other->reply_due = true; /* asked before its HELLO came */
  other->reply_number = 9;
  assert_int_equal(produce(MOST), 0);
  assert_false(other->reply_due);
  other->confirmed = true; /* although the first is still sent on */
  other->reply_due = true;
  assert_int_equal(produce(MOST), 7);
  expect("q");
  assert_int_equal(link, 2);
  assert_int_equal(pl_get_u32(bodies[0].data), 9);
  assert_true(produce(MOST) > 0);
  expect("D");
  assert_int_equal(link, 1);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static void a_record_is_as_large_as_its_room(void **state) {
  (void)state;
  send(0, 262144);
  assert_int_equal(produce(LEAST - 1), 0);
  assert_int_equal(produce(LEAST), LEAST);
  expect_data(0, 0, 0, 0, LEAST - DATA_BYTES);
  assert_int_equal(produce(LEAST + 1), LEAST + 1);
  expect_data(0, 0, 0, LEAST - DATA_BYTES, LEAST + 1 - DATA_BYTES);
  (void)end(NULL);
  (void)start(NULL);
  s->rate.now = 10000000; /* as much as the window lets wait */
  send(0, 262144);
  assert_int_equal(produce(sizeof out), MOST);
}

/* Near the end of a record only what ends a message is begun, so that a message that fits a record comes in one. */
static void a_message_is_not_begun_in_the_tail_of_a_record(void **state) {
  (void)state;
  enum { TAIL = (MOST - DATA_BYTES) / PL_SESSION_RECORD_TAIL_PART };
  static const struct {
    size_t first, second, chunk; /* of the second message, in the first record; 0: none */
    uint8_t flags;
  } cases[] = {
      {MOST - 2 * DATA_BYTES - TAIL, 20000, TAIL, 0},
      {MOST - 2 * DATA_BYTES - TAIL + 1, 20000, 0, 0},
      {MOST - 2 * DATA_BYTES - 100, 101, 0, 0},
      {MOST - 2 * DATA_BYTES - 100, 100, 100, EOM},
  };
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)end(NULL);
    (void)start(NULL);
    s->rate.now = 10000000;
    send(0, cases[k].first);
    send(0, cases[k].second);
    assert_true(produce(MOST) > 0);
    expect_data(0, 0, EOM, 0, cases[k].first);
    assert_int_equal(frames, cases[k].chunk ? 2 : 1);
    if (cases[k].chunk) expect_data(1, 0, cases[k].flags, cases[k].first + 1, cases[k].chunk);
    if (cases[k].flags) continue;
    assert_true(produce(MOST) > 0);
    expect_data(0, 0, EOM, cases[k].first + 1 + cases[k].chunk, cases[k].second - cases[k].chunk);
  }
}

/* Pacing leaves room for at least a small record, while any is left. */
static void bulk_stays_below_its_pace(void **state) {
  (void)state;
  static const struct {
    uint64_t in_flight;
    int size;
  } cases[] = {
      {0, MOST}, {65536 - 30000, 30000}, {65536 - LEAST, LEAST}, {65536 - LEAST + 1, LEAST}, {65535, LEAST}, {65536, 0},
      {65537, 0}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)end(NULL);
    (void)start(NULL);
    send(0, 262144);
    l->in_flight = cases[k].in_flight;
    assert_int_equal(produce(MOST), cases[k].size);
  }
}

/* Up to 16 KiB on a channel are no bulk: they go beside it, as far as the link takes them. */
static void what_is_short_goes_beside_bulk(void **state) {
  (void)state;
  const uint64_t most = (1 << 20) - PL_CONST_ENVELOPE_PAYLOAD_MAX - PL_CONST_ENVELOPE_HEADER_BYTES;
  l->in_flight = 65536;
  send(0, 16384); /* and its end */
  assert_int_equal(produce(MOST), 0);
  send(1, 16383);
  assert_true(produce(MOST) > 0);
  expect("D");
  expect_data(0, 1, EOM, 0, 16383);
  l->in_flight = most - 1;
  send(1, 1);
  assert_true(produce(MOST) > 0);
  expect("D");
  l->in_flight = most;
  send(1, 1);
  send_volatile(1, 1);
  assert_int_equal(produce(MOST), 0);
  l->in_flight = most - 1;
  assert_true(produce(MOST) > 0);
  expect("V");
  l->in_flight = most - 1;
  assert_true(produce(MOST) > 0);
  expect("D");
}

/* What is in the record already counts as if it were in flight. */
static void the_pace_counts_what_is_in_the_record(void **state) {
  (void)state;
  for (uint64_t more = 0; more < 2; more++) {
    (void)end(NULL);
    (void)start(NULL);
    pl_session_event urgent = {.type = PL_SESSION_PRIORITY, .priority = {.channel = 1, .level = 0}};
    assert_int_equal(two_step(&t, 0, urgent), 0);
    send(0, 100000);
    send(1, 100);
    l->in_flight = 65536 - 1 - (DATA_BYTES + 100) + more;
    assert_true(produce(MOST) > 0);
    expect(more ? "D" : "DD");
  }
}

/* Alone, a channel fills the record. Beside another one, of whatever priority, it gets 16 KiB at a time. */
static void channels_share_a_record(void **state) {
  (void)state;
  static const uint32_t priorities[] = {4, 5, 0};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(priorities); k++) {
    (void)end(NULL);
    (void)start(NULL);
    pl_session_event urgent = {.type = PL_SESSION_PRIORITY, .priority = {.channel = 1, .level = priorities[k]}};
    assert_int_equal(two_step(&t, 0, urgent), 0);
    send(0, 100000);
    send(1, 100000);
    assert_int_equal(produce(MOST), MOST);
    expect("DDDD");
    size_t rest = MOST - 3 * (DATA_BYTES + 16384) - DATA_BYTES;
    for (size_t f = 0; f < 4; f++) {
      uint8_t channel = k == 0 ? (uint8_t)(f % 2) : k == 2;
      expect_data(f, channel, 0, 16384 * (k == 0 ? f / 2 : f), f < 3 ? 16384 : rest);
    }
  }
  (void)end(NULL);
  (void)start(NULL);
  send(0, 60000);
  assert_int_equal(produce(MOST), DATA_BYTES + 60000);
  expect_data(0, 0, EOM, 0, 60000);
}

/* A frame is begun only where a CHANNEL_RESET would fit, too. */
static void the_last_bytes_of_a_record_stay_free(void **state) {
  (void)state;
  for (size_t left = 14; left <= 15; left++) {
    (void)end(NULL);
    (void)start(NULL);
    send(2, 0);
    assert_true(produce(MOST) > 0);
    send(0, 16000);
    send(0, LEAST - 2 * DATA_BYTES - 16000 - left);
    pl_session_event up = {.type = PL_SESSION_CHANNEL_RESET, .channel_reset = {.channel = 2, .reason = 3}};
    assert_int_equal(two_step(&t, 0, up), 0);
    pl_session_event late = {.type = PL_SESSION_PRIORITY, .priority = {.channel = 2, .level = 7}};
    assert_int_equal(two_step(&t, 0, late), 0);
    assert_int_equal(produce(LEAST), left == 15 ? LEAST : LEAST - 14);
    expect(left == 15 ? "DDR" : "DD");
  }
  assert_int_equal(bodies[2].data[0], 2);
  assert_int_equal(pl_get_u16(bodies[2].data + 2), 3);
}

/* ---- what went with a record ------------------------------------------------------------------------------------- */

static void expect_sent(uint64_t index, uint8_t channel, uint64_t from, uint64_t to) {
  const pl_session_sent *e = sent_at(index);
  assert_true(e->places);
  assert_int_equal(e->channel, channel);
  assert_int_equal(e->from, from);
  assert_int_equal(e->to, to);
}

static void the_places_of_a_record_are_noted_for_each_channel(void **state) {
  (void)state;
  uint64_t first = l->sent_last;
  for (int k = 0; k < 3; k++) send(0, 4);
  assert_true(produce(MOST) > 0);
  expect("DDD");
  assert_int_equal(l->sent_last, first + 1); /* they join */
  expect_sent(first, 0, 0, 15);
  send(0, 4); /* continues, but in another record */
  assert_true(produce(MOST) > 0);
  assert_int_equal(l->sent_last, first + 2);
  expect_sent(first + 1, 0, 15, 20);
  for (int k = 0; k < 2; k++) send(1, 9); /* ends where channel 0 goes on */
  send(0, 4);
  assert_true(produce(MOST) > 0);
  expect("DDD");
  assert_int_equal(l->sent_last, first + 5); /* they take turns */
  expect_sent(first + 2, 1, 0, 10);
  expect_sent(first + 3, 0, 20, 25);
  expect_sent(first + 4, 1, 10, 20);
  s->probe_due = true;
  send(0, 4);
  assert_true(produce(MOST) > 0);
  expect("pD");
  assert_int_equal(l->sent_last, first + 6); /* nothing else is noted for what asks beside data */
  expect_sent(first + 5, 0, 25, 30);
}

/* ---- volatile messages ------------------------------------------------------------------------------------------- */

static void volatile_messages_and_data_take_turns(void **state) {
  (void)state;
  static const char *const turns[] = {"V", "D", "VV", "D", "D", "V"};
  s->rate.now = 10000000;
  for (int k = 0; k < 4; k++) send(0, 262000);
  for (size_t k = 0; k < PL_ARRAY_LENGTH(turns); k++) {
    if (k < 3 || k == 5) send_volatile(0, 10);
    if (k == 2) assert_int_equal(s->volatiles.size, 26);
    assert_true(produce(MOST) > 0);
    expect(turns[k]);
    assert_int_equal(flags, turns[k][0] == 'V' ? PL_CONST_ENVELOPE_FLAG_VOLATILE : 0);
  }
}

/* They are whole, and a record takes all that fit. */
static void volatile_messages_that_fit_go_together(void **state) {
  (void)state;
  for (size_t more = 0; more < 2; more++) {
    (void)end(NULL);
    (void)start(NULL);
    send_volatile(3, 10000);
    send_volatile(9, LEAST - 10004 - 4 + more);
    send_volatile(5, 0);
    assert_int_equal(produce(LEAST), more ? 10004 : LEAST);
    expect(more ? "V" : "VV");
    assert_int_equal(bodies[0].data[0], 3);
    assert_int_equal(produce(LEAST), more ? LEAST - 10004 + 1 + 4 : 4);
    expect(more ? "VV" : "V");
    assert_int_equal(bodies[frames - 1].data[0], 5);
    assert_int_equal(s->volatiles.capacity, 0); /* an empty queue holds no memory */
  }
}

static void a_volatile_message_that_does_not_fit_waits_for_a_larger_record(void **state) {
  (void)state;
  for (size_t more = 0; more < 2; more++) {
    (void)end(NULL);
    (void)start(NULL);
    send_volatile(0, LEAST - 4 + more);
    assert_int_equal(produce(LEAST), more ? 0 : LEAST);
    assert_int_equal(produce(MOST), more ? LEAST + 1 : 0);
  }
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Without memory to note a record the link is left, and nothing counts as sent. */
static void a_record_that_cannot_be_noted_is_not_written(void **state) {
  (void)state;
  for (int kind = 0; kind < 4; kind++) {
    (void)end(NULL);
    (void)start(NULL);
    pl_session_link *on = l;
    if (kind == 3) { /* HELLO */
      two_link(&t, 7, 0);
      on = PL_CONTAINER(s->links.prev, pl_session_link, node);
    } else {
      while (l->sent_last - l->sent_first < l->sent_capacity) {
        send_volatile(0, 1);
        assert_true(produce(MOST) > 0);
      }
      if (kind == 0) send(1, 1);
      if (kind == 1) send_volatile(1, 1);
      if (kind == 2) ask(1);
    }
    uint64_t counter = on->next_counter, last = on->sent_last;
    pl_alloc_fail_at(1);
    assert_int_equal(produce(MOST), PL_ENOMEM);
    pl_alloc_fail_at(0);
    assert_int_equal(link, on->id);
    assert_int_equal(on->next_counter, counter);
    assert_int_equal(on->sent_last, last);
    assert_true(pl_session_has_output(s));
  }
}

/* The second channel's places cannot be noted: the record ends before it. */
static void a_record_ends_where_memory_runs_out(void **state) {
  (void)state;
  send(0, 1);
  assert_true(produce(MOST) > 0);
  while (l->sent_last - l->sent_first < l->sent_capacity - 1) {
    send(0, 1);
    assert_true(produce(MOST) > 0);
  }
  send(0, 1);
  send(1, 1);
  pl_alloc_fail_at(1);
  assert_int_equal(produce(MOST), DATA_BYTES + 1);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  expect("D");
  assert_true(produce(MOST) > 0);
  expect_data(0, 1, EOM, 0, 1);
}

#define OWN(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      OWN(every_frame_has_a_letter),
      OWN(what_controls_goes_first),
      OWN(an_ack_goes_along_with_data),
      OWN(what_is_not_acknowledged_is_not_in_flight),
      OWN(hello_and_answers_go_on_their_own_link),
      OWN(a_record_is_as_large_as_its_room),
      OWN(a_message_is_not_begun_in_the_tail_of_a_record),
      OWN(bulk_stays_below_its_pace),
      OWN(what_is_short_goes_beside_bulk),
      OWN(the_pace_counts_what_is_in_the_record),
      OWN(channels_share_a_record),
      OWN(the_last_bytes_of_a_record_stay_free),
      OWN(the_places_of_a_record_are_noted_for_each_channel),
      OWN(volatile_messages_and_data_take_turns),
      OWN(volatile_messages_that_fit_go_together),
      OWN(a_volatile_message_that_does_not_fit_waits_for_a_larger_record),
      OWN(a_record_that_cannot_be_noted_is_not_written),
      OWN(a_record_ends_where_memory_runs_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
