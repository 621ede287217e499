/* make-traces FIRST COUNT: writes the trace of a random run for each seed to stdout, one JSON object per line.
 * web/client/test/random_traces.test.js checks that the JavaScript session does the same. */
#include <stdio.h>
#include <stdlib.h>

#include "random_session.h"

int main(int argc, char **argv) {
  if (argc != 3) {
    (void)fprintf(stderr, "usage: make-traces FIRST COUNT\n");
    return 2;
  }
  unsigned long long first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
  for (unsigned long long seed = first; seed < first + count; seed++) {
    json_t *trace = random_session(seed);
    if (json_dumpf(trace, stdout, JSON_COMPACT) || putchar('\n') == EOF) return 1;
    json_decref(trace);
  }
  return fflush(stdout) ? 1 : 0;
}
