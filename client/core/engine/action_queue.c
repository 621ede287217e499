/* See action_queue.h. */
#include "action_queue.h"

#include <sodium.h>
#include <string.h>

void pl_engine_action_queue_init(pl_engine_action_queue *q) {
  pl_list_init(&q->actions);
  q->broken = false;
}

void pl_engine_action_queue_deinit(pl_engine_action_queue *q) {
  pl_engine_queued_action *a;
  while ((a = pl_engine_action_queue_take(q))) pl_engine_queued_action_free(a);
}

bool pl_engine_action_queue_is_empty(const pl_engine_action_queue *q) {
  return pl_list_empty(&q->actions);
}

/* Puts a NUL behind the copy. */
static pl_view queue_copy(uint8_t *at, pl_view bytes) {
  if (bytes.size) memcpy(at, bytes.data, bytes.size);
  at[bytes.size] = 0;
  return (pl_view){at, bytes.size};
}

pl_engine_queued_action *pl_engine_action_queue_add(pl_engine_action_queue *q, const pl_engine_action *action) {
  size_t data = action->data.size + 1, text = action->text.size + 1;
  pl_engine_queued_action *a = q->broken ? NULL : pl_realloc(NULL, sizeof *a + data + text);
  if (!a) {
    q->broken = true;
    return NULL;
  }
  uint8_t *behind = (uint8_t *)(a + 1);
  *a = (pl_engine_queued_action){.action = *action};
  a->action.data = queue_copy(behind, action->data);
  a->action.text = queue_copy(behind + data, action->text);
  pl_list_init(&a->node);
  pl_list_append(&q->actions, &a->node);
  return a;
}

pl_engine_queued_action *pl_engine_action_queue_take(pl_engine_action_queue *q) {
  if (pl_list_empty(&q->actions)) return NULL;
  pl_engine_queued_action *a = PL_CONTAINER(q->actions.next, pl_engine_queued_action, node);
  pl_list_remove(&a->node);
  return a;
}

void pl_engine_queued_action_free(pl_engine_queued_action *a) {
  if (a->action.type == PL_ENGINE_OUT_CODE)
    sodium_memzero((uint8_t *)(uintptr_t)a->action.text.data, a->action.text.size);
  pl_free(a);
}
