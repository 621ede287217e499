#include "session_chunk.h"

/* Returns how far new places may go. A message is started only when the session's credit covers all of it: otherwise
 * many started messages could use up the credit, and none could be completed. One message at a time may start with
 * less; it can be completed once everything else was taken. Otherwise small messages could put off a large one forever.
 */
static uint64_t chunk_allowed_to(const pl_session *s, const pl_session_channel *c, uint64_t message_end) {
  uint64_t free = s->session_limit > s->sent_sum + s->reserved ? s->session_limit - s->sent_sum - s->reserved : 0;
  uint64_t to = c->started_to;
  if (c->sent_to == c->started_to) {
    if (message_end - c->sent_to <= free)
      to = message_end;
    else if (s->reserved == 0 && (!s->stretched || s->stretched == c))
      to = c->sent_to + free;
  }
  return to < c->limit ? to : c->limit;
}

/* Returns whether there is credit for the end of the channel, too, so that it can go with the last message. */
static bool chunk_end_fits(const pl_session *s, const pl_session_channel *c, uint64_t message_end) {
  if (c->sent_to >= c->end) return true;
  uint64_t more = c->started_to < message_end ? message_end - c->sent_to : 0;
  return c->end <= c->limit && s->sent_sum + s->reserved + more < s->session_limit;
}

bool pl_session_channel_next_chunk(const pl_session *s, const pl_session_channel *c, size_t room,
                                   pl_session_chunk *out) {
  if (c->cursor >= c->end) return false;
  *out = (pl_session_chunk){.from = c->cursor};
  if (c->was_reset) return out->reset = true;
  bool message = c->ends_cursor < c->ends_last;
  uint64_t message_end = message ? c->ends[c->ends_cursor & (c->ends_capacity - 1)] : c->end;
  uint64_t to = c->sent_to;
  if (message_end > to) to = chunk_allowed_to(s, c, message_end);
  if (!message) { /* only the end of the channel is left */
    out->flags = PL_CONST_DATA_FLAG_END_OF_CHANNEL;
    return to >= c->end;
  }
  uint64_t bytes = message_end - 1 - c->cursor, allowed = to > c->cursor ? to - c->cursor : 0;
  if (allowed == 0) return false;
  if (bytes > room) bytes = room;
  if (bytes > allowed) bytes = allowed;
  out->bytes = (size_t)bytes;
  if (c->cursor + bytes == message_end - 1 && allowed > bytes) {
    out->flags = PL_CONST_DATA_FLAG_END_OF_MESSAGE;
    if (c->finished && message_end == c->end - 1 && chunk_end_fits(s, c, message_end))
      out->flags |= PL_CONST_DATA_FLAG_END_OF_CHANNEL;
  }
  return bytes > 0 || out->flags;
}

bool pl_session_channel_waits_for_credit(const pl_session *s, const pl_session_channel *c) {
  pl_session_chunk chunk;
  return c->cursor < c->end && !pl_session_channel_next_chunk(s, c, 1, &chunk);
}

void pl_session_channel_chunk_sent(pl_session *s, pl_session_channel *c, const pl_session_chunk *chunk) {
  uint64_t to = chunk->from + chunk->bytes;
  if (chunk->flags & PL_CONST_DATA_FLAG_END_OF_MESSAGE) to++;
  if (chunk->flags & PL_CONST_DATA_FLAG_END_OF_CHANNEL) to++;
  if (chunk->reset) to = c->end;
  if (to > c->sent_to) {
    uint64_t message_end = c->ends_cursor < c->ends_last ? c->ends[c->ends_cursor & (c->ends_capacity - 1)] : c->end;
    if (c->started_to == c->sent_to) { /* starts a message: reserves the session's credit that it still needs */
      uint64_t end = chunk->reset ? to : message_end;
      uint64_t free = s->session_limit > s->sent_sum + s->reserved ? s->session_limit - s->sent_sum - s->reserved : 0;
      if (end - c->sent_to > free && to < end) end = to;
      c->started_to = end;
      s->reserved += end - c->sent_to;
    }
    uint64_t covered = to < c->started_to ? to : c->started_to;
    s->reserved -= covered - c->sent_to;
    s->sent_sum += to - c->sent_to;
    c->sent_to = to;
    if (c->started_to < to) c->started_to = to;
    if (s->stretched == c) s->stretched = NULL;
    if (!chunk->reset && to < message_end && c->started_to == to) s->stretched = c;
  }
  c->cursor = to;
  while (c->ends_cursor < c->ends_last && c->ends[c->ends_cursor & (c->ends_capacity - 1)] <= to) c->ends_cursor++;
  if (c->cursor == c->end) pl_list_remove(&c->sending);
}
