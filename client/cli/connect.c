#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipe.h"

enum { SAY_WAITING_AFTER_MS = 1500 };

static void on_event(job *base, const pairlink_event *e) {
  pipe_job *j = base->user;
  if (e->session && pairlink_session_user(e->session)) pipe_event(j, e);
}

/* The session is made before the relay is reached, so all that is left is to say if nobody is there. */
static void on_online(job *base) {
  base->tick_ms = job_now_ms() + SAY_WAITING_AFTER_MS;
}

static void on_tick(job *base) {
  pipe_job *j = base->user;
  if (j->active && !j->active->was_linked) j->active->unlinked = true;
}

static size_t prepare(job *base, struct pollfd *fds) {
  return pipe_prepare(base->user, fds);
}
static void on_ready(job *base, const struct pollfd *fds, size_t count) {
  pipe_ready(base->user, fds, count);
}
static void on_interrupt(job *base) {
  pipe_interrupt(base->user);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  const char **target = state->input;
  switch (key) {
    case ARGP_KEY_ARG:
      if (*target) argp_usage(state);
      *target = arg;
      return 0;
    case ARGP_KEY_END:
      if (!*target) argp_error(state, "whom? Name an ID or an invite link");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static const char doc[] =
    "Reaches someone by ID or invite link, then joins stdin and stdout to them, both directions at once. Waits if they "
    "are not there yet. Ends with 0 when both directions have ended and the other side has taken everything.";

/* A link names its relay; with --relay as well, the relay must still be the one that the link means. */
static int start(pipe_job *j, const cli *c) {
  static const job_hooks hooks = {on_event, on_online, on_interrupt, prepare, on_ready, on_tick};
  pairlink_options o;
  pairlink_session *session;
  pairlink_options_init(&o);
  o.manual_take = 1;
  if (strchr(j->target, '#')) *(c->relay ? &o.relay_id : &o.relay) = j->target;
  int code = job_init(&j->base, c, &hooks, &o, j);
  if (code) return code;
  int error = pairlink_connect(j->base.client, j->target, &session);
  if (!error && pipe_add(j, session)) return 0;
  pairlink_free(j->base.client);
  return ui_fail("cannot connect", error ? error : PAIRLINK_ENOMEM, error ? j->target : NULL);
}

int command_connect(const cli *c, int argc, char **argv) {
  static pipe_job only;
  static const struct argp parser = {.parser = parse, .args_doc = "ID|LINK", .doc = doc};
  pipe_job *j = &only;
  j->terminal = -1;
  j->send_max = INPUT_CHUNK;
  argp_parse(&parser, argc, argv, 0, NULL, &j->target);
  int code = start(j, c);
  if (code) return code;
  output_open(&j->out, STDOUT_FILENO);
  code = job_run(&j->base);
  pipe_free(j);
  return code;
}
