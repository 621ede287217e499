#include <time.h>

#include "log.h"
#include "store_internal.h"

enum { SAY_EVERY_S = 60 }; /* the log repeats a failure at most this often */

/* ---- queues ------------------------------------------------------------------------------------------------------ */

void pl_store_queue_init(pl_store_queue *q) {
  q->head = NULL;
  q->tail = &q->head;
}

void pl_store_queue_append(pl_store_queue *q, pl_store_request *r) {
  r->next = NULL;
  *q->tail = r;
  q->tail = &r->next;
}

pl_store_request *pl_store_queue_take_all(pl_store_queue *q) {
  pl_store_request *all = q->head;
  pl_store_queue_init(q);
  return all;
}

pl_store_request *pl_store_queue_take(pl_store_queue *q) {
  pl_store_request *first = q->head;
  q->head = first->next;
  if (!q->head) pl_store_queue_init(q);
  return first;
}

void pl_store_queue_move(pl_store_queue *to, pl_store_queue *from) {
  if (!from->head) return;
  *to->tail = from->head;
  to->tail = from->tail;
  pl_store_queue_init(from);
}

void pl_store_answer_all(pl_store_request *all) {
  while (all) {
    pl_store_request *next = all->next;
    pl_store_queue_append(&all->from->answered, all);
    uv_async_send(&all->from->async);
    all = next;
  }
}

/* ---- whether reading and writing work ---------------------------------------------------------------------------- */

uint64_t pl_store_monotonic_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec;
}

/* Logs at most once a minute rather than for each login, so that strangers cannot fill the log, and perhaps the same
 * disk. */
static void say_failing(pl_store_health *h, const char *why) {
  uint64_t now_s = pl_store_monotonic_s();
  if (h->said_at_s && now_s - h->said_at_s < SAY_EVERY_S) return;
  h->said_at_s = now_s;
  h->said = true;
  pl_log_write(PL_RELAY_LOG_WARN, "event=store-failing what=%s refused=%llu text=\"%s\"", h->what,
               (unsigned long long)h->refused, why);
}

static void say_working(pl_store_health *h) {
  if (h->said)
    pl_log_write(PL_RELAY_LOG_INFO, "event=store-works what=%s refused=%llu", h->what, (unsigned long long)h->refused);
  h->said = false;
  h->refused = 0;
}

void pl_store_note_outcome(pl_store_thread *t, bool good, size_t refused) {
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
