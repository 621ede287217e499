/* Connections and links of the relay's core: logins and their refusals, pairing by ID, the tables of what may be sent,
 * times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define LINK(generation, slot) ((uint32_t)(generation) << 16 | (slot))

static void expect_reset(client *c, uint32_t link, int reason) {
  const seen *s = client_next(c);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_RESET);
  assert_int_equal(s->link, link);
  assert_int_equal(pl_get_u16(s->payload), reason);
}

/* Links caller and callee, with `link` as the caller's number. Returns the callee's number. */
static uint32_t join(client *caller, uint32_t link, client *callee) {
  client_open(caller, link, callee, "one", 3);
  const seen *s = client_next(callee);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_OFFER);
  assert_memory_equal(s->payload, caller->identity.id, 32);
  assert_memory_equal(s->payload + 32, caller->instance, 8);
  assert_memory_equal(s->payload + 40, "one", 3);
  uint32_t number = s->link;
  assert_true(pl_link_number_relay_side(number));
  client_send(callee, PL_ENV_ACCEPT, 0, number, "two", 3);
  s = client_next(caller);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_ACCEPT);
  assert_int_equal(s->link, link);
  assert_memory_equal(s->payload, "two", 3);
  return number;
}

/* ---- login ----------------------------------------------------------------------------------------------------- */

static void test_login(void **state) {
  world *w = *state;
  client *c = client_new(w, 1);
  client_login(c, true);
  const seen *s = &c->got[1];
  assert_int_equal(c->got_count, 2);
  assert_int_equal(s->type, PL_ENV_WELCOME);
  uint8_t t[64];
  pl_wire_hello hello;
  assert_int_equal(pl_wire_hello_decode(&hello, c->hello, c->hello_size), 0);
  pl_login_transcript(t, (pl_view){c->hello, c->hello_size}, (pl_view){c->login, c->login_size - 64});
  assert_int_equal(
      pl_login_verify_relay(s->payload + s->size - 64, t, (pl_view){s->payload, s->size - 64}, hello.relay_id), 0);
  assert_int_equal(s->payload[0], 0); /* new */
  client *again = client_new(w, 1);
  client_login(again, true);
  assert_int_equal(again->got[1].payload[0], 1); /* known */
  assert_int_equal(pl_relay_get_stats(w->relay).logins, 2);
}

/* Logs in with a LOGIN whose byte `at` is changed by `flip`. Returns the reason of the refusal, or -1 when LOGIN has no
 * such byte. */
static int refused_login(world *w, size_t at, uint8_t flip) {
  uint8_t login[512];
  client *c = client_new(w, 3);
  client_upgrade(c);
  size_t n = client_make_login(c, true, login);
  if (at >= n) {
    client_free(c);
    return -1;
  }
  login[at] ^= flip;
  client_send(c, PL_ENV_LOGIN, 0, 0, login, n);
  int reason = client_refusal(c);
  client_free(c);
  return reason;
}

static void test_changed_logins(void **state) {
  world *w = *state;
  for (size_t at = 0;; at++) {
    int reason = refused_login(w, at, 1);
    if (reason < 0) break;
    assert_true(reason == PL_REASON_LOGIN_FAILED || reason == PL_REASON_PROTOCOL || reason == PL_REASON_UNSUPPORTED);
  }
  assert_int_equal(refused_login(w, 0, 3), PL_REASON_UNSUPPORTED);
  assert_int_equal(pl_relay_get_stats(w->relay).logins, 0);
}

static void test_replayed_login(void **state) {
  world *w = *state;
  client *first = client_ready(w, 1);
  client *thief = client_new(w, 1);
  client_upgrade(thief);
  client_send(thief, PL_ENV_LOGIN, 0, 0, first->login, first->login_size);
  assert_int_equal(client_refusal(thief), PL_REASON_LOGIN_FAILED);
  assert_int_equal(thief->close_code, PL_WS_CODE_POLICY);
}

static void test_before_and_after_login(void **state) {
  world *w = *state;
  for (int type = 0; type < 256; type++) {
    if (type == PL_ENV_LOGIN) continue;
    client *c = client_new(w, 1);
    client_upgrade(c);
    client_send(c, (uint8_t)type, 0, LINK(1, 0), "12345678", 8);
    assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
    client_free(c);
  }
  client *c = client_ready(w, 1);
  client_send(c, PL_ENV_LOGIN, 0, 0, c->login, c->login_size);
  assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
}

static void test_expired_challenge(void **state) {
  world *w = *state;
  client *c = client_new(w, 1);
  uint8_t login[512];
  client_upgrade(c);
  size_t n = client_make_login(c, true, login);
  world_pass(w, 101);
  client_send(c, PL_ENV_LOGIN, 0, 0, login, n);
  assert_int_equal(client_refusal(c), PL_REASON_TIMEOUT);
}

static void test_store_answers(void **state) {
  world *w = *state;
  client *c = client_new(w, 1);
  memcpy(w->revoked, c->identity.id, 32);
  client_login(c, true);
  c->read_at = 0;
  assert_int_equal(client_refusal(c), PL_REASON_REVOKED);
  client_free(c);
  memset(w->revoked, 0, 32);
  w->store_broken = true;
  c = client_new(w, 1);
  client_login(c, true);
  c->read_at = 0;
  assert_int_equal(client_refusal(c), PL_REASON_STORE);
  client_free(c);
  w->store_broken = false;
  w->hold_lookups = true;
  c = client_new(w, 1);
  client_login(c, true);
  assert_int_equal(c->got_count, 1); /* no WELCOME before the registration is committed */
  client *gone = client_new(w, 2);
  client_login(gone, true);
  client_free(gone); /* closed while the store works */
  client *early = client_new(w, 3);
  client_login(early, true);
  client_send(early, PL_ENV_PING, 0, 0, "12345678", 8);
  assert_int_equal(client_refusal(early), PL_REASON_PROTOCOL);
  world_answer(w);
  world_turn(w);
  assert_int_equal(c->got[1].type, PL_ENV_WELCOME);
  assert_int_equal(pl_relay_get_stats(w->relay).ready, 1);
}

static int refused_login_of(client *c) {
  client_login(c, true);
  c->read_at = 0;
  return client_refusal(c);
}

static void test_closed_admission_and_origin(void **state) {
  world *w = *state;
  static const char *const urls[] = {"https://relay.example", NULL};
  w->admission = PL_RELAY_ADMIT_CLOSED;
  world_restart(w);
  assert_int_equal(refused_login_of(client_new(w, 1)), PL_REASON_DENIED);
  w->admission = PL_RELAY_ADMIT_OPEN;
  w->public_urls = urls;
  world_restart(w);
  assert_int_equal(refused_login_of(client_new(w, 1)), PL_REASON_ORIGIN);
}

static void test_instances(void **state) {
  world *w = *state;
  client *c[9];
  for (size_t i = 0; i < 8; i++) c[i] = client_ready(w, 1);
  c[8] = client_new(w, 1);
  client_login(c[8], true);
  c[8]->read_at = 0;
  assert_int_equal(client_refusal(c[8]), PL_REASON_FULL);
  client *same = client_new(w, 1);
  memcpy(same->instance, c[3]->instance, 8);
  client_login(same, true);
  assert_int_equal(same->got[1].type, PL_ENV_WELCOME);
  assert_int_equal(client_refusal(c[3]), PL_REASON_SUPERSEDED);
}

static void test_limits_by_address(void **state) {
  world *w = *state;
  client *c[6];
  for (size_t i = 0; i < 5; i++) {
    c[i] = client_new(w, 1); /* all of one address */
    c[i]->identity.secret[0] = (uint8_t)i;
    const uint8_t seed[32] = {99, (uint8_t)i};
    assert_int_equal(pl_identity_from_seed(&c[i]->identity, seed), 0);
    client_login(c[i], true);
    c[i]->read_at = 0;
    assert_int_equal(client_refusal(c[i]), i < 2 ? 0 : PL_REASON_RATE);
  }
  c[5] = client_new(w, 1);
  assert_null(c[5]->conn);
  w->now_ms += 13000; /* a fifth of a minute later one more may connect */
  pl_relay_time(w->relay, w->now_ms);
  client *later = client_new(w, 1);
  assert_non_null(later->conn);
}

static void test_full(void **state) {
  world *w = *state;
  (void)client_ready(w, 1);
  client *over = client_new(w, 2), *get = client_new(w, 3);
  client_upgrade(over);
  assert_int_equal(client_refusal(over), PL_REASON_FULL);
  client_receive(get, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
  world_turn(w);
  assert_memory_equal(get->http, "HTTP/1.1 503", 12);
  assert_true(get->finished);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static void test_link(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t mine = LINK(1, 5), theirs = join(a, mine, b);
  client_send(a, PL_ENV_DATA, 1, mine, "there", 5);
  const seen *s = client_next(b);
  assert_int_equal(s->type, PL_ENV_DATA);
  assert_int_equal(s->flags, 1);
  assert_int_equal(s->link, theirs);
  assert_memory_equal(s->payload, "there", 5);
  client_send(b, PL_ENV_DATA, 0, theirs, "back", 4);
  s = client_next(a);
  assert_int_equal(s->link, mine);
  assert_memory_equal(s->payload, "back", 4);
  uint8_t reset[6] = {0, PL_REASON_REPLACED, 't', 'e', 'x', 't'};
  client_send(a, PL_ENV_RESET, 0, mine, reset, sizeof reset);
  s = client_next(b);
  assert_int_equal(s->type, PL_ENV_RESET);
  assert_int_equal(s->size, sizeof reset);
  assert_memory_equal(s->payload, reset, sizeof reset); /* with its text */
  client_send(b, PL_ENV_DATA, 0, theirs, "late", 4);
  client_send(b, PL_ENV_RESET, 0, theirs, reset, 2);
  assert_null(client_next(a)); /* they are dropped, and never answered */
  assert_null(client_next(b));
  assert_int_equal(pl_relay_get_stats(w->relay).dropped, 2);
  /* The same slots are used again, with the next generation. */
  assert_int_equal(join(a, LINK(2, 5), b), theirs + LINK(1, 0));
  client_free(a);
  expect_reset(b, theirs + LINK(1, 0), PL_REASON_GONE);
}

static void test_many_envelopes_in_one_message(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint32_t theirs = join(a, LINK(1, 0), b);
  uint8_t message[1000];
  size_t n = 0;
  for (uint8_t i = 0; i < 20; i++) {
    pl_envelope_put_header(message + n, PL_ENV_DATA, 0, 1, LINK(1, 0));
    message[n + 8] = i;
    n += 9;
    pl_envelope_put_header(message + n, 0xfe, 0, 3, LINK(9, 9)); /* skipped */
    n += 11;
  }
  client_message(a, message, n);
  for (uint8_t i = 0; i < 20; i++) {
    const seen *s = client_next(b);
    assert_int_equal(s->link, theirs);
    assert_int_equal(s->payload[0], i);
  }
  assert_null(client_next(b));
}

static void test_unavailable_at_the_deadline_whatever_the_cause(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *silent = client_ready(w, 2), *denies = client_ready(w, 3),
         *dies = client_ready(w, 4), *offline = client_new(w, 5);
  client_open(a, LINK(1, 0), silent, "m", 1);
  client_open(a, LINK(1, 1), denies, "m", 1);
  client_open(a, LINK(1, 2), dies, "m", 1);
  client_open(a, LINK(1, 3), offline, "m", 1);
  client_open(a, LINK(1, 4), a, "m", 1); /* itself: never offered to the caller's own socket */
  uint8_t refused[2];
  pl_put_u16(refused, PL_REASON_REFUSED);
  client_send(denies, PL_ENV_RESET, 0, client_next(denies)->link, refused, 2);
  client_free(dies);
  world_pass(w, 2999);
  assert_null(client_next(a));
  world_pass(w, 1);
  for (uint32_t slot = 0; slot < 5; slot++) expect_reset(a, LINK(1, slot), PL_REASON_UNAVAILABLE);
  uint32_t offered = client_next(silent)->link;
  expect_reset(silent, offered, PL_REASON_TIMEOUT);
  assert_null(client_next(denies));
}

static void test_target_that_logs_in_before_the_deadline(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_new(w, 2);
  client_open(a, LINK(1, 0), b, "hand", 4);
  world_pass(w, 2000);
  client_login(b, true);
  b->read_at = 2; /* after HELLO and WELCOME */
  const seen *s = client_next(b);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_OFFER);
  assert_memory_equal(s->payload + 40, "hand", 4);
  client_send(b, PL_ENV_ACCEPT, 0, s->link, "", 0);
  assert_int_equal(client_next(a)->type, PL_ENV_ACCEPT);
  world_pass(w, 5000);
  assert_null(client_next(a)); /* the deadline does not count any more */
}

static void test_newest_listener_and_instances(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *older = client_ready(w, 2), *newer = client_ready(w, 2), *deaf = client_new(w, 2);
  client_login(deaf, false);
  client_open(a, LINK(1, 0), older, "m", 1);
  assert_null(client_next(older));
  assert_null(client_next(deaf));
  assert_int_equal(client_next(newer)->type, PL_ENV_OFFER);
  uint8_t payload[41] = {0};
  memcpy(payload, deaf->identity.id, 32);
  memcpy(payload + 32, deaf->instance, 8);
  client_send(a, PL_ENV_OPEN, 0, LINK(1, 1), payload, sizeof payload);
  assert_int_equal(client_next(deaf)->type, PL_ENV_OFFER); /* named, so it need not listen */
}

/* Every envelope in every state that the table calls a violation. */
static void test_errors_of_the_table(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  const struct {
    bool linked, by_caller;
    uint8_t type;
  } cases[] = {
      {false, true, PL_ENV_ACCEPT}, {false, true, PL_ENV_DATA},  {false, true, PL_ENV_OPEN},
      {false, false, PL_ENV_DATA},  {true, true, PL_ENV_ACCEPT}, {true, true, PL_ENV_OPEN},
      {true, false, PL_ENV_ACCEPT},
  };
  uint16_t generation = 0;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    uint32_t mine = LINK(++generation, 0), theirs;
    if (cases[i].linked) {
      theirs = join(a, mine, b);
    } else {
      client_open(a, mine, b, "m", 1);
      theirs = client_next(b)->link;
    }
    if (cases[i].type == PL_ENV_OPEN)
      client_open(a, mine, b, "m", 1);
    else
      client_send(cases[i].by_caller ? a : b, cases[i].type, 0, cases[i].by_caller ? mine : theirs, "x", 1);
    expect_reset(a, mine, PL_REASON_PROTOCOL);
    expect_reset(b, theirs, PL_REASON_PROTOCOL);
    assert_int_equal(pl_relay_get_stats(w->relay).links, 0);
  }
  assert_int_equal(pl_relay_get_stats(w->relay).ready, 2); /* the sockets stay */
}

static void test_refused_link(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  uint8_t refused[2] = {1, 1};
  client_open(a, LINK(1, 0), b, "m", 1);
  uint32_t theirs = client_next(b)->link;
  client_send(b, PL_ENV_RESET, 0, theirs, refused, 2);
  client_send(b, PL_ENV_ACCEPT, 0, theirs, "x", 1); /* too late: dropped */
  client_send(a, PL_ENV_ACCEPT, 0, LINK(1, 0), "x", 1);
  assert_null(client_next(a));
  client_send(a, PL_ENV_RESET, 0, LINK(1, 0), refused, 2); /* the caller gives up: free at once */
  assert_int_equal(pl_relay_get_stats(w->relay).links, 0);
  assert_null(client_next(b));
}

static void test_wrong_numbers(void **state) {
  world *w = *state;
  const uint32_t wrong[] = {0, LINK(0, 1), 0x80010000u, LINK(1, 1024), LINK(1, 0xffff)};
  client *b = client_ready(w, 2);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(wrong); i++) {
    client *a = client_ready(w, 1);
    client_open(a, wrong[i], b, "m", 1);
    assert_int_equal(client_refusal(a), PL_REASON_PROTOCOL);
    client_free(a);
  }
  client *a = client_ready(w, 1);
  uint32_t theirs = join(a, LINK(7, 0), b);
  client_open(a, LINK(8, 0), b, "m", 1); /* that slot is taken by another generation */
  client_send(a, PL_ENV_DATA, 0, LINK(6, 0), "x", 1);
  client_send(a, PL_ENV_DATA, 0, theirs, "x", 1);
  assert_null(client_next(b));
  assert_null(client_next(a));
}

static void test_socket_errors(void **state) {
  world *w = *state;
  const struct {
    const char *bytes;
    size_t size;
    int reason;
  } cases[] = {
      {"", 0, PL_REASON_PROTOCOL},
      {"\x05", 1, PL_REASON_PROTOCOL},
      {"\x13\0\0\x09\0\1\0\0", 8, PL_REASON_PROTOCOL}, /* longer than its message */
      {"\x05\0\0\x07\0\0\0\0"
       "1234567",
       15, PL_REASON_PROTOCOL},
      {"\x10\0\0\x02\0\1\0\0"
       "12",
       10, PL_REASON_PROTOCOL}, /* a short OPEN */
      {"\x14\0\0\x01\0\1\0\0"
       "1",
       9, PL_REASON_PROTOCOL}, /* a RESET without a reason */
      {"\x7f\0\0\0\0\0\0\0", 8, PL_REASON_UNSUPPORTED},
      {"\x01\0\0\0\0\0\0\0", 8, PL_REASON_PROTOCOL},
      {"\x11\0\0\0\0\0\0\0", 8, PL_REASON_PROTOCOL},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    client *c = client_ready(w, 1);
    client_message(c, cases[i].bytes, cases[i].size);
    assert_int_equal(client_refusal(c), cases[i].reason);
    assert_int_equal(c->close_code, PL_WS_CODE_PROTOCOL);
    client_free(c);
  }
}

/* Link 0 is the connection itself: data for it is dropped, calls on it are a violation, RESET closes it. */
static void test_link_zero(void **state) {
  world *w = *state;
  client *c = client_ready(w, 1);
  client_send(c, PL_ENV_DATA, 0, 0, "x", 1);
  client_send(c, PL_ENV_ACCEPT, 0, 0, "x", 1);
  assert_int_equal(pl_relay_get_stats(w->relay).dropped, 2);
  client_send(c, PL_ENV_PING, 0, LINK(1, 0), "12345678", 8);
  assert_int_equal(client_next(c)->type, PL_ENV_PONG);
  client_send(c, PL_ENV_RESET, 0, 0, "", 0);
  world_turn(w);
  assert_int_equal(c->close_code, PL_WS_CODE_NORMAL);
  const uint8_t calls[] = {PL_ENV_OPEN, PL_ENV_CLAIM};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(calls); i++) {
    uint8_t payload[64] = {1};
    c = client_ready(w, 1);
    client_send(c, calls[i], 0, 0, payload, sizeof payload);
    assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
  }
}

static void test_too_large_envelopes(void **state) {
  world *w = *state;
  static const uint8_t types[] = {PL_ENV_PING,  PL_ENV_PEERS,  PL_ENV_CODE, PL_ENV_OPEN,
                                  PL_ENV_CLAIM, PL_ENV_ACCEPT, PL_ENV_RESET};
  static const uint8_t payload[4096];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(types); i++) {
    bool on_socket = types[i] == PL_ENV_PING || types[i] == PL_ENV_PEERS || types[i] == PL_ENV_CODE;
    client *c = client_ready(w, (uint8_t)(i + 1));
    client_send(c, types[i], 0, on_socket ? 0 : LINK(1, 0), payload, (size_t)pl_envelope_max(types[i]) + 1);
    assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
  }
}

static void test_rate_of_opens(void **state) {
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2);
  for (uint32_t slot = 0; slot < 4; slot++) client_open(a, LINK(1, slot), b, "m", 1);
  expect_reset(a, LINK(1, 3), PL_REASON_RATE);
  w->now_ms += 1000;
  client_open(a, LINK(1, 9), b, "m", 1);
  assert_null(client_next(a));
}

static void test_offers_per_id(void **state) {
  world *w = *state;
  client *b = client_ready(w, 9), *callers[4];
  for (uint8_t i = 0; i < 4; i++) {
    callers[i] = client_ready(w, (uint8_t)(i + 1));
    client_open(callers[i], LINK(1, 0), b, "m", 1);
  }
  assert_non_null(client_next(b));
  assert_non_null(client_next(b));
  assert_null(client_next(b));
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static void test_times(void **state) {
  world *w = *state;
  client *http = client_new(w, 1), *greeted = client_new(w, 2), *live = client_new(w, 3);
  client_upgrade(greeted);
  assert_int_equal(pl_relay_deadline(w->relay), w->now_ms + 10000);
  client_login(live, true);
  world_pass(w, 9999);
  assert_false(http->aborted);
  world_pass(w, 1);
  assert_true(http->aborted);
  assert_int_equal(client_refusal(greeted), PL_REASON_TIMEOUT);
  world_pass(w, 2000);
  assert_true(greeted->finished);
  world_pass(w, 2000);
  assert_true(greeted->aborted);
  world_pass(w, 6000); /* idle for 20 s: a ping */
  client_receive(live,
                 "\x8a\x80"
                 "1234",
                 6);
  world_pass(w, 44999);
  assert_false(live->aborted);
  world_pass(w, 1);
  assert_true(live->aborted); /* silent for 45 s */
}

/* Runs what is due and takes what it did. Returns for how many connections something was done. */
static size_t do_due(world *w, uint64_t now_ms) {
  size_t n = 0;
  pl_relay_time(w->relay, now_ms);
  while (pl_relay_next_dirty(w->relay)) n++;
  return n;
}

/* Time runs out for many connections at once: a part of them is ended in each turn, more when it gets late. */
static void test_many_are_due_at_once(void **state) {
  enum { MANY = 500, FIRST = 64 };
  world *w = *state;
  static pl_relay_conn *conns[MANY];
  const uint8_t address[16] = {0}, challenge[32] = {0};
  for (size_t i = 0; i < MANY; i++) {
    conns[i] = pl_relay_open(w->relay, address, challenge, NULL, w->now_ms);
    assert_non_null(conns[i]);
  }
  uint64_t due_ms = pl_relay_deadline(w->relay);
  assert_int_equal(do_due(w, due_ms), FIRST);
  assert_int_equal(pl_relay_deadline(w->relay), due_ms); /* the next call is due at once */
  assert_int_equal(do_due(w, due_ms + 1), FIRST);
  assert_int_equal(do_due(w, due_ms + 64), 2 * FIRST);
  assert_int_equal(do_due(w, due_ms + 128), MANY - 4 * FIRST);
  assert_int_equal(pl_relay_deadline(w->relay), PL_NEVER);
  for (size_t i = 0; i < MANY; i++) pl_relay_closed(conns[i], due_ms);
}

/* An answer to a close frame waits in a few bytes, because thousands may wait. */
static void test_the_answer_to_a_close_frame_is_small(void **state) {
  world *w = *state;
  client *c = client_ready(w, 1);
  world_turn(w);
  c->reads = false;
  assert_int_equal(pl_relay_get_stats(w->relay).queued_bytes, 0);
  client_receive(c, "\x88\x82\0\0\0\0\x03\xe8", 8);
  assert_in_range(pl_relay_get_stats(w->relay).queued_bytes, 1, 200);
  c->reads = true;
  client_writable(c);
  assert_int_equal(c->close_code, 1000);
  assert_int_equal(pl_relay_get_stats(w->relay).queued_bytes, 0);
}

/* The relay is stopped for 52 s. What came meanwhile is read before any connection is judged, and those that said
 * nothing are pinged once more. */
static void test_stood_still(void **state) {
  world *w = *state;
  client *caller = client_ready(w, 1), *callee = client_ready(w, 2), *says = client_ready(w, 3),
         *mute = client_ready(w, 4);
  world_pass(w, 20000); /* all are pinged */
  client_open(caller, LINK(1, 0), callee, "m", 1);
  client *login = client_new(w, 6);
  uint32_t offered = client_next(callee)->link;
  world_stop(w, 52000);
  assert_null(client_next(caller));
  assert_false(caller->aborted || callee->aborted || says->aborted || mute->aborted || login->aborted);
  client_send(callee, PL_ENV_ACCEPT, 0, offered, "a", 1);
  client_receive(says,
                 "\x8a\x80"
                 "1234",
                 6);
  client_login(login, true);
  world_pass(w, 1);
  assert_int_equal(client_next(caller)->type, PL_ENV_ACCEPT);
  world_pass(w, 24998);
  assert_false(caller->aborted || mute->aborted);
  world_pass(w, 1); /* pinged again, and silent for the rest of 45 s */
  assert_true(caller->aborted && mute->aborted);
  assert_false(callee->aborted || says->aborted || login->aborted);
}

/* Called up to a second late, the relay takes that for work, not for a standstill. */
static void test_a_little_late(void **state) {
  world *w = *state;
  for (uint64_t late = 1000; late < 1002; late++) {
    world_restart(w);
    client *c = client_new(w, 1);
    world_stop(w, 10000 + late);
    assert_int_equal(c->aborted, late == 1000);
    world_stop(w, 1);
    assert_true(c->aborted);
  }
}

static void test_drain(void **state) {
  world *w = *state;
  w->alternatives = "wss://a.test\nwss://b.test";
  world_restart(w);
  client *a = client_ready(w, 1), *b = client_new(w, 2);
  client_upgrade(b);
  pl_relay_drain(w->relay, 500, w->now_ms);
  const seen *s = client_next(a);
  assert_int_equal(s->type, PL_ENV_GOING_AWAY);
  assert_int_equal(pl_get_u32(s->payload), 500);
  assert_int_equal(s->size, 4 + strlen("wss://a.test\nwss://b.test"));
  assert_memory_equal(s->payload + 4, "wss://a.test\nwss://b.test", s->size - 4);
  assert_int_equal(client_refusal(a), PL_REASON_DRAINING);
  assert_int_equal(a->close_code, PL_WS_CODE_GOING_AWAY);
  assert_int_equal(client_refusal(b), PL_REASON_DRAINING);
  client *late = client_new(w, 3);
  assert_null(late->conn);
}

/* Every allocation of a run fails once: nothing crashes, and nothing is left over. */
static void test_out_of_memory(void **state) {
  world *w = *state;
  for (long n = 1; n < 200; n++) {
    client *a = client_new(w, 1), *b = client_new(w, 2);
    pl_alloc_fail_at(n);
    client *c = client_new(w, 3);
    if (c->conn) client_upgrade(c);
    if (c->conn && c->hello_size) {
      c->login_size = client_make_login(c, true, c->login);
      client_send(c, PL_ENV_LOGIN, 0, 0, c->login, c->login_size);
      client_open(c, LINK(1, 900), a, "m", 1);
      client_open(c, LINK(1, 2), c, "m", 1);
    }
    long left = pl_alloc_fail_at(0);
    client_free(a);
    client_free(b);
    client_free(c);
    world_pass(w, 4000);
    if (left > 0) return;
  }
  fail();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      world_test(test_login),
      world_test(test_changed_logins),
      world_test(test_replayed_login),
      world_test(test_before_and_after_login),
      world_test_with(test_expired_challenge, {PL_RELAY_SET_CHALLENGE_MS, 100}),
      world_test(test_store_answers),
      world_test(test_closed_admission_and_origin),
      world_test(test_instances),
      world_test_with(test_limits_by_address, {PL_RELAY_SET_REGISTRATIONS_PER_HOUR, 2},
                      {PL_RELAY_SET_CONNECTS_PER_MINUTE, 5}),
      world_test_with(test_full, {PL_RELAY_SET_SOCKETS_MAX, 1}),
      world_test(test_link),
      world_test(test_many_envelopes_in_one_message),
      world_test(test_unavailable_at_the_deadline_whatever_the_cause),
      world_test(test_target_that_logs_in_before_the_deadline),
      world_test(test_newest_listener_and_instances),
      world_test(test_errors_of_the_table),
      world_test(test_refused_link),
      world_test(test_wrong_numbers),
      world_test(test_socket_errors),
      world_test(test_link_zero),
      world_test(test_too_large_envelopes),
      world_test_with(test_rate_of_opens, {PL_RELAY_SET_OPEN_BURST, 3}, {PL_RELAY_SET_OPENS_PER_MINUTE, 60}),
      world_test_with(test_offers_per_id, {PL_RELAY_SET_OFFERS_PER_ID, 2}),
      world_test(test_times),
      world_test(test_many_are_due_at_once),
      world_test(test_the_answer_to_a_close_frame_is_small),
      world_test(test_stood_still),
      world_test(test_a_little_late),
      world_test(test_drain),
      world_test(test_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
