/* pl-bench-client: two clients of libpairlink in one thread, joined through a relay. It measures the time of round
 * trips, or the throughput of one session. For comparison, `pl-bench-load --server raw --pairs 1 --window 1` measures
 * the raw forwarder's round trip; it holds both ends in one thread, too.
 *
 *   pl-bench-client URL FOLDER rounds SECONDS SIZE     SIZE is 64 KiB at most
 *   pl-bench-client URL FOLDER bytes SECONDS SIZE      sends messages of SIZE as fast as it can */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/include/pairlink.h"

enum { SAMPLES_MAX = 1 << 20, SIZE_MAX_BYTES = 65536, CONNECT_PATIENCE_S = 20 };

typedef struct bench {
  pairlink *caller, *callee;
  pairlink_session *session;
  bool linked, rounds, stopping, failed;
  size_t size;
  uint64_t sent_ns, begin_ns, end_ns, received_bytes, received_end_ns;
  uint64_t *samples;
  size_t sample_count;
} bench;

static uint8_t message[SIZE_MAX_BYTES];

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(bench *b, const char *what, int error) {
  fprintf(stderr, "pl-bench-client: %s: %s\n", what, pairlink_error_text(error));
  b->failed = true;
}

static void send_round(bench *b) {
  b->sent_ns = now_ns();
  int rc = pairlink_send(b->session, message, b->size);
  if (rc != 0) fail(b, "sending", rc);
}

static void send_all(bench *b) {
  int rc = 0;
  while (rc == 0 && now_ns() < b->end_ns) rc = pairlink_send(b->session, message, b->size);
  if (rc != 0 && rc != PAIRLINK_EAGAIN) fail(b, "sending", rc);
}

static void on_caller(pairlink *p, const pairlink_event *e, void *user) {
  bench *b = user;
  (void)p;
  if (e->type == PAIRLINK_EVENT_LINKED) {
    b->linked = true;
  } else if (e->type == PAIRLINK_EVENT_MESSAGE && b->rounds) {
    uint64_t now = now_ns();
    if (b->sample_count < SAMPLES_MAX) b->samples[b->sample_count++] = now - b->sent_ns;
    if (now < b->end_ns) send_round(b);
  } else if (e->type == PAIRLINK_EVENT_WRITABLE && !b->rounds) {
    send_all(b);
  } else if (e->type == PAIRLINK_EVENT_CLOSED || (e->type == PAIRLINK_EVENT_OFFLINE && e->retry_ms == PAIRLINK_NEVER)) {
    fail(b, "the caller's session ended", e->error);
  }
}

static void on_callee(pairlink *p, const pairlink_event *e, void *user) {
  bench *b = user;
  (void)p;
  if (e->type != PAIRLINK_EVENT_MESSAGE) return;
  if (b->rounds) {
    int rc = pairlink_send(e->session, e->data, e->size);
    if (rc != 0) fail(b, "answering", rc);
  } else {
    b->received_bytes += e->size;
    b->received_end_ns = now_ns();
  }
}

static pairlink *make(const char *url, const char *folder, const char *name, bool listen, pairlink_callback *callback,
                      bench *b) {
  char identity[512], relays[512];
  pairlink_options o;
  pairlink *p = NULL;
  snprintf(identity, sizeof identity, "%s/%s", folder, name);
  snprintf(relays, sizeof relays, "%s/%s.relays", folder, name);
  pairlink_options_init(&o);
  o.relay = url;
  o.identity_file = identity;
  o.relays_file = relays;
  o.listen = o.accept_all = listen;
  o.callback = callback;
  o.user = b;
  o.channel_window = 8u << 20; /* large enough not to limit the measurement */
  o.session_window = 16u << 20;
  int rc = pairlink_new(&o, &p);
  if (rc != 0) fail(b, name, rc);
  return p;
}

/* Runs both clients until `until_ns`, or until *stop is set. */
static void run(bench *b, uint64_t until_ns, const bool *stop) {
  struct pollfd fds[2] = {{.fd = pairlink_fd(b->caller), .events = POLLIN},
                          {.fd = pairlink_fd(b->callee), .events = POLLIN}};
  pairlink *clients[2] = {b->caller, b->callee};
  for (uint64_t now; !b->failed && (now = now_ns()) < until_ns && !(stop && *stop);) {
    poll(fds, 2, (int)((until_ns - now) / 1000000) + 1);
    for (int i = 0; i < 2; i++)
      if (fds[i].revents && pairlink_dispatch(clients[i]) != 0) b->failed = true;
  }
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void report(bench *b) {
  if (b->rounds) {
    size_t n = b->sample_count;
    qsort(b->samples, n, sizeof *b->samples, compare);
    size_t middle = n / 2, slow = n * 99 / 100;
    printf("{\"server\":\"pairlink-client\",\"size\":%zu,\"rounds\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f}\n", b->size, n,
           n ? (double)b->samples[middle] / 1e3 : 0, n ? (double)b->samples[slow] / 1e3 : 0);
  } else {
    double seconds = (double)(b->received_end_ns - b->begin_ns) / 1e9;
    printf("{\"server\":\"pairlink-client\",\"size\":%zu,\"bytes\":%llu,\"mb_per_s\":%.1f}\n", b->size,
           (unsigned long long)b->received_bytes, b->received_bytes ? (double)b->received_bytes / 1e6 / seconds : 0);
  }
}

static int measure(bench *b, double seconds) {
  int rc = pairlink_connect(b->caller, pairlink_id(b->callee), &b->session);
  if (rc != 0) {
    fail(b, "connecting", rc);
    return 1;
  }
  run(b, now_ns() + CONNECT_PATIENCE_S * 1000000000ull, &b->linked);
  if (!b->linked) {
    fail(b, "linking", PAIRLINK_ETIMEDOUT);
    return 1;
  }
  b->begin_ns = now_ns();
  b->end_ns = b->begin_ns + (uint64_t)(seconds * 1e9);
  if (b->rounds)
    send_round(b);
  else
    send_all(b);
  run(b, b->end_ns + 200000000, NULL); /* the last ones may still be in flight */
  report(b);
  return b->failed;
}

int main(int argc, char **argv) {
  static bench b;
  if (argc != 6 || (strcmp(argv[3], "rounds") != 0 && strcmp(argv[3], "bytes") != 0)) {
    fprintf(stderr, "pl-bench-client URL FOLDER rounds|bytes SECONDS SIZE\n");
    return 2;
  }
  b.rounds = strcmp(argv[3], "rounds") == 0;
  b.size = strtoul(argv[5], NULL, 10);
  b.samples = calloc(SAMPLES_MAX, sizeof *b.samples);
  if (b.size == 0 || b.size > SIZE_MAX_BYTES || !b.samples) {
    fprintf(stderr, "pl-bench-client: SIZE is 1 to %d\n", SIZE_MAX_BYTES);
    return 2;
  }
  b.caller = make(argv[1], argv[2], "caller", false, on_caller, &b);
  b.callee = make(argv[1], argv[2], "callee", true, on_callee, &b);
  int rc = b.failed ? 1 : measure(&b, strtod(argv[4], NULL));
  pairlink_free(b.caller);
  pairlink_free(b.callee);
  free(b.samples);
  return rc;
}
