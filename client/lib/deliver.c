/* From the engine's actions to what the transport does and the application hears. */
#include <stdio.h>
#include <string.h>

#include "client.h"

/* ---- the queue ---------------------------------------------------------------------------------------- */

static bool begins_session(const pl_engine_action *a) {
  return a->type == PL_ENGINE_OUT_SESSION || (a->type == PL_ENGINE_OUT_PAIRED && a->session);
}

/* Whom the action is about. False: a session begins with it, and there is no memory for that. */
static bool find_session(pairlink *p, const pl_engine_action *a, pairlink_session **out) {
  bool about_one = a->type >= PL_ENGINE_OUT_SESSION && a->type <= PL_ENGINE_OUT_SESSION_CLOSED;
  bool begins = begins_session(a);
  *out = about_one || begins ? pl_session_find(p, a->session) : NULL;
  if (*out || !begins) return true;
  *out = pl_session_make(p, a->id, a->type == PL_ENGINE_OUT_SESSION);
  if (*out) pl_session_number(*out, a->session);
  return *out;
}

static bool queue(pairlink *p, const pl_engine_action *a) {
  pairlink_session *s;
  pl_engine_queued_action *q = find_session(p, a, &s) ? pl_engine_action_queue_add(&p->queue, a) : NULL;
  if (!q) return false;
  q->about = s;
  if (s && a->type == PL_ENGINE_OUT_SESSION_CLOSED) s->ended = true;
  return true;
}

static void fail(pairlink *p, int error) {
  if (p->failed) return;
  p->failed = error;
  pl_client_log(p, PAIRLINK_LOG_ERROR, "the client ends: %s", pl_error_text(error));
}

static void queue_all(pairlink *p, const pl_engine_actions *actions) {
  for (size_t i = 0; i < actions->count && !p->failed; i++) {
    const pl_engine_action *a = &actions->list[i];
    if (a->type == PL_ENGINE_OUT_LOG)
      pl_client_log(p, PAIRLINK_LOG_INFO, "%.*s", (int)a->text.size, (const char *)a->text.data);
    else if (!queue(p, a))
      fail(p, PL_ENOMEM);
  }
}

/* The engine undoes what finds no memory, and tries again later. Where there is not even room for one message, it would
 * try for ever, and nobody would hear of it. */
static void check_memory(pairlink *p, unsigned long failures_before) {
  if (pl_alloc_failures() == failures_before || p->failed) return;
  void *room = pl_alloc(p->message_max);
  if (!room) fail(p, PL_ENOMEM);
  pl_free(room);
}

int pl_client_step(pairlink *p, pl_engine_event *event) {
  const pl_engine_actions *actions = NULL;
  if (pl_client_is_inherited(p)) return PL_ESTATE;
  if (p->failed) return p->failed;
  unsigned long failures = pl_alloc_failures();
  event->now_ms = pl_now_ms();
  int result = pl_engine_step(p->engine, event, &actions);
  bool is_call = event->type >= PL_ENGINE_IN_CONNECT;
  if (!is_call || result != PL_ENOMEM) check_memory(p, failures); /* else the application hears it */
  queue_all(p, actions);
  pl_client_kick(p);
  return p->failed ? p->failed : result;
}

size_t pl_client_produce(pairlink *p, uint8_t *out, size_t capacity) {
  if (p->failed) return 0;
  unsigned long failures = pl_alloc_failures();
  size_t n = pl_engine_produce(p->engine, pl_now_ms(), out, capacity);
  check_memory(p, failures);
  return n;
}

bool pl_client_has_output(const pairlink *p) {
  return !p->failed && pl_engine_has_output(p->engine);
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

pairlink_session *pl_session_find(pairlink *p, uint32_t number) {
  pl_node *bucket = &p->sessions[number % PL_SESSION_BUCKETS];
  for (pl_node *n = bucket->next; n != bucket; n = n->next) {
    pairlink_session *s = PL_CONTAINER(n, pairlink_session, node);
    if (s->number == number && !s->ended) return s;
  }
  return NULL;
}

pairlink_session *pl_session_make(pairlink *p, const uint8_t peer[32], bool incoming) {
  pairlink_session *s = pl_alloc(sizeof *s);
  if (!s) return NULL;
  s->client = p;
  s->incoming = incoming;
  pl_id_format(s->peer, peer);
  pl_list_init(&s->node);
  return s;
}

void pl_session_number(pairlink_session *s, uint32_t number) {
  s->number = number;
  pl_list_append(&s->client->sessions[number % PL_SESSION_BUCKETS], &s->node);
}

void pl_session_drop(pairlink_session *s) {
  pl_list_remove(&s->node);
  pl_free(s);
}

/* ---- actions ------------------------------------------------------------------------------------------ */

static int64_t ms_until(uint64_t time_ms) {
  uint64_t now = pl_now_ms();
  if (time_ms == PL_NEVER) return PAIRLINK_NEVER;
  return time_ms > now ? (int64_t)(time_ms - now) : 0;
}

static void call(pairlink *p, pairlink_event *e) {
  if (p->free_wanted) return;
  if (!e->peer) e->peer = e->session ? e->session->peer : "";
  if (!e->text) e->text = "";
  p->callback(p, e, p->user);
}

static int pin(pairlink *p) {
  char why[PL_WHY_MAX] = "";
  if (p->relay_pinned) return 0;
  int error = pl_relays_add(p->relays_file, p->url.origin, p->relay_bytes, why);
  if (error == PL_ERELAYKEY) return error; /* another program pinned another one meanwhile */
  if (error) pl_client_log(p, PAIRLINK_LOG_WARNING, "the relay's ID is not remembered: %s", why);
  p->relay_pinned = true;
  return 0;
}

/* Why, in words: the relay's reason where it said one; else what the transport said last. */
static const char *why_offline(const pairlink *p, int error, int reason, const char *text) {
  if (text && *text) return text;
  bool said = error == PL_ENETWORK && reason && reason != PL_REASON_GONE;
  return said ? pl_reason_text(reason) : p->offline_text;
}

static void offline(pairlink *p, int error, uint64_t time_ms, int reason, const char *text) {
  pairlink_event e = {.type = PAIRLINK_EVENT_OFFLINE, .error = error, .reason = reason, .retry_ms = ms_until(time_ms)};
  e.text = why_offline(p, error, reason, text);
  if (e.retry_ms == PAIRLINK_NEVER && error && !p->stopping) p->final_error = error;
  call(p, &e);
}

static void online(pairlink *p, const pl_engine_action *a) {
  pairlink_event e = {.type = PAIRLINK_EVENT_ONLINE, .retry_ms = PAIRLINK_NEVER};
  memcpy(p->relay_bytes, a->id, 32);
  pl_id_format(p->relay_id, a->id);
  p->relay_known = true;
  if (pin(p) == PL_ERELAYKEY) {
    offline(p, PL_ERELAYKEY, PL_NEVER, 0, pl_error_text(PL_ERELAYKEY));
    pl_engine_event stop = {.type = PL_ENGINE_IN_STOP};
    (void)pl_client_step(p, &stop);
    return;
  }
  p->offline_text[0] = '\0';
  e.peer = p->relay_id;
  call(p, &e);
}

static void about_peer(pairlink *p, const pl_engine_action *a, pairlink_event_type type) {
  char id[PL_ID_CHARS + 1];
  pl_id_format(id, a->id);
  pairlink_event e = {.type = type, .peer = id, .text = (const char *)a->text.data, .retry_ms = PAIRLINK_NEVER};
  if (a->data.size) {
    e.data = a->data.data;
    e.size = a->data.size;
  }
  call(p, &e);
}

static void about_code(pairlink *p, pairlink_session *s, const pl_engine_action *a, pairlink_event_type type) {
  char id[PL_ID_CHARS + 1] = "";
  pairlink_event e = {.type = type, .error = a->error, .reason = a->reason, .code = a->code, .session = s};
  if (type == PAIRLINK_EVENT_PAIRED) pl_id_format(id, a->id);
  e.peer = id;
  e.text = (const char *)a->text.data;
  e.retry_ms = PAIRLINK_NEVER;
  if (type == PAIRLINK_EVENT_CODE) e.valid_ms = ms_until(a->time_ms);
  call(p, &e);
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
  if (!s) s = pl_session_find(p, a->session); /* queued by the very step that made it */
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
  call(p, &e);
  if (a->type == PL_ENGINE_OUT_SESSION_CLOSED && !p->free_wanted) pl_session_drop(s);
}

static void connect_to(pairlink *p, const char *address) {
  pl_url url;
  if (!address || !*address)
    pl_transport_connect(p->transport, &p->url);
  else
    pl_transport_connect(p->transport, pl_url_parse(&url, address) == 0 ? &url : NULL);
}

static void execute(pairlink *p, pairlink_session *s, const pl_engine_action *a) {
  switch (a->type) {
    case PL_ENGINE_OUT_CONNECT:
      connect_to(p, (const char *)a->text.data);
      break;
    case PL_ENGINE_OUT_DISCONNECT:
      pl_transport_disconnect(p->transport);
      break;
    case PL_ENGINE_OUT_ONLINE:
      online(p, a);
      break;
    case PL_ENGINE_OUT_OFFLINE:
      offline(p, a->error, a->time_ms, a->reason, (const char *)a->text.data);
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
    execute(p, q->about, &q->action);
    pl_engine_queued_action_free(q);
    any = true;
  }
  return any;
}
