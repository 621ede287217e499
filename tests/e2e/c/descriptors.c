/* A host program with few or unusual descriptors. Usage: descriptors WHAT RELAY FOLDER.
 *   closed    descriptors 0 to 2 are closed: the library must not use these numbers, and must still work
 *   many      20 clients are online in one thread: each takes four descriptors, and gives them back
 *   shortage  only a few more files, or none, can be opened: whatever fails, everything that was opened is closed again
 * Exits with 0. Otherwise writes what went wrong to descriptor 3, or to stderr if 3 is not open, and exits with 1. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pairlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATIENCE_S = 60, REPORT = 3, ROOM_MAX = 30, MANY = 20, EACH = 4 };

static int online, offline, stopped;

static int fail(const char *what, int number) {
  dprintf(REPORT, "FAILED: %s (%d)\n", what, number);
  return 1;
}

static void on_event(pairlink *p, const pairlink_event *e, void *user) {
  (void)p;
  (void)user;
  online |= e->type == PAIRLINK_EVENT_ONLINE;
  offline |= e->type == PAIRLINK_EVENT_OFFLINE;
  stopped |= e->type == PAIRLINK_EVENT_STOPPED;
}

static int new_client(const char *relay, const char *folder, pairlink **out) {
  static char identity[512], relays[512];
  pairlink_options o;
  pairlink_options_init(&o);
  snprintf(identity, sizeof identity, "%s/identity", folder);
  snprintf(relays, sizeof relays, "%s/relays", folder);
  o.relay = relay;
  o.identity_file = identity;
  o.relays_file = relays;
  o.callback = on_event;
  online = offline = stopped = 0;
  return pairlink_new(&o, out);
}

static int dispatch_once(pairlink *p) {
  struct pollfd fd = {.fd = pairlink_fd(p), .events = POLLIN};
  if (poll(&fd, 1, -1) < 0 && errno != EINTR) return -1;
  return pairlink_dispatch(p);
}

static int count_open(void) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static int low_are_closed(void) {
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) >= 0) return 0;
  return 1;
}

static int one_client(const char *relay, const char *folder, int low_stay_closed) {
  pairlink *p;
  int error = new_client(relay, folder, &p);
  if (error) return fail("cannot create a client", error);
  while (!online) {
    if (dispatch_once(p) != 0) return fail("dispatch", errno);
    if (low_stay_closed && !low_are_closed()) return fail("the library uses one of 0 to 2", 0);
  }
  (void)pairlink_stop(p);
  while (!stopped) (void)dispatch_once(p);
  pairlink_free(p);
  return !low_stay_closed || low_are_closed() ? 0 : fail("the library left one of 0 to 2 open", 0);
}

/* Runs two clients, because libuv's first loop leaves descriptors open that the whole process shares. */
static int closed(const char *relay, const char *folder) {
  for (int fd = 0; fd < 3; fd++) close(fd);
  if (one_client(relay, folder, 1) != 0) return 1;
  int before = count_open();
  if (one_client(relay, folder, 1) != 0) return 1;
  return count_open() == before ? 0 : fail("descriptors left open", count_open() - before);
}

static int start_many(const char *relay, const char *folder, pairlink *clients[MANY]) {
  for (int i = 0; i < MANY; i++) {
    char own[256];
    snprintf(own, sizeof own, "%s/%d", folder, i); /* an identity each */
    int error = new_client(relay, own, &clients[i]);
    if (error) return fail("cannot create a client", error);
    while (!online)
      if (dispatch_once(clients[i]) != 0) return fail("dispatch", errno);
  }
  return 0;
}

/* The first client opens what libuv keeps for the whole process. */
static int many(const char *relay, const char *folder) {
  pairlink *clients[MANY] = {NULL};
  if (one_client(relay, folder, 0) != 0) return 1;
  int before = count_open();
  if (start_many(relay, folder, clients) != 0) return 1;
  int each = (count_open() - before + MANY - 1) / MANY;
  if (each > EACH) return fail("too many descriptors for a client", each);
  for (int i = 0; i < MANY; i++) pairlink_free(clients[i]);
  return count_open() == before ? 0 : fail("descriptors left open", count_open() - before);
}

static void limit_files(rlim_t count) {
  struct rlimit limit;
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = count;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Creates, drives and frees a client with room for this many more files. Returns how many descriptors it left open. */
static int left_by(const char *relay, const char *folder, int room, int before, rlim_t usual) {
  pairlink *p = NULL;
  limit_files((rlim_t)before + (rlim_t)room);
  if (new_client(relay, folder, &p) == 0)
    while (!online && !offline && dispatch_once(p) == 0) continue;
  pairlink_free(p);
  limit_files(usual);
  return count_open() - before;
}

static int shortage(const char *relay, const char *folder) {
  struct rlimit usual;
  (void)getrlimit(RLIMIT_NOFILE, &usual);
  (void)left_by(relay, folder, ROOM_MAX, count_open(), usual.rlim_cur); /* opens what stays for the whole process */
  int before = count_open();
  if (!online) return fail("not online although there was room enough", ROOM_MAX);
  for (int room = 0; room < ROOM_MAX; room++) {
    int left = left_by(relay, folder, room, before, usual.rlim_cur);
    if (left) {
      dprintf(REPORT, "with room for %d files, %d stayed open\n", room, left);
      return fail("descriptors left open", left);
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  if (fcntl(REPORT, F_GETFD) < 0 && dup2(STDERR_FILENO, REPORT) < 0) return 2;
  alarm(PATIENCE_S);
  if (strcmp(argv[1], "many") == 0) return many(argv[2], argv[3]);
  return strcmp(argv[1], "closed") == 0 ? closed(argv[2], argv[3]) : shortage(argv[2], argv[3]);
}
