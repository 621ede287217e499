/* Watches the run of a seed: when the process crashes, or one step does not end, the seed is printed before the process
 * ends. Works beside the sanitizers, whose reports follow or precede the line. */
#ifndef PL_SIM_WATCH_H
#define PL_SIM_WATCH_H

#include "sim.h"

enum {
  SIM_WATCH_STEP_S = 20, /* processor time that one step may take, also under a sanitizer or on a slow machine */
  SIM_WATCH_HANGS = 4    /* exit code of a process with a step that does not end */
};

/* Watches `w`, which sim_run fills, in this process: forked ones need a call of their own. `replay` is the command that
 * the line names, without the seed. Both are borrowed until sim_watch_end. `step_s` is at least 2. */
void sim_watch_start(const sim_world *w, const char *replay, unsigned step_s);
/* From now on nothing is printed. */
void sim_watch_end(void);

#endif
