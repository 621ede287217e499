/* The end of a session: CLOSE, answered by CLOSE. */
#ifndef PL_SESSION_CLOSE_H
#define PL_SESSION_CLOSE_H

#include "session_state.h"

int pl_session_close(pl_session *s, uint16_t reason, pl_view text) PL_MUST_USE;
int pl_session_take_close(pl_session *s, const pl_session_frame *in) PL_MUST_USE;
void pl_session_close_write(pl_session *s, pl_writer *w);

/* Ends the wait for the answer, because the peer has lost the state that this side is closing. */
int pl_session_close_forgotten(pl_session *s, pl_session_link *l) PL_MUST_USE;
int pl_session_close_time(pl_session *s) PL_MUST_USE;
uint64_t pl_session_close_deadline(const pl_session *s);

#endif
