/* The client: one engine, one transport, and what joins them.
 *
 * An API call or a socket event steps the engine (step.h). The step's actions are copied into a queue, because a
 * callback may step the engine again. Only pairlink_dispatch (dispatch.c) executes that queue and calls back
 * (deliver.h).
 *
 * When memory runs out before an action is queued, the client fails (`failed`): the engine has already moved on, and an
 * event that the application was not told cannot be told later. From then on the engine is neither stepped nor asked
 * for output, so no peer hears that a message was taken which the application never got. What is in the queue happened
 * before, and is still delivered.
 *
 * Layers, top first; each calls only what stands below it:
 *   session.c codes.c dispatch.c        the public API
 *   client_new.c                        creates and frees a client
 *   deliver.c client_transport.c        executes actions; turns what the transport reports into steps
 *   step.c client_relay.c               steps the engine; which relay this is, and its ID
 *   session_table.c wake.c client.c     the application's sessions; pairlink_fd; clock and log */
#ifndef PL_LIB_CLIENT_H
#define PL_LIB_CLIENT_H

#include <stdatomic.h>

#include "../core/base/table.h"
#include "../core/engine/action_queue.h"
#include "../core/engine/engine.h"
#include "../core/wire/wire.h"
#include "../include/pairlink.h"
#include "process.h"
#include "transport.h"

enum {
  PL_APPLICATION_MAX = 33, /* bytes of an application's name, with the NUL */
  PL_NAME_MAX = 65         /* bytes of the name that a side gives itself, with the NUL */
};

struct pairlink {
  pairlink_callback *callback;
  pairlink_log_callback *log;
  void *user;
  pl_process process; /* that created it; a forked child has a copy of the memory and shares the descriptors */
  pl_url url;
  char url_text[PL_URL_TEXT_MAX];
  char id[PL_ID_CHARS + 1], relay_id[PL_ID_CHARS + 1];
  uint8_t id_bytes[32], relay_bytes[32];
  bool relay_known; /* the relay's ID is set: it was pinned, given, or shown at a login */
  bool relay_pinned;
  char *relays_file;
  pl_engine *engine;
  pl_transport *transport;
  int epoll_fd;              /* pairlink_fd: the transport's, which also watches the two below */
  int timer_fd;              /* readable at timer_ms */
  int wakeup_fd;             /* readable after pairlink_wakeup, and while dispatch is due now */
  uint64_t timer_ms;         /* what timer_fd is set to, or PL_NEVER */
  atomic_bool wakeup_called; /* wakeup_fd is or is about to be readable */
  bool now_set;              /* wakeup_fd is readable because dispatch is due */
  bool started, dispatching, free_wanted, stopping, stopped;
  bool checking;   /* nothing comes from the relay, as the application knows */
  bool stop_sent;  /* the engine was told to stop */
  int final_error; /* it went offline for good */
  int failed;      /* 0, or the error with which it failed; see above */
  uint32_t message_max;
  char offline_text[640];       /* what the transport said last */
  pl_engine_action_queue queue; /* each entry points to its pairlink_session: a number may be reused while it waits */
  pl_node sessions;             /* the application's, those that have ended and are not reported yet as well */
  pl_table by_number, by_peer;  /* the same sessions */
  uint8_t table_key[16];        /* of the hashes of peers, so that no peer can choose IDs that collide */
};

/* Returns true in a forked child, where using a descriptor would disturb the parent's connection. */
bool pl_client_is_inherited(const pairlink *p);
/* Returns CLOCK_BOOTTIME, which also runs while the machine sleeps, so that the engine notices a gap. */
uint64_t pl_now_ms(void);
void pl_client_log(pairlink *p, pairlink_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
