/* A stream on a socketpair. The test is the relay at the other end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/core/ws/ws.h"
#include "client/lib/stream.h"

static int epoll, relay, ended;
static pl_stream *stream;

static void on_message(void *user, const uint8_t *data, size_t size) {
  (void)user;
  (void)data;
  (void)size;
}

static size_t produce(void *user, uint8_t *out, size_t capacity) {
  (void)user;
  (void)out;
  (void)capacity;
  return 0;
}

static bool has_output(void *user) {
  (void)user;
  return false;
}

static void on_end(void *user, int error, const char *text) {
  (void)user;
  (void)text;
  ended = error;
}

static int set_up(void **state) {
  const pl_stream_handlers handlers = {on_message, produce, has_output, on_end, NULL};
  int fds[2];
  (void)state;
  ended = 0;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  relay = fds[1];
  stream = pl_stream_new(epoll, fds[0], NULL, &handlers);
  assert_non_null(stream);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pl_stream_free(stream);
  close(relay);
  close(epoll);
  return 0;
}

static void relay_sends(int opcode, const void *data, size_t size) {
  uint8_t frame[PL_WS_HEADER_MAX + PL_WS_CONTROL_MAX];
  size_t header = pl_ws_put_header(frame, opcode, size, NULL);
  if (size) memcpy(frame + header, data, size);
  assert_int_equal(send(relay, frame, header + size, 0), header + size);
}

/* Returns the opcode of the next frame, or -1 when there is none. */
static int relay_hears(void) {
  uint8_t frame[200];
  ssize_t n = recv(relay, frame, 2, 0);
  if (n < 2) return -1;
  size_t rest = 4 + (frame[1] & 0x7fu);
  assert_int_equal(recv(relay, frame + 2, rest, 0), rest);
  return frame[0] & 0x0f;
}

static void test_answers_a_ping(void **state) {
  (void)state;
  relay_sends(PL_WS_PING, "hello", 5);
  pl_stream_turn(stream);
  assert_int_equal(relay_hears(), PL_WS_PONG);
  assert_false(pl_stream_is_due(stream));
}

/* Nothing follows our CLOSE, so a PING after it makes nothing due: a host that asks would dispatch for ever. */
static void test_a_ping_after_our_close(void **state) {
  (void)state;
  pl_stream_close(stream);
  pl_stream_turn(stream);
  assert_int_equal(relay_hears(), PL_WS_CLOSE);
  relay_sends(PL_WS_PING, "hello", 5);
  pl_stream_turn(stream);
  assert_int_equal(relay_hears(), -1);
  assert_false(pl_stream_is_due(stream));
  relay_sends(PL_WS_CLOSE, "\x03\xe8", 2);
  pl_stream_turn(stream);
  assert_int_equal(ended, PL_ECLOSED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_answers_a_ping, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_ping_after_our_close, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
