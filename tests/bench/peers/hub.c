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
#include "tests/bench/load/load.h"

enum { MESSAGE_BYTES = 64, WINDOW = 8, PATIENCE_MS = 120000, LINE = 128, SESSIONS_MAX = 20000 };

typedef struct hub {
  pairlink **clients;
  struct pollfd *fds;
  size_t client_count;
  pairlink_session **sessions;
  size_t count, linked, busy, next, online, descriptors_highest;
  uint64_t answers, answers_wanted;
  bool running, failed;
} hub;

static const uint8_t message[MESSAGE_BYTES];

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
  o.sessions_max = SESSIONS_MAX;
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

static void turn(hub *h, int wait_ms) {
  poll(h->fds, h->client_count, wait_ms);
  for (size_t i = 0; i < h->client_count; i++)
    if (h->fds[i].revents && pairlink_dispatch(h->clients[i]) != 0) h->failed = true;
}

/* Makes the clients, and waits until all are online. Returns false when one cannot be. */
static bool start_clients(hub *h, const char *url, const char *folder, size_t count) {
  uint64_t until = bench_peers_now_ms() + PATIENCE_MS;
  h->fds = calloc(count, sizeof *h->fds);
  h->clients = calloc(count, sizeof *h->clients);
  if (!h->fds || !h->clients) return false;
  for (; h->client_count < count && !h->failed; h->client_count++) {
    pairlink *p = make(url, folder, h->client_count, h);
    h->clients[h->client_count] = p;
    if (p) h->fds[h->client_count] = (struct pollfd){.fd = pairlink_fd(p), .events = POLLIN};
  }
  while (!h->failed && h->online < count) {
    turn(h, 1000);
    size_t now = descriptors();
    if (now > h->descriptors_highest) h->descriptors_highest = now;
    if (bench_peers_now_ms() > until) hub_fail(h, "logging in", PAIRLINK_ETIMEDOUT);
  }
  return !h->failed;
}

static bool connect_all(hub *h, char (*ids)[LINE]) {
  const size_t at_once = 32; /* few enough for a hub under valgrind */
  uint64_t until = bench_peers_now_ms() + PATIENCE_MS;
  size_t next = 0;
  while (!h->failed && h->linked < h->count) {
    for (; next < h->count && next < h->linked + at_once && !h->failed; next++) {
      int rc = pairlink_connect(h->clients[next % h->client_count], ids[next], &h->sessions[next]);
      if (rc != 0) hub_fail(h, "connecting", rc);
    }
    turn(h, 1000);
    if (bench_peers_now_ms() > until) hub_fail(h, "linking", PAIRLINK_ETIMEDOUT);
  }
  return !h->failed;
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

static __attribute__((noinline)) void measure(hub *h, const bench_peers_hub_options *o, double *cpu, double *relay_cpu,
                                              double *took_ms) {
  uint64_t begin = bench_peers_now_ms(), until = begin + (uint64_t)(o->seconds * 1000), now = begin;
  h->answers = 0;
  h->running = true;
  *relay_cpu = o->relay ? bench_process_cpu_s(o->relay) * 1e6 : 0;
  *cpu = cpu_us();
  for (size_t i = 0; i < WINDOW; i++) hub_send(h);
  while (!h->failed && (!o->messages || h->answers < o->messages) && (now = bench_peers_now_ms()) < until)
    turn(h, 1000);
  *cpu = cpu_us() - *cpu;
  if (o->relay) *relay_cpu = bench_process_cpu_s(o->relay) * 1e6 - *relay_cpu;
  *took_ms = (double)(now - begin);
  h->running = false;
}

int bench_peers_hub(const bench_peers_hub_options *o) {
  static hub h;
  char(*ids)[LINE] = NULL;
  double cpu = 0, relay_cpu = 0, took_ms = 0;
  if (!read_peers(&h, &ids)) return 1;
  h.busy = o->busy && o->busy < h.count ? o->busy : h.count;
  h.sessions = calloc(h.count, sizeof *h.sessions);
  if (!h.sessions || !start_clients(&h, o->url, o->folder, o->clients)) return 1;
  size_t before = heap_bytes();
  double link_cpu = cpu_us();
  if (!connect_all(&h, ids)) return 1;
  link_cpu = cpu_us() - link_cpu;
  size_t linked = heap_bytes();
  warm_up(&h);
  size_t used = heap_bytes();
  measure(&h, o, &cpu, &relay_cpu, &took_ms);
  double answers = h.answers ? (double)h.answers : 1, count = (double)h.count;
  printf("{\"sessions\":%zu,\"clients\":%zu,\"busy\":%zu,\"messages\":%llu,\"cpu_us\":%.3f,\"relay_cpu_us\":%.3f,",
         h.count, h.client_count, h.busy, (unsigned long long)h.answers, cpu / answers, relay_cpu / answers);
  printf("\"messages_per_s\":%.0f,\"link_cpu_us\":%.1f,\"session_bytes_linked\":%.0f,\"session_bytes_used\":%.0f}\n",
         answers * 1000 / took_ms, link_cpu / count, ((double)linked - (double)before) / count,
         ((double)used - (double)before) / count);
  return h.failed;
}

/* ---- many clients ------------------------------------------------------------------------------------------------ */

int bench_peers_crowd(const char *url, const char *folder, size_t clients) {
  static hub h;
  size_t before = descriptors(), heap = heap_bytes();
  double count = (double)clients;
  if (!start_clients(&h, url, folder, clients)) return 1;
  printf("{\"clients\":%zu,\"descriptors_each\":%.2f,\"descriptors_each_highest\":%.2f,\"bytes_each\":%.0f}\n", clients,
         (double)(descriptors() - before) / count, (double)(h.descriptors_highest - before) / count,
         (double)(heap_bytes() - heap) / count);
  for (size_t i = 0; i < clients; i++) pairlink_free(h.clients[i]);
  return h.failed;
}

static int usage(void) {
  fprintf(stderr,
          "pl-bench-peers echo PORT PEERS | hub URL FOLDER CLIENTS BUSY SECONDS MESSAGES RELAY | crowd URL FOLDER "
          "CLIENTS\n");
  return 2;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "echo") == 0) return bench_peers_echo(atoi(argv[2]), strtoul(argv[3], NULL, 10));
  if (argc == 5 && strcmp(argv[1], "crowd") == 0)
    return bench_peers_crowd(argv[2], argv[3], strtoul(argv[4], NULL, 10));
  if (argc != 9 || strcmp(argv[1], "hub") != 0) return usage();
  const bench_peers_hub_options o = {.url = argv[2],
                                     .folder = argv[3],
                                     .clients = strtoul(argv[4], NULL, 10),
                                     .busy = strtoul(argv[5], NULL, 10),
                                     .seconds = strtod(argv[6], NULL),
                                     .messages = strtoull(argv[7], NULL, 10),
                                     .relay = atoi(argv[8])};
  return o.clients ? bench_peers_hub(&o) : usage();
}
