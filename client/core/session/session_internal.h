/* The parts of a session, shared by the files of this folder only. */
#ifndef PL_SESSION_INTERNAL_H
#define PL_SESSION_INTERNAL_H

#include "../wire/wire.h"
#include "session.h"

#define PL_SESSION_NO_COUNTER UINT64_MAX
#define PL_SESSION_NO_TIME UINT64_MAX

enum {
  PL_SESSION_LINKS_MAX = 8,
  PL_SESSION_ACK_DELAY_MS = 25,
  PL_SESSION_ACK_BYTES = 65536,
  PL_SESSION_BULK_MIN_BYTES = 65536,
  PL_SESSION_SHARED_CHUNK_BYTES = 16384, /* of one DATA frame while another channel has anything to send */
  PL_SESSION_PROBE_MIN_MS = 1000,
  PL_SESSION_TAKE_PROBE_MAX_MS = 30000,
  PL_SESSION_PROBES_MAX = 3,
  PL_SESSION_PATIENCE_MAX = 5, /* doublings of the waits for a HELLO and for a probe's answer */
  PL_SESSION_CLOSE_TIMEOUT_MS = 10000,
  PL_SESSION_VOLATILE_BYTES = 65536,  /* waiting; the oldest is dropped */
  PL_SESSION_RING_KEPT_BYTES = 65536, /* of an empty channel */
  PL_SESSION_MESSAGES_MAX = 65536,    /* messages of one channel that may wait, however small */
  PL_SESSION_CONFIRM_MS = 10000,
  PL_SESSION_RECORD_MIN = 20480, /* fits HELLO, or ACK and CREDIT, of all channels, and a DATA frame */
  PL_SESSION_RECORD_COST = PL_CONST_RECORD_OVERHEAD_BYTES + PL_CONST_ENVELOPE_HEADER_BYTES
};

typedef struct pl_session_channel {
  uint8_t number, priority;
  pl_node sending; /* in session.sending[priority] while cursor < end */
  pl_node changed; /* in session.changed while the next ACK owes it */

  /* My direction. The byte of place p is at ring[p & (ring_capacity - 1)], an end's place holds a zero. */
  uint8_t *ring;
  size_t ring_capacity;
  uint64_t *ends; /* ring of the places after each message's end, from ends_first to ends_last - 1 */
  size_t ends_capacity;
  uint64_t ends_first, ends_last, ends_cursor; /* ends_cursor: the first end beyond cursor */
  uint64_t end;                                /* first place that nothing was written to */
  uint64_t cursor;                             /* next place to send */
  uint64_t sent_to;                            /* highest place ever sent */
  uint64_t begun_to;                           /* end of the message that sent_to is inside of, or sent_to */
  uint64_t peer_received_to, peer_taken_to, limit;
  uint64_t resend_counter; /* losses of records below it were acted on */
  bool finished, was_reset, wants_writable;
  uint16_t reset_reason;

  /* The peer's direction. */
  uint64_t received_to, delivered_to, taken_to;
  pl_session_piece *partial;
  bool ended;
} pl_session_channel;

/* A record in flight: one entry for each channel in it, or one without places. */
typedef struct pl_session_sent {
  uint64_t counter, from, to, time_ms, delivered, delivered_ms;
  uint32_t bytes; /* of the record, in its first entry */
  uint8_t channel;
  bool places;
} pl_session_sent;

typedef struct pl_session_link {
  pl_node node;
  uint32_t id, seq, window;
  bool opener, by_smaller;
  bool hello_due, hello_came, confirmed, reply_due;
  uint32_t reply_number;
  uint64_t next_counter;     /* of the next record sent */
  uint64_t received_counter; /* highest seen */
  uint64_t acked_counter;    /* PL_SESSION_NO_COUNTER: none */
  pl_session_sent *sent;     /* ring */
  size_t sent_capacity;
  uint64_t sent_first, sent_last;
  uint64_t in_flight; /* bytes */
  uint64_t up_ms, hello_ms;
} pl_session_link;

typedef struct pl_session_rate {
  uint64_t delivered, delivered_ms; /* bytes acknowledged so far, and when last */
  uint64_t now, before;             /* bytes a second: best of this period and of the one before */
  uint64_t period_ends_ms;
  uint64_t measured_from_ms;   /* what was sent before is no sample */
  uint32_t rtt_ms, min_rtt_ms; /* 0 and UINT32_MAX before the first sample */
} pl_session_rate;

typedef enum pl_session_state {
  PL_SESSION_STATE_OPEN,
  PL_SESSION_STATE_CLOSING,
  PL_SESSION_STATE_PEER_CLOSED,
  PL_SESSION_STATE_ANSWERED
} pl_session_state;

struct pl_session {
  pl_session_config config;
  uint64_t random, epoch, peer_epoch;
  uint64_t now_ms;
  const pl_session_sink *out; /* of the step that runs */

  pl_session_channel *channels[PL_CONST_CHANNELS_MAX];
  pl_node sending[8];
  pl_node changed;

  /* Credit of the whole session, and what the peer said in HELLO. */
  uint64_t sent_sum, reserved, session_limit; /* my sending; reserved: the rest of messages begun */
  pl_session_channel *stretched;    /* inside of a message that the credit does not let end; at most one, or NULL */
  uint64_t waiting;                 /* places written and not taken by the peer */
  uint64_t received_sum, taken_sum; /* the peer's sending */
  uint32_t peer_message_max, peer_channel_window;

  /* Links. */
  pl_node links;
  pl_session_link *current; /* what is sent on, confirmed; or NULL */
  size_t link_count;
  uint32_t highest_seq;

  /* Acknowledging. */
  bool ack_due, ack_now;
  uint64_t ack_at_ms;
  uint64_t unacked_bytes, untold_taken;

  /* Probes. */
  uint64_t progress_ms, probed_ms;
  uint32_t probe_number;
  unsigned probes_open;
  unsigned patience; /* links dropped since anything got through: each doubles the wait */
  uint32_t take_probe_ms;
  bool probe_due;
  bool was_late; /* and nothing got through since */

  pl_session_rate rate;

  pl_buffer volatiles; /* u16 size, channel, bytes */

  pl_session_state state;
  bool close_due, volatile_turn;
  bool failed; /* by this side: CLOSE is said without being asked, on every new link, too */
  uint64_t close_deadline_ms, close_sent_ms;
  uint16_t close_reason;
  uint8_t close_text_size;
  uint8_t close_text[123];
};

/* session.c */
int pl_session_emit(pl_session *s, pl_session_action action) PL_MUST_USE;
pl_session_channel *pl_session_channel_get(pl_session *s,
                                           uint8_t number); /* made when missing; NULL: bad number or no memory */
void pl_session_drop_streams(pl_session *s);
uint64_t pl_session_new_epoch(pl_session *s);

/* session_send.c */
int pl_session_channel_send(pl_session *s, uint8_t number, pl_view data, uint64_t *place);
int pl_session_channel_finish(pl_session *s, uint8_t number, uint64_t *place);
int pl_session_channel_give_up(pl_session *s, uint8_t number, uint16_t reason);
int pl_session_channel_set_priority(pl_session *s, uint8_t number, uint32_t priority);
int pl_session_channel_taken_by_peer(pl_session *s, pl_session_channel *c, uint64_t received_to, uint64_t taken_to);
int pl_session_writable_again(pl_session *s); /* tells the channels that wait for room and have it */
void pl_session_channel_go_back(pl_session *s, pl_session_channel *c);
void pl_session_channel_deinit(pl_session_channel *c);
int pl_session_send_volatile(pl_session *s, uint8_t number, pl_view data);
/* How the next DATA frame of the channel may look, with at most `room` bytes; false: nothing may go now. */
typedef struct pl_session_chunk {
  uint64_t from;
  size_t bytes;
  uint8_t flags;
  bool reset;
} pl_session_chunk;
bool pl_session_channel_next_chunk(const pl_session *s, const pl_session_channel *c, size_t room,
                                   pl_session_chunk *out);
void pl_session_channel_chunk_sent(pl_session *s, pl_session_channel *c, const pl_session_chunk *chunk);
bool pl_session_channel_waits_for_credit(const pl_session *s, const pl_session_channel *c);
void pl_session_channel_copy(const pl_session_channel *c, uint64_t from, uint8_t *out, size_t n);

/* session_receive.c */
int pl_session_receive_data(pl_session *s, pl_view body);
int pl_session_receive_volatile(pl_session *s, pl_view body);
int pl_session_receive_reset(pl_session *s, pl_view body);
int pl_session_channel_take(pl_session *s, uint8_t number, uint64_t place);

/* session_ack.c */
int pl_session_take_ack(pl_session *s, pl_session_link *l, pl_view body);
int pl_session_take_credit(pl_session *s, pl_view body);
void pl_session_ack_channel(pl_session *s, pl_session_channel *c);
void pl_session_ack_soon(pl_session *s, bool now);
void pl_session_write_ack(pl_session *s, pl_session_link *l, pl_writer *w);
uint64_t pl_session_flight_limit(const pl_session *s, const pl_session_link *l, bool bulk);
bool pl_session_flight_reserve(pl_session_link *l); /* room for one more entry; false: no memory */
pl_session_sent *pl_session_flight_add(pl_session *s, pl_session_link *l); /* after the above */

/* session_probe.c */
void pl_session_progress(pl_session *s);
void pl_session_be_patient(pl_session *s);
int pl_session_probe_time(pl_session *s);
uint64_t pl_session_probe_deadline(const pl_session *s);
int pl_session_take_probe(pl_session *s, pl_session_link *l, pl_view body);
int pl_session_take_probe_reply(pl_session *s, pl_view body);

/* session_link.c */
pl_session_link *pl_session_find_link(const pl_session *s, uint32_t id);
int pl_session_link_up(pl_session *s, const pl_session_event *in);
int pl_session_link_down(pl_session *s, uint32_t id);
int pl_session_drop_link(pl_session *s, pl_session_link *l, int reason);
void pl_session_free_link(pl_session *s, pl_session_link *l);
int pl_session_choose_link(pl_session *s);
int pl_session_link_time(pl_session *s);
uint64_t pl_session_link_deadline(const pl_session *s);

/* session_hello.c */
int pl_session_take_hello(pl_session *s, pl_session_link *l, pl_view body);
void pl_session_write_hello(const pl_session *s, const pl_session_link *l, pl_writer *w);

/* session_close.c */
int pl_session_close(pl_session *s, uint16_t reason, pl_view text);
int pl_session_take_close(pl_session *s, pl_view body);
int pl_session_close_time(pl_session *s);
int pl_session_close_forgotten(pl_session *s, pl_session_link *l); /* the peer has lost what this side closes */
uint64_t pl_session_close_deadline(const pl_session *s);

#endif
