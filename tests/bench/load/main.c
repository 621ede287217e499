/* pl-bench-load: see load.h. */
#include <signal.h>
#include <sys/resource.h>

#include "load.h"

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
  static bench_gen gen; /* large: the histogram */
  bench_options options;
  int rc = bench_options_parse(&options, argc, argv);
  if (rc != 0) return rc - 1;
  if (options.mode == BENCH_MODE_SIGNATURES) return bench_mode_signatures(&options);
  signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  rc = bench_gen_init(&gen, &options);
  if (rc != 0) {
    fprintf(stderr, "pl-bench-load: %s\n", pl_error_text(rc));
    return 1;
  }
  switch (options.mode) {
    case BENCH_MODE_STORM:
      rc = bench_mode_storm(&gen);
      break;
    case BENCH_MODE_OUTAGE:
      rc = bench_mode_outage(&gen);
      break;
    case BENCH_MODE_DEPARTURES:
      rc = bench_mode_departures(&gen);
      break;
    default:
      rc = bench_mode_cell(&gen);
      break;
  }
  bench_gen_deinit(&gen);
  return rc;
}
