/* What comes out of the session, as lines of the trace. See own_session.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_session.h"

const char *trace_error_name(int rc) {
  switch (rc) {
#define PL_ERROR(name, number, text, hint) \
  case PL_##name:                          \
    return #name;
#include "errors.def"
    default:
      return "?";
  }
}

void trace_line(json_t *list, const char *format, ...) {
  char text[2 * TRACE_TEXT];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  OWN_CHECK(n > 0 && (size_t)n < sizeof text);
  own_append(list, json_string(text));
}

const char *trace_hex(const uint8_t *data, size_t size) {
  static char text[2 * 65536 + 1];
  text[0] = '\0';
  for (size_t i = 0; i < size; i++) (void)snprintf(text + 2 * i, 3, "%02x", data[i]);
  return text;
}

static void check_bytes(uint8_t channel, uint64_t place, pl_view data) {
  for (size_t i = 0; i < data.size; i++) OWN_CHECK(data.data[i] == trace_byte(channel, place + i));
}

/* ---- what the session tells ---- */

int trace_tell(void *context, const pl_session_action *a) {
  trace *t = context;
  if (t->told_too) t->told_too(t, a);
  switch (a->type) {
    case PL_SESSION_LINKED:
      if (!t->was_linked) trace_line(t->out, "linked %u", a->link);
      break;
    case PL_SESSION_DROP_LINK: /* left out: at the end all links are reset with CLOSED, by the session or by its owner
                                */
      if (a->reason == PL_REASON_CLOSED) break;
      trace_line(t->out, "drop %u %d", a->link, a->reason);
      break;
    case PL_SESSION_MESSAGE:
      check_bytes(a->channel, a->place - 1 - a->data.size, a->data);
      trace_line(t->out, "message %u %zu place %" PRIu64, a->channel, a->data.size, a->place);
      break;
    case PL_SESSION_VOLATILE:
      trace_line(t->out, "volatile %u %s", a->channel, trace_hex(a->data.data, a->data.size));
      break;
    case PL_SESSION_END:
      trace_line(t->out, "end %u place %" PRIu64, a->channel, a->place);
      break;
    case PL_SESSION_WRITABLE:
      trace_line(t->out, "writable %u", a->channel);
      break;
    case PL_SESSION_DELIVERED:
      trace_line(t->out, "delivered %u place %" PRIu64, a->channel, a->place);
      break;
    case PL_SESSION_WAS_RESET:
      trace_line(t->out, "channel_reset %u reason %d place %" PRIu64, a->channel, a->reason, a->place);
      break;
    case PL_SESSION_LOST:
      trace_line(t->out, "lost %u place %" PRIu64, a->channel, a->place);
      break;
    case PL_SESSION_STREAM_RESET:
      memset(t->written, 0, sizeof t->written);
      trace_line(t->out, "stream_reset");
      break;
    case PL_SESSION_PEER_CLOSED:
      trace_line(t->out, "peer_closed %d %.*s", a->reason, (int)a->data.size, (const char *)a->data.data);
      break;
    case PL_SESSION_CLOSE_ENDED:
      trace_line(t->out, "close_ended %s", trace_error_name(a->error));
      break;
  }
  return 0;
}

/* ---- the frames that go out ---- */

static void data_is_over(trace *t) {
  if (t->data_to > t->data_from)
    trace_line(t->out, "data %u %u %" PRIu64 "-%" PRIu64 "%s", t->data_link, t->data_channel, t->data_from, t->data_to,
               t->data_ends);
  t->data_from = t->data_to = 0;
}

static void out_data(trace *t, uint32_t link, pl_view body) {
  pl_wire_frame_data f;
  OWN_CHECK(pl_wire_frame_data_decode(&f, body.data, body.size) == 0);
  check_bytes(f.channel, f.offset, f.bytes);
  bool goes_on = t->data_to > t->data_from && t->data_link == link && t->data_channel == f.channel;
  if (!goes_on || t->data_to != f.offset) {
    data_is_over(t);
    t->data_link = link;
    t->data_channel = f.channel;
    t->data_from = t->data_to = f.offset;
    t->data_ends[0] = '\0';
  }
  t->data_to += f.bytes.size;
  char *ends = t->data_ends;
  if (f.flags & PL_CONST_DATA_FLAG_END_OF_MESSAGE)
    (void)snprintf(ends + strlen(ends), TRACE_TEXT - strlen(ends), " |%" PRIu64, ++t->data_to);
  if (f.flags & PL_CONST_DATA_FLAG_END_OF_CHANNEL)
    (void)snprintf(ends + strlen(ends), TRACE_TEXT - strlen(ends), " end %" PRIu64, ++t->data_to);
}

static void out_hello(trace *t, uint32_t link, pl_view body) {
  pl_wire_frame_hello f;
  OWN_CHECK(pl_wire_frame_hello_decode(&f, body.data, body.size) == 0);
  if (f.epoch != t->epoch) own_append(t->epochs, own_hex(body.data, 8));
  t->epoch = f.epoch;
  char places[TRACE_TEXT] = "";
  pl_reader r = pl_reader_of(f.channels.data, f.channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_state c;
    OWN_CHECK(pl_wire_channel_state_read(&c, &r) == 0);
    if (c.received_to == 0) continue;
    (void)snprintf(places + strlen(places), sizeof places - strlen(places), " %u:%" PRIu64 ",%" PRIu64 ",%" PRIu64,
                   c.channel, c.received_to, c.taken_to, c.limit);
  }
  trace_line(t->out, "hello %u %s%s", link, trace_hex(body.data, 36), places);
}

static void out_ack(trace *t, uint32_t link, pl_view body) {
  pl_wire_frame_ack f;
  OWN_CHECK(pl_wire_frame_ack_decode(&f, body.data, body.size) == 0);
  pl_reader r = pl_reader_of(f.channels.data, f.channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_ack a;
    OWN_CHECK(pl_wire_channel_ack_read(&a, &r) == 0);
    t->told[a.channel].is = true;
    t->told[a.channel].received_to = a.received_to;
    t->told[a.channel].taken_to = a.taken_to;
  }
  t->acknowledged = true;
  t->ack_link = link;
  t->ack_counter = f.counter;
}

static void out_credit(trace *t, pl_view body) {
  pl_wire_frame_credit f;
  OWN_CHECK(pl_wire_frame_credit_decode(&f, body.data, body.size) == 0);
  t->session_limit = f.session_limit;
  pl_reader r = pl_reader_of(f.channels.data, f.channels.size);
  while (pl_reader_left(&r)) {
    pl_wire_channel_credit k;
    OWN_CHECK(pl_wire_channel_credit_read(&k, &r) == 0);
    t->told[k.channel].limit = k.limit;
  }
}

static void out_frame(trace *t, uint32_t link, uint8_t type, pl_view body) {
  if (type != PL_FRAME_DATA && type != PL_FRAME_ACK && type != PL_FRAME_CREDIT) data_is_over(t);
  switch (type) {
    case PL_FRAME_HELLO:
      out_hello(t, link, body);
      break;
    case PL_FRAME_DATA:
      out_data(t, link, body);
      break;
    case PL_FRAME_ACK:
      out_ack(t, link, body);
      break;
    case PL_FRAME_CREDIT:
      out_credit(t, body);
      break;
    default:
      trace_line(t->out, "frame %u %u %s", link, type, trace_hex(body.data, body.size));
  }
}

static void tell_acknowledged(trace *t) {
  if (!t->acknowledged) return;
  char text[TRACE_TEXT] = "";
  for (unsigned i = 0; i < PL_ARRAY_LENGTH(t->told); i++) {
    if (!t->told[i].is) continue;
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), " %u:%" PRIu64 ",%" PRIu64 ",%" PRIu64, i,
                   t->told[i].received_to, t->told[i].taken_to, t->told[i].limit);
    t->told[i].is = false;
  }
  t->acknowledged = false;
  trace_line(t->out, "told %u counter %" PRId64 " session %" PRIu64 "%s", t->ack_link, (int64_t)t->ack_counter,
             t->session_limit, text);
}

void trace_send_all(trace *t) {
  static uint8_t record[PL_CONST_RECORD_PLAINTEXT_MAX];
  uint32_t link;
  uint8_t flags, type;
  int n;
  while ((n = pl_session_produce(t->session, t->now_ms, record, sizeof record, &link, &flags)) > 0) {
    pl_reader r = pl_reader_of(record, (size_t)n);
    pl_view body;
    while (pl_frame_next(&r, &type, &body) > 0) out_frame(t, link, type, body);
    if (t->record_out) t->record_out(t, link, record, (size_t)n);
  }
  OWN_CHECK(n == 0);
  data_is_over(t);
  tell_acknowledged(t);
}
