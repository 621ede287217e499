/* Whether the relay is known to be there (docs/protocol.md, section 9, "Alive, or being checked"): PING, and what the
 * application is told while nothing answers. */
#ifndef PL_ENGINE_ALIVE_H
#define PL_ENGINE_ALIVE_H

#include "engine_state.h"

/* Sends PING, unless one is on its way. The answer is due in wait_ms, or when it was due before if that is sooner. */
void pl_engine_alive_ask(pl_engine *e, uint64_t wait_ms);

/* The relay, or a peer through it, answers what this side does now. Sends PING once the relay has been silent for a
 * second, so that one that is not there is noticed soon. A dead connection is not given up any earlier for it. */
void pl_engine_alive_expect(pl_engine *e);

/* This side's clock alone ends a link or a call. Tells the application first that the connection is being checked,
 * unless something came within the last second: the relay may be gone, and not the peer. */
void pl_engine_alive_doubt(pl_engine *e);

void pl_engine_alive_heard(pl_engine *e);              /* something came */
void pl_engine_alive_late(pl_engine *e);               /* the wait for the answer starts again, and lasts as usual */
void pl_engine_alive_over(pl_engine *e);               /* the connection is over; OFFLINE says so */
uint64_t pl_engine_alive_deadline(const pl_engine *e); /* of a connection that is online */

/* Does what is due on a connection that is online. Returns true when its answer did not come in time: it is dead. */
bool pl_engine_alive_time(pl_engine *e);

#endif
