/* Looks up the addresses of a name without blocking, on a libuv loop. */
#ifndef PL_LIB_RESOLVE_H
#define PL_LIB_RESOLVE_H

#include <uv.h>

#include "race.h"

typedef struct pl_resolve pl_resolve;
typedef void pl_resolve_done(void *user, int error, const char *text, const pl_addresses *addresses);

/* Calls done once, from the loop, with the addresses in the order in which to try them, or with an error and why. If
 * host is an address itself, done is called before this returns, and *out is NULL. done is never called after a cancel.
 */
int pl_resolve_start(uv_loop_t *loop, const char *host, pl_resolve_done *done, void *user,
                     pl_resolve **out) PL_MUST_USE;
/* Cancels a lookup; its `done` is not called. NULL is fine. */
void pl_resolve_cancel(pl_resolve *r);
/* Cancels in a forked child, where the thread that does the lookup does not exist. NULL is fine. */
void pl_resolve_abandon(pl_resolve *r);

#endif
