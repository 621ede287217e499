/* RFC 6455 framing, pure: bytes in, messages and control frames out. It serves both roles; the relay uses the server's.
 *
 * Input is any bytes in any chunks, all of them hostile. A length that was only announced never sizes an allocation,
 * and no message takes more than message_max. A frame that lies whole in a chunk is unmasked in place and handed out
 * without a copy, and a reader between two frames holds no memory. In pieces (pl_ws_take_pieces) nothing is copied or
 * kept at all. */
#ifndef PL_WS_H
#define PL_WS_H

#include "../base/base.h"

enum {
  PL_WS_CONTROL_MAX = 125,
  PL_WS_HEADER_MAX = 14,
  PL_WS_ACCEPT_CHARS = 28,
  PL_WS_KEY_CHARS = 24,
};

/* Opcodes of RFC 6455, section 5.2; events use the same numbers. */
enum { PL_WS_CONTINUATION = 0, PL_WS_TEXT = 1, PL_WS_BINARY = 2, PL_WS_CLOSE = 8, PL_WS_PING = 9, PL_WS_PONG = 10 };

/* Close codes of RFC 6455, section 7.4.1. */
enum {
  PL_WS_CODE_NORMAL = 1000,
  PL_WS_CODE_GOING_AWAY = 1001,
  PL_WS_CODE_PROTOCOL = 1002,
  PL_WS_CODE_UNSUPPORTED = 1003,
  PL_WS_CODE_NONE = 1005,
  PL_WS_CODE_NOT_UTF8 = 1007,
  PL_WS_CODE_POLICY = 1008,
  PL_WS_CODE_TOO_BIG = 1009,
  PL_WS_CODE_INTERNAL = 1011,
  PL_WS_CODE_TRY_LATER = 1013
};

/* ---- UTF-8, incremental --------------------------------------------------------------------------------- */
typedef struct pl_utf8 {
  uint8_t need, low, high; /* continuation bytes that are missing; bounds of the next one */
} pl_utf8;

void pl_utf8_init(pl_utf8 *u);
bool pl_utf8_feed(pl_utf8 *u, const uint8_t *p, size_t n) PL_MUST_USE; /* false: not UTF-8 */
bool pl_utf8_done(const pl_utf8 *u) PL_MUST_USE;                       /* the text does not end inside a character */

/* ---- reading --------------------------------------------------------------------------------------------- */
/* What every frame needs comes first, in less than a line of the cache. */
typedef struct pl_ws {
  uint32_t left; /* bytes of the current frame's payload that are missing */
  uint32_t message_max;
  uint32_t message_size; /* bytes received of the unfinished message */
  uint8_t header[PL_WS_HEADER_MAX];
  uint8_t header_have;
  uint8_t opcode;         /* of the current frame */
  uint8_t message_opcode; /* of the unfinished message; 0 when there is none */
  uint8_t mask_at;
  uint8_t mask[4];
  bool server : 1, text_allowed : 1, pieces : 1;
  bool in_payload : 1, fin : 1, failed : 1;
  bool delivered : 1; /* the last event's bytes are in `message` or `control`, and are freed with the next call */
  uint8_t control_have;
  uint16_t close_code; /* why reading failed: the code to close with */
  pl_utf8 utf8;
  uint8_t *control;  /* bytes of a control frame that came in parts, or NULL */
  pl_buffer message; /* bytes of an unfinished message, unless they are handed out in pieces */
} pl_ws;

typedef struct pl_ws_event {
  int type;      /* PL_WS_TEXT, _BINARY, _CLOSE, _PING, _PONG */
  uint8_t *data; /* whole payload (of CLOSE: the reason), unmasked; valid until the next call on this pl_ws */
  size_t size;
  uint16_t close_code; /* of CLOSE; PL_WS_CODE_NONE when it named none */
  bool last;           /* the message ends here; always true unless it comes in pieces */
} pl_ws_event;

/* A server takes masked frames only, a client unmasked ones only. Without text_allowed a text frame fails with 1003.
 * message_max is at most UINT32_MAX. */
void pl_ws_init(pl_ws *ws, bool server, bool text_allowed, size_t message_max);
void pl_ws_deinit(pl_ws *ws);
void pl_ws_set_message_max(pl_ws *ws, size_t message_max);
/* From now on a message is handed out as its bytes come, in place, in any number of events; the last one is marked and
 * may be empty. Call this between messages only. */
void pl_ws_take_pieces(pl_ws *ws);
/* Consumes bytes of *data, which it unmasks in place. Returns 1 when *event is complete, 0 when all bytes were
 * consumed, or PL_EPROTOCOL or PL_ENOMEM when reading has ended for good: ws->close_code is the code to close with. */
int pl_ws_read(pl_ws *ws, uint8_t **data, size_t *size, pl_ws_event *event) PL_MUST_USE;

/* ---- writing --------------------------------------------------------------------------------------------- */
size_t pl_ws_header_size(size_t payload, bool masked);
/* Writes the header of a frame that is a whole message. `mask` is NULL for a server. Returns the header's size. */
size_t pl_ws_put_header(uint8_t *out, int opcode, size_t payload, const uint8_t *mask);
/* Writes the payload of a close frame: the code, and the reason cut to fit. Returns its size. */
size_t pl_ws_put_close(uint8_t out[PL_WS_CONTROL_MAX], uint16_t code, const char *reason);
/* XORs n bytes with the mask; the first one is byte number `at` of its frame's payload. */
void pl_ws_mask(uint8_t *p, size_t n, const uint8_t mask[4], size_t at);

/* ---- opening handshake ------------------------------------------------------------------------------------ */
/* Returns whether the key is canonical base64 of exactly 16 bytes. */
bool pl_ws_key_valid(pl_view key);
/* Writes Sec-WebSocket-Accept for a valid key: 28 characters and a NUL. */
void pl_ws_accept(char out[PL_WS_ACCEPT_CHARS + 1], pl_view key);

#endif
