/* The line of sockets that move much (turns.h): a set of epoll of its own, which the loop watches as one descriptor.
 *
 * The kernel's list of ready descriptors is the line. Whoever is taken from it goes to its end if he is still ready, so
 * all get their turns. A socket that is not taken costs nothing, while the loop itself would report it in every turn.
 */
#ifndef PL_SHELL_BULK_H
#define PL_SHELL_BULK_H

#include <sys/epoll.h>
#include <uv.h>

#include "turns.h"

typedef struct pl_bulk {
  uv_poll_t poll;
  int fd;
  bool ready; /* the loop has reported the set in this turn */
  size_t count;
  uint64_t started_ns; /* when the first other socket of this turn was served; 0: none was, or there is no bulk */
  pl_turns turns;
} pl_bulk;

/* Serves a socket. `events`: UV_READABLE and UV_WRITABLE, as watched; `broken`: after an error. `few` is true when it
 * may read as much as there is. */
typedef void (*pl_bulk_serve)(void *socket, bool broken, int events, bool few);

/* Returns false after an error, which is in the log. */
bool pl_bulk_init(pl_bulk *bulk, uv_loop_t *loop);
/* Closes the set. The caller runs the loop afterwards. */
void pl_bulk_deinit(pl_bulk *bulk);
/* Watches a socket that is not in the set. Returns false when the system has no memory for it. */
bool pl_bulk_add(pl_bulk *bulk, int fd, int events, void *socket);
void pl_bulk_change(pl_bulk *bulk, int fd, int events, void *socket);
/* Call this before the descriptor is closed. */
void pl_bulk_remove(pl_bulk *bulk, int fd);
/* Call this before another socket is served. */
static inline void pl_bulk_other(pl_bulk *bulk) {
  if (bulk->count && !bulk->started_ns) bulk->started_ns = uv_hrtime();
}
/* Serves the share of this turn, if the set was reported. Returns false when it was not. A socket that `serve` handles
 * may leave the set, and others may enter it; no other may leave it. */
bool pl_bulk_turn(pl_bulk *bulk, pl_bulk_serve serve);

#endif
