/* The engine's connections and links: logins and their refusals, pairing by ID, the table of moves, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

#define LINK(generation, slot) ((uint32_t)(generation) << 16 | (slot))

static world w;

static void start(void) {
  world_init(&w);
  world_start(&w);
}

static client *ready(uint8_t seed) {
  client *c = client_new(&w, seed);
  client_login(c, true);
  return c;
}

static void expect_reset(client *c, uint32_t link, int reason) {
  const seen *s = client_next(c);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_RESET);
  assert_int_equal(s->link, link);
  assert_int_equal(pl_get_u16(s->payload), reason);
}

/* caller's OPEN on `link` until both are linked; returns the callee's number. */
static uint32_t join(client *caller, uint32_t link, client *callee) {
  client_open(caller, link, callee, "one", 3);
  const seen *s = client_next(callee);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_OFFER);
  assert_memory_equal(s->payload, caller->identity.id, 32);
  assert_memory_equal(s->payload + 32, caller->instance, 8);
  assert_memory_equal(s->payload + 40, "one", 3);
  uint32_t number = s->link;
  assert_true(pl_link_relay_side(number));
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
  (void)state;
  start();
  client *c = client_new(&w, 1);
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
  client *again = client_new(&w, 1);
  client_login(again, true);
  assert_int_equal(again->got[1].payload[0], 1); /* known */
  client_free(c);
  client_free(again);
  world_end(&w);
}

/* Logs in with a LOGIN whose byte `at` is changed by `flip`; the refusal. */
static int refused_login(size_t at, uint8_t flip) {
  uint8_t login[512];
  client *c = client_new(&w, 3);
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
  (void)state;
  start();
  for (size_t at = 0;; at++) {
    int reason = refused_login(at, 1);
    if (reason < 0) break;
    assert_true(reason == PL_REASON_LOGIN_FAILED || reason == PL_REASON_PROTOCOL || reason == PL_REASON_UNSUPPORTED);
  }
  assert_int_equal(refused_login(0, 3), PL_REASON_UNSUPPORTED);
  assert_int_equal(pl_relay_get_stats(w.relay).logins, 0);
  world_end(&w);
}

static void test_replayed_login(void **state) {
  (void)state;
  start();
  client *first = ready(1);
  client *thief = client_new(&w, 1);
  client_upgrade(thief);
  client_send(thief, PL_ENV_LOGIN, 0, 0, first->login, first->login_size);
  assert_int_equal(client_refusal(thief), PL_REASON_LOGIN_FAILED);
  assert_int_equal(thief->close_code, PL_WS_CODE_POLICY);
  client_free(first);
  client_free(thief);
  world_end(&w);
}

static void test_before_and_after_login(void **state) {
  (void)state;
  start();
  for (int type = 0; type < 256; type++) {
    if (type == PL_ENV_LOGIN) continue;
    client *c = client_new(&w, 1);
    client_upgrade(c);
    client_send(c, (uint8_t)type, 0, LINK(1, 0), "12345678", 8);
    assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
    client_free(c);
  }
  client *c = ready(1);
  client_send(c, PL_ENV_LOGIN, 0, 0, c->login, c->login_size);
  assert_int_equal(client_refusal(c), PL_REASON_PROTOCOL);
  client_free(c);
  world_end(&w);
}

static void test_expired_challenge(void **state) {
  (void)state;
  world_init(&w);
  w.settings[PL_RELAY_SET_CHALLENGE_MS] = 100;
  world_start(&w);
  client *c = client_new(&w, 1);
  uint8_t login[512];
  client_upgrade(c);
  size_t n = client_make_login(c, true, login);
  world_pass(&w, 101);
  client_send(c, PL_ENV_LOGIN, 0, 0, login, n);
  assert_int_equal(client_refusal(c), PL_REASON_LOGIN_FAILED);
  client_free(c);
  world_end(&w);
}

static void test_store_answers(void **state) {
  (void)state;
  start();
  client *c = client_new(&w, 1);
  memcpy(w.revoked, c->identity.id, 32);
  client_login(c, true);
  c->read_at = 0;
  assert_int_equal(client_refusal(c), PL_REASON_REVOKED);
  client_free(c);
  memset(w.revoked, 0, 32);
  w.store_broken = true;
  c = client_new(&w, 1);
  client_login(c, true);
  c->read_at = 0;
  assert_int_equal(client_refusal(c), PL_REASON_STORE);
  client_free(c);
  w.store_broken = false;
  w.hold_lookups = true;
  c = client_new(&w, 1);
  client_login(c, true);
  assert_int_equal(c->got_count, 1); /* no WELCOME before the registration is committed */
  client *gone = client_new(&w, 2);
  client_login(gone, true);
  client_free(gone); /* closed while the store works */
  client *early = client_new(&w, 3);
  client_login(early, true);
  client_send(early, PL_ENV_PING, 0, 0, "12345678", 8);
  assert_int_equal(client_refusal(early), PL_REASON_PROTOCOL);
  world_answer(&w);
  world_turn(&w);
  assert_int_equal(c->got[1].type, PL_ENV_WELCOME);
  assert_int_equal(pl_relay_get_stats(w.relay).ready, 1);
  client_free(c);
  client_free(early);
  world_end(&w);
}

static void test_closed_admission_and_origin(void **state) {
  (void)state;
  static const char *const urls[] = {"https://relay.example", NULL};
  world_init(&w);
  w.admission = PL_RELAY_ADMIT_CLOSED;
  world_start(&w);
  client *c = client_new(&w, 1);
  client_login(c, true);
  c->read_at = 0;
  assert_int_equal(client_refusal(c), PL_REASON_DENIED);
  client_free(c);
  world_end(&w);
  world_init(&w);
  w.public_urls = urls;
  world_start(&w);
  c = client_new(&w, 1);
  client_login(c, true);
  c->read_at = 0;
  assert_int_equal(client_refusal(c), PL_REASON_ORIGIN);
  client_free(c);
  world_end(&w);
}

static void test_instances(void **state) {
  (void)state;
  start();
  client *c[9];
  for (size_t i = 0; i < 8; i++) c[i] = ready(1);
  c[8] = client_new(&w, 1);
  client_login(c[8], true);
  c[8]->read_at = 0;
  assert_int_equal(client_refusal(c[8]), PL_REASON_FULL);
  client *same = client_new(&w, 1);
  memcpy(same->instance, c[3]->instance, 8);
  client_login(same, true);
  assert_int_equal(same->got[1].type, PL_ENV_WELCOME);
  assert_int_equal(client_refusal(c[3]), PL_REASON_SUPERSEDED);
  for (size_t i = 0; i < 9; i++) client_free(c[i]);
  client_free(same);
  world_end(&w);
}

static void test_limits_by_address(void **state) {
  (void)state;
  world_init(&w);
  w.settings[PL_RELAY_SET_REGISTRATIONS_PER_HOUR] = 2;
  w.settings[PL_RELAY_SET_CONNECTS_PER_MINUTE] = 5;
  world_start(&w);
  client *c[6];
  for (size_t i = 0; i < 5; i++) {
    c[i] = client_new(&w, 1); /* all of one address */
    c[i]->identity.secret[0] = (uint8_t)i;
    const uint8_t seed[32] = {99, (uint8_t)i};
    assert_int_equal(pl_identity_from_seed(&c[i]->identity, seed), 0);
    client_login(c[i], true);
    c[i]->read_at = 0;
    assert_int_equal(client_refusal(c[i]), i < 2 ? 0 : PL_REASON_RATE);
  }
  c[5] = client_new(&w, 1);
  assert_null(c[5]->conn);
  w.now_ms += 13000; /* a fifth of a minute later there is room for one */
  pl_relay_time(w.relay, w.now_ms);
  client *later = client_new(&w, 1);
  assert_non_null(later->conn);
  for (size_t i = 0; i < 6; i++) client_free(c[i]);
  client_free(later);
  world_end(&w);
}

static void test_full(void **state) {
  (void)state;
  world_init(&w);
  w.settings[PL_RELAY_SET_SOCKETS_MAX] = 1;
  world_start(&w);
  client *c = ready(1), *over = client_new(&w, 2), *get = client_new(&w, 3);
  client_upgrade(over);
  assert_int_equal(client_refusal(over), PL_REASON_FULL);
  client_receive(get, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
  world_turn(&w);
  assert_memory_equal(get->http, "HTTP/1.1 503", 12);
  assert_true(get->finished);
  client_free(c);
  client_free(over);
  client_free(get);
  world_end(&w);
}

/* ---- links -------------------------------------------------------------------------------------------- */

static void test_link(void **state) {
  (void)state;
  start();
  client *a = ready(1), *b = ready(2);
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
  assert_null(client_next(a)); /* dropped, never answered */
  assert_null(client_next(b));
  assert_int_equal(pl_relay_get_stats(w.relay).dropped, 2);
  /* The same slots again, one generation on. */
  assert_int_equal(join(a, LINK(2, 5), b), theirs + LINK(1, 0));
  client_free(a);
  expect_reset(b, theirs + LINK(1, 0), PL_REASON_GONE);
  client_free(b);
  world_end(&w);
}

static void test_many_envelopes_in_one_message(void **state) {
  (void)state;
  start();
  client *a = ready(1), *b = ready(2);
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
  client_free(a);
  client_free(b);
  world_end(&w);
}

static void test_unavailable_at_t_whatever_the_cause(void **state) {
  (void)state;
  start();
  client *a = ready(1), *silent = ready(2), *denies = ready(3), *dies = ready(4), *offline = client_new(&w, 5);
  client_open(a, LINK(1, 0), silent, "m", 1);
  client_open(a, LINK(1, 1), denies, "m", 1);
  client_open(a, LINK(1, 2), dies, "m", 1);
  client_open(a, LINK(1, 3), offline, "m", 1);
  client_open(a, LINK(1, 4), a, "m", 1); /* oneself: never to the caller's own socket */
  uint8_t refused[2];
  pl_put_u16(refused, PL_REASON_REFUSED);
  client_send(denies, PL_ENV_RESET, 0, client_next(denies)->link, refused, 2);
  client_free(dies);
  world_pass(&w, 2999);
  assert_null(client_next(a));
  world_pass(&w, 1);
  for (uint32_t slot = 0; slot < 5; slot++) expect_reset(a, LINK(1, slot), PL_REASON_UNAVAILABLE);
  uint32_t offered = client_next(silent)->link;
  expect_reset(silent, offered, PL_REASON_TIMEOUT);
  assert_null(client_next(denies));
  client_free(a);
  client_free(silent);
  client_free(denies);
  client_free(offline);
  world_end(&w);
}

static void test_target_that_logs_in_before_t(void **state) {
  (void)state;
  start();
  client *a = ready(1), *b = client_new(&w, 2);
  client_open(a, LINK(1, 0), b, "hand", 4);
  world_pass(&w, 2000);
  client_login(b, true);
  b->read_at = 2; /* after HELLO and WELCOME */
  const seen *s = client_next(b);
  assert_non_null(s);
  assert_int_equal(s->type, PL_ENV_OFFER);
  assert_memory_equal(s->payload + 40, "hand", 4);
  client_send(b, PL_ENV_ACCEPT, 0, s->link, "", 0);
  assert_int_equal(client_next(a)->type, PL_ENV_ACCEPT);
  world_pass(&w, 5000);
  assert_null(client_next(a)); /* T means nothing any more */
  client_free(a);
  client_free(b);
  world_end(&w);
}

static void test_newest_listener_and_instances(void **state) {
  (void)state;
  start();
  client *a = ready(1), *older = ready(2), *newer = ready(2), *deaf = client_new(&w, 2);
  client_login(deaf, false);
  client_open(a, LINK(1, 0), older, "m", 1);
  assert_null(client_next(older));
  assert_null(client_next(deaf));
  assert_int_equal(client_next(newer)->type, PL_ENV_OFFER);
  uint8_t payload[41] = {0};
  memcpy(payload, deaf->identity.id, 32);
  memcpy(payload + 32, deaf->instance, 8);
  client_send(a, PL_ENV_OPEN, 0, LINK(1, 1), payload, sizeof payload);
  assert_int_equal(client_next(deaf)->type, PL_ENV_OFFER); /* named, so it needs not listen */
  client_free(a);
  client_free(older);
  client_free(newer);
  client_free(deaf);
  world_end(&w);
}

/* Every envelope in every state that the table calls an error of its sender. */
static void test_errors_of_the_table(void **state) {
  (void)state;
  start();
  client *a = ready(1), *b = ready(2);
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
    assert_int_equal(pl_relay_get_stats(w.relay).links, 0);
  }
  assert_int_equal(pl_relay_get_stats(w.relay).ready, 2); /* the sockets live on */
  client_free(a);
  client_free(b);
  world_end(&w);
}

static void test_refused_link(void **state) {
  (void)state;
  start();
  client *a = ready(1), *b = ready(2);
  uint8_t refused[2] = {1, 1};
  client_open(a, LINK(1, 0), b, "m", 1);
  uint32_t theirs = client_next(b)->link;
  client_send(b, PL_ENV_RESET, 0, theirs, refused, 2);
  client_send(b, PL_ENV_ACCEPT, 0, theirs, "x", 1); /* too late: dropped */
  client_send(a, PL_ENV_ACCEPT, 0, LINK(1, 0), "x", 1);
  assert_null(client_next(a));
  client_send(a, PL_ENV_RESET, 0, LINK(1, 0), refused, 2); /* the caller gives up: free at once */
  assert_int_equal(pl_relay_get_stats(w.relay).links, 0);
  assert_null(client_next(b));
  client_free(a);
  client_free(b);
  world_end(&w);
}

static void test_wrong_numbers(void **state) {
  (void)state;
  start();
  const uint32_t wrong[] = {0, LINK(0, 1), 0x80010000u, LINK(1, 1024), LINK(1, 0xffff)};
  client *b = ready(2);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(wrong); i++) {
    client *a = ready(1);
    client_open(a, wrong[i], b, "m", 1);
    assert_int_equal(client_refusal(a), PL_REASON_PROTOCOL);
    client_free(a);
  }
  client *a = ready(1);
  uint32_t theirs = join(a, LINK(7, 0), b);
  client_open(a, LINK(8, 0), b, "m", 1); /* that slot is taken by another generation */
  client_send(a, PL_ENV_DATA, 0, LINK(6, 0), "x", 1);
  client_send(a, PL_ENV_DATA, 0, theirs, "x", 1);
  assert_null(client_next(b));
  assert_null(client_next(a));
  client_free(a);
  client_free(b);
  world_end(&w);
}

static void test_socket_errors(void **state) {
  (void)state;
  start();
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
    client *c = ready(1);
    client_message(c, cases[i].bytes, cases[i].size);
    assert_int_equal(client_refusal(c), cases[i].reason);
    assert_int_equal(c->close_code, PL_WS_CODE_PROTOCOL);
    client_free(c);
  }
  world_end(&w);
}

static void test_rate_of_opens(void **state) {
  (void)state;
  world_init(&w);
  w.settings[PL_RELAY_SET_OPEN_BURST] = 3;
  w.settings[PL_RELAY_SET_OPENS_PER_MINUTE] = 60;
  world_start(&w);
  client *a = ready(1), *b = ready(2);
  for (uint32_t slot = 0; slot < 4; slot++) client_open(a, LINK(1, slot), b, "m", 1);
  expect_reset(a, LINK(1, 3), PL_REASON_RATE);
  w.now_ms += 1000;
  client_open(a, LINK(1, 9), b, "m", 1);
  assert_null(client_next(a));
  client_free(a);
  client_free(b);
  world_end(&w);
}

static void test_offers_per_id(void **state) {
  (void)state;
  world_init(&w);
  w.settings[PL_RELAY_SET_OFFERS_PER_ID] = 2;
  world_start(&w);
  client *b = ready(9), *callers[4];
  for (uint8_t i = 0; i < 4; i++) {
    callers[i] = ready((uint8_t)(i + 1));
    client_open(callers[i], LINK(1, 0), b, "m", 1);
  }
  assert_non_null(client_next(b));
  assert_non_null(client_next(b));
  assert_null(client_next(b));
  for (size_t i = 0; i < 4; i++) client_free(callers[i]);
  client_free(b);
  world_end(&w);
}

/* ---- time --------------------------------------------------------------------------------------------- */

static void test_times(void **state) {
  (void)state;
  start();
  client *http = client_new(&w, 1), *greeted = client_new(&w, 2), *live = client_new(&w, 3);
  client_upgrade(greeted);
  assert_int_equal(pl_relay_deadline(w.relay), w.now_ms + 10000);
  client_login(live, true);
  world_pass(&w, 9999);
  assert_false(http->aborted);
  world_pass(&w, 1);
  assert_true(http->aborted);
  assert_int_equal(client_refusal(greeted), PL_REASON_TIMEOUT);
  world_pass(&w, 2000);
  assert_true(greeted->finished);
  world_pass(&w, 2000);
  assert_true(greeted->aborted);
  world_pass(&w, 6000); /* idle for 20 s: a ping */
  client_receive(live,
                 "\x8a\x80"
                 "1234",
                 6);
  world_pass(&w, 44999);
  assert_false(live->aborted);
  world_pass(&w, 1);
  assert_true(live->aborted); /* silent for 45 s */
  client_free(http);
  client_free(greeted);
  client_free(live);
  world_end(&w);
}

/* Stopped for 52 s: what came meanwhile is read before anybody is judged, and who said nothing is asked once more. */
static void test_stood_still(void **state) {
  (void)state;
  start();
  client *caller = ready(1), *callee = ready(2), *says = ready(3), *mute = ready(4), *late = client_new(&w, 5);
  world_pass(&w, 20000); /* all are pinged */
  client_open(caller, LINK(1, 0), callee, "m", 1);
  client *login = client_new(&w, 6);
  uint32_t offered = client_next(callee)->link;
  world_stop(&w, 52000);
  assert_null(client_next(caller));
  assert_false(caller->aborted || callee->aborted || says->aborted || mute->aborted || login->aborted);
  client_send(callee, PL_ENV_ACCEPT, 0, offered, "a", 1);
  client_receive(says,
                 "\x8a\x80"
                 "1234",
                 6);
  client_login(login, true);
  world_pass(&w, 1);
  assert_int_equal(client_next(caller)->type, PL_ENV_ACCEPT);
  world_pass(&w, 24998);
  assert_false(caller->aborted || mute->aborted);
  world_pass(&w, 1); /* asked again, and silent for what is left of 45 s */
  assert_true(caller->aborted && mute->aborted);
  assert_false(callee->aborted || says->aborted || login->aborted);
  client *all[] = {caller, callee, says, mute, late, login};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(all); i++) client_free(all[i]);
  world_end(&w);
}

static void test_drain(void **state) {
  (void)state;
  world_init(&w);
  w.alternatives = "wss://a.test\nwss://b.test";
  world_start(&w);
  client *a = ready(1), *b = client_new(&w, 2);
  client_upgrade(b);
  pl_relay_drain(w.relay, 500, w.now_ms);
  const seen *s = client_next(a);
  assert_int_equal(s->type, PL_ENV_GOING_AWAY);
  assert_int_equal(pl_get_u32(s->payload), 500);
  assert_int_equal(s->size, 4 + strlen("wss://a.test\nwss://b.test"));
  assert_memory_equal(s->payload + 4, "wss://a.test\nwss://b.test", s->size - 4);
  assert_int_equal(client_refusal(a), PL_REASON_DRAINING);
  assert_int_equal(a->close_code, PL_WS_CODE_GOING_AWAY);
  assert_int_equal(client_refusal(b), PL_REASON_DRAINING);
  client *late = client_new(&w, 3);
  assert_null(late->conn);
  client_free(a);
  client_free(b);
  client_free(late);
  world_end(&w);
}

/* Every allocation fails once, in a run of everything: no crash, and nothing left over. */
static void test_out_of_memory(void **state) {
  (void)state;
  start();
  for (long n = 1; n < 200; n++) {
    client *a = client_new(&w, 1), *b = client_new(&w, 2);
    pl_alloc_fail_at(n);
    client *c = client_new(&w, 3);
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
    world_pass(&w, 4000);
    if (left > 0) {
      world_end(&w);
      return;
    }
  }
  fail();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_login),
      cmocka_unit_test(test_changed_logins),
      cmocka_unit_test(test_replayed_login),
      cmocka_unit_test(test_before_and_after_login),
      cmocka_unit_test(test_expired_challenge),
      cmocka_unit_test(test_store_answers),
      cmocka_unit_test(test_closed_admission_and_origin),
      cmocka_unit_test(test_instances),
      cmocka_unit_test(test_limits_by_address),
      cmocka_unit_test(test_full),
      cmocka_unit_test(test_link),
      cmocka_unit_test(test_many_envelopes_in_one_message),
      cmocka_unit_test(test_unavailable_at_t_whatever_the_cause),
      cmocka_unit_test(test_target_that_logs_in_before_t),
      cmocka_unit_test(test_newest_listener_and_instances),
      cmocka_unit_test(test_errors_of_the_table),
      cmocka_unit_test(test_refused_link),
      cmocka_unit_test(test_wrong_numbers),
      cmocka_unit_test(test_socket_errors),
      cmocka_unit_test(test_rate_of_opens),
      cmocka_unit_test(test_offers_per_id),
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_stood_still),
      cmocka_unit_test(test_drain),
      cmocka_unit_test(test_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
