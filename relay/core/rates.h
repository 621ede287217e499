/* Rates by address, by ID and by socket. All but those of one socket hold over all workers. */
#ifndef PL_RELAY_RATES_H
#define PL_RELAY_RATES_H

#include "state.h"

/* ---- rates by key, which is never 0 ------------------------------------------------------------------------------ */
/* Initialises a rate of `count` per period, all of which may be taken at once. */
int pl_relay_rate_init(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) PL_MUST_USE;
/* The same with room for more keys. Use it when peers can make up keys, which must not soon push others out. */
int pl_relay_rate_init_large(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) PL_MUST_USE;
void pl_relay_rate_deinit(pl_relay_rate *rate);
/* Returns how many this key may still take now. */
uint64_t pl_relay_rate_key_left(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms) PL_MUST_USE;
bool pl_relay_rate_key_allows(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms) PL_MUST_USE;
void pl_relay_rate_key_take(pl_relay_rate *rate, uint64_t key, uint64_t now_ms);

/* ---- rates by address; an exempt address (keys.h) is always allowed ---------------------------------------------- */
bool pl_relay_rate_allows(const pl_relay *relay, const pl_relay_rate *rate, const uint8_t address[16],
                          uint64_t now_ms) PL_MUST_USE;
void pl_relay_rate_take(const pl_relay *relay, pl_relay_rate *rate, const uint8_t address[16], uint64_t now_ms);
/* Charges this address for one connection. Returns false when it makes too many. */
bool pl_relay_rate_connect(pl_relay *relay, const uint8_t address[16], uint64_t now_ms) PL_MUST_USE;
/* Returns true for a trusted proxy. Its connections count for their clients, once these are known. */
bool pl_relay_rate_trusted(const pl_relay *relay, const uint8_t address[16]) PL_MUST_USE;

/* ---- rates of one socket ----------------------------------------------------------------------------------------- */
/* Charges this socket for one OPEN. Returns false when it makes too many. */
bool pl_relay_rate_open(pl_relay_conn *conn, uint64_t now_ms) PL_MUST_USE;
/* Charges this socket for `count` changes that all workers must be told of. Returns false when it makes too many. */
bool pl_relay_rate_change(pl_relay_conn *conn, uint32_t count, uint64_t now_ms) PL_MUST_USE;

#endif
