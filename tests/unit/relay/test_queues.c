/* What waits in the relay, and its bounds: order, fairness, window, volatile envelopes, budgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/state.h"
#include "world.h"

#define LINK(slot) (0x10000u | (slot))

enum { WINDOW = 131072, RECORD = 8192 };

static uint8_t record[65535];

static bool sends; /* the sockets take bytes at once */

static int setup(void **state) {
  world *w = calloc(1, sizeof *w);
  if (!w) return -1;
  world_init(w, *state);
  w->sends = sends;
  world_start(w);
  *state = w;
  return 0;
}

static uint32_t join(client *caller, uint32_t link, client *callee) {
  client_open(caller, link, callee, "one", 3);
  uint32_t number = client_next(callee)->link;
  client_send(callee, PL_ENV_ACCEPT, 0, number, "two", 3);
  assert_int_equal(client_next(caller)->type, PL_ENV_ACCEPT);
  return number;
}

/* Sends a record that starts with its number. */
static void send_numbered(client *c, uint32_t link, uint32_t number, size_t size, uint8_t flags) {
  pl_put_u32(record, number);
  client_send(c, PL_ENV_DATA, flags, link, record, size);
}

static void test_order_across_buffer_and_queue(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b);
  uint32_t sent = 0, got = 0;
  b->reads = false;
  for (size_t i = 0; i < 20; i++) send_numbered(a, LINK(0), sent++, RECORD, 0);
  assert_true(pl_relay_get_stats(w->relay).queued_bytes > 20 * RECORD); /* some of it beyond the buffer */
  b->reads = true;
  b->takes = 10000; /* a little each turn, while more comes in */
  while (got < 60) {
    if (sent < 60) {
      send_numbered(a, LINK(0), sent, sent % 3 ? 100 : 3000, 0);
      sent++;
    }
    client_writable(b);
    for (const seen *s; (s = client_next(b)); got++) {
      assert_int_equal(s->link, theirs);
      assert_int_equal(pl_get_u32(s->payload), got);
    }
  }
  assert_int_equal(got, 60);
}

static void test_largest_envelopes(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  join(a, LINK(0), b);
  const size_t sizes[] = {65535, 65528, 65527, 65520, 126, 125, 118, 117, 0, 1};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sizes); i++) {
    client_send(a, PL_ENV_DATA, 0, LINK(0), record, sizes[i]);
    const seen *s = client_next(b);
    assert_non_null(s);
    assert_int_equal(s->size, sizes[i]);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sizes); i++) client_send(a, PL_ENV_DATA, 0, LINK(0), record, sizes[i]);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sizes); i++) assert_int_equal(client_next(b)->size, sizes[i]);
}

static void test_beyond_the_window_is_overflow(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2), *other = client_ready(w, 3);
  uint32_t theirs = join(a, LINK(0), b), others = join(a, LINK(1), other);
  b->reads = false;
  const seen *s = NULL;
  size_t sent = 0;
  while (!s) {
    client_send(a, PL_ENV_DATA, 0, LINK(0), record, RECORD);
    sent += RECORD;
    s = client_next(a);
    assert_true(pl_relay_get_stats(w->relay).queued_bytes < 2 * WINDOW + 300000);
  }
  assert_true(sent > WINDOW && sent < WINDOW + 65536 + 3 * RECORD);
  assert_int_equal(s->type, PL_ENV_RESET);
  assert_int_equal(s->link, LINK(0));
  assert_int_equal(pl_get_u16(s->payload), PL_REASON_OVERFLOW);
  client_send(a, PL_ENV_DATA, 0, LINK(1), "still here", 10); /* no other link is touched */
  s = client_next(other);
  assert_int_equal(s->link, others);
  b->reads = true;
  client_writable(b);
  while ((s = client_next(b)) && s->type == PL_ENV_DATA) {
  }
  assert_true(s && s->type == PL_ENV_RESET && s->link == theirs);
  assert_true(s && pl_get_u16(s->payload) == PL_REASON_OVERFLOW);
}

static void test_reset_comes_behind_its_own_data(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b);
  uint8_t closed[2] = {0, PL_REASON_CLOSED};
  b->reads = false;
  for (uint32_t i = 0; i < 20; i++) send_numbered(a, LINK(0), i, RECORD, 0);
  client_send(a, PL_ENV_RESET, 0, LINK(0), closed, 2);
  client_hang_up(a); /* its end loses nothing either */
  b->reads = true;
  client_writable(b);
  for (uint32_t i = 0; i < 20; i++) assert_int_equal(pl_get_u32(client_next(b)->payload), i);
  const seen *s = client_next(b);
  assert_int_equal(s->type, PL_ENV_RESET);
  assert_int_equal(s->link, theirs);
  assert_null(client_next(b));
  assert_int_equal(pl_relay_get_stats(w->relay).links, 0);
}

static void test_reset_by_the_receiver_drops_what_waits(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b);
  uint8_t closed[2] = {0, PL_REASON_CLOSED};
  b->reads = false;
  for (uint32_t i = 0; i < 20; i++) send_numbered(a, LINK(0), i, RECORD, 0);
  client_send(b, PL_ENV_RESET, 0, theirs, closed, 2);
  assert_int_equal(client_next(a)->type, PL_ENV_RESET);
  assert_int_equal(pl_relay_get_stats(w->relay).links, 0);
}

static void test_links_take_turns_and_control_goes_ahead(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2), *c = client_ready(w, 3);
  uint32_t first = join(a, LINK(0), b), second = join(c, LINK(0), b);
  b->reads = false;
  for (uint32_t i = 0; i < 20; i++) send_numbered(a, LINK(0), i, RECORD, 0);
  for (uint32_t i = 0; i < 6; i++) send_numbered(c, LINK(0), i, RECORD, 0);
  client_send(b, PL_ENV_PING, 0, 0, "12345678", 8);
  b->reads = true;
  client_writable(b);
  size_t place = 0, pong = 0, last_of_second = 0;
  uint32_t next_first = 0, next_second = 0;
  for (const seen *s; (s = client_next(b)); place++) {
    if (s->type == PL_ENV_PONG) pong = place;
    if (s->type != PL_ENV_DATA) continue;
    if (s->link == first) assert_int_equal(pl_get_u32(s->payload), next_first++);
    if (s->link == second) {
      assert_int_equal(pl_get_u32(s->payload), next_second++);
      last_of_second = place;
    }
  }
  assert_int_equal(next_first, 20);
  assert_int_equal(next_second, 6);
  assert_true(last_of_second < 25); /* not behind everything that the other link has */
  assert_true(pong > 0 && pong < 12);
}

static void test_volatile_is_dropped_oldest_first(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  join(a, LINK(0), b);
  b->reads = false;
  uint32_t sent = 0;
  for (; sent < 9; sent++) send_numbered(a, LINK(0), sent, RECORD, 0); /* fills the buffer */
  for (; sent < 200; sent++) send_numbered(a, LINK(0), sent, RECORD, PL_CONST_ENVELOPE_FLAG_VOLATILE);
  for (; sent < 210; sent++) send_numbered(a, LINK(0), sent, RECORD, 0); /* drops more of these */
  assert_null(client_next(a));                                           /* and no link is reset */
  assert_true(pl_relay_get_stats(w->relay).volatile_dropped > 150);
  assert_true(pl_relay_get_stats(w->relay).queued_bytes < 2 * WINDOW + 200000);
  b->reads = true;
  client_writable(b);
  uint32_t last = 0, count = 0, reliable = 0;
  for (const seen *s; (s = client_next(b)); count++) {
    uint32_t number = pl_get_u32(s->payload);
    assert_true(count == 0 || number > last); /* in order, with gaps */
    last = number;
    reliable += !s->flags;
  }
  assert_int_equal(last, 209);
  assert_int_equal(reliable, 19); /* nothing else was dropped */
  assert_int_equal(count + pl_relay_get_stats(w->relay).volatile_dropped, 210);
}

/* Volatile envelopes end no link, even where the budget of the socket leaves no room to copy what waits. */
static void test_volatile_at_the_budget_of_a_socket(void **state) {
  world *w = *state;
  for (uint32_t most = 2 * WINDOW; most < 5 * WINDOW / 2; most += 4096) {
    w->settings[PL_RELAY_SET_SOCKET_QUEUE_MAX] = most;
    world_restart(w);
    client *a = client_ready(w, 1), *b = client_ready(w, 2);
    join(a, LINK(0), b);
    b->reads = false;
    uint32_t sent = 0, last = 0, count = 0;
    for (; sent < 9; sent++) send_numbered(a, LINK(0), sent, RECORD, 0);
    for (; sent < 200; sent++) send_numbered(a, LINK(0), sent, 1000 + sent, PL_CONST_ENVELOPE_FLAG_VOLATILE);
    for (; sent < 400; sent++) send_numbered(a, LINK(0), sent, RECORD, PL_CONST_ENVELOPE_FLAG_VOLATILE);
    assert_null(client_next(a));
    assert_false(b->aborted);
    b->reads = true;
    client_writable(b);
    for (const seen *s; (s = client_next(b)); count++) last = pl_get_u32(s->payload);
    assert_true(last >= 200 && count + pl_relay_get_stats(w->relay).volatile_dropped == sent);
  }
}

static void test_process_budget(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2), *c = client_ready(w, 3), *d = client_ready(w, 4);
  join(a, LINK(0), b);
  join(c, LINK(0), d);
  b->reads = d->reads = false;
  for (size_t i = 0; i < 12; i++) client_send(c, PL_ENV_DATA, 0, LINK(0), record, RECORD); /* a small queue */
  const seen *s = NULL;
  for (uint32_t slot = 0; !s; slot++) {
    client_send(a, PL_ENV_DATA, 0, LINK(0), record, RECORD);
    assert_true(pl_relay_get_stats(w->relay).queued_bytes < 1048576);
    client_open(b, LINK(slot), d, "m", 1);
    client_open(c, LINK(slot + 1), b, "m", 1);
    assert_null(client_next(c)); /* it holds little, so its OPENs are taken */
    s = client_next(a);
  }
  assert_int_equal(pl_get_u16(s->payload), PL_REASON_OVERFLOW); /* above 90 %: the largest queue */
  client_send(c, PL_ENV_DATA, 0, LINK(0), record, RECORD);
  assert_null(client_next(c)); /* the small one stays */
  b->reads = true;
  client_writable(b);
  bool rate = false; /* above 75 %, for the one that holds most */
  while ((s = client_next(b))) rate |= s->type == PL_ENV_RESET && pl_get_u16(s->payload) == PL_REASON_RATE;
  assert_true(rate);
}

static void test_socket_budget(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  for (uint32_t slot = 0; slot < 10; slot++) join(a, LINK(slot), b);
  b->reads = false;
  bool overflow = false;
  for (uint32_t i = 0; i < 100; i++) {
    client_send(a, PL_ENV_DATA, 0, LINK(i % 10), record, RECORD); /* each link is far below its window */
    assert_true(pl_relay_get_stats(w->relay).queued_bytes < 200000 + 200000);
    const seen *s = client_next(a);
    if (s && s->type == PL_ENV_RESET && pl_get_u16(s->payload) == PL_REASON_OVERFLOW) overflow = true;
  }
  assert_true(overflow);
}

static void test_one_who_asks_and_never_reads(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1);
  a->reads = false;
  for (size_t i = 0; i < 100000 && !a->aborted; i++) {
    client_send(a, PL_ENV_PING, 0, 0, "12345678", 8);
    world_turn(w);
    assert_true(pl_relay_get_stats(w->relay).queued_bytes < 300000);
  }
  assert_true(a->aborted);
}

/* A caller does not read, until an ACCEPT finds no room: both sides are told, and no other link ends. */
static void test_no_room_for_an_answer(void **state) {
  enum { CALLS = 100 };
  static const uint8_t answer[1900];
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t ended = 0;
  a->reads = false;
  for (; ended < CALLS; ended++) {
    client_open(a, LINK(ended), b, "one", 3);
    const seen *s = client_next(b);
    assert_true(s && s->type == PL_ENV_OFFER);
    const uint32_t offered = s ? s->link : 0;
    client_send(b, PL_ENV_ACCEPT, 0, offered, answer, sizeof answer);
    s = client_next(b);
    if (!s) continue;
    assert_int_equal(s->type, PL_ENV_RESET);
    assert_int_equal(s->link, offered);
    assert_int_equal(pl_get_u16(s->payload), PL_REASON_OVERFLOW);
    break;
  }
  assert_in_range(ended, 30, CALLS - 1);
  a->reads = true;
  client_writable(a);
  for (uint32_t i = 0; i < ended; i++) assert_int_equal(client_next(a)->type, PL_ENV_ACCEPT);
  const seen *s = client_next(a);
  assert_true(s && s->type == PL_ENV_RESET && s->link == LINK(ended));
  assert_int_equal(pl_get_u16(s->payload), PL_REASON_OVERFLOW);
}

/* A callee does not read, until an OFFER finds no room. Its number is not used up: generations have no gaps. */
static void test_no_room_for_an_offer(void **state) {
  enum { CALLS = 16 };
  static const uint8_t handshake[1900];
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2), *c = client_ready(w, 3), *d = client_ready(w, 4);
  uint32_t last = join(a, LINK(0), b), offers = 0;
  b->reads = false;
  for (size_t i = 0; i < 20; i++) client_send(a, PL_ENV_DATA, 0, LINK(0), record, RECORD);
  for (uint32_t slot = 0; slot < CALLS; slot++) client_open(c, LINK(slot), b, handshake, sizeof handshake);
  b->reads = true;
  client_writable(b);
  for (const seen *s; (s = client_next(b));) {
    if (s->type != PL_ENV_OFFER) continue;
    assert_int_equal(s->link, last + ++offers);
  }
  assert_in_range(offers, 5, CALLS - 1);
  client_open(d, LINK(0), b, "one", 3);
  const seen *s = client_next(b);
  assert_true(s && s->type == PL_ENV_OFFER);
  assert_int_equal(s->link, last + offers + 1);
}

static void test_idle_sockets_hold_no_buffers(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  join(a, LINK(0), b);
  client_send(a, PL_ENV_DATA, 0, LINK(0), record, 60000);
  assert_non_null(client_next(b));
  assert_int_equal(pl_relay_get_stats(w->relay).queued_bytes, 0);
}

/* ---- whole messages of one link, in pieces ----------------------------------------------------------------------- */

enum { MANY = 24, PIECE = 5000 };
static uint8_t message[262144];

/* Makes one message of MANY records, numbered from `first`. Returns its size. */
static size_t make_message(uint32_t first, uint32_t link, size_t size) {
  size_t at = 0;
  for (uint32_t i = 0; i < MANY; i++, at += 8 + size) {
    pl_envelope_put_header(message + at, PL_ENV_DATA, 0, size, link);
    memset(message + at + 8, (int)(first + i), size);
    pl_put_u32(message + at + 8, first + i);
  }
  return at;
}

static void expect_numbered(client *c, uint32_t link, uint32_t first, uint32_t count, size_t size) {
  for (uint32_t i = 0; i < count; i++) {
    const seen *s = client_next(c);
    assert_non_null(s);
    assert_int_equal(s->link, link);
    assert_int_equal(s->size, size);
    assert_int_equal(pl_get_u32(s->payload), first + i);
    for (size_t at = 4; at < size && at < sizeof s->payload; at++)
      assert_int_equal(s->payload[at], (uint8_t)(first + i));
  }
}

static void test_messages_in_any_pieces(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b), number = 0;
  const size_t pieces[] = {sizeof message, 1, 7, 16384, 20011, 65536, 131072}, sizes[] = {PIECE, 10000, 100};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sizes); i++)
    for (size_t j = 0; j < PL_ARRAY_LENGTH(pieces); j++, number += MANY) {
      size_t n = make_message(number, LINK(0), sizes[i]);
      client_message_in(a, message, n, pieces[j]);
      expect_numbered(b, theirs, number, MANY, sizes[i]);
    }
  assert_int_equal(pl_relay_get_stats(w->relay).forwarded, number);
  assert_null(client_next(b));
}

static void test_much_to_a_socket_that_takes_little(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b), number = 0;
  const size_t takes[] = {1, 3, 10, 14, 1000, 16384, 100000};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(takes); i++) {
    b->takes = takes[i];
    for (size_t j = 0; j < 3; j++, number += MANY) client_message(a, message, make_message(number, LINK(0), 10000));
    assert_true(pl_relay_get_stats(w->relay).queued_bytes < 2 * 1048576 + 300000);
    b->takes = SIZE_MAX;
    client_writable(b);
    expect_numbered(b, theirs, number - 3 * MANY, 3 * MANY, 10000);
  }
}

/* Among the envelopes are some of another link and of a closed link; then something waits for the socket already. */
static void test_much_among_other_envelopes(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2), *c = client_ready(w, 3);
  uint32_t theirs = join(a, LINK(0), b), others = join(a, LINK(1), c), number = 0;
  for (uint32_t i = 0; i < MANY; i++, number += MANY) {
    size_t n = make_message(number, LINK(0), PIECE);
    pl_put_u32(message + i * (8 + PIECE) + 4, LINK(1)); /* one is for another client */
    if (i) pl_put_u32(message + (i - 1) * (8 + PIECE) + 4, LINK(5));
    client_message_in(a, message, n, i % 2 ? n : 70000);
    expect_numbered(c, others, number + i, 1, PIECE);
    expect_numbered(b, theirs, number, i ? i - 1 : 0, PIECE);
    expect_numbered(b, theirs, number + i + 1, MANY - i - 1, PIECE);
  }
  assert_int_equal(pl_relay_get_stats(w->relay).dropped, MANY - 1);
  b->reads = false;
  client_send(a, PL_ENV_DATA, 0, LINK(0), record, 100);
  size_t n = make_message(number, LINK(0), PIECE);
  client_message(a, message, n);
  b->reads = true;
  client_writable(b);
  assert_int_equal(client_next(b)->size, 100);
  expect_numbered(b, theirs, number, MANY, PIECE);
}

/* What ends a read goes to the socket at once, but only the first time in a turn. Then it is gathered, so that a socket
 * with many senders is written twice a turn. Where sockets take nothing at once, all is gathered. */
static void test_first_at_once_then_gathered(void **state) {
  enum { SENDERS = 5, TURNS = 3, EACH = 2 };
  world *w = *state;
  client *b = client_ready(w, 1), *senders[SENDERS];
  uint32_t theirs[SENDERS], number = 0;
  for (uint8_t i = 0; i < SENDERS; i++) {
    senders[i] = client_ready(w, (uint8_t)(2 + i));
    theirs[i] = join(senders[i], LINK(0), b);
  }
  for (int turn = 0; turn < TURNS; turn++) {
    size_t got = b->got_count, writes = b->writes;
    for (uint8_t i = 0; i < SENDERS; i++) {
      size_t n = 0;
      for (uint32_t j = 0; j < EACH; j++, n += 8 + 100) {
        pl_envelope_put_header(message + n, PL_ENV_DATA, 0, 100, LINK(0));
        memset(message + n + 8, (uint8_t)(number + i * EACH + j), 100);
        pl_put_u32(message + n + 8, number + i * EACH + j);
      }
      client_message(senders[i], message, n);
      assert_int_equal(b->got_count - got, sends ? EACH : 0);
    }
    for (uint8_t i = 0; i < SENDERS; i++, number += EACH) expect_numbered(b, theirs[i], number, EACH, 100);
    assert_int_equal(b->writes - writes, sends ? 2 : 1);
  }
}

/* Messages of one read share one write, like envelopes of one message. */
static void test_messages_of_one_read(void **state) {
  enum { MESSAGES = 6 };
  static const uint8_t mask[4] = {0};
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b);
  size_t n = 0, writes = b->writes;
  for (uint32_t i = 0; i < MESSAGES; i++) {
    n += pl_ws_put_header(message + n, PL_WS_BINARY, 8 + 100, mask);
    pl_envelope_put_header(message + n, PL_ENV_DATA, 0, 100, LINK(0));
    memset(message + n + 8, (uint8_t)i, 100);
    pl_put_u32(message + n + 8, i);
    n += 8 + 100;
  }
  client_receive(a, message, n);
  expect_numbered(b, theirs, 0, MESSAGES, 100);
  assert_int_equal(b->writes - writes, 1);
}

/* A run of small envelopes does not overtake what waits for the same link, or a control envelope that waits. */
static void test_runs_wait_their_turn(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b), number = 0;
  b->reads = false;
  for (; number < 3 * MANY; number += MANY) client_message(a, message, make_message(number, LINK(0), 10000));
  client_message(a, message, make_message(number, LINK(0), 100));
  b->reads = true;
  client_writable(b);
  expect_numbered(b, theirs, 0, number, 10000);
  expect_numbered(b, theirs, number, MANY, 100);
}

/* Whole envelopes are forwarded before the rest has come. An envelope never spans messages. */
static void test_half_an_envelope(void **state) {
  world *w = *state;
  for (size_t cut = 1; cut < 8 + PIECE; cut += cut < 9 ? 1 : 997) {
    world_restart(w);
    client *a = client_ready(w, 1), *b = client_ready(w, 2);
    uint32_t theirs = join(a, LINK(0), b);
    make_message(7, LINK(0), PIECE);
    client_message_in(a, message, 2 * (8 + PIECE) + cut, 2 * (8 + PIECE) + 8);
    expect_numbered(b, theirs, 7, 2, PIECE);
    assert_int_equal(client_refusal(a), PL_REASON_PROTOCOL);
  }
}

static void test_out_of_memory_for_half_an_envelope(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  join(a, LINK(0), b);
  size_t n = make_message(0, LINK(0), 100);
  uint8_t frame[PL_WS_HEADER_MAX];
  size_t header = pl_ws_put_header(frame, PL_WS_BINARY, n, (const uint8_t[4]){0});
  client_receive(a, frame, header);
  pl_alloc_fail_at(1);
  client_receive(a, message, 50);
  pl_alloc_fail_at(0);
  world_turn(w);
  assert_true(a->aborted);
}

/* No memory for more of a queue: the link ends with OVERFLOW, and the connection stays. */
static void test_out_of_memory_for_a_queue(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(0), b);
  b->reads = false;
  for (size_t i = 0; i < 2; i++) client_send(a, PL_ENV_DATA, 0, LINK(0), record, 60000); /* fills the output buffer */
  static uint8_t frame[70000];
  pl_envelope_put_header(frame + PL_WS_HEADER_MAX, PL_ENV_DATA, 0, 60000, LINK(0));
  const uint8_t mask[4] = {0};
  size_t header = pl_ws_put_header(frame, PL_WS_BINARY, 60008, mask);
  memmove(frame + header, frame + PL_WS_HEADER_MAX, 60008);
  pl_alloc_fail_at(1);
  client_receive(a, frame, header + 60008);
  assert_true(pl_alloc_fail_at(0) <= 0);
  const seen *s = client_next(a);
  assert_true(s && s->type == PL_ENV_RESET && pl_get_u16(s->payload) == PL_REASON_OVERFLOW);
  b->reads = true;
  client_writable(b);
  for (size_t i = 0; i < 2; i++) assert_int_equal(client_next(b)->type, PL_ENV_DATA);
  s = client_next(b);
  assert_true(s && s->type == PL_ENV_RESET && s->link == theirs);
}

/* Checks that this link has ended with OVERFLOW at the client. */
static void expect_overflow(client *c, uint32_t link) {
  const seen *s = client_next(c);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_RESET);
  assert_int_equal(s->link, link);
  assert_int_equal(pl_get_u16(s->payload), PL_REASON_OVERFLOW);
}

/* An allocation fails on the way of one envelope. Without waiting for anything else it arrives whole, or its link ends
 * at both sides, or one of the connections ends. */
static void test_out_of_memory_for_one_envelope(void **state) {
  world *w = *state;
  size_t whole = 0;
  for (long n = 1; n < 6; n++) {
    world_restart(w);
    client *a = client_ready(w, 1), *b = client_ready(w, 2);
    uint32_t theirs = join(a, LINK(0), b);
    b->reads = false;
    pl_alloc_fail_at(n);
    send_numbered(a, LINK(0), 7, 60000, 0);
    pl_alloc_fail_at(0);
    b->reads = true;
    client_writable(b);
    const seen *s = client_next(b);
    if (s && s->type == PL_ENV_DATA) {
      assert_int_equal(s->size, 60000);
      assert_int_equal(pl_get_u32(s->payload), 7);
      send_numbered(a, LINK(0), 8, 1000, 0);
      assert_int_equal(pl_get_u32(client_next(b)->payload), 8);
      whole++;
    } else if (!a->aborted && !b->aborted) {
      expect_overflow(a, LINK(0));
      b->read_at = b->got_count - 1;
      expect_overflow(b, theirs);
    }
  }
  assert_true(whole > 0);
}

/* Memory runs out when all bytes that were on their way have been sent and more waits. Nothing would take that along
 * later, so the connection ends. */
static void test_out_of_memory_for_what_waits(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  pl_view out = {0};
  join(a, LINK(0), b);
  b->reads = false;
  for (uint32_t i = 0; i < 9; i++) send_numbered(a, LINK(0), i, RECORD, 0);
  client_open(a, LINK(1), b, "one", 3);
  assert_true(pl_relay_conn_output(b->conn, &out));
  assert_true(b->conn->control.size > 0);
  while (w->relay->free_small_count) pl_free(w->relay->free_small[--w->relay->free_small_count]);
  pl_alloc_fail_at(1);
  pl_relay_conn_sent(b->conn, out.size, w->now_ms);
  assert_true(pl_alloc_fail_at(0) <= 0);
  world_turn(w);
  assert_true(b->aborted);
  assert_false(a->aborted);
}

static int once_more(void **state) {
  (void)state;
  sends = true;
  return 0;
}

/* Tests with the initial window, and with a narrow one. */
#define QUEUES_TEST(test, ...) \
  { #test, test, setup, world_teardown, WORLD_SETTINGS_OF(__VA_ARGS__) }
#define NARROW_TEST(test, ...) QUEUES_TEST(test, {PL_RELAY_SET_LINK_WINDOW, WINDOW}, __VA_ARGS__)

int main(void) {
  const struct CMUnitTest tests[] = {
      NARROW_TEST(test_order_across_buffer_and_queue),
      QUEUES_TEST(test_largest_envelopes),
      NARROW_TEST(test_beyond_the_window_is_overflow),
      NARROW_TEST(test_reset_comes_behind_its_own_data),
      NARROW_TEST(test_reset_by_the_receiver_drops_what_waits),
      NARROW_TEST(test_links_take_turns_and_control_goes_ahead),
      NARROW_TEST(test_volatile_is_dropped_oldest_first),
      NARROW_TEST(test_volatile_at_the_budget_of_a_socket),
      QUEUES_TEST(test_process_budget, {PL_RELAY_SET_QUEUE_TOTAL_MAX, 1048576}),
      NARROW_TEST(test_socket_budget, {PL_RELAY_SET_SOCKET_QUEUE_MAX, 200000}),
      NARROW_TEST(test_one_who_asks_and_never_reads),
      QUEUES_TEST(test_no_room_for_an_answer),
      QUEUES_TEST(test_no_room_for_an_offer),
      NARROW_TEST(test_idle_sockets_hold_no_buffers),
      QUEUES_TEST(test_messages_in_any_pieces),
      QUEUES_TEST(test_much_to_a_socket_that_takes_little),
      QUEUES_TEST(test_much_among_other_envelopes),
      QUEUES_TEST(test_first_at_once_then_gathered),
      QUEUES_TEST(test_messages_of_one_read),
      QUEUES_TEST(test_runs_wait_their_turn),
      NARROW_TEST(test_half_an_envelope),
      NARROW_TEST(test_out_of_memory_for_half_an_envelope),
      QUEUES_TEST(test_out_of_memory_for_a_queue),
      QUEUES_TEST(test_out_of_memory_for_one_envelope),
      NARROW_TEST(test_out_of_memory_for_what_waits),
  };
  return cmocka_run_group_tests_name("queues", tests, NULL, NULL) +
         cmocka_run_group_tests_name("queues, taken at once", tests, once_more, NULL);
}
