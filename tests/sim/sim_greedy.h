/* Greedy and hostile clients: attackers with identities of their own act on raw sockets beside the honest clients.
 *
 *   sim_greedy.c         who attacks when; the life of their sockets
 *   sim_greedy_wire.c    what a socket sends and hears; the links that it knows
 *   sim_greedy_checks.c  what must hold for what it hears
 *   sim_greedy_relay.c   what must hold for what its bytes do to the relay and to honest clients
 *   sim_greedy_peer.c    calls to honest clients, and what no peer may say
 *   sim_greedy_acts.c    greed: floods, codes, abandoned links, sockets that do not read
 *   sim_greedy_probes.c  each violation of the protocol, with the answer that docs/protocol.md promises
 *   sim_greedy_transport.c  those of HTTP and WebSocket
 *
 * Attackers draw from random numbers of their own, so worlds without them stay as they were. */
#ifndef PL_SIM_GREEDY_H
#define PL_SIM_GREEDY_H

#include "client/core/noise/noise.h"
#include "sim.h"

enum {
  SIM_ATTACKERS = 3,
  SIM_GREEDY_IDS = 3,      /* identities of one attacker */
  SIM_GREEDY_SOCKETS = 36, /* of all attackers, at one time */
  SIM_GREEDY_SLOTS = 64,   /* slots of each side that a socket keeps account of */
  SIM_GREEDY_BURNT = 32,
  SIM_GREEDY_SESSIONS = 512,
  SIM_GREEDY_ADDRESSES = 64 /* of one attacker */
};

/* How far a socket has come. */
typedef enum sim_greedy_stage {
  SIM_GREEDY_NONE,
  SIM_GREEDY_DIALLING,
  SIM_GREEDY_HTTP,    /* connected; the answer to its head has not come */
  SIM_GREEDY_HELLO,   /* upgraded; HELLO has not come */
  SIM_GREEDY_LOGIN,   /* it has a challenge */
  SIM_GREEDY_WELCOME, /* LOGIN was sent */
  SIM_GREEDY_READY
} sim_greedy_stage;

typedef enum sim_greedy_link_state {
  SIM_GREEDY_FREE,
  SIM_GREEDY_OPENED, /* an OPEN or CLAIM was sent; or an OFFER came */
  SIM_GREEDY_LINKED, /* ACCEPT came or was sent */
  SIM_GREEDY_DONE    /* RESET was sent; what was on its way may still come */
} sim_greedy_link_state;

/* A link as this socket knows it. */
typedef struct sim_greedy_link {
  uint32_t number; /* 0: the slot was never used */
  uint8_t state;
  bool claim;
  bool proper; /* an OPEN with a handshake that its callee may accept */
  bool broken; /* a violation was sent on it, by this side or perhaps by the other */
  bool ours;   /* the other side is an attacker too, or may be */
  bool spoilt; /* another link had the slot when this one was called: one of the two is dropped */
  bool unsure; /* it was called twice by this number, which may name several links now */
  uint64_t opened_us;
  uint64_t ends_by_us;             /* a violation was sent on it when it was linked: its RESET must come */
  uint32_t nameplate;              /* of a CLAIM */
  uint32_t from_serial, from_link; /* of an OFFER: the socket that called, and its number for the link */
  uint32_t sent[2], seen[2];       /* DATA, volatile DATA: how many were sent; the last one that came */
} sim_greedy_link;

/* The answer that a probe must get. Fields that are 0 are not judged. */
typedef struct sim_greedy_answer {
  int status;      /* of HTTP; -1: the socket ends without a byte */
  int reason;      /* of RESET on link 0 */
  int code;        /* of the close frame */
  int link_reason; /* of RESET on the probe's own link; the socket lives on */
  bool silence;    /* nothing: the socket lives on, and the next thing that comes is PONG */
} sim_greedy_answer;

typedef struct sim_greedy_probe sim_greedy_probe;

/* The last call of a socket with a handshake that is in order. */
typedef struct sim_greedy_peer {
  uint32_t link;
  bool odd; /* something in its message 1 is wrong */
  bool up;  /* it was accepted */
  pl_noise_handshake handshake;
  pl_noise_link keys;
  uint8_t seen[600]; /* what a client sent last */
  size_t seen_size;
} sim_greedy_peer;

/* A session of an honest client with an attacker. */
typedef struct sim_greedy_session {
  int client, life;
  uint32_t number; /* 0: free */
} sim_greedy_session;

typedef struct sim_greedy_socket {
  sim_world *world;
  sim_conn *conn; /* NULL: this entry is free */
  uint8_t stage;
  uint8_t attacker, identity;
  bool listen, reads, pongs;
  bool closing; /* a close frame came */
  bool refused; /* RESET on link 0 came */
  uint32_t serial;
  uint8_t address[16], instance[8];
  uint8_t hello[512];
  size_t hello_size;
  uint8_t input[512]; /* the head of the relay's answer */
  size_t input_size;
  uint64_t reads_since_us;
  uint64_t next_byte_us; /* of a head that is sent slowly; SIM_NEVER: it is not */
  size_t head_sent;
  const sim_greedy_probe *probe; /* NULL: it is not a probe */
  bool probed;                   /* its violation was sent */
  bool rst_seen;                 /* the RESET that answers the probe came */
  uint32_t probe_link;
  uint64_t answer_by_us;
  uint64_t opened_us;
  uint64_t up_bytes, answer_bytes; /* answer_bytes: what came that nobody else sent */
  uint32_t flooded;                /* the link that it floods; 0: none */
  sim_greedy_peer peer;
  sim_greedy_link own[SIM_GREEDY_SLOTS], offered[SIM_GREEDY_SLOTS];
} sim_greedy_socket;

struct sim_greedy_probe {
  const char *name;
  sim_greedy_stage stage;             /* it is sent at this stage */
  bool (*send)(sim_greedy_socket *s); /* returns false when it could not be sent */
  sim_greedy_answer answer;
};

typedef struct sim_attacker {
  pl_identity ids[SIM_GREEDY_IDS];
  uint8_t instances[4][8]; /* those that it uses again and again */
  uint64_t next_act_us;
  unsigned gap_ms;
  unsigned id_count; /* those that it uses */
  uint8_t prefix[6]; /* of its addresses */
  unsigned addresses;
  unsigned misses[SIM_GREEDY_ADDRESSES]; /* NO_CODE that each address heard from this life of the relay */
} sim_attacker;

typedef struct sim_greedy {
  sim_world *world;
  sim_random random;
  int count;
  bool goes_on; /* also after the world has healed */
  bool forges;  /* honest clients get records that do not open */
  bool left;    /* all have gone for good */
  bool siege;   /* sim_siege.h */
  sim_random siege_random;
  sim_attacker attackers[SIM_ATTACKERS];
  sim_greedy_socket sockets[SIM_GREEDY_SOCKETS];
  uint32_t serials;
  uint64_t burnt_us[SIM_GREEDY_BURNT];
  uint32_t burnt[SIM_GREEDY_BURNT]; /* nameplates whose creator said WRONG_CODE to an attacker */
  size_t burnt_count;
  /* before the bytes that the relay handles now */
  uint64_t bus_before, links_before, part_before, codes_before;
  uint64_t relay_since_us; /* when the relay started */
  uint64_t tight_us;       /* when half of a worker's budget of bytes was last in use; 0: never */
  uint64_t answered;       /* probes */
  bool met[SIM_CLIENTS];   /* an attacker called it properly */
  sim_greedy_session sessions[SIM_GREEDY_SESSIONS];
} sim_greedy;

/* sim_greedy.c: what the rest of the simulator calls. Each does nothing in a world without attackers. */
void sim_greedy_choose(sim_world *w); /* decides whether the world has attackers; before its scene is set */
void sim_greedy_init(sim_world *w);   /* after the relay has its settings */
void sim_greedy_free(sim_world *w);
uint64_t sim_greedy_due(const sim_world *w);
bool sim_greedy_happen(sim_world *w); /* returns false when nothing was due */
void sim_greedy_relay_starts(sim_world *w);
void sim_greedy_heal(sim_world *w);
void sim_greedy_stop(sim_world *w);       /* all leave for good */
bool sim_greedy_gone(const sim_world *w); /* they have left, and the relay has forgotten them */
bool sim_greedy_forges(const sim_world *w);
bool sim_greedy_is(const sim_world *w, const uint8_t id[32]);
/* The owner of a connection (sim_net.c). */
uint64_t sim_greedy_conn_due(const sim_conn *k, uint64_t due_us);
void sim_greedy_established(sim_conn *k);
void sim_greedy_bytes(sim_conn *k, uint8_t *data, size_t n);
void sim_greedy_socket_gone(sim_conn *k);
const uint8_t *sim_greedy_address(const sim_conn *k);

/* Inside. */
sim_greedy_socket *sim_greedy_open(sim_greedy *g, int attacker); /* NULL: there are too many */
void sim_greedy_leave(sim_greedy_socket *s, bool clean);
void sim_greedy_act(sim_greedy *g, int attacker);
void sim_greedy_offered(sim_greedy_socket *s, uint32_t link); /* somebody calls it */
void sim_greedy_start_probe(sim_greedy *g, int attacker);
void sim_greedy_probe_ready(sim_greedy_socket *s); /* the socket has reached another stage */

/* sim_greedy_wire.c */
enum { SIM_GREEDY_MAGIC = 0x47524459, SIM_GREEDY_MARK = 12, SIM_GREEDY_DATA = SIM_GREEDY_MARK + 5 };
bool sim_greedy_room(const sim_greedy_socket *s, size_t n);
bool sim_greedy_raw(sim_greedy_socket *s, const void *data, size_t n); /* returns false when there is no room */
bool sim_greedy_frame(sim_greedy_socket *s, int first_byte, const void *payload, size_t n);
bool sim_greedy_message(sim_greedy_socket *s, const void *payload, size_t n); /* one binary message */
bool sim_greedy_envelope(sim_greedy_socket *s, uint8_t type, uint8_t flags, uint32_t link, const void *payload,
                         size_t n);
bool sim_greedy_head(sim_greedy_socket *s);
/* Writes LOGIN. `id` may be another's. Returns its size. */
size_t sim_greedy_login(sim_greedy_socket *s, pl_wire_login *login, const pl_identity *signer, uint8_t out[1200]);
bool sim_greedy_log_in(sim_greedy_socket *s);
size_t sim_greedy_put_open(sim_greedy_socket *s, uint8_t *out, uint32_t link, const uint8_t id[32],
                           const uint8_t instance[8], size_t handshake);
size_t sim_greedy_put_claim(sim_greedy_socket *s, uint8_t *out, uint32_t link, uint32_t nameplate);
size_t sim_greedy_put_data(sim_greedy_socket *s, uint8_t *out, uint32_t link, bool is_volatile, size_t size);
size_t sim_greedy_put_reset(sim_greedy_socket *s, uint8_t *out, uint32_t link, int reason);
sim_greedy_link *sim_greedy_link_at(sim_greedy_socket *s, uint32_t number); /* NULL: not kept account of */
uint32_t sim_greedy_next_number(sim_greedy_socket *s);                      /* of an unused slot; 0: there is none */
const pl_identity *sim_greedy_identity(const sim_greedy_socket *s);

/* sim_greedy_checks.c */
void sim_greedy_hears(sim_greedy_socket *s, const pl_envelope *e);
void sim_greedy_closes(sim_greedy_socket *s, int code);
void sim_greedy_status(sim_greedy_socket *s, int status);
void sim_greedy_ends(sim_greedy_socket *s);
void sim_greedy_late(sim_greedy_socket *s); /* no answer came in time */

/* sim_greedy_relay.c */
void sim_greedy_before(sim_conn *k);          /* the relay is about to handle bytes of this connection */
void sim_greedy_after(sim_conn *k, size_t n); /* it has handled n bytes */
void sim_greedy_turn(const sim_worker *v);    /* a worker has done its turn; before its sockets are written */
/* An honest client hears these envelopes. */
void sim_greedy_honest_hears(sim_client *c, const uint8_t *data, size_t size);

/* sim_greedy_peer.c */
void sim_greedy_call(sim_greedy_socket *s); /* calls an honest client */
void sim_greedy_accepted(sim_greedy_socket *s, const pl_envelope *e);
void sim_greedy_peer_data(sim_greedy_socket *s, const pl_envelope *e);
void sim_greedy_misbehave(sim_greedy_socket *s);
/* Returns true when an honest client of this ID may have a session with an attacker, told or not told yet. */
bool sim_greedy_met(const sim_world *w, const uint8_t id[32]);
/* Returns true when what an honest client is told is about an attacker, and not for its application. */
bool sim_greedy_told(const sim_client *c, const pl_engine_action *a);

/* sim_greedy_transport.c */
extern const sim_greedy_probe sim_greedy_transport_probes[];
extern const size_t sim_greedy_transport_count;

#endif
