#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pairing.h"
#include "pipe.h"
#include "qr.h"

enum { OPTION_VALID = 256, OPTION_CODE, INVITE_VALID_S = 3600, UNASKED_SAID_MAX = 20 };

typedef struct listen_arguments {
  pipe_job *j;
  unsigned valid_s;
} listen_arguments;

static pairing code;
static char invited[PAIRLINK_ID_CHARS + 1]; /* who used the link, until they are remembered */

/* ---- strangers ---------------------------------------------------------------------------------------- */

static void turn_away(pipe_job *j, const char *id) {
  (void)pairlink_block(j->base.client, id); /* for as long as this command runs */
  const contact *known = contacts_find(&j->base.people, id);
  if (j->unasked++ < UNASKED_SAID_MAX)
    ui_say("%s asked to connect and was not let in.\n  To let it in: pairlink listen --accept %s",
           known ? known->name : id, known ? people_quoted(known->name) : id);
}

static void listen_ask(pipe_job *j, const pairlink_event *e) {
  char name[80];
  if (j->terminal >= 0 || j->active) { /* busy: it will knock again */
    (void)pairlink_deny(j->base.client, e->peer);
    return;
  }
  j->terminal = ui_terminal();
  if (j->terminal < 0) {
    turn_away(j, e->peer);
    return;
  }
  snprintf(j->asked, sizeof j->asked, "%s", e->peer);
  const contact *known = contacts_find(&j->base.people, e->peer);
  people_warn_namesake(&j->base.people, e->peer, e->text);
  if (known) {
    dprintf(j->terminal, "%s wants to connect. Let them in? [y/N] ", known->name);
    return;
  }
  ui_clean(e->text, name, sizeof name);
  dprintf(j->terminal, "%s%s%s%s\nwants to connect. Let it in? [y/N] ", e->peer, *name ? " (calls itself “" : "", name,
          *name ? "”)" : "");
}

static void listen_on_answer(pipe_job *j) {
  char line[64] = "";
  ssize_t n = read(j->terminal, line, sizeof line - 1);
  close(j->terminal);
  j->terminal = -1;
  if (n > 0 && (line[0] == 'y' || line[0] == 'Y')) {
    if (pairlink_allow(j->base.client, j->asked) != 0) pipe_no_memory(j, NULL);
  } else {
    (void)pairlink_block(j->base.client, j->asked);
    ui_say("Not let in.");
  }
}

static void listen_on_knock(pipe_job *j, const pairlink_event *e) {
  if (j->accept && strcmp(j->accept, "ask") == 0)
    listen_ask(j, e);
  else
    turn_away(j, e->peer);
}

/* ---- hooks -------------------------------------------------------------------------------------------- */

static void take_session(pipe_job *j, pairlink_session *s) {
  if (j->active && !j->keep) {
    (void)pairlink_close(s, PAIRLINK_REASON_REFUSED, "busy with someone else");
    return;
  }
  int error = pipe_add(j, s);
  if (error == PAIRLINK_ENOMEM)
    pipe_no_memory(j, s);
  else if (error)
    (void)pairlink_close(s, PAIRLINK_REASON_REFUSED, "too many are waiting");
}

static void listen_on_session(pipe_job *j, const pairlink_event *e) {
  if (strncmp(e->text, "ping/", 5) != 0) take_session(j, e->session);
}

/* Sessions that are no peers of the pipe: a ping is answered, all else is used up unseen. */
static void on_other_session(const pairlink_event *e) {
  if (e->type == PAIRLINK_EVENT_MESSAGE || e->type == PAIRLINK_EVENT_END) {
    if (e->type == PAIRLINK_EVENT_MESSAGE && e->size <= 64)
      (void)pairlink_send_volatile(e->session, e->channel, e->data, e->size);
    (void)pairlink_take(e->session, e->channel, e->place);
  }
}

/* Whom the code or the link brought; of a code this side opened the session. */
static void listen_on_paired(pipe_job *j, const pairlink_event *e) {
  if (e->type == PAIRLINK_EVENT_PAIRED)
    take_session(j, code.session);
  else
    snprintf(invited, sizeof invited, "%s", e->peer);
}

/* Known by name only now. */
static void remember_invited(pipe_job *j, const pairlink_session *s) {
  contact who;
  if (strcmp(pairlink_session_peer(s), invited) != 0) return;
  invited[0] = '\0';
  if (strcmp(pairlink_session_peer(s), pairlink_id(j->base.client)) == 0) return;
  if (people_paired(&j->base.people, j->base.client, pairlink_session_peer(s), pairlink_session_name(s),
                    CONTACT_BY_LINK, &who) == 0 &&
      !who.blocked)
    people_say_paired(&who);
}

static void listen_on_event(job *base, const pairlink_event *e) {
  pipe_job *j = base->user;
  pairing_state state = pairing_event(&code, e);
  if (e->type == PAIRLINK_EVENT_LINKED) remember_invited(j, e->session);
  if (state == PAIRING_FAILED)
    job_end(base, code.exit_code);
  else if (state == PAIRING_DONE || e->type == PAIRLINK_EVENT_INVITE_USED)
    listen_on_paired(j, e);
  else if (e->type == PAIRLINK_EVENT_KNOCK)
    listen_on_knock(j, e);
  else if (e->type == PAIRLINK_EVENT_SESSION)
    listen_on_session(j, e);
  else if (e->session && pairlink_session_user(e->session))
    pipe_event(j, e);
  else if (e->session)
    on_other_session(e);
}

static void print_invite(pipe_job *j, unsigned valid_s) {
  char link[PAIRLINK_LINK_MAX];
  int result = job_invite(&j->base, valid_s, link);
  if (result) {
    job_end(&j->base, result);
    return;
  }
  (void)qr_show(link, 6);
  ui_say(
      "Invite link, for one person, valid %u minutes:\n%s\nOn the other side: pairlink connect 'LINK', or open it in "
      "a browser.",
      (valid_s + 59) / 60, link);
}

static unsigned invite_valid_s = INVITE_VALID_S;

static void listen_on_online(job *base) {
  pipe_job *j = base->user;
  int result = j->code ? pairing_make(&code, base, "pairlink connect --code", false) : 0;
  if (result) job_end(base, result);
  if (j->invite) print_invite(j, invite_valid_s);
  char there[PAIRLINK_ID_CHARS + 32];
  snprintf(there, sizeof there, "pairlink connect %s", pairlink_id(base->client));
  if (!j->invite && !j->code) ui_say("Waiting. On the other side: %s", job_command_there(base, there));
}

static size_t listen_prepare(job *base, struct pollfd *fds) {
  pipe_job *j = base->user;
  size_t count = pipe_prepare(j, fds);
  if (j->terminal >= 0) fds[count++] = (struct pollfd){.fd = j->terminal, .events = POLLIN};
  return count;
}

static void listen_on_ready(job *base, const struct pollfd *fds, size_t count) {
  pipe_job *j = base->user;
  if (j->terminal >= 0 && count && fds[count - 1].fd == j->terminal) {
    count--;
    if (fds[count].revents) listen_on_answer(j);
  }
  pipe_ready(j, fds, count);
}

static void listen_on_interrupt(job *base) {
  pipe_interrupt(base->user);
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

const struct argp_option listen_options[] = {
    {"accept", 'a', "ask|all|contacts|CONTACT|ID", 0,
     "Whom to let in: ask on the terminal (the default), everyone, all contacts, or this one; may be repeated", 0},
    {"keep", 'k', NULL, 0, "Go on with the next one when one is done, until Ctrl-C", 0},
    {"invite", 'n', NULL, 0, "Print an invite link, and let in whoever opens it first", 0},
    {"code", OPTION_CODE, NULL, 0, "Show a code, and let in whoever types it", 0},
    {"valid", OPTION_VALID, "MINUTES", 0, "How long the invite link is valid (default: 60)", 0},
    {0},
};

static void add_allowed(pipe_job *j, char *id, struct argp_state *state) {
  char **grown = realloc(j->allowed, (j->allowed_count + 1) * sizeof *grown);
  if (!grown) {
    argp_failure(state, EXIT_OTHER, 0, "out of memory"); /* exits */
    return;
  }
  j->allowed = grown;
  j->allowed[j->allowed_count++] = id;
}

static void take_accept(pipe_job *j, char *arg, struct argp_state *state) {
  for (char *save, *one = strtok_r(arg, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
    if (strcmp(one, "ask") == 0 || strcmp(one, "all") == 0 || strcmp(one, "contacts") == 0)
      j->accept = one;
    else
      add_allowed(j, one, state);
  }
}

static error_t listen_parse(int key, char *arg, struct argp_state *state) {
  listen_arguments *o = state->input;
  char *end;
  const option_place places[] = {
      {'k', .flag = &o->j->keep},
      {'n', .flag = &o->j->invite},
      {OPTION_CODE, .flag = &o->j->code},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case 'a':
      take_accept(o->j, arg, state);
      return 0;
    case OPTION_VALID: {
      unsigned long minutes = strtoul(arg, &end, 10);
      if (*arg < '0' || *arg > '9' || *end || minutes < 1 || minutes > 525600)
        argp_error(state, "--valid takes minutes, not '%s'", arg);
      o->valid_s = (unsigned)minutes * 60;
      return 0;
    }
    case ARGP_KEY_ARG: /* --accept ANA BO… reads well, too */
      if (!o->j->allowed_count) argp_usage(state);
      add_allowed(o->j, arg, state);
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static const char doc[] =
    "Waits for someone, then joins stdin and stdout to them, both directions at once. The end of stdin ends this "
    "direction only; the command ends when both have ended. Nothing but what the other side sends is on stdout.";

static int listen_allow(const pipe_job *j, const char *name_or_id) {
  target who;
  pairlink_options unused = {0};
  int result = people_find(j->base.c, name_or_id, &who, &unused);
  int error = result ? 0 : pairlink_allow(j->base.client, who.text);
  return error ? ui_fail("--accept takes ask, all, contacts, a contact or an ID", error, name_or_id) : result;
}

static int listen_start(pipe_job *j, const cli *c) {
  static const job_hooks hooks = {listen_on_event, listen_on_online, listen_on_interrupt,
                                  listen_prepare,  listen_on_ready,  NULL};
  pairlink_options o;
  pairlink_options_init(&o);
  o.listen = 1;
  o.manual_take = 1;
  o.accept_all = j->accept && strcmp(j->accept, "all") == 0;
  int result = job_init(&j->base, c, &hooks, &o, j);
  if (result) return result;
  for (size_t i = 0; !result && i < j->allowed_count; i++) result = listen_allow(j, j->allowed[i]);
  for (size_t i = 0; !result && i < j->base.people.count; i++) {
    const contact *one = &j->base.people.list[i];
    if (j->accept && strcmp(j->accept, "contacts") == 0 && !one->blocked) result = listen_allow(j, one->id);
  }
  if (result) pairlink_free(j->base.client);
  return result;
}

int command_listen(const cli *c, int argc, char **argv) {
  static pipe_job only;
  static const struct argp parser = {.options = listen_options, .parser = listen_parse, .doc = doc};
  pipe_job *j = &only;
  listen_arguments o = {j, INVITE_VALID_S};
  j->is_listen = true;
  j->terminal = -1;
  j->send_max = INPUT_CHUNK;
  command_parse(&parser, argc, argv, &o);
  invite_valid_s = o.valid_s;
  if (!j->accept && !j->allowed_count && !j->invite && !j->code) j->accept = "ask";
  int result = listen_start(j, c);
  if (!result) {
    output_open(&j->out, STDOUT_FILENO);
    result = job_run(&j->base);
    pipe_free(j);
  }
  free(j->allowed);
  return result;
}
