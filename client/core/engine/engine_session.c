/* See engine_session.h. */
#include "engine_session.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"
#include "engine_alive.h"
#include "engine_hash.h"
#include "engine_link.h"
#include "engine_random.h"
#include "engine_retry.h"

enum {
  LINGER_MS = 15000,        /* a session that was closed can repeat its CLOSE for this long */
  REPLACE_AFTER_MS = 900000 /* a link that is this old is replaced */
};

/* ---- the table --------------------------------------------------------------------------------------------------- */

static pl_engine_session **session_slot(pl_engine *e) {
  if (pl_heap_reserve(&e->session_times, e->session_count + 1)) return NULL;
  while (e->session_lowest < e->session_slots && e->sessions[e->session_lowest]) e->session_lowest++;
  if (e->session_lowest < e->session_slots) return &e->sessions[e->session_lowest];
  if (e->session_slots >= e->config.sessions_max) return NULL;
  size_t count = e->session_slots ? e->session_slots * 2 : 4;
  if (count > e->config.sessions_max) count = e->config.sessions_max;
  if (pl_engine_out_room(e, e->actions.count + PL_ENGINE_OUT_RESERVE(count))) return NULL;
  pl_engine_session **list = pl_realloc(e->sessions, count * sizeof(pl_engine_session *));
  if (!list) return NULL;
  memset(list + e->session_slots, 0, (count - e->session_slots) * sizeof(pl_engine_session *));
  e->sessions = list;
  pl_engine_session **slot = &list[e->session_slots];
  e->session_slots = count;
  return slot;
}

pl_engine_session *pl_engine_session_new(pl_engine *e, const uint8_t id[32], const uint8_t instance[8]) {
  pl_session_config config = {.seed = pl_engine_rng_u64(&e->rng), .message_max = e->config.message_max};
  config.channel_window = e->config.channel_window;
  config.session_window = e->config.session_window;
  config.manual_take = e->config.manual_take;
  config.pieces = &e->pieces;
  pl_engine_session **slot = session_slot(e);
  pl_engine_session *s = slot ? pl_alloc(sizeof *s) : NULL;
  if (!s) return NULL;
  if (pl_session_new(&config, &s->core)) {
    pl_free(s);
    return NULL;
  }
  *slot = s;
  s->slot = s->time.order = (size_t)(slot - e->sessions);
  e->session_count++;
  e->session_generation = (uint16_t)((e->session_generation + 1) & 0x7fff);
  s->number = (uint32_t)e->session_generation << 16 | (uint32_t)(s->slot + 1);
  memcpy(s->id, id, 32);
  memcpy(s->instance, instance, 8);
  s->own_wish = true;
  s->dial_at_ms = s->linger_until_ms = PL_NEVER;
  s->unlinked_ms = e->now_ms;
  pl_list_init(&s->ready);
  pl_list_init(&s->due);
  pl_list_init(&s->links);
  pl_table_put(&e->by_id, &s->by_id, pl_engine_hash(e, id));
  pl_engine_session_touch(e, s);
  return s;
}

static void session_forget_links(pl_engine *e, pl_engine_session *s, int reason) {
  while (!pl_list_empty(&s->links))
    pl_engine_link_forget(e, PL_CONTAINER(s->links.next, pl_engine_link, of_session), reason);
}

void pl_engine_session_free(pl_engine *e, pl_engine_session *s) {
  session_forget_links(e, s, PL_REASON_CLOSED);
  pl_list_remove(&s->ready);
  pl_list_remove(&s->due);
  pl_table_remove(&e->by_id, &s->by_id);
  pl_heap_remove(&e->session_times, &s->time);
  e->sessions[s->slot] = NULL;
  e->session_count--;
  if (s->slot < e->session_lowest) e->session_lowest = s->slot;
  pl_session_free(s->core);
  sodium_memzero(s->secret, sizeof s->secret);
  pl_free(s);
}

pl_engine_session *pl_engine_session_by_number(const pl_engine *e, uint32_t number) {
  size_t slot = (number & 0xffff) - 1u;
  if (slot >= e->session_slots) return NULL;
  pl_engine_session *s = e->sessions[slot];
  return s && s->number == number && !s->lingering ? s : NULL;
}

uint32_t pl_engine_message_max(const pl_engine *e, uint32_t session) {
  const pl_engine_session *s = pl_engine_session_by_number(e, session);
  return s ? pl_session_message_max(s->core) : 0;
}

static pl_engine_session *session_with(pl_table_node *n, const uint8_t id[32]) {
  for (; n; n = pl_table_next(n)) {
    pl_engine_session *s = PL_CONTAINER(n, pl_engine_session, by_id);
    if (memcmp(s->id, id, 32) == 0) return s;
  }
  return NULL;
}

pl_engine_session *pl_engine_session_first_with(const pl_engine *e, const uint8_t id[32]) {
  return session_with(pl_table_first(&e->by_id, pl_engine_hash(e, id)), id);
}

pl_engine_session *pl_engine_session_next_with(const pl_engine_session *s) {
  return session_with(pl_table_next(&s->by_id), s->id);
}

pl_engine_session *pl_engine_session_find(const pl_engine *e, const uint8_t id[32], const uint8_t instance[8]) {
  for (pl_engine_session *s = pl_engine_session_first_with(e, id); s; s = pl_engine_session_next_with(s)) {
    if (s->lingering || pl_session_is_closing(s->core)) continue;
    if (memcmp(s->instance, instance, 8) == 0) return s;
  }
  return NULL;
}

pl_engine_session *pl_engine_session_dialling(const pl_engine *e, const uint8_t id[32]) {
  for (pl_engine_session *s = pl_engine_session_first_with(e, id); s; s = pl_engine_session_next_with(s)) {
    if (s->lingering || s->was_linked || !s->own_wish || pl_session_is_closing(s->core)) continue;
    if (sodium_is_zero(s->instance, 8)) return s;
  }
  return NULL;
}

/* ---- what the core reports --------------------------------------------------------------------------------------- */

typedef struct session_sink {
  pl_engine *e;
  pl_engine_session *s;
} session_sink;

static pl_engine_action session_named(const pl_engine_session *s, pl_engine_action a) {
  a.session = s->number;
  memcpy(a.id, s->id, 32);
  memcpy(a.instance, s->instance, 8);
  return a;
}

/* Reports an action, unless the application does not know the session. */
static int session_out(pl_engine *e, const pl_engine_session *s, pl_engine_action a) {
  return s->announced ? pl_engine_out(e, session_named(s, a)) : 0;
}

static void session_out_once(pl_engine *e, const pl_engine_session *s, pl_engine_action a) {
  if (s->announced) pl_engine_out_once(e, session_named(s, a));
}

static int session_linked(pl_engine *e, pl_engine_session *s, uint32_t number) {
  const pl_engine_link *l = pl_engine_link_find(e, number);
  pl_engine_action a = {.text = {s->application, s->application_size}, .data = {s->name, s->name_size}};
  if (!s->lingering && !s->linked) {
    if (!s->announced) {
      s->announced = true;
      a.type = PL_ENGINE_OUT_SESSION;
      int rc = session_out(e, s, a);
      if (rc) {
        s->announced = false;
        return rc;
      }
    }
    a.type = PL_ENGINE_OUT_LINKED;
    int rc = session_out(e, s, a);
    if (rc) return rc;
    s->linked = true;
  }
  s->was_linked = true;
  s->replace = false;
  s->failures = 0;
  s->dial_at_ms = PL_NEVER;
  s->unlink_reason = 0;
  if (l) s->opened_last = l->opener;
  return 0;
}

static void session_drop_link(pl_engine *e, pl_engine_session *s, uint32_t number, int reason) {
  pl_engine_link *l = pl_engine_link_find(e, number);
  s->unlink_reason = reason;
  if (l) pl_engine_link_forget(e, l, reason);
}

static const pl_engine_action_type session_actions[] = {[PL_SESSION_MESSAGE] = PL_ENGINE_OUT_MESSAGE,
                                                        [PL_SESSION_VOLATILE] = PL_ENGINE_OUT_VOLATILE,
                                                        [PL_SESSION_END] = PL_ENGINE_OUT_END,
                                                        [PL_SESSION_WRITABLE] = PL_ENGINE_OUT_WRITABLE,
                                                        [PL_SESSION_DELIVERED] = PL_ENGINE_OUT_DELIVERED,
                                                        [PL_SESSION_WAS_RESET] = PL_ENGINE_OUT_CHANNEL_RESET,
                                                        [PL_SESSION_LOST] = PL_ENGINE_OUT_LOST,
                                                        [PL_SESSION_STREAM_RESET] = PL_ENGINE_OUT_STREAM_RESET};

/* Keeps a session that is over for the application, because the peer may not have got CLOSE and may ask again. */
static void session_linger(pl_engine *e, pl_engine_session *s) {
  s->lingering = true;
  s->linked = false;
  s->dial_at_ms = PL_NEVER;
  s->linger_until_ms = e->now_ms + LINGER_MS;
  if (s->opening) pl_engine_link_forget(e, s->opening, PL_REASON_CLOSED);
}

static int session_take_action(void *context, const pl_session_action *in) {
  session_sink *k = context;
  pl_engine *e = k->e;
  pl_engine_session *s = k->s;
  pl_engine_action a = {.channel = in->channel, .reason = in->reason, .place = in->place, .data = in->data};
  pl_session_sink sink = {session_take_action, context};
  switch (in->type) {
    case PL_SESSION_LINKED:
      return session_linked(e, s, in->link);
    case PL_SESSION_DROP_LINK:
      session_drop_link(e, s, in->link, in->reason);
      return 0;
    case PL_SESSION_PEER_CLOSED:
      pl_session_report_lost(s->core, &sink);
      a.type = PL_ENGINE_OUT_SESSION_CLOSED;
      a.error = pl_engine_reason_error(in->reason);
      a.text = in->data;
      session_out_once(e, s, a);
      session_linger(e, s);
      return 0;
    case PL_SESSION_CLOSE_ENDED:
      pl_session_report_lost(s->core, &sink);
      if (in->error) pl_engine_alive_doubt(e);
      a.type = PL_ENGINE_OUT_SESSION_CLOSED;
      a.error = in->error;
      a.reason = in->error ? PL_REASON_TIMEOUT : PL_REASON_CLOSED;
      session_out_once(e, s, a);
      if (pl_session_peer_epoch(s->core))
        session_linger(e, s);
      else
        s->ended = true;
      return 0;
    default:
      a.type = session_actions[in->type];
      return s->lingering ? 0 : session_out(e, s, a);
  }
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

bool pl_engine_session_has_link(const pl_engine_session *s) {
  for (const pl_node *n = s->links.next; n != &s->links; n = n->next)
    if (PL_CONTAINER(n, const pl_engine_link, of_session)->state == PL_ENGINE_LINK_UP) return true;
  return false;
}

/* Slows calls down after faults, because a side on the way that changes records or forges a RESET must not cause a call
 * each time. */
static uint64_t session_fault_delay(pl_engine *e, const pl_engine_session *s) {
  return s->faults && pl_engine_reason_is_fault(s->unlink_reason) ? pl_engine_retry_jitter(e, s->faults - 1) : 0;
}

static void session_unlinked(pl_engine *e, pl_engine_session *s) {
  pl_engine_action a = {.type = PL_ENGINE_OUT_UNLINKED, .reason = s->unlink_reason ? s->unlink_reason : PL_REASON_GONE};
  s->linked = false;
  s->unlinked_ms = e->now_ms;
  s->dial_at_ms = PL_NEVER;
  if (e->connection == PL_ENGINE_CONN_ONLINE && !s->opening) {
    s->dial_at_ms = e->now_ms;
    if (!s->opened_last || pl_engine_session_has_link(s))
      s->dial_at_ms += PL_ENGINE_REDIAL_OTHER_MS + pl_engine_rng_below(&e->rng, 1000);
    if (s->unlink_reason == PL_REASON_OVERFLOW) s->dial_at_ms += pl_engine_rng_below(&e->rng, PL_ENGINE_RETRY_MIN_MS);
    s->dial_at_ms += session_fault_delay(e, s);
  }
  a.time_ms = s->opened_last ? s->dial_at_ms : PL_NEVER;
  pl_engine_alive_doubt(e);
  session_out_once(e, s, a);
}

void pl_engine_session_refused(pl_engine *e, pl_engine_session *s) {
  if (s->lingering || s->opening || pl_session_is_closing(s->core) || pl_engine_session_has_link(s)) return;
  const pl_engine_action a = {.type = PL_ENGINE_OUT_UNLINKED, .reason = s->unlink_reason, .time_ms = s->dial_at_ms};
  session_out_once(e, s, a);
}

/* Ends a session that cannot be used any more. The peer is told by CLOSE, under the link's keys, since anybody on the
 * way can send a RESET. */
static void session_fail(pl_engine *e, pl_engine_session *s, int error) {
  bool protocol = error == PL_EPROTOCOL;
  int reason = protocol ? PL_REASON_PROTOCOL : PL_REASON_REFUSED;
  static const char too_large[] = "message too large";
  pl_view text = {(const uint8_t *)too_large, protocol ? 0 : sizeof too_large - 1};
  pl_engine_log(e, "session_broken", pl_error_text(error));
  if (s->lingering || !pl_session_is_linked(s->core)) {
    pl_engine_session_end(e, s, error, reason, text);
    return;
  }
  session_sink context = {e, s};
  pl_session_sink sink = {session_take_action, &context};
  pl_session_report_lost(s->core, &sink);
  pl_engine_action a = {.type = PL_ENGINE_OUT_SESSION_CLOSED, .error = error, .reason = reason};
  a.text = pl_engine_keep_text(e, text);
  session_out_once(e, s, a);
  pl_session_fail(s->core, (uint16_t)reason, text);
  session_linger(e, s);
  pl_engine_session_touch(e, s);
}

int pl_engine_session_step(pl_engine *e, pl_engine_session **session, pl_session_event *in, pl_session_result *result) {
  pl_engine_session *s = *session;
  session_sink context = {e, s};
  pl_session_sink sink = {session_take_action, &context};
  size_t slot = s->slot;
  in->now_ms = e->now_ms;
  int rc = pl_session_step(s->core, in, &sink, result);
  bool broke = rc == PL_EPROTOCOL || (rc == PL_EMSGSIZE && in->type == PL_SESSION_RECORD);
  if (broke && !s->ended) {
    session_fail(e, s, rc);
    if (!e->sessions[slot]) *session = NULL;
    return rc;
  }
  if (s->linked && !s->ended && !pl_session_is_linked(s->core)) session_unlinked(e, s);
  /* A caller that was gone before its session was reported leaves nothing behind. */
  bool vanished = !s->announced && !s->own_wish && !s->lingering && !pl_engine_session_has_link(s);
  if (s->ended || vanished) {
    pl_engine_session_free(e, s);
    *session = NULL;
    return rc;
  }
  pl_engine_session_touch(e, s);
  return rc;
}

void pl_engine_session_close_over(pl_engine *e, pl_engine_session *s) {
  session_sink context = {e, s};
  pl_session_sink sink = {session_take_action, &context};
  if (pl_session_close_over(s->core, &sink))
    pl_engine_session_end(e, s, PL_OK, PL_REASON_CLOSED, (pl_view){NULL, 0});
  else if (s->ended)
    pl_engine_session_free(e, s);
  else
    pl_engine_session_touch(e, s);
}

void pl_engine_session_end(pl_engine *e, pl_engine_session *s, int error, int reason, pl_view text) {
  session_sink context = {e, s};
  pl_session_sink sink = {session_take_action, &context};
  if (!s->lingering) {
    pl_session_report_lost(s->core, &sink);
    pl_engine_action a = {.type = PL_ENGINE_OUT_SESSION_CLOSED, .error = error, .reason = reason};
    a.text = pl_engine_keep_text(e, text);
    session_out_once(e, s, a);
  }
  s->ended = true;
  session_forget_links(e, s, reason);
  pl_engine_session_free(e, s);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

void pl_engine_session_touch(pl_engine *e, pl_engine_session *s) {
  if (pl_list_empty(&s->ready) && pl_session_has_output(s->core)) pl_list_append(&e->ready, &s->ready);
  pl_engine_session_timer(e, s);
}

void pl_engine_session_timer(pl_engine *e, pl_engine_session *s) {
  uint64_t at = pl_engine_session_deadline(e, s);
  pl_heap_set(&e->session_times, &s->time, at < e->now_ms ? e->now_ms : at);
  pl_engine_wake_at(e, at);
}

pl_engine_link *pl_engine_session_answered_link(const pl_engine_session *s) {
  if (!pl_session_close_answered(s->core)) return NULL;
  for (pl_node *n = s->links.next; n != &s->links; n = n->next) {
    pl_engine_link *l = PL_CONTAINER(n, pl_engine_link, of_session);
    if (l->state == PL_ENGINE_LINK_UP && pl_session_link_is_current(s->core, l->number)) return l;
  }
  return NULL;
}

uint64_t pl_engine_session_deadline(const pl_engine *e, const pl_engine_session *s) {
  uint64_t at = pl_session_deadline(s->core);
  if (s->lingering) {
    if (pl_engine_session_answered_link(s)) return e->now_ms;
    return s->linger_until_ms < at ? s->linger_until_ms : at;
  }
  if (e->connection == PL_ENGINE_CONN_ONLINE && s->dial_at_ms < at) at = s->dial_at_ms;
  uint64_t ends = s->unlinked_ms + e->config.session_timeout_ms;
  return !s->linked && ends < at ? ends : at;
}

void pl_engine_session_traffic(pl_engine *e, pl_engine_link *l, size_t bytes) {
  l->bytes += bytes;
  pl_engine_session *s = l->session;
  if (!l->opener || l->replacing || !s || !pl_session_link_is_current(s->core, l->number)) return;
  if (l->bytes < e->config.replace_after_bytes && e->now_ms - l->since_ms < REPLACE_AFTER_MS) return;
  l->replacing = s->replace = true;
  s->dial_at_ms = e->now_ms;
  pl_engine_session_timer(e, s);
}
