/* pl-sim-mutants: tries the deliberate bugs of mutations.def. Without arguments, checks that each is caught by its seed
 * and that the seed succeeds without it. --find [NAME] searches for a seed that catches each. Every bug runs in a
 * process of its own, since it may crash. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

enum { SEEDS_MAX = 10000, PATIENCE_S = 300 };

int pl_mutation;

typedef struct mutation {
  const char *name;
  uint64_t seed;
  bool missing; /* its text is no longer in the sources */
} mutation;

static const mutation mutations[] = {
#include "mutations.h"
};

static sim_world world;
static uint64_t *progress; /* the seed that a child is running */

static int try_seeds(uint64_t first, uint64_t count) {
  (void)alarm(PATIENCE_S);
  for (*progress = first; *progress < first + count; ++*progress) {
    if (!sim_run(*progress, false, &world)) return 1;
  }
  return 0;
}

/* Returns the first seed from `first` on that catches mutation number `which`, or 0 when none of them does. */
static uint64_t caught_by(int which, uint64_t first, uint64_t count) {
  int status = 0;
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    pl_mutation = which;
    _exit(try_seeds(first, count));
  }
  if (child < 0 || waitpid(child, &status, 0) != child) {
    perror("fork");
    exit(1);
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : *progress;
}

static int find(const char *name) {
  int missed = 0;
  for (size_t i = 0; i < sizeof mutations / sizeof *mutations; i++) {
    if (name && strcmp(name, mutations[i].name) != 0) continue;
    uint64_t seed = caught_by((int)i + 1, 1, SEEDS_MAX);
    (void)printf("%s %" PRIu64 "\n", mutations[i].name, seed);
    missed += seed == 0;
  }
  return missed;
}

static int check(void) {
  int missed = 0;
  size_t count = sizeof mutations / sizeof *mutations;
  for (size_t i = 0; i < count; i++) {
    const mutation *m = &mutations[i];
    if (m->missing) {
      (void)printf("%s is no longer in the sources: see mutations.def\n", m->name);
      missed++;
      continue;
    }
    uint64_t seed = caught_by((int)i + 1, m->seed, 1);
    if (seed == 0) {
      seed = caught_by((int)i + 1, 1, SEEDS_MAX);
      (void)printf("%s: seed %" PRIu64 " catches it, no longer %" PRIu64 "\n", m->name, seed, m->seed);
    }
    if (seed == 0 || caught_by(0, seed, 1) != 0) {
      (void)printf("%s is not caught by 10,000 seeds, or its seed fails without it\n", m->name);
      missed++;
    }
  }
  (void)printf("%zu deliberate bugs, %d of them not caught as they should be\n", count, missed);
  return missed;
}

int main(int argc, char **argv) {
  progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  world.scratch = malloc(SIM_SCRATCH);
  world.wire = malloc(SIM_SCRATCH);
  world.text = malloc(SIM_TEXT);
  world.received = malloc(2 * SIM_SCRATCH);
  if (progress == MAP_FAILED || !world.scratch || !world.wire || !world.text || !world.received || sodium_init() < 0)
    return 1;
  int missed;
  if (argc > 1 && strcmp(argv[1], "--find") == 0)
    missed = find(argc > 2 ? argv[2] : NULL);
  else
    missed = check();
  free(world.scratch);
  free(world.wire);
  free(world.text);
  free(world.received);
  return missed ? 1 : 0;
}
