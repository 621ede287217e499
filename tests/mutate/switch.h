/* Switches the mutants that tests/mutate writes into copies of the sources. The environment says which one is on:
 * PL_MUTANT, a number from 1. The sources themselves know nothing of it. */
#ifndef PL_MUTATE_SWITCH_H
#define PL_MUTATE_SWITCH_H

enum { PL_MUTANTS_MAX = 1 << 16 };

extern int pl_mutant_on;
extern unsigned char *pl_mutants_reached; /* a byte for each mutant, shared with child processes */

/* Says whether the mutant is on, and notes that it was reached. */
static inline int pl_mutant(int number) {
  pl_mutants_reached[number] = 1;
  return number == pl_mutant_on;
}

#endif
