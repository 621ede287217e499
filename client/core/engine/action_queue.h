/* Copies of the engine's actions, first in, first out, for a shell that executes them later: a callback may step the
 * engine again, which ends the views of an action. Once memory ran out for an action, the queue takes no more, so there
 * is never a gap between the actions that are executed. */
#ifndef PL_ACTION_QUEUE_H
#define PL_ACTION_QUEUE_H

#include "engine.h"

typedef struct pl_engine_queued_action {
  pl_node node;
  pl_engine_action action; /* data and text lie behind it, each followed by a NUL */
  void *about;             /* the shell's: what the action is about */
} pl_engine_queued_action;

typedef struct pl_engine_action_queue {
  pl_node actions;
  bool broken; /* memory ran out: an action is missing after the last one */
} pl_engine_action_queue;

void pl_engine_action_queue_init(pl_engine_action_queue *q);
void pl_engine_action_queue_deinit(pl_engine_action_queue *q);
bool pl_engine_action_queue_is_empty(const pl_engine_action_queue *q);
/* Appends a copy. Returns NULL when memory ran out, now or before. */
pl_engine_queued_action *pl_engine_action_queue_add(pl_engine_action_queue *q, const pl_engine_action *action);
/* Removes and returns the first one, which the caller frees, or NULL. */
pl_engine_queued_action *pl_engine_action_queue_take(pl_engine_action_queue *q);
void pl_engine_queued_action_free(pl_engine_queued_action *a); /* wipes the words of a code */

#endif
