/* The top of the session: its life, and what each event and each frame leads to. */
#include "session_ack.h"
#include "session_base.h"
#include "session_close.h"
#include "session_feedback.h"
#include "session_hello.h"
#include "session_link.h"
#include "session_probe.h"
#include "session_receive.h"
#include "session_send.h"

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
  pl_list_init(&s->sending);
  pl_list_init(&s->changed);
  pl_list_init(&s->links);
  pl_buffer_init(&s->volatiles, PL_SESSION_VOLATILE_BYTES + 3);
  s->close_deadline_ms = s->ack_at_ms = s->rings_ms = PL_NEVER;
  s->take_probe_ms = PL_SESSION_PROBE_MIN_MS;
  s->rate.min_rtt_ms = UINT32_MAX;
  *out = s;
  return 0;
}

void pl_session_free(pl_session *s) {
  if (!s) return;
  pl_session_drop_streams(s);
  while (!pl_list_empty(&s->links)) pl_session_link_free(s, PL_CONTAINER(s->links.next, pl_session_link, node));
  pl_buffer_deinit(&s->volatiles);
  pl_free(s);
}

/* ---- frames ---- */

enum {
  IN_OPEN = 1 << PL_SESSION_STATE_OPEN,
  IN_CLOSING = 1 << PL_SESSION_STATE_CLOSING, /* what the peer took before the end still counts */
  IN_ANY = IN_OPEN | IN_CLOSING | 1 << PL_SESSION_STATE_PEER_CLOSED | 1 << PL_SESSION_STATE_ANSWERED
};

/* Which frame is read in which state. A frame that comes in another state is skipped, like one of an unknown type: the
 * peer may have sent it before it knew. A handler's PL_EPROTOCOL is the violation, and ends the session. */
static const struct {
  int (*take)(pl_session *s, const pl_session_frame *in);
  unsigned in;      /* the session's states */
  bool unconfirmed; /* read even before HELLO has confirmed its link (docs/protocol.md, "The first frames of a link") */
  bool unacknowledged; /* a record of such frames only is not acknowledged */
} frame_rules[] = {
    [PL_FRAME_HELLO] = {.take = pl_session_take_hello, .in = IN_ANY, .unconfirmed = true},
    [PL_FRAME_DATA] = {.take = pl_session_take_data, .in = IN_OPEN},
    [PL_FRAME_ACK] = {.take = pl_session_take_ack, .in = IN_OPEN | IN_CLOSING, .unacknowledged = true},
    [PL_FRAME_CREDIT] = {.take = pl_session_take_credit, .in = IN_OPEN | IN_CLOSING, .unacknowledged = true},
    [PL_FRAME_CHANNEL_RESET] = {.take = pl_session_take_channel_reset, .in = IN_OPEN},
    [PL_FRAME_PROBE] = {.take = pl_session_take_probe, .in = IN_OPEN},
    [PL_FRAME_PROBE_REPLY] = {.take = pl_session_take_probe_reply, .in = IN_OPEN, .unacknowledged = true},
    [PL_FRAME_VOLATILE] = {.take = pl_session_take_volatile, .in = IN_OPEN},
    [PL_FRAME_CLOSE] = {.take = pl_session_take_close, .in = IN_ANY},
};

static int frame_take(pl_session *s, uint8_t type, const pl_session_frame *in) {
  if (type >= PL_ARRAY_LENGTH(frame_rules) || !frame_rules[type].take) return 0;
  if (!in->link->confirmed && !frame_rules[type].unconfirmed) return 0;
  if (!(frame_rules[type].in & 1u << s->state)) return 0;
  return frame_rules[type].take(s, in);
}

static bool frame_asks_for_ack(uint8_t type) {
  return type >= PL_ARRAY_LENGTH(frame_rules) || !frame_rules[type].unacknowledged;
}

static int record_take(pl_session *s, uint32_t link, uint64_t counter, pl_view data) {
  pl_session_frame frame = {.link = pl_session_link_find(s, link)};
  if (!frame.link) return 0;
  if (s->failed && s->close_due && s->current) return 0; /* nothing is read until CLOSE was sent */
  frame.link->received_counter = counter;
  pl_reader r = pl_reader_of(data.data, data.size);
  uint8_t type;
  int rc;
  bool ack = false;
  while ((rc = pl_frame_next(&r, &type, &frame.body)) > 0) {
    ack |= frame_asks_for_ack(type);
    rc = frame_take(s, type, &frame);
    if (rc) return rc;
    if (!pl_session_link_find(s, link)) return 0; /* HELLO has shown that this link is not the best */
  }
  if (rc) return rc;
  if (ack) {
    s->unacked_bytes += data.size + PL_SESSION_RECORD_COST; /* as the sender counts what is in flight */
    pl_session_ack_soon(s, s->unacked_bytes >= PL_SESSION_ACK_BYTES);
  }
  return 0;
}

/* ---- time ---- */

static int session_step_time(pl_session *s) {
  pl_session_ack_time(s);
  pl_session_rings_time(s);
  int rc = pl_session_close_time(s);
  if (rc == 0) rc = pl_session_link_time(s);
  if (rc || !pl_session_probe_time(s)) return rc;
  pl_session_be_patient(s);
  return pl_session_link_drop(s, s->current, PL_REASON_TIMEOUT);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t pl_session_deadline(const pl_session *s) {
  uint64_t of_links = earlier(pl_session_link_deadline(s), pl_session_probe_deadline(s));
  of_links = earlier(of_links, pl_session_rings_deadline(s));
  return earlier(of_links, earlier(pl_session_ack_deadline(s), pl_session_close_deadline(s)));
}

void pl_session_late(pl_session *s, uint64_t now_ms) {
  s->now_ms = now_ms;
  s->rate.measured_from_ms = now_ms;
  if (s->was_late) return; /* only once until something gets through: a host that is always late must time out, too */
  pl_session_progress(s);
  s->was_late = true;
}

/* ---- events ---- */

static int session_step_send(pl_session *s, const pl_session_event *in, uint64_t *place) {
  if (s->state != PL_SESSION_STATE_OPEN) return PL_ESTATE;
  switch (in->type) {
    case PL_SESSION_SEND:
      return pl_session_channel_send(s, in->send.channel, in->send.data, place);
    case PL_SESSION_SEND_VOLATILE:
      return pl_session_send_volatile(s, in->send.channel, in->send.data);
    default:
      return pl_session_channel_finish(s, in->finish.channel, place);
  }
}

int pl_session_step(pl_session *s, const pl_session_event *in, const pl_session_sink *out, pl_session_result *result) {
  pl_session_result unused;
  if (!result) result = &unused;
  result->place = 0;
  s->now_ms = in->now_ms;
  s->out = out;
  switch (in->type) {
    case PL_SESSION_TIME:
      return session_step_time(s);
    case PL_SESSION_LINK_UP:
      return pl_session_link_up(s, in);
    case PL_SESSION_LINK_DOWN:
      return pl_session_link_down(s, in->link_down.id);
    case PL_SESSION_RECORD:
      return record_take(s, in->record.link, in->record.counter, in->record.data);
    case PL_SESSION_SEND:
    case PL_SESSION_SEND_VOLATILE:
    case PL_SESSION_FINISH:
      return session_step_send(s, in, &result->place);
    case PL_SESSION_TAKE:
      return pl_session_channel_take(s, in->take.channel, in->take.place);
    case PL_SESSION_PRIORITY:
      return pl_session_channel_set_priority(s, in->priority.channel, in->priority.level);
    case PL_SESSION_CHANNEL_RESET:
      return pl_session_channel_give_up(s, in->channel_reset.channel, in->channel_reset.reason);
    case PL_SESSION_CLOSE:
      return pl_session_close(s, in->close.reason, in->close.text);
  }
  return PL_EINVAL;
}

/* ---- what the owner may ask ---- */

bool pl_session_is_linked(const pl_session *s) {
  return s->current;
}

bool pl_session_link_is_current(const pl_session *s, uint32_t link) {
  return s->current && s->current->id == link;
}

bool pl_session_is_probing(const pl_session *s) {
  return s->probes_open > 0;
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
