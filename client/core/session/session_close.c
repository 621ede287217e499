#include "session_close.h"

#include <string.h>

#include "session_base.h"
#include "session_link.h"

static void close_keep_reason(pl_session *s, uint16_t reason, pl_view text) {
  s->close_reason = reason;
  s->close_text_size = (uint8_t)(text.size < sizeof s->close_text ? text.size : sizeof s->close_text);
  if (s->close_text_size) memcpy(s->close_text, text.data, s->close_text_size);
}

static int close_end(pl_session *s, int error) {
  int rc = pl_session_emit(s, (pl_session_action){.type = PL_SESSION_CLOSE_ENDED, .error = error});
  if (rc) return rc;
  if (error) { /* the peer may not know: if it calls again, it is told, without waiting for its CLOSE */
    s->close_due = false;
    s->failed = true;
  }
  s->state = s->close_due ? PL_SESSION_STATE_PEER_CLOSED
                          : PL_SESSION_STATE_ANSWERED; /* this side's CLOSE, still to be sent, is the answer */
  return 0;
}

int pl_session_close(pl_session *s, uint16_t reason, pl_view text) {
  if (s->state != PL_SESSION_STATE_OPEN) return PL_ESTATE;
  if (s->peer_epoch == 0 && s->link_count == 0) return close_end(s, 0); /* the peer does not know of the session */
  close_keep_reason(s, reason, text);
  s->state = PL_SESSION_STATE_CLOSING;
  s->close_due = true;
  s->close_deadline_ms = s->now_ms + PL_SESSION_CLOSE_TIMEOUT_MS;
  return 0;
}

void pl_session_fail(pl_session *s, uint16_t reason, pl_view text) {
  close_keep_reason(s, reason, text);
  s->state = PL_SESSION_STATE_PEER_CLOSED; /* as for an answer: this CLOSE is not answered */
  s->close_due = s->failed = true;
}

int pl_session_take_close(pl_session *s, const pl_session_frame *in) {
  pl_wire_frame_close f;
  if (pl_wire_frame_close_decode(&f, in->body.data, in->body.size)) return PL_EPROTOCOL;
  if (s->state == PL_SESSION_STATE_CLOSING) return close_end(s, 0);
  if (s->state == PL_SESSION_STATE_OPEN) {
    pl_session_action a = {.type = PL_SESSION_PEER_CLOSED, .reason = f.reason, .data = f.text};
    int rc = pl_session_emit(s, a);
    if (rc) return rc;
    close_keep_reason(s, f.reason, (pl_view){NULL, 0});
  }
  if (s->state == PL_SESSION_STATE_ANSWERED && s->now_ms - s->close_sent_ms < PL_SESSION_PROBE_MIN_MS / 2) return 0;
  s->state = PL_SESSION_STATE_PEER_CLOSED;
  s->close_due = true; /* also when the first answer was lost */
  return 0;
}

void pl_session_close_write(pl_session *s, pl_writer *w) {
  pl_write_u8(w, PL_FRAME_CLOSE);
  pl_write_u16(w, (uint16_t)(2 + s->close_text_size));
  pl_write_u16(w, s->close_reason);
  pl_write_bytes(w, s->close_text, s->close_text_size);
  s->close_due = false;
  s->close_sent_ms = s->now_ms;
  if (s->state == PL_SESSION_STATE_PEER_CLOSED) s->state = PL_SESSION_STATE_ANSWERED;
}

int pl_session_close_over(pl_session *s, const pl_session_sink *out) {
  s->out = out;
  return s->state == PL_SESSION_STATE_CLOSING ? close_end(s, 0) : 0;
}

int pl_session_close_forgotten(pl_session *s, pl_session_link *l) {
  s->close_due = false;
  int rc = pl_session_link_drop(s, l, PL_REASON_CLOSED);
  return rc ? rc : close_end(s, 0);
}

uint64_t pl_session_close_deadline(const pl_session *s) {
  if (s->state != PL_SESSION_STATE_CLOSING) return PL_NEVER;
  uint64_t again = s->current && !s->close_due ? s->close_sent_ms + PL_SESSION_PROBE_MIN_MS : PL_NEVER;
  return again < s->close_deadline_ms ? again : s->close_deadline_ms;
}

int pl_session_close_time(pl_session *s) {
  if (s->now_ms < pl_session_close_deadline(s)) return 0;
  if (s->now_ms >= s->close_deadline_ms) return close_end(s, PL_ETIMEDOUT);
  s->close_due = true;
  return 0;
}
