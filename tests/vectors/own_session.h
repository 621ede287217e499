/* Runs one session and writes its trace: what goes in, step by step, and the meaning of what comes out. The peer is a
 * script: it sends exactly the frames that a scenario gives it. The lines of a trace are:
 *
 *   in   up LINK opener|callee smaller|larger | down LINK | record LINK COUNTER HEX | time | report
 *        send CHANNEL SIZE | finish CHANNEL | take CHANNEL PLACE | priority CHANNEL N | reset CHANNEL REASON
 *        volatile CHANNEL HEX | close REASON TEXT
 *   out  error NAME | place N, then the actions of the session, then the frames that go out, then the last ACK
 *
 * The byte of place p on channel c is always (p * 7 + c * 31 + 1) mod 256, so the places tell the bytes. DATA frames
 * that follow each other are one line, since each implementation may cut DATA as it likes. What HELLO says about
 * channels on which nothing came is left out, since it may be said or not. */
#ifndef PL_OWN_SESSION_H
#define PL_OWN_SESSION_H

#include "client/core/session/session.h"
#include "client/core/wire/wire.h"
#include "own.h"

enum { TRACE_PEER_EPOCH = 0x7001, TRACE_TEXT = 8192, TRACE_LINKS = 32 };

typedef struct trace {
  pl_session *session;
  pl_session_pieces pieces;
  json_t *root, *steps, *out, *epochs;
  uint64_t now_ms, epoch;         /* epoch: as the session said it last */
  uint64_t counters[TRACE_LINKS]; /* of the peer's records */
  bool was_linked;
  uint64_t written[256]; /* where the channel's next message starts */
  /* The frames of the peer's next record. */
  uint8_t record[65536];
  size_t record_size;
  /* Set when the peer is not a script: called with each record that goes out, and with each action. */
  void (*record_out)(struct trace *t, uint32_t link, const uint8_t *bytes, size_t size);
  void (*told_too)(struct trace *t, const pl_session_action *a);
  void *user;
  /* DATA that the next frame may continue, and the last ACK. */
  uint32_t data_link;
  uint8_t data_channel;
  uint64_t data_from, data_to;
  char data_ends[TRACE_TEXT];
  bool acknowledged;
  uint32_t ack_link;
  uint64_t ack_counter, session_limit;
  struct {
    bool is;
    uint64_t received_to, taken_to, limit;
  } told[256];
} trace;

typedef struct trace_place {
  uint8_t channel;
  uint64_t received_to, taken_to, limit;
} trace_place;
#define TRACE_PLACES(...) (const trace_place[]){__VA_ARGS__}, sizeof((trace_place[]){__VA_ARGS__}) / sizeof(trace_place)

/* own_session.c: what happens to the session. */
void trace_begin(trace *t, const char *name, uint32_t message_max, uint32_t channel_window, uint64_t session_window);
void trace_end(trace *t, json_t *traces);
void trace_up(trace *t, uint32_t link, bool opener, bool smaller);
void trace_down(trace *t, uint32_t link);
void trace_time(trace *t, uint64_t pass_ms);
void trace_send(trace *t, uint8_t channel, size_t size);
void trace_finish(trace *t, uint8_t channel);
void trace_take(trace *t, uint8_t channel, uint64_t place);
void trace_priority(trace *t, uint8_t channel, uint32_t priority);
void trace_reset(trace *t, uint8_t channel, uint16_t reason);
void trace_volatile(trace *t, uint8_t channel, size_t size);
void trace_close(trace *t, uint16_t reason, const char *text);
void trace_report(trace *t);
void trace_record(trace *t, uint32_t link, uint64_t counter, pl_view record);

/* own_session_peer.c: what the peer sends; a record holds all frames since the one before. */
void peer_frame(trace *t, uint8_t type, const void *body, size_t size);
void peer_hello(trace *t, uint64_t epoch, uint64_t your_epoch, uint32_t seq, const trace_place *places, size_t count);
void peer_data(trace *t, uint8_t channel, uint64_t offset, size_t size, uint8_t flags);
void peer_ack(trace *t, uint64_t counter, const trace_place *places, size_t count);
void peer_credit(trace *t, uint64_t session_limit, const trace_place *places, size_t count);
void peer_reset(trace *t, uint8_t channel, uint8_t direction, uint16_t reason, uint64_t offset);
void peer_probe(trace *t, uint8_t type, uint32_t number);
void peer_close(trace *t, uint16_t reason, const char *text);
void peer_record(trace *t, uint32_t link); /* own_session.c */
uint8_t trace_byte(uint8_t channel, uint64_t place);

/* own_session_out.c */
int trace_tell(void *context, const pl_session_action *a);
void trace_send_all(trace *t);
__attribute__((format(printf, 2, 3))) void trace_line(json_t *list, const char *format, ...);
const char *trace_hex(const uint8_t *data, size_t size); /* valid until the next call */
const char *trace_error_name(int rc);

#endif
