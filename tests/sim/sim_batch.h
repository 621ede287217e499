/* A batch: many seeds in one process or in several, and what they counted. */
#ifndef PL_SIM_BATCH_H
#define PL_SIM_BATCH_H

#include "sim.h"

enum { SIM_BLOCK_SEEDS = 100, SIM_WORKERS_MAX = 256 };

typedef struct sim_batch_shared sim_batch_shared;

typedef struct sim_batch {
  uint64_t first, count;
  bool keep_going;    /* also after a seed that breaks a promise */
  bool trace;         /* in this process only */
  bool silent;        /* says nothing about seeds that break a promise */
  unsigned processes; /* 1: this one */
  unsigned shakes;    /* see sim_world */
  unsigned step_s;    /* of sim_watch_start; 0: SIM_WATCH_STEP_S */
  const char *replay; /* the command that replays a seed, for reports */
  /* results */
  uint64_t seeds, bad, lowest_bad; /* run; of these, bad ones; UINT64_MAX when there is none */
  sim_figures *blocks;             /* sums of each SIM_BLOCK_SEEDS seeds */
  size_t block_count;
  sim_figures sum;
  sim_batch_shared *shared;
} sim_batch;

/* Gives a world the memory that all runs use. Returns false when there is none. */
bool sim_world_init(sim_world *w);
void sim_world_deinit(sim_world *w);

/* Runs the seeds. Without keep_going, the seeds below the lowest bad one are still run, so it is the same however many
 * processes there are. Returns false when a seed was bad or a process did not end well. */
bool sim_batch_run(sim_batch *b, sim_world *w);
void sim_batch_deinit(sim_batch *b);

#endif
