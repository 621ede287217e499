#include "ca_store.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../core/base/base.h"

struct pl_ca_store {
  pl_ca_store *next;
  char *file; /* NULL: the system's */
  struct stat seen;
  X509_STORE *x509;
  unsigned users;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pl_ca_store *stores;

static const char *ca_file_named(const char *file) {
  if (file) return file;
  const char *named = getenv(X509_get_default_cert_file_env());
  return named ? named : X509_get_default_cert_file();
}

/* Of a file that is not there, everything is 0. */
static void ca_file_look(const char *file, struct stat *out) {
  memset(out, 0, sizeof *out);
  if (stat(ca_file_named(file), out) != 0) memset(out, 0, sizeof *out);
}

static bool store_is_of(const pl_ca_store *s, const char *file, const struct stat *now) {
  if (!s->file != !file || (file && strcmp(s->file, file) != 0)) return false;
  return s->seen.st_dev == now->st_dev && s->seen.st_ino == now->st_ino && s->seen.st_size == now->st_size &&
         s->seen.st_mtim.tv_sec == now->st_mtim.tv_sec && s->seen.st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

static void store_free(pl_ca_store *s) {
  X509_STORE_free(s->x509);
  free(s->file);
  pl_free(s);
}

/* The file was looked at before it is read: when it changes in between, it is read again next time. */
static pl_ca_store *store_new(const char *file, const struct stat *seen) {
  pl_ca_store *s = pl_alloc(sizeof *s);
  if (!s) return NULL;
  s->seen = *seen;
  s->file = file ? strdup(file) : NULL;
  s->x509 = !file || s->file ? X509_STORE_new() : NULL;
  if (!s->x509) {
    store_free(s);
    return NULL;
  }
  if (file)
    (void)X509_STORE_load_file(s->x509, file);
  else
    (void)X509_STORE_set_default_paths(s->x509);
  ERR_clear_error();
  return s;
}

static pl_ca_store *store_find(const char *file, const struct stat *now) {
  for (pl_ca_store *s = stores; s; s = s->next)
    if (store_is_of(s, file, now)) return s;
  return NULL;
}

pl_ca_store *pl_ca_store_get(const char *file) {
  struct stat now;
  pthread_mutex_lock(&mutex);
  ca_file_look(file, &now);
  pl_ca_store *s = store_find(file, &now);
  if (!s && (s = store_new(file, &now))) {
    s->next = stores;
    stores = s;
  }
  if (s) s->users++;
  pthread_mutex_unlock(&mutex);
  return s;
}

void pl_ca_store_release(pl_ca_store *store) {
  if (!store) return;
  pthread_mutex_lock(&mutex);
  if (--store->users == 0) {
    pl_ca_store **at = &stores;
    while (*at != store) at = &(*at)->next;
    *at = store->next;
    store_free(store);
  }
  pthread_mutex_unlock(&mutex);
}

X509_STORE *pl_ca_store_x509(const pl_ca_store *store) {
  return store->x509;
}
