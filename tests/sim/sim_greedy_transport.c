/* Violations of HTTP and WebSocket, before and after the login, and the answers that docs/protocol.md (section 1) and
 * RFC 6455 promise. */
#include <stdio.h>
#include <string.h>

#include "sim_greedy.h"

enum { LONG_LINE = 4100 };

static sim_random *chance(const sim_greedy_socket *s) {
  return &s->world->greedy->random;
}

static uint32_t setting(const sim_greedy_socket *s, enum pl_relay_setting which) {
  return s->world->relay.config.settings[which];
}

/* ---- HTTP: sections 1 and 2 -------------------------------------------------------------------------------------- */

#define HOST "Host: relay.example\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: pairlink.v1\r\n"
#define GET "GET /pairlink HTTP/1.1\r\n"

/* A request and its answer. */
#define HTTP_PROBE(name, text)                        \
  static bool name(sim_greedy_socket *s) {            \
    return sim_greedy_raw(s, text, sizeof(text) - 1); \
  }

HTTP_PROBE(http_post, "POST /pairlink HTTP/1.1\r\n" HOST "\r\n")
HTTP_PROBE(http_version, "GET /pairlink HTTP/1.0\r\n" HOST "\r\n")
HTTP_PROBE(http_bare_lf, "GET /pairlink HTTP/1.1\n" HOST "\r\n")
HTTP_PROBE(http_no_host, GET UPGRADE KEY VERSION PROTOCOL "\r\n")
HTTP_PROBE(http_two_hosts, GET HOST HOST UPGRADE KEY VERSION PROTOCOL "\r\n")
HTTP_PROBE(http_no_colon, GET HOST "nonsense\r\n\r\n")
HTTP_PROBE(http_folded, GET HOST " folded: 1\r\n\r\n")
HTTP_PROBE(http_nul, GET HOST "A: b\0c\r\n\r\n")
HTTP_PROBE(http_other_path, "GET /elsewhere HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "\r\n")
HTTP_PROBE(http_page, "GET /absent HTTP/1.1\r\n" HOST "\r\n")
HTTP_PROBE(http_dots, "GET /../pairlink HTTP/1.1\r\n" HOST "\r\n")
HTTP_PROBE(http_no_upgrade, GET HOST "\r\n")
HTTP_PROBE(http_h2c, GET HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
HTTP_PROBE(http_no_connection, GET HOST "Upgrade: websocket\r\n" KEY VERSION PROTOCOL "\r\n")
HTTP_PROBE(http_no_key, GET HOST UPGRADE VERSION PROTOCOL "\r\n")
HTTP_PROBE(http_short_key, GET HOST UPGRADE "Sec-WebSocket-Key: c2hvcnQ=\r\n" VERSION PROTOCOL "\r\n")
HTTP_PROBE(http_two_keys, GET HOST UPGRADE KEY KEY VERSION PROTOCOL "\r\n")
HTTP_PROBE(http_old_websocket, GET HOST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n" PROTOCOL "\r\n")
HTTP_PROBE(http_no_subprotocol, GET HOST UPGRADE KEY VERSION "\r\n")
HTTP_PROBE(http_other_subprotocol, GET HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: pairlink.v2\r\n\r\n")
HTTP_PROBE(http_origin, GET HOST UPGRADE KEY VERSION PROTOCOL "Origin: https://elsewhere.example\r\n\r\n")
HTTP_PROBE(http_null_origin, GET HOST UPGRADE KEY VERSION PROTOCOL "Origin: null\r\n\r\n")
HTTP_PROBE(http_body, GET HOST "Content-Length: 5\r\n\r\nhello")
HTTP_PROBE(http_chunked, GET HOST "Transfer-Encoding: chunked\r\n\r\n")
HTTP_PROBE(http_head_upgrade, "HEAD /pairlink HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "\r\n")

static bool http_long_line(sim_greedy_socket *s) {
  uint8_t *out = s->world->scratch;
  if (setting(s, PL_RELAY_SET_HTTP_HEAD_MAX) < LONG_LINE) return false;
  memset(out, 'a', LONG_LINE);
  memcpy(out, "GET /", 5);
  return sim_greedy_raw(s, out, LONG_LINE);
}

static bool http_many_fields(sim_greedy_socket *s) {
  char *out = (char *)s->world->scratch;
  size_t n = (size_t)sprintf(out, GET HOST);
  for (uint32_t i = 0; i < setting(s, PL_RELAY_SET_HTTP_HEADERS_MAX) + 2; i++)
    n += (size_t)sprintf(out + n, "A: b\r\n");
  if (n + 2 >= setting(s, PL_RELAY_SET_HTTP_HEAD_MAX)) return false;
  return sim_greedy_raw(s, out, n);
}

static bool http_long_head(sim_greedy_socket *s) {
  char *out = (char *)s->world->scratch;
  uint32_t most = setting(s, PL_RELAY_SET_HTTP_HEAD_MAX);
  size_t n = (size_t)sprintf(out, GET HOST "A: ");
  memset(out + n, 'b', most);
  return sim_greedy_raw(s, out, most + 10);
}

static bool http_nothing(sim_greedy_socket *s) {
  (void)s;
  return true;
}

static bool http_half_head(sim_greedy_socket *s) {
  return sim_greedy_raw(s, GET HOST, sizeof(GET HOST) - 1);
}

/* ---- frames: section 1 ------------------------------------------------------------------------------------------- */

static bool ws_text(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0x80 | PL_WS_TEXT, "hello", 5);
}

static bool ws_reserved_bit(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0xc0 | PL_WS_BINARY, "hello", 5);
}

static bool ws_unknown_opcode(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0x80 | (int)sim_between(chance(s), 3, 7), "hello", 5);
}

static bool ws_unmasked(sim_greedy_socket *s) {
  return sim_greedy_raw(s, "\x82\x01x", 3);
}

static bool ws_continues_nothing(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0x80 | PL_WS_CONTINUATION, "hello", 5);
}

static bool ws_message_in_message(sim_greedy_socket *s) {
  return sim_greedy_frame(s, PL_WS_BINARY, "", 0) && sim_greedy_frame(s, 0x80 | PL_WS_BINARY, "", 0);
}

static bool ws_cut_ping(sim_greedy_socket *s) {
  return sim_greedy_frame(s, PL_WS_PING, "hello", 5);
}

static bool ws_long_ping(sim_greedy_socket *s) {
  uint8_t payload[126] = {0};
  return sim_greedy_frame(s, 0x80 | PL_WS_PING, payload, sizeof payload);
}

static bool ws_long_form(sim_greedy_socket *s) {
  return sim_greedy_raw(s, "\x82\xfe\x00\x05\0\0\0\0hello", 13);
}

static bool ws_too_long(sim_greedy_socket *s) {
  uint8_t frame[14] = {0x82, 0xff};
  uint32_t most = s->stage == SIM_GREEDY_READY ? setting(s, PL_RELAY_SET_MESSAGE_MAX) : 65535;
  pl_put_u64(frame + 2, most + 1);
  return sim_greedy_raw(s, frame, sizeof frame);
}

static bool ws_too_long_before_login(sim_greedy_socket *s) {
  uint8_t *out = s->world->text;
  memset(out, 0, 4097);
  return sim_greedy_frame(s, 0x80 | PL_WS_BINARY, out, 4097);
}

static bool ws_close_one_byte(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0x80 | PL_WS_CLOSE, "x", 1);
}

static bool ws_close_code(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0x80 | PL_WS_CLOSE, "\x03\xed", 2); /* 1005 */
}

static bool ws_close_text(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0x80 | PL_WS_CLOSE, "\x03\xe8\xc3\x28", 4);
}

static bool ws_close(sim_greedy_socket *s) {
  return sim_greedy_frame(s, 0x80 | PL_WS_CLOSE, "\x03\xe8", 2);
}

static bool ws_empty(sim_greedy_socket *s) {
  return sim_greedy_message(s, "", 0);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define STATUS(n) \
  { .status = (n) }
#define REASON(name) \
  { .reason = PL_REASON_##name }
#define CODE(n) \
  { .code = (n) }

const sim_greedy_probe sim_greedy_transport_probes[] = {
    {"POST", SIM_GREEDY_HTTP, http_post, STATUS(405)},
    {"HTTP/1.0", SIM_GREEDY_HTTP, http_version, STATUS(505)},
    {"LF without CR", SIM_GREEDY_HTTP, http_bare_lf, STATUS(400)},
    {"no Host", SIM_GREEDY_HTTP, http_no_host, STATUS(400)},
    {"two Hosts", SIM_GREEDY_HTTP, http_two_hosts, STATUS(400)},
    {"a field without a colon", SIM_GREEDY_HTTP, http_no_colon, STATUS(400)},
    {"a folded field", SIM_GREEDY_HTTP, http_folded, STATUS(400)},
    {"NUL in a field", SIM_GREEDY_HTTP, http_nul, STATUS(400)},
    {"an upgrade elsewhere", SIM_GREEDY_HTTP, http_other_path, STATUS(404)},
    {"an absent page", SIM_GREEDY_HTTP, http_page, STATUS(404)},
    {"dots in the path", SIM_GREEDY_HTTP, http_dots, STATUS(400)},
    {"no upgrade", SIM_GREEDY_HTTP, http_no_upgrade, STATUS(426)},
    {"h2c", SIM_GREEDY_HTTP, http_h2c, STATUS(400)},
    {"no Connection", SIM_GREEDY_HTTP, http_no_connection, STATUS(400)},
    {"no key", SIM_GREEDY_HTTP, http_no_key, STATUS(400)},
    {"a short key", SIM_GREEDY_HTTP, http_short_key, STATUS(400)},
    {"two keys", SIM_GREEDY_HTTP, http_two_keys, STATUS(400)},
    {"WebSocket 8", SIM_GREEDY_HTTP, http_old_websocket, STATUS(426)},
    {"no subprotocol", SIM_GREEDY_HTTP, http_no_subprotocol, STATUS(400)},
    {"another subprotocol", SIM_GREEDY_HTTP, http_other_subprotocol, STATUS(400)},
    {"a foreign origin", SIM_GREEDY_HTTP, http_origin, STATUS(403)},
    {"the origin null", SIM_GREEDY_HTTP, http_null_origin, STATUS(403)},
    {"a body", SIM_GREEDY_HTTP, http_body, STATUS(413)},
    {"a chunked body", SIM_GREEDY_HTTP, http_chunked, STATUS(400)},
    {"HEAD with an upgrade", SIM_GREEDY_HTTP, http_head_upgrade, STATUS(400)},
    {"a long request line", SIM_GREEDY_HTTP, http_long_line, STATUS(414)},
    {"many fields", SIM_GREEDY_HTTP, http_many_fields, STATUS(431)},
    {"a long head", SIM_GREEDY_HTTP, http_long_head, STATUS(431)},
    {"no request", SIM_GREEDY_HTTP, http_nothing, STATUS(-1)},
    {"half a head", SIM_GREEDY_HTTP, http_half_head, STATUS(-1)},

    {"text", SIM_GREEDY_LOGIN, ws_text, CODE(1003)},
    {"a reserved bit", SIM_GREEDY_LOGIN, ws_reserved_bit, CODE(1002)},
    {"an unknown opcode", SIM_GREEDY_LOGIN, ws_unknown_opcode, CODE(1002)},
    {"a frame without a mask", SIM_GREEDY_LOGIN, ws_unmasked, CODE(1002)},
    {"a continuation of nothing", SIM_GREEDY_LOGIN, ws_continues_nothing, CODE(1002)},
    {"a long message before the login", SIM_GREEDY_LOGIN, ws_too_long_before_login, CODE(1009)},
    {"a huge message before the login", SIM_GREEDY_LOGIN, ws_too_long, CODE(1009)},
    {"an empty message before the login", SIM_GREEDY_LOGIN, ws_empty, REASON(PROTOCOL)},
    {"text after the login", SIM_GREEDY_READY, ws_text, CODE(1003)},
    {"a message in a message", SIM_GREEDY_READY, ws_message_in_message, CODE(1002)},
    {"a ping in fragments", SIM_GREEDY_READY, ws_cut_ping, CODE(1002)},
    {"a long ping", SIM_GREEDY_READY, ws_long_ping, CODE(1002)},
    {"a length in a long form", SIM_GREEDY_READY, ws_long_form, CODE(1002)},
    {"a message over MESSAGE_MAX", SIM_GREEDY_READY, ws_too_long, CODE(1009)},
    {"a close of one byte", SIM_GREEDY_READY, ws_close_one_byte, CODE(1002)},
    {"a close code that nobody sends", SIM_GREEDY_READY, ws_close_code, CODE(1002)},
    {"a close with broken UTF-8", SIM_GREEDY_READY, ws_close_text, CODE(1007)},
    {"a close", SIM_GREEDY_READY, ws_close, CODE(1000)},
    {"an empty message", SIM_GREEDY_READY, ws_empty, REASON(PROTOCOL)},
};
const size_t sim_greedy_transport_count = PL_ARRAY_LENGTH(sim_greedy_transport_probes);
