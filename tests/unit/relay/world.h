/* A relay's engine with clients around it in one process: the real bytes both ways, no sockets. */
#ifndef PL_TEST_WORLD_H
#define PL_TEST_WORLD_H

#include "client/core/ws/ws.h"
#include "relay/core/relay.h"

enum { WORLD_IDS = 1024, HOME_LOCAL = 255 /* of this machine itself */ };

/* How the world answers lookups: at once from its memory, or when the test says so. */
struct client;
typedef struct world {
  pl_relay *relay;
  pl_identity identity;     /* the relay's */
  unsigned worker, workers; /* as in pl_relay_config, before world_start */
  pl_relay_shared *shared;
  uint32_t settings[PL_RELAY_SETTINGS];
  int admission;
  const char *const *public_urls;
  const char *alternatives;
  const pl_relay_cidr *trusted; /* one range, or NULL */
  uint64_t now_ms;
  bool sends; /* before world_start: sockets take bytes at once, hooks.send */
  bool hold_lookups, store_broken;
  pl_relay_conn *held[WORLD_IDS];
  size_t held_count;
  uint8_t known[WORLD_IDS][32];
  size_t known_count;
  uint8_t revoked[32];
  uint8_t next_challenge;
} world;

typedef struct seen {
  uint8_t type, flags;
  uint32_t link;
  size_t size;
  uint8_t payload[2200]; /* the first bytes */
} seen;

typedef struct client {
  world *w;
  pl_relay_conn *conn;
  pl_identity identity;
  uint8_t instance[8];
  pl_ws ws;
  bool upgraded, reads; /* reads: false: its socket takes nothing */
  size_t takes;         /* at most so many bytes in one turn */
  char http[2048];      /* the answer's head */
  size_t http_size;
  uint8_t hello[512];
  size_t hello_size;
  uint8_t login[512]; /* as it was sent */
  size_t login_size;
  seen got[4096];
  size_t got_count, read_at;
  size_t got_bytes;
  int close_code; /* of the close frame that came, 0: none */
  bool finished, aborted, keep_data;
} client;

void world_init(world *w); /* initial settings, open; then change and call world_start */
void world_start(world *w);
void world_end(world *w);
/* Moves time and executes what is due, when it is due. */
void world_pass(world *w, uint64_t ms);
/* The same as one that was stopped for so long: it is called at the end of that time only. */
void world_stop(world *w, uint64_t ms);
/* Takes all output to all clients that read. */
void world_turn(world *w);
/* This client's socket takes bytes again, as many as it does in one turn. */
void world_writable(struct client *c);
/* Answers the lookups that were held. */
void world_answer(world *w);

client *client_new(world *w, uint8_t seed);
/* The same, with the ID that `seed` makes and from the address that `home` names; `conn` is NULL where the relay
 * refused. */
client *client_new_at(world *w, uint16_t seed, uint8_t home);
void client_free(client *c); /* hangs up first */
void client_hang_up(client *c);
void client_receive(client *c, const void *data, size_t size); /* raw bytes towards the relay */
void client_upgrade(client *c);                                /* up to HELLO */
size_t client_make_login(client *c, bool listen, uint8_t out[512]);
void client_login(client *c, bool listen);                     /* up to WELCOME or a refusal */
void client_message(client *c, const void *data, size_t size); /* one WebSocket message */
/* The same as its reads cut it: pieces of so many bytes, a turn after each. */
void client_message_in(client *c, const void *data, size_t size, size_t piece);
void client_send(client *c, uint8_t type, uint8_t flags, uint32_t link, const void *payload, size_t size);
void client_open(client *c, uint32_t link, const client *target, const void *handshake, size_t size);
/* The next envelope, after a turn; NULL: none came. */
const seen *client_next(client *c);
/* The reason of RESET on link 0, 0: none came. Reads on to it. */
int client_refusal(client *c);

#endif
