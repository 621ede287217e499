#include "share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_flow.h"
#include "json_out.h"

enum { DEAF_MS = 10000, CALL_ANEW_MS = 20000, TICK_MS = 250, FILE_PRIORITY = 6 };

enum {
  /* More than file_flow.h lets be in flight, so that the window is never what the sender waits for. */
  SHARE_WINDOW = FILE_FLOW_MOST + (1 << 20),
  /* A piece of a file with its head. It fits one record, so the receiver need not assemble it, and the record fits one
   * segment of a loopback interface. The piece itself is a whole number of pages. */
  SHARE_MESSAGE_BYTES = PL_TRANSFER_HEAD_BYTES + 15 * 4096
};
_Static_assert((int)SHARE_MESSAGE_BYTES <= (int)PL_CONST_CHAT_MESSAGE_LEAST, "everybody who exchanges files takes it");

static const char calling_anew[] = "calling anew"; /* the text of a close; the other side compares it */

/* ---- the transfer ------------------------------------------------------------------------------------- */

static void share_on_action(void *context, const pl_transfer_action *a) {
  share *s = context;
  s->hooks->act(s, a);
}

static int share_send_bytes(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  share *s = context;
  return s->hooks->send ? s->hooks->send(s, head, head_size, body) : PAIRLINK_EAGAIN;
}

void share_say_words(share *s) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  size_t n;
  while (s->current && !s->words_blocked && (n = pl_transfer_next_word(s->transfer, word))) {
    int error = pairlink_send_channel(s->current, PL_CONST_CHAT_CHANNEL, word, n, &s->words_place);
    if (error)
      s->words_blocked = true; /* until WRITABLE, or a new session */
    else
      pl_transfer_word_sent(s->transfer, s->words_place);
    if (error == PAIRLINK_ENOMEM) job_no_memory(&s->base);
  }
}

int share_step(share *s, const pl_transfer_event *in) {
  int error = pl_transfer_step(s->transfer, in);
  if (error == PAIRLINK_ENOMEM) job_no_memory(&s->base);
  share_say_words(s);
  return error;
}

int share_about(share *s, pl_transfer_event_type type, const uint8_t *id, uint64_t offset, uint8_t why) {
  return share_step(s, &(pl_transfer_event){.type = type, .about = {id, offset, why}});
}

bool share_learn_limit(share *s) {
  char why[120];
  uint32_t most = pairlink_session_message_max(s->current);
  if (most >= PL_CONST_CHAT_MESSAGE_LEAST) {
    const pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE_MAX, .message_max = {SHARE_MESSAGE_BYTES}};
    return pl_transfer_step(s->transfer, &in) == 0;
  }
  if (s->base.ending) return false;
  snprintf(why, sizeof why, "it takes messages of at most %u bytes, and files need %u", (unsigned)most,
           (unsigned)PL_CONST_CHAT_MESSAGE_LEAST);
  ui_error("the other side cannot exchange files", why, "they need a program that accepts larger messages");
  (void)pairlink_close(s->current, PAIRLINK_REASON_REFUSED, why);
  job_end(&s->base, EXIT_REFUSED);
  return false;
}

bool share_may_end(share *s) {
  bool heard = pl_transfer_is_heard(s->transfer);
  if (heard || s->current) s->deaf_ms = 0;
  if (heard || s->current) return heard;
  if (!s->deaf_ms) s->deaf_ms = job_now_ms();
  return job_now_ms() >= s->deaf_ms + DEAF_MS;
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

static bool is_theirs(const share *s, const pairlink_event *e) {
  return *s->peer && strcmp(e->peer, s->peer) == 0;
}

static void count_in(share *s, pairlink_session *session) {
  if (pairlink_session_user(session)) return;
  pairlink_session_set_user(session, s);
  s->sessions++;
}

/* whom: an ID or an invite link. The first call sets s->peer. */
static int share_call(share *s, const char *whom) {
  pairlink_session *session;
  s->call_ms = 0;
  int error = pairlink_connect(s->base.client, whom, &session);
  if (error) return error;
  count_in(s, session);
  if (!*s->peer) snprintf(s->peer, sizeof s->peer, "%s", pairlink_session_peer(session));
  return 0;
}

static void share_call_again(share *s) {
  int error = share_call(s, s->peer);
  if (error == PAIRLINK_EAGAIN)
    s->call_ms = job_now_ms() + JOB_CALL_AGAIN_MS;
  else if (error)
    job_end(&s->base, ui_fail("cannot connect", error, NULL));
}

int share_with(share *s, const char *id_or_link) {
  s->by_link = strchr(id_or_link, '#');
  int error = share_call(s, id_or_link);
  if (!error) error = pairlink_allow(s->base.client, s->peer);
  if (error) return ui_fail("cannot connect", error, NULL);
  snprintf(s->who, sizeof s->who, "%s", job_name(&s->base, s->peer));
  return 0;
}

void share_paired(share *s, const contact *who) {
  snprintf(s->peer, sizeof s->peer, "%s", who->id);
  snprintf(s->who, sizeof s->who, "%s", who->name);
}

static void share_begin_session(share *s, pairlink_session *session) {
  s->current = session;
  s->generation++;
  s->words_blocked = false;
  s->words_place = 0;
  (void)pairlink_set_priority(session, PL_CONST_FILE_CHANNEL, FILE_PRIORITY);
  if (!share_learn_limit(s)) return;
  if (s->hooks->on_new_session) s->hooks->on_new_session(s);
  (void)share_step(s, &(pl_transfer_event){.type = PL_TRANSFER_BEGUN});
}

static void say_back(share *s) {
  char text[PROGRESS_TEXT_MAX];
  uint64_t arrived = s->hooks->arrived(s);
  if (arrived)
    ui_say("Connected again, resuming at %s.", progress_bytes(arrived, text));
  else
    ui_say("Connected again.");
  if (s->json) share_json(s, json_out("back", NULL));
}

static void share_on_linked(share *s, const pairlink_event *e) {
  if (strncmp(e->text, "chat/", 5) != 0) {
    ui_say("%s is there, but with a command that cannot exchange files. Waiting for another.", s->who);
    (void)pairlink_close(e->session, PAIRLINK_REASON_REFUSED, "this is about files");
    return;
  }
  bool lost = s->was_linked && s->unlinked_ms;
  s->linked = s->was_linked = s->base.back_is_said = true;
  s->unlinked_ms = 0;
  s->closing_old = false;
  if (lost)
    say_back(s);
  else if (e->session != s->current && s->generation == 0)
    ui_note("Connected with %s, end-to-end encrypted.", s->who);
  s->lost_said = false;
  if (e->session != s->current) share_begin_session(s, e->session);
  if (s->hooks->linked) s->hooks->linked(s);
}

static void share_on_unlinked(share *s) {
  s->linked = false;
  if (s->unlinked_ms) return;
  s->unlinked_ms = job_now_ms();
  if (s->json && s->was_linked && !s->base.ending) share_json(s, json_out("lost", NULL));
}

/* The other side turned away the call of a session that was linked before. A new one finds out whether it lets this
 * side in. */
static void share_on_turned_away(share *s) {
  if (s->closing_old || s->base.ending) return;
  s->closing_old = true;
  (void)pairlink_close(s->current, PAIRLINK_REASON_CLOSED, calling_anew);
  share_call_again(s);
}

/* Says once that the other side is lost; not when the job has said that the relay is. */
static void say_lost(share *s) {
  if (!s->unlinked_ms || s->lost_said || s->base.ending || !job_knows_who_is_there(&s->base)) return;
  if (job_now_ms() < s->unlinked_ms + JOB_CALL_AGAIN_MS) return;
  s->lost_said = true;
  ui_say(s->was_linked ? "%s is no longer there. Waiting." : "%s is not there yet. Waiting.", s->who);
}

static void share_on_closed(share *s, const pairlink_event *e) {
  bool was_current = e->session == s->current;
  if (s->sessions) s->sessions--;
  if (was_current) {
    s->current = NULL;
    s->linked = false;
  }
  if (s->base.ending) return;
  if (e->reason >= PAIRLINK_REASON_REFUSED && (!s->was_linked || job_is_turned_away(e))) {
    bool known = !s->by_link && contacts_find(&s->base.people, s->peer);
    job_refused(&s->base, e, s->was_linked || known);
    return;
  }
  if (!s->sessions) s->call_ms = job_now_ms() + JOB_CALL_AGAIN_MS;
  bool by_them = e->error == PAIRLINK_ECLOSED && e->reason == PAIRLINK_REASON_CLOSED;
  if (was_current && by_them && strcmp(e->text, calling_anew) != 0) {
    s->lost_said = true; /* the hook `left` says it */
    s->hooks->left(s);
  }
  if (was_current) share_on_unlinked(s);
}

/* ---- messages ----------------------------------------------------------------------------------------- */

static bool seen_before(share *s, const uint8_t id[16]) {
  for (size_t i = 0; i < SHARE_TEXTS_SEEN && i < s->seen_count; i++)
    if (memcmp(s->seen[i], id, 16) == 0) return true;
  memcpy(s->seen[s->seen_count++ % SHARE_TEXTS_SEEN], id, 16);
  return false;
}

/* Shows a chat message once. Returns false when memory ran out. */
static bool show_text(share *s, pl_view message) {
  pl_wire_chat_text m;
  if (pl_wire_chat_text_decode(&m, message.data, message.size) || seen_before(s, m.id)) return true;
  char *copy = malloc(m.text.size + 1), *clean = malloc(4 * m.text.size + 1);
  bool good = copy && clean;
  if (good) {
    if (m.text.size) memcpy(copy, m.text.data, m.text.size);
    copy[m.text.size] = '\0';
    ui_visible(copy, m.text.size, clean);
    ui_say("%s: %s", s->who, clean);
  }
  free(copy);
  free(clean);
  return good;
}

static void share_on_message(share *s, const pairlink_event *e) {
  pl_view data = {e->data, e->size};
  bool current = e->session == s->current && !s->base.ending;
  bool is_text = current && e->channel == PL_CONST_CHAT_CHANNEL && e->size && data.data[0] == PL_CONST_CHAT_TEXT;
  if (is_text && !show_text(s, data)) {
    job_no_memory(&s->base); /* not taken, since it was not shown */
    return;
  }
  if (current && !is_text)
    (void)share_step(s, &(pl_transfer_event){.type = PL_TRANSFER_MESSAGE, .message = {(uint8_t)e->channel, data}});
  if (e->channel == PL_CONST_FILE_CHANNEL && s->base.ending) return; /* not taken, since it is not stored */
  if (current && e->channel == PL_CONST_FILE_CHANNEL && s->hooks->handled)
    s->hooks->handled(s, e->place);
  else
    (void)pairlink_take(e->session, e->channel, e->place);
}

static void share_on_current(share *s, const pairlink_event *e) {
  switch (e->type) {
    case PAIRLINK_EVENT_UNLINKED:
      share_on_unlinked(s);
      if (e->reason == PAIRLINK_REASON_REFUSED) share_on_turned_away(s);
      break;
    case PAIRLINK_EVENT_STREAM_RESET:
      share_begin_session(s, s->current);
      break;
    case PAIRLINK_EVENT_WRITABLE:
      if (e->channel == PL_CONST_CHAT_CHANNEL) s->words_blocked = false;
      share_say_words(s);
      if (e->channel == PL_CONST_FILE_CHANNEL && s->hooks->writable) s->hooks->writable(s);
      break;
    case PAIRLINK_EVENT_DELIVERED:
      if (e->channel == PL_CONST_CHAT_CHANNEL)
        (void)share_step(s, &(pl_transfer_event){.type = PL_TRANSFER_HEARD, .heard = {e->place}});
      if (s->hooks->delivered) s->hooks->delivered(s, e->channel, e->place);
      break;
    default:
      break;
  }
}

void share_event(share *s, const pairlink_event *e) {
  if (!e->session) return; /* a stranger's knock: this command does not answer it */
  if (!is_theirs(s, e)) {
    if (e->type == PAIRLINK_EVENT_SESSION) (void)pairlink_close(e->session, PAIRLINK_REASON_REFUSED, "not now");
    if (e->type == PAIRLINK_EVENT_MESSAGE || e->type == PAIRLINK_EVENT_END)
      (void)pairlink_take(e->session, e->channel, e->place);
    return;
  }
  count_in(s, e->session);
  if (e->type == PAIRLINK_EVENT_LINKED && !s->base.ending)
    share_on_linked(s, e);
  else if (e->type == PAIRLINK_EVENT_MESSAGE)
    share_on_message(s, e);
  else if (e->type == PAIRLINK_EVENT_END)
    (void)pairlink_take(e->session, e->channel, e->place);
  else if (e->type == PAIRLINK_EVENT_CLOSED)
    share_on_closed(s, e);
  else if (e->session == s->current)
    share_on_current(s, e);
}

void share_tick(share *s) {
  uint64_t now = job_now_ms();
  if (*s->peer && !s->base.ending) {
    if (!s->was_linked && !s->unlinked_ms) s->unlinked_ms = now;
    say_lost(s);
    if (s->call_ms && now >= s->call_ms) share_call_again(s);
    /* The other side may have been started again: then only a new call reaches it. */
    if (s->current && s->unlinked_ms && s->was_linked && s->base.is_online && !s->closing_old &&
        now >= s->unlinked_ms + CALL_ANEW_MS) {
      s->closing_old = true;
      (void)pairlink_close(s->current, PAIRLINK_REASON_CLOSED, calling_anew);
    }
  }
  s->base.tick_ms = now + TICK_MS;
}

/* ---- start and end ------------------------------------------------------------------------------------ */

int share_init(share *s, const cli *c, const job_hooks *job_hooks_of, const share_hooks *hooks, pairlink_options *o) {
  const pl_transfer_sink sink = {share_on_action, share_send_bytes, s};
  s->hooks = hooks;
  o->application = "chat/1";
  o->listen = 1;
  o->manual_take = 1;
  o->channel_window = SHARE_WINDOW;
  if (pl_transfer_new(&sink, &s->transfer)) return ui_fail("cannot start", PAIRLINK_ENOMEM, NULL);
  int code = job_init(&s->base, c, job_hooks_of, o, s);
  if (code) share_deinit(s);
  return code;
}

void share_deinit(share *s) {
  pl_transfer_free(s->transfer);
  s->transfer = NULL;
}
