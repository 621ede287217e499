/* Sockets of a server in one turn of its loop: many that send much beside one that sends little. The clients are
 * sockets of this process, and the loop runs one turn at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/shell/server.h"
#include "relay/shell/turns.h"

enum { BULK = 40, ROUNDS = 200, TURNS_MAX = 100000, PIECE = 64 * 1024, ANSWER = 16 << 20, PORTION = 256 * 1024 };

typedef struct end {
  pl_socket *socket;
  size_t received, times; /* bytes, and calls that brought them */
  size_t to_send;
  bool is_dirty, closed;
} end;

typedef struct scene {
  uv_loop_t loop;
  pl_server *server;
  int port;
  int clients[BULK + 1];
  end ends[BULK + 1]; /* in the order of their connections; the last one sends little */
  size_t opened;
  const end *written;    /* what was written last went to it */
  size_t run, first_run; /* bytes written to it in a row; the same for the first of two */
  uint8_t bytes[PIECE];
} scene;

/* ---- the application --------------------------------------------------------------------------------------------- */

static void *app_opened(void *app, pl_socket *socket, const uint8_t address[16]) {
  scene *s = app;
  (void)address;
  assert_true(s->opened <= BULK);
  end *e = &s->ends[s->opened++];
  e->socket = socket;
  return e;
}

static bool app_received(void *app, void *conn, uint8_t *data, size_t size) {
  end *e = conn;
  (void)app;
  (void)data;
  e->received += size;
  e->times++;
  return true;
}

static void app_closed(void *app, void *conn) {
  (void)app;
  ((end *)conn)->closed = true;
}

static bool app_output(void *app, void *conn, pl_view *out) {
  scene *s = app;
  const end *e = conn;
  *out = (pl_view){s->bytes, e->to_send < PIECE ? e->to_send : PIECE};
  return out->size > 0;
}

static void app_sent(void *app, void *conn, size_t n) {
  scene *s = app;
  end *e = conn;
  if (s->written && e != s->written && !s->first_run) s->first_run = s->run;
  s->run = e == s->written ? s->run + n : n;
  s->written = e;
  e->to_send -= n;
}

static pl_relay_conn_wish app_wish(void *app, void *conn) {
  (void)app;
  (void)conn;
  return PL_RELAY_WISH_NONE;
}

static void app_turn(void *app) {
  scene *s = app;
  for (size_t i = 0; i < s->opened; i++) {
    if (s->ends[i].is_dirty) pl_server_flush(s->server, s->ends[i].socket);
    s->ends[i].is_dirty = false;
  }
}

/* ---- the fixture ------------------------------------------------------------------------------------------------- */

static void turn(scene *s) {
  pl_server_turn(s->server, false);
}

static int connect_one(const scene *s) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

static int set_up(void **state) {
  char why[256];
  scene *s = calloc(1, sizeof *s);
  uv_loop_init(&s->loop);
  pl_server_config config = {.loop = &s->loop,
                             .app = {app_opened, app_received, app_closed, app_output, app_sent, app_wish, app_turn},
                             .app_data = s};
  s->server = pl_server_new(&config);
  s->port = s->server ? pl_server_listen(s->server, "127.0.0.1:0", why) : -1;
  if (s->port < 0) return -1;
  for (size_t i = 0; i <= BULK; i++) {
    s->clients[i] = connect_one(s);
    if (s->clients[i] < 0) return -1;
    for (int turns = 0; s->opened <= i && turns < TURNS_MAX; turns++) turn(s);
  }
  *state = s;
  return s->opened == BULK + 1 ? 0 : -1;
}

static int tear_down(void **state) {
  scene *s = *state;
  for (size_t i = 0; i <= BULK; i++) close(s->clients[i]);
  pl_server_free(s->server);
  uv_run(&s->loop, UV_RUN_DEFAULT);
  int rc = uv_loop_close(&s->loop);
  free(s);
  return rc;
}

/* Sends as much as the kernel takes. */
static void fill(scene *s, size_t client) {
  while (send(s->clients[client], s->bytes, PIECE, MSG_DONTWAIT) > 0) {
  }
}

static void send_little(scene *s) {
  assert_int_equal(send(s->clients[BULK], "x", 1, 0), 1);
}

/* Lets the last socket prove that it sends little. */
static void calm(scene *s) {
  end *little = &s->ends[BULK];
  for (size_t i = 1; i <= PL_TURNS_CALM; i++) {
    send_little(s);
    for (int turns = 0; little->received < i && turns < TURNS_MAX; turns++) turn(s);
  }
  assert_int_equal(little->received, PL_TURNS_CALM);
}

static size_t calls_of_bulk(const scene *s) {
  size_t n = 0;
  for (size_t i = 0; i < BULK; i++) n += s->ends[i].times;
  return n;
}

/* Reads what has come for a client. */
static size_t drain(scene *s, size_t client) {
  size_t sum = 0;
  for (ssize_t n; (n = recv(s->clients[client], s->bytes, PIECE, MSG_DONTWAIT)) > 0;) sum += (size_t)n;
  return sum;
}

/* Fills all bulk sockets, and runs turns until each has been read `times` times. */
static void everybody_reads(scene *s, size_t times) {
  for (int turns = 0; turns < TURNS_MAX; turns++) {
    size_t done = 0;
    for (size_t i = 0; i < BULK; i++) {
      fill(s, i);
      done += s->ends[i].times >= times;
    }
    if (done == BULK) return;
    turn(s);
  }
  fail_msg("a socket was not served");
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void what_is_small_is_read_in_every_turn_beside_bulk(void **state) {
  scene *s = *state;
  end *little = &s->ends[BULK];
  calm(s);
  everybody_reads(s, 2); /* from now on all of them stand in line */
  size_t calls = calls_of_bulk(s);
  for (size_t round = 0; round < ROUNDS; round++) {
    for (size_t i = 0; i < BULK; i++) fill(s, i);
    size_t before = little->received, at = calls_of_bulk(s);
    send_little(s);
    turn(s);
    assert_int_equal(little->received, before + 1);
    assert_true(calls_of_bulk(s) > at);
  }
  /* All that stand in line were ready in each turn, and a part of them was served. */
  assert_true(calls_of_bulk(s) - calls < ROUNDS * BULK / 2);
}

static void nobody_in_line_is_passed_over(void **state) {
  scene *s = *state;
  size_t before[BULK];
  everybody_reads(s, 2);
  for (size_t round = 0; round < 20; round++) {
    size_t calls = calls_of_bulk(s);
    for (size_t i = 0; i < BULK; i++) before[i] = s->ends[i].times;
    for (int turns = 0; calls_of_bulk(s) - calls < 2 * BULK && turns < TURNS_MAX; turns++) {
      for (size_t i = 0; i < BULK; i++) fill(s, i);
      send_little(s);
      turn(s);
    }
    for (size_t i = 0; i < BULK; i++) assert_true(s->ends[i].times > before[i]);
  }
}

static void one_that_was_in_line_is_read_at_once_after_a_while(void **state) {
  scene *s = *state;
  end *little = &s->ends[BULK];
  everybody_reads(s, 2);
  fill(s, BULK);
  for (int turns = 0; little->times < 2 && turns < TURNS_MAX; turns++) turn(s);
  for (size_t before = 0; before != little->received;) { /* until all that was sent has been read */
    before = little->received;
    everybody_reads(s, s->ends[0].times + 2);
  }
  for (size_t i = 0; i < PL_TURNS_CALM; i++) {
    size_t before = little->received;
    send_little(s);
    for (int turns = 0; little->received == before && turns < TURNS_MAX; turns++) turn(s);
  }
  for (size_t i = 0; i < BULK; i++) fill(s, i);
  size_t before = little->received;
  send_little(s);
  turn(s);
  assert_int_equal(little->received, before + 1);
}

/* Sends both clients an answer. Returns how much was written to the first before anything was to the second. */
static size_t answer_two(scene *s) {
  size_t got[2] = {0};
  s->written = NULL;
  s->first_run = 0;
  for (size_t i = 0; i < 2; i++) {
    s->ends[i].to_send = ANSWER;
    s->ends[i].is_dirty = true;
  }
  for (int turns = 0; got[0] + got[1] < (size_t)2 * ANSWER && turns < TURNS_MAX; turns++) {
    turn(s);
    for (size_t i = 0; i < 2; i++) got[i] += drain(s, i);
  }
  for (size_t i = 0; i < 2; i++) assert_int_equal(got[i], ANSWER);
  return s->first_run;
}

static void long_answers_are_written_in_portions(void **state) {
  scene *s = *state;
  answer_two(s); /* the kernel now takes more at once than a portion */
  assert_in_range(answer_two(s), 1, PORTION);
}

static void one_that_leaves_while_it_stands_in_line_is_closed(void **state) {
  scene *s = *state;
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  everybody_reads(s, 2);
  for (size_t i = 0; i < 4; i++) fill(s, i);
  assert_int_equal(shutdown(s->clients[0], SHUT_WR), 0);
  assert_int_equal(shutdown(s->clients[1], SHUT_RDWR), 0);
  assert_int_equal(setsockopt(s->clients[2], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  close(s->clients[2]);
  close(s->clients[3]);
  for (int turns = 0; turns < TURNS_MAX; turns++) {
    turn(s);
    if (s->ends[0].closed && s->ends[1].closed && s->ends[2].closed && s->ends[3].closed) break;
  }
  for (size_t i = 0; i <= BULK; i++) assert_int_equal(s->ends[i].closed, i < 4);
  s->clients[2] = s->clients[3] = -1;
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      WITH_SERVER(what_is_small_is_read_in_every_turn_beside_bulk),
      WITH_SERVER(nobody_in_line_is_passed_over),
      WITH_SERVER(one_that_was_in_line_is_read_at_once_after_a_while),
      WITH_SERVER(long_answers_are_written_in_portions),
      WITH_SERVER(one_that_leaves_while_it_stands_in_line_is_closed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
