/* The relay's side of TLS on a socketpair, with OpenSSL's own client at the other end. */
#include <malloc.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certificate.h"
#include "relay/shell/tls.h"

enum { LARGE = 4 << 20, CHUNK = 320 * 1024 };

static char folder[] = "/tmp/pairlink-test-tls-XXXXXX", cert_path[64], key_path[64];
static pl_tls_server *server;
static SSL_CTX *client_config;
static int fds[2]; /* the relay's, the client's */
static pl_tls *tls;
static SSL *client;
static uint8_t sealed[CHUNK], plain[CHUNK], large[LARGE];

static void write_pem(const EVP_PKEY *key, const X509 *cert) {
  FILE *file = fopen(key_path, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
  assert_int_equal(fclose(file), 0);
  file = fopen(cert_path, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_X509(file, cert), 1);
  assert_int_equal(fclose(file), 0);
}

static void write_certificate(void) {
  EVP_PKEY *key;
  X509 *cert;
  assert_true(make_certificate(&key, &cert));
  write_pem(key, cert);
  EVP_PKEY_free(key);
  X509_free(cert);
}

static int set_up(void **state) {
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(cert_path, sizeof cert_path, "%s/cert.pem", folder);
  snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
  write_certificate();
  server = pl_tls_server_new(cert_path, key_path);
  client_config = SSL_CTX_new(TLS_client_method());
  assert_true(server && client_config);
  SSL_CTX_set_mode(client_config, SSL_MODE_RELEASE_BUFFERS);
  for (size_t i = 0; i < LARGE; i++) large[i] = (uint8_t)(i * 31 + i / 4096);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pl_tls_server_free(server);
  SSL_CTX_free(client_config);
  unlink(cert_path);
  unlink(key_path);
  return rmdir(folder);
}

/* Reads the relay's socket once, as the server does. Returns how much plain text came, or -1 at the end. */
static long relay_reads(void) {
  ssize_t n = recv(fds[0], sealed, sizeof sealed, MSG_DONTWAIT);
  long size = 0, got;
  if (n <= 0) return n == 0 ? -1 : 0;
  pl_tls_feed(tls, sealed, (size_t)n);
  while ((got = pl_tls_read(tls, plain, sizeof plain)) > 0) size += got;
  return got < 0 ? got : size;
}

static void connect_both(int version) {
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  tls = pl_tls_new(server, fds[0]);
  client = SSL_new(client_config);
  assert_true(tls && client);
  SSL_set_max_proto_version(client, version);
  SSL_set_fd(client, fds[1]);
  while (SSL_connect(client) != 1) assert_true(relay_reads() >= 0);
  assert_int_equal(relay_reads(), 0); /* the last part of its handshake */
  assert_int_equal(SSL_version(client), version);
}

static void disconnect_both(void) {
  SSL_free(client);
  pl_tls_free(tls);
  close(fds[0]);
  close(fds[1]);
}

static void test_sends_all_to_a_slow_reader(void **state) {
  (void)state;
  const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t v = 0; v < 2; v++) {
    size_t sent = 0, got = 0, waits = 0;
    connect_both(versions[v]);
    while (got < LARGE) {
      if (!pl_tls_waits(tls) || pl_tls_flush(tls)) sent += pl_tls_write(tls, large + sent, LARGE - sent);
      waits += pl_tls_waits(tls);
      int n = SSL_read(client, plain, 5000);
      assert_true(n > 0 || SSL_get_error(client, n) == SSL_ERROR_WANT_READ);
      if (n <= 0) continue;
      assert_memory_equal(plain, large + got, (size_t)n);
      got += (size_t)n;
    }
    assert_int_equal(sent, LARGE);
    assert_true(waits > 0);
    pl_tls_finish(tls);
    assert_true(SSL_read(client, plain, 1) <= 0 && SSL_get_shutdown(client) & SSL_RECEIVED_SHUTDOWN);
    assert_false(pl_tls_failed(tls));
    disconnect_both();
  }
}

/* Records arrive cut anywhere, and many in one read. */
static void test_reads_all(void **state) {
  (void)state;
  connect_both(TLS1_3_VERSION);
  size_t sent = 0, got = 0;
  while (got < LARGE) {
    int n = sent < LARGE ? SSL_write(client, large + sent, (int)(LARGE - sent < 40000 ? LARGE - sent : 40000)) : 0;
    if (n > 0) sent += (size_t)n;
    ssize_t in = recv(fds[0], sealed, got % 7 ? 1000 : sizeof sealed, MSG_DONTWAIT);
    if (in <= 0) continue;
    pl_tls_feed(tls, sealed, (size_t)in);
    for (long size; (size = pl_tls_read(tls, plain, sizeof plain)) > 0; got += (size_t)size)
      assert_memory_equal(plain, large + got, (size_t)size);
  }
  assert_int_equal(got, LARGE);
  assert_int_equal(SSL_shutdown(client), 0);
  assert_int_equal(relay_reads(), -1);
  disconnect_both();
}

/* A record comes byte by byte. */
static void test_reads_a_record_in_bytes(void **state) {
  (void)state;
  size_t got = 0;
  connect_both(TLS1_3_VERSION);
  assert_int_equal(SSL_write(client, large, 3000), 3000);
  ssize_t n = recv(fds[0], sealed, sizeof sealed, MSG_DONTWAIT);
  assert_true(n > 3000);
  for (ssize_t i = 0; i < n; i++) {
    pl_tls_feed(tls, sealed + i, 1);
    long size = pl_tls_read(tls, plain + got, sizeof plain - got);
    assert_int_equal(size, i + 1 < n ? 0 : 3000);
    got += (size_t)size;
  }
  assert_memory_equal(plain, large, 3000);
  disconnect_both();
}

/* OpenSSL keeps its buffers while records follow each other, but not for an idle connection, and the relay keeps none
 * for one that takes everything. */
static void test_an_idle_connection_holds_no_buffers(void **state) {
  (void)state;
  connect_both(TLS1_3_VERSION);
  assert_int_equal(SSL_read(client, plain, 1), -1); /* OpenSSL takes the tickets, and buffers for an answer to them, */
  assert_int_equal(SSL_write(client, large, 10), 10); /* and releases those with the next record that it writes */
  assert_int_equal(relay_reads(), 10);
  size_t before = mallinfo2().uordblks;
  assert_int_equal(SSL_write(client, large, 100000), 100000);
  assert_int_equal(relay_reads(), 100000);
  assert_int_equal(pl_tls_write(tls, large, 100000), 100000);
  for (int size = 0, n; size < 100000; size += n) assert_true((n = SSL_read(client, plain, sizeof plain)) > 0);
  assert_true(mallinfo2().uordblks < before + 4096);
  disconnect_both();
}

/* Each record makes OpenSSL answer, and the client never reads: memory stays bounded, and the connection ends. */
static void test_answers_of_tls_are_bounded(void **state) {
  (void)state;
  connect_both(TLS1_3_VERSION);
  while (!pl_tls_waits(tls)) (void)pl_tls_write(tls, large, LARGE); /* until the socket is full */
  long rc = 0;
  for (int i = 0; i < 100000 && rc == 0; i++) {
    assert_int_equal(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
    if (SSL_do_handshake(client) != 1) break;
    rc = relay_reads();
  }
  assert_int_equal(rc, -1);
  assert_true(pl_tls_failed(tls));
  assert_int_equal(pl_tls_write(tls, large, 1), 0);
  pl_tls_finish(tls);
  disconnect_both();
}

static void ask_for_keys(int count) {
  for (int i = 0; i < count; i++) {
    assert_int_equal(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(client), 1);
  }
}

/* When a client changes its keys, OpenSSL would hold a buffer for an answer until the relay writes again. */
static void test_new_keys_leave_no_buffers(void **state) {
  const int kinds[] = {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED};
  (void)state;
  connect_both(TLS1_3_VERSION);
  assert_int_equal(SSL_read(client, plain, 1), -1); /* it takes the tickets */
  for (int with_data = 0; with_data < 2; with_data++)
    for (size_t kind = 0; kind < 2; kind++) {
      assert_int_equal(pl_tls_write(tls, large, 10), 10);
      assert_int_equal(SSL_read(client, plain, sizeof plain), 10);
      assert_int_equal(SSL_key_update(client, kinds[kind]), 1);
      assert_int_equal(SSL_do_handshake(client), 1);
      if (with_data) assert_int_equal(SSL_write(client, large, 10), 10);
      size_t before = mallinfo2().uordblks;
      assert_int_equal(relay_reads(), with_data ? 10 : 0);
      assert_true(mallinfo2().uordblks < before + 1024);
    }
  disconnect_both();
}

/* New keys cost the relay much more than the few bytes that ask for them: it allows one per MiB, and a few more. */
static void test_new_keys_are_paid_for(void **state) {
  (void)state;
  connect_both(TLS1_3_VERSION);
  ask_for_keys(20);
  for (size_t sent = 0; sent < LARGE; sent += 1 << 14) {
    assert_int_equal(SSL_write(client, large, 1 << 14), 1 << 14);
    assert_int_equal(relay_reads(), 1 << 14);
    if (sent % (1 << 20) == 0) ask_for_keys(1);
  }
  assert_int_equal(pl_tls_write(tls, large, 1000), 1000);
  assert_int_equal(SSL_read(client, plain, sizeof plain), 1000); /* the client has read the answers */
  ask_for_keys(40);
  assert_int_equal(relay_reads(), -1);
  assert_true(pl_tls_failed(tls));
  disconnect_both();
}

static void test_nonsense_ends(void **state) {
  (void)state;
  connect_both(TLS1_3_VERSION);
  assert_int_equal(send(fds[1], "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
  assert_int_equal(relay_reads(), -1);
  assert_int_equal(relay_reads(), 0);
  disconnect_both();
}

/* What came before the broken record is handed over, and the client hears why the connection ends. */
static void test_a_broken_record_ends_with_an_alert(void **state) {
  (void)state;
  connect_both(TLS1_3_VERSION);
  assert_int_equal(SSL_write(client, large, 1000), 1000);
  assert_int_equal(SSL_write(client, large, 1000), 1000);
  ssize_t n = recv(fds[0], sealed, sizeof sealed, MSG_DONTWAIT);
  assert_true(n > 2000);
  sealed[n - 1] ^= 1;
  pl_tls_feed(tls, sealed, (size_t)n);
  assert_int_equal(pl_tls_read(tls, plain, sizeof plain), 1000);
  assert_int_equal(pl_tls_read(tls, plain, sizeof plain), -1);
  assert_true(pl_tls_failed(tls));
  int rc = SSL_read(client, plain, 1);
  assert_int_equal(SSL_get_error(client, rc), SSL_ERROR_SSL); /* the alert; without one it would want to read */
  disconnect_both();
}

static void test_bad_files(void **state) {
  (void)state;
  assert_null(pl_tls_server_new("/nonexistent", key_path));
  assert_null(pl_tls_server_new(cert_path, cert_path));
  assert_null(pl_tls_server_new(key_path, key_path));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sends_all_to_a_slow_reader),
      cmocka_unit_test(test_reads_all),
      cmocka_unit_test(test_reads_a_record_in_bytes),
      cmocka_unit_test(test_an_idle_connection_holds_no_buffers),
      cmocka_unit_test(test_answers_of_tls_are_bounded),
      cmocka_unit_test(test_new_keys_leave_no_buffers),
      cmocka_unit_test(test_new_keys_are_paid_for),
      cmocka_unit_test(test_nonsense_ends),
      cmocka_unit_test(test_a_broken_record_ends_with_an_alert),
      cmocka_unit_test(test_bad_files),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
