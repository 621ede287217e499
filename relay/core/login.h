/* HELLO, LOGIN, WELCOME (docs/protocol.md, section 3). */
#ifndef PL_RELAY_LOGIN_H
#define PL_RELAY_LOGIN_H

#include "state.h"

/* Sends HELLO to a connection that was upgraded to WebSocket. */
void pl_relay_login_hello(pl_relay_conn *conn, uint64_t now_ms);
/* Handles LOGIN. Returns 0, or the reason to refuse the connection. The lookup of the ID goes to the shell, whose
 * answer comes by pl_relay_registered. */
int pl_relay_login_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) PL_MUST_USE;

#endif
