#include "chat.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/wire/wire.h"
#include "code_prompt.h"
#include "command.h"

enum { OPTION_CODE = 256, SESSION_TIMEOUT_MS = 300000 };

/* ---- sessions ----------------------------------------------------------------------------------------- */

static bool chat_speaks(const pairlink_session *s, const char *what) {
  return strncmp(pairlink_session_application(s), what, strlen(what)) == 0;
}

static chat_session *chat_best(const chat_job *j) {
  for (chat_session *s = j->sessions; s; s = s->next)
    if (pairlink_session_is_linked(s->session) &&
        (chat_speaks(s->session, "chat/") || chat_speaks(s->session, "pipe/")))
      return s;
  return NULL;
}

static bool add_session(chat_job *j, pairlink_session *session) {
  if (pairlink_session_user(session)) return true;
  chat_session *s = calloc(1, sizeof *s);
  if (!s) return false;
  s->session = session;
  s->next = j->sessions;
  j->sessions = s;
  pairlink_session_set_user(session, s);
  return true;
}

static void forget_session(chat_job *j, const pairlink_session *session) {
  for (chat_session **at = &j->sessions; *at; at = &(*at)->next)
    if ((*at)->session == session) {
      chat_session *s = *at;
      *at = s->next;
      free(s);
      return;
    }
}

/* Messages that this session did not deliver wait for the next one, and are told again when they were written. */
static void back_to_waiting(chat_job *j, const pairlink_session *session) {
  for (outbox_message *m = j->box.first; m; m = m->next) {
    if (m->session == session) m->session = NULL;
    if (m->noted == session) m->noted = NULL;
  }
}

static void chat_call(chat_job *j) {
  pairlink_session *session;
  int error = pairlink_connect(j->base.client, j->peer, &session);
  if (!error && !add_session(j, session)) error = PAIRLINK_ENOMEM;
  if (error) job_end(&j->base, ui_fail("cannot connect", error, NULL));
}

/* ---- sending ------------------------------------------------------------------------------------------ */

/* Says when a message was written, unless this session was told already. Returns 0 or an error. */
static int send_note(const chat_session *s, outbox_message *m) {
  uint8_t bytes[1 + 16 + 8 + 16];
  pl_wire_chat_note note = {.type = PL_CONST_CHAT_NOTE, .written_ms = m->written_ms};
  if (m->noted == s->session || !chat_speaks(s->session, "chat/") || !outbox_is_late(m)) return 0;
  memcpy(note.id, m->id, sizeof note.id);
  int size = pl_wire_chat_note_encode(&note, bytes, sizeof bytes);
  if (size < 0) return size;
  int error = pairlink_send_channel(s->session, 0, bytes, (size_t)size, NULL);
  if (!error) m->noted = s->session;
  return error;
}

/* Returns 0; PAIRLINK_EMSGSIZE when this message can never be sent; or another error when it cannot be sent now. */
static int send_one(chat_session *s, outbox_message *m) {
  char bytes[1 + OUTBOX_ID_BYTES + OUTBOX_TEXT_MAX + 1];
  size_t size = 0;
  bool chat = chat_speaks(s->session, "chat/");
  if (chat) {
    bytes[0] = PL_CONST_CHAT_TEXT;
    memcpy(bytes + 1, m->id, OUTBOX_ID_BYTES);
    size = 1 + OUTBOX_ID_BYTES;
  }
  memcpy(bytes + size, m->text, m->size);
  size += m->size;
  if (!chat) bytes[size++] = '\n';
  return pairlink_send_channel(s->session, 0, bytes, size, &m->place);
}

static void chat_say_state(chat_job *j, const chat_session *s) {
  bool away = j->said_unlinked || j->base.said_offline || j->base.said_checking;
  if (j->box.count && !s && away && !j->said_kept) {
    ui_say("Saved. It will be delivered when you are both here.");
    j->said_kept = true;
  } else if (j->box.count && s && !j->said_sending) {
    ui_note("Sending…");
    j->said_sending = true;
  }
  if (j->box.count || !j->delivered) return;
  ui_note(j->delivered == 1 ? "Delivered." : "All %zu delivered.", j->delivered);
  j->delivered = 0;
  j->said_sending = j->said_kept = false;
}

static void chat_check_end(chat_job *j) {
  if (j->input_ended && !j->box.first && !j->items) job_end(&j->base, j->unsent ? EXIT_OTHER : EXIT_OK);
}

/* Sends what waits and can go. The contact recognizes the last OUTBOX_SEEN_MAX messages when they come again. At most
 * half as many are sent without an acknowledgement, so that a restart at either end shows nothing twice. */
static void chat_send(chat_job *j) {
  chat_session *s = chat_best(j);
  outbox_message *next;
  size_t ahead = 0;
  for (outbox_message *m = j->box.first; m && s && !s->blocked && ahead++ < OUTBOX_SEEN_MAX / 2; m = next) {
    next = m->next;
    if (m->session) continue;
    int error = send_note(s, m);
    if (!error) error = send_one(s, m);
    if (error == PAIRLINK_EMSGSIZE) {
      ui_error("a message was not sent: it is longer than the other side accepts", NULL,
               "send it in pieces, or as a file: pairlink send");
      j->unsent = true;
      outbox_delivered(&j->box, m);
    } else if (error) {
      s->blocked = true; /* until WRITABLE or CLOSED */
      if (error == PAIRLINK_ENOMEM) job_no_memory(&j->base);
    } else {
      m->session = s->session;
    }
  }
  chat_say_state(j, s);
  chat_check_end(j);
}

static void chat_on_delivered(chat_job *j, const pairlink_event *e) {
  outbox_message *next;
  if (e->channel != 0) return;
  for (outbox_message *m = j->box.first; m; m = next) {
    next = m->next;
    if (m->session != e->session || m->place > e->place) continue;
    (void)send_note(pairlink_session_user(e->session), m); /* it went out at once and is late all the same */
    outbox_delivered(&j->box, m);
    j->delivered++;
  }
  chat_send(j);
}

/* ---- the contact -------------------------------------------------------------------------------------- */

static void chat_say_title(const chat_job *j) {
  char date[16];
  const contact *known = contacts_find(&j->base.people, j->peer);
  if (!known)
    ui_note("Chat with %s, who is not a contact yet.", j->who);
  else if (known->compared_s)
    ui_note("Chat with %s (safety phrase compared %s).", j->who, people_date(known->compared_s, date));
  else
    ui_note("Chat with %s (safety phrase not compared: pairlink contacts phrase %s).", j->who, people_quoted(j->who));
}

static int open_box(chat_job *j) {
  char why[PL_WHY_MAX] = "";
  int error = outbox_open(&j->box, pairlink_id(j->base.client), j->peer, why);
  j->box_open = true;
  if (error) return ui_fail("cannot chat", error, why);
  if (j->box.count) ui_note("Not delivered last time: %zu. Sending again.", j->box.count);
  if (!j->send) return 0;
  j->input_ended = true;
  error = strlen(j->send) > OUTBOX_TEXT_MAX ? PAIRLINK_EMSGSIZE : outbox_add(&j->box, j->send, strlen(j->send), why);
  if (!error) error = outbox_sync(&j->box, why);
  return error ? ui_fail("the message cannot be sent", error, why) : 0;
}

/* Starts the chat as soon as the contact is known. session: NULL when the other side opens it. Returns 0, or an exit
 * code after printing an error. */
static int chat_begin(chat_job *j, const char *peer, pairlink_session *session) {
  snprintf(j->peer, sizeof j->peer, "%s", peer);
  snprintf(j->who, sizeof j->who, "%s", job_name(&j->base, peer));
  chat_say_title(j);
  int code = open_box(j);
  if (code) return code;
  int error = session && !add_session(j, session) ? PAIRLINK_ENOMEM : 0;
  if (!error) error = pairlink_allow(j->base.client, j->peer);
  return error ? ui_fail("cannot chat", error, NULL) : 0;
}

/* ---- events ------------------------------------------------------------------------------------------- */

/* Moves everything to the newest session, so that it arrives in order. Sessions with an instance of the contact that is
 * gone are left to their timeout, because closing them would wait for an answer. */
static void chat_take_over(chat_job *j, const chat_session *newest) {
  for (outbox_message *m = j->box.first; m; m = m->next)
    if (m->session != newest->session) m->session = NULL;
}

/* Stores someone reached by ID or link as a contact, as pairing by code does. */
static void chat_remember(chat_job *j, const char *name) {
  contact who;
  contact_how how = j->target.is_link ? CONTACT_BY_LINK : CONTACT_BY_ID;
  bool myself = strcmp(j->peer, pairlink_id(j->base.client)) == 0; /* the same identity on another machine */
  if (myself || contacts_find(&j->base.people, j->peer)) return;
  if (people_paired(&j->base.people, j->base.client, j->peer, name, how, &who) != 0) return;
  snprintf(j->who, sizeof j->who, "%s", who.name);
  ui_note("Saved as a contact. To rename: pairlink contacts rename %s NAME", who.name);
}

static void chat_on_linked(chat_job *j, const pairlink_event *e) {
  if (!chat_best(j)) return;
  if (!j->was_linked) chat_remember(j, pairlink_session_name(e->session));
  if (!j->was_linked)
    ui_say("Connected with %s, end-to-end encrypted.", j->who);
  else if (j->said_unlinked)
    ui_say("%s is here again.", j->who);
  j->base.back_is_said = true;
  j->was_linked = true;
  j->said_unlinked = false;
  chat_take_over(j, chat_best(j));
  chat_send(j);
}

static void chat_say_unlinked(chat_job *j) {
  if (chat_best(j) || j->said_unlinked || j->base.ending) return;
  if (!job_knows_who_is_there(&j->base)) {
    j->base.tick_ms = job_now_ms() + JOB_SAY_WAITING_AFTER_MS;
    return;
  }
  j->said_unlinked = true;
  j->base.back_is_said = false; /* while the contact is away, only the job says that the relay is back */
  ui_say(j->was_linked ? "%s is no longer here." : "%s is not here yet, or has not let you in.", j->who);
}

/* The contact turned away the call of a session that was linked before. A new one finds out whether the contact still
 * lets this side in. */
static void chat_on_turned_away(chat_job *j, const pairlink_event *e) {
  back_to_waiting(j, e->session);
  chat_session_gone(j, e->session);
  forget_session(j, e->session);
  pairlink_session_set_user(e->session, NULL);
  (void)pairlink_close(e->session, PAIRLINK_REASON_CLOSED, NULL);
  if (!j->sessions && !j->base.ending) chat_call(j);
}

static void chat_on_closed(chat_job *j, const pairlink_event *e) {
  back_to_waiting(j, e->session);
  chat_session_gone(j, e->session);
  forget_session(j, e->session);
  if (j->base.ending) return;
  if (e->reason >= PAIRLINK_REASON_REFUSED && !j->sessions) {
    bool known = !j->target.is_link && contacts_find(&j->base.people, j->peer);
    job_refused(&j->base, e, j->was_linked || known);
    return;
  }
  if (!j->sessions) j->base.tick_ms = job_now_ms() + JOB_CALL_AGAIN_MS;
  chat_send(j);
}

static void chat_on_session_event(chat_job *j, const pairlink_event *e) {
  chat_session *s = pairlink_session_user(e->session);
  switch (e->type) {
    case PAIRLINK_EVENT_LINKED:
      chat_on_linked(j, e);
      break;
    case PAIRLINK_EVENT_UNLINKED:
      if (e->reason == PAIRLINK_REASON_REFUSED) chat_on_turned_away(j, e);
      if (!chat_best(j)) j->base.tick_ms = job_now_ms() + JOB_SAY_WAITING_AFTER_MS;
      break;
    case PAIRLINK_EVENT_MESSAGE:
    case PAIRLINK_EVENT_END:
      if (e->channel != 0)
        (void)pairlink_take(e->session, e->channel, e->place);
      else
        chat_received(j, e, chat_speaks(e->session, "chat/") || e->type == PAIRLINK_EVENT_END);
      break;
    case PAIRLINK_EVENT_WRITABLE:
      s->blocked = false;
      chat_send(j);
      break;
    case PAIRLINK_EVENT_DELIVERED:
      chat_on_delivered(j, e);
      break;
    case PAIRLINK_EVENT_STREAM_RESET: /* the contact's program was restarted: places start again */
      back_to_waiting(j, e->session);
      chat_session_gone(j, e->session);
      s->blocked = false;
      chat_send(j);
      break;
    case PAIRLINK_EVENT_CLOSED:
      chat_on_closed(j, e);
      break;
    default:
      break;
  }
}

static void chat_on_paired(chat_job *j, const pairlink_event *e) {
  int code = chat_begin(j, e->peer, j->code.session);
  if (code) job_end(&j->base, code);
}

static void chat_on_event(job *base, const pairlink_event *e) {
  chat_job *j = base->user;
  pairing_state state = pairing_event(&j->code, e);
  if (state == PAIRING_FAILED) job_end(base, j->code.exit_code);
  if (state == PAIRING_DONE) chat_on_paired(j, e);
  if (e->type == PAIRLINK_EVENT_ALIVE) base->tick_ms = job_now_ms() + JOB_SAY_WAITING_AFTER_MS;
  if (!e->session) return; /* a stranger's knock: this command does not answer it */
  if (e->type == PAIRLINK_EVENT_SESSION && strcmp(e->peer, j->peer) == 0 && strncmp(e->text, "ping/", 5) != 0 &&
      !add_session(j, e->session)) {
    (void)pairlink_close(e->session, PAIRLINK_REASON_OVERFLOW, "out of memory");
    job_no_memory(base);
  } else if (pairlink_session_user(e->session))
    chat_on_session_event(j, e);
  else if (e->type == PAIRLINK_EVENT_MESSAGE || e->type == PAIRLINK_EVENT_END)
    (void)pairlink_take(e->session, e->channel, e->place);
}

static void chat_on_online(job *base) {
  chat_job *j = base->user;
  int code = *j->peer || j->claims ? 0 : pairing_make(&j->code, base, "pairlink chat --code", false);
  if (code) job_end(base, code);
  base->tick_ms = job_now_ms() + JOB_SAY_WAITING_AFTER_MS;
}

static void chat_on_tick(job *base) {
  chat_job *j = base->user;
  if (!*j->peer) return;
  if (!j->sessions) chat_call(j);
  chat_say_unlinked(j);
  chat_say_state(j, chat_best(j));
}

static void chat_on_interrupt(job *base) {
  const chat_job *j = base->user;
  if (j->box.count) ui_say("Not delivered: %zu. Saved for the next chat with %s.", j->box.count, j->who);
}

static size_t chat_prepare(job *base, struct pollfd *fds) {
  chat_job *j = base->user;
  size_t count = 0;
  if (j->items) fds[count++] = (struct pollfd){.fd = j->out.fd, .events = POLLOUT};
  if (j->box_open && !j->input_ended && !outbox_is_full(&j->box))
    fds[count++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  return count;
}

static void chat_on_ready(job *base, const struct pollfd *fds, size_t count) {
  chat_job *j = base->user;
  for (size_t i = 0; i < count && !base->ending; i++) {
    if (!fds[i].revents) continue;
    if (fds[i].events == POLLIN) {
      chat_read_input(j);
      if (!base->ending) chat_send(j);
    } else {
      chat_write_output(j);
    }
  }
  if (!base->ending) chat_check_end(j);
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

static const struct argp_option chat_options[] = {
    {"code", OPTION_CODE, NULL, 0,
     "Ask for the code that the other side shows (or take it from PAIRLINK_CODE, or the first line of stdin)", 0},
    {"send", 's', "TEXT", 0, "Send this instead of stdin, and exit with 0 once it is delivered", 0},
    {0},
};

static error_t chat_parse(int key, char *arg, struct argp_state *state) {
  chat_job *j = state->input;
  const option_place places[] = {
      {'s', .text = &j->send},
      {OPTION_CODE, .flag = &j->claims},
      {ARGP_KEY_ARG, .text = &j->target_text},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case ARGP_KEY_END:
      if (j->target_text && j->claims) argp_error(state, "chat with whom? Use a name, ID or link, or --code, not both");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int chat_reach(chat_job *j, const char *code_text) {
  pairlink_session *session;
  if (*code_text) return pairing_claim(&j->code, &j->base, code_text, false);
  if (!*j->target.text) return 0; /* chat_on_online will make a code */
  int error = pairlink_connect(j->base.client, j->target.text, &session);
  if (error) return ui_fail("cannot connect", error, j->target_text);
  return chat_begin(j, pairlink_session_peer(session), session);
}

static void chat_end(chat_job *j) {
  chat_items_free(j);
  while (j->sessions) forget_session(j, j->sessions->session);
  if (j->box_open) outbox_close(&j->box);
}

static int chat_start(chat_job *j, const cli *c) {
  static const job_hooks hooks = {chat_on_event, chat_on_online, chat_on_interrupt,
                                  chat_prepare,  chat_on_ready,  chat_on_tick};
  char code_text[PAIRLINK_CODE_MAX] = "";
  pairlink_options o;
  pairlink_options_init(&o);
  o.application = "chat/1";
  o.listen = 1;
  o.manual_take = 1;
  o.session_timeout_ms = SESSION_TIMEOUT_MS; /* the outbox outlives the session */
  int code = j->target_text ? people_find(c, j->target_text, &j->target, &o) : 0;
  if (j->claims) code = code_prompt_read(c, false, code_text, &j->target, &o);
  if (!code) code = job_init(&j->base, c, &hooks, &o, j);
  if (code) return code;
  code = chat_reach(j, code_text);
  sodium_memzero(code_text, sizeof code_text);
  if (code) pairlink_free(j->base.client);
  return code;
}

static int chat_run(const cli *c, int argc, char **argv) {
  static chat_job only;
  chat_job *j = &only;
  command_parse(&command_chat, argc, argv, j);
  int code = chat_start(j, c);
  if (!code) {
    output_open(&j->out, STDOUT_FILENO);
    j->names = isatty(STDOUT_FILENO);
    code = job_run(&j->base);
  }
  chat_end(j);
  return code;
}

const command command_chat = {
    .name = "chat",
    .arguments = "[NAME|ID|LINK]",
    .summary = "exchange messages; unsent ones are kept",
    .completes = "CONTACT",
    .run = chat_run,
    .argp = {.options = chat_options,
             .parser = chat_parse,
             .args_doc = "[NAME|ID|LINK]\n--code",
             .doc = "Exchanges lines with someone: each line of stdin is sent as a message, each received message is a "
                    "line of stdout. Without a name, ID or link it shows a code to pair by first. Either side may "
                    "start first. Messages that cannot be delivered yet are kept on disk, also after a crash or a "
                    "restart, and sent once both are here. Each arrives once. When stdin ends, the chat ends as soon "
                    "as everything is delivered."}};
