/* pl-sim-mutants: tries the deliberate bugs of mutations.def; see usage(). A bug is caught by one seed, which breaks a
 * promise, or by the bands of many. Every bug runs in processes of its own, since it may crash or hang. */
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim_bands.h"
#include "sim_batch.h"
#include "sim_watch.h"

enum {
  SEEDS_MAX = 3000, /* a bug that none of these catches is not caught */
  STEP_S = 2,       /* processor time until a step counts as endless */
  /* mutations.def must not shrink: raise these as it grows. */
  MUTATIONS_MIN = 120,
  RELAY_PERCENT_MIN = 50
};

int pl_mutation; /* the bug that is switched on; 0: none */

typedef struct mutation {
  const char *name, *file;
  uint64_t seed, bands; /* the seed that catches it, or how many seeds' bands do */
  bool missing;         /* its text is no longer in the sources */
} mutation;

static const mutation mutations[] = {
#include "mutations.h"
};
enum { MUTATIONS = sizeof mutations / sizeof *mutations };

/* What the process of one mutation leaves for the one that prints. */
typedef struct outcome {
  bool missed;
  uint64_t running; /* the seed that its child runs */
  size_t outside;   /* figures outside their bands */
  char text[512];   /* empty: nothing to say */
} outcome;

static sim_world world;
static outcome *outcomes;

/* ---- attempts: each in a child, which may die -------------------------------------------------------------------- */
typedef int attempt(outcome *o, uint64_t first, uint64_t count);

static int try_seeds(outcome *o, uint64_t first, uint64_t count) {
  sim_watch_start(&world, "", STEP_S);
  for (o->running = first; o->running < first + count; o->running++) {
    if (!sim_run(o->running, false, &world)) return 1;
  }
  return 0;
}

static int try_bands(outcome *o, uint64_t first, uint64_t count) {
  sim_batch b = {.first = first, .count = count, .processes = 1, .silent = true, .replay = "", .step_s = STEP_S};
  sim_bands bands;
  o->running = o->outside = 0;
  if (!sim_batch_run(&b, &world)) {
    o->running = b.lowest_bad;
    return 1;
  }
  if (!sim_bands_read(PL_SIM_BANDS, count, &bands)) return 0;
  o->outside = sim_bands_judge(&bands, &b, true);
  (void)fflush(stdout);
  return o->outside ? 1 : 0;
}

/* Returns whether the attempt fails with mutation number `which`; 0 stands for no mutation. */
static bool fails(int which, attempt *a, outcome *o, uint64_t first, uint64_t count, bool talk) {
  int status = 0;
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int nowhere = open("/dev/null", O_WRONLY); /* a crash is welcome */
    if (nowhere >= 0) (void)dup2(nowhere, STDERR_FILENO);
    if (nowhere >= 0 && !talk) (void)dup2(nowhere, STDOUT_FILENO);
    pl_mutation = which;
    _exit(a(o, first, count));
  }
  if (child < 0 || waitpid(child, &status, 0) != child) {
    perror("fork");
    exit(1);
  }
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */
static void say(outcome *o, bool missed, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(outcome *o, bool missed, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(o->text, sizeof o->text, format, args);
  va_end(args);
  o->missed |= missed;
}

static void check_seed(int which, const mutation *m, outcome *o) {
  bool caught = m->seed && fails(which, try_seeds, o, m->seed, 1, false);
  uint64_t seed = m->seed;
  if (!caught && fails(which, try_seeds, o, 1, SEEDS_MAX, false)) {
    caught = true;
    seed = o->running;
    say(o, false, "%s: seed %" PRIu64 " catches it, no longer %" PRIu64, m->name, seed, m->seed);
  }
  if (!caught) {
    say(o, true, "%s is not caught by %d seeds", m->name, SEEDS_MAX);
  } else if (fails(0, try_seeds, o, seed, 1, false)) {
    say(o, true, "%s: seed %" PRIu64 " fails without it, too", m->name, seed);
  }
}

static void check_bands(int which, const mutation *m, outcome *o) {
  if (!fails(which, try_bands, o, 1, m->bands, false))
    say(o, true, "%s stays within the bands of %" PRIu64 " seeds", m->name, m->bands);
  else if (o->outside == 0)
    say(o, false, "%s needs no bands: seed %" PRIu64 " catches it", m->name, o->running);
}

static void check_one(size_t i) {
  const mutation *m = &mutations[i];
  if (m->missing)
    say(&outcomes[i], true, "%s is no longer in the sources: see mutations.def", m->name);
  else if (m->bands)
    check_bands((int)i + 1, m, &outcomes[i]);
  else
    check_seed((int)i + 1, m, &outcomes[i]);
}

/* Runs check_one for all, some at once, and prints what they say in the order of mutations.def. */
static int check_each(void) {
  pid_t pids[MUTATIONS] = {0};
  size_t next = 0, printed = 0, running = 0;
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  int missed = 0, status;
  while (printed < MUTATIONS) {
    for (; next < MUTATIONS && (long)running < processors; next++, running++) {
      (void)fflush(stdout);
      pids[next] = fork();
      if (pids[next] == 0) {
        check_one(next);
        _exit(0);
      }
      if (pids[next] < 0) return perror("fork"), 1;
    }
    pid_t ended = wait(&status);
    for (size_t i = 0; i < next; i++) {
      if (pids[i] != ended) continue;
      pids[i] = 0;
      running--;
      if (status != 0) say(&outcomes[i], true, "%s: its check ended with status %d", mutations[i].name, status);
    }
    for (; printed < next && !pids[printed]; printed++) {
      if (*outcomes[printed].text) (void)printf("%s\n", outcomes[printed].text);
      missed += outcomes[printed].missed;
    }
  }
  return missed;
}

/* The figures without a bug must be in each band that catches one, or anything would be caught. */
static int check_no_bug(void) {
  int wrong = 0;
  for (size_t i = 0; i < MUTATIONS; i++) {
    uint64_t seeds = mutations[i].bands;
    sim_bands bands;
    bool first = seeds > 0;
    for (size_t k = 0; k < i; k++) first &= mutations[k].bands != seeds;
    if (!first) continue;
    if (!sim_bands_read(PL_SIM_BANDS, seeds, &bands) || bands.seeds != seeds) {
      (void)printf("%s: there are no bands for %" PRIu64 " seeds\n", mutations[i].name, seeds);
      wrong++;
    } else if (fails(0, try_bands, &outcomes[i], 1, seeds, true)) {
      (void)printf("the figures of %" PRIu64 " seeds are outside their bands without any bug\n", seeds);
      wrong++;
    }
  }
  return wrong;
}

static int check_counts(void) {
  int relay = 0;
  for (size_t i = 0; i < MUTATIONS; i++) relay += strncmp(mutations[i].file, "relay/", 6) == 0;
  (void)printf("%d deliberate bugs, %d of them in the relay\n", MUTATIONS, relay);
  if (MUTATIONS >= MUTATIONS_MIN && relay * 100 >= RELAY_PERCENT_MIN * MUTATIONS) return 0;
  (void)printf("there must be at least %d, and %d %% of them in the relay\n", MUTATIONS_MIN, RELAY_PERCENT_MIN);
  return 1;
}

static int check(void) {
  int missed = check_no_bug() + check_each();
  if (missed) (void)printf("%d are not caught as they should be\n", missed);
  return check_counts() + missed;
}

/* ---- one of them ------------------------------------------------------------------------------------------------- */
static int find(const char *name) {
  int missed = 0, found = 0;
  for (int i = 0; i < MUTATIONS; i++) {
    const mutation *m = &mutations[i];
    outcome *o = &outcomes[i];
    if (name && strcmp(name, m->name) != 0) continue;
    found++;
    bool caught =
        m->bands ? fails(i + 1, try_bands, o, 1, m->bands, true) : fails(i + 1, try_seeds, o, 1, SEEDS_MAX, false);
    missed += !caught;
    if (m->bands && o->outside)
      (void)printf("%s: %zu figures outside the bands of %" PRIu64 " seeds\n", m->name, o->outside, m->bands);
    else
      (void)printf("%s %" PRIu64 "\n", m->name, caught ? o->running : 0);
  }
  if (found == 0) (void)printf("there is no bug %s\n", name);
  return missed + (found == 0);
}

/* Runs one seed in this process with a bug switched on. */
static int run(const char *name, uint64_t seed, bool trace) {
  static char replay[128];
  for (int i = 0; i < MUTATIONS; i++) {
    if (strcmp(name, mutations[i].name) == 0) pl_mutation = i + 1;
  }
  if (pl_mutation == 0) {
    (void)printf("there is no bug %s\n", name);
    return 1;
  }
  if (trace) (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  (void)snprintf(replay, sizeof replay, "pl-sim-mutants --run %s", name);
  sim_batch b = {.first = seed, .count = 1, .processes = 1, .trace = trace, .replay = replay, .step_s = STEP_S};
  bool good = sim_batch_run(&b, &world);
  if (good) (void)printf("seed %" PRIu64 " succeeds\n", seed);
  sim_batch_deinit(&b);
  return good ? 0 : 1;
}

static int usage(FILE *to, int code) {
  (void)fprintf(to,
                "usage: pl-sim-mutants                            check that each bug is caught as mutations.def says\n"
                "       pl-sim-mutants --find [NAME]              find what catches each, or one\n"
                "       pl-sim-mutants --run NAME --seed S [--trace]   run one seed with a bug\n");
  return code;
}

int main(int argc, char **argv) {
  int code = -1;
  outcomes = mmap(NULL, MUTATIONS * sizeof *outcomes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (outcomes == MAP_FAILED || !sim_world_init(&world) || sodium_init() < 0) return 1;
  if (argc == 1)
    code = check() ? 1 : 0;
  else if (argc <= 3 && strcmp(argv[1], "--find") == 0)
    code = find(argv[2]) ? 1 : 0;
  else if (argc >= 5 && strcmp(argv[1], "--run") == 0 && strcmp(argv[3], "--seed") == 0)
    code = run(argv[2], strtoull(argv[4], NULL, 10), argc > 5 && strcmp(argv[5], "--trace") == 0);
  else if (argc == 2 && strcmp(argv[1], "--help") == 0)
    code = usage(stdout, 0);
  sim_world_deinit(&world);
  return code < 0 ? usage(stderr, 2) : code;
}
