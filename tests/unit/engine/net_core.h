/* The relay's real core, instead of the model in net_relay.c. There is one relay at a time. */
#ifndef TEST_NET_CORE_H
#define TEST_NET_CORE_H

#include "net.h"
#include "relay/core/relay.h"

/* Call net_core_init after net_init. Settings may be changed before net_core_start. */
extern uint32_t net_core_settings[PL_RELAY_SETTINGS];
void net_core_init(net *n);
void net_core_start(net *n); /* a new relay under the same key */
void net_core_crash(net *n); /* all sockets die, and everything it knew is gone */
void net_core_deinit(net *n);
pl_relay_stats net_core_stats(void);

#endif
