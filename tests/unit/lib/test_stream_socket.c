/* The client's socket with TLS, on a socketpair. OpenSSL's own server is at the other end, and works on memory, so that
 * the test decides how its records arrive. */
#include <fcntl.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certificate.h"
#include "client/lib/stream.h"
#include "client/lib/stream_socket.h"

enum { LARGE = 2 << 20, MESSAGE = 66000 };

static SSL_CTX *server_config, *client_config;
static SSL *server, *client;
static BIO *to_server, *from_server;
static int fds[2]; /* the client's, the server's */
static pl_stream_socket s;
static bool held;
static uint8_t large[LARGE], got[LARGE], buffer[PL_STREAM_SOCKET_READ];

static void use_certificate(SSL_CTX *config) {
  EVP_PKEY *key;
  X509 *cert;
  assert_true(make_certificate(&key, &cert));
  assert_int_equal(SSL_CTX_use_certificate(config, cert), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(config, key), 1);
  EVP_PKEY_free(key);
  X509_free(cert);
}

static int set_up_all(void **state) {
  (void)state;
  server_config = SSL_CTX_new(TLS_server_method());
  client_config = SSL_CTX_new(TLS_client_method());
  assert_true(server_config && client_config);
  use_certificate(server_config);
  for (size_t i = 0; i < LARGE; i++) large[i] = (uint8_t)(i * 31 + i / 4096);
  return 0;
}

static int tear_down_all(void **state) {
  (void)state;
  SSL_CTX_free(server_config);
  SSL_CTX_free(client_config);
  return 0;
}

/* Passes on to the server what the client has sent. Returns how much that was. */
static size_t server_receives(void) {
  size_t sum = 0;
  ssize_t n;
  while ((n = recv(fds[1], buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
    assert_int_equal(BIO_write(to_server, buffer, (int)n), n);
    sum += (size_t)n;
  }
  return sum;
}

/* Sends up to `size` bytes of what the server has written. Returns how many. */
static int server_sends(int size) {
  int n = BIO_read(from_server, buffer, size);
  if (n <= 0) return 0;
  assert_int_equal(send(fds[1], buffer, (size_t)n, 0), n);
  return n;
}

/* As libwebsockets does it: with OpenSSL's own BIO until the connection is taken over. */
static int set_up(void **state) {
  (void)state;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  server = SSL_new(server_config);
  client = SSL_new(client_config);
  to_server = BIO_new(BIO_s_mem());
  from_server = BIO_new(BIO_s_mem());
  assert_true(server && client && to_server && from_server);
  SSL_set_bio(server, to_server, from_server);
  SSL_set_accept_state(server);
  assert_int_equal(SSL_set_fd(client, fds[0]), 1);
  while (SSL_connect(client) != 1 || !SSL_is_init_finished(server)) {
    (void)server_receives();
    (void)SSL_do_handshake(server);
    while (server_sends(1 << 16)) continue;
  }
  assert_int_equal(pl_stream_socket_init(&s, fds[0], client), 0);
  held = true;
  assert_int_equal(pl_stream_socket_read(&s, buffer), 0); /* the tickets of TLS 1.3 */
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  if (held) pl_stream_socket_deinit(&s);
  SSL_free(server);
  close(fds[1]);
  return 0;
}

static void server_writes(const uint8_t *data, size_t size) {
  assert_int_equal(SSL_write(server, data, (int)size), (int)size);
}

static void test_one_read_takes_many_records(void **state) {
  (void)state;
  for (size_t i = 0; i < 200; i++) server_writes(large + i * 100, 100);
  while (server_sends(1 << 16)) continue;
  assert_int_equal(pl_stream_socket_read(&s, got), 20000);
  assert_memory_equal(got, large, 20000);
  assert_true(s.drained);
  assert_false(s.ended);
}

static void test_a_record_may_come_byte_by_byte(void **state) {
  (void)state;
  size_t size = 0;
  server_writes(large, 3000);
  server_writes(large + 3000, 5);
  for (int left = (int)BIO_pending(from_server); left; left--) {
    assert_int_equal(server_sends(1), 1);
    size += pl_stream_socket_read(&s, got + size);
    assert_true(s.drained && !s.ended);
  }
  assert_int_equal(size, 3005);
  assert_memory_equal(got, large, 3005);
}

/* Whatever was read is handed over: a poll of the descriptor reports all that is left. */
static void test_nothing_stays_behind(void **state) {
  (void)state;
  size_t sent = 0, size = 0;
  while (size < LARGE) {
    if (sent < LARGE && BIO_pending(from_server) == 0) {
      size_t n = LARGE - sent < 100000 ? LARGE - sent : 100000;
      server_writes(large + sent, n);
      sent += n;
    }
    (void)server_sends(77777);
    size_t n = pl_stream_socket_read(&s, buffer);
    memcpy(got + size, buffer, n);
    size += n;
    assert_int_equal(SSL_pending(client), 0);
    assert_int_equal(s.bio.in.size, 0);
    assert_false(s.ended);
  }
  assert_memory_equal(got, large, LARGE);
}

/* Takes messages whole, or not at all while a part of one waits, and loses nothing. */
static void test_a_reader_that_stops(void **state) {
  (void)state;
  size_t sent = 0, size = 0, refused = 0, waited = 0;
  while (size < LARGE) {
    size_t n = LARGE - sent < MESSAGE ? LARGE - sent : MESSAGE;
    long taken = n ? pl_stream_socket_write(&s, large + sent, n) : 0;
    assert_true(taken == 0 || taken == (long)n);
    sent += (size_t)taken;
    refused += n && taken == 0;
    waited += pl_stream_socket_waits(&s);
    if (taken) continue; /* the server reads only when nothing more is taken */
    int in = (int)recv(fds[1], buffer, 5000, MSG_DONTWAIT);
    if (in > 0) assert_int_equal(BIO_write(to_server, buffer, in), in);
    for (int k; (k = SSL_read(server, got + size, (int)(LARGE - size))) > 0;) size += (size_t)k;
    assert_true(pl_stream_socket_flush(&s));
  }
  assert_memory_equal(got, large, LARGE);
  assert_true(refused > 0 && waited > 0);
  assert_false(pl_stream_socket_waits(&s));
}

/* What came before the broken record is handed over, and the server hears why. */
static void test_a_broken_record_ends_with_an_alert(void **state) {
  (void)state;
  server_writes(large, 1000);
  int n = BIO_read(from_server, got, sizeof got);
  assert_int_equal(send(fds[1], got, (size_t)n, 0), n);
  server_writes(large, 1000);
  n = BIO_read(from_server, got, sizeof got);
  got[n - 1] ^= 1;
  assert_int_equal(send(fds[1], got, (size_t)n, 0), n);
  assert_int_equal(pl_stream_socket_read(&s, got), 1000);
  assert_true(s.ended);
  assert_true(server_receives() > 0);
  n = SSL_read(server, got, 1);
  assert_int_equal(SSL_get_error(server, n), SSL_ERROR_SSL); /* the alert; without one it would want to read */
}

static void test_the_end(void **state) {
  (void)state;
  server_writes(large, 10);
  assert_int_equal(SSL_shutdown(server), 0);
  while (server_sends(1 << 16)) continue;
  assert_int_equal(pl_stream_socket_read(&s, got), 10);
  assert_true(s.ended);
}

static void test_a_socket_that_is_gone(void **state) {
  (void)state;
  close(fds[1]);
  fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(pl_stream_socket_write(&s, large, 100), -1);
  assert_int_equal(pl_stream_socket_read(&s, got), 0);
  assert_true(s.ended);
}

/* The message was taken, and its last part waits. That it is lost shows only when that part is sent. */
static void test_a_write_that_fails_late(void **state) {
  (void)state;
  while (!pl_stream_socket_waits(&s)) assert_true(pl_stream_socket_write(&s, large, MESSAGE) >= 0);
  shutdown(fds[1], SHUT_RD); /* sending fails now, and reading does not */
  assert_false(pl_stream_socket_flush(&s));
  assert_int_equal(pl_stream_socket_write(&s, large, 1), -1);
  assert_int_equal(pl_stream_socket_read(&s, got), 0);
  assert_true(s.ended);
}

static void ignore_message(void *user, const uint8_t *data, size_t size) {
  (void)user;
  (void)data;
  (void)size;
}

static size_t produce_large(void *user, uint8_t *out, size_t capacity) {
  size_t size = MESSAGE < capacity ? MESSAGE : capacity;
  (void)user;
  memcpy(out, large, size);
  return size;
}

static bool has_more(void *user) {
  (void)user;
  return true;
}

static void note_end(void *user, int error, const char *text) {
  (void)text;
  *(int *)user = error;
}

/* The stream has nothing left of the message, and yet its owner hears that it is lost. */
static void test_a_stream_whose_write_fails_late(void **state) {
  (void)state;
  int error = 0, epoll = epoll_create1(EPOLL_CLOEXEC), room = MESSAGE / 4;
  const pl_stream_handlers handlers = {ignore_message, produce_large, has_more, note_end, &error};
  assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0); /* less than one message */
  pl_buffer_deinit(&s.unsent);
  pl_free(s.sealed);
  held = false;
  pl_stream *stream = pl_stream_new(epoll, s.fd, s.ssl, &handlers);
  assert_non_null(stream);
  pl_stream_want_write(stream);
  while (pl_stream_is_due(stream)) pl_stream_turn(stream);
  assert_int_equal(error, 0);
  shutdown(fds[1], SHUT_RD);
  pl_stream_turn(stream);
  assert_int_equal(error, PL_ENETWORK);
  pl_stream_free(stream);
  close(epoll);
}

static void end(void) {
  pl_stream_socket_deinit(&s);
  held = false;
}

static void test_says_goodbye(void **state) {
  (void)state;
  assert_int_equal(pl_stream_socket_write(&s, large, 100), 100);
  end();
  assert_int_equal(fcntl(fds[0], F_GETFD), -1);
  (void)server_receives();
  assert_int_equal(SSL_read(server, got, 1000), 100);
  assert_int_equal(SSL_read(server, got, 1000), 0);
  assert_int_equal(SSL_get_shutdown(server), SSL_RECEIVED_SHUTDOWN);
}

static void test_nothing_follows_half_a_record(void **state) {
  (void)state;
  while (!pl_stream_socket_waits(&s)) assert_true(pl_stream_socket_write(&s, large, MESSAGE) >= 0);
  int again = dup(fds[0]); /* keeps the connection when the client closes its own */
  (void)server_receives(); /* now there is room */
  end();
  assert_int_equal(server_receives(), 0);
  close(again);
}

/* A forked child lets go of a connection that its parent goes on with. */
static void test_detached_without_a_word(void **state) {
  (void)state;
  int parent = dup(fds[0]), nowhere = socket(AF_UNIX, SOCK_STREAM, 0);
  pl_stream_socket_detach(&s, nowhere);
  end();
  assert_int_equal(server_receives(), 0);
  assert_int_equal(recv(fds[1], buffer, 1, MSG_DONTWAIT), -1); /* it is open */
  close(parent);
  close(nowhere);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_one_read_takes_many_records, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_record_may_come_byte_by_byte, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_nothing_stays_behind, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_reader_that_stops, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_broken_record_ends_with_an_alert, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_the_end, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_socket_that_is_gone, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_write_that_fails_late, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_stream_whose_write_fails_late, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_says_goodbye, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_nothing_follows_half_a_record, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_detached_without_a_word, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
