/* A host that only polls pairlink_fd, without a timeout. It tests whether a send outside of dispatch wakes the poll:
 * two clients in one process exchange numbers through a real relay, and every send happens outside of dispatch. If a
 * send does not wake the poll, nothing else does.
 *
 * Usage: host_poll RELAY FOLDER [ROUNDS [BYTES]]. Prints "OK …" and exits with 0, or prints what went wrong and exits
 * with
 * 1. Exits with 3 when a client that failed does not behave as pairlink.h says. */
#include <errno.h>
#include <pairlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_S = 60 }; /* after this the program reports a stall, which is a failure */

static unsigned char message[262144];
static size_t message_size = sizeof(unsigned);

typedef struct host {
  const char *name;
  pairlink *client;
  pairlink_session *session;
  unsigned received, linked, online, closed, stopped;
  int failed; /* 1, or the library's error */
} host;

static void on_event(pairlink *p, const pairlink_event *e, void *user) {
  host *h = user;
  (void)p;
  switch (e->type) {
    case PAIRLINK_EVENT_ONLINE:
      h->online = 1;
      break;
    case PAIRLINK_EVENT_SESSION:
      h->session = e->session;
      break;
    case PAIRLINK_EVENT_LINKED:
      h->linked++;
      break;
    case PAIRLINK_EVENT_MESSAGE: {
      unsigned number = 0;
      if (e->size == message_size) memcpy(&number, e->data, sizeof number);
      if (e->size != message_size || number != h->received) h->failed = 1;
      h->received++; /* the answer is sent later, outside of dispatch */
      break;
    }
    case PAIRLINK_EVENT_CLOSED:
      h->session = NULL;
      h->closed = 1;
      break;
    case PAIRLINK_EVENT_STOPPED:
      h->stopped = 1;
      break;
    default:
      break;
  }
}

static void stalled(int number) {
  static const char text[] = "FAILED: the poll was never woken\n";
  (void)number;
  ssize_t n = write(STDOUT_FILENO, text, sizeof text - 1);
  (void)n;
  _exit(1);
}

static int start(host *h, const char *relay, const char *folder, int listen) {
  static char files[4][512];
  static int next;
  pairlink_options o;
  pairlink_options_init(&o);
  o.relay = relay;
  o.listen = o.accept_all = listen;
  o.identity_file = files[next];
  snprintf(files[next++], sizeof files[0], "%s/%s.identity", folder, h->name);
  o.relays_file = files[next];
  snprintf(files[next++], sizeof files[0], "%s/%s.relays", folder, h->name);
  o.callback = on_event;
  o.user = h;
  return pairlink_new(&o, &h->client);
}

/* Checks that a client that failed says so in every call, until it is freed. */
static void check_failed(host *h) {
  struct pollfd fd = {.fd = pairlink_fd(h->client), .events = POLLIN};
  pairlink_session *session;
  int error = h->failed;
  const char *broken = NULL;
  if (poll(&fd, 1, 0) != 1) broken = "its descriptor is not readable";
  if (pairlink_dispatch(h->client) != error || pairlink_run(h->client) != error) broken = "dispatch forgets its error";
  if (pairlink_stop(h->client) != error) broken = "it can be stopped";
  if (pairlink_connect(h->client, pairlink_id(h->client), &session) != error) broken = "it can connect";
  if (h->session && pairlink_send(h->session, "", 0) == 0) broken = "it can send";
  if (poll(&fd, 1, 0) != 1) broken = "its descriptor is no longer readable";
  if (!broken) return;
  printf("BROKEN: %s failed (%s), and %s\n", h->name, pairlink_error_text(error), broken);
  exit(3);
}

static void dispatch(host *h) {
  int error = pairlink_dispatch(h->client);
  if (!error) return;
  h->failed = error;
  check_failed(h);
}

/* Polls only the two descriptors, without a timeout. */
static int poll_until(host *a, host *b, const unsigned *what, unsigned value) {
  while (*what < value) {
    struct pollfd fds[2] = {{.fd = pairlink_fd(a->client), .events = POLLIN},
                            {.fd = pairlink_fd(b->client), .events = POLLIN}};
    if (a->failed || b->failed) return 1;
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return 1;
    if (fds[0].revents) dispatch(a);
    if (fds[1].revents) dispatch(b);
  }
  return a->failed || b->failed;
}

static int send_number(host *h, unsigned number) {
  memcpy(message, &number, sizeof number);
  int error = pairlink_send(h->session, message, message_size);
  if (error) h->failed = error;
  return error;
}

static int exchange(host *a, host *b, unsigned rounds) {
  for (unsigned i = 0; i < rounds; i++) {
    if (send_number(a, i) || poll_until(a, b, &b->received, i + 1)) return 1;
    if (send_number(b, i) || poll_until(a, b, &a->received, i + 1)) return 1;
  }
  return 0;
}

static int run(host *a, host *b, unsigned rounds) {
  if (poll_until(a, b, &b->online, 1)) return 1;
  a->failed = pairlink_connect(a->client, pairlink_id(b->client), &a->session);
  if (a->failed) return 1;
  if (poll_until(a, b, &a->linked, 1) || poll_until(a, b, &b->linked, 1)) return 1;
  if (exchange(a, b, rounds)) return 1;
  if (pairlink_close(a->session, 0, "done") != 0) return 1;
  if (poll_until(a, b, &a->closed, 1) || poll_until(a, b, &b->closed, 1)) return 1;
  (void)pairlink_stop(a->client);
  (void)pairlink_stop(b->client);
  return poll_until(a, b, &a->stopped, 1) || poll_until(a, b, &b->stopped, 1);
}

int main(int argc, char **argv) {
  host a = {.name = "a"}, b = {.name = "b"};
  unsigned rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 100;
  if (argc < 3) return 2;
  if (argc > 4) message_size = (size_t)strtoul(argv[4], NULL, 10);
  if (message_size < sizeof(unsigned) || message_size > sizeof message) return 2;
  signal(SIGALRM, stalled);
  alarm(PATIENCE_S);
  int error = start(&a, argv[1], argv[2], 0);
  if (!error) error = start(&b, argv[1], argv[2], 1);
  if (error) {
    printf("FAILED: %s\n", pairlink_error_text(error));
    return 1;
  }
  int failed = run(&a, &b, rounds);
  pairlink_free(a.client);
  pairlink_free(b.client);
  int why = a.failed < 0 ? a.failed : b.failed < 0 ? b.failed : 0;
  if (failed)
    printf("FAILED: after %u and %u messages: %s\n", a.received, b.received, pairlink_error_text(why));
  else
    printf("OK %u messages each way, every one sent outside of dispatch\n", rounds);
  return failed;
}
