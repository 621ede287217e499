/* See http.h. Line ends, NUL, limits and the request line are judged as the bytes come. The header fields are judged
 * once the head is complete, when it does not move in memory any more. */
#include "http.h"

#include <string.h>

#include "../../client/core/ws/ws.h"

enum {
  STATUS_BAD = 400,
  STATUS_METHOD = 405,
  STATUS_BODY = 413,
  STATUS_LINE = 414,
  STATUS_UPGRADE = 426,
  STATUS_HEADERS = 431,
  STATUS_INTERNAL = 500,
  STATUS_VERSION = 505
};

void pl_relay_http_init(pl_relay_http *h, size_t head_max, size_t headers_max) {
  *h = (pl_relay_http){.headers_max = headers_max};
  pl_buffer_init(&h->text, head_max);
}

void pl_relay_http_deinit(pl_relay_http *h) {
  pl_buffer_deinit(&h->text);
}

/* ---- small parts of text ----------------------------------------------------------------------------------------- */

static bool http_has_prefix(pl_view v, const char *prefix) {
  size_t n = strlen(prefix);
  return v.size >= n && pl_view_is((pl_view){v.data, n}, prefix);
}

static bool http_same_text(pl_view a, pl_view b) {
  if (a.size != b.size) return false;
  for (size_t i = 0; i < a.size; i++)
    if (pl_ascii_lower(a.data[i]) != pl_ascii_lower(b.data[i])) return false;
  return true;
}

static pl_view http_trim(pl_view v) {
  while (v.size && (v.data[0] == ' ' || v.data[0] == '\t')) v = (pl_view){v.data + 1, v.size - 1};
  while (v.size && (v.data[v.size - 1] == ' ' || v.data[v.size - 1] == '\t')) v.size--;
  return v;
}

/* Splits at the first `separator`. Returns what is before it, and leaves what is after it in *rest. */
static pl_view http_split(pl_view *rest, uint8_t separator) {
  const uint8_t *found = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
  pl_view first = {rest->data, found ? (size_t)(found - rest->data) : rest->size};
  *rest = found ? (pl_view){found + 1, rest->size - first.size - 1} : (pl_view){NULL, 0};
  return first;
}

/* Returns true when a comma-separated list names the token. `is` compares. */
static bool http_list_has(pl_view list, const char *token, bool (*is)(pl_view v, const char *text)) {
  while (list.size)
    if (is(http_trim(http_split(&list, ',')), token)) return true;
  return false;
}

static bool http_is_token(pl_view v) {
  for (size_t i = 0; i < v.size; i++) {
    uint8_t c = v.data[i];
    bool alnum = (pl_ascii_lower(c) >= 'a' && pl_ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
    if (!alnum && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) return false;
  }
  return v.size > 0;
}

/* ---- the request line ---------------------------------------------------------------------------------------- */

static bool http_target_valid(pl_view target) {
  if (target.size == 0 || target.data[0] != '/') return false;
  for (size_t i = 0; i < target.size; i++)
    if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '\\' || target.data[i] == '#')
      return false;
  pl_view rest = target;
  pl_view path = http_split(&rest, '?');
  while (path.size) {
    pl_view part = http_split(&path, '/');
    if (pl_view_is(part, ".") || pl_view_is(part, "..")) return false;
  }
  return true;
}

static bool http_host_valid(pl_view host) {
  if (host.size == 0 || host.size > PL_RELAY_HTTP_HOST_MAX) return false;
  for (size_t i = 0; i < host.size; i++) {
    uint8_t c = host.data[i];
    bool good =
        (pl_ascii_lower(c) >= 'a' && pl_ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._:[]", c));
    if (!good) return false;
  }
  return true;
}

/* Takes "http://host" off a target that is a whole address, as clients send it to proxies; servers must accept it too
 * (RFC 9112, 3.2.2). Returns the host, and leaves the path, which may be empty. */
static pl_view http_take_authority(pl_view *target) {
  size_t scheme = http_has_prefix(*target, "http://") ? 7 : http_has_prefix(*target, "https://") ? 8 : 0;
  if (scheme == 0) return (pl_view){NULL, 0};
  pl_view host = {target->data + scheme, 0};
  while (scheme + host.size < target->size && !memchr("/?", host.data[host.size], 2)) host.size++;
  *target = (pl_view){host.data + host.size, target->size - scheme - host.size};
  return host;
}

static int http_read_target(pl_view target, pl_relay_http_request *request) {
  request->authority = http_take_authority(&target);
  bool absolute = request->authority.data != NULL;
  bool no_path = absolute && (target.size == 0 || target.data[0] == '?');
  if (absolute && !http_host_valid(request->authority)) return STATUS_BAD;
  if (!no_path && !http_target_valid(target)) return STATUS_BAD;
  /* "http://host" means "http://host/". The view borrows the slash before the host, which lies in the head as well. */
  request->path = no_path ? (pl_view){request->authority.data - 1, 1} : http_split(&target, '?');
  return 0;
}

static int http_read_request_line(pl_view line, pl_relay_http_request *request) {
  pl_view method = http_split(&line, ' '), target = http_split(&line, ' '), version = line;
  if (!http_is_token(method)) return STATUS_BAD;
  if (version.size != 8 || memcmp(version.data, "HTTP/", 5) != 0) return STATUS_BAD;
  if (memcmp(version.data, "HTTP/1.1", 8) != 0) return STATUS_VERSION;
  request->head = pl_view_equals(method, "HEAD");
  if (!request->head && !pl_view_equals(method, "GET")) return STATUS_METHOD;
  return http_read_target(target, request);
}

/* ---- header fields -------------------------------------------------------------------------------------------- */

typedef enum said { UNSAID, YES, NO } said;

typedef struct fields {
  pl_relay_http_request *request;
  bool host, upgrade, upgrade_websocket, connection_upgrade, version, version_13, key, origin, length, if_none_match;
  said br, gzip, identity, others; /* of Accept-Encoding */
} fields;

static int http_once(bool *seen) {
  if (*seen) return STATUS_BAD;
  *seen = true;
  return 0;
}

static int field_host(fields *f, pl_view value) {
  f->request->host = value;
  return http_once(&f->host) || !http_host_valid(value) ? STATUS_BAD : 0;
}

/* Refuses every upgrade but WebSocket, above all h2c. */
static int field_upgrade(fields *f, pl_view value) {
  f->upgrade_websocket = pl_view_is(value, "websocket");
  return http_once(&f->upgrade) || !f->upgrade_websocket ? STATUS_BAD : 0;
}

static int field_connection(fields *f, pl_view value) {
  f->connection_upgrade |= http_list_has(value, "upgrade", pl_view_is);
  return 0;
}

static int field_version(fields *f, pl_view value) {
  f->version_13 = pl_view_is(value, "13");
  return http_once(&f->version);
}

static int field_key(fields *f, pl_view value) {
  f->request->key = value;
  return http_once(&f->key) || !pl_ws_key_valid(value) ? STATUS_BAD : 0;
}

static int field_protocol(fields *f, pl_view value) {
  f->request->any_subprotocol = true;
  f->request->subprotocol |= http_list_has(value, "pairlink.v1", pl_view_equals);
  return 0;
}

static int field_origin(fields *f, pl_view value) {
  f->request->origin = value;
  return http_once(&f->origin) || value.size == 0 ? STATUS_BAD : 0;
}

/* A GET must have no body. Some clients send "0" all the same. */
static int field_length(fields *f, pl_view value) {
  if (http_once(&f->length)) return STATUS_BAD;
  for (size_t i = 0; i < value.size; i++)
    if (value.data[i] < '0' || value.data[i] > '9') return STATUS_BAD;
  if (value.size == 0) return STATUS_BAD;
  return value.size == 1 && value.data[0] == '0' ? 0 : STATUS_BODY;
}

static int field_transfer_encoding(fields *f, pl_view value) {
  (void)f;
  (void)value;
  return STATUS_BAD;
}

/* "gzip;q=0" says no. The exact weight of the others does not matter. */
static bool http_weight_is_zero(pl_view parameters) {
  while (parameters.size) {
    pl_view p = http_trim(http_split(&parameters, ';'));
    if (p.size < 3 || pl_ascii_lower(p.data[0]) != 'q' || p.data[1] != '=') continue;
    bool zero = p.data[2] == '0';
    for (size_t i = 3; i < p.size; i++) zero &= p.data[i] == '0' || p.data[i] == '.';
    return zero;
  }
  return false;
}

static int field_accept_encoding(fields *f, pl_view value) {
  while (value.size) {
    pl_view item = http_split(&value, ',');
    pl_view coding = http_trim(http_split(&item, ';'));
    said answer = http_weight_is_zero(item) ? NO : YES;
    if (pl_view_is(coding, "br")) f->br = answer;
    if (pl_view_is(coding, "gzip") || pl_view_is(coding, "x-gzip")) f->gzip = answer;
    if (pl_view_is(coding, "identity")) f->identity = answer;
    if (pl_view_is(coding, "*")) f->others = answer; /* every coding that is not named */
  }
  return 0;
}

/* Two such lines, which hardly any client sends, count as none: the answer is the whole page. */
static int field_if_none_match(fields *f, pl_view value) {
  f->request->if_none_match = http_once(&f->if_none_match) == 0 ? value : (pl_view){NULL, 0};
  return 0;
}

static int field_forwarded_for(fields *f, pl_view value) {
  f->request->forwarded_for = value;
  return 0;
}

static const struct {
  const char *name;
  int (*take)(fields *f, pl_view value);
} known[] = {
    {"host", field_host},
    {"upgrade", field_upgrade},
    {"connection", field_connection},
    {"sec-websocket-version", field_version},
    {"sec-websocket-key", field_key},
    {"sec-websocket-protocol", field_protocol},
    {"origin", field_origin},
    {"content-length", field_length},
    {"transfer-encoding", field_transfer_encoding},
    {"accept-encoding", field_accept_encoding},
    {"if-none-match", field_if_none_match},
    {"x-forwarded-for", field_forwarded_for},
};

static int http_read_field(fields *f, pl_view line) {
  if (!memchr(line.data, ':', line.size)) return STATUS_BAD;
  pl_view value = line;
  pl_view name = http_split(&value, ':');
  if (!http_is_token(name)) return STATUS_BAD; /* also refuses a folded line, which starts with a blank */
  value = http_trim(value);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(known); i++)
    if (pl_view_is(name, known[i].name)) return known[i].take(f, value);
  return 0;
}

static void http_settle_codings(const fields *f) {
  f->request->accepts_br = (f->br ? f->br : f->others) == YES;
  f->request->accepts_gzip = (f->gzip ? f->gzip : f->others) == YES;
  f->request->refuses_identity = (f->identity ? f->identity : f->others) == NO;
}

/* Checks what depends on several fields. */
static int http_judge(const fields *f) {
  const pl_relay_http_request *r = f->request;
  if (!f->host || (r->authority.data && !http_same_text(r->authority, r->host))) return STATUS_BAD;
  http_settle_codings(f);
  if (!f->upgrade) return f->key || f->version ? STATUS_UPGRADE : 0;
  if (!f->connection_upgrade || r->head) return STATUS_BAD;
  if (!f->version_13) return STATUS_UPGRADE;
  if (!f->key) return STATUS_BAD;
  f->request->upgrade = true;
  return 0;
}

static int http_read_head(pl_relay_http *h, pl_relay_http_request *request) {
  *request = (pl_relay_http_request){0};
  fields f = {.request = request};
  pl_view rest = {pl_buffer_data(&h->text), h->text.size - 2}; /* without the empty line */
  bool first = true;
  while (rest.size) {
    pl_view line = http_split(&rest, '\n');
    line.size--; /* the CR: http_byte has checked that every line ends in CRLF */
    int rc = first ? http_read_request_line(line, request) : http_read_field(&f, line);
    if (rc) return rc;
    first = false;
  }
  int rc = http_judge(&f);
  return rc ? rc : PL_RELAY_HTTP_REQUEST;
}

/* ---- bytes to lines --------------------------------------------------------------------------------------------- */

/* Handles a line whose LF is at `end`. Returns PL_RELAY_HTTP_MORE, PL_RELAY_HTTP_REQUEST after the empty line, or the
 * status to refuse with. */
static int http_line(pl_relay_http *h, size_t end, pl_relay_http_request *request) {
  size_t start = h->line_start, size = end - start - 1;
  h->line_start = end + 1;
  if (h->lines == 0) {
    h->lines = 1;
    pl_relay_http_request first = {0};
    int rc = http_read_request_line((pl_view){pl_buffer_data(&h->text) + start, size}, &first);
    h->head = first.head;
    return rc;
  }
  if (size == 0) return http_read_head(h, request);
  return h->lines++ > h->headers_max ? STATUS_HEADERS : 0;
}

static int http_byte(pl_relay_http *h, uint8_t c, pl_relay_http_request *request) {
  size_t at = h->scanned++;
  bool after_cr = h->after_cr;
  h->after_cr = c == '\r';
  if (after_cr != (c == '\n')) return STATUS_BAD; /* CR and LF come as a pair only */
  if (c == '\n') return http_line(h, at, request);
  if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f) return STATUS_BAD;
  if (h->lines == 0 && at >= PL_RELAY_HTTP_LINE_MAX) return STATUS_LINE;
  return 0;
}

int pl_relay_http_read(pl_relay_http *h, const uint8_t **data, size_t *size, pl_relay_http_request *request) {
  size_t room = h->text.max - h->text.size;
  size_t n = *size < room ? *size : room;
  size_t before = h->text.size;
  if (n && pl_buffer_append(&h->text, *data, n) != 0) return STATUS_INTERNAL;
  const uint8_t *text = pl_buffer_data(&h->text);
  while (h->scanned < before + n) {
    size_t at = h->scanned;
    /* Cuts off what follows the head before the head is read. */
    if (text[at] == '\n' && at == h->line_start + 1) h->text.size = (uint32_t)at + 1;
    int rc = http_byte(h, text[at], request);
    if (rc == 0) continue;
    size_t used = h->scanned - before;
    *data += used;
    *size -= used;
    return rc;
  }
  if (n) *data += n;
  *size -= n;
  return h->text.size == h->text.max ? STATUS_HEADERS : PL_RELAY_HTTP_MORE;
}

/* ---- origin, tags ------------------------------------------------------------------------------------------------ */

/* Cuts off the port when it is the default of the scheme. */
static pl_view http_without_port(pl_view host, const char *port) {
  size_t n = strlen(port);
  if (host.size > n && pl_view_is((pl_view){host.data + host.size - n, n}, port)) host.size -= n;
  return host;
}

bool pl_relay_http_origin_allowed(pl_view origin, pl_view host, const char *const *allowed) {
  for (; allowed && *allowed; allowed++)
    if (pl_view_is(origin, *allowed)) return true;
  bool tls = http_has_prefix(origin, "https://");
  if (!tls && !http_has_prefix(origin, "http://")) return false;
  size_t scheme = tls ? 8 : 7;
  pl_view own = {origin.data + scheme, origin.size - scheme};
  const char *port = tls ? ":443" : ":80";
  return own.size > 0 && http_same_text(http_without_port(own, port), http_without_port(host, port));
}

/* Compares weakly, as RFC 9110, 8.8.3.2 says. */
static bool http_is_tag(pl_view tag, const char *etag) {
  if (tag.size > 2 && memcmp(tag.data, "W/", 2) == 0) tag = (pl_view){tag.data + 2, tag.size - 2};
  return pl_view_equals(tag, etag);
}

bool pl_relay_http_etag_matches(pl_view if_none_match, const char *etag) {
  return pl_view_equals(if_none_match, "*") || http_list_has(if_none_match, etag, http_is_tag);
}
