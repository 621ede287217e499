/* A line of sockets that wait for their share of a turn (turns.h): a set of epoll of its own, which the loop watches as
 * one descriptor.
 *
 * The kernel's list of ready descriptors is the line. Whoever is taken from it goes to its end if he is still ready, so
 * all get their turns. A socket that is not taken costs nothing, while the loop itself would report it in every turn.
 */
#ifndef PL_SHELL_LINE_H
#define PL_SHELL_LINE_H

#include <sys/epoll.h>
#include <uv.h>

#include "turns.h"

typedef struct pl_line {
  uv_poll_t poll;
  int fd;
  bool ready; /* somebody waits, as far as the loop has reported */
  pl_turns turns;
} pl_line;

/* Serves a socket. `events`: UV_READABLE and UV_WRITABLE, as watched; `broken`: after an error. `few` is true when at
 * most PL_TURNS_FEW were taken from the line together. */
typedef void (*pl_line_serve)(void *socket, bool broken, int events, bool few);

/* Returns false after an error, which is in the log. `most` is for pl_turns_init. */
bool pl_line_init(pl_line *line, uv_loop_t *loop, unsigned most);
/* Closes the set. The caller runs the loop afterwards. */
void pl_line_deinit(pl_line *line);
/* Watches a socket that is not in the set. Returns false when the system has no memory for it. */
bool pl_line_add(pl_line *line, int fd, int events, void *socket);
void pl_line_change(pl_line *line, int fd, int events, void *socket);
/* Call this before the descriptor is closed. */
void pl_line_remove(pl_line *line, int fd);
/* Serves as many as `wanted`, at most PL_TURNS_MOST, of those that are ready. Returns how many were. A socket that
 * `serve` handles may leave the set, and others may enter it; no other may leave it. */
unsigned pl_line_next(pl_line *line, unsigned wanted, pl_line_serve serve);

#endif
