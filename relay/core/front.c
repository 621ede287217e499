/* See front.h. */
#include "front.h"

#include "call.h"
#include "conn.h"
#include "crowd.h"
#include "knocks.h"
#include "leave.h"
#include "link.h"
#include "login.h"
#include "nameplates.h"
#include "queue.h"

/* ---- HTTP ------------------------------------------------------------------------------------------------------- */

static void front_refuse_request(pl_relay_conn *conn, int status, uint64_t now_ms) {
  char text[512];
  size_t n = pl_relay_http_write_refusal(text, sizeof text, status, conn->prologue->http.head);
  conn->relay->stats.refused += status != 404;
  pl_relay_conn_move(conn, PL_RELAY_CONN_ANSWER, now_ms);
  if (!pl_relay_out_frame(conn, -1, text, n)) pl_relay_conn_abort(conn);
}

static void front_answer_page(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  if (pl_view_equals(request->path, "/pairlink")) {
    front_refuse_request(conn, 426, now_ms);
    return;
  }
  pl_relay_page *page = pl_alloc(sizeof *page);
  int status = !page                      ? 500
               : relay->config.hooks.page ? relay->config.hooks.page(relay->config.user, request, page)
                                          : 404;
  if (status >= 400) {
    front_refuse_request(conn, status, now_ms);
  } else if (page) {
    pl_relay_conn_move(conn, PL_RELAY_CONN_ANSWER, now_ms);
    if (!pl_relay_out_frame(conn, -1, page->head, page->head_size)) pl_relay_conn_abort(conn);
    if (!request->head) conn->prologue->body = page->body;
  }
  pl_free(page);
}

static int front_judge_upgrade(const pl_relay *relay, const pl_relay_http_request *request) {
  if (!pl_view_equals(request->path, "/pairlink")) return 404;
  if (request->origin.size && !pl_relay_http_origin_allowed(request->origin, request->host, relay->config.origins))
    return 403;
  return request->subprotocol ? 0 : 400;
}

static void front_answer_request(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms) {
  char text[512];
  if (!pl_relay_crowd_resolve(conn, request, now_ms)) {
    front_refuse_request(conn, 429, now_ms);
    return;
  }
  if (!request->upgrade) {
    if (conn->prologue->over_limit)
      front_refuse_request(conn, 503, now_ms);
    else
      front_answer_page(conn, request, now_ms);
    return;
  }
  int status = front_judge_upgrade(conn->relay, request);
  if (status) {
    front_refuse_request(conn, status, now_ms);
    return;
  }
  size_t n = pl_relay_http_write_upgrade(text, sizeof text, request->key, "pairlink.v1");
  pl_ws_init(&conn->ws, true, false, PL_RELAY_LOGIN_MESSAGE_MAX);
  pl_ws_take_pieces(&conn->ws);
  if (pl_relay_out_frame(conn, -1, text, n))
    pl_relay_login_hello(conn, now_ms);
  else
    pl_relay_conn_abort(conn);
  if (conn->prologue) pl_relay_http_deinit(&conn->prologue->http);
}

/* Reads the head of the request. Returns true when WebSocket bytes follow. */
static bool front_http(pl_relay_conn *conn, uint8_t **data, size_t *size, uint64_t now_ms) {
  pl_relay_http_request request;
  const uint8_t *at = *data;
  int rc = pl_relay_http_read(&conn->prologue->http, &at, size, &request);
  *data += at - *data;
  if (rc == PL_RELAY_HTTP_MORE) return false;
  if (rc == PL_RELAY_HTTP_REQUEST)
    front_answer_request(conn, &request, now_ms);
  else
    front_refuse_request(conn, rc, now_ms);
  return conn->state == PL_RELAY_CONN_LOGIN;
}

/* ---- envelopes --------------------------------------------------------------------------------------------------- */

static int front_ping(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_wire_ping ping;
  (void)now_ms;
  if (pl_wire_ping_decode(&ping, e->payload.data, e->payload.size) != 0) return PL_REASON_PROTOCOL;
  if (!pl_relay_out_control(conn, PL_ENV_PONG, 0, e->payload, 100))
    pl_relay_conn_abort(conn); /* the client keeps asking and does not read the answers */
  return 0;
}

static int front_reset(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  (void)e;
  pl_relay_conn_close(conn, PL_WS_CODE_NORMAL, "", true, now_ms);
  return 0;
}

enum {
#define PL_ENVELOPE(name, number, max_bytes, sender, text) FRONT_MAX_##name = max_bytes,
#include "../../schema/wire.def"
  FRONT_ANY_SIZE = UINT16_MAX
};

/* Handles an envelope. Returns 0, or the reason to refuse the connection. */
typedef int (*front_handler)(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms);

#define IN(state) (1u << PL_RELAY_CONN_##state)

/* What a client may send in which states of its connection, and who handles it. The first row of each pair is for link
 * 0, the second for all other links. Anything else goes to front_violation; unused types have empty rows. The table of
 * link.c says what may be sent in which state of a link. */
static const struct front_row {
  uint16_t states, max;
  front_handler take;
} front_rows[][2] = {
    [PL_ENV_LOGIN] = {{IN(LOGIN), FRONT_MAX_LOGIN, pl_relay_login_receive}},
    [PL_ENV_PING] = {{IN(READY), FRONT_ANY_SIZE, front_ping}, {IN(READY), FRONT_ANY_SIZE, front_ping}},
    [PL_ENV_PEERS] = {{IN(READY), FRONT_MAX_PEERS, pl_relay_peers_receive}},
    [PL_ENV_CODE] = {{IN(READY), FRONT_MAX_CODE, pl_relay_nameplates_receive}},
    [PL_ENV_OPEN] = {{0}, {IN(READY), FRONT_MAX_OPEN, pl_relay_call_open}},
    [PL_ENV_CLAIM] = {{0}, {IN(READY), FRONT_MAX_CLAIM, pl_relay_call_claim}},
    [PL_ENV_ACCEPT] = {{IN(READY), FRONT_MAX_ACCEPT, pl_relay_link_receive},
                       {IN(READY), FRONT_MAX_ACCEPT, pl_relay_link_receive}},
    [PL_ENV_DATA] = {{IN(READY), FRONT_ANY_SIZE, pl_relay_link_data}, {IN(READY), FRONT_ANY_SIZE, pl_relay_link_data}},
    [PL_ENV_RESET] = {{IN(READY), FRONT_ANY_SIZE, front_reset}, {IN(READY), FRONT_MAX_RESET, pl_relay_link_receive}},
};

/* Returns the reason to refuse a connection for an envelope that the table does not allow, or 0 when it is skipped. */
static int front_violation(const pl_relay_conn *conn, uint8_t type) {
  if (conn->state != PL_RELAY_CONN_READY) return PL_REASON_PROTOCOL;
  if (pl_envelope_max(type) >= 0) return PL_REASON_PROTOCOL;
  return type >= PL_CONST_ENVELOPE_SKIPPABLE ? 0 : PL_REASON_UNSUPPORTED;
}

static void front_envelope(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  const struct front_row *row =
      e->type < PL_ARRAY_LENGTH(front_rows) ? &front_rows[e->type][e->link != 0] : &front_rows[0][0];
  bool allowed = row->states & 1u << conn->state && e->payload.size <= row->max;
  int reason = allowed ? row->take(conn, e, now_ms) : front_violation(conn, e->type);
  if (reason) pl_relay_conn_refuse(conn, reason, now_ms);
}

static bool front_takes_envelopes(const pl_relay_conn *conn) {
  return conn->state == PL_RELAY_CONN_READY || conn->state == PL_RELAY_CONN_LOGIN ||
         conn->state == PL_RELAY_CONN_STORING;
}

/* Returns the bytes of the envelope that starts here, or 0 when its header is not whole. */
static size_t front_envelope_size(const uint8_t *at, size_t size) {
  return size < PL_RELAY_HEADER ? 0 : pl_relay_envelope_size(at);
}

static void front_envelope_bytes(pl_relay_conn *conn, const uint8_t *at, size_t size, uint64_t now_ms) {
  pl_reader r = pl_reader_of(at, size);
  pl_envelope e;
  if (pl_envelope_next(&r, &e) > 0) front_envelope(conn, &e, now_ms);
}

/* Adds to the unfinished envelope until it holds `want` bytes. Returns false when it is still shorter, or memory ran
 * out. */
static bool front_fill_part(pl_relay_conn *conn, size_t want, uint8_t **at, size_t *size) {
  size_t n = want - conn->part.size < *size ? want - conn->part.size : *size;
  if (pl_buffer_append(&conn->part, *at, n) != 0) {
    pl_relay_conn_abort(conn);
    return false;
  }
  *at += n;
  *size -= n;
  return conn->part.size == want;
}

/* Takes what is missing of the envelope that an earlier piece started. */
static void front_complete_part(pl_relay_conn *conn, uint8_t **at, size_t *size, uint64_t now_ms) {
  if (conn->part.size < PL_RELAY_HEADER && !front_fill_part(conn, PL_RELAY_HEADER, at, size)) return;
  size_t whole = front_envelope_size(pl_buffer_data(&conn->part), PL_RELAY_HEADER);
  if (!front_fill_part(conn, whole, at, size)) return;
  pl_buffer part = conn->part; /* handling it may free conn->part, so it is moved away */
  pl_buffer_init(&conn->part, part.max);
  front_envelope_bytes(conn, pl_buffer_data(&part), part.size, now_ms);
  pl_buffer_deinit(&part);
}

/* Handles a piece of a message. Envelopes are handled where they lie; one whose end has not come yet is kept. `before`
 * bytes ahead of the piece may be overwritten. */
static void front_piece(pl_relay_conn *conn, const pl_ws_event *event, size_t before, bool ends, uint64_t now_ms) {
  uint8_t *at = event->data, *start = at;
  size_t size = event->size;
  bool empty = size == 0 && !conn->in_message;
  conn->in_message = !event->last;
  if (conn->part.size && size) front_complete_part(conn, &at, &size, now_ms);
  while (size && front_takes_envelopes(conn)) {
    size_t n = pl_relay_link_forward(conn, at, size, before + (size_t)(at - start), ends);
    size_t whole = n ? n : front_envelope_size(at, size);
    if (whole == 0 || whole > size) break;
    if (n == 0) front_envelope_bytes(conn, at, whole, now_ms);
    at += whole;
    size -= whole;
  }
  if (!front_takes_envelopes(conn)) return;
  if (size && pl_buffer_append(&conn->part, at, size) != 0)
    pl_relay_conn_abort(conn);
  else if (event->last && (empty || conn->part.size))
    pl_relay_conn_refuse(conn, PL_REASON_PROTOCOL, now_ms);
}

/* ---- frames ------------------------------------------------------------------------------------------- */

static void front_frame(pl_relay_conn *conn, const pl_ws_event *event, size_t before, bool ends, uint64_t now_ms) {
  switch (event->type) {
    case PL_WS_BINARY:
      front_piece(conn, event, before, ends, now_ms);
      return;
    case PL_WS_PING: /* a socket that does not read gets no answers */
      if (front_takes_envelopes(conn) && pl_relay_out_size(&conn->out) < PL_RELAY_OUT_DIRECT &&
          !pl_relay_out_frame(conn, PL_WS_PONG, event->data, event->size))
        pl_relay_conn_abort(conn);
      return;
    case PL_WS_CLOSE:
      pl_relay_conn_close(conn, event->close_code, "", false, now_ms);
      return;
    default:
      return;
  }
}

/* Writes the output that this read queued for other connections now if there is much of it: a system call costs little
 * for that many bytes, and their buffer is used again while it is in the cache. Small output waits for the end of the
 * turn. */
static void front_flush_large(const pl_relay *relay) {
  if (!relay->config.hooks.flush) return;
  for (pl_node *n = relay->dirty.prev; n != &relay->dirty; n = n->prev) {
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, dirty);
    if (conn->blocked || pl_relay_out_size(&conn->out) < PL_RELAY_OUT_MUCH) return;
    relay->config.hooks.flush(relay->config.user, conn);
    conn->blocked = pl_relay_out_size(&conn->out) >= PL_RELAY_OUT_MUCH;
  }
}

static void front_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms) {
  pl_ws_event event;
  const uint8_t *start = data;
  if (conn->state == PL_RELAY_CONN_HTTP && !front_http(conn, &data, &size, now_ms)) return;
  while (front_takes_envelopes(conn) || conn->state == PL_RELAY_CONN_CLOSING) {
    int rc = pl_ws_read(&conn->ws, &data, &size, &event);
    if (rc == 0) return;
    if (rc > 0)
      front_frame(conn, &event, event.type == PL_WS_BINARY ? (size_t)(event.data - start) : 0, size == 0, now_ms);
    else
      pl_relay_conn_close(conn, conn->ws.close_code, "", false, now_ms);
  }
}

void pl_relay_front_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms) {
  front_receive(conn, data, size, now_ms);
  front_flush_large(conn->relay);
}
