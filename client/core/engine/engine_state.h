/* The engine's state, which the files of this folder share. What each file does with it is in the header of that file;
 * docs/architecture.md ("Layers of the engine") says which file may use which. */
#ifndef PL_ENGINE_STATE_H
#define PL_ENGINE_STATE_H

#include "../base/heap.h"
#include "../base/table.h"
#include "../code/code.h"
#include "../noise/noise.h"
#include "../session/session.h"
#include "../wire/wire.h"
#include "engine.h"

enum {
  PL_ENGINE_OPEN_GRACE_MS = 10000,     /* how much longer than the relay this side waits for the answer to a call */
  PL_ENGINE_ACCEPT_TIMEOUT_MS = 10000, /* from ACCEPT to the caller's first record */
  PL_ENGINE_REDIAL_OTHER_MS = 2000,    /* the side that did not open the last link waits this long before it calls */
  PL_ENGINE_INVITES_MAX = 1024,
  PL_ENGINE_KNOCKS_MAX = PL_CONST_KNOCKS_MAX,
  PL_ENGINE_CODES_MAX = 8,
  PL_ENGINE_CONTROL_BYTES = 1 << 20,
  PL_ENGINE_ADDRESSES_BYTES = 1024,
  PL_ENGINE_TEXT_BYTES = 2048,
  PL_ENGINE_APPLICATION_MAX = 32,
  PL_ENGINE_NAME_MAX = 64
};

typedef struct pl_engine_session pl_engine_session;
typedef struct pl_engine_link pl_engine_link;

/* Deterministic random bytes, see engine_random.h. */
typedef struct pl_engine_rng {
  uint8_t key[32], block[256];
  uint64_t nonce;
  size_t used;
} pl_engine_rng;

/* ---- the connection ---------------------------------------------------------------------------------------------- */

typedef enum pl_engine_connection_state {
  PL_ENGINE_CONN_OFF,        /* not wanted, or given up */
  PL_ENGINE_CONN_WAITING,    /* until the next try */
  PL_ENGINE_CONN_CONNECTING, /* the shell opens the socket */
  PL_ENGINE_CONN_HELLO,      /* waits for the relay's HELLO */
  PL_ENGINE_CONN_LOGIN,      /* waits for WELCOME */
  PL_ENGINE_CONN_ONLINE
} pl_engine_connection_state;

/* Where the relay can be reached: at the configured address, and at those of the last GOING_AWAY. */
typedef struct pl_engine_addresses {
  char text[PL_ENGINE_ADDRESSES_BYTES]; /* a NUL after each */
  uint8_t count, now;                   /* now: which one is in use; 0 is the configured one */
} pl_engine_addresses;

/* ---- links ------------------------------------------------------------------------------------------------------- */

typedef enum pl_engine_link_state {
  PL_ENGINE_LINK_OPENING,  /* this side sent OPEN or CLAIM, which is not answered */
  PL_ENGINE_LINK_OFFERED,  /* an OFFER or CLAIM that waits: a knock, or a call parked behind one of this side */
  PL_ENGINE_LINK_ACCEPTED, /* this side sent ACCEPT; the caller's first record has not come */
  PL_ENGINE_LINK_UP
} pl_engine_link_state;

/* Pairing codes (docs/protocol.md, section 7, "Codes"): those that this side made, and those that it uses.
 *
 *   creator: asked → has a number ⇄ asked again (with each login) → over
 *            its seat: free → taken by a link whose ACCEPT was sent → free, or over with the guess
 *   claimer: waits → CLAIM sent → guess sent → waits for the creator's call → over
 *                 ↖ lost, unavailable ↙
 *
 * What a stranger does ends at most its own link, with one exception: a wrong guess ends the code. Links of codes have
 * no session. When a code is over, its link may stay for a while, until the other side resets it. */
typedef struct pl_engine_code_run {
  uint32_t handle; /* for the application, and the tag of MAKE; 0: this place is free */
  bool claimer;
  bool shown;      /* creator: the application knows the number */
  bool asked;      /* creator: the relay was asked for the number over this socket */
  bool busy_told;  /* creator: CODE_BUSY was reported for the link in the seat */
  bool guess_sent; /* claimer */
  pl_code code;
  uint64_t expires_ms, try_ms;
  bool seen; /* claimer: the relay knew the number before */
  unsigned failures, missed;
  pl_engine_link *link;                                        /* creator: in the seat; claimer: its claim; or NULL */
  uint8_t sid[PL_CONST_CODE_SID_BYTES], scalar[32], share[32]; /* claimer, until the answer */
  pl_code_secrets secrets;                                     /* from both shares on, while there is a link */
} pl_engine_code_run;

/* What a link needs only until it is up. */
typedef struct pl_engine_call {
  pl_noise_handshake handshake;
  uint8_t invite[16];
  uint8_t application_size, name_size; /* of the other side */
  uint8_t application[PL_ENGINE_APPLICATION_MAX], name[PL_ENGINE_NAME_MAX];
} pl_engine_call;

/* What each record reads or writes comes first: see pl_engine_session. */
struct pl_engine_link {
  pl_engine_session *session; /* NULL until known */
  uint32_t number;
  pl_engine_link_state state;
  bool opener; /* this side called */
  bool listed; /* in engine.offers */
  bool parked; /* offered while this side calls the same peer; waits for the answer to that call */
  bool failed; /* a record could not be produced or sealed: the link ends with the next timer */
  bool replacing;
  bool has_invite;
  bool doubtful;            /* accepted only to be told why it is refused; counted in engine.refusals */
  bool unsupported;         /* its first handshake message has another version */
  bool is_code;             /* serves a pairing code; never has a session */
  uint64_t since_ms, bytes; /* since_ms: when the state began */
  pl_noise_link keys;

  pl_engine_code_run *code; /* NULL when the code is over, and for other links */
  uint64_t until_ms;        /* when a link of a code times out */
  pl_engine_call *call;     /* NULL once the link is up */
  pl_node node;             /* in engine.links */
  pl_node of_session;       /* in session.links, once the session is known */
  pl_table_node offer;      /* in engine.offers while it is an OFFERED call, under the caller's ID */
  pl_heap_node time; /* in engine.link_times until its state must have changed; its order counts the links made */
  uint8_t id[32], instance[8];
};

typedef struct pl_engine_slot {
  uint16_t generation;
  pl_engine_link *link;
} pl_engine_slot;

typedef struct pl_engine_slots {
  pl_engine_slot *list;
  size_t count;
  size_t lowest; /* no slot below this one is free */
} pl_engine_slots;

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* What each message reads or writes comes first. Of thousands of sessions hardly any is in a cache, and then each line
 * of memory counts as much as a hundred instructions. */
struct pl_engine_session {
  pl_session *core;
  pl_node ready;     /* in engine.ready while it may have something to send */
  pl_heap_node time; /* in engine.session_times, at its deadline; its order is its slot */
  pl_node links;     /* its links, the oldest first */
  pl_node due;       /* in the list of those whose timers have passed, while these are looked at */
  size_t slot;
  uint32_t number;
  int unlink_reason;
  bool own_wish;     /* made by CONNECT, or to call a knocker back */
  bool announced;    /* the application knows the number */
  bool linked;       /* the application knows that it is linked */
  bool was_linked;   /* at any time */
  bool any_instance; /* any instance may answer; from the first link on its peer is the one that did */
  bool opened_last;  /* this side opened the last link */
  bool lingering;    /* closed for the application; only repeats the answer to CLOSE */
  bool ended;        /* its core reported the end: freed after this step of the core */
  bool replace;      /* call although linked, because the link is old */
  bool has_secret, has_relay;
  uint64_t dial_at_ms, unlinked_ms;
  pl_engine_link *opening; /* the call of this side that is not answered, or NULL */
  uint8_t id[32], instance[8];

  uint64_t linger_until_ms;
  pl_table_node by_id;           /* in engine.by_id */
  unsigned failures;             /* calls in a row that failed */
  unsigned faults;               /* links in a row that ended with CORRUPT or a terminal reason */
  uint8_t secret[16], relay[32]; /* relay: the only one at which it may be called */
  uint8_t application_size, name_size;
  uint8_t application[PL_ENGINE_APPLICATION_MAX], name[PL_ENGINE_NAME_MAX];
};

/* ---- who may start a session ------------------------------------------------------------------------------------- */

typedef struct pl_engine_knock {
  uint8_t id[32], instance[8];
  bool used;
  uint64_t at_ms;
} pl_engine_knock;

typedef struct pl_engine_invite {
  uint8_t secret[16], hint[PL_CONST_INVITE_HINT_BYTES], bound_to[32];
  uint64_t expires_ms;
  bool single, claimed;
  bool revoked;  /* kept like an expired one, so that a peer that comes too late is told */
  bool internal; /* the dial secret of a code, of which the application does not know */
  uint32_t code; /* the handle of the code whose claim waits for this invite to be used, or 0 */
} pl_engine_invite;

/* What the user decided about an ID (docs/protocol.md, section 7, "Decisions"). */
typedef enum pl_engine_decision {
  PL_ENGINE_UNDECIDED, /* its calls are knocks */
  PL_ENGINE_ALLOWED,
  PL_ENGINE_IGNORED, /* its calls are not answered */
  PL_ENGINE_REFUSED, /* its calls are answered by REFUSED */
  PL_ENGINE_BLOCKED  /* its calls are not answered, and the relay drops them */
} pl_engine_decision;

typedef struct pl_engine_peer {
  pl_node node;        /* in engine.peers; ignored and refused ones in the order of these decisions */
  pl_table_node by_id; /* in engine.peers_by_id */
  uint8_t id[32];
  pl_engine_decision decision; /* one that is undecided is not kept */
} pl_engine_peer;

/* ---- the engine -------------------------------------------------------------------------------------------------- */

typedef struct pl_engine_actions {
  pl_engine_action *list;
  size_t count, capacity;
} pl_engine_actions;

struct pl_engine {
  pl_engine_config config;
  char *origin;
  pl_engine_addresses addresses;
  uint8_t application_size, name_size;
  uint8_t application[PL_ENGINE_APPLICATION_MAX], name[PL_ENGINE_NAME_MAX], relay_id[32];
  bool pinned, has_token;
  uint8_t token_key[32];
  uint8_t table_key[16]; /* of the hashes in tables, so that no peer can choose IDs that collide */
  pl_engine_rng rng;
  uint64_t now_ms, next_ms;
  uint64_t judge_from_ms; /* timers that pass before this moment wait for it; 0: none waits */

  pl_engine_actions actions;
  uint8_t text[PL_ENGINE_TEXT_BYTES]; /* of this step's actions */
  size_t text_used;
  uint8_t *plain; /* opened records of this step */
  size_t plain_capacity;
  pl_session_pieces pieces;

  pl_engine_connection_state connection;
  uint64_t connection_ms; /* when its state ends */
  uint64_t offline_since_ms, online_ms, received_ms, move_at_ms;
  uint64_t answer_by_ms; /* when the answer to PING is due; PL_NEVER: no PING is on its way */
  uint64_t asked_ms;     /* when that PING was sent */
  unsigned connect_failures;
  uint64_t stop_at_ms; /* while stopping: how long the answers to CLOSE are awaited */
  bool wanted, stopping;
  bool carried;  /* a peer's record opened on this connection */
  bool was_late; /* the engine was called late, and nothing came since */
  bool checking; /* the application knows that nothing comes from the relay */
  bool awaits;   /* the relay or a peer has something to answer, and nothing has come since */
  uint8_t transcript[64], hello_relay_id[32];
  uint32_t message_max, link_window, link_slots, open_timeout_ms, ping_interval_ms, dead_after_ms;

  pl_buffer control; /* envelopes to send before any record */
  pl_engine_slots own, relays;
  pl_node links;
  size_t link_count;
  uint64_t links_made;
  pl_table offers;
  pl_heap link_times;
  pl_node ready;
  pl_engine_session **sessions; /* by slot; NULL where a slot is free */
  size_t session_slots, session_count;
  size_t session_lowest; /* no slot below this one is free */
  size_t awaited;        /* while stopping: a session whose answer to CLOSE was missing when it was last looked at */
  pl_table by_id;        /* the sessions, by their peer's ID */
  pl_heap session_times;
  uint16_t session_generation;

  pl_engine_knock knocks[PL_ENGINE_KNOCKS_MAX];
  unsigned refusals; /* links that are doubtful */
  pl_engine_invite *invites;
  size_t invite_count;
  pl_node peers;
  pl_table peers_by_id;
  size_t peer_count, turned_away; /* turned_away: those that are ignored or refused */
  pl_engine_code_run codes[PL_ENGINE_CODES_MAX];
  uint32_t code_handles;
  uint64_t codes_online_ms; /* when the last login was */
};

#endif
