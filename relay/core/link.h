/* Links: two sockets that are paired. A link has a half on each socket. When it ends, each side that must hear of it
 * gets a RESET behind the data that still waits, so a half can outlive its link until its queue is empty; then its slot
 * is free again.
 *
 * pl_relay_link_event and the table in link.c say what each side may send in each state. call.h makes links and looks
 * for their targets. */
#ifndef PL_RELAY_LINK_H
#define PL_RELAY_LINK_H

#include "queue.h"
#include "router.h"

typedef enum pl_relay_link_state {
  PL_RELAY_LINK_OFFERED, /* the callee has not answered; perhaps it was not asked yet */
  PL_RELAY_LINK_REFUSED, /* the callee has refused or left; the caller hears of it at its deadline */
  PL_RELAY_LINK_LINKED,
  PL_RELAY_LINK_ENDED, /* some RESET still waits behind data */
  PL_RELAY_LINK_STATES
} pl_relay_link_state;
enum { PL_RELAY_CALLER = 0, PL_RELAY_CALLEE = 1 };

/* What every envelope needs comes first and fits a line of the cache. */
typedef struct pl_relay_link {
  uint8_t state;
  bool from_bus;         /* its caller is on another worker, which keeps the rest of the link and its deadline */
  bool knock;            /* the caller is a stranger, and counts as one at the target */
  bool newcomer;         /* the caller is a stranger whose address has not knocked there in the last minute */
  bool claim;            /* made by CLAIM, whose payload is its handshake */
  pl_relay_half half[2]; /* PL_RELAY_CALLER, PL_RELAY_CALLEE */
  pl_relay_queue queue[2];
  uint8_t target_instance[8];
  pl_node timed;   /* in pl_relay.opens while offered or refused */
  pl_node waiting; /* in pl_relay_presence.waiting while no OFFER was sent */
  uint64_t deadline_ms;
  pl_relay_presence *target; /* where the call is counted until it is decided, then NULL */
  uint64_t asked;            /* generation of the socket on another worker that was asked last */
  uint8_t *handshake;        /* kept for the OFFER, while waiting */
  uint16_t handshake_size;
} pl_relay_link;

/* What a side, or another worker, can send about a link. */
typedef enum pl_relay_link_event {
  PL_RELAY_LINK_OPEN, /* OPEN or CLAIM, on a number that is in use */
  PL_RELAY_LINK_ACCEPT,
  PL_RELAY_LINK_DATA,
  PL_RELAY_LINK_RESET,
  PL_RELAY_LINK_BUS_RESET,  /* RESET by another worker */
  PL_RELAY_LINK_BUS_GONE,   /* the same with reason GONE: the socket there has left */
  PL_RELAY_LINK_BUS_TAKEN,  /* PL_RELAY_BUS_TAKEN */
  PL_RELAY_LINK_BUS_ABSENT, /* PL_RELAY_BUS_ABSENT */
  PL_RELAY_LINK_EVENTS
} pl_relay_link_event;

/* The payload of a RESET of the relay's own: a reason, without text. */
typedef struct pl_relay_reset {
  uint8_t bytes[2];
} pl_relay_reset;
pl_view pl_relay_reset_of(pl_relay_reset *space, int reason);

/* ---- received envelopes ------------------------------------------------------------------------------------------ */
/* Handles DATA of a client. */
int pl_relay_link_data(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) PL_MUST_USE;
/* Handles ACCEPT or RESET of a client. Both functions return 0, or the reason to refuse the connection. */
int pl_relay_link_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) PL_MUST_USE;
/* Does what the table says for this event. Returns true when the link lost its target on another worker and must look
 * for another one (call.c). */
bool pl_relay_link_take(pl_relay_half *from, pl_relay_link_event event, const pl_envelope *e,
                        uint64_t now_ms) PL_MUST_USE;
/* Forwards a run of whole DATA envelopes of one link from the read buffer. `before` bytes ahead of `data` may be
 * overwritten; `ends` tells that nothing follows these bytes in what was read. Returns the bytes it took, or 0 when the
 * envelopes must be handled one by one. */
size_t pl_relay_link_forward(pl_relay_conn *conn, uint8_t *data, size_t size, size_t before, bool ends) PL_MUST_USE;
/* Fills the output buffer of this connection after it was written, and ends the halves that were waiting for that. */
void pl_relay_link_refill(pl_relay_conn *conn);

/* ---- limits ------------------------------------------------------------------------------------------------------ */
/* Ends links, largest queue first, until the budget (budget.h) is not full any more. Returns false, without ending it,
 * when the link of `half` is next. Otherwise `half` may be freed. `half` may be NULL. */
bool pl_relay_link_make_room(pl_relay *relay, const pl_relay_half *half) PL_MUST_USE;
/* Ends with OVERFLOW the links that queue for a socket that takes nothing, and aborts its connection. */
void pl_relay_link_end_stuck(pl_relay_conn *conn);

/* ---- life -------------------------------------------------------------------------------------------------------- */
/* Makes a link whose caller has this number. Returns NULL when memory ran out. */
pl_relay_link *pl_relay_link_new(pl_relay_conn *caller, uint32_t number) PL_MUST_USE;
pl_relay_link *pl_relay_link_of(pl_relay_half *half);
/* Ends the link, with these payloads of RESET. A side without payload data is told nothing. May free the link. */
void pl_relay_link_end(pl_relay *relay, pl_relay_link *link, pl_view to_caller, pl_view to_callee);
/* Frees what was kept for the OFFER, once it was sent or will not be sent. The caller's half must still have its
 * connection. */
void pl_relay_link_stop_waiting(pl_relay_link *link);
/* Each ends all links of a connection. pl_relay_link_end_all keeps its link numbers. pl_relay_link_reset_all is for a
 * worker that has forgotten its links with this one, and tells it that they have ended. */
void pl_relay_link_socket_died(pl_relay_conn *conn);
void pl_relay_link_end_all(pl_relay_conn *conn);
void pl_relay_link_reset_all(pl_relay_conn *node);
/* Ends the calls whose deadline has passed. */
void pl_relay_link_time(pl_relay *relay, uint64_t now_ms);
uint64_t pl_relay_link_deadline(const pl_relay *relay);

#endif
