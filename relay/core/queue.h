/* Bytes out. What waits for a connection lies in three places: its output buffer of ready WebSocket frames, then
 * control envelopes, then one queue per link, which take turns. The last two hold something only while the output
 * buffer does, because bytes that were sent cause the next attempt: when memory for an output buffer runs out and
 * nothing is on its way, the link or the connection ends. The bounds of docs/protocol.md, section 4, "Queues in the
 * relay", are kept here and in budget.c. */
#ifndef PL_RELAY_QUEUE_H
#define PL_RELAY_QUEUE_H

#include "state.h"

enum {
  PL_RELAY_HEADER = PL_CONST_ENVELOPE_HEADER_BYTES,
  PL_RELAY_ENVELOPE_MAX = PL_RELAY_HEADER + UINT16_MAX,
  PL_RELAY_OUT_DIRECT = 65536,       /* once an output buffer holds this much, links queue for themselves */
  PL_RELAY_OUT_MUCH = 16384,         /* output of this size is written before the turn ends */
  PL_RELAY_OUT_LENT = 128 * 1024,    /* most bytes written at once straight from the read buffer; fits
                                        PL_RELAY_OUT_LARGE */
  PL_RELAY_CONTROL_QUEUE_MAX = 65536 /* bytes of control envelopes that wait for a socket that does not read */
};

/* Returns the bytes of the whole envelope that starts here; its header must be there. */
static inline size_t pl_relay_envelope_size(const uint8_t *at) {
  return PL_RELAY_HEADER + (size_t)pl_get_u16(at + 2);
}

typedef struct pl_relay_chunk {
  struct pl_relay_chunk *next;
  uint32_t capacity, start, end;
  uint8_t bytes[];
} pl_relay_chunk;

/* Envelopes of one link that wait for one socket. The window limits `cost`, the budgets limit `memory`. */
typedef struct pl_relay_queue {
  pl_relay_half *half;
  pl_node turn; /* in pl_relay_conn.turns while not empty */
  pl_node all;  /* in pl_relay.queues while not empty */
  pl_relay_chunk *head, *tail;
  pl_relay_chunk *scan; /* before this chunk and place there is no volatile envelope that still counts */
  uint32_t scan_at;
  size_t cost, memory, volatile_count;
} pl_relay_queue;

/* One socket's end of a link (link.h). It outlives its link while a RESET waits behind data (`ending`). */
struct pl_relay_half {
  pl_relay_conn *conn; /* NULL before and after this socket has a part in the link */
  uint32_t number;
  uint8_t side;          /* its place in pl_relay_link.half */
  bool ending;           /* ends when its queue is empty */
  pl_relay_queue *queue; /* in pl_relay_link.queue, apart from what every envelope needs */
};

/* ---- the output buffer ------------------------------------------------------------------------------------------- */
size_t pl_relay_out_size(const pl_relay_out *out);
/* Returns what is left of the page that follows the output buffer. */
pl_view pl_relay_out_body(const pl_relay_conn *conn);
/* Discards what is in the output buffer. */
void pl_relay_out_deinit(pl_relay_conn *conn);
/* Appends a whole WebSocket frame that holds no envelopes, or, when `opcode` is negative, plain bytes. Returns false
 * when there is no room. */
bool pl_relay_out_frame(pl_relay_conn *conn, int opcode, const void *data, size_t size) PL_MUST_USE;
/* The connection is about to end. If it has no output buffer, it gets one with room for that only: thousands may end at
 * once and wait for their turn. */
void pl_relay_out_expect_end(pl_relay_conn *conn);
/* Appends the last envelope before a close, ahead of everything that waits. Aborts the connection when there is no
 * room. */
void pl_relay_out_last(pl_relay_conn *conn, uint8_t type, uint32_t link, pl_view payload);
/* Removes n bytes, which the socket took of what pl_relay_conn_output gave. */
void pl_relay_out_sent(pl_relay_conn *conn, size_t n);

/* ---- envelopes --------------------------------------------------------------------------------------------------- */
/* Queues an envelope that overtakes data. Returns false when it would fill more than `percent` of the control queue. */
bool pl_relay_out_control_flags(pl_relay_conn *conn, uint8_t type, uint8_t flags, uint32_t link, pl_view payload,
                                unsigned percent) PL_MUST_USE;
static inline bool PL_MUST_USE pl_relay_out_control(pl_relay_conn *conn, uint8_t type, uint32_t link, pl_view payload,
                                                    unsigned percent) {
  return pl_relay_out_control_flags(conn, type, 0, link, payload, percent);
}

typedef enum pl_relay_put {
  PL_RELAY_PUT_TAKEN,   /* in the output buffer, or volatile and dropped */
  PL_RELAY_PUT_QUEUED,  /* in the link's queue: the caller checks the budget (budget.h) */
  PL_RELAY_PUT_OVERFLOW /* beyond the window or a limit of the socket, or out of memory: the caller ends the link */
} pl_relay_put;
/* Puts DATA, with the half's link number, into the output buffer or the half's queue. */
pl_relay_put pl_relay_out_data(pl_relay_half *half, const uint8_t *envelope, size_t size) PL_MUST_USE;
/* Puts RESET behind the half's own data. Returns true when nothing of the half waits any more. Otherwise the caller
 * sets `ending`, and pl_relay_out_refill returns the half later. */
bool pl_relay_out_reset(pl_relay_half *half, pl_view payload) PL_MUST_USE;
/* Returns true when nothing waits for this half's socket, so that pl_relay_out_lend may be called. */
bool pl_relay_out_lend_ready(const pl_relay_half *half) PL_MUST_USE;
/* Returns how many bytes of whole envelopes pl_relay_out_run may append for this half: 0 when something waits that they
 * must not overtake. */
size_t pl_relay_out_room(const pl_relay_half *half) PL_MUST_USE;
/* Appends a run of whole envelopes. Returns where they are, so that the caller gives them their link numbers, or NULL
 * when memory ran out. */
uint8_t *pl_relay_out_run(pl_relay_half *half, const uint8_t *data, size_t size) PL_MUST_USE;
/* Writes whole envelopes, which already have their final link numbers, straight to the socket. `data` must have room
 * for a frame header before it. What the socket does not take is copied. */
void pl_relay_out_lend(pl_relay_half *half, uint8_t *data, size_t size);
/* Moves what waits into the output buffer as far as there is room. Aborts the connection when memory ran out and
 * nothing is on its way. Returns a half that was `ending` and whose queue is now empty; the caller ends it and calls
 * again. Returns NULL when all is done. */
pl_relay_half *pl_relay_out_refill(pl_relay_conn *conn) PL_MUST_USE;

void pl_relay_queue_init(pl_relay_half *half, pl_relay_queue *queue);
/* Discards everything that waits for this half. */
void pl_relay_queue_clear(pl_relay_half *half);

#endif
