/* The records in flight on a link: how long they took, and how many bytes may be in flight. */
#ifndef PL_SESSION_FLIGHT_H
#define PL_SESSION_FLIGHT_H

#include "session_state.h"

/* Makes room for one more entry. Returns false when memory ran out. */
bool pl_session_flight_reserve(pl_session_link *l);

/* Adds an entry for the record that is being written; pl_session_flight_reserve must have made room for it. */
pl_session_sent *pl_session_flight_add(pl_session *s, pl_session_link *l);

/* Forgets the records up to `counter`, which the peer acknowledged, and measures round trip and rate by the newest of
 * them. Returns the first forgotten entry's index: the entries from it to l->sent_first - 1 can be read with
 * pl_session_flight_at until the next one is added. */
uint64_t pl_session_flight_acknowledge(pl_session *s, pl_session_link *l, uint64_t counter);

static inline pl_session_sent *pl_session_flight_at(const pl_session_link *l, uint64_t index) {
  return &l->sent[index & (l->sent_capacity - 1)];
}

/* Bytes that may be in flight: for bulk, as much as the measured rate fills, else as much as the relay lets wait. */
uint64_t pl_session_flight_limit(const pl_session *s, const pl_session_link *l, bool bulk);

#endif
