/* No wait without an end: probes while something is unacknowledged, waits for credit, or was not taken. */
#include "session_internal.h"

void pl_session_progress(pl_session *s) {
  s->progress_ms = s->now_ms;
  s->probes_open = 0;
  s->was_late = false;
}

void pl_session_late(pl_session *s, uint64_t now_ms) {
  s->now_ms = now_ms;
  s->rate.measured_from_ms = now_ms;
  if (s->was_late) return;
  pl_session_progress(s);
  s->was_late = true;
}

/* A link got nothing through in time: a slow line needs longer for one record. */
void pl_session_be_patient(pl_session *s) {
  if (s->patience < PL_SESSION_PATIENCE_MAX) s->patience++;
}

static bool waits_for_credit(const pl_session *s) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(s->sending); i++)
    for (const pl_node *n = s->sending[i].next; n != &s->sending[i]; n = n->next)
      if (pl_session_channel_waits_for_credit(s, PL_CONTAINER(n, const pl_session_channel, sending))) return true;
  return false;
}

uint64_t pl_session_probe_deadline(const pl_session *s) {
  const pl_session_link *l = s->current;
  if (!l || s->probe_due || s->state != PL_SESSION_STATE_OPEN || s->waiting + (l->sent_last - l->sent_first) == 0)
    return PL_SESSION_NO_TIME;
  uint64_t wait = 3 * (uint64_t)s->rate.rtt_ms;
  if (wait < PL_SESSION_PROBE_MIN_MS) wait = PL_SESSION_PROBE_MIN_MS;
  wait <<= s->patience;
  bool urgent = l->sent_first < l->sent_last || waits_for_credit(s);
  if (!urgent && wait < s->take_probe_ms) wait = s->take_probe_ms;
  return (s->progress_ms > s->probed_ms ? s->progress_ms : s->probed_ms) + wait;
}

int pl_session_probe_time(pl_session *s) {
  if (s->now_ms < pl_session_probe_deadline(s)) return 0;
  if (s->probes_open >= PL_SESSION_PROBES_MAX) {
    pl_session_be_patient(s);
    return pl_session_drop_link(s, s->current, PL_REASON_TIMEOUT);
  }
  s->probes_open++;
  s->probe_number++;
  s->probe_due = true;
  s->probed_ms = s->now_ms;
  if (s->take_probe_ms < PL_SESSION_TAKE_PROBE_MAX_MS) s->take_probe_ms *= 2;
  return 0;
}

int pl_session_take_probe(pl_session *s, pl_session_link *l, pl_view body) {
  pl_wire_frame_probe f;
  if (pl_wire_frame_probe_decode(&f, body.data, body.size)) return PL_EPROTOCOL;
  l->reply_due = true;
  l->reply_number = f.number;
  for (size_t i = 0; i < PL_CONST_CHANNELS_MAX; i++) /* any earlier ACK may have been lost */
    if (s->channels[i]) pl_session_ack_channel(s, s->channels[i]);
  pl_session_ack_soon(s, true);
  return 0;
}

int pl_session_take_probe_reply(pl_session *s, pl_view body) {
  pl_wire_frame_probe f;
  if (pl_wire_frame_probe_decode(&f, body.data, body.size)) return PL_EPROTOCOL;
  if (f.number != s->probe_number) return 0;
  s->probes_open = 0;
  s->was_late = false;
  return 0;
}
