/* See sim_batch.h. Processes take blocks of seeds in ascending order from a counter in shared memory, and leave their
 * sums there. The one that started them tells how those ended that cannot tell it themselves. */
#include "sim_batch.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim_watch.h"

struct sim_batch_shared {
  size_t size; /* of this mapping */
  _Atomic uint64_t next_block, seeds, bad, lowest_bad;
  _Atomic uint64_t running[SIM_WORKERS_MAX]; /* the seed that each process runs */
  sim_figures blocks[];
};

/* Each relay has tables that are large and almost empty. Fresh pages of the system are zero, so calloc() need not clear
 * them, and what is not touched costs nothing. By default malloc() soon keeps such blocks, and calloc() clears them. */
static void leave_large_tables_untouched(void) {
  enum { LARGE = 384 * 1024, KEPT = 64 * 1024 * 1024 };
  (void)mallopt(M_MMAP_THRESHOLD, LARGE);
  (void)mallopt(M_TRIM_THRESHOLD, KEPT);
}

bool sim_world_init(sim_world *w) {
  leave_large_tables_untouched();
  w->scratch = malloc(SIM_SCRATCH);
  w->wire = malloc(SIM_SCRATCH);
  w->text = malloc(SIM_TEXT);
  w->received = malloc(2 * SIM_SCRATCH);
  return w->scratch && w->wire && w->text && w->received;
}

void sim_world_deinit(sim_world *w) {
  free(w->scratch);
  free(w->wire);
  free(w->text);
  free(w->received);
}

static void note_bad(sim_batch_shared *shared, uint64_t seed) {
  uint64_t lowest = atomic_load(&shared->lowest_bad);
  while (seed < lowest && !atomic_compare_exchange_weak(&shared->lowest_bad, &lowest, seed)) continue;
}

static void report(const sim_batch *b, const sim_world *w) {
  if (b->silent) return;
  (void)printf("seed %" PRIu64 " breaks a promise %s\nreplay it: %s --seed %" PRIu64 " --trace\n", w->seed, w->verdict,
               b->replay, w->seed);
  (void)fflush(stdout);
}

static void run_seed(sim_batch *b, sim_world *w, uint64_t seed, sim_figures *sum) {
  bool good = sim_run(seed, b->trace, w);
  sim_figures_add(sum, &w->figures);
  atomic_fetch_add(&b->shared->seeds, 1);
  if (good) return;
  atomic_fetch_add(&b->shared->bad, 1);
  note_bad(b->shared, seed);
  report(b, w);
}

static void work(sim_batch *b, sim_world *w, unsigned process) {
  sim_batch_shared *shared = b->shared;
  uint64_t block;
  w->shakes = b->shakes;
  while ((block = atomic_fetch_add(&shared->next_block, 1)) < b->block_count) {
    for (uint64_t i = block * SIM_BLOCK_SEEDS; i < (block + 1) * SIM_BLOCK_SEEDS && i < b->count; i++) {
      uint64_t seed = b->first + i;
      if (!b->keep_going && seed > atomic_load(&shared->lowest_bad)) return;
      atomic_store(&shared->running[process], seed);
      run_seed(b, w, seed, &shared->blocks[block]);
    }
  }
}

static pid_t start_process(sim_batch *b, sim_world *w, unsigned process) {
  pid_t parent = getpid(), child = fork();
  if (child != 0) return child;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  sim_watch_start(w, b->replay, b->step_s ? b->step_s : SIM_WATCH_STEP_S);
  work(b, w, process);
  sim_watch_end();
  exit(0); /* leak checkers and coverage work then */
}

/* A process that did not end well ran a seed that is as bad as one that breaks a promise. */
static void judge_end(sim_batch *b, unsigned process, int status) {
  uint64_t seed = atomic_load(&b->shared->running[process]);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  atomic_fetch_add(&b->shared->bad, 1);
  note_bad(b->shared, seed);
  if (WIFSIGNALED(status))
    (void)printf("a process ended by signal %d while it ran seed %" PRIu64 "\n", WTERMSIG(status), seed);
  else
    (void)printf("a process ended with code %d while it ran seed %" PRIu64 "\n", WEXITSTATUS(status), seed);
  (void)fflush(stdout);
}

static void work_in_processes(sim_batch *b, sim_world *w) {
  pid_t pids[SIM_WORKERS_MAX];
  (void)fflush(stdout);
  for (unsigned i = 0; i < b->processes; i++) {
    pids[i] = start_process(b, w, i);
    if (pids[i] < 0) {
      perror("fork");
      exit(1); /* the others end with this one */
    }
  }
  for (unsigned left = b->processes; left > 0;) {
    int status;
    pid_t ended = wait(&status);
    for (unsigned i = 0; i < b->processes; i++) {
      if (pids[i] != ended) continue;
      judge_end(b, i, status);
      left--;
    }
  }
}

static bool share(sim_batch *b) {
  b->block_count = (size_t)((b->count + SIM_BLOCK_SEEDS - 1) / SIM_BLOCK_SEEDS);
  size_t size = sizeof(sim_batch_shared) + b->block_count * sizeof(sim_figures);
  b->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (b->shared == MAP_FAILED) {
    perror("mmap");
    b->shared = NULL;
    return false;
  }
  b->shared->size = size;
  b->blocks = b->shared->blocks;
  atomic_store(&b->shared->lowest_bad, UINT64_MAX);
  return true;
}

bool sim_batch_run(sim_batch *b, sim_world *w) {
  if (!share(b)) return false;
  if (b->processes > SIM_WORKERS_MAX) b->processes = SIM_WORKERS_MAX;
  if (b->processes > 1) {
    work_in_processes(b, w);
  } else {
    sim_watch_start(w, b->replay, b->step_s ? b->step_s : SIM_WATCH_STEP_S);
    work(b, w, 0);
    sim_watch_end();
  }
  b->seeds = atomic_load(&b->shared->seeds);
  b->bad = atomic_load(&b->shared->bad);
  b->lowest_bad = atomic_load(&b->shared->lowest_bad);
  uint64_t begun = atomic_load(&b->shared->next_block); /* reading the others would give them memory */
  if (begun < b->block_count) b->block_count = (size_t)begun;
  for (size_t i = 0; i < b->block_count; i++) sim_figures_add(&b->sum, &b->blocks[i]);
  return b->bad == 0;
}

void sim_batch_deinit(sim_batch *b) {
  if (b->shared) (void)munmap(b->shared, b->shared->size);
  b->shared = NULL;
  b->blocks = NULL;
}
