/* The state of a session. Every file of this folder reads and writes it; what each of them does is in its own header.
 */
#ifndef PL_SESSION_STATE_H
#define PL_SESSION_STATE_H

#include "../wire/wire.h"
#include "session.h"

#define PL_SESSION_NO_COUNTER UINT64_MAX

enum {
  PL_SESSION_LINKS_MAX = 8,
  PL_SESSION_ACK_DELAY_MS = 25,
  PL_SESSION_ACK_BYTES = 65536,
  PL_SESSION_BULK_MIN_BYTES = 65536,
  PL_SESSION_SHARED_CHUNK_BYTES = 16384, /* in one DATA frame while another channel has anything to send */
  PL_SESSION_RECORD_TAIL_PART = 8,       /* in the last eighth of a record only what ends a message is begun */
  PL_SESSION_PROBE_MIN_MS = 1000,
  PL_SESSION_TAKE_PROBE_MAX_MS = 30000,
  PL_SESSION_PROBES_MAX = 3,
  PL_SESSION_PATIENCE_MAX = 5, /* doublings of the waits for a HELLO and for a probe's answer */
  PL_SESSION_CLOSE_TIMEOUT_MS = 10000,
  PL_SESSION_VOLATILE_BYTES = 65536,  /* bytes queued; beyond it the oldest message is dropped */
  PL_SESSION_RING_KEPT_BYTES = 65536, /* largest ring that an idle channel keeps */
  PL_SESSION_RING_KEPT_MS = 1000,     /* how long an empty channel may keep a larger one */
  PL_SESSION_MESSAGES_MAX = 65536,    /* messages queued on one channel, however small they are */
  PL_SESSION_CONFIRM_MS = 10000,
  PL_SESSION_RECORD_COST = PL_CONST_RECORD_OVERHEAD_BYTES + PL_CONST_ENVELOPE_HEADER_BYTES
};

typedef struct pl_session_channel {
  uint8_t number, priority;
  pl_node sending; /* in session.sending while cursor < end */
  pl_node changed; /* in session.changed while the next ACK must list this channel */

  /* This side's direction. The byte of place p is at ring[p & (ring_capacity - 1)]; the place of an end has no byte. */
  uint8_t *ring;
  size_t ring_capacity;
  uint64_t *ends; /* a ring of the places after each message's end, from ends_first to ends_last - 1 */
  size_t ends_capacity;
  uint64_t ends_first, ends_last, ends_cursor; /* ends_cursor: the first end beyond cursor */
  uint64_t end;                                /* first place that nothing was written to */
  uint64_t cursor;                             /* next place to send */
  uint64_t sent_to;                            /* first place that was never sent */
  uint64_t started_to; /* end of the message that sent_to is inside of, else sent_to; see session_chunk.c */
  uint64_t peer_received_to, peer_taken_to, limit;
  uint64_t resend_counter; /* losses of records below this counter were already acted on */
  bool finished, was_reset, wants_writable;
  uint16_t reset_reason;

  /* The peer's direction. */
  uint64_t received_to, delivered_to, taken_to;
  pl_session_piece *partial;
  bool ended;
} pl_session_channel;

/* A record in flight: one entry for each channel in it, or a single entry without places. */
typedef struct pl_session_sent {
  uint64_t counter, from, to, time_ms, delivered, delivered_ms;
  uint32_t bytes; /* of the record; set in its first entry only */
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
  pl_session_sent *sent;     /* a ring of the records in flight */
  size_t sent_capacity;
  uint64_t sent_first, sent_last;
  uint64_t in_flight; /* bytes of these records */
  uint64_t up_ms, hello_ms;
} pl_session_link;

typedef struct pl_session_rate {
  uint64_t delivered, delivered_ms; /* bytes acknowledged so far, and when that last grew */
  uint64_t now, before;             /* bytes per second: best of this period and of the one before */
  uint64_t period_ends_ms;
  uint64_t measured_from_ms;   /* records sent earlier are not measured */
  uint32_t rtt_ms, min_rtt_ms; /* 0 and UINT32_MAX before the first sample */
} pl_session_rate;

typedef enum pl_session_state {
  PL_SESSION_STATE_OPEN,
  PL_SESSION_STATE_CLOSING,     /* this side closes; the peer has not answered */
  PL_SESSION_STATE_PEER_CLOSED, /* the peer closed, or this side failed; CLOSE is due */
  PL_SESSION_STATE_ANSWERED     /* over */
} pl_session_state;

/* What each message reads or writes comes first, since a session that was not used for a while is in no cache. */
struct pl_session {
  uint64_t now_ms;
  const pl_session_sink *out;    /* of the running step */
  pl_session_channel **channels; /* by number; NULL for one that was not used */
  size_t channel_slots;          /* in that list, which ends behind the highest channel in use, or a little later */

  /* Links. */
  pl_node links;
  size_t link_count;
  pl_session_link *current; /* the confirmed link that is sent on, or NULL */

  pl_node sending; /* channels, the most urgent first */
  pl_node changed;
  pl_session_state state;

  /* Acknowledging. */
  bool ack_due, ack_now;
  bool probe_due;
  bool was_late; /* pl_session_late was called, and nothing got through since */
  uint64_t ack_at_ms;
  uint64_t unacked_bytes, untold_taken;

  /* Credit of the whole session. */
  uint64_t sent_sum, reserved, session_limit; /* of this side's sending; reserved: places that started messages need */
  pl_session_channel *stretched;              /* the one channel inside a message that exceeds the credit, or NULL */
  uint64_t waiting;                           /* places written and not taken by the peer */
  uint64_t received_sum, taken_sum;           /* of the peer's sending */

  /* Probes. */
  uint64_t progress_ms, probed_ms;
  pl_session_rate rate;
  uint32_t take_probe_ms;
  unsigned patience; /* links dropped since anything got through; each doubles the wait */
  unsigned probes_open;
  uint32_t probe_number;

  pl_buffer volatiles; /* for each message: its size (u16), its channel, its bytes */
  uint64_t rings_ms;   /* when to free large rings of empty channels, or PL_NEVER */
  bool close_due, volatile_turn;
  bool failed; /* this side cannot continue, or its CLOSE was not answered: it says CLOSE on each new link unasked */
  uint8_t close_text_size;
  uint32_t peer_message_max, peer_channel_window; /* what the peer said in HELLO */
  uint32_t highest_seq;                           /* of links */
  pl_session_config config;

  uint64_t random, epoch, peer_epoch;
  uint64_t close_deadline_ms, close_sent_ms;
  uint16_t close_reason;
  uint8_t close_text[123];
};

/* A frame that came, as the handlers of frames take it. */
typedef struct pl_session_frame {
  pl_session_link *link;
  pl_view body;
} pl_session_frame;

#endif
