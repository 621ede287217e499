/* A program that forks while it is connected, as programs do that start others. What the child does with its copies of
 * the clients, freeing included, must not affect the parent's connections: two clients talk, a forked child ends, and
 * they continue over the same links.
 *
 * Usage: host_fork RELAY FOLDER [CA]. Prints "OK …" and exits with 0, or prints what went wrong and exits with 1. */
#include <errno.h>
#include <pairlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 60, ROUNDS = 20 };

typedef struct host {
  const char *name;
  pairlink *client;
  pairlink_session *session;
  unsigned received, linked, online, lost, woken;
  int fork_now; /* 1: fork in the callback of the next message */
  pid_t child;
} host;

static host a = {.name = "a"}, b = {.name = "b"};

/* Runs in the child. Returns 0 or the number of the check that failed. */
static int use_copies(void) {
  unsigned x = 0;
  pairlink_session *s;
  if (pairlink_send(a.session, &x, sizeof x) != PAIRLINK_ESTATE) return 10;
  if (pairlink_dispatch(a.client) != PAIRLINK_ESTATE || pairlink_run(b.client) != PAIRLINK_ESTATE) return 11;
  if (pairlink_network_up(b.client) != PAIRLINK_ESTATE || pairlink_stop(b.client) != PAIRLINK_ESTATE) return 12;
  if (pairlink_connect(b.client, pairlink_id(b.client), &s) != PAIRLINK_ESTATE) return 13;
  pairlink_wakeup(a.client);
  pairlink_free(a.client);
  pairlink_free(b.client);
  return 0;
}

/* Runs in the child, which may have clients of its own. */
static int make_another(const char *relay, const char *folder);

static void on_event(pairlink *p, const pairlink_event *e, void *user) {
  host *h = user;
  (void)p;
  if (e->type == PAIRLINK_EVENT_ONLINE) h->online++;
  if (e->type == PAIRLINK_EVENT_OFFLINE || e->type == PAIRLINK_EVENT_UNLINKED) h->lost++;
  if (e->type == PAIRLINK_EVENT_LINKED) h->linked++;
  if (e->type == PAIRLINK_EVENT_SESSION) h->session = e->session;
  if (e->type == PAIRLINK_EVENT_WAKEUP) h->woken++;
  if (e->type == PAIRLINK_EVENT_CLOSED) h->session = NULL;
  if (e->type != PAIRLINK_EVENT_MESSAGE) return;
  h->received++;
  if (!h->fork_now) return;
  h->fork_now = 0;
  h->child = fork(); /* the child returns into dispatch, where more messages may be waiting */
}

static void stalled(int number) {
  static const char text[] = "FAILED: the poll was never woken\n";
  (void)number;
  ssize_t n = write(STDOUT_FILENO, text, sizeof text - 1);
  (void)n;
  _exit(1);
}

static int start(host *h, const char *relay, const char *folder, const char *ca) {
  char identity[512], relays[512];
  pairlink_options o;
  pairlink_options_init(&o);
  snprintf(identity, sizeof identity, "%s/%s.identity", folder, h->name);
  snprintf(relays, sizeof relays, "%s/%s.relays", folder, h->name);
  o.relay = relay;
  o.ca_file = ca;
  o.listen = o.accept_all = h == &b;
  o.identity_file = identity;
  o.relays_file = relays;
  o.callback = on_event;
  o.user = h;
  return pairlink_new(&o, &h->client);
}

static int make_another(const char *relay, const char *folder) {
  host c = {.name = "c"};
  if (start(&c, relay, folder, NULL) != 0) return 14;
  pairlink_free(c.client);
  return 0;
}

static int poll_until(const unsigned *what, unsigned value) {
  while (*what < value) {
    struct pollfd fds[2] = {{.fd = pairlink_fd(a.client), .events = POLLIN},
                            {.fd = pairlink_fd(b.client), .events = POLLIN}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return 1;
    if (fds[0].revents && pairlink_dispatch(a.client) != 0) return 1;
    if (fds[1].revents && pairlink_dispatch(b.client) != 0) return 1;
    if (a.child == 0 || b.child == 0) return 2; /* this is the child that was forked in the callback */
  }
  return 0;
}

static int talk(void) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    if (pairlink_send(a.session, &i, sizeof i) != 0 || poll_until(&b.received, b.received + 1)) return 1;
    if (pairlink_send(b.session, &i, sizeof i) != 0 || poll_until(&a.received, a.received + 1)) return 1;
  }
  return 0;
}

static int ended_well(pid_t child) {
  int status = 1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (status) printf("FAILED: the child ended with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return status == 0;
}

static int run(const char *relay, const char *folder) {
  if (poll_until(&b.online, 1) || pairlink_connect(a.client, pairlink_id(b.client), &a.session) != 0) return 1;
  if (poll_until(&a.linked, 1) || poll_until(&b.linked, 1) || talk()) return 1;
  pid_t child = fork();
  if (child == 0) {
    for (int fd = 0; fd < 3; fd++) close(fd); /* as a daemon does */
    int wrong = use_copies();
    _exit(wrong ? wrong : make_another(relay, folder));
  }
  if (!ended_well(child) || talk()) return 1;
  unsigned x = 0, received = b.received;
  b.child = -1;
  b.fork_now = 1;
  for (int i = 0; i < 3; i++)
    if (pairlink_send(a.session, &x, sizeof x) != 0) return 1;
  int rc = poll_until(&b.received, received + 3);
  if (b.child == 0) _exit(b.received == received + 1 ? use_copies() : 15); /* the other messages are the parent's */
  if (rc || !ended_well(b.child) || talk()) return 1;
  pairlink_wakeup(a.client);
  return poll_until(&a.woken, 1) || a.woken != 1 || a.lost || b.lost;
}

int main(int argc, char **argv) {
  a.child = b.child = -1;
  if (argc < 3) return 2;
  signal(SIGALRM, stalled);
  alarm(PATIENCE_S);
  const char *ca = argc > 3 ? argv[3] : NULL;
  if (start(&a, argv[1], argv[2], ca) != 0 || start(&b, argv[1], argv[2], ca) != 0) return 1;
  int failed = run(argv[1], argv[2]);
  pairlink_free(a.client);
  pairlink_free(b.client);
  printf(failed ? "FAILED: %u and %u messages, %u losses\n" : "OK %u and %u messages, %u losses\n", a.received,
         b.received, a.lost + b.lost);
  return failed;
}
