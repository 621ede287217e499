/* The public functions without a relay: options, errors, what is refused before anything is sent, and how a client
 * ends. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/core/base/base.h"
#include "client/core/identity/identity.h"
#include "client/lib/url.h"
#include "pairlink.h"

static const char nowhere[] = "ws://127.0.0.1:1"; /* a relay that does not exist */

typedef struct seen {
  int events[32];
  int offline_error;
  bool free_me;
} seen;

/* A folder of its own for each test, options that use its files, and what the callback has seen. */
typedef struct fixture {
  char folder[64], identity_file[128], relays_file[128];
  char dead_url[64]; /* address of a port of this machine that is bound but does not listen, so no one else gets it */
  int dead_fd;
  char link[PAIRLINK_INVITE_LINK_MAX], other_link[PAIRLINK_INVITE_LINK_MAX]; /* to one peer, of different relays */
  seen seen;
  pairlink_options options; /* for a relay that does not exist */
  pairlink *client;         /* of start_client; freed by the teardown unless it is NULL */
} fixture;

static void on_event(pairlink *p, const pairlink_event *e, void *user) {
  seen *s = user;
  s->events[e->type]++;
  if (e->type == PAIRLINK_EVENT_OFFLINE) s->offline_error = e->error;
  if (s->free_me) pairlink_free(p);
}

static void make_id(uint8_t id[32], uint8_t byte) {
  uint8_t seed[32];
  pl_identity identity;
  memset(seed, byte, sizeof seed);
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  memcpy(id, identity.id, 32);
}

static void make_link(char text[PAIRLINK_INVITE_LINK_MAX], uint8_t relay_byte) {
  uint8_t peer[32], relay[32], secret[16] = {7};
  pl_url url;
  make_id(peer, 1);
  make_id(relay, relay_byte);
  assert_int_equal(pl_url_parse(&url, "ws://127.0.0.1:1"), 0);
  assert_int_equal(pl_invite_link_format(&url, peer, relay, secret, text, PAIRLINK_INVITE_LINK_MAX), 0);
}

static void make_text_id(char text[PL_ID_CHARS + 1], uint8_t byte) {
  uint8_t id[32];
  make_id(id, byte);
  pl_id_format(text, id);
}

static int bind_dead_port(fixture *f) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t n = sizeof a;
  f->dead_fd = socket(AF_INET, SOCK_STREAM, 0);
  if (f->dead_fd < 0 || bind(f->dead_fd, (struct sockaddr *)&a, sizeof a) != 0 ||
      getsockname(f->dead_fd, (struct sockaddr *)&a, &n) != 0)
    return -1;
  snprintf(f->dead_url, sizeof f->dead_url, "ws://127.0.0.1:%u", ntohs(a.sin_port));
  return 0;
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  if (!f) return -1;
  *state = f;
  snprintf(f->folder, sizeof f->folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(f->folder) || bind_dead_port(f) != 0) return -1;
  snprintf(f->identity_file, sizeof f->identity_file, "%s/identity", f->folder);
  snprintf(f->relays_file, sizeof f->relays_file, "%s/known_relays", f->folder);
  make_link(f->link, 2);
  make_link(f->other_link, 3);
  pairlink_options_init(&f->options);
  f->options.relay = nowhere;
  f->options.identity_file = f->identity_file;
  f->options.relays_file = f->relays_file;
  f->options.callback = on_event;
  f->options.user = &f->seen;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  char lock[160];
  if (!f) return 0; /* the setup failed */
  pairlink_free(f->client);
  close(f->dead_fd);
  snprintf(lock, sizeof lock, "%s.lock", f->relays_file);
  unlink(lock);
  unlink(f->identity_file);
  unlink(f->relays_file);
  int rc = rmdir(f->folder);
  free(f);
  return rc;
}

static pairlink *start_client(fixture *f, const char *relay) {
  f->options.relay = relay;
  assert_int_equal(pairlink_new(&f->options, &f->client), 0);
  return f->client;
}

static void free_client(fixture *f) {
  pairlink_free(f->client);
  f->client = NULL;
}

static void assert_refused(fixture *f, int error) {
  pairlink *p = (pairlink *)(void *)f;
  assert_int_equal(pairlink_new(&f->options, &p), error);
  assert_null(p);
}

static void dispatch_until(pairlink *p, const int *what) {
  struct pollfd fd = {.fd = pairlink_fd(p), .events = POLLIN};
  while (!*what) {
    assert_int_equal(poll(&fd, 1, 30000), 1); /* an event comes, or the test fails */
    assert_int_equal(pairlink_dispatch(p), 0);
  }
}

static void test_texts(void **state) {
  (void)state;
#define PL_ERROR(name, number, text, hint)                         \
  assert_int_equal(PAIRLINK_##name, number);                       \
  assert_string_equal(pairlink_error_text(PAIRLINK_##name), text); \
  assert_string_equal(pairlink_error_hint(PAIRLINK_##name), hint);
#include "errors.def"
  assert_string_equal(pairlink_error_text(-9999), "unknown error");
  assert_string_equal(pairlink_reason_text(PAIRLINK_REASON_REFUSED), "refused");
  assert_string_equal(pairlink_version(), PAIRLINK_VERSION);
}

static void test_options_are_checked(void **state) {
  fixture *f = *state;
  const pairlink_options good = f->options;
  pairlink *p;
  assert_int_equal(pairlink_new(NULL, &p), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_new(&good, NULL), PAIRLINK_EINVAL);
  f->options.size = 1;
  assert_refused(f, PAIRLINK_EINVAL);
  f->options = good;
  f->options.relay = NULL;
  assert_refused(f, PAIRLINK_EINVAL);
  f->options = good;
  f->options.callback = NULL;
  assert_refused(f, PAIRLINK_EINVAL);
  f->options = good;
  f->options.application = "a name of more than thirty-two bytes";
  assert_refused(f, PAIRLINK_EINVAL);
  f->options = good;
  f->options.channel_window = 1000; /* smaller than one message */
  assert_refused(f, PAIRLINK_EINVAL);
  f->options = good;
  f->options.relay = "nonsense";
  assert_refused(f, PAIRLINK_EURL);
  f->options.relay = "http://127.0.0.1:1/#nonsense";
  assert_refused(f, PAIRLINK_ELINK);
  f->options = good;
  f->options.relay_id = "nonsense";
  assert_refused(f, PAIRLINK_EID);
  assert_int_equal(access(f->identity_file, F_OK), -1); /* no file is created for a client that cannot start */
}

static void test_identity_is_the_files(void **state) {
  fixture *f = *state;
  char id[PAIRLINK_ID_CHARS + 1], why[256];
  assert_int_equal(pairlink_identity_read(f->identity_file, id, why, sizeof why), 0);
  const pairlink *p = start_client(f, "http://127.0.0.1:1/");
  assert_string_equal(pairlink_id(p), id);
  assert_string_equal(pairlink_relay_url(p), "ws://127.0.0.1:1/pairlink");
  assert_null(pairlink_relay_id(p));
  assert_ptr_equal(pairlink_user(p), &f->seen);
  free_client(f);
  assert_int_equal(chmod(f->identity_file, 0644), 0);
  assert_refused(f, PAIRLINK_EIDENTITY);
  assert_int_equal(pairlink_identity_read(f->identity_file, id, why, sizeof why), PAIRLINK_EIDENTITY);
  assert_non_null(strstr(why, "0644"));
}

/* A link names its relay, and another relay is never told of the peer. */
static void test_a_link_is_for_its_relay(void **state) {
  fixture *f = *state;
  char link[PAIRLINK_INVITE_LINK_MAX];
  pairlink_session *session;
  pairlink *p = start_client(f, nowhere);
  assert_int_equal(pairlink_connect(p, f->link, &session), 0); /* which relay this is shows once it answers */
  assert_non_null(session);
  assert_int_equal(pairlink_invite_new(p, 60, link, sizeof link), PAIRLINK_ESTATE);
}

static void test_a_link_of_another_relay_is_refused(void **state) {
  fixture *f = *state;
  pairlink_session *session;
  pairlink *p = start_client(f, f->link);
  assert_int_equal(pairlink_connect(p, f->other_link, &session), PAIRLINK_ELINK);
  assert_null(session);
}

static void test_one_session_per_peer(void **state) {
  fixture *f = *state;
  char id[PL_ID_CHARS + 1];
  pairlink_session *session, *again;
  make_text_id(id, 1);
  pairlink *p = start_client(f, f->link);
  assert_int_equal(pairlink_connect(p, f->link, &session), 0);
  assert_int_equal(pairlink_connect(p, f->link, &again), 0);
  assert_ptr_equal(session, again);
  assert_ptr_equal(pairlink_session_client(session), p);
  assert_int_equal(pairlink_session_is_linked(session), 0);
  assert_int_equal(pairlink_session_is_incoming(session), 0);
  assert_string_equal(pairlink_session_application(session), "");
  assert_string_equal(pairlink_session_peer(session), id);
  pairlink_session_set_user(session, f);
  assert_ptr_equal(pairlink_session_user(session), f);
}

static void test_pinned_relay_beats_the_link(void **state) {
  fixture *f = *state;
  char id[PL_ID_CHARS + 1], line[160];
  make_text_id(id, 9);
  int n = snprintf(line, sizeof line, "http://127.0.0.1:1 %s\n", id);
  int fd = open(f->relays_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_int_equal(write(fd, line, (size_t)n), n);
  close(fd);
  f->options.relay = f->link;
  assert_refused(f, PAIRLINK_ERELAYKEY);
  assert_string_equal(pairlink_relay_id(start_client(f, nowhere)), id);
  free_client(f);
  assert_int_equal(pairlink_relay_forget("ws://127.0.0.1:1", f->relays_file), 1);
  assert_null(pairlink_relay_id(start_client(f, nowhere)));
  assert_int_equal(pairlink_relay_forget("nonsense", f->relays_file), PAIRLINK_EURL);
}

static void test_arguments_of_calls(void **state) {
  fixture *f = *state;
  char small[8];
  pairlink_session *session;
  pairlink *p = start_client(f, f->link);
  assert_int_equal(pairlink_connect(p, "nonsense", &session), PAIRLINK_EID);
  assert_int_equal(pairlink_connect(p, "", &session), PAIRLINK_EID);
  assert_int_equal(pairlink_connect(p, NULL, &session), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_allow(p, "nonsense"), PAIRLINK_EID);
  assert_int_equal(pairlink_deny(p, NULL), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_refuse(p, NULL), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_forget(NULL, pairlink_id(p)), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_forget(p, pairlink_id(p)), 0);
  assert_int_equal(pairlink_allow(p, pairlink_id(p)), 0);
  assert_int_equal(pairlink_invite_new(p, 60, small, sizeof small), PAIRLINK_EMSGSIZE);
  assert_int_equal(pairlink_invite_revoke(p, "nonsense"), PAIRLINK_ELINK);
  assert_int_equal(pairlink_invite_revoke(p, f->link), PAIRLINK_EINVAL); /* an invite of another client */
  assert_int_equal(pairlink_connect(p, f->link, &session), 0);
  assert_int_equal(pairlink_send(session, NULL, 1), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_send_channel(session, 255, "x", 1, NULL), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_set_priority(session, 0, 8), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_reset_channel(session, 0, -1), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_close(session, 70000, NULL), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_send(NULL, "x", 1), PAIRLINK_EINVAL);
  pairlink_free(NULL);
}

static void test_a_dead_relay_is_reported_and_tried_again(void **state) {
  fixture *f = *state;
  pairlink *p = start_client(f, f->dead_url);
  dispatch_until(p, &f->seen.events[PAIRLINK_EVENT_OFFLINE]);
  assert_int_equal(f->seen.offline_error, PAIRLINK_ENETWORK);
  f->seen.events[PAIRLINK_EVENT_OFFLINE] = 0;
  dispatch_until(p, &f->seen.events[PAIRLINK_EVENT_OFFLINE]); /* by itself, with only the descriptor polled */
  assert_int_equal(pairlink_stop(p), 0);
  dispatch_until(p, &f->seen.events[PAIRLINK_EVENT_STOPPED]);
  assert_int_equal(pairlink_run(p), 0);
  assert_int_equal(f->seen.events[PAIRLINK_EVENT_STOPPED], 1);
}

static void test_stop_before_the_start(void **state) {
  fixture *f = *state;
  pairlink *p = start_client(f, nowhere);
  assert_int_equal(pairlink_stop(p), 0);
  assert_int_equal(pairlink_run(p), 0);
  assert_int_equal(f->seen.events[PAIRLINK_EVENT_STOPPED], 1);
  assert_int_equal(f->seen.events[PAIRLINK_EVENT_OFFLINE], 0);
}

static void test_free_from_a_callback(void **state) {
  fixture *f = *state;
  f->seen.free_me = true;
  for (int i = 1; i <= 2; i++) {
    pairlink *p = start_client(f, f->dead_url);
    f->client = NULL;
    if (i == 1)
      dispatch_until(p, &f->seen.events[PAIRLINK_EVENT_OFFLINE]);
    else
      assert_int_equal(pairlink_run(p), 0); /* it returns and uses nothing that was freed */
    assert_int_equal(f->seen.events[PAIRLINK_EVENT_OFFLINE], i);
  }
}

static void *wake_up(void *p) {
  pairlink_wakeup(p);
  return NULL;
}

static void test_wakeup_from_a_thread(void **state) {
  fixture *f = *state;
  pthread_t thread;
  pairlink *p = start_client(f, f->dead_url);
  assert_int_equal(pthread_create(&thread, NULL, wake_up, p), 0);
  dispatch_until(p, &f->seen.events[PAIRLINK_EVENT_WAKEUP]);
  pthread_join(thread, NULL);
}

static bool is_readable(const pairlink *p) {
  struct pollfd fd = {.fd = pairlink_fd(p), .events = POLLIN};
  return poll(&fd, 1, 0) == 1;
}

enum { ROUNDS = 300, BURST = 20 };

static void *wake_up_often(void *p) {
  for (int i = 0; i < BURST; i++) pairlink_wakeup(p);
  return NULL;
}

/* Once a burst of wake-ups is over and reported, the descriptor is quiet: none of them leaves it readable for ever. */
static void test_wakeups_come_to_an_end(void **state) {
  fixture *f = *state;
  pairlink *p = start_client(f, nowhere);
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t thread;
    f->seen.events[PAIRLINK_EVENT_WAKEUP] = 0;
    assert_int_equal(pthread_create(&thread, NULL, wake_up_often, p), 0);
    dispatch_until(p, &f->seen.events[PAIRLINK_EVENT_WAKEUP]);
    pthread_join(thread, NULL);
    int turns = 0;
    for (; turns < 100 && is_readable(p); turns++) assert_int_equal(pairlink_dispatch(p), 0);
    assert_in_range(turns, 0, 99);
  }
}

/* Each allocation of the library fails once: an error, no crash, and nothing is left behind. */
static void test_out_of_memory(void **state) {
  fixture *f = *state;
  bool through = false;
  f->options.relay = f->link;
  for (long n = 1; !through; n++) {
    pairlink *p = NULL;
    pairlink_session *session;
    pl_alloc_fail_at(n);
    int error = pairlink_new(&f->options, &p);
    if (!error) error = pairlink_connect(p, f->link, &session);
    if (!error) error = pairlink_send(session, "x", 1);
    if (!error) error = pairlink_dispatch(p);
    through = pl_alloc_fail_at(0) > 0;
    if (!through && error) assert_int_equal(error, PAIRLINK_ENOMEM);
    if (through) assert_int_equal(error, 0);
    pairlink_free(p);
    assert_true(n < 1000);
  }
}

/* The client has failed: it says so to everyone who asks, and reports no event. */
static void assert_failed(fixture *f) {
  pairlink *p = f->client;
  char id[PL_ID_CHARS + 1];
  pairlink_session *session;
  unsigned code;
  const seen before = f->seen;
  snprintf(id, sizeof id, "%s", pairlink_id(p));
  for (int i = 0; i < 3; i++) {
    assert_true(is_readable(p));
    assert_int_equal(pairlink_dispatch(p), PAIRLINK_ENOMEM);
  }
  assert_int_equal(pairlink_run(p), PAIRLINK_ENOMEM);
  assert_int_equal(pairlink_stop(p), PAIRLINK_ENOMEM);
  assert_int_equal(pairlink_network_up(p), PAIRLINK_ENOMEM);
  assert_int_equal(pairlink_connect(p, id, &session), PAIRLINK_ENOMEM);
  assert_int_equal(pairlink_allow(p, id), PAIRLINK_ENOMEM);
  assert_int_equal(pairlink_code_new(p, 0, &code), PAIRLINK_ENOMEM);
  pairlink_wakeup(p);
  assert_int_equal(pairlink_dispatch(p), PAIRLINK_ENOMEM);
  assert_true(is_readable(p));
  assert_memory_equal(&f->seen, &before, sizeof before);
}

/* A client fails when an event cannot be queued, and from then on every call says so. */
static void test_a_failed_client_says_so(void **state) {
  fixture *f = *state;
  pairlink *p = start_client(f, nowhere);
  pl_alloc_fail_at(1); /* the copy of the first action */
  assert_int_equal(pairlink_dispatch(p), PAIRLINK_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  assert_failed(f);
}

static void test_run_returns_when_the_client_fails(void **state) {
  fixture *f = *state;
  pairlink *p = start_client(f, nowhere);
  pl_alloc_fail_at(1);
  assert_int_equal(pairlink_run(p), PAIRLINK_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
}

/* What happened before the failure is still delivered, and nothing that came after it. */
static void test_a_failed_client_reports_what_happened_before(void **state) {
  fixture *f = *state;
  char id[PL_ID_CHARS + 1];
  pairlink_session *sessions[3];
  pairlink *p = start_client(f, nowhere);
  for (uint8_t i = 0; i < 3; i++) {
    make_text_id(id, (uint8_t)(i + 1));
    assert_int_equal(pairlink_connect(p, id, &sessions[i]), 0);
  }
  assert_int_equal(pairlink_close(sessions[0], 0, NULL), 0);
  pl_alloc_fail_at(1);
  assert_int_equal(pairlink_close(sessions[1], 0, NULL), PAIRLINK_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  assert_int_equal(pairlink_close(sessions[2], 0, NULL), PAIRLINK_ENOMEM);
  assert_true(is_readable(p));
  assert_int_equal(pairlink_dispatch(p), PAIRLINK_ENOMEM);
  assert_int_equal(f->seen.events[PAIRLINK_EVENT_CLOSED], 1);
  assert_failed(f);
}

/* A call for which there is no memory changes nothing and can be tried again. */
static void test_a_call_without_memory_can_be_tried_again(void **state) {
  fixture *f = *state;
  char id[PL_ID_CHARS + 1];
  pairlink_session *session;
  make_text_id(id, 1);
  pairlink *p = start_client(f, nowhere);
  for (long n = 1; n <= 3; n++) { /* the handle, the table of sessions, the session */
    pl_alloc_fail_at(n);
    assert_int_equal(pairlink_connect(p, id, &session), PAIRLINK_ENOMEM);
    assert_int_equal(pl_alloc_fail_at(0), 0);
  }
  assert_int_equal(pairlink_connect(p, id, &session), 0);
  pl_alloc_fail_at(1);
  assert_int_equal(pairlink_send(session, "x", 1), PAIRLINK_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  assert_int_equal(pairlink_send(session, "x", 1), 0);
  assert_int_equal(pairlink_dispatch(p), 0);
}

/* A name lookup may still be running when its client is freed; that must not disturb the next client. */
static void test_free_while_a_name_is_looked_up(void **state) {
  fixture *f = *state;
  for (int i = 0; i < 3; i++) {
    assert_int_equal(pairlink_dispatch(start_client(f, "ws://relay.invalid:1")), 0);
    free_client(f);
  }
}

static int open_descriptors(void) {
  int count = 0;
  DIR *list = opendir("/proc/self/fd");
  if (!list) return -1;
  while (readdir(list)) count++;
  closedir(list);
  return count;
}

/* In a forked child: the copy can be freed and nothing else, and its descriptors are closed. Returns 0, or the number
 * of the check that failed. */
static int end_copy(pairlink *p, int before, bool looked_up) {
  if (pairlink_dispatch(p) != PAIRLINK_ESTATE || pairlink_run(p) != PAIRLINK_ESTATE) return 1;
  if (pairlink_stop(p) != PAIRLINK_ESTATE || pairlink_network_up(p) != PAIRLINK_ESTATE) return 2;
  if (pairlink_allow(p, pairlink_id(p)) != PAIRLINK_ESTATE) return 3;
  pairlink_wakeup(p);
  pairlink_free(p);
  if (!looked_up && open_descriptors() != before) return 4; /* a lookup keeps its loop */
  return 0;
}

static int use_own_client(const fixture *f) {
  pairlink_options o = f->options;
  pairlink *p;
  o.relay = nowhere;
  if (pairlink_new(&o, &p) != 0 || pairlink_dispatch(p) != 0) return 5;
  pairlink_free(p);
  return 0;
}

static void fork_and_end_copy(const fixture *f, int before, bool looked_up) {
  int status = 1;
  pid_t child = fork();
  if (child == 0) {
    int wrong = end_copy(f->client, before, looked_up);
    _exit(wrong ? wrong : use_own_client(f));
  }
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void test_a_forked_child_frees_its_copy(void **state) {
  fixture *f = *state;
  char bytes[4096];
  assert_int_equal(listen(f->dead_fd, 1), 0);
  int before = open_descriptors();
  pairlink *p = start_client(f, f->dead_url);
  fork_and_end_copy(f, before, false);
  assert_int_equal(pairlink_dispatch(p), 0); /* now it connects */
  fork_and_end_copy(f, before, false);
  int fd = accept(f->dead_fd, NULL, NULL);
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  while (poll(&poll_fd, 1, 0) == 0) assert_int_equal(pairlink_dispatch(p), 0);
  fork_and_end_copy(f, before + 1, false);
  assert_true(recv(fd, bytes, sizeof bytes, 0) > 0); /* the whole request, and the connection was not ended */
  assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), -1);
  assert_int_equal(errno, EAGAIN);
  close(fd);
}

static void test_a_forked_child_frees_its_copy_during_a_lookup(void **state) {
  fixture *f = *state;
  int before = open_descriptors();
  pairlink *p = start_client(f, "ws://relay.invalid:1");
  fork_and_end_copy(f, before, false);
  assert_int_equal(pairlink_dispatch(p), 0); /* now it looks up the name */
  fork_and_end_copy(f, before, true);
}

/* Returns 0 when the client can try to connect: no relay answers. */
static int try_to_connect(fixture *f, pairlink *p) {
  struct pollfd fd = {.fd = pairlink_fd(p), .events = POLLIN};
  f->seen = (seen){0};
  while (!f->seen.events[PAIRLINK_EVENT_OFFLINE])
    if (pairlink_dispatch(p) != 0 || poll(&fd, 1, 30000) < 0) return 6;
  return f->seen.offline_error == PAIRLINK_ENETWORK ? 0 : 7;
}

/* In a forked child: ends copies of two clients that are connecting, after it made a client of its own (own_first) or
 * before that. */
static int end_two_copies(fixture *f, pairlink *a, pairlink *b, bool own_first, int before) {
  pairlink_options o = f->options;
  pairlink *own = NULL, *next;
  int wrong = 0;
  if (own_first && pairlink_new(&o, &own) != 0) return 5;
  if (own) wrong = try_to_connect(f, own);
  pairlink_free(a);
  pairlink_free(b);
  for (int i = 0; i < 2 && !wrong; i++) {
    if (pairlink_new(&o, &next) != 0) return 5;
    wrong = try_to_connect(f, next);
    pairlink_free(next);
  }
  pairlink_free(own);
  return wrong ? wrong : open_descriptors() == before ? 0 : 8;
}

static void test_a_forked_child_frees_copies_of_two_that_connect(void **state) {
  fixture *f = *state;
  assert_int_equal(listen(f->dead_fd, 2), 0);
  int before = open_descriptors();
  pairlink_options o = f->options;
  o.relay = f->dead_url;
  pairlink *a = start_client(f, f->dead_url), *b;
  assert_int_equal(pairlink_new(&o, &b), 0);
  assert_int_equal(pairlink_dispatch(a), 0); /* now it connects */
  assert_int_equal(pairlink_dispatch(b), 0);
  for (int own_first = 0; own_first < 2; own_first++) {
    int status = 1;
    pid_t child = fork();
    if (child == 0) _exit(end_two_copies(f, a, b, own_first, before));
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
  }
  pairlink_free(b);
}

typedef struct worker {
  pthread_t thread;
  pairlink_options options;
  seen seen;
  int error;
} worker;

static void *live_five_times(void *argument) {
  worker *w = argument;
  for (int i = 0; i < 5; i++) {
    pairlink *p;
    w->seen = (seen){0};
    if (pairlink_new(&w->options, &p) != 0) return NULL;
    struct pollfd fd = {.fd = pairlink_fd(p), .events = POLLIN};
    while (!w->seen.events[PAIRLINK_EVENT_OFFLINE] && poll(&fd, 1, 30000) == 1) (void)pairlink_dispatch(p);
    w->error = w->seen.offline_error;
    pairlink_free(p);
  }
  return NULL;
}

/* Clients in several threads share nothing that their callers must protect; plain and TLS. */
static void test_clients_in_several_threads(void **state) {
  fixture *f = *state;
  char tls[80];
  worker workers[4];
  snprintf(tls, sizeof tls, "wss%s", f->dead_url + 2);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(workers); i++) {
    workers[i] = (worker){.options = f->options};
    workers[i].options.relay = i % 2 ? tls : f->dead_url;
    workers[i].options.user = &workers[i].seen;
    assert_int_equal(pthread_create(&workers[i].thread, NULL, live_five_times, &workers[i]), 0);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(workers); i++) {
    pthread_join(workers[i].thread, NULL);
    assert_int_equal(workers[i].error, PAIRLINK_ENETWORK);
  }
}

/* The process keeps its signal dispositions and gets its descriptors back. */
static void test_the_process_is_left_alone(void **state) {
  fixture *f = *state;
  struct sigaction before[65], after;
  int first = dup(0);
  close(first);
  for (int i = 1; i < 65; i++) memset(&before[i], 0, sizeof before[i]), sigaction(i, NULL, &before[i]);
  assert_true(before[SIGPIPE].sa_handler == SIG_DFL);
  dispatch_until(start_client(f, f->dead_url), &f->seen.events[PAIRLINK_EVENT_OFFLINE]);
  for (int i = 1; i < 65; i++) {
    memset(&after, 0, sizeof after);
    sigaction(i, NULL, &after);
    assert_ptr_equal(after.sa_handler, before[i].sa_handler);
  }
  free_client(f);
  int last = dup(0);
  close(last);
  assert_int_equal(last, first);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts),
      WITH_FIXTURE(test_options_are_checked),
      WITH_FIXTURE(test_identity_is_the_files),
      WITH_FIXTURE(test_a_link_is_for_its_relay),
      WITH_FIXTURE(test_a_link_of_another_relay_is_refused),
      WITH_FIXTURE(test_one_session_per_peer),
      WITH_FIXTURE(test_pinned_relay_beats_the_link),
      WITH_FIXTURE(test_arguments_of_calls),
      WITH_FIXTURE(test_a_dead_relay_is_reported_and_tried_again),
      WITH_FIXTURE(test_stop_before_the_start),
      WITH_FIXTURE(test_free_from_a_callback),
      WITH_FIXTURE(test_wakeup_from_a_thread),
      WITH_FIXTURE(test_wakeups_come_to_an_end),
      WITH_FIXTURE(test_out_of_memory),
      /* before other tests look names up, because the loops of those lookups are closed only later */
      WITH_FIXTURE(test_a_forked_child_frees_its_copy),
      WITH_FIXTURE(test_a_forked_child_frees_copies_of_two_that_connect),
      WITH_FIXTURE(test_a_forked_child_frees_its_copy_during_a_lookup),
      WITH_FIXTURE(test_a_failed_client_says_so),
      WITH_FIXTURE(test_run_returns_when_the_client_fails),
      WITH_FIXTURE(test_a_failed_client_reports_what_happened_before),
      WITH_FIXTURE(test_a_call_without_memory_can_be_tried_again),
      WITH_FIXTURE(test_free_while_a_name_is_looked_up),
      WITH_FIXTURE(test_clients_in_several_threads),
      WITH_FIXTURE(test_the_process_is_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
