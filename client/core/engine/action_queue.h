/* Copies of the engine's actions, for a shell that executes them later: a callback may step the engine again, and the
 * views of an action live only until then. First in, first out. Nothing goes in behind an action that found no memory:
 * what is executed is always all that happened up to some moment. */
#ifndef PL_ACTION_QUEUE_H
#define PL_ACTION_QUEUE_H

#include "engine.h"

typedef struct pl_engine_queued_action {
  pl_node node;
  pl_engine_action action; /* data and text lie behind it, each with a NUL after its end */
  void *about;             /* the shell's own */
} pl_engine_queued_action;

typedef struct pl_engine_action_queue {
  pl_node actions;
  bool broken; /* an action is missing behind the last one */
} pl_engine_action_queue;

void pl_engine_action_queue_init(pl_engine_action_queue *q);
void pl_engine_action_queue_deinit(pl_engine_action_queue *q);
bool pl_engine_action_queue_is_empty(const pl_engine_action_queue *q);
/* Copies it to the end; NULL when there is no memory, and from then on always. */
pl_engine_queued_action *pl_engine_action_queue_add(pl_engine_action_queue *q, const pl_engine_action *action);
pl_engine_queued_action *pl_engine_action_queue_take(
    pl_engine_action_queue *q); /* the first one, for pl_engine_queued_action_free; or NULL */
void pl_engine_queued_action_free(pl_engine_queued_action *a); /* the words of a code are wiped */

#endif
