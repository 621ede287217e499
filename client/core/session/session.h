/* One session: messages delivered once and in order between two peers, over any number of links
 * (docs/protocol.md, section 6). Pure: it knows frames, places and time, but no keys and no envelopes; whoever
 * owns it opens and seals the records. Every number that comes in a frame is hostile.
 *
 * Memory is bounded: what waits to be taken by the peer by `channel_window` a channel and `session_window` a
 * session, what is being assembled by the same two, as the windows that the peer was told. */
#ifndef PL_SESSION_H
#define PL_SESSION_H

#include "../base/base.h"

typedef struct pl_session pl_session;

/* Memory of messages that came in several frames. A finished one lives until pl_session_pieces_release, since a view of
 * it is in an action; shared by all sessions of one owner. */
typedef struct pl_session_piece {
  struct pl_session_piece *next;
  size_t size, capacity;
  uint8_t bytes[];
} pl_session_piece;

typedef struct pl_session_pieces {
  pl_session_piece *finished, *spare;
} pl_session_pieces;

void pl_session_pieces_release(
    pl_session_pieces *p); /* views of finished messages end here; keeps one piece to reuse */
void pl_session_pieces_deinit(pl_session_pieces *p);

typedef struct pl_session_config {
  uint64_t seed;             /* random; epochs are made from it */
  uint32_t message_max;      /* largest message taken from the peer */
  uint32_t channel_window;   /* at least message_max + 1 */
  uint64_t session_window;   /* at least message_max + 1 */
  bool manual_take;          /* a message counts as taken only by PL_SESSION_TAKE */
  pl_session_pieces *pieces; /* lives longer than the session */
} pl_session_config;

typedef enum pl_session_event_type {
  PL_SESSION_TIME,
  PL_SESSION_LINK_UP,   /* .link, .opener: opened by this side, .smaller: this side is, .window: the relay's */
  PL_SESSION_LINK_DOWN, /* .link */
  PL_SESSION_RECORD,    /* .link .counter .data: an opened record; .data must live as long as the actions' views */
  PL_SESSION_SEND,      /* .channel .data; gives .place */
  PL_SESSION_SEND_VOLATILE,
  PL_SESSION_FINISH, /* .channel; gives .place */
  PL_SESSION_TAKE,   /* .channel .place */
  PL_SESSION_PRIORITY,
  PL_SESSION_CHANNEL_RESET, /* .channel, .value: reason */
  PL_SESSION_CLOSE          /* .value: reason, .data: text */
} pl_session_event_type;

typedef struct pl_session_event {
  pl_session_event_type type;
  uint64_t now_ms;
  uint32_t link, value;
  uint8_t channel;
  bool opener, smaller;
  uint32_t window;
  uint64_t counter, place;
  pl_view data;
} pl_session_event;

typedef enum pl_session_action_type {
  PL_SESSION_LINKED,    /* .link is confirmed, and there was none before */
  PL_SESSION_DROP_LINK, /* reset .link with .reason; the session has forgotten it */
  PL_SESSION_MESSAGE,   /* .channel .data .place */
  PL_SESSION_VOLATILE,  /* .channel .data */
  PL_SESSION_END,       /* .channel .place */
  PL_SESSION_WRITABLE,  /* .channel */
  PL_SESSION_DELIVERED, /* .channel .place */
  PL_SESSION_WAS_RESET, /* .channel .reason .place: the peer gave up its direction of this channel */
  PL_SESSION_LOST,      /* .channel .place: one message */
  PL_SESSION_STREAM_RESET,
  PL_SESSION_PEER_CLOSED, /* .reason .data; an answer waits to be produced */
  PL_SESSION_CLOSE_ENDED  /* own close: .error 0 when the peer answered, PL_ETIMEDOUT otherwise */
} pl_session_action_type;

typedef struct pl_session_action {
  pl_session_action_type type;
  uint8_t channel;
  uint32_t link;
  int error, reason;
  uint64_t place;
  pl_view data;
} pl_session_action;

/* Takes actions as they happen; a negative answer (PL_ENOMEM) stops the step before the state changed. */
typedef struct pl_session_sink {
  int (*take)(void *context, const pl_session_action *action);
  void *context;
} pl_session_sink;

int pl_session_new(const pl_session_config *config, pl_session **out) PL_MUST_USE;
void pl_session_free(pl_session *s);

/* 0; PL_EAGAIN, PL_EMSGSIZE, PL_ESTATE, PL_EINVAL of a call; PL_EPROTOCOL when the peer broke the protocol (the
 * session is of no more use); PL_ENOMEM (after a record: drop the link, the session goes on over another). */
int pl_session_step(pl_session *s, pl_session_event *in, const pl_session_sink *out);
uint64_t pl_session_deadline(const pl_session *s);

/* Writes the plaintext of the next record: bytes written, 0 for nothing to send now, PL_ENOMEM (drop *link).
 * Records of a link are counted from 0 in the order they are produced. *flags are the envelope's. */
int pl_session_produce(pl_session *s, uint64_t now_ms, uint8_t *out, size_t capacity, uint32_t *link, uint8_t *flags);
bool pl_session_has_output(const pl_session *s);

/* The peer broke the protocol, or this side cannot go on: CLOSE is due on the current link, now or once there is one.
 */
void pl_session_fail(pl_session *s, uint16_t reason, pl_view text);

/* Nobody looked at what came for a while: that time is no wait, and measures nothing. */
void pl_session_late(pl_session *s, uint64_t now_ms);

bool pl_session_is_linked(const pl_session *s);
bool pl_session_link_is_current(const pl_session *s, uint32_t link);
bool pl_session_is_closing(const pl_session *s);                        /* by this side, the answer has not come */
bool pl_session_close_answered(const pl_session *s);                    /* both said CLOSE */
uint32_t pl_session_message_max(const pl_session *s);                   /* largest message that can be sent now */
uint64_t pl_session_peer_epoch(const pl_session *s);                    /* 0: none known */
void pl_session_report_lost(pl_session *s, const pl_session_sink *out); /* each message not taken by the peer */

#endif
