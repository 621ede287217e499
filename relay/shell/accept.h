/* The listeners of one server: accepts connections, a few per turn. When no descriptor is left, it refuses those that
 * come, so that their clients do not wait. */
#ifndef PL_SHELL_ACCEPT_H
#define PL_SHELL_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "listen.h"

enum { PL_ACCEPT_LISTENERS_MAX = 16 };

typedef struct pl_accept pl_accept;

typedef struct pl_accept_listener {
  uv_poll_t poll;
  pl_accept *owner;
  int fd;
} pl_accept_listener;

struct pl_accept {
  uv_loop_t *loop;
  /* Takes over an accepted descriptor, which does not block. Returns false when that failed; it is closed then. */
  bool (*adopt)(void *user, int fd, const struct sockaddr_storage *from);
  void *user;
  bool slowly; /* set by the owner: one connection per turn, because others wait */
  pl_accept_listener listeners[PL_ACCEPT_LISTENERS_MAX];
  size_t count;
  uv_timer_t shortage;      /* runs while accepting is paused */
  uint64_t refused, pauses; /* at the limit of open files */
  int spare_fd;             /* closed for a moment to refuse a connection at the limit of open files; -1: lost */
  bool stopped;
};

/* `adopt`, `user` and `loop` are set. The structure must not move afterwards. */
void pl_accept_init(pl_accept *a);
/* Listens on "HOST:PORT"; see pl_server_listen. */
int pl_accept_listen(pl_accept *a, const char *address, pl_server_ports ports, char why[256]);
/* Accepts nothing more. The loop closes the listeners when it runs next. */
void pl_accept_stop(pl_accept *a);
/* Stops. The loop must run afterwards, and then pl_accept_deinit is called. */
void pl_accept_close(pl_accept *a);
void pl_accept_deinit(pl_accept *a);

/* Returns how many files this process may open. */
uint64_t pl_accept_fd_limit(void);

#endif
