/* libpairlink: end-to-end encrypted sessions between peers that find each other by ID at a relay.
 *
 * How a program uses it: fill in pairlink_options and call pairlink_new. Then either call pairlink_run, which blocks,
 * or poll pairlink_fd in your own loop and call pairlink_dispatch whenever it is readable. Everything that happens is
 * reported as an event to one callback, which is only ever called from inside pairlink_dispatch or pairlink_run.
 *
 * Conventions, unless a function says otherwise:
 *   results   0 or a negative PAIRLINK_E… number; pairlink_error_text and pairlink_error_hint put it into words
 *   strings   UTF-8 with a terminating NUL; arguments are borrowed for the call and copied if they are kept
 *   IDs       text of PAIRLINK_ID_CHARS characters; upper case is accepted
 *   times     whole milliseconds (…_ms) or seconds (…_s)
 *   threads   one client is used by one thread at a time; different clients may be used by different threads.
 *             Only pairlink_wakeup may be called from any thread at any time
 *   fork      a client belongs to the process that created it. In a forked child, pairlink_free and the getters work;
 *             every other function does nothing and, if it returns a result, returns PAIRLINK_ESTATE. A child that
 *             does not call exec should call pairlink_free. Fork only while no other thread is inside this library
 *   callbacks may call every function of this header except pairlink_dispatch and pairlink_run
 *   memory    a call that returns PAIRLINK_ENOMEM either changed nothing and can be tried again, or the client failed
 *
 * A client fails when memory runs out and it can no longer report an event or continue at all. It cannot recover,
 * because an event that was not reported cannot be reported later. pairlink_dispatch delivers the events from before
 * the failure and then returns PAIRLINK_ENOMEM. From then on there are no more events, not even STOPPED or CLOSED;
 * every function that acts returns the same error; and pairlink_fd stays readable. The client sends nothing more, so no
 * peer is told that a message was taken which never reached this side's callback; peers see a lost connection. The
 * getters still work, and pairlink_free is all that remains to be called.
 *
 * The library never touches the terminal, installs no signal handler and writes to no standard stream. */
#ifndef PAIRLINK_H
#define PAIRLINK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PAIRLINK_API __attribute__((visibility("default")))
#define PAIRLINK_MUST_USE __attribute__((warn_unused_result))
#else
#define PAIRLINK_API
#define PAIRLINK_MUST_USE
#endif

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* The numbers never change their meaning. */
enum pairlink_error {
  PAIRLINK_OK = 0,
  PAIRLINK_EINVAL = -1,        /* an argument is wrong */
  PAIRLINK_ENOMEM = -2,        /* out of memory; see "memory" above */
  PAIRLINK_EAGAIN = -3,        /* not now: wait for PAIRLINK_EVENT_WRITABLE */
  PAIRLINK_EMSGSIZE = -4,      /* the message is larger than the peer accepts, or the result does not fit */
  PAIRLINK_ESTATE = -5,        /* not possible in this state */
  PAIRLINK_EPROTOCOL = -6,     /* the other side broke the protocol */
  PAIRLINK_EID = -7,           /* not a peer ID */
  PAIRLINK_ELINK = -8,         /* not an invite link, or one of another relay */
  PAIRLINK_EURL = -9,          /* not a relay address */
  PAIRLINK_EIDENTITY = -10,    /* the identity file cannot be used; a log line says why */
  PAIRLINK_ECRYPTO = -11,      /* a proof or a seal is wrong */
  PAIRLINK_ERELAYKEY = -12,    /* the relay shows a different key than before; nothing was sent */
  PAIRLINK_EREFUSED = -13,     /* refused */
  PAIRLINK_EUNAVAILABLE = -14, /* the peer is not there, or does not answer */
  PAIRLINK_ELOST = -15,        /* the peer lost its state */
  PAIRLINK_ETIMEDOUT = -16,    /* no answer in time */
  PAIRLINK_ECLOSED = -17,      /* closed by the other side */
  PAIRLINK_ENETWORK = -18,     /* the relay cannot be reached */
  PAIRLINK_ETLS = -19,         /* the relay's certificate is not valid for its name */
  PAIRLINK_EDENIED = -20,      /* the relay does not admit this ID */
  PAIRLINK_EIO = -21,          /* reading or writing a file failed */
  PAIRLINK_ESYSTEM = -22,      /* a system call failed */
  PAIRLINK_ECODE = -23,        /* not a pairing code */
  PAIRLINK_ENOCODE = -24,      /* there is no such pairing code, or no longer */
  PAIRLINK_EWRONGCODE = -25,   /* the pairing code was wrong and is now used up */
  PAIRLINK_EBUSY = -26,        /* someone else is trying this pairing code right now */
  PAIRLINK_ESTORE = -27        /* the relay cannot store new IDs right now, and this ID is new to it */
};

/* Return what happened and what to do about it, one line each, without a final period or line feed. The hint is "" when
 * there is nothing to add. The strings are static. Any thread. */
PAIRLINK_API const char *pairlink_error_text(int error);
PAIRLINK_API const char *pairlink_error_hint(int error);

/* Why a link or session ended, as the sides tell each other. For reasons below 0x100, trying again may help. */
enum pairlink_reason {
  PAIRLINK_REASON_CLOSED = 0x001,
  PAIRLINK_REASON_GONE = 0x002,
  PAIRLINK_REASON_UNAVAILABLE = 0x003,
  PAIRLINK_REASON_REPLACED = 0x004,
  PAIRLINK_REASON_CROSSED = 0x005,
  PAIRLINK_REASON_DRAINING = 0x006,
  PAIRLINK_REASON_NODE_LOST = 0x007,
  PAIRLINK_REASON_OVERFLOW = 0x008,
  PAIRLINK_REASON_RATE = 0x009,
  PAIRLINK_REASON_SUPERSEDED = 0x00a,
  PAIRLINK_REASON_TIMEOUT = 0x00b,
  PAIRLINK_REASON_FULL = 0x00c,
  PAIRLINK_REASON_CORRUPT = 0x00d,
  PAIRLINK_REASON_BUSY = 0x00e,
  PAIRLINK_REASON_STORE = 0x00f,
  PAIRLINK_REASON_REFUSED = 0x101,
  PAIRLINK_REASON_PROTOCOL = 0x102,
  PAIRLINK_REASON_UNSUPPORTED = 0x103,
  PAIRLINK_REASON_REVOKED = 0x104,
  PAIRLINK_REASON_DENIED = 0x105,
  PAIRLINK_REASON_LOGIN_FAILED = 0x106,
  PAIRLINK_REASON_ORIGIN = 0x107,
  PAIRLINK_REASON_NO_CODE = 0x108,
  PAIRLINK_REASON_WRONG_CODE = 0x109
};

/* Returns the reason in words, as a static string. Any thread. */
PAIRLINK_API const char *pairlink_reason_text(int reason);

/* Returns the version of the library that is running, such as "0.1.0". Any thread. */
PAIRLINK_API const char *pairlink_version(void);

/* ---- sizes and limits -------------------------------------------------------------------------------------------- */

enum {
  PAIRLINK_ID_CHARS = 54,         /* characters of an ID, without the NUL */
  PAIRLINK_URL_MAX = 512,         /* bytes of the longest relay address, with the NUL */
  PAIRLINK_INVITE_LINK_MAX = 640, /* bytes of the longest invite link, with the NUL */
  PAIRLINK_CODE_MAX = 64,         /* bytes of the longest pairing code, with the NUL */
  PAIRLINK_PHRASE_MAX = 256,      /* bytes of the longest safety phrase, with the NUL */
  PAIRLINK_WORD_COUNT = 2048,     /* words that pairing codes and safety phrases are made of */
  PAIRLINK_CHANNELS_MAX = 255     /* channels of a session; their numbers are 0 to 254 */
};

#define PAIRLINK_NEVER ((int64_t)-1)

typedef struct pairlink pairlink;                 /* a client: one identity at one relay */
typedef struct pairlink_session pairlink_session; /* a conversation with one peer; outlives lost connections */

/* ---- events ------------------------------------------------------------------------------------------------------ */

/* Each entry lists the fields of pairlink_event that are filled in; with session, peer is always filled in too. */
typedef enum pairlink_event_type {
  /* This side has logged in at the relay. Fields: peer (the relay's ID). */
  PAIRLINK_EVENT_ONLINE = 1,
  /* This side is not logged in, or no longer. Fields: error, reason, text, retry_ms. */
  PAIRLINK_EVENT_OFFLINE = 2,
  /* A stranger asks for a session. Answer now or later with pairlink_allow, _deny, _refuse or _block. Fields:
   * peer, text (the name that the stranger gives itself). */
  PAIRLINK_EVENT_KNOCK = 3,
  /* A peer has opened a session. Fields: session, text (the peer's application). */
  PAIRLINK_EVENT_SESSION = 4,
  /* A session is connected, for the first time or again. Fields: session, text (the peer's application). */
  PAIRLINK_EVENT_LINKED = 5,
  /* A session has lost its connection; its state is kept. Comes once more with PAIRLINK_REASON_REFUSED each time the
   * peer turns away the session's call: whether it lets this side in, a new session finds out (close this one first).
   * Fields: session, reason, retry_ms (PAIRLINK_NEVER when it waits for the peer). */
  PAIRLINK_EVENT_UNLINKED = 6,
  /* One whole message has arrived. Fields: session, channel, data, size, place (where the message ends). */
  PAIRLINK_EVENT_MESSAGE = 7,
  /* One whole message of pairlink_send_volatile has arrived. Fields: session, channel, data, size. */
  PAIRLINK_EVENT_VOLATILE = 8,
  /* The peer sends nothing more on a channel. Fields: session, channel, place. */
  PAIRLINK_EVENT_END = 9,
  /* Sending is possible again after PAIRLINK_EAGAIN. Fields: session, channel. */
  PAIRLINK_EVENT_WRITABLE = 10,
  /* The peer's application has taken everything up to a place. Fields: session, channel, place. */
  PAIRLINK_EVENT_DELIVERED = 11,
  /* The peer gave up sending on a channel. Fields: session, channel, reason. */
  PAIRLINK_EVENT_CHANNEL_RESET = 12,
  /* A message that was sent may not have arrived. Comes before STREAM_RESET or CLOSED, once for each such message.
   * Fields: session, channel, place (where the message ended). */
  PAIRLINK_EVENT_LOST = 13,
  /* The peer lost its state, so all channels of the session start again at place 0. Fields: session. */
  PAIRLINK_EVENT_STREAM_RESET = 14,
  /* A session has ended; its pointer is valid until this callback returns. Fields: session, error, reason, text. */
  PAIRLINK_EVENT_CLOSED = 15,
  /* A peer has used an invite. Fields: peer, data (the 16-byte secret in the invite link), size. */
  PAIRLINK_EVENT_INVITE_USED = 16,
  /* pairlink_wakeup was called at least once. */
  PAIRLINK_EVENT_WAKEUP = 17,
  /* Everything is closed after pairlink_stop. */
  PAIRLINK_EVENT_STOPPED = 18,
  /* A pairing code is ready. Comes again after each login; a different text then replaces the earlier one. Fields:
   * code, text (what to tell the other person), valid_ms. */
  PAIRLINK_EVENT_CODE = 19,
  /* A second person tried a pairing code while the first was still trying it, and was turned away. Fields: code. */
  PAIRLINK_EVENT_CODE_BUSY = 20,
  /* A pairing code is over and has succeeded; the peer is allowed from now on. Fields: code, peer, text (the name that
   * the peer gives itself); session on the side that created the code; on the other side a SESSION event follows. */
  PAIRLINK_EVENT_PAIRED = 21,
  /* A pairing code is over without success. Fields: code, error (PAIRLINK_EWRONGCODE, PAIRLINK_ENOCODE, PAIRLINK_EBUSY,
   * PAIRLINK_ETIMEDOUT …), reason. */
  PAIRLINK_EVENT_CODE_ENDED = 22,
  /* Nothing comes from the relay, which may be hung or cut off. Until ALIVE or OFFLINE no peer is known to be absent:
   * an UNLINKED that follows may be the relay's fault. No fields. */
  PAIRLINK_EVENT_CHECKING = 23,
  /* The relay was heard again after CHECKING. No fields. */
  PAIRLINK_EVENT_ALIVE = 24
} pairlink_event_type;

/* What the callback receives. Fields that the type does not name are 0, NULL, "" (peer and text) or PAIRLINK_NEVER
 * (retry_ms). Pointers are valid until the callback returns, except session, which stays valid until
 * PAIRLINK_EVENT_CLOSED. */
typedef struct pairlink_event {
  pairlink_event_type type;
  int error;  /* 0 or PAIRLINK_E… */
  int reason; /* 0 or PAIRLINK_REASON_… */
  unsigned channel;
  unsigned code; /* number from pairlink_code_new or pairlink_code_claim */
  pairlink_session *session;
  const char *peer; /* ID */
  const char *text; /* often written by the other side, so never trust it; may hold any bytes except NUL */
  const void *data;
  size_t size;      /* bytes of data */
  uint64_t place;   /* position in the channel: each byte, each end of a message and the channel's end counts as 1 */
  int64_t retry_ms; /* from now until the next attempt, or PAIRLINK_NEVER */
  int64_t valid_ms; /* from now until a pairing code expires */
} pairlink_event;

/* Receives every event; user is the one in the options. */
typedef void pairlink_callback(pairlink *p, const pairlink_event *event, void *user);

typedef enum pairlink_log_level {
  PAIRLINK_LOG_ERROR = 0,
  PAIRLINK_LOG_WARNING = 1,
  PAIRLINK_LOG_INFO = 2
} pairlink_log_level;

/* Receives one log line without a line feed; it never holds messages or keys. May be called from inside any function of
 * this header. */
typedef void pairlink_log_callback(pairlink_log_level level, const char *line, void *user);

/* ---- creating and freeing a client ------------------------------------------------------------------------------- */

typedef struct pairlink_options {
  size_t size;               /* set by pairlink_options_init, so that this struct can grow in later versions */
  const char *relay;         /* address of the relay or its page (ws, wss, http, https), or an invite link; required */
  const char *relay_id;      /* the ID to expect, or an invite link with it; NULL: the pinned ID, or the first seen */
  const char *identity_file; /* NULL: $XDG_CONFIG_HOME/pairlink/identity; created with mode 0600 if missing */
  const char *relays_file;   /* where relay IDs are pinned; NULL: $XDG_STATE_HOME/pairlink/known_relays */
  const char *ca_file;       /* PEM certificates to trust instead of the system's, or NULL */
  const char *token;         /* access token for a relay that admits by invitation, or NULL; it is never sent */
  const char *application;   /* what the channels carry, at most 32 bytes; default "pipe/1" */
  const char *name;          /* what this side calls itself, at most 64 bytes, or NULL */
  int listen;                /* 1: peers may open sessions to this ID; default 0: only this side opens them */
  int accept_all;            /* 1: accept every stranger; default 0: ask with PAIRLINK_EVENT_KNOCK */
  int manual_take;           /* 1: pairlink_take marks messages as taken; default 0: the callback's return does */
  int no_proxy;              /* 1: ignore https_proxy, http_proxy and all_proxy in the environment */
  uint32_t message_max;      /* bytes of the largest message accepted; 0: 262,144 */
  uint32_t channel_window;   /* bytes that may wait here per channel, at least message_max + 1; 0: 1 MiB */
  uint64_t session_window;   /* the same for all channels of a session together; 0: 8 MiB */
  uint32_t session_timeout_ms; /* a session that is unlinked for this long ends; 0: one hour */
  uint32_t sessions_max;       /* how many sessions may exist at the same time, at most 65,535; 0: 1,024 */
  pairlink_callback *callback; /* receives the events; required */
  pairlink_log_callback *log;  /* receives log lines, or NULL */
  void *user;                  /* passed to both callbacks */
} pairlink_options;

/* Fills in the defaults. Always call this first. Any thread. */
PAIRLINK_API void pairlink_options_init(pairlink_options *options);

/* Creates a client from the options, which are copied. Reads the identity, or creates it. Does not connect yet: the
 * first pairlink_dispatch or pairlink_run does, and from then on the client reconnects on its own after every loss.
 * The caller owns *out and frees it with pairlink_free; it is NULL after an error.
 * Errors: EINVAL, EURL, ELINK, EID, EIDENTITY, ERELAYKEY (the invite link or relay_id contradicts the pinned ID), EIO,
 * ENOMEM, ESYSTEM. Any thread. */
PAIRLINK_API int pairlink_new(const pairlink_options *options, pairlink **out) PAIRLINK_MUST_USE;

/* Frees the client and its sessions immediately and drops unsent data; to close cleanly, call pairlink_stop first. p
 * may be NULL. Inside a callback it takes effect when that callback returns. No event follows. In a forked child it
 * frees the child's copy and leaves the parent's connection alone. */
PAIRLINK_API void pairlink_free(pairlink *p);

/* Return: the options' user pointer; this side's ID; the relay's ID, or NULL while it is unknown; the relay's address
 * in normalised form. The strings are valid until pairlink_free. */
PAIRLINK_API void *pairlink_user(const pairlink *p);
PAIRLINK_API const char *pairlink_id(const pairlink *p);
PAIRLINK_API const char *pairlink_relay_id(const pairlink *p);
PAIRLINK_API const char *pairlink_relay_url(const pairlink *p);

/* Returns 1 from PAIRLINK_EVENT_CHECKING to PAIRLINK_EVENT_ALIVE or PAIRLINK_EVENT_OFFLINE, otherwise 0. */
PAIRLINK_API int pairlink_is_checking(const pairlink *p);

/* Reads the identity in a file (NULL: the default one), or creates it, and writes its ID into id; no client is needed.
 * After an error, why (may be NULL) holds one line on what is wrong, at most why_size bytes with the NUL. Errors:
 * EINVAL, EIDENTITY, EIO, ESYSTEM, ENOMEM. Any thread. */
PAIRLINK_API int pairlink_identity_read(const char *identity_file, char id[PAIRLINK_ID_CHARS + 1], char *why,
                                        size_t why_size) PAIRLINK_MUST_USE;

/* Forgets the ID that is pinned for a relay address; for use after the relay's owner confirmed that it was set up again
 * with a new key. relays_file as in the options. Returns 1 when an ID was forgotten, 0 when none was pinned. Errors:
 * EURL, EIO, ENOMEM. Any thread. */
PAIRLINK_API int pairlink_relay_forget(const char *relay, const char *relays_file) PAIRLINK_MUST_USE;

/* ---- running a client -------------------------------------------------------------------------------------------- */

/* Returns a descriptor that is readable (POLLIN) whenever pairlink_dispatch has something to do, timers included. A
 * host polls only this, without a timeout, in any kind of loop. The client owns it: never read, write or close it. */
PAIRLINK_API int pairlink_fd(const pairlink *p);

/* Does what is due, calling back as needed, and never waits. Harmless at any time.
 * Returns 0, ESTATE when called inside a callback, or the error of a client that has failed. After such an error stop
 * polling, or the loop spins, and call pairlink_free. */
PAIRLINK_API int pairlink_dispatch(pairlink *p);

/* Dispatches in a loop. Returns 0 after pairlink_stop has closed everything or a callback freed the client; the error
 * of PAIRLINK_EVENT_OFFLINE when the client went offline for good; the error of a client that has failed; or ESTATE or
 * ESYSTEM. */
PAIRLINK_API int pairlink_run(pairlink *p);

/* Closes all sessions and the connection cleanly. This continues in pairlink_dispatch until PAIRLINK_EVENT_STOPPED, for
 * at most 10 s. What peers have not taken by then is lost; where that matters, finish the channels and wait for
 * DELIVERED first. If the client fails there is no STOPPED, and pairlink_dispatch returns the error. */
PAIRLINK_API int pairlink_stop(pairlink *p);

/* Causes a PAIRLINK_EVENT_WAKEUP in the thread that dispatches. May be called from any thread and from signal handlers;
 * the caller must make sure that p still exists. */
PAIRLINK_API void pairlink_wakeup(pairlink *p);

/* Tells the client that the network is back, which a host may know from its system: the client tries again now instead
 * of waiting for the next retry, also when there would be none because the relay has refused this client. */
PAIRLINK_API int pairlink_network_up(pairlink *p);

/* ---- peers ------------------------------------------------------------------------------------------------------- */

/* Opens a session with a peer, given by ID or by an invite link of this relay. The peer need not be online: LINKED says
 * when it is connected. Further calls for the same peer return the same session. *out is borrowed, valid until
 * PAIRLINK_EVENT_CLOSED, and NULL after an error. Errors: EID, ELINK (also for a link of another relay; while the
 * relay's ID is unknown, that is reported as CLOSED before anything is sent), EINVAL, ESTATE (stopping), ENOMEM (also
 * when sessions_max is reached). */
PAIRLINK_API int pairlink_connect(pairlink *p, const char *id_or_link, pairlink_session **out) PAIRLINK_MUST_USE;

/* Decide about an ID, as the answer to its knock or in advance. The latest decision holds, for the life of this client:
 * a program that wants to keep its decisions repeats them at its next start, before it runs the client.
 *
 * - allow accepts the ID from now on.
 * - deny ignores it: its calls get no answer, as if nobody were here, and cause no KNOCK.
 * - refuse tells it that it is not accepted: its calls end with EREFUSED, and cause no KNOCK. For someone who was let
 * in before and need not be kept waiting, such as a deleted contact: it learns that this client is running.
 * - block is deny, and the relay drops its calls. A later deny or refuse leaves it blocked.
 * - forget takes a decision back, and forgets a KNOCK that had no answer: the next call of the ID is a KNOCK, unless it
 * comes with an invite. One that the ID has used lets it in again.
 *
 * deny, refuse and block also end an invite that the ID has claimed. A call that waits meanwhile is not accepted by a
 * later allow; the peer's next call is. An invite that is valid lets the ID in all the same, unless it is blocked. A
 * pairing code that this client made or claimed decides again: it allows the ID, even a blocked one. Of those that are
 * ignored or refused the client keeps the last 1,024. Sessions that are open stay open. Errors: EINVAL, EID, ENOMEM. */
PAIRLINK_API int pairlink_allow(pairlink *p, const char *id);
PAIRLINK_API int pairlink_deny(pairlink *p, const char *id);
PAIRLINK_API int pairlink_refuse(pairlink *p, const char *id);
PAIRLINK_API int pairlink_block(pairlink *p, const char *id);
PAIRLINK_API int pairlink_forget(pairlink *p, const char *id);

/* Creates an invite: the first peer that uses the link within valid_s seconds is accepted without a knock, and the
 * invite then works for that peer only. Writes the link, at most size bytes with the NUL (PAIRLINK_INVITE_LINK_MAX is
 * enough). Requires listen = 1 in the options. Errors: EINVAL, ESTATE (the relay's ID is still unknown), EURL (the
 * relay lies below the root of its host, where links cannot lead), EMSGSIZE, EAGAIN (too many invites), ENOMEM. */
PAIRLINK_API int pairlink_invite_new(pairlink *p, uint32_t valid_s, char *link, size_t size) PAIRLINK_MUST_USE;

/* Revokes an invite of this ID. Whoever opens its link from now on is refused (EREFUSED), like one who comes after it
 * was used or has expired. A client knows the invites that it made. A program that keeps its links revokes those that
 * are over at its next start, at least those of the last 30 days; of all that are over the client keeps up to 1,024.
 * Errors: ELINK, EINVAL (a link of another ID), EAGAIN (too many open invites), ENOMEM. */
PAIRLINK_API int pairlink_invite_revoke(pairlink *p, const char *link);

/* Creates a pairing code such as "4821-copper-violin": the person who types it is joined with this side, and each side
 * knows the other's ID for certain. The event CODE brings the text once the relay is reached; PAIRED or CODE_ENDED
 * follows. A code works once and allows one guess. valid_s: at most 600; 0: 600. *code is the code's number in this
 * client's events, never 0. Errors: EINVAL, EAGAIN (eight codes exist already), ESTATE (stopping), ENOMEM. */
PAIRLINK_API int pairlink_code_new(pairlink *p, uint32_t valid_s, unsigned *code) PAIRLINK_MUST_USE;

/* Uses a pairing code that another person told; PAIRED or CODE_ENDED follows. *code as above. Errors: ECODE (not a
 * code, or a word that is not in the list; the code was not used up), EINVAL (also for a code of this client itself),
 * EAGAIN, ESTATE, ENOMEM. */
PAIRLINK_API int pairlink_code_claim(pairlink *p, const char *text, unsigned *code) PAIRLINK_MUST_USE;

/* Ends a pairing code of either kind, without an event. A code that is already over is fine. */
PAIRLINK_API int pairlink_code_cancel(pairlink *p, unsigned code);

/* Returns word n of PAIRLINK_WORD_COUNT in alphabetical order, for completion while typing, or NULL beyond the last.
 * The string is static. Any thread. */
PAIRLINK_API const char *pairlink_word(unsigned n);

/* Writes the safety phrase of two IDs, which is the same in either order: twelve words with spaces between, at most
 * PAIRLINK_PHRASE_MAX bytes with the NUL. Takes some milliseconds. Errors: EINVAL, EID, EMSGSIZE. Any thread. */
PAIRLINK_API int pairlink_safety_phrase(const char *id, const char *other_id, char *phrase,
                                        size_t size) PAIRLINK_MUST_USE;

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* Sends one message on channel 0, all of it or nothing; the data is copied. The message arrives once and in order, no
 * matter how often the connection is lost. Before the first LINKED it waits within the window. Errors: EINVAL, EAGAIN
 * (the window is full; a WRITABLE event follows), EMSGSIZE, ESTATE (finished or closed), ENOMEM. */
PAIRLINK_API int pairlink_send(pairlink_session *s, const void *data, size_t size) PAIRLINK_MUST_USE;

/* Like pairlink_send, on any channel. *place (may be NULL) is where the message ends: a DELIVERED event with at least
 * that place says that the peer's application took it. */
PAIRLINK_API int pairlink_send_channel(pairlink_session *s, unsigned channel, const void *data, size_t size,
                                       uint64_t *place) PAIRLINK_MUST_USE;

/* Sends a message of at most 32 KiB that may be dropped and may overtake others; for positions, cursors or typing
 * indicators. Errors: EINVAL, EMSGSIZE, EAGAIN (not linked; no WRITABLE follows), ESTATE, ENOMEM. */
PAIRLINK_API int pairlink_send_volatile(pairlink_session *s, unsigned channel, const void *data, size_t size);

/* Ends this side's direction of a channel after what was already sent; the peer can still send. *place (may be NULL) is
 * where the channel ends. Errors: EINVAL, ESTATE (already finished, or closed), ENOMEM. */
PAIRLINK_API int pairlink_finish(pairlink_session *s, unsigned channel, uint64_t *place);

/* With manual_take: says that the application has used everything on the channel up to place, the place of a MESSAGE or
 * END event, so the peer may send more. Errors: EINVAL, ESTATE. */
PAIRLINK_API int pairlink_take(pairlink_session *s, unsigned channel, uint64_t place);

/* Sets the priority of this side's direction of a channel: 0 is the most urgent, 7 the least; the default is 4. Errors:
 * EINVAL, ESTATE, ENOMEM. */
PAIRLINK_API int pairlink_set_priority(pairlink_session *s, unsigned channel, unsigned priority);

/* Gives up this side's direction of a channel and drops what the peer has not received yet; the peer gets a
 * CHANNEL_RESET event with the reason. Errors: EINVAL, ESTATE (nothing is left to give up, or closed), ENOMEM. */
PAIRLINK_API int pairlink_reset_channel(pairlink_session *s, unsigned channel, int reason);

/* Ends the session on both sides. The reason (0: PAIRLINK_REASON_CLOSED) and text (NULL, or at most 123 bytes) are sent
 * to the peer. Nothing more can be sent; s stays valid until PAIRLINK_EVENT_CLOSED, which always follows. Errors:
 * EINVAL, ESTATE (already closed), ENOMEM. */
PAIRLINK_API int pairlink_close(pairlink_session *s, int reason, const char *text);

/* Getters of a session; the strings are valid until PAIRLINK_EVENT_CLOSED has returned. */
PAIRLINK_API pairlink *pairlink_session_client(const pairlink_session *s);
PAIRLINK_API const char *pairlink_session_peer(const pairlink_session *s);        /* the peer's ID */
PAIRLINK_API const char *pairlink_session_application(const pairlink_session *s); /* the peer's; "" until LINKED */
PAIRLINK_API const char *pairlink_session_name(const pairlink_session *s);        /* the peer's for itself: untrusted */
/* Returns the size in bytes of the largest message that can be sent: the smaller limit of the two sides; before the
 * first LINKED, this side's limit. */
PAIRLINK_API uint32_t pairlink_session_message_max(const pairlink_session *s);
PAIRLINK_API int pairlink_session_is_linked(const pairlink_session *s);   /* 1: connected at this moment */
PAIRLINK_API int pairlink_session_is_incoming(const pairlink_session *s); /* 1: the peer opened it */
PAIRLINK_API void pairlink_session_set_user(pairlink_session *s, void *user);
PAIRLINK_API void *pairlink_session_user(const pairlink_session *s);

#ifdef __cplusplus
}
#endif

#endif
