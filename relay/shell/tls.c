#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "../../client/tls/tls_bio.h"
#include "log.h"

/* Records are sealed into one buffer and sent together, because a system call for each costs about as much as its
 * encryption. Most of what one read of a socket brings for another then leaves in one call. OVERHEAD is more than a
 * record adds to its content, RECORD_MIN is worth a record of its own. */
enum { SEALED_AT_ONCE = 128 * 1024, OVERHEAD = 64, RECORD_MIN = 1024 };

/* Bytes that may wait for the socket: what was sealed together, the handshake's certificates, and answers that OpenSSL
 * sends on its own. A client that provokes answers and does not read them is disconnected. */
enum { LEFT_MAX = 192 * 1024 };

/* A client sends handshake messages during the handshake and later to ask for new keys. One of them costs the relay
 * thirty times as much as a small record, so beyond MESSAGES_FREE a client must have sent BYTES_PER_MESSAGE for each.
 * No client needs new keys more often than every 16 MiB. */
enum { MESSAGES_FREE = 32, BYTES_PER_MESSAGE = 1 << 20 };

/* `bio` is between OpenSSL and every connection, because one for each would take 0.2 KB of each. It reads and writes
 * for `current`, which each call of this file sets. Between two of these calls `bio` has nothing to read, and `sealed`,
 * which holds what OpenSSL has written, is empty. */
struct pl_tls_server {
  SSL_CTX *config;
  BIO *openssl; /* OpenSSL's side of `bio` */
  pl_tls_bio bio;
  pl_tls *current;
  size_t sealed_size;
  uint8_t sealed[SEALED_AT_ONCE];
};

struct pl_tls {
  SSL *ssl;
  pl_tls_server *server;
  int fd;
  bool failed, ended;       /* ended: the client sends nothing more */
  bool holds_buffers;       /* OpenSSL may do so, since a message of the handshake came */
  uint64_t messages, bytes; /* handshake messages and bytes received */
  pl_view in;               /* what came from the socket, borrowed */
  pl_buffer left;
};

/* ---- between OpenSSL and the socket ------------------------------------------------------------------------------ */

/* Returns how many bytes the socket accepted, or -1 when it is broken. */
static ssize_t tls_put(const pl_tls *tls, const uint8_t *data, size_t size) {
  ssize_t n;
  do n = send(tls->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n < 0 && errno == EAGAIN ? 0 : n;
}

/* Sends what OpenSSL has written. What the socket does not accept waits. */
static void tls_send(pl_tls *tls) {
  pl_tls_server *server = tls->server;
  size_t size = server->sealed_size;
  if (size == 0) return;
  ssize_t n = tls->left.size ? 0 : tls_put(tls, server->sealed, size);
  if (n < 0 || ((size_t)n < size && pl_buffer_append(&tls->left, server->sealed + n, size - (size_t)n) != 0))
    tls->failed = true;
  server->sealed_size = 0;
}

static bool tls_collect(pl_tls_bio *bio, const uint8_t *data, size_t size) {
  pl_tls_server *server = PL_CONTAINER(bio, pl_tls_server, bio);
  pl_tls *tls = server->current;
  for (size_t at = 0, n; at < size; at += n) {
    size_t room = sizeof server->sealed - server->sealed_size;
    n = size - at < room ? size - at : room;
    memcpy(server->sealed + server->sealed_size, data + at, n);
    server->sealed_size += n;
    if (n == room) tls_send(tls);
  }
  return !tls->failed;
}

/* ---- what all connections have in common ------------------------------------------------------------------------- */

static void on_tls_message(int is_ours, int version, int type, const void *data, size_t size, SSL *ssl, void *user) {
  pl_tls *tls = user;
  (void)version;
  (void)data;
  (void)size;
  (void)ssl;
  if (is_ours || type != SSL3_RT_HANDSHAKE) return;
  tls->holds_buffers = true;
  if (++tls->messages > MESSAGES_FREE + tls->bytes / BYTES_PER_MESSAGE) tls->failed = true;
}

/* Chooses HTTP/1.1, also for a client that would prefer another protocol. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *offered,
                           unsigned offered_size, void *user) {
  static const unsigned char ours[] = "\x08http/1.1";
  unsigned char *found;
  (void)ssl;
  (void)user;
  if (SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = found;
  return SSL_TLSEXT_ERR_OK;
}

/* Refuses a key that needs a pass phrase, because there is no one to ask. */
static int no_pass_phrase(char *out, int capacity, int writing, void *user) {
  (void)out;
  (void)capacity;
  (void)writing;
  (void)user;
  return -1;
}

/* AES-128 comes first: it is the cheapest that is safe. A client that puts ChaCha20 first, because its processor has no
 * instructions for AES, gets that. */
static const char SUITES_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
                  SUITES_12[] = "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20";

static bool set_up(SSL_CTX *config, const char *cert, const char *key) {
  SSL_CTX_set_options(config, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                  SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(config, SSL_MODE_RELEASE_BUFFERS); /* so that an idle connection holds none */
  SSL_CTX_set_session_cache_mode(config, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(config, choose_protocol, NULL);
  SSL_CTX_set_default_passwd_cb(config, no_pass_phrase);
  SSL_CTX_set_msg_callback(config, on_tls_message);
  return SSL_CTX_set_min_proto_version(config, TLS1_2_VERSION) && SSL_CTX_set_ciphersuites(config, SUITES_13) &&
         SSL_CTX_set_cipher_list(config, SUITES_12) && SSL_CTX_use_certificate_chain_file(config, cert) == 1 &&
         SSL_CTX_use_PrivateKey_file(config, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(config) == 1;
}

pl_tls_server *pl_tls_server_new(const char *cert, const char *key) {
  char text[256] = "out of memory";
  ERR_clear_error();
  pl_tls_server *server = pl_alloc(sizeof *server);
  if (server) {
    server->bio.write = tls_collect;
    server->openssl = pl_tls_bio_new(&server->bio);
    server->config = SSL_CTX_new(TLS_server_method());
  }
  if (server && server->openssl && server->config && set_up(server->config, cert, key)) return server;
  if (ERR_peek_error()) ERR_error_string_n(ERR_peek_error(), text, sizeof text);
  pl_log_write(PL_RELAY_LOG_ERROR, "event=tls text=\"%s\"", text);
  pl_tls_server_free(server);
  return NULL;
}

void pl_tls_server_free(pl_tls_server *server) {
  if (server) {
    SSL_CTX_free(server->config);
    BIO_free(server->openssl);
  }
  pl_free(server);
}

/* ---- one connection ---------------------------------------------------------------------------------------------- */

pl_tls *pl_tls_new(pl_tls_server *server, int fd) {
  pl_tls *tls = pl_alloc(sizeof *tls);
  if (tls) tls->ssl = SSL_new(server->config);
  if (!tls || !tls->ssl) {
    pl_free(tls);
    return NULL;
  }
  tls->server = server;
  tls->fd = fd;
  pl_buffer_init(&tls->left, LEFT_MAX);
  BIO_up_ref(server->openssl);
  SSL_set_bio(tls->ssl, server->openssl, server->openssl);
  SSL_set_msg_callback_arg(tls->ssl, tls);
  SSL_set_accept_state(tls->ssl);
  return tls;
}

void pl_tls_free(pl_tls *tls) {
  if (!tls) return;
  SSL_free(tls->ssl);
  pl_buffer_deinit(&tls->left);
  pl_free(tls);
}

void pl_tls_feed(pl_tls *tls, const uint8_t *data, size_t size) {
  tls->in = (pl_view){data, size};
}

/* OpenSSL frees its buffer after each record, so that an idle connection holds none. When another record follows, that
 * would be in vain. */
static void keep_buffer(pl_tls *tls, bool keep) {
  if (keep)
    SSL_clear_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS);
  else
    SSL_set_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS);
}

/* A message of the handshake leaves buffers behind. Writing nothing sends the answer, if one is due, and frees the one
 * for writing. A look for more finds nothing and frees the one for reading, unless that holds a part of a record. */
static void release_buffers(pl_tls *tls) {
  size_t written;
  uint8_t none;
  if (!SSL_is_init_finished(tls->ssl)) return;
  tls->holds_buffers = false;
  (void)SSL_write_ex(tls->ssl, "", 0, &written);
  (void)SSL_peek(tls->ssl, &none, 1);
}

static int read_record(pl_tls *tls, uint8_t *out) {
  bool another = tls->server->bio.in.size > PL_TLS_RECORD + SSL3_RT_MAX_ENCRYPTED_OVERHEAD + SSL3_RT_HEADER_LENGTH;
  if (another) keep_buffer(tls, true);
  int n = SSL_read(tls->ssl, out, PL_TLS_RECORD);
  if (another) keep_buffer(tls, false);
  return n;
}

/* One call of OpenSSL returns at most one record; this reads as many records as there is room for. OpenSSL keeps at
 * most a part of a record, so it is not asked once everything was passed on. Returns their size. */
static size_t decrypt_records(pl_tls *tls, uint8_t *out, size_t capacity, bool *broken) {
  size_t size = 0;
  while (!*broken && !tls->failed && !tls->ended && tls->server->bio.in.size && capacity - size >= PL_TLS_RECORD) {
    int n = read_record(tls, out + size), why = n > 0 ? 0 : SSL_get_error(tls->ssl, n);
    if (n > 0)
      size += (size_t)n;
    else if (why == SSL_ERROR_ZERO_RETURN)
      tls->ended = true;
    else if (why != SSL_ERROR_WANT_READ)
      *broken = true;
  }
  return size;
}

long pl_tls_read(pl_tls *tls, uint8_t *out, size_t capacity) {
  pl_tls_server *server = tls->server;
  bool broken = false;
  pl_tls_forget_errors(); /* a look of some 200 instructions; writing needs none, since its result says it all */
  server->current = tls;
  server->bio.in = tls->in;
  size_t size = decrypt_records(tls, out, capacity, &broken);
  tls->in = server->bio.in;
  server->bio.in = (pl_view){0};
  if (tls->holds_buffers && !tls->in.size && !broken && !tls->failed && !tls->ended) release_buffers(tls);
  tls_send(tls); /* answers of OpenSSL's own; an alert, when the connection is broken */
  if (broken) tls->failed = true;
  tls->bytes += size;
  return size ? (long)size : tls->failed || tls->ended ? -1 : 0;
}

/* Seals a record into what room there is, and sends all when that was used up. Returns its size, or 0 after an error.
 */
static size_t write_record(pl_tls *tls, const uint8_t *data, size_t size) {
  size_t room = SEALED_AT_ONCE - tls->server->sealed_size - OVERHEAD;
  size_t n = size < PL_TLS_RECORD ? size : PL_TLS_RECORD;
  if (n > room) n = room;
  if (n < size) keep_buffer(tls, true);
  if (SSL_write(tls->ssl, data, (int)n) != (int)n) tls->failed = true;
  if (n < size) keep_buffer(tls, false);
  if (tls->failed) return 0;
  if (SEALED_AT_ONCE - tls->server->sealed_size <= RECORD_MIN + OVERHEAD) tls_send(tls);
  return n;
}

size_t pl_tls_write(pl_tls *tls, const uint8_t *data, size_t size) {
  size_t taken = 0;
  tls->server->current = tls;
  while (taken < size && !tls->failed && !pl_tls_waits(tls) && SSL_is_init_finished(tls->ssl))
    taken += write_record(tls, data + taken, size - taken);
  tls_send(tls);
  return taken;
}

bool pl_tls_flush(pl_tls *tls) {
  while (tls->left.size && !tls->failed) {
    ssize_t n = tls_put(tls, pl_buffer_data(&tls->left), tls->left.size);
    if (n == 0) return false;
    if (n < 0)
      tls->failed = true;
    else
      pl_buffer_consume(&tls->left, (size_t)n);
  }
  pl_buffer_trim(&tls->left);
  return !tls->failed;
}

bool pl_tls_waits(const pl_tls *tls) {
  return tls->left.size > 0;
}

bool pl_tls_failed(const pl_tls *tls) {
  return tls->failed;
}

void pl_tls_finish(pl_tls *tls) {
  if (tls->failed || !SSL_is_init_finished(tls->ssl) || SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN) return;
  tls->server->current = tls;
  (void)SSL_shutdown(tls->ssl);
  tls_send(tls);
}
