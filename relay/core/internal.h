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
  PL_OUT_DIRECT = 65536,     /* above this, links queue for themselves */
  PL_OUT_SMALL = 4096,       /* first size of an output buffer; almost all stay there */
  PL_OUT_LARGE = 140 * 1024, /* PL_OUT_DIRECT, one more of the largest envelopes, and frame headers */
  PL_OUT_SMALL_KEPT = 1024,  /* free buffers that are kept: as many as one turn writes to, with many sockets */
  PL_OUT_LARGE_KEPT = 64,
  PL_OUT_MUCH = 16384,      /* so much goes out before the turn ends */
  PL_OUT_LENT = 128 * 1024, /* at most so much at once straight from the read buffer; fits PL_OUT_LARGE */
  PL_ENVELOPE_MAX = PL_CONST_ENVELOPE_HEADER_BYTES + UINT16_MAX,
  PL_CHUNK_BYTES = 16384,       /* of a link's queue */
  PL_QUANTUM = 16384,           /* bytes that one link gives when its turn has come */
  PL_CONTROL_QUEUE_MAX = 65536, /* control envelopes that wait for a socket that does not read */
  PL_LOGIN_MESSAGE_MAX = 4096,  /* of a WebSocket message before login */
  PL_RATE_TABLE = 4096,         /* addresses, or IDs, whose rates are remembered */
  PL_RATE_TABLE_LARGE = 32768,  /* the same of pairs of them */
  PL_PAIR_TABLE = 32768,        /* pairs that were linked before */
  PL_NAMEPLATE_WHEEL = 64       /* steps, see nameplates.c */
};

/* ---- states of a connection ---------------------------------------------------------------------------------- */
typedef enum pl_conn_state {
  PL_CONN_HTTP,      /* reading the request's head */
  PL_CONN_ANSWER,    /* writing a page or a refusal; then FINISH */
  PL_CONN_LOGIN,     /* HELLO sent */
  PL_CONN_STORING,   /* LOGIN is good, its registration is being committed */
  PL_CONN_READY,     /* logged in */
  PL_CONN_CLOSING,   /* close frame sent, theirs awaited */
  PL_CONN_FINISHING, /* what is left is being written, nothing is read any more */
  PL_CONN_ABORTED,   /* the shell shall close it */
  PL_CONN_GONE,      /* the shell closed it; lives on until the store answered */
  PL_CONN_BUS,       /* no socket but another worker, see bus.h; never another state */
  PL_CONN_STATES
} pl_conn_state;

/* ---- output ------------------------------------------------------------------------------------------- */
/* Whole WebSocket frames, then perhaps one frame still open at the end: its header is written when it is flushed. */
typedef struct pl_out {
  uint8_t *memory;
  uint32_t capacity, start, end;
  uint32_t frame_at; /* where the open frame's reserved header begins */
  bool frame_open;
} pl_out;

typedef struct pl_chunk {
  struct pl_chunk *next;
  uint32_t capacity, start, end;
  uint8_t bytes[];
} pl_chunk;

/* Envelopes of one link that wait for one socket. `cost` is what the window counts, `memory` what the budgets count. */
typedef struct pl_queue {
  pl_node turn; /* in pl_conn.turns while not empty */
  pl_node all;  /* in pl_relay.queues while not empty */
  pl_chunk *head, *tail;
  pl_chunk *scan; /* before this place there is no volatile envelope that still counts */
  uint32_t scan_at;
  size_t cost, memory, volatile_count;
} pl_queue;

/* ---- links -------------------------------------------------------------------------------------------- */
typedef enum pl_link_state {
  PL_LINK_OFFERED,
  PL_LINK_REFUSED,
  PL_LINK_LINKED,
  PL_LINK_ENDED,
  PL_LINK_STATES
} pl_link_state;
enum { PL_CALLER = 0, PL_CALLEE = 1 };

/* One socket's end of a link. It outlives the link while a RESET waits behind data (`ending`). */
typedef struct pl_half {
  pl_conn *conn; /* NULL: not there yet, or no more */
  uint32_t number;
  uint8_t side; /* PL_CALLER or PL_CALLEE: its place in the link */
  bool ending;
  pl_queue queue;
} pl_half;

typedef struct pl_presence pl_presence;
typedef struct pl_remote pl_remote;       /* see bus.h */
typedef struct pl_bus_node pl_bus_node;   /* see bus.h */
typedef struct pl_nameplate pl_nameplate; /* see nameplates.h */
typedef struct pl_account pl_account;     /* see shares.h */

typedef struct pl_link {
  pl_half half[2];
  uint8_t state;
  bool from_bus; /* its caller is on another worker, which has the other part of it, and its time */
  bool knock;    /* by a stranger: counted as such at its target */
  bool newcomer; /* by one who has not knocked there for a while */
  bool claim;    /* made by CLAIM; its handshake is that payload */
  uint8_t target_instance[8];
  pl_node timed;   /* in pl_relay.opens while offered or refused */
  pl_node waiting; /* in pl_presence.waiting while no OFFER was sent */
  uint64_t deadline_ms;
  pl_presence *target; /* while offered, and counted there */
  uint64_t asked;      /* generation of the socket on another worker that it was last offered to */
  uint8_t *handshake;  /* kept while waiting */
  uint16_t handshake_size;
} pl_link;

/* A slot: the number that its last or present link has here. */
typedef struct pl_slot {
  pl_half *half;
  uint32_t number;
} pl_slot;

typedef struct pl_slots {
  pl_slot *at;
  uint32_t count;
} pl_slots;

/* ---- peers -------------------------------------------------------------------------------------------- */
/* An ID that has sockets here, or OPENs that wait for it. */
struct pl_presence {
  pl_presence *next; /* in its bucket */
  uint8_t id[32];
  pl_node sockets; /* pl_conn.same_id, newest last */
  pl_node waiting; /* pl_link.waiting, oldest first */
  pl_node remotes; /* pl_remote.same_id: sockets on other workers */
  uint32_t socket_count, remote_count;
  uint32_t open_count, knock_count; /* OPENs for it that are not decided; those of strangers among them */
  uint32_t claim_count;             /* and CLAIMs, also among them */
  pl_node nameplates;               /* pl_nameplate.same_owner */
  uint32_t nameplate_count;
};

/* What a connection needs before it is logged in only. */
typedef struct pl_prologue {
  pl_http http;
  uint8_t challenge[32];
  uint8_t transcript[64];
  uint8_t id[32];
  uint64_t hello_ms;
  bool has_token;
  pl_token_claim token;
  bool over_limit; /* gets no further than to be told so */
} pl_prologue;

/* Whom a socket allows and blocks: see knocks.c. */
typedef struct pl_peer_list {
  uint64_t *keys;
  uint32_t count, capacity;
} pl_peer_list;

struct pl_conn {
  pl_relay *relay;
  void *shell;
  pl_node timed; /* in one of pl_relay's lists by state, oldest first */
  pl_node dirty; /* in pl_relay.dirty */
  pl_node same_id;
  pl_node same_account; /* in pl_account.conns while it holds anything */
  pl_account *account;
  size_t held;        /* of the budget: its output, its queues, what its OPENs keep */
  uint64_t crowd_key; /* of the address it is counted to; 0: to none */
  uint64_t number, opened_ms, heard_ms, listed_ms;
  uint64_t generation; /* of its login: the newest has the highest, over all workers */
  pl_conn_state state;
  bool is_dirty, blocked, listen, pinged, close_sent;
  uint8_t address[16];
  uint8_t instance[8];
  pl_presence *presence;
  pl_prologue *prologue;
  pl_ws ws;
  pl_buffer part;  /* of an envelope whose end has not come yet */
  bool in_message; /* a piece of the present message came already */
  pl_out out;
  pl_view body;      /* of a page, after out */
  pl_buffer control; /* envelopes that go ahead of data */
  pl_node turns;     /* queues that wait */
  size_t queued;     /* memory of all of them */
  pl_slots slots[2]; /* numbered by the client, by the relay */
  uint32_t next_slot;
  uint64_t opens_us, changes_us; /* rates of its OPENs, and of what it changes; as in pl_rate_entry */
  uint64_t stuck_ms;  /* when its output was first found waiting; 0 again with each byte that its socket takes */
  pl_node untold;     /* in pl_relay.untold while other workers do not have its list of peers as it is now, */
  uint64_t untold_to; /* these, a bit each */
  pl_peer_list peers;
  bool lookup_pending;
};

/* ---- rates by address: fixed memory, whatever comes --------------------------------------------------- */
typedef struct pl_rate_entry {
  _Atomic uint64_t key;
  _Atomic uint64_t due_us; /* when everything taken so far will have been paid for */
} pl_rate_entry;
typedef struct pl_rate {
  pl_rate_entry *entries; /* sets of four */
  size_t sets;
  uint64_t interval_us, burst;
} pl_rate;

typedef struct pl_pair {
  _Atomic uint64_t key, linked_ms;
} pl_pair;
typedef struct pl_pairs {
  pl_pair *entries; /* PL_PAIR_TABLE */
} pl_pairs;

/* Connections by address, see shares.c. */
typedef struct pl_crowd {
  _Atomic uint32_t *counts;
} pl_crowd;

/* What the workers of one process have in common. Entries are read and written one by one, without a lock: two workers
 * that write one at the same instant lose one count, never more. */
#define PL_LOAD(place) atomic_load_explicit(&(place), memory_order_relaxed)
#define PL_STORE(place, value) atomic_store_explicit(&(place), (value), memory_order_relaxed)
struct pl_shared {
  _Atomic uint64_t sockets, generation;
  _Atomic uint64_t started_ms; /* when the first connection came, 0: none did */
  pl_rate connects, registrations;
  pl_crowd crowd;
  pl_rate knocks, knocks_from, knocks_to;   /* by address, caller, callee */
  pl_rate caller_to, address_to, newcomers; /* by callee and caller, callee and address, either */
  pl_rate codes, claims, code_misses;       /* by address */
  pl_pairs pairs;
};

typedef struct pl_accounts {
  pl_account **buckets;
  size_t bucket_count, count;
  pl_node all, holding; /* holding: those that hold anything */
  uint64_t holders;     /* how many these are */
} pl_accounts;

typedef struct pl_nameplates {
  pl_nameplate **buckets;
  size_t bucket_count;
  pl_node wheel[PL_NAMEPLATE_WHEEL]; /* by when they end */
  uint64_t due_ms;                   /* when one of them is to be looked at */
  uint64_t drawn;                    /* numbers drawn so far */
} pl_nameplates;

struct pl_relay {
  pl_relay_config config;
  pl_shared *shared, *own_shared;
  pl_bus_node *nodes; /* by number of worker; its own is not used */
  unsigned node_count;
  pl_relay_stats stats;
  uint64_t next_number;
  bool draining;
  uint64_t judge_ms; /* it stood still, and nobody is late before this time; 0: it did not */
  pl_presence **buckets;
  size_t bucket_count, presence_count;
  pl_node dirty, aborted;
  pl_node connecting, answering, quiet, pinged, closing; /* connections, oldest first */
  pl_node opens;                                         /* links, oldest first */
  pl_node queues;
  uint64_t queued_bytes;
  uint8_t *free_small[PL_OUT_SMALL_KEPT], *free_large[PL_OUT_LARGE_KEPT];
  size_t free_small_count, free_large_count;
  uint64_t peer_entries; /* of all sockets' lists */
  pl_nameplates nameplates;
  pl_accounts accounts;
  pl_node untold; /* pl_conn.untold */
};

static inline uint32_t pl_setting_of(const pl_relay *relay, enum pl_setting setting) {
  return relay->config.settings[setting];
}

/* ---- relay.c */
void pl_conn_move(pl_conn *conn, pl_conn_state state, uint64_t now_ms);
void pl_conn_mark(pl_conn *conn); /* has output or a wish */
void pl_conn_log(const pl_conn *conn, pl_relay_log_level level, const char *event, const char *detail);
/* RESET on link 0, then the close handshake. */
void pl_conn_refuse(pl_conn *conn, int reason, uint64_t now_ms);
/* A close frame; waits for theirs if `wait`. */
void pl_conn_close(pl_conn *conn, uint16_t code, const char *text, bool wait, uint64_t now_ms);
void pl_conn_abort(pl_conn *conn);
void pl_conn_free(pl_conn *conn);
void pl_conn_drop_prologue(pl_conn *conn);
/* ---- login.c */
void pl_login_hello(pl_conn *conn, uint64_t now_ms);
void pl_login_receive(pl_conn *conn, const pl_envelope *e, uint64_t now_ms);
/* ---- front.c */
void pl_front_receive(pl_conn *conn, uint8_t *data, size_t size, uint64_t now_ms);
/* ---- router.c */
int pl_router_init(pl_relay *relay) PL_MUST_USE;
void pl_router_deinit(pl_relay *relay);
pl_presence *pl_router_get(pl_relay *relay, const uint8_t id[32], bool make); /* NULL: none, or no memory */
void pl_router_release(pl_relay *relay, pl_presence *presence);               /* frees it if nothing uses it */
pl_conn *pl_router_instance(const pl_presence *presence, const uint8_t instance[8]);
pl_remote *pl_router_remote(const pl_presence *presence, const uint8_t instance[8]);
pl_remote *pl_router_add_remote(pl_presence *presence, const uint8_t instance[8]);
void pl_router_drop_remote(pl_relay *relay, pl_presence *presence, pl_remote *remote);
void pl_router_drop_node(pl_relay *relay, uint8_t node); /* all that this worker has */
typedef struct pl_target {
  pl_conn *conn;     /* here, */
  pl_remote *remote; /* or on another worker, or neither */
} pl_target;
/* The socket an OPEN goes to: the instance, or the newest listener if it is zero; never `except`. */
pl_target pl_router_target(const pl_presence *presence, const uint8_t instance[8], const pl_conn *except);
uint64_t pl_router_hash(const pl_relay *relay, const void *data, size_t size);
/* ---- link.c */
void pl_link_receive(pl_conn *conn, const pl_envelope *e, uint64_t now_ms);
/* Much of one link, envelope after envelope as they lie in the read buffer, goes out from there. `before` bytes ahead
 * of `data` are free to be used. Returns the bytes it took; 0: they go the usual way. */
size_t pl_link_forward(pl_conn *conn, uint8_t *data, size_t size, size_t before);
void pl_link_ready(pl_conn *conn, uint64_t now_ms); /* logged in: OPENs that wait for it */
void pl_link_ready_elsewhere(pl_presence *presence, const pl_remote *remote);
void pl_link_socket_died(pl_conn *conn, uint64_t now_ms); /* all its links end */
void pl_link_end_all(pl_conn *conn);                      /* the same; the numbers of its links go on */
void pl_link_reset_all(pl_conn *node);                    /* the same, and the worker is told so */
void pl_link_from_bus(pl_conn *node, const pl_envelope *e, uint64_t now_ms);
void pl_link_time(pl_relay *relay, uint64_t now_ms);
void pl_link_overflow(pl_half *half);
void pl_half_drained(pl_half *half); /* its queue is empty */
pl_link *pl_link_of(pl_half *half);
/* ---- queue.c */
void pl_out_deinit(pl_conn *conn); /* gives up what waits in its output buffer */
/* Whole WebSocket frame, besides envelopes: control frames, or bytes of HTTP (opcode < 0). false: no room. */
bool pl_out_frame(pl_conn *conn, int opcode, const void *data, size_t size);
/* An envelope that goes ahead of data; false: no room in `part` percent of the control queue. */
bool pl_out_control_flags(pl_conn *conn, uint8_t type, uint8_t flags, uint32_t link, pl_view payload, unsigned part);
static inline bool pl_out_control(pl_conn *conn, uint8_t type, uint32_t link, pl_view payload, unsigned part) {
  return pl_out_control_flags(conn, type, 0, link, payload, part);
}
/* The last envelope before a close: straight out, whatever waits. */
void pl_out_last(pl_conn *conn, uint8_t type, uint32_t link, pl_view payload);
size_t pl_out_size(const pl_out *out);
/* Closes the frame that is still open, so that the bytes can be written. */
void pl_out_close_frame(pl_out *out);
void pl_out_sent(pl_conn *conn, size_t n);
/* DATA of a link: straight out, or into its queue. false: the window or a budget is exceeded (OVERFLOW). */
bool pl_out_data(pl_half *half, const uint8_t *envelope, size_t size);
/* May bytes for this half go straight to the socket, with nothing waiting before them? */
bool pl_out_lend_ready(const pl_half *half);
/* Whole envelopes that lie after another, with their final numbers, straight to the socket; `data` has room for a
 * frame's header before it. What the socket does not take is copied. */
void pl_out_lend(pl_half *half, uint8_t *data, size_t size);
/* RESET behind the half's own data: true if nothing of the half waits any more, false if it does. */
bool pl_out_reset(pl_half *half, pl_view payload);
void pl_out_refill(pl_conn *conn);
void pl_queue_init(pl_queue *queue);
void pl_queue_clear(pl_relay *relay, pl_half *half);
void pl_out_end_stuck(pl_conn *conn); /* its socket takes nothing: its queues end OVERFLOW, and it ends */
/* ---- limits.c */
/* This machine's own, for which limits by address do not hold. */
bool pl_address_exempt(const pl_relay *relay, const uint8_t address[16]);
uint64_t pl_address_key(const pl_relay *relay, const uint8_t address[16]); /* of one customer; not 0 */
int pl_rate_init(pl_rate *rate, uint64_t count, uint64_t period_ms) PL_MUST_USE;
/* The same with room for more keys: those who choose them shall not push others out soon. */
int pl_rate_init_large(pl_rate *rate, uint64_t count, uint64_t period_ms) PL_MUST_USE;
void pl_rate_deinit(pl_rate *rate);
bool pl_rate_allows(const pl_relay *relay, const pl_rate *rate, const uint8_t address[16], uint64_t now_ms);
void pl_rate_take(const pl_relay *relay, pl_rate *rate, const uint8_t address[16], uint64_t now_ms);
/* The same by another key, which is not 0. pl_rate_key_left: how many it has left. */
uint64_t pl_rate_key_left(const pl_rate *rate, uint64_t key, uint64_t now_ms);
bool pl_rate_key_allows(const pl_rate *rate, uint64_t key, uint64_t now_ms);
void pl_rate_key_take(pl_rate *rate, uint64_t key, uint64_t now_ms);
/* Takes one connection of this address; false: too many. A trusted proxy's is taken once its client is known. */
bool pl_rate_connect(pl_relay *relay, const uint8_t address[16], uint64_t now_ms);
bool pl_rate_trusted(const pl_relay *relay, const uint8_t address[16]);
/* Whose connection it is, now that the head of its request is here. False: that one has too many. */
bool pl_rate_resolve(pl_conn *conn, const pl_http_request *request, uint64_t now_ms);
bool pl_rate_open(pl_conn *conn, uint64_t now_ms); /* takes one of this socket's OPENs */
/* Counts changes of what other workers must hear of. False: this socket makes too many. */
bool pl_rate_change(pl_conn *conn, uint32_t count, uint64_t now_ms);
/* ---- knocks.c */
typedef enum pl_call {
  PL_CALL_FRIEND,   /* linked before, allowed, or the same ID */
  PL_CALL_KNOCK,    /* a stranger within its budgets, which have paid */
  PL_CALL_NEWCOMER, /* the same, whose address has not knocked there for a while */
  PL_CALL_UNSEEN,   /* not passed on: ends UNAVAILABLE at its time */
  PL_CALL_TOO_MANY  /* RATE */
} pl_call;
/* How many of KNOCKS_PER_CALLEE one caller, and one address, may use. */
uint32_t pl_knocks_of_caller(const uint32_t settings[PL_SETTINGS]);
uint32_t pl_knocks_of_address(const uint32_t settings[PL_SETTINGS]);
pl_call pl_call_judge(pl_conn *caller, const uint8_t target[32], uint64_t now_ms);
bool pl_call_blocked(pl_relay *relay, const uint8_t caller[32], const pl_presence *callee);
int pl_pairs_init(pl_pairs *pairs) PL_MUST_USE;
void pl_pairs_deinit(pl_pairs *pairs);
/* True when it was not remembered already. */
bool pl_pairs_remember(pl_relay *relay, const uint8_t a[32], const uint8_t b[32], uint64_t now_ms);
void pl_peers_receive(pl_conn *conn, const pl_envelope *e, uint64_t now_ms);
/* entry: the hash of an ID, its lowest bit says blocked. True: this changed something. */
bool pl_peers_set(pl_relay *relay, pl_peer_list *list, uint64_t entry, bool forget);
void pl_peers_deinit(pl_relay *relay, pl_peer_list *list);

#endif
