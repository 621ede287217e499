/* See peers.h: one client with many sessions, and many clients. */
#include <dirent.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/include/pairlink.h"
#include "peers.h"

enum { SIZE = 64, WINDOW = 8, PATIENCE_MS = 120000, LINE = 128 };

typedef struct hub {
  pairlink *client;
  pairlink_session **sessions;
  size_t count, linked, busy, next, online;
  uint64_t answers, answers_wanted;
  bool running, failed;
} hub;

static const uint8_t message[SIZE];

uint64_t bench_peers_now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static double cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void hub_fail(hub *h, const char *what, int error) {
  if (!h->failed) fprintf(stderr, "pl-bench-peers: %s: %s\n", what, pairlink_error_text(error));
  h->failed = true;
}

/* The steps between one session and the next are large, so that neighbours in memory do not follow each other. */
static void hub_send(hub *h) {
  const size_t step = h->busy > 10 ? 7919 : 1;
  h->next = (h->next + step) % h->busy;
  int rc = pairlink_send(h->sessions[h->next], message, sizeof message);
  if (rc != 0) hub_fail(h, "sending", rc);
}

static void on_hub(pairlink *p, const pairlink_event *e, void *user) {
  hub *h = user;
  (void)p;
  if (e->type == PAIRLINK_EVENT_ONLINE) h->online++;
  if (e->type == PAIRLINK_EVENT_LINKED) h->linked++;
  if (e->type == PAIRLINK_EVENT_UNLINKED) h->linked--;
  if (e->type == PAIRLINK_EVENT_MESSAGE) {
    h->answers++;
    if (h->running) hub_send(h);
  }
  if (e->type == PAIRLINK_EVENT_CLOSED || e->type == PAIRLINK_EVENT_OFFLINE) hub_fail(h, "an end", e->error);
}

static pairlink *make(const char *url, const char *folder, size_t number, hub *h) {
  char identity[512], relays[512];
  pairlink_options o;
  pairlink *p = NULL;
  snprintf(identity, sizeof identity, "%s/client%zu", folder, number);
  snprintf(relays, sizeof relays, "%s/client%zu.relays", folder, number);
  pairlink_options_init(&o);
  o.relay = url;
  o.identity_file = identity;
  o.relays_file = relays;
  o.callback = on_hub;
  o.user = h;
  o.sessions_max = 20000;
  int rc = pairlink_new(&o, &p);
  if (rc != 0) hub_fail(h, "a client", rc);
  return p;
}

static bool read_peers(hub *h, char (**ids)[LINE]) {
  char line[LINE];
  size_t room = 0;
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "ready") == 0) return true;
    if (h->count == room) {
      room = room ? 2 * room : 16;
      *ids = realloc(*ids, room * sizeof **ids);
      if (!*ids) return false;
    }
    strcpy((*ids)[h->count++], line);
  }
  return false;
}

static void turn(hub *h, int wait_ms) {
  struct pollfd fd = {.fd = pairlink_fd(h->client), .events = POLLIN};
  if (poll(&fd, 1, wait_ms) > 0 && pairlink_dispatch(h->client) != 0) h->failed = true;
}

static bool connect_all(hub *h, char (*ids)[LINE]) {
  const size_t at_once = 256;
  uint64_t until = bench_peers_now_ms() + PATIENCE_MS;
  size_t next = 0;
  while (!h->failed && h->linked < h->count) {
    for (; next < h->count && next < h->linked + at_once && !h->failed; next++) {
      int rc = pairlink_connect(h->client, ids[next], &h->sessions[next]);
      if (rc != 0) hub_fail(h, "connecting", rc);
    }
    turn(h, 1000);
    if (bench_peers_now_ms() > until) hub_fail(h, "linking", PAIRLINK_ETIMEDOUT);
  }
  return !h->failed;
}

static size_t heap_bytes(void) {
  struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

static size_t descriptors(void) {
  size_t n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (d && readdir(d)) n++;
  if (d) closedir(d);
  return n - 3; /* "." and "..", and this folder */
}

/* Lets every session carry one message there and back: what it allocates first is not measured as a message. */
static void warm_up(hub *h) {
  for (size_t i = 0; i < h->count && !h->failed; i++) {
    int rc = pairlink_send(h->sessions[i], message, sizeof message);
    if (rc != 0) hub_fail(h, "sending", rc);
    if (i % WINDOW == WINDOW - 1) turn(h, 1000);
  }
  while (!h->failed && h->answers < h->count) turn(h, 1000);
}

static __attribute__((noinline)) void measure(hub *h, double seconds, uint64_t messages, double *cpu, double *took_ms) {
  uint64_t begin = bench_peers_now_ms(), until = begin + (uint64_t)(seconds * 1000), now = begin;
  h->answers = 0;
  h->running = true;
  *cpu = cpu_us();
  for (size_t i = 0; i < WINDOW; i++) hub_send(h);
  while (!h->failed && (!messages || h->answers < messages) && (now = bench_peers_now_ms()) < until) turn(h, 1000);
  *cpu = cpu_us() - *cpu;
  *took_ms = (double)(now - begin);
  h->running = false;
}

int bench_peers_hub(const char *url, const char *folder, size_t busy, double seconds, uint64_t messages) {
  static hub h;
  char(*ids)[LINE] = NULL;
  double cpu = 0, took_ms = 0;
  if (!read_peers(&h, &ids)) return 1;
  h.busy = busy && busy < h.count ? busy : h.count;
  h.sessions = calloc(h.count, sizeof *h.sessions);
  h.client = make(url, folder, 0, &h);
  while (!h.failed && !h.online) turn(&h, 1000);
  size_t before = heap_bytes();
  double link_cpu = cpu_us();
  if (h.failed || !connect_all(&h, ids)) return 1;
  link_cpu = cpu_us() - link_cpu;
  size_t linked = heap_bytes();
  warm_up(&h);
  size_t used = heap_bytes(), fds = descriptors();
  measure(&h, seconds, messages, &cpu, &took_ms);
  printf(
      "{\"sessions\":%zu,\"busy\":%zu,\"messages\":%llu,\"cpu_us\":%.3f,\"messages_per_s\":%.0f,\"link_cpu_us\":%.1f,"
      "\"session_bytes_linked\":%.0f,\"session_bytes_used\":%.0f,\"descriptors\":%zu}\n",
      h.count, h.busy, (unsigned long long)h.answers, h.answers ? cpu / (double)h.answers : 0,
      (double)h.answers * 1000 / took_ms, link_cpu / (double)h.count, (double)(linked - before) / (double)h.count,
      (double)(used - before) / (double)h.count, fds);
  return h.failed;
}

/* ---- many clients ------------------------------------------------------------------------------------------------ */

int bench_peers_crowd(const char *url, const char *folder, size_t clients) {
  static hub h;
  struct pollfd *fds = calloc(clients, sizeof *fds);
  pairlink **all = calloc(clients, sizeof *all);
  if (!fds || !all) return 1;
  size_t before = descriptors(), heap = heap_bytes(), highest = 0;
  uint64_t until = bench_peers_now_ms() + PATIENCE_MS;
  for (size_t i = 0; i < clients && !h.failed; i++) {
    all[i] = make(url, folder, i, &h);
    if (all[i]) fds[i] = (struct pollfd){.fd = pairlink_fd(all[i]), .events = POLLIN};
  }
  while (!h.failed && h.online < clients) {
    poll(fds, clients, 1000);
    for (size_t i = 0; i < clients; i++)
      if (fds[i].revents && pairlink_dispatch(all[i]) != 0) h.failed = true;
    size_t now = descriptors();
    if (now > highest) highest = now;
    if (bench_peers_now_ms() > until) hub_fail(&h, "logging in", PAIRLINK_ETIMEDOUT);
  }
  printf("{\"clients\":%zu,\"descriptors_each\":%.2f,\"descriptors_each_highest\":%.2f,\"bytes_each\":%.0f}\n", clients,
         (double)(descriptors() - before) / (double)clients, (double)(highest - before) / (double)clients,
         (double)(heap_bytes() - heap) / (double)clients);
  for (size_t i = 0; i < clients; i++) pairlink_free(all[i]);
  free(all);
  free(fds);
  return h.failed;
}

static int usage(void) {
  fprintf(stderr, "pl-bench-peers echo PORT PEERS | hub URL FOLDER BUSY SECONDS MESSAGES | crowd URL FOLDER CLIENTS\n");
  return 2;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "echo") == 0) return bench_peers_echo(atoi(argv[2]), strtoul(argv[3], NULL, 10));
  if (argc == 5 && strcmp(argv[1], "crowd") == 0)
    return bench_peers_crowd(argv[2], argv[3], strtoul(argv[4], NULL, 10));
  if (argc != 7 || strcmp(argv[1], "hub") != 0) return usage();
  return bench_peers_hub(argv[2], argv[3], strtoul(argv[4], NULL, 10), strtod(argv[5], NULL),
                         strtoull(argv[6], NULL, 10));
}
