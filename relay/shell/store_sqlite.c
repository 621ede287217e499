/* The store in one SQLite file in WAL mode. Two threads have a connection each. The reader waits for no writer, so
 * known IDs are admitted whatever happens to the disk. IDs that it does not find go to the writer, which registers all
 * that came in the meantime in one transaction, so a thousand new IDs cost only a few flushes of the disk. Changes to a
 * known ID are noted and written later. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "shell.h"
#include "store.h"
#include "store_sqlite.h"

enum {
  LAST_SEEN_EVERY_S = 3600, /* how precisely last_seen is kept: enough for purging after days */
  NOTES_MAX = 4096,
  FLUSH_EVERY_S = 180,
  PURGE_EVERY_S = 86400,
  PURGE_BATCH = 500,
  PROBE_EVERY_S = 60, /* after this long without a write, checks whether writing works */
  RETRY_EVERY_S = 1,  /* the same while writing fails */
  SAY_EVERY_S = 60    /* the log repeats a failure at most this often */
};

typedef struct request {
  struct request *next;
  pl_store *from; /* the loop that asked */
  pl_relay_conn *conn;
  uint8_t id[32];
  bool may_create, has_token;
  pl_relay_token_claim token;
  pl_relay_registration result;
} request;

/* A change to an ID that can be written later. */
typedef struct note {
  uint8_t id[32];
  int64_t seen_s;
  bool linked;
} note;

typedef struct queue {
  request *head, **tail;
} queue;

/* Whether reading or writing works; changed only by the thread that does it. */
typedef struct health {
  const char *what;
  _Atomic bool fails;
  bool said; /* the failure was logged */
  uint64_t said_at_s, refused;
} health;

/* One thread and its connection to the database. */
typedef struct store_thread {
  pthread_t thread;
  pthread_cond_t wake;
  sqlite3 *db;
  sqlite3_stmt *select;
  queue asked;
  health health;
  bool stop;
} store_thread;

/* One loop's part of the store. The first one has the database and the threads; the others refer to it by `first`. */
struct pl_store {
  pl_store *first;
  pthread_mutex_t mutex;
  store_thread reader, writer;
  sqlite3_stmt *insert, *touch, *token, *use, *purge; /* the writer's */
  queue answered;
  note *notes; /* NOTES_MAX of them, protected by the mutex */
  size_t note_count;
  uint64_t flush_at_s, purge_at_s, probe_at_s; /* monotonic times; 0: as soon as possible */
  uint32_t purge_days;                         /* 0: never */
  uv_async_t async;
  pl_store_done *done;
  void (*batch)(void *user);
  void *user;
};

/* ---- queues, protected by the mutex ------------------------------------------------------------------------------ */

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

/* Appends. */
static void queue_move_all(queue *to, queue *from) {
  if (!from->head) return;
  *to->tail = from->head;
  to->tail = from->tail;
  queue_init(from);
}

static void answer_all(request *all) {
  while (all) {
    request *next = all->next;
    queue_append(&all->from->answered, all);
    uv_async_send(&all->from->async);
    all = next;
  }
}

/* ---- whether reading and writing work ---------------------------------------------------------------------------- */

static uint64_t monotonic_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec;
}

/* Logs at most once a minute rather than for each login, so that strangers cannot fill the log, and perhaps the same
 * disk. */
static void say_failing(health *h, const char *why) {
  uint64_t now_s = monotonic_s();
  if (h->said_at_s && now_s - h->said_at_s < SAY_EVERY_S) return;
  h->said_at_s = now_s;
  h->said = true;
  pl_log_write(PL_RELAY_LOG_WARN, "event=store-failing what=%s refused=%llu text=\"%s\"", h->what,
               (unsigned long long)h->refused, why);
}

static void say_working(health *h) {
  if (h->said)
    pl_log_write(PL_RELAY_LOG_INFO, "event=store-works what=%s refused=%llu", h->what, (unsigned long long)h->refused);
  h->said = false;
  h->refused = 0;
}

/* Notes whether something just done succeeded; `refused` logins failed because of it. */
static void note_outcome(store_thread *t, bool good, size_t refused) {
  t->health.refused += refused;
  t->health.fails = !good;
  char why[PL_STORE_WHY];
  if (good)
    say_working(&t->health);
  else
    say_failing(&t->health, pl_store_why(t->db, why));
}

bool pl_store_works(const pl_store *store) {
  return !store->first->reader.health.fails && !store->first->writer.health.fails;
}

/* ---- looking up: by the reader, and again by the writer within its transaction ----------------------------------- */

/* When the notes are full, this one is lost, which only costs precision. */
static void add_note(pl_store *store, const uint8_t id[32], bool linked) {
  pthread_mutex_lock(&store->mutex);
  if (store->note_count < NOTES_MAX) {
    note *n = &store->notes[store->note_count++];
    *n = (note){.seen_s = time(NULL), .linked = linked};
    memcpy(n->id, id, 32);
  }
  if (store->note_count >= NOTES_MAX / 2) pthread_cond_signal(&store->writer.wake);
  pthread_mutex_unlock(&store->mutex);
}

static pl_relay_registration look_up(pl_store *store, const store_thread *t, const request *r) {
  int64_t now_s = time(NULL);
  sqlite3_bind_blob(t->select, 1, r->id, 32, SQLITE_STATIC);
  int rc = sqlite3_step(t->select);
  int64_t last_seen_s = rc == SQLITE_ROW ? sqlite3_column_int64(t->select, 0) : 0;
  bool revoked = rc == SQLITE_ROW && sqlite3_column_int(t->select, 1);
  sqlite3_reset(t->select);
  if (rc == SQLITE_DONE) return PL_RELAY_REGISTRATION_ABSENT;
  if (rc != SQLITE_ROW) return PL_RELAY_REGISTRATION_FAILED;
  if (revoked) return PL_RELAY_REGISTRATION_REVOKED;
  if (now_s - last_seen_s >= LAST_SEEN_EVERY_S || now_s < last_seen_s) add_note(store, r->id, false);
  return PL_RELAY_REGISTRATION_KNOWN;
}

/* Returns those that the reader can answer; the others are appended to *unknown. */
static request *read_batch(pl_store *store, request *all, queue *unknown) {
  queue answers;
  queue_init(&answers);
  for (request *r = all, *next; r; r = next) {
    next = r->next;
    r->result = look_up(store, &store->reader, r);
    bool failed = r->result == PL_RELAY_REGISTRATION_FAILED;
    if (failed || store->reader.health.fails) note_outcome(&store->reader, !failed, failed);
    bool write = r->result == PL_RELAY_REGISTRATION_ABSENT && (r->may_create || r->has_token);
    queue_append(write ? unknown : &answers, r);
  }
  return answers.head;
}

static void *reader_main(void *arg) {
  pl_store *store = arg;
  store_thread *reader = &store->reader;
  queue unknown;
  queue_init(&unknown);
  pthread_mutex_lock(&store->mutex);
  while (!reader->stop || reader->asked.head) {
    if (!reader->asked.head) {
      pthread_cond_wait(&reader->wake, &store->mutex);
      continue;
    }
    request *all = queue_take_all(&reader->asked);
    pthread_mutex_unlock(&store->mutex);
    request *answers = read_batch(store, all, &unknown);
    pthread_mutex_lock(&store->mutex);
    answer_all(answers);
    if (unknown.head) pthread_cond_signal(&store->writer.wake);
    queue_move_all(&store->writer.asked, &unknown);
  }
  pthread_mutex_unlock(&store->mutex);
  return NULL;
}

/* ---- writing: new IDs -------------------------------------------------------------------------------------------- */

static bool run_statement(sqlite3_stmt *statement) {
  int rc = sqlite3_step(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return rc == SQLITE_DONE;
}

static bool create(pl_store *store, const request *r, int class) {
  sqlite3_bind_blob(store->insert, 1, r->id, 32, SQLITE_STATIC);
  sqlite3_bind_int64(store->insert, 2, time(NULL));
  sqlite3_bind_int(store->insert, 3, class);
  return run_statement(store->insert);
}

/* Reads the key of the token that the claim names. */
static pl_relay_registration find_token(pl_store *store, const pl_relay_token_claim *claim, uint8_t key[32]) {
  sqlite3_bind_blob(store->token, 1, claim->proof, PL_TOKEN_HINT_BYTES, SQLITE_STATIC);
  sqlite3_bind_int64(store->token, 2, time(NULL));
  int rc = sqlite3_step(store->token);
  bool found = rc == SQLITE_ROW && sqlite3_column_bytes(store->token, 0) == 32;
  if (found) memcpy(key, sqlite3_column_blob(store->token, 0), 32);
  sqlite3_reset(store->token);
  sqlite3_clear_bindings(store->token);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) return PL_RELAY_REGISTRATION_FAILED;
  return found ? PL_RELAY_REGISTRATION_KNOWN : PL_RELAY_REGISTRATION_ABSENT;
}

/* Uses up one use of the token that the claim proves. Returns KNOWN when the claim is valid. */
static pl_relay_registration use_token(pl_store *store, const pl_relay_token_claim *claim) {
  uint8_t key[32];
  pl_relay_registration found = find_token(store, claim, key);
  if (found != PL_RELAY_REGISTRATION_KNOWN) return found;
  if (pl_token_verify(claim->proof, key, claim->transcript) != 0) return PL_RELAY_REGISTRATION_ABSENT;
  sqlite3_bind_blob(store->use, 1, claim->proof, PL_TOKEN_HINT_BYTES, SQLITE_STATIC);
  if (!run_statement(store->use)) return PL_RELAY_REGISTRATION_FAILED;
  return sqlite3_changes(store->writer.db) == 1 ? PL_RELAY_REGISTRATION_KNOWN : PL_RELAY_REGISTRATION_ABSENT;
}

/* Handles one request within the transaction. An ID that an earlier request of the same batch registered is found. */
static pl_relay_registration register_id(pl_store *store, const request *r) {
  pl_relay_registration found = look_up(store, &store->writer, r);
  if (found != PL_RELAY_REGISTRATION_ABSENT) return found;
  pl_relay_registration token = r->may_create ? PL_RELAY_REGISTRATION_KNOWN : use_token(store, &r->token);
  if (token != PL_RELAY_REGISTRATION_KNOWN) return token;
  return create(store, r, !r->may_create) ? PL_RELAY_REGISTRATION_NEW : PL_RELAY_REGISTRATION_FAILED;
}

/* Returns how many requests failed. If the transaction was not committed, all that succeeded in it fail as well. */
static size_t count_failed(request *all, bool kept) {
  size_t failed = 0;
  for (request *r = all; r; r = r->next) {
    bool in = r->result == PL_RELAY_REGISTRATION_NEW || r->result == PL_RELAY_REGISTRATION_KNOWN;
    if (in && !kept) r->result = PL_RELAY_REGISTRATION_FAILED;
    failed += r->result == PL_RELAY_REGISTRATION_FAILED;
  }
  return failed;
}

static void schedule_probe(pl_store *store) {
  store->probe_at_s = monotonic_s() + (store->writer.health.fails ? RETRY_EVERY_S : PROBE_EVERY_S);
}

/* Writes everything in one transaction. It takes the write lock first, so it waits only once for other writers, such as
 * `token new`. */
static void write_batch(pl_store *store, request *all) {
  sqlite3 *db = store->writer.db;
  bool begun = pl_store_run(db, "BEGIN IMMEDIATE");
  for (request *r = all; r; r = r->next) r->result = begun ? register_id(store, r) : PL_RELAY_REGISTRATION_FAILED;
  size_t failed = count_failed(all, true);
  if (failed) note_outcome(&store->writer, false, failed); /* before the commit changes the error text */
  bool kept = begun && pl_store_run(db, "COMMIT");
  size_t more = count_failed(all, kept) - failed;
  if (!failed || more) note_outcome(&store->writer, kept, more);
  if (!sqlite3_get_autocommit(db)) pl_store_run(db, "ROLLBACK");
  schedule_probe(store);
}

/* ---- writing: what can wait -------------------------------------------------------------------------------------- */

static bool write_notes(pl_store *store, const note *notes, size_t count) {
  sqlite3 *db = store->writer.db;
  if (count == 0) return true;
  bool good = pl_store_run(db, "BEGIN IMMEDIATE");
  for (size_t i = 0; good && i < count; i++) {
    sqlite3_bind_blob(store->touch, 1, notes[i].id, 32, SQLITE_STATIC);
    sqlite3_bind_int64(store->touch, 2, notes[i].seen_s);
    sqlite3_bind_int(store->touch, 3, notes[i].linked);
    good = run_statement(store->touch);
  }
  good = good && pl_store_run(db, "COMMIT");
  note_outcome(&store->writer, good, 0);
  if (!sqlite3_get_autocommit(db)) pl_store_run(db, "ROLLBACK");
  schedule_probe(store);
  return good;
}

/* Called with the mutex. Puts notes that could not be written back, ahead of those that came in the meantime and as far
 * as there is room, because a link of an ID is noted only once. */
static void keep_notes(pl_store *store, const note *notes, size_t count) {
  size_t meanwhile = store->note_count < NOTES_MAX - count ? store->note_count : NOTES_MAX - count;
  memmove(store->notes + count, store->notes, meanwhile * sizeof *notes);
  memcpy(store->notes, notes, count * sizeof *notes);
  store->note_count = count + meanwhile;
}

/* Called with the mutex, which is released during the write. */
static void flush_notes(pl_store *store) {
  note *full = store->notes, *empty = pl_alloc(NOTES_MAX * sizeof *empty);
  size_t count = store->note_count;
  store->flush_at_s = monotonic_s() + FLUSH_EVERY_S;
  store->note_count = 0;
  if (!empty) return; /* out of memory: the notes are lost, which only costs precision */
  store->notes = empty;
  pthread_mutex_unlock(&store->mutex);
  bool good = write_notes(store, full, count);
  pthread_mutex_lock(&store->mutex);
  if (!good) keep_notes(store, full, count);
  pl_free(full);
}

/* Purges one small batch, so that logins do not wait long. Returns true when there may be more. */
static bool purge_some(pl_store *store, uint32_t days) {
  sqlite3_bind_int64(store->purge, 1, time(NULL) - (int64_t)days * PL_DAY_S);
  sqlite3_bind_int(store->purge, 2, PURGE_BATCH);
  bool good = run_statement(store->purge);
  note_outcome(&store->writer, good, 0);
  int gone = good ? sqlite3_changes(store->writer.db) : 0;
  if (gone) pl_log_write(PL_RELAY_LOG_INFO, "event=purged registrations=%d", gone);
  return gone == PURGE_BATCH;
}

static void purge(pl_store *store, uint64_t now_s) {
  uint32_t days = store->purge_days;
  pthread_mutex_unlock(&store->mutex);
  bool more = purge_some(store, days);
  pthread_mutex_lock(&store->mutex);
  if (!more) store->purge_at_s = now_s + PURGE_EVERY_S;
}

static void probe(pl_store *store) {
  pthread_mutex_unlock(&store->mutex);
  note_outcome(&store->writer, pl_store_probe(store->writer.db), 0);
  schedule_probe(store);
  pthread_mutex_lock(&store->mutex);
}

/* Called with the mutex. Does one thing that is due, or waits until something is. */
static void writer_idle(pl_store *store) {
  uint64_t now_s = monotonic_s();
  bool many = store->note_count >= NOTES_MAX / 2 && !store->writer.health.fails;
  if (many || (store->note_count && now_s >= store->flush_at_s)) {
    flush_notes(store);
  } else if (store->purge_days && now_s >= store->purge_at_s) {
    purge(store, now_s);
  } else if (now_s >= store->probe_at_s) {
    probe(store);
  } else {
    uint64_t flush_at_s = now_s + FLUSH_EVERY_S;
    uint64_t until_s = store->probe_at_s < flush_at_s ? store->probe_at_s : flush_at_s;
    struct timespec at = {.tv_sec = (time_t)until_s};
    pthread_cond_timedwait(&store->writer.wake, &store->mutex, &at);
  }
}

static void *writer_main(void *arg) {
  pl_store *store = arg;
  store_thread *writer = &store->writer;
  pthread_mutex_lock(&store->mutex);
  while (!writer->stop || writer->asked.head) {
    if (!writer->asked.head) {
      writer_idle(store);
      continue;
    }
    request *all = queue_take_all(&writer->asked);
    pthread_mutex_unlock(&store->mutex);
    write_batch(store, all);
    pthread_mutex_lock(&store->mutex);
    answer_all(all);
  }
  flush_notes(store);
  pthread_mutex_unlock(&store->mutex);
  return NULL;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static const char select_text[] = "SELECT last_seen, revoked FROM registrations WHERE id = ?1";

static bool prepare_one(sqlite3 *db, const char *text, sqlite3_stmt **out) {
  return sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK;
}

static bool prepare_all(pl_store *store) {
  const struct {
    sqlite3_stmt **statement;
    const char *text;
  } all[] = {
      {&store->writer.select, select_text},
      {&store->insert, "INSERT INTO registrations (id, first_seen, last_seen, class) VALUES (?1, ?2, ?2, ?3)"},
      {&store->touch, "UPDATE registrations SET last_seen = ?2, linked = max(linked, ?3) WHERE id = ?1"},
      {&store->token, "SELECT key FROM tokens WHERE hint = ?1 AND revoked = 0 AND uses_left > 0 AND expires > ?2"},
      {&store->use, "UPDATE tokens SET uses_left = uses_left - 1 WHERE hint = ?1 AND uses_left > 0 AND revoked = 0"},
      {&store->purge,
       "DELETE FROM registrations WHERE id IN (SELECT id FROM registrations WHERE last_seen < ?1 AND linked = 0 AND "
       "class = 0 AND revoked = 0 LIMIT ?2)"},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(all); i++)
    if (!prepare_one(store->writer.db, all[i].text, all[i].statement)) return false;
  return true;
}

/* Also checks that the disk can be written, so that this is found at the start and not by the first stranger. */
static bool open_database(pl_store *store, const char *path, char why[512]) {
  store->writer.db = pl_store_database(path, why);
  if (!store->writer.db) return false;
  if (!prepare_all(store) || !pl_store_probe(store->writer.db)) return pl_store_cannot(store->writer.db, path, why);
  store->reader.db = pl_store_reader(path, why);
  if (!store->reader.db) return false;
  return prepare_one(store->reader.db, select_text, &store->reader.select) ||
         pl_store_cannot(store->reader.db, path, why);
}

static void close_database(pl_store *store) {
  sqlite3_stmt *all[] = {store->reader.select, store->writer.select, store->insert, store->touch,
                         store->token,         store->use,           store->purge};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(all); i++) sqlite3_finalize(all[i]);
  sqlite3_close(store->reader.db);
  sqlite3_close(store->writer.db); /* closed last, so that it removes the write-ahead log */
}

/* ---- the loop's side --------------------------------------------------------------------------------------------- */

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

void pl_store_lookup(pl_store *store, pl_relay_conn *conn, const uint8_t id[32], bool may_create) {
  pl_store_lookup_with(store, conn, id, may_create, NULL);
}

void pl_store_linked(pl_store *store, const uint8_t id[32]) {
  add_note(store->first, id, true);
}

void pl_store_purge_after(pl_store *store, uint32_t days) {
  pthread_mutex_lock(&store->mutex);
  store->purge_days = days;
  pthread_cond_signal(&store->writer.wake);
  pthread_mutex_unlock(&store->mutex);
}

void pl_store_lookup_with(pl_store *store, pl_relay_conn *conn, const uint8_t id[32], bool may_create,
                          const pl_relay_token_claim *token) {
  request *r = pl_alloc(sizeof *r);
  if (!r) {
    store->done(store->user, conn, PL_RELAY_REGISTRATION_FAILED);
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
  queue_append(&first->reader.asked, r);
  pthread_cond_signal(&first->reader.wake);
  pthread_mutex_unlock(&first->mutex);
}

void pl_store_on_batch(pl_store *store, void (*batch)(void *user)) {
  store->batch = batch;
}

static void store_thread_init(store_thread *t, const char *what) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&t->wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
  queue_init(&t->asked);
  t->health.what = what;
}

/* Ends a thread once it has done everything that was asked of it. */
static void store_thread_stop(pl_store *store, store_thread *t) {
  pthread_mutex_lock(&store->mutex);
  t->stop = true;
  pthread_cond_signal(&t->wake);
  pthread_mutex_unlock(&store->mutex);
  pthread_join(t->thread, NULL);
}

static bool store_threads_start(pl_store *store) {
  if (pthread_create(&store->writer.thread, NULL, writer_main, store) != 0) return false;
  if (pthread_create(&store->reader.thread, NULL, reader_main, store) == 0) return true;
  store_thread_stop(store, &store->writer);
  return false;
}

static void store_release(pl_store *store) {
  close_database(store);
  pl_free(store->notes);
  pthread_cond_destroy(&store->reader.wake);
  pthread_cond_destroy(&store->writer.wake);
  pthread_mutex_destroy(&store->mutex);
}

static pl_store *new_store(pl_store_done *done, void *user) {
  pl_store *store = pl_alloc(sizeof *store);
  if (!store) return NULL;
  store->first = store;
  store->done = done;
  store->user = user;
  queue_init(&store->answered);
  pthread_mutex_init(&store->mutex, NULL);
  store_thread_init(&store->reader, "reading");
  store_thread_init(&store->writer, "writing");
  store->notes = pl_alloc(NOTES_MAX * sizeof *store->notes);
  store->flush_at_s = monotonic_s() + FLUSH_EVERY_S;
  store->probe_at_s = monotonic_s() + PROBE_EVERY_S;
  return store;
}

pl_store *pl_store_open(const char *path, uv_loop_t *loop, pl_store_done *done, void *user, char why[512]) {
  pl_store *store = new_store(done, user);
  snprintf(why, 512, "out of memory");
  if (!store) return NULL;
  if (store->notes && open_database(store, path, why)) {
    uv_async_init(loop, &store->async, on_answers);
    store->async.data = store;
    if (store_threads_start(store)) return store;
    snprintf(why, 512, "a thread cannot be started");
    uv_close((uv_handle_t *)&store->async, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
  }
  store_release(store);
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

void pl_store_close(pl_store *store) {
  if (store->first == store) {
    store_thread_stop(store, &store->reader); /* first, because it passes on to the writer what it does not find */
    store_thread_stop(store, &store->writer);
    store_release(store);
  }
  for (request *r = store->answered.head, *next; r; r = next) {
    next = r->next;
    pl_free(r);
  }
  uv_close((uv_handle_t *)&store->async, on_async_closed);
}
