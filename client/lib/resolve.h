/* Names to addresses without blocking, on a libuv loop. Addresses in text skip the resolver. */
#ifndef PL_LIB_RESOLVE_H
#define PL_LIB_RESOLVE_H

#include <uv.h>

#include "race.h"

typedef struct pl_resolve pl_resolve;
typedef void pl_resolve_done(void *user, int error, const char *text, const pl_addresses *addresses);

/* Addresses come in the order in which they are to be tried. done is called from the loop, or at once for an address in
 * text (*out is NULL then), never after a cancel. */
int pl_resolve_start(uv_loop_t *loop, const char *host, pl_resolve_done *done, void *user,
                     pl_resolve **out) PL_MUST_USE;
void pl_resolve_cancel(pl_resolve *r); /* NULL is fine */
/* In a forked child, where the thread that looks the name up is missing. NULL is fine. */
void pl_resolve_abandon(pl_resolve *r);

#endif
