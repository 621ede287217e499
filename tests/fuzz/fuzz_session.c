/* One session against a peer that knows the keys: records of any frames, on any of its links, mixed with what the
 * application does. The first byte of each step says what happens, the next ones with what. Output must stay within its
 * buffer and decode as frames; what is queued or assembled must stay within the windows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/session/session_base.h"
#include "client/core/session/session_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 1000, CHANNEL_WINDOW = 2000, SESSION_WINDOW = 5000, OUT = 65511 };

static pl_session_pieces pieces;

static void check(bool holds) {
  if (!holds) abort();
}

static int take(void *context, const pl_session_action *a) {
  bool *closed = context;
  if (a->type == PL_SESSION_MESSAGE) check(a->data.size <= MESSAGE_MAX);
  uint8_t sum = 0; /* reads all bytes of the view */
  for (size_t i = 0; i < a->data.size; i++) sum = (uint8_t)(sum + a->data.data[i]);
  (void)sum;
  *closed |= a->type == PL_SESSION_PEER_CLOSED || a->type == PL_SESSION_CLOSE_ENDED;
  return 0;
}

static void bounds_hold(const pl_session *s) {
  uint64_t partial = 0;
  check(s->waiting <= SESSION_WINDOW + PL_CONST_CHANNELS_MAX); /* an end needs no room */
  check(s->link_count <= PL_SESSION_LINKS_MAX && s->volatiles.size <= PL_SESSION_VOLATILE_BYTES + 3);
  for (size_t i = 0; i < s->channel_slots; i++) {
    const pl_session_channel *c = s->channels[i];
    if (!c) continue;
    partial += c->partial ? c->partial->size : 0;
    check(c->taken_to <= c->delivered_to && c->delivered_to <= c->received_to);
    check(c->peer_taken_to <= c->peer_received_to && c->peer_received_to <= c->sent_to && c->sent_to <= c->end);
    check(c->cursor <= c->end && c->end - c->peer_taken_to <= CHANNEL_WINDOW + 1);
  }
  check(partial <= SESSION_WINDOW + PL_CONST_CHANNELS_MAX);
}

static void produce(pl_session *s, uint64_t now_ms) {
  static uint8_t out[OUT];
  for (int k = 0; k < 64; k++) {
    uint32_t link;
    uint8_t flags, type;
    pl_view body;
    int rc, n = pl_session_produce(s, now_ms, out, sizeof out, &link, &flags);
    check(n >= 0 && n <= OUT);
    if (n == 0) return;
    pl_reader r = pl_reader_of(out, (size_t)n);
    while ((rc = pl_frame_next(&r, &type, &body)) > 0) check(type != 0 && type <= PL_FRAME_CLOSE);
    check(rc == 0);
  }
}

/* Writes HELLO of a peer that is in step, so that inputs need not guess an epoch. */
static size_t hello(const pl_session *s, uint8_t *out) {
  static uint8_t body[37];
  pl_put_u64(body, 7);
  pl_put_u64(body + 8, s->epoch);
  pl_put_u32(body + 16, s->highest_seq + 1);
  pl_put_u32(body + 20, MESSAGE_MAX);
  pl_put_u32(body + 24, CHANNEL_WINDOW);
  pl_put_u64(body + 28, SESSION_WINDOW);
  body[36] = 0;
  out[0] = PL_FRAME_HELLO;
  pl_put_u16(out + 1, sizeof body);
  memcpy(out + 3, body, sizeof body);
  return 3 + sizeof body;
}

static int step(pl_session *s, pl_session_event in, uint64_t now_ms, bool *closed) {
  pl_session_sink sink = {take, closed};
  in.now_ms = now_ms;
  pl_session_pieces_release(&pieces);
  int rc = pl_session_step(s, &in, &sink, NULL);
  bounds_hold(s);
  return rc;
}

#define EVENT(name, ...) ((pl_session_event){.type = PL_SESSION_##name, __VA_ARGS__})

/* Feeds a record in memory of its own, so that a sanitizer sees a read beyond it. */
static int record(pl_session *s, uint64_t now_ms, uint32_t link, uint64_t counter, pl_reader *r, bool *closed) {
  size_t n = pl_read_u16(r) % 2048;
  if (n > pl_reader_left(r)) n = pl_reader_left(r);
  pl_view given = pl_read_view(r, n);
  uint8_t *copy = malloc(n ? n : 1);
  if (!copy) abort();
  if (n) memcpy(copy, given.data, n);
  pl_session_event in = {.type = PL_SESSION_RECORD, .record = {link, counter, {copy, n}}};
  int rc = step(s, in, now_ms, closed);
  pl_session_pieces_release(&pieces);
  free(copy);
  return rc;
}

static pl_session_event call_of(int which, uint8_t with) {
  switch (which) {
    case 0:
      return EVENT(FINISH, .finish = {with});
    case 1:
      return EVENT(CHANNEL_RESET, .channel_reset = {with, with});
    case 2:
      return EVENT(PRIORITY, .priority = {with, with});
    default:
      return EVENT(CLOSE, .close = {with, {NULL, 0}});
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t text[15 * 67];
  pl_session_config config = {.seed = 5, .message_max = MESSAGE_MAX, .channel_window = CHANNEL_WINDOW};
  config.session_window = SESSION_WINDOW;
  config.pieces = &pieces;
  pl_session *s;
  pl_reader r = pl_reader_of(data, size);
  config.manual_take = pl_read_u8(&r) & 1;
  check(pl_session_new(&config, &s) == 0);
  uint64_t now_ms = 1000, counter = 0;
  uint32_t links = 0;
  bool closed = false;
  for (int k = 0; k < 400 && pl_reader_left(&r); k++) {
    uint8_t what = pl_read_u8(&r), with = pl_read_u8(&r);
    int rc = 0;
    switch (what % 16) {
      case 0: /* a link, with HELLO of both */
      case 1:
        rc = step(s, EVENT(LINK_UP, .link_up = {++links, 1 << 20, with & 1, with & 2}), now_ms, &closed);
        if (rc == 0 && what % 16 == 0) {
          uint8_t frames[64];
          pl_view said = {frames, hello(s, frames)};
          rc = step(s, EVENT(RECORD, .record = {links, counter++, said}), now_ms, &closed);
        }
        break;
      case 2:
        rc = step(s, EVENT(LINK_DOWN, .link_down = {links}), now_ms, &closed);
        break;
      case 3:
        now_ms += (uint64_t)with * 20;
        rc = step(s, (pl_session_event){.type = PL_SESSION_TIME}, now_ms, &closed);
        break;
      case 4:
        (void)step(s, EVENT(SEND, .send = {with, {text, (size_t)(what >> 4) * 67}}), now_ms, &closed);
        break;
      case 5:
        (void)step(s, EVENT(SEND_VOLATILE, .send = {with, {text, (size_t)(what >> 4) * 67}}), now_ms, &closed);
        break;
      case 6:
        (void)step(s, call_of(what >> 4 & 3, with), now_ms, &closed);
        break;
      case 7:
        (void)step(s, EVENT(TAKE, .take = {with, pl_read_u16(&r)}), now_ms, &closed);
        break;
      case 8:
      case 9:
        produce(s, now_ms);
        break;
      default:
        rc = record(s, now_ms, links - (with & 1), counter++, &r, &closed);
    }
    if (rc == PL_EPROTOCOL || rc == PL_EMSGSIZE) {
      if (what & 0x80) break;
      pl_session_fail(s, PL_REASON_PROTOCOL, (pl_view){NULL, 0});
      produce(s, now_ms);
    }
  }
  produce(s, now_ms);
  pl_session_free(s);
  pl_session_pieces_deinit(&pieces);
  return 0;
}
