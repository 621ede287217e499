/* The simulator: clients, a relay of one worker or several, and the network and the disk between them, in one process
 * and in virtual time. One seed decides everything. The clients are real engines and the relay is the real core; only
 * what the shells and the world do is simulated. Files:
 *
 *   main.c          arguments, seeds, reports
 *   sim_world.c     the clock: what happens next; the phases of a run
 *   sim_random.c    the seed's numbers
 *   sim_net.c       connections: delay, bandwidth, cut, silence, stall
 *   sim_relay.c     the relay's shell: sockets and store; crash and restart
 *   sim_bus.c       the bus between its workers: late, stalled, lost
 *   sim_client.c    the client's shell: WebSocket, actions, output; crash, suspension
 *   sim_app.c       applications that use the client at random
 *   sim_strangers.c whom they let in: allow, deny, block, invites
 *   sim_codes.c     pairing by code, right and wrong
 *   sim_limits.c    worlds with small limits; sim_crowds.c, sim_admission.c, sim_poor.c: others that reach limits
 *   sim_ledger.c    what was sent, and what must hold for what arrives
 *   sim_promises.c  what else clients promise: connections, ends, recovery
 *   sim_credit.c    … what their sessions count and grant
 *   sim_records.c   what they write into records
 *   sim_heard.c     … and read in them
 *   sim_retry.c     how patiently they try again, and that they move
 *   sim_alive.c     what they say while the relay is silent
 *   sim_whom.c      with whom their sessions are
 *   sim_engine.c    whether the parts of an engine agree
 *   sim_faults.c    what goes wrong
 *   sim_moves.c     … clients are told to move
 *   sim_figures.c   what a run counted, and sums of it
 *   sim_batch.c     many seeds in several processes
 *   sim_watch.c     what a crash or a hang says
 *   sim_bands.c     whether the figures of many seeds are what they were
 *   sim_character.c what a world is like, in a line
 *   sim_greedy*.c   greedy and hostile clients
 *   sim_inside.h    what the relay promises, seen from inside
 *   sim_wire*.c     what the relay promises, judged by what it reads and writes
 *   sim_sodium.c    cheap stand-ins for the primitives (not in pl-sim-real)
 */
#ifndef PL_SIM_H
#define PL_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/core/code/code.h"
#include "client/core/engine/action_queue.h"
#include "client/core/engine/engine.h"
#include "client/core/ws/ws.h"
#include "relay/core/relay.h"
#include "sim_figures.h"
#include "sim_inside.h"
#include "sim_wire.h"

#define SIM_NEVER UINT64_MAX
#define SIM_MS(ms) ((uint64_t)(ms)*1000)

enum {
  SIM_CLIENTS = 6,
  SIM_CLIENTS_USUAL = 4, /* more only in crowds */
  SIM_CONNS = 96,
  SIM_SESSIONS = 16,
  SIM_CHANNELS = 4,
  SIM_JOBS = 64,
  SIM_KNOWN = 16,
  SIM_WORKERS = 3,
  SIM_INVITES = 16,
  SIM_CODES = 64,
  SIM_START_US = 1000000
};

/* ---- chance ------------------------------------------------------------------------------------------------------ */
typedef struct sim_random {
  uint64_t state[2];
} sim_random;

void sim_random_init(sim_random *r, uint64_t seed);
uint64_t sim_next(sim_random *r);
uint64_t sim_below(sim_random *r, uint64_t limit);             /* 0 to limit - 1 */
uint64_t sim_between(sim_random *r, uint64_t lo, uint64_t hi); /* both included */
bool sim_chance(sim_random *r, unsigned percent);
uint64_t sim_log_between(sim_random *r, uint64_t lo, uint64_t hi); /* small ones are as likely as large ones */
void sim_fill(sim_random *r, void *out, size_t n);

/* ---- network ----------------------------------------------------------------------------------------------------- */
typedef struct sim_chunk {
  struct sim_chunk *next;
  uint64_t arrives_us;
  size_t size, at;
  uint8_t data[];
} sim_chunk;

/* One direction of a connection. */
typedef struct sim_pipe {
  sim_chunk *first, *last;
  size_t waiting, capacity; /* bytes written that have not arrived */
  uint64_t busy_until_us, last_arrival_us, held_until_us, end_us;
  uint32_t delay_us, jitter_us, bytes_per_ms;
  bool silent; /* nothing arrives any more, and neither side is told */
  bool blocked;
} sim_pipe;

typedef enum sim_conn_state {
  SIM_CONN_FREE,
  SIM_CONN_DIALLING,
  SIM_CONN_UPGRADING,
  SIM_CONN_OPEN,
  SIM_CONN_LEFT
} sim_conn_state;

typedef struct sim_world sim_world;
typedef struct sim_client sim_client;

typedef struct sim_conn {
  sim_world *world;
  sim_conn_state client_state; /* LEFT: the client has finished with it */
  sim_client *client;          /* NULL: an attacker's */
  int client_life;
  pl_relay_conn *relay_conn; /* NULL: the relay does not have it, or no longer */
  struct sim_worker *worker;
  struct sim_greedy_socket *greedy; /* of an attacker instead of a client; NULL once it has left */
  bool hostile_peer;                /* an attacker has or had it */
  bool accepted, relay_left, relay_finishing, refused;
  uint64_t established_us, client_told_us, relay_told_us;
  uint64_t took_us; /* when the relay's socket last took bytes, or had none to take */
  sim_pipe up, down;
  char head[512];
  size_t head_size;
  pl_ws ws;
} sim_conn;

/* ---- the relay's shell ------------------------------------------------------------------------------------------- */
typedef struct sim_relay sim_relay;

typedef struct sim_worker {
  sim_relay *relay;
  unsigned number;
  pl_relay *core;
  sim_inside inside;
} sim_worker;

typedef struct sim_job {
  bool used;
  bool registers, claims; /* registers: it is to register the ID, with this claim of a token when it claims one */
  sim_worker *worker;
  pl_relay_conn *conn;
  uint8_t id[32];
  pl_relay_token_claim claim;
  uint64_t done_us;
} sim_job;

struct sim_relay {
  sim_world *world;
  bool up;
  sim_worker workers[SIM_WORKERS];
  unsigned worker_count;
  pl_relay_shared *shared;                /* by the workers; NULL when there is only one */
  sim_pipe bus[SIM_WORKERS][SIM_WORKERS]; /* from, to */
  uint32_t bus_delay_us, bus_jitter_us;
  size_t bus_capacity;
  pl_relay_config config;
  pl_identity identity;
  uint64_t restart_us; /* while it is down */
  uint64_t ends_us;    /* after a drain */
  uint64_t store_slow_until_us;
  bool registers_late;     /* a registration takes time of its own, after its lookup */
  sim_random store_random; /* decides that, and how late */
  uint8_t known[SIM_KNOWN][32];
  size_t known_count;
  sim_job jobs[SIM_JOBS];
  size_t jobs_used;
};

/* ---- ledger ------------------------------------------------------------------------------------------------------ */
typedef enum sim_fate { SIM_SENT, SIM_DELIVERED, SIM_LOST, SIM_GIVEN_UP } sim_fate;

typedef struct sim_message {
  uint64_t place;
  uint32_t size;
  uint8_t fate;
} sim_message;

/* One direction of a channel, from place 0 on, as its sender knows it. */
typedef struct sim_stream {
  uint32_t id;
  int sender, receiver; /* clients */
  int receiver_life;
  int channel; /* index into sim_channel_numbers */
  bool bound;  /* a receiver has started to read it */
  bool finished, was_reset;
  sim_message *messages;
  size_t count, capacity;
  size_t next_read; /* the message that its receiver must get next */
  uint64_t end;     /* places written */
  uint64_t delivered_to, read_to, taken_to;
} sim_stream;

/* A volatile message; its number is in its text. */
typedef struct sim_volatile {
  int sender, sender_life, receiver; /* clients */
  uint32_t session;                  /* the sender's number for it */
  uint64_t sent_us;
  bool came;
} sim_volatile;

typedef struct sim_side {
  sim_stream *out, *in;
  bool wants_writable, in_ended;
  uint64_t read_to, taken_to; /* of the peer's direction */
} sim_side;

typedef struct sim_session {
  bool used, linked, closing, invited;
  uint64_t unlinked_ms;
  uint32_t number;
  int peer; /* client */
  uint8_t peer_instance[8];
  sim_side sides[SIM_CHANNELS];
  uint64_t volatile_seen; /* 1 + the highest number */
  uint32_t sending_link;
  uint64_t link_changed_us; /* when it started to send on this link */
} sim_session;

/* ---- the client's shell ------------------------------------------------------------------------------------------ */
/* What an application decided about an ID. */
typedef enum sim_decision { SIM_UNDECIDED, SIM_ALLOWED, SIM_IGNORED, SIM_REFUSED, SIM_BLOCKED } sim_decision;

struct sim_client {
  sim_world *world;
  int index, life;
  pl_engine *engine; /* NULL while crashed */
  pl_engine_config config;
  uint64_t restart_us, asleep_until_us, cut_off_until_us, lossy_until_us, hostile_until_us;
  sim_conn *conn;
  uint32_t bytes_per_ms;        /* of its line; 0: no limit */
  pl_engine_action_queue queue; /* of the shell, as in client/lib */
  pl_engine_queued_action *in_hand;
  bool online, stopped;
  bool told_online, checking; /* what the actions said; sim_alive.c */
  uint64_t relay_heard_ms;
  uint64_t asked_ms;   /* when something was sent that has an answer, unless the relay was heard since: PL_NEVER */
  size_t calls_due;    /* before this step, as had_output; sim_alive.c */
  bool had_output;     /* something waited to be sent */
  bool starved;        /* an allocation failed in the last step */
  uint64_t step_at_us; /* of the spin check */
  unsigned steps_there;
  sim_session sessions[SIM_SESSIONS];
  uint64_t next_act_us, take_at_us;
  sim_decision decided[SIM_CLIENTS]; /* about the ID of each client */
  bool has_refused[SIM_CLIENTS];     /* at any time */
  bool dialled[SIM_CLIENTS], invited[SIM_CLIENTS];
  bool knocked[SIM_CLIENTS]; /* a knock of this ID was reported, and not answered since */
};

typedef struct sim_invite {
  int maker, maker_life; /* maker_life: the secret is lost with its maker's state */
  uint8_t secret[16];
  uint64_t expires_ms;
  bool single, revoked;
  int claimed_by; /* -1: nobody */
} sim_invite;

/* A code that a client made or used. */
typedef struct sim_code {
  int client, life;
  uint32_t handle;
  int of; /* the code that the client used; -1: it made this one */
  bool shown, over;
  bool wrong; /* it was used with wrong words: by this client, or, if it made the code, by another */
  pl_code code;
} sim_code;

/* ---- the world --------------------------------------------------------------------------------------------------- */
typedef enum sim_phase { SIM_ACTIVE, SIM_HEALED, SIM_STOPPING, SIM_EMPTYING, SIM_DONE } sim_phase;

struct sim_world {
  uint64_t seed, now_us, steps;
  sim_random random;
  sim_random extra; /* for what was added later, so that worlds without it stay as they were */
  bool trace;
  jmp_buf failed;
  char verdict[512];
  sim_phase phase;
  uint64_t healed_us, stopping_us, empty_us, next_fault_us;
  unsigned faults_left;
  /* the character of this run */
  uint32_t delay_us, jitter_us, bytes_per_ms;
  size_t socket_bytes, relay_socket_bytes;
  unsigned act_mean_ms, drop_percent;
  uint32_t message_max;
  bool large, flood, split_reads, manual_take;
  bool hostile;              /* the relay may change and repeat records */
  bool tampered;             /* it did */
  bool lossy;                /* records get lost all the time */
  bool twins;                /* some share an ID, as tabs or devices do */
  bool starving;             /* clients run out of memory now and then */
  bool forgetful;            /* so do their shells, which then end the client */
  sim_random queue_random;   /* decides that, and whether this run is forgetful */
  bool strangers;            /* applications allow, deny, block, invite */
  bool new_links;            /* links are replaced after few bytes */
  bool long_fat;             /* lines hold much data on its way */
  bool pairing;              /* applications make and use codes */
  sim_random code_random;    /* decides that, and whether this run pairs */
  bool moves;                /* clients are told to move (sim_moves.h) */
  sim_random moves_random;   /* decides that */
  struct sim_limits *limits; /* NULL: an ordinary world */
  uint64_t fault_gap_us;
  struct sim_greedy *greedy; /* attackers; NULL: none */
  int clients_count;
  sim_client clients[SIM_CLIENTS];
  sim_relay relay;
  sim_wire *observer; /* of what the relay reads and writes */
  sim_conn conns[SIM_CONNS];
  size_t conns_used;            /* all others are free */
  uint64_t conn_due[SIM_CONNS]; /* in this step, before anything happens */
  sim_stream **streams;
  size_t stream_count, stream_capacity;
  sim_invite invites[SIM_INVITES]; /* the newest ones */
  size_t invite_count;
  sim_code codes[SIM_CODES]; /* the newest ones */
  size_t code_count;
  sim_volatile *volatiles;
  size_t volatile_count, volatile_capacity;
  sim_chunk *in_hand; /* it arrived, and is being read */
  uint8_t *scratch;   /* one WebSocket message */
  uint8_t *wire;      /* the same, framed */
  uint8_t *received;  /* one that lost, gained or changed records on its way */
  uint8_t *text;      /* what a message must contain */
  unsigned shakes;    /* stays for all seeds; each number gives the same worlds other chances */
  sim_figures figures;
  struct sim_promises *promises; /* sim_promises.h */
  struct sim_retry *retry;       /* sim_retry.h */
};

enum { SIM_SCRATCH = 300000, SIM_TEXT = 70000 };

extern const uint8_t sim_channel_numbers[SIM_CHANNELS];
extern const uint8_t sim_address[16];

/* Ends the run, because a promise was broken. */
void sim_fail(sim_world *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void sim_trace(sim_world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline uint64_t sim_now_ms(const sim_world *w) {
  return w->now_us / 1000;
}

/* sim_net.c */
void sim_pipe_init(sim_world *w, sim_pipe *p, uint32_t bytes_per_ms);
size_t sim_pipe_room(const sim_pipe *p);
size_t sim_pipe_write(sim_world *w, sim_pipe *p, const uint8_t *data,
                      size_t n);       /* writes what fits, and returns its size */
sim_chunk *sim_pipe_read(sim_pipe *p); /* removes the first one, which the caller frees */
void sim_pipe_clear(sim_pipe *p);
uint64_t sim_pipe_due(const sim_pipe *p);
sim_conn *sim_conn_dial(sim_world *w, sim_client *c); /* NULL: for an attacker */
uint64_t sim_conn_due(const sim_conn *k);
void sim_conn_happen(sim_conn *k); /* does what is due now */
void sim_conn_client_leaves(sim_conn *k, bool clean);
void sim_conn_relay_leaves(sim_conn *k, bool clean);
void sim_conn_cut(sim_conn *k); /* both sides are told */
void sim_conn_release(sim_conn *k);

/* sim_relay.c */
void sim_relay_init(sim_world *w);
void sim_relay_start(sim_relay *r);
void sim_relay_crash(sim_relay *r, uint64_t down_us, bool silent);
void sim_relay_deinit(sim_relay *r);
void sim_relay_accept(sim_relay *r, sim_conn *k);
void sim_relay_bytes(sim_conn *k, uint8_t *data, size_t n);
void sim_relay_socket_gone(sim_conn *k);
void sim_relay_writable(sim_conn *k);
uint64_t sim_relay_due(const sim_relay *r);
void sim_relay_happen(sim_relay *r);
void sim_relay_drain(sim_relay *r);
void sim_relay_turn(sim_worker *v); /* after anything that happened at this worker */

/* sim_bus.c */
void sim_bus_init(sim_world *w);
void sim_bus_start(sim_relay *r);
void sim_bus_end(sim_relay *r);
void sim_bus_flush(sim_worker *v);
uint64_t sim_bus_due(const sim_relay *r);
bool sim_bus_happen(sim_relay *r); /* returns false when nothing was due */
void sim_bus_fault(sim_world *w);
void sim_bus_lose(sim_relay *r, unsigned from, unsigned to); /* one direction, and nobody is told */
void sim_bus_heal(sim_relay *r);

/* sim_alive.c: looks at each step of a client, of either engine, and at what it sends */
void sim_alive_start(sim_client *c);
void sim_alive_before(sim_client *c, const pl_engine_event *in);
void sim_alive_sent(sim_client *c, const uint8_t *message, size_t n);
void sim_alive_step(sim_client *c, const pl_engine_event *in, const pl_engine_result *out);

/* sim_client.c */
void sim_client_init(sim_world *w, int index);
void sim_client_start(sim_client *c);
void sim_client_crash(sim_client *c, uint64_t down_us, bool new_instance);
void sim_client_deinit(sim_client *c);
/* One step has two halves: the engine is fed, then its actions are executed. Nothing between the two may step the same
 * engine. */
int sim_client_begin(sim_client *c, const pl_engine_event *in, pl_engine_result *out);
void sim_client_end(sim_client *c, const pl_engine_result *out);
int sim_client_step(sim_client *c, const pl_engine_event *in); /* both halves */
void sim_client_pump(sim_client *c);
void sim_client_established(sim_client *c, sim_conn *k);
void sim_client_bytes(sim_client *c, sim_conn *k, uint8_t *data, size_t n);
void sim_client_socket_gone(sim_client *c, sim_conn *k, int error);
uint64_t sim_client_due(const sim_client *c);
void sim_client_happen(sim_client *c);

/* sim_app.c */
void sim_app_act(sim_client *c);
void sim_app_started(sim_client *c);
void sim_app_action(sim_client *c, const pl_engine_action *a);
void sim_app_take(sim_client *c, bool all);
void sim_app_heal(sim_client *c);
bool sim_app_settled(const sim_client *c, char *why, size_t size);
sim_session *sim_session_of(sim_client *c, uint32_t number);
sim_session *sim_session_new(sim_client *c, uint32_t number, int peer);
int sim_client_of(const sim_world *w, const uint8_t id[32], const uint8_t instance[8]);
bool sim_same_id(const sim_world *w, int a, int b);

/* sim_strangers.c */
void sim_strangers_started(sim_client *c);
void sim_strangers_act(sim_client *c);
void sim_strangers_allow(sim_client *c, int peer);
void sim_strangers_allow_all(sim_client *c);
pl_view sim_strangers_secret(sim_client *c, int peer); /* of an invite that this peer made, or empty */
/* Returns `peer`, or now and then one whose invite somebody has claimed: its link is passed on. */
int sim_strangers_peer(sim_client *c, int peer);
void sim_strangers_knock(sim_client *c, const pl_engine_action *a);
void sim_strangers_claimed(sim_client *c, const pl_engine_action *a);
void sim_strangers_begin(sim_client *c, int peer); /* the peer started a session */

void sim_strangers_note(sim_client *c, int peer, sim_decision decided); /* notes it without a command */
bool sim_strangers_refused(const sim_client *c, int peer); /* the ID of `peer` has refused this client at some time */

/* sim_codes.c */
void sim_codes_act(sim_client *c);
void sim_codes_make(sim_client *c);
void sim_codes_action(sim_client *c, const pl_engine_action *a);

/* sim_ledger.c */
uint32_t sim_size(sim_world *w, const sim_stream *st);
void sim_text_of(const sim_world *w, const sim_stream *st, size_t index, uint8_t *out, uint32_t size);
sim_stream *sim_stream_out(sim_client *c, sim_session *s, int channel); /* makes one when there is none */
void sim_ledger_sent(sim_world *w, sim_stream *st, uint32_t size, uint64_t place);
void sim_ledger_read(sim_client *c, sim_session *s, const pl_engine_action *a);
void sim_ledger_end(sim_client *c, sim_session *s, const pl_engine_action *a);
void sim_ledger_channel_reset(sim_client *c, sim_session *s, const pl_engine_action *a);
void sim_ledger_delivered(sim_client *c, sim_session *s, const pl_engine_action *a);
void sim_ledger_lost(sim_client *c, sim_session *s, const pl_engine_action *a);
void sim_ledger_streams_end(sim_client *c, sim_session *s); /* everything that did not arrive must have been reported */
uint64_t sim_ledger_volatile_sent(sim_client *c, const sim_session *s); /* returns its number */
void sim_ledger_volatile(sim_client *c, sim_session *s, const pl_engine_action *a);
void sim_ledger_bounds(sim_client *c, const sim_session *s);
void sim_ledger_free(sim_world *w);
int sim_channel_index(sim_world *w, uint8_t number);

/* sim_faults.c */
void sim_fault(sim_world *w);
void sim_heal(sim_world *w);

/* sim_world.c */
bool sim_run(uint64_t seed, bool trace, sim_world *w); /* returns false, with w->verdict, when a promise was broken */

#endif
