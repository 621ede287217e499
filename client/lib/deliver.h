/* Executes the queued actions of the engine: acts on the transport and calls the application back. */
#ifndef PL_LIB_DELIVER_H
#define PL_LIB_DELIVER_H

#include "client.h"

/* Returns true when there was anything to execute. A callback may free the client (free_wanted is then set) or fork;
 * either ends it early. */
bool pl_client_deliver(pairlink *p);

#endif
