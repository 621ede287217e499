/* libwebsockets' own WebSocket client against an echo server: `interop_lws_client PORT`.
 * It runs the cases one after another on one connection, then a connection that breaks the rules. It prints one line
 * per case, "ok NAME" or "not ok NAME", and exits 0 when all are ok. It contains none of this project's code. */
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 16 << 20, DEADLINE_S = 60 };

typedef struct test_case {
  const char *name;
  size_t size;
  bool text;
  size_t fragment; /* bytes of one fragment; 0 for a single frame */
  bool ping;       /* sends a ping between the first two fragments */
} test_case;

static const test_case CASES[] = {
    {"text of 5 bytes", 5, true, 0, false},
    {"empty text", 0, true, 0, false},
    {"empty binary", 0, false, 0, false},
    {"binary of 125 bytes", 125, false, 0, false},
    {"binary of 126 bytes", 126, false, 0, false},
    {"binary of 65,535 bytes", 65535, false, 0, false},
    {"binary of 65,536 bytes", 65536, false, 0, false},
    {"text of 65,536 bytes", 65536, true, 0, false},
    {"text in fragments", 1000, true, 100, false},
    {"binary in fragments with a ping in between", 90000, false, 30000, true},
    {"binary of 16 MiB", LARGEST, false, 0, false},
    {"binary of 1 MiB in fragments of 4 KiB", 1 << 20, false, 4096, false},
};
enum { CASE_COUNT = sizeof CASES / sizeof CASES[0] };

static struct {
  unsigned char *out, *in; /* out has LWS_PRE bytes before it */
  size_t sent, received;
  size_t current;
  bool started, ping_sent, ping_answered, failed, breaking, done;
  int close_code;
} state;

static void fill(const test_case *c) {
  for (size_t i = 0; i < c->size; i++) {
    state.out[LWS_PRE + i] = (unsigned char)(c->text ? 'a' + i % 26 : (i * 31 + c->size) & 0xff);
  }
  state.sent = state.received = 0;
  state.started = state.ping_sent = state.ping_answered = false;
}

static void report(const char *name, bool ok) {
  printf("%s %s\n", ok ? "ok" : "not ok", name);
  fflush(stdout);
  state.failed |= !ok;
}

static int write_ping(struct lws *wsi) {
  unsigned char buffer[LWS_PRE + 4] = {0};
  memcpy(buffer + LWS_PRE, "ping", 4);
  state.ping_sent = true;
  return lws_write(wsi, buffer + LWS_PRE, 4, LWS_WRITE_PING) < 0 ? -1 : 0;
}

/* Writes the next piece of the current case; asks again while there is more. */
static int write_case(struct lws *wsi) {
  const test_case *c = &CASES[state.current];
  if (state.started && state.sent >= c->size) {
    return 0;
  }
  if (c->ping && state.started && !state.ping_sent) {
    lws_callback_on_writable(wsi);
    return write_ping(wsi);
  }
  size_t n = c->size - state.sent;
  if (c->fragment && n > c->fragment) {
    n = c->fragment;
  }
  bool last = state.sent + n == c->size;
  enum lws_write_protocol how = state.started ? LWS_WRITE_CONTINUATION : c->text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
  int flags = (int)how | (last ? 0 : (int)LWS_WRITE_NO_FIN);
  /* lws writes its header in front of the piece and masks it in place, so give it a copy. */
  unsigned char *copy = malloc(LWS_PRE + n + 1);
  if (!copy) {
    return -1;
  }
  memcpy(copy + LWS_PRE, state.out + LWS_PRE + state.sent, n);
  int written = lws_write(wsi, copy + LWS_PRE, n, (enum lws_write_protocol)flags);
  free(copy);
  if (written < 0) {
    return -1;
  }
  state.started = true;
  state.sent += n;
  if (!last) {
    lws_callback_on_writable(wsi);
  }
  return 0;
}

/* Returns -1, which closes the connection, after the last case. */
static int next_case(struct lws *wsi) {
  state.current++;
  if (state.current == CASE_COUNT) {
    return -1;
  }
  fill(&CASES[state.current]);
  lws_callback_on_writable(wsi);
  return 0;
}

static int receive(struct lws *wsi, const unsigned char *data, size_t size) {
  const test_case *c = &CASES[state.current];
  if (size > c->size - state.received) {
    report(c->name, false);
    return -1;
  }
  memcpy(state.in + state.received, data, size);
  state.received += size;
  if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) {
    return 0;
  }
  bool same = state.received == c->size && memcmp(state.in, state.out + LWS_PRE, c->size) == 0;
  report(c->name, same && (bool)lws_frame_is_binary(wsi) == !c->text && (!c->ping || state.ping_answered));
  return next_case(wsi);
}

static int write_broken(struct lws *wsi) {
  unsigned char buffer[LWS_PRE + 4] = {0};
  memcpy(buffer + LWS_PRE, "\xc3\x28\xff\xfe", 4);
  return lws_write(wsi, buffer + LWS_PRE, 4, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  (void)user;
  switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      fprintf(stderr, "connection: %s\n", in ? (const char *)in : "failed");
      state.failed = state.done = true;
      break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      lws_callback_on_writable(wsi);
      break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return state.breaking ? write_broken(wsi) : write_case(wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
      return state.breaking ? 0 : receive(wsi, in, len);
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
      state.ping_answered = len == 4 && memcmp(in, "ping", 4) == 0;
      break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      if (len >= 2) {
        const unsigned char *code = in;
        state.close_code = code[0] << 8 | code[1];
      }
      break;
    case LWS_CALLBACK_CLIENT_CLOSED:
      state.done = true;
      break;
    default:
      break;
  }
  return 0;
}

static const struct lws_protocols PROTOCOLS[] = {{"echo", callback, 0, 65536, 0, NULL, 0},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};

static bool converse(struct lws_context *context, int port) {
  struct lws_client_connect_info info = {0};
  info.context = context;
  info.address = info.host = "127.0.0.1";
  info.port = port;
  info.path = "/";
  info.local_protocol_name = PROTOCOLS[0].name;
  state.done = false;
  if (!lws_client_connect_via_info(&info)) {
    return false;
  }
  time_t end = time(NULL) + DEADLINE_S;
  while (!state.done && time(NULL) < end) {
    if (lws_service(context, 0) < 0) {
      return false;
    }
  }
  return state.done;
}

int main(int argc, char **argv) {
  int port = argc == 2 ? atoi(argv[1]) : 0;
  if (port <= 0 || port > 65535) {
    fprintf(stderr, "usage: interop_lws_client PORT\n");
    return 2;
  }
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context_creation_info info = {0};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = PROTOCOLS;
  info.pt_serv_buf_size = 65536;
  struct lws_context *context = lws_create_context(&info);
  state.out = malloc(LWS_PRE + LARGEST);
  state.in = malloc(LARGEST);
  if (!context || !state.out || !state.in) {
    return 1;
  }
  fill(&CASES[0]);
  bool ended = converse(context, port);
  report("all cases on one connection", ended && state.current == CASE_COUNT);
  state.breaking = true;
  ended = converse(context, port);
  report("text that is not UTF-8 is closed with 1007", ended && state.close_code == 1007);
  lws_context_destroy(context);
  free(state.out);
  free(state.in);
  return state.failed ? 1 : 0;
}
