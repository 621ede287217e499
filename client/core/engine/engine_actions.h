/* What every file of the engine uses: the list of actions and the texts in them, logs, and waking at a time. */
#ifndef PL_ENGINE_ACTIONS_H
#define PL_ENGINE_ACTIONS_H

#include "engine_state.h"

/* Appends an action. Returns PL_ENOMEM when there is no room: the caller tries again
 * later. */
int pl_engine_out(pl_engine *e, pl_engine_action action) PL_MUST_USE;
/* Appends an action whose loss is harmless, if there is room. */
void pl_engine_out_lossy(pl_engine *e, pl_engine_action action);

/* Appends an action that is reported once and must not be lost: the end or the loss of a connection, session or code.
 * It uses room that was reserved when the connection, session or code was made, so no failing allocation can swallow
 * it. */
void pl_engine_out_once(pl_engine *e, pl_engine_action action);

/* The reserve, in actions: for each session the loss of its link and its end, for each code its end, and the rest for
 * the connection. */
#define PL_ENGINE_OUT_RESERVE(sessions) (2 * (sessions) + 2 * PL_ENGINE_CODES_MAX + 16)

/* Makes room for this many actions in a step. Returns 0 or PL_ENOMEM. */
int pl_engine_out_room(pl_engine *e, size_t count) PL_MUST_USE;

/* Copies a text that an action refers to; the copy lives until the next step. It is cut when room runs out. */
pl_view pl_engine_keep_text(pl_engine *e, pl_view text);

void pl_engine_log(pl_engine *e, const char *event, const char *reason);

/* Asks to be called at this time at the latest. A time that has passed means now: otherwise the next call would seem to
 * come late. PL_NEVER is the only time that stands for something else, and 0 is a time like any other. */
void pl_engine_wake_at(pl_engine *e, uint64_t ms);

/* Returns the error to report to the application for this reason. */
int pl_engine_reason_error(int reason);

/* Returns true for reasons by which fault or malice ends a working link: CORRUPT, and the terminal reasons, because
 * anybody on the way can put one into a RESET. */
bool pl_engine_reason_is_fault(int reason);

#endif
