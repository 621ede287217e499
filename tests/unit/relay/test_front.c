/* What a connection does before it is a WebSocket, and as it ends: answers to a GET, bytes behind the request, sockets
 * that take nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/conn.h"
#include "relay/core/state.h"
#include "world.h"

enum { STALL = 30000, LATE = 2000 /* HTTP_TIMEOUT_MS, CLOSE_TIMEOUT_MS */ };

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void send_get(client *c) {
  client_receive(c, get, sizeof get - 1);
  world_turn(c->w);
}

static void test_one_answer(void **state) {
  client *c = client_new(*state, 1);
  send_get(c);
  assert_memory_equal(c->http, "HTTP/1.1 404", 12);
  assert_null(strstr(c->http + 1, "HTTP/1.1"));
  assert_true(c->finished);
}

/* As many header fields as HTTP_HEADERS_MAX says. */
static void test_too_many_headers(void **state) {
  for (size_t headers = 64; headers < 66; headers++) {
    char text[1024] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (size_t i = 1; i < headers; i++) strcat(text, "A: b\r\n");
    strcat(text, "\r\n");
    client *c = client_new(*state, 1);
    client_receive(c, text, strlen(text));
    world_turn(c->w);
    assert_memory_equal(c->http, headers == 64 ? "HTTP/1.1 404" : "HTTP/1.1 431", 12);
    client_free(c);
  }
}

/* A client that does not read its answer is not waited for; one that reads a little is. */
static void test_an_answer_that_stalls(void **state) {
  world *w = *state;
  client *mute = client_new(w, 1), *slow = client_new(w, 2);
  mute->reads = slow->reads = false;
  world_pass(w, 5000);
  send_get(mute);
  send_get(slow);
  assert_int_equal(pl_relay_deadline(w->relay), w->now_ms + STALL);
  world_pass(w, STALL - 1);
  assert_false(mute->aborted);
  slow->reads = true;
  slow->takes = 10;
  client_writable(slow);
  slow->reads = false;
  world_pass(w, 1);
  assert_true(mute->aborted);
  assert_false(slow->aborted);
  world_pass(w, STALL - 2);
  assert_false(slow->aborted);
  world_pass(w, 1);
  assert_true(slow->aborted);
}

/* A ping comes in one read with the request. */
static void test_bytes_behind_the_request(void **state) {
  static const char request[] =
      "GET /pairlink HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: pairlink.v1\r\n\r\n"
      "\x89\x84\0\0\0\0ping";
  client *c = client_new(*state, 1);
  client_receive(c, request, sizeof request - 1);
  world_turn(c->w);
  assert_true(c->hello_size > 0);
  assert_false(c->aborted || c->finished);
  assert_int_equal(c->conn->state, PL_RELAY_CONN_LOGIN);
}

/* The close frame is not answered: first our side ends, then the connection. */
static void test_a_close_that_is_not_answered(void **state) {
  world *w = *state;
  for (int refused = 0; refused < 2; refused++) { /* it asked for the close, or broke a rule */
    client *c = client_ready(w, 1);
    client_send(c, refused ? PL_ENV_LOGIN : PL_ENV_RESET, 0, 0, "", 0);
    world_turn(w);
    assert_int_equal(c->close_code, refused ? PL_WS_CODE_PROTOCOL : PL_WS_CODE_NORMAL);
    world_pass(w, LATE - 1);
    assert_false(c->finished);
    world_pass(w, 1);
    assert_true(c->finished);
    world_pass(w, LATE - 1);
    assert_false(c->aborted);
    world_pass(w, 1);
    assert_true(c->aborted);
    client_free(c);
  }
}

/* While our side ends, each byte that the socket takes gives it more time. */
static void test_an_end_that_is_read_slowly(void **state) {
  world *w = *state;
  client *c = client_ready(w, 1);
  c->reads = false;
  client_send(c, PL_ENV_LOGIN, 0, 0, "", 0);
  world_pass(w, LATE); /* no close frame came */
  world_pass(w, LATE - 1);
  assert_int_equal(c->conn->state, PL_RELAY_CONN_FINISHING);
  c->reads = true;
  c->takes = 1;
  client_writable(c);
  c->reads = false;
  world_pass(w, LATE - 1);
  assert_false(c->aborted);
  world_pass(w, 1);
  assert_true(c->aborted);
}

/* ---- sockets that take nothing ----------------------------------------------------------------------------------- */

#define LINK 0x10000u

static void say_something(client *c) {
  client_receive(c,
                 "\x8a\x80"
                 "1234",
                 6);
}

/* It keeps talking, but what waits for it has to be kept: after STALL_TIMEOUT_MS it is closed. */
static void test_a_socket_that_talks_and_never_reads(void **state) {
  enum { SECOND = 1000, STALL_S = 60 };
  world *w = *state;
  client *a = client_ready(w, 1), *b = client_ready(w, 2), *c = client_ready(w, 3);
  client *const readers[] = {b, c};
  for (uint32_t i = 0; i < 2; i++) {
    client_open(a, LINK + i, readers[i], "one", 3);
    client_send(readers[i], PL_ENV_ACCEPT, 0, client_next(readers[i])->link, "two", 3);
    readers[i]->reads = false;
    client_send(a, PL_ENV_DATA, 0, LINK + i, "waits", 5);
  }
  for (int at = 1; at <= STALL_S; at++) {
    world_pass(w, SECOND);
    for (size_t i = 0; i < 2; i++) say_something(readers[i]);
    say_something(a);
    if (at != STALL_S / 2) continue;
    c->reads = true; /* one byte, and its time begins again */
    c->takes = 1;
    client_writable(c);
    c->reads = false;
  }
  world_turn(w);
  assert_false(b->aborted);
  world_pass(w, SECOND);
  say_something(b);
  say_something(c);
  world_turn(w);
  assert_true(b->aborted);
  assert_false(a->aborted || c->aborted);
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* A connection that the shell has closed while the store works is not offered for output. */
static void test_a_closed_connection_is_not_dirty(void **state) {
  world *w = *state;
  w->hold_lookups = true;
  client *c = client_new(w, 1);
  client_login(c, true);
  pl_relay_conn *conn = c->conn;
  client_hang_up(c);
  pl_relay_conn_mark(conn);
  assert_null(pl_relay_next_dirty(w->relay));
  world_answer(w);
}

/* Another worker is never closed: it is told everything again. */
static void test_a_worker_is_not_closed(void **state) {
  world *w = *state;
  pl_relay_conn bus = {.relay = w->relay, .state = PL_RELAY_CONN_BUS, .is_dirty = true};
  pl_relay_conn_abort(&bus);
  assert_true(bus.lost);
  assert_int_equal(bus.state, PL_RELAY_CONN_BUS);
  assert_int_equal(pl_relay_conn_get_wish(&bus), PL_RELAY_WISH_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      world_test(test_one_answer),
      world_test(test_too_many_headers),
      world_test(test_an_answer_that_stalls),
      world_test(test_bytes_behind_the_request),
      world_test(test_a_close_that_is_not_answered),
      world_test(test_an_end_that_is_read_slowly),
      world_test(test_a_socket_that_talks_and_never_reads),
      world_test(test_a_closed_connection_is_not_dirty),
      world_test(test_a_worker_is_not_closed),
  };
  return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
