#include "tls_bio.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

static int bio_read(BIO *openssl, char *out, int capacity) {
  pl_tls_bio *bio = BIO_get_data(openssl);
  BIO_clear_retry_flags(openssl);
  if (bio->in.size == 0) {
    BIO_set_retry_read(openssl);
    return -1;
  }
  size_t n = bio->in.size < (size_t)capacity ? bio->in.size : (size_t)capacity;
  memcpy(out, bio->in.data, n);
  bio->in.data += n;
  bio->in.size -= n;
  return (int)n;
}

static int bio_write(BIO *openssl, const char *data, int size) {
  pl_tls_bio *bio = BIO_get_data(openssl);
  BIO_clear_retry_flags(openssl);
  return bio->write(bio, (const uint8_t *)data, (size_t)size) ? size : -1;
}

static long bio_ctrl(BIO *openssl, int command, long number, void *pointer) {
  (void)openssl;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH; /* no other command is supported */
}

/* Never freed. NULL before the first use, and when memory ran out then. */
static BIO_METHOD *method;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static void make_method(void) {
  BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pairlink");
  if (made && BIO_meth_set_read(made, bio_read) && BIO_meth_set_write(made, bio_write) &&
      BIO_meth_set_ctrl(made, bio_ctrl))
    method = made;
  else
    BIO_meth_free(made);
}

BIO *pl_tls_bio_new(pl_tls_bio *bio) {
  pthread_mutex_lock(&making);
  if (!method) make_method();
  pthread_mutex_unlock(&making);
  BIO *openssl = method ? BIO_new(method) : NULL;
  if (!openssl) return NULL;
  BIO_set_data(openssl, bio);
  BIO_set_init(openssl, 1);
  return openssl;
}

/* Looking costs less than clearing. */
void pl_tls_forget_errors(void) {
  if (ERR_peek_error()) ERR_clear_error();
}
