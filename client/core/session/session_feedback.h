/* What the peer says about this side's sending: ACK (what came, what was lost) and CREDIT (how far to send). */
#ifndef PL_SESSION_FEEDBACK_H
#define PL_SESSION_FEEDBACK_H

#include "session_state.h"

int pl_session_take_ack(pl_session *s, const pl_session_frame *in) PL_MUST_USE;
int pl_session_take_credit(pl_session *s, const pl_session_frame *in) PL_MUST_USE;

#endif
