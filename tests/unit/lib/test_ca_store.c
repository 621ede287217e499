/* Certificate authorities that clients share: which ones share, and when a file is read again. */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/core/base/base.h"
#include "client/lib/ca_store.h"

enum { THREADS = 8, ROUNDS = 200 };

static char folder[] = "/tmp/pairlink-ca-XXXXXX", one[64], other[64];

static void write_authorities(const char *file, const char *mode, int count) {
  FILE *out = fopen(file, mode);
  assert_non_null(out);
  for (int i = 0; i < count; i++) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    assert_true(key && cert);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const uint8_t *)"a", 1, -1, 0);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(out, cert), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
  }
  assert_int_equal(fclose(out), 0);
}

static int count_of(const pl_ca_store *s) {
  return sk_X509_OBJECT_num(X509_STORE_get0_objects(pl_ca_store_x509(s)));
}

static int setup(void **state) {
  (void)state;
  snprintf(one, sizeof one, "%s/one.pem", folder);
  snprintf(other, sizeof other, "%s/other.pem", folder);
  write_authorities(one, "w", 2);
  write_authorities(other, "w", 1);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unlink(one);
  unlink(other);
  return 0;
}

static void the_same_file_is_read_once(void **state) {
  (void)state;
  pl_ca_store *a = pl_ca_store_get(one), *b = pl_ca_store_get(one), *c = pl_ca_store_get(other);
  assert_non_null(a);
  assert_ptr_equal(a, b);
  assert_ptr_not_equal(a, c);
  assert_int_equal(count_of(a), 2);
  assert_int_equal(count_of(c), 1);
  pl_ca_store_release(a);
  assert_int_equal(count_of(b), 2); /* the other user still has it */
  pl_ca_store_release(c);
  pl_ca_store_release(b);
  pl_ca_store_release(NULL);
}

static void a_changed_file_is_read_again(void **state) {
  (void)state;
  pl_ca_store *before = pl_ca_store_get(one);
  write_authorities(one, "a", 1);
  pl_ca_store *after = pl_ca_store_get(one);
  assert_ptr_not_equal(before, after);
  assert_int_equal(count_of(before), 2);
  assert_int_equal(count_of(after), 3);
  pl_ca_store_release(before);
  assert_ptr_equal(pl_ca_store_get(one), after);
  pl_ca_store_release(after);
  pl_ca_store_release(after);
}

static void a_missing_file_has_none_until_it_is_there(void **state) {
  (void)state;
  unlink(one);
  pl_ca_store *missing = pl_ca_store_get(one);
  assert_non_null(missing);
  assert_int_equal(count_of(missing), 0);
  write_authorities(one, "w", 1);
  pl_ca_store *there = pl_ca_store_get(one);
  assert_int_equal(count_of(there), 1);
  pl_ca_store_release(missing);
  pl_ca_store_release(there);
}

static void the_system_has_a_store_of_its_own(void **state) {
  (void)state;
  setenv(X509_get_default_cert_file_env(), other, 1);
  pl_ca_store *system = pl_ca_store_get(NULL), *again = pl_ca_store_get(NULL), *named = pl_ca_store_get(other);
  unsetenv(X509_get_default_cert_file_env());
  assert_ptr_equal(system, again);
  assert_ptr_not_equal(system, named);
  assert_true(count_of(system) >= 1);
  pl_ca_store_release(system);
  pl_ca_store_release(again);
  pl_ca_store_release(named);
}

static void without_memory_there_is_none(void **state) {
  (void)state;
  pl_alloc_fail_at(1);
  assert_null(pl_ca_store_get(one));
  pl_ca_store *s = pl_ca_store_get(one);
  assert_int_equal(count_of(s), 2);
  pl_ca_store_release(s);
}

static void *get_and_release(void *failed) {
  for (int i = 0; i < ROUNDS; i++) {
    pl_ca_store *s = pl_ca_store_get(i % 2 ? one : other);
    if (!s || count_of(s) != (i % 2 ? 2 : 1)) *(bool *)failed = true;
    pl_ca_store_release(s);
  }
  return NULL;
}

static void threads_may_share(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  bool failed[THREADS] = {false};
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, get_and_release, &failed[i]), 0);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(failed[i]);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_same_file_is_read_once),
      TEST(a_changed_file_is_read_again),
      TEST(a_missing_file_has_none_until_it_is_there),
      TEST(the_system_has_a_store_of_its_own),
      TEST(without_memory_there_is_none),
      TEST(threads_may_share),
  };
  if (!mkdtemp(folder)) return 1;
  int rc = cmocka_run_group_tests(tests, NULL, NULL);
  rmdir(folder);
  return rc;
}
