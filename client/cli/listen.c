/* `pairlink listen`: waits for others, and connects stdin and stdout to one after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "pairing.h"
#include "pipe.h"
#include "qr.h"

enum { OPTION_VALID = 256, OPTION_CODE, INVITE_VALID_S = 3600, UNASKED_SAID_MAX = 20 };

typedef struct listen_job {
  pipe_job pipe;
  const char *accept; /* "ask", "all", "contacts", or NULL: only `allowed`, and users of the invite or the code */
  char **allowed;     /* names and IDs from the command line */
  size_t allowed_count;
  bool invite, shows_code;
  unsigned valid_s; /* of the invite link */
  pairing code;
  char invited[PAIRLINK_ID_CHARS + 1]; /* the ID that used the link, until it is a contact; else "" */
  int terminal;                        /* /dev/tty while a question is open, else -1 */
  char asked[PAIRLINK_ID_CHARS + 1];   /* the ID that the question is about */
  unsigned unasked;                    /* strangers that were turned away without a question */
} listen_job;

/* ---- strangers ---------------------------------------------------------------------------------------- */

static void turn_away(listen_job *j, const char *id) {
  (void)pairlink_block(j->pipe.base.client, id); /* until this command ends */
  const contact *known = contacts_find(&j->pipe.base.people, id);
  if (j->unasked++ < UNASKED_SAID_MAX)
    ui_say("%s asked to connect and was not let in.\n  To let it in: pairlink listen --accept %s",
           known ? known->name : id, known ? people_quoted(known->name) : id);
}

static void listen_ask(listen_job *j, const pairlink_event *e) {
  char name[80];
  const contacts *people = &j->pipe.base.people;
  if (j->terminal >= 0 || j->pipe.active) { /* busy; the other side will knock again */
    (void)pairlink_forget(j->pipe.base.client, e->peer);
    return;
  }
  j->terminal = ui_terminal();
  if (j->terminal < 0) {
    turn_away(j, e->peer);
    return;
  }
  snprintf(j->asked, sizeof j->asked, "%s", e->peer);
  const contact *known = contacts_find(people, e->peer);
  people_warn_namesake(people, e->peer, e->text);
  if (known) {
    dprintf(j->terminal, "%s wants to connect. Let them in? [y/N] ", known->name);
    return;
  }
  ui_clean(e->text, name, sizeof name);
  dprintf(j->terminal, "%s%s%s%s\nwants to connect. Let it in? [y/N] ", e->peer, *name ? " (calls itself “" : "", name,
          *name ? "”)" : "");
}

static void listen_on_answer(listen_job *j) {
  char line[64] = "";
  ssize_t n = read(j->terminal, line, sizeof line - 1);
  close(j->terminal);
  j->terminal = -1;
  if (n > 0 && (line[0] == 'y' || line[0] == 'Y')) {
    if (pairlink_allow(j->pipe.base.client, j->asked) != 0) pipe_no_memory(&j->pipe, NULL);
  } else {
    (void)pairlink_block(j->pipe.base.client, j->asked);
    ui_say("Not let in.");
  }
}

static void listen_on_knock(listen_job *j, const pairlink_event *e) {
  if (j->accept && strcmp(j->accept, "ask") == 0)
    listen_ask(j, e);
  else
    turn_away(j, e->peer);
}

/* ---- hooks -------------------------------------------------------------------------------------------- */

static void take_session(listen_job *j, pairlink_session *s) {
  if (j->pipe.active && !j->pipe.keep) {
    (void)pairlink_close(s, PAIRLINK_REASON_REFUSED, "busy with someone else");
    return;
  }
  int error = pipe_add(&j->pipe, s);
  if (error == PAIRLINK_ENOMEM)
    pipe_no_memory(&j->pipe, s);
  else if (error)
    (void)pairlink_close(s, PAIRLINK_REASON_REFUSED, "too many are waiting");
}

/* For sessions that are not peers of the pipe: answers a ping, and takes everything else unseen. */
static void listen_on_other_session(const pairlink_event *e) {
  if (e->type == PAIRLINK_EVENT_MESSAGE || e->type == PAIRLINK_EVENT_END) {
    if (e->type == PAIRLINK_EVENT_MESSAGE && e->size <= 64)
      (void)pairlink_send_volatile(e->session, e->channel, e->data, e->size);
    (void)pairlink_take(e->session, e->channel, e->place);
  }
}

/* Makes the one who used the link a contact. Their name is known only now that they are linked. */
static void remember_invited(listen_job *j, const pairlink_session *s) {
  job *base = &j->pipe.base;
  contact who;
  if (strcmp(pairlink_session_peer(s), j->invited) != 0) return;
  j->invited[0] = '\0';
  if (strcmp(pairlink_session_peer(s), pairlink_id(base->client)) == 0) return;
  if (people_paired(&base->people, base->client, pairlink_session_peer(s), pairlink_session_name(s), CONTACT_BY_LINK,
                    &who) == 0 &&
      !who.blocked)
    people_say_paired(&who);
}

static void listen_on_event(job *base, const pairlink_event *e) {
  listen_job *j = base->user;
  pairing_state state = pairing_event(&j->code, e);
  if (e->type == PAIRLINK_EVENT_LINKED) remember_invited(j, e->session);
  if (state == PAIRING_FAILED)
    job_end(base, j->code.exit_code);
  else if (state == PAIRING_DONE)
    take_session(j, j->code.session);
  else if (e->type == PAIRLINK_EVENT_INVITE_USED)
    snprintf(j->invited, sizeof j->invited, "%s", e->peer);
  else if (e->type == PAIRLINK_EVENT_KNOCK)
    listen_on_knock(j, e);
  else if (e->type == PAIRLINK_EVENT_SESSION && strncmp(e->text, "ping/", 5) != 0)
    take_session(j, e->session);
  else if (e->session && pairlink_session_user(e->session))
    pipe_event(&j->pipe, e);
  else if (e->session)
    listen_on_other_session(e);
}

static void print_invite(listen_job *j) {
  char link[PAIRLINK_INVITE_LINK_MAX];
  int result = job_invite(&j->pipe.base, j->valid_s, link);
  if (result) {
    job_end(&j->pipe.base, result);
    return;
  }
  (void)qr_show(link, 6);
  ui_say(
      "Invite link, for one person, valid %u minutes:\n%s\nOn the other side: pairlink connect 'LINK', or open it in "
      "a browser.",
      (j->valid_s + 59) / 60, link);
}

static void listen_on_online(job *base) {
  listen_job *j = base->user;
  int result = j->shows_code ? pairing_make(&j->code, base, "pairlink connect --code", false) : 0;
  if (result) job_end(base, result);
  if (j->invite) print_invite(j);
  char there[PAIRLINK_ID_CHARS + 32];
  snprintf(there, sizeof there, "pairlink connect %s", pairlink_id(base->client));
  if (!j->invite && !j->shows_code) ui_say("Waiting. On the other side: %s", job_command_there(base, there));
}

static size_t listen_prepare(job *base, struct pollfd *fds) {
  listen_job *j = base->user;
  size_t count = pipe_prepare(&j->pipe, fds);
  if (j->terminal >= 0) fds[count++] = (struct pollfd){.fd = j->terminal, .events = POLLIN};
  return count;
}

static void listen_on_ready(job *base, const struct pollfd *fds, size_t count) {
  listen_job *j = base->user;
  if (j->terminal >= 0 && count && fds[count - 1].fd == j->terminal) {
    count--;
    if (fds[count].revents) listen_on_answer(j);
  }
  pipe_ready(&j->pipe, fds, count);
}

static void listen_on_interrupt(job *base) {
  listen_job *j = base->user;
  pipe_interrupt(&j->pipe);
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

static const struct argp_option listen_options[] = {
    {"accept", 'a', "ask|all|contacts|CONTACT|ID", 0,
     "Whom to let in: ask on the terminal (the default), everyone, all contacts, or this one; may be repeated", 0},
    {"keep", 'k', NULL, 0, "When one is done, wait for the next, until Ctrl-C", 0},
    {"invite", 'n', NULL, 0, "Print an invite link, and let in the first person who opens it", 0},
    {"code", OPTION_CODE, NULL, 0, "Show a code, and let in the person who types it", 0},
    {"valid", OPTION_VALID, "MINUTES", 0, "How long the invite link is valid (default: 60)", 0},
    {0},
};

static void add_allowed(listen_job *j, char *id, struct argp_state *state) {
  char **grown = realloc(j->allowed, (j->allowed_count + 1) * sizeof *grown);
  if (!grown) {
    argp_failure(state, EXIT_OTHER, 0, "out of memory"); /* exits */
    return;
  }
  j->allowed = grown;
  j->allowed[j->allowed_count++] = id;
}

static void take_accept(listen_job *j, char *arg, struct argp_state *state) {
  for (char *save, *one = strtok_r(arg, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
    if (strcmp(one, "ask") == 0 || strcmp(one, "all") == 0 || strcmp(one, "contacts") == 0)
      j->accept = one;
    else
      add_allowed(j, one, state);
  }
}

static error_t listen_parse(int key, char *arg, struct argp_state *state) {
  listen_job *j = state->input;
  char *end;
  const option_place places[] = {
      {'k', .flag = &j->pipe.keep},
      {'n', .flag = &j->invite},
      {OPTION_CODE, .flag = &j->shows_code},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case 'a':
      take_accept(j, arg, state);
      return 0;
    case OPTION_VALID: {
      unsigned long minutes = strtoul(arg, &end, 10);
      if (*arg < '0' || *arg > '9' || *end || minutes < 1 || minutes > 525600)
        argp_error(state, "--valid takes minutes, not '%s'", arg);
      j->valid_s = (unsigned)minutes * 60;
      return 0;
    }
    case ARGP_KEY_ARG: /* so that --accept ANA BO works, too */
      if (!j->allowed_count) argp_usage(state);
      add_allowed(j, arg, state);
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int listen_allow(const listen_job *j, const char *name_or_id) {
  target who;
  pairlink_options unused = {0};
  int result = people_find(j->pipe.base.c, name_or_id, &who, &unused);
  int error = result ? 0 : pairlink_allow(j->pipe.base.client, who.text);
  return error ? ui_fail("--accept takes ask, all, contacts, a contact or an ID", error, name_or_id) : result;
}

static int listen_start(listen_job *j, const cli *c) {
  static const job_hooks hooks = {.on_event = listen_on_event,
                                  .on_online = listen_on_online,
                                  .on_interrupt = listen_on_interrupt,
                                  .prepare = listen_prepare,
                                  .on_ready = listen_on_ready};
  const contacts *people = &j->pipe.base.people;
  pairlink_options o;
  pairlink_options_init(&o);
  o.listen = 1;
  o.manual_take = 1;
  o.accept_all = j->accept && strcmp(j->accept, "all") == 0;
  int result = job_init(&j->pipe.base, c, &hooks, &o, j);
  if (result) return result;
  for (size_t i = 0; !result && i < j->allowed_count; i++) result = listen_allow(j, j->allowed[i]);
  bool all_contacts = j->accept && strcmp(j->accept, "contacts") == 0;
  for (size_t i = 0; !result && all_contacts && i < people->count; i++)
    if (!people->list[i].blocked) result = listen_allow(j, people->list[i].id);
  if (result) pairlink_free(j->pipe.base.client);
  return result;
}

static int listen_run(const cli *c, int argc, char **argv) {
  static listen_job only = {
      .pipe = {.is_listen = true, .send_max = INPUT_CHUNK}, .valid_s = INVITE_VALID_S, .terminal = -1};
  listen_job *j = &only;
  command_parse(&command_listen, argc, argv, j);
  if (!j->accept && !j->allowed_count && !j->invite && !j->shows_code) j->accept = "ask";
  int result = listen_start(j, c);
  if (!result) result = pipe_run(&j->pipe);
  free(j->allowed);
  return result;
}

const command command_listen = {
    .name = "listen",
    .arguments = "",
    .summary = "wait for someone, connect stdin and stdout to them",
    .run = listen_run,
    .argp = {.options = listen_options,
             .parser = listen_parse,
             .doc =
                 "Waits for someone, then connects stdin and stdout to them, in both directions at the same time. The "
                 "end of stdin ends its direction only. The command ends when both directions have ended. Only "
                 "what the other side sends is written to stdout."}};
