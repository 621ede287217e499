/* A connection's state, its place in the lists of its relay, and its prologue. Nothing here writes a byte or knows of
 * links: leave.h closes and refuses connections. */
#ifndef PL_RELAY_CONN_H
#define PL_RELAY_CONN_H

#include "state.h"

/* Moves to another state and restarts the time limit where the new state has its own. Does nothing when that state may
 * not follow the present one: a connection that has ended keeps its first reason. */
void pl_relay_conn_move(pl_relay_conn *conn, pl_relay_conn_state state, uint64_t now_ms);
/* Restarts the time limit of its state. */
void pl_relay_conn_touch(pl_relay_conn *conn, uint64_t now_ms);
/* Puts the connection at the end of a list of its relay, as one that was listed at `at_ms`. */
void pl_relay_conn_list(pl_relay_conn *conn, pl_node *list, uint64_t at_ms);
/* Tells the shell, by pl_relay_next_dirty, that there is output or a wish. */
void pl_relay_conn_mark(pl_relay_conn *conn);
/* Has the shell close the connection now; it leaves its links when pl_relay_closed comes. Another worker
 * (PL_RELAY_CONN_BUS) is told everything again instead. */
void pl_relay_conn_abort(pl_relay_conn *conn);
void pl_relay_conn_log(const pl_relay_conn *conn, pl_relay_log_level level, const char *event, const char *detail);
void pl_relay_conn_drop_prologue(pl_relay_conn *conn);

#endif
