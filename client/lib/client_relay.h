/* Which relay a client talks to, and which ID that relay must show. */
#ifndef PL_LIB_CLIENT_RELAY_H
#define PL_LIB_CLIENT_RELAY_H

#include "client.h"

/* Takes the relay's address and expected ID from the options and from the file of pinned relays. Returns PL_ERELAYKEY
 * when two of them name different IDs. */
int pl_client_find_relay(pairlink *p, const pairlink_options *options) PL_MUST_USE;
/* Pins the ID that the relay has shown. Returns PL_ERELAYKEY when another program has pinned a different one in the
 * meantime. When the file cannot be written, this is only logged. */
int pl_client_pin_relay(pairlink *p) PL_MUST_USE;

#endif
