#include "sigpipe.h"

#include <pthread.h>
#include <time.h>

static sigset_t sigpipe_alone(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

void pl_sigpipe_block(pl_sigpipe *s) {
  sigset_t pipe = sigpipe_alone(), pending;
  sigpending(&pending);
  s->pending = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &pipe, &s->before);
}

void pl_sigpipe_restore(const pl_sigpipe *s) {
  sigset_t pipe = sigpipe_alone();
  const struct timespec now = {0, 0};
  if (!s->pending) (void)sigtimedwait(&pipe, NULL, &now);
  pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}
