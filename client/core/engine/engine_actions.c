/* See engine_actions.h. */
#include "engine_actions.h"

#include <stdio.h>
#include <string.h>

int pl_engine_out_room(pl_engine *e, size_t count) {
  pl_engine_actions *a = &e->actions;
  if (count <= a->capacity) return 0;
  size_t capacity = 2 * a->capacity;
  if (capacity < count) capacity = count;
  pl_engine_action *list = pl_realloc(a->list, capacity * sizeof *list);
  if (!list) return PL_ENOMEM;
  a->list = list;
  a->capacity = capacity;
  return 0;
}

int pl_engine_out(pl_engine *e, pl_engine_action action) {
  pl_engine_actions *a = &e->actions;
  if (pl_engine_out_room(e, a->count + 1 + PL_ENGINE_OUT_RESERVE(e->session_slots))) return PL_ENOMEM;
  a->list[a->count++] = action;
  return 0;
}

void pl_engine_out_lossy(pl_engine *e, pl_engine_action action) {
  if (pl_engine_out(e, action)) return;
}

void pl_engine_out_once(pl_engine *e, pl_engine_action action) {
  pl_engine_actions *a = &e->actions;
  if (pl_engine_out_room(e, a->count + 1)) return;
  a->list[a->count++] = action;
}

void pl_engine_wake_at(pl_engine *e, uint64_t ms) {
  if (ms < e->now_ms) ms = e->now_ms;
  if (ms < e->next_ms) e->next_ms = ms;
}

pl_view pl_engine_keep_text(pl_engine *e, pl_view text) {
  size_t n = sizeof e->text - e->text_used;
  if (n > text.size) n = text.size;
  uint8_t *to = e->text + e->text_used;
  if (n) memcpy(to, text.data, n);
  e->text_used += n;
  return (pl_view){to, n};
}

void pl_engine_log(pl_engine *e, const char *event, const char *reason) {
  char line[96];
  int n = snprintf(line, sizeof line, "event=%s reason=%s", event, reason);
  if (n < 0) return;
  pl_view text = {(const uint8_t *)line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1};
  pl_engine_out_lossy(e, (pl_engine_action){.type = PL_ENGINE_OUT_LOG, .text = pl_engine_keep_text(e, text)});
}

bool pl_engine_reason_is_fault(int reason) {
  return reason == PL_REASON_CORRUPT || !PL_REASON_IS_RETRYABLE(reason);
}

int pl_engine_reason_error(int reason) {
  switch (reason) {
    case PL_REASON_CLOSED:
      return PL_ECLOSED;
    case PL_REASON_UNAVAILABLE:
      return PL_EUNAVAILABLE;
    case PL_REASON_TIMEOUT:
      return PL_ETIMEDOUT;
    case PL_REASON_BUSY:
      return PL_EBUSY;
    case PL_REASON_STORE:
      return PL_ESTORE;
    case PL_REASON_NO_CODE:
      return PL_ENOCODE;
    case PL_REASON_WRONG_CODE:
      return PL_EWRONGCODE;
    case PL_REASON_REFUSED:
      return PL_EREFUSED;
    case PL_REASON_PROTOCOL:
    case PL_REASON_UNSUPPORTED:
      return PL_EPROTOCOL;
    case PL_REASON_REVOKED:
    case PL_REASON_DENIED:
      return PL_EDENIED;
    case PL_REASON_LOGIN_FAILED:
      return PL_ECRYPTO;
    case PL_REASON_ORIGIN:
      return PL_EURL;
    default:
      return PL_REASON_IS_RETRYABLE(reason) ? PL_ENETWORK : PL_EREFUSED;
  }
}
