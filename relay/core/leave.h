/* How a connection ends: it leaves its links, its ID and the other workers' lists, and is told why. */
#ifndef PL_RELAY_LEAVE_H
#define PL_RELAY_LEAVE_H

#include "state.h"

/* Refuses the connection: sends RESET with this reason on link 0, then closes it. */
void pl_relay_conn_refuse(pl_relay_conn *conn, int reason, uint64_t now_ms);
/* Leaves and sends a close frame. With `wait`, the socket stays open until the client's close frame has come. */
void pl_relay_conn_close(pl_relay_conn *conn, uint16_t code, const char *text, bool wait, uint64_t now_ms);
/* Ends all links of the connection and takes it off its ID, so that nobody reaches it any more. */
void pl_relay_conn_leave(pl_relay_conn *conn);
/* Frees a connection that has left. */
void pl_relay_conn_free(pl_relay_conn *conn);

#endif
