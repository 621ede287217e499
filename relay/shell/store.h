/* Registrations on disk. The store works in its own threads and in batches, so no loop waits for the disk, and the
 * lookup of a known ID waits for no writer. While the disk cannot be written, lookups of new IDs fail, and the store
 * keeps retrying. One database serves several loops, and each answer comes back on the loop that asked. Support for
 * another database would be another file with these functions. */
#ifndef PL_SHELL_STORE_H
#define PL_SHELL_STORE_H

#include <uv.h>

#include "../core/relay.h"

typedef struct pl_store pl_store;

/* Called on the loop once for each lookup, in any order. */
typedef void pl_store_done(void *user, pl_relay_conn *conn, pl_relay_registration result);

/* Opens or creates the database and brings it to this version. Returns NULL after an error; `why` says the reason. */
pl_store *pl_store_open(const char *path, uv_loop_t *loop, pl_store_done *done, void *user, char why[512]);
/* Opens the same database for another loop. Returns NULL when memory ran out. */
pl_store *pl_store_join(pl_store *store, uv_loop_t *loop, pl_store_done *done, void *user);
/* Looks up an ID; `done` is called with the answer. */
void pl_store_lookup(pl_store *store, pl_relay_conn *conn, const uint8_t id[32]);
/* Registers an ID unless it is registered: without a claim always, else only when the token that it claims is valid.
 * `done` is called with the answer. */
void pl_store_register(pl_store *store, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim);
/* Notes that this ID was linked with another, so that it is no longer deleted for being idle. Written in batches. Any
 * thread. */
void pl_store_linked(pl_store *store, const uint8_t id[32]);
/* From now on, deletes once a day the IDs that were not seen for this many days, were never linked and came without a
 * token. */
void pl_store_purge_after(pl_store *store, uint32_t days);
/* Returns whether the last read and the last write succeeded. The store keeps retrying a failed write. Any thread. */
bool pl_store_works(const pl_store *store);
/* Sets a function that is called after all answers of one batch. */
void pl_store_on_batch(pl_store *store, void (*batch)(void *user));
/* Finishes what its threads were handed, without answers, and closes the database. Close the first store first, then
 * those that joined it. The loops must not run while this happens, and each must run once more before it is closed. */
void pl_store_close(pl_store *store);

#endif
