/* pl-echo-server: the relay's HTTP and WebSocket code with an echo behind it, so that conformance suites and fuzzers
 * can test that code from outside. It checks that text is UTF-8, takes messages of up to 16 MiB, and accepts any path
 * and any or no subprotocol. It is for tests only: it has no login and no limits by address. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../client/core/ws/ws.h"
#include "log.h"
#include "server.h"
#include "shell.h"

enum { MESSAGE_MAX = 16 * 1024 * 1024, HEAD_MAX = 16384, HEADERS_MAX = 64, OUT_MAX = 64 * 1024 * 1024 };

/* libc looks this name up, so it must be visible. */
__attribute__((visibility("default"))) const char *argp_program_version = "pl-echo-server " PAIRLINK_VERSION;

typedef struct echo {
  uv_loop_t loop;
  uv_signal_t terminate, interrupt;
  pl_server *server;
  pl_node dirty;
  const char *listen;
} echo;

typedef struct echo_conn {
  echo *owner;
  pl_socket *socket;
  pl_node dirty;
  bool upgraded, ending, broken;
  pl_relay_http http;
  pl_ws ws;
  pl_buffer out;
} echo_conn;

static void echo_mark(echo_conn *c) {
  pl_list_remove(&c->dirty);
  pl_list_append(&c->owner->dirty, &c->dirty);
}

static void echo_put(echo_conn *c, const void *data, size_t size) {
  if (pl_buffer_append(&c->out, data, size) != 0) c->broken = true;
  echo_mark(c);
}

static void put_frame(echo_conn *c, int opcode, const void *payload, size_t size) {
  uint8_t header[PL_WS_HEADER_MAX];
  echo_put(c, header, pl_ws_put_header(header, opcode, size, NULL));
  echo_put(c, payload, size);
}

static void close_with(echo_conn *c, uint16_t code) {
  uint8_t payload[PL_WS_CONTROL_MAX];
  put_frame(c, PL_WS_CLOSE, payload, pl_ws_put_close(payload, code, ""));
  c->ending = true;
}

/* Accepts an upgrade, with a subprotocol if any was offered, and refuses other requests. */
static void echo_answer(echo_conn *c, const pl_relay_http_request *request) {
  char text[512];
  size_t n;
  if (request->upgrade) {
    n = pl_relay_http_write_upgrade(text, sizeof text, request->key, request->subprotocol ? "pairlink.v1" : NULL);
    pl_ws_init(&c->ws, true, true, MESSAGE_MAX);
    c->upgraded = true;
  } else {
    n = pl_relay_http_write_refusal(text, sizeof text, 426, request->head);
    c->ending = true;
  }
  echo_put(c, text, n);
}

static void echo_receive_http(echo_conn *c, uint8_t **data, size_t *size) {
  char text[512];
  pl_relay_http_request request;
  const uint8_t *at = *data;
  int rc = pl_relay_http_read(&c->http, &at, size, &request);
  *data += at - *data;
  if (rc == PL_RELAY_HTTP_REQUEST) {
    echo_answer(c, &request);
  } else if (rc != PL_RELAY_HTTP_MORE) {
    echo_put(c, text, pl_relay_http_write_refusal(text, sizeof text, rc, c->http.head));
    c->ending = true;
  }
}

static void echo_frame(echo_conn *c, const pl_ws_event *e) {
  if (e->type == PL_WS_TEXT || e->type == PL_WS_BINARY) put_frame(c, e->type, e->data, e->size);
  if (e->type == PL_WS_PING) put_frame(c, PL_WS_PONG, e->data, e->size);
  if (e->type == PL_WS_CLOSE) close_with(c, e->close_code);
}

static void *echo_opened(void *app, pl_socket *socket, const uint8_t address[16]) {
  (void)address;
  echo_conn *c = pl_alloc(sizeof *c);
  if (!c) return NULL;
  c->owner = app;
  c->socket = socket;
  pl_list_init(&c->dirty);
  pl_relay_http_init(&c->http, HEAD_MAX, HEADERS_MAX);
  pl_buffer_init(&c->out, OUT_MAX);
  return c;
}

static bool echo_received(void *app, void *conn, uint8_t *data, size_t size) {
  (void)app;
  echo_conn *c = conn;
  pl_ws_event event;
  if (!c->upgraded && !c->ending) echo_receive_http(c, &data, &size);
  while (c->upgraded && !c->ending && !c->broken) {
    int rc = pl_ws_read(&c->ws, &data, &size, &event);
    if (rc == 0) return true;
    if (rc > 0)
      echo_frame(c, &event);
    else
      close_with(c, c->ws.close_code);
  }
  return c->upgraded;
}

static void echo_closed(void *app, void *conn) {
  (void)app;
  echo_conn *c = conn;
  pl_list_remove(&c->dirty);
  pl_relay_http_deinit(&c->http);
  pl_ws_deinit(&c->ws);
  pl_buffer_deinit(&c->out);
  pl_free(c);
}

static bool echo_output(void *app, void *conn, pl_view *out) {
  (void)app;
  echo_conn *c = conn;
  *out = (pl_view){pl_buffer_data(&c->out), c->out.size};
  return out->size > 0;
}

static void echo_sent(void *app, void *conn, size_t n) {
  (void)app;
  echo_conn *c = conn;
  pl_buffer_consume(&c->out, n);
  pl_buffer_trim(&c->out);
}

static pl_relay_conn_wish echo_wish(void *app, void *conn) {
  (void)app;
  const echo_conn *c = conn;
  return c->broken ? PL_RELAY_WISH_ABORT : c->ending ? PL_RELAY_WISH_FINISH : PL_RELAY_WISH_NONE;
}

static void echo_turn(void *app) {
  echo *e = app;
  while (!pl_list_empty(&e->dirty)) {
    echo_conn *c = PL_CONTAINER(e->dirty.next, echo_conn, dirty);
    pl_list_remove(&c->dirty);
    pl_server_flush(e->server, c->socket);
  }
}

static void echo_stop(uv_signal_t *handle, int number) {
  (void)number;
  pl_server_stop(((echo *)handle->data)->server);
}

static error_t echo_parse(int key, char *arg, struct argp_state *state) {
  echo *e = state->input;
  if (key != 'l') return key == ARGP_KEY_ARG ? EINVAL : ARGP_ERR_UNKNOWN;
  e->listen = arg;
  return 0;
}

static const struct argp_option table[] = {
    {"listen", 'l', "HOST:PORT", 0, "Listen here; with port 0 the system chooses one (default: 127.0.0.1:9001)", 0},
    {0}};

int main(int argc, char **argv) {
  static echo e = {.listen = "127.0.0.1:9001"};
  static const struct argp argp = {
      table, echo_parse, NULL, "Echoes WebSocket messages with the relay's own HTTP and framing code, for tests.",
      NULL,  NULL,       NULL};
  char why[256];
  pl_log_keep_streams();
  argp_err_exit_status = PL_EXIT_USAGE;
  argp_parse(&argp, argc, argv, 0, NULL, &e);
  pl_list_init(&e.dirty);
  uv_loop_init(&e.loop);
  uv_signal_init(&e.loop, &e.terminate);
  uv_signal_init(&e.loop, &e.interrupt);
  e.terminate.data = e.interrupt.data = &e;
  uv_signal_start(&e.terminate, echo_stop, SIGTERM);
  uv_signal_start(&e.interrupt, echo_stop, SIGINT);
  pl_server_config config = {
      .loop = &e.loop,
      .app = {echo_opened, echo_received, echo_closed, echo_output, echo_sent, echo_wish, echo_turn},
      .app_data = &e};
  e.server = pl_server_new(&config);
  int port = e.server ? pl_server_listen(e.server, e.listen, why) : -1;
  if (port < 0) {
    fprintf(stderr, "pl-echo-server: cannot listen on %s: %s\n", e.listen, e.server ? why : "see above");
    return 1;
  }
  printf("pl-echo-server ready ws://%.*s:%d\n", (int)(strrchr(e.listen, ':') - e.listen), e.listen, port);
  fflush(stdout);
  pl_server_run(e.server);
  uv_close((uv_handle_t *)&e.terminate, NULL);
  uv_close((uv_handle_t *)&e.interrupt, NULL);
  pl_server_free(e.server);
  uv_run(&e.loop, UV_RUN_DEFAULT);
  uv_loop_close(&e.loop);
  return 0;
}
