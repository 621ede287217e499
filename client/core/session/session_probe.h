/* Probes the peer while something is unacknowledged, waits for credit or was not taken, so that no wait is endless. */
#ifndef PL_SESSION_PROBE_H
#define PL_SESSION_PROBE_H

#include "session_state.h"

int pl_session_take_probe(pl_session *s, const pl_session_frame *in) PL_MUST_USE;
int pl_session_take_probe_reply(pl_session *s, const pl_session_frame *in) PL_MUST_USE;

/* Makes a probe due when it is time for one. Returns true when the current link answered none: it must be dropped. */
bool pl_session_probe_time(pl_session *s) PL_MUST_USE;
uint64_t pl_session_probe_deadline(const pl_session *s);

#endif
