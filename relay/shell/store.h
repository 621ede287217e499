/* Registrations on disk. The store works in threads of its own, in batches: no loop waits for a disk, and a known ID
 * waits for no writer. What cannot be stored FAILS, until it can: the store tries by itself. One database serves
 * several loops; answers come back on the loop that asked. Another database is another file that fills in these
 * functions. */
#ifndef PL_SHELL_STORE_H
#define PL_SHELL_STORE_H

#include <uv.h>

#include "../core/relay.h"

typedef struct pl_store pl_store;

/* Called on the loop, once for each lookup that was asked, in no promised order. */
typedef void pl_store_done(void *user, pl_relay_conn *conn, pl_relay_registration result);

/* Opens or makes the database and brings it up to this version. NULL: the reason is in `why`. */
pl_store *pl_store_open(const char *path, uv_loop_t *loop, pl_store_done *done, void *user, char why[512]);
/* The same database for another loop. NULL: out of memory. */
pl_store *pl_store_join(pl_store *store, uv_loop_t *loop, pl_store_done *done, void *user);
void pl_store_lookup(pl_store *store, pl_relay_conn *conn, const uint8_t id[32], bool may_create);
/* The same, with a token that lets an ID that is not there in although it may not be made; NULL: none. */
void pl_store_lookup_with(pl_store *store, pl_relay_conn *conn, const uint8_t id[32], bool may_create,
                          const pl_relay_token_claim *token);
/* This ID was linked with somebody: it is no more deleted for being idle. Written in batches; from any thread. */
void pl_store_linked(pl_store *store, const uint8_t id[32]);
/* From now on, once a day: IDs that were not seen for so long, never linked, and came without a token are deleted. */
void pl_store_purge_after(pl_store *store, uint32_t days);
/* Whether its last reading and its last writing worked. It tries by itself every minute. From any thread. */
bool pl_store_works(const pl_store *store);
/* Called after all answers of one batch. */
void pl_store_on_batch(pl_store *store, void (*batch)(void *user));
/* Finishes what was asked (without answers), closes the database; then close those that joined it. Their loops do not
 * run meanwhile, and must run once more before they are closed. */
void pl_store_close(pl_store *store);

#endif
