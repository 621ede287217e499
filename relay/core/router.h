/* Maps an ID to the sockets that it has, here and on other workers, and to the calls that wait for it. */
#ifndef PL_RELAY_ROUTER_H
#define PL_RELAY_ROUTER_H

#include "state.h"

/* An ID that has sockets or nameplates, or that OPENs wait for. */
struct pl_relay_presence {
  pl_relay_presence *next; /* in its bucket */
  uint8_t id[32];
  pl_node sockets; /* pl_relay_conn.same_id, newest last */
  pl_node waiting; /* pl_relay_link.waiting, oldest first */
  pl_node remotes; /* pl_relay_remote.same_id: sockets on other workers */
  uint32_t socket_count, remote_count;
  uint32_t open_count;               /* undecided calls to it, */
  uint32_t knock_count, claim_count; /* of which OPENs of strangers, and CLAIMs */
  pl_node nameplates;                /* pl_relay_nameplate.same_owner */
  uint32_t nameplate_count;
};

/* A socket on another worker. */
typedef struct pl_relay_remote {
  pl_node same_id; /* in pl_relay_presence.remotes */
  uint64_t generation;
  uint8_t instance[8];
  uint8_t node; /* the worker */
  bool listen;
  pl_relay_peer_list peers;
} pl_relay_remote;

int pl_relay_router_init(pl_relay *relay) PL_MUST_USE;
void pl_relay_router_deinit(pl_relay *relay);
/* Finds an ID, or makes it if `make` is set. Returns NULL when it is unknown and not made, or memory ran out. */
pl_relay_presence *pl_relay_router_get(pl_relay *relay, const uint8_t id[32], bool make) PL_MUST_USE;
/* Frees the presence when nothing uses it any more. */
void pl_relay_router_release(pl_relay *relay, pl_relay_presence *presence);
/* Return the socket of this instance here, or on another worker, or NULL when there is none. */
pl_relay_conn *pl_relay_router_instance(const pl_relay_presence *presence, const uint8_t instance[8]) PL_MUST_USE;
pl_relay_remote *pl_relay_router_remote(const pl_relay_presence *presence, const uint8_t instance[8]) PL_MUST_USE;
/* Returns NULL when memory ran out. */
pl_relay_remote *pl_relay_router_add_remote(pl_relay_presence *presence, const uint8_t instance[8]) PL_MUST_USE;
void pl_relay_router_drop_remote(pl_relay *relay, pl_relay_presence *presence, pl_relay_remote *remote);
/* Drops all sockets that this worker has. */
void pl_relay_router_drop_node(pl_relay *relay, uint8_t node);

/* Where a call goes: to a socket here, to one on another worker, or, when both are NULL, nowhere yet. */
typedef struct pl_relay_target {
  pl_relay_conn *conn;
  pl_relay_remote *remote;
} pl_relay_target;
/* Returns the socket of the instance or, if that is zero, the one that listens and logged in last; never `except`. */
pl_relay_target pl_relay_router_target(const pl_relay_presence *presence, const uint8_t instance[8],
                                       const pl_relay_conn *except) PL_MUST_USE;

#endif
