#include "session_hello.h"

#include "session_base.h"
#include "session_close.h"
#include "session_link.h"
#include "session_send.h"

void pl_session_hello_write(const pl_session *s, const pl_session_link *l, pl_writer *w) {
  uint8_t states[25 * PL_CONST_CHANNELS_MAX];
  pl_writer list = pl_writer_of(states, sizeof states);
  for (size_t i = 0; i < s->channel_slots; i++) {
    const pl_session_channel *c = s->channels[i];
    if (!c) continue;
    pl_wire_channel_state state = {.channel = c->number, .received_to = c->received_to, .taken_to = c->taken_to};
    state.limit = c->taken_to + s->config.channel_window;
    pl_wire_channel_state_write(&state, &list);
  }
  pl_wire_frame_hello hello = {.epoch = s->epoch, .peer_epoch = s->peer_epoch, .link_seq = l->seq};
  hello.message_max = s->config.message_max;
  hello.channel_window = s->config.channel_window;
  hello.session_limit = s->taken_sum + s->config.session_window;
  hello.channels = (pl_view){states, pl_writer_used(&list)};
  pl_write_u8(w, PL_FRAME_HELLO);
  pl_write_u16(w, (uint16_t)(37 + hello.channels.size));
  pl_wire_frame_hello_write(&hello, w);
}

static bool session_has_history(const pl_session *s) {
  for (size_t i = 0; i < s->channel_slots; i++) {
    const pl_session_channel *c = s->channels[i];
    if (c && (c->sent_to || c->received_to)) return true;
  }
  return false;
}

/* Returns whether the list decodes, and no place in it exceeds what was sent. */
static bool hello_places_fit(const pl_session *s, pl_view channels) {
  pl_reader r = pl_reader_of(channels.data, channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_state state;
    if (pl_wire_channel_state_read(&state, &r) || state.channel >= PL_CONST_CHANNELS_MAX) return false;
    const pl_session_channel *c = pl_session_channel_known(s, state.channel);
    if (state.received_to > (c ? c->sent_to : 0) || state.taken_to > state.received_to) return false;
  }
  return true;
}

static int link_drop_others(pl_session *s, const pl_session_link *kept) {
  for (pl_node *n = s->links.next; n != &s->links;) {
    pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    n = n->next;
    if (l == kept) continue;
    pl_session_action drop = {.type = PL_SESSION_DROP_LINK, .link = l->id, .reason = PL_REASON_REPLACED};
    int rc = pl_session_emit(s, drop);
    if (rc) return rc;
    pl_session_link_free(s, l);
  }
  return 0;
}

/* Starts the streams again, because one side lost its state. What is under way on the other links belongs to the old
 * state, so they are dropped, too. */
static int session_start_again(pl_session *s, pl_session_link *l) {
  int rc = link_drop_others(s, l);
  if (rc) return rc;
  if (session_has_history(s)) {
    pl_session_report_lost(s, s->out);
    rc = pl_session_emit(s, (pl_session_action){.type = PL_SESSION_STREAM_RESET});
    if (rc) return rc;
    pl_session_drop_streams(s);
    s->epoch = pl_session_new_epoch(s);
  }
  l->confirmed = false;
  if (s->current == l) s->current = NULL;
  return 0;
}

static void hello_forget_limits(pl_session *s) {
  s->session_limit = 0;
  s->peer_message_max = s->peer_channel_window = 0;
  for (size_t i = 0; i < s->channel_slots; i++)
    if (s->channels[i]) s->channels[i]->limit = 0;
}

static int hello_apply_limits(pl_session *s, const pl_wire_frame_hello *f) {
  s->peer_message_max = f->message_max;
  s->peer_channel_window = f->channel_window;
  if (f->session_limit > s->session_limit) s->session_limit = f->session_limit;
  for (size_t i = 0; i < s->channel_slots; i++) {
    pl_session_channel *c = s->channels[i];
    if (!c) continue;
    if (c->limit < f->channel_window) c->limit = f->channel_window;
    for (uint64_t e = c->ends_first, from = c->peer_taken_to; e < c->ends_last; e++) {
      uint64_t end = c->ends[e & (c->ends_capacity - 1)];
      if (end - from > (uint64_t)f->message_max + 1 && from >= c->sent_to) return PL_EMSGSIZE;
      from = end;
    }
  }
  return 0;
}

static int hello_apply_channels(pl_session *s, pl_view channels) {
  pl_reader r = pl_reader_of(channels.data, channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_state state;
    if (pl_wire_channel_state_read(&state, &r) || state.limit > UINT64_MAX / 2) return PL_EPROTOCOL;
    pl_session_channel *c = pl_session_channel_known(s, state.channel);
    if (!c) continue;
    if (state.limit > c->limit) c->limit = state.limit;
    int rc = pl_session_channel_taken_by_peer(s, c, state.received_to, state.taken_to);
    if (rc) return rc;
  }
  return pl_session_writable_again(s); /* after an ACK there may have been no memory for WRITABLE */
}

static int link_confirm(pl_session *s, pl_session_link *l) {
  l->confirmed = true;
  int rc = pl_session_link_choose(s);
  if (rc) {
    l->confirmed = false;
    return rc;
  }
  return s->current == l && l->opener ? link_drop_others(s, l) : 0;
}

int pl_session_take_hello(pl_session *s, const pl_session_frame *in) {
  pl_session_link *l = in->link;
  pl_wire_frame_hello f;
  if (pl_wire_frame_hello_decode(&f, in->body.data, in->body.size) || f.epoch == 0 ||
      f.channel_window <= f.message_max || f.message_max == 0 || f.session_limit > UINT64_MAX / 2)
    return PL_EPROTOCOL;
  if (!l->opener && !l->hello_came) {
    l->seq = f.link_seq;
    if (f.link_seq > s->highest_seq) s->highest_seq = f.link_seq;
  }
  l->hello_came = true;
  bool peer_known = s->peer_epoch == 0 || f.epoch == s->peer_epoch;
  bool mine_known = f.peer_epoch == 0 || f.peer_epoch == s->epoch;
  int rc;
  if (peer_known && mine_known && hello_places_fit(s, f.channels)) {
    s->peer_epoch = f.epoch;
    rc = hello_apply_limits(s, &f);
    if (rc == 0) rc = hello_apply_channels(s, f.channels);
    if (rc && rc != PL_EMSGSIZE) return rc;
    if (!l->opener) l->hello_due = true;
    int confirmed = link_confirm(s, l); /* even after PL_EMSGSIZE, so that CLOSE can be sent */
    return rc ? rc : confirmed;
  }
  if (s->state == PL_SESSION_STATE_CLOSING) return pl_session_close_forgotten(s, l);
  uint64_t judged = s->epoch;
  rc = session_start_again(s, l);
  if (rc) return rc;
  l->hello_due = true;
  s->peer_epoch = mine_known ? f.epoch : 0;
  hello_forget_limits(s);
  rc = mine_known ? hello_apply_limits(s, &f) : 0; /* otherwise the peer is about to drop the state they belong to */
  if (rc) return rc;
  bool in_step = f.peer_epoch == 0 || (mine_known && s->epoch == judged);
  return in_step && s->peer_epoch ? link_confirm(s, l) : 0;
}
