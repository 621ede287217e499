/* Acknowledging: what is told to the peer, what its ACKs say about loss, round trip and rate. */
#include "session_internal.h"

#include <string.h>

void pl_session_ack_channel(pl_session *s, pl_session_channel *c) {
  if (pl_list_empty(&c->changed)) pl_list_append(&s->changed, &c->changed);
}

void pl_session_ack_soon(pl_session *s, bool now) {
  if (!s->ack_due) s->ack_at_ms = s->now_ms + PL_SESSION_ACK_DELAY_MS;
  s->ack_due = true;
  s->ack_now |= now;
}

/* ACK and CREDIT always go together: so neither can be the one that is missing. */
void pl_session_write_ack(pl_session *s, pl_session_link *l, pl_writer *w) {
  uint8_t acks[17 * PL_CONST_CHANNELS_MAX], credits[9 * PL_CONST_CHANNELS_MAX];
  pl_writer a = pl_writer_of(acks, sizeof acks), k = pl_writer_of(credits, sizeof credits);
  while (!pl_list_empty(&s->changed)) {
    pl_session_channel *c = PL_CONTAINER(s->changed.next, pl_session_channel, changed);
    pl_list_remove(&c->changed);
    pl_wire_channel_ack_write(
        &(pl_wire_channel_ack){.channel = c->number, .received_to = c->received_to, .taken_to = c->taken_to}, &a);
    pl_wire_channel_credit_write(
        &(pl_wire_channel_credit){.channel = c->number, .limit = c->taken_to + s->config.channel_window}, &k);
  }
  pl_wire_frame_ack ack = {.counter = l->received_counter, .channels = {acks, pl_writer_used(&a)}};
  pl_wire_frame_credit credit = {.session_limit = s->taken_sum + s->config.session_window,
                                 .channels = {credits, pl_writer_used(&k)}};
  pl_write_u8(w, PL_FRAME_ACK);
  pl_write_u16(w, (uint16_t)(9 + pl_writer_used(&a)));
  pl_wire_frame_ack_write(&ack, w);
  pl_write_u8(w, PL_FRAME_CREDIT);
  pl_write_u16(w, (uint16_t)(9 + pl_writer_used(&k)));
  pl_wire_frame_credit_write(&credit, w);
  s->ack_due = s->ack_now = false;
  s->unacked_bytes = s->untold_taken = 0;
}

bool pl_session_flight_reserve(pl_session_link *l) {
  if (l->sent_last - l->sent_first < l->sent_capacity) return true;
  size_t capacity = l->sent_capacity ? l->sent_capacity * 2 : 16;
  pl_session_sent *sent = pl_alloc(capacity * sizeof *sent);
  if (!sent) return false;
  for (uint64_t i = l->sent_first; i < l->sent_last; i++)
    sent[i & (capacity - 1)] = l->sent[i & (l->sent_capacity - 1)];
  pl_free(l->sent);
  l->sent = sent;
  l->sent_capacity = capacity;
  return true;
}

pl_session_sent *pl_session_flight_add(pl_session *s, pl_session_link *l) {
  if (l->sent_first == l->sent_last) { /* nothing was in flight: waiting and measuring start here */
    s->rate.delivered_ms = s->now_ms;
    if (s->probes_open == 0) s->progress_ms = s->now_ms;
  }
  pl_session_sent *e = &l->sent[l->sent_last++ & (l->sent_capacity - 1)];
  *e = (pl_session_sent){.counter = l->next_counter, .time_ms = s->now_ms};
  e->delivered = s->rate.delivered;
  e->delivered_ms = s->rate.delivered_ms;
  return e;
}

/* Round trip and rate from the newest record acknowledged. */
static void measure(pl_session *s, const pl_session_sent *newest) {
  pl_session_rate *r = &s->rate;
  if (newest->time_ms < r->measured_from_ms) { /* nobody looked for the answer in between */
    r->delivered_ms = s->now_ms;
    return;
  }
  uint64_t trip = s->now_ms - newest->time_ms, span = s->now_ms - newest->delivered_ms;
  uint32_t rtt = trip > 60000 ? 60000 : (uint32_t)trip;
  r->rtt_ms = r->min_rtt_ms == UINT32_MAX ? rtt : (7 * r->rtt_ms + rtt) / 8;
  if (rtt < r->min_rtt_ms) r->min_rtt_ms = rtt;
  r->delivered_ms = s->now_ms;
  uint64_t rate = (r->delivered - newest->delivered) * 1000 / (span ? span : 1);
  if (s->now_ms >= r->period_ends_ms) {
    uint64_t period = 10 * (uint64_t)r->rtt_ms;
    r->before = r->now;
    r->now = 0;
    r->period_ends_ms = s->now_ms + (period > 1000 ? period : 1000);
  }
  if (rate > r->now) r->now = rate;
}

uint64_t pl_session_flight_limit(const pl_session *s, const pl_session_link *l, bool bulk) {
  uint64_t record = PL_CONST_ENVELOPE_PAYLOAD_MAX + PL_CONST_ENVELOPE_HEADER_BYTES;
  uint64_t limit = l->window > 2 * record ? l->window - record : record;
  if (!bulk) return limit;
  const pl_session_rate *r = &s->rate;
  uint64_t best = r->now > r->before ? r->now : r->before, rtt = r->min_rtt_ms == UINT32_MAX ? 0 : r->min_rtt_ms;
  uint64_t paced = best > UINT64_MAX / 100000 ? limit : best * (rtt + 100) / 1000;
  if (paced < PL_SESSION_BULK_MIN_BYTES) paced = PL_SESSION_BULK_MIN_BYTES;
  return paced < limit ? paced : limit;
}

/* Places of this record that did not come are lost: the channel goes back, once for all records sent so far. */
static void judge_sent(pl_session *s, pl_session_link *l, const pl_session_sent *e) {
  pl_session_channel *c = e->places ? s->channels[e->channel] : NULL;
  if (!c || l != s->current || e->counter < c->resend_counter || e->to <= c->peer_received_to) return;
  pl_session_channel_go_back(s, c);
  c->resend_counter = l->next_counter;
}

static void acknowledged(pl_session *s, pl_session_link *l, uint64_t counter) {
  pl_session_sent newest = {.counter = PL_SESSION_NO_COUNTER};
  uint64_t first = l->sent_first;
  while (l->sent_first < l->sent_last) {
    const pl_session_sent *e = &l->sent[l->sent_first & (l->sent_capacity - 1)];
    if (e->counter > counter) break;
    l->in_flight -= e->bytes;
    s->rate.delivered += e->bytes;
    newest = *e;
    l->sent_first++;
  }
  if (newest.counter == PL_SESSION_NO_COUNTER) return;
  measure(s, &newest);
  pl_session_progress(s);
  for (; first < l->sent_first; first++) judge_sent(s, l, &l->sent[first & (l->sent_capacity - 1)]);
}

int pl_session_take_ack(pl_session *s, pl_session_link *l, pl_view body) {
  pl_wire_frame_ack f;
  if (pl_wire_frame_ack_decode(&f, body.data, body.size)) return PL_EPROTOCOL;
  if (f.counter != PL_SESSION_NO_COUNTER && f.counter >= l->next_counter) return PL_EPROTOCOL;
  pl_reader r = pl_reader_of(f.channels.data, f.channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_ack a;
    if (pl_wire_channel_ack_read(&a, &r) || a.channel >= PL_CONST_CHANNELS_MAX) return PL_EPROTOCOL;
    pl_session_channel *c = s->channels[a.channel];
    if (!c && (a.received_to || a.taken_to)) return PL_EPROTOCOL;
    int rc = c ? pl_session_channel_taken_by_peer(s, c, a.received_to, a.taken_to) : 0;
    if (rc) return rc;
  }
  if (f.counter != PL_SESSION_NO_COUNTER) acknowledged(s, l, f.counter);
  return 0;
}

int pl_session_take_credit(pl_session *s, pl_view body) {
  pl_wire_frame_credit f;
  if (pl_wire_frame_credit_decode(&f, body.data, body.size)) return PL_EPROTOCOL;
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
    pl_session_channel *c = s->channels[k.channel];
    if (!c || k.limit <= c->limit) continue;
    c->limit = k.limit;
    pl_session_progress(s);
  }
  return 0;
}
