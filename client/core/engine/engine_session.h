/* The sessions of this engine: their table, what their cores report, their end. Calls that bring them links are in
 * engine_dial.h. */
#ifndef PL_ENGINE_SESSION_H
#define PL_ENGINE_SESSION_H

#include "engine_state.h"

pl_engine_session *pl_engine_session_new(pl_engine *e, const uint8_t id[32], const uint8_t instance[8]); /* or NULL */
void pl_engine_session_free(pl_engine *e, pl_engine_session *s); /* frees its links, too; reports nothing */

/* These return NULL when there is no such session. One that lingers is not found; the last two skip closing ones too.
 */
pl_engine_session *pl_engine_session_by_number(const pl_engine *e, uint32_t number);
pl_engine_session *pl_engine_session_find(const pl_engine *e, const uint8_t id[32], const uint8_t instance[8]);
/* Finds the one whose instance is not known yet. */
pl_engine_session *pl_engine_session_dialling(const pl_engine *e, const uint8_t id[32]);

/* Return the first session with this peer, of any instance and in any state, and the next one, or NULL. They come in
 * the order in which they were made. */
pl_engine_session *pl_engine_session_first_with(const pl_engine *e, const uint8_t id[32]);
pl_engine_session *pl_engine_session_next_with(const pl_engine_session *s);

/* Feeds the session's core and reports the actions that result. Sets *session to NULL when the session is gone
 * afterwards. Use pl_engine_dial_step instead where the session may need a new call. */
int pl_engine_session_step(pl_engine *e, pl_engine_session **session, pl_session_event *in,
                           pl_session_result *result) PL_MUST_USE;

/* Ends a session that is being closed as if the peer had answered: it is remembered for a while. */
void pl_engine_session_close_over(pl_engine *e, pl_engine_session *s);

/* Reports what was lost and the end, resets the links with `reason`, and frees the session. */
void pl_engine_session_end(pl_engine *e, pl_engine_session *s, int error, int reason, pl_view text);

/* Tells the application why the peer turned away the call of a session that was linked before, if nothing else brings
 * the session a link. It goes on: the application can find out by a new one whether it is let in. */
void pl_engine_session_refused(pl_engine *e, pl_engine_session *s);

bool pl_engine_session_has_link(const pl_engine_session *s); /* counts unconfirmed links, too */

/* Returns the link over which the answer to CLOSE has gone out, or NULL. */
pl_engine_link *pl_engine_session_answered_link(const pl_engine_session *s);

/* Counts what a link carried. A link that is old or has carried much is replaced. */
void pl_engine_session_traffic(pl_engine *e, pl_engine_link *l, size_t bytes);

/* Call it when its timers or output may have changed. */
void pl_engine_session_touch(pl_engine *e, pl_engine_session *s);
void pl_engine_session_timer(pl_engine *e, pl_engine_session *s); /* when only its timers may have */
uint64_t pl_engine_session_deadline(const pl_engine *e, const pl_engine_session *s);

#endif
