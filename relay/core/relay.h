/* The relay's core decides everything about connections, logins, links and queues. It is pure: the shell owns sockets,
 * clock, randomness, disk and pages. It has no globals, so any number of relays may live in one process.
 *
 * How to use it: hand in each event with the time. Then, once per turn of the event loop, take connections from
 * pl_relay_next_dirty, write what pl_relay_conn_output gives, report with pl_relay_conn_sent how much the socket took,
 * and obey pl_relay_conn_get_wish. Then sleep until pl_relay_deadline or the next event.
 *
 * A relay may be used by one thread only. A connection lives from pl_relay_open to pl_relay_closed, which the shell
 * calls exactly once for each. */
#ifndef PL_RELAY_H
#define PL_RELAY_H

#include "../../client/core/identity/identity.h"
#include "../../client/core/wire/wire.h"
#include "forwarded.h"
#include "http.h"

typedef struct pl_relay pl_relay;
typedef struct pl_relay_conn pl_relay_conn;

/* ---- settings: the announced limits of wire.def, then the relay's own -------------------------------------------- */
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

/* Sets the initial values. */
void pl_relay_settings_init(uint32_t settings[PL_RELAY_SETTINGS]);
/* Returns 0, or PL_EINVAL when there is no such name or the value is out of its range. */
int pl_relay_settings_set(uint32_t settings[PL_RELAY_SETTINGS], const char *name, uint32_t value) PL_MUST_USE;
/* Returns a text that says which settings contradict each other, or NULL when none do. */
const char *pl_relay_settings_check(const uint32_t settings[PL_RELAY_SETTINGS]);

/* ---- what the shell answers -------------------------------------------------------------------------------------- */

enum { PL_RELAY_ADMIT_OPEN = 0, PL_RELAY_ADMIT_INVITE = 1, PL_RELAY_ADMIT_CLOSED = 2 };

/* The answer to a GET, which the shell fills in. The body must outlive the connection. */
typedef struct pl_relay_page {
  char head[2048];
  size_t head_size;
  pl_view body;
} pl_relay_page;

typedef enum pl_relay_registration {
  PL_RELAY_REGISTRATION_NEW,     /* was committed just now */
  PL_RELAY_REGISTRATION_KNOWN,   /* was there before */
  PL_RELAY_REGISTRATION_REVOKED, /* was there before, and may not log in */
  PL_RELAY_REGISTRATION_ABSENT,  /* is not there; hooks.register_id: and the token does not admit it */
  PL_RELAY_REGISTRATION_FAILED   /* the store could not look it up or keep it: the login ends with STORE */
} pl_relay_registration;

/* What a LOGIN says about an access token; pl_token_verify checks it. */
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
  /* Looks this ID up. The shell always answers with pl_relay_registered, within this call or later. */
  void (*lookup)(void *user, pl_relay_conn *conn, const uint8_t id[32]);
  /* Registers this ID, which was ABSENT a moment ago and whose key is good: if `claim` is NULL, in any case, else only
   * when the token that it claims is valid. The shell always answers with pl_relay_registered, within this call or
   * later. Nothing else may register an ID, because the key of a registered one is not checked again. */
  void (*register_id)(void *user, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim);
  /* Answers a GET or HEAD that is not an upgrade: fills the page and returns 200 or 304, or returns another status to
   * refuse. May be NULL: every request gets 404. */
  int (*page)(void *user, const pl_relay_http_request *request, pl_relay_page *page);
  /* The output buffer of this connection is full. Writes some of it now, if the socket takes it; may call only
   * pl_relay_conn_output and pl_relay_conn_sent. When the connection is another worker (its shell is NULL), hands over
   * what pl_relay_next_bus_batch gives. May be NULL. Saves copying into a queue. */
  void (*flush)(void *user, pl_relay_conn *conn);
  /* Nothing waits for this connection. Writes these bytes now and returns how many the socket took. Must not call any
   * function of this relay. May be NULL. Saves copying into a buffer. */
  size_t (*send)(void *user, pl_relay_conn *conn, pl_view bytes);
  /* One event for the log, without payloads, keys or addresses. May be NULL. */
  void (*log)(void *user, pl_relay_log_level level, const pl_relay_conn *conn, const char *event, const char *detail);
  /* This ID was linked with another one for the first time in a while; it is not called for every link. May be NULL. */
  void (*linked)(void *user, const uint8_t id[32]);
} pl_relay_hooks;

/* What the workers of one process share: limits that hold over all of them, the order of logins, and which IDs were
 * linked before. Thread safe. */
typedef struct pl_relay_shared pl_relay_shared;
/* Returns NULL when memory ran out. */
pl_relay_shared *pl_relay_shared_new(const uint32_t settings[PL_RELAY_SETTINGS]) PL_MUST_USE;
/* Call it after all its relays were freed. */
void pl_relay_shared_free(pl_relay_shared *shared);
/* Returns the number of connections at all workers. */
uint64_t pl_relay_shared_sockets(const pl_relay_shared *shared);

enum { PL_RELAY_WORKERS_MAX = 64 };

typedef struct pl_relay_config {
  const pl_identity *identity; /* borrowed: there is one copy of the secret in the process */
  uint8_t hash_seed[16];       /* random, the same for all workers; peers choose the keys of the relay's tables */
  uint32_t settings[PL_RELAY_SETTINGS];
  int admission;
  const char *const *origins; /* pages of these origins may connect too; ended by NULL, or NULL; borrowed */
  const char *alternatives;   /* where clients should go when this relay drains: one URL per line, or NULL; borrowed */
  const char *const *public_urls; /* origins that clients may have dialled; NULL: any; borrowed */
  const pl_relay_cidr *trusted;   /* proxies whose X-Forwarded-For is believed; borrowed */
  size_t trusted_count;
  pl_relay_hooks hooks;
  void *user;
  unsigned worker, workers; /* the number of this worker, and how many the bus joins; 0, 0: there is only this one */
  pl_relay_shared *shared;  /* of all workers; borrowed. NULL: there is only this one */
} pl_relay_config;

typedef struct pl_relay_stats {
  uint64_t sockets, ready, links, queued_bytes, nameplates; /* at present; nameplates: those of all workers */
  uint64_t opened, logins, refused, forwarded, dropped, volatile_dropped, overflows; /* since the start */
} pl_relay_stats;

/* Returns NULL when memory ran out. */
pl_relay *pl_relay_new(const pl_relay_config *config) PL_MUST_USE;
/* Frees the relay and its connections, which are told nothing. May be NULL. */
void pl_relay_free(pl_relay *relay);

/* A connection was accepted. `address` is IPv6, or IPv4 mapped into it; `challenge` is 32 random bytes; `shell` is what
 * pl_relay_conn_shell returns. Returns NULL when the shell must close the socket at once. */
pl_relay_conn *pl_relay_open(pl_relay *relay, const uint8_t address[16], const uint8_t challenge[32], void *shell,
                             uint64_t now_ms) PL_MUST_USE;
/* Bytes came. `data` is changed: it is unmasked in place. Returns true when data of a link was passed on. */
bool pl_relay_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms);
/* The socket is closed. `conn` must not be used after this, except to answer hooks.lookup or hooks.register_id. */
void pl_relay_closed(pl_relay_conn *conn, uint64_t now_ms);
/* Answers hooks.lookup or hooks.register_id, also when the connection was closed meanwhile. */
void pl_relay_registered(pl_relay_conn *conn, pl_relay_registration result, uint64_t now_ms);
/* Does what is due. Call it when the deadline has passed; calling it earlier does no harm. */
void pl_relay_time(pl_relay *relay, uint64_t now_ms);
/* Returns when pl_relay_time must be called next, or PL_NEVER. */
uint64_t pl_relay_deadline(const pl_relay *relay);
/* Sends GOING_AWAY to all connections and closes them: clients move within delay_ms. New connections are refused from
 * now on. */
void pl_relay_drain(pl_relay *relay, uint32_t delay_ms, uint64_t now_ms);
pl_relay_stats pl_relay_get_stats(const pl_relay *relay);
/* Returns true when queues keep what docs/protocol.md, section 4, promises: each within its window, each socket and the
 * process within their budgets. For tests and debug builds: it looks at every queue. */
bool pl_relay_bounds_hold(const pl_relay *relay) PL_MUST_USE;
/* Returns the relay's ID: 32 bytes. */
const uint8_t *pl_relay_id(const pl_relay *relay);

/* ---- the bus between workers, see bus.h -------------------------------------------------------------------------- */
/* Bytes came from a worker, in the order in which it sent them. `data` is changed. */
void pl_relay_bus_receive(pl_relay *relay, unsigned from, uint8_t *data, size_t size, uint64_t now_ms);
/* Finds the next worker, from *to on, that bytes wait for. Call it in a loop once per turn, with *to = 0 first and
 * *to + 1 after each batch. Returns false when nothing more waits. What the bus does not take stays here; links towards
 * that worker then queue within their windows. */
bool pl_relay_next_bus_batch(pl_relay *relay, unsigned *to, pl_view *batch) PL_MUST_USE;
/* The bus took n bytes of the batch for this worker. */
void pl_relay_bus_sent(pl_relay *relay, unsigned to, size_t n, uint64_t now_ms);
/* Something between this worker and that one was lost: the links between them end, and each tells the other of all its
 * sockets again. It is enough when one of the two workers calls this, and it does no harm when both do. */
void pl_relay_bus_lost(pl_relay *relay, unsigned worker);

/* ---- output ------------------------------------------------------------------------------------------------------ */
/* Returns the next connection that has something to write or a wish, or NULL. Each is returned once until it changes
 * again. */
pl_relay_conn *pl_relay_next_dirty(pl_relay *relay) PL_MUST_USE;
/* Gives the bytes to write, which are valid until the next call on this relay. Returns false when there are none. */
bool pl_relay_conn_output(pl_relay_conn *conn, pl_view *out) PL_MUST_USE;
/* The socket took n bytes of the output. */
void pl_relay_conn_sent(pl_relay_conn *conn, size_t n, uint64_t now_ms);
typedef enum pl_relay_conn_wish {
  PL_RELAY_WISH_NONE,
  PL_RELAY_WISH_FINISH, /* once all output is taken: shut down writing, and close when the other side has */
  PL_RELAY_WISH_ABORT   /* close now */
} pl_relay_conn_wish;
pl_relay_conn_wish pl_relay_conn_get_wish(const pl_relay_conn *conn);
void *pl_relay_conn_shell(const pl_relay_conn *conn);
/* Returns the connection's number for the log; the first one is 1. */
uint64_t pl_relay_conn_number(const pl_relay_conn *conn);

#endif
