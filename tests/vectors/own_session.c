/* Runs one session and writes down what goes in, in the lines that own_session.h describes. */
#include "own_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what goes in ---- */

static void begin_step(trace *t, const char *in) {
  json_t *step = json_object();
  own_set_number(step, "at", (json_int_t)t->now_ms);
  own_set_text(step, "in", in);
  t->out = json_array();
  OWN_CHECK(json_object_set_new(step, "out", t->out) == 0);
  own_append(t->steps, step);
  t->was_linked = pl_session_is_linked(t->session);
}

static void feed(trace *t, pl_session_event in, const char *text) {
  begin_step(t, text);
  pl_session_sink sink = {trace_tell, t};
  pl_session_result result;
  in.now_ms = t->now_ms;
  pl_session_pieces_release(&t->pieces);
  int rc = pl_session_step(t->session, &in, &sink, &result);
  if (rc) {
    trace_line(t->out, "error %s", trace_error_name(rc));
    if (in.type == PL_SESSION_RECORD) return; /* the session cannot continue */
  } else if (in.type == PL_SESSION_SEND || in.type == PL_SESSION_FINISH) {
    t->written[in.type == PL_SESSION_SEND ? in.send.channel : in.finish.channel] = result.place;
    trace_line(t->out, "place %" PRIu64, result.place);
  }
  trace_send_all(t);
}

#define FEED(event, ...)                            \
  do {                                              \
    char text[256];                                 \
    (void)snprintf(text, sizeof text, __VA_ARGS__); \
    feed(t, event, text);                           \
  } while (0)
#define EVENT(...) ((pl_session_event){__VA_ARGS__})

void trace_begin(trace *t, const char *name, uint32_t message_max, uint32_t channel_window, uint64_t session_window) {
  memset(t, 0, sizeof *t);
  pl_session_config c = {.seed = 1, .message_max = message_max, .channel_window = channel_window};
  c.session_window = session_window;
  c.manual_take = true;
  c.pieces = &t->pieces;
  OWN_CHECK(pl_session_new(&c, &t->session) == 0);
  t->now_ms = 5000;
  t->root = json_object();
  t->steps = json_array();
  t->epochs = json_array();
  own_set_text(t->root, "name", name);
  static const char *const sides[] = {"", "peer_"};
  for (int i = 0; i < 2; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "%smessage_max", sides[i]);
    own_set_number(t->root, key, message_max);
    (void)snprintf(key, sizeof key, "%schannel_window", sides[i]);
    own_set_number(t->root, key, channel_window);
    (void)snprintf(key, sizeof key, "%ssession_window", sides[i]);
    own_set_number(t->root, key, (json_int_t)session_window);
  }
  OWN_CHECK(json_object_set_new(t->root, "epochs", t->epochs) == 0);
  OWN_CHECK(json_object_set_new(t->root, "steps", t->steps) == 0);
}

void trace_end(trace *t, json_t *traces) {
  OWN_CHECK(t->record_size == 0);
  static const char *const peers[] = {"peer_message_max", "peer_channel_window", "peer_session_window"};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(peers); i++) OWN_CHECK(json_object_del(t->root, peers[i]) == 0);
  own_append(traces, t->root);
  pl_session_free(t->session);
  pl_session_pieces_deinit(&t->pieces);
}

void trace_up(trace *t, uint32_t link, bool opener, bool smaller) {
  OWN_CHECK(link < PL_ARRAY_LENGTH(t->counters));
  t->counters[link] = 0;
  FEED(EVENT(.type = PL_SESSION_LINK_UP, .link_up = {link, 1 << 20, opener, smaller}), "up %u %s %s", link,
       opener ? "opener" : "callee", smaller ? "smaller" : "larger");
}

void trace_down(trace *t, uint32_t link) {
  FEED(EVENT(.type = PL_SESSION_LINK_DOWN, .link_down = {link}), "down %u", link);
}

void trace_time(trace *t, uint64_t pass_ms) {
  t->now_ms += pass_ms;
  FEED(EVENT(.type = PL_SESSION_TIME), "time");
}

void trace_send(trace *t, uint8_t channel, size_t size) {
  uint8_t *data = malloc(size ? size : 1);
  OWN_CHECK(data);
  for (size_t i = 0; i < size; i++) data[i] = trace_byte(channel, t->written[channel] + i);
  FEED(EVENT(.type = PL_SESSION_SEND, .send = {channel, {data, size}}), "send %u %zu", channel, size);
  free(data);
}

void trace_finish(trace *t, uint8_t channel) {
  FEED(EVENT(.type = PL_SESSION_FINISH, .finish = {channel}), "finish %u", channel);
}

void trace_take(trace *t, uint8_t channel, uint64_t place) {
  FEED(EVENT(.type = PL_SESSION_TAKE, .take = {channel, place}), "take %u %" PRIu64, channel, place);
}

void trace_priority(trace *t, uint8_t channel, uint32_t priority) {
  FEED(EVENT(.type = PL_SESSION_PRIORITY, .priority = {channel, priority}), "priority %u %u", channel, priority);
}

void trace_reset(trace *t, uint8_t channel, uint16_t reason) {
  FEED(EVENT(.type = PL_SESSION_CHANNEL_RESET, .channel_reset = {channel, reason}), "reset %u %u", channel, reason);
}

void trace_volatile(trace *t, uint8_t channel, size_t size) {
  uint8_t data[64];
  OWN_CHECK(size <= sizeof data);
  own_fill(data, size, channel);
  FEED(EVENT(.type = PL_SESSION_SEND_VOLATILE, .send = {channel, {data, size}}), "volatile %u %s", channel,
       trace_hex(data, size));
}

void trace_close(trace *t, uint16_t reason, const char *words) {
  FEED(EVENT(.type = PL_SESSION_CLOSE, .close = {reason, {(const uint8_t *)words, strlen(words)}}), "close %u %s",
       reason, words);
}

void trace_report(trace *t) {
  begin_step(t, "report");
  pl_session_sink sink = {trace_tell, t};
  pl_session_report_lost(t->session, &sink);
}

void trace_record(trace *t, uint32_t link, uint64_t counter, pl_view record) {
  uint8_t *copy = malloc(record.size ? record.size : 1); /* no larger, so that a sanitizer sees a read beyond it */
  OWN_CHECK(copy);
  if (record.size) memcpy(copy, record.data, record.size);
  char head[48];
  (void)snprintf(head, sizeof head, "record %u %" PRIu64, link, counter);
  const char *bytes = trace_hex(copy, record.size);
  char *text = malloc(strlen(head) + strlen(bytes) + 2);
  OWN_CHECK(text);
  (void)sprintf(text, "%s %s", head, bytes);
  feed(t, EVENT(.type = PL_SESSION_RECORD, .record = {link, counter, {copy, record.size}}), text);
  free(text);
  free(copy);
}

void peer_record(trace *t, uint32_t link) {
  size_t size = t->record_size;
  t->record_size = 0;
  trace_record(t, link, t->counters[link]++, (pl_view){t->record, size});
}
