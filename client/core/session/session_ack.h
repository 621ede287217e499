/* What this side owes the peer: ACK and CREDIT. */
#ifndef PL_SESSION_ACK_H
#define PL_SESSION_ACK_H

#include "session_state.h"

void pl_session_ack_channel(pl_session *s, pl_session_channel *c); /* the next ACK lists this channel */
void pl_session_ack_soon(pl_session *s, bool now); /* an ACK goes out now, or within PL_SESSION_ACK_DELAY_MS */
void pl_session_ack_write(pl_session *s, const pl_session_link *l, pl_writer *w);
void pl_session_ack_time(pl_session *s);
uint64_t pl_session_ack_deadline(const pl_session *s);

#endif
