/* Many sockets leave or log in at once while others talk: a child process holds them, and leaves when it is told to, or
 * makes them when it is told to.
 *
 * Each caller sends a message every 10 ms, whether or not the last one has arrived, so that a relay that stands still
 * delays many of them. The time of a message runs from its send to its arrival at the callee's socket, as the kernel
 * noted it. The end of the other process keeps this one from running, and that is no delay of the relay. */
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum { EVERY_NS = 10000000, LOOK_EVERY_NS = 1000000, CODE_NORMAL = 1000, OP_CLOSE = 8 };

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
  if (options->leavers_port) own.port = (int)options->leavers_port;
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

/* Returns false and sets errno when there is no child. The program ends then, and with it the pipes. */
static bool child_start(child *c, const bench_options *options) {
  int ready[2], go[2];
  if (pipe(ready) != 0 || pipe(go) != 0) return false;
  c->pid = fork();
  if (c->pid < 0) return false;
  if (c->pid == 0) {
    close(ready[0]);
    close(go[1]);
    hold(options, ready[1], go[0]);
  }
  close(ready[1]);
  close(go[0]);
  c->ready = ready[0];
  c->go = go[1];
  return true;
}

/* Waits for the end of the child. With `now`, it ends the child first. Returns whether the child did what it had to. */
static bool child_end(const child *c, bool now) {
  int status = 0;
  if (now) kill(c->pid, SIGKILL);
  return waitpid(c->pid, &status, 0) == c->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
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

/* The callers, who send by turns. */
typedef struct talkers {
  bench_gen *gen;
  uint64_t due_ns; /* when the next message is due */
  uint64_t now_ns; /* when they last sent what was due */
  uint64_t sent;   /* messages, since the start */
  uint32_t next;   /* the pair that sends it */
} talkers;

static double cpu_now(const bench_gen *g) {
  return g->options.server_pid ? bench_process_cpu_s(g->options.server_pid) : -1;
}

/* Sends what is due, then waits until the next message is due or something comes. */
static void talk(talkers *t) {
  bench_gen *g = t->gen;
  const uint32_t pairs = g->options.pairs;
  struct timespec wait = {.tv_nsec = LOOK_EVERY_NS};
  const uint64_t now = t->now_ns = bench_clock_ns();
  for (; pairs && t->due_ns <= now; t->due_ns += EVERY_NS / pairs, t->sent += g->options.window)
    bench_start_rounds(&g->conns[2 * (size_t)(t->next++ % pairs)]);
  if (pairs && t->due_ns - now < LOOK_EVERY_NS) wait.tv_nsec = (long)(t->due_ns - now);
  struct pollfd events = {.fd = g->epoll, .events = POLLIN};
  if (ppoll(&events, 1, &wait, NULL) > 0) bench_turn(g, 0);
}

static void talk_until(talkers *t, uint64_t end_ns) {
  t->due_ns = bench_clock_ns();
  while (bench_clock_ns() < end_ns) talk(t);
}

/* Waits until all messages have arrived. Otherwise those that a relay still holds back would not count. */
static bool all_arrive(const talkers *t) {
  bench_gen *g = t->gen;
  uint64_t end = bench_clock_ns() + (uint64_t)(g->options.patience_seconds * 1e9);
  while (g->messages < t->sent) {
    if (bench_clock_ns() < end) {
      bench_turn(g, 50);
      continue;
    }
    fprintf(stderr, "pl-bench-load: %llu of %llu messages have arrived after %.0f s\n", (unsigned long long)g->messages,
            (unsigned long long)t->sent, g->options.patience_seconds);
    return false;
  }
  return true;
}

typedef struct interval {
  uint64_t start_ns;
  double cpu_s;
} interval;

/* Nothing is on its way when an interval begins, and the first message is due at once. */
static bool begin(talkers *t, interval *i) {
  bench_gen *g = t->gen;
  if (!all_arrive(t)) return false;
  memset(&g->rounds, 0, sizeof g->rounds);
  g->measuring = true;
  *i = (interval){.start_ns = bench_clock_ns(), .cpu_s = cpu_now(g)};
  t->due_ns = t->now_ns = i->start_ns;
  return true;
}

/* Returns false after saying why, when messages are lost, or when there are more or fewer than were due until the last
 * look at the clock: then the times are not those of a steady rate. */
static bool end(talkers *t, const interval *i, figures *f) {
  bench_gen *g = t->gen;
  const bench_histogram *h = &g->rounds;
  const double seconds = (double)(bench_clock_ns() - i->start_ns) / 1e9, cpu_s = cpu_now(g);
  if (!all_arrive(t)) return false;
  g->measuring = false;
  *f = (figures){.seconds = seconds,
                 .cpu_s = g->options.server_pid ? cpu_s - i->cpu_s : -1,
                 .p50_us = (double)bench_histogram_quantile(h, 0.5) / 1e3,
                 .p99_us = (double)bench_histogram_quantile(h, 0.99) / 1e3,
                 .max_us = (double)h->max / 1e3,
                 .messages = h->total};
  const double at_once = (double)g->options.pairs * g->options.window;
  const double asked = (double)(t->now_ns - i->start_ns) / EVERY_NS * at_once;
  const double off = (double)f->messages - asked;
  if (off <= asked / 10 + at_once && -off <= asked / 10 + at_once) return true;
  fprintf(stderr, "pl-bench-load: %llu messages in %.3f s instead of %.0f\n", (unsigned long long)f->messages, seconds,
          asked);
  return false;
}

static bool without(talkers *t, figures *f) {
  interval i;
  if (!begin(t, &i)) return false;
  talk_until(t, i.start_ns + (uint64_t)(t->gen->options.seconds * 1e9));
  return end(t, &i, f);
}

static bool can_read(int fd) {
  struct pollfd events = {.fd = fd, .events = POLLIN};
  return poll(&events, 1, 0) > 0;
}

/* Reads the word of the child that all of its sockets are joined. */
static bool is_ready(const child *c) {
  char byte;
  if (read(c->ready, &byte, 1) == 1) return true;
  fprintf(stderr, "pl-bench-load: the second process could not log in\n");
  return false;
}

/* Measures from the word to leave until all but one in a hundred of the sockets are gone from the server; or from the
 * word to log in until all have done so. */
static bool during(talkers *t, const child *c, long sockets, figures *f) {
  bench_gen *g = t->gen;
  const bool logs_in = g->options.leave == BENCH_LEAVE_LOGIN;
  const long left = sockets - (long)g->options.leavers * 99 / 100;
  interval i;
  bool done = false;
  char byte = 0;
  if (!begin(t, &i)) return false;
  if (write(c->go, &byte, 1) != 1) {
    perror("pl-bench-load: the second process is gone");
    return false;
  }
  uint64_t look = i.start_ns;
  for (uint64_t now = look; !done && (double)(now - i.start_ns) / 1e9 < g->options.patience_seconds;
       now = bench_clock_ns()) {
    talk(t);
    if (now < look) continue;
    look = now + LOOK_EVERY_NS;
    done = logs_in ? can_read(c->ready) : server_sockets(g) <= left;
  }
  if (!done)
    fprintf(stderr, "pl-bench-load: not all sockets have left or logged in after %.0f s\n",
            g->options.patience_seconds);
  return done && end(t, &i, f) && (!logs_in || is_ready(c));
}

static void print_times(const char *when, const figures *f) {
  printf(",\"messages%s\":%llu", when, (unsigned long long)f->messages);
  if (f->messages)
    printf(",\"p50_us%s\":%.1f,\"p99_us%s\":%.1f,\"max_us%s\":%.1f", when, f->p50_us, when, f->p99_us, when, f->max_us);
}

/* alone: only the talkers, and nobody leaves. */
static void print(const bench_gen *g, const figures *alone, const figures *f) {
  static const char *const how[] = {"", "exit", "reset", "close", "login"};
  double others = alone->cpu_s / alone->seconds * f->seconds; /* what the talkers would have taken */
  printf("{\"server\":\"%s\",\"leave\":\"%s\",\"leavers\":%u,\"stay\":%u,\"pairs\":%u", g->options.label,
         how[g->options.leave], g->options.leavers, g->options.idle, g->options.pairs);
  printf(",\"seconds\":%.4f", f->seconds);
  print_times("_alone", alone);
  print_times("", f);
  if (f->cpu_s >= 0)
    printf(",\"cpu_us\":%.2f", (f->cpu_s - (g->options.pairs ? others : 0)) * 1e6 / g->options.leavers);
  printf("}\n");
}

static bool measure(bench_gen *g, const child *c, figures *alone, figures *f) {
  talkers t = {.gen = g};
  if (!bench_connect(g, 0, g->conn_count, BENCH_READY)) return false;
  if (g->options.leave != BENCH_LEAVE_LOGIN) {
    while (!can_read(c->ready)) bench_turn(g, 50); /* answers pings */
    if (!is_ready(c)) return false;
  }
  talk_until(&t, bench_clock_ns() + (uint64_t)(g->options.warmup_seconds * 1e9));
  return without(&t, alone) && during(&t, c, server_sockets(g), f);
}

int bench_mode_departures(bench_gen *g) {
  struct timespec wall;
  child c;
  figures alone, f;
  clock_gettime(CLOCK_REALTIME, &wall);
  g->clock_ahead_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec - bench_clock_ns();
  if (!child_start(&c, &g->options)) {
    perror("pl-bench-load: no second process");
    return 1;
  }
  bool done = measure(g, &c, &alone, &f);
  if (!child_end(&c, !done) && done) {
    fprintf(stderr, "pl-bench-load: the second process failed\n");
    return 1;
  }
  if (!done) return 1;
  print(g, &alone, &f);
  return g->failed ? 1 : 0;
}
