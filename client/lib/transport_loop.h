/* The libuv loops of transports. A loop can outlive its transport: a name lookup that runs in libuv's thread pool
 * cannot be cancelled and may take half a minute. Such a loop is closed later, when another transport is created or
 * freed. */
#ifndef PL_LIB_TRANSPORT_LOOP_H
#define PL_LIB_TRANSPORT_LOOP_H

#include <stdbool.h>
#include <uv.h>

/* Returns a new loop, or NULL when memory or descriptors ran out. Also closes loops that were left over. Any thread. */
uv_loop_t *pl_transport_loop_new(void);
/* Closes and frees the loop now, or later if a name lookup is still running. Its handles must be closing. */
void pl_transport_loop_free(uv_loop_t *loop);
/* Keeps the loop for ever, because it must not run again. */
void pl_transport_loop_abandon(uv_loop_t *loop);
/* In a forked child: gives the loop an epoll descriptor of its own. Returns false when that failed. */
bool pl_transport_loop_fork(uv_loop_t *loop);

#endif
