/* Request heads: any bytes are judged the same in two pieces as in one, and memory stays within the limit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_MAX = 2048, HEADERS_MAX = 16 };

static int judge(const uint8_t *data, size_t size, size_t cut, size_t *left, pl_relay_http_request *request,
                 pl_relay_http *h) {
  pl_relay_http_init(h, HEAD_MAX, HEADERS_MAX);
  size_t first = cut < size ? cut : size, second = size - first;
  const uint8_t *p = data;
  int rc = pl_relay_http_read(h, &p, &first, request);
  if (rc == PL_RELAY_HTTP_MORE && second) {
    if (first) abort(); /* all was taken */
    p = data + (size - second);
    rc = pl_relay_http_read(h, &p, &second, request);
  }
  if (h->text.capacity > HEAD_MAX) abort();
  *left = first + second;
  return rc;
}

/* Aborts unless the view lies in the memory of the parser. */
static void within(const pl_relay_http *h, pl_view v) {
  if (v.size && (v.data < h->text.memory || v.data + v.size > h->text.memory + h->text.size)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  pl_relay_http whole, cut;
  pl_relay_http_request a, b;
  size_t left_a, left_b;
  int rc = judge(data + 1, size - 1, SIZE_MAX, &left_a, &a, &whole);
  if (rc != judge(data + 1, size - 1, data[0], &left_b, &b, &cut)) abort();
  if (rc == PL_RELAY_HTTP_REQUEST) {
    if (left_a != left_b || a.upgrade != b.upgrade || a.head != b.head || whole.head != a.head ||
        a.accepts_br != b.accepts_br || a.refuses_identity != b.refuses_identity || a.path.size != b.path.size)
      abort();
    if (a.path.size == 0 || a.path.data[0] != '/' || a.host.size == 0) abort();
    within(&whole, a.path);
    within(&whole, a.authority);
    within(&whole, a.host);
    within(&whole, a.origin);
    within(&whole, a.key);
    within(&whole, a.if_none_match);
    (void)!pl_relay_http_origin_allowed(a.origin, a.host, NULL);
    (void)!pl_relay_http_etag_matches(a.if_none_match, "\"x\"");
    if (a.upgrade && a.head) abort();
    if (a.upgrade) {
      char text[512];
      if (pl_relay_http_write_upgrade(text, sizeof text, a.key, "pairlink.v1") == 0) abort();
    }
  } else if (rc != PL_RELAY_HTTP_MORE && (rc < 400 || rc > 599)) {
    abort();
  }
  pl_relay_http_deinit(&whole);
  pl_relay_http_deinit(&cut);
  return 0;
}
