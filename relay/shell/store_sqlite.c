/* The store in one SQLite file: WAL, one writer thread, one transaction for all lookups that came meanwhile, so a
 * thousand new IDs cost a few flushes of the disk. A known ID is a read; its last_seen is written once an hour. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "embedded.h"
#include "log.h"
#include "store.h"

enum { LAST_SEEN_EVERY_S = 3600, BUSY_MS = 5000, BATCH_MAX = 4096 };

typedef struct request {
  struct request *next;
  pl_store *from; /* of the loop that asked */
  pl_conn *conn;
  uint8_t id[32];
  bool may_create;
  pl_registration result;
} request;

typedef struct queue {
  request *head, **tail;
} queue;

/* What one loop has of the store; the first has the database and the thread, and the others know it by `first`. */
struct pl_store {
  pl_store *first;
  sqlite3 *db;
  sqlite3_stmt *select, *insert, *touch;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  queue asked, answered;
  bool stop, writing, touching;
  uv_async_t async;
  pl_store_done *done;
  void (*batch)(void *user);
  void *user;
};

/* ---- queues, under the mutex --------------------------------------------------------------------------------- */

static void queue_init(queue *q) {
  q->head = NULL;
  q->tail = &q->head;
}

static void queue_append(queue *q, request *r) {
  r->next = NULL;
  *q->tail = r;
  q->tail = &r->next;
}

static request *queue_take_all(queue *q) {
  request *all = q->head;
  queue_init(q);
  return all;
}

/* ---- the database, in the thread -------------------------------------------------------------------------------- */

static bool run(sqlite3 *db, const char *sql) {
  char *text = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK) return true;
  pl_log(PL_LOG_ERROR, "event=store-error text=\"%s\"", text ? text : "?");
  sqlite3_free(text);
  return false;
}

static bool step(pl_store *store, sqlite3_stmt *statement) {
  int rc = sqlite3_step(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (rc == SQLITE_DONE) return true;
  pl_log(PL_LOG_ERROR, "event=store-error text=\"%s\"", sqlite3_errmsg(store->db));
  return false;
}

/* A batch writes only when one of its lookups must. */
static bool begin(pl_store *store) {
  if (store->writing) return true;
  store->writing = run(store->db, "BEGIN IMMEDIATE");
  return store->writing;
}

static bool create(pl_store *store, const request *r, int64_t now_s) {
  if (!begin(store)) return false;
  sqlite3_bind_blob(store->insert, 1, r->id, 32, SQLITE_STATIC);
  sqlite3_bind_int64(store->insert, 2, now_s);
  return step(store, store->insert);
}

static void touch(pl_store *store, const request *r, int64_t now_s) {
  if (!begin(store)) return; /* the login does not depend on it */
  sqlite3_bind_blob(store->touch, 1, r->id, 32, SQLITE_STATIC);
  sqlite3_bind_int64(store->touch, 2, now_s);
  step(store, store->touch);
}

static pl_registration look_up(pl_store *store, const request *r, int64_t now_s) {
  sqlite3_bind_blob(store->select, 1, r->id, 32, SQLITE_STATIC);
  int rc = sqlite3_step(store->select);
  int64_t last_seen_s = rc == SQLITE_ROW ? sqlite3_column_int64(store->select, 0) : 0;
  bool revoked = rc == SQLITE_ROW && sqlite3_column_int(store->select, 1);
  sqlite3_reset(store->select);
  if (rc == SQLITE_ROW) {
    if (revoked) return PL_REGISTRATION_REVOKED;
    if (now_s - last_seen_s >= LAST_SEEN_EVERY_S || now_s < last_seen_s) touch(store, r, now_s);
    return PL_REGISTRATION_KNOWN;
  }
  if (rc != SQLITE_DONE) return PL_REGISTRATION_FAILED;
  if (!r->may_create) return PL_REGISTRATION_ABSENT;
  return create(store, r, now_s) ? PL_REGISTRATION_NEW : PL_REGISTRATION_FAILED;
}

static void run_batch(pl_store *store, request *all) {
  int64_t now_s = time(NULL);
  store->writing = false;
  for (request *r = all; r; r = r->next) r->result = look_up(store, r, now_s);
  if (!store->writing || run(store->db, "COMMIT")) return;
  run(store->db, "ROLLBACK");
  for (request *r = all; r; r = r->next)
    if (r->result == PL_REGISTRATION_NEW) r->result = PL_REGISTRATION_FAILED;
}

static void *thread_main(void *arg) {
  pl_store *store = arg;
  pthread_mutex_lock(&store->mutex);
  while (!store->stop || store->asked.head) {
    if (!store->asked.head) {
      pthread_cond_wait(&store->wake, &store->mutex);
      continue;
    }
    request *all = queue_take_all(&store->asked);
    pthread_mutex_unlock(&store->mutex);
    run_batch(store, all);
    pthread_mutex_lock(&store->mutex);
    while (all) {
      request *next = all->next;
      queue_append(&all->from->answered, all);
      uv_async_send(&all->from->async);
      all = next;
    }
  }
  pthread_mutex_unlock(&store->mutex);
  return NULL;
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static int version_of(sqlite3 *db) {
  sqlite3_stmt *statement = NULL;
  int version = -1;
  if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW)
    version = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  return version;
}

static bool migrate(sqlite3 *db, int from) {
  for (int v = from; v < (int)pl_embedded_migration_count; v++) {
    char text[64];
    snprintf(text, sizeof text, "PRAGMA user_version = %d; COMMIT;", v + 1);
    if (!run(db, "BEGIN IMMEDIATE")) return false;
    const pl_embedded *m = &pl_embedded_migrations[v];
    char *sql = sqlite3_mprintf("%.*s", (int)m->size, (const char *)m->data);
    bool good = sql && run(db, sql) && run(db, text);
    sqlite3_free(sql);
    if (!good) {
      run(db, "ROLLBACK");
      return false;
    }
    pl_log(PL_LOG_INFO, "event=migrated version=%d", v + 1);
  }
  return true;
}

static bool prepare(pl_store *store) {
  const struct {
    sqlite3_stmt **statement;
    const char *sql;
  } all[] = {
      {&store->select, "SELECT last_seen, revoked FROM registrations WHERE id = ?1"},
      {&store->insert, "INSERT INTO registrations (id, first_seen, last_seen) VALUES (?1, ?2, ?2)"},
      {&store->touch, "UPDATE registrations SET last_seen = ?2 WHERE id = ?1"},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(all); i++)
    if (sqlite3_prepare_v3(store->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, all[i].statement, NULL) != SQLITE_OK)
      return false;
  return true;
}

static bool open_database(pl_store *store, const char *path, char why[512]) {
  int version = -1;
  if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK) {
    sqlite3_busy_timeout(store->db, BUSY_MS);
    version = version_of(store->db);
  }
  if (version > (int)pl_embedded_migration_count) {
    snprintf(why, 512,
             "%s: its version %d is newer than this program's %zu; run the newer program, or name another --data", path,
             version, pl_embedded_migration_count);
    return false;
  }
  if (version >= 0 && run(store->db, "PRAGMA journal_mode = WAL") && run(store->db, "PRAGMA synchronous = FULL") &&
      migrate(store->db, version) && prepare(store))
    return true;
  snprintf(why, 512, "%s: %s", path, store->db ? sqlite3_errmsg(store->db) : "out of memory");
  return false;
}

static void close_database(pl_store *store) {
  sqlite3_finalize(store->select);
  sqlite3_finalize(store->insert);
  sqlite3_finalize(store->touch);
  sqlite3_close(store->db);
}

/* ---- the loop's side
 * -------------------------------------------------------------------------------------------------- */

static void on_answers(uv_async_t *async) {
  pl_store *store = async->data;
  pthread_mutex_lock(&store->first->mutex);
  request *all = queue_take_all(&store->answered);
  pthread_mutex_unlock(&store->first->mutex);
  while (all) {
    request *next = all->next;
    store->done(store->user, all->conn, all->result);
    pl_free(all);
    all = next;
  }
  if (store->batch) store->batch(store->user);
}

void pl_store_lookup(pl_store *store, pl_conn *conn, const uint8_t id[32], bool may_create) {
  request *r = pl_alloc(sizeof *r);
  if (!r) {
    store->done(store->user, conn, PL_REGISTRATION_FAILED);
    return;
  }
  r->from = store;
  r->conn = conn;
  memcpy(r->id, id, 32);
  r->may_create = may_create;
  pl_store *first = store->first;
  pthread_mutex_lock(&first->mutex);
  queue_append(&first->asked, r);
  pthread_cond_signal(&first->wake);
  pthread_mutex_unlock(&first->mutex);
}

void pl_store_on_batch(pl_store *store, void (*batch)(void *user)) {
  store->batch = batch;
}

pl_store *pl_store_open(const char *path, uv_loop_t *loop, pl_store_done *done, void *user, char why[512]) {
  pl_store *store = pl_alloc(sizeof *store);
  snprintf(why, 512, "out of memory");
  if (!store) return NULL;
  store->first = store;
  store->done = done;
  store->user = user;
  queue_init(&store->asked);
  queue_init(&store->answered);
  pthread_mutex_init(&store->mutex, NULL);
  pthread_cond_init(&store->wake, NULL);
  if (open_database(store, path, why)) {
    uv_async_init(loop, &store->async, on_answers);
    store->async.data = store;
    if (pthread_create(&store->thread, NULL, thread_main, store) == 0) return store;
    snprintf(why, 512, "a thread cannot be started");
    uv_close((uv_handle_t *)&store->async, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
  }
  close_database(store);
  pl_free(store);
  return NULL;
}

pl_store *pl_store_join(pl_store *store, uv_loop_t *loop, pl_store_done *done, void *user) {
  pl_store *joined = pl_alloc(sizeof *joined);
  if (!joined) return NULL;
  joined->first = store;
  joined->done = done;
  joined->user = user;
  queue_init(&joined->answered);
  uv_async_init(loop, &joined->async, on_answers);
  joined->async.data = joined;
  return joined;
}

static void on_async_closed(uv_handle_t *handle) {
  pl_free(handle->data);
}

static void stop(pl_store *store) {
  pthread_mutex_lock(&store->mutex);
  store->stop = true;
  pthread_cond_signal(&store->wake);
  pthread_mutex_unlock(&store->mutex);
  pthread_join(store->thread, NULL);
  close_database(store);
  pthread_cond_destroy(&store->wake);
  pthread_mutex_destroy(&store->mutex);
}

void pl_store_close(pl_store *store) {
  if (store->first == store) stop(store);
  for (request *r = store->answered.head, *next; r; r = next) {
    next = r->next;
    pl_free(r);
  }
  uv_close((uv_handle_t *)&store->async, on_async_closed);
}
