/* The store in one SQLite file in WAL mode. Two threads have a connection each. The reader waits for no writer, so
 * known IDs are admitted whatever happens to the disk. The writer registers all new IDs that came in the meantime in
 * one transaction, so a thousand of them cost only a few flushes of the disk. Changes to a known ID are noted and
 * written later. A loop collects what it asks for while each turn asks for more, so many logins wake a thread once. It
 * passes on a few answers per turn, because each of them has the core sign something. */
#include <stdio.h>
#include <string.h>

#include "store_internal.h"

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
  return (prepare_one(store->reader.db, select_text, &store->reader.select) &&
          prepare_one(store->reader.db, "BEGIN", &store->reader.begin) &&
          prepare_one(store->reader.db, "COMMIT", &store->reader.end)) ||
         pl_store_cannot(store->reader.db, path, why);
}

static void close_database(pl_store *store) {
  sqlite3_stmt *all[] = {store->reader.begin,  store->reader.select, store->reader.end,
                         store->writer.select, store->insert,        store->touch,
                         store->token,         store->use,           store->purge};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(all); i++) sqlite3_finalize(all[i]);
  sqlite3_close(store->reader.db);
  sqlite3_close(store->writer.db); /* closed last, so that it removes the write-ahead log */
}

/* ---- the loop's side --------------------------------------------------------------------------------------------- */

static void on_answers_left(uv_idle_t *more);

/* Has the loop turn without waiting while something is here. */
static void keep_turning(pl_store *store) {
  if (!store->asked.head && !store->answers.head)
    uv_idle_stop(&store->more);
  else
    uv_idle_start(&store->more, on_answers_left);
}

static void hand_over(pl_store *store) {
  pl_store *first = store->first;
  pl_store_request *all = pl_store_queue_take_all(&store->asked);
  store->asked_count = 0;
  pthread_mutex_lock(&first->mutex);
  for (pl_store_request *r = all, *next; r; r = next) {
    next = r->next;
    pl_store_queue_append(r->registers ? &first->writer.asked : &first->reader.asked, r);
  }
  bool read = first->reader.asked.head, write = first->writer.asked.head;
  pthread_mutex_unlock(&first->mutex);
  if (read) pthread_cond_signal(&first->reader.wake);
  if (write) pthread_cond_signal(&first->writer.wake);
}

/* Hands what was asked to the threads, after a turn that asked for nothing more or when it is much. */
static void on_turn_end(uv_prepare_t *prepare) {
  pl_store *store = prepare->data;
  if (store->asked_count &&
      (store->asked_count == store->asked_before || store->asked_count >= PL_STORE_ASKED_TOGETHER))
    hand_over(store);
  store->asked_before = store->asked_count;
  keep_turning(store);
}

/* Passes on a few answers. */
static void on_answers_left(uv_idle_t *more) {
  pl_store *store = more->data;
  if (!store->answers.head) return;
  for (int i = 0; i < PL_STORE_ANSWERS_PER_TURN && store->answers.head; i++) {
    pl_store_request *r = pl_store_queue_take(&store->answers);
    store->done(store->user, r->conn, r->result);
    pl_free(r);
  }
  if (store->batch) store->batch(store->user);
}

static void on_answers(uv_async_t *async) {
  pl_store *store = async->data;
  pthread_mutex_lock(&store->first->mutex);
  pl_store_queue_move(&store->answers, &store->answered);
  pthread_mutex_unlock(&store->first->mutex);
  keep_turning(store);
}

void pl_store_linked(pl_store *store, const uint8_t id[32]) {
  pl_store_add_note(store->first, id, true);
}

void pl_store_purge_after(pl_store *store, uint32_t days) {
  pthread_mutex_lock(&store->mutex);
  store->purge_days = days;
  pthread_cond_signal(&store->writer.wake);
  pthread_mutex_unlock(&store->mutex);
}

static pl_store_request *ask(pl_store *store, pl_relay_conn *conn, const uint8_t id[32]) {
  pl_store_request *r = pl_alloc(sizeof *r);
  if (!r) {
    store->done(store->user, conn, PL_RELAY_REGISTRATION_FAILED);
    return NULL;
  }
  r->from = store;
  r->conn = conn;
  memcpy(r->id, id, 32);
  pl_store_queue_append(&store->asked, r);
  store->asked_count++;
  keep_turning(store);
  return r;
}

void pl_store_lookup(pl_store *store, pl_relay_conn *conn, const uint8_t id[32]) {
  (void)ask(store, conn, id);
}

void pl_store_register(pl_store *store, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim) {
  pl_store_request *r = ask(store, conn, id);
  if (!r) return;
  r->registers = true;
  r->has_claim = claim != NULL;
  if (claim) r->claim = *claim;
}

void pl_store_on_batch(pl_store *store, void (*batch)(void *user)) {
  store->batch = batch;
}

static void store_thread_init(pl_store_thread *t, const char *what) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&t->wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pl_store_queue_init(&t->asked);
  t->health.what = what;
}

/* Ends a thread once it has done everything that was asked of it. */
static void store_thread_stop(pl_store *store, pl_store_thread *t) {
  pthread_mutex_lock(&store->mutex);
  t->stop = true;
  pthread_cond_signal(&t->wake);
  pthread_mutex_unlock(&store->mutex);
  pthread_join(t->thread, NULL);
}

static bool store_threads_start(pl_store *store) {
  if (pthread_create(&store->writer.thread, NULL, pl_store_writer_main, store) != 0) return false;
  if (pthread_create(&store->reader.thread, NULL, pl_store_reader_main, store) == 0) return true;
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

/* Returns the part that every loop has, with NULL for the first loop's own. */
static pl_store *new_part(pl_store *first, pl_store_done *done, void *user) {
  pl_store *store = pl_alloc(sizeof *store);
  if (!store) return NULL;
  store->first = first ? first : store;
  store->done = done;
  store->user = user;
  pl_store_queue_init(&store->asked);
  pl_store_queue_init(&store->answered);
  pl_store_queue_init(&store->answers);
  return store;
}

static void watch_loop(pl_store *store, uv_loop_t *loop) {
  uv_async_init(loop, &store->async, on_answers);
  uv_prepare_init(loop, &store->prepare);
  uv_prepare_start(&store->prepare, on_turn_end);
  uv_idle_init(loop, &store->more);
  store->async.data = store->prepare.data = store->more.data = store;
  store->handles = 3;
}

static void on_handle_closed(uv_handle_t *handle) {
  pl_store *store = handle->data;
  if (--store->handles == 0) pl_free(store);
}

static void leave_loop(pl_store *store) {
  uv_close((uv_handle_t *)&store->async, on_handle_closed);
  uv_close((uv_handle_t *)&store->prepare, on_handle_closed);
  uv_close((uv_handle_t *)&store->more, on_handle_closed);
}

static pl_store *new_store(pl_store_done *done, void *user) {
  pl_store *store = new_part(NULL, done, user);
  if (!store) return NULL;
  pthread_mutex_init(&store->mutex, NULL);
  store_thread_init(&store->reader, "reading");
  store_thread_init(&store->writer, "writing");
  store->notes = pl_alloc(PL_STORE_NOTES_MAX * sizeof *store->notes);
  store->flush_at_s = pl_store_monotonic_s() + PL_STORE_FLUSH_EVERY_S;
  store->probe_at_s = pl_store_monotonic_s() + PL_STORE_PROBE_EVERY_S;
  return store;
}

pl_store *pl_store_open(const char *path, uv_loop_t *loop, pl_store_done *done, void *user, char why[512]) {
  pl_store *store = new_store(done, user);
  snprintf(why, 512, "out of memory");
  if (!store) return NULL;
  bool opened = store->notes && open_database(store, path, why);
  if (opened) watch_loop(store, loop);
  if (opened && store_threads_start(store)) return store;
  if (opened) snprintf(why, 512, "a thread cannot be started");
  store_release(store);
  if (opened) {
    leave_loop(store);
    uv_run(loop, UV_RUN_NOWAIT);
  } else {
    pl_free(store);
  }
  return NULL;
}

pl_store *pl_store_join(pl_store *store, uv_loop_t *loop, pl_store_done *done, void *user) {
  pl_store *joined = new_part(store, done, user);
  if (joined) watch_loop(joined, loop);
  return joined;
}

static void free_requests(pl_store_queue *queue) {
  for (pl_store_request *r = pl_store_queue_take_all(queue), *next; r; r = next) {
    next = r->next;
    pl_free(r);
  }
}

void pl_store_close(pl_store *store) {
  if (store->first == store) {
    hand_over(store);
    store_thread_stop(store, &store->reader);
    store_thread_stop(store, &store->writer);
    store_release(store);
  }
  free_requests(&store->asked);
  free_requests(&store->answered);
  free_requests(&store->answers);
  leave_loop(store);
}
