/* The peer's direction of the channels: what comes in order is kept or delivered; a gap is not kept. */
#ifndef PL_SESSION_RECEIVE_H
#define PL_SESSION_RECEIVE_H

#include "session_state.h"

int pl_session_take_data(pl_session *s, const pl_session_frame *in) PL_MUST_USE;
int pl_session_take_volatile(pl_session *s, const pl_session_frame *in) PL_MUST_USE;
int pl_session_take_channel_reset(pl_session *s, const pl_session_frame *in) PL_MUST_USE;

/* Notes that the application has taken all messages of a channel up to `place`. */
int pl_session_channel_take(pl_session *s, uint8_t number, uint64_t place) PL_MUST_USE;

#endif
