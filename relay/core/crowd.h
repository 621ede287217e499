/* How many connections one address has, over all workers. */
#ifndef PL_RELAY_CROWD_H
#define PL_RELAY_CROWD_H

#include "state.h"

int pl_relay_crowd_init(pl_relay_crowd *crowd) PL_MUST_USE;
void pl_relay_crowd_deinit(pl_relay_crowd *crowd);
/* Counts this connection for its address. Beyond the address's share the connection becomes over_limit. Returns false
 * when the address has too many of those, too. */
bool pl_relay_crowd_enter(pl_relay_conn *conn) PL_MUST_USE;
void pl_relay_crowd_leave(pl_relay_conn *conn);
/* Finds, in the head of a request that came through a trusted proxy, the client's address, and counts the connection
 * there. Returns false when that address has, or opens, too many connections. */
bool pl_relay_crowd_resolve(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms) PL_MUST_USE;

#endif
