/* Output on demand: whole envelopes in one WebSocket message; records are sealed in place. */
#include <string.h>

#include "engine_actions.h"
#include "engine_link.h"
#include "engine_session.h"

enum { HEADER = PL_CONST_ENVELOPE_HEADER_BYTES, COUNTER = 8, TAG = PL_CONST_RECORD_OVERHEAD_BYTES - COUNTER };

static size_t produce_control(pl_engine *e, uint8_t *out, size_t capacity) {
  size_t used = 0;
  while (e->control.size) {
    const uint8_t *p = pl_buffer_data(&e->control);
    size_t n = HEADER + (size_t)pl_get_u16(p + 2);
    if (n > capacity - used) break;
    memcpy(out + used, p, n);
    used += n;
    pl_buffer_consume(&e->control, n);
  }
  return used;
}

static void produce_failed(pl_engine *e, uint32_t number) {
  pl_engine_link *l = pl_engine_link_find(e, number);
  if (!l) return;
  l->failed = true;
  pl_engine_link_touch(e, l);
}

/* Writes one record of the session. The plaintext is written where its ciphertext will be. */
static size_t produce_session(pl_engine *e, pl_engine_session *s, uint8_t *out, size_t capacity) {
  uint32_t number = 0;
  uint8_t flags = 0;
  size_t room = capacity - HEADER - COUNTER - TAG;
  int n = pl_session_produce(s->core, e->now_ms, out + HEADER + COUNTER, room, &number, &flags);
  if (n <= 0) {
    if (n < 0) produce_failed(e, number);
    return 0;
  }
  pl_engine_link *l = pl_engine_link_find(e, number);
  if (!l) return 0;
  n = pl_noise_seal(&l->keys, PL_ENV_DATA, flags, out + HEADER + COUNTER, (size_t)n, out + HEADER);
  if (n < 0) {
    produce_failed(e, number);
    return 0;
  }
  size_t record = (size_t)n;
  pl_envelope_put_header(out, PL_ENV_DATA, flags, record, number);
  pl_engine_session_traffic(e, l, record);
  return HEADER + record;
}

size_t pl_engine_produce(pl_engine *e, uint64_t now_ms, uint8_t *out, size_t capacity) {
  if (now_ms > e->now_ms) e->now_ms = now_ms;
  if (e->connection == PL_ENGINE_CONN_ONLINE && capacity > e->message_max) capacity = e->message_max;
  size_t used = produce_control(e, out, capacity);
  if (e->connection != PL_ENGINE_CONN_ONLINE) return used;
  while (!pl_list_empty(&e->ready) && capacity - used >= HEADER + COUNTER + TAG + PL_SESSION_RECORD_MIN) {
    pl_engine_session *s = PL_CONTAINER(e->ready.next, pl_engine_session, ready);
    size_t n = produce_session(e, s, out + used, capacity - used);
    if (n == 0 && used && pl_session_has_output(s->core)) break; /* it needs more room than is left */
    used += n;
    pl_list_remove(&s->ready);
    if (n)
      pl_engine_session_touch(e, s); /* to the end of the list, if it has more */
    else
      pl_engine_session_timer(e, s);
  }
  return used;
}

bool pl_engine_has_output(const pl_engine *e) {
  return e->control.size || (e->connection == PL_ENGINE_CONN_ONLINE && !pl_list_empty(&e->ready));
}
