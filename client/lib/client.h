/* What the files of the library share: the client around one engine and one transport.
 *
 * Order of things: an API call or a socket event steps the engine; the step's actions are copied into a queue, since a
 * callback may step the engine again; pairlink_dispatch, and nothing else, executes the queue and calls back.
 *
 * An action that finds no memory on the way ends the client (`failed`): the engine has gone on, and what its
 * application was not told cannot be told later. From then on the engine is not stepped and produces nothing, so no
 * peer hears that something was taken which nobody got; what is in the queue happened before, and is still delivered.
 */
#ifndef PL_LIB_INTERNAL_H
#define PL_LIB_INTERNAL_H

#include <stdatomic.h>

#include "../core/engine/action_queue.h"
#include "../core/engine/engine.h"
#include "../core/wire/wire.h"
#include "../include/pairlink.h"
#include "identity_file.h"
#include "known_relays.h"
#include "process.h"
#include "transport.h"

enum { PL_SESSION_BUCKETS = 64, PL_ENGINE_APPLICATION_MAX = 33, PL_ENGINE_NAME_MAX = 65 };

struct pairlink_session {
  pl_node node;
  pairlink *client;
  uint32_t number;
  bool linked, incoming, ended; /* ended: CLOSED is queued or delivered */
  char peer[PL_ID_CHARS + 1];
  char application[PL_ENGINE_APPLICATION_MAX], name[PL_ENGINE_NAME_MAX];
  void *user;
};

struct pairlink {
  pairlink_callback *callback;
  pairlink_log_callback *log;
  void *user;
  pl_process process; /* whose it is: a forked child has a copy of the memory, and shares the rest */
  pl_url url;
  char url_text[PL_URL_TEXT_MAX];
  char id[PL_ID_CHARS + 1], relay_id[PL_ID_CHARS + 1];
  uint8_t id_bytes[32], relay_bytes[32];
  bool relay_known; /* pinned, given or shown: relay_id is set */
  bool relay_pinned;
  char *relays_file;
  pl_engine *engine;
  pl_transport *transport;
  int epoll_fd, timer_fd, event_fd, kick_fd;
  bool kicked;       /* kick_fd has something: dispatch is due now */
  atomic_bool woken; /* by pairlink_wakeup: event_fd has something */
  uint64_t armed_ms; /* what the timerfd is set to; PL_NEVER: not */
  bool started, dispatching, free_wanted, stopping, stopped;
  bool stop_sent;  /* the engine was told to stop */
  int final_error; /* went offline for good */
  int failed;      /* nothing more comes of this client; see above */
  uint32_t message_max;
  char offline_text[640]; /* the transport's last words */
  /* Each is about a session, or none: a session's number may be in use again before the queue is executed. */
  pl_engine_action_queue queue;
  pl_node sessions[PL_SESSION_BUCKETS];
};

/* In a forked child: to touch a descriptor would act on the parent's connection. */
bool pl_client_is_inherited(const pairlink *p);
/* CLOCK_BOOTTIME: goes on while the machine sleeps, so that a gap is seen. */
uint64_t pl_now_ms(void);
void pl_client_log(pairlink *p, pairlink_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Steps the engine and queues its actions; re-arms the descriptor. The step's own result, or why the client failed. */
int pl_client_step(pairlink *p, pl_engine_event *event);
size_t pl_client_produce(pairlink *p, uint8_t *out, size_t capacity);
bool pl_client_has_output(const pairlink *p);
/* Makes pairlink_fd readable now. */
void pl_client_kick(pairlink *p);
/* Executes the queue, calling back. True when there was anything. */
bool pl_client_deliver(pairlink *p);

pairlink_session *pl_session_find(pairlink *p, uint32_t number);
/* One that has no number yet; NULL: no memory. */
pairlink_session *pl_session_make(pairlink *p, const uint8_t peer[32], bool incoming);
void pl_session_number(pairlink_session *s, uint32_t number);
void pl_session_drop(pairlink_session *s);

#endif
