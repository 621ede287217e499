/* The observer's model (sim_wire.h), shared by its files. */
#ifndef PL_SIM_WIRE_STATE_H
#define PL_SIM_WIRE_STATE_H

#include "sim.h"

enum {
  SIM_WIRE_ENDS = 16,        /* lists of ends of a connection, by slot */
  SIM_WIRE_PAST = 512,       /* calls that are over and were not offered */
  SIM_WIRE_OUT = 140 * 1024, /* the most that the relay holds for a socket outside its queues */
  SIM_WIRE_CALLER = 0,
  SIM_WIRE_CALLEE = 1
};

/* From bytes to envelopes: one direction of a connection. */
typedef struct sim_wire_stream {
  pl_ws ws;
  uint8_t *part; /* an envelope whose end has not come */
  size_t part_size;
  uint8_t head; /* how much of the empty line that ends the HTTP head has come */
  bool opened;  /* envelopes follow */
  bool over;    /* nothing that follows is an envelope */
} sim_wire_stream;

typedef void (*sim_wire_take)(sim_wire_conn *c, const pl_envelope *e);

/* When a worker told the others of something. It is known to those that have received as much. */
typedef struct sim_wire_stamp {
  bool set;
  uint8_t worker;
  uint64_t sent[SIM_WORKERS];
} sim_wire_stamp;

/* An ID on the list of a socket. */
typedef struct sim_wire_peer {
  uint8_t id[32];
  uint8_t op;     /* PL_CONST_PEERS_ALLOW or _BLOCK; FORGET when it is no longer on the list */
  uint8_t before; /* what it was before the last change */
  bool sure;      /* there was room for it */
  uint64_t since_us;
} sim_wire_peer;

/* ---- links ------------------------------------------------------------------------------------------------------- */
typedef struct sim_wire_entry {
  uint64_t hash;
  uint32_t size;
  uint8_t type, flags;
} sim_wire_entry;

/* What came for one side of a link and was not written to it. */
typedef struct sim_wire_journal {
  sim_wire_entry *at;
  size_t first, count, capacity;
  size_t reliable; /* entries that may not be dropped */
  size_t unsure;   /* of the first entries, how many the bus may have lost */
  uint64_t cost;   /* as the window counts it */
  uint64_t peak;   /* the highest cost since it was settled */
} sim_wire_journal;

typedef struct sim_wire_link sim_wire_link;

typedef struct sim_wire_end {
  struct sim_wire_end *next; /* of its connection */
  sim_wire_conn *conn;       /* NULL: there is none, or it has left */
  uint32_t number;
  uint8_t side;
  uint8_t worker;
  bool was_there;
  bool reset_arrived; /* this side has sent RESET */
  bool reset_written; /* the relay has */
  bool replaced;      /* a newer link has its slot */
  bool drops;         /* what is in the journal may be missing */
  uint16_t due;       /* the reason of a RESET of the relay's own that must come; 0: none */
  sim_wire_journal to;
} sim_wire_end;

struct sim_wire_link {
  sim_wire_end end[2];
  sim_wire *wire;
  pl_node node;                      /* in sim_wire.calls or .past while `listed` */
  bool listed, past, in_past, claim; /* in_past: listed among the calls that are over */
  bool accepted;                     /* ACCEPT came in time */
  bool joined;                       /* ACCEPT was written to the caller */
  bool refused;                      /* the callee has left the call */
  bool over;                         /* something has ended it */
  bool hostile;                      /* one side is not honest */
  bool broken;                       /* one side sent what it may not send */
  bool overflown;                    /* the relay ended it with OVERFLOW */
  bool crosses;                      /* its sides are at two workers */
  bool mends;                        /* workers told each other everything again when it came */
  bool hazy;                         /* a side's end, or what the bus lost, makes it unknown what the relay owes */
  bool blocked, blocked_maybe;       /* the callee has blocked the caller, for certain or perhaps */
  bool waits;                        /* when it came, there was nobody to offer it to */
  bool must;                         /* it must be offered to `expected` */
  bool limited;                      /* a budget may keep it from its callee */
  bool may_rate, must_rate;          /* RATE may answer it, or must */
  bool any_target;                   /* whose code was claimed is not known */
  bool code_lives, code_over;        /* of a CLAIM, as far as its worker knows for certain */
  bool strange;                      /* its caller is a stranger for certain */
  uint64_t arrived_us, deadline_ms, over_us;
  uint64_t handshake;
  uint8_t caller_id[32], caller_instance[8], target[32], target_instance[8];
  uint64_t reset_hash; /* of the caller's RESET, while the OFFER may still come */
  uint32_t reset_size;
  sim_wire_conn *expected; /* who must get it; NULL: not known */
};

/* ---- budgets: how much is used at least, and at most ------------------------------------------------------------- */
typedef struct sim_wire_budget {
  uint64_t key;
  uint64_t least_us, most_us; /* when all of it is paid for */
} sim_wire_budget;

/* What a connection was charged for sure, for what came last. */
typedef struct sim_wire_charge {
  size_t budget; /* its place in sim_wire.budgets */
  uint64_t interval_us;
} sim_wire_charge;

/* ---- codes ------------------------------------------------------------------------------------------------------- */
typedef struct sim_wire_code {
  uint32_t number;
  uint8_t id[32], instance[8];
  uint64_t expires_ms, ended_us; /* ended_us: 0 while nobody has ended it */
  uint8_t made_at, ends_at;      /* workers */
  sim_wire_stamp made, ended;
  bool hazy;        /* the bus has lost something since, or its times are not known */
  bool crowded;     /* other workers may have had no room for it */
  bool rival, lost; /* another worker gave the number at the same time; this owner does not keep it */
} sim_wire_code;

/* ---- connections ------------------------------------------------------------------------------------------------- */
typedef enum sim_wire_phase {
  SIM_WIRE_NEW,    /* HELLO was not written */
  SIM_WIRE_HELLO,  /* it was */
  SIM_WIRE_WELCOME /* so was WELCOME */
} sim_wire_phase;

/* A CODE that asks for a number, and was not answered. */
typedef struct sim_wire_asked {
  uint32_t tag, number, lifetime_ms;
  uint64_t at_us;
  bool own;  /* it has this number */
  bool sure; /* there is no reason to refuse it */
} sim_wire_asked;

/* An instance that has logged in. */
typedef struct sim_wire_login {
  uint8_t id[32], instance[8];
  uint64_t newest; /* serial */
} sim_wire_login;

/* A socket that has logged out, until all workers know. */
typedef struct sim_wire_left {
  uint8_t id[32];
  uint8_t worker;
  sim_wire_stamp stamp;
} sim_wire_left;

struct sim_wire_conn {
  sim_wire *wire;
  sim_conn *k;
  sim_wire_phase phase;
  bool ended;          /* the relay has ended it, or knows that its client has: its links are over */
  bool client_ended;   /* by a close frame, or by RESET on link 0 */
  bool said_end;       /* nothing may be written any more, except the close frame */
  bool must_end;       /* its links were ended as those of a socket that has gone */
  bool told_to_go;     /* GOING_AWAY was written */
  bool was_superseded; /* it was told so; perhaps before the newer one got WELCOME */
  bool provoked;       /* while its socket takes nothing, it sent what the relay may have ended it for */
  bool fresh;          /* it logged in or changed its list in this turn */
  bool unsettled;
  bool login_came;
  bool proxied; /* it comes through a proxy that the relay trusts */
  uint8_t worker;
  uint8_t address[16];
  uint8_t id[32], instance[8];
  bool listens;
  uint64_t serial;            /* of its WELCOME: a later one is greater */
  bool full;                  /* its socket took less than it was given */
  uint64_t blocked_us;        /* when that was last so, or ended */
  uint64_t reset_us;          /* when it last sent what ends a link */
  uint64_t settled_us;        /* when all that it was owed had been written */
  uint64_t took_us;           /* when it last took anything */
  uint64_t most_waited;       /* bytes: the most that waited for it since it was settled */
  uint64_t arrived_us;        /* when bytes came last */
  sim_wire_stamp login, list; /* when the others were told of it, and of its list */
  bool list_fresh;
  uint64_t superseded_by; /* serial of a newer login of its instance; 0: none */
  sim_wire_stamp superseded_at;
  bool newer_lost; /* what its worker was told of that login is lost */
  sim_wire_stream up, down;
  uint8_t hello[512], sent_login[1024];
  size_t hello_size, login_size;
  uint64_t hello_ms, login_ms;
  sim_wire_peer *peers;
  size_t peer_count, peer_capacity;
  sim_wire_end *ends[SIM_WIRE_ENDS];
  sim_wire_end *replaced;   /* ends of links whose slots have newer ones, while the other side has not heard all */
  sim_wire_journal answers; /* PONG and CODE that are due */
  sim_wire_asked *asked;
  size_t asked_count, asked_capacity;
  uint64_t code_end_us; /* when it last ended a code */
  sim_wire_budget opens;
  /* the client's own view: which links it knows to be over */
  uint32_t *known_over;
  size_t known_count, known_capacity;
};

struct sim_wire {
  sim_world *world;
  char verdict[400];
  bool doubt;
  sim_wire_conn *conns[SIM_CONNS];
  uint64_t serials;
  uint64_t bus_sent[SIM_WORKERS][SIM_WORKERS], bus_came[SIM_WORKERS][SIM_WORKERS], bus_again[SIM_WORKERS][SIM_WORKERS];
  bool bus_mends; /* something was lost on it, and what must be told again is on its way */
  pl_node calls;  /* that are not decided, oldest first */
  pl_node past;   /* that are over and were not offered, since their OFFER may be on its way */
  size_t past_count;
  uint32_t unseen_codes; /* that may have been given to sockets that ended before they heard of it */
  bool forgot_calls, codes_fresh;
  uint64_t connected_us; /* when the relay's first connection came */
  sim_wire_login *logins;
  size_t login_count, login_capacity;
  uint8_t *copy; /* what arrives, to unmask it */
  sim_wire_code *codes;
  size_t code_count, code_capacity;
  uint8_t (*pairs)[64];
  size_t pair_count, pair_capacity;
  uint8_t (*maybe_pairs)[64];
  size_t maybe_count, maybe_capacity;
  sim_wire_left *left;
  size_t left_count, left_capacity;
  sim_wire_budget *budgets;
  size_t budget_count, budget_capacity;
  const sim_wire_conn *reads; /* whose bytes have come last */
  bool charging;              /* they are being looked at */
  sim_wire_charge *charges;
  size_t charge_count, charge_capacity;
};

/* ---- sim_wire.c -------------------------------------------------------------------------------------------------- */
/* Notes the first broken promise, which ends the run when the relay has done its turn: inside the relay's code it must
 * not. */
void sim_wire_blame(sim_wire *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint32_t sim_wire_setting(const sim_wire *o, enum pl_relay_setting setting);
uint64_t sim_wire_now_ms(const sim_wire *o);
uint64_t sim_wire_hash(const void *data, size_t n);
/* Makes room for one more item of this size. */
void sim_wire_grow(void **items, size_t count, size_t *capacity, size_t size);
bool sim_wire_known(const sim_wire *o, const sim_wire_stamp *s, unsigned worker);
bool sim_wire_known_to_all(const sim_wire *o, const sim_wire_stamp *s);
/* Returns true when nothing is on its way between workers, or waits to be. */
bool sim_wire_bus_idle(const sim_wire *o);
sim_wire_stamp sim_wire_stamp_of(const sim_wire *o, unsigned worker);
bool sim_wire_blocked(const sim_wire_conn *c); /* its socket takes nothing now */
bool sim_wire_was_blocked(const sim_wire_conn *c, uint64_t since_us);
bool sim_wire_present(const sim_wire_conn *c); /* logged in, and not at its end */
/* Returns true when the relay may have ended this socket and could not write so, because the socket takes nothing. */
bool sim_wire_may_have_ended(const sim_wire_conn *c);

/* ---- sim_wire_stream.c ------------------------------------------------------------------------------------------- */
void sim_wire_stream_init(sim_wire_stream *s, bool server);
void sim_wire_stream_free(sim_wire_stream *s);
/* `data` is changed when it is masked. */
void sim_wire_stream_bytes(sim_wire_conn *c, sim_wire_stream *s, uint8_t *data, size_t n, sim_wire_take take,
                           void (*closed)(sim_wire_conn *c));

/* ---- sim_wire_conn.c --------------------------------------------------------------------------------------------- */
void sim_wire_conn_arrives(sim_wire_conn *c, const pl_envelope *e);
void sim_wire_conn_written(sim_wire_conn *c, const pl_envelope *e);
void sim_wire_conn_close_arrives(sim_wire_conn *c);
void sim_wire_conn_close_written(sim_wire_conn *c);
void sim_wire_conn_ends(sim_wire_conn *c);   /* the relay knows that the connection is over */
void sim_wire_conn_turn(sim_wire_conn *c);   /* its worker has told the others what is new */
void sim_wire_conn_settle(sim_wire_conn *c); /* checks what is due */
void sim_wire_logins_lost(sim_wire *o, unsigned from, unsigned to);
void sim_wire_left_turn(sim_wire *o, unsigned worker); /* notes when the others were told who has left */
/* Returns whether a socket of `owner` has `peer` on its list: for certain as this worker knows, or perhaps. */
bool sim_wire_lists(const sim_wire *o, const uint8_t owner[32], const uint8_t peer[32], uint8_t op, unsigned worker,
                    bool for_certain);

/* ---- sim_wire_journal.c ------------------------------------------------------------------------------------------ */
void sim_wire_journal_add(sim_wire_journal *j, uint8_t type, uint8_t flags, pl_view payload);
/* Adds an envelope of which only the hash and the size are known. */
void sim_wire_journal_repeat(sim_wire_journal *j, uint8_t type, uint64_t hash, uint32_t size);
void sim_wire_journal_clear(sim_wire_journal *j);
void sim_wire_journal_free(sim_wire_journal *j);
const sim_wire_entry *sim_wire_journal_first(const sim_wire_journal *j); /* NULL when it is empty */
void sim_wire_journal_take(sim_wire_journal *j);
bool sim_wire_entry_is(const sim_wire_entry *e, uint8_t type, uint8_t flags, pl_view payload);
bool sim_wire_entry_may_drop(const sim_wire_entry *e);
bool sim_wire_journal_may_skip(const sim_wire_journal *j); /* the first entry may be missing */

/* ---- sim_wire_slot.c --------------------------------------------------------------------------------------------- */
sim_wire_link *sim_wire_link_of(sim_wire_end *end);
sim_wire_end *sim_wire_other(sim_wire_end *end);
sim_wire_end *sim_wire_find_slot(sim_wire_conn *c, uint32_t number); /* the last link that had this slot */
/* Gives one side of a link to a connection. The last link of its slot has ended for that side. */
void sim_wire_attach(sim_wire_conn *c, sim_wire_link *link, int side, uint32_t number);
void sim_wire_detach(sim_wire_end *end); /* may free its link */
bool sim_wire_end_is_open(const sim_wire_end *end);

/* ---- sim_wire_link.c --------------------------------------------------------------------------------------------- */
void sim_wire_owes(sim_wire_end *end, int reason); /* the relay must send RESET */
/* Returns true when the relay may have ended this socket before it read what came at this time. */
bool sim_wire_ends_unseen(const sim_wire_conn *c, uint64_t came_us);
uint64_t sim_wire_waiting(const sim_wire_conn *c);                  /* bytes that wait for this connection */
void sim_wire_link_arrives(sim_wire_conn *c, const pl_envelope *e); /* ACCEPT, DATA, RESET */
void sim_wire_link_written(sim_wire_conn *c, const pl_envelope *e);
void sim_wire_link_over(sim_wire_link *link);
void sim_wire_links_of_ended(sim_wire_conn *c);
void sim_wire_links_settle(sim_wire_conn *c);
void sim_wire_links_lost(sim_wire *o, unsigned from, unsigned to);

/* ---- sim_wire_call.c --------------------------------------------------------------------------------------------- */
void sim_wire_call_arrives(sim_wire_conn *c, const pl_envelope *e); /* OPEN, CLAIM */
void sim_wire_call_offered(sim_wire_conn *c, const pl_envelope *e); /* OFFER, CLAIM */
void sim_wire_call_over(sim_wire_link *link);
void sim_wire_call_login(sim_wire_conn *c);
void sim_wire_call_gone(sim_wire_conn *c);                            /* no call must be offered to it any more */
void sim_wire_call_blocked(sim_wire_conn *c, const uint8_t peer[32]); /* calls of `peer` on their way may be dropped */
void sim_wire_call_forget(sim_wire_link *link);
void sim_wire_call_free(sim_wire_link *link); /* when nothing refers to it */
void sim_wire_calls_turn(sim_wire *o, unsigned worker);

/* ---- sim_wire_code.c --------------------------------------------------------------------------------------------- */
void sim_wire_code_arrives(sim_wire_conn *c, const pl_envelope *e);
void sim_wire_code_written(sim_wire_conn *c, const pl_envelope *e);
void sim_wire_code_unheard(sim_wire_conn *c); /* it will not hear what it was given */
void sim_wire_code_claimed(sim_wire_conn *c, sim_wire_link *link, uint32_t number);
void sim_wire_code_denied(sim_wire_end *end); /* NO_CODE was written */
void sim_wire_code_turn(sim_wire *o, unsigned worker);
void sim_wire_codes_lost(sim_wire *o);

/* ---- sim_wire_budget.c ------------------------------------------------------------------------------------------- */
uint32_t sim_wire_connections(const sim_wire *o);
void sim_wire_budget_connect(sim_wire_conn *c, bool taken);
void sim_wire_budget_open(sim_wire_conn *c, sim_wire_link *link);
void sim_wire_budget_claim(sim_wire_conn *c, sim_wire_link *link);
void sim_wire_budget_refused(sim_wire_conn *c, const sim_wire_link *link); /* RATE was written */
void sim_wire_budget_offered(sim_wire_conn *c, sim_wire_link *link);
/* A number was claimed or asked for and missed: perhaps, or, once it was seen, for certain. */
void sim_wire_budget_missed(sim_wire_conn *c, bool for_certain);
bool sim_wire_budget_may_miss(sim_wire_conn *c);
bool sim_wire_budget_code(sim_wire_conn *c);
void sim_wire_budget_code_given(sim_wire_conn *c);
/* The relay has ended the connection before it read the bytes that came last. */
void sim_wire_budget_unread(sim_wire_conn *c);
void sim_wire_pair(sim_wire *o, const sim_wire_link *link, bool for_certain);
void sim_wire_overflow(sim_wire_end *end); /* OVERFLOW was written: looks for its cause */

/* ---- sim_wire_client.c ------------------------------------------------------------------------------------------- */
void sim_wire_client_sends(sim_wire_conn *c, const uint8_t *message, size_t n);
void sim_wire_client_hears(sim_wire_conn *c, const uint8_t *message, size_t n);

#endif
