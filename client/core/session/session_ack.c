#include "session_ack.h"

void pl_session_ack_channel(pl_session *s, pl_session_channel *c) {
  if (pl_list_empty(&c->changed)) pl_list_append(&s->changed, &c->changed);
}

void pl_session_ack_soon(pl_session *s, bool now) {
  if (!s->ack_due) s->ack_at_ms = s->now_ms + PL_SESSION_ACK_DELAY_MS;
  s->ack_due = true;
  s->ack_now |= now;
}

/* ACK and CREDIT always go together, so that neither of them can be the one that is missing. */
void pl_session_ack_write(pl_session *s, const pl_session_link *l, pl_writer *w) {
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

void pl_session_ack_time(pl_session *s) {
  if (s->ack_due && s->now_ms >= s->ack_at_ms) s->ack_now = true;
}

uint64_t pl_session_ack_deadline(const pl_session *s) {
  return s->ack_due && !s->ack_now && s->current ? s->ack_at_ms : PL_NEVER;
}
