/* What the files of the store share.
 *
 * Layers, top first; each calls only what stands below it:
 *   store_sqlite.c                  opening, closing, and the side of the loops
 *   store_reader.c store_writer.c   the two threads
 *   store_common.c                  queues of requests; whether reading and writing work
 *   store_database.c                the database file */
#ifndef PL_SHELL_STORE_INTERNAL_H
#define PL_SHELL_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "store.h"
#include "store_database.h"

enum {
  PL_STORE_NOTES_MAX = 4096,
  PL_STORE_FLUSH_EVERY_S = 180,  /* how often notes are written */
  PL_STORE_PROBE_EVERY_S = 60,   /* after this long without a write, checks whether writing works */
  PL_STORE_ASKED_TOGETHER = 128, /* that many requests are handed to the threads, although more may come */
  PL_STORE_ANSWERS_PER_TURN = 4  /* that many answers reach the core in one turn: each costs a signature */
};

typedef struct pl_store_request {
  struct pl_store_request *next;
  pl_store *from; /* the loop that asked */
  pl_relay_conn *conn;
  uint8_t id[32];
  bool registers, has_claim; /* registers: for the writer; otherwise for the reader */
  pl_relay_token_claim claim;
  pl_relay_registration result;
} pl_store_request;

/* A change to an ID that can be written later. */
typedef struct pl_store_note {
  uint8_t id[32];
  int64_t seen_s;
  bool linked;
} pl_store_note;

typedef struct pl_store_queue {
  pl_store_request *head, **tail;
} pl_store_queue;

/* Whether reading or writing works; changed only by the thread that does it. */
typedef struct pl_store_health {
  const char *what;
  _Atomic bool fails;
  bool said; /* the failure was logged */
  uint64_t said_at_s, refused;
} pl_store_health;

/* One thread and its connection to the database. */
typedef struct pl_store_thread {
  pthread_t thread;
  pthread_cond_t wake;
  sqlite3 *db;
  sqlite3_stmt *select;
  sqlite3_stmt *begin, *end; /* the reader's: of one batch */
  pl_store_queue asked;
  pl_store_health health;
  bool stop;
} pl_store_thread;

/* One loop's part of the store. The first one has the database and the threads; the others refer to it by `first`. */
struct pl_store {
  pl_store *first;
  pthread_mutex_t mutex;
  pl_store_thread reader, writer;
  sqlite3_stmt *insert, *touch, *token, *use, *purge; /* the writer's */
  pl_store_queue asked;                               /* not handed over yet; only the loop's thread uses it */
  size_t asked_count, asked_before;                   /* length of `asked`: now, and at the end of the last turn */
  pl_store_queue answered;                            /* protected by the mutex */
  pl_store_queue answers;                             /* on their way to the core; only the loop's thread uses it */
  pl_store_note *notes;                               /* PL_STORE_NOTES_MAX of them, protected by the mutex */
  size_t note_count;
  uint64_t flush_at_s, purge_at_s, probe_at_s; /* monotonic times; 0: as soon as possible */
  uint32_t purge_days;                         /* 0: never */
  uv_async_t async;
  uv_prepare_t prepare;
  uv_idle_t more; /* runs while requests or answers wait here, so that the loop does not wait */
  int handles;    /* that are not closed yet */
  pl_store_done *done;
  void (*batch)(void *user);
  void *user;
};

/* Queues. The caller holds the mutex unless the queue is its own. */
void pl_store_queue_init(pl_store_queue *q);
void pl_store_queue_append(pl_store_queue *q, pl_store_request *r);
pl_store_request *pl_store_queue_take_all(pl_store_queue *q);
/* Takes the first one; there must be one. */
pl_store_request *pl_store_queue_take(pl_store_queue *q);
/* Appends all of `from`, which is empty afterwards. */
void pl_store_queue_move(pl_store_queue *to, pl_store_queue *from);
/* Hands finished requests to the loops that asked. Called with the mutex. */
void pl_store_answer_all(pl_store_request *all);

uint64_t pl_store_monotonic_s(void);
/* Notes whether something that a thread just did succeeded; `refused` logins failed because of it. */
void pl_store_note_outcome(pl_store_thread *t, bool good, size_t refused);

/* Looks up a registration. Called by the reader, and again by the writer within its transaction. */
pl_relay_registration pl_store_find_id(pl_store *store, const pl_store_thread *t, const pl_store_request *r);
/* Notes that an ID was seen now. When the notes are full, this one is lost, which only costs precision. */
void pl_store_add_note(pl_store *store, const uint8_t id[32], bool linked);

/* What the threads run; arg is the store. */
void *pl_store_reader_main(void *arg);
void *pl_store_writer_main(void *arg);

#endif
