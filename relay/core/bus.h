/* The bus: what the workers of one relay tell each other, so that any worker's client reaches any other's.
 *
 * To a worker another one looks like one more socket: frames of envelopes in both directions, the same output buffer,
 * the same queue per link with its window, link numbers from two tables. DATA, ACCEPT and RESET mean on the bus what
 * they mean on a socket; this table has the rest. Bit 31 of a link number says that the *sender* of the bus message
 * opened the link; the receiver turns it round.
 *
 * The bus keeps the order of what one worker tells another, and loses nothing; a transport that can lose says so with
 * pl_relay_bus_lost. */
#ifndef PL_RELAY_BUS_H
#define PL_RELAY_BUS_H

#include "internal.h"

enum pl_relay_bus_type {
  PL_RELAY_BUS_OPEN = 0x30, /* link: a socket of yours is wanted. pl_bus_open, handshake; flag 1: it must listen */
  PL_RELAY_BUS_TAKEN,       /* link: the OFFER was sent */
  PL_RELAY_BUS_ABSENT,      /* link: no OFFER could be sent, look elsewhere */
  PL_RELAY_BUS_LOGIN,       /* pl_bus_login; flag 1: it listens */
  PL_RELAY_BUS_LOGOUT,      /* pl_bus_login */
  PL_RELAY_BUS_PEERS,   /* pl_bus_login, then entries of its socket's list (knocks.c); flag 1: forget them; flag 2: it
                     had no others before */
  PL_RELAY_BUS_START,   /* forget my sockets, my nameplates and our links: they follow anew */
  PL_RELAY_BUS_CODE,    /* a nameplate that I gave out: see nameplates.h */
  PL_RELAY_BUS_CODE_END /* it is over; from any worker */
};

enum {
  PL_RELAY_BUS_FLAG = 1,
  PL_RELAY_BUS_WHOLE = 2,        /* on PEERS */
  PL_RELAY_BUS_KNOCK = 2,        /* on OPEN: by a stranger */
  PL_RELAY_BUS_CLAIM = 4,        /* on OPEN: to be offered as CLAIM */
  PL_RELAY_BUS_NEWCOMER = 8,     /* on OPEN: a knock by one who has not knocked there for a while */
  PL_RELAY_BUS_LOGIN_BYTES = 48, /* ID, instance, generation */
  PL_RELAY_BUS_OPEN_BYTES = 80,  /* target's ID and instance, caller's ID and instance; the handshake follows */
  PL_RELAY_BUS_SLOTS = 65536     /* links that one worker may have opened towards another */
};

struct pl_relay_bus_node {
  pl_relay_conn conn; /* in state PL_RELAY_CONN_BUS, never in the lists of sockets */
  bool lost;          /* something for it could not be kept: all is told again */
  size_t untold;      /* sockets whose lists it does not have as they are */
};

/* A socket on another worker. */
struct pl_relay_remote {
  pl_node same_id; /* in pl_relay_presence.remotes */
  uint64_t generation;
  uint8_t instance[8];
  uint8_t node;
  bool listen;
  pl_relay_peer_list peers;
};

int pl_relay_bus_init(pl_relay *relay) PL_MUST_USE;
void pl_relay_bus_deinit(pl_relay *relay);
void pl_relay_bus_tell(pl_relay_conn *conn, enum pl_relay_bus_type type); /* LOGIN or LOGOUT of this socket, to all */
/* Tells what changed in this socket's list. A worker that is behind is told the whole list once it has caught up,
 * however often that has changed meanwhile. */
void pl_relay_bus_tell_peers(pl_relay_conn *conn, const uint64_t *entries, size_t count, bool forget);
void pl_relay_bus_untold_drop(pl_relay_conn *conn); /* this socket leaves */
/* A worker has not taken what it was told for a long time: nothing is begun that it would have to be told of. */
bool pl_relay_bus_is_behind(const pl_relay *relay);
void pl_relay_bus_say(pl_relay_bus_node *node, enum pl_relay_bus_type type, const uint8_t *payload, size_t size);
void pl_relay_bus_abort(pl_relay_conn *node); /* see pl_relay_bus_node.lost */

#endif
