/* The scenarios of schema/vectors/session.json. */
#include "own_session.h"

enum { EOM = PL_CONST_DATA_FLAG_END_OF_MESSAGE, EOC = PL_CONST_DATA_FLAG_END_OF_CHANNEL };

static json_t *traces;
static trace t;

/* Begins a trace of a session that this side opened, with one confirmed link. */
static void linked(const char *name, uint32_t message_max, uint32_t channel_window, uint64_t session_window) {
  trace_begin(&t, name, message_max, channel_window, session_window);
  trace_up(&t, 1, true, true);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 1, NULL, 0);
  peer_record(&t, 1);
  trace_time(&t, 25);
}
static void usual(const char *name) {
  linked(name, 1000, 4000, 16000);
}
static void over(void) {
  trace_end(&t, traces);
}
static void hear(uint64_t counter, uint8_t channel, uint64_t received_to, uint64_t taken_to) {
  peer_ack(&t, counter, TRACE_PLACES({channel, received_to, taken_to, 0}));
  peer_record(&t, 1);
}

static void messages(void) {
  usual("one message, and its receipt");
  trace_send(&t, 0, 5);
  hear(1, 0, 6, 0);
  hear(1, 0, 6, 6);
  over();
  trace_begin(&t, "the callee: answers HELLO, takes a message", 1000, 4000, 16000);
  trace_up(&t, 1, false, true);
  peer_hello(&t, TRACE_PEER_EPOCH, 0, 7, NULL, 0);
  peer_record(&t, 1);
  peer_data(&t, 0, 0, 12, EOM);
  peer_record(&t, 1);
  trace_time(&t, 25);
  trace_take(&t, 0, 13);
  trace_time(&t, 25);
  over();
  usual("a message in fragments, over several records");
  peer_data(&t, 3, 0, 100, 0);
  peer_record(&t, 1);
  peer_data(&t, 3, 100, 0, 0);
  peer_data(&t, 3, 100, 200, 0);
  peer_record(&t, 1);
  peer_data(&t, 3, 300, 50, EOM);
  peer_data(&t, 3, 351, 1, EOM);
  peer_record(&t, 1);
  trace_take(&t, 3, 353);
  trace_time(&t, 25);
  over();
  linked("a large message is sent in fragments", 100000, 200000, 400000);
  trace_send(&t, 0, 50000);
  trace_send(&t, 0, 0);
  hear(1, 0, 50001, 0);
  over();
  usual("empty messages, and one that comes again");
  trace_send(&t, 0, 0);
  trace_send(&t, 0, 0);
  peer_data(&t, 0, 0, 0, EOM);
  peer_record(&t, 1);
  peer_data(&t, 0, 0, 0, EOM);
  peer_data(&t, 0, 1, 0, EOM);
  peer_record(&t, 1);
  trace_time(&t, 25);
  over();
}

static void ends(void) {
  usual("the ends of both directions");
  trace_send(&t, 2, 3);
  trace_finish(&t, 2);
  trace_send(&t, 2, 1);
  trace_finish(&t, 2);
  hear(2, 2, 5, 5);
  peer_data(&t, 2, 0, 4, EOM | EOC);
  peer_record(&t, 1);
  trace_take(&t, 2, 6);
  trace_time(&t, 25);
  over();
  usual("a channel that ends without a message");
  trace_finish(&t, 0);
  peer_data(&t, 0, 0, 0, EOC);
  peer_record(&t, 1);
  peer_data(&t, 0, 0, 0, EOC);
  peer_record(&t, 1);
  trace_time(&t, 25);
  over();
  usual("a channel is given up: nothing more of it comes");
  trace_send(&t, 0, 10);
  trace_reset(&t, 0, 9);
  trace_send(&t, 0, 1);
  trace_reset(&t, 0, 9);
  hear(2, 0, 12, 12);
  over();
  usual("a channel is given up by the peer in the middle of a message");
  peer_data(&t, 0, 0, 10, 0);
  peer_record(&t, 1);
  peer_reset(&t, 0, 0, 77, 30);
  peer_record(&t, 1);
  peer_reset(&t, 0, 0, 77, 30);
  peer_record(&t, 1);
  peer_reset(&t, 1, 1, 77, 30); /* of the other direction: ignored */
  peer_record(&t, 1);
  trace_take(&t, 0, 30);
  trace_time(&t, 25);
  over();
}

static void order(void) {
  trace_begin(&t, "written before there is a link: the more urgent channel goes first", 1000, 4000, 16000);
  for (uint8_t c = 0; c < 3; c++) {
    trace_send(&t, c, 20);
    trace_priority(&t, c, 6u - c);
  }
  trace_priority(&t, 0, 8);
  trace_up(&t, 1, true, false);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 1, NULL, 0);
  peer_record(&t, 1);
  over();
  usual("volatile messages: outside of order and credit");
  trace_volatile(&t, 4, 8);
  peer_frame(&t, PL_FRAME_VOLATILE, "\004abc", 4);
  peer_record(&t, 1);
  trace_time(&t, 25);
  over();
}

static void credit(void) {
  linked("the channel's credit is used up, then raised", 1000, 1200, 16000);
  trace_send(&t, 0, 900);
  trace_send(&t, 0, 200);
  trace_send(&t, 1, 100);
  trace_send(&t, 0, 200); /* no room: WRITABLE follows */
  hear(2, 0, 901, 901);
  peer_credit(&t, 16000, TRACE_PLACES({0, 0, 0, 2101}));
  peer_record(&t, 1);
  trace_send(&t, 0, 1000);
  hear(3, 0, 1102, 1102);
  peer_credit(&t, 16000, TRACE_PLACES({0, 0, 0, 2302}));
  peer_record(&t, 1);
  trace_send(&t, 0, 1000);
  over();
  trace_begin(&t, "a peer that takes less: its windows count", 1000, 4000, 16000);
  own_set_number(t.root, "peer_message_max", 400);
  own_set_number(t.root, "peer_channel_window", 500);
  own_set_number(t.root, "peer_session_window", 1000);
  trace_up(&t, 1, true, true);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 1, NULL, 0);
  peer_record(&t, 1);
  trace_send(&t, 0, 401);
  trace_send(&t, 0, 400);
  trace_send(
      &t, 0,
      400); /* started: the channel's credit covers 99 of it, and the session's credit for the rest is reserved */
  trace_send(&t, 1, 300); /* waits: what is left of the session's credit does not cover it */
  hear(1, 0, 401, 401);
  peer_credit(&t, 1401, TRACE_PLACES({0, 0, 0, 901}));
  peer_record(&t, 1);
  over();
  trace_begin(&t, "a large message starts on the credit there is, so that small ones cannot delay it for ever", 1000,
              4000, 16000);
  own_set_number(t.root, "peer_channel_window", 1500);
  own_set_number(t.root, "peer_session_window", 2000);
  trace_up(&t, 1, true, true);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 1, NULL, 0);
  peer_record(&t, 1);
  for (int i = 0; i < 12; i++) trace_send(&t, 0, 100);
  trace_send(&t, 1, 1000);
  trace_send(&t, 0, 100);
  for (unsigned i = 1; i <= 6; i++) {
    peer_ack(&t, i, TRACE_PLACES({0, 202 * i, 202 * i, 0}));
    peer_credit(&t, 2000 + 202 * i, TRACE_PLACES({0, 0, 0, 1500 + 202 * i}));
    peer_record(&t, 1);
    trace_send(&t, 0, 100);
  }
  over();
  linked("what the session may send is raised as its messages are taken", 1000, 1500, 2000);
  peer_data(&t, 0, 0, 1000, EOM);
  peer_data(&t, 1, 0, 900, EOM);
  peer_record(&t, 1);
  trace_time(&t, 25);
  trace_take(&t, 1, 901);
  trace_take(&t, 0, 1001);
  trace_take(&t, 0, 1002);
  trace_time(&t, 25);
  over();
}

static void loss(void) {
  usual("a gap is not kept, and is told at once");
  peer_data(&t, 0, 0, 10, EOM);
  peer_record(&t, 1);
  peer_data(&t, 0, 30, 10, EOM);
  peer_record(&t, 1);
  peer_data(&t, 0, 11, 18, EOM);
  peer_data(&t, 0, 30, 10, EOM);
  peer_record(&t, 1);
  trace_time(&t, 25);
  over();
  usual("a record is lost on a live link: the sender goes back to what the peer has, once");
  for (int i = 0; i < 4; i++) trace_send(&t, 0, 50);
  hear(1, 0, 51, 51);
  hear(3, 0, 51, 51);
  hear(4, 0, 51, 51); /* these places were sent again in a later record */
  hear(5, 0, 204, 51);
  over();
  usual("only what is new of a repetition is used");
  peer_data(&t, 0, 0, 20, 0);
  peer_record(&t, 1);
  peer_data(&t, 0, 5, 20, EOM);
  peer_record(&t, 1);
  peer_data(&t, 0, 5, 20, EOM);
  peer_record(&t, 1);
  peer_data(&t, 0, 25, 0, EOM);
  peer_record(&t, 1);
  trace_time(&t, 25);
  over();
  usual("no answer: three probes, then another link");
  trace_send(&t, 0, 1);
  for (int i = 0; i < 4; i++) trace_time(&t, 1000);
  over();
  usual("a probe is answered, with all channels");
  peer_data(&t, 0, 0, 3, EOM);
  peer_record(&t, 1);
  trace_time(&t, 25);
  peer_probe(&t, PL_FRAME_PROBE, 99);
  peer_record(&t, 1);
  over();
}

static void resume(void) {
  usual("resumes over a second link from what the peer has");
  trace_send(&t, 0, 10);
  trace_send(&t, 0, 10);
  trace_send(&t, 1, 10);
  peer_data(&t, 0, 0, 7, EOM);
  peer_record(&t, 1);
  trace_down(&t, 1);
  trace_send(&t, 0, 10);
  trace_up(&t, 2, true, true);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 2, TRACE_PLACES({0, 15, 11, 4011}, {1, 11, 11, 4011}));
  peer_record(&t, 2);
  trace_time(&t, 25);
  over();
  usual("make before break: the newer link takes over, the older one is dropped");
  trace_send(&t, 0, 10);
  trace_up(&t, 2, true, true);
  trace_send(&t, 0, 10);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 2, TRACE_PLACES({0, 11, 11, 4011}));
  peer_record(&t, 2);
  over();
  usual("the peer calls again: the old link still brings something");
  trace_up(&t, 2, false, true);
  trace_send(&t, 0, 4);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 2, TRACE_PLACES({0, 0, 0, 4000}));
  peer_record(&t, 2);
  peer_data(&t, 0, 0, 3, EOM);
  peer_record(&t, 1);
  trace_time(&t, 25);
  over();
  trace_begin(&t, "HELLO again each second, and no link without an answer", 1000, 4000, 16000);
  trace_up(&t, 1, true, true);
  for (int i = 0; i < 10; i++) trace_time(&t, 1000);
  over();
}

static void lost_state(void) {
  usual("the peer lost its state: what did not arrive is named");
  trace_send(&t, 0, 4);
  trace_send(&t, 0, 4);
  hear(2, 0, 10, 5);
  trace_down(&t, 1);
  trace_send(&t, 1, 4);
  trace_up(&t, 2, true, true);
  peer_hello(&t, 0x7002, 0, 2, NULL, 0);
  peer_record(&t, 2);
  trace_send(&t, 0, 9);
  peer_data(&t, 0, 0, 3, EOM);
  peer_record(&t, 2);
  trace_time(&t, 25);
  over();
  usual("the peer knows another state of this side");
  trace_send(&t, 0, 4);
  trace_down(&t, 1);
  trace_up(&t, 2, true, true);
  peer_hello(&t, TRACE_PEER_EPOCH, 0x1234, 2, NULL, 0);
  peer_record(&t, 2);
  peer_hello(&t, 0x7003, t.epoch, 2, NULL, 0);
  peer_record(&t, 2);
  trace_send(&t, 0, 9);
  over();
  usual("the peer says that it received what was never sent: not the same state");
  trace_send(&t, 0, 4);
  trace_down(&t, 1);
  trace_up(&t, 2, true, true);
  peer_hello(&t, TRACE_PEER_EPOCH, t.epoch, 2, TRACE_PLACES({0, 99, 0, 4000}));
  peer_record(&t, 2);
  over();
}

static void close_it(void) {
  usual("closed by this side, answered; what was not taken is named");
  trace_send(&t, 0, 4);
  trace_close(&t, PL_REASON_CLOSED, "enough");
  trace_send(&t, 0, 4);
  peer_close(&t, PL_REASON_CLOSED, "");
  peer_record(&t, 1);
  trace_report(&t);
  over();
  usual("what was taken before the end is told with the answer");
  trace_send(&t, 0, 4);
  trace_close(&t, PL_REASON_CLOSED, "");
  peer_ack(&t, 2, TRACE_PLACES({0, 5, 5, 0}));
  peer_close(&t, PL_REASON_CLOSED, "");
  peer_record(&t, 1);
  trace_report(&t);
  over();
  usual("closed by the peer: answered, after what was received");
  peer_data(&t, 0, 0, 5, EOM);
  peer_close(&t, PL_REASON_REFUSED, "not today");
  peer_record(&t, 1);
  over();
  usual("no answer to CLOSE: it is sent again each second, for ten seconds");
  trace_close(&t, PL_REASON_CLOSED, "");
  for (int i = 0; i < 10; i++) trace_time(&t, 1000);
  over();
  trace_begin(&t, "closed before there was a link", 1000, 4000, 16000);
  trace_send(&t, 0, 4);
  trace_close(&t, PL_REASON_CLOSED, "");
  trace_report(&t);
  over();
  usual("closed here while the peer lost its state: that is an answer, too");
  trace_send(&t, 0, 4);
  trace_close(&t, PL_REASON_CLOSED, "");
  trace_down(&t, 1);
  trace_up(&t, 2, true, true);
  peer_hello(&t, 0x7002, 0, 2, NULL, 0);
  peer_record(&t, 2);
  over();
}

/* ---- what only a hostile peer says ---- */

static void refused(const char *name) {
  usual(name);
  trace_send(&t, 0, 4);
}
static void refuse(void) {
  peer_record(&t, 1);
  json_t *out = json_object_get(json_array_get(t.steps, json_array_size(t.steps) - 1), "out");
  OWN_CHECK(json_array_size(out) > 0); /* an error */
  over();
}

static void hostile_data(void) {
  refused("refused: beyond the channel's limit");
  peer_data(&t, 0, 3990, 20, EOM);
  refuse();
  refused("refused: larger than message_max");
  peer_data(&t, 0, 0, 1001, EOM);
  refuse();
  refused("refused: larger than message_max, in fragments");
  peer_data(&t, 0, 0, 600, 0);
  peer_data(&t, 0, 600, 600, 0);
  refuse();
  refused("refused: beyond the end of the channel");
  peer_data(&t, 0, 0, 1, EOM | EOC);
  peer_record(&t, 1);
  peer_data(&t, 0, 3, 1, EOM);
  refuse();
  refused("refused: the end of a channel in the middle of a message");
  peer_data(&t, 0, 0, 5, EOC);
  refuse();
  refused("refused: a channel that does not exist");
  peer_data(&t, PL_CONST_CHANNELS_MAX, 0, 5, EOM);
  refuse();
  refused("refused: an offset near the end of all numbers");
  peer_data(&t, 0, UINT64_MAX - 2, 5, EOM);
  refuse();
  refused("refused: DATA cut short");
  peer_frame(&t, PL_FRAME_DATA, "\0\0\0", 3);
  refuse();
  refused("refused: the end of a channel given up lies before what came");
  peer_data(&t, 0, 0, 50, EOM);
  peer_record(&t, 1);
  peer_reset(&t, 0, 0, 1, 20);
  refuse();
  linked("refused: beyond the session's limit", 1000, 1500, 1600);
  peer_data(&t, 0, 0, 1000, EOM);
  peer_record(&t, 1);
  peer_data(&t, 1, 0, 999, EOM);
  refuse();
}

static void hostile_words(void) {
  refused("refused: received what was not sent");
  peer_ack(&t, 1, TRACE_PLACES({0, 6, 0, 0}));
  refuse();
  refused("refused: taken what was not received");
  peer_ack(&t, 1, TRACE_PLACES({0, 2, 5, 0}));
  refuse();
  refused("refused: a record that was never sent is acknowledged");
  peer_ack(&t, 50, NULL, 0);
  refuse();
  refused("refused: a channel that was never used is acknowledged");
  peer_ack(&t, 1, TRACE_PLACES({9, 1, 0, 0}));
  refuse();
  refused("refused: a limit near the end of all numbers");
  peer_credit(&t, 16000, TRACE_PLACES({0, 0, 0, UINT64_MAX}));
  refuse();
  refused("refused: a session limit near the end of all numbers");
  peer_credit(&t, UINT64_MAX, NULL, 0);
  refuse();
  refused("refused: HELLO without an epoch");
  peer_hello(&t, 0, t.epoch, 1, NULL, 0);
  refuse();
  refused("refused: a frame longer than its record");
  peer_frame(&t, 99, "", 0); /* an unknown type alone would be skipped */
  t.record[t.record_size - 1] = 5;
  refuse();
  usual("frames of unknown types are skipped");
  peer_frame(&t, 99, "what?", 5);
  peer_data(&t, 0, 0, 1, EOM);
  peer_record(&t, 1);
  over();
}

json_t *own_session(void) {
  json_t *root = json_object();
  traces = json_array();
  own_set_text(
      root, "about",
      "What one session does, step by step: `in` and `out` as tests/vectors/own_session.h explains them. The byte of "
      "place p on channel c is (p * 7 + c * 31 + 1) mod 256. Epochs are those this side drew, in order.");
  messages();
  ends();
  order();
  credit();
  loss();
  resume();
  lost_state();
  close_it();
  hostile_data();
  hostile_words();
  OWN_CHECK(json_object_set_new(root, "traces", traces) == 0);
  return root;
}
