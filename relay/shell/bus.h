/* What carries the engine's bus (relay/core/bus.h) from worker to worker. bus_local.c: the threads of this process.
 * A bus between machines is another file that fills in these functions, with one worker here and the others there.
 *
 * Bounded: a worker that does not keep up is refused further bytes; they then wait with the sender's engine, which has
 * rules for that. Each worker's calls and callbacks happen on its own loop. */
#ifndef PL_SHELL_BUS_H
#define PL_SHELL_BUS_H

#include <uv.h>

#include "../core/relay.h"

typedef struct pl_bus pl_bus;

typedef struct pl_bus_user {
  void (*received)(void *user, unsigned from, uint8_t *data, size_t size); /* may change the data */
  void (*turn)(void *user); /* all that came was handed over, or there is room again for what was refused */
  void *user;
} pl_bus_user;

/* NULL: out of memory. */
pl_bus *pl_bus_local_new(unsigned workers);
/* A worker's place, before any loop runs. */
void pl_bus_join(pl_bus *bus, unsigned worker, uv_loop_t *loop, const pl_bus_user *user);
/* True: all of it was taken. False: none, and `turn` will be called when there is room. */
bool pl_bus_send(pl_bus *bus, unsigned from, unsigned to, pl_view bytes);
/* When no loop runs any more; each must run once more. */
void pl_bus_leave(pl_bus *bus, unsigned worker);
void pl_bus_free(pl_bus *bus); /* when all have left */

#endif
