/* Calls of this side: OPEN, its answer, and when to try again (docs/protocol.md, "Who dials again"). */
#ifndef PL_ENGINE_DIAL_H
#define PL_ENGINE_DIAL_H

#include "engine_state.h"

void pl_engine_dial(pl_engine *e, pl_engine_session *s); /* calls now, if that is possible */
void pl_engine_dial_all(pl_engine *e);                   /* call it after login */

/* Handles ACCEPT for an OPENING link. Returns 0, or a reason to end the link. */
int pl_engine_dial_accepted(pl_engine *e, pl_engine_link *l, pl_view payload) PL_MUST_USE;

/* The call of a session failed: ends the session, takes a call of the peer that waits, or plans the next call. */
void pl_engine_dial_failed(pl_engine *e, pl_engine_session *s, int reason);

/* Steps a session, and plans a call if nothing else would bring it a link afterwards. The session may be gone then. */
int pl_engine_dial_step(pl_engine *e, pl_engine_session *s, pl_session_event *in,
                        pl_session_result *result) PL_MUST_USE;
/* The same for a new link. */
int pl_engine_dial_link_up(pl_engine *e, pl_engine_session *s, pl_engine_link *l) PL_MUST_USE;
/* The same for an event whose result nobody needs: LINK_DOWN, TIME, or CLOSE when the engine stops. */
void pl_engine_dial_tell(pl_engine *e, pl_engine_session *s, pl_session_event *in);

#endif
