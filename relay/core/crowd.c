/* See crowd.h. */
#include "crowd.h"

#include <string.h>

#include "accounts.h"
#include "keys.h"
#include "rates.h"

/* Counts without keys: an address is counted at one place in each row, and has at most as many connections as the
 * smaller count says. So memory is fixed, nothing is forgotten, and no lock is needed. */
enum { ROWS = 2, PLACES = 16384, OVER_SHARE_SPARE = 64 };

int pl_relay_crowd_init(pl_relay_crowd *crowd) {
  crowd->counts = pl_alloc(ROWS * PLACES * sizeof *crowd->counts);
  return crowd->counts ? 0 : PL_ENOMEM;
}

void pl_relay_crowd_deinit(pl_relay_crowd *crowd) {
  pl_free(crowd->counts);
  crowd->counts = NULL;
}

static _Atomic uint32_t *crowd_place(const pl_relay_crowd *crowd, uint64_t key, unsigned row) {
  return &crowd->counts[row * PLACES + (key >> (row * 32)) % PLACES];
}

bool pl_relay_crowd_enter(pl_relay_conn *conn) {
  pl_relay *relay = conn->relay;
  if (pl_relay_address_exempt(relay, conn->address)) return true;
  uint64_t most = (uint64_t)pl_relay_setting_of(relay, PL_RELAY_SET_SOCKETS_MAX) *
                  pl_relay_setting_of(relay, PL_RELAY_SET_ADDRESS_SHARE_PERCENT) / 100;
  uint64_t others = UINT64_MAX;
  conn->crowd_key = pl_relay_address_key(relay, conn->address);
  for (unsigned row = 0; row < ROWS; row++) {
    uint64_t n = atomic_fetch_add(crowd_place(&relay->shared->crowd, conn->crowd_key, row), 1);
    if (n < others) others = n;
  }
  if (others >= (most ? most : 1)) conn->prologue->over_limit = true;
  if (others < most + OVER_SHARE_SPARE) return true;
  pl_relay_crowd_leave(conn);
  return false;
}

void pl_relay_crowd_leave(pl_relay_conn *conn) {
  if (!conn->crowd_key) return;
  for (unsigned row = 0; row < ROWS; row++)
    atomic_fetch_sub(crowd_place(&conn->relay->shared->crowd, conn->crowd_key, row), 1);
  conn->crowd_key = 0;
}

bool pl_relay_crowd_resolve(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms) {
  const pl_relay_config *config = &conn->relay->config;
  uint8_t address[16];
  if (!pl_relay_rate_trusted(conn->relay, conn->address)) return true;
  if (pl_relay_forwarded_for(request->forwarded_for, config->trusted, config->trusted_count, address) == 0) {
    memcpy(conn->address, address, 16);
    /* A proxy that says "127.0.0.1" does not mean this machine, which LOOPBACK_EXEMPT is about. So the address is
     * changed into one that nobody has. */
    if (pl_relay_address_is_loopback(address)) conn->address[1] = 1;
  }
  if (!pl_relay_crowd_enter(conn) || pl_relay_account_enter(conn, pl_relay_account_key(conn, NULL)) != 0) return false;
  return pl_relay_rate_connect(conn->relay, conn->address, now_ms);
}
