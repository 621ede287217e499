/* The first frames of a link: which state each side has, and from where each channel resumes (docs/protocol.md, "The
 * first frames of a link"). */
#ifndef PL_SESSION_HELLO_H
#define PL_SESSION_HELLO_H

#include "session_state.h"

int pl_session_take_hello(pl_session *s, const pl_session_frame *in) PL_MUST_USE; /* may free in->link */
void pl_session_hello_write(const pl_session *s, const pl_session_link *l, pl_writer *w);

#endif
