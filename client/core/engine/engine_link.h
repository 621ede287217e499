/* The links of the socket: their numbers, and the envelopes that go to the relay outside records. */
#ifndef PL_ENGINE_LINK_H
#define PL_ENGINE_LINK_H

#include "engine_state.h"

/* Makes a link. When this side opens it, it is OPENING and gets a number of this side; otherwise it is OFFERED and gets
 * the number that the relay gave it. Returns NULL when no number is free or memory ran out. */
pl_engine_link *pl_engine_link_new(pl_engine *e, bool opener, uint32_t offered_number);
pl_engine_link *pl_engine_link_find(pl_engine *e, uint32_t number); /* NULL for a link that is over */
bool pl_engine_link_number_is_new(pl_engine *e, uint32_t number);   /* the relay may give this number to a link now */

/* Gives a link its session. */
void pl_engine_link_join(pl_engine_link *l, pl_engine_session *s);

/* Wipes and frees what only the call needed. */
void pl_engine_link_end_call(pl_engine_link *l);

/* Call it when the link's state has changed, or the time at which that ends. */
void pl_engine_link_touch(pl_engine *e, pl_engine_link *l);
uint64_t pl_engine_link_deadline(const pl_engine *e, const pl_engine_link *l);

/* Lists a call that has come, whose caller is known now, until it is accepted or over. The first of these that this
 * caller made and the next one, or NULL. */
void pl_engine_link_offer_add(pl_engine *e, pl_engine_link *l);
pl_engine_link *pl_engine_link_offer_first(const pl_engine *e, const uint8_t caller[32]);
pl_engine_link *pl_engine_link_offer_next(const pl_engine_link *l);

/* Frees a link, without telling its session or code. A RESET with `reason` goes out, unless that is 0. */
void pl_engine_link_forget(pl_engine *e, pl_engine_link *l, int reason);

/* Queues an envelope. Returns PL_ENOMEM when the queue is full or memory ran out. */
int pl_engine_control(pl_engine *e, uint8_t type, uint32_t link, const void *payload, size_t size) PL_MUST_USE;
/* Queues an envelope whose loss is harmless, if there is room. */
void pl_engine_control_lossy(pl_engine *e, uint8_t type, uint32_t link, const void *payload, size_t size);
void pl_engine_control_reset(pl_engine *e, uint32_t link, int reason);

void pl_engine_slots_deinit(pl_engine_slots *s);

#endif
