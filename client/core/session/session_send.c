#include "session_send.h"

#include <string.h>

#include "session_base.h"

enum { FIRST_RING_BYTES = 128, FIRST_ENDS = 2 };

static bool ring_grow(pl_session_channel *c, size_t needed) {
  size_t capacity = c->ring_capacity ? c->ring_capacity : FIRST_RING_BYTES;
  while (capacity < needed) capacity *= 2;
  if (capacity == c->ring_capacity) return true;
  uint8_t *ring = pl_realloc(NULL, capacity);
  if (!ring) return false;
  for (uint64_t p = c->peer_taken_to; p < c->end;) {
    size_t n = c->ring_capacity - (size_t)(p & (c->ring_capacity - 1));
    if (n > c->end - p) n = (size_t)(c->end - p);
    size_t to = (size_t)(p & (capacity - 1)); /* the new ring wraps only where the old one did */
    memcpy(ring + to, c->ring + (p & (c->ring_capacity - 1)), n);
    p += n;
  }
  pl_free(c->ring);
  c->ring = ring;
  c->ring_capacity = capacity;
  return true;
}

/* Returns true when an idle channel would not keep this ring. */
static bool ring_is_spare(const pl_session_channel *c) {
  return c->peer_taken_to == c->end && c->ring_capacity > PL_SESSION_RING_KEPT_BYTES;
}

void pl_session_rings_time(pl_session *s) {
  if (s->now_ms < s->rings_ms) return;
  s->rings_ms = PL_NEVER;
  for (size_t i = 0; i < s->channel_slots; i++) {
    pl_session_channel *c = s->channels[i];
    if (!c || !ring_is_spare(c)) continue;
    pl_free(c->ring);
    c->ring = NULL;
    c->ring_capacity = 0;
  }
}

uint64_t pl_session_rings_deadline(const pl_session *s) {
  return s->rings_ms;
}

static bool ends_grow(pl_session_channel *c) {
  if (c->ends_last - c->ends_first < c->ends_capacity) return true;
  size_t capacity = c->ends_capacity ? c->ends_capacity * 2 : FIRST_ENDS;
  uint64_t *ends = pl_alloc(capacity * sizeof *ends);
  if (!ends) return false;
  for (uint64_t i = c->ends_first; i < c->ends_last; i++)
    ends[i & (capacity - 1)] = c->ends[i & (c->ends_capacity - 1)];
  pl_free(c->ends);
  c->ends = ends;
  c->ends_capacity = capacity;
  return true;
}

static void ring_write(pl_session_channel *c, uint64_t place, const uint8_t *data, size_t n) {
  size_t at = (size_t)(place & (c->ring_capacity - 1));
  size_t first = n < c->ring_capacity - at ? n : c->ring_capacity - at;
  if (first) memcpy(c->ring + at, data, first);
  if (n > first) memcpy(c->ring, data + first, n - first);
}

void pl_session_channel_copy(const pl_session_channel *c, uint64_t from, uint8_t *out, size_t n) {
  size_t at = (size_t)(from & (c->ring_capacity - 1));
  size_t first = n < c->ring_capacity - at ? n : c->ring_capacity - at;
  if (first) memcpy(out, c->ring + at, first);
  if (n > first) memcpy(out + first, c->ring, n - first);
}

void pl_session_channel_list(pl_session *s, pl_session_channel *c) {
  pl_node *before = s->sending.prev;
  while (before != &s->sending && PL_CONTAINER(before, pl_session_channel, sending)->priority > c->priority)
    before = before->prev;
  pl_list_append(before->next, &c->sending); /* that is, in front of the one behind it */
}

/* Lists the channel among those that send, when it has anything to send. */
static void channel_wants_turn(pl_session *s, pl_session_channel *c) {
  if (c->cursor < c->end && pl_list_empty(&c->sending)) pl_session_channel_list(s, c);
}

static void channel_wrote(pl_session *s, pl_session_channel *c, uint64_t places) {
  if (s->waiting == 0) s->progress_ms = s->now_ms; /* the waiting starts now */
  c->end += places;
  s->waiting += places;
  channel_wants_turn(s, c);
}

static bool channel_has_room(const pl_session *s, const pl_session_channel *c, uint64_t places) {
  return c->end - c->peer_taken_to + places <= s->config.channel_window &&
         s->waiting + places <= s->config.session_window && c->ends_last - c->ends_first < PL_SESSION_MESSAGES_MAX;
}

uint32_t pl_session_message_max(const pl_session *s) {
  bool less = s->peer_message_max && s->peer_message_max < s->config.message_max;
  return less ? s->peer_message_max : s->config.message_max;
}

int pl_session_channel_send(pl_session *s, uint8_t number, pl_view data, uint64_t *place) {
  if (number >= PL_CONST_CHANNELS_MAX) return PL_EINVAL;
  if (data.size > pl_session_message_max(s)) return PL_EMSGSIZE;
  pl_session_channel *c = pl_session_channel_get(s, number);
  if (!c) return PL_ENOMEM;
  if (c->finished) return PL_ESTATE;
  if (!channel_has_room(s, c, data.size + 1)) {
    c->wants_writable = true;
    return PL_EAGAIN;
  }
  if (!ring_grow(c, (size_t)(c->end - c->peer_taken_to) + data.size + 1) || !ends_grow(c)) return PL_ENOMEM;
  ring_write(c, c->end, data.data, data.size);
  c->ends[c->ends_last++ & (c->ends_capacity - 1)] = c->end + data.size + 1;
  channel_wrote(s, c, data.size + 1);
  *place = c->end;
  return 0;
}

int pl_session_channel_finish(pl_session *s, uint8_t number, uint64_t *place) {
  if (number >= PL_CONST_CHANNELS_MAX) return PL_EINVAL;
  pl_session_channel *c = pl_session_channel_get(s, number);
  if (!c) return PL_ENOMEM;
  if (c->finished) return PL_ESTATE;
  if (!ring_grow(c, (size_t)(c->end - c->peer_taken_to) + 1)) return PL_ENOMEM;
  c->finished = true;
  channel_wrote(s, c, 1);
  *place = c->end;
  return 0;
}

/* Forgets what was never sent. The end takes the place after the last one that was sent. */
int pl_session_channel_give_up(pl_session *s, uint8_t number, uint16_t reason) {
  if (number >= PL_CONST_CHANNELS_MAX) return PL_EINVAL;
  pl_session_channel *c = pl_session_channel_get(s, number);
  if (!c) return PL_ENOMEM;
  if (c->was_reset || (c->finished && c->peer_received_to == c->end)) return PL_ESTATE;
  uint64_t end = c->finished && c->sent_to == c->end ? c->end : c->sent_to + 1;
  s->reserved -= c->started_to - c->sent_to;
  c->started_to = c->sent_to;
  if (s->stretched == c) s->stretched = NULL;
  if (s->waiting == 0) s->progress_ms = s->now_ms; /* the waiting starts now */
  s->waiting = s->waiting - c->end + end;
  c->end = end;
  c->cursor = end - 1;
  c->ends_last = c->ends_cursor = c->ends_first;
  c->finished = c->was_reset = true;
  c->wants_writable = false;
  c->reset_reason = reason;
  channel_wants_turn(s, c);
  return 0;
}

int pl_session_channel_set_priority(pl_session *s, uint8_t number, uint32_t priority) {
  if (number >= PL_CONST_CHANNELS_MAX || priority > 7) return PL_EINVAL;
  pl_session_channel *c = pl_session_channel_get(s, number);
  if (!c) return PL_ENOMEM;
  c->priority = (uint8_t)priority;
  if (pl_list_empty(&c->sending)) return 0;
  pl_list_remove(&c->sending);
  pl_session_channel_list(s, c);
  return 0;
}

int pl_session_writable_again(pl_session *s) {
  for (size_t i = 0; i < s->channel_slots; i++) {
    pl_session_channel *c = s->channels[i];
    if (!c || !c->wants_writable) continue;
    if (c->end - c->peer_taken_to > s->config.channel_window / 2 || s->waiting > s->config.session_window / 2) continue;
    int rc = pl_session_emit(s, (pl_session_action){.type = PL_SESSION_WRITABLE, .channel = c->number});
    if (rc) return rc;
    c->wants_writable = false;
  }
  return 0;
}

/* Moves ends_cursor to the end of the message that the cursor is in. */
static void channel_find_message(pl_session_channel *c) {
  while (c->ends_cursor < c->ends_last && c->ends[c->ends_cursor & (c->ends_capacity - 1)] <= c->cursor)
    c->ends_cursor++;
}

int pl_session_channel_taken_by_peer(pl_session *s, pl_session_channel *c, uint64_t received_to, uint64_t taken_to) {
  if (received_to > c->sent_to || taken_to > received_to) return PL_EPROTOCOL;
  if (received_to > c->peer_received_to) {
    c->peer_received_to = received_to;
    s->patience = 0;
    s->take_probe_ms = PL_SESSION_PROBE_MIN_MS;
    pl_session_progress(s);
    if (c->cursor < received_to) {
      c->cursor = received_to;
      channel_find_message(c);
      if (c->cursor == c->end) pl_list_remove(&c->sending);
    }
  }
  if (taken_to <= c->peer_taken_to) return 0;
  int rc =
      pl_session_emit(s, (pl_session_action){.type = PL_SESSION_DELIVERED, .channel = c->number, .place = taken_to});
  if (rc) return rc;
  s->waiting -= taken_to - c->peer_taken_to;
  c->peer_taken_to = taken_to;
  s->take_probe_ms = PL_SESSION_PROBE_MIN_MS;
  pl_session_progress(s);
  while (c->ends_first < c->ends_last && c->ends[c->ends_first & (c->ends_capacity - 1)] <= taken_to) c->ends_first++;
  if (c->ends_cursor < c->ends_first) c->ends_cursor = c->ends_first;
  channel_find_message(c);
  if (ring_is_spare(c) && s->rings_ms == PL_NEVER) s->rings_ms = s->now_ms + PL_SESSION_RING_KEPT_MS;
  return pl_session_writable_again(s);
}

void pl_session_channel_go_back(pl_session *s, pl_session_channel *c) {
  if (c->cursor <= c->peer_received_to) return;
  c->cursor = c->peer_received_to;
  c->ends_cursor = c->ends_first;
  channel_find_message(c);
  channel_wants_turn(s, c);
}

int pl_session_send_volatile(pl_session *s, uint8_t number, pl_view data) {
  if (number >= PL_CONST_CHANNELS_MAX) return PL_EINVAL;
  if (data.size > PL_SESSION_VOLATILE_BYTES / 2) return PL_EMSGSIZE;
  if (!s->current) return PL_EAGAIN;
  while (s->volatiles.size + data.size + 3 > PL_SESSION_VOLATILE_BYTES) {
    const uint8_t *oldest = pl_buffer_data(&s->volatiles);
    pl_buffer_consume(&s->volatiles, pl_get_u16(oldest) + 3u);
  }
  uint8_t *p = pl_buffer_reserve(&s->volatiles, data.size + 3);
  if (!p) return PL_ENOMEM;
  pl_put_u16(p, (uint16_t)data.size);
  p[2] = number;
  if (data.size) memcpy(p + 3, data.data, data.size);
  pl_buffer_commit(&s->volatiles, data.size + 3);
  return 0;
}

void pl_session_report_lost(pl_session *s, const pl_session_sink *out) {
  s->out = out;
  for (size_t i = 0; i < s->channel_slots; i++) {
    const pl_session_channel *c = s->channels[i];
    for (uint64_t e = c ? c->ends_first : 0; c && e < c->ends_last; e++) {
      pl_session_action lost = {.type = PL_SESSION_LOST, .channel = c->number};
      lost.place = c->ends[e & (c->ends_capacity - 1)];
      if (pl_session_emit(s, lost))
        return; /* no memory to report more; the owner still reports the end of the session */
    }
  }
}
