/* The public functions without a relay: options, errors, what is refused before anything is sent, and an end. */
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

static char folder[64], identity_file[128], relays_file[128];

typedef struct seen {
  int events[32];
  int offline_error;
  bool close_all, free_me;
} seen;

static void on_event(pairlink *p, const pairlink_event *e, void *user) {
  seen *s = user;
  s->events[e->type]++;
  if (e->type == PAIRLINK_EVENT_OFFLINE) s->offline_error = e->error;
  if (s->free_me) pairlink_free(p);
}

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(identity_file, sizeof identity_file, "%s/identity", folder);
  snprintf(relays_file, sizeof relays_file, "%s/known_relays", folder);
  return 0;
}

static int tear_down(void **state) {
  char lock[160];
  (void)state;
  snprintf(lock, sizeof lock, "%s.lock", relays_file);
  unlink(lock);
  unlink(identity_file);
  unlink(relays_file);
  return rmdir(folder);
}

static pairlink_options options_for(const char *relay, seen *s) {
  pairlink_options o;
  pairlink_options_init(&o);
  o.relay = relay;
  o.identity_file = identity_file;
  o.relays_file = relays_file;
  o.callback = on_event;
  o.user = s;
  return o;
}

/* A port of this machine where nobody listens: bound, not listening, so nobody else gets it. */
static int dead_port(char *url, size_t size) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
  snprintf(url, size, "ws://127.0.0.1:%u", ntohs(a.sin_port));
  return fd;
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
  seen s = {0};
  pairlink *p;
  (void)state;
  assert_int_equal(pairlink_new(NULL, &p), PAIRLINK_EINVAL);
  pairlink_options o = options_for("ws://127.0.0.1:1", &s);
  assert_int_equal(pairlink_new(&o, NULL), PAIRLINK_EINVAL);
  o.size = 1;
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EINVAL);
  o = options_for(NULL, &s);
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EINVAL);
  o = options_for("ws://127.0.0.1:1", &s);
  o.callback = NULL;
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EINVAL);
  o = options_for("ws://127.0.0.1:1", &s);
  o.application = "a name of more than thirty-two bytes";
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EINVAL);
  o = options_for("ws://127.0.0.1:1", &s);
  o.channel_window = 1000; /* below one message */
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EINVAL);
  o = options_for("nonsense", &s);
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EURL);
  o = options_for("http://127.0.0.1:1/#nonsense", &s);
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_ELINK);
  o = options_for("ws://127.0.0.1:1", &s);
  o.relay_id = "nonsense";
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EID);
  assert_null(p);
  assert_int_equal(access(identity_file, F_OK), -1); /* nothing was made for what cannot start */
}

static void test_identity_is_the_files(void **state) {
  seen s = {0};
  char id[PAIRLINK_ID_CHARS + 1], why[256];
  pairlink *p;
  (void)state;
  assert_int_equal(pairlink_identity_read(identity_file, id, why, sizeof why), 0);
  pairlink_options o = options_for("http://127.0.0.1:1/", &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_string_equal(pairlink_id(p), id);
  assert_string_equal(pairlink_relay_url(p), "ws://127.0.0.1:1/pairlink");
  assert_null(pairlink_relay_id(p));
  assert_ptr_equal(pairlink_user(p), &s);
  pairlink_free(p);
  assert_int_equal(chmod(identity_file, 0644), 0);
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_EIDENTITY);
  assert_int_equal(pairlink_identity_read(identity_file, id, why, sizeof why), PAIRLINK_EIDENTITY);
  assert_non_null(strstr(why, "0644"));
}

static void make_id(uint8_t id[32], uint8_t byte) {
  uint8_t seed[32];
  pl_identity identity;
  memset(seed, byte, sizeof seed);
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  memcpy(id, identity.id, 32);
}

static void make_link(char *text, size_t size, uint8_t relay_byte) {
  uint8_t peer[32], relay[32], secret[16] = {7};
  pl_url url;
  make_id(peer, 1);
  make_id(relay, relay_byte);
  assert_int_equal(pl_url_parse(&url, "ws://127.0.0.1:1"), 0);
  assert_int_equal(pl_invite_link_format(&url, peer, relay, secret, text, size), 0);
}

/* A link means one relay: another one never hears of the peer. */
static void test_links_mean_their_relay(void **state) {
  seen s = {0};
  char first[PAIRLINK_INVITE_LINK_MAX], other[PAIRLINK_INVITE_LINK_MAX];
  pairlink *p;
  pairlink_session *session, *again;
  (void)state;
  make_link(first, sizeof first, 2);
  make_link(other, sizeof other, 3);
  pairlink_options o = options_for("ws://127.0.0.1:1", &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_int_equal(pairlink_connect(p, first, &session), 0); /* which relay it is shows once one answers */
  assert_non_null(session);
  assert_int_equal(pairlink_invite_new(p, 60, other, sizeof other), PAIRLINK_ESTATE);
  pairlink_free(p);
  o.relay = first;
  make_link(other, sizeof other, 3);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_int_equal(pairlink_connect(p, other, &session), PAIRLINK_ELINK);
  assert_null(session);
  assert_int_equal(pairlink_connect(p, first, &session), 0);
  assert_int_equal(pairlink_connect(p, first, &again), 0);
  assert_ptr_equal(session, again);
  assert_ptr_equal(pairlink_session_client(session), p);
  assert_int_equal(pairlink_session_is_linked(session), 0);
  assert_int_equal(pairlink_session_is_incoming(session), 0);
  assert_string_equal(pairlink_session_application(session), "");
  uint8_t peer[32];
  char id[55];
  make_id(peer, 1);
  pl_id_format(id, peer);
  assert_string_equal(pairlink_session_peer(session), id);
  pairlink_session_set_user(session, &s);
  assert_ptr_equal(pairlink_session_user(session), &s);
  pairlink_free(p);
}

static void test_pinned_relay_beats_the_link(void **state) {
  seen s = {0};
  char link[PAIRLINK_INVITE_LINK_MAX], text[55], line[160];
  uint8_t id[32];
  pairlink *p;
  (void)state;
  make_id(id, 9);
  pl_id_format(text, id);
  int n = snprintf(line, sizeof line, "http://127.0.0.1:1 %s\n", text);
  int fd = open(relays_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_int_equal(write(fd, line, (size_t)n), n);
  close(fd);
  make_link(link, sizeof link, 2);
  pairlink_options o = options_for(link, &s);
  assert_int_equal(pairlink_new(&o, &p), PAIRLINK_ERELAYKEY);
  assert_null(p);
  o = options_for("ws://127.0.0.1:1", &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_string_equal(pairlink_relay_id(p), text);
  pairlink_free(p);
  assert_int_equal(pairlink_relay_forget("ws://127.0.0.1:1", relays_file), 1);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_null(pairlink_relay_id(p));
  pairlink_free(p);
  assert_int_equal(pairlink_relay_forget("nonsense", relays_file), PAIRLINK_EURL);
}

static void test_arguments_of_calls(void **state) {
  seen s = {0};
  char link[PAIRLINK_INVITE_LINK_MAX], big[8] = "x";
  pairlink *p;
  pairlink_session *session;
  (void)state;
  make_link(link, sizeof link, 2);
  pairlink_options o = options_for(link, &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_int_equal(pairlink_connect(p, "nonsense", &session), PAIRLINK_EID);
  assert_int_equal(pairlink_connect(p, "", &session), PAIRLINK_EID);
  assert_int_equal(pairlink_connect(p, NULL, &session), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_allow(p, "nonsense"), PAIRLINK_EID);
  assert_int_equal(pairlink_deny(p, NULL), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_allow(p, pairlink_id(p)), 0);
  assert_int_equal(pairlink_invite_new(p, 60, big, sizeof big), PAIRLINK_EMSGSIZE);
  assert_int_equal(pairlink_invite_revoke(p, "nonsense"), PAIRLINK_ELINK);
  assert_int_equal(pairlink_connect(p, link, &session), 0);
  assert_int_equal(pairlink_send(session, NULL, 1), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_send_channel(session, 255, "x", 1, NULL), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_set_priority(session, 0, 8), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_reset_channel(session, 0, -1), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_close(session, 70000, NULL), PAIRLINK_EINVAL);
  assert_int_equal(pairlink_send(NULL, "x", 1), PAIRLINK_EINVAL);
  pairlink_free(p);
  pairlink_free(NULL);
}

static void test_a_dead_relay_is_told_and_tried_again(void **state) {
  seen s = {0};
  char url[64];
  pairlink *p;
  (void)state;
  int fd = dead_port(url, sizeof url);
  pairlink_options o = options_for(url, &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  dispatch_until(p, &s.events[PAIRLINK_EVENT_OFFLINE]);
  assert_int_equal(s.offline_error, PAIRLINK_ENETWORK);
  s.events[PAIRLINK_EVENT_OFFLINE] = 0;
  dispatch_until(p, &s.events[PAIRLINK_EVENT_OFFLINE]); /* by itself, only the descriptor polled */
  assert_int_equal(pairlink_stop(p), 0);
  dispatch_until(p, &s.events[PAIRLINK_EVENT_STOPPED]);
  assert_int_equal(pairlink_run(p), 0);
  assert_int_equal(s.events[PAIRLINK_EVENT_STOPPED], 1);
  pairlink_free(p);
  close(fd);
}

static void test_stop_before_the_start(void **state) {
  seen s = {0};
  pairlink *p;
  (void)state;
  pairlink_options o = options_for("ws://127.0.0.1:1", &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_int_equal(pairlink_stop(p), 0);
  assert_int_equal(pairlink_run(p), 0);
  assert_int_equal(s.events[PAIRLINK_EVENT_STOPPED], 1);
  assert_int_equal(s.events[PAIRLINK_EVENT_OFFLINE], 0);
  pairlink_free(p);
}

static void test_free_from_a_callback(void **state) {
  seen s = {.free_me = true};
  char url[64];
  pairlink *p;
  (void)state;
  int fd = dead_port(url, sizeof url);
  pairlink_options o = options_for(url, &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  struct pollfd poll_fd = {.fd = pairlink_fd(p), .events = POLLIN};
  while (!s.events[PAIRLINK_EVENT_OFFLINE]) {
    assert_int_equal(poll(&poll_fd, 1, 30000), 1);
    assert_int_equal(pairlink_dispatch(p), 0);
  }
  assert_int_equal(s.events[PAIRLINK_EVENT_OFFLINE], 1);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_int_equal(pairlink_run(p), 0); /* returns, and touches nothing that is gone */
  assert_int_equal(s.events[PAIRLINK_EVENT_OFFLINE], 2);
  close(fd);
}

static void *wake_up(void *p) {
  pairlink_wakeup(p);
  return NULL;
}

static void test_wakeup_from_a_thread(void **state) {
  seen s = {0};
  char url[64];
  pairlink *p;
  pthread_t thread;
  (void)state;
  int fd = dead_port(url, sizeof url);
  pairlink_options o = options_for(url, &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  assert_int_equal(pthread_create(&thread, NULL, wake_up, p), 0);
  dispatch_until(p, &s.events[PAIRLINK_EVENT_WAKEUP]);
  pthread_join(thread, NULL);
  pairlink_free(p);
  close(fd);
}

/* Each allocation of our own fails once: an error, no crash, and nothing is left behind. */
static void test_out_of_memory(void **state) {
  char link[PAIRLINK_INVITE_LINK_MAX];
  bool through = false;
  (void)state;
  make_link(link, sizeof link, 2);
  for (long n = 1; !through; n++) {
    seen s = {0};
    pairlink *p = NULL;
    pairlink_session *session;
    pairlink_options o = options_for(link, &s);
    pl_alloc_fail_at(n);
    int error = pairlink_new(&o, &p);
    if (!error) error = pairlink_connect(p, link, &session);
    if (!error) error = pairlink_send(session, "x", 1);
    if (!error) error = pairlink_dispatch(p);
    through = pl_alloc_fail_at(0) > 0;
    if (!through && error) assert_int_equal(error, PAIRLINK_ENOMEM);
    if (through) assert_int_equal(error, 0);
    pairlink_free(p);
    assert_true(n < 1000);
  }
}

static bool is_readable(const pairlink *p) {
  struct pollfd fd = {.fd = pairlink_fd(p), .events = POLLIN};
  return poll(&fd, 1, 0) == 1;
}

static void assert_failed(pairlink *p, seen *s) {
  char id[PL_ID_CHARS + 1];
  pairlink_session *session;
  unsigned code;
  seen before = *s;
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
  assert_memory_equal(s, &before, sizeof before); /* no event any more */
}

/* An action that cannot be told is the end, which everybody hears who asks; also without a loop of its own. */
static void test_a_failed_client_says_so(void **state) {
  seen s = {0};
  pairlink *p;
  (void)state;
  pairlink_options o = options_for("ws://127.0.0.1:1", &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  pl_alloc_fail_at(1); /* of the copy of the first action */
  assert_int_equal(pairlink_dispatch(p), PAIRLINK_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  assert_failed(p, &s);
  pairlink_free(p);
  assert_int_equal(pairlink_new(&o, &p), 0);
  pl_alloc_fail_at(1);
  assert_int_equal(pairlink_run(p), PAIRLINK_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  pairlink_free(p);
}

/* What happened before is still delivered, nothing of what came after. */
static void test_a_failed_client_tells_what_happened_before(void **state) {
  seen s = {0};
  char id[3][PL_ID_CHARS + 1];
  pairlink *p;
  pairlink_session *sessions[3];
  (void)state;
  pairlink_options o = options_for("ws://127.0.0.1:1", &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  for (uint8_t i = 0; i < 3; i++) {
    uint8_t bytes[32];
    make_id(bytes, (uint8_t)(i + 1));
    pl_id_format(id[i], bytes);
    assert_int_equal(pairlink_connect(p, id[i], &sessions[i]), 0);
  }
  assert_int_equal(pairlink_close(sessions[0], 0, NULL), 0);
  pl_alloc_fail_at(1);
  assert_int_equal(pairlink_close(sessions[1], 0, NULL), PAIRLINK_ENOMEM);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  assert_int_equal(pairlink_close(sessions[2], 0, NULL), PAIRLINK_ENOMEM);
  assert_true(is_readable(p));
  assert_int_equal(pairlink_dispatch(p), PAIRLINK_ENOMEM);
  assert_int_equal(s.events[PAIRLINK_EVENT_CLOSED], 1);
  assert_failed(p, &s);
  pairlink_free(p);
}

/* A call that finds no memory changes nothing, and can be tried again. */
static void test_a_call_without_memory_can_be_tried_again(void **state) {
  seen s = {0};
  char id[PL_ID_CHARS + 1];
  uint8_t bytes[32];
  pairlink *p;
  pairlink_session *session;
  (void)state;
  make_id(bytes, 1);
  pl_id_format(id, bytes);
  pairlink_options o = options_for("ws://127.0.0.1:1", &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
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
  pairlink_free(p);
}

/* A name lookup may still run when its owner goes; the next client must not mind. */
static void test_free_while_a_name_is_looked_up(void **state) {
  seen s = {0};
  pairlink *p;
  (void)state;
  for (int i = 0; i < 3; i++) {
    pairlink_options o = options_for("ws://relay.invalid:1", &s);
    assert_int_equal(pairlink_new(&o, &p), 0);
    assert_int_equal(pairlink_dispatch(p), 0);
    pairlink_free(p);
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

/* In a forked child: the copy can be freed and nothing else; what it had open is closed. 0, or what was wrong. */
static int end_copy(pairlink *p, int before, bool looked_up) {
  if (pairlink_dispatch(p) != PAIRLINK_ESTATE || pairlink_run(p) != PAIRLINK_ESTATE) return 1;
  if (pairlink_stop(p) != PAIRLINK_ESTATE || pairlink_network_up(p) != PAIRLINK_ESTATE) return 2;
  if (pairlink_allow(p, pairlink_id(p)) != PAIRLINK_ESTATE) return 3;
  pairlink_wakeup(p);
  pairlink_free(p);
  if (!looked_up && open_descriptors() != before) return 4; /* a lookup keeps its loop */
  return 0;
}

static void fork_and_end_copy(pairlink *p, int before, bool looked_up) {
  int status = 1;
  pid_t child = fork();
  if (child == 0) {
    int wrong = end_copy(p, before, looked_up);
    seen s = {0};
    pairlink_options o = options_for("ws://127.0.0.1:1", &s); /* a child may have one of its own */
    if (!wrong && (pairlink_new(&o, &p) != 0 || pairlink_dispatch(p) != 0)) wrong = 5;
    if (!wrong) pairlink_free(p);
    _exit(wrong);
  }
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void test_a_forked_child_frees_its_copy(void **state) {
  seen s = {0};
  char url[64], byte[4096];
  pairlink *p;
  (void)state;
  int listener = dead_port(url, sizeof url);
  assert_int_equal(listen(listener, 1), 0);
  const char *const urls[] = {url, "ws://relay.invalid:1"};
  for (int i = 0; i < 2; i++) {
    int before = open_descriptors();
    pairlink_options o = options_for(urls[i], &s);
    assert_int_equal(pairlink_new(&o, &p), 0);
    fork_and_end_copy(p, before, false);
    assert_int_equal(pairlink_dispatch(p), 0); /* now it connects, or looks the name up */
    fork_and_end_copy(p, before, i == 1);
    if (i == 0) { /* the relay to be has the whole request, and no end of it */
      int fd = accept(listener, NULL, NULL);
      struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
      while (poll(&poll_fd, 1, 0) == 0) assert_int_equal(pairlink_dispatch(p), 0);
      fork_and_end_copy(p, before + 1, false);
      assert_true(recv(fd, byte, sizeof byte, 0) > 0);
      assert_int_equal(recv(fd, byte, sizeof byte, MSG_DONTWAIT), -1);
      assert_int_equal(errno, EAGAIN);
      close(fd);
    }
    pairlink_free(p);
  }
  close(listener);
}

typedef struct worker {
  pthread_t thread;
  const char *url;
  int error;
} worker;

static void *live_once(void *argument) {
  worker *w = argument;
  for (int i = 0; i < 5; i++) {
    seen s = {0};
    pairlink *p;
    pairlink_options o = options_for(w->url, &s);
    if (pairlink_new(&o, &p) != 0) return NULL;
    struct pollfd fd = {.fd = pairlink_fd(p), .events = POLLIN};
    while (!s.events[PAIRLINK_EVENT_OFFLINE] && poll(&fd, 1, 30000) == 1) (void)pairlink_dispatch(p);
    w->error = s.offline_error;
    pairlink_free(p);
  }
  return NULL;
}

/* Clients of several threads share nothing that needs their care; plain and TLS. */
static void test_clients_in_several_threads(void **state) {
  char url[64], tls[80];
  worker workers[4];
  (void)state;
  int fd = dead_port(url, sizeof url);
  snprintf(tls, sizeof tls, "wss%s", url + 2);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(workers); i++) {
    workers[i] = (worker){.url = i % 2 ? tls : url};
    assert_int_equal(pthread_create(&workers[i].thread, NULL, live_once, &workers[i]), 0);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(workers); i++) {
    pthread_join(workers[i].thread, NULL);
    assert_int_equal(workers[i].error, PAIRLINK_ENETWORK);
  }
  close(fd);
}

/* What the process had before, it has after: signal dispositions and descriptors. */
static void test_the_process_is_left_alone(void **state) {
  seen s = {0};
  char url[64];
  struct sigaction before[65], after;
  pairlink *p;
  (void)state;
  int fd = dead_port(url, sizeof url), first = dup(0);
  close(first);
  for (int i = 1; i < 65; i++) memset(&before[i], 0, sizeof before[i]), sigaction(i, NULL, &before[i]);
  assert_true(before[SIGPIPE].sa_handler == SIG_DFL);
  pairlink_options o = options_for(url, &s);
  assert_int_equal(pairlink_new(&o, &p), 0);
  dispatch_until(p, &s.events[PAIRLINK_EVENT_OFFLINE]);
  for (int i = 1; i < 65; i++) {
    memset(&after, 0, sizeof after);
    sigaction(i, NULL, &after);
    assert_ptr_equal(after.sa_handler, before[i].sa_handler);
  }
  pairlink_free(p);
  int last = dup(0);
  close(last);
  assert_int_equal(last, first);
  close(fd);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts),
      WITH_FOLDER(test_options_are_checked),
      WITH_FOLDER(test_identity_is_the_files),
      WITH_FOLDER(test_links_mean_their_relay),
      WITH_FOLDER(test_pinned_relay_beats_the_link),
      WITH_FOLDER(test_arguments_of_calls),
      WITH_FOLDER(test_a_dead_relay_is_told_and_tried_again),
      WITH_FOLDER(test_stop_before_the_start),
      WITH_FOLDER(test_free_from_a_callback),
      WITH_FOLDER(test_wakeup_from_a_thread),
      WITH_FOLDER(test_out_of_memory),
      WITH_FOLDER(test_a_forked_child_frees_its_copy), /* before lookups, whose loops are closed when they are over */
      WITH_FOLDER(test_a_failed_client_says_so),
      WITH_FOLDER(test_a_failed_client_tells_what_happened_before),
      WITH_FOLDER(test_a_call_without_memory_can_be_tried_again),
      WITH_FOLDER(test_free_while_a_name_is_looked_up),
      WITH_FOLDER(test_clients_in_several_threads),
      WITH_FOLDER(test_the_process_is_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
