/* See sim_js.h. This file is the simulator's end of the pipe; js_engine.mjs describes what goes over it. */
#undef pl_engine_new
#undef pl_engine_free
#undef pl_engine_step
#undef pl_engine_deadline
#undef pl_engine_produce
#include "sim_js.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim_watch.h"

enum { REQUEST_MAX = 2 * SIM_SCRATCH + 1024, DRAWS = 4, FIRST_ACTIONS = 64 };

/* The engine of one client, as this side knows it. */
typedef struct js_engine {
  pl_engine *standing_for; /* NULL: this client's engine is C, or it has none */
  sim_client *client;
  uint64_t deadline_ms, told_ms; /* told: when the last answer came */
  bool has_output;
  sim_js_session sessions[SIM_SESSIONS * 2];
  size_t sessions_count;
  uint8_t *answer; /* the last one; actions have views into it */
  size_t answer_capacity;
  pl_engine_action *actions;
  size_t actions_capacity;
} js_engine;

static js_engine engines[SIM_CLIENTS];
static int to_node = -1, from_node = -1; /* -1: it does not run */
static pid_t node;
static uint8_t request[REQUEST_MAX];
static unsigned long lives;

static void give_up(const char *why) {
  (void)fprintf(stderr, "pl-sim-js: %s\n", why);
  exit(1);
}

static js_engine *js_of(const pl_engine *e) {
  for (size_t i = 0; i < SIM_CLIENTS; i++) {
    if (e && engines[i].standing_for == e) return &engines[i];
  }
  return NULL;
}

bool sim_js_runs(void) {
  return true;
}

bool sim_js_is(const pl_engine *e) {
  return js_of(e) != NULL;
}

const sim_js_session *sim_js_sessions(const pl_engine *e, size_t *count) {
  const js_engine *js = js_of(e);
  *count = js ? js->sessions_count : 0;
  return js ? js->sessions : NULL;
}

/* ---- the pipe ---------------------------------------------------------------------------------------------------- */

static void print_lives(void) {
  (void)printf("%lu lives of clients were JavaScript\n", lives);
}

static void start_node(void) {
  static bool started;
  int to[2], from[2];
  if (pipe(to) || pipe(from)) give_up("no pipe");
  node = fork();
  if (node < 0) give_up("no process");
  if (node == 0) {
    if (dup2(to[0], 0) < 0 || dup2(from[1], 1) < 0) _exit(1);
    for (int i = 0; i < 2; i++) {
      (void)close(to[i]);
      (void)close(from[i]);
    }
    (void)execl(SIM_NODE, SIM_NODE, SIM_JS_ENGINE, (char *)NULL);
    _exit(1);
  }
  (void)close(to[0]);
  (void)close(from[1]);
  to_node = to[1];
  from_node = from[0];
  if (!started) (void)atexit(print_lives);
  started = true;
  (void)signal(SIGPIPE, SIG_IGN); /* a write to it fails instead */
}

/* Returns how it ended, as wait does. The next life in JavaScript starts another one. */
static int end_node(void) {
  int status = 0;
  (void)close(to_node);
  (void)close(from_node);
  to_node = from_node = -1;
  (void)waitpid(node, &status, 0);
  return status;
}

static __attribute__((noreturn)) void fail(const js_engine *js, const char *why) {
  sim_fail(js->client->world, "client %d: %s", js->client->index, why);
}

/* Ends the run, because node has ended: it prints the reason by itself. */
static __attribute__((noreturn)) void fail_without_node(const js_engine *js) {
  char why[64];
  int status = to_node >= 0 ? end_node() : 0;
  if (WIFSIGNALED(status))
    (void)snprintf(why, sizeof why, "node ended by signal %d", WTERMSIG(status));
  else
    (void)snprintf(why, sizeof why, "node ended with code %d", WEXITSTATUS(status));
  fail(js, why);
}

static bool write_all(const uint8_t *data, size_t n) {
  while (n && to_node >= 0) {
    ssize_t some = write(to_node, data, n);
    if (some <= 0) return false;
    data += some;
    n -= (size_t)some;
  }
  return n == 0;
}

static void read_all(const js_engine *js, uint8_t *out, size_t n) {
  while (n) {
    ssize_t some = read(from_node, out, n);
    if (some <= 0) fail_without_node(js);
    out += some;
    n -= (size_t)some;
  }
}

/* Returns the processor time that node has taken, in seconds. */
static time_t node_seconds(void) {
  clockid_t clock;
  struct timespec t = {0};
  return clock_getcpuclockid(node, &clock) == 0 && clock_gettime(clock, &t) == 0 ? t.tv_sec : 0;
}

/* Waits until there is something to read. A step that takes more processor time than any needs ends the run. */
static void await_answer(const js_engine *js) {
  struct pollfd p = {.fd = from_node, .events = POLLIN};
  time_t from = -1;
  for (int rc; (rc = poll(&p, 1, 1000)) <= 0;) {
    if (rc < 0 && errno != EINTR) give_up("the pipe cannot be read");
    if (from < 0) from = node_seconds();
    if (node_seconds() - from < SIM_WATCH_STEP_S) continue;
    (void)kill(node, SIGKILL);
    (void)end_node();
    fail(js, "the JavaScript engine hangs: it takes more processor time than any step needs");
  }
}

static pl_writer start_request(const js_engine *js, char op) {
  pl_writer w = pl_writer_of(request + 4, sizeof request - 4);
  pl_write_u8(&w, (uint8_t)op);
  pl_write_u8(&w, (uint8_t)js->client->index);
  return w;
}

static void write_data(pl_writer *w, pl_view v) {
  pl_write_u32(w, (uint32_t)v.size);
  if (v.size) pl_write_bytes(w, v.data, v.size);
}

/* Returns false when node has ended. */
static bool send_request(const js_engine *js, const pl_writer *w) {
  size_t used = pl_writer_used(w);
  if (w->full) fail(js, "a request is too large");
  pl_put_u32(request, (uint32_t)used);
  return write_all(request, used + 4);
}

static pl_view read_data(pl_reader *r) {
  uint32_t size = pl_read_u32(r);
  return pl_read_view(r, size);
}

/* Reads what every answer starts with. Does not return when the engine has thrown an exception. */
static void read_state(js_engine *js, pl_reader *r) {
  if (pl_read_u8(r)) {
    pl_view text = read_data(r);
    sim_fail(js->client->world, "client %d: %.*s", js->client->index, (int)text.size, (const char *)text.data);
  }
  js->deadline_ms = pl_read_u64(r);
  js->has_output = pl_read_u8(r) != 0;
  js->sessions_count = pl_read_u32(r);
  if (js->sessions_count > PL_ARRAY_LENGTH(js->sessions)) fail(js, "it has more sessions than there are peers");
  for (size_t i = 0; i < js->sessions_count; i++) {
    sim_js_session *s = &js->sessions[i];
    s->number = pl_read_u32(r);
    s->link = pl_read_u32(r);
    pl_read_bytes(r, s->id, sizeof s->id);
    pl_read_bytes(r, s->instance, sizeof s->instance);
  }
}

static pl_reader ask(js_engine *js, const pl_writer *w, uint64_t now_ms) {
  uint8_t head[4];
  if (!send_request(js, w)) fail_without_node(js);
  await_answer(js);
  read_all(js, head, sizeof head);
  size_t size = pl_get_u32(head);
  if (size > js->answer_capacity) {
    free(js->answer);
    js->answer_capacity = size * 2;
    js->answer = malloc(js->answer_capacity);
    if (!js->answer) give_up("out of memory");
  }
  read_all(js, js->answer, size);
  js->told_ms = now_ms;
  pl_reader r = pl_reader_of(js->answer, size);
  read_state(js, &r);
  return r;
}

/* ---- the engine's functions -------------------------------------------------------------------------------------- */

static pl_view text_view(const char *text) {
  return text ? (pl_view){(const uint8_t *)text, strlen(text)} : (pl_view){NULL, 0};
}

static void create(js_engine *js, const pl_engine_config *c) {
  pl_writer w = start_request(js, 'n');
  pl_write_bytes(&w, c->identity.id, 32);
  pl_write_bytes(&w, c->identity.secret, 64);
  pl_write_bytes(&w, c->instance, 8);
  pl_write_bytes(&w, c->seed, 32);
  pl_write_u8(&w, c->listen);
  pl_write_u8(&w, c->accept_all);
  pl_write_u8(&w, c->manual_take);
  pl_write_u32(&w, c->message_max);
  pl_write_u32(&w, c->channel_window);
  pl_write_u64(&w, c->session_window);
  pl_write_u32(&w, c->session_timeout_ms ? c->session_timeout_ms : 3600000);
  pl_write_u32(&w, c->sessions_max ? c->sessions_max : 1024);
  pl_write_u64(&w, c->replace_after_bytes ? c->replace_after_bytes : UINT64_C(1) << 30);
  write_data(&w, text_view(c->origin));
  write_data(&w, text_view(c->application));
  write_data(&w, text_view(c->name));
  write_data(&w, text_view(c->token));
  write_data(&w, (pl_view){c->relay_id, c->relay_id ? 32 : 0});
  (void)ask(js, &w, 0);
}

/* A life of a client is JavaScript with three chances of four, which its engine's own seed decides. */
int sim_js_new(const pl_engine_config *config, pl_engine **out) {
  int rc = pl_engine_new(config, out);
  if (rc || config->seed[0] % DRAWS == 0) return rc;
  sim_client *c = PL_CONTAINER(config, sim_client, config);
  js_engine *js = &engines[c->index];
  js->standing_for = *out;
  js->client = c;
  if (to_node < 0) start_node();
  create(js, config);
  lives++;
  sim_trace(c->world, "client %d is JavaScript", c->index);
  return 0;
}

void sim_js_free(pl_engine *e) {
  js_engine *js = js_of(e);
  if (js) {
    pl_writer w = start_request(js, 'f');
    (void)send_request(js, &w);
    js->standing_for = NULL;
  }
  pl_engine_free(e);
}

/* The fields of an event, whatever its type. */
typedef struct fields {
  int error;
  uint32_t session, value;
  uint8_t channel;
  uint64_t place;
  pl_view data, peer, instance, secret;
} fields;

static fields fields_of(const pl_engine_event *in) {
  switch (in->type) {
    case PL_ENGINE_IN_SOCKET_MESSAGE:
      return (fields){.data = in->socket_message.data};
    case PL_ENGINE_IN_SOCKET_CLOSED:
      return (fields){.error = in->socket_closed.error};
    case PL_ENGINE_IN_CONNECT:
      return (fields){.peer = in->connect.peer, .instance = in->connect.instance, .secret = in->connect.secret};
    case PL_ENGINE_IN_SEND:
    case PL_ENGINE_IN_SEND_VOLATILE:
      return (fields){.session = in->send.session, .channel = in->send.channel, .data = in->send.data};
    case PL_ENGINE_IN_FINISH:
      return (fields){.session = in->finish.session, .channel = in->finish.channel};
    case PL_ENGINE_IN_TAKE:
      return (fields){.session = in->take.session, .channel = in->take.channel, .place = in->take.place};
    case PL_ENGINE_IN_PRIORITY:
      return (fields){.session = in->priority.session, .channel = in->priority.channel, .value = in->priority.value};
    case PL_ENGINE_IN_CHANNEL_RESET:
      return (fields){.session = in->channel_reset.session,
                      .channel = in->channel_reset.channel,
                      .value = in->channel_reset.reason};
    case PL_ENGINE_IN_CLOSE:
      return (fields){.session = in->close.session, .value = in->close.reason, .data = in->close.text};
    case PL_ENGINE_IN_ALLOW:
    case PL_ENGINE_IN_DENY:
    case PL_ENGINE_IN_REFUSE:
    case PL_ENGINE_IN_BLOCK:
    case PL_ENGINE_IN_FORGET:
      return (fields){.peer = in->peer.id};
    case PL_ENGINE_IN_INVITE_ADD:
      return (fields){
          .secret = in->invite_add.secret, .place = in->invite_add.expires_ms, .value = in->invite_add.uses};
    case PL_ENGINE_IN_INVITE_REVOKE:
      return (fields){.secret = in->invite_revoke.secret};
    case PL_ENGINE_IN_CODE_NEW:
      return (fields){.value = in->code_new.lifetime_ms};
    case PL_ENGINE_IN_CODE_CLAIM:
      return (fields){.data = in->code_claim.text};
    case PL_ENGINE_IN_CODE_CANCEL:
      return (fields){.value = in->code_cancel.code};
    default:
      return (fields){0};
  }
}

static pl_engine_action read_action(pl_reader *r) {
  pl_engine_action a = {.type = (pl_engine_action_type)pl_read_u8(r)};
  a.session = pl_read_u32(r);
  a.code = pl_read_u32(r);
  a.channel = pl_read_u8(r);
  a.error = (int)pl_read_u32(r);
  a.reason = (int)pl_read_u32(r);
  a.place = pl_read_u64(r);
  a.time_ms = pl_read_u64(r);
  pl_read_bytes(r, a.id, sizeof a.id);
  pl_read_bytes(r, a.instance, sizeof a.instance);
  a.data = read_data(r);
  a.text = read_data(r);
  return a;
}

static void room_for_actions(js_engine *js, size_t count) {
  if (count <= js->actions_capacity) return;
  free(js->actions);
  js->actions_capacity = count + FIRST_ACTIONS;
  js->actions = calloc(js->actions_capacity, sizeof *js->actions);
  if (!js->actions) give_up("out of memory");
}

int sim_js_step(pl_engine *e, const pl_engine_event *in, pl_engine_result *out) {
  js_engine *js = js_of(e);
  if (!js) return pl_engine_step(e, in, out);
  fields f = fields_of(in);
  pl_writer w = start_request(js, 's');
  pl_write_u8(&w, (uint8_t)in->type);
  pl_write_u64(&w, in->now_ms);
  pl_write_u32(&w, (uint32_t)f.error);
  pl_write_u32(&w, f.session);
  pl_write_u8(&w, f.channel);
  pl_write_u32(&w, f.value);
  pl_write_u64(&w, f.place);
  write_data(&w, f.data);
  write_data(&w, f.peer);
  write_data(&w, f.instance);
  write_data(&w, f.secret);
  pl_reader r = ask(js, &w, in->now_ms);
  int rc = (int)pl_read_u32(&r);
  *out = (pl_engine_result){.session = pl_read_u32(&r)};
  out->code = pl_read_u32(&r);
  out->place = pl_read_u64(&r);
  out->action_count = pl_read_u32(&r);
  room_for_actions(js, out->action_count);
  for (size_t i = 0; i < out->action_count; i++) js->actions[i] = read_action(&r);
  if (r.bad) fail(js, "a malformed answer");
  out->actions = js->actions;
  return rc;
}

uint64_t sim_js_deadline(const pl_engine *e) {
  const js_engine *js = js_of(e);
  return js ? js->deadline_ms : pl_engine_deadline(e);
}

size_t sim_js_produce(pl_engine *e, uint64_t now_ms, uint8_t *out, size_t capacity) {
  js_engine *js = js_of(e);
  if (!js) return pl_engine_produce(e, now_ms, out, capacity);
  if (!js->has_output && js->told_ms == now_ms) return 0;
  pl_writer w = start_request(js, 'p');
  pl_write_u64(&w, now_ms);
  pl_write_u32(&w, (uint32_t)capacity);
  pl_reader r = ask(js, &w, now_ms);
  pl_view message = read_data(&r);
  if (r.bad || message.size > capacity) fail(js, "a malformed answer");
  if (message.size) memcpy(out, message.data, message.size);
  return message.size;
}
