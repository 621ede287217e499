/* The relay's engine: everything that is decided about connections, logins, links and queues. Pure: the shell owns
 * sockets, clock, chance, disk and pages. No globals; any number of relays may live in one process.
 *
 * Use: hand in each event with the time; then, once per turn, take connections from pl_relay_next_dirty, write what
 * pl_relay_conn_output gives, say with pl_relay_conn_sent how much was taken, obey pl_relay_conn_wish; then sleep until
 * pl_relay_deadline or the next event. Not thread safe: one relay, one thread. A connection lives from pl_relay_open
 * to pl_relay_closed, which the shell calls exactly once for each. */
#ifndef PL_RELAY_H
#define PL_RELAY_H

#include "../../client/core/identity/identity.h"
#include "../../client/core/wire/wire.h"
#include "forwarded.h"
#include "http.h"

typedef struct pl_relay pl_relay;
typedef struct pl_relay_conn pl_relay_conn;

/* ---- settings: the announced limits of wire.def, then the relay's own ------------------------------------ */
enum pl_relay_setting {
#define PL_LIMIT(name, number, initial, minimum, maximum, text) PL_RELAY_SET_##name,
#include "../../schema/wire.def"
#define PL_RELAY_SETTING(name, initial, minimum, maximum, text) PL_RELAY_SET_##name,
#include "settings.def"
  PL_RELAY_SETTINGS
};

typedef struct pl_relay_setting_info {
  const char *name;
  uint32_t initial, minimum, maximum;
  const char *text;
} pl_relay_setting_info;
extern const pl_relay_setting_info pl_relay_setting_table[PL_RELAY_SETTINGS];

void pl_relay_settings_init(uint32_t settings[PL_RELAY_SETTINGS]); /* initial values */
/* 0, or PL_EINVAL: no such name, or out of its range. */
int pl_relay_settings_set(uint32_t settings[PL_RELAY_SETTINGS], const char *name, uint32_t value) PL_MUST_USE;
/* What contradicts itself among the settings, or NULL. */
const char *pl_relay_settings_check(const uint32_t settings[PL_RELAY_SETTINGS]);

/* ---- what the shell answers ---------------------------------------------------------------------------------- */

enum { PL_RELAY_ADMIT_OPEN = 0, PL_RELAY_ADMIT_INVITE = 1, PL_RELAY_ADMIT_CLOSED = 2 };

/* A page: written by the shell's pages. head and body are borrowed; the body must outlive the connection. */
typedef struct pl_relay_page {
  char head[2048];
  size_t head_size;
  pl_view body;
} pl_relay_page;

typedef enum pl_relay_registration {
  PL_RELAY_REGISTRATION_NEW,     /* committed just now */
  PL_RELAY_REGISTRATION_KNOWN,   /* was there */
  PL_RELAY_REGISTRATION_REVOKED, /* was there, may not log in */
  PL_RELAY_REGISTRATION_ABSENT,  /* is not there, and may not be made */
  PL_RELAY_REGISTRATION_FAILED   /* the store cannot look it up, or not keep it: STORE */
} pl_relay_registration;

/* What a LOGIN says about an access token, to be checked with pl_token_verify. */
typedef struct pl_relay_token_claim {
  uint8_t transcript[64];
  uint8_t proof[PL_TOKEN_PROOF_BYTES];
} pl_relay_token_claim;

typedef enum pl_relay_log_level {
  PL_RELAY_LOG_ERROR,
  PL_RELAY_LOG_WARN,
  PL_RELAY_LOG_INFO,
  PL_RELAY_LOG_DEBUG
} pl_relay_log_level;

typedef struct pl_relay_hooks {
  /* Look this ID up and, if `may_create`, register it; answer with pl_relay_registered, now or later, always. */
  void (*lookup)(void *user, pl_relay_conn *conn, const uint8_t id[32], bool may_create);
  /* A GET or HEAD that is no upgrade: fill the page and return 200 or 304, or return another status to refuse. May be
   * NULL: 404. */
  int (*page)(void *user, const pl_relay_http_request *request, pl_relay_page *page);
  /* The buffer of a connection is full (conn's shell is NULL: one of the bus's): write some of it now if the socket
   * takes it (pl_relay_conn_output, pl_relay_conn_sent, but no other call). May be NULL. Spares the copy into a queue.
   */
  void (*flush)(void *user, pl_relay_conn *conn);
  /* Nothing waits for this connection: write these bytes of another now, say how many the socket took. No call of this
   * relay's functions within. May be NULL. Spares the copy into a buffer. */
  size_t (*send)(void *user, pl_relay_conn *conn, pl_view bytes);
  /* One event for the log, without payloads, keys or addresses. May be NULL. */
  void (*log)(void *user, pl_relay_log_level level, const pl_relay_conn *conn, const char *event, const char *detail);
  /* This ID was linked with another; from any engine, not for each link. May be NULL. */
  void (*linked)(void *user, const uint8_t id[32]);
} pl_relay_hooks;

/* What the workers of one process have in common: limits that hold over all of them, the order of logins, who was
 * linked with whom. Thread safe. */
typedef struct pl_relay_shared pl_relay_shared;
pl_relay_shared *pl_relay_shared_new(const uint32_t settings[PL_RELAY_SETTINGS]); /* NULL: out of memory */
void pl_relay_shared_free(pl_relay_shared *shared);                               /* after all its relays */
uint64_t pl_relay_shared_sockets(const pl_relay_shared *shared);                  /* connections at all of them */

enum { PL_RELAY_WORKERS_MAX = 64 };

typedef struct pl_relay_config {
  const pl_identity *identity; /* borrowed: there is one copy of the secret in the process */
  uint8_t hash_seed[16];       /* random: keys of the relay's tables are chosen by peers; the same for all workers */
  uint32_t settings[PL_RELAY_SETTINGS];
  int admission;
  const char *const *origins;     /* pages of these origins may connect too; ended by NULL, or NULL; borrowed */
  const char *alternatives;       /* where clients go when this relay drains: URLs, a line each, or NULL; borrowed */
  const char *const *public_urls; /* origins that clients may have dialled; NULL: any; borrowed */
  const pl_relay_cidr *trusted;   /* proxies whose X-Forwarded-For is believed; borrowed */
  size_t trusted_count;
  pl_relay_hooks hooks;
  void *user;
  unsigned worker, workers; /* this one among how many, joined by the bus below; 0, 0: it is alone */
  pl_relay_shared *shared;  /* of all workers; borrowed. NULL: it is alone */
} pl_relay_config;

typedef struct pl_relay_stats {
  uint64_t sockets, ready, links, queued_bytes, nameplates; /* now; nameplates: of all workers */
  uint64_t opened, logins, refused, forwarded, dropped, volatile_dropped, overflows;
} pl_relay_stats;

/* NULL: out of memory. */
pl_relay *pl_relay_new(const pl_relay_config *config);
/* Frees all; connections still open end without a word. */
void pl_relay_free(pl_relay *relay);

/* A connection was accepted. address: IPv6, or IPv4 mapped into it; challenge: 32 random bytes. NULL: close it at once.
 */
pl_relay_conn *pl_relay_open(pl_relay *relay, const uint8_t address[16], const uint8_t challenge[32], void *shell,
                             uint64_t now_ms);
/* Bytes came; `data` is changed (unmasked in place). */
void pl_relay_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms);
/* The socket is gone. `conn` must not be used after this. */
void pl_relay_closed(pl_relay_conn *conn, uint64_t now_ms);
/* Within hooks.lookup, with admission invite: the claim that lets an unknown ID in if it holds. NULL: there is none. */
const pl_relay_token_claim *pl_relay_conn_token(const pl_relay_conn *conn);
/* The answer to hooks.lookup; good also if the connection was closed meanwhile. */
void pl_relay_registered(pl_relay_conn *conn, pl_relay_registration result, uint64_t now_ms);
/* The deadline passed; harmless at any time. */
void pl_relay_time(pl_relay *relay, uint64_t now_ms);
uint64_t pl_relay_deadline(const pl_relay *relay);
/* Says GOING_AWAY to all and closes them: clients move within delay_ms. New connections are refused from now on. */
void pl_relay_drain(pl_relay *relay, uint32_t delay_ms, uint64_t now_ms);
pl_relay_stats pl_relay_get_stats(const pl_relay *relay);
/* What docs/protocol.md, section 4, promises of queues: each within its window, each socket and the process within
 * their budgets. For tests and debug builds: it looks at every queue. */
bool pl_relay_bounds_hold(const pl_relay *relay);
const uint8_t *pl_relay_id(const pl_relay *relay); /* 32 bytes */

/* ---- the bus between workers: see bus.h ------------------------------------------------------------------------ */
/* Bytes from a worker, in its order; they are changed. */
void pl_relay_bus_receive(pl_relay *relay, unsigned from, uint8_t *data, size_t size, uint64_t now_ms);
/* The next worker from *to on that there is something for, once a turn: begin with 0, go on with *to + 1. What the bus
 * does not take stays here: links towards that worker then queue, within their windows. */
bool pl_relay_next_bus_batch(pl_relay *relay, unsigned *to, pl_view *batch);
void pl_relay_bus_sent(pl_relay *relay, unsigned to, size_t n, uint64_t now_ms);
/* Something between this worker and that one was lost: their links end, their sockets are told anew. */
void pl_relay_bus_lost(pl_relay *relay, unsigned worker);

/* ---- output ------------------------------------------------------------------------------------------------------ */
/* The next connection that has something to write or a wish; each is given once until it changes again. */
pl_relay_conn *pl_relay_next_dirty(pl_relay *relay);
/* Bytes to write, valid until the next call on this relay; false: none. */
bool pl_relay_conn_output(pl_relay_conn *conn, pl_view *out);
void pl_relay_conn_sent(pl_relay_conn *conn, size_t n, uint64_t now_ms);
typedef enum pl_relay_conn_wish {
  PL_RELAY_WISH_NONE,
  PL_RELAY_WISH_FINISH, /* all output was taken: half-close, and close once the other side did */
  PL_RELAY_WISH_ABORT   /* close now */
} pl_relay_conn_wish;
pl_relay_conn_wish pl_relay_conn_get_wish(const pl_relay_conn *conn);
void *pl_relay_conn_shell(const pl_relay_conn *conn);
uint64_t pl_relay_conn_number(const pl_relay_conn *conn); /* for the log; counts from 1 */

#endif
