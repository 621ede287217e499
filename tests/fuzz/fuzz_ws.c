/* WebSocket frames: any bytes give the same events whatever the size of the chunks. The first byte chooses role, text
 * and chunk size. Messages that are handed out in pieces have the same bytes and ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/ws/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 4096 };

/* Hashes the events: it matters which bytes belong to which event, but not how they were cut. */
static uint64_t sum(uint64_t h, const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) h = (h ^ data[i]) * 0x100000001b3u;
  return (h ^ size) * 0x100000001b3u;
}

static uint64_t read_all(const uint8_t *data, size_t size, bool server, bool text, size_t chunk, bool pieces) {
  static uint8_t joined[MESSAGE_MAX];
  size_t joined_size = 0;
  pl_ws ws;
  pl_ws_event e;
  uint64_t h = 0xcbf29ce484222325u;
  uint8_t *copy = malloc(size ? size : 1);
  if (size) memcpy(copy, data, size);
  pl_ws_init(&ws, server, text, MESSAGE_MAX);
  if (pieces) pl_ws_take_pieces(&ws);
  for (size_t at = 0; at < size;) {
    size_t n = size - at < chunk ? size - at : chunk, left = n;
    uint8_t *p = copy + at;
    int rc;
    while ((rc = pl_ws_read(&ws, &p, &left, &e)) > 0) {
      if (e.type == PL_WS_TEXT || e.type == PL_WS_BINARY) {
        if (e.size > MESSAGE_MAX - joined_size || (!e.last && !(pieces && e.size))) abort();
        if (e.size) memcpy(joined + joined_size, e.data, e.size);
        joined_size += e.size;
        if (!e.last) continue;
        e.data = joined;
        e.size = joined_size;
        joined_size = 0;
      }
      uint8_t tag[3] = {(uint8_t)e.type, (uint8_t)(e.close_code >> 8), (uint8_t)e.close_code};
      h = sum(sum(h, tag, e.type == PL_WS_CLOSE ? 3 : 1), e.data, e.size);
    }
    if (ws.message.capacity > (pieces ? 0 : MESSAGE_MAX)) abort();
    at += n;
    if (rc == 0) continue;
    if (ws.close_code < 1000) abort();
    h ^= ws.close_code;
    break;
  }
  pl_ws_deinit(&ws);
  free(copy);
  return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  bool server = data[0] & 1, text = data[0] & 2;
  size_t chunk = (data[0] >> 2) + 1u;
  uint64_t whole = read_all(data + 1, size - 1, server, text, SIZE_MAX / 2, false);
  if (read_all(data + 1, size - 1, server, text, chunk, false) != whole ||
      read_all(data + 1, size - 1, server, text, SIZE_MAX / 2, true) != whole ||
      read_all(data + 1, size - 1, server, text, chunk, true) != whole)
    abort();
  return 0;
}
