/* The socket to the relay: connect, stay connected, notice when it is dead (docs/protocol.md, section 9). */
#ifndef PL_ENGINE_CONNECTION_H
#define PL_ENGINE_CONNECTION_H

#include "engine_state.h"

int pl_engine_connection_start(pl_engine *e) PL_MUST_USE;
void pl_engine_connection_stop(pl_engine *e);

/* Call these for what the shell reports about the socket. */
void pl_engine_connection_opened(pl_engine *e);
void pl_engine_connection_closed(pl_engine *e, int error);
void pl_engine_connection_network_up(pl_engine *e);
void pl_engine_connection_late(pl_engine *e); /* the engine was called later than it asked to be */

/* Call these for what the relay sends. */
void pl_engine_connection_online(pl_engine *e);                     /* WELCOME came */
int pl_engine_connection_going_away(pl_engine *e, pl_view payload); /* returns 0, or a reason to end the connection */
int pl_engine_connection_reset(pl_engine *e, pl_view payload);      /* RESET on link 0 came; returns 0 */

/* Gives the socket up. `error` is for the application. After a terminal reason the engine does not try again. */
void pl_engine_connection_fail(pl_engine *e, int error, int reason);

bool pl_engine_connection_has_socket(const pl_engine *e); /* also true while one is being opened */
uint64_t pl_engine_connection_deadline(const pl_engine *e);
void pl_engine_connection_time(pl_engine *e);

#endif
