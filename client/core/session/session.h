/* One session: messages delivered once and in order between two peers, over any number of links (docs/protocol.md,
 * section 6). The session is pure: it knows frames, places and time, but no keys and no envelopes. Its owner opens and
 * seals the records. Every number in a frame comes from the peer and may be hostile.
 *
 * Memory is bounded: outgoing data that the peer has not taken is limited to `channel_window` for each channel and to
 * `session_window` for the session. Incoming messages that are being assembled have the same limits, which are the
 * windows that the peer was told.
 *
 * docs/architecture.md, "Layers of the session", says which file of this folder may call which. */
#ifndef PL_SESSION_H
#define PL_SESSION_H

#include "../base/base.h"

typedef struct pl_session pl_session;

/* The smallest buffer for pl_session_produce: it holds HELLO, or ACK and CREDIT, of all channels, and a DATA frame. */
enum { PL_SESSION_RECORD_MIN = 20480 };

/* ---- memory of messages that came in several frames ---- */

typedef struct pl_session_piece {
  struct pl_session_piece *next;
  size_t size, capacity;
  uint8_t bytes[];
} pl_session_piece;

/* Shared by all sessions of one owner. Views in PL_SESSION_MESSAGE point into a finished piece, which lives until
 * pl_session_pieces_release. */
typedef struct pl_session_pieces {
  pl_session_piece *finished, *spare;
} pl_session_pieces;

void pl_session_pieces_release(pl_session_pieces *p); /* frees the finished pieces, but for one to reuse */
void pl_session_pieces_deinit(pl_session_pieces *p);

/* ---- a session ---- */

typedef struct pl_session_config {
  uint64_t seed;             /* random; epochs are made from it */
  uint32_t message_max;      /* largest message taken from the peer */
  uint32_t channel_window;   /* at least message_max + 1 */
  uint64_t session_window;   /* at least message_max + 1 */
  bool manual_take;          /* a message counts as taken only after PL_SESSION_TAKE, not when it is handed over */
  pl_session_pieces *pieces; /* borrowed; must outlive the session */
} pl_session_config;

int pl_session_new(const pl_session_config *config, pl_session **out) PL_MUST_USE; /* 0, PL_EINVAL or PL_ENOMEM */
void pl_session_free(pl_session *s);

/* ---- events ---- */

typedef enum pl_session_event_type {
  PL_SESSION_TIME,      /* pl_session_deadline has passed */
  PL_SESSION_LINK_UP,   /* a link with the peer was established */
  PL_SESSION_LINK_DOWN, /* a link ended */
  PL_SESSION_RECORD,    /* a record came and was opened */
  PL_SESSION_SEND,      /* the application sends a message; gives a place */
  PL_SESSION_SEND_VOLATILE,
  PL_SESSION_FINISH, /* the application ends its direction of a channel; gives a place */
  PL_SESSION_TAKE,   /* the application has taken all messages of a channel up to a place */
  PL_SESSION_PRIORITY,
  PL_SESSION_CHANNEL_RESET, /* the application gives up its direction of a channel */
  PL_SESSION_CLOSE
} pl_session_event_type;

/* Only the member of the event's type is set. */
typedef struct pl_session_event {
  pl_session_event_type type;
  uint64_t now_ms;
  union {
    struct {
      uint32_t id;
      uint32_t window; /* bytes that the relay lets wait for one link */
      bool opener;     /* this side opened the link */
      bool smaller;    /* this side's ID and instance are the smaller ones */
    } link_up;
    struct {
      uint32_t id;
    } link_down;
    struct {
      uint32_t link;
      uint64_t counter;
      pl_view data; /* the plaintext; must live as long as the views in the actions of this step */
    } record;
    struct {
      uint8_t channel;
      pl_view data;
    } send; /* also of SEND_VOLATILE */
    struct {
      uint8_t channel;
    } finish;
    struct {
      uint8_t channel;
      uint64_t place;
    } take;
    struct {
      uint8_t channel;
      uint32_t level; /* 0, the most urgent, to 7 */
    } priority;
    struct {
      uint8_t channel;
      uint16_t reason;
    } channel_reset;
    struct {
      uint16_t reason;
      pl_view text;
    } close;
  };
} pl_session_event;

/* ---- actions ---- */

typedef enum pl_session_action_type {
  PL_SESSION_LINKED,       /* .link is what the session sends on from now on */
  PL_SESSION_DROP_LINK,    /* reset .link with .reason; the session has forgotten it */
  PL_SESSION_MESSAGE,      /* .channel .data .place */
  PL_SESSION_VOLATILE,     /* .channel .data */
  PL_SESSION_END,          /* .channel .place: the peer ended its direction */
  PL_SESSION_WRITABLE,     /* .channel has room again after PL_EAGAIN */
  PL_SESSION_DELIVERED,    /* .channel .place: the peer took everything before .place */
  PL_SESSION_WAS_RESET,    /* .channel .reason .place: the peer gave up its direction of this channel */
  PL_SESSION_LOST,         /* .channel .place: one message may not have arrived */
  PL_SESSION_STREAM_RESET, /* one side lost its state: all channels start again at place 0 */
  PL_SESSION_PEER_CLOSED,  /* .reason .data: the peer's text. The answer is the session's next output */
  PL_SESSION_CLOSE_ENDED   /* this side's CLOSE is over: .error is 0 when the peer answered, else PL_ETIMEDOUT */
} pl_session_action_type;

typedef struct pl_session_action {
  pl_session_action_type type;
  uint8_t channel;
  uint32_t link;
  int error, reason;
  uint64_t place;
  pl_view data; /* valid until `take` returns */
} pl_session_action;

/* Receives actions while a step runs. Returns 0, or PL_ENOMEM: the step then stops before the state has changed. */
typedef struct pl_session_sink {
  int (*take)(void *context, const pl_session_action *action);
  void *context;
} pl_session_sink;

/* ---- steps ---- */

typedef struct pl_session_result {
  uint64_t place; /* of SEND and FINISH: DELIVERED or LOST will name it; 0 after an error */
} pl_session_result;

/* Handles one event. `result` may be NULL when no place is wanted.
 * Returns 0; PL_EAGAIN, PL_EMSGSIZE, PL_ESTATE or PL_EINVAL for an event that the application or the owner caused;
 * PL_EPROTOCOL, or PL_EMSGSIZE after RECORD, when the session cannot continue (the owner calls pl_session_fail);
 * PL_ENOMEM. After a RECORD that returned PL_ENOMEM the link must be dropped; the session resumes over another one. */
int pl_session_step(pl_session *s, const pl_session_event *in, const pl_session_sink *out,
                    pl_session_result *result) PL_MUST_USE;

/* Returns when to call with PL_SESSION_TIME, or UINT64_MAX when there is nothing to wait for. */
uint64_t pl_session_deadline(const pl_session *s);

/* Writes the plaintext of the next record. Returns its size, 0 when there is nothing to send now, or PL_ENOMEM: *link
 * must then be dropped. The records of a link are counted from 0 in the order they are produced. *flags are the
 * envelope's. */
int pl_session_produce(pl_session *s, uint64_t now_ms, uint8_t *out, size_t capacity, uint32_t *link,
                       uint8_t *flags) PL_MUST_USE;
bool pl_session_has_output(const pl_session *s);

/* Ends the session because it cannot continue: CLOSE goes out on the current link, and on each later one. */
void pl_session_fail(pl_session *s, uint16_t reason, pl_view text);

/* Ends the wait for the answer to this side's CLOSE, since the peer shows otherwise that it has closed the session.
 * Emits PL_SESSION_CLOSE_ENDED. A CLOSE that comes later is answered. Returns 0 or PL_ENOMEM. */
int pl_session_close_over(pl_session *s, const pl_session_sink *out) PL_MUST_USE;

/* Call this when the owner did not run for a while, so what came in was not read: this time does not count as waiting
 * for the peer, and round trips that include it are not measured. */
void pl_session_late(pl_session *s, uint64_t now_ms);

/* Emits PL_SESSION_LOST for each message that the peer has not taken. */
void pl_session_report_lost(pl_session *s, const pl_session_sink *out);

bool pl_session_is_linked(const pl_session *s);
bool pl_session_link_is_current(const pl_session *s, uint32_t link);
bool pl_session_is_probing(const pl_session *s);      /* PROBE was due, and nothing answered it yet */
bool pl_session_is_closing(const pl_session *s);      /* this side said CLOSE and waits for the answer */
bool pl_session_close_answered(const pl_session *s);  /* both sides said CLOSE */
uint32_t pl_session_message_max(const pl_session *s); /* largest message that can be sent now */
uint64_t pl_session_peer_epoch(const pl_session *s);  /* 0: not known */

#endif
