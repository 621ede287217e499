/* The session's life: events in, and what all parts share. */
#include "session_internal.h"

#include <string.h>

int pl_session_emit(pl_session *s, pl_session_action action) {
  return s->out->take(s->out->context, &action);
}

/* splitmix64: epochs need to differ, not to be secret. */
uint64_t pl_session_new_epoch(pl_session *s) {
  uint64_t z = 0;
  while (z == 0) {
    s->random += 0x9e3779b97f4a7c15u;
    z = s->random;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
  }
  return z;
}

int pl_session_new(const pl_session_config *config, pl_session **out) {
  *out = NULL;
  if (config->message_max == 0 || config->channel_window <= config->message_max ||
      config->session_window <= config->message_max)
    return PL_EINVAL;
  pl_session *s = pl_alloc(sizeof *s);
  if (!s) return PL_ENOMEM;
  s->config = *config;
  s->random = config->seed;
  s->epoch = pl_session_new_epoch(s);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(s->sending); i++) pl_list_init(&s->sending[i]);
  pl_list_init(&s->changed);
  pl_list_init(&s->links);
  pl_buffer_init(&s->volatiles, PL_SESSION_VOLATILE_BYTES + 3);
  s->close_deadline_ms = s->ack_at_ms = PL_SESSION_NO_TIME;
  s->take_probe_ms = PL_SESSION_PROBE_MIN_MS;
  s->rate.min_rtt_ms = UINT32_MAX;
  *out = s;
  return 0;
}

void pl_session_drop_streams(pl_session *s) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(s->channels); i++) {
    pl_session_channel *c = s->channels[i];
    if (!c) continue;
    pl_session_channel_deinit(c);
    pl_free(c);
    s->channels[i] = NULL;
  }
  s->sent_sum = s->reserved = s->session_limit = s->waiting = s->received_sum = s->taken_sum = 0;
  s->unacked_bytes = s->untold_taken = 0;
  s->stretched = NULL;
}

void pl_session_free(pl_session *s) {
  if (!s) return;
  pl_session_drop_streams(s);
  while (!pl_list_empty(&s->links)) pl_session_free_link(s, PL_CONTAINER(s->links.next, pl_session_link, node));
  pl_buffer_deinit(&s->volatiles);
  pl_free(s);
}

pl_session_channel *pl_session_channel_get(pl_session *s, uint8_t number) {
  if (number >= PL_CONST_CHANNELS_MAX) return NULL;
  if (s->channels[number]) return s->channels[number];
  pl_session_channel *c = pl_alloc(sizeof *c);
  if (!c) return NULL;
  c->number = number;
  c->priority = 4;
  c->limit = s->peer_channel_window;
  pl_list_init(&c->sending);
  pl_list_init(&c->changed);
  return s->channels[number] = c;
}

static int take_frame(pl_session *s, pl_session_link *l, uint8_t type, pl_view body) {
  if (type == PL_FRAME_HELLO) return pl_session_take_hello(s, l, body);
  if (!l->confirmed) return 0; /* section 6, "The first frames of a link" */
  bool told = s->state == PL_SESSION_STATE_CLOSING &&
              (type == PL_FRAME_ACK || type == PL_FRAME_CREDIT); /* taken before the end */
  if (s->state != PL_SESSION_STATE_OPEN && type != PL_FRAME_CLOSE && !told) return 0;
  switch (type) {
    case PL_FRAME_DATA:
      return pl_session_receive_data(s, body);
    case PL_FRAME_ACK:
      return pl_session_take_ack(s, l, body);
    case PL_FRAME_CREDIT:
      return pl_session_take_credit(s, body);
    case PL_FRAME_CHANNEL_RESET:
      return pl_session_receive_reset(s, body);
    case PL_FRAME_PROBE:
      return pl_session_take_probe(s, l, body);
    case PL_FRAME_PROBE_REPLY:
      return pl_session_take_probe_reply(s, body);
    case PL_FRAME_VOLATILE:
      return pl_session_receive_volatile(s, body);
    case PL_FRAME_CLOSE:
      return pl_session_take_close(s, body);
    default:
      return 0;
  }
}

static bool asks_for_ack(uint8_t type) {
  return type != PL_FRAME_ACK && type != PL_FRAME_CREDIT && type != PL_FRAME_PROBE_REPLY;
}

static int take_record(pl_session *s, const pl_session_event *in) {
  pl_session_link *l = pl_session_find_link(s, in->link);
  if (!l) return 0;
  if (s->failed && s->close_due && s->current) return 0; /* nothing more is read before CLOSE is said */
  l->received_counter = in->counter;
  pl_reader r = pl_reader_of(in->data.data, in->data.size);
  uint8_t type;
  pl_view body;
  int rc;
  bool ack = false;
  while ((rc = pl_frame_next(&r, &type, &body)) > 0) {
    ack |= asks_for_ack(type);
    rc = take_frame(s, l, type, body);
    if (rc) return rc;
    if (!pl_session_find_link(s, in->link)) return 0; /* HELLO on it showed that it is not the best */
  }
  if (rc) return rc;
  if (ack) {
    s->unacked_bytes += in->data.size + PL_SESSION_RECORD_COST; /* as the sender counts what is in flight */
    pl_session_ack_soon(s, s->unacked_bytes >= PL_SESSION_ACK_BYTES);
  }
  return 0;
}

static int step_time(pl_session *s) {
  if (s->ack_due && s->now_ms >= s->ack_at_ms) s->ack_now = true;
  int rc = pl_session_close_time(s);
  if (rc == 0) rc = pl_session_link_time(s);
  return rc ? rc : pl_session_probe_time(s);
}

int pl_session_step(pl_session *s, pl_session_event *in, const pl_session_sink *out) {
  s->now_ms = in->now_ms;
  s->out = out;
  bool writes = in->type >= PL_SESSION_SEND && in->type <= PL_SESSION_FINISH;
  if (writes && s->state != PL_SESSION_STATE_OPEN) return PL_ESTATE;
  switch (in->type) {
    case PL_SESSION_TIME:
      return step_time(s);
    case PL_SESSION_LINK_UP:
      return pl_session_link_up(s, in);
    case PL_SESSION_LINK_DOWN:
      return pl_session_link_down(s, in->link);
    case PL_SESSION_RECORD:
      return take_record(s, in);
    case PL_SESSION_SEND:
      return pl_session_channel_send(s, in->channel, in->data, &in->place);
    case PL_SESSION_SEND_VOLATILE:
      return pl_session_send_volatile(s, in->channel, in->data);
    case PL_SESSION_FINISH:
      return pl_session_channel_finish(s, in->channel, &in->place);
    case PL_SESSION_TAKE:
      return pl_session_channel_take(s, in->channel, in->place);
    case PL_SESSION_PRIORITY:
      return pl_session_channel_set_priority(s, in->channel, in->value);
    case PL_SESSION_CHANNEL_RESET:
      return pl_session_channel_give_up(s, in->channel, (uint16_t)in->value);
    case PL_SESSION_CLOSE:
      return pl_session_close(s, (uint16_t)in->value, in->data);
  }
  return PL_EINVAL;
}

uint64_t pl_session_deadline(const pl_session *s) {
  uint64_t at = pl_session_probe_deadline(s);
  if (s->ack_due && !s->ack_now && s->current && s->ack_at_ms < at) at = s->ack_at_ms;
  uint64_t link_at = pl_session_link_deadline(s), close_at = pl_session_close_deadline(s);
  if (link_at < at) at = link_at;
  return close_at < at ? close_at : at;
}

bool pl_session_is_linked(const pl_session *s) {
  return s->current;
}

bool pl_session_link_is_current(const pl_session *s, uint32_t link) {
  return s->current && s->current->id == link;
}

bool pl_session_is_closing(const pl_session *s) {
  return s->state == PL_SESSION_STATE_CLOSING;
}

bool pl_session_close_answered(const pl_session *s) {
  return s->state == PL_SESSION_STATE_ANSWERED;
}

uint64_t pl_session_peer_epoch(const pl_session *s) {
  return s->peer_epoch;
}
