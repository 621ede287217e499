#include "session_feedback.h"

#include "session_base.h"
#include "session_flight.h"
#include "session_send.h"

/* Has a channel send again when places in an acknowledged record did not arrive, once for all records that were sent so
 * far. */
static void ack_judge(pl_session *s, pl_session_link *l, const pl_session_sent *e) {
  pl_session_channel *c = e->places ? pl_session_channel_known(s, e->channel) : NULL;
  if (!c || l != s->current || e->counter < c->resend_counter || e->to <= c->peer_received_to) return;
  pl_session_channel_go_back(s, c);
  c->resend_counter = l->next_counter;
}

int pl_session_take_ack(pl_session *s, const pl_session_frame *in) {
  pl_session_link *l = in->link;
  pl_wire_frame_ack f;
  if (pl_wire_frame_ack_decode(&f, in->body.data, in->body.size)) return PL_EPROTOCOL;
  if (f.counter != PL_SESSION_NO_COUNTER && f.counter >= l->next_counter) return PL_EPROTOCOL;
  pl_reader r = pl_reader_of(f.channels.data, f.channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_ack a;
    if (pl_wire_channel_ack_read(&a, &r) || a.channel >= PL_CONST_CHANNELS_MAX) return PL_EPROTOCOL;
    pl_session_channel *c = pl_session_channel_known(s, a.channel);
    if (!c && (a.received_to || a.taken_to)) return PL_EPROTOCOL;
    int rc = c ? pl_session_channel_taken_by_peer(s, c, a.received_to, a.taken_to) : 0;
    if (rc) return rc;
  }
  if (f.counter == PL_SESSION_NO_COUNTER) return 0;
  for (uint64_t i = pl_session_flight_acknowledge(s, l, f.counter); i < l->sent_first; i++)
    ack_judge(s, l, pl_session_flight_at(l, i));
  return 0;
}

int pl_session_take_credit(pl_session *s, const pl_session_frame *in) {
  pl_wire_frame_credit f;
  if (pl_wire_frame_credit_decode(&f, in->body.data, in->body.size)) return PL_EPROTOCOL;
  if (f.session_limit > UINT64_MAX / 2) return PL_EPROTOCOL;
  if (f.session_limit > s->session_limit) {
    s->session_limit = f.session_limit;
    pl_session_progress(s);
  }
  pl_reader r = pl_reader_of(f.channels.data, f.channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_credit k;
    if (pl_wire_channel_credit_read(&k, &r) || k.channel >= PL_CONST_CHANNELS_MAX || k.limit > UINT64_MAX / 2)
      return PL_EPROTOCOL;
    pl_session_channel *c = pl_session_channel_known(s, k.channel);
    if (!c || k.limit <= c->limit) continue;
    c->limit = k.limit;
    pl_session_progress(s);
  }
  return 0;
}
