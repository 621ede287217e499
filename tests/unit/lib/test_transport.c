/* A name with several addresses, and which connection is kept. The test answers the name lookup and its sockets play
 * the relays, so it decides what happens in one turn of the transport. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "certificate.h"
#include "client/core/ws/ws.h"
#include "client/lib/transport.h"

enum { ADDRESSES = 2, PATIENCE_MS = 30000 };

static const char *const addresses[ADDRESSES] = {"127.0.0.1", "127.0.0.2"};

/* ---- the name lookup, instead of the C library's ------------------------------------------------------------- */

typedef struct answer_list {
  struct addrinfo list[ADDRESSES];
  struct sockaddr_in found[ADDRESSES];
} answer_list;

/* An address resolves to itself, and every name to all of the addresses. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **out) {
  answer_list *a = calloc(1, sizeof *a);
  struct in_addr one;
  int count = inet_pton(AF_INET, node, &one) == 1 ? 1 : ADDRESSES;
  (void)service, (void)hints;
  if (!a) return EAI_MEMORY;
  for (int i = 0; i < count; i++) {
    a->found[i].sin_family = AF_INET;
    (void)inet_pton(AF_INET, count == 1 ? node : addresses[i], &a->found[i].sin_addr);
    a->list[i] = (struct addrinfo){.ai_family = AF_INET,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_addr = (struct sockaddr *)&a->found[i],
                                   .ai_addrlen = sizeof a->found[i],
                                   .ai_next = i + 1 < count ? &a->list[i + 1] : NULL};
  }
  *out = a->list;
  return 0;
}

__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *list) {
  free(list); /* the first member of its answer_list */
}

/* ---- what the transport reports ---------------------------------------------------------------------------- */

typedef struct seen {
  int opened, closed, error;
  char message[64];
} seen;

static void on_open(void *user) {
  ((seen *)user)->opened++;
}
static void on_message(void *user, const uint8_t *data, size_t size) {
  snprintf(((seen *)user)->message, sizeof((seen *)user)->message, "%.*s", (int)size, (const char *)data);
}
static void on_closed(void *user, int error, const char *text) {
  (void)text;
  ((seen *)user)->closed++;
  ((seen *)user)->error = error;
}
static size_t produce(void *user, uint8_t *out, size_t capacity) {
  (void)user, (void)out, (void)capacity;
  return 0;
}
static bool has_output(void *user) {
  (void)user;
  return false;
}

/* ---- the relays ----------------------------------------------------------------------------------------- */

static int listen_at(const char *address, uint16_t *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(*port)};
  socklen_t size = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8) != 0) {
    close(fd);
    return -1;
  }
  assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
  *port = ntohs(a.sin_port);
  return fd;
}

/* Listens on all addresses with the same port, which it returns. */
static uint16_t listen_at_all(int listeners[ADDRESSES]) {
  for (;;) {
    uint16_t port = 0;
    int count = 0;
    while (count < ADDRESSES && (listeners[count] = listen_at(addresses[count], &port)) >= 0) count++;
    if (count == ADDRESSES) return port;
    while (count) close(listeners[--count]);
  }
}

/* Drives the transport until `fd` is readable. */
static void turn_until_readable(pl_transport *t, int fd) {
  struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = pl_transport_fd(t), .events = POLLIN}};
  do {
    pl_transport_turn(t);
    int wait = pl_transport_timeout_ms(t);
    assert_true(poll(fds, 2, wait < 0 ? PATIENCE_MS : wait) > 0 ||
                wait >= 0); /* something happens, or the test fails */
  } while (!fds[0].revents);
}

static int accept_from(pl_transport *t, int listener) {
  turn_until_readable(t, listener);
  int fd = accept(listener, NULL, NULL);
  assert_true(fd >= 0);
  return fd;
}

static void read_request(pl_transport *t, int fd, char *text, size_t size) {
  size_t used = 0;
  do {
    turn_until_readable(t, fd);
    ssize_t n = read(fd, text + used, size - 1 - used);
    assert_true(n > 0);
    used += (size_t)n;
    text[used] = '\0';
  } while (!strstr(text, "\r\n\r\n"));
}

/* Returns once the text has arrived at the other end. */
static void write_text(int fd, const char *text, size_t size) {
  int left = 1;
  assert_int_equal(write(fd, text, size), (ssize_t)size);
  while (left) assert_int_equal(ioctl(fd, TIOCOUTQ, &left), 0);
}

static void turn_away(int fd) {
  static const char text[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  write_text(fd, text, sizeof text - 1);
}

static void answer_request(int fd, const char *request) {
  char accept[PL_WS_ACCEPT_CHARS + 1], text[512];
  const char *key = strstr(request, "Sec-WebSocket-Key: ");
  assert_non_null(key);
  key += strlen("Sec-WebSocket-Key: ");
  pl_ws_accept(accept, (pl_view){(const uint8_t *)key, strcspn(key, "\r")});
  int n = snprintf(text, sizeof text,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Protocol: pairlink.v1\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
  write_text(fd, text, (size_t)n);
}

static void say(int fd, const char *message) {
  uint8_t frame[64];
  size_t n = pl_ws_put_header(frame, PL_WS_BINARY, strlen(message), NULL);
  memcpy(frame + n, message, strlen(message));
  n += strlen(message);
  assert_int_equal(write(fd, frame, n), (ssize_t)n);
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

/* A transport that has connected to both relays and sent them its request. */
typedef struct fixture {
  seen s;
  pl_transport *t;
  int listeners[ADDRESSES], fds[ADDRESSES];
  char requests[ADDRESSES][4096];
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  char text[64];
  pl_url url;
  if (!f) return -1;
  *state = f;
  const pl_transport_handlers handlers = {on_open, on_message, on_closed, produce, has_output, &f->s};
  snprintf(text, sizeof text, "ws://relay.test:%u", listen_at_all(f->listeners));
  assert_int_equal(pl_url_parse(&url, text), 0);
  assert_int_equal(pl_transport_new(&url, NULL, false, &handlers, &f->t), 0);
  pl_transport_connect(f->t, &url);
  for (int i = 0; i < ADDRESSES; i++) {
    f->fds[i] = accept_from(f->t, f->listeners[i]);
    read_request(f->t, f->fds[i], f->requests[i], sizeof f->requests[i]);
  }
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  if (!f) return 0; /* the setup failed */
  pl_transport_free(f->t);
  for (int i = 0; i < ADDRESSES; i++) {
    close(f->listeners[i]);
    close(f->fds[i]);
  }
  free(f);
  return 0;
}

static void a_winner_outlives_an_attempt_that_fails_in_the_same_turn(void **state) {
  fixture *f = *state;
  turn_away(f->fds[0]);
  answer_request(f->fds[1], f->requests[1]);
  while (!f->s.opened && !f->s.closed) pl_transport_turn(f->t);
  assert_int_equal(f->s.closed, 0);
  say(f->fds[1], "hello");
  struct pollfd fd = {.fd = pl_transport_fd(f->t), .events = POLLIN};
  while (!*f->s.message && !f->s.closed) {
    assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
    pl_transport_turn(f->t);
  }
  assert_string_equal(f->s.message, "hello");
  assert_int_equal(f->s.opened, 1);
  assert_int_equal(f->s.closed, 0);
}

static void when_all_attempts_fail_the_end_is_reported_once(void **state) {
  fixture *f = *state;
  for (int i = 0; i < ADDRESSES; i++) turn_away(f->fds[i]);
  while (!f->s.closed) pl_transport_turn(f->t);
  assert_int_equal(f->s.error, PL_ENETWORK);
  assert_true(pl_transport_is_idle(f->t));
  for (int i = 0; i < 100; i++) pl_transport_turn(f->t);
  assert_int_equal(f->s.closed, 1);
  assert_int_equal(f->s.opened, 0);
}

static int open_descriptors(void) {
  int count = 0;
  DIR *all = opendir("/proc/self/fd");
  assert_non_null(all);
  while (readdir(all)) count++;
  closedir(all);
  return count;
}

/* An epoll of the transport, four of its loop (an epoll, a pipe, an eventfd), two of libwebsockets, and the socket. */
static void each_further_one_that_connects_takes_eight_descriptors(void **state) {
  enum { MORE = 8, EACH = 8 };
  const fixture *f = *state;
  seen s[MORE] = {{0}};
  pl_transport *more[MORE];
  pl_url url;
  assert_int_equal(pl_url_parse(&url, "ws://127.0.0.1:9"), 0);
  assert_false(pl_transport_is_idle(f->t));
  int before = open_descriptors();
  for (int i = 0; i < MORE; i++) {
    const pl_transport_handlers handlers = {on_open, on_message, on_closed, produce, has_output, &s[i]};
    assert_int_equal(pl_transport_new(&url, NULL, false, &handlers, &more[i]), 0);
    pl_transport_connect(more[i], &url);
  }
  assert_int_equal(open_descriptors() - before, MORE * EACH);
  for (int i = 0; i < MORE; i++) pl_transport_free(more[i]);
}

/* Returns how many open descriptors below `end` have this link in /proc, and the highest of them. */
static int descriptors_of(const char *link, int end, int *highest) {
  int count = 0;
  for (int fd = 0; fd < end; fd++) {
    char name[32], is[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, is, sizeof is - 1);
    if (n < 0) continue;
    is[n] = '\0';
    if (strncmp(is, link, strlen(link)) != 0) continue;
    count++;
    *highest = fd;
  }
  return count;
}

/* When a context ends, other threads may open files. They get numbers that were kept for that, because those are lower
 * than that of the context's event descriptor, which it opened last. */
static void numbers_are_kept_below_those_of_each_context(void **state) {
  enum { FREE = 24, ALL = 256, KEPT = 4 };
  fixture *f = *state;
  seen s = {0};
  const pl_transport_handlers handlers = {on_open, on_message, on_closed, produce, has_output, &s};
  int fds[FREE], event = -1, highest;
  pl_transport *first, *second;
  pl_url url;
  assert_int_equal(pl_url_parse(&url, "ws://127.0.0.1:9"), 0);
  pl_transport_free(f->t); /* the only one so far */
  f->t = NULL;
  for (int i = 0; i < FREE; i++) fds[i] = dup(STDERR_FILENO);
  assert_int_equal(pl_transport_new(&url, NULL, false, &handlers, &first), 0);
  pl_transport_connect(first, &url);
  int before = descriptors_of("anon_inode:[eventfd]", ALL, &event), above = event;
  for (int i = 0; i < FREE; i++) close(fds[i]);
  assert_int_equal(pl_transport_new(&url, NULL, false, &handlers, &second), 0);
  pl_transport_connect(second, &url);
  assert_int_equal(descriptors_of("anon_inode:[eventfd]", ALL, &event), 2 * before);
  assert_true(descriptors_of("anon_inode:[eventfd]", fds[FREE - 1], &event) > 0);
  assert_true(event < above);
  assert_true(descriptors_of("/memfd:pairlink", event, &highest) >= KEPT);
  pl_transport_free(first);
  pl_transport_free(second);
}

/* ---- TLS ------------------------------------------------------------------------------------------------ */

/* Relays that take every connection and do no more than the handshake. */
typedef struct tls_relays {
  SSL_CTX *config;
  int listeners[ADDRESSES];
  SSL *connections[16];
  nfds_t count;
  bool finished; /* a client has accepted the certificate */
} tls_relays;

/* The certificate is its own authority. */
static X509 *certificate_for(const char *name, EVP_PKEY **key) {
  X509 *cert;
  assert_true(make_certificate(key, &cert));
  for (int i = 0; i < 2; i++) {
    X509_NAME *names = i ? X509_get_issuer_name(cert) : X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(names, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0), 1);
  }
  assert_true(X509_sign(cert, *key, EVP_sha256()) > 0);
  return cert;
}

/* Replaces the file, as an update of the authorities does. */
static void write_authority(const char *file, X509 *cert) {
  char new[64];
  snprintf(new, sizeof new, "%s.new", file);
  FILE *out = fopen(new, "w");
  assert_non_null(out);
  assert_int_equal(PEM_write_X509(out, cert), 1);
  assert_int_equal(fclose(out), 0);
  assert_int_equal(rename(new, file), 0);
}

static void relays_drop(tls_relays *r, nfds_t i) {
  int fd = SSL_get_fd(r->connections[i]);
  SSL_free(r->connections[i]);
  close(fd);
  r->connections[i] = r->connections[--r->count];
}

static void relays_turn(tls_relays *r) {
  for (int i = 0; i < ADDRESSES; i++) {
    int fd = accept4(r->listeners[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) continue;
    assert_true(r->count < PL_ARRAY_LENGTH(r->connections));
    SSL *ssl = r->connections[r->count++] = SSL_new(r->config);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    SSL_set_accept_state(ssl);
  }
  for (nfds_t i = 0; i < r->count;) {
    int rc = SSL_do_handshake(r->connections[i]);
    if (rc == 1) r->finished = true;
    if (rc == 1 || SSL_get_error(r->connections[i], rc) == SSL_ERROR_WANT_READ)
      i++;
    else
      relays_drop(r, i);
  }
}

/* Drives both sides until the client has accepted the certificate or given up. */
static void turn_until_judged(tls_relays *r, pl_transport *t, const seen *s) {
  struct pollfd fds[1 + ADDRESSES + PL_ARRAY_LENGTH(r->connections)];
  while (!r->finished && !s->closed) {
    nfds_t count = 0;
    pl_transport_turn(t);
    relays_turn(r);
    fds[count++] = (struct pollfd){.fd = pl_transport_fd(t), .events = POLLIN};
    for (int i = 0; i < ADDRESSES; i++) fds[count++] = (struct pollfd){.fd = r->listeners[i], .events = POLLIN};
    for (nfds_t i = 0; i < r->count; i++)
      fds[count++] = (struct pollfd){.fd = SSL_get_fd(r->connections[i]), .events = POLLIN};
    int wait = pl_transport_timeout_ms(t);
    assert_true(poll(fds, count, wait < 0 ? PATIENCE_MS : wait) >= 0);
  }
}

static void relays_close(tls_relays *r) {
  while (r->count) relays_drop(r, r->count - 1);
  for (int i = 0; i < ADDRESSES; i++) close(r->listeners[i]);
  SSL_CTX_free(r->config);
}

static void after_a_refusal_the_next_attempt_reads_new_authorities(void **state) {
  char folder[] = "/tmp/pairlink-test-XXXXXX", file[64], text[64];
  EVP_PKEY *key, *other_key;
  X509 *cert = certificate_for("relay.test", &key), *other = certificate_for("another.test", &other_key);
  tls_relays r = {.config = SSL_CTX_new(TLS_server_method())};
  seen s = {0};
  const pl_transport_handlers handlers = {on_open, on_message, on_closed, produce, has_output, &s};
  pl_transport *t;
  pl_url url;
  (void)state;
  signal(SIGPIPE, SIG_IGN); /* of the relays */
  assert_non_null(mkdtemp(folder));
  snprintf(file, sizeof file, "%s/ca.pem", folder);
  assert_int_equal(SSL_CTX_use_certificate(r.config, cert), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(r.config, key), 1);
  snprintf(text, sizeof text, "wss://relay.test:%u", listen_at_all(r.listeners));
  assert_int_equal(pl_url_parse(&url, text), 0);
  assert_int_equal(pl_transport_new(&url, file, false, &handlers, &t), 0);
  write_authority(file, other);
  for (int i = 0; i < 2; i++) { /* the second one uses the authorities that the first one read */
    s = (seen){0};
    pl_transport_connect(t, &url);
    turn_until_judged(&r, t, &s);
    assert_int_equal(s.error, PL_ETLS);
    assert_false(r.finished);
  }
  write_authority(file, cert);
  s = (seen){0};
  pl_transport_connect(t, &url);
  turn_until_judged(&r, t, &s);
  assert_true(r.finished);
  pl_transport_free(t);
  relays_close(&r);
  X509_free(cert);
  X509_free(other);
  EVP_PKEY_free(key);
  EVP_PKEY_free(other_key);
  unlink(file);
  rmdir(folder);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FIXTURE(a_winner_outlives_an_attempt_that_fails_in_the_same_turn),
      WITH_FIXTURE(when_all_attempts_fail_the_end_is_reported_once),
      WITH_FIXTURE(each_further_one_that_connects_takes_eight_descriptors),
      WITH_FIXTURE(numbers_are_kept_below_those_of_each_context),
      cmocka_unit_test(after_a_refusal_the_next_attempt_reads_new_authorities),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
