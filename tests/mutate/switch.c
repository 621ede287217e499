/* See switch.h. */
#include "switch.h"

#include <stdlib.h>
#include <sys/mman.h>

int pl_mutant_on;

static unsigned char own[PL_MUTANTS_MAX];
unsigned char *pl_mutants_reached = own;

__attribute__((constructor)) static void read_environment(void) {
  const char *number = getenv("PL_MUTANT");
  if (number) pl_mutant_on = (int)strtol(number, NULL, 10);
  void *shared = mmap(NULL, PL_MUTANTS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared != MAP_FAILED) pl_mutants_reached = shared;
}
