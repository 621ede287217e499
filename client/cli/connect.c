#include <argp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "code_prompt.h"
#include "pairing.h"
#include "pipe.h"

enum { SAY_WAITING_AFTER_MS = 1500, OPTION_CODE = 256 };

static pairing code;
static target who;

/* With a code it is the other side that opens the session. */
static void connect_on_session(pipe_job *j, const pairlink_event *e) {
  if (!j->active && strcmp(e->peer, code.who.id) == 0 && pipe_add(j, e->session) != 0) pipe_no_memory(j, e->session);
}

static void connect_on_event(job *base, const pairlink_event *e) {
  pipe_job *j = base->user;
  if (e->type == PAIRLINK_EVENT_LINKED && who.is_link) /* its words are said by the pipe */
    people_met_by_link(&base->people, base->client, e->session);
  if (pairing_event(&code, e) == PAIRING_FAILED)
    job_end(base, code.exit_code);
  else if (e->type == PAIRLINK_EVENT_SESSION)
    connect_on_session(j, e);
  else if (e->session && pairlink_session_user(e->session))
    pipe_event(j, e);
}

/* The session is made before the relay is reached, so all that is left is to say if nobody is there. */
static void connect_on_online(job *base) {
  base->tick_ms = job_now_ms() + SAY_WAITING_AFTER_MS;
}

static void connect_on_tick(job *base) {
  pipe_job *j = base->user;
  if (j->active && !j->active->was_linked) j->active->unlinked = true;
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

const struct argp_option connect_options[] = {
    {"code", OPTION_CODE, NULL, 0,
     "Ask on the terminal for the code that the other side shows (or take it from PAIRLINK_CODE)", 0},
    {0},
};

typedef struct connect_arguments {
  const char *target;
  bool claims;
} connect_arguments;

static error_t connect_parse(int key, char *arg, struct argp_state *state) {
  connect_arguments *a = state->input;
  const option_place places[] = {
      {OPTION_CODE, .flag = &a->claims},
      {ARGP_KEY_ARG, .text = &a->target},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case ARGP_KEY_END:
      if (!a->target == !a->claims) argp_error(state, "whom? Name a contact, an ID or an invite link, or use --code");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static const char doc[] =
    "Reaches someone by name, ID, invite link or code, then joins stdin and stdout to them, both directions at once. "
    "Waits if they "
    "are not there yet. Ends with 0 when both directions have ended and the other side has taken everything.";

static int connect_reach(pipe_job *j, const connect_arguments *a, const char *code_text) {
  pairlink_session *session;
  if (*code_text) return pairing_claim(&code, &j->base, code_text, false);
  int error = pairlink_connect(j->base.client, who.text, &session);
  if (!error) error = pipe_add(j, session);
  return error ? ui_fail("cannot connect", error, a->target) : 0;
}

static int connect_start(pipe_job *j, const cli *c, const connect_arguments *a) {
  static const job_hooks hooks = {connect_on_event, connect_on_online, connect_on_interrupt,
                                  connect_prepare,  connect_on_ready,  connect_on_tick};
  pairlink_options o;
  char code_text[PAIRLINK_CODE_MAX] = "";
  pairlink_options_init(&o);
  o.manual_take = 1;
  int result = a->claims ? code_prompt_read(c, true, code_text, &who, &o) : people_find(c, a->target, &who, &o);
  o.listen = *code_text != '\0';
  if (!result) result = job_init(&j->base, c, &hooks, &o, j);
  if (result) return result;
  result = connect_reach(j, a, code_text);
  sodium_memzero(code_text, sizeof code_text);
  if (result) pairlink_free(j->base.client);
  return result;
}

int command_connect(const cli *c, int argc, char **argv) {
  static pipe_job only;
  static const struct argp parser = {
      .options = connect_options, .parser = connect_parse, .args_doc = "NAME|ID|LINK\n--code", .doc = doc};
  connect_arguments a = {0};
  pipe_job *j = &only;
  j->terminal = -1;
  j->send_max = INPUT_CHUNK;
  command_parse(&parser, argc, argv, &a);
  int result = connect_start(j, c, &a);
  if (result) return result;
  output_open(&j->out, STDOUT_FILENO);
  result = job_run(&j->base);
  pipe_free(j);
  return result;
}
