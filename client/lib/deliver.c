#include "deliver.h"

#include <stdio.h>
#include <string.h>

#include "client_relay.h"
#include "session_table.h"
#include "step.h"

/* Returns the milliseconds from now until a time, or PAIRLINK_NEVER. */
static int64_t ms_until(uint64_t time_ms) {
  uint64_t now = pl_now_ms();
  if (time_ms == PL_NEVER) return PAIRLINK_NEVER;
  return time_ms > now ? (int64_t)(time_ms - now) : 0;
}

static void call_back(pairlink *p, pairlink_event *e) {
  if (p->free_wanted) return;
  if (!e->peer) e->peer = e->session ? e->session->peer : "";
  if (!e->text) e->text = "";
  p->callback(p, e, p->user);
}

/* Returns the reason in words: the given text, or the relay's reason if it gave one, or what the transport said
 * last. */
static const char *why_offline(const pairlink *p, int error, int reason, const char *text) {
  if (text && *text) return text;
  bool said = error == PL_ENETWORK && reason && reason != PL_REASON_GONE;
  return said ? pl_reason_text(reason) : p->offline_text;
}

static void went_offline(pairlink *p, int error, uint64_t time_ms, int reason, const char *text) {
  pairlink_event e = {.type = PAIRLINK_EVENT_OFFLINE, .error = error, .reason = reason, .retry_ms = ms_until(time_ms)};
  e.text = why_offline(p, error, reason, text);
  p->checking = false;
  if (e.retry_ms == PAIRLINK_NEVER && error && !p->stopping) p->final_error = error;
  call_back(p, &e);
}

static void went_online(pairlink *p, const pl_engine_action *a) {
  pairlink_event e = {.type = PAIRLINK_EVENT_ONLINE, .retry_ms = PAIRLINK_NEVER};
  memcpy(p->relay_bytes, a->id, 32);
  pl_id_format(p->relay_id, a->id);
  p->relay_known = true;
  if (pl_client_pin_relay(p) == PL_ERELAYKEY) {
    went_offline(p, PL_ERELAYKEY, PL_NEVER, 0, pl_error_text(PL_ERELAYKEY));
    pl_engine_event stop = {.type = PL_ENGINE_IN_STOP};
    (void)pl_client_step(p, &stop);
    return;
  }
  p->offline_text[0] = '\0';
  e.peer = p->relay_id;
  call_back(p, &e);
}

static void is_checking(pairlink *p, bool checking) {
  pairlink_event e = {.type = checking ? PAIRLINK_EVENT_CHECKING : PAIRLINK_EVENT_ALIVE, .retry_ms = PAIRLINK_NEVER};
  p->checking = checking;
  call_back(p, &e);
}

static void about_peer(pairlink *p, const pl_engine_action *a, pairlink_event_type type) {
  char id[PL_ID_CHARS + 1];
  pl_id_format(id, a->id);
  pairlink_event e = {.type = type, .peer = id, .text = (const char *)a->text.data, .retry_ms = PAIRLINK_NEVER};
  if (a->data.size) {
    e.data = a->data.data;
    e.size = a->data.size;
  }
  call_back(p, &e);
}

static void about_code(pairlink *p, pairlink_session *s, const pl_engine_action *a, pairlink_event_type type) {
  char id[PL_ID_CHARS + 1] = "";
  pairlink_event e = {.type = type, .error = a->error, .reason = a->reason, .code = a->code, .session = s};
  if (type == PAIRLINK_EVENT_PAIRED) pl_id_format(id, a->id);
  e.peer = id;
  e.text = (const char *)a->text.data;
  e.retry_ms = PAIRLINK_NEVER;
  if (type == PAIRLINK_EVENT_CODE) e.valid_ms = ms_until(a->time_ms);
  call_back(p, &e);
}

static const pairlink_event_type session_events[] = {
    [PL_ENGINE_OUT_SESSION] = PAIRLINK_EVENT_SESSION,
    [PL_ENGINE_OUT_LINKED] = PAIRLINK_EVENT_LINKED,
    [PL_ENGINE_OUT_UNLINKED] = PAIRLINK_EVENT_UNLINKED,
    [PL_ENGINE_OUT_MESSAGE] = PAIRLINK_EVENT_MESSAGE,
    [PL_ENGINE_OUT_VOLATILE] = PAIRLINK_EVENT_VOLATILE,
    [PL_ENGINE_OUT_END] = PAIRLINK_EVENT_END,
    [PL_ENGINE_OUT_WRITABLE] = PAIRLINK_EVENT_WRITABLE,
    [PL_ENGINE_OUT_DELIVERED] = PAIRLINK_EVENT_DELIVERED,
    [PL_ENGINE_OUT_CHANNEL_RESET] = PAIRLINK_EVENT_CHANNEL_RESET,
    [PL_ENGINE_OUT_LOST] = PAIRLINK_EVENT_LOST,
    [PL_ENGINE_OUT_STREAM_RESET] = PAIRLINK_EVENT_STREAM_RESET,
    [PL_ENGINE_OUT_SESSION_CLOSED] = PAIRLINK_EVENT_CLOSED,
};

static void about_session(pairlink *p, pairlink_session *s, const pl_engine_action *a) {
  if (!s) s = pl_client_session_find(p, a->session); /* the step that queued this action also created the session */
  if (!s) return;
  bool names = a->type == PL_ENGINE_OUT_SESSION || a->type == PL_ENGINE_OUT_LINKED;
  if (names) snprintf(s->application, sizeof s->application, "%s", (const char *)a->text.data);
  if (names) snprintf(s->name, sizeof s->name, "%s", a->data.size ? (const char *)a->data.data : "");
  if (a->type == PL_ENGINE_OUT_LINKED) s->linked = true;
  if (a->type == PL_ENGINE_OUT_UNLINKED || a->type == PL_ENGINE_OUT_SESSION_CLOSED) s->linked = false;
  pairlink_event e = {.type = session_events[a->type],
                      .error = a->error,
                      .reason = a->reason,
                      .channel = a->channel,
                      .session = s,
                      .text = (const char *)a->text.data,
                      .data = names ? NULL : a->data.data,
                      .size = names ? 0 : a->data.size,
                      .place = a->place,
                      .retry_ms = a->type == PL_ENGINE_OUT_UNLINKED ? ms_until(a->time_ms) : PAIRLINK_NEVER};
  call_back(p, &e);
  if (a->type == PL_ENGINE_OUT_SESSION_CLOSED && !p->free_wanted) pl_client_session_free(s);
}

static void connect_transport(pairlink *p, const char *address) {
  pl_url url;
  if (!address || !*address)
    pl_transport_connect(p->transport, &p->url);
  else
    pl_transport_connect(p->transport, pl_url_parse(&url, address) == 0 ? &url : NULL);
}

static void deliver_execute(pairlink *p, pairlink_session *s, const pl_engine_action *a) {
  switch (a->type) {
    case PL_ENGINE_OUT_CONNECT:
      connect_transport(p, (const char *)a->text.data);
      break;
    case PL_ENGINE_OUT_DISCONNECT:
      pl_transport_disconnect(p->transport);
      break;
    case PL_ENGINE_OUT_ONLINE:
      went_online(p, a);
      break;
    case PL_ENGINE_OUT_OFFLINE:
      went_offline(p, a->error, a->time_ms, a->reason, (const char *)a->text.data);
      break;
    case PL_ENGINE_OUT_CHECKING:
      is_checking(p, true);
      break;
    case PL_ENGINE_OUT_ALIVE:
      is_checking(p, false);
      break;
    case PL_ENGINE_OUT_KNOCK:
      about_peer(p, a, PAIRLINK_EVENT_KNOCK);
      break;
    case PL_ENGINE_OUT_INVITE_CLAIMED:
      about_peer(p, a, PAIRLINK_EVENT_INVITE_USED);
      break;
    case PL_ENGINE_OUT_CODE:
      about_code(p, NULL, a, PAIRLINK_EVENT_CODE);
      break;
    case PL_ENGINE_OUT_CODE_BUSY:
      about_code(p, NULL, a, PAIRLINK_EVENT_CODE_BUSY);
      break;
    case PL_ENGINE_OUT_PAIRED:
      about_code(p, s, a, PAIRLINK_EVENT_PAIRED);
      break;
    case PL_ENGINE_OUT_CODE_ENDED:
      about_code(p, NULL, a, PAIRLINK_EVENT_CODE_ENDED);
      break;
    case PL_ENGINE_OUT_LOG:
      break;
    default:
      about_session(p, s, a);
      break;
  }
}

bool pl_client_deliver(pairlink *p) {
  bool any = false;
  pl_engine_queued_action *q;
  while (!p->free_wanted && !pl_client_is_inherited(p) && (q = pl_engine_action_queue_take(&p->queue))) {
    deliver_execute(p, q->about, &q->action);
    pl_engine_queued_action_free(q);
    any = true;
  }
  return any;
}
