/* See engine_connection.h. */
#include "engine_connection.h"

#include <string.h>

#include "engine_actions.h"
#include "engine_address.h"
#include "engine_alive.h"
#include "engine_link.h"
#include "engine_loss.h"
#include "engine_random.h"
#include "engine_retry.h"

enum {
  CONNECT_TIMEOUT_MS = 30000,
  LOGIN_TIMEOUT_MS = 15000,
  RETRY_LATE_MS = 30000,
  RETRY_EARLY_FOR_MS = 120000,
  HELD_MS = 10000, /* a connection that was online for this long was of use */
  NETWORK_UP_ANSWER_MS = 5000
};

static void connection_enter(pl_engine *e, pl_engine_connection_state state, uint64_t until_ms) {
  e->connection = state;
  e->connection_ms = until_ms;
  pl_engine_wake_at(e, until_ms);
}

static void connection_forget_socket(pl_engine *e) {
  pl_buffer_consume(&e->control, e->control.size);
  pl_buffer_trim(&e->control);
  pl_engine_slots_deinit(&e->own);
  pl_engine_slots_deinit(&e->relays);
  e->move_at_ms = PL_NEVER;
}

static void connection_connect(pl_engine *e) {
  connection_forget_socket(e);
  const char *address = pl_engine_address(e);
  pl_engine_action a = {.type = PL_ENGINE_OUT_CONNECT};
  if (address) a.text = pl_engine_keep_text(e, (pl_view){(const uint8_t *)address, strlen(address)});
  pl_engine_out_once(e, a);
  connection_enter(e, PL_ENGINE_CONN_CONNECTING, e->now_ms + CONNECT_TIMEOUT_MS);
}

int pl_engine_connection_start(pl_engine *e) {
  if (e->stopping) return PL_ESTATE;
  e->wanted = true;
  if (e->connection != PL_ENGINE_CONN_OFF) return 0;
  e->connect_failures = 0;
  e->offline_since_ms = e->now_ms;
  connection_connect(e);
  return 0;
}

/* Full jitter, from 0.25 s doubling to 10 s for two minutes, then below 30 s. */
static uint64_t connection_retry_delay(pl_engine *e) {
  if (e->now_ms - e->offline_since_ms >= RETRY_EARLY_FOR_MS) return pl_engine_rng_below(&e->rng, RETRY_LATE_MS);
  return pl_engine_retry_jitter(e, e->connect_failures);
}

/* Returns true when the connection held, or a peer's record came over it. WELCOME alone is no reason to try again
 * sooner. */
static bool connection_was_of_use(const pl_engine *e) {
  return e->connection == PL_ENGINE_CONN_ONLINE && (e->carried || e->now_ms - e->online_ms >= HELD_MS);
}

static void connection_offline(pl_engine *e, int error, int reason, bool again) {
  if (connection_was_of_use(e)) {
    e->offline_since_ms = e->now_ms;
    e->connect_failures = 0;
  }
  if (reason == PL_REASON_SUPERSEDED)
    e->connect_failures = 6; /* waits long, so as not to fight with another client of the same instance */
  if (e->connection != PL_ENGINE_CONN_ONLINE && e->connection != PL_ENGINE_CONN_WAITING) pl_engine_addresses_turn(e);
  e->judge_from_ms = 0;
  pl_engine_alive_over(e);
  pl_engine_action a = {.type = PL_ENGINE_OUT_OFFLINE, .error = error, .reason = reason, .time_ms = PL_NEVER};
  e->connection = PL_ENGINE_CONN_OFF;
  pl_engine_links_end_all(e);
  if (again && e->wanted) {
    a.time_ms = e->now_ms + connection_retry_delay(e);
    e->connect_failures++;
    connection_enter(e, PL_ENGINE_CONN_WAITING, a.time_ms);
  } else {
    e->connection_ms = PL_NEVER;
  }
  pl_engine_out_once(e, a);
}

void pl_engine_connection_fail(pl_engine *e, int error, int reason) {
  if (e->connection == PL_ENGINE_CONN_OFF || e->connection == PL_ENGINE_CONN_WAITING) return;
  pl_engine_out_once(e, (pl_engine_action){.type = PL_ENGINE_OUT_DISCONNECT, .reason = reason, .error = error});
  bool named = e->connection != PL_ENGINE_CONN_ONLINE && pl_engine_address(e); /* the configured one may still do */
  bool again = named || ((PL_REASON_IS_RETRYABLE(reason) || reason == PL_REASON_PROTOCOL) && error != PL_ERELAYKEY);
  connection_forget_socket(e);
  if (error == PL_EPROTOCOL) pl_engine_control_reset(e, 0, reason); /* sent before the socket closes */
  connection_offline(e, error, reason, again);
}

void pl_engine_connection_stop(pl_engine *e) {
  e->wanted = false;
  if (e->connection != PL_ENGINE_CONN_OFF && e->connection != PL_ENGINE_CONN_WAITING)
    pl_engine_out_once(e, (pl_engine_action){.type = PL_ENGINE_OUT_DISCONNECT, .reason = PL_REASON_CLOSED});
  if (e->connection != PL_ENGINE_CONN_OFF) connection_offline(e, PL_OK, PL_REASON_CLOSED, false);
}

void pl_engine_connection_opened(pl_engine *e) {
  if (e->connection != PL_ENGINE_CONN_CONNECTING) return;
  e->received_ms = e->now_ms;
  connection_enter(e, PL_ENGINE_CONN_HELLO, e->now_ms + LOGIN_TIMEOUT_MS);
}

void pl_engine_connection_closed(pl_engine *e, int error) {
  if (e->connection == PL_ENGINE_CONN_OFF || e->connection == PL_ENGINE_CONN_WAITING) return;
  connection_offline(e, error ? error : PL_ENETWORK, PL_REASON_GONE, true);
}

bool pl_engine_connection_has_socket(const pl_engine *e) {
  return e->connection >= PL_ENGINE_CONN_CONNECTING;
}

void pl_engine_connection_online(pl_engine *e) {
  e->connection = PL_ENGINE_CONN_ONLINE;
  e->online_ms = e->now_ms;
  e->carried = false;
}

void pl_engine_connection_late(pl_engine *e) {
  if (e->connection == PL_ENGINE_CONN_ONLINE) pl_engine_alive_late(e);
}

void pl_engine_connection_network_up(pl_engine *e) {
  if (e->connection == PL_ENGINE_CONN_WAITING || (e->connection == PL_ENGINE_CONN_OFF && e->wanted)) {
    e->connect_failures = 0;
    connection_connect(e);
  } else if (e->connection == PL_ENGINE_CONN_ONLINE) {
    pl_engine_alive_ask(e, NETWORK_UP_ANSWER_MS); /* the address may have changed */
  }
}

int pl_engine_connection_going_away(pl_engine *e, pl_view payload) {
  pl_wire_going_away g;
  if (pl_wire_going_away_decode(&g, payload.data, payload.size)) return PL_REASON_CLOSED;
  pl_engine_addresses_take(e, g.urls);
  e->move_at_ms = e->now_ms + pl_engine_rng_below(&e->rng, (uint64_t)g.delay_ms + 1);
  pl_engine_wake_at(e, e->move_at_ms);
  return 0;
}

int pl_engine_connection_reset(pl_engine *e, pl_view payload) {
  pl_wire_reset r;
  int reason = PL_REASON_GONE;
  if (pl_wire_reset_decode(&r, payload.data, payload.size) == 0) reason = r.reason;
  pl_engine_connection_fail(e, pl_engine_reason_error(reason), reason);
  return 0;
}

uint64_t pl_engine_connection_deadline(const pl_engine *e) {
  if (e->connection != PL_ENGINE_CONN_ONLINE) return e->connection_ms;
  uint64_t at = pl_engine_alive_deadline(e);
  return e->move_at_ms < at ? e->move_at_ms : at;
}

void pl_engine_connection_time(pl_engine *e) {
  if (e->now_ms < pl_engine_connection_deadline(e)) return;
  if (e->connection == PL_ENGINE_CONN_WAITING) {
    connection_connect(e);
  } else if (e->connection == PL_ENGINE_CONN_ONLINE) {
    if (e->now_ms >= e->move_at_ms)
      pl_engine_connection_fail(e, PL_ENETWORK, PL_REASON_DRAINING);
    else if (pl_engine_alive_time(e))
      pl_engine_connection_fail(e, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
  } else if (e->connection != PL_ENGINE_CONN_OFF) {
    pl_engine_connection_fail(e, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
  }
}
