/* A worker: one thread with one event loop, its listeners, its sockets and its engine; the store and the bus join it to
 * the others. The first worker runs on the program's own thread. */
#ifndef PL_SHELL_WORKER_H
#define PL_SHELL_WORKER_H

#include <pthread.h>

#include "bus.h"
#include "options.h"
#include "server.h"
#include "store.h"

typedef struct pl_worker {
  unsigned number, workers;
  uv_loop_t loop;
  uv_timer_t timer;
  uv_async_t order;
  _Atomic bool drain, stop; /* orders, given from any thread with pl_worker_order */
  bool draining;
  uint64_t timer_at;
  pl_server *server;
  pl_relay *relay;
  pl_store *store;
  pl_bus *bus; /* NULL: it is alone */
  pthread_t thread;
  bool started;
} pl_worker;

/* What a worker's engine calls; config.hooks and config.user are filled in. */
void pl_worker_hooks(pl_worker *worker, pl_relay_config *config);
void pl_worker_stored(void *user, pl_relay_conn *conn, pl_relay_registration result); /* a pl_store_done */
void pl_worker_turn(void *user);

void pl_worker_init(pl_worker *worker, unsigned number, unsigned workers);
/* The server on its loop; false: see the log. */
bool pl_worker_serve(pl_worker *worker, const pl_options *options);
void pl_worker_join_bus(pl_worker *worker, pl_bus *bus);
bool pl_worker_start(pl_worker *worker); /* in a thread; false: none could be had */
/* Drain: says GOING_AWAY to all and listens no more. Stop: its loop ends. */
void pl_worker_order(pl_worker *worker, bool drain, bool stop);
/* When its loop has ended and the store is closed. */
void pl_worker_end(pl_worker *worker);

#endif
