#include "session_probe.h"

#include "session_ack.h"
#include "session_base.h"
#include "session_chunk.h"

static bool some_channel_waits_for_credit(const pl_session *s) {
  for (const pl_node *n = s->sending.next; n != &s->sending; n = n->next)
    if (pl_session_channel_waits_for_credit(s, PL_CONTAINER(n, const pl_session_channel, sending))) return true;
  return false;
}

uint64_t pl_session_probe_deadline(const pl_session *s) {
  const pl_session_link *l = s->current;
  if (!l || s->probe_due || s->state != PL_SESSION_STATE_OPEN || s->waiting + (l->sent_last - l->sent_first) == 0)
    return PL_NEVER;
  uint64_t wait = 3 * (uint64_t)s->rate.rtt_ms;
  if (wait < PL_SESSION_PROBE_MIN_MS) wait = PL_SESSION_PROBE_MIN_MS;
  wait <<= s->patience;
  bool urgent = l->sent_first < l->sent_last || some_channel_waits_for_credit(s);
  if (!urgent && wait < s->take_probe_ms) wait = s->take_probe_ms;
  return (s->progress_ms > s->probed_ms ? s->progress_ms : s->probed_ms) + wait;
}

bool pl_session_probe_time(pl_session *s) {
  if (s->now_ms < pl_session_probe_deadline(s)) return false;
  if (s->probes_open >= PL_SESSION_PROBES_MAX) return true;
  s->probes_open++;
  s->probe_number++;
  s->probe_due = true;
  s->probed_ms = s->now_ms;
  if (s->take_probe_ms < PL_SESSION_TAKE_PROBE_MAX_MS) s->take_probe_ms *= 2;
  return false;
}

int pl_session_take_probe(pl_session *s, const pl_session_frame *in) {
  pl_wire_frame_probe f;
  if (pl_wire_frame_probe_decode(&f, in->body.data, in->body.size)) return PL_EPROTOCOL;
  in->link->reply_due = true;
  in->link->reply_number = f.number;
  for (size_t i = 0; i < s->channel_slots; i++) /* any earlier ACK may have been lost */
    if (s->channels[i]) pl_session_ack_channel(s, s->channels[i]);
  pl_session_ack_soon(s, true);
  return 0;
}

int pl_session_take_probe_reply(pl_session *s, const pl_session_frame *in) {
  pl_wire_frame_probe f;
  if (pl_wire_frame_probe_decode(&f, in->body.data, in->body.size)) return PL_EPROTOCOL;
  if (f.number != s->probe_number) return 0;
  s->probes_open = 0;
  s->was_late = false;
  return 0;
}
