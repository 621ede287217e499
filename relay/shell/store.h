/* Registrations on disk. The store works in a thread of its own, in batches: the loop never waits for a disk.
 * Answers come back on the loop. Another database is another file that fills in these functions. */
#ifndef PL_SHELL_STORE_H
#define PL_SHELL_STORE_H

#include <uv.h>

#include "../core/relay.h"

typedef struct pl_store pl_store;

/* Called on the loop, once for each lookup that was asked, in no promised order. */
typedef void pl_store_done(void *user, pl_conn *conn, pl_registration result);

/* Opens or makes the database and brings it up to this version. NULL: the reason is in `why`. */
pl_store *pl_store_open(const char *path, uv_loop_t *loop, pl_store_done *done, void *user, char why[512]);
void pl_store_lookup(pl_store *store, pl_conn *conn, const uint8_t id[32], bool may_create);
/* Called after all answers of one batch. */
void pl_store_on_batch(pl_store *store, void (*batch)(void *user));
/* Finishes what was asked (without answers), closes the database. The loop must run once more before it is closed. */
void pl_store_close(pl_store *store);

#endif
