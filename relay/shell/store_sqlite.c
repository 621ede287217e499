/* The store in one SQLite file: WAL, one writer thread, one transaction for all lookups that came meanwhile, so a
 * thousand new IDs cost a few flushes of the disk. A known ID is a read;
 * what changes with it is noted and written later. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "embedded.h"
#include "log.h"
#include "store.h"
#include "store_sqlite.h"

enum {
  LAST_SEEN_EVERY_S = 3600, /* precise enough for a month */
  BUSY_MS = 5000,
  NOTES_MAX = 4096,
  FLUSH_EVERY_S = 180,
  PURGE_EVERY_S = 86400,
  PURGE_BATCH = 500,
  DAY_S = 86400
};

typedef struct request {
  struct request *next;
  pl_store *from; /* of the loop that asked */
  pl_conn *conn;
  uint8_t id[32];
  bool may_create, has_token;
  pl_token_claim token;
  pl_registration result;
} request;

/* Something about an ID that can wait to be written. */
typedef struct note {
  uint8_t id[32];
  int64_t seen_s;
  bool linked;
} note;

typedef struct queue {
  request *head, **tail;
} queue;

/* What one loop has of the store; the first has the database and the thread, and the others know it by `first`. */
struct pl_store {
  pl_store *first;
  sqlite3 *db;
  sqlite3_stmt *select, *insert, *touch, *token, *use, *purge;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  queue asked, answered;
  bool stop;
  bool busy;   /* of the batch: it could not write, because somebody else does */
  note *notes; /* under the mutex, NOTES_MAX */
  size_t note_count;
  uint64_t flush_at_s, purge_at_s; /* monotonic; 0: as soon as possible */
  uint32_t purge_days;             /* 0: never */
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
  store->busy |= rc == SQLITE_BUSY;
  if (rc != SQLITE_BUSY) pl_log(PL_LOG_ERROR, "event=store-error text=\"%s\"", sqlite3_errmsg(store->db));
  return false;
}

static bool create(pl_store *store, const request *r, int64_t now_s, int class) {
  sqlite3_bind_blob(store->insert, 1, r->id, 32, SQLITE_STATIC);
  sqlite3_bind_int64(store->insert, 2, now_s);
  sqlite3_bind_int(store->insert, 3, class);
  return step(store, store->insert);
}

/* Full: the note is lost, which costs nothing but precision. */
static void add_note(pl_store *store, const uint8_t id[32], bool linked) {
  pthread_mutex_lock(&store->mutex);
  if (store->note_count < NOTES_MAX) {
    note *n = &store->notes[store->note_count++];
    *n = (note){.seen_s = time(NULL), .linked = linked};
    memcpy(n->id, id, 32);
  }
  if (store->note_count >= NOTES_MAX / 2) pthread_cond_signal(&store->wake);
  pthread_mutex_unlock(&store->mutex);
}

/* Takes one use of the token that the claim proves. */
static bool use_token(pl_store *store, const pl_token_claim *claim, int64_t now_s) {
  uint8_t key[32];
  sqlite3_bind_blob(store->token, 1, claim->proof, PL_TOKEN_HINT_BYTES, SQLITE_STATIC);
  sqlite3_bind_int64(store->token, 2, now_s);
  bool found = sqlite3_step(store->token) == SQLITE_ROW && sqlite3_column_bytes(store->token, 0) == 32;
  if (found) memcpy(key, sqlite3_column_blob(store->token, 0), 32);
  sqlite3_reset(store->token);
  sqlite3_clear_bindings(store->token);
  if (!found || pl_token_verify(claim->proof, key, claim->transcript) != 0) return false;
  sqlite3_bind_blob(store->use, 1, claim->proof, PL_TOKEN_HINT_BYTES, SQLITE_STATIC);
  return step(store, store->use) && sqlite3_changes(store->db) == 1;
}

static pl_registration look_up(pl_store *store, const request *r, int64_t now_s) {
  sqlite3_bind_blob(store->select, 1, r->id, 32, SQLITE_STATIC);
  int rc = sqlite3_step(store->select);
  int64_t last_seen_s = rc == SQLITE_ROW ? sqlite3_column_int64(store->select, 0) : 0;
  bool revoked = rc == SQLITE_ROW && sqlite3_column_int(store->select, 1);
  sqlite3_reset(store->select);
  if (rc == SQLITE_ROW) {
    if (revoked) return PL_REGISTRATION_REVOKED;
    if (now_s - last_seen_s >= LAST_SEEN_EVERY_S || now_s < last_seen_s) add_note(store, r->id, false);
    return PL_REGISTRATION_KNOWN;
  }
  if (rc != SQLITE_DONE) return PL_REGISTRATION_FAILED;
  bool invited = !r->may_create && r->has_token && use_token(store, &r->token, now_s);
  if (!r->may_create && !invited) return PL_REGISTRATION_ABSENT;
  return create(store, r, now_s, invited) ? PL_REGISTRATION_NEW : PL_REGISTRATION_FAILED;
}

/* Not made after all: so whoever asked for it again in the same batch does not have it either. */
static void take_back(request *made) {
  for (request *r = made; r; r = r->next)
    if (r == made || (r->result == PL_REGISTRATION_KNOWN && memcmp(r->id, made->id, 32) == 0))
      r->result = PL_REGISTRATION_FAILED;
}

/* All lookups in one transaction, which locks nothing against others before one of them must write. False: somebody
 * else, such as `token new`, wrote or writes meanwhile; nothing was done. */
static bool try_batch(pl_store *store, request *all, const char *begin) {
  int64_t now_s = time(NULL);
  bool good = run(store->db, begin);
  store->busy = false;
  for (request *r = all; r; r = r->next) r->result = good ? look_up(store, r, now_s) : PL_REGISTRATION_FAILED;
  if (!good) return true;
  if (!store->busy && run(store->db, "COMMIT")) return true;
  run(store->db, "ROLLBACK");
  for (request *r = all; r; r = r->next)
    if (r->result == PL_REGISTRATION_NEW) take_back(r);
  return !store->busy;
}

static void run_batch(pl_store *store, request *all) {
  if (!try_batch(store, all, "BEGIN")) (void)try_batch(store, all, "BEGIN IMMEDIATE");
}

/* ---- what can wait, in the thread ------------------------------------------------------------------------------ */

static uint64_t monotonic_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec;
}

static void write_notes(pl_store *store, const note *notes, size_t count) {
  if (count == 0 || !run(store->db, "BEGIN IMMEDIATE")) return;
  for (size_t i = 0; i < count; i++) {
    sqlite3_bind_blob(store->touch, 1, notes[i].id, 32, SQLITE_STATIC);
    sqlite3_bind_int64(store->touch, 2, notes[i].seen_s);
    sqlite3_bind_int(store->touch, 3, notes[i].linked);
    step(store, store->touch);
  }
  if (!run(store->db, "COMMIT")) run(store->db, "ROLLBACK");
}

/* With the mutex, which is free while it writes. */
static void flush_notes(pl_store *store) {
  note *full = store->notes, *empty = pl_alloc(NOTES_MAX * sizeof *empty);
  size_t count = store->note_count;
  store->flush_at_s = monotonic_s() + FLUSH_EVERY_S;
  store->note_count = 0;
  if (!empty) return; /* no memory: lost, which costs precision only */
  store->notes = empty;
  pthread_mutex_unlock(&store->mutex);
  write_notes(store, full, count);
  pl_free(full);
  pthread_mutex_lock(&store->mutex);
}

/* One small batch, so that logins need not wait for all; true: there may be more. */
static bool purge_some(pl_store *store, uint32_t days) {
  sqlite3_bind_int64(store->purge, 1, time(NULL) - (int64_t)days * DAY_S);
  sqlite3_bind_int(store->purge, 2, PURGE_BATCH);
  if (!step(store, store->purge)) return false;
  int gone = sqlite3_changes(store->db);
  if (gone) pl_log(PL_LOG_INFO, "event=purged registrations=%d", gone);
  return gone == PURGE_BATCH;
}

/* With the mutex: does one thing that is due, or waits. */
static void idle(pl_store *store) {
  uint64_t now_s = monotonic_s();
  if (store->note_count >= NOTES_MAX / 2 || (store->note_count && now_s >= store->flush_at_s)) {
    flush_notes(store);
  } else if (store->purge_days && now_s >= store->purge_at_s) {
    uint32_t days = store->purge_days;
    pthread_mutex_unlock(&store->mutex);
    bool more = purge_some(store, days);
    pthread_mutex_lock(&store->mutex);
    if (!more) store->purge_at_s = now_s + PURGE_EVERY_S;
  } else {
    uint64_t until_s = now_s + FLUSH_EVERY_S;
    struct timespec at = {.tv_sec = (time_t)until_s};
    pthread_cond_timedwait(&store->wake, &store->mutex, &at);
  }
}

static void *thread_main(void *arg) {
  pl_store *store = arg;
  pthread_mutex_lock(&store->mutex);
  while (!store->stop || store->asked.head) {
    if (!store->asked.head) {
      idle(store);
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
  flush_notes(store);
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
      {&store->insert, "INSERT INTO registrations (id, first_seen, last_seen, class) VALUES (?1, ?2, ?2, ?3)"},
      {&store->touch, "UPDATE registrations SET last_seen = ?2, linked = max(linked, ?3) WHERE id = ?1"},
      {&store->token, "SELECT key FROM tokens WHERE hint = ?1 AND revoked = 0 AND uses_left > 0 AND expires > ?2"},
      {&store->use, "UPDATE tokens SET uses_left = uses_left - 1 WHERE hint = ?1 AND uses_left > 0 AND revoked = 0"},
      {&store->purge,
       "DELETE FROM registrations WHERE id IN (SELECT id FROM registrations WHERE last_seen < ?1 AND linked = 0 AND "
       "class = 0 AND revoked = 0 LIMIT ?2)"},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(all); i++)
    if (sqlite3_prepare_v3(store->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, all[i].statement, NULL) != SQLITE_OK)
      return false;
  return true;
}

sqlite3 *pl_store_database(const char *path, char why[512]) {
  sqlite3 *db = NULL;
  int version = -1;
  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK) {
    sqlite3_busy_timeout(db, BUSY_MS);
    version = version_of(db);
  }
  if (version > (int)pl_embedded_migration_count)
    snprintf(why, 512,
             "%s: its version %d is newer than this program's %zu; run the newer program, or name another --data", path,
             version, pl_embedded_migration_count);
  else if (version >= 0 && run(db, "PRAGMA journal_mode = WAL") && run(db, "PRAGMA synchronous = FULL") &&
           migrate(db, version))
    return db;
  else
    snprintf(why, 512, "%s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
  sqlite3_close(db);
  return NULL;
}

static bool open_database(pl_store *store, const char *path, char why[512]) {
  store->db = pl_store_database(path, why);
  if (!store->db) return false;
  if (prepare(store)) return true;
  snprintf(why, 512, "%s: %s", path, sqlite3_errmsg(store->db));
  return false;
}

static void close_database(pl_store *store) {
  sqlite3_finalize(store->select);
  sqlite3_finalize(store->insert);
  sqlite3_finalize(store->touch);
  sqlite3_finalize(store->token);
  sqlite3_finalize(store->use);
  sqlite3_finalize(store->purge);
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
  pl_store_lookup_with(store, conn, id, may_create, NULL);
}

void pl_store_linked(pl_store *store, const uint8_t id[32]) {
  add_note(store->first, id, true);
}

void pl_store_purge_after(pl_store *store, uint32_t days) {
  pthread_mutex_lock(&store->mutex);
  store->purge_days = days;
  pthread_cond_signal(&store->wake);
  pthread_mutex_unlock(&store->mutex);
}

void pl_store_lookup_with(pl_store *store, pl_conn *conn, const uint8_t id[32], bool may_create,
                          const pl_token_claim *token) {
  request *r = pl_alloc(sizeof *r);
  if (!r) {
    store->done(store->user, conn, PL_REGISTRATION_FAILED);
    return;
  }
  r->from = store;
  r->conn = conn;
  memcpy(r->id, id, 32);
  r->may_create = may_create;
  r->has_token = token != NULL;
  if (token) r->token = *token;
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
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&store->wake, &monotonic);
  store->notes = pl_alloc(NOTES_MAX * sizeof *store->notes);
  store->flush_at_s = monotonic_s() + FLUSH_EVERY_S;
  if (store->notes && open_database(store, path, why)) {
    uv_async_init(loop, &store->async, on_answers);
    store->async.data = store;
    if (pthread_create(&store->thread, NULL, thread_main, store) == 0) return store;
    snprintf(why, 512, "a thread cannot be started");
    uv_close((uv_handle_t *)&store->async, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
  }
  close_database(store);
  pl_free(store->notes);
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
  pl_free(store->notes);
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
