/* Records of links: opened, and handed to their session; the first one of an accepted call finds the session. */
#include <string.h>

#include "engine_internal.h"

/* The caller's epoch: its first frame is HELLO. 0 when it is not. */
static uint64_t epoch_in(pl_view plain) {
  pl_reader r = pl_reader_of(plain.data, plain.size);
  uint8_t type;
  pl_view body;
  pl_wire_frame_hello h;
  if (pl_frame_next(&r, &type, &body) <= 0 || type != PL_FRAME_HELLO) return 0;
  return pl_wire_frame_hello_decode(&h, body.data, body.size) ? 0 : h.epoch;
}

/* The peer began anew while the old session was ending: that one ends now. */
static void end_the_old(pl_engine *e, const pl_engine_link *l) {
  for (size_t i = 0; i < e->session_slots; i++) {
    pl_engine_session *s = e->sessions[i];
    if (!s || memcmp(s->id, l->id, 32) != 0 || memcmp(s->instance, l->instance, 8) != 0) continue;
    if (s->lingering)
      pl_engine_session_free(e, s);
    else if (pl_session_is_closing(s->core))
      pl_engine_session_end(e, s, PL_OK, PL_REASON_CLOSED, (pl_view){NULL, 0});
  }
}

/* A call may have been accepted for a session that is ending or has ended since, before its caller was turned away, or
 * only to be told why it is refused: what counts for a new one is who is let in now. 0, or the reason to say. */
static int refusal(pl_engine *e, const pl_engine_link *l, bool invited, const pl_engine_session *s) {
  const pl_engine_peer_entry *p = pl_engine_peer_find(e, l->id);
  if (l->unsupported) return PL_REASON_UNSUPPORTED;
  if (s || invited) return 0;
  if (p && p->blocked) return PL_REASON_CLOSED;
  if (pl_engine_offer_is_welcome(e, l)) return 0;
  if (l->has_invite) return PL_REASON_REFUSED;
  pl_engine_knock_add(e, l);
  return PL_REASON_CLOSED;
}

static bool use_invite(pl_engine *e, const pl_engine_link *l) {
  const pl_engine_peer_entry *p = pl_engine_peer_find(e, l->id);
  uint32_t code;
  if (!l->has_invite || l->unsupported || (p && p->blocked) || !pl_engine_invite_claim(e, l, &code)) return false;
  return code == 0 || pl_engine_code_called(e, code, l);
}

/* The caller's first record opened, so it is no replay: only now the call has consequences. */
static pl_engine_session *begin(pl_engine *e, pl_engine_link *l, uint64_t epoch) {
  bool invited = use_invite(e, l);
  pl_engine_session *s = pl_engine_offer_session(e, l, epoch);
  int reason = refusal(e, l, invited, s);
  if (reason) {
    pl_engine_link_forget(e, l, reason);
    return NULL;
  }
  if (!s) {
    end_the_old(e, l);
    s = pl_engine_session_new(e, l->id, l->instance);
    if (s) s->own_wish = false;
  }
  if (!s) {
    pl_engine_link_forget(e, l, PL_REASON_FULL);
    return NULL;
  }
  memcpy(s->instance, l->instance, 8);
  l->session = s;
  l->state = PL_ENGINE_LINK_UP;
  l->since_ms = e->now_ms;
  if (pl_engine_dial_link_up(e, s, l)) {
    l->state = PL_ENGINE_LINK_ACCEPTED;
    pl_engine_link_forget(e, l, PL_REASON_OVERFLOW);
    return NULL;
  }
  if (s->opening)
    pl_engine_link_forget(e, s->opening, PL_REASON_CROSSED); /* this side's own call is not needed any more */
  s->opened_last = false;
  return s;
}

void pl_engine_link_data_came(pl_engine *e, uint32_t number, uint8_t flags, pl_view record, uint8_t *plain) {
  pl_engine_link *l = pl_engine_link_find(e, number);
  if (!l) return; /* of an old link: dropped */
  if (l->is_code) {
    pl_engine_code_data_came(e, l, record);
    return;
  }
  if (l->state != PL_ENGINE_LINK_UP && l->state != PL_ENGINE_LINK_ACCEPTED) {
    pl_engine_link_end(e, l, PL_REASON_PROTOCOL);
    return;
  }
  int n = record.size < PL_CONST_RECORD_OVERHEAD_BYTES
              ? PL_ECRYPTO
              : pl_noise_open(&l->keys, PL_ENV_DATA, flags, record.data, record.size, plain);
  if (n < 0) {
    pl_engine_log(e, "record_refused", pl_error_text(n));
    pl_engine_link_end(e, l, PL_REASON_CORRUPT); /* changed on its way: the session goes on over another link */
    return;
  }
  e->carried = true;
  pl_session_event in = {.type = PL_SESSION_RECORD, .record = {.link = number, .data = {plain, (size_t)n}}};
  in.record.counter = l->keys.received_counter;
  pl_engine_session *s = l->state == PL_ENGINE_LINK_UP ? l->session : begin(e, l, epoch_in(in.record.data));
  if (!s) return;
  pl_engine_session_traffic(e, l, record.size);
  int rc = pl_engine_dial_step(e, s, &in, NULL);
  if (rc != PL_ENOMEM) return;
  l = pl_engine_link_find(e, number);
  if (l) pl_engine_link_end(e, l, PL_REASON_OVERFLOW); /* goes on over another link */
}
