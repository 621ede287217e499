/* Calls: OPEN and CLAIM make a link (link.h), which is offered to a socket of its target, here or on another worker. A
 * call without a target waits for one until its deadline. */
#ifndef PL_RELAY_CALL_H
#define PL_RELAY_CALL_H

#include "router.h"

/* Handle OPEN or CLAIM of a client. Return 0, or the reason to refuse the connection. */
int pl_relay_call_open(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) PL_MUST_USE;
int pl_relay_call_claim(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) PL_MUST_USE;
/* Offers this socket, which has just logged in, the calls that wait for it. */
void pl_relay_call_ready(pl_relay_conn *conn);
/* The same for a socket that has logged in on another worker, which is asked to offer them. */
void pl_relay_call_ready_elsewhere(pl_relay_presence *presence, const pl_relay_remote *remote);
/* Handles what another worker sends about a link, or about a call that it asks us to offer. Bit 31 of e->link is
 * already flipped (bus.h). */
void pl_relay_call_from_bus(pl_relay_conn *node, const pl_envelope *e, uint64_t now_ms);

#endif
