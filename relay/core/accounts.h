/* Accounts of the bytes that connections hold. A connection belongs to the account of its address (IPv6: of its /56)
 * or, when it comes from this machine while LOOPBACK_EXEMPT is set, to an account of its own or of its ID. budget.c
 * makes the account that holds most give up queues first. */
#ifndef PL_RELAY_ACCOUNTS_H
#define PL_RELAY_ACCOUNTS_H

#include "state.h"

/* An account of one worker. */
struct pl_relay_account {
  pl_relay_account *next; /* in its bucket */
  uint64_t key;
  pl_node all;     /* in pl_relay_accounts.all */
  pl_node holding; /* in pl_relay_accounts.holding while it holds anything */
  pl_node conns;   /* pl_relay_conn.same_account: those that hold anything */
  uint32_t conn_count;
  uint64_t held;         /* bytes that wait for its connections, and what their OPENs keep */
  uint64_t peer_entries; /* entries in the lists of peers of its connections */
};

int pl_relay_accounts_init(pl_relay *relay) PL_MUST_USE;
/* Call this after all connections have left. */
void pl_relay_accounts_deinit(pl_relay *relay);
/* Returns the key of the account that a connection belongs to. `id` is its proven ID, or NULL before the login. */
uint64_t pl_relay_account_key(const pl_relay_conn *conn, const uint8_t id[32]);
/* Moves the connection, with all that it holds, to the account of this key. Returns PL_ENOMEM, and leaves it where it
 * was, when memory ran out. */
int pl_relay_account_enter(pl_relay_conn *conn, uint64_t key) PL_MUST_USE;
void pl_relay_account_leave(pl_relay_conn *conn);
/* Adds `add` bytes to what this connection holds, and takes `remove` bytes off it. */
void pl_relay_hold(pl_relay_conn *conn, size_t add, size_t remove);

#endif
