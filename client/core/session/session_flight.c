#include "session_flight.h"

#include "session_base.h"

enum { FIRST_CAPACITY = 2 }; /* HELLO, and a record */

bool pl_session_flight_reserve(pl_session_link *l) {
  if (l->sent_last - l->sent_first < l->sent_capacity) return true;
  size_t capacity = l->sent_capacity ? l->sent_capacity * 2 : FIRST_CAPACITY;
  pl_session_sent *sent = pl_alloc(capacity * sizeof *sent);
  if (!sent) return false;
  for (uint64_t i = l->sent_first; i < l->sent_last; i++) sent[i & (capacity - 1)] = *pl_session_flight_at(l, i);
  pl_free(l->sent);
  l->sent = sent;
  l->sent_capacity = capacity;
  return true;
}

pl_session_sent *pl_session_flight_add(pl_session *s, pl_session_link *l) {
  if (l->sent_first == l->sent_last) { /* nothing was in flight: waiting and measuring start now */
    s->rate.delivered_ms = s->now_ms;
    if (s->probes_open == 0) s->progress_ms = s->now_ms;
  }
  pl_session_sent *e = pl_session_flight_at(l, l->sent_last++);
  *e = (pl_session_sent){.counter = l->next_counter, .time_ms = s->now_ms};
  e->delivered = s->rate.delivered;
  e->delivered_ms = s->rate.delivered_ms;
  return e;
}

static void flight_measure(pl_session *s, const pl_session_sent *newest) {
  pl_session_rate *r = &s->rate;
  if (newest->time_ms < r->measured_from_ms) { /* the answer may have waited to be read: see pl_session_late */
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

uint64_t pl_session_flight_acknowledge(pl_session *s, pl_session_link *l, uint64_t counter) {
  uint64_t first = l->sent_first;
  while (l->sent_first < l->sent_last) {
    const pl_session_sent *e = pl_session_flight_at(l, l->sent_first);
    if (e->counter > counter) break;
    l->in_flight -= e->bytes;
    s->rate.delivered += e->bytes;
    l->sent_first++;
  }
  if (first == l->sent_first) return first;
  flight_measure(s, pl_session_flight_at(l, l->sent_first - 1));
  pl_session_progress(s);
  return first;
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
