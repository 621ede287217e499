/* pl-sim: runs seeds, and prints those that break a promise and how to replay them; see usage(). Exit codes: 0, all is
 * well; 1, a promise is broken, a figure is outside its band, or a process crashed; 2, wrong arguments. */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim_bands.h"
#include "sim_batch.h"
#include "sim_character.h"

typedef struct options {
  uint64_t first, count, jobs, shakes;
  bool one, trace, keep_going, write, figures, help;
  const char *list, *bands;
} options;

enum { BAD_IN_SECOND_RUN = 1000 /* one seed in this many may be bad */ };

static sim_world world;

static int usage(FILE *to, int code) {
  (void)fprintf(to,
                "usage: pl-sim [--seeds N] [--first S] [--jobs N] [--shake K] [--keep-going]\n"
                "              [--figures] [--bands FILE [--write]]\n"
                "       pl-sim --seed S [--shake K] [--trace]\n"
                "       pl-sim --list FILE\n"
                "\n"
                "  --seeds N      run N seeds (1000)\n"
                "  --first S      the first of them (1)\n"
                "  --jobs N       run them in N processes (1)\n"
                "  --keep-going   run all seeds, also when one breaks a promise\n"
                "  --figures      print what the worlds counted: sockets, messages, bytes sent again …\n"
                "  --bands FILE   compare the figures of all seeds with the bands in FILE\n"
                "  --write        write the bands to FILE: what the figures are now is right (10000 seeds)\n"
                "  --seed S       run one seed, and say what its world is like\n"
                "  --trace        print everything that happens\n"
                "  --shake K      give the worlds other chances, the same for each K (0)\n"
                "  --list FILE    run the seeds of a file, one a line\n"
                "  --help         print this text\n");
  return code;
}

static bool number_of(const char *text, uint64_t *out) {
  char *end;
  if (!text || *text < '0' || *text > '9') return false;
  errno = 0;
  *out = strtoull(text, &end, 10);
  return *end == '\0' && errno == 0;
}

/* Returns how many arguments the option at `argv` takes, itself included, or 0 when it is not an option. */
static int parse_one(char **argv, options *o) {
  const char *name = argv[0], *value = argv[1];
  if (strcmp(name, "--trace") == 0) return o->trace = true, 1;
  if (strcmp(name, "--keep-going") == 0) return o->keep_going = true, 1;
  if (strcmp(name, "--figures") == 0) return o->figures = true, 1;
  if (strcmp(name, "--write") == 0) return o->write = true, 1;
  if (strcmp(name, "--help") == 0) return o->help = true, 1;
  if (strcmp(name, "--list") == 0 && value) return o->list = value, 2;
  if (strcmp(name, "--bands") == 0 && value) return o->bands = value, 2;
  if (strcmp(name, "--seeds") == 0 && number_of(value, &o->count)) return 2;
  if (strcmp(name, "--first") == 0 && number_of(value, &o->first)) return 2;
  if (strcmp(name, "--jobs") == 0 && number_of(value, &o->jobs) && o->jobs > 0) return 2;
  if (strcmp(name, "--shake") == 0 && number_of(value, &o->shakes) && o->shakes < 1000) return 2;
  if (strcmp(name, "--seed") == 0 && number_of(value, &o->first)) return o->one = true, 2;
  return 0;
}

static bool parse(int argc, char **argv, options *o) {
  *o = (options){.first = 1, .count = 1000, .jobs = 1};
  for (int i = 1, n; i < argc; i += n) {
    n = parse_one(argv + i, o);
    if (n == 0) return false;
  }
  if (o->one) o->count = 1;
  return (!o->write || o->bands) && !(o->list && (o->bands || o->one)) && !(o->one && o->bands);
}

static double seconds(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool run_list(const char *file, sim_batch *b) {
  char line[256];
  uint64_t seed;
  FILE *in = fopen(file, "r");
  if (!in) {
    perror(file);
    return false;
  }
  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, " #\r\n")] = '\0';
    if (!number_of(line, &seed)) continue;
    sim_batch one = {.first = seed, .count = 1, .processes = 1, .trace = b->trace, .shakes = b->shakes};
    one.replay = b->replay;
    (void)sim_batch_run(&one, &world);
    b->seeds += one.seeds;
    b->bad += one.bad;
    sim_figures_add(&b->sum, &one.sum);
    sim_batch_deinit(&one);
  }
  (void)fclose(in);
  return b->seeds > 0 && b->bad == 0;
}

static void print_summary(const sim_batch *b, double took) {
  (void)printf("%" PRIu64 " seeds in %.1f s, %.0f a second: %" PRIu64 " violations\n", b->seeds, took,
               took > 0 ? (double)b->seeds / took : 0.0, b->bad);
}

static void print_character(uint64_t seed) {
  char text[1024];
  sim_character(&world, text, sizeof text);
  (void)printf("seed %" PRIu64 ": %s\n", seed, text);
}

static sim_batch batch_of(const options *o, unsigned shakes) {
  static char replay[64];
  sim_batch b = {.first = o->first, .count = o->count, .keep_going = o->keep_going, .trace = o->trace};
  (void)snprintf(replay, sizeof replay, shakes ? "%s --shake %u" : "%s", program_invocation_short_name, shakes);
  b.replay = replay;
  b.shakes = shakes;
  b.processes = o->one || o->trace ? 1 : (unsigned)(o->jobs < SIM_WORKERS_MAX ? o->jobs : SIM_WORKERS_MAX);
  return b;
}

static bool write_bands(const options *o, const sim_batch *b) {
  sim_batch shaken = batch_of(o, (unsigned)o->shakes + 1);
  shaken.keep_going = true; /* a seed that ends early there makes a band a little wider */
  (void)sim_batch_run(&shaken, &world);
  bool good = shaken.bad <= shaken.count / BAD_IN_SECOND_RUN && sim_bands_write(o->bands, b, &shaken);
  sim_batch_deinit(&shaken);
  if (!good) return false;
  if (shaken.bad) (void)printf("%" PRIu64 " seeds of the second run are bad; look into them\n", shaken.bad);
  return true;
}

/* Judges the figures of a run without a bad seed, or writes them as the new baseline. */
static bool use_bands(const options *o, const sim_batch *b) {
  sim_bands bands;
  if (o->write) return write_bands(o, b);
  if (!sim_bands_read(o->bands, b->count, &bands)) return false;
  size_t outside = sim_bands_judge(&bands, b, true);
  if (outside == 0) {
    (void)printf("all %d figures are in their bands for %" PRIu64 " seeds\n", SIM_FIGURE_COUNT, bands.seeds);
    return true;
  }
  (void)printf(
      "%zu of %d figures are outside their bands (%s). If that is wanted, ./dev sim --bands --write renews them\n",
      outside, SIM_FIGURE_COUNT, o->bands);
  return false;
}

static int run(const options *o) {
  sim_batch b = batch_of(o, (unsigned)o->shakes);
  double began = seconds();
  bool good = o->list ? run_list(o->list, &b) : sim_batch_run(&b, &world);
  if (o->one) print_character(o->first);
  print_summary(&b, seconds() - began);
  if (o->figures) sim_figures_print(&b.sum);
  if (good && o->bands) good = use_bands(o, &b);
  (void)fflush(stdout); /* a leak checker that ends the process would lose it */
  sim_batch_deinit(&b);
  return good ? 0 : 1;
}

int main(int argc, char **argv) {
  options o;
  if (!parse(argc, argv, &o)) return usage(stderr, 2);
  if (o.help) return usage(stdout, 0);
  if (sodium_init() < 0 || !sim_world_init(&world)) return 1;
  if (o.trace) (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* what came before a crash is not lost */
  int code = run(&o);
  sim_world_deinit(&world);
  return code;
}
