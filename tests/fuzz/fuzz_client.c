/* The client's engine at a hostile relay, from login on. This file is the relay: it can log its clients in and join
 * their calls as an honest relay does, so that handshakes and records are genuine. In between it changes, repeats,
 * drops and invents envelopes and messages as the input says. For speed, the primitives are the simulator's stand-ins.
 *
 * The input is a list of steps: operation and client (1 byte), argument (1 byte), and what the operation reads. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/engine/engine_state.h"
#include "tests/sim/sim_sodium.c"  // NOLINT(bugprone-suspicious-include): replaces libsodium in this program

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDES = 2, LINKS = 64, OUT = 70000, WAITING = 64 };

typedef struct message {
  size_t size;
  uint8_t *bytes;
} message;

typedef struct side {
  pl_engine *engine;
  bool socket;
  uint32_t session;
  uint8_t hello[128];
  size_t hello_size;
  message waiting[WAITING]; /* envelopes towards it */
  size_t first, last;
} side;

static side sides[SIDES];
static struct { uint32_t number[SIDES]; } joined[LINKS];
static size_t joined_count;
static pl_identity relay_identity;
static uint64_t now_ms;

static void check(bool holds) {
  if (!holds) abort();
}

static void put(side *to, uint8_t type, uint8_t flags, uint32_t link, const void *payload, size_t size) {
  if (!to->socket || to->last - to->first == WAITING) return;
  message *m = &to->waiting[to->last++ % WAITING];
  m->size = PL_CONST_ENVELOPE_HEADER_BYTES + size;
  m->bytes = malloc(m->size);
  if (!m->bytes) abort();
  pl_envelope_put_header(m->bytes, type, flags, size, link);
  if (size) memcpy(m->bytes + PL_CONST_ENVELOPE_HEADER_BYTES, payload, size);
}

static void lose_socket(side *s) {
  s->socket = false;
  for (; s->first < s->last; s->first++) free(s->waiting[s->first % WAITING].bytes);
}

/* ---- what an honest relay does ----------------------------------------------------------------------------------- */
static void greet(side *s) {
  pl_wire_hello h = {.version_min = 1, .version_max = 1, .challenge = {1}};
  memcpy(h.relay_id, relay_identity.id, 32);
  int n = pl_wire_hello_encode(&h, s->hello, sizeof s->hello);
  check(n > 0);
  s->hello_size = (size_t)n;
  put(s, PL_ENV_HELLO, 0, 0, s->hello, s->hello_size);
}

static void welcome(side *s, pl_view login) {
  uint8_t t[64], w[3 + PL_SIGNATURE_BYTES] = {1};
  pl_wire_login l;
  check(pl_wire_login_decode(&l, login.data, login.size) == 0);
  pl_login_transcript(t, (pl_view){s->hello, s->hello_size}, (pl_view){login.data, login.size - PL_SIGNATURE_BYTES});
  if (pl_login_verify_client(l.signature, t, l.peer_id)) return; /* it answered a HELLO that was invented or changed */
  pl_login_sign_relay(w + 3, t, (pl_view){w, 3}, &relay_identity);
  put(s, PL_ENV_WELCOME, 0, 0, w, sizeof w);
}

static void join(int from, const pl_envelope *v) {
  uint8_t offer[2048 + 40];
  const pl_engine_config *c = &sides[from].engine->config;
  size_t k = joined_count++ % LINKS;
  joined[k].number[from] = v->link;
  joined[k].number[1 - from] = pl_link_number_make(true, (uint32_t)(joined_count / LINKS + 1), (uint32_t)k);
  memcpy(offer, c->identity.id, 32);
  memcpy(offer + 32, c->instance, 8);
  if (v->type == PL_ENV_OPEN) memcpy(offer + 40, v->payload.data + 40, v->payload.size - 40);
  if (v->type == PL_ENV_CLAIM)
    put(&sides[1 - from], PL_ENV_CLAIM, 0, joined[k].number[1 - from], v->payload.data, v->payload.size);
  else
    put(&sides[1 - from], PL_ENV_OFFER, 0, joined[k].number[1 - from], offer, v->payload.size);
}

/* All codes of one side have the same number. */
static void give_number(int to, const pl_envelope *v) {
  uint8_t payload[16];
  pl_wire_code code;
  check(pl_wire_code_decode(&code, v->payload.data, v->payload.size) == 0);
  if (code.op != PL_CONST_CODE_MAKE) return;
  code.number = PL_CONST_CODE_NUMBER_MIN + (uint32_t)to;
  int n = pl_wire_code_encode(&code, payload, sizeof payload);
  put(&sides[to], PL_ENV_CODE, 0, 0, payload, (size_t)n);
}

static void forward(int from, const pl_envelope *v) {
  for (size_t k = 0; k < LINKS; k++)
    if (joined[k].number[from] == v->link)
      put(&sides[1 - from], v->type, v->flags, joined[k].number[1 - from], v->payload.data, v->payload.size);
}

/* Everything that an engine sends must be well-formed, whatever it was sent. */
static void from_client(int i) {
  static uint8_t out[OUT];
  side *s = &sides[i];
  for (int k = 0; k < 100 && s->socket; k++) {
    size_t n = pl_engine_produce(s->engine, now_ms, out, sizeof out);
    check(n <= sizeof out);
    if (n == 0) return;
    pl_reader r = pl_reader_of(out, n);
    pl_envelope v;
    int rc;
    while ((rc = pl_envelope_next(&r, &v)) > 0) {
      int max = pl_envelope_max(v.type);
      check(max >= 0 && v.payload.size <= (size_t)max);
      if (v.type == PL_ENV_LOGIN) welcome(s, v.payload);
      if (v.type == PL_ENV_PING) put(s, PL_ENV_PONG, 0, 0, v.payload.data, v.payload.size);
      bool call = v.type == PL_ENV_OPEN || v.type == PL_ENV_CLAIM;
      if (call) join(i, &v);
      if (v.type == PL_ENV_CODE) give_number(i, &v);
      if (v.link && !call) forward(i, &v);
    }
    check(rc == 0);
  }
}

/* ---- the engines ------------------------------------------------------------------------------------------------- */
static int step(int i, pl_engine_event in) {
  side *s = &sides[i];
  pl_engine_result out;
  in.now_ms = now_ms;
  int rc = pl_engine_step(s->engine, &in, &out);
  if (out.session) s->session = out.session;
  bool connect = false;
  for (size_t k = 0; k < out.action_count; k++) {
    const pl_engine_action *a = &out.actions[k];
    uint8_t sum = 0; /* every byte of a view can be read */
    for (size_t b = 0; b < a->data.size; b++) sum = (uint8_t)(sum + a->data.data[b]);
    for (size_t b = 0; b < a->text.size; b++) sum = (uint8_t)(sum + a->text.data[b]);
    (void)sum;
    if (a->type == PL_ENGINE_OUT_CONNECT) connect = true;
    if (a->type == PL_ENGINE_OUT_DISCONNECT) lose_socket(s), connect = false;
    if (a->type == PL_ENGINE_OUT_SESSION) s->session = a->session;
  }
  if (connect && !s->socket) {
    s->socket = true;
    greet(s);
    (void)step(i, (pl_engine_event){.type = PL_ENGINE_IN_SOCKET_OPEN});
  }
  return rc;
}

static void give(int i, const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size ? size : 1); /* so that a sanitizer sees each read beyond it */
  if (!copy) abort();
  if (size) memcpy(copy, bytes, size);
  (void)step(i, (pl_engine_event){.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{copy, size}}});
  free(copy);
}

static void deliver(int i, bool again) {
  side *s = &sides[i];
  if (s->first == s->last) return;
  message m = s->waiting[s->first % WAITING];
  s->first++;
  give(i, m.bytes, m.size);
  if (again && s->socket) give(i, m.bytes, m.size);
  free(m.bytes);
}

static void settle(void) {
  for (int k = 0; k < 40; k++)
    for (int i = 0; i < SIDES; i++) {
      from_client(i);
      deliver(i, false);
      if (pl_engine_deadline(sides[i].engine) <= now_ms) (void)step(i, (pl_engine_event){.type = PL_ENGINE_IN_TIME});
    }
}

static void start(int i) {
  uint8_t seed[32] = {(uint8_t)(i + 1)};
  pl_engine_config c = {.origin = "http://127.0.0.1:8787", .application = "pipe/1", .listen = true, .accept_all = i};
  c.message_max = 5000;
  c.channel_window = 10000;
  c.session_window = 30000;
  memset(c.instance, i + 1, sizeof c.instance);
  memset(c.seed, i + 1, sizeof c.seed);
  check(pl_identity_from_seed(&c.identity, seed) == 0);
  check(pl_engine_new(&c, &sides[i].engine) == 0);
}

/* Makes a code, uses one (rightly or wrongly) or cancels one. */
static void code_command(int i, uint8_t with) {
  char text[PL_CODE_TEXT_MAX];
  const pl_engine_code_run *other = &sides[1 - i].engine->codes[with >> 2 & 1];
  pl_code code = other->code;
  pl_engine_event in = {.type = PL_ENGINE_IN_CODE_NEW, .code_new = {(uint32_t)(with & 0x10) << 12}};
  if (with & 1) {
    code.number = PL_CONST_CODE_NUMBER_MIN + (uint32_t)(1 - i);
    if (with & 8) code.words[0] ^= 1;
    pl_code_format(&code, text);
    in.type = PL_ENGINE_IN_CODE_CLAIM;
    in.code_claim.text = (pl_view){(const uint8_t *)text, strlen(text)};
  } else if (with & 2) {
    in.type = PL_ENGINE_IN_CODE_CANCEL;
    in.code_cancel.code = sides[i].engine->codes[with >> 2 & 1].handle;
  }
  (void)step(i, in);
}

static void command(int i, uint8_t with) {
  if (with & 0x80) {
    code_command(i, with);
    return;
  }
  static const uint8_t text[5000];
  uint32_t session = sides[i].session;
  uint8_t channel = with >> 3 & 3;
  pl_view message = {text, (size_t)(with >> 3) * 160}, other = {sides[1 - i].engine->config.identity.id, 32};
  const pl_engine_event events[] = {
      {.type = PL_ENGINE_IN_SEND, .send = {session, channel, message}},
      {.type = PL_ENGINE_IN_SEND_VOLATILE, .send = {session, channel, message}},
      {.type = PL_ENGINE_IN_FINISH, .finish = {session, channel}},
      {.type = PL_ENGINE_IN_CHANNEL_RESET, .channel_reset = {.session = session, .channel = channel}},
      {.type = PL_ENGINE_IN_CLOSE, .close = {.session = session}},
      {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = other}},
      {.type = PL_ENGINE_IN_ALLOW, .peer = {other}},
      {.type = PL_ENGINE_IN_NETWORK_UP},
  };
  (void)step(i, events[with & 7]);
}

static void invent(int i, uint8_t type, pl_reader *r) {
  uint8_t envelope[8 + 255] = {0};
  uint32_t link = pl_read_u8(r);
  size_t n = pl_read_u8(r);
  if (n > pl_reader_left(r)) n = pl_reader_left(r);
  if (link < 128)
    link = joined[link % LINKS].number[i]; /* one that is or was in use */
  else
    link = pl_link_number_make(link & 1, 1 + (link >> 4 & 3), link >> 1 & 7);
  if (pl_reader_left(r) && n == 1) link = 0;
  pl_envelope_put_header(envelope, type, 0, n, link);
  pl_read_bytes(r, envelope + 8, n);
  give(i, envelope, 8 + n);
}

static void operate(uint8_t what, uint8_t with, pl_reader *r) {
  int i = what & 1;
  side *s = &sides[i];
  message *m = s->first < s->last ? &s->waiting[s->first % WAITING] : NULL;
  switch (what >> 1 & 7) {
    case 0:
      if (!s->socket) return;
      invent(i, with, r);
      break;
    case 1: /* raw bytes */
      if (with > pl_reader_left(r)) with = (uint8_t)pl_reader_left(r);
      if (s->socket) give(i, pl_read_view(r, with).data, with);
      break;
    case 2:
      if (m) m->bytes[with % m->size] ^= (uint8_t)(1 << (what >> 4 & 7));
      break;
    case 3:
      deliver(i, with & 1);
      break;
    case 4:
      command(i, with);
      from_client(i);
      break;
    case 5:
      now_ms += (uint64_t)with * with;
      (void)step(i, (pl_engine_event){.type = PL_ENGINE_IN_TIME});
      break;
    case 6:
      if (with & 1 && m) { /* dropped */
        s->first++;
        free(m->bytes);
      } else if ((with & 7) == 2) {
        lose_socket(s);
        (void)step(i, (pl_engine_event){.type = PL_ENGINE_IN_SOCKET_CLOSED, .socket_closed = {PL_ENETWORK}});
      }
      break;
    default:
      settle();
  }
  from_client(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t seed[32] = {9};
  memset(sides, 0, sizeof sides);
  memset(joined, 0, sizeof joined);
  joined_count = 0;
  now_ms = 1000;
  check(pl_identity_from_seed(&relay_identity, seed) == 0);
  for (int i = 0; i < SIDES; i++) start(i);
  for (int i = 0; i < SIDES; i++) (void)step(i, (pl_engine_event){.type = PL_ENGINE_IN_START});
  pl_reader r = pl_reader_of(data, size);
  uint8_t begins = pl_read_u8(&r);
  if (begins & 1) { /* half of the inputs start with a session */
    settle();
    command(0, 5);
    settle();
  } else if (begins & 2) { /* a quarter starts with a code that is being used */
    settle();
    code_command(0, 0x80);
    settle();
    code_command(1, begins & 4 ? 0x89 : 0x81);
  }
  for (int k = 0; k < 200 && pl_reader_left(&r); k++) {
    uint8_t what = pl_read_u8(&r), with = pl_read_u8(&r);
    operate(what, with, &r);
  }
  for (int i = 0; i < SIDES; i++) {
    check(sides[i].engine->control.size <= PL_ENGINE_CONTROL_BYTES);
    lose_socket(&sides[i]);
    pl_engine_free(sides[i].engine);
  }
  return 0;
}
