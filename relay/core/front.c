/* Bytes in: first a request's head, then WebSocket frames, then the envelopes of each message. */
#include <string.h>

#include "nameplates.h"

/* ---- HTTP ------------------------------------------------------------------------------------------------------- */

static void answer_refusal(pl_relay_conn *conn, int status, uint64_t now_ms) {
  char text[512];
  size_t n = pl_relay_http_write_refusal(text, sizeof text, status, conn->prologue->http.head);
  conn->relay->stats.refused += status != 404;
  pl_relay_conn_move(conn, PL_RELAY_CONN_ANSWER, now_ms);
  if (!pl_relay_out_frame(conn, -1, text, n)) pl_relay_conn_abort(conn);
}

static void answer_page(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  if (pl_view_equals(request->path, "/pairlink")) {
    answer_refusal(conn, 426, now_ms);
    return;
  }
  pl_relay_page *page = pl_alloc(sizeof *page);
  int status = !page                      ? 500
               : relay->config.hooks.page ? relay->config.hooks.page(relay->config.user, request, page)
                                          : 404;
  if (status >= 400) {
    answer_refusal(conn, status, now_ms);
  } else if (page) {
    pl_relay_conn_move(conn, PL_RELAY_CONN_ANSWER, now_ms);
    if (!pl_relay_out_frame(conn, -1, page->head, page->head_size)) pl_relay_conn_abort(conn);
    if (!request->head) conn->body = page->body;
  }
  pl_free(page);
}

static int judge_upgrade(const pl_relay *relay, const pl_relay_http_request *request) {
  if (!pl_view_equals(request->path, "/pairlink")) return 404;
  if (request->origin.size && !pl_relay_http_origin_allowed(request->origin, request->host, relay->config.origins))
    return 403;
  return request->subprotocol ? 0 : 400;
}

static void answer_request(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms) {
  char text[512];
  if (!pl_relay_rate_resolve(conn, request, now_ms)) {
    answer_refusal(conn, 429, now_ms);
    return;
  }
  if (!request->upgrade) {
    if (conn->prologue->over_limit)
      answer_refusal(conn, 503, now_ms);
    else
      answer_page(conn, request, now_ms);
    return;
  }
  int status = judge_upgrade(conn->relay, request);
  if (status) {
    answer_refusal(conn, status, now_ms);
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

/* Takes the head off; true when WebSocket bytes follow. */
static bool receive_http(pl_relay_conn *conn, uint8_t **data, size_t *size, uint64_t now_ms) {
  pl_relay_http_request request;
  const uint8_t *at = *data;
  int rc = pl_relay_http_read(&conn->prologue->http, &at, size, &request);
  *data += at - *data;
  if (rc == PL_RELAY_HTTP_MORE) return false;
  if (rc == PL_RELAY_HTTP_REQUEST)
    answer_request(conn, &request, now_ms);
  else
    answer_refusal(conn, rc, now_ms);
  return conn->state == PL_RELAY_CONN_LOGIN;
}

/* ---- envelopes ---------------------------------------------------------------------------------------- */

static void on_ping(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_wire_ping ping;
  if (pl_wire_ping_decode(&ping, e->payload.data, e->payload.size) != 0)
    pl_relay_conn_refuse(conn, PL_REASON_PROTOCOL, now_ms);
  else if (!pl_relay_out_control(conn, PL_ENV_PONG, 0, e->payload, 100))
    pl_relay_conn_abort(conn); /* it asks and asks, and reads nothing */
}

static void on_envelope(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  if (conn->state != PL_RELAY_CONN_READY) {
    pl_relay_login_receive(conn, e, now_ms);
    return;
  }
  switch (e->type) {
    case PL_ENV_RESET:
      if (e->link == 0) {
        pl_relay_conn_close(conn, PL_WS_CODE_NORMAL, "", true, now_ms);
        return;
      }
      pl_relay_link_receive(conn, e, now_ms);
      return;
    case PL_ENV_DATA:
    case PL_ENV_OPEN:
    case PL_ENV_CLAIM:
    case PL_ENV_ACCEPT:
      pl_relay_link_receive(conn, e, now_ms);
      return;
    case PL_ENV_PEERS:
      pl_relay_peers_receive(conn, e, now_ms);
      return;
    case PL_ENV_CODE:
      pl_relay_nameplates_receive(conn, e, now_ms);
      return;
    case PL_ENV_PING:
      on_ping(conn, e, now_ms);
      return;
    default:
      if (e->type >= PL_CONST_ENVELOPE_SKIPPABLE) return;
      pl_relay_conn_refuse(conn, pl_envelope_max(e->type) < 0 ? PL_REASON_UNSUPPORTED : PL_REASON_PROTOCOL, now_ms);
  }
}

static bool takes_envelopes(const pl_relay_conn *conn) {
  return conn->state == PL_RELAY_CONN_READY || conn->state == PL_RELAY_CONN_LOGIN ||
         conn->state == PL_RELAY_CONN_STORING;
}

enum { HEADER = PL_CONST_ENVELOPE_HEADER_BYTES };

/* Bytes of the envelope that begins here; 0: its header is not whole. */
static size_t envelope_size(const uint8_t *at, size_t size) {
  return size < HEADER ? 0 : HEADER + (size_t)pl_get_u16(at + 2);
}

static void on_bytes(pl_relay_conn *conn, const uint8_t *at, size_t size, uint64_t now_ms) {
  pl_reader r = pl_reader_of(at, size);
  pl_envelope e;
  if (pl_envelope_next(&r, &e) > 0) on_envelope(conn, &e, now_ms);
}

/* Adds to the envelope that has begun until it holds `want` bytes. */
static bool fill_part(pl_relay_conn *conn, size_t want, uint8_t **at, size_t *size) {
  size_t n = want - conn->part.size < *size ? want - conn->part.size : *size;
  if (pl_buffer_append(&conn->part, *at, n) != 0) {
    pl_relay_conn_abort(conn);
    return false;
  }
  *at += n;
  *size -= n;
  return conn->part.size == want;
}

/* Takes what is missing of the envelope that an earlier piece began. */
static void complete_part(pl_relay_conn *conn, uint8_t **at, size_t *size, uint64_t now_ms) {
  if (conn->part.size < HEADER && !fill_part(conn, HEADER, at, size)) return;
  size_t whole = envelope_size(pl_buffer_data(&conn->part), HEADER);
  if (!fill_part(conn, whole, at, size)) return;
  pl_buffer part = conn->part; /* what it brings about may end the connection's part in this */
  pl_buffer_init(&conn->part, part.max);
  on_bytes(conn, pl_buffer_data(&part), part.size, now_ms);
  pl_buffer_deinit(&part);
}

/* A piece of a message: envelopes are taken where they lie, one whose end has not come yet is kept until then. `before`
 * bytes ahead of it are of no use any more. */
static void on_piece(pl_relay_conn *conn, const pl_ws_event *event, size_t before, uint64_t now_ms) {
  uint8_t *at = event->data, *start = at;
  size_t size = event->size;
  bool empty = size == 0 && !conn->in_message;
  conn->in_message = !event->last;
  if (conn->part.size && size) complete_part(conn, &at, &size, now_ms);
  while (size && takes_envelopes(conn)) {
    size_t n = pl_relay_link_forward(conn, at, size, before + (size_t)(at - start));
    size_t whole = n ? n : envelope_size(at, size);
    if (whole == 0 || whole > size) break;
    if (n == 0) on_bytes(conn, at, whole, now_ms);
    at += whole;
    size -= whole;
  }
  if (!takes_envelopes(conn)) return;
  if (size && pl_buffer_append(&conn->part, at, size) != 0)
    pl_relay_conn_abort(conn);
  else if (event->last && (empty || conn->part.size))
    pl_relay_conn_refuse(conn, PL_REASON_PROTOCOL, now_ms);
}

/* ---- frames ------------------------------------------------------------------------------------------- */

static void on_frame(pl_relay_conn *conn, const pl_ws_event *event, size_t before, uint64_t now_ms) {
  switch (event->type) {
    case PL_WS_BINARY:
      on_piece(conn, event, before, now_ms);
      return;
    case PL_WS_PING: /* one that does not read gets no answers */
      if (takes_envelopes(conn) && pl_relay_out_size(&conn->out) < PL_RELAY_OUT_DIRECT &&
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

/* What this read brought for others goes out now if it is much: one call is nothing for so many bytes, and their buffer
 * is used again while it is in the cache. Small output waits for the end of the turn. */
static void flush_large(const pl_relay *relay) {
  if (!relay->config.hooks.flush) return;
  for (pl_node *n = relay->dirty.prev; n != &relay->dirty; n = n->prev) {
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, dirty);
    if (conn->blocked || pl_relay_out_size(&conn->out) < PL_RELAY_OUT_MUCH) return;
    relay->config.hooks.flush(relay->config.user, conn);
    conn->blocked = pl_relay_out_size(&conn->out) >= PL_RELAY_OUT_MUCH;
  }
}

static void receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms) {
  pl_ws_event event;
  const uint8_t *start = data;
  if (conn->state == PL_RELAY_CONN_HTTP && !receive_http(conn, &data, &size, now_ms)) return;
  while (takes_envelopes(conn) || conn->state == PL_RELAY_CONN_CLOSING) {
    int rc = pl_ws_read(&conn->ws, &data, &size, &event);
    if (rc == 0) return;
    if (rc > 0)
      on_frame(conn, &event, event.type == PL_WS_BINARY ? (size_t)(event.data - start) : 0, now_ms);
    else
      pl_relay_conn_close(conn, conn->ws.close_code, "", false, now_ms);
  }
}

void pl_relay_front_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms) {
  receive(conn, data, size, now_ms);
  flush_large(conn->relay);
}
