/* What the parts of the relay's engine share: its structures, and who calls whom. See relay.h for the outside.
 *
 *   relay.c   life of a relay and its connections, deadlines, output
 *   front.c   bytes in: HTTP, then WebSocket messages, then envelopes
 *   login.c   HELLO, LOGIN, WELCOME
 *   router.c  peer ID → sockets and waiting OPENs
 *   link.c    slots, the table of allowed moves, forwarding
 *   queue.c   a socket's output buffer, link queues, budgets
 *   limits.c  rates by address and by ID
 *   shares.c  who holds how much: accounts by address, the budget of bytes, connections by address
 *   bus.c     the other workers, and which sockets they have
 *   knocks.c  friends and strangers: pairs that were linked, lists of PEERS, budgets of knocks
 *   nameplates.c  numbers of pairing codes, and who may claim them */
#ifndef PL_RELAY_INTERNAL_H
#define PL_RELAY_INTERNAL_H

#include <stdatomic.h>

#include "../../client/core/ws/ws.h"
#include "relay.h"

enum {
  PL_RELAY_OUT_DIRECT = 65536,     /* above this, links queue for themselves */
  PL_RELAY_OUT_SMALL = 4096,       /* first size of an output buffer; almost all stay there */
  PL_RELAY_OUT_LARGE = 140 * 1024, /* PL_RELAY_OUT_DIRECT, one more of the largest envelopes, and frame headers */
  PL_RELAY_OUT_SMALL_KEPT = 1024,  /* free buffers that are kept: as many as one turn writes to, with many sockets */
  PL_RELAY_OUT_LARGE_KEPT = 64,
  PL_RELAY_OUT_MUCH = 16384,      /* so much goes out before the turn ends */
  PL_RELAY_OUT_LENT = 128 * 1024, /* at most so much at once straight from the read buffer; fits PL_RELAY_OUT_LARGE */
  PL_RELAY_ENVELOPE_MAX = PL_CONST_ENVELOPE_HEADER_BYTES + UINT16_MAX,
  PL_RELAY_CHUNK_BYTES = 16384,       /* of a link's queue */
  PL_RELAY_QUANTUM = 16384,           /* bytes that one link gives when its turn has come */
  PL_RELAY_CONTROL_QUEUE_MAX = 65536, /* control envelopes that wait for a socket that does not read */
  PL_RELAY_LOGIN_MESSAGE_MAX = 4096,  /* of a WebSocket message before login */
  PL_RELAY_RATE_TABLE = 4096,         /* addresses, or IDs, whose rates are remembered */
  PL_RELAY_RATE_TABLE_LARGE = 32768,  /* the same of pairs of them */
  PL_RELAY_PAIR_TABLE = 32768,        /* pairs that were linked before */
  PL_RELAY_NAMEPLATE_WHEEL = 64       /* steps, see nameplates.c */
};

/* ---- states of a connection ---------------------------------------------------------------------------------- */
typedef enum pl_relay_conn_state {
  PL_RELAY_CONN_HTTP,      /* reading the request's head */
  PL_RELAY_CONN_ANSWER,    /* writing a page or a refusal; then FINISH */
  PL_RELAY_CONN_LOGIN,     /* HELLO sent */
  PL_RELAY_CONN_STORING,   /* LOGIN is good, its registration is being committed */
  PL_RELAY_CONN_READY,     /* logged in */
  PL_RELAY_CONN_CLOSING,   /* close frame sent, theirs awaited */
  PL_RELAY_CONN_FINISHING, /* what is left is being written, nothing is read any more */
  PL_RELAY_CONN_ABORTED,   /* the shell shall close it */
  PL_RELAY_CONN_GONE,      /* the shell closed it; lives on until the store answered */
  PL_RELAY_CONN_BUS,       /* no socket but another worker, see bus.h; never another state */
  PL_RELAY_CONN_STATES
} pl_relay_conn_state;

/* ---- output ------------------------------------------------------------------------------------------- */
/* Whole WebSocket frames, then perhaps one frame still open at the end: its header is written when it is flushed. */
typedef struct pl_relay_out {
  uint8_t *memory;
  uint32_t capacity, start, end;
  uint32_t frame_at; /* where the open frame's reserved header begins */
  bool frame_open;
} pl_relay_out;

typedef struct pl_relay_chunk {
  struct pl_relay_chunk *next;
  uint32_t capacity, start, end;
  uint8_t bytes[];
} pl_relay_chunk;

/* Envelopes of one link that wait for one socket. `cost` is what the window counts, `memory` what the budgets count. */
typedef struct pl_relay_queue {
  pl_node turn; /* in pl_relay_conn.turns while not empty */
  pl_node all;  /* in pl_relay.queues while not empty */
  pl_relay_chunk *head, *tail;
  pl_relay_chunk *scan; /* before this place there is no volatile envelope that still counts */
  uint32_t scan_at;
  size_t cost, memory, volatile_count;
} pl_relay_queue;

/* ---- links -------------------------------------------------------------------------------------------- */
typedef enum pl_relay_link_state {
  PL_RELAY_LINK_OFFERED,
  PL_RELAY_LINK_REFUSED,
  PL_RELAY_LINK_LINKED,
  PL_RELAY_LINK_ENDED,
  PL_RELAY_LINK_STATES
} pl_relay_link_state;
enum { PL_RELAY_CALLER = 0, PL_RELAY_CALLEE = 1 };

/* One socket's end of a link. It outlives the link while a RESET waits behind data (`ending`). */
typedef struct pl_relay_half {
  pl_relay_conn *conn; /* NULL: not there yet, or no more */
  uint32_t number;
  uint8_t side; /* PL_RELAY_CALLER or PL_RELAY_CALLEE: its place in the link */
  bool ending;
  pl_relay_queue queue;
} pl_relay_half;

typedef struct pl_relay_presence pl_relay_presence;
typedef struct pl_relay_remote pl_relay_remote;       /* see bus.h */
typedef struct pl_relay_bus_node pl_relay_bus_node;   /* see bus.h */
typedef struct pl_relay_nameplate pl_relay_nameplate; /* see nameplates.h */
typedef struct pl_relay_account pl_relay_account;     /* see shares.h */

typedef struct pl_relay_link {
  pl_relay_half half[2];
  uint8_t state;
  bool from_bus; /* its caller is on another worker, which has the other part of it, and its time */
  bool knock;    /* by a stranger: counted as such at its target */
  bool newcomer; /* by one who has not knocked there for a while */
  bool claim;    /* made by CLAIM; its handshake is that payload */
  uint8_t target_instance[8];
  pl_node timed;   /* in pl_relay.opens while offered or refused */
  pl_node waiting; /* in pl_relay_presence.waiting while no OFFER was sent */
  uint64_t deadline_ms;
  pl_relay_presence *target; /* while offered, and counted there */
  uint64_t asked;            /* generation of the socket on another worker that it was last offered to */
  uint8_t *handshake;        /* kept while waiting */
  uint16_t handshake_size;
} pl_relay_link;

/* A slot: the number that its last or present link has here. */
typedef struct pl_relay_slot {
  pl_relay_half *half;
  uint32_t number;
} pl_relay_slot;

typedef struct pl_relay_slots {
  pl_relay_slot *at;
  uint32_t count;
} pl_relay_slots;

/* ---- peers -------------------------------------------------------------------------------------------- */
/* An ID that has sockets here, or OPENs that wait for it. */
struct pl_relay_presence {
  pl_relay_presence *next; /* in its bucket */
  uint8_t id[32];
  pl_node sockets; /* pl_relay_conn.same_id, newest last */
  pl_node waiting; /* pl_relay_link.waiting, oldest first */
  pl_node remotes; /* pl_relay_remote.same_id: sockets on other workers */
  uint32_t socket_count, remote_count;
  uint32_t open_count, knock_count; /* OPENs for it that are not decided; those of strangers among them */
  uint32_t claim_count;             /* and CLAIMs, also among them */
  pl_node nameplates;               /* pl_relay_nameplate.same_owner */
  uint32_t nameplate_count;
};

/* What a connection needs before it is logged in only. */
typedef struct pl_relay_prologue {
  pl_relay_http http;
  uint8_t challenge[32];
  uint8_t transcript[64];
  uint8_t id[32];
  uint64_t hello_ms;
  bool has_token;
  pl_relay_token_claim token;
  bool over_limit; /* gets no further than to be told so */
} pl_relay_prologue;

/* Whom a socket allows and blocks: see knocks.c. */
typedef struct pl_relay_peer_list {
  uint64_t *keys;
  uint32_t count, capacity;
} pl_relay_peer_list;

struct pl_relay_conn {
  pl_relay *relay;
  void *shell;
  pl_node timed; /* in one of pl_relay's lists by state, oldest first */
  pl_node dirty; /* in pl_relay.dirty */
  pl_node same_id;
  pl_node same_account; /* in pl_relay_account.conns while it holds anything */
  pl_relay_account *account;
  size_t held;        /* of the budget: its output, its queues, what its OPENs keep */
  uint64_t crowd_key; /* of the address it is counted to; 0: to none */
  uint64_t number, opened_ms, heard_ms, listed_ms;
  uint64_t generation; /* of its login: the newest has the highest, over all workers */
  pl_relay_conn_state state;
  bool is_dirty, blocked, listen, pinged, close_sent;
  uint8_t address[16];
  uint8_t instance[8];
  pl_relay_presence *presence;
  pl_relay_prologue *prologue;
  pl_ws ws;
  pl_buffer part;  /* of an envelope whose end has not come yet */
  bool in_message; /* a piece of the present message came already */
  pl_relay_out out;
  pl_view body;            /* of a page, after out */
  pl_buffer control;       /* envelopes that go ahead of data */
  pl_node turns;           /* queues that wait */
  size_t queued;           /* memory of all of them */
  pl_relay_slots slots[2]; /* numbered by the client, by the relay */
  uint32_t next_slot;
  uint64_t opens_us, changes_us; /* rates of its OPENs, and of what it changes; as in pl_relay_rate_entry */
  uint64_t stuck_ms;  /* when its output was first found waiting; 0 again with each byte that its socket takes */
  pl_node untold;     /* in pl_relay.untold while other workers do not have its list of peers as it is now, */
  uint64_t untold_to; /* these, a bit each */
  pl_relay_peer_list peers;
  bool lookup_pending;
};

/* ---- rates by address: fixed memory, whatever comes --------------------------------------------------- */
typedef struct pl_relay_rate_entry {
  _Atomic uint64_t key;
  _Atomic uint64_t due_us; /* when everything taken so far will have been paid for */
} pl_relay_rate_entry;
typedef struct pl_relay_rate {
  pl_relay_rate_entry *entries; /* sets of four */
  size_t sets;
  uint64_t interval_us, burst;
} pl_relay_rate;

typedef struct pl_relay_pair {
  _Atomic uint64_t key, linked_ms;
} pl_relay_pair;
typedef struct pl_relay_pairs {
  pl_relay_pair *entries; /* PL_RELAY_PAIR_TABLE */
} pl_relay_pairs;

/* Connections by address, see shares.c. */
typedef struct pl_relay_crowd {
  _Atomic uint32_t *counts;
} pl_relay_crowd;

/* What the workers of one process have in common. Entries are read and written one by one, without a lock: two workers
 * that write one at the same instant lose one count, never more. */
#define PL_RELAY_LOAD(place) atomic_load_explicit(&(place), memory_order_relaxed)
#define PL_RELAY_STORE(place, value) atomic_store_explicit(&(place), (value), memory_order_relaxed)
struct pl_relay_shared {
  _Atomic uint64_t sockets, generation;
  _Atomic uint64_t started_ms; /* when the first connection came, 0: none did */
  pl_relay_rate connects, registrations;
  pl_relay_crowd crowd;
  pl_relay_rate knocks, knocks_from, knocks_to;   /* by address, caller, callee */
  pl_relay_rate caller_to, address_to, newcomers; /* by callee and caller, callee and address, either */
  pl_relay_rate codes, claims, code_misses;       /* by address */
  pl_relay_pairs pairs;
};

typedef struct pl_relay_accounts {
  pl_relay_account **buckets;
  size_t bucket_count, count;
  pl_node all, holding; /* holding: those that hold anything */
  uint64_t holders;     /* how many these are */
} pl_relay_accounts;

typedef struct pl_relay_nameplates {
  pl_relay_nameplate **buckets;
  size_t bucket_count;
  pl_node wheel[PL_RELAY_NAMEPLATE_WHEEL]; /* by when they end */
  uint64_t due_ms;                         /* when one of them is to be looked at */
  uint64_t drawn;                          /* numbers drawn so far */
} pl_relay_nameplates;

struct pl_relay {
  pl_relay_config config;
  pl_relay_shared *shared, *own_shared;
  pl_relay_bus_node *nodes; /* by number of worker; its own is not used */
  unsigned node_count;
  pl_relay_stats stats;
  uint64_t next_number;
  bool draining;
  uint64_t judge_ms; /* it stood still, and nobody is late before this time; 0: it did not */
  pl_relay_presence **buckets;
  size_t bucket_count, presence_count;
  pl_node dirty, aborted;
  pl_node connecting, answering, quiet, pinged, closing; /* connections, oldest first */
  pl_node opens;                                         /* links, oldest first */
  pl_node queues;
  uint64_t queued_bytes;
  uint8_t *free_small[PL_RELAY_OUT_SMALL_KEPT], *free_large[PL_RELAY_OUT_LARGE_KEPT];
  size_t free_small_count, free_large_count;
  uint64_t peer_entries; /* of all sockets' lists */
  pl_relay_nameplates nameplates;
  pl_relay_accounts accounts;
  pl_node untold; /* pl_relay_conn.untold */
};

static inline uint32_t pl_relay_setting_of(const pl_relay *relay, enum pl_relay_setting setting) {
  return relay->config.settings[setting];
}

/* ---- relay.c */
void pl_relay_conn_move(pl_relay_conn *conn, pl_relay_conn_state state, uint64_t now_ms);
void pl_relay_conn_mark(pl_relay_conn *conn); /* has output or a wish */
void pl_relay_conn_log(const pl_relay_conn *conn, pl_relay_log_level level, const char *event, const char *detail);
/* RESET on link 0, then the close handshake. */
void pl_relay_conn_refuse(pl_relay_conn *conn, int reason, uint64_t now_ms);
/* A close frame; waits for theirs if `wait`. */
void pl_relay_conn_close(pl_relay_conn *conn, uint16_t code, const char *text, bool wait, uint64_t now_ms);
void pl_relay_conn_abort(pl_relay_conn *conn);
void pl_relay_conn_free(pl_relay_conn *conn);
void pl_relay_conn_drop_prologue(pl_relay_conn *conn);
/* ---- login.c */
void pl_relay_login_hello(pl_relay_conn *conn, uint64_t now_ms);
void pl_relay_login_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms);
/* ---- front.c */
void pl_relay_front_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms);
/* ---- router.c */
int pl_relay_router_init(pl_relay *relay) PL_MUST_USE;
void pl_relay_router_deinit(pl_relay *relay);
pl_relay_presence *pl_relay_router_get(pl_relay *relay, const uint8_t id[32], bool make); /* NULL: none, or no memory */
void pl_relay_router_release(pl_relay *relay, pl_relay_presence *presence); /* frees it if nothing uses it */
pl_relay_conn *pl_relay_router_instance(const pl_relay_presence *presence, const uint8_t instance[8]);
pl_relay_remote *pl_relay_router_remote(const pl_relay_presence *presence, const uint8_t instance[8]);
pl_relay_remote *pl_relay_router_add_remote(pl_relay_presence *presence, const uint8_t instance[8]);
void pl_relay_router_drop_remote(pl_relay *relay, pl_relay_presence *presence, pl_relay_remote *remote);
void pl_relay_router_drop_node(pl_relay *relay, uint8_t node); /* all that this worker has */
typedef struct pl_relay_target {
  pl_relay_conn *conn;     /* here, */
  pl_relay_remote *remote; /* or on another worker, or neither */
} pl_relay_target;
/* The socket an OPEN goes to: the instance, or the newest listener if it is zero; never `except`. */
pl_relay_target pl_relay_router_target(const pl_relay_presence *presence, const uint8_t instance[8],
                                       const pl_relay_conn *except);
uint64_t pl_relay_router_hash(const pl_relay *relay, const void *data, size_t size);
/* ---- link.c */
void pl_relay_link_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms);
/* Much of one link, envelope after envelope as they lie in the read buffer, goes out from there. `before` bytes ahead
 * of `data` are free to be used. Returns the bytes it took; 0: they go the usual way. */
size_t pl_relay_link_forward(pl_relay_conn *conn, uint8_t *data, size_t size, size_t before);
void pl_relay_link_ready(pl_relay_conn *conn, uint64_t now_ms); /* logged in: OPENs that wait for it */
void pl_relay_link_ready_elsewhere(pl_relay_presence *presence, const pl_relay_remote *remote);
void pl_relay_link_socket_died(pl_relay_conn *conn, uint64_t now_ms); /* all its links end */
void pl_relay_link_end_all(pl_relay_conn *conn);                      /* the same; the numbers of its links go on */
void pl_relay_link_reset_all(pl_relay_conn *node);                    /* the same, and the worker is told so */
void pl_relay_link_from_bus(pl_relay_conn *node, const pl_envelope *e, uint64_t now_ms);
void pl_relay_link_time(pl_relay *relay, uint64_t now_ms);
void pl_relay_link_overflow(pl_relay_half *half);
void pl_relay_half_drained(pl_relay_half *half); /* its queue is empty */
pl_relay_link *pl_relay_link_of(pl_relay_half *half);
/* ---- queue.c */
void pl_relay_out_deinit(pl_relay_conn *conn); /* gives up what waits in its output buffer */
/* Whole WebSocket frame, besides envelopes: control frames, or bytes of HTTP (opcode < 0). false: no room. */
bool pl_relay_out_frame(pl_relay_conn *conn, int opcode, const void *data, size_t size);
/* An envelope that goes ahead of data; false: no room in `part` percent of the control queue. */
bool pl_relay_out_control_flags(pl_relay_conn *conn, uint8_t type, uint8_t flags, uint32_t link, pl_view payload,
                                unsigned part);
static inline bool pl_relay_out_control(pl_relay_conn *conn, uint8_t type, uint32_t link, pl_view payload,
                                        unsigned part) {
  return pl_relay_out_control_flags(conn, type, 0, link, payload, part);
}
/* The last envelope before a close: straight out, whatever waits. */
void pl_relay_out_last(pl_relay_conn *conn, uint8_t type, uint32_t link, pl_view payload);
size_t pl_relay_out_size(const pl_relay_out *out);
/* Closes the frame that is still open, so that the bytes can be written. */
void pl_relay_out_close_frame(pl_relay_out *out);
void pl_relay_out_sent(pl_relay_conn *conn, size_t n);
/* DATA of a link: straight out, or into its queue. false: the window or a budget is exceeded (OVERFLOW). */
bool pl_relay_out_data(pl_relay_half *half, const uint8_t *envelope, size_t size);
/* May bytes for this half go straight to the socket, with nothing waiting before them? */
bool pl_relay_out_lend_ready(const pl_relay_half *half);
/* Whole envelopes that lie after another, with their final numbers, straight to the socket; `data` has room for a
 * frame's header before it. What the socket does not take is copied. */
void pl_relay_out_lend(pl_relay_half *half, uint8_t *data, size_t size);
/* RESET behind the half's own data: true if nothing of the half waits any more, false if it does. */
bool pl_relay_out_reset(pl_relay_half *half, pl_view payload);
void pl_relay_out_refill(pl_relay_conn *conn);
void pl_relay_queue_init(pl_relay_queue *queue);
void pl_relay_queue_clear(pl_relay *relay, pl_relay_half *half);
void pl_relay_out_end_stuck(pl_relay_conn *conn); /* its socket takes nothing: its queues end OVERFLOW, and it ends */
/* ---- limits.c */
/* This machine's own, for which limits by address do not hold. */
bool pl_relay_address_exempt(const pl_relay *relay, const uint8_t address[16]);
uint64_t pl_relay_address_key(const pl_relay *relay, const uint8_t address[16]); /* of one customer; not 0 */
int pl_relay_rate_init(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) PL_MUST_USE;
/* The same with room for more keys: those who choose them shall not push others out soon. */
int pl_relay_rate_init_large(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) PL_MUST_USE;
void pl_relay_rate_deinit(pl_relay_rate *rate);
bool pl_relay_rate_allows(const pl_relay *relay, const pl_relay_rate *rate, const uint8_t address[16], uint64_t now_ms);
void pl_relay_rate_take(const pl_relay *relay, pl_relay_rate *rate, const uint8_t address[16], uint64_t now_ms);
/* The same by another key, which is not 0. pl_relay_rate_key_left: how many it has left. */
uint64_t pl_relay_rate_key_left(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms);
bool pl_relay_rate_key_allows(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms);
void pl_relay_rate_key_take(pl_relay_rate *rate, uint64_t key, uint64_t now_ms);
/* Takes one connection of this address; false: too many. A trusted proxy's is taken once its client is known. */
bool pl_relay_rate_connect(pl_relay *relay, const uint8_t address[16], uint64_t now_ms);
bool pl_relay_rate_trusted(const pl_relay *relay, const uint8_t address[16]);
/* Whose connection it is, now that the head of its request is here. False: that one has too many. */
bool pl_relay_rate_resolve(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms);
bool pl_relay_rate_open(pl_relay_conn *conn, uint64_t now_ms); /* takes one of this socket's OPENs */
/* Counts changes of what other workers must hear of. False: this socket makes too many. */
bool pl_relay_rate_change(pl_relay_conn *conn, uint32_t count, uint64_t now_ms);
/* ---- knocks.c */
typedef enum pl_relay_call {
  PL_RELAY_CALL_FRIEND,   /* linked before, allowed, or the same ID */
  PL_RELAY_CALL_KNOCK,    /* a stranger within its budgets, which have paid */
  PL_RELAY_CALL_NEWCOMER, /* the same, whose address has not knocked there for a while */
  PL_RELAY_CALL_UNSEEN,   /* not passed on: ends UNAVAILABLE at its time */
  PL_RELAY_CALL_TOO_MANY  /* RATE */
} pl_relay_call;
/* How many of KNOCKS_PER_CALLEE one caller, and one address, may use. */
uint32_t pl_relay_knocks_of_caller(const uint32_t settings[PL_RELAY_SETTINGS]);
uint32_t pl_relay_knocks_of_address(const uint32_t settings[PL_RELAY_SETTINGS]);
pl_relay_call pl_relay_call_judge(pl_relay_conn *caller, const uint8_t target[32], uint64_t now_ms);
bool pl_relay_call_blocked(pl_relay *relay, const uint8_t caller[32], const pl_relay_presence *callee);
int pl_relay_pairs_init(pl_relay_pairs *pairs) PL_MUST_USE;
void pl_relay_pairs_deinit(pl_relay_pairs *pairs);
/* True when it was not remembered already. */
bool pl_relay_pairs_remember(pl_relay *relay, const uint8_t a[32], const uint8_t b[32], uint64_t now_ms);
void pl_relay_peers_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms);
/* entry: the hash of an ID, its lowest bit says blocked. True: this changed something. */
bool pl_relay_peers_set(pl_relay *relay, pl_relay_peer_list *list, uint64_t entry, bool forget);
void pl_relay_peers_deinit(pl_relay *relay, pl_relay_peer_list *list);

#endif
