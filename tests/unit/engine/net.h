/* Engines joined by a small model of the relay, in one thread and virtual time. A test steps them and looks at the
 * actions that it has seen. */
#ifndef TEST_NET_H
#define TEST_NET_H

#include "client/core/engine/engine.h"
#include "client/core/wire/wire.h"

enum { NET_CLIENTS = 6, NET_LINKS = 256 };

typedef struct net_seen {
  pl_engine_action a;
  uint8_t *data;
  size_t size;
  char text[128];
} net_seen;

typedef struct net_message {
  struct net_message *next;
  size_t size;
  uint8_t bytes[];
} net_message;

typedef struct net_client {
  pl_engine *engine;
  pl_engine_config config;
  bool connected, logged_in, wants_connect, listen, reachable;
  uint32_t serial; /* of the login; the newest listener has the largest */
  uint8_t id[32], instance[8], challenge[32];
  net_message *in, **in_end; /* from the relay to the client */
  net_seen *seen;
  size_t seen_count, seen_capacity;
  uint16_t generations[64];
  bool slot_used[64];
  bool frozen;    /* its socket takes and gives nothing */
  size_t max_out; /* largest message produced */
  bool auto_take;
  uint64_t bytes_out;
} net_client;

typedef struct net_link {
  bool used, linked, refused;
  int caller, callee; /* numbers of clients, -1: none, or none yet */
  uint32_t caller_number, callee_number;
  uint8_t target[32], target_instance[8];
  uint64_t opened_ms;
  uint8_t handshake[2048];
  size_t handshake_size;
} net_link;

typedef struct net {
  uint64_t now_ms;
  pl_identity relay;
  net_client clients[NET_CLIENTS];
  net_link links[NET_LINKS];
  uint32_t logins;
  uint32_t open_timeout_ms;
  uint64_t steps, stop_after_envelopes, envelopes;
  /* Called for each envelope of a client; returns true to drop it. */
  bool (*drop)(struct net *n, int from, const pl_envelope *e);
  uint64_t random;
  bool wrong_signature;
} net;

void net_init(net *n);
void net_deinit(net *n);
/* Adds a client. `who` seeds its identity; `instance` fills its instance, unless `extra` has one. Returns NULL when the
 * engine cannot be made. */
pl_engine *net_add(net *n, int i, uint8_t who, uint8_t instance, const pl_engine_config *extra);
void net_remove(net *n, int i);
/* Steps the engine of client i now and executes its actions, which are then in `seen`. */
int net_do(net *n, int i, const pl_engine_event *in);
int net_tell(net *n, int i, pl_engine_event_type type);                          /* an event without fields */
int net_do_for(net *n, int i, const pl_engine_event *in, pl_engine_result *out); /* also gives the rest of the result */
void net_settle(net *n);                                   /* until nothing moves; time stands still */
void net_run(net *n, uint64_t ms);                         /* for this long */
bool net_turn(net *n);                                     /* one round of every client; true if anything moved */
void net_cut(net *n, int i);                               /* the socket of client i dies */
bool net_until(net *n, uint64_t ms, bool (*done)(net *n)); /* returns false when the time has passed */

net_seen *net_find(net *n, int i, pl_engine_action_type type, size_t skip);
size_t net_count(net *n, int i, pl_engine_action_type type);
void net_forget(net *n, int i); /* forgets what was seen */

/* net_relay.c */
void net_relay_connected(net *n, int i);
void net_relay_message(net *n, int i, const uint8_t *data, size_t size);
void net_relay_closed(net *n, int i);
void net_relay_time(net *n);
uint64_t net_relay_deadline(const net *n);
void net_to_client(net *n, int i, uint8_t type, uint8_t flags, uint32_t link, const void *payload, size_t size);

/* Shorthands for one session of a client. */
uint32_t net_connect(net *n, int i, int to, const uint8_t *instance, const uint8_t *secret);
int net_send(net *n, int i, uint32_t session, uint8_t channel, const void *data, size_t size);
int net_finish(net *n, int i, uint32_t session, uint8_t channel);
int net_close(net *n, int i, uint32_t session);
int net_decide(net *n, int i, pl_engine_event_type type, int whom); /* ALLOW, DENY or BLOCK */
int net_allow(net *n, int i, int whom);
int net_invite(net *n, int i, const uint8_t secret[16], uint64_t expires_ms, uint32_t uses);

#endif
