/* The structures that every layer of relay/core shares: a relay, a connection, and what a connection has before its
 * login. The fields are grouped by the file they belong to. What only one module needs is defined in that module's
 * header. docs/architecture.md, "Layers of the relay", says which file may call which. */
#ifndef PL_RELAY_STATE_H
#define PL_RELAY_STATE_H

#include "../../client/core/ws/ws.h"
#include "relay.h"
#include "shared.h"

enum {
  PL_RELAY_OUT_SMALL = 4096,       /* first size of an output buffer; almost all keep it */
  PL_RELAY_OUT_LARGE = 140 * 1024, /* PL_RELAY_OUT_DIRECT, one more envelope of the largest size, and frame headers */
  PL_RELAY_OUT_END = 160,          /* size of one that takes only the end: RESET or GOING_AWAY, and a close frame */
  PL_RELAY_OUT_SMALL_KEPT = 1024,  /* free buffers that are kept: about as many as one turn uses with many sockets */
  PL_RELAY_OUT_LARGE_KEPT = 64,
  PL_RELAY_NAMEPLATE_WHEEL = 64, /* steps, see nameplates.c */
  PL_RELAY_NAMEPLATES_ENDED = 64,
  PL_RELAY_NAMEPLATE_BYTES = 52 /* of a nameplate as workers tell it */
};

typedef struct pl_relay_half pl_relay_half;           /* queue.h */
typedef struct pl_relay_account pl_relay_account;     /* accounts.h */
typedef struct pl_relay_presence pl_relay_presence;   /* router.h */
typedef struct pl_relay_bus_node pl_relay_bus_node;   /* bus.h */
typedef struct pl_relay_nameplate pl_relay_nameplate; /* nameplates.h */

/* ---- a connection ------------------------------------------------------------------------------------------------ */
typedef enum pl_relay_conn_state {
  PL_RELAY_CONN_HTTP,      /* reading the head of a request */
  PL_RELAY_CONN_ANSWER,    /* writing a page or a refusal; FINISHING follows */
  PL_RELAY_CONN_LOGIN,     /* HELLO was sent */
  PL_RELAY_CONN_STORING,   /* LOGIN is good; its registration is being committed */
  PL_RELAY_CONN_READY,     /* logged in */
  PL_RELAY_CONN_CLOSING,   /* our close frame was sent; theirs has not come yet */
  PL_RELAY_CONN_FINISHING, /* writing what is left; nothing is read any more */
  PL_RELAY_CONN_ABORTED,   /* the shell must close it now */
  PL_RELAY_CONN_GONE,      /* the shell closed it; it is kept until the store has answered */
  PL_RELAY_CONN_BUS,       /* not a socket but another worker, see bus.h; never changes */
  PL_RELAY_CONN_STATES
} pl_relay_conn_state;

/* What a connection needs only before its login. */
typedef struct pl_relay_prologue {
  pl_relay_http http;
  uint8_t challenge[32];
  uint8_t transcript[64];
  uint8_t id[32]; /* the ID that LOGIN proved */
  uint64_t hello_ms;
  bool registering; /* the store did not know the ID and is registering it */
  bool has_token;
  pl_relay_token_claim token;
  bool over_limit; /* beyond a limit of connections: the client is only told so */
  pl_view body;    /* of a page, written after the output buffer; the prologue is then kept to the end */
} pl_relay_prologue;

/* An output buffer: whole WebSocket frames, then perhaps one open frame, whose header is written when it is closed. */
typedef struct pl_relay_out {
  uint8_t *memory;
  uint32_t capacity, start, end;
  uint32_t frame_at; /* where the reserved header of the open frame starts */
  bool frame_open;
} pl_relay_out;

/* The link numbers of one side. A slot keeps the number of its last link after that has ended. */
typedef struct pl_relay_slot {
  pl_relay_half *half; /* NULL while the slot is free */
  uint32_t number;
} pl_relay_slot;

typedef struct pl_relay_slots {
  pl_relay_slot *at;
  uint32_t count;
} pl_relay_slots;

/* The IDs that a socket allows and blocks, as sorted entries; see peers.h. */
typedef struct pl_relay_peer_list {
  uint64_t *keys;
  uint32_t count, capacity;
} pl_relay_peer_list;

/* The fields that every envelope needs come first, those of its receiver before those of its sender: among many
 * sockets, each line of the cache that an envelope touches comes from slower memory. */
struct pl_relay_conn {
  pl_relay *relay;
  void *shell;
  pl_relay_half *last_half; /* slots.c: the half that was put or used last, or NULL */
  /* conn.c */
  pl_relay_conn_state state;
  bool is_dirty;
  bool pinged;         /* a ping was sent; nothing has come since */
  bool close_sent;     /* our close frame is written */
  bool lookup_pending; /* the store has not answered yet */
  bool lost; /* in PL_RELAY_CONN_BUS: something for that worker could not be kept; it must be told everything again */
  bool blocked;    /* queue.c: its socket took less than it was given; nothing is offered until it takes bytes again */
  bool listen;     /* router.c */
  bool in_message; /* front.c: a piece of the current message has come */
  uint32_t lent_turn; /* link.c: pl_relay.turn of the last run that was written without being gathered */
  pl_relay_out out;   /* queue.c */
  uint64_t heard_ms;  /* when bytes came last */
  uint64_t listed_ms; /* when it was put into the list of its state */
  /* front.c */
  pl_buffer part; /* start of an envelope whose end has not come yet */
  pl_ws ws;
  /* slots.c */
  pl_relay_slots slots[2]; /* numbered by the client, by the relay */
  uint32_t next_slot;      /* in the relay's table: every slot below this one is taken */
  /* conn.c */
  pl_node dirty; /* in pl_relay.dirty while is_dirty */
  pl_node timed; /* in the list of its state, oldest first */
  uint64_t number;
  pl_relay_prologue *prologue; /* NULL after the login */
  uint8_t address[16];
  /* accounts.c, crowd.c, rates.c */
  pl_relay_account *account;
  size_t held;                   /* bytes that count for the budgets: its output, its queues, what its OPENs keep */
  pl_node same_account;          /* in pl_relay_account.conns while it holds anything */
  uint64_t crowd_key;            /* key of the address that it is counted for; 0 when it is not counted */
  uint64_t opens_us, changes_us; /* rates of its OPENs and of its changes, as pl_relay_rate_entry.due_us */
  /* queue.c */
  pl_buffer control; /* envelopes that overtake data */
  pl_node turns;     /* link queues that wait for this socket, the next one first */
  size_t queued;     /* memory of all its link queues */
  uint64_t stuck_ms; /* when its output was first found waiting; 0 again with each byte that its socket takes */
  /* router.c, peers.c */
  pl_relay_presence *presence; /* of its ID; NULL before the login and after it has left */
  pl_node same_id;             /* in pl_relay_presence.sockets */
  uint8_t instance[8];
  uint64_t generation; /* of its login; a newer login has a higher one, over all workers */
  pl_relay_peer_list peers;
  /* bus.c */
  pl_node untold;     /* in pl_relay.untold while other workers do not have its present list of peers */
  uint64_t untold_to; /* the workers that do not have it, one bit each */
};

/* ---- a relay ----------------------------------------------------------------------------------------------------- */
typedef struct pl_relay_accounts {
  pl_relay_account **buckets;
  size_t bucket_count, count;
  pl_node all, holding; /* holding: those that hold anything */
  uint64_t holders;     /* length of `holding` */
} pl_relay_accounts;

typedef struct pl_relay_nameplates {
  pl_relay_nameplate **buckets;
  size_t bucket_count;
  pl_node wheel[PL_RELAY_NAMEPLATE_WHEEL]; /* by when they expire */
  uint64_t due_ms;                         /* when the wheel must be looked at next */
  uint64_t drawn;                          /* numbers drawn so far */
  /* The last nameplates that clients of this worker ended, in a ring, as they were told; see nameplates.c. */
  uint8_t ended[PL_RELAY_NAMEPLATES_ENDED][PL_RELAY_NAMEPLATE_BYTES];
  size_t next_ended;
} pl_relay_nameplates;

struct pl_relay {
  pl_relay_config config;
  pl_relay_shared *shared, *own_shared; /* own_shared: NULL when the shell handed one in */
  pl_relay_stats stats;
  bool draining;
  /* conn.c, relay.c */
  uint64_t next_number;
  pl_node dirty;
  uint32_t turn; /* number of the present turn of the loop, see pl_relay_next_dirty */
  pl_node connecting, answering, quiet, pinged, closing, aborted; /* connections by state, oldest first */
  uint64_t judge_ms; /* after a standstill: nobody is judged late before this time; 0 otherwise */
  /* accounts.c, queue.c */
  pl_relay_accounts accounts;
  uint64_t queued_bytes; /* held by all connections */
  pl_node queues;        /* every link queue that is not empty */
  uint8_t *free_small[PL_RELAY_OUT_SMALL_KEPT], *free_large[PL_RELAY_OUT_LARGE_KEPT];
  size_t free_small_count, free_large_count;
  /* router.c, peers.c */
  pl_relay_presence **buckets;
  size_t bucket_count, presence_count;
  uint64_t peer_entries; /* entries in the lists of all sockets, here and on other workers */
  /* bus.c */
  pl_relay_bus_node *nodes; /* by number of worker; its own is not used */
  unsigned node_count;
  pl_node untold; /* pl_relay_conn.untold */
  /* nameplates.c, link.c */
  pl_relay_nameplates nameplates;
  pl_node opens; /* links with a deadline, oldest first */
};

static inline uint32_t pl_relay_setting_of(const pl_relay *relay, enum pl_relay_setting setting) {
  return relay->config.settings[setting];
}

#endif
