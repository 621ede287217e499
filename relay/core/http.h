/* The HTTP/1.1 of the relay's port: GET, HEAD and the WebSocket upgrade, nothing else. Pure.
 *
 * Input: any bytes in any chunks, all hostile. Whatever is not plainly right is refused with a status; nothing is
 * repaired. Memory grows with received bytes only, and never beyond head_max. */
#ifndef PL_RELAY_HTTP_H
#define PL_RELAY_HTTP_H

#include "../../client/core/base/base.h"

enum { PL_RELAY_HTTP_LINE_MAX = 4096, PL_RELAY_HTTP_HOST_MAX = 255 };

typedef struct pl_relay_http {
  pl_buffer text;
  size_t scanned, line_start, lines, headers_max;
  bool after_cr;
  bool head; /* the request line says HEAD, so a refusal must have no body */
} pl_relay_http;

/* What the request asks. Views are borrowed from the pl_relay_http until its _deinit. */
typedef struct pl_relay_http_request {
  pl_view path;          /* starts with '/'; without the query */
  pl_view authority;     /* the host in a target that is a whole address, then the same as `host`; else without data */
  pl_view host, origin;  /* origin: empty when there is none (an empty one is refused) */
  pl_view if_none_match; /* as sent */
  pl_view forwarded_for; /* the last X-Forwarded-For */
  bool accepts_br, accepts_gzip, refuses_identity;
  bool head;        /* a HEAD request: the answer is that to GET, without its body */
  bool upgrade;     /* an upgrade to WebSocket; all of its handshake is checked except path, origin and subprotocol */
  pl_view key;      /* Sec-WebSocket-Key */
  bool subprotocol; /* pairlink.v1 is among those offered */
  bool any_subprotocol;
} pl_relay_http_request;

/* How a head was judged. Any other value is the HTTP status to refuse with, 400 to 505. */
enum { PL_RELAY_HTTP_MORE = 0, PL_RELAY_HTTP_REQUEST = 1 };

void pl_relay_http_init(pl_relay_http *h, size_t head_max, size_t headers_max);
void pl_relay_http_deinit(pl_relay_http *h);
/* Takes bytes off *data up to the end of the head. Returns PL_RELAY_HTTP_MORE when all were taken and the head is not
 * complete; PL_RELAY_HTTP_REQUEST when *request is filled and *data is what follows the head; or the status to refuse
 * with. */
int pl_relay_http_read(pl_relay_http *h, const uint8_t **data, size_t *size,
                       pl_relay_http_request *request) PL_MUST_USE;

/* Returns true when the origin is the request's own host, or is in `allowed` (whole origins, ended by NULL; may be
 * NULL). "null" is never allowed. The caller must judge an absent origin. */
bool pl_relay_http_origin_allowed(pl_view origin, pl_view host, const char *const *allowed) PL_MUST_USE;
/* Returns true when an If-None-Match header names this quoted tag, weak or strong, or is "*". */
bool pl_relay_http_etag_matches(pl_view if_none_match, const char *etag) PL_MUST_USE;

/* ---- answers ----------------------------------------------------------------------------------------------------- */
const char *pl_relay_http_status_text(int status);
/* Writes a whole refusal, with Connection: close and a line of text as its body, which an answer to HEAD only
 * announces. Returns its size. A `capacity` of 512 is enough. */
size_t pl_relay_http_write_refusal(char *out, size_t capacity, int status, bool head);
/* Writes the 101 answer. `subprotocol` may be NULL. Returns its size. */
size_t pl_relay_http_write_upgrade(char *out, size_t capacity, pl_view key, const char *subprotocol);

#endif
