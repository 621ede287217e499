/* What the sockets have that a listener accepts. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "relay/shell/listen.h"

static int option_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  assert_int_equal(getsockopt(fd, IPPROTO_TCP, option, &value, &size), 0);
  return value;
}

/* The relay does not set them again for each socket. */
static void test_accepted_sockets_inherit(void **state) {
  char why[256];
  (void)state;
  int listener = pl_listen("127.0.0.1:0", PL_PORTS_OWN, why);
  assert_true(listener >= 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)pl_listen_port(listener))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(client, (const struct sockaddr *)&to, sizeof to), 0);
  struct pollfd waiting = {.fd = listener, .events = POLLIN};
  assert_int_equal(poll(&waiting, 1, -1), 1);
  int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  assert_true(accepted >= 0);
  assert_int_equal(option_of(accepted, TCP_NODELAY), 1);
  assert_int_equal(option_of(accepted, TCP_NOTSENT_LOWAT), 128 * 1024);
  close(accepted);
  close(client);
  close(listener);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_accepted_sockets_inherit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
