/* See leave.h. */
#include "leave.h"

#include <string.h>

#include "accounts.h"
#include "bus.h"
#include "conn.h"
#include "link.h"
#include "peers.h"
#include "router.h"

void pl_relay_conn_leave(pl_relay_conn *conn) {
  pl_relay_presence *presence = conn->presence;
  pl_relay_link_socket_died(conn);
  pl_buffer_deinit(&conn->control);
  pl_buffer_deinit(&conn->part);
  pl_relay_bus_drop_untold(conn);
  if (conn->account) conn->account->peer_entries -= conn->peers.count;
  pl_relay_peers_deinit(conn->relay, &conn->peers);
  if (!presence) return;
  pl_relay_bus_tell(conn, PL_RELAY_BUS_LOGOUT);
  conn->presence = NULL;
  pl_list_remove(&conn->same_id);
  presence->socket_count--;
  pl_relay_router_release(conn->relay, presence);
}

void pl_relay_conn_free(pl_relay_conn *conn) {
  pl_list_remove(&conn->timed);
  pl_list_remove(&conn->dirty);
  pl_relay_conn_drop_prologue(conn);
  pl_ws_deinit(&conn->ws);
  pl_buffer_deinit(&conn->part);
  pl_relay_out_deinit(conn);
  pl_relay_account_leave(conn);
  pl_free(conn);
}

void pl_relay_conn_close(pl_relay_conn *conn, uint16_t code, const char *text, bool wait, uint64_t now_ms) {
  uint8_t payload[PL_WS_CONTROL_MAX];
  pl_relay_conn_leave(conn);
  if (!conn->close_sent) {
    conn->close_sent = true;
    pl_relay_out_expect_end(conn);
    if (!pl_relay_out_frame(conn, PL_WS_CLOSE, payload, pl_ws_put_close(payload, code, text))) {
      pl_relay_conn_abort(conn);
      return;
    }
  }
  pl_relay_conn_move(conn, wait ? PL_RELAY_CONN_CLOSING : PL_RELAY_CONN_FINISHING, now_ms);
  pl_relay_conn_mark(conn);
}

static uint16_t close_code_of(int reason) {
  switch (reason) {
    case PL_REASON_PROTOCOL:
    case PL_REASON_UNSUPPORTED:
      return PL_WS_CODE_PROTOCOL;
    case PL_REASON_DRAINING:
      return PL_WS_CODE_GOING_AWAY;
    case PL_REASON_FULL:
    case PL_REASON_RATE:
    case PL_REASON_UNAVAILABLE:
    case PL_REASON_STORE:
      return PL_WS_CODE_TRY_LATER;
    default:
      return PL_WS_CODE_POLICY;
  }
}

void pl_relay_conn_refuse(pl_relay_conn *conn, int reason, uint64_t now_ms) {
  uint8_t payload[128];
  const char *text = pl_reason_text(reason);
  pl_wire_reset reset = {.reason = (uint16_t)reason, .text = {(const uint8_t *)text, strlen(text)}};
  int n = pl_wire_reset_encode(&reset, payload, sizeof payload);
  /* At level debug, because strangers could fill the log. */
  pl_relay_conn_log(conn, PL_RELAY_LOG_DEBUG, "refused", pl_reason_name(reason));
  pl_relay_out_expect_end(conn);
  if (n > 0) pl_relay_out_last(conn, PL_ENV_RESET, 0, (pl_view){payload, (size_t)n});
  pl_relay_conn_close(conn, close_code_of(reason), pl_reason_name(reason), true, now_ms);
}
