/* See switch.h. */
#include "switch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int pl_mutant_on;

static unsigned char nowhere[PL_MUTANTS_MAX];
unsigned char *pl_mutants_reached = nowhere;

/* The file is shared memory, so that children and programs that crash have noted what they reached, too. */
__attribute__((constructor)) static void read_environment(void) {
  const char *number = getenv("PL_MUTANT"), *path = getenv("PL_MUTANTS_REACHED");
  if (number) pl_mutant_on = (int)strtol(number, NULL, 10);
  int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (file < 0) return;
  if (ftruncate(file, PL_MUTANTS_MAX) == 0) {
    void *bytes = mmap(NULL, PL_MUTANTS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (bytes != MAP_FAILED) pl_mutants_reached = bytes;
  }
  (void)close(file);
}
