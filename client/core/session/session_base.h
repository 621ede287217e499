/* What every part of a session needs: actions, channels, epochs, and the clock of waiting. */
#ifndef PL_SESSION_BASE_H
#define PL_SESSION_BASE_H

#include "session_state.h"

int pl_session_emit(pl_session *s, pl_session_action action) PL_MUST_USE;

/* Returns the channel, made when it is missing, or NULL when `number` is out of range or memory ran out. */
pl_session_channel *pl_session_channel_get(pl_session *s, uint8_t number);
/* Returns the channel, or NULL when it was not used yet. */
pl_session_channel *pl_session_channel_known(const pl_session *s, uint8_t number);
void pl_session_drop_streams(pl_session *s); /* frees all channels and forgets all credit */
uint64_t pl_session_new_epoch(pl_session *s);

/* Notes that something got through: waiting for the peer starts again from now. */
void pl_session_progress(pl_session *s);

/* Gives the next links more time, because one got nothing through in time: on a slow line a single record takes
 * longer. */
void pl_session_be_patient(pl_session *s);

#endif
