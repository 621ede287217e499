/* The set of sockets of one thread: an epoll set, which also watches the thread's libuv loop with its timers, listeners
 * and messages of other threads. So a turn in which only sockets have something to do costs libuv nothing.
 *
 * A socket enters the set once and leaves it when its descriptor is closed. It is reported when something changes: when
 * bytes come, when it takes bytes again after it did not take all, when it ends. It is not reported again for what was
 * reported before (EPOLLET), so whoever leaves something unread must come back to it by himself. */
#ifndef PL_SHELL_SET_H
#define PL_SHELL_SET_H

#include <stdbool.h>
#include <sys/epoll.h>
#include <uv.h>

enum { PL_SET_EVENTS = 512 /* most that are reported in one turn */ };

/* What is reported of a socket. */
enum {
  PL_SET_READABLE = 1,
  PL_SET_WRITABLE = 2,
  PL_SET_HUNG_UP = 4, /* with PL_SET_READABLE: the end can be read, perhaps after bytes */
  PL_SET_BROKEN = 8   /* an error; what came before it can be read */
};

typedef struct pl_set {
  uv_loop_t *loop;
  int fd, count;
  bool full;        /* there may be more than was reported */
  bool missed;      /* the loop was reported by pl_set_more and is to be run in the next turn */
  uint64_t refused; /* sockets that could not be added */
  struct epoll_event events[PL_SET_EVENTS];
} pl_set;

/* Returns false after an error, which is in the log. */
bool pl_set_init(pl_set *set, uv_loop_t *loop);
void pl_set_deinit(pl_set *set);
/* Returns false when the system has no memory for another socket, which is in the log. `socket` is not NULL; what is
 * reported of the descriptor comes with it. */
bool pl_set_add(pl_set *set, int fd, void *socket);
/* Waits until something is reported or a timer of the loop is due, at once if `wait` is false. Then runs what is due in
 * the loop. Returns how many sockets are reported. */
int pl_set_wait(pl_set *set, bool wait);
/* Returns how many further sockets are reported, now in place of those before. */
int pl_set_more(pl_set *set);
/* Returns a socket that was reported, `at` from 0. `ready` is set to what was reported. */
static inline void *pl_set_get(const pl_set *set, int at, uint8_t *ready) {
  uint32_t e = set->events[at].events;
  *ready = (uint8_t)((e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP) ? PL_SET_READABLE : 0) |
                     (e & (EPOLLOUT | EPOLLHUP) ? PL_SET_WRITABLE : 0) |
                     (e & (EPOLLRDHUP | EPOLLHUP) ? PL_SET_HUNG_UP : 0) | (e & EPOLLERR ? PL_SET_BROKEN : 0));
  return set->events[at].data.ptr;
}

#endif
