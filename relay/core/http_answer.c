/* See http.h. A connection serves one request, so every answer closes it. */
#include <stdio.h>
#include <string.h>

#include "../../client/core/ws/ws.h"
#include "http.h"

static const struct {
  int status;
  const char *text, *header;
} statuses[] = {
    {200, "OK", ""},
    {304, "Not Modified", ""},
    {400, "Bad Request", ""},
    {403, "Forbidden", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", "Allow: GET, HEAD\r\n"},
    {406, "Not Acceptable", "Vary: Accept-Encoding\r\n"},
    {413, "Content Too Large", ""},
    {414, "URI Too Long", ""},
    {426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
    {431, "Request Header Fields Too Large", ""},
    {500, "Internal Server Error", ""},
    {429, "Too Many Requests", "Retry-After: 60\r\n"},
    {503, "Service Unavailable", "Retry-After: 5\r\n"},
    {505, "HTTP Version Not Supported", ""},
};

static size_t status_find(int status) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(statuses); i++)
    if (statuses[i].status == status) return i;
  return status_find(500);
}

const char *pl_relay_http_status_text(int status) {
  return statuses[status_find(status)].text;
}

static size_t answer_size(int n, size_t capacity) {
  return n < 0 || (size_t)n >= capacity ? 0 : (size_t)n;
}

size_t pl_relay_http_write_refusal(char *out, size_t capacity, int status, bool head) {
  size_t i = status_find(status);
  size_t body = strlen(statuses[i].text) + 5;
  int n = snprintf(out, capacity,
                   "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n%s"
                   "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close%s\r\n\r\n%d %s\n",
                   statuses[i].status, statuses[i].text, body, statuses[i].header,
                   statuses[i].status == 426 ? ", Upgrade" : "", statuses[i].status, statuses[i].text);
  size_t all = answer_size(n, capacity);
  return head && all ? all - body : all;
}

size_t pl_relay_http_write_upgrade(char *out, size_t capacity, pl_view key, const char *subprotocol) {
  char accept[PL_WS_ACCEPT_CHARS + 1];
  pl_ws_accept(accept, key);
  int n = snprintf(out, capacity,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                   accept, subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol ? subprotocol : "",
                   subprotocol ? "\r\n" : "");
  return answer_size(n, capacity);
}
