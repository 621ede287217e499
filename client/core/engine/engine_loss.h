/* What follows from the end of a link: for its session, for the call that it was, for the code that it served. */
#ifndef PL_ENGINE_LOSS_H
#define PL_ENGINE_LOSS_H

#include "engine_state.h"

/* Ends a link and does what follows. A RESET with `reason` goes out, unless that is 0. */
void pl_engine_link_end(pl_engine *e, pl_engine_link *l, int reason);
void pl_engine_links_end_all(pl_engine *e); /* call it when the socket is lost */

/* The relay or the peer reset a link of a session, in the state that the name says. */
void pl_engine_loss_of_call(pl_engine *e, pl_engine_link *l, int reason);  /* OPENING */
void pl_engine_loss_of_offer(pl_engine *e, pl_engine_link *l, int reason); /* OFFERED, ACCEPTED */
void pl_engine_loss_of_link(pl_engine *e, pl_engine_link *l, int reason);  /* UP */

#endif
