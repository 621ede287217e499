/* pl-sim [--seeds N] [--first S] | [--seed S] [--trace] | [--list FILE]: runs seeds, and prints the first one that
 * breaks a promise and how to replay it. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

typedef struct options {
  uint64_t first, count;
  bool trace, keep_going;
  const char *list;
} options;

static sim_world world;

static int usage(void) {
  (void)fprintf(stderr,
                "usage: pl-sim [--seeds N] [--first S] [--keep-going]   N seeds from S on (1000, 1)\n"
                "       pl-sim --seed S [--trace]                       one seed; prints everything that happens\n"
                "       pl-sim --list FILE                              the seeds of a file, one a line\n");
  return 2;
}

static bool number_of(const char *text, uint64_t *out) {
  char *end;
  if (!text || *text < '0' || *text > '9') return false;
  *out = strtoull(text, &end, 10);
  return *end == '\0';
}

static bool parse(int argc, char **argv, options *o) {
  *o = (options){.first = 1, .count = 1000};
  for (int i = 1; i < argc; i++) {
    const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(name, "--trace") == 0) {
      o->trace = true;
    } else if (strcmp(name, "--keep-going") == 0) {
      o->keep_going = true;
    } else if (strcmp(name, "--list") == 0 && value) {
      o->list = argv[++i];
    } else if (strcmp(name, "--seeds") == 0 && number_of(value, &o->count)) {
      i++;
    } else if (strcmp(name, "--first") == 0 && number_of(value, &o->first)) {
      i++;
    } else if (strcmp(name, "--seed") == 0 && number_of(value, &o->first)) {
      o->count = 1;
      i++;
    } else {
      return false;
    }
  }
  return true;
}

typedef struct totals {
  uint64_t seeds, bad;
  sim_figures figures;
} totals;

static bool run_one(uint64_t seed, bool trace, totals *t) {
  bool good = sim_run(seed, trace, &world);
  t->seeds++;
  t->bad += !good;
  sim_figures_add(&t->figures, &world.figures);
  if (!good) (void)printf("seed %" PRIu64 " breaks a promise %s\n", seed, world.verdict);
  return good;
}

static bool run_list(const options *o, totals *t) {
  char line[256];
  uint64_t seed;
  FILE *in = fopen(o->list, "r");
  if (!in) {
    perror(o->list);
    return false;
  }
  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, " #\r\n")] = '\0';
    if (number_of(line, &seed)) (void)run_one(seed, o->trace, t);
  }
  (void)fclose(in);
  return t->bad == 0;
}

static double seconds(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  options o;
  totals t = {0};
  if (!parse(argc, argv, &o)) return usage();
  if (sodium_init() < 0) return 1;
  world.scratch = malloc(SIM_SCRATCH);
  world.wire = malloc(SIM_SCRATCH);
  world.text = malloc(SIM_TEXT);
  world.received = malloc(2 * SIM_SCRATCH);
  if (!world.scratch || !world.wire || !world.text || !world.received) return 1;
  double began = seconds();
  if (o.list) {
    if (!run_list(&o, &t) && t.seeds == 0) return 1;
  } else {
    for (uint64_t i = 0; i < o.count && (o.keep_going || t.bad == 0); i++) (void)run_one(o.first + i, o.trace, &t);
  }
  double took = seconds() - began;
  (void)printf("%" PRIu64 " seeds in %.1f s, %.0f a second: %" PRIu64 " violations; ", t.seeds, took,
               took > 0 ? (double)t.seeds / took : 0.0, t.bad);
  sim_figures_print(&t.figures);
  (void)putchar('\n');
  if (t.bad && !o.list) (void)printf("replay it: pl-sim --seed S --trace\n");
  (void)fflush(stdout); /* a leak checker that ends the process would lose it */
  free(world.scratch);
  free(world.wire);
  free(world.text);
  free(world.received);
  return t.bad ? 1 : 0;
}
