/* What other workers say over the bus (bus.h), and starting the bus again after a loss. The functions that the shell
 * calls are in relay.h: pl_relay_bus_receive, pl_relay_bus_lost, pl_relay_next_bus_batch and pl_relay_bus_sent. */
#ifndef PL_RELAY_ELSEWHERE_H
#define PL_RELAY_ELSEWHERE_H

#include "state.h"

/* Asks workers again for what there was no memory for. Does nothing before the deadline. */
void pl_relay_elsewhere_time(pl_relay *relay, uint64_t now_ms);
uint64_t pl_relay_elsewhere_deadline(const pl_relay *relay);
/* Ends all links over the bus. Call it before pl_relay_bus_deinit. */
void pl_relay_elsewhere_deinit(pl_relay *relay);

#endif
