/* RFC 6455 framing. A header is checked as soon as it is complete, before any byte of payload. */
#include "ws.h"

#include <string.h>

void pl_ws_init(pl_ws *ws, bool server, bool text_allowed, size_t message_max) {
  *ws = (pl_ws){.server = server, .text_allowed = text_allowed, .message_max = (uint32_t)message_max};
  pl_buffer_init(&ws->message, message_max);
}

static void ws_free_control(pl_ws *ws) {
  pl_free(ws->control);
  ws->control = NULL;
}

void pl_ws_deinit(pl_ws *ws) {
  ws_free_control(ws);
  pl_buffer_deinit(&ws->message);
}

void pl_ws_set_message_max(pl_ws *ws, size_t message_max) {
  ws->message_max = (uint32_t)message_max;
  ws->message.max = ws->message_max < ws->message.size ? ws->message.size : ws->message_max;
}

void pl_ws_take_pieces(pl_ws *ws) {
  ws->pieces = true;
}

/* 32 bytes at a time: compilers turn this type into vector instructions at any level of optimisation. */
typedef uint64_t block __attribute__((vector_size(32)));

void pl_ws_mask(uint8_t *p, size_t n, const uint8_t mask[4], size_t at) {
  const uint8_t turned[4] = {mask[at & 3], mask[(at + 1) & 3], mask[(at + 2) & 3], mask[(at + 3) & 3]};
  uint32_t word;
  memcpy(&word, turned, sizeof word);
  uint64_t two = (uint64_t)word << 32 | word;
  block key = {two, two, two, two}, piece;
  size_t i = 0;
  for (; i + sizeof piece <= n; i += sizeof piece) {
    memcpy(&piece, p + i, sizeof piece);
    piece ^= key;
    memcpy(p + i, &piece, sizeof piece);
  }
  for (; i + sizeof two <= n; i += sizeof two) {
    uint64_t eight;
    memcpy(&eight, p + i, sizeof eight);
    eight ^= two;
    memcpy(p + i, &eight, sizeof eight);
  }
  for (; i < n; i++) p[i] ^= turned[i & 3];
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static int ws_fail(pl_ws *ws, uint16_t code) {
  ws->failed = true;
  ws->close_code = code;
  pl_ws_deinit(ws);
  return code == PL_WS_CODE_INTERNAL ? PL_ENOMEM : PL_EPROTOCOL;
}

static bool opcode_is_control(uint8_t opcode) {
  return opcode >= 8;
}

/* Checks what the first two bytes of a header say. */
static int header_check_start(pl_ws *ws) {
  uint8_t first = ws->header[0], length = ws->header[1] & 0x7f;
  bool masked = ws->header[1] >> 7;
  ws->fin = first >> 7;
  ws->opcode = first & 15;
  if (first & 0x70) return ws_fail(ws, PL_WS_CODE_PROTOCOL); /* no extension was agreed on */
  if (masked != ws->server) return ws_fail(ws, PL_WS_CODE_PROTOCOL);
  switch (ws->opcode) {
    case PL_WS_CONTINUATION:
      return ws->message_opcode ? 0 : ws_fail(ws, PL_WS_CODE_PROTOCOL);
    case PL_WS_TEXT:
    case PL_WS_BINARY:
      if (ws->message_opcode) return ws_fail(ws, PL_WS_CODE_PROTOCOL);
      return ws->opcode == PL_WS_TEXT && !ws->text_allowed ? ws_fail(ws, PL_WS_CODE_UNSUPPORTED) : 0;
    case PL_WS_CLOSE:
    case PL_WS_PING:
    case PL_WS_PONG:
      return ws->fin && length <= PL_WS_CONTROL_MAX ? 0 : ws_fail(ws, PL_WS_CODE_PROTOCOL);
    default:
      return ws_fail(ws, PL_WS_CODE_PROTOCOL);
  }
}

static size_t header_need(const pl_ws *ws) {
  if (ws->header_have < 2) return 2;
  uint8_t length = ws->header[1] & 0x7f;
  return 2u + (length == 126 ? 2u : length == 127 ? 8u : 0u) + (ws->server ? 4u : 0u);
}

/* Checks the length once the whole header is there: it must be in its shortest form and within the limit. */
static int header_check_length(pl_ws *ws) {
  uint8_t form = ws->header[1] & 0x7f;
  uint64_t length = form;
  size_t at = 2;
  if (form == 126) {
    length = pl_get_u16(ws->header + 2);
    at = 4;
    if (length < 126) return ws_fail(ws, PL_WS_CODE_PROTOCOL);
  } else if (form == 127) {
    length = pl_get_u64(ws->header + 2);
    at = 10;
    if (length < 65536 || length >> 63) return ws_fail(ws, PL_WS_CODE_PROTOCOL);
  }
  if (ws->server) memcpy(ws->mask, ws->header + at, 4);
  if (opcode_is_control(ws->opcode)) {
    ws->control_have = 0;
  } else {
    if (ws->opcode != PL_WS_CONTINUATION) {
      ws->message_opcode = ws->opcode;
      ws->message_size = 0;
      pl_utf8_init(&ws->utf8);
    }
    if (length > ws->message_max || ws->message_size > ws->message_max - length) return ws_fail(ws, PL_WS_CODE_TOO_BIG);
  }
  ws->left = (uint32_t)length;
  ws->mask_at = 0;
  ws->header_have = 0;
  ws->in_payload = true;
  return 0;
}

/* Consumes bytes of a header. Returns 1 when it is complete and good, 0 when more must come, or an error. */
static int header_read(pl_ws *ws, uint8_t **data, size_t *size) {
  for (size_t need; ws->header_have < (need = header_need(ws));) {
    size_t n = need - ws->header_have < *size ? need - ws->header_have : *size;
    if (n == 0) return 0;
    memcpy(ws->header + ws->header_have, *data, n);
    bool starts = ws->header_have < 2;
    ws->header_have = (uint8_t)(ws->header_have + n);
    *data += n;
    *size -= n;
    int rc = starts && ws->header_have == 2 ? header_check_start(ws) : 0;
    if (rc) return rc;
  }
  int rc = header_check_length(ws);
  return rc ? rc : 1;
}

static bool close_code_is_valid(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static int close_event(pl_ws *ws, uint8_t *payload, size_t n, pl_ws_event *event) {
  pl_utf8 reason;
  pl_utf8_init(&reason);
  *event = (pl_ws_event){.type = PL_WS_CLOSE, .data = payload, .close_code = PL_WS_CODE_NONE, .last = true};
  if (n == 0) return 1;
  if (n == 1) return ws_fail(ws, PL_WS_CODE_PROTOCOL);
  event->close_code = pl_get_u16(payload);
  event->data = payload + 2;
  event->size = n - 2;
  if (!close_code_is_valid(event->close_code)) return ws_fail(ws, PL_WS_CODE_PROTOCOL);
  if (!pl_utf8_feed(&reason, event->data, event->size) || !pl_utf8_done(&reason))
    return ws_fail(ws, PL_WS_CODE_NOT_UTF8);
  return 1;
}

/* A control frame that came whole stays where it is. The parts of any other are gathered. */
static int control_piece(pl_ws *ws, uint8_t *piece, size_t n, pl_ws_event *event) {
  if (ws->left || ws->control_have) {
    if (!ws->control && !(ws->control = pl_realloc(NULL, PL_WS_CONTROL_MAX))) return ws_fail(ws, PL_WS_CODE_INTERNAL);
    if (n) memcpy(ws->control + ws->control_have, piece, n);
    ws->control_have = (uint8_t)(ws->control_have + n);
    if (ws->left) return 0;
    piece = ws->control;
    n = ws->control_have;
    ws->delivered = true;
  }
  ws->in_payload = false;
  if (ws->opcode == PL_WS_CLOSE) return close_event(ws, piece, n, event);
  *event = (pl_ws_event){.type = ws->opcode, .data = piece, .size = n, .last = true};
  return 1;
}

static int data_piece(pl_ws *ws, uint8_t *piece, size_t n, pl_ws_event *event) {
  bool ends = ws->fin && ws->left == 0;
  if (ws->message_opcode == PL_WS_TEXT && (!pl_utf8_feed(&ws->utf8, piece, n) || (ends && !pl_utf8_done(&ws->utf8))))
    return ws_fail(ws, PL_WS_CODE_NOT_UTF8);
  ws->message_size += (uint32_t)n;
  bool in_place = ws->pieces || (ends && ws->message.size == 0);
  if (!in_place && n && pl_buffer_append(&ws->message, piece, n) != 0) return ws_fail(ws, PL_WS_CODE_INTERNAL);
  if (ws->left == 0) ws->in_payload = false;
  if (!ends && (!ws->pieces || n == 0)) return 0;
  *event = (pl_ws_event){.type = ws->message_opcode, .data = piece, .size = n, .last = ends};
  if (!in_place) {
    event->data = ws->message.memory + ws->message.start;
    event->size = ws->message.size;
    ws->delivered = true;
  }
  if (ends) ws->message_opcode = 0;
  return 1;
}

static int payload_read(pl_ws *ws, uint8_t **data, size_t *size, pl_ws_event *event) {
  uint8_t *piece = *data;
  size_t n = *size < ws->left ? *size : ws->left;
  if (ws->server && n) {
    pl_ws_mask(piece, n, ws->mask, ws->mask_at);
    ws->mask_at = (uint8_t)((ws->mask_at + n) & 3);
  }
  if (n) *data += n;
  *size -= n;
  ws->left -= (uint32_t)n;
  return opcode_is_control(ws->opcode) ? control_piece(ws, piece, n, event) : data_piece(ws, piece, n, event);
}

int pl_ws_read(pl_ws *ws, uint8_t **data, size_t *size, pl_ws_event *event) {
  if (ws->failed) return ws->close_code == PL_WS_CODE_INTERNAL ? PL_ENOMEM : PL_EPROTOCOL;
  if (ws->delivered) {
    ws->delivered = false;
    if (ws->control)
      ws_free_control(ws);
    else
      pl_buffer_deinit(&ws->message);
  }
  for (;;) {
    if (!ws->in_payload) {
      int rc = header_read(ws, data, size);
      if (rc <= 0) return rc;
    }
    if (ws->left && *size == 0) return 0;
    int rc = payload_read(ws, data, size, event);
    if (rc) return rc;
  }
}

/* ---- writing -------------------------------------------------------------------------------------------- */

size_t pl_ws_header_size(size_t payload, bool masked) {
  return 2u + (payload < 126 ? 0u : payload < 65536 ? 2u : 8u) + (masked ? 4u : 0u);
}

size_t pl_ws_put_header(uint8_t *out, int opcode, size_t payload, const uint8_t *mask) {
  uint8_t bit = mask ? 0x80 : 0;
  size_t n = 2;
  out[0] = (uint8_t)(0x80 | opcode);
  if (payload < 126) {
    out[1] = (uint8_t)(bit | payload);
  } else if (payload < 65536) {
    out[1] = bit | 126;
    pl_put_u16(out + 2, (uint16_t)payload);
    n = 4;
  } else {
    out[1] = bit | 127;
    pl_put_u64(out + 2, payload);
    n = 10;
  }
  if (mask) memcpy(out + n, mask, 4);
  return mask ? n + 4 : n;
}

size_t pl_ws_put_close(uint8_t out[PL_WS_CONTROL_MAX], uint16_t code, const char *reason) {
  if (code == PL_WS_CODE_NONE) return 0;
  size_t n = strlen(reason);
  if (n > PL_WS_CONTROL_MAX - 2) n = PL_WS_CONTROL_MAX - 2;
  pl_put_u16(out, code);
  memcpy(out + 2, reason, n);
  return n + 2;
}
