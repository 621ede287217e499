#include "transport_loop.h"

#include <pthread.h>
#include <unistd.h>

#include "../core/base/base.h"
#include "low_fds.h"
#include "process.h"

typedef struct own_loop {
  uv_loop_t loop;
  pl_process process; /* the process to which the loop belongs */
  struct own_loop *next;
} own_loop;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of both lists */
static own_loop *left_over;                               /* to be closed later */
static own_loop *abandoned;                               /* reachable for leak checkers, never run again */

static void close_left_over(void) {
  pthread_mutex_lock(&mutex);
  for (own_loop **at = &left_over; *at;) {
    own_loop *o = *at;
    if (pl_process_is_another(&o->process)) { /* a forked child shares its descriptors and lacks its threads */
      at = &o->next;
      continue;
    }
    (void)uv_run(&o->loop, UV_RUN_NOWAIT);
    if (uv_loop_close(&o->loop) == 0) {
      *at = o->next;
      pl_free(o);
    } else {
      at = &o->next;
    }
  }
  pthread_mutex_unlock(&mutex);
}

static void loop_put(own_loop **list, own_loop *o) {
  pthread_mutex_lock(&mutex);
  o->next = *list;
  *list = o;
  pthread_mutex_unlock(&mutex);
}

/* When libuv cannot get all its descriptors, it leaves the first one open. */
static bool loop_init(uv_loop_t *loop) {
  if (uv_loop_init(loop) == 0) return true;
  if (uv_backend_fd(loop) > STDERR_FILENO) close(uv_backend_fd(loop));
  return false;
}

uv_loop_t *pl_transport_loop_new(void) {
  close_left_over();
  own_loop *o = pl_alloc(sizeof *o);
  if (!o || !loop_init(&o->loop)) {
    pl_free(o);
    return NULL;
  }
  o->process = pl_process_now();
  return &o->loop;
}

void pl_transport_loop_free(uv_loop_t *loop) {
  own_loop *o = PL_CONTAINER(loop, own_loop, loop);
  if (uv_loop_close(loop) == 0)
    pl_free(o);
  else
    loop_put(&left_over, o);
}

void pl_transport_loop_abandon(uv_loop_t *loop) {
  loop_put(&abandoned, PL_CONTAINER(loop, own_loop, loop));
}

bool pl_transport_loop_fork(uv_loop_t *loop) {
  PL_CONTAINER(loop, own_loop, loop)->process = pl_process_now();
  pl_low_fds_hold(); /* the child of a daemon may have closed its standard streams */
  bool forked = uv_loop_fork(loop) == 0;
  pl_low_fds_release();
  return forked;
}
