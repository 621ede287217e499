/* The fixture of the tests of the relay's core: a relay with clients around it in one process, without sockets, but
 * with the real bytes both ways. world_test makes a test that finds a world in its state; what its clients still hold
 * is freed and checked when it ends. */
#ifndef PL_TEST_WORLD_H
#define PL_TEST_WORLD_H

#include "client/core/ws/ws.h"
#include "relay/core/relay.h"

enum { WORLD_IDS = 1024, HOME_LOCAL = 255 /* a home on this machine itself */ };

typedef struct world {
  pl_relay *relay;
  pl_identity identity; /* the relay's */
  pl_node clients;      /* client.in_world */
  /* Configuration: change it before world_start or world_restart. */
  unsigned worker, workers; /* as in pl_relay_config */
  pl_relay_shared *shared;
  uint32_t settings[PL_RELAY_SETTINGS];
  int admission;
  const char *const *public_urls;
  const char *alternatives;
  const pl_relay_cidr *trusted; /* one range, or NULL */
  bool sends;                   /* sockets take bytes at once, by hooks.send */
  /* What happens. */
  uint64_t now_ms;
  bool hold_lookups; /* lookups are answered by world_answer; otherwise at once from `known` */
  bool store_broken;
  struct {
    pl_relay_conn *conn;
    uint8_t id[32];
  } held[WORLD_IDS];
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
  pl_node in_world;
  pl_relay_conn *conn;
  pl_identity identity;
  uint8_t instance[8];
  pl_ws ws;
  bool upgraded;
  bool reads;      /* its socket takes bytes */
  size_t takes;    /* at most this many bytes in one turn */
  char http[2048]; /* the head of the answer */
  size_t http_size;
  uint8_t hello[512];
  size_t hello_size;
  uint8_t login[512]; /* as it was sent */
  size_t login_size;
  seen got[4096];
  size_t got_count, read_at;
  size_t got_bytes;
  size_t writes;  /* how often its socket took bytes */
  int close_code; /* of the close frame that came; 0 when none came */
  bool finished, aborted, keep_data;
} client;

/* ---- tests ------------------------------------------------------------------------------------------------------- */
/* A setting that a test changes. A list of them ends with value 0. */
typedef struct world_setting {
  enum pl_relay_setting name;
  uint32_t value;
} world_setting;

enum { WORLD_SETTINGS = 8 };

/* A list of settings for the fixtures; {name, value}, … */
#define WORLD_SETTINGS_OF(...) ((void *)(const world_setting[WORLD_SETTINGS]){__VA_ARGS__})
/* A test whose state is a world, with initial settings or with some of them changed: {name, value}, … */
#define world_test(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
#define world_test_with(test, ...) \
  { #test, test, world_setup, world_teardown, WORLD_SETTINGS_OF(__VA_ARGS__) }

int world_setup(void **state);
int world_teardown(void **state);

/* ---- the world --------------------------------------------------------------------------------------------------- */
/* Sets the initial settings, changed by `settings` (may be NULL), and open admission. */
void world_init(world *w, const world_setting *settings);
void world_start(world *w);
/* Frees the clients that are left. */
void world_free_clients(world *w);
/* Frees the clients that are left, checks that the relay holds nothing any more, and frees it. */
void world_end(world *w);
/* Ends the world and starts another one with the same configuration. */
void world_restart(world *w);
/* Moves time forward and executes what is due when it is due. */
void world_pass(world *w, uint64_t ms);
/* Moves time forward as for a relay that was stopped: it is called only at the end of that time. */
void world_stop(world *w, uint64_t ms);
/* Takes all output to all clients that read. */
void world_turn(world *w);
/* Answers the lookups that were held, and from now on at once. */
void world_answer(world *w);

/* ---- clients ----------------------------------------------------------------------------------------------------- */
client *client_new(world *w, uint8_t seed);
/* The same with the ID that `seed` makes, from the address that `home` names. `conn` is NULL when the relay refused. */
client *client_new_at(world *w, uint16_t seed, uint8_t home);
/* Makes a client that is logged in and listens. */
client *client_ready(world *w, uint8_t seed);
void client_free(client *c); /* hangs up first */
void client_hang_up(client *c);
void client_receive(client *c, const void *data, size_t size); /* raw bytes towards the relay */
void client_upgrade(client *c);                                /* up to HELLO */
size_t client_make_login(client *c, bool listen, uint8_t out[512]);
void client_login(client *c, bool listen);                     /* up to WELCOME or a refusal */
void client_message(client *c, const void *data, size_t size); /* one WebSocket message */
/* The same in pieces of this many bytes, as the relay may read it, with a turn after each. */
void client_message_in(client *c, const void *data, size_t size, size_t piece);
void client_send(client *c, uint8_t type, uint8_t flags, uint32_t link, const void *payload, size_t size);
void client_open(client *c, uint32_t link, const client *target, const void *handshake, size_t size);
/* This client's socket takes bytes again, as many as it does in one turn. */
void client_writable(client *c);
/* Returns the next envelope, after a turn, or NULL when none came. */
const seen *client_next(client *c);
/* Reads up to a RESET on link 0. Returns its reason, or 0 when none came. */
int client_refusal(client *c);

#endif
