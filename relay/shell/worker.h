/* A worker: one thread with one event loop, its own listeners, sockets and relay core. The store and the bus connect it
 * to the others. The first worker runs on the program's main thread. */
#ifndef PL_SHELL_WORKER_H
#define PL_SHELL_WORKER_H

#include <pthread.h>

#include "bus.h"
#include "options.h"
#include "server.h"
#include "store.h"

enum { PL_WORKER_CHALLENGES = 8 /* what libsodium draws with one system call */ };

typedef struct pl_worker {
  unsigned number, workers;
  uv_loop_t loop;
  uv_timer_t timer;
  uv_async_t order;
  _Atomic bool drain, stop; /* given with pl_worker_order, from any thread */
  bool draining;
  uint64_t timer_at;
  uint8_t challenges[PL_WORKER_CHALLENGES][32]; /* drawn already; the first challenges_left of them are not given out */
  size_t challenges_left;
  pl_server *server;
  pl_relay *relay;
  pl_store *store;
  pl_bus *bus; /* NULL when there is only one worker */
  pthread_t thread;
  bool started;
} pl_worker;

/* Fills in config.hooks and config.user, so that the core calls this worker. */
void pl_worker_hooks(pl_worker *worker, pl_relay_config *config);
/* Passes the store's answer to the core; its type is pl_store_done. */
void pl_worker_stored(void *user, pl_relay_conn *conn, pl_relay_registration result);
/* Ends a turn of the loop: writes what changed and sets the timer for the next deadline. */
void pl_worker_turn(void *user);

void pl_worker_init(pl_worker *worker, unsigned number, unsigned workers);
/* Creates the server on the worker's loop. Returns false after an error, which is in the log. */
bool pl_worker_serve(pl_worker *worker, const pl_options *options);
void pl_worker_join_bus(pl_worker *worker, pl_bus *bus);
/* Runs the loop in a new thread. Returns false when the thread cannot be started. */
bool pl_worker_start(pl_worker *worker);
/* drain: sends GOING_AWAY to all clients and stops listening. stop: ends the loop. Any thread. */
void pl_worker_order(pl_worker *worker, bool drain, bool stop);
/* Frees what the worker has. Call this after its loop has ended and the store was closed. */
void pl_worker_end(pl_worker *worker);

#endif
