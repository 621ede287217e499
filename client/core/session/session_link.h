/* The links of a session: which one is sent on, and what happens when that changes. */
#ifndef PL_SESSION_LINK_H
#define PL_SESSION_LINK_H

#include "session_state.h"

pl_session_link *pl_session_link_find(const pl_session *s, uint32_t id); /* or NULL */
int pl_session_link_up(pl_session *s, const pl_session_event *in) PL_MUST_USE;
int pl_session_link_down(pl_session *s, uint32_t id) PL_MUST_USE;
int pl_session_link_drop(pl_session *s, pl_session_link *l,
                         int reason) PL_MUST_USE; /* has the owner reset it, and frees it */
void pl_session_link_free(pl_session *s, pl_session_link *l);

/* Sends on the best confirmed link from now on, and sends again what the previous one did not get through. */
int pl_session_link_choose(pl_session *s) PL_MUST_USE;
int pl_session_link_time(pl_session *s) PL_MUST_USE;
uint64_t pl_session_link_deadline(const pl_session *s);

#endif
