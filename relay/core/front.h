/* Bytes in: the head of a request, then WebSocket frames, then the envelopes in their messages. */
#ifndef PL_RELAY_FRONT_H
#define PL_RELAY_FRONT_H

#include "state.h"

enum { PL_RELAY_LOGIN_MESSAGE_MAX = 4096 }; /* bytes of a WebSocket message before the login */

/* Handles what a connection received. `data` is changed: it is unmasked in place. */
void pl_relay_front_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms);

#endif
