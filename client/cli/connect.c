/* `pairlink connect`: reaches one person, and connects stdin and stdout to them. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "code_prompt.h"
#include "command.h"
#include "pairing.h"
#include "pipe.h"

enum { OPTION_CODE = 256 };

typedef struct connect_job {
  pipe_job pipe;
  const char *target_text; /* from the command line, or NULL */
  bool claims;             /* --code: uses a code that the other side shows */
  pairing code;
  target who;
} connect_job;

/* After pairing by code, the other side opens the session. */
static void connect_on_session(connect_job *j, const pairlink_event *e) {
  if (j->pipe.active || strcmp(e->peer, j->code.who.id) != 0) return;
  if (pipe_add(&j->pipe, e->session) != 0) pipe_no_memory(&j->pipe, e->session);
}

static void connect_on_event(job *base, const pairlink_event *e) {
  connect_job *j = base->user;
  if (e->type == PAIRLINK_EVENT_LINKED && j->who.is_link) /* the pipe says that they are connected */
    people_met_by_link(&base->people, base->client, e->session);
  if (pairing_event(&j->code, e) == PAIRING_FAILED)
    job_end(base, j->code.exit_code);
  else if (e->type == PAIRLINK_EVENT_SESSION)
    connect_on_session(j, e);
  else if (e->session && pairlink_session_user(e->session))
    pipe_event(&j->pipe, e);
}

/* The session was opened before the relay was reached. What remains is to say, a moment later, that nobody is there. */
static void connect_on_online(job *base) {
  base->tick_ms = job_now_ms() + JOB_SAY_WAITING_AFTER_MS;
}

static void connect_on_tick(job *base) {
  connect_job *j = base->user;
  if (j->pipe.active && !j->pipe.active->was_linked) j->pipe.active->unlinked = true;
}

static size_t connect_prepare(job *base, struct pollfd *fds) {
  return pipe_prepare(base->user, fds);
}
static void connect_on_ready(job *base, const struct pollfd *fds, size_t count) {
  pipe_ready(base->user, fds, count);
}
static void connect_on_interrupt(job *base) {
  pipe_interrupt(base->user);
}

static const struct argp_option connect_options[] = {
    {"code", OPTION_CODE, NULL, 0,
     "Ask on the terminal for the code that the other side shows (or take it from PAIRLINK_CODE)", 0},
    {0},
};

static error_t connect_parse(int key, char *arg, struct argp_state *state) {
  connect_job *j = state->input;
  const option_place places[] = {
      {OPTION_CODE, .flag = &j->claims},
      {ARGP_KEY_ARG, .text = &j->target_text},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case ARGP_KEY_END:
      if (!j->target_text == !j->claims)
        argp_error(state, "connect to whom? Name a contact, an ID or an invite link, or use --code");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int connect_reach(connect_job *j, const char *code_text) {
  pairlink_session *session;
  if (*code_text) return pairing_claim(&j->code, &j->pipe.base, code_text, false);
  j->pipe.by_link = j->who.is_link;
  int error = pairlink_connect(j->pipe.base.client, j->who.text, &session);
  if (!error) error = pipe_add(&j->pipe, session);
  return error ? ui_fail("cannot connect", error, j->target_text) : 0;
}

static int connect_start(connect_job *j, const cli *c) {
  static const job_hooks hooks = {connect_on_event, connect_on_online, connect_on_interrupt,
                                  connect_prepare,  connect_on_ready,  connect_on_tick};
  pairlink_options o;
  char code_text[PAIRLINK_CODE_MAX] = "";
  pairlink_options_init(&o);
  o.manual_take = 1;
  int result =
      j->claims ? code_prompt_read(c, true, code_text, &j->who, &o) : people_find(c, j->target_text, &j->who, &o);
  o.listen = *code_text != '\0';
  if (!result) result = job_init(&j->pipe.base, c, &hooks, &o, j);
  if (result) return result;
  result = connect_reach(j, code_text);
  sodium_memzero(code_text, sizeof code_text);
  if (result) pairlink_free(j->pipe.base.client);
  return result;
}

static int connect_run(const cli *c, int argc, char **argv) {
  static connect_job only = {.pipe.send_max = INPUT_CHUNK};
  command_parse(&command_connect, argc, argv, &only);
  int result = connect_start(&only, c);
  return result ? result : pipe_run(&only.pipe);
}

const command command_connect = {
    .name = "connect",
    .arguments = "NAME|ID|LINK",
    .summary = "reach someone, connect stdin and stdout to them",
    .completes = "CONTACT",
    .run = connect_run,
    .argp = {.options = connect_options,
             .parser = connect_parse,
             .args_doc = "NAME|ID|LINK\n--code",
             .doc = "Reaches someone by name, ID, invite link or code, then connects stdin and stdout to them, in both "
                    "directions at the same time. Waits if they are not there yet. Exits with 0 when both directions "
                    "have ended and the other side has taken everything."}};
