/* The parts of the engine, shared by the files of this folder only. */
#ifndef PL_ENGINE_INTERNAL_H
#define PL_ENGINE_INTERNAL_H

#include "../noise/noise.h"
#include "../session/session.h"
#include "../wire/wire.h"
#include "engine.h"

typedef struct pl_engine_link pl_engine_link;
#include "engine_code.h"

enum {
  PL_ENGINE_ADDRESSES_BYTES = 1024,
  PL_ENGINE_CONNECT_TIMEOUT_MS = 30000,
  PL_ENGINE_LOGIN_TIMEOUT_MS = 15000,
  PL_ENGINE_OPEN_GRACE_MS = 10000,     /* beyond the relay's own timeout */
  PL_ENGINE_ACCEPT_TIMEOUT_MS = 10000, /* from ACCEPT to the caller's first record */
  PL_ENGINE_OFFER_TIMEOUT_MS = 70000,  /* longer than any relay lets an OFFER wait */
  PL_ENGINE_LINGER_MS = 15000,         /* a session the peer closed can still repeat its answer */
  PL_ENGINE_STOP_MS = 10000,
  PL_ENGINE_REDIAL_OTHER_MS = 2000, /* the side that did not open the last link waits so long */
  PL_ENGINE_RETRY_MIN_MS = 250,
  PL_ENGINE_RETRY_MAX_MS = 10000,
  PL_ENGINE_RETRY_LATE_MS = 30000,
  PL_ENGINE_RETRY_EARLY_FOR_MS = 120000,
  PL_ENGINE_HELD_MS = 10000, /* a connection that was online for so long was of use */
  PL_ENGINE_NETWORK_UP_ANSWER_MS = 5000,
  PL_ENGINE_LATE_MS = 2000, /* behind its deadline: the engine was not called when it asked to be */
  PL_ENGINE_READ_FIRST_MS = 1000,
  PL_ENGINE_REPLACE_AFTER_MS = 900000,
  PL_ENGINE_FAULT_FREE_MS = 60000, /* a link that held so long was no part of a row of faults */
  PL_ENGINE_KNOCKS_MAX = 64,
  PL_ENGINE_REFUSALS_MAX = 16, /* calls that are accepted only to be refused, at a time */
  PL_ENGINE_INVITES_MAX = 256,
  PL_ENGINE_PEERS_MAX = 65536,
  PL_ENGINE_CONTROL_BYTES = 1 << 20,
  PL_ENGINE_INCOMING_MAX = 16777216,
  PL_ENGINE_TEXT_BYTES = 2048,
  PL_ENGINE_APPLICATION_MAX = 32,
  PL_ENGINE_NAME_MAX = 64
};

typedef struct pl_engine_rng {
  uint8_t key[32], block[256];
  uint64_t nonce;
  size_t used;
} pl_engine_rng;

typedef enum pl_engine_connection_state {
  PL_ENGINE_CONN_OFF,        /* not wanted, or given up */
  PL_ENGINE_CONN_WAITING,    /* for the next try */
  PL_ENGINE_CONN_CONNECTING, /* the shell opens the socket */
  PL_ENGINE_CONN_HELLO,      /* for the relay's HELLO */
  PL_ENGINE_CONN_LOGIN,      /* for WELCOME */
  PL_ENGINE_CONN_ONLINE
} pl_engine_connection_state;

typedef enum pl_engine_link_state {
  PL_ENGINE_LINK_OPENING,  /* own OPEN, not answered */
  PL_ENGINE_LINK_OFFERED,  /* an OFFER that waits: a knock, or parked behind an own OPEN */
  PL_ENGINE_LINK_ACCEPTED, /* accepted; the caller's first record has not come */
  PL_ENGINE_LINK_UP
} pl_engine_link_state;

typedef struct pl_engine_session pl_engine_session;

struct pl_engine_link {
  pl_node node;
  uint32_t number;
  pl_engine_link_state state;
  bool opener, parked, failed, replacing, has_invite;
  bool doubtful;            /* accepted to be told why it is not let in; counted in engine.refusals */
  bool unsupported;         /* its message 1 is of another version */
  bool is_code;             /* of a pairing code: no session comes of it */
  pl_engine_code_run *code; /* NULL: none, or over */
  uint64_t until_ms;        /* when a link of a code is too late */
  uint8_t id[32], instance[8], invite[16];
  pl_engine_session *session; /* NULL until known */
  pl_noise_handshake handshake;
  pl_noise_link keys;
  uint64_t since_ms, bytes;
  uint8_t application_size, name_size;
  uint8_t application[PL_ENGINE_APPLICATION_MAX], name[PL_ENGINE_NAME_MAX];
};

typedef struct pl_engine_slot {
  uint16_t generation;
  pl_engine_link *link;
} pl_engine_slot;

typedef struct pl_engine_slots {
  pl_engine_slot *list;
  size_t count;
} pl_engine_slots;

struct pl_engine_session {
  pl_node ready; /* in engine.ready while it may have something to send */
  size_t slot;
  uint32_t number;
  uint8_t id[32], instance[8];
  bool own_wish;     /* made by PL_ENGINE_IN_CONNECT, or to dial a knocker back */
  bool announced;    /* the application knows the number */
  bool linked;       /* the application was told so */
  bool was_linked;   /* ever */
  bool any_instance; /* asked for whichever instance there is; bound to one once linked */
  bool opened_last;  /* the last link was opened by this side */
  bool lingering;    /* closed for the application; only repeats the answer to CLOSE */
  bool ended;        /* to be freed after the step of its core */
  bool replace;      /* dial although linked: the link is old */
  bool has_secret, has_relay;
  uint8_t secret[16], relay[32]; /* relay: the only one it may be dialled at */
  pl_session *core;
  pl_engine_link *opening;
  uint64_t dial_at_ms, unlinked_ms, linger_until_ms;
  unsigned failures;
  unsigned faults; /* links in a row that ended with CORRUPT or a terminal reason */
  int unlink_reason;
  uint8_t application_size, name_size;
  uint8_t application[PL_ENGINE_APPLICATION_MAX], name[PL_ENGINE_NAME_MAX];
};

typedef struct pl_engine_knock {
  uint8_t id[32], instance[8];
  bool muted; /* denied: not reported again */
  bool used;
  uint64_t at_ms;
} pl_engine_knock;

typedef struct pl_engine_invite {
  uint8_t secret[16], bound_to[32];
  uint64_t expires_ms;
  bool single, claimed;
  bool internal; /* a code's dial secret: the application does not hear of it */
  uint32_t code; /* the claim that waits for it, 0: none */
} pl_engine_invite;

typedef struct pl_engine_peer_entry {
  uint8_t id[32];
  bool allowed, blocked;
} pl_engine_peer_entry;

/* Where the relay can be reached: the configured address, then those of the last GOING_AWAY. */
typedef struct pl_engine_addresses {
  char text[PL_ENGINE_ADDRESSES_BYTES]; /* a NUL behind each */
  uint8_t count, now;                   /* now: 0 is the configured one */
} pl_engine_addresses;

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
  pl_engine_rng rng;
  uint64_t now_ms, next_ms;
  uint64_t judge_from_ms; /* no timer counts before; 0: they all do */

  pl_engine_actions actions;
  uint8_t text[PL_ENGINE_TEXT_BYTES]; /* of this step's actions */
  size_t text_used;
  uint8_t *plain; /* opened records of this step */
  size_t plain_capacity;
  pl_session_pieces pieces;

  pl_engine_connection_state connection;
  uint64_t connection_ms; /* when its state ends */
  uint64_t offline_since_ms, online_ms, received_ms, move_at_ms, stop_at_ms;
  uint64_t answer_by_ms; /* to a PING; PL_NEVER: none is on its way */
  unsigned connect_failures;
  bool wanted, stopping;
  bool carried;  /* a peer's record opened on this connection */
  bool was_late; /* and nothing came since */
  uint8_t transcript[64], hello_relay_id[32];
  uint32_t message_max, link_window, link_slots, open_timeout_ms, ping_interval_ms, dead_after_ms;

  pl_buffer control;
  pl_engine_slots own, relays;
  pl_node links;
  pl_node ready;
  pl_engine_session **sessions;
  size_t session_slots;
  uint16_t session_generation;

  pl_engine_knock knocks[PL_ENGINE_KNOCKS_MAX];
  unsigned refusals; /* links that are doubtful */
  pl_engine_invite *invites;
  size_t invite_count;
  pl_engine_peer_entry *peers;
  size_t peer_count;
  pl_engine_code_run codes[PL_ENGINE_CODES_MAX];
  uint32_t code_handles;
  uint64_t codes_online_ms; /* the last login */
};

/* engine_actions.c */
int pl_engine_out(pl_engine *e,
                  pl_engine_action action); /* PL_ENOMEM: the caller tries again later, or it can be missed */
/* What is told once and would be missed: a connection, session or code that changed its state. It goes into room that
 * is kept for it since the connection or session began, so that no failing allocation can swallow it. */
void pl_engine_out_once(pl_engine *e, pl_engine_action action);
/* That room: of a session the loss of its link and its end, of the codes their ends, of the connection its turns. */
#define PL_ENGINE_OUT_RESERVE(sessions) (2 * (sessions) + 2 * PL_ENGINE_CODES_MAX + 16)
int pl_engine_out_room(pl_engine *e, size_t count);      /* for so many actions in a step */
pl_view pl_engine_keep_text(pl_engine *e, pl_view text); /* copied until the next step; cut when there is no room */
void pl_engine_log(pl_engine *e, const char *event, const char *reason);
int pl_engine_reason_error(int reason);
bool pl_engine_reason_is_fault(
    int reason); /* of a link in use: CORRUPT, and the word of anybody that it is of no use */
void pl_engine_wake_at(pl_engine *e, uint64_t ms);

/* engine_retry.c */
uint64_t pl_engine_retry_jitter(pl_engine *e, unsigned doublings);
uint64_t pl_engine_retry_delay(pl_engine *e, unsigned failures); /* at once three times, then full jitter */

/* engine_random.c */
void pl_engine_rng_init(pl_engine_rng *r, const uint8_t seed[32]);
void pl_engine_rng_bytes(pl_engine_rng *r, void *out, size_t n);
uint64_t pl_engine_rng_u64(pl_engine_rng *r);
uint64_t pl_engine_rng_below(pl_engine_rng *r, uint64_t limit); /* 0 to limit - 1; 0 for a limit of 0 */

/* engine_connection.c */
int pl_engine_connection_start(pl_engine *e);
void pl_engine_connection_stop(pl_engine *e);
void pl_engine_connection_opened(pl_engine *e);
void pl_engine_connection_closed(pl_engine *e, int error);
void pl_engine_connection_network_up(pl_engine *e);
/* Gives the socket up: `error` for the application; terminal reasons are not tried again. */
void pl_engine_connection_fail(pl_engine *e, int error, int reason);
void pl_engine_connection_online(pl_engine *e);
void pl_engine_connection_heard(pl_engine *e);
bool pl_engine_connection_has_socket(const pl_engine *e); /* or is getting one */
void pl_engine_connection_late(pl_engine *e);             /* nobody looked for a while */
void pl_engine_connection_time(pl_engine *e);
uint64_t pl_engine_connection_deadline(const pl_engine *e);
/* engine_address.c */
void pl_engine_addresses_take(pl_engine *e, pl_view urls); /* of a GOING_AWAY; the next one of them is tried first */
void pl_engine_addresses_turn(pl_engine *e);               /* the one in use did not answer: the next */
const char *pl_engine_address(const pl_engine *e);         /* NULL: the configured one */
/* The WHATWG origin of the address in use, into 256 bytes. */
void pl_engine_address_origin(const pl_engine *e, char origin[256]);
int pl_engine_connection_going_away(pl_engine *e, pl_view payload);
void pl_engine_connection_reset(pl_engine *e, pl_view payload);

/* engine_login.c */
void pl_engine_login_set_token(pl_engine *e, const char *token); /* NULL or empty: none */
int pl_engine_login_hello(pl_engine *e, pl_view payload);        /* 0 or a reason */
int pl_engine_login_welcome(pl_engine *e, pl_view payload);      /* 0 or a reason */

/* engine_link.c */
pl_engine_link *pl_engine_link_new(pl_engine *e, bool opener, uint32_t offered_number); /* NULL: no slot or memory */
pl_engine_link *pl_engine_link_find(pl_engine *e, uint32_t number);
bool pl_engine_link_number_is_new(pl_engine *e, uint32_t number);        /* one that the relay may give a link now */
void pl_engine_link_forget(pl_engine *e, pl_engine_link *l, int reason); /* as above, without telling the session */
int pl_engine_control(pl_engine *e, uint8_t type, uint32_t link, const void *payload, size_t size);
void pl_engine_control_reset(pl_engine *e, uint32_t link, int reason);
void pl_engine_slots_deinit(pl_engine_slots *s);

/* engine_loss.c */
void pl_engine_link_end(pl_engine *e, pl_engine_link *l, int reason); /* 0: without RESET; tells the session */
void pl_engine_links_end_all(pl_engine *e);
void pl_engine_link_reset_came(pl_engine *e, uint32_t number, pl_view payload);

/* engine_data.c */
void pl_engine_link_data_came(pl_engine *e, uint32_t number, uint8_t flags, pl_view record, uint8_t *plain);

/* engine_handshake.c */
int pl_engine_handshake_write1(pl_engine *e, pl_engine_link *l, uint8_t *out, size_t capacity);
int pl_engine_handshake_write2(pl_engine *e, pl_engine_link *l, uint8_t *out, size_t capacity);
int pl_engine_handshake_read1(pl_engine *e, pl_engine_link *l,
                              pl_view message); /* 0 or PL_ECRYPTO, PL_EPROTOCOL, PL_ESTATE (version) */
int pl_engine_handshake_read2(pl_engine *e, pl_engine_link *l, pl_view message);

/* engine_dial.c */
void pl_engine_dial(pl_engine *e, pl_engine_session *s);
int pl_engine_dial_accepted(pl_engine *e, pl_engine_link *l, pl_view payload); /* 0 or a reason to end the link */
int pl_engine_dial_step(pl_engine *e, pl_engine_session *s, pl_session_event *in, pl_session_result *result);
int pl_engine_dial_link_up(pl_engine *e, pl_engine_session *s, pl_engine_link *l);
void pl_engine_dial_failed(pl_engine *e, pl_engine_session *s, int reason);
void pl_engine_dial_all(pl_engine *e); /* after login */

/* engine_offer.c */
int pl_engine_offer_came(pl_engine *e, uint32_t number, pl_view payload);
void pl_engine_offer_accept(pl_engine *e, pl_engine_link *l);
bool pl_engine_offer_is_welcome(pl_engine *e, const pl_engine_link *l); /* without an invite */
pl_engine_link *pl_engine_offer_parked(pl_engine *e, const pl_engine_session *s);
pl_engine_session *pl_engine_offer_session(pl_engine *e, const pl_engine_link *l, uint64_t epoch);

/* engine_knock.c */
pl_engine_peer_entry *pl_engine_peer_find(pl_engine *e, const uint8_t id[32]);
void pl_engine_knock_add(pl_engine *e, const pl_engine_link *l);
int pl_engine_peer_pair(pl_engine *e, const uint8_t id[32]); /* PL_ENOMEM: not let in */
int pl_engine_peer_allow(pl_engine *e, const uint8_t id[32]);
int pl_engine_peer_deny(pl_engine *e, const uint8_t id[32]);
int pl_engine_peer_block(pl_engine *e, const uint8_t id[32]);
void pl_engine_peers_tell_all(pl_engine *e); /* after login: the relay learns whom we allow and block */

/* engine_invite.c */
/* code: the claim that waits for its dial secret to be used, 0 for an invite of the application. */
int pl_engine_invite_add(pl_engine *e, pl_view secret, uint64_t expires_ms, uint32_t uses, uint32_t code);
void pl_engine_invite_take_back(pl_engine *e, const uint8_t id[32]);
int pl_engine_invite_revoke(pl_engine *e, const uint8_t secret[16]);
void pl_engine_invite_prove(uint8_t out[40], const uint8_t secret[16], const uint8_t caller[32],
                            const uint8_t callee[32], const uint8_t ephemeral[32]);
/* 0: no such invite; otherwise it is copied into the link. 1: valid for this caller; -1: used up or expired. */
int pl_engine_invite_check(pl_engine *e, pl_engine_link *l, pl_view proof, const uint8_t ephemeral[32]);
bool pl_engine_invite_claim(pl_engine *e, const pl_engine_link *l, uint32_t *code); /* false: someone else was faster */
void pl_engine_invite_settle(pl_engine *e, const uint8_t secret[16],
                             const uint8_t id[32]); /* its code is over: it lets in this ID, without a word */

/* engine_code.c */
int pl_engine_code_new(pl_engine *e, uint32_t lifetime_ms, uint32_t *handle);
int pl_engine_code_use(pl_engine *e, pl_view text, uint32_t *handle);
void pl_engine_code_cancel(pl_engine *e, uint32_t handle);
pl_engine_code_run *pl_engine_code_find(pl_engine *e, uint32_t handle);
pl_engine_code_run *pl_engine_code_by_number(pl_engine *e, uint32_t number); /* of those that this side made */
void pl_engine_code_online(pl_engine *e);                                    /* after login */
int pl_engine_code_answer_came(pl_engine *e, pl_view payload);               /* CODE: 0 or a reason */
void pl_engine_code_over(pl_engine *e, pl_engine_code_run *c, int reason); /* without an action; reason: for its link */
void pl_engine_code_end(pl_engine *e, pl_engine_code_run *c, int error, int reason);
void pl_engine_code_stop(pl_engine *e);
void pl_engine_code_time(pl_engine *e);

/* engine_exchange.c */
void pl_engine_code_claim(pl_engine *e, pl_engine_code_run *c); /* if it is to be tried now */
int pl_engine_code_claim_came(pl_engine *e, uint32_t number, pl_view payload);
void pl_engine_code_accepted(pl_engine *e, pl_engine_link *l, pl_view payload);
void pl_engine_code_data_came(pl_engine *e, pl_engine_link *l, pl_view payload);
void pl_engine_code_link_lost(pl_engine *e, pl_engine_link *l, int sent,
                              int came); /* sent: RESET of ours, or 0; came: why */
bool pl_engine_code_called(pl_engine *e, uint32_t handle, const pl_engine_link *l); /* the invite of a claim was used */

/* engine_session.c */
pl_engine_session *pl_engine_session_new(pl_engine *e, const uint8_t id[32], const uint8_t instance[8]);
pl_engine_session *pl_engine_session_by_number(const pl_engine *e, uint32_t number);
pl_engine_session *pl_engine_session_find(const pl_engine *e, const uint8_t id[32],
                                          const uint8_t instance[8]); /* live */
pl_engine_session *pl_engine_session_dialling(const pl_engine *e,
                                              const uint8_t id[32]); /* any instance, none known yet */
void pl_engine_session_free(pl_engine *e, pl_engine_session *s);
/* Sets *s to NULL when the step frees the session. `result` may be NULL. */
int pl_engine_session_step(pl_engine *e, pl_engine_session **s, pl_session_event *in, pl_session_result *result);
void pl_engine_session_end(pl_engine *e, pl_engine_session *s, int error, int reason, pl_view text);
pl_engine_link *pl_engine_session_answered_link(const pl_engine *e, const pl_engine_session *s);
void pl_engine_session_traffic(pl_engine *e, pl_engine_link *l, size_t bytes);
void pl_engine_session_touch(pl_engine *e, pl_engine_session *s); /* timers and output may have changed */
uint64_t pl_engine_session_deadline(const pl_engine *e, const pl_engine_session *s);
bool pl_engine_session_has_link(const pl_engine *e, const pl_engine_session *s); /* confirmed or not */
bool pl_engine_side_is_smaller(const pl_engine *e, const uint8_t id[32], const uint8_t instance[8]);

/* engine_command.c */
/* Connects as PL_ENGINE_IN_CONNECT does. */
int pl_engine_connect(pl_engine *e, const pl_engine_target *to, uint32_t *session);
int pl_engine_command(pl_engine *e, const pl_engine_event *in, pl_engine_result *out);

/* engine_time.c */
void pl_engine_timers(pl_engine *e);

static inline bool pl_is_zero(const uint8_t *p, size_t n) {
  uint8_t all = 0;
  for (size_t i = 0; i < n; i++) all |= p[i];
  return all == 0;
}

#endif
