/* The relay's real core in the place of the model of net_relay.c: one relay at a time. */
#ifndef TEST_NET_CORE_H
#define TEST_NET_CORE_H

#include "net.h"
#include "relay/core/relay.h"

/* After net_init. Settings may be changed in between. */
extern uint32_t net_core_settings[PL_RELAY_SETTINGS];
void net_core_init(net *n);
void net_core_start(net *n); /* a new relay under the same key */
void net_core_crash(net *n); /* all sockets die, all it knew is gone */
void net_core_deinit(net *n);
pl_relay_stats net_core_stats(void);

#endif
