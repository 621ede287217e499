/* pl-mutate-seeds FIRST COUNT MUTANTS: runs seeds of the simulator, and writes a line for each to stdout, with a 1 for
 * each mutant from 1 on that the seed reached, and a 0 for the others.
 * pl-mutate-seeds try SEED…: runs these seeds and prints the first one that breaks a promise; a crash is one, too. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/sim_batch.h"
#include "switch.h"

static sim_world world;

static int print_reached(uint64_t first, uint64_t count, size_t mutants) {
  for (uint64_t seed = first; seed < first + count; seed++) {
    memset(pl_mutants_reached, 0, PL_MUTANTS_MAX);
    if (!sim_run(seed, false, &world)) {
      (void)fprintf(stderr, "seed %" PRIu64 " breaks a promise %s\n", seed, world.verdict);
      return 1;
    }
    for (size_t i = 1; i <= mutants; i++) (void)putchar(pl_mutants_reached[i] ? '1' : '0');
    (void)putchar('\n');
  }
  return 0;
}

static int try_seeds(char **seeds, int count) {
  for (int i = 0; i < count; i++) {
    (void)printf("%s\n", seeds[i]); /* before it runs, because it may crash */
    (void)fflush(stdout);
    if (!sim_run(strtoull(seeds[i], NULL, 10), false, &world)) return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (!sim_world_init(&world) || sodium_init() < 0) return 2;
  int code = 2;
  if (argc > 2 && strcmp(argv[1], "try") == 0)
    code = try_seeds(argv + 2, argc - 2);
  else if (argc == 4)
    code = print_reached(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
  sim_world_deinit(&world);
  return code;
}
