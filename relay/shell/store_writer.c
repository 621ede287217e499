/* The thread that writes: new IDs, notes about known ones, and purging. */
#include <string.h>
#include <time.h>

#include "log.h"
#include "shell.h"
#include "store_internal.h"

enum {
  PURGE_BATCH = 500, /* registrations that are deleted at a time */
  RETRY_EVERY_S = 1  /* while writing fails, checks this often whether it works again */
};

/* ---- new IDs ----------------------------------------------------------------------------------------------------- */

static bool run_statement(sqlite3_stmt *statement) {
  int rc = sqlite3_step(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return rc == SQLITE_DONE;
}

static bool create_registration(pl_store *store, const pl_store_request *r, int class) {
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
static pl_relay_registration register_id(pl_store *store, const pl_store_request *r) {
  pl_relay_registration found = pl_store_find_id(store, &store->writer, r);
  if (found != PL_RELAY_REGISTRATION_ABSENT) return found;
  pl_relay_registration token = r->has_claim ? use_token(store, &r->claim) : PL_RELAY_REGISTRATION_KNOWN;
  if (token != PL_RELAY_REGISTRATION_KNOWN) return token;
  return create_registration(store, r, r->has_claim) ? PL_RELAY_REGISTRATION_NEW : PL_RELAY_REGISTRATION_FAILED;
}

/* Returns how many requests failed. If the transaction was not committed, all that succeeded in it fail as well. */
static size_t count_failed(pl_store_request *all, bool kept) {
  size_t failed = 0;
  for (pl_store_request *r = all; r; r = r->next) {
    bool in = r->result == PL_RELAY_REGISTRATION_NEW || r->result == PL_RELAY_REGISTRATION_KNOWN;
    if (in && !kept) r->result = PL_RELAY_REGISTRATION_FAILED;
    failed += r->result == PL_RELAY_REGISTRATION_FAILED;
  }
  return failed;
}

static void schedule_probe(pl_store *store) {
  store->probe_at_s = pl_store_monotonic_s() + (store->writer.health.fails ? RETRY_EVERY_S : PL_STORE_PROBE_EVERY_S);
}

/* Writes everything in one transaction. It takes the write lock first, so it waits only once for other writers, such as
 * `token new`. */
static void write_batch(pl_store *store, pl_store_request *all) {
  sqlite3 *db = store->writer.db;
  bool begun = pl_store_run(db, "BEGIN IMMEDIATE");
  for (pl_store_request *r = all; r; r = r->next)
    r->result = begun ? register_id(store, r) : PL_RELAY_REGISTRATION_FAILED;
  size_t failed = count_failed(all, true);
  if (failed) pl_store_note_outcome(&store->writer, false, failed); /* before the commit changes the error text */
  bool kept = begun && pl_store_run(db, "COMMIT");
  size_t more = count_failed(all, kept) - failed;
  if (!failed || more) pl_store_note_outcome(&store->writer, kept, more);
  if (!sqlite3_get_autocommit(db)) pl_store_run(db, "ROLLBACK");
  schedule_probe(store);
}

/* ---- what can wait ----------------------------------------------------------------------------------------------- */

static bool write_notes(pl_store *store, const pl_store_note *notes, size_t count) {
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
  pl_store_note_outcome(&store->writer, good, 0);
  if (!sqlite3_get_autocommit(db)) pl_store_run(db, "ROLLBACK");
  schedule_probe(store);
  return good;
}

/* Called with the mutex. Puts notes that could not be written back, ahead of those that came in the meantime and as far
 * as there is room, because a link of an ID is noted only once. */
static void keep_notes(pl_store *store, const pl_store_note *notes, size_t count) {
  size_t meanwhile = store->note_count < PL_STORE_NOTES_MAX - count ? store->note_count : PL_STORE_NOTES_MAX - count;
  memmove(store->notes + count, store->notes, meanwhile * sizeof *notes);
  memcpy(store->notes, notes, count * sizeof *notes);
  store->note_count = count + meanwhile;
}

/* Called with the mutex, which is released during the write. */
static void flush_notes(pl_store *store) {
  pl_store_note *full = store->notes, *empty = pl_alloc(PL_STORE_NOTES_MAX * sizeof *empty);
  size_t count = store->note_count;
  store->flush_at_s = pl_store_monotonic_s() + PL_STORE_FLUSH_EVERY_S;
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
  pl_store_note_outcome(&store->writer, good, 0);
  int gone = good ? sqlite3_changes(store->writer.db) : 0;
  if (gone) pl_log_write(PL_RELAY_LOG_INFO, "event=purged registrations=%d", gone);
  return gone == PURGE_BATCH;
}

static void writer_purge(pl_store *store, uint64_t now_s) {
  uint32_t days = store->purge_days;
  pthread_mutex_unlock(&store->mutex);
  bool more = purge_some(store, days);
  pthread_mutex_lock(&store->mutex);
  if (!more) store->purge_at_s = now_s + PL_DAY_S;
}

static void writer_probe(pl_store *store) {
  pthread_mutex_unlock(&store->mutex);
  pl_store_note_outcome(&store->writer, pl_store_probe(store->writer.db), 0);
  schedule_probe(store);
  pthread_mutex_lock(&store->mutex);
}

/* Called with the mutex. Does one thing that is due, or waits until something is. */
static void writer_idle(pl_store *store) {
  uint64_t now_s = pl_store_monotonic_s();
  bool many = store->note_count >= PL_STORE_NOTES_MAX / 2 && !store->writer.health.fails;
  if (many || (store->note_count && now_s >= store->flush_at_s)) {
    flush_notes(store);
  } else if (store->purge_days && now_s >= store->purge_at_s) {
    writer_purge(store, now_s);
  } else if (now_s >= store->probe_at_s) {
    writer_probe(store);
  } else {
    uint64_t flush_at_s = now_s + PL_STORE_FLUSH_EVERY_S;
    uint64_t until_s = store->probe_at_s < flush_at_s ? store->probe_at_s : flush_at_s;
    struct timespec at = {.tv_sec = (time_t)until_s};
    pthread_cond_timedwait(&store->writer.wake, &store->mutex, &at);
  }
}

void *pl_store_writer_main(void *arg) {
  pl_store *store = arg;
  pl_store_thread *writer = &store->writer;
  pthread_mutex_lock(&store->mutex);
  while (!writer->stop || writer->asked.head) {
    if (!writer->asked.head) {
      writer_idle(store);
      continue;
    }
    pl_store_request *all = pl_store_queue_take_all(&writer->asked);
    pthread_mutex_unlock(&store->mutex);
    write_batch(store, all);
    pthread_mutex_lock(&store->mutex);
    pl_store_answer_all(all);
  }
  flush_notes(store);
  pthread_mutex_unlock(&store->mutex);
  return NULL;
}
