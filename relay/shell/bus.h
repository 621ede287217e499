/* Carries the core's bus (relay/core/bus.h) from worker to worker. bus_local.c does it between the threads of this
 * process. A bus between machines would be another file with these functions, with one worker here and the others
 * there.
 *
 * The bus is bounded: bytes for a worker that does not keep up are refused. They then wait in the sender's core, which
 * has rules for that. Each worker makes its calls and gets its callbacks on its own loop. */
#ifndef PL_SHELL_BUS_H
#define PL_SHELL_BUS_H

#include <uv.h>

#include "../core/relay.h"

typedef struct pl_bus pl_bus;

typedef struct pl_bus_user {
  void (*received)(void *user, unsigned from, uint8_t *data, size_t size); /* may modify data */
  void (*turn)(void *user); /* everything that came was handed over, or there is room again after a refusal */
  void *user;
} pl_bus_user;

/* Returns NULL when memory ran out. */
pl_bus *pl_bus_local_new(unsigned workers);
/* Connects a worker to the bus. Call this before any loop runs. */
void pl_bus_join(pl_bus *bus, unsigned worker, uv_loop_t *loop, const pl_bus_user *user);
/* Returns true when all bytes were taken. Otherwise none were, and `turn` is called once there is room. */
bool pl_bus_send(pl_bus *bus, unsigned from, unsigned to, pl_view bytes);
/* Disconnects a worker. Call this when no loop runs any more; each loop must then run once more. */
void pl_bus_leave(pl_bus *bus, unsigned worker);
/* Call this after all workers have left. */
void pl_bus_free(pl_bus *bus);

#endif
