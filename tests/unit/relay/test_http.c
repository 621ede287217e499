/* The HTTP parser: what it must refuse, in any chunks, and what must pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/http.h"

enum { HEAD_MAX = 16384, HEADERS_MAX = 64 };

#define HOST "Host: relay.example:8787\r\n"
#define UPGRADE                                                                            \
  "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: other, pairlink.v1\r\n"
#define GET "GET /pairlink HTTP/1.1\r\n"

/* Reads the text in chunks of this size. *left becomes the bytes that were not taken. */
static int parse(pl_relay_http *h, const char *text, size_t size, size_t chunk, pl_relay_http_request *request,
                 size_t *left) {
  int rc = PL_RELAY_HTTP_MORE;
  pl_relay_http_init(h, HEAD_MAX, HEADERS_MAX);
  *left = size;
  for (size_t at = 0; at < size && rc == PL_RELAY_HTTP_MORE;) {
    size_t n = size - at < chunk ? size - at : chunk, unread = n;
    const uint8_t *p = (const uint8_t *)text + at;
    rc = pl_relay_http_read(h, &p, &unread, request);
    at += n - unread;
    *left = size - at;
  }
  return rc;
}

/* Returns how the text is judged, which must not depend on the chunks. */
static int judge_bytes(const char *text, size_t size) {
  const size_t chunks[] = {1, 2, 7, 100, 100000};
  int first = 0;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(chunks); i++) {
    pl_relay_http h;
    pl_relay_http_request request;
    size_t left;
    int rc = parse(&h, text, size, chunks[i], &request, &left);
    if (i == 0) first = rc;
    assert_int_equal(rc, first);
    assert_true(h.text.capacity <= HEAD_MAX);
    pl_relay_http_deinit(&h);
  }
  return first;
}

static int judge(const char *text) {
  return judge_bytes(text, strlen(text));
}

static void test_get(void **state) {
  (void)state;
  pl_relay_http h;
  pl_relay_http_request r;
  size_t left;
  const char *text =
      "GET /assets/a.js?x=1 HTTP/1.1\r\nhOsT:\trelay.example \t\r\nAccept-Encoding: deflate, gzip;q=0, br;q=0.5\r\n"
      "If-None-Match: \"abc\"\r\nX-Other: any thing~\r\n\r\nrest";
  assert_int_equal(parse(&h, text, strlen(text), 1000, &r, &left), PL_RELAY_HTTP_REQUEST);
  assert_true(pl_view_is(r.path, "/assets/a.js"));
  assert_true(pl_view_is(r.host, "relay.example"));
  assert_true(r.accepts_br);
  assert_false(r.accepts_gzip);
  assert_false(r.upgrade);
  assert_int_equal(left, 4); /* what follows the head is not taken */
  assert_true(pl_relay_http_etag_matches(r.if_none_match, "\"abc\""));
  assert_false(pl_relay_http_etag_matches(r.if_none_match, "\"abd\""));
  pl_relay_http_deinit(&h);
}

static void test_upgrade(void **state) {
  (void)state;
  pl_relay_http h;
  pl_relay_http_request r;
  size_t left;
  const char *text = GET HOST UPGRADE "Origin: http://relay.example:8787\r\n\r\n\x82";
  for (size_t chunk = 1; chunk < 500; chunk += 13) {
    assert_int_equal(parse(&h, text, strlen(text), chunk, &r, &left), PL_RELAY_HTTP_REQUEST);
    assert_true(r.upgrade);
    assert_true(r.subprotocol);
    assert_int_equal(r.key.size, 24);
    assert_true(pl_relay_http_origin_allowed(r.origin, r.host, NULL));
    assert_int_equal(left, 1);
    pl_relay_http_deinit(&h);
  }
}

static void test_refusals(void **state) {
  (void)state;
  const struct {
    int status;
    const char *text;
  } cases[] = {
      {400, "GET / HTTP/1.1\nHost: a\n\n"}, /* bare LF */
      {400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
      {400, "GET / HTTP/1.1\rHost: a\r\n\r\n"}, /* bare CR */
      {400, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"}, /* two blanks */
      {400, "GET /\r\nHost: a\r\n\r\n"},           /* HTTP/0.9 */
      {400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/1.0\r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {405, "POST / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {405, "head / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {413, "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n0"},
      {400, "HEAD /pairlink HTTP/1.1\r\n" HOST UPGRADE "\r\n"}, /* an upgrade is a GET */
      {405, "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {405, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"}, /* not the host that the field names */
      {400, "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://a/ HTTP/1.1\r\n\r\n"}, /* the field Host is still required */
      {400, "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://a/../b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http://a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET http:a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /a/.. HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /./a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"}, /* no Host */
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"}, /* blank before the colon */
      {400, "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"},
      {413, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, GET HOST
       "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"},
      {400, GET HOST "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n\r\n"},
      {400, GET HOST "Upgrade: junk\r\nConnection: Upgrade\r\n\r\n"},
      {400, GET HOST "Upgrade: websocket\r\n" UPGRADE "\r\n"},
      {400, GET HOST "Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                     "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
      {426,
       GET HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
      {426, GET HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: "
                     "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
      {426, GET HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 013\r\nSec-WebSocket-Key: "
                     "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
      {400, GET HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"},
      {400, GET HOST
       "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n\r\n"},
      {400, GET HOST UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
      {400, GET HOST UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n"},
      {400, GET HOST UPGRADE "Origin: a\r\nOrigin: b\r\n\r\n"},
      {400, GET HOST UPGRADE "Origin:\r\n\r\n"},
      {413, GET HOST UPGRADE "Content-Length: 10\r\n\r\n0123456789"},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    int rc = judge(cases[i].text);
    if (rc != cases[i].status) print_message("case %zu: %s\n", i, cases[i].text);
    assert_int_equal(rc, cases[i].status);
  }
  assert_int_equal(judge_bytes("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 33), 400);
  assert_int_equal(judge("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), PL_RELAY_HTTP_REQUEST);
}

static void test_whole_addresses(void **state) {
  (void)state;
  const char *cases[][2] = {{"http://a/", "/"},        {"http://a", "/"},     {"HTTP://A/B", "/B"},
                            {"https://a/b?c=d", "/b"}, {"http://a?c=d", "/"}, {"http://a/?http://b/", "/"},
                            {"http://a//b", "//b"}};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    char text[128];
    pl_relay_http h;
    pl_relay_http_request r;
    size_t left;
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i][0]);
    assert_int_equal(parse(&h, text, strlen(text), 1000, &r, &left), PL_RELAY_HTTP_REQUEST);
    assert_true(pl_view_equals(r.path, cases[i][1]));
    pl_relay_http_deinit(&h);
  }
}

static void test_head(void **state) {
  (void)state;
  const char *texts[] = {"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                         "HEAD * HTTP/1.1\r\n", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"};
  const int results[] = {PL_RELAY_HTTP_REQUEST, 400, 400, PL_RELAY_HTTP_REQUEST};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(texts); i++) {
    pl_relay_http h;
    pl_relay_http_request r;
    size_t left;
    assert_int_equal(parse(&h, texts[i], strlen(texts[i]), 3, &r, &left), results[i]);
    assert_int_equal(h.head, i < 3); /* known even when the request is refused */
    if (results[i] == PL_RELAY_HTTP_REQUEST) assert_int_equal(r.head, i < 3);
    pl_relay_http_deinit(&h);
  }
}

static void test_codings(void **state) {
  (void)state;
  const struct {
    const char *fields;
    bool br, gzip, no_identity;
  } cases[] = {
      {"", false, false, false},
      {"Accept-Encoding:\r\n", false, false, false},
      {"Accept-Encoding: br, gzip\r\n", true, true, false},
      {"Accept-Encoding: BR;q=1.0, X-GZIP ; Q=0.1\r\n", true, true, false},
      {"Accept-Encoding: br;x;q=0, gzip;level=1;q=0.0\r\n", false, false, false},
      {"Accept-Encoding: *\r\n", true, true, false},
      {"Accept-Encoding: *;q=0\r\n", false, false, true},
      {"Accept-Encoding: br;q=0, *\r\n", false, true, false},
      {"Accept-Encoding: *, br;q=0.000\r\n", false, true, false}, /* in any order */
      {"Accept-Encoding: gzip, *;q=0\r\n", false, true, true},
      {"Accept-Encoding: identity;q=0\r\n", false, false, true},
      {"Accept-Encoding: identity, *;q=0\r\n", false, false, false},
      {"Accept-Encoding: identity;q=0.5, *;q=0\r\n", false, false, false},
      {"Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", true, true, false},
      {"Accept-Encoding: brotli, gzipped\r\n", false, false, false},
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    char text[256];
    pl_relay_http h;
    pl_relay_http_request r;
    size_t left;
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
    assert_int_equal(parse(&h, text, strlen(text), 1000, &r, &left), PL_RELAY_HTTP_REQUEST);
    if (r.accepts_br != cases[i].br || r.accepts_gzip != cases[i].gzip || r.refuses_identity != cases[i].no_identity)
      fail_msg("%s", cases[i].fields);
    pl_relay_http_deinit(&h);
  }
}

static bool matches(const char *fields, const char *etag) {
  char text[256];
  pl_relay_http h;
  pl_relay_http_request r;
  size_t left;
  snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
  assert_int_equal(parse(&h, text, strlen(text), 1000, &r, &left), PL_RELAY_HTTP_REQUEST);
  bool same = pl_relay_http_etag_matches(r.if_none_match, etag);
  pl_relay_http_deinit(&h);
  return same;
}

static void test_tags(void **state) {
  (void)state;
  assert_false(matches("", "\"a\""));
  assert_true(matches("If-None-Match: \"a\"\r\n", "\"a\""));
  assert_true(matches("If-None-Match: W/\"a\"\r\n", "\"a\""));
  assert_true(matches("If-None-Match: \"b\" , W/\"a\"\r\n", "\"a\""));
  assert_true(matches("If-None-Match: *\r\n", "\"a\""));
  assert_false(matches("If-None-Match: \"A\"\r\n", "\"a\"")); /* tags are compared by bytes */
  assert_false(matches("If-None-Match: w/\"a\"\r\n", "\"a\""));
  assert_false(matches("If-None-Match: a\r\n", "\"a\""));
  assert_false(matches("If-None-Match: \"b\", *\r\n", "\"a\"")); /* a star must stand alone */
  assert_false(
      matches("If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n", "\"a\"")); /* the page is sent, which is safe */
}

static void test_limits(void **state) {
  (void)state;
  static char text[100000];
  memset(text, 'a', sizeof text);
  memcpy(text, "GET /", 5);
  assert_int_equal(judge_bytes(text, sizeof text), 414); /* an endless line */
  memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
  assert_int_equal(judge_bytes(text, 65536), 431); /* 64 KiB of headers */
  size_t n = 25;
  for (size_t i = 0; i < 1000; i++, n += 6) memcpy(text + n, "A: b\r\n", 6);
  assert_int_equal(judge_bytes(text, n), 431); /* a thousand header fields */
  n = 25;
  for (size_t i = 0; i < HEADERS_MAX - 1; i++, n += 6) memcpy(text + n, "A: b\r\n", 6);
  memcpy(text + n, "\r\n", 2);
  assert_int_equal(judge_bytes(text, n + 2), PL_RELAY_HTTP_REQUEST);
  memcpy(text + n, "A: b\r\n\r\n", 8);
  assert_int_equal(judge_bytes(text, n + 8), 431);
}

static bool origin(const char *o, const char *host, const char *const *allowed) {
  return pl_relay_http_origin_allowed((pl_view){(const uint8_t *)o, strlen(o)},
                                      (pl_view){(const uint8_t *)host, strlen(host)}, allowed);
}

static void test_origins(void **state) {
  (void)state;
  const char *const allowed[] = {"https://page.example", NULL};
  assert_true(origin("http://127.0.0.1:8787", "127.0.0.1:8787", NULL));
  assert_true(origin("https://Relay.example", "relay.example", NULL));
  assert_true(origin("https://relay.example", "relay.example:443", NULL));
  assert_true(origin("http://relay.example:80", "relay.example", NULL));
  assert_true(origin("http://[::1]:8787", "[::1]:8787", NULL));
  assert_true(origin("https://page.example", "relay.example", allowed));
  assert_false(origin("https://page.example", "relay.example", NULL));
  assert_false(origin("null", "relay.example", allowed));
  assert_false(origin("null", "null", NULL));
  assert_false(origin("file://", "relay.example", NULL));
  assert_false(origin("http://", "", NULL));
  assert_false(origin("https://relay.example.evil", "relay.example", NULL));
  assert_false(origin("https://evil/relay.example", "relay.example", NULL));
  assert_false(origin("http://relay.example:8788", "relay.example:8787", NULL));
}

static void test_answers(void **state) {
  (void)state;
  char text[512];
  const int statuses[] = {400, 403, 404, 405, 406, 413, 414, 426, 431, 500, 503, 505};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(statuses); i++) {
    size_t n = pl_relay_http_write_refusal(text, sizeof text, statuses[i], false);
    assert_true(n > 0);
    assert_non_null(strstr(text, "Connection: close"));
    const char *body = strstr(text, "\r\n\r\n") + 4;
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", n - (size_t)(body - text));
    assert_non_null(strstr(text, length));
    assert_int_equal(pl_relay_http_write_refusal(text, sizeof text, statuses[i], true),
                     (size_t)(body - text)); /* an answer to HEAD */
  }
  assert_int_equal(pl_relay_http_write_refusal(text, 20, 400, false), 0);
}

static void test_out_of_memory(void **state) {
  (void)state;
  pl_relay_http h;
  pl_relay_http_request r;
  const uint8_t *p = (const uint8_t *)"GET";
  size_t left = 3;
  pl_relay_http_init(&h, HEAD_MAX, HEADERS_MAX);
  pl_alloc_fail_at(1);
  assert_int_equal(pl_relay_http_read(&h, &p, &left, &r), 500);
  pl_alloc_fail_at(0);
  pl_relay_http_deinit(&h);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* An answer is written whole, with its NUL behind it, or not at all. */
static void test_room_for_an_answer(void **state) {
  char text[512];
  (void)state;
  const size_t whole = pl_relay_http_write_refusal(text, sizeof text, 404, false);
  assert_string_equal(text + whole - 14, "404 Not Found\n");
  assert_int_equal(pl_relay_http_write_refusal(text, sizeof text, 404, true), whole - 14); /* HEAD: without the body */
  for (size_t room = 0; room < whole + 2; room++)
    assert_int_equal(pl_relay_http_write_refusal(text, room, 404, false), room > whole ? whole : 0);
  assert_int_equal(pl_relay_http_write_refusal(text, 10, 404, true), 0);
}

static void test_status_that_is_not_in_the_table(void **state) {
  (void)state;
  assert_string_equal(pl_relay_http_status_text(505), "HTTP Version Not Supported");
  assert_string_equal(pl_relay_http_status_text(599), "Internal Server Error");
}

/* The key and its answer are those of RFC 6455, 1.3. */
static void test_answer_to_an_upgrade(void **state) {
  char text[512];
  const pl_view key = {(const uint8_t *)"dGhlIHNhbXBsZSBub25jZQ==", 24};
  (void)state;
  size_t n = pl_relay_http_write_upgrade(text, sizeof text, key, "pairlink.v1");
  assert_string_equal(text,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                      "Sec-WebSocket-Protocol: pairlink.v1\r\n\r\n");
  assert_int_equal(n, strlen(text));
  assert_int_equal(pl_relay_http_write_upgrade(text, n, key, "pairlink.v1"), 0);
  n = pl_relay_http_write_upgrade(text, sizeof text, key, NULL);
  assert_string_equal(text + n - 34, ": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_get),
      cmocka_unit_test(test_upgrade),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_origins),
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_out_of_memory),
      cmocka_unit_test(test_whole_addresses),
      cmocka_unit_test(test_head),
      cmocka_unit_test(test_codings),
      cmocka_unit_test(test_tags),
      cmocka_unit_test(test_room_for_an_answer),
      cmocka_unit_test(test_status_that_is_not_in_the_table),
      cmocka_unit_test(test_answer_to_an_upgrade),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
