/* The set of sockets: libuv's loop gets its turn, however many sockets are ready before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "relay/shell/set.h"

enum { MANY = 3 * PL_SET_EVENTS, BATCHES = 16, TURNS_MAX = 3 };

static bool asked;

static void on_asked(uv_async_t *async) {
  (void)async;
  asked = true;
}

/* Has all that were reported be ready once more. */
static void make_ready_again(const pl_set *set, int count) {
  uint8_t ready;
  for (int i = 0; i < count; i++) {
    const int *fd = pl_set_get(set, i, &ready);
    assert_int_equal(eventfd_write(*fd, 1), 0);
  }
}

/* Returns false when the system allows too few descriptors. */
static bool raise_fd_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > MANY + 100;
}

static void test_the_loop_behind_many_sockets(void **state) {
  static int fds[MANY];
  static pl_set set;
  uv_loop_t loop;
  uv_async_t async;
  (void)state;
  if (!raise_fd_limit()) skip();
  uv_loop_init(&loop);
  assert_true(pl_set_init(&set, &loop));
  uv_async_init(&loop, &async, on_asked);
  (void)pl_set_wait(&set, false); /* libuv watches the async from now on */
  for (int i = 0; i < MANY; i++) {
    fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(fds[i] >= 0 && pl_set_add(&set, fds[i], &fds[i]));
  }
  uv_async_send(&async);
  for (int turn = 0; !asked; turn++) {
    assert_true(turn < TURNS_MAX);
    int count = pl_set_wait(&set, true);
    make_ready_again(&set, count);
    for (int i = 1; i < BATCHES && (count = pl_set_more(&set)) > 0; i++) make_ready_again(&set, count);
  }
  for (int i = 0; i < MANY; i++) close(fds[i]);
  uv_close((uv_handle_t *)&async, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  pl_set_deinit(&set);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_loop_behind_many_sockets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
