/* The thread that reads: it answers which IDs are known. */
#include <string.h>
#include <time.h>

#include "store_internal.h"

enum { LAST_SEEN_EVERY_S = 3600 }; /* how precisely last_seen is kept: enough for purging after days */

void pl_store_add_note(pl_store *store, const uint8_t id[32], bool linked) {
  pthread_mutex_lock(&store->mutex);
  if (store->note_count < PL_STORE_NOTES_MAX) {
    pl_store_note *n = &store->notes[store->note_count++];
    *n = (pl_store_note){.seen_s = time(NULL), .linked = linked};
    memcpy(n->id, id, 32);
  }
  if (store->note_count >= PL_STORE_NOTES_MAX / 2) pthread_cond_signal(&store->writer.wake);
  pthread_mutex_unlock(&store->mutex);
}

pl_relay_registration pl_store_find_id(pl_store *store, const pl_store_thread *t, const pl_store_request *r) {
  int64_t now_s = time(NULL);
  sqlite3_bind_blob(t->select, 1, r->id, 32, SQLITE_STATIC);
  int rc = sqlite3_step(t->select);
  int64_t last_seen_s = rc == SQLITE_ROW ? sqlite3_column_int64(t->select, 0) : 0;
  bool revoked = rc == SQLITE_ROW && sqlite3_column_int(t->select, 1);
  sqlite3_reset(t->select);
  if (rc == SQLITE_DONE) return PL_RELAY_REGISTRATION_ABSENT;
  if (rc != SQLITE_ROW) return PL_RELAY_REGISTRATION_FAILED;
  if (revoked) return PL_RELAY_REGISTRATION_REVOKED;
  if (now_s - last_seen_s >= LAST_SEEN_EVERY_S || now_s < last_seen_s) pl_store_add_note(store, r->id, false);
  return PL_RELAY_REGISTRATION_KNOWN;
}

static void run(sqlite3_stmt *statement) {
  (void)sqlite3_step(statement); /* when it fails, so do the lookups, or each has a transaction of its own */
  (void)sqlite3_reset(statement);
}

/* Reads in one transaction, because SQLite locks the file and looks for changes once in each. */
static void read_batch(pl_store *store, pl_store_request *all) {
  pl_store_thread *reader = &store->reader;
  if (all->next) run(reader->begin);
  for (pl_store_request *r = all; r; r = r->next) {
    r->result = pl_store_find_id(store, reader, r);
    bool failed = r->result == PL_RELAY_REGISTRATION_FAILED;
    if (failed || reader->health.fails) pl_store_note_outcome(reader, !failed, failed);
  }
  if (!sqlite3_get_autocommit(reader->db)) run(reader->end);
}

void *pl_store_reader_main(void *arg) {
  pl_store *store = arg;
  pl_store_thread *reader = &store->reader;
  pthread_mutex_lock(&store->mutex);
  while (!reader->stop || reader->asked.head) {
    if (!reader->asked.head) {
      pthread_cond_wait(&reader->wake, &store->mutex);
      continue;
    }
    pl_store_request *all = pl_store_queue_take_all(&reader->asked);
    pthread_mutex_unlock(&store->mutex);
    read_batch(store, all);
    pthread_mutex_lock(&store->mutex);
    pl_store_answer_all(all);
  }
  pthread_mutex_unlock(&store->mutex);
  return NULL;
}
