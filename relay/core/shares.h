/* Who holds what: each connection belongs to an account, which is an address (IPv6: a /56), or a client of this machine
 * itself where LOOPBACK_EXEMPT says so. Bytes that wait are counted there, so that whoever holds most pays first. */
#ifndef PL_RELAY_SHARES_H
#define PL_RELAY_SHARES_H

#include "internal.h"

/* Accounts of one worker. */
struct pl_relay_account {
  pl_relay_account *next; /* in its bucket */
  uint64_t key;
  pl_node all;     /* in pl_relay_accounts.all */
  pl_node holding; /* in pl_relay_accounts.holding while it holds anything */
  pl_node conns;   /* pl_relay_conn.same_account: those that hold anything */
  uint32_t conn_count;
  uint64_t held;         /* bytes that wait for its connections, and what its OPENs keep */
  uint64_t peer_entries; /* on the lists of its connections */
};

int pl_relay_accounts_init(pl_relay *relay) PL_MUST_USE;
void pl_relay_accounts_deinit(pl_relay *relay); /* when all connections have left */
/* The account of a connection from now on, with all that it holds. PL_ENOMEM: it stays where it was. */
int pl_relay_account_enter(pl_relay_conn *conn, uint64_t key) PL_MUST_USE;
void pl_relay_account_leave(pl_relay_conn *conn);
/* More or less bytes that this connection holds. */
void pl_relay_hold(pl_relay_conn *conn, size_t add, size_t remove);
/* The account that a connection of this address belongs to. `id`: NULL before its login. */
uint64_t pl_relay_account_key(const pl_relay_conn *conn, const uint8_t id[32]);

/* ---- the budget of bytes that wait: QUEUE_TOTAL_MAX */
/* May this caller's OPEN be kept? Above 75 % not if its address and it hold more than their share. */
bool pl_relay_budget_takes_call(const pl_relay_conn *caller);
/* Above 90 % whoever holds most gives up queues. False: this half's own is next. `half` may be gone afterwards. */
bool pl_relay_budget_make_room(pl_relay *relay, const pl_relay_half *half);

/* ---- connections by address, over all workers */
int pl_relay_crowd_init(pl_relay_crowd *crowd) PL_MUST_USE;
void pl_relay_crowd_deinit(pl_relay_crowd *crowd);
/* Counts this connection for its address. Beyond the address's share it is over_limit. False: too many of those too. */
bool pl_relay_crowd_enter(pl_relay_conn *conn);
void pl_relay_crowd_leave(pl_relay_conn *conn);

#endif
