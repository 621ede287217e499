/* Offers that are over as a whole: each end is told once, and a declined offer is not asked about again. */
#include <string.h>

#include "receive.h"

static receive_end *find_end(receive_job *j, const uint8_t *unit) {
  for (size_t i = 0; i < j->end_count && i < RECEIVE_ENDS_MAX; i++)
    if (memcmp(j->ends[i].id, unit, sizeof j->ends[i].id) == 0) return &j->ends[i];
  return NULL;
}

void receive_new_session(receive_job *j) {
  j->end_count = 0;
}

void receive_offer_told(receive_job *j, const uint8_t *unit) {
  receive_end *end = find_end(j, unit);
  if (end) memset(end, 0, sizeof *end);
}

bool receive_is_declined(receive_job *j, const uint8_t *unit) {
  const receive_end *end = find_end(j, unit);
  return end && end->declined;
}

void receive_end_offer(receive_job *j, const uint8_t *unit, const char *name, uint8_t why, bool by_peer) {
  if (find_end(j, unit)) return;
  receive_end *end = &j->ends[j->end_count++ % RECEIVE_ENDS_MAX];
  memcpy(end->id, unit, sizeof end->id);
  end->declined = why == PL_CONST_FILE_DECLINED && !by_peer;
  share_tell_error(&j->s, end->id, name, share_why_token(why), share_why(why, by_peer), NULL);
}
