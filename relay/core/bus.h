/* The bus: what the workers of one relay tell each other, so that any worker's client reaches any other's. This file is
 * the side that tells; elsewhere.h takes what other workers say.
 *
 * To a worker another worker looks like one more socket: frames of envelopes both ways, the same output buffer, the
 * same queue per link with its window, link numbers from two tables. DATA, ACCEPT and RESET mean the same on the bus as
 * on a socket; pl_relay_bus_type has the rest. Bit 31 of a link number says that the *sender* of the bus message opened
 * the link, so the receiver flips it.
 *
 * The bus keeps the order of what one worker tells another, and loses nothing. A transport that can lose messages calls
 * pl_relay_bus_lost when it did. */
#ifndef PL_RELAY_BUS_H
#define PL_RELAY_BUS_H

#include "state.h"

enum pl_relay_bus_type {
  PL_RELAY_BUS_OPEN = 0x30, /* about one link: offer this call to one of your sockets. PL_RELAY_BUS_OPEN_BYTES, then the
                               handshake. Flag 1: only to a socket that listens */
  PL_RELAY_BUS_TAKEN,       /* about one link: the call was offered, or is left to time out */
  PL_RELAY_BUS_ABSENT,      /* about one link: the call could not be offered; look elsewhere */
  PL_RELAY_BUS_LOGIN,       /* PL_RELAY_BUS_LOGIN_BYTES. Flag 1: the socket listens */
  PL_RELAY_BUS_LOGOUT,      /* PL_RELAY_BUS_LOGIN_BYTES */
  PL_RELAY_BUS_PEERS,       /* PL_RELAY_BUS_LOGIN_BYTES, then entries of its socket's list (peers.h). Flag 1: remove
                               these entries. Flag 2: remove all earlier entries first */
  PL_RELAY_BUS_START,       /* forget my sockets, my nameplates and our links: I send all sockets and nameplates again.
                               Flag 1: I have forgotten yours, too, so start likewise */
  PL_RELAY_BUS_CODE,    /* a nameplate that I gave out: number, when it expires (all workers have one clock), owner's
                           ID and instance */
  PL_RELAY_BUS_CODE_END /* that nameplate has ended; any worker may say so, more than once */
};

enum {
  PL_RELAY_BUS_FLAG = 1,
  PL_RELAY_BUS_WHOLE = 2,    /* on PEERS */
  PL_RELAY_BUS_KNOCK = 2,    /* on OPEN: the caller is a stranger */
  PL_RELAY_BUS_CLAIM = 4,    /* on OPEN: to be offered as CLAIM */
  PL_RELAY_BUS_NEWCOMER = 8, /* on OPEN: a stranger whose address has not knocked at the target in the last minute */
  PL_RELAY_BUS_LOGIN_BYTES = 48, /* ID, instance, generation */
  PL_RELAY_BUS_OPEN_BYTES = 80,  /* target's ID and instance, caller's ID and instance */
  PL_RELAY_BUS_CODE_BYTES = PL_RELAY_NAMEPLATE_BYTES,
  PL_RELAY_BUS_SLOTS = 65536 /* links that one worker may have opened towards another */
};

/* Another worker. */
struct pl_relay_bus_node {
  pl_relay_conn conn; /* in state PL_RELAY_CONN_BUS, and never in the lists of sockets */
  size_t untold;      /* sockets whose present list of peers this worker does not have yet */
  bool missed;        /* memory ran out for something that this worker said: it must be asked to say all again */
  uint64_t ask_ms;    /* but not before this time */
  bool forgotten;     /* what this worker said is forgotten, and it has not been asked to say it again */
};

int pl_relay_bus_init(pl_relay *relay) PL_MUST_USE;
/* Call this after the links of all nodes have ended. */
void pl_relay_bus_deinit(pl_relay *relay);
/* Forgets a message that this worker has sent only in part, because something after it was lost. */
void pl_relay_bus_restart_input(pl_relay_bus_node *node);
/* Discards everything that waits for this worker. */
void pl_relay_bus_drop_output(pl_relay_bus_node *node);

/* Send a message to one worker, or to all others. When memory runs out, pl_relay_conn.lost is set, and the worker is
 * told everything again later. */
void pl_relay_bus_say(pl_relay_bus_node *node, enum pl_relay_bus_type type, const uint8_t *payload, size_t size);
void pl_relay_bus_say_start(pl_relay_bus_node *node, bool again); /* again: that worker must start, too */
void pl_relay_bus_say_all(pl_relay *relay, enum pl_relay_bus_type type, const uint8_t *payload, size_t size);
/* Tells all workers that this socket has logged in or out: LOGIN or LOGOUT. */
void pl_relay_bus_tell(pl_relay_conn *conn, enum pl_relay_bus_type type);
/* Tells one worker of this socket, and of its list of peers as soon as there is room. */
void pl_relay_bus_tell_socket(pl_relay_bus_node *node, pl_relay_conn *conn);
/* Tells all workers what changed in this socket's list of peers. A worker that is busy is told the whole list once it
 * has caught up, however often that has changed meanwhile. */
void pl_relay_bus_tell_peers(pl_relay_conn *conn, const uint64_t *entries, size_t count, bool forget);
/* Tells this worker the lists that had to wait, as far as there is room now. */
void pl_relay_bus_tell_untold(pl_relay_bus_node *node);
/* Forgets that this socket's list must still be sent, because the socket leaves. */
void pl_relay_bus_drop_untold(pl_relay_conn *conn);
/* Returns true when some worker is so far behind that nothing may be started that it must be told of. */
bool pl_relay_bus_is_behind(const pl_relay *relay) PL_MUST_USE;

#endif
