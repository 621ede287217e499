/* Sockets that come and leave: a few per turn, while those that talk are served in every turn. Each that leaves gets
 * all of its answer, and no event must wake the loop for that. Time is what the test says that reading and closing
 * take. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "relay/shell/server.h"
#include "relay/shell/turns.h"

enum {
  MANY = 200,
  LARGE = 3 << 20,
  PIECE = 64 << 10,
  EACH_NS = PL_TURNS_SHARE_NS / 3,    /* of a socket that is read or closed */
  IN_A_TURN = 2 * PL_TURNS_MOST_QUIET /* at most: an end of file is read in no time, so it looks as if more fit */
};

static uint64_t time_ns = 1;

static uint64_t clock_ns(void) {
  return time_ns;
}

static const char short_answer[] = "an answer";
static char large_answer[LARGE];

typedef struct scene {
  uv_loop_t loop;
  pl_server *server;
  int port;
  pl_socket *sockets[MANY];
  size_t opened, closed, received;
  const size_t *talker;    /* the `answered` of the socket that talks */
  size_t said;             /* bytes received from it */
  pl_relay_conn_wish wish; /* of all sockets */
  const char *answer;
  size_t answer_size;
  size_t answered[MANY]; /* bytes that were written */
  int clients[MANY];
} scene;

static void *on_opened(void *app, pl_socket *socket, const uint8_t address[16]) {
  scene *s = app;
  (void)address;
  size_t at = s->opened++ % MANY;
  s->sockets[at] = socket;
  return &s->answered[at];
}

static bool on_received(void *app, void *conn, uint8_t *data, size_t size) {
  scene *s = app;
  (void)data;
  time_ns += EACH_NS;
  if (conn == s->talker)
    s->said += size;
  else
    s->received += size;
  return conn == s->talker;
}

static void on_closed(void *app, void *conn) {
  (void)conn;
  time_ns += EACH_NS;
  ((scene *)app)->closed++;
}

static bool on_output(void *app, void *conn, pl_view *out) {
  const size_t *written = conn;
  const scene *s = app;
  size_t left = s->answer_size - *written;
  *out = (pl_view){(const uint8_t *)s->answer + *written, left < PIECE ? left : PIECE};
  return s->wish == PL_RELAY_WISH_FINISH && out->size > 0;
}

static void on_sent(void *app, void *conn, size_t n) {
  (void)app;
  *(size_t *)conn += n;
}

static pl_relay_conn_wish on_wish(void *app, void *conn) {
  (void)conn;
  return ((scene *)app)->wish;
}

static void on_turn(void *app) {
  (void)app;
}

static int set_up(void **state) {
  scene *s = calloc(1, sizeof *s);
  char why[256];
  s->answer = short_answer;
  s->answer_size = sizeof short_answer;
  uv_loop_init(&s->loop);
  pl_server_config config = {
      .loop = &s->loop,
      .app = {on_opened, on_received, on_closed, on_output, on_sent, on_wish, on_turn},
      .app_data = s,
      .clock_ns = clock_ns,
  };
  s->server = pl_server_new(&config);
  if (!s->server) return -1;
  s->port = pl_server_listen(s->server, "127.0.0.1:0", why);
  *state = s;
  return s->port > 0 ? 0 : -1;
}

static int tear_down(void **state) {
  scene *s = *state;
  pl_server_free(s->server);
  assert_int_equal(s->closed, s->opened);
  assert_int_equal(uv_loop_close(&s->loop), 0);
  free(s);
  return 0;
}

static int connect_one(const scene *s) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

static void connect_many(scene *s) {
  for (size_t i = 0; i < MANY; i++) s->clients[i] = connect_one(s);
  while (s->opened < MANY) pl_server_turn(s->server, true);
}

static void close_clients(scene *s) {
  for (size_t i = 0; i < MANY; i++) close(s->clients[i]);
}

/* Runs the loop until all sockets are closed. Returns how many were closed in one turn at most. */
static size_t most_per_turn(scene *s) {
  size_t most = 0;
  while (s->closed < MANY) {
    size_t before = s->closed;
    pl_server_turn(s->server, true);
    if (s->closed - before > most) most = s->closed - before;
  }
  return most;
}

/* All hang up at once: what came before is read, and they are closed over many turns. */
static void test_few_are_closed_per_turn(void **state) {
  scene *s = *state;
  connect_many(s);
  for (size_t i = 0; i < MANY; i++) assert_int_equal(write(s->clients[i], "x", 1), 1);
  close_clients(s);
  assert_in_range(most_per_turn(s), 1, IN_A_TURN);
  assert_int_equal(s->received, MANY);
}

/* The application ends them all at once, with an answer: each client gets the whole of it. */
static void test_each_gets_its_answer(void **state) {
  scene *s = *state;
  char got[sizeof short_answer + 1];
  connect_many(s);
  s->wish = PL_RELAY_WISH_FINISH;
  for (size_t i = 0; i < MANY; i++) pl_server_flush(s->server, s->sockets[i]);
  assert_int_equal(s->answered[MANY - 1], 0); /* it is not its turn yet */
  while (s->answered[MANY - 1] < sizeof short_answer) pl_server_turn(s->server, true);
  for (size_t i = 0; i < MANY; i++) {
    assert_int_equal(recv(s->clients[i], got, sizeof got, MSG_WAITALL), sizeof short_answer); /* up to the end */
    assert_string_equal(got, short_answer);
  }
  assert_int_equal(s->closed, 0); /* they have not hung up */
  close_clients(s);
  assert_in_range(most_per_turn(s), 1, IN_A_TURN);
}

/* The application drops them all. No client does anything, so nothing but the server itself can wake the loop. */
static void test_dropped_without_an_event(void **state) {
  scene *s = *state;
  connect_many(s);
  s->wish = PL_RELAY_WISH_ABORT;
  for (size_t i = 0; i < MANY; i++) pl_server_flush(s->server, s->sockets[i]);
  assert_int_equal(s->closed, 0); /* whoever flushes still holds them */
  assert_in_range(most_per_turn(s), 1, IN_A_TURN);
  close_clients(s);
}

/* A client that has ended its direction after its request gets a large answer up to the end. */
static void test_the_rest_of_an_answer(void **state) {
  scene *s = *state;
  static char got[LARGE];
  size_t sum = 0;
  ssize_t n = 0;
  connect_many(s);
  s->wish = PL_RELAY_WISH_FINISH;
  for (size_t i = 0; i < LARGE; i++) large_answer[i] = (char)(i * 7 + i / 4096);
  s->answer = large_answer;
  s->answer_size = LARGE;
  assert_int_equal(shutdown(s->clients[0], SHUT_WR), 0);
  while (s->answered[0] == 0) pl_server_turn(s->server, true);
  assert_in_range(s->answered[0], 1, LARGE - 1);
  do {
    pl_server_turn(s->server, false);
    n = recv(s->clients[0], got + sum, LARGE - sum ? LARGE - sum : 1, MSG_DONTWAIT);
    if (n > 0) sum += (size_t)n;
  } while (n != 0 && sum < LARGE);
  assert_int_equal(sum, LARGE);
  assert_memory_equal(got, large_answer, LARGE);
  close_clients(s);
}

/* Sockets end as fast as others come: a flood of short connections piles up nothing. */
static void test_a_flood_of_short_connections(void **state) {
  enum { ROUNDS = 60, EACH = 10 };
  scene *s = *state;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < EACH; i++) close(connect_one(s));
    pl_server_turn(s->server, true);
  }
  assert_in_range(s->opened - s->closed, 0, 5 * EACH);
}

/* What was sent before the end is read up to the end, however many reads that takes, though it is reported only once.
 */
static void test_much_and_then_the_end(void **state) {
  scene *s = *state;
  connect_many(s);
  for (size_t i = 0; i < MANY; i++) assert_int_equal(write(s->clients[i], large_answer, PIECE), PIECE);
  close_clients(s);
  while (s->closed < MANY) pl_server_turn(s->server, true);
  assert_int_equal(s->received, (size_t)MANY * PIECE);
}

/* Each new socket gets the descriptor of one that ends in the same turn. What is reported of the one is not taken for
 * the other's. */
static void test_descriptors_are_used_again(void **state) {
  enum { ROUNDS = 500 };
  scene *s = *state;
  int before = connect_one(s);
  for (size_t round = 1; round <= ROUNDS; round++) {
    assert_int_equal(write(before, "x", 1), 1);
    close(before);
    before = connect_one(s);
    pl_server_turn(s->server, true);
  }
  while (s->closed < ROUNDS) pl_server_turn(s->server, true);
  assert_int_equal(s->received, ROUNDS);
  assert_int_equal(s->opened, ROUNDS + 1);
  for (int turns = 0; turns < 10; turns++) pl_server_turn(s->server, false);
  assert_int_equal(s->closed, ROUNDS);
  close(before);
}

static void on_started(uv_timer_t *timer) {
  uv_close((uv_handle_t *)timer, NULL);
}

static void on_asked(uv_async_t *async) {
  uv_timer_start(async->data, on_started, 1, 0);
  uv_close((uv_handle_t *)async, NULL);
}

/* The loop's other handles get their turns beside sockets that always have something: one that is asked, and the timer
 * that it starts. */
static void test_handles_beside_busy_sockets(void **state) {
  scene *s = *state;
  uv_async_t async;
  uv_timer_t timer;
  connect_many(s);
  uv_timer_init(&s->loop, &timer);
  uv_async_init(&s->loop, &async, on_asked);
  async.data = &timer;
  uv_async_send(&async);
  for (size_t turns = 0; !uv_is_closing((uv_handle_t *)&timer); turns++) {
    for (size_t i = 0; i < MANY; i++) assert_int_equal(write(s->clients[i], "x", 1), 1);
    pl_server_turn(s->server, true);
    assert_true(turns < 100000);
  }
  assert_true(s->received > 0);
  close_clients(s);
}

/* A server that ends closes those that wait for their turn too. */
static void test_some_wait_at_the_end(void **state) {
  scene *s = *state;
  connect_many(s);
  s->wish = PL_RELAY_WISH_ABORT;
  for (size_t i = 0; i < MANY; i += 2) pl_server_flush(s->server, s->sockets[i]);
  pl_server_turn(s->server, true);
  assert_in_range(s->closed, 1, MANY / 2 - 1);
  close_clients(s);
}

static void talk(const scene *s) {
  assert_int_equal(write(s->clients[0], "x", 1), 1);
}

/* All but one send something at once, as in a storm of logins, and then hang up at once. In each turn the one that
 * talks is read, and a few of the others are. */
static void test_one_that_talks_is_read_in_every_turn(void **state) {
  scene *s = *state;
  size_t said = 1;
  connect_many(s);
  s->talker = &s->answered[0];
  talk(s);
  while (s->said < said) pl_server_turn(s->server, true);
  for (size_t i = 1; i < MANY; i++) assert_int_equal(write(s->clients[i], "x", 1), 1);
  for (int turns = 0; s->closed < MANY - 1 && turns < 2 * MANY; turns++) {
    size_t received = s->received, closed = s->closed;
    if (received == MANY - 1 && s->clients[1] >= 0)
      for (size_t i = 1; i < MANY; i++) {
        close(s->clients[i]);
        s->clients[i] = -1;
      }
    talk(s);
    pl_server_turn(s->server, true);
    assert_int_equal(s->said, ++said);
    assert_in_range(s->received - received + s->closed - closed, 0, IN_A_TURN);
  }
  assert_int_equal(s->received, MANY - 1);
  assert_int_equal(s->closed, MANY - 1);
  close(s->clients[0]);
}

/* The kernel's table of descriptors has its size from the start, because to enlarge it later takes long. */
static void test_the_table_of_descriptors_is_large(void **state) {
  unsigned size = 0;
  char line[128];
  FILE *status = fopen("/proc/self/status", "r");
  (void)state;
  assert_non_null(status);
  while (fgets(line, sizeof line, status))
    if (sscanf(line, "FDSize: %u", &size) == 1) break;
  fclose(status);
  assert_true(size >= pl_server_fd_limit() || size >= 128 * 1024);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_much_and_then_the_end),
      TEST(test_descriptors_are_used_again),
      TEST(test_handles_beside_busy_sockets),
      TEST(test_few_are_closed_per_turn),
      TEST(test_each_gets_its_answer),
      TEST(test_dropped_without_an_event),
      TEST(test_the_rest_of_an_answer),
      TEST(test_a_flood_of_short_connections),
      TEST(test_some_wait_at_the_end),
      TEST(test_one_that_talks_is_read_in_every_turn),
      TEST(test_the_table_of_descriptors_is_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
