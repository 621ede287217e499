/* Keeps SIGPIPE away from the host while OpenSSL writes, which it does without MSG_NOSIGNAL. */
#ifndef PL_LIB_SIGPIPE_H
#define PL_LIB_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

typedef struct pl_sigpipe {
  sigset_t before;
  bool pending;
} pl_sigpipe;

/* Blocks the signal for this thread. */
void pl_sigpipe_block(pl_sigpipe *s);
/* Discards one that came since, and restores what was. */
void pl_sigpipe_restore(const pl_sigpipe *s);

#endif
