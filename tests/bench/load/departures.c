/* Many sockets leave or log in at once while others talk: a child process holds them, and leaves when it is told to, or
 * makes them when it is told to.
 *
 * Each caller sends a message every 10 ms, whether or not the last one has arrived, so that a relay that stands still
 * delays many of them. The time of a message runs from its send to its arrival at the callee's socket, as the kernel
 * noted it. The end of the other process keeps this one from running, and that is no delay of the relay. */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum { EVERY_NS = 10000000, LOOK_EVERY_NS = 1000000, CODE_NORMAL = 1000, OP_CLOSE = 8, CORES_MAX = 64 };

/* ---- the child --------------------------------------------------------------------------------------------------- */

static bool all_closed(const bench_gen *g) {
  for (size_t i = 0; i < g->conn_count; i++)
    if (g->conns[i].state != BENCH_CLOSED) return false;
  return true;
}

/* Ends each connection as RFC 6455 says, and waits until the server has closed it. */
static void close_politely(bench_gen *g) {
  const uint8_t code[] = {CODE_NORMAL >> 8, CODE_NORMAL & 0xff};
  g->reconnects = true; /* a socket that the server closes is no failure */
  for (size_t i = 0; i < g->conn_count; i++) bench_ws_send(&g->conns[i], OP_CLOSE, code, sizeof code);
  while (!all_closed(g)) bench_turn(g, 50);
}

/* Never returns. Writes a byte to `ready` once all sockets are joined, and leaves when a byte comes from `go`. For a
 * storm of logins, the byte from `go` comes first. */
static void hold(const bench_options *options, int ready, int go) {
  static bench_gen gen;
  bench_options own = *options;
  char byte = 0;
  own.pairs = own.frozen = 0;
  own.idle = options->leavers;
  bool logs_in = own.leave == BENCH_LEAVE_LOGIN;
  if (bench_gen_init(&gen, &own) != 0 || (logs_in && read(go, &byte, 1) != 1)) _exit(1);
  if (!bench_connect(&gen, 0, gen.conn_count, BENCH_READY) || write(ready, &byte, 1) != 1) _exit(1);
  if (!logs_in && read(go, &byte, 1) != 1) _exit(1);
  if (own.leave == BENCH_LEAVE_CLOSE) close_politely(&gen);
  _exit(0); /* the kernel closes what is open, as after a crash */
}

typedef struct child {
  pid_t pid;
  int ready, go;
} child;

static bool child_start(child *c, const bench_options *options) {
  int ready[2], go[2];
  if (pipe(ready) != 0 || pipe(go) != 0) return false;
  c->pid = fork();
  if (c->pid == 0) {
    close(ready[0]);
    close(go[1]);
    hold(options, ready[1], go[0]);
  }
  close(ready[1]);
  close(go[0]);
  c->ready = ready[0];
  c->go = go[1];
  return c->pid > 0;
}

/* ---- the talkers ------------------------------------------------------------------------------------------------- */

/* Returns how many sockets the server has, and a few more. From Linux 6.2 on, the size of the folder says how many
 * files a process has open. Before that, half of all TCP sockets of this machine are its own, when it is idle. */
static long server_sockets(const bench_gen *g) {
  long count = -1;
  char line[256];
  struct stat about;
  snprintf(line, sizeof line, "/proc/%d/fd", (int)g->options.server_pid);
  if (g->options.server_pid && stat(line, &about) == 0 && about.st_size > 0) return (long)about.st_size;
  FILE *f = fopen("/proc/net/sockstat", "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "TCP: inuse %ld", &count) == 1) break;
  if (f) fclose(f);
  return count / 2;
}

typedef struct figures {
  double seconds, cpu_s, p50_us, p99_us, max_us;
  uint64_t messages;
} figures;

static void begin(bench_gen *g) {
  memset(&g->rounds, 0, sizeof g->rounds);
  g->measuring = true;
}

static figures end(bench_gen *g, uint64_t start_ns, double cpu_s) {
  const bench_histogram *h = &g->rounds;
  g->measuring = false;
  return (figures){.seconds = (double)(bench_clock_ns() - start_ns) / 1e9,
                   .cpu_s = g->options.server_pid ? bench_process_cpu_s(g->options.server_pid) - cpu_s : -1,
                   .p50_us = (double)bench_histogram_quantile(h, 0.5) / 1e3,
                   .p99_us = (double)bench_histogram_quantile(h, 0.99) / 1e3,
                   .max_us = (double)h->max / 1e3,
                   .messages = h->total};
}

static double cpu_now(const bench_gen *g) {
  return g->options.server_pid ? bench_process_cpu_s(g->options.server_pid) : -1;
}

/* Sends what is due, then waits until the next message is due or something comes. */
static void talk(bench_gen *g) {
  static uint64_t due_ns;
  static uint32_t pair;
  const uint32_t pairs = g->options.pairs;
  struct timespec wait = {.tv_nsec = LOOK_EVERY_NS};
  uint64_t now = bench_clock_ns();
  if (due_ns == 0) due_ns = now;
  for (; pairs && due_ns <= now; due_ns += EVERY_NS / pairs)
    bench_start_rounds(&g->conns[2 * (size_t)(pair++ % pairs)]);
  if (pairs && due_ns - now < LOOK_EVERY_NS) wait.tv_nsec = (long)(due_ns - now);
  struct pollfd events = {.fd = g->epoll, .events = POLLIN};
  if (ppoll(&events, 1, &wait, NULL) > 0) bench_turn(g, 0);
}

static void talk_until(bench_gen *g, uint64_t end_ns) {
  while (bench_clock_ns() < end_ns) talk(g);
}

/* Keeps every core busy with a process that gives way to every other one. */
static void keep_busy(pid_t *spinners, long count) {
  for (long core = 0; core < count; core++) {
    const struct sched_param none = {0};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)core, &one);
    spinners[core] = fork();
    if (spinners[core]) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_setaffinity(0, sizeof one, &one) != 0 || sched_setscheduler(0, SCHED_IDLE, &none) != 0) _exit(1);
    for (;;) {
    }
  }
}

static void stop(const pid_t *spinners, long count) {
  for (long i = 0; i < count; i++) {
    if (spinners[i] > 0) kill(spinners[i], SIGKILL);
    waitpid(spinners[i], NULL, 0);
  }
}

static figures without(bench_gen *g) {
  double cpu_s = cpu_now(g);
  uint64_t start = bench_clock_ns();
  begin(g);
  talk_until(g, start + (uint64_t)(g->options.seconds * 1e9));
  return end(g, start, cpu_s);
}

static bool can_read(int fd) {
  struct pollfd events = {.fd = fd, .events = POLLIN};
  return poll(&events, 1, 0) > 0;
}

/* Measures from the word to leave until all but one in a hundred of the sockets are gone from the server; or from the
 * word to log in until all have done so. */
static figures during(bench_gen *g, const child *c, long sockets, bool *gone) {
  double cpu_s = cpu_now(g);
  uint64_t start = bench_clock_ns(), look = start;
  long left = sockets - (long)g->options.leavers * 99 / 100;
  char byte = 0;
  begin(g);
  *gone = false;
  if (write(c->go, &byte, 1) != 1) return (figures){0};
  for (uint64_t now = start; !*gone && (double)(now - start) / 1e9 < g->options.patience_seconds;
       now = bench_clock_ns()) {
    talk(g);
    if (now < look) continue;
    look = now + LOOK_EVERY_NS;
    *gone = g->options.leave == BENCH_LEAVE_LOGIN ? can_read(c->ready) : server_sockets(g) <= left;
  }
  return end(g, start, cpu_s);
}

static void print_times(const char *when, const figures *f) {
  printf(",\"messages%s\":%llu", when, (unsigned long long)f->messages);
  if (f->messages)
    printf(",\"p50_us%s\":%.1f,\"p99_us%s\":%.1f,\"max_us%s\":%.1f", when, f->p50_us, when, f->p99_us, when, f->max_us);
}

/* alone: only the talkers; busy: other processes keep all cores busy, but nobody leaves. */
static void print(const bench_gen *g, const figures *alone, const figures *busy, const figures *f) {
  static const char *const how[] = {"", "exit", "reset", "close", "login"};
  double others = alone->cpu_s / alone->seconds * f->seconds; /* what the talkers would have taken */
  printf("{\"server\":\"%s\",\"leave\":\"%s\",\"leavers\":%u,\"stay\":%u,\"pairs\":%u", g->options.label,
         how[g->options.leave], g->options.leavers, g->options.idle, g->options.pairs);
  printf(",\"seconds\":%.4f", f->seconds);
  print_times("_alone", alone);
  print_times("_busy", busy);
  print_times("", f);
  if (f->cpu_s >= 0)
    printf(",\"cpu_us\":%.2f", (f->cpu_s - (g->options.pairs ? others : 0)) * 1e6 / g->options.leavers);
  printf("}\n");
}

int bench_mode_departures(bench_gen *g) {
  const bench_options *o = &g->options;
  struct timespec wall;
  child c;
  char byte;
  bool gone = false;
  clock_gettime(CLOCK_REALTIME, &wall);
  g->clock_ahead_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec - bench_clock_ns();
  if (!child_start(&c, o)) {
    perror("pl-bench-load: no second process");
    return 1;
  }
  if (!bench_connect(g, 0, g->conn_count, BENCH_READY)) return 1;
  while (o->leave != BENCH_LEAVE_LOGIN && !can_read(c.ready)) bench_turn(g, 50); /* answers pings */
  if (o->leave != BENCH_LEAVE_LOGIN && read(c.ready, &byte, 1) != 1) return 1;
  talk_until(g, bench_clock_ns() + (uint64_t)(o->warmup_seconds * 1e9));
  long sockets = server_sockets(g);
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  pid_t spinners[CORES_MAX];
  figures alone = without(g);
  keep_busy(spinners, cores < CORES_MAX ? cores : CORES_MAX);
  figures busy = without(g);
  stop(spinners, cores < CORES_MAX ? cores : CORES_MAX);
  figures f = during(g, &c, sockets, &gone);
  waitpid(c.pid, NULL, 0);
  if (!gone) {
    fprintf(stderr, "pl-bench-load: not all sockets have left or logged in after %.0f s\n", o->patience_seconds);
    return 1;
  }
  print(g, &alone, &busy, &f);
  return g->failed ? 1 : 0;
}
