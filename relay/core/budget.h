/* The budget of bytes that wait in one process: QUEUE_TOTAL_MAX. When it is full, the largest holders lose their
 * queues first. */
#ifndef PL_RELAY_BUDGET_H
#define PL_RELAY_BUDGET_H

#include "queue.h"

/* Returns true when more than 75 % of the budget is held and this caller and its account hold more than their shares.
 * Its OPENs must then be refused. */
bool pl_relay_budget_refuses(const pl_relay_conn *caller) PL_MUST_USE;
/* Returns true when more than 90 % of the budget is held. */
bool pl_relay_budget_is_full(const pl_relay *relay) PL_MUST_USE;
/* While the budget is full, returns the half whose queue must be given up next; the caller ends its link with OVERFLOW
 * and calls again. Connections that hold much without a queue are aborted here. Returns NULL when the budget is not
 * full any more or nothing is left to give up. */
pl_relay_half *pl_relay_budget_next_to_pay(pl_relay *relay) PL_MUST_USE;

#endif
