/* What makes pairlink_fd readable: the transport, a timer, pairlink_wakeup, or work that is due now. */
#ifndef PL_LIB_WAKE_H
#define PL_LIB_WAKE_H

#include "client.h"

/* Opens the descriptors. After an error pl_client_wake_close closes those that were opened. */
int pl_client_wake_open(pairlink *p) PL_MUST_USE;
void pl_client_wake_close(pairlink *p);
/* Makes pairlink_fd readable now. Inside a dispatch it does nothing: the dispatch looks for work before it ends. */
void pl_client_wake_now(pairlink *p);
/* Makes pairlink_fd readable at a time, or earlier. */
void pl_client_wake_at(pairlink *p, uint64_t at_ms);
/* Takes back what made pairlink_fd readable. Returns true when pairlink_wakeup was called. */
bool pl_client_wake_clear(pairlink *p) PL_MUST_USE;

#endif
