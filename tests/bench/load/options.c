/* The arguments of pl-bench-load. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char HELP[] =
    "pl-bench-load: measures a server that joins sockets in pairs; prints one line of JSON\n"
    "  --server NAME     pairlink, raw, ws, socketio, nats (over WebSocket), nats-tcp\n"
    "  --label NAME      the name in the output (default: as --server)\n"
    "  --host A --port N the server's address (127.0.0.1) and port\n"
    "  --pairs N --window N --size BYTES   pairs, messages in flight per pair, bytes per message (50, 1, 64)\n"
    "  --pause MS        each end waits this long before it replaces a message that returned (0); needs --window 1\n"
    "  --from N          number of the first pair (0), for two generators at one server\n"
    "  --announce        prints a line when all are joined and the rounds start\n"
    "  --both            both ends keep their own window in flight\n"
    "  --batch on|off    several messages in one WebSocket message (default: like the server's usual clients)\n"
    "  --seconds S --warmup S              measured seconds (1), seconds before that (0.2)\n"
    "  --idle N          sockets that greet and stay silent\n"
    "  --frozen N        pairs whose callee never reads, while the caller fills the link's window (pairlink)\n"
    "  --slow            ... whose callee reads a little four times a second, and whose window is kept full\n"
    "  --flood           ... whose caller ignores the window\n"
    "  --storm N         instead: N logins as fast as possible\n"
    "  --again           ... then the same identities again: again_logins_per_s, again_cpu_us\n"
    "  --outage N        instead: N linked sockets; waits until the server is lost and all are linked again\n"
    "  --leavers N       instead: N more sockets of another process, which leave at once while the pairs talk\n"
    "  --leave HOW       ... exit: the process ends; reset: and its connections are reset; close: by the handshake\n"
    "                    ... login: they do not leave, but log in\n"
    "  --leavers-port N  ... their server, whose process --pid is then, when it is not that of the pairs\n"
    "  --signatures N    instead: what the signatures of a login cost without a server, N times each\n"
    "  --concurrency N   logins in progress at one time (128)\n"
    "  --verify          checks every WELCOME's signature, not only the first; costs more than the server's part\n"
    "  --tls             uses TLS and accepts any certificate\n"
    "  --pid N           the server's process, whose CPU and memory are reported\n"
    "  --patience S      gives up when the sockets are not joined after S seconds (60)\n";

enum {
  O_SERVER = 256,
  O_LABEL,
  O_HOST,
  O_PORT,
  O_PAIRS,
  O_WINDOW,
  O_SIZE,
  O_PAUSE,
  O_FROM,
  O_ANNOUNCE,
  O_BOTH,
  O_BATCH,
  O_SECONDS,
  O_WARMUP,
  O_IDLE,
  O_FROZEN,
  O_FLOOD,
  O_SLOW,
  O_STORM,
  O_AGAIN,
  O_OUTAGE,
  O_LEAVERS,
  O_LEAVE,
  O_LEAVERS_PORT,
  O_SIGNATURES,
  O_CONCURRENCY,
  O_VERIFY,
  O_TLS,
  O_PID,
  O_PATIENCE,
  O_HELP
};

static const struct option LONG[] = {{"server", 1, 0, O_SERVER},
                                     {"label", 1, 0, O_LABEL},
                                     {"host", 1, 0, O_HOST},
                                     {"port", 1, 0, O_PORT},
                                     {"pairs", 1, 0, O_PAIRS},
                                     {"window", 1, 0, O_WINDOW},
                                     {"size", 1, 0, O_SIZE},
                                     {"pause", 1, 0, O_PAUSE},
                                     {"from", 1, 0, O_FROM},
                                     {"announce", 0, 0, O_ANNOUNCE},
                                     {"both", 0, 0, O_BOTH},
                                     {"batch", 1, 0, O_BATCH},
                                     {"seconds", 1, 0, O_SECONDS},
                                     {"warmup", 1, 0, O_WARMUP},
                                     {"idle", 1, 0, O_IDLE},
                                     {"frozen", 1, 0, O_FROZEN},
                                     {"flood", 0, 0, O_FLOOD},
                                     {"slow", 0, 0, O_SLOW},
                                     {"again", 0, 0, O_AGAIN},
                                     {"storm", 1, 0, O_STORM},
                                     {"outage", 1, 0, O_OUTAGE},
                                     {"leavers", 1, 0, O_LEAVERS},
                                     {"leave", 1, 0, O_LEAVE},
                                     {"leavers-port", 1, 0, O_LEAVERS_PORT},
                                     {"signatures", 1, 0, O_SIGNATURES},
                                     {"concurrency", 1, 0, O_CONCURRENCY},
                                     {"verify", 0, 0, O_VERIFY},
                                     {"tls", 0, 0, O_TLS},
                                     {"pid", 1, 0, O_PID},
                                     {"patience", 1, 0, O_PATIENCE},
                                     {"help", 0, 0, O_HELP},
                                     {0, 0, 0, 0}};

static bool number(const char *text, double low, double high, double *out) {
  char *end = NULL;
  double v = strtod(text, &end);
  if (end == text || *end != '\0' || !(v >= low && v <= high)) {
    fprintf(stderr, "pl-bench-load: %s is not a number from %g to %g\n", text, low, high);
    return false;
  }
  *out = v;
  return true;
}

static bool count(const char *text, double low, double high, uint32_t *out) {
  double v;
  if (!number(text, low, high, &v)) return false;
  *out = (uint32_t)v;
  return true;
}

static bool take_count(bench_options *o, int option, const char *arg) {
  switch (option) {
    case O_PAIRS:
      return count(arg, 0, 30000, &o->pairs);
    case O_PAUSE:
      return count(arg, 0, 1000, &o->pause_ms);
    case O_FROM:
      return count(arg, 0, 30000, &o->from);
    case O_WINDOW:
      return count(arg, 1, 4096, &o->window);
    case O_SIZE:
      return count(arg, BENCH_STAMP_BYTES, PL_CONST_ENVELOPE_PAYLOAD_MAX, &o->size);
    case O_IDLE:
      return count(arg, 0, 60000, &o->idle);
    case O_FROZEN:
      return count(arg, 0, 30000, &o->frozen);
    case O_CONCURRENCY:
      return count(arg, 1, 60000, &o->concurrency);
    case O_STORM:
      o->mode = BENCH_MODE_STORM;
      return count(arg, 1, 60000, &o->sockets);
    case O_OUTAGE:
      o->mode = BENCH_MODE_OUTAGE;
      return count(arg, 2, 60000, &o->sockets);
    case O_SIGNATURES:
      o->mode = BENCH_MODE_SIGNATURES;
      return count(arg, 1, 1000000, &o->sockets);
    case O_LEAVERS:
      o->mode = BENCH_MODE_DEPARTURES;
      return count(arg, 1, 60000, &o->leavers);
    case O_LEAVERS_PORT:
      return count(arg, 1, 65535, &o->leavers_port);
    default:
      return false;
  }
}

static bool take_number(bench_options *o, int option, const char *arg) {
  double v = 0;
  switch (option) {
    case O_SECONDS:
      return number(arg, 0.01, 3600, &o->seconds);
    case O_WARMUP:
      return number(arg, 0, 60, &o->warmup_seconds);
    case O_PATIENCE:
      return number(arg, 0.1, 3600, &o->patience_seconds);
    case O_PORT:
      if (!number(arg, 1, 65535, &v)) return false;
      o->port = (int)v;
      return true;
    case O_PID:
      if (!number(arg, 1, 1 << 30, &v)) return false;
      o->server_pid = (pid_t)v;
      return true;
    default:
      return take_count(o, option, arg);
  }
}

static bool take_leave(bench_options *o, const char *arg) {
  o->leave = strcmp(arg, "exit") == 0    ? BENCH_LEAVE_EXIT
             : strcmp(arg, "reset") == 0 ? BENCH_LEAVE_RESET
             : strcmp(arg, "close") == 0 ? BENCH_LEAVE_CLOSE
             : strcmp(arg, "login") == 0 ? BENCH_LEAVE_LOGIN
                                         : BENCH_LEAVE_NONE;
  return o->leave != BENCH_LEAVE_NONE;
}

static bool take(bench_options *o, int option, const char *arg) {
  switch (option) {
    case O_SERVER:
      o->server = arg;
      return true;
    case O_LABEL:
      o->label = arg;
      return true;
    case O_HOST:
      o->host = arg;
      return true;
    case O_ANNOUNCE:
      o->announce = true;
      return true;
    case O_BOTH:
      o->both = true;
      return true;
    case O_FLOOD:
      o->flood = true;
      return true;
    case O_SLOW:
      o->slow = true;
      return true;
    case O_AGAIN:
      o->again = true;
      return true;
    case O_VERIFY:
      o->verify = true;
      return true;
    case O_TLS:
      o->tls = true;
      return true;
    case O_LEAVE:
      return take_leave(o, arg);
    case O_BATCH:
      o->batch = strcmp(arg, "on") == 0;
      return strcmp(arg, "on") == 0 || strcmp(arg, "off") == 0;
    default:
      return take_number(o, option, arg);
  }
}

/* --batch has no value that means "default", so it is looked up before the other arguments. */
static void set_default_batch(bench_options *o, int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i++) {
    if (strcmp(argv[i], "--server") != 0) continue;
    const bench_dialect *d = bench_dialect_find(argv[i + 1]);
    if (d) o->batch = d->batched_by_default;
  }
}

int bench_options_parse(bench_options *o, int argc, char **argv) {
  *o = (bench_options){.host = "127.0.0.1", .pairs = 50, .window = 1, .size = 64, .concurrency = 128};
  o->seconds = 1;
  o->warmup_seconds = 0.2;
  o->patience_seconds = 60;
  o->leave = BENCH_LEAVE_RESET;
  set_default_batch(o, argc, argv);
  for (int option; (option = getopt_long(argc, argv, "", LONG, NULL)) != -1;) {
    if (option == O_HELP) {
      fputs(HELP, stdout);
      return 1;
    }
    if (option == '?' || !take(o, option, optarg)) {
      fprintf(stderr, "pl-bench-load: see --help\n");
      return 3;
    }
  }
  const bench_dialect *d = o->server ? bench_dialect_find(o->server) : NULL;
  if (optind != argc || !d || o->port == 0 || (!d->websocket && o->tls)) {
    fprintf(stderr, "pl-bench-load: needs --server and --port, and --tls only with a WebSocket; see --help\n");
    return 3;
  }
  if (d != &bench_dialect_pairlink && (o->frozen || o->mode == BENCH_MODE_OUTAGE || o->mode == BENCH_MODE_DEPARTURES)) {
    fprintf(stderr, "pl-bench-load: --frozen, --outage and --leavers speak pairlink only\n");
    return 3;
  }
  if (o->pause_ms && o->window != 1) {
    fprintf(stderr, "pl-bench-load: --pause needs --window 1\n");
    return 3;
  }
  if (!o->label) o->label = o->server;
  return 0;
}
