/* See conn.h. */
#include "conn.h"

/* ---- states ------------------------------------------------------------------------------------------------------ */

#define BIT(state) (1u << PL_RELAY_CONN_##state)
#define ENDS (BIT(ABORTED) | BIT(GONE))

/* Which states may follow which. */
static const unsigned next_states[PL_RELAY_CONN_STATES] = {
    [PL_RELAY_CONN_HTTP] = BIT(ANSWER) | BIT(LOGIN) | ENDS,
    [PL_RELAY_CONN_ANSWER] = BIT(FINISHING) | ENDS,
    [PL_RELAY_CONN_LOGIN] = BIT(STORING) | BIT(CLOSING) | BIT(FINISHING) | ENDS,
    [PL_RELAY_CONN_STORING] = BIT(READY) | BIT(CLOSING) | BIT(FINISHING) | ENDS,
    [PL_RELAY_CONN_READY] = BIT(CLOSING) | BIT(FINISHING) | ENDS,
    [PL_RELAY_CONN_CLOSING] = BIT(FINISHING) | ENDS,
    [PL_RELAY_CONN_FINISHING] = ENDS,
    [PL_RELAY_CONN_ABORTED] = BIT(GONE),
    [PL_RELAY_CONN_GONE] = 0,
    [PL_RELAY_CONN_BUS] = 0,
};

static pl_node *conn_list_of(pl_relay *relay, pl_relay_conn_state state) {
  switch (state) {
    case PL_RELAY_CONN_HTTP:
    case PL_RELAY_CONN_LOGIN:
    case PL_RELAY_CONN_STORING:
      return &relay->connecting;
    case PL_RELAY_CONN_ANSWER:
      return &relay->answering;
    case PL_RELAY_CONN_READY:
      return &relay->quiet;
    case PL_RELAY_CONN_CLOSING:
    case PL_RELAY_CONN_FINISHING:
      return &relay->closing;
    default:
      return &relay->aborted;
  }
}

void pl_relay_conn_list(pl_relay_conn *conn, pl_node *list, uint64_t at_ms) {
  pl_list_remove(&conn->timed);
  pl_list_append(list, &conn->timed);
  conn->listed_ms = at_ms;
}

void pl_relay_conn_touch(pl_relay_conn *conn, uint64_t now_ms) {
  pl_relay_conn_list(conn, conn_list_of(conn->relay, conn->state), now_ms);
}

void pl_relay_conn_move(pl_relay_conn *conn, pl_relay_conn_state state, uint64_t now_ms) {
  if (!(next_states[conn->state] & 1u << state)) return;
  pl_relay *relay = conn->relay;
  if (conn->state == PL_RELAY_CONN_READY) relay->stats.ready--;
  if (state == PL_RELAY_CONN_READY) relay->stats.ready++;
  pl_node *list = conn_list_of(relay, state);
  if (list != conn_list_of(relay, conn->state) || list == &relay->closing) pl_relay_conn_list(conn, list, now_ms);
  conn->state = state;
}

void pl_relay_conn_mark(pl_relay_conn *conn) {
  if (conn->is_dirty || conn->state == PL_RELAY_CONN_GONE) return;
  conn->is_dirty = true;
  pl_list_append(&conn->relay->dirty, &conn->dirty);
}

void pl_relay_conn_abort(pl_relay_conn *conn) {
  if (conn->state == PL_RELAY_CONN_BUS) {
    conn->lost = true;
    return;
  }
  pl_relay_conn_move(conn, PL_RELAY_CONN_ABORTED, conn->heard_ms);
  pl_relay_conn_mark(conn);
}

void pl_relay_conn_drop_prologue(pl_relay_conn *conn) {
  if (!conn->prologue) return;
  pl_relay_http_deinit(&conn->prologue->http);
  pl_free(conn->prologue);
  conn->prologue = NULL;
}

void pl_relay_conn_log(const pl_relay_conn *conn, pl_relay_log_level level, const char *event, const char *detail) {
  const pl_relay *relay = conn->relay;
  if (relay->config.hooks.log) relay->config.hooks.log(relay->config.user, level, conn, event, detail);
}

/* ---- what the shell asks ----------------------------------------------------------------------------------------- */

pl_relay_conn *pl_relay_next_dirty(pl_relay *relay) {
  if (pl_list_empty(&relay->dirty)) {
    relay->turn++;
    return NULL;
  }
  pl_relay_conn *conn = PL_CONTAINER(relay->dirty.next, pl_relay_conn, dirty);
  pl_list_remove(&conn->dirty);
  conn->is_dirty = false;
  return conn;
}

pl_relay_conn_wish pl_relay_conn_get_wish(const pl_relay_conn *conn) {
  if (conn->state == PL_RELAY_CONN_ABORTED) return PL_RELAY_WISH_ABORT;
  return conn->state == PL_RELAY_CONN_ANSWER || conn->state == PL_RELAY_CONN_FINISHING ? PL_RELAY_WISH_FINISH
                                                                                       : PL_RELAY_WISH_NONE;
}

void *pl_relay_conn_shell(const pl_relay_conn *conn) {
  return conn->shell;
}

uint64_t pl_relay_conn_number(const pl_relay_conn *conn) {
  return conn->number;
}
