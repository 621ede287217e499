/* The C engine behind a pipe, for tests that connect it to the JavaScript engine. The test at the other end of the pipe
 * (tests/support/cross_engine.js) plays socket, clock and application, so its seed alone determines a run.
 *
 * stdin: u32 size, then 'n' (create an engine), 's' (one event) or 'p' (the next message). stdout, for each: u32 size
 * and the answer. Integers are big-endian; a u32 with the length precedes texts and bytes. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/engine/engine.h"

enum { REQUEST_MAX = 1 << 20, ANSWER_MAX = 8 << 20, MESSAGE_MAX = 65543 };

static const char *const event_names[] = {
    [PL_ENGINE_IN_TIME] = "time",
    [PL_ENGINE_IN_START] = "start",
    [PL_ENGINE_IN_STOP] = "stop",
    [PL_ENGINE_IN_SOCKET_OPEN] = "socket_open",
    [PL_ENGINE_IN_SOCKET_MESSAGE] = "socket_message",
    [PL_ENGINE_IN_SOCKET_CLOSED] = "socket_closed",
    [PL_ENGINE_IN_NETWORK_UP] = "network_up",
    [PL_ENGINE_IN_CONNECT] = "connect",
    [PL_ENGINE_IN_SEND] = "send",
    [PL_ENGINE_IN_SEND_VOLATILE] = "send_volatile",
    [PL_ENGINE_IN_FINISH] = "finish",
    [PL_ENGINE_IN_TAKE] = "take",
    [PL_ENGINE_IN_PRIORITY] = "priority",
    [PL_ENGINE_IN_CHANNEL_RESET] = "channel_reset",
    [PL_ENGINE_IN_CLOSE] = "close",
};

static const char *const action_names[] = {
    [PL_ENGINE_OUT_CONNECT] = "connect",
    [PL_ENGINE_OUT_DISCONNECT] = "disconnect",
    [PL_ENGINE_OUT_ONLINE] = "online",
    [PL_ENGINE_OUT_OFFLINE] = "offline",
    [PL_ENGINE_OUT_CHECKING] = "checking",
    [PL_ENGINE_OUT_ALIVE] = "alive",
    [PL_ENGINE_OUT_KNOCK] = "knock",
    [PL_ENGINE_OUT_SESSION] = "session",
    [PL_ENGINE_OUT_LINKED] = "linked",
    [PL_ENGINE_OUT_UNLINKED] = "unlinked",
    [PL_ENGINE_OUT_MESSAGE] = "message",
    [PL_ENGINE_OUT_VOLATILE] = "volatile",
    [PL_ENGINE_OUT_END] = "end",
    [PL_ENGINE_OUT_WRITABLE] = "writable",
    [PL_ENGINE_OUT_DELIVERED] = "delivered",
    [PL_ENGINE_OUT_CHANNEL_RESET] = "channel_reset",
    [PL_ENGINE_OUT_LOST] = "lost",
    [PL_ENGINE_OUT_STREAM_RESET] = "stream_reset",
    [PL_ENGINE_OUT_SESSION_CLOSED] = "session_closed",
    [PL_ENGINE_OUT_INVITE_CLAIMED] = "invite_claimed",
    [PL_ENGINE_OUT_LOG] = "log",
};

static uint8_t request[REQUEST_MAX], answer[ANSWER_MAX];
static pl_engine *engine;

static void give_up(const char *why) {
  (void)fprintf(stderr, "cross_peer: %s\n", why);
  exit(1);
}

static pl_view read_text(pl_reader *r) {
  uint32_t size = pl_read_u32(r);
  return pl_read_view(r, size);
}

static void write_text(pl_writer *w, const void *data, size_t size) {
  pl_write_u32(w, (uint32_t)size);
  if (size) pl_write_bytes(w, data, size);
}

static pl_engine_event_type event_type(pl_view name) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(event_names); i++)
    if (strlen(event_names[i]) == name.size && memcmp(event_names[i], name.data, name.size) == 0)
      return (pl_engine_event_type)i;
  give_up("an unknown event");
  return PL_ENGINE_IN_TIME;
}

/* Writes what every answer starts with. */
static void write_state(pl_writer *w) {
  pl_write_u64(w, pl_engine_deadline(engine));
  pl_write_u8(w, pl_engine_has_output(engine));
}

static void take_new(pl_reader *r, pl_writer *w) {
  uint8_t seed[32];
  pl_engine_config c = {.application = "test/1", .origin = "http://relay.test", .manual_take = true};
  pl_engine_free(engine);
  engine = NULL;
  pl_read_bytes(r, seed, sizeof seed);
  pl_read_bytes(r, c.instance, sizeof c.instance);
  pl_read_bytes(r, c.seed, sizeof c.seed);
  c.listen = pl_read_u8(r) != 0;
  c.accept_all = pl_read_u8(r) != 0;
  c.message_max = pl_read_u32(r);
  c.channel_window = pl_read_u32(r);
  c.session_window = pl_read_u64(r);
  c.session_timeout_ms = pl_read_u32(r);
  if (r->bad || pl_identity_from_seed(&c.identity, seed) || pl_engine_new(&c, &engine))
    give_up("cannot create an engine");
  write_state(w);
}

static void write_action(pl_writer *w, const pl_engine_action *a) {
  write_text(w, action_names[a->type], strlen(action_names[a->type]));
  pl_write_u32(w, a->session);
  pl_write_u8(w, a->channel);
  pl_write_u32(w, (uint32_t)a->error);
  pl_write_u32(w, (uint32_t)a->reason);
  pl_write_u64(w, a->place);
  write_text(w, a->data.data, a->data.size);
  write_text(w, a->text.data, a->text.size);
}

/* The fields of an event as they come over the pipe: all of them, whatever its type. */
typedef struct fields {
  int error;
  uint32_t session, value;
  uint8_t channel;
  uint64_t place;
  pl_view data, peer;
} fields;

static void fill(pl_engine_event *in, const fields *f) {
  switch (in->type) {
    case PL_ENGINE_IN_SOCKET_MESSAGE:
      in->socket_message.data = f->data;
      break;
    case PL_ENGINE_IN_SOCKET_CLOSED:
      in->socket_closed.error = f->error;
      break;
    case PL_ENGINE_IN_CONNECT:
      in->connect = (pl_engine_target){.peer = f->peer};
      break;
    case PL_ENGINE_IN_SEND:
    case PL_ENGINE_IN_SEND_VOLATILE:
      in->send.session = f->session;
      in->send.channel = f->channel;
      in->send.data = f->data;
      break;
    case PL_ENGINE_IN_FINISH:
      in->finish.session = f->session;
      in->finish.channel = f->channel;
      break;
    case PL_ENGINE_IN_TAKE:
      in->take.session = f->session;
      in->take.channel = f->channel;
      in->take.place = f->place;
      break;
    case PL_ENGINE_IN_PRIORITY:
      in->priority.session = f->session;
      in->priority.channel = f->channel;
      in->priority.value = f->value;
      break;
    case PL_ENGINE_IN_CHANNEL_RESET:
      in->channel_reset.session = f->session;
      in->channel_reset.channel = f->channel;
      in->channel_reset.reason = f->value;
      break;
    case PL_ENGINE_IN_CLOSE:
      in->close.session = f->session;
      in->close.reason = f->value;
      in->close.text = f->data;
      break;
    default:
      break;
  }
}

static void take_step(pl_reader *r, pl_writer *w) {
  pl_engine_event in = {.type = event_type(read_text(r))};
  fields f;
  in.now_ms = pl_read_u64(r);
  f.error = (int)pl_read_u32(r);
  f.session = pl_read_u32(r);
  f.channel = pl_read_u8(r);
  f.value = pl_read_u32(r);
  f.place = pl_read_u64(r);
  f.data = read_text(r);
  f.peer = read_text(r);
  if (r->bad || !engine) give_up("a malformed event");
  fill(&in, &f);
  pl_engine_result out;
  int rc = pl_engine_step(engine, &in, &out);
  write_state(w);
  pl_write_u32(w, (uint32_t)rc);
  pl_write_u32(w, out.session);
  pl_write_u64(w, out.place);
  pl_write_u32(w, (uint32_t)out.action_count);
  for (size_t i = 0; i < out.action_count; i++) write_action(w, &out.actions[i]);
}

static void take_produce(pl_reader *r, pl_writer *w) {
  static uint8_t message[MESSAGE_MAX];
  uint64_t now_ms = pl_read_u64(r);
  if (r->bad || !engine) give_up("a malformed request");
  size_t size = pl_engine_produce(engine, now_ms, message, sizeof message);
  write_state(w);
  write_text(w, message, size);
}

static bool read_all(uint8_t *out, size_t n) {
  return fread(out, 1, n, stdin) == n;
}

int main(void) {
  uint8_t head[4];
  if (sodium_init() < 0) return 1;
  while (read_all(head, sizeof head)) {
    uint32_t size = pl_get_u32(head);
    if (size == 0 || size > sizeof request || !read_all(request, size)) give_up("a malformed request");
    pl_reader r = pl_reader_of(request + 1, size - 1);
    pl_writer w = pl_writer_of(answer + 4, sizeof answer - 4);
    if (request[0] == 'n')
      take_new(&r, &w);
    else if (request[0] == 's')
      take_step(&r, &w);
    else if (request[0] == 'p')
      take_produce(&r, &w);
    else
      give_up("an unknown request");
    if (w.full) give_up("too many actions for one answer");
    size_t used = pl_writer_used(&w);
    pl_put_u32(answer, (uint32_t)used);
    if (fwrite(answer, 1, used + 4, stdout) != used + 4 || fflush(stdout) != 0) return 1;
  }
  pl_engine_free(engine);
  return 0;
}
