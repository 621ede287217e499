#include "session_receive.h"

#include <string.h>

#include "session_ack.h"
#include "session_base.h"

static int partial_grow(pl_session *s, pl_session_channel *c, size_t size) {
  if (c->partial && c->partial->capacity >= size) return 0;
  if (!c->partial && s->config.pieces->spare && s->config.pieces->spare->capacity >= size) {
    c->partial = s->config.pieces->spare;
    s->config.pieces->spare = NULL;
    c->partial->size = 0;
    return 0;
  }
  size_t capacity = size * 2 < s->config.message_max ? size * 2 : s->config.message_max;
  pl_session_piece *piece = pl_realloc(c->partial, sizeof *piece + capacity);
  if (!piece) return PL_ENOMEM;
  if (!c->partial) piece->size = 0;
  piece->next = NULL;
  piece->capacity = capacity;
  c->partial = piece;
  return 0;
}

static int partial_append(pl_session *s, pl_session_channel *c, pl_view bytes) {
  size_t have = c->partial ? c->partial->size : 0;
  if (have + bytes.size > s->config.message_max) return PL_EPROTOCOL;
  if (bytes.size == 0) return 0;
  int rc = partial_grow(s, c, have + bytes.size);
  if (rc) return rc;
  memcpy(c->partial->bytes + have, bytes.data, bytes.size);
  c->partial->size += bytes.size;
  return 0;
}

static void channel_received(pl_session *s, pl_session_channel *c, uint64_t places) {
  c->received_to += places;
  s->received_sum += places;
  s->patience = 0;
}

static void channel_taken(pl_session *s, pl_session_channel *c, uint64_t place) {
  s->taken_sum += place - c->taken_to;
  s->untold_taken += place - c->taken_to;
  c->taken_to = place;
  pl_session_ack_channel(s, c);
  uint64_t much =
      s->config.channel_window / 4 < PL_SESSION_ACK_BYTES ? s->config.channel_window / 4 : PL_SESSION_ACK_BYTES;
  pl_session_ack_soon(s, s->untold_taken >= much);
}

static void channel_delivered(pl_session *s, pl_session_channel *c) {
  c->delivered_to = c->received_to;
  if (!s->config.manual_take) channel_taken(s, c, c->received_to);
}

/* Delivers a whole message, straight out of the record when it came in one frame. */
static int channel_deliver_message(pl_session *s, pl_session_channel *c, pl_view bytes) {
  pl_session_action a = {.type = PL_SESSION_MESSAGE, .channel = c->number, .data = bytes};
  a.place = c->received_to + bytes.size + 1;
  if (bytes.size > s->config.message_max) return PL_EPROTOCOL;
  if (c->partial) {
    size_t before = c->partial->size;
    int rc = partial_append(s, c, bytes);
    if (rc) return rc;
    a.data = (pl_view){c->partial->bytes, c->partial->size};
    rc = pl_session_emit(s, a);
    if (rc) {
      c->partial->size = before;
      return rc;
    }
    c->partial->next = s->config.pieces->finished;
    s->config.pieces->finished = c->partial;
    c->partial = NULL;
  } else {
    int rc = pl_session_emit(s, a);
    if (rc) return rc;
  }
  channel_received(s, c, bytes.size + 1);
  channel_delivered(s, c);
  return 0;
}

static int channel_deliver_end(pl_session *s, pl_session_channel *c) {
  if (c->partial) return PL_EPROTOCOL; /* the channel ended inside a message */
  pl_session_action a = {.type = PL_SESSION_END, .channel = c->number, .place = c->received_to + 1};
  int rc = pl_session_emit(s, a);
  if (rc) return rc;
  channel_received(s, c, 1);
  c->ended = true;
  channel_delivered(s, c);
  return 0;
}

static int channel_take_new(pl_session *s, pl_session_channel *c, pl_view bytes, uint8_t flags) {
  int rc = 0;
  if (flags & PL_CONST_DATA_FLAG_END_OF_MESSAGE) {
    rc = channel_deliver_message(s, c, bytes);
  } else if (bytes.size) {
    rc = partial_append(s, c, bytes);
    if (rc == 0) channel_received(s, c, bytes.size);
  }
  if (rc == 0 && flags & PL_CONST_DATA_FLAG_END_OF_CHANNEL) rc = channel_deliver_end(s, c);
  return rc;
}

static int channel_named(pl_session *s, uint8_t number, pl_session_channel **c) {
  if (number >= PL_CONST_CHANNELS_MAX) return PL_EPROTOCOL;
  *c = pl_session_channel_get(s, number);
  return *c ? 0 : PL_ENOMEM;
}

int pl_session_take_data(pl_session *s, const pl_session_frame *in) {
  pl_wire_frame_data f;
  pl_session_channel *c;
  if (pl_wire_frame_data_decode(&f, in->body.data, in->body.size)) return PL_EPROTOCOL;
  int rc = channel_named(s, f.channel, &c);
  if (rc) return rc;
  pl_session_ack_channel(s, c); /* for a repetition, too: it may mean that an ACK was lost */
  bool eom = f.flags & PL_CONST_DATA_FLAG_END_OF_MESSAGE, eoc = f.flags & PL_CONST_DATA_FLAG_END_OF_CHANNEL;
  uint64_t places = f.bytes.size + eom + eoc;
  if (f.offset > UINT64_MAX / 2 || f.offset + places > c->taken_to + s->config.channel_window) return PL_EPROTOCOL;
  if (c->ended && f.offset + places > c->received_to) return PL_EPROTOCOL;
  if (f.offset > c->received_to) {
    pl_session_ack_soon(s, true); /* a gap: the sender recognizes it by the counter in the ACK */
    return 0;
  }
  uint64_t old = c->received_to - f.offset;
  if (old >= places) return 0;
  /* A channel that is given up needs no credit for its end, so that may come on top of the limit. */
  if (s->received_sum + places - old > s->taken_sum + s->config.session_window + PL_CONST_CHANNELS_MAX)
    return PL_EPROTOCOL;
  uint8_t flags = f.flags & (PL_CONST_DATA_FLAG_END_OF_MESSAGE | PL_CONST_DATA_FLAG_END_OF_CHANNEL);
  size_t skip = old < f.bytes.size ? (size_t)old : f.bytes.size;
  if (old > f.bytes.size)
    flags &= (uint8_t)~PL_CONST_DATA_FLAG_END_OF_MESSAGE; /* the end of this message was received earlier, too */
  return channel_take_new(s, c, (pl_view){f.bytes.data + skip, f.bytes.size - skip}, flags);
}

int pl_session_take_volatile(pl_session *s, const pl_session_frame *in) {
  pl_wire_frame_volatile f;
  if (pl_wire_frame_volatile_decode(&f, in->body.data, in->body.size) || f.channel >= PL_CONST_CHANNELS_MAX)
    return PL_EPROTOCOL;
  return pl_session_emit(s, (pl_session_action){.type = PL_SESSION_VOLATILE, .channel = f.channel, .data = f.bytes});
}

/* Ends a direction that the peer gives up: what is missing below the final offset will never come. */
int pl_session_take_channel_reset(pl_session *s, const pl_session_frame *in) {
  pl_wire_frame_channel_reset f;
  pl_session_channel *c;
  if (pl_wire_frame_channel_reset_decode(&f, in->body.data, in->body.size)) return PL_EPROTOCOL;
  if (f.direction != 0) return 0; /* version 1 has no other direction */
  int rc = channel_named(s, f.channel, &c);
  if (rc) return rc;
  pl_session_ack_channel(s, c);
  if (c->ended && f.offset == c->received_to) return 0;
  if (c->ended || f.offset <= c->received_to || f.offset > c->taken_to + s->config.channel_window + 1)
    return PL_EPROTOCOL;
  pl_session_action a = {.type = PL_SESSION_WAS_RESET, .channel = c->number, .reason = f.reason, .place = f.offset};
  rc = pl_session_emit(s, a);
  if (rc) return rc;
  pl_free(c->partial);
  c->partial = NULL;
  channel_received(s, c, f.offset - c->received_to);
  c->ended = true;
  channel_delivered(s, c);
  return 0;
}

int pl_session_channel_take(pl_session *s, uint8_t number, uint64_t place) {
  pl_session_channel *c = pl_session_channel_known(s, number);
  if (!c) return PL_EINVAL;
  if (place > c->delivered_to) return PL_EINVAL;
  if (place > c->taken_to) channel_taken(s, c, place);
  return 0;
}
